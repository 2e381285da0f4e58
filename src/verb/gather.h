/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every reader once, about everything there is: what a capture records, and nothing else. A reader that is new gets a row
 * in gather.c, and with it a place in every snapshot.
 */
#pragma once

#include "base/root.h"

struct gather_options {
	bool log; /* the kernel's log as well: it is long, and says more of its owner than all else */
};

/*
 * What whole readers failed with goes to `problems`, as sentences: what they found in detail, their models keep, and so
 * does the recorder.
 */
void gather_all(const struct root *root, struct arena *arena, const struct gather_options *options,
		struct list *problems);
