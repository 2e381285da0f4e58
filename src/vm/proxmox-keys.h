/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The settings that a Proxmox VE configuration can hold, and what values of them Proxmox VE takes when it reads them
 * (qemu-server, $confdesc and check_type in QemuServer.pm). A setting that is not among these, or whose value is not
 * taken, is as if it were not there, and is lost when Proxmox VE writes the file again.
 */
#pragma once

#include "vm/property-string.h"

enum proxmox_type { PROXMOX_TEXT, PROXMOX_BOOLEAN, PROXMOX_INTEGER, PROXMOX_NUMBER };

struct proxmox_key {
	const char *name;
	enum proxmox_type type;
	unsigned int count; /* of those with a number behind the name: name0 to name(count-1); 0: without number */
	const struct property_format *format;
	struct release since;
};

/* NULL: no release knows it. */
const struct proxmox_key *proxmox_find_key(const char *name);

/*
 * The value as Proxmox VE has it once it is read: 1 and 0 for switches, whole numbers without leading zeros, one pair of
 * double quotes taken off. -EINVAL: it does not take it.
 */
int proxmox_check_value(struct arena *arena, const struct proxmox_key *key, const char *value, struct release release,
			const char **ret, struct error *error) MUST_CHECK;

/*
 * Whether the value is also one that the API's description of the setting allows: what `qm config` checks of all that it
 * prints, and reading does not: ranges, words, lengths. -EINVAL: it is not.
 */
int proxmox_verify_value(struct arena *arena, const struct proxmox_key *key, const char *value, struct release release,
			 struct error *error) MUST_CHECK;

extern const struct property_format proxmox_machine_format;
extern const struct property_format proxmox_hostpci_format;
extern const struct property_format proxmox_cpu_format;
