/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One change: looking at it, doing it, taking it back. */
#pragma once

#include "change/change.h"

enum change_seen {
	SEEN_BEFORE, /* not done */
	SEEN_AFTER,  /* done */
	SEEN_OTHER,  /* somebody else's doing */
};

/* Of anything but a command. */
int change_look(const struct root *root, struct arena *arena, const struct change *change, enum change_seen *ret,
		struct error *error) MUST_CHECK;

/* Of a file or a setting: from what it was before, or shall be after the change, to what stands there now. */
const char *change_edited(const struct root *root, struct arena *arena, const struct change *change,
			  enum change_seen wanted);

/* Both do nothing where nothing is to be done. -ESTALE: SEEN_OTHER. */
int change_do(const struct root *root, struct arena *arena, const struct change *change, struct error *error)
	MUST_CHECK;
int change_take_back(const struct root *root, struct arena *arena, const struct change *change, struct error *error)
	MUST_CHECK;

/* Runs the program, of the root, of a change that is a command. */
int change_run(const struct root *root, struct arena *arena, const struct change *change, struct error *error)
	MUST_CHECK;
