/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks: what stands on them, what signatures they carry, and whether the kernel has given them away. */
#include <sys/sysmacros.h>

#include "host/guard.h"
#include "host/users-internal.h"

#define OPEN_LIMIT_MS 10000

/* Adds what stands on a node, as a node of its own; users_find_stacks() comes to it later. */
static void add_holder(struct finding *finding, size_t index, const char *holder)
{
	struct arena *arena = finding->arena;
	char *path;
	const char *link = arena_printf(arena, "/sys/class/block/%s", holder);
	if (root_real_path(finding->root, arena, link, &path, NULL) < 0)
		return;
	struct node below = finding->nodes[index];
	users_walk(finding, below.owner, path, below.base ? below.base : below.name);
}

/* Only a cache device has no holder: bcache gives the set's cache to all backing devices (drivers/md/bcache/super.c). */
static void find_bcache(struct finding *finding, struct node *node)
{
	char *set;
	const char *link = arena_printf(finding->arena, "%s/bcache/set", node->path);
	if (root_read_link(finding->root, finding->arena, link, &set, NULL) < 0)
		return;
	node->stacked = true;
	users_add_of(finding, node, USE_STACKED, "is the cache of the bcache set %s", text_basename(set));
}

static void find_loops(struct finding *finding, const struct loops *loops, size_t index)
{
	for (size_t i = 0; i < loops->count; i++) {
		struct node *node = &finding->nodes[index];
		if (!users_loop_is_on(finding, &loops->items[i], node))
			continue;
		node->stacked = true;
		users_add_of(finding, node, USE_STACKED, "is what the loop device %s stands on", loops->items[i].name);
		add_holder(finding, index, loops->items[i].name);
	}
}

static void find_holders(struct finding *finding, size_t index)
{
	struct list holders = { .arena = finding->arena };
	const char *folder = arena_printf(finding->arena, "%s/holders", finding->nodes[index].path);
	if (root_list(finding->root, finding->arena, folder, &holders, NULL) < 0)
		return;
	for (size_t i = 0; i < holders.count; i++) {
		struct node *node = &finding->nodes[index];
		char *mapper = NULL;
		const char *name = arena_printf(finding->arena, "/sys/class/block/%s/dm/name", holders.items[i]);
		(void)!root_read_line(finding->root, finding->arena, name, &mapper, NULL);
		node->stacked = true;
		users_add_of(finding, node, USE_STACKED, "is part of %s%s%s%s", holders.items[i], mapper ? " (" : "",
			     mapper ? mapper : "", mapper ? ")" : "");
		add_holder(finding, index, holders.items[i]);
	}
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
		for (size_t j = 0; j < finding->node_count; j++)
			if (finding->nodes[j].is_block && list_contains(&members, finding->nodes[j].name))
				users_add_of(finding, &finding->nodes[j], USE_FILE_SYSTEM,
					     "is part of the mounted btrfs %s", systems.items[i]);
	}
}

void users_find_stacks(struct finding *finding)
{
	struct loops loops = { 0 };
	users_read_loops(finding, &loops);
	/* The list grows while we go along it: what stands on a device may have something standing on it. */
	for (size_t i = 0; i < finding->node_count; i++) {
		if (!finding->nodes[i].is_block)
			continue;
		find_holders(finding, i);
		find_loops(finding, &loops, i);
		find_bcache(finding, &finding->nodes[i]);
	}
	find_btrfs(finding);
}

/* What udev found on a device: "E:ID_FS_TYPE=LVM2_member" in /run/udev/data/b259:3. */
static const char *udev_value(const struct finding *finding, struct slice database, const char *key)
{
	struct slice line;
	size_t length = strlen(key);
	while (slice_next_line(&database, &line))
		if (line.length > length + 3 && memcmp(line.start, "E:", 2) == 0 &&
		    memcmp(line.start + 2, key, length) == 0 && line.start[length + 2] == '=')
			return arena_strndup(finding->arena, line.start + length + 3, line.length - length - 3);
	return NULL;
}

/* udev has not come to this device, or we may not look. Whoever knows better says so by --inactive-ok. */
static void add_unknown_member(struct finding *finding, struct node *node, int code, const char *path,
			       const char *problem)
{
	if (node->stacked || node->explained)
		return;
	if (root_absent(code))
		problem = arena_printf(finding->arena, "%s: udev knows nothing of it", path);
	users_add_of(finding, node, USE_MEMBER,
		     "may carry data of LVM, RAID, ZFS or LUKS: %s (--inactive-ok takes it nevertheless)", problem);
}

static void find_member(struct finding *finding, struct node *node)
{
	struct slice database;
	struct error error;
	const char *path = arena_printf(finding->arena, "/run/udev/data/b%u:%u", major(node->number),
					minor(node->number));
	int r = root_read(finding->root, finding->arena, path, &database, &error);
	if (r < 0) {
		add_unknown_member(finding, node, r, path, error.text);
		return;
	}
	const char *type = udev_value(finding, database, "ID_FS_TYPE");
	const char *usage = udev_value(finding, database, "ID_FS_USAGE");
	const char *label = udev_value(finding, database, "ID_FS_LABEL");
	bool member = text_equals(usage, "raid") || text_equals(usage, "crypto") ||
		      (type && (text_ends_with(type, "_member") || text_equals(type, "crypto_LUKS")));
	if (!member || node->stacked)
		return;
	const char *pool = arena_printf(finding->arena, "/proc/spl/kstat/zfs/%s", label ? label : "");
	if (text_equals(type, "zfs_member") && label && root_exists(finding->root, pool))
		users_add_of(finding, node, USE_STACKED, "is part of the imported ZFS pool %s", label);
	else
		users_add_of(finding, node, USE_MEMBER, "carries data of %s%s%s%s", type ? type : usage,
			     label ? " (" : "", label ? label : "", label ? ")" : "");
}

/* Without udev, as in a small guest: the few signatures, from the disk itself. What that cannot tell is a note. */
static void find_signature(struct finding *finding, struct node *node, bool first)
{
	struct error error;
	const char *name = NULL;
	const char *problem = "this is another system";
	int r = -ENOTSUP;
	if (finding->root->kind == ROOT_LIVE) {
		r = guard_find_signature(finding->root, finding->arena, node->device, OPEN_LIMIT_MS, &name, &error);
		problem = error.text;
	}
	if (name && !node->stacked)
		users_add_of(finding, node, USE_MEMBER, "carries data of %s", name);
	else if (r < 0 && r != -ENOMEDIUM && r != -ENXIO && first)
		users_add(finding, node->owner, USE_UNKNOWN, false,
			  "no udev database: not known whether %s carries data of LVM, RAID, ZFS or LUKS (%s)",
			  node->name, problem);
	else if (!name && first)
		users_add(finding, node->owner, USE_UNKNOWN, false,
			  "no udev database: by its own look nestpci found no data of LVM, RAID, ZFS or LUKS on %s",
			  node->name);
}

static bool is_own_disk(const struct node *node)
{
	return node->is_block && !node->base && node->device;
}

void users_find_members(struct finding *finding)
{
	bool has_database = root_exists(finding->root, "/run/udev/data");
	size_t told = SIZE_MAX;
	for (size_t i = 0; i < finding->node_count; i++) {
		struct node *node = &finding->nodes[i];
		if (!is_own_disk(node))
			continue;
		if (has_database)
			find_member(finding, node);
		else
			find_signature(finding, node, node->owner != told);
		told = node->owner;
	}
}

static void find_claim(struct finding *finding, struct node *node, const char *text)
{
	struct error error;
	int r = guard_is_claimed(finding->root, node->device, OPEN_LIMIT_MS, &error);
	if (r > 0)
		users_add_of(finding, node, USE_CLAIMED, "%s", text);
	else if (r < 0 && r != -ENXIO && r != -ENOMEDIUM)
		users_add(finding, node->owner, USE_UNKNOWN, true, "not known whether %s is claimed: %s", node->name,
			  error.text);
}

/* Whether a use is known of a disk, or of one of its partitions, whose folders are inside the disk's. */
static bool is_explained(const struct finding *finding, const struct node *disk)
{
	size_t length = strlen(disk->path);
	for (size_t i = 0; i < finding->node_count; i++) {
		const struct node *node = &finding->nodes[i];
		if (node->explained && strncmp(node->path, disk->path, length) == 0 &&
		    (node->path[length] == '\0' || node->path[length] == '/'))
			return true;
	}
	return false;
}

void users_find_claims(struct finding *finding)
{
	/* The device nodes of an offline root are those of this machine. */
	if (finding->root->kind != ROOT_LIVE)
		return;
	/* Partitions come after their disk, and say more: backwards. */
	for (size_t i = finding->node_count; i-- > 0;) {
		struct node *node = &finding->nodes[i];
		if (is_own_disk(node) && !is_explained(finding, node))
			find_claim(finding, node,
				   "is claimed by the kernel or a program for itself (ZFS, an array, a target, another "
				   "namespace)");
		/* A VFIO group can be open once only (vfio_group_fops_open()), and is as long as a device of it is. */
		if (strcmp(node->subsystem, "vfio") == 0 && node->device && !node->explained)
			find_claim(finding, node,
				   "is open, as by a running VM (a process holds a device of the group)");
	}
}
