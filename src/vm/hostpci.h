/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hostpciN of a Proxmox VE configuration, and what they stand for on a node (qemu-server, QemuServer/PCI.pm). */
#pragma once

#include "vm/proxmox-node.h"
#include "vm/proxmox.h"

#define HOSTPCI_MAX 16

struct hostpci {
	const struct proxmox_entry *entry; /* NULL: not set */
	struct property_string keys;
	struct list ids;     /* "0000:01:00.0": of all functions that are given, or of all alternatives */
	size_t first_count;  /* how many of them are of the first alternative: what a line is made with */
	bool any_of;         /* they are alternatives */
	const char *problem; /* why they are not known; NULL: they are */
};

/* Fills `ret`, one for each number. `elsewhere`: the VM is of another node, so that addresses mean nothing here. */
void hostpci_read(struct proxmox_node *node, const struct proxmox_section *settings, bool elsewhere,
		  struct hostpci ret[HOSTPCI_MAX]);

/* The type of a mediated device, or NULL: whole devices are handed over. */
const char *hostpci_mdev(const struct hostpci *device);
