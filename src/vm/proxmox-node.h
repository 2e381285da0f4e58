/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Proxmox VE node, as far as its VMs need it: its name, the version of qemu-server, which of its VMs are HA's, what
 * mappings stand for, and which PCI functions it has. Each is read when it is first asked for, and once.
 */
#pragma once

#include "base/pci-address.h"
#include "base/root.h"
#include "vm/mapping.h"
#include "vm/property-string.h"

/* A VM that HA knows. */
struct proxmox_managed {
	const char *id;
	const char *state;  /* what is asked for: "started", "stopped", "disabled", "ignored" */
	const char *status; /* what HA's manager made of it: "started", "error"; NULL: it has not said */
};

struct proxmox_node {
	const struct root *root; /* NULL: there is no host to look at */
	struct arena *arena;
	const char *name;       /* NULL: not known */
	struct release release; /* of qemu-server; all 0: not known */

	bool functions_read;
	struct list functions; /* "0000:01:00.0", sorted */
	const char *functions_problem;
	bool mappings_read;
	struct mappings mappings;
	const char *mappings_problem;
	bool managed_read;
	struct proxmox_managed *managed;
	size_t managed_count;
	const char *managed_problem;
};

/* `root` may be NULL. */
void proxmox_node_open(const struct root *root, struct arena *arena, struct proxmox_node *ret);

/* NULL: there is none of that name, or (then `problem` says why) it is not known. */
const struct mapping *proxmox_node_mapping(struct proxmox_node *node, const char *name, const char **ret_problem);

/*
 * What HA knows of this VM (/etc/pve/ha/resources.cfg, manager_status), or NULL. "ignored": it leaves it alone; in any other
 * state, disabled included, it starts and stops it.
 */
const struct proxmox_managed *proxmox_node_managed(struct proxmox_node *node, const char *id);

/* Whether HA starts and stops this VM. */
bool proxmox_node_manages(struct proxmox_node *node, const char *id);

/*
 * The functions of the host whose address begins as `id` does, "0000:" before it or not: "01:00" is a whole slot. Adds
 * them to `hosts`. Returns NULL, or why there are none.
 */
const char *proxmox_node_find_functions(struct proxmox_node *node, const char *id, struct list *hosts);
