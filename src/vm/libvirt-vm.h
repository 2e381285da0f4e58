/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM as its libvirt XML defines it. As for Proxmox VE, the definition is turned into the words of the QEMU line that
 * libvirt makes of it, and these are read as any line is (plain.h); then what only the XML, or only libvirt, knows is added.
 */
#pragma once

#include "vm/libvirt-tree.h"
#include "vm/vm.h"

/* A domain: what libvirt says of it, or a file. */
struct libvirt_domain {
	const char *uri;  /* of the libvirt whose it is; NULL: of a file */
	const char *path; /* for messages */
	bool elsewhere;   /* that libvirt is of another machine */
	uint32_t libvirt; /* its version and that of its QEMU: 9.0.0 is 9000000; 0: not known */
	uint32_t qemu;
	const struct element *definition; /* as the next start makes it; NULL: it has none (transient) */
	const struct element *live;       /* as it runs; NULL: it does not */
	const char *state;                /* "running", "shut off": virsh's words; NULL: not known */
	enum vm_answer active;
	enum vm_answer autostart;
	enum vm_answer managed_save;
};

/* `root`: of the host that runs it; may be NULL. Always gives an answer; what QEMU would not take is in its `problems`. */
void libvirt_vm_read(const struct root *root, struct arena *arena, const struct libvirt_domain *domain, struct vm *ret);
