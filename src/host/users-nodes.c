/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel devices that belong to PCI devices: those with a folder below a PCI device's own. They are found from the
 * other end, in one pass for all PCI devices: /sys/dev has a link to every device that has a device node, /sys/class/net to
 * every network interface, and the path that each leads to names the PCI devices above it.
 */
#include <stdlib.h>

#include "host/users-internal.h"

#define DEV_CHAR "/sys/dev/char"

/* The deepest known are disks behind USB hubs behind a PCI device behind Intel's VMD: below 30. */
#define DEPTH_MAX 48

/* Those who lose what is found; NULL: the path tells. */
struct losers {
	const size_t *owners;
	size_t count;
};

static uint64_t number_key(dev_t number, bool is_block)
{
	return (uint64_t)number << 1 | is_block;
}

struct node *users_node_by_path(struct finding *finding, const char *path)
{
	size_t at = index_find_text(&finding->paths, path);
	return at == SIZE_MAX ? NULL : &finding->nodes[at];
}

struct node *users_node_by_number(struct finding *finding, dev_t number, bool is_block)
{
	size_t at = index_find_number(&finding->numbers, number_key(number, is_block));
	return at == SIZE_MAX ? NULL : &finding->nodes[at];
}

struct node *users_node_by_device(struct finding *finding, const char *device)
{
	size_t at = index_find_text(&finding->devices, device);
	return at == SIZE_MAX ? NULL : &finding->nodes[at];
}

struct node *users_add_node(struct finding *finding, const struct node *node)
{
	struct node *there = users_node_by_path(finding, node->path);
	if (there)
		return there;
	if (!finding->nodes || finding->node_count == finding->node_room) {
		finding->node_room = finding->node_room ? finding->node_room * 2 : 32;
		finding->nodes = arena_grow(finding->arena, finding->nodes, finding->node_count, finding->node_room,
					    sizeof(*finding->nodes));
	}
	size_t place = finding->node_count++;
	finding->nodes[place] = *node;
	index_put_text(&finding->paths, finding->arena, node->path, place);
	if (node->device) {
		index_put_text(&finding->devices, finding->arena, node->device, place);
		index_put_number(&finding->numbers, finding->arena, number_key(node->number, node->is_block), place);
	}
	return &finding->nodes[place];
}

void users_add_stake(struct finding *finding, struct node *node, size_t owner, const char *base)
{
	if (node->stake_count == node->stake_room) {
		node->stake_room = node->stake_room ? node->stake_room * 2 : 1;
		node->stakes = arena_grow(finding->arena, node->stakes, node->stake_count, node->stake_room,
					  sizeof(*node->stakes));
	}
	node->stakes[node->stake_count++] = (struct stake){ owner, base };
	unsigned int has = (node->device ? USERS_DEVICES : 0) | (node->is_block ? USERS_DISKS : 0) |
			   (strcmp(node->subsystem, "net") == 0 ? USERS_INTERFACES : 0);
	finding->owners[owner].has |= has;
	finding->has |= has;
}

static int compare_owners(const void *a, const void *b)
{
	return pci_address_compare(*(const struct pci_address *)a, ((const struct owner *)b)->function->address);
}

static const struct owner *find_owner(const struct finding *finding, const char *name, size_t length)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	struct pci_address address;
	if (length < 7 || length >= sizeof(text) || name[length - 2] != '.')
		return NULL;
	memcpy(text, name, length);
	text[length] = '\0';
	if (pci_address_parse(text, &address, NULL) < 0)
		return NULL;
	return bsearch(&address, finding->owners, finding->count, sizeof(*finding->owners), compare_owners);
}

/*
 * The deepest is the owner; those above it lose the device as well, but bridges, which nobody takes away: what is below a
 * bridge is told of the device there.
 */
size_t users_owners_of(const struct finding *finding, const char *path, size_t *ret, size_t room)
{
	size_t count = 0;
	const char *end = path + strlen(path);
	while (end > path && count < room) {
		const char *start = end;
		while (start > path && start[-1] != '/')
			start--;
		const struct owner *owner = find_owner(finding, start, (size_t)(end - start));
		if (owner && (count == 0 || !owner->function->is_bridge))
			ret[count++] = (size_t)(owner - finding->owners);
		end = start > path ? start - 1 : path;
	}
	return count;
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

static const char *subsystem_of(const struct finding *finding, const char *path)
{
	char *link;
	const char *name = arena_printf(finding->arena, "%s/subsystem", path);
	return root_read_link(finding->root, finding->arena, name, &link, NULL) < 0 ? NULL : text_basename(link);
}

static void add_for(struct finding *finding, const struct node *node, struct losers losers)
{
	if (users_node_by_path(finding, node->path))
		return;
	struct node *added = users_add_node(finding, node);
	for (size_t i = 0; i < losers.count; i++)
		users_add_stake(finding, added, losers.owners[i], NULL);
}

/* A device with a device node, by its link in /sys/dev. */
static void add_device(struct finding *finding, const char *path, dev_t number, bool is_block)
{
	size_t owners[USERS_OWNERS_MAX];
	struct losers losers = { owners, users_owners_of(finding, path, owners, USERS_OWNERS_MAX) };
	if (losers.count == 0)
		return;
	const char *subsystem = is_block ? "block" : subsystem_of(finding, path);
	add_for(finding,
		&(struct node){ .name = text_basename(path),
				.path = path,
				.subsystem = subsystem ? subsystem : "",
				.device = device_path(finding, path),
				.number = number,
				.is_block = is_block },
		losers);
}

struct node *users_add_upper(struct finding *finding, const struct block *block)
{
	struct node *there = users_node_by_path(finding, block->path);
	if (there)
		return there;
	return users_add_node(finding,
			      &(struct node){ .name = block->name,
					      .path = block->path,
					      .subsystem = "block",
					      .device = block->number ? device_path(finding, block->path) : NULL,
					      .number = block->number,
					      .is_block = true,
					      .is_upper = true });
}

/* A folder of a kernel device is one that has a link `subsystem`. */
static void add_if_device(struct finding *finding, const char *path, const struct losers *losers)
{
	char *number;
	size_t owners[USERS_OWNERS_MAX];
	struct losers own = { owners, 0 };
	const char *subsystem = subsystem_of(finding, path);
	if (!subsystem)
		return;
	struct node node = { .name = text_basename(path), .path = path, .subsystem = subsystem };
	node.is_block = strcmp(subsystem, "block") == 0;
	const char *file = arena_printf(finding->arena, "%s/dev", path);
	if (root_read_line(finding->root, finding->arena, file, &number, NULL) == 0 &&
	    users_parse_number(number, &node.number))
		node.device = device_path(finding, path);
	if (!losers)
		own.count = users_owners_of(finding, path, owners, USERS_OWNERS_MAX);
	add_for(finding, &node, losers ? *losers : own);
}

/* Folders that hold attributes only, and may be many: 64 queues of a network card, the CPUs of each queue of a disk. */
static bool holds_no_device(const char *name)
{
	static const char *const names[] = { "power", "queues", "queue", "mq", "statistics", "msi_irqs" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* The devices in a sysfs folder and below, following no link. */
static void walk(struct finding *finding, const char *path, const struct losers *losers, int depth)
{
	struct list folders = { .arena = finding->arena };
	if (depth > DEPTH_MAX || root_list_directories(finding->root, finding->arena, path, &folders, NULL) < 0)
		return;
	add_if_device(finding, path, losers);
	for (size_t i = 0; i < folders.count; i++)
		if (!holds_no_device(folders.items[i]))
			walk(finding, arena_printf(finding->arena, "%s/%s", path, folders.items[i]), losers, depth + 1);
}

static void walk_owners(struct finding *finding)
{
	for (size_t i = 0; i < finding->count; i++) {
		char *path;
		const char *link = pci_path(finding->arena, finding->owners[i].function->address, "");
		if (root_real_path(finding->root, finding->arena, link, &path, NULL) == 0)
			walk(finding, path, NULL, 0);
	}
}

/* False where that does not tell: on a system that runs there is always something (/dev/null). */
static bool add_characters(struct finding *finding)
{
	struct list entries = { .arena = finding->arena };
	if (root_list(finding->root, finding->arena, DEV_CHAR, &entries, NULL) < 0 || entries.count == 0)
		return false;
	for (size_t i = 0; i < entries.count; i++) {
		dev_t number;
		const char *path = users_follow(finding, DEV_CHAR, entries.items[i]);
		if (path && users_parse_number(entries.items[i], &number))
			add_device(finding, path, number, false);
	}
	return true;
}

static void add_interfaces(struct finding *finding)
{
	struct list names = { .arena = finding->arena };
	if (root_list(finding->root, finding->arena, "/sys/class/net", &names, NULL) < 0)
		return;
	for (size_t i = 0; i < names.count; i++) {
		size_t owners[USERS_OWNERS_MAX];
		const char *path = users_follow(finding, "/sys/class/net", names.items[i]);
		size_t count = path ? users_owners_of(finding, path, owners, USERS_OWNERS_MAX) : 0;
		if (count)
			add_for(finding,
				&(struct node){ .name = text_basename(path), .path = path, .subsystem = "net" },
				(struct losers){ owners, count });
	}
}

static int compare_places(const void *a, const void *b)
{
	size_t left = *(const size_t *)a;
	size_t right = *(const size_t *)b;
	return left < right ? -1 : left > right;
}

/*
 * With native multipath the disk of an NVMe controller is not below the controller, but below its subsystem, which has
 * a link to each controller (drivers/nvme/host/multipath.c).
 */
static void add_nvme_heads(struct finding *finding, const char *subsystem)
{
	struct list entries = { .arena = finding->arena };
	const char *folder = users_follow(finding, "/sys/class/nvme-subsystem", subsystem);
	if (!folder || root_list(finding->root, finding->arena, folder, &entries, NULL) < 0)
		return;
	size_t *owners = arena_alloc_array(finding->arena, entries.count + 1, USERS_OWNERS_MAX * sizeof(*owners));
	size_t found = 0;
	size_t count = 0;
	for (size_t i = 0; i < entries.count; i++) {
		const char *path = text_starts_with(entries.items[i], "nvme") ?
					   users_follow(finding, folder, entries.items[i]) :
					   NULL;
		if (path)
			found += users_owners_of(finding, path, owners + found, USERS_OWNERS_MAX);
	}
	if (found)
		qsort(owners, found, sizeof(*owners), compare_places);
	for (size_t i = 0; i < found; i++)
		if (count == 0 || owners[i] != owners[count - 1])
			owners[count++] = owners[i];
	if (count)
		walk(finding, folder, &(struct losers){ owners, count }, 0);
}

static void add_all_nvme_heads(struct finding *finding)
{
	struct list names = { .arena = finding->arena };
	if (root_list(finding->root, finding->arena, "/sys/class/nvme-subsystem", &names, NULL) < 0)
		return;
	for (size_t i = 0; i < names.count; i++)
		add_nvme_heads(finding, names.items[i]);
}

/*
 * Whoever holds /dev/vfio/GROUP (Documentation/driver-api/vfio.rst) may use every device of the group. Without an IOMMU
 * it is called noiommu-GROUP.
 */
static void add_vfio_group(struct finding *finding, const char *name, const struct index *members, const size_t *next)
{
	static const char unsafe[] = "noiommu-";
	char *text;
	dev_t number = 0;
	size_t owner = index_find_text(members, text_starts_with(name, unsafe) ? name + sizeof(unsafe) - 1 : name);
	const char *path = owner == SIZE_MAX ? NULL : users_follow(finding, "/sys/class/vfio", name);
	if (!path)
		return;
	const char *file = arena_printf(finding->arena, "%s/dev", path);
	if (root_read_line(finding->root, finding->arena, file, &text, NULL) < 0 || !users_parse_number(text, &number))
		number = 0;
	struct node *node = users_add_node(finding,
					   &(struct node){ .name = text_basename(path),
							   .path = path,
							   .subsystem = "vfio",
							   .device = arena_printf(finding->arena, "/dev/vfio/%s", name),
							   .number = number });
	for (; owner != SIZE_MAX; owner = next[owner])
		users_add_stake(finding, node, owner, NULL);
}

static void add_vfio_groups(struct finding *finding)
{
	struct list names = { .arena = finding->arena };
	struct index members = { 0 };
	if (root_list(finding->root, finding->arena, "/sys/class/vfio", &names, NULL) < 0 || names.count == 0)
		return;
	/* Each group's members as a chain, from the first to the last. */
	size_t *next = arena_alloc_array(finding->arena, finding->count + 1, sizeof(*next));
	size_t *last = arena_alloc_array(finding->arena, finding->count + 1, sizeof(*last));
	for (size_t i = 0; i < finding->count; i++) {
		const char *group = finding->owners[i].function->group;
		next[i] = SIZE_MAX;
		if (!group)
			continue;
		size_t first = index_find_text(&members, group);
		if (first == SIZE_MAX)
			index_put_text(&members, finding->arena, group, first = i);
		else
			next[last[first]] = i;
		last[first] = i;
	}
	for (size_t i = 0; i < names.count; i++)
		add_vfio_group(finding, names.items[i], &members, next);
}

void users_find_nodes(struct finding *finding)
{
	bool complete = users_read_blocks(finding);
	for (size_t i = 0; i < finding->blocks.count; i++)
		if (finding->blocks.items[i].number)
			add_device(finding, finding->blocks.items[i].path, finding->blocks.items[i].number, true);
	complete &= add_characters(finding);
	if (!complete)
		walk_owners(finding);
	add_interfaces(finding);
	add_all_nvme_heads(finding);
	add_vfio_groups(finding);
	for (size_t i = 0; i < finding->count; i++)
		users_find_nvidia(finding, i);
}
