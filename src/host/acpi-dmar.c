/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/acpi-dmar.h"

#include <inttypes.h>

#include "host/acpi-table.h"

/* Sections are those of the VT-d specification, revision 4.1. */
#define HEADER_SIZE 48U /* 8.1 */
#define SCOPE_SIZE 6U   /* 8.3.1, without hops of two bytes each */
#define PAGE 4096U

#define DRHD_INCLUDE_PCI_ALL 1 /* 8.3, Flags */

/* Each type: its name, the bytes before its scopes, whether it has any. 8.3 to 8.9. */
static const struct {
	const char *name;
	size_t size;
	bool scopes;
} kinds[] = {
	[DMAR_DRHD] = { "DRHD", 16, true },  [DMAR_RMRR] = { "RMRR", 24, true }, [DMAR_ATSR] = { "ATSR", 8, true },
	[DMAR_RHSA] = { "RHSA", 20, false }, [DMAR_ANDD] = { "ANDD", 8, false }, [DMAR_SATC] = { "SATC", 8, true },
	[DMAR_SIDP] = { "SIDP", 8, true },
};

const char *dmar_kind_name(enum dmar_kind kind)
{
	return (size_t)kind < ARRAY_SIZE(kinds) ? kinds[kind].name : "unknown";
}

struct parsing {
	struct arena *arena;
	struct dmar *dmar;
	size_t room;
};

static size_t count_scopes(struct slice rest)
{
	size_t count = 0;
	while (rest.length >= SCOPE_SIZE) {
		size_t length = (uint8_t)rest.start[1];
		if (length < SCOPE_SIZE || length > rest.length)
			break;
		count++;
		rest.start += length;
		rest.length -= length;
	}
	return count;
}

static void read_scopes(struct parsing *parsing, struct dmar_structure *structure, size_t number, struct slice rest)
{
	const char *name = kinds[structure->kind].name;
	size_t count = count_scopes(rest);
	structure->scopes = arena_alloc_array(parsing->arena, count + 1, sizeof(*structure->scopes));
	for (; structure->scope_count < count; structure->scope_count++) {
		const uint8_t *at = (const uint8_t *)rest.start;
		size_t hops = (at[1] - SCOPE_SIZE) / 2;
		structure->scopes[structure->scope_count] = (struct dmar_scope){
			.type = at[0], .enumeration_id = at[4], .start_bus = at[5], .path = at + 6, .hops = hops
		};
		if (hops == 0 || at[1] % 2)
			acpi_problem(&parsing->dmar->problems,
				     "structure %zu (%s): device scope %zu has %u bytes, which is no whole path",
				     number, name, structure->scope_count, at[1]);
		rest.start += at[1];
		rest.length -= at[1];
	}
	if (rest.length)
		acpi_problem(&parsing->dmar->problems, "structure %zu (%s): the last %zu bytes are no device scope",
			     number, name, rest.length);
}

static const char *read_name(struct parsing *parsing, struct slice text)
{
	size_t length = strnlen(text.start, text.length);
	char *name = arena_alloc(parsing->arena, length + 1);
	acpi_copy_text(name, (const uint8_t *)text.start, length);
	return name;
}

static void read_fields(struct parsing *parsing, struct dmar_structure *structure, struct slice bytes)
{
	const uint8_t *at = (const uint8_t *)bytes.start;
	switch (structure->kind) {
	case DMAR_DRHD:
		structure->flags = at[4];
		structure->segment = acpi_u16(at + 6);
		structure->base = acpi_u64(at + 8);
		break;
	case DMAR_RMRR:
		structure->segment = acpi_u16(at + 6);
		structure->base = acpi_u64(at + 8);
		structure->limit = acpi_u64(at + 16);
		break;
	case DMAR_ATSR:
	case DMAR_SATC:
		structure->flags = at[4];
		structure->segment = acpi_u16(at + 6);
		break;
	case DMAR_SIDP:
		structure->segment = acpi_u16(at + 6);
		break;
	case DMAR_RHSA:
		structure->base = acpi_u64(at + 8);
		structure->proximity = acpi_u32(at + 16);
		break;
	case DMAR_ANDD:
		structure->acpi_device = at[7];
		structure->name = read_name(parsing, (struct slice){ bytes.start + 8, bytes.length - 8 });
		break;
	}
}

static void read_structure(struct parsing *parsing, unsigned int type, size_t number, struct slice bytes)
{
	struct dmar *dmar = parsing->dmar;
	if (type >= ARRAY_SIZE(kinds)) {
		dmar->unknown++;
		return;
	}
	if (bytes.length < kinds[type].size) {
		acpi_problem(&dmar->problems, "structure %zu (%s): %zu bytes, and needs %zu; left out", number,
			     kinds[type].name, bytes.length, kinds[type].size);
		return;
	}
	if (dmar->count == parsing->room) {
		parsing->room = parsing->room ? parsing->room * 2 : 16;
		dmar->structures = arena_grow(parsing->arena, dmar->structures, dmar->count, parsing->room,
					      sizeof(*dmar->structures));
	}
	struct dmar_structure *structure = &dmar->structures[dmar->count++];
	*structure = (struct dmar_structure){ .kind = (enum dmar_kind)type };
	read_fields(parsing, structure, bytes);
	size_t size = kinds[type].size;
	if (kinds[type].scopes)
		read_scopes(parsing, structure, number, (struct slice){ bytes.start + size, bytes.length - size });
}

static void read_structures(struct parsing *parsing, struct slice rest)
{
	for (size_t number = 0; rest.length; number++) {
		const uint8_t *at = (const uint8_t *)rest.start;
		size_t length = rest.length < 4 ? 0 : acpi_u16(at + 2);
		if (length < 4 || length > rest.length) {
			acpi_problem(
				&parsing->dmar->problems,
				"structure %zu says that it has %zu bytes, of %zu that are left; the rest is not read",
				number, length, rest.length);
			return;
		}
		read_structure(parsing, acpi_u16(at), number, (struct slice){ rest.start, length });
		rest.start += length;
		rest.length -= length;
	}
}

/*
 * The kernel refuses a unit at address 0, and warns of it (dmar_parse_one_drhd(), alloc_iommu()); a region whose end is
 * before its start is "bad RMRR" (rmrr_sanity_check() in drivers/iommu/intel/iommu.c).
 */
static void check_structure(struct dmar *dmar, const struct dmar_structure *structure)
{
	if (structure->kind == DMAR_DRHD && (structure->base == 0 || structure->base % PAGE))
		acpi_problem(&dmar->problems, "a unit (DRHD) has its registers at %#" PRIx64 ", which cannot be",
			     structure->base);
	if (structure->kind != DMAR_RMRR)
		return;
	if (structure->limit <= structure->base || structure->base % PAGE || (structure->limit + 1) % PAGE)
		acpi_problem(&dmar->problems,
			     "a reserved region (RMRR) goes from %#" PRIx64 " to %#" PRIx64
			     ", which are no whole pages",
			     structure->base, structure->limit);
	if (structure->scope_count == 0)
		acpi_problem(&dmar->problems, "the reserved region (RMRR) at %#" PRIx64 " names no device",
			     structure->base);
}

/* 8.3: the unit that takes all the rest of a segment stands behind the others of that segment. */
static void check_order(struct dmar *dmar)
{
	uint8_t *taken = arena_alloc(dmar->problems.arena, UINT16_MAX + 1);
	size_t units = 0;
	for (size_t i = 0; i < dmar->count; i++) {
		const struct dmar_structure *unit = &dmar->structures[i];
		if (unit->kind != DMAR_DRHD)
			continue;
		units++;
		if (taken[unit->segment])
			acpi_problem(&dmar->problems,
				     "the unit at %#" PRIx64 " stands behind the one that takes all other devices of "
				     "segment %u",
				     unit->base, unit->segment);
		if (unit->flags & DRHD_INCLUDE_PCI_ALL)
			taken[unit->segment] = 1;
	}
	if (units == 0)
		acpi_problem(&dmar->problems, "the table names no unit (DRHD)");
}

int dmar_parse(struct slice table, struct arena *arena, struct dmar *ret, struct error *error)
{
	struct dmar dmar = { .problems = { .arena = arena } };
	struct acpi_table header;
	int r = acpi_table_open(table, "DMAR", HEADER_SIZE, &dmar.problems, &header, error);
	if (r < 0)
		return r;
	struct parsing parsing = { .arena = arena, .dmar = &dmar };
	const uint8_t *bytes = (const uint8_t *)header.bytes.start;
	memcpy(dmar.oem_id, header.oem_id, sizeof(dmar.oem_id));
	memcpy(dmar.oem_table_id, header.oem_table_id, sizeof(dmar.oem_table_id));
	memcpy(dmar.creator_id, header.creator_id, sizeof(dmar.creator_id));
	dmar.revision = header.revision;
	dmar.checksum_ok = header.checksum_ok;
	/* 8.1: stored less one. parse_dmar_table() in drivers/iommu/intel/dmar.c refuses what is less than a page. */
	unsigned int width = bytes[36] + 1U;
	dmar.host_address_width = (uint8_t)width;
	dmar.flags = bytes[37];
	if (width < 13 || width > 64)
		acpi_problem(&dmar.problems, "the table gives a host address width of %u bits, which cannot be", width);
	read_structures(&parsing,
			(struct slice){ header.bytes.start + HEADER_SIZE, header.bytes.length - HEADER_SIZE });
	for (size_t i = 0; i < dmar.count; i++)
		check_structure(&dmar, &dmar.structures[i]);
	check_order(&dmar);
	*ret = dmar;
	return 0;
}

bool dmar_is_emulated(const struct dmar *dmar)
{
	return acpi_is_signed_by_qemu(dmar->oem_id, dmar->oem_table_id);
}
