/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between two texts, as diff -u shows it and patch takes it: rescue shells have no diff of their own. */
#pragma once

#include "base/text.h"

/*
 * Adds a unified diff of `before` and `after` with three lines of context, headed by `before_name` and `after_name`
 * ("/dev/null": there is none). Nothing is added for equal texts; texts with a NUL are only said to differ. The fewest
 * lines are shown as changed, unless thousands are.
 */
void diff_unified(struct buffer *buffer, const char *before_name, struct slice before, const char *after_name,
		  struct slice after);
