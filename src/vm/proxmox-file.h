/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of one VM of this node, read for changing it. */
#pragma once

#include "base/sha1.h"
#include "vm/proxmox.h"
#include "vm/proxmox-node.h"

struct proxmox_file {
	const char *path;
	char digest[SHA1_TEXT_MAX]; /* what `qm set --digest` wants: nobody has changed it since */
	struct proxmox_config config;
	struct proxmox_section next; /* as the next start uses it: pending changes made */
};

/* -EREMOTE: the VM is on another node; -ENOENT: on none. The text names the node. */
int proxmox_file_read(const struct root *root, struct arena *arena, const char *vm, struct proxmox_file *ret,
		      struct error *error) MUST_CHECK;
