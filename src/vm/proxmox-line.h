/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of a QEMU line that a Proxmox VE configuration becomes (qemu-server, config_to_command). */
#pragma once

#include "vm/hostpci.h"

struct proxmox_line {
	struct list words;
	size_t args_from;  /* index of the first word of `args:`; the count where there are none */
	bool args_dropped; /* see proxmox-args.h */
	bool q35;
	struct property_string machine; /* as read, or empty */
	struct property_string cpu;
	const char *machine_type; /* as given, or NULL */
	const char *type;         /* as it stands on the line */
	const char *cpu_default;
};

void proxmox_line_make(struct arena *arena, const struct proxmox_section *settings, struct release release,
		       const char *id, const struct hostpci devices[HOSTPCI_MAX], struct proxmox_line *ret);

/* "l26", "win11": what the guest runs; NULL: neither Windows nor Linux. */
const char *proxmox_os(const char *ostype);
