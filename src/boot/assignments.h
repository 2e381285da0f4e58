/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Assignments in files that a shell reads: /etc/default/grub, dracut.conf, mkinitcpio.conf. Evaluated is what needs no
 * shell: NAME=value, quotes, backslashes, continued lines, $NAME and ${NAME} of what was assigned before, export.
 * Whatever only a shell could tell (command substitution, conditions, functions, other files) makes the variables that
 * it may change not known, each with the place as its problem. Nothing is guessed.
 */
#pragma once

#include "base/text.h"

struct assignment {
	const char *path;
	unsigned int line;
	const char *name;
	const char *value;   /* of the variable from here on; NULL: not known */
	const char *added;   /* what this line gives it; less than `value` after "+="; NULL: not known */
	bool append;         /* "+=" */
	const char *problem; /* why it is not known: "PATH:LINE: ..."; NULL where it is */
};

struct assignments {
	struct arena *arena;
	const char *const *watched; /* names, ended by NULL: empty unless assigned, and guarded against all else */
	bool bash;                  /* "+=" and NAME=(...) are understood */

	struct assignment *items; /* in order, of all names */
	size_t count;
	size_t room;
	const char *broken; /* a place from which on a file could not be read at all: "PATH:LINE: ..."; or NULL */
};

/* Goes on with a further file. `path` must live as long as the arena. */
void assignments_read(struct assignments *assignments, const char *path, struct slice text);

/* The last one of that name, or NULL. */
const struct assignment *assignments_find(const struct assignments *assignments, const char *name);
