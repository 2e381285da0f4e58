/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the levels have told so far: the console's lines, put together by level. */
#pragma once

#include "lab/lab.h"

#define LAB_LEVELS 3

struct story_level {
	const char *step;       /* what it did last; NULL: it has said nothing */
	const char *failed;     /* "bind nestpci bind ended with ...", or NULL */
	struct list log;        /* what its programs and its kernel said */
	struct buffer snapshot; /* as `nestpci capture` wrote it; empty: none */
};

struct story {
	struct arena *arena;
	struct lab_result *result; /* gets the rows and findings */
	struct story_level levels[LAB_LEVELS];
	size_t proved;          /* disks that L2 says it has read and written */
	bool done;              /* the innermost level has nothing more to say */
	const char *last_other; /* the last line that no level has marked: QEMU's own, or a kernel's panic */
	void (*progress)(struct arena *arena, unsigned int level, const char *text);
	size_t row_room;
	size_t finding_room;
};

void story_start(struct story *story, struct arena *arena, struct lab_result *result,
		 void (*progress)(struct arena *arena, unsigned int level, const char *text));

/* A line of the console, without its newline. */
void story_take(struct story *story, struct slice line);
