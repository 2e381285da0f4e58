/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/proxmox-file.h"

#include <errno.h>

#define NODES "/etc/pve/nodes"

static const char *path_on(struct arena *arena, const char *node, const char *vm)
{
	return arena_printf(arena, NODES "/%s/qemu-server/%s.conf", node, vm);
}

/* The one that has it. Of a single node there is no doubt, whatever the host is called. */
static int find_path(const struct root *root, struct arena *arena, const char *own, const char *vm, const char **ret,
		     struct error *error)
{
	struct list nodes = { .arena = arena };
	int r = root_list(root, arena, NODES, &nodes, error);
	if (root_absent(r))
		return error_set(error, -ENOENT,
				 "%s" NODES " is not there: no node of Proxmox VE, or pve-cluster does "
				 "not run",
				 root->name);
	if (r < 0)
		return r;
	if (nodes.count == 1)
		own = nodes.items[0];
	for (size_t i = 0; i < nodes.count; i++) {
		const char *path = path_on(arena, nodes.items[i], vm);
		if (!root_exists(root, path))
			continue;
		if (!text_equals(nodes.items[i], own))
			return error_set(error, -EREMOTE,
					 "VM %s is on node %s, and only that node changes it: run nestpci there", vm,
					 nodes.items[i]);
		*ret = path;
		return 0;
	}
	return error_set(error, -ENOENT, "there is no VM %s on this node ('qm list' shows those that there are)", vm);
}

int proxmox_file_read(const struct root *root, struct arena *arena, const char *vm, struct proxmox_file *ret,
		      struct error *error)
{
	struct slice text = slice_of("");
	struct proxmox_node node;
	struct proxmox_file file = { 0 };
	proxmox_node_open(root, arena, &node);
	int r = find_path(root, arena, node.name, vm, &file.path, error);
	if (r == 0)
		r = root_read(root, arena, file.path, &text, error);
	if (r < 0)
		return r;
	sha1_hex(text, file.digest);
	*ret = file;
	proxmox_config_parse(arena, text, node.release, &ret->config);
	proxmox_apply_pending(arena, &ret->config, &ret->next);
	return 0;
}
