/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM as its Proxmox VE configuration defines it. The configuration is turned into the words of the QEMU line that
 * matter here, in the order in which qemu-server puts them, and these are read as any line is (plain.h): what stands
 * before what, and what `args:` changes, comes out as it does for QEMU. Then what only a configuration knows is added.
 */
#pragma once

#include "vm/hostpci.h"
#include "vm/vm.h"

struct proxmox_definition {
	struct proxmox_node *node; /* the host that it is looked at from */
	const struct proxmox_config *config;
	const struct proxmox_section *settings; /* a snapshot's; NULL: the main section with pending changes made */
	const char *id;
	const char *path;
	const char *node_name;               /* whose VM it is, or NULL */
	const struct wrapper_state *wrapper; /* of the host; NULL: not looked at */
};

/* Always gives an answer; what Proxmox VE or QEMU would not take is in its `problems`. */
void proxmox_vm_read(struct arena *arena, const struct proxmox_definition *definition, struct vm *ret);
