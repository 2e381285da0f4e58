/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel devices that belong to a PCI device: everything with a folder below the PCI device's own. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "host/iommu.h"
#include "host/pci.h"
#include "host/users-internal.h"

/* The deepest known are disks behind USB hubs behind a PCI device behind Intel's VMD: below 30. */
#define DEPTH_MAX 48

/* "259:3" */
static bool parse_number(const char *text, dev_t *ret)
{
	uint64_t major;
	uint64_t minor;
	char left[16];
	size_t length = strcspn(text, ":");
	if (text[length] != ':' || length >= sizeof(left))
		return false;
	memcpy(left, text, length);
	left[length] = '\0';
	if (text_to_number(left, 10, UINT32_MAX, &major) < 0 ||
	    text_to_number(text + length + 1, 10, UINT32_MAX, &minor) < 0)
		return false;
	*ret = makedev((unsigned int)major, (unsigned int)minor);
	return true;
}

/* The kernel's own name for the device node (uevent: DEVNAME=dri/card0); else its name, in which '!' stands for '/'. */
static const char *device_path(const struct finding *finding, const char *path)
{
	struct slice uevent = { "", 0 };
	struct slice line;
	const char *name = arena_printf(finding->arena, "%s/uevent", path);
	(void)!root_read(finding->root, finding->arena, name, &uevent, NULL);
	while (slice_next_line(&uevent, &line))
		if (line.length > 8 && memcmp(line.start, "DEVNAME=", 8) == 0)
			return arena_printf(finding->arena, "/dev/%.*s", (int)line.length - 8, line.start + 8);
	char *copy = arena_printf(finding->arena, "/dev/%s", text_basename(path));
	for (char *c = copy; *c; c++)
		if (*c == '!')
			*c = '/';
	return copy;
}

/* A folder of a kernel device is one that has a link `subsystem`. */
static void add_if_device(struct finding *finding, size_t owner, const char *path, const char *base)
{
	struct arena *arena = finding->arena;
	char *link;
	char *number;
	if (root_read_link(finding->root, arena, arena_printf(arena, "%s/subsystem", path), &link, NULL) < 0)
		return;
	struct node node = { .owner = owner, .name = text_basename(path), .path = path, .base = base };
	node.subsystem = text_basename(link);
	node.is_block = strcmp(node.subsystem, "block") == 0;
	if (root_read_line(finding->root, arena, arena_printf(arena, "%s/dev", path), &number, NULL) == 0 &&
	    parse_number(number, &node.number))
		node.device = device_path(finding, path);
	users_add_node(finding, &node);
}

static bool is_directory(DIR *directory, const struct dirent *entry)
{
	struct stat status;
	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

static void walk(struct finding *finding, size_t owner, const char *path, const char *base, int depth)
{
	AUTO_CLOSE int fd = root_open_file(finding->root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, NULL);
	if (fd < 0 || depth > DEPTH_MAX)
		return;
	AUTO_CLOSEDIR DIR *directory = fdopendir(fd);
	if (!directory)
		return;
	TAKE_FD(fd);
	add_if_device(finding, owner, path, base);
	const struct dirent *entry;
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.' && is_directory(directory, entry))
			walk(finding, owner, arena_printf(finding->arena, "%s/%s", path, entry->d_name), base,
			     depth + 1);
}

void users_walk(struct finding *finding, size_t owner, const char *path, const char *base)
{
	walk(finding, owner, path, base, 0);
}

/*
 * With native multipath the disk of an NVMe controller is not below the controller, but below its subsystem, which has
 * a link to each controller (drivers/nvme/host/multipath.c).
 */
static void add_nvme_heads(struct finding *finding)
{
	struct arena *arena = finding->arena;
	struct list subsystems = { .arena = arena };
	if (root_list(finding->root, arena, "/sys/class/nvme-subsystem", &subsystems, NULL) < 0)
		return;
	size_t own = finding->node_count;
	for (size_t i = 0; i < own; i++) {
		struct node controller = finding->nodes[i];
		for (size_t j = 0; j < subsystems.count && strcmp(controller.subsystem, "nvme") == 0; j++) {
			char *path;
			const char *folder = arena_printf(arena, "/sys/class/nvme-subsystem/%s", subsystems.items[j]);
			if (root_exists(finding->root, arena_printf(arena, "%s/%s", folder, controller.name)) &&
			    root_real_path(finding->root, arena, folder, &path, NULL) == 0)
				users_walk(finding, controller.owner, path, NULL);
		}
	}
}

/* Whoever holds /dev/vfio/GROUP (Documentation/driver-api/vfio.rst) may use every device of the group. */
static void add_vfio_group(struct finding *finding, size_t owner)
{
	const char *group;
	char *path;
	if (iommu_group_of(finding->root, finding->arena, finding->addresses[owner], &group, NULL) < 0)
		return;
	const char *link = arena_printf(finding->arena, "/sys/class/vfio/%s", group);
	if (root_real_path(finding->root, finding->arena, link, &path, NULL) < 0)
		return;
	size_t before = finding->node_count;
	users_walk(finding, owner, path, NULL);
	if (finding->node_count > before)
		finding->nodes[before].device = arena_printf(finding->arena, "/dev/vfio/%s", group);
}

int users_find_nodes(struct finding *finding, struct error *error)
{
	for (size_t i = 0; i < finding->count; i++) {
		char *path;
		const char *link = pci_path(finding->arena, finding->addresses[i], "");
		int r = root_real_path(finding->root, finding->arena, link, &path, error);
		if (root_absent(r))
			return error_set(error, -ENODEV, "there is no PCI device %s", text_basename(link));
		if (r < 0)
			return r;
		users_walk(finding, i, path, NULL);
		add_vfio_group(finding, i);
		users_find_nvidia(finding, i);
	}
	add_nvme_heads(finding);
	return 0;
}
