/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/groups.h"

#include "host/group-reasons.h"

#define GROUPS "/sys/kernel/iommu_groups"

/* As iommu_group_resv_type_string[] in drivers/iommu/iommu.c has them; "reserved" and what may come are the rest. */
static enum reserved_kind kind_of(const char *type)
{
	if (strcmp(type, "direct") == 0)
		return RESERVED_DIRECT;
	if (strcmp(type, "direct-relaxable") == 0)
		return RESERVED_DIRECT_RELAXABLE;
	return strcmp(type, "msi") == 0 ? RESERVED_MSI : RESERVED_OTHER;
}

/* "0x00000000fee00000 0x00000000feefffff msi" */
static bool parse_region(struct arena *arena, struct slice line, struct reserved_region *ret)
{
	struct slice word;
	struct slice behind;
	if (!pci_next_hex(&line, &ret->start) || !pci_next_hex(&line, &ret->end) || ret->start > ret->end ||
	    !slice_next_word(&line, &word) || slice_next_word(&line, &behind) || memchr(word.start, '\0', word.length))
		return false;
	ret->type = arena_strndup(arena, word.start, word.length);
	ret->kind = kind_of(ret->type);
	return true;
}

int group_parse_regions(struct arena *arena, struct slice text, struct reserved_region **ret, size_t *ret_count,
			struct error *error)
{
	struct reserved_region *regions = NULL;
	size_t count = 0;
	size_t room = 0;
	int r = 0;
	struct slice line;
	while (r == 0 && slice_next_line(&text, &line)) {
		struct reserved_region region;
		if (!parse_region(arena, line, &region)) {
			r = error_set(error, -EINVAL,
				      "'%.*s' is not a region: its first and last address, and its type",
				      line.length < 80 ? (int)line.length : 80, line.start);
			break;
		}
		if (count == room) {
			room = room ? room * 2 : 8;
			regions = arena_grow(arena, regions, count, room, sizeof(*regions));
		}
		regions[count++] = region;
	}
	*ret = regions;
	*ret_count = count;
	return r;
}

static void read_regions(const struct root *root, struct arena *arena, struct group *group)
{
	struct error error;
	struct slice text;
	const char *path = arena_printf(arena, GROUPS "/%s/reserved_regions", group->number);
	int r = root_read(root, arena, path, &text, &error);
	group->reserved_regions = fact_of(arena, path, r < 0 ? NULL : text.start, r, &error);
	if (r == 0 && group_parse_regions(arena, text, &group->regions, &group->region_count, &error) < 0) {
		group->reserved_regions.state = FACT_WRONG;
		group->reserved_regions.problem = arena_printf(arena, "%s%s: %s", root->name, path, error.text);
	}
}

/* Those of `functions`; what came after they were read is read now. */
static void read_members(const struct root *root, struct arena *arena, const struct pci_functions *functions,
			 struct group *group)
{
	struct error error;
	struct iommu_group listed;
	const char *path = arena_printf(arena, GROUPS "/%s/devices", group->number);
	int r = iommu_read_group(root, arena, group->number, &listed, &error);
	group->devices = fact_of(arena, path, NULL, r, &error);
	if (r < 0)
		return;
	group->others = listed.others;
	group->members = arena_alloc_array(arena, listed.count + 1, sizeof(struct pci_function *));
	for (size_t i = 0; i < listed.count; i++) {
		const struct pci_function *function = pci_find(functions, listed.members[i]);
		if (!function) {
			char address[PCI_ADDRESS_TEXT_MAX];
			struct pci_function *late = arena_alloc(arena, sizeof(*late));
			if (pci_read_function(root, arena, listed.members[i], late, NULL) == 0)
				function = late;
			else
				list_add(&group->others,
					 arena_strdup(arena, pci_address_format(listed.members[i], address)));
		}
		if (function)
			group->members[group->count++] = function;
	}
}

void group_read(const struct root *root, struct arena *arena, const struct pci_functions *functions, const char *number,
		struct group *ret)
{
	*ret = (struct group){ .number = number, .others = { .arena = arena } };
	read_members(root, arena, functions, ret);
	ret->type = fact_read_line(root, arena, arena_printf(arena, GROUPS "/%s/type", number));
	read_regions(root, arena, ret);
	if (ret->count + ret->others.count > 1)
		group_explain(root, arena, functions, ret);
}
