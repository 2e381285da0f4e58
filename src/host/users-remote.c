/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Storage that comes over the network. Which interface it comes over is for routing to decide, packet by packet: any
 * network card whose interface is up may be the one.
 */
#include "host/users-internal.h"

#define NET "/sys/class/net"
#define FABRICS "/sys/class/nvme-fabrics/ctl"

/* IFF_UP of `flags`, "0x1003". Not to be known is up. */
static bool is_up(const struct finding *finding, const struct node *node)
{
	char *text;
	uint64_t flags;
	int r = root_read_line(finding->root, finding->arena, arena_printf(finding->arena, "%s/flags", node->path),
			       &text, NULL);
	if (root_absent(r))
		return false;
	return r < 0 || !text_starts_with(text, "0x") || text_to_number(text + 2, 16, UINT32_MAX, &flags) < 0 ||
	       (flags & 1);
}

/* 9p mostly comes from the machine that this one is a guest of. */
static bool is_remote(struct finding *finding, const struct mount *mount)
{
	static const char *const types[] = { "nfs", "nfs4", "cifs", "smb3", "ceph" };
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (slice_equals(mount->type, types[i]))
			return true;
	const char *options = arena_strndup(finding->arena, mount->options.start, mount->options.length);
	return slice_equals(mount->type, "9p") && !strstr(options, "trans=virtio") && !strstr(options, "trans=xen");
}

/* That mountinfo cannot be read is told in users-mount.c. */
static void find_mounts(struct finding *finding, struct list *ret)
{
	struct slice text;
	struct slice line;
	if (root_read(finding->root, finding->arena, "/proc/self/mountinfo", &text, NULL) < 0)
		return;
	while (slice_next_line(&text, &line)) {
		struct mount mount;
		if (users_parse_mount(line, &mount) && is_remote(finding, &mount))
			list_printf(ret, "%.*s at %.*s (%.*s)", (int)mount.source.length, mount.source.start,
				    (int)mount.point.length, mount.point.start, (int)mount.type.length,
				    mount.type.start);
	}
}

static void find_iscsi(struct finding *finding, struct list *ret)
{
	struct list names = { .arena = finding->arena };
	struct error error;
	int r = root_list(finding->root, finding->arena, "/sys/class/iscsi_session", &names, &error);
	if (r < 0 && !root_absent(r))
		list_printf(ret, "iSCSI (%s)", error.text);
	for (size_t i = 0; i < names.count; i++)
		list_printf(ret, "the iSCSI %s", names.items[i]);
}

static void find_fabrics(struct finding *finding, struct list *ret)
{
	struct arena *arena = finding->arena;
	struct list names = { .arena = arena };
	struct error error;
	int r = root_list(finding->root, arena, FABRICS, &names, &error);
	if (r < 0 && !root_absent(r))
		list_printf(ret, "NVMe over fabrics (%s)", error.text);
	for (size_t i = 0; i < names.count; i++) {
		char *transport;
		const char *path = arena_printf(arena, FABRICS "/%s/transport", names.items[i]);
		if (root_read_line(finding->root, arena, path, &transport, NULL) == 0 &&
		    (strcmp(transport, "tcp") == 0 || strcmp(transport, "rdma") == 0))
			list_printf(ret, "the NVMe controller %s (%s)", names.items[i], transport);
	}
}

static void report_up(struct finding *finding, const struct node *node, const struct list *storage)
{
	/* It has the default route, and is refused for that. */
	if (node->explained || !is_up(finding, node))
		return;
	if (storage->count)
		users_add_for(finding, node, USE_UNKNOWN, true, "remote storage",
			      arena_printf(finding->arena,
					   "%s is up, and %s%s may run over it; take the interface down first (ip link "
					   "set %s down)",
					   node->name, storage->items[0],
					   storage->count > 1 ? " and other remote storage" : "", node->name));
	else
		users_add_for(finding, node, USE_NETWORK, false, "network",
			      arena_printf(finding->arena, "%s is up", node->name));
}

/* A card with a driver and without an interface: that may be in a container. */
static void report_hidden(struct finding *finding, size_t owner)
{
	const struct pci_function *function = finding->owners[owner].function;
	if (!(finding->owners[owner].has & USERS_INTERFACES) && function->class >> 16 == 0x02 && function->driver &&
	    strcmp(function->driver, "vfio-pci") != 0 && strcmp(function->driver, "pci-stub") != 0)
		users_add(finding, owner, USE_NETWORK, false, "network",
			  "driver %s shows no network interface of it here: there may be one in another network "
			  "namespace",
			  function->driver);
}

void users_find_remote(struct finding *finding)
{
	struct list storage = { .arena = finding->arena };
	if (finding->has & USERS_INTERFACES) {
		find_mounts(finding, &storage);
		find_iscsi(finding, &storage);
		find_fabrics(finding, &storage);
	}
	for (size_t i = 0; i < finding->node_count; i++)
		if (strcmp(finding->nodes[i].subsystem, "net") == 0)
			report_up(finding, &finding->nodes[i], &storage);
	for (size_t i = 0; i < finding->count; i++)
		report_hidden(finding, i);
}
