/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands on block devices, and on that: device mapper, MD, bcache, loop devices, file systems of several devices. */
#include <stdlib.h>

#include "host/users-internal.h"

/* An own block device of a PCI device. */
struct ground {
	size_t owner;
	size_t node;
};

struct pile {
	struct finding *finding;
	size_t *waiting; /* nodes whose uppers are still to be looked at */
	size_t count;
	size_t room;
};

static const struct list *holders_of(const struct finding *finding, struct node *node)
{
	if (!node->holders_read) {
		node->holders.arena = finding->arena;
		const char *folder = arena_printf(finding->arena, "%s/holders", node->path);
		(void)!root_list(finding->root, finding->arena, folder, &node->holders, NULL);
		node->holders_read = true;
	}
	return &node->holders;
}

static const struct list *loops_on(struct finding *finding, const struct node *node)
{
	static const struct list none;
	const struct block *block = users_block_by_name(finding, node->name);
	return block ? &block->loops : &none;
}

static void push(struct pile *pile, size_t node)
{
	if (pile->count == pile->room) {
		pile->room = pile->room ? pile->room * 2 : 32;
		pile->waiting = arena_grow(pile->finding->arena, pile->waiting, pile->count, pile->room,
					   sizeof(*pile->waiting));
	}
	pile->waiting[pile->count++] = node;
}

/* Stakes of one owner follow each other in a node that is stacked: the last tells. */
static bool has_stake(const struct node *node, size_t owner)
{
	if (node->is_upper)
		return node->stake_count && node->stakes[node->stake_count - 1].owner == owner;
	for (size_t i = 0; i < node->stake_count; i++)
		if (node->stakes[i].owner == owner)
			return true;
	return false;
}

static void add_stake(struct pile *pile, const struct block *block, size_t owner, const char *base)
{
	struct finding *finding = pile->finding;
	struct node *node = users_add_upper(finding, block);
	if (has_stake(node, owner))
		return;
	users_add_stake(finding, node, owner, base);
	push(pile, (size_t)(node - finding->nodes));
}

/* What stands on a device, with its partitions. */
static void add_uppers(struct pile *pile, const struct list *names, size_t owner, const char *base)
{
	struct finding *finding = pile->finding;
	for (size_t i = 0; i < names->count; i++) {
		size_t count;
		const struct block *upper = users_block_by_name(finding, names->items[i]);
		if (!upper)
			continue;
		add_stake(pile, upper, owner, base);
		size_t first = users_partitions_of(finding, upper, &count);
		for (size_t j = first; j < first + count; j++)
			add_stake(pile, &finding->blocks.items[j], owner, base);
	}
}

/* One device that a PCI device has, and all that stands on it: its owner has a stake in each. */
static void climb(struct pile *pile, const struct ground *ground)
{
	const char *base = pile->finding->nodes[ground->node].name;
	push(pile, ground->node);
	while (pile->count) {
		struct node *node = &pile->finding->nodes[pile->waiting[--pile->count]];
		/* A copy: nodes move when one is added. */
		struct list holders = *holders_of(pile->finding, node);
		const struct list *loops = loops_on(pile->finding, node);
		add_uppers(pile, &holders, ground->owner, base);
		add_uppers(pile, loops, ground->owner, base);
	}
}

static int compare_grounds(const void *a, const void *b)
{
	const struct ground *left = a;
	const struct ground *right = b;
	if (left->owner != right->owner)
		return left->owner < right->owner ? -1 : 1;
	return left->node < right->node ? -1 : left->node > right->node;
}

static void add_stacks(struct finding *finding)
{
	struct pile pile = { .finding = finding };
	size_t count = 0;
	for (size_t i = 0; i < finding->node_count; i++)
		count += finding->nodes[i].is_block ? finding->nodes[i].stake_count : 0;
	struct ground *grounds = arena_alloc_array(finding->arena, count + 1, sizeof(*grounds));
	count = 0;
	for (size_t i = 0; i < finding->node_count; i++)
		for (size_t j = 0; finding->nodes[i].is_block && j < finding->nodes[i].stake_count; j++)
			grounds[count++] = (struct ground){ finding->nodes[i].stakes[j].owner, i };
	if (count)
		qsort(grounds, count, sizeof(*grounds), compare_grounds);
	for (size_t i = 0; i < count; i++)
		climb(&pile, &grounds[i]);
}

/* Only a cache device has no holder: bcache gives the set's cache to all backing devices (drivers/md/bcache/super.c). */
static void find_bcache(struct finding *finding, struct node *node)
{
	char *set;
	const char *link = arena_printf(finding->arena, "%s/bcache/set", node->path);
	if (root_read_link(finding->root, finding->arena, link, &set, NULL) < 0)
		return;
	node->stacked = true;
	users_add_of(finding, node, USE_STACKED, "cache of bcache", "is the cache of the bcache set %s",
		     text_basename(set));
}

/* Device mapper names are what people know: "dm-0 (vg-root)". */
static void find_holder(struct finding *finding, struct node *node, const char *holder)
{
	char *mapper = NULL;
	const char *name = arena_printf(finding->arena, "/sys/class/block/%s/dm/name", holder);
	if (text_starts_with(holder, "dm-"))
		(void)!root_read_line(finding->root, finding->arena, name, &mapper, NULL);
	node->stacked = true;
	users_add_of(finding, node, USE_STACKED, arena_printf(finding->arena, "part of %s", mapper ? mapper : holder),
		     "is part of %s%s%s%s", holder, mapper ? " (" : "", mapper ? mapper : "", mapper ? ")" : "");
}

static void find_uppers(struct finding *finding, struct node *node)
{
	const struct list *holders = holders_of(finding, node);
	const struct list *loops = loops_on(finding, node);
	for (size_t i = 0; i < holders->count; i++)
		find_holder(finding, node, holders->items[i]);
	for (size_t i = 0; i < loops->count; i++) {
		node->stacked = true;
		users_add_of(finding, node, USE_STACKED, "under a loop device", "is what the loop device %s stands on",
			     loops->items[i]);
	}
	find_bcache(finding, node);
}

/* A mounted btrfs lists all its devices, whereas the mount table names one (fs/btrfs/sysfs.c). */
static void find_btrfs(struct finding *finding)
{
	struct arena *arena = finding->arena;
	struct list systems = { .arena = arena };
	if (root_list(finding->root, arena, "/sys/fs/btrfs", &systems, NULL) < 0)
		return;
	for (size_t i = 0; i < systems.count; i++) {
		struct list members = { .arena = arena };
		const char *folder = arena_printf(arena, "/sys/fs/btrfs/%s/devices", systems.items[i]);
		if (root_list(finding->root, arena, folder, &members, NULL) < 0)
			continue;
		for (size_t j = 0; j < members.count; j++) {
			const char *device = arena_printf(arena, "/dev/%s", members.items[j]);
			struct node *node = users_node_by_device(finding, device);
			if (node)
				users_add_of(finding, node, USE_FILE_SYSTEM, "file system",
					     "is part of the mounted btrfs %s", systems.items[i]);
		}
	}
}

void users_find_stacks(struct finding *finding)
{
	if (!(finding->has & USERS_DISKS))
		return;
	users_read_loops(finding);
	add_stacks(finding);
	for (size_t i = 0; i < finding->node_count; i++)
		if (finding->nodes[i].is_block)
			find_uppers(finding, &finding->nodes[i]);
	find_btrfs(finding);
}
