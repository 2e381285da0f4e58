/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the private-*.c files share. */
#pragma once

#include "base/snapshot.h"
#include "host/private-text.h"

struct private_state {
	const struct snapshot *from;
	struct snapshot *to;
	struct arena *arena; /* for what is soon copied: of the directory at hand */
	struct private_map map;
	size_t processes; /* left out */
	size_t passwords;
};

/* private-names.c: the words that are names, found where such names are known to stand. */
void private_find_words(struct private_state *state, const struct list *host_names);

/* private-files.c: what a file may hold without what is private in it. A NULL start: nothing of it. */
struct slice private_content(struct private_state *state, const char *path, struct slice content);

/* The value of a line "KEY: value" or "KEY=value"; false: it is another. */
bool private_value(struct slice line, const char *key, struct slice *ret);

/* Whether a path is that of a Proxmox VE configuration of a VM. */
bool private_is_pve_config(const char *path);

/* The name that a host or VM is called by, where it surely stands: replaced even if it is an ordinary word. */
const char *private_name(struct private_state *state, enum private_kind kind, struct slice name);

/* "guest=NAME" or plain NAME of QEMU's option -name. */
struct slice private_vm_of_option(struct slice value);

/* private-libvirt.c: the answers to questions "libvirt/...": the names in them, and these without what is private. */
bool private_is_libvirt_answer(const char *path);
typedef void private_found(struct private_state *state, enum private_kind kind, struct slice name);
void private_find_domains(struct private_state *state, struct slice answer, private_found *found);
struct slice private_libvirt_answer(struct private_state *state, struct slice answer);

/* Walks all that is there. `visit` is called with the path; the arena is the state's. */
typedef void private_visit(struct private_state *state, const char *path, const struct snapshot_node *node);
void private_walk(struct private_state *state, const struct snapshot_node *directory, private_visit *visit);
