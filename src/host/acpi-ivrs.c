/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/acpi-ivrs.h"

#include <inttypes.h>

#include "host/acpi-table.h"

/* Sections are those of AMD's specification 48882, revision 3.08. */
#define HEADER_SIZE 48U     /* 5.2.1 */
#define IVHD_SIZE_10 24U    /* 5.2.2.1, type 0x10 */
#define IVHD_SIZE_LATER 40U /* 5.2.2.2, types 0x11 and 0x40 */
#define IVMD_SIZE 32U       /* 5.2.2.8 */
#define PAGE 4096U

#define ENTRY_ACPI_DEVICE 0xf0
#define ENTRY_ACPI_DEVICE_SIZE 22U /* 5.2.2.5: and as many bytes as the last of them says */

struct parsing {
	struct arena *arena;
	struct ivrs *ivrs;
	size_t unit_room;
	size_t memory_room;
};

/* 5.2.2: the upper two bits of an entry's type give its length, but for what is new in blocks of type 0x40. */
static size_t entry_length(struct slice rest)
{
	const uint8_t *at = (const uint8_t *)rest.start;
	if (at[0] != ENTRY_ACPI_DEVICE)
		return (size_t)4 << (at[0] >> 6);
	return rest.length < ENTRY_ACPI_DEVICE_SIZE ? 0 : ENTRY_ACPI_DEVICE_SIZE + at[ENTRY_ACPI_DEVICE_SIZE - 1];
}

static struct ivhd_entry read_entry(const uint8_t *at)
{
	struct ivhd_entry entry = { .type = at[0], .id = acpi_u16(at + 1), .settings = at[3] };
	if (entry.type == 0x42 || entry.type == 0x43) {
		entry.other_id = acpi_u16(at + 5);
	} else if (entry.type == 0x48) {
		entry.handle = at[4];
		entry.id = acpi_u16(at + 5);
		entry.variety = at[7];
	}
	return entry;
}

static bool is_known_entry(uint8_t type)
{
	static const uint8_t known[] = { 0, 1, 2, 3, 4, 0x42, 0x43, 0x46, 0x47, 0x48, ENTRY_ACPI_DEVICE };
	return memchr(known, type, sizeof(known)) != NULL;
}

static void read_entries(struct parsing *parsing, struct ivhd *unit, size_t number, struct slice rest)
{
	size_t room = rest.length / 4 + 1;
	unit->entries = arena_alloc_array(parsing->arena, room, sizeof(*unit->entries));
	bool in_range = false;
	while (rest.length) {
		size_t length = rest.length < 4 ? 0 : entry_length(rest);
		if (length == 0 || length > rest.length) {
			acpi_problem(&parsing->ivrs->problems,
				     "block %zu: the last %zu bytes are no device entry; they are not read", number,
				     rest.length);
			break;
		}
		struct ivhd_entry entry = read_entry((const uint8_t *)rest.start);
		rest.start += length;
		rest.length -= length;
		if (!is_known_entry(entry.type)) {
			parsing->ivrs->unknown++;
			continue;
		}
		if (entry.type == 0) /* padding */
			continue;
		if ((entry.type == 4) != in_range)
			acpi_problem(&parsing->ivrs->problems,
				     in_range ? "block %zu: a range begins at id %#x and does not end" :
						"block %zu: a range ends at id %#x that did not begin",
				     number, in_range ? unit->entries[unit->count - 1].id : entry.id);
		in_range = entry.type == 3 || entry.type == 0x43 || entry.type == 0x47;
		unit->entries[unit->count++] = entry;
	}
	if (in_range)
		acpi_problem(&parsing->ivrs->problems, "block %zu: a range begins at id %#x and does not end", number,
			     unit->entries[unit->count - 1].id);
}

static void *grow(struct parsing *parsing, void *old, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return old;
	*room = *room ? *room * 2 : 8;
	return arena_grow(parsing->arena, old, count, *room, size);
}

static void read_unit(struct parsing *parsing, size_t number, struct slice bytes)
{
	struct ivrs *ivrs = parsing->ivrs;
	const uint8_t *at = (const uint8_t *)bytes.start;
	size_t size = at[0] == 0x10 ? IVHD_SIZE_10 : IVHD_SIZE_LATER;
	if (bytes.length < size) {
		acpi_problem(&ivrs->problems, "block %zu (type %#x): %zu bytes, and needs %zu; left out", number, at[0],
			     bytes.length, size);
		return;
	}
	ivrs->units = grow(parsing, ivrs->units, ivrs->unit_count, &parsing->unit_room, sizeof(*ivrs->units));
	struct ivhd *unit = &ivrs->units[ivrs->unit_count++];
	*unit = (struct ivhd){
		.type = at[0],
		.flags = at[1],
		.id = acpi_u16(at + 4),
		.base = acpi_u64(at + 8),
		.segment = acpi_u16(at + 16),
	};
	/* init_iommu_one() in drivers/iommu/amd/init.c asks for registers of 16 KiB and more. */
	if (unit->base == 0 || unit->base % PAGE)
		acpi_problem(&ivrs->problems, "block %zu: a unit has its registers at %#" PRIx64 ", which cannot be",
			     number, unit->base);
	read_entries(parsing, unit, number, (struct slice){ bytes.start + size, bytes.length - size });
}

static void read_memory(struct parsing *parsing, size_t number, struct slice bytes)
{
	struct ivrs *ivrs = parsing->ivrs;
	const uint8_t *at = (const uint8_t *)bytes.start;
	if (bytes.length < IVMD_SIZE) {
		acpi_problem(&ivrs->problems, "block %zu (type %#x): %zu bytes, and needs %u; left out", number, at[0],
			     bytes.length, IVMD_SIZE);
		return;
	}
	ivrs->memory = grow(parsing, ivrs->memory, ivrs->memory_count, &parsing->memory_room, sizeof(*ivrs->memory));
	struct ivmd *memory = &ivrs->memory[ivrs->memory_count++];
	*memory = (struct ivmd){
		.type = at[0],
		.flags = at[1],
		.first_id = at[0] == 0x20 ? 0 : acpi_u16(at + 4),
		.segment = acpi_u16(at +
				    8), /* reserved in the specification; the kernel reads it so (struct ivmd_header) */
		.start = acpi_u64(at + 16),
		.length = acpi_u64(at + 24),
	};
	memory->last_id = at[0] == 0x20 ? UINT16_MAX : at[0] == 0x22 ? acpi_u16(at + 6) : memory->first_id;
	if (memory->last_id < memory->first_id)
		acpi_problem(&ivrs->problems, "block %zu: memory for ids from %#x to %#x, which is no range", number,
			     memory->first_id, memory->last_id);
	if (memory->length == 0 || memory->start + memory->length - 1 < memory->start || memory->start % PAGE ||
	    memory->length % PAGE)
		acpi_problem(&ivrs->problems,
			     "block %zu: memory at %#" PRIx64 " of %#" PRIx64
			     " bytes, which is no range of whole pages",
			     number, memory->start, memory->length);
}

static void read_blocks(struct parsing *parsing, struct slice rest)
{
	for (size_t number = 0; rest.length; number++) {
		const uint8_t *at = (const uint8_t *)rest.start;
		size_t length = rest.length < 4 ? 0 : acpi_u16(at + 2);
		if (length < 4 || length > rest.length) {
			acpi_problem(&parsing->ivrs->problems,
				     "block %zu says that it has %zu bytes, of %zu that are left; the rest is not read",
				     number, length, rest.length);
			return;
		}
		struct slice bytes = { rest.start, length };
		if (at[0] == 0x10 || at[0] == 0x11 || at[0] == 0x40)
			read_unit(parsing, number, bytes);
		else if (at[0] >= 0x20 && at[0] <= 0x22)
			read_memory(parsing, number, bytes);
		else
			parsing->ivrs->unknown++;
		rest.start += length;
		rest.length -= length;
	}
}

int ivrs_parse(struct slice table, struct arena *arena, struct ivrs *ret, struct error *error)
{
	struct ivrs ivrs = { .problems = { .arena = arena } };
	struct acpi_table header;
	int r = acpi_table_open(table, "IVRS", HEADER_SIZE, &ivrs.problems, &header, error);
	if (r < 0)
		return r;
	struct parsing parsing = { .arena = arena, .ivrs = &ivrs };
	memcpy(ivrs.oem_id, header.oem_id, sizeof(ivrs.oem_id));
	memcpy(ivrs.oem_table_id, header.oem_table_id, sizeof(ivrs.oem_table_id));
	memcpy(ivrs.creator_id, header.creator_id, sizeof(ivrs.creator_id));
	ivrs.revision = header.revision;
	ivrs.checksum_ok = header.checksum_ok;
	/* 5.2.1, IVinfo: PASize, bits 14:8; VASize, bits 21:15. */
	ivrs.info = acpi_u32((const uint8_t *)header.bytes.start + ACPI_HEADER_SIZE);
	ivrs.physical_bits = ivrs.info >> 8 & 0x7f;
	ivrs.virtual_bits = ivrs.info >> 15 & 0x7f;
	read_blocks(&parsing, (struct slice){ header.bytes.start + HEADER_SIZE, header.bytes.length - HEADER_SIZE });
	if (ivrs.unit_count == 0)
		acpi_problem(&ivrs.problems, "the table names no unit (IVHD)");
	*ret = ivrs;
	return 0;
}

bool ivrs_is_emulated(const struct ivrs *ivrs)
{
	return acpi_is_signed_by_qemu(ivrs->oem_id, ivrs->oem_table_id);
}
