/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/iommu.h"

#include <stdlib.h>

#include "host/acpi-table.h"

#define CLASS_IOMMU "/sys/class/iommu"
#define GROUPS "/sys/kernel/iommu_groups"

#define TABLES "/sys/firmware/acpi/tables"

int iommu_group_of(const struct root *root, struct arena *arena, struct pci_address address, const char **ret,
		   struct error *error)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	pci_address_format(address, text);
	const char *device = arena_printf(arena, "/sys/bus/pci/devices/%s", text);
	char *target;
	int r = root_read_link(root, arena, arena_printf(arena, "%s/iommu_group", device), &target, error);
	if (root_absent(r)) {
		if (!root_exists(root, device))
			return error_set(error, -ENODEV, "there is no PCI device %s", text);
		return error_set(error, -ENOENT, "%s has no IOMMU group", text);
	}
	if (r < 0)
		return r;
	uint64_t ignored;
	if (text_to_number(text_basename(target), 10, UINT32_MAX, &ignored) < 0)
		return error_set(error, -EINVAL, "%s%s/iommu_group: leads to '%s', which is no group", root->name,
				 device, target);
	*ret = text_basename(target);
	return 0;
}

static int compare_addresses(const void *a, const void *b)
{
	return pci_address_compare(*(const struct pci_address *)a, *(const struct pci_address *)b);
}

int iommu_read_group(const struct root *root, struct arena *arena, const char *number, struct iommu_group *ret,
		     struct error *error)
{
	struct list names = { .arena = arena };
	int r = root_list(root, arena, arena_printf(arena, GROUPS "/%s/devices", number), &names, error);
	if (r < 0)
		return r;
	*ret = (struct iommu_group){ .number = number, .others = { .arena = arena } };
	ret->members = arena_alloc_array(arena, names.count + 1, sizeof(*ret->members));
	for (size_t i = 0; i < names.count; i++) {
		if (pci_address_parse(names.items[i], &ret->members[ret->count], NULL) == 0)
			ret->count++;
		else
			list_add(&ret->others, names.items[i]);
	}
	qsort(ret->members, ret->count, sizeof(*ret->members), compare_addresses);
	return 0;
}

int iommu_is_active(const struct root *root, struct arena *arena, struct error *error)
{
	struct list units = { .arena = arena };
	int r = root_list(root, arena, CLASS_IOMMU, &units, error);
	if (root_absent(r))
		return 0;
	return r < 0 ? r : units.count > 0;
}

/*
 * The width that one unit translates, from its registers; 0: it translates nothing.
 *
 * It is what the kernel gives to VFIO as the end of usable addresses, and what QEMU compares aw-bits with
 * (vfio_device_get_aw_bits(), vtd_check_hiod()): the greatest table depth that the unit walks (SAGAW: bit n means
 * 30 + 9 * n bits), cut to MGAW where that is less (paging_domain_alloc() in drivers/iommu/intel/iommu.c; prepare_domain_attach_device()
 * before Linux 6.11). A unit that has
 * first-stage tables only says nothing in SAGAW (__iommu_calculate_sagaw()): these have 48 bits, or 57 by FL5LP.
 */
static unsigned int intel_width(uint64_t cap, uint64_t ecap)
{
	unsigned int depths = VTD_CAP_SAGAW(cap);
	unsigned int width = VTD_CAP_MGAW(cap);
	if (VTD_ECAP_SMTS(ecap) && VTD_ECAP_FLTS(ecap) && !VTD_ECAP_SLTS(ecap))
		depths = VTD_CAP_FL5LP(cap) ? 0x0c : 0x04;
	/* Bits 0 and 4 are reserved (11.4.2). */
	for (unsigned int bit = 3; bit > 0; bit--)
		if (depths >> bit & 1)
			return 30 + 9 * bit < width ? 30 + 9 * bit : width;
	return 0;
}

/*
 * The extended feature register, of what amd_iommu_show_features() prints: one number until Linux 5.19, "EFR2:EFR" until
 * 6.6, "EFR:EFR2" since. EFR2 holds a few bits, if any, and only units whose EFR is far greater have them.
 */
static void read_amd_features(struct arena *arena, struct fact *features)
{
	uint64_t first = 0;
	uint64_t second = 0;
	if (!fact_known(features))
		return;
	size_t length = strcspn(features->text, ":");
	const char *rest = features->text + length;
	if (text_to_number(arena_strndup(arena, features->text, length), 16, UINT64_MAX, &first) == 0 &&
	    (*rest == '\0' || text_to_number(rest + 1, 16, UINT64_MAX, &second) == 0)) {
		features->number = (int64_t)(first > second ? first : second);
		return;
	}
	features->state = FACT_WRONG;
	features->problem = arena_printf(arena, "%s: '%.64s' are no feature registers", features->path, features->text);
}

/* 48882, 3.4.9, HATS: 4, 5 or 6 levels of tables, of nine bits each above the page's twelve; 3 is reserved. */
static unsigned int amd_width(uint64_t features)
{
	unsigned int bits = 12 + 9 * (4 + (unsigned int)AMDVI_EFR_HATS(features));
	return AMDVI_EFR_HATS(features) == 3 ? 0 : bits > 64 ? 64 : bits;
}

static void read_intel(const struct root *root, struct arena *arena, struct iommu_unit *unit)
{
	const char *folder = arena_printf(arena, CLASS_IOMMU "/%s/intel-iommu", unit->name);
	unit->cap = fact_read_number(root, arena, arena_printf(arena, "%s/cap", folder), 16);
	unit->ecap = fact_read_number(root, arena, arena_printf(arena, "%s/ecap", folder), 16);
	if (!fact_known(&unit->cap))
		return;
	uint64_t ecap = fact_known(&unit->ecap) ? (uint64_t)unit->ecap.number : 0;
	unit->width = intel_width((uint64_t)unit->cap.number, ecap);
	unit->translates = unit->width > 0 || !fact_known(&unit->ecap);
	unit->first_stage = VTD_ECAP_SMTS(ecap) && VTD_ECAP_FLTS(ecap);
}

static void read_amd(const struct root *root, struct arena *arena, struct iommu_unit *unit)
{
	const char *folder = arena_printf(arena, CLASS_IOMMU "/%s/amd-iommu", unit->name);
	unit->cap = fact_read_number(root, arena, arena_printf(arena, "%s/cap", folder), 16);
	unit->features = fact_read_line(root, arena, arena_printf(arena, "%s/features", folder));
	read_amd_features(arena, &unit->features);
	if (fact_known(&unit->features))
		unit->width = amd_width((uint64_t)unit->features.number);
}

/*
 * Names: "dmarN" (alloc_iommu() in drivers/iommu/intel/dmar.c), "ivhdN" (iommu_init_pci() in drivers/iommu/amd/init.c),
 * a virtio-iommu's is that of the device below it on its bus: a PCI address, or "virtio-mmio...".
 */
static void read_unit(const struct root *root, struct arena *arena, const char *name, struct iommu_unit *unit)
{
	struct pci_address ignored;
	*unit = (struct iommu_unit){ .name = name, .kind = IOMMU_OTHER, .translates = true };
	if (text_starts_with(name, "dmar")) {
		unit->kind = IOMMU_INTEL;
		read_intel(root, arena, unit);
		unit->version = fact_read_line(root, arena,
					       arena_printf(arena, CLASS_IOMMU "/%s/intel-iommu/version", name));
	} else if (text_starts_with(name, "ivhd")) {
		unit->kind = IOMMU_AMD;
		read_amd(root, arena, unit);
	} else if (text_starts_with(name, "virtio") || pci_address_parse(name, &ignored, NULL) == 0) {
		unit->kind = IOMMU_VIRTIO;
	}
}

int iommu_address_width(const struct root *root, struct arena *arena, unsigned int *ret, struct error *error)
{
	struct list units = { .arena = arena };
	int r = root_list(root, arena, CLASS_IOMMU, &units, error);
	if (r < 0 && !root_absent(r))
		return r;
	unsigned int least = 0;
	for (size_t i = 0; i < units.count; i++) {
		struct iommu_unit unit = { .name = units.items[i], .translates = true };
		if (!text_starts_with(unit.name, "dmar"))
			continue;
		read_intel(root, arena, &unit);
		if (unit.cap.state == FACT_WRONG)
			return error_set(error, -EINVAL, "%s", unit.cap.problem);
		if (!fact_known(&unit.cap))
			return error_set(error, unit.cap.denied ? -EACCES : -EIO, "%s%s: cannot be read", root->name,
					 unit.cap.path);
		if (unit.width && (!least || unit.width < least))
			least = unit.width;
	}
	if (!least)
		return error_set(error, -ENOENT, "%s%s: no Intel IOMMU is active", root->name, CLASS_IOMMU);
	*ret = least;
	return 0;
}

const struct iommu_unit *iommu_narrowest(const struct iommus *iommus)
{
	const struct iommu_unit *narrowest = NULL;
	for (size_t i = 0; i < iommus->count; i++) {
		const struct iommu_unit *unit = &iommus->units[i];
		if (unit->translates && (!narrowest || unit->width < narrowest->width))
			narrowest = unit;
	}
	return narrowest;
}

unsigned int iommu_least_width(const struct iommus *iommus)
{
	const struct iommu_unit *narrowest = iommu_narrowest(iommus);
	return narrowest ? narrowest->width : 0;
}

/* The folder as a fact, with how many entries it has as number. */
static struct fact read_folder(const struct root *root, struct arena *arena, const char *path, struct list *ret)
{
	struct error error;
	struct fact fact = fact_of(arena, path, NULL, root_list(root, arena, path, ret, &error), &error);
	fact.number = (int64_t)ret->count;
	return fact;
}

typedef int table_parser(struct slice table, struct arena *arena, void *ret, struct error *error);

static int parse_dmar(struct slice table, struct arena *arena, void *ret, struct error *error)
{
	return dmar_parse(table, arena, ret, error);
}

static int parse_ivrs(struct slice table, struct arena *arena, void *ret, struct error *error)
{
	return ivrs_parse(table, arena, ret, error);
}

/* Into `room`, which comes back; NULL: there is no table, it cannot be read, or it is none. */
static void *read_table(const struct root *root, struct arena *arena, const char *path, table_parser *parse, void *room,
			struct fact *ret_file)
{
	struct slice table;
	struct error error;
	*ret_file = fact_of(arena, path, NULL, root_read(root, arena, path, &table, &error), &error);
	if (!fact_known(ret_file))
		return NULL;
	if (parse(table, arena, room, &error) == 0)
		return room;
	ret_file->state = FACT_WRONG;
	ret_file->problem = arena_printf(arena, "%s: %s", path, error.text);
	char *start = arena_alloc(arena, 5);
	acpi_copy_text(start, (const uint8_t *)table.start, table.length < 4 ? table.length : 4);
	ret_file->text = start;
	return NULL;
}

void iommu_read(const struct root *root, struct arena *arena, struct iommus *ret)
{
	struct list names = { .arena = arena };
	struct list groups = { .arena = arena };
	*ret = (struct iommus){ .class = read_folder(root, arena, CLASS_IOMMU, &names) };
	ret->units = arena_alloc_array(arena, names.count + 1, sizeof(*ret->units));
	for (; ret->count < names.count; ret->count++)
		read_unit(root, arena, names.items[ret->count], &ret->units[ret->count]);
	ret->groups_folder = read_folder(root, arena, GROUPS, &groups);
	ret->group_count = groups.count;
	ret->dmar = read_table(root, arena, TABLES "/DMAR", parse_dmar, arena_alloc(arena, sizeof(struct dmar)),
			       &ret->dmar_file);
	ret->ivrs = read_table(root, arena, TABLES "/IVRS", parse_ivrs, arena_alloc(arena, sizeof(struct ivrs)),
			       &ret->ivrs_file);
	ret->viot_file = fact_exists(root, arena, TABLES "/VIOT");
	ret->tables = fact_exists(root, arena, TABLES);
}
