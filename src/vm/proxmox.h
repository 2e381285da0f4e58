/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grammar of a Proxmox VE VM configuration, /etc/pve/nodes/NODE/qemu-server/ID.conf (qemu-server, parse_vm_config):
 *
 *   file    = lines of the main section, { heading, lines of that section }
 *   heading = "[PENDING]" | "[special:cloudinit]" | "[special:fleecing]" | "[SNAPSHOT]"
 *   line    = "#" description | KEY ":" [blanks] VALUE
 *
 * Nothing is lost: each line that is a setting is kept, with its number and as it stands, whether it is in force or not.
 * In force is the last one of a name in a section, if Proxmox VE takes its value.
 */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "vm/property-string.h"

enum proxmox_section_kind {
	PROXMOX_MAIN,
	PROXMOX_PENDING,
	PROXMOX_SNAPSHOT,
	PROXMOX_SPECIAL, /* "cloudinit", "fleecing": not of the VM's hardware */
	PROXMOX_UNKNOWN, /* skipped since 8.3.11, and dropped at the next write */
};

struct proxmox_entry {
	const char *key;
	const char *value;     /* as Proxmox VE has it: switches are "1" and "0" */
	struct slice spelling; /* the value as it stands, into the text */
	size_t line;           /* from 1 */
	const char *problem;   /* why Proxmox VE ignores it; NULL: it does not */
};

struct proxmox_section {
	enum proxmox_section_kind kind;
	const char *name;                /* "snap1", "cloudinit"; "" for the main section */
	size_t line;                     /* of its heading; 0 for the main section */
	bool replaced;                   /* a later section of the same name takes its place */
	const char *description;         /* decoded, without blanks at its end; NULL: none */
	const char *description_encoded; /* the same with "%0A" for a newline, as `qm config` prints it */
	struct proxmox_entry *entries;   /* all, as they stand */
	size_t count;
	struct proxmox_entry *in_force; /* sorted by key, each once */
	size_t in_force_count;
};

struct proxmox_config {
	struct slice text;
	struct release release;
	struct proxmox_section *sections; /* the first is the main one */
	size_t count;
	size_t settings;      /* entries that Proxmox VE takes, in all sections */
	size_t strange_line;  /* the first line that is no setting, comment or heading; 0: none */
	struct list problems; /* lines that Proxmox VE ignores, as sentences that begin with their number */
};

/* Every text is a configuration; what Proxmox VE would complain about is in `problems`. `text` must outlive the result. */
void proxmox_config_parse(struct arena *arena, struct slice text, struct release release, struct proxmox_config *ret);

/* The section in force, or NULL. `name`: of a snapshot or special section; else "". */
const struct proxmox_section *proxmox_find_section(const struct proxmox_config *config, enum proxmox_section_kind kind,
						   const char *name);

/* The entry in force, or NULL; also for NULL as the section. */
const struct proxmox_entry *proxmox_find(const struct proxmox_section *section, const char *key);

/* Its value, or NULL. */
const char *proxmox_get(const struct proxmox_section *section, const char *key);

/* Whether [PENDING] says that this key is to be deleted (delete: KEY,!KEY). */
bool proxmox_deletes(const struct proxmox_section *pending, const char *key);

/*
 * The main section with all pending changes made: what `qm config` prints and what the next start uses. Its `entries`
 * are not set.
 */
void proxmox_apply_pending(struct arena *arena, const struct proxmox_config *config, struct proxmox_section *ret);
