/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/passable-read.h"

#include <stdlib.h>

#include "host/groups.h"
#include "host/iommu.h"

#define GROUPS "/sys/kernel/iommu_groups"

/* A function and its group, as a number. */
struct entry {
	uint64_t number;
	size_t function;
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *left = a;
	const struct entry *right = b;
	if (left->number != right->number)
		return left->number < right->number ? -1 : 1;
	return left->function < right->function ? -1 : left->function > right->function;
}

void passable_sort_groups(struct arena *arena, const struct pci_functions *functions, struct passable_groups *ret)
{
	struct entry *entries = arena_alloc_array(arena, functions->count + 1, sizeof(*entries));
	struct passable_member *members = arena_alloc_array(arena, functions->count + 1, sizeof(*members));
	size_t count = 0;
	for (size_t i = 0; i < functions->count; i++) {
		uint64_t number;
		const char *text = functions->items[i].group;
		if (text && text_to_number(text, 10, UINT64_MAX, &number) == 0)
			entries[count++] = (struct entry){ number, i };
	}
	if (count)
		qsort(entries, count, sizeof(*entries), compare_entries);
	*ret = (struct passable_groups){
		.items = arena_alloc_array(arena, count + 1, sizeof(*ret->items)),
		.of = arena_alloc_array(arena, functions->count + 1, sizeof(struct passable_group *)),
	};
	for (size_t i = 0; i < count; i++) {
		const struct pci_function *function = &functions->items[entries[i].function];
		if (i == 0 || entries[i].number != entries[i - 1].number)
			ret->items[ret->count++] = (struct passable_group){ .number = function->group,
									    .members = &members[i],
									    .others = { .arena = arena },
									    .problems = { .arena = arena } };
		struct passable_group *group = &ret->items[ret->count - 1];
		group->members[group->count++].function = function;
		ret->of[entries[i].function] = group;
	}
}

/*
 * How many virtual functions it has; NULL: none. By the links `virtfnN` to them and not by `sriov_numvfs`: the kernel
 * holds up whoever reads that while it takes a driver away (sriov_numvfs_show() takes the device's lock).
 */
static const char *count_virtual_functions(const struct root *root, struct arena *arena, struct pci_address address)
{
	struct list entries = { .arena = arena };
	size_t count = 0;
	if (!root_exists(root, pci_path(arena, address, "virtfn0")) ||
	    root_list(root, arena, pci_path(arena, address, ""), &entries, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < entries.count; i++)
		count += text_starts_with(entries.items[i], "virtfn");
	return arena_printf(arena, "%zu", count);
}

static void read_members(const struct root *root, struct arena *arena, struct passable_group *group)
{
	for (size_t i = 0; i < group->count; i++)
		if (!passable_left_alone(group->members[i].function))
			group->members[i].virtual_functions =
				count_virtual_functions(root, arena, group->members[i].function->address);
}

/* Is there anybody in it who could go? Else nothing of it need be known. */
static bool is_candidate(const struct passable_group *group)
{
	for (size_t i = 0; i < group->count; i++)
		if (!passable_never(group->members[i].function))
			return true;
	return false;
}

static void read_reserved(const struct root *root, struct arena *arena, struct passable_group *group)
{
	struct error error;
	struct slice text;
	struct reserved_region *regions = NULL;
	size_t count = 0;
	const char *path = arena_printf(arena, GROUPS "/%s/reserved_regions", group->number);
	int r = root_read(root, arena, path, &text, &error);
	/* Before Linux 4.12 there is no such file. */
	if (root_absent(r))
		return;
	if (r == 0)
		r = group_parse_regions(arena, text, &regions, &count, &error);
	if (r < 0)
		list_printf(&group->problems, "not known which memory is reserved for its IOMMU group %s: %s",
			    group->number, error.text);
	for (size_t i = 0; i < count && !group->reserved; i++)
		if (regions[i].kind == RESERVED_DIRECT)
			group->reserved = arena_printf(arena, "0x%llx-0x%llx", (unsigned long long)regions[i].start,
						       (unsigned long long)regions[i].end);
}

void passable_read_rest(const struct root *root, struct arena *arena, const struct list *others,
			struct passable_group *group)
{
	group->others.arena = arena;
	group->problems.arena = arena;
	for (size_t i = 0; i < others->count; i++)
		if (root_exists(root,
				arena_printf(arena, GROUPS "/%s/devices/%s/driver", group->number, others->items[i])))
			list_add(&group->others, others->items[i]);
	read_reserved(root, arena, group);
}

static int compare_addresses(const void *a, const void *b)
{
	return pci_address_compare(*(const struct pci_address *)a, *(const struct pci_address *)b);
}

void passable_read_group(const struct root *root, struct arena *arena, struct passable_group *group)
{
	struct error error;
	char text[PCI_ADDRESS_TEXT_MAX];
	struct iommu_group listed = { .others = { .arena = arena } };
	int r = iommu_read_group(root, arena, group->number, &listed, &error);
	if (r < 0)
		list_printf(&group->problems, "not known who is in its IOMMU group %s: %s", group->number, error.text);
	for (size_t i = 0; r == 0 && i < group->count; i++)
		if (!bsearch(&group->members[i].function->address, listed.members, listed.count,
			     sizeof(*listed.members), compare_addresses))
			list_printf(&group->problems, "%s is said to be in IOMMU group %s, which does not list it",
				    pci_address_format(group->members[i].function->address, text), group->number);
	read_members(root, arena, group);
	passable_read_rest(root, arena, &listed.others, group);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t left = 0;
	uint64_t right = 0;
	(void)!text_to_number(((const struct passable_group *)a)->number, 10, UINT64_MAX, &left);
	(void)!text_to_number(((const struct passable_group *)b)->number, 10, UINT64_MAX, &right);
	return left < right ? -1 : left > right;
}

/*
 * Members that are no PCI devices, looked for from their side: the buses that the kernel makes groups for besides PCI
 * (iommu_buses[] in drivers/iommu/iommu.c). To list each group's folder would be a list for each device.
 */
static void read_others(const struct root *root, struct arena *arena, struct passable_groups *groups)
{
	static const char *const buses[] = { "platform", "amba", "fsl-mc", "cdx" };
	for (size_t i = 0; i < ARRAY_SIZE(buses); i++) {
		struct list names = { .arena = arena };
		const char *folder = arena_printf(arena, "/sys/bus/%s/devices", buses[i]);
		if (root_list(root, arena, folder, &names, NULL) < 0)
			continue;
		for (size_t j = 0; j < names.count; j++) {
			char *link;
			const char *path = arena_printf(arena, "%s/%s/iommu_group", folder, names.items[j]);
			if (root_read_link(root, arena, path, &link, NULL) < 0)
				continue;
			struct passable_group key = { .number = text_basename(link) };
			struct passable_group *group = bsearch(&key, groups->items, groups->count, sizeof(key),
							       compare_numbers);
			if (group && root_exists(root, arena_printf(arena, "%s/%s/driver", folder, names.items[j])))
				list_add(&group->others, names.items[j]);
		}
	}
}

void passable_read_groups(const struct root *root, struct arena *arena, struct passable_groups *groups)
{
	read_others(root, arena, groups);
	for (size_t i = 0; i < groups->count; i++)
		if (is_candidate(&groups->items[i])) {
			read_members(root, arena, &groups->items[i]);
			read_reserved(root, arena, &groups->items[i]);
		}
}

int passable_read_all(const struct root *root, struct arena *arena, struct passables *ret, struct error *error)
{
	*ret = (struct passables){ 0 };
	int r = pci_read_all(root, arena, &ret->functions, error);
	if (r < 0)
		return r;
	const struct pci_functions *functions = &ret->functions;
	int active = iommu_is_active(root, arena, NULL);
	passable_sort_groups(arena, functions, &ret->groups);
	passable_read_groups(root, arena, &ret->groups);
	users_find_all(root, arena, functions->items, functions->count, &ret->uses);
	for (size_t i = 0; i < ret->groups.count; i++)
		passable_judge_group(arena, &ret->groups.items[i], &ret->uses, false);
	ret->items = arena_alloc_array(arena, functions->count + 1, sizeof(*ret->items));
	for (size_t i = 0; i < functions->count; i++)
		passable_judge(arena, &functions->items[i], ret->groups.of[i], active, &ret->uses, &ret->items[i]);
	return 0;
}

static void find_users_of_group(const struct root *root, struct arena *arena, const struct passable_group *group,
				const struct pci_function *function, struct uses *ret)
{
	size_t count = group ? group->count : 1;
	struct pci_function *functions = arena_alloc_array(arena, count, sizeof(*functions));
	functions[0] = *function;
	for (size_t i = 0; group && i < count; i++)
		functions[i] = *group->members[i].function;
	users_find_all(root, arena, functions, count, ret);
}

int passable_read_device(const struct root *root, struct arena *arena, struct pci_address address,
			 struct passables *ret, size_t *ret_place, struct error *error)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	*ret = (struct passables){ 0 };
	int r = pci_read_all(root, arena, &ret->functions, error);
	if (r < 0)
		return r;
	const struct pci_function *function = pci_find(&ret->functions, address);
	if (!function)
		return error_set(error, -ENODEV, "there is no PCI device %s ('nestpci list' shows the addresses)",
				 pci_address_format(address, text));
	size_t place = (size_t)(function - ret->functions.items);
	passable_sort_groups(arena, &ret->functions, &ret->groups);
	struct passable_group *group = ret->groups.of[place];
	find_users_of_group(root, arena, group, function, &ret->uses);
	if (group) {
		passable_read_group(root, arena, group);
		passable_judge_group(arena, group, &ret->uses, false);
	}
	ret->items = arena_alloc_array(arena, ret->functions.count + 1, sizeof(*ret->items));
	passable_judge(arena, function, group, iommu_is_active(root, arena, NULL), &ret->uses, &ret->items[place]);
	*ret_place = place;
	return 0;
}
