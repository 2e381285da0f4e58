/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The settings that a Proxmox VE configuration can hold, and what values of them Proxmox VE takes when it reads them
 * (qemu-server, $confdesc and check_type in QemuServer.pm). A setting that is not among these, or whose value is not
 * taken, is as if it were not there, and is lost when Proxmox VE writes the file again.
 */
#pragma once

#include "vm/proxmox-formats.h"

enum proxmox_type { PROXMOX_TEXT, PROXMOX_BOOLEAN, PROXMOX_INTEGER, PROXMOX_NUMBER };

struct proxmox_key {
	const char *name;
	enum proxmox_type type;
	unsigned int count; /* of those with a number behind the name: name0 to name(count-1); 0: without number */
	const struct property_format *format; /* what is taken, or NULL */
	bool (*is_taken)(const char *value);  /* likewise */
	struct release since;

	/* What `qm config` checks besides: see proxmox_verify_value(). Where both limits are 0 there are none. */
	int64_t least;
	int64_t most;
	const char *words;
	bool (*is_allowed)(const char *value);
	size_t length;    /* at most; 0: any */
	bool of_snapshot; /* of a snapshot or hibernation: checked since 9.0.23 only */
};

/* NULL: no release knows it. */
const struct proxmox_key *proxmox_find_key(const char *name);

/* Since when qemu-server knows this very name: of a kind of which there were fewer once, those behind came later. */
struct release proxmox_key_since(const struct proxmox_key *key, const char *name);

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
