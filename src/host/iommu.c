/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/iommu.h"

#include <stdlib.h>

#define CLASS_IOMMU "/sys/class/iommu"
#define GROUPS "/sys/kernel/iommu_groups"

/* Intel VT-d specification, 11.4.2 Capability Register: MGAW, bits 21:16, is the maximum guest address width less one. */
#define CAP_MGAW(cap) ((unsigned int)((cap) >> 16 & 0x3f) + 1)

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

int iommu_address_width(const struct root *root, struct arena *arena, unsigned int *ret, struct error *error)
{
	struct list units = { .arena = arena };
	int r = root_list(root, arena, CLASS_IOMMU, &units, error);
	if (r < 0 && !root_absent(r))
		return r;
	unsigned int least = 0;
	for (size_t i = 0; i < units.count; i++) {
		if (!text_starts_with(units.items[i], "dmar"))
			continue;
		const char *path = arena_printf(arena, CLASS_IOMMU "/%s/intel-iommu/cap", units.items[i]);
		char *text;
		uint64_t cap;
		r = root_read_line(root, arena, path, &text, error);
		if (r < 0)
			return r;
		if (text_to_number(text, 16, UINT64_MAX, &cap) < 0)
			return error_set(error, -EINVAL, "%s%s: '%.40s' is no register value", root->name, path, text);
		if (!least || CAP_MGAW(cap) < least)
			least = CAP_MGAW(cap);
	}
	if (!least)
		return error_set(error, -ENOENT, "%s%s: no Intel IOMMU is active", root->name, CLASS_IOMMU);
	*ret = least;
	return 0;
}
