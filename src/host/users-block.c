/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks: what signatures they carry, and whether the kernel has given them away. */
#include <sys/sysmacros.h>

#include "host/guard.h"
#include "host/users-internal.h"

#define OPEN_LIMIT_MS 10000

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
	users_add_guess_of(
		finding, node, USE_MEMBER, "data not known",
		arena_printf(finding->arena,
			     "may carry data of LVM, RAID, ZFS or LUKS: %s (--inactive-ok takes it nevertheless)",
			     problem));
}

/* "rpool" or "rpool/ROOT/pve-1", of the pool rpool. */
static bool is_of_pool(const char *source, const char *pool)
{
	size_t length = strlen(pool);
	return strncmp(source, pool, length) == 0 && (source[length] == '\0' || source[length] == '/');
}

/* A part of an imported pool, and what of the pool is mounted: the root file system before all else. */
static void add_pool(struct finding *finding, struct node *node, const char *pool)
{
	const struct list *points = &finding->zfs_points;
	size_t count = 0;
	size_t shown = 0;
	for (size_t i = 0; i < points->count; i++) {
		if (!is_of_pool(finding->zfs_sources.items[i], pool))
			continue;
		if (count == 0 || strcmp(points->items[i], "/") == 0)
			shown = i;
		count++;
	}
	if (count == 0) {
		users_add_of(finding, node, USE_STACKED, arena_printf(finding->arena, "ZFS pool %s", pool),
			     "is part of the imported ZFS pool %s", pool);
		return;
	}
	const char *point = points->items[shown];
	const char *more = count > 1 ? arena_printf(finding->arena, " (and %zu more)", count - 1) : "";
	users_add_of(finding, node, USE_STACKED,
		     strcmp(point, "/") == 0 ? USE_ROOT_BRIEF : arena_printf(finding->arena, "mounted at %s", point),
		     "is part of the imported ZFS pool %s, of which %s is mounted at %s%s", pool,
		     finding->zfs_sources.items[shown], point, more);
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
		add_pool(finding, node, label);
	else
		users_add_of(finding, node, USE_MEMBER, arena_printf(finding->arena, "%s data", type ? type : usage),
			     "carries data of %s%s%s%s", type ? type : usage, label ? " (" : "", label ? label : "",
			     label ? ")" : "");
}

/* Without udev, as in a small guest: the few signatures, from the disk itself. What that cannot tell is a note. */
static void find_signature(struct finding *finding, struct node *node, bool first)
{
	struct error error;
	const char *name = NULL;
	const char *problem = "this is another system";
	const char *text = NULL;
	int r = -ENOTSUP;
	if (finding->root->kind != ROOT_OFFLINE) {
		r = guard_find_signature(finding->root, finding->arena, node->device, OPEN_LIMIT_MS, &name, &error);
		problem = error.text;
	}
	if (name && !node->stacked)
		users_add_of(finding, node, USE_MEMBER, arena_printf(finding->arena, "%s data", name),
			     "carries data of %s", name);
	else if (r < 0 && r != -ENOMEDIUM && r != -ENXIO && first)
		text = arena_printf(
			finding->arena,
			"no udev database: not known whether %s carries data of LVM, RAID, ZFS or LUKS (%s)",
			node->name, problem);
	else if (!name && first)
		text = arena_printf(
			finding->arena,
			"no udev database: by its own look nestpci found no data of LVM, RAID, ZFS or LUKS on %s",
			node->name);
	if (text)
		users_add_for(finding, node, USE_UNKNOWN, false, "data not known", text);
}

static bool is_own_disk(const struct node *node)
{
	return node->is_block && !node->is_upper && node->device;
}

/* Once for each PCI device is enough. */
static bool is_first(struct finding *finding, const struct node *node)
{
	bool first = false;
	for (size_t i = 0; i < node->stake_count; i++) {
		struct owner *owner = &finding->owners[node->stakes[i].owner];
		first |= !owner->was_told;
		owner->was_told = true;
	}
	return first;
}

void users_find_members(struct finding *finding)
{
	if (!(finding->has & USERS_DISKS))
		return;
	bool has_database = root_exists(finding->root, "/run/udev/data");
	for (size_t i = 0; i < finding->node_count; i++) {
		struct node *node = &finding->nodes[i];
		if (!is_own_disk(node))
			continue;
		if (has_database)
			find_member(finding, node);
		else
			find_signature(finding, node, is_first(finding, node));
	}
}

static void find_claim(struct finding *finding, struct node *node, const char *brief, const char *text)
{
	struct error error;
	int r = guard_is_claimed(finding->root, finding->arena, node->device, OPEN_LIMIT_MS, &error);
	if (r > 0)
		users_add_of(finding, node, USE_CLAIMED, brief, "%s", text);
	else if (r < 0 && r != -ENXIO && r != -ENOMEDIUM)
		users_add_for(finding, node, USE_UNKNOWN, true, "claim",
			      arena_printf(finding->arena, "not known whether %s is claimed: %s", node->device,
					   error.text));
}

/* A use of a partition, whose folder is inside the disk's, explains the claim on the disk. */
static void explain_disk_of(struct finding *finding, const struct node *node)
{
	if (!node->explained || !node->is_block)
		return;
	size_t length = (size_t)(text_basename(node->path) - node->path) - 1;
	struct node *disk = users_node_by_path(finding, arena_strndup(finding->arena, node->path, length));
	if (disk)
		disk->explained = true;
}

void users_find_claims(struct finding *finding)
{
	/* The device nodes of an offline root are those of this machine. */
	if (finding->root->kind == ROOT_OFFLINE)
		return;
	for (size_t i = 0; i < finding->node_count; i++)
		explain_disk_of(finding, &finding->nodes[i]);
	/* Partitions come after their disk, and say more: backwards. */
	for (size_t i = finding->node_count; i-- > 0;) {
		struct node *node = &finding->nodes[i];
		if (is_own_disk(node) && !node->explained)
			find_claim(finding, node, "claimed",
				   "is claimed by the kernel or a program for itself (ZFS, an array, a target, another "
				   "namespace)");
		explain_disk_of(finding, node);
		/* A VFIO group can be open once only (vfio_group_fops_open()), and is as long as a device of it is. */
		if (strcmp(node->subsystem, "vfio") == 0 && node->device && !node->explained)
			find_claim(finding, node, "open, as by a VM",
				   "is open, as by a running VM (a process holds a device of the group)");
	}
}
