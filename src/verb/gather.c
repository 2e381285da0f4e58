/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/gather.h"

#include "host/iommu.h"
#include "host/pci-ids.h"
#include "host/pci.h"
#include "host/users.h"

struct gathering {
	const struct root *root;
	struct arena *arena;
	const struct gather_options *options;
	struct pci_functions functions;
};

static int read_functions(struct gathering *gathering, struct error *error)
{
	int r = pci_read_all(gathering->root, gathering->arena, &gathering->functions, error);
	return r < 0 ? r : pci_ids_fill(gathering->root, gathering->arena, &gathering->functions, error);
}

static int read_iommus(struct gathering *gathering, struct error *error)
{
	unsigned int ignored;
	int r = iommu_is_active(gathering->root, gathering->arena, error);
	return r <= 0 ? r : iommu_address_width(gathering->root, gathering->arena, &ignored, error);
}

/* A group is read once, however many members it has. */
static int read_groups(struct gathering *gathering, struct error *error)
{
	struct list numbers = { .arena = gathering->arena };
	for (size_t i = 0; i < gathering->functions.count; i++)
		if (gathering->functions.items[i].group)
			list_add(&numbers, gathering->functions.items[i].group);
	list_sort(&numbers);
	for (size_t i = 0; i < numbers.count; i++) {
		struct iommu_group group;
		if (i && strcmp(numbers.items[i], numbers.items[i - 1]) == 0)
			continue;
		int r = iommu_read_group(gathering->root, gathering->arena, numbers.items[i], &group, error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_users(struct gathering *gathering, struct error *error)
{
	struct uses uses;
	size_t count = gathering->functions.count;
	struct pci_address *addresses = arena_alloc_array(gathering->arena, count + 1, sizeof(*addresses));
	for (size_t i = 0; i < count; i++)
		addresses[i] = gathering->functions.items[i].address;
	return users_find(gathering->root, gathering->arena, addresses, count, &uses, error);
}

/* In this order: later ones may need what earlier ones found. */
static const struct {
	const char *what;
	int (*read)(struct gathering *gathering, struct error *error);
} readers[] = {
	{ "PCI devices", read_functions },
	{ "IOMMUs", read_iommus },
	{ "IOMMU groups", read_groups },
	{ "users of devices", read_users },
};

void gather_all(const struct root *root, struct arena *arena, const struct gather_options *options,
		struct list *problems)
{
	struct gathering gathering = { .root = root, .arena = arena, .options = options };
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		struct error error;
		int r = readers[i].read(&gathering, &error);
		/* That there is none of a thing is an outcome like any other. */
		if (r < 0 && !root_absent(r))
			list_printf(problems, "%s: %s", readers[i].what, error.text);
	}
}
