/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one look gave, kept as evidence: where we looked, what stood there, or why we do not know. Absent, unreadable and
 * wrong are three things, from here up to the verdict. Models are made of these wherever a verdict may rest on them.
 */
#pragma once

#include "base/root.h"

enum fact_state {
	FACT_UNASKED,    /* nobody looked */
	FACT_KNOWN,      /* `text` (and `number`, where one was asked for) */
	FACT_ABSENT,     /* there is no such thing */
	FACT_UNREADABLE, /* it is there, or may be; `problem` says why we do not know */
	FACT_WRONG,      /* `text` is there, and is not what it should be; `problem` says so */
};

struct fact {
	enum fact_state state;
	bool denied;         /* FACT_UNREADABLE for want of permission: root would tell */
	const char *path;    /* where; never NULL once asked */
	const char *text;    /* what stood there, as it stood, without blanks at its end; NULL unless KNOWN or WRONG */
	const char *problem; /* a sentence; NULL unless UNREADABLE or WRONG */
	int64_t number;      /* where the reader gives one */
};

static inline bool fact_known(const struct fact *fact)
{
	return fact->state == FACT_KNOWN;
}

static inline bool fact_absent(const struct fact *fact)
{
	return fact->state == FACT_ABSENT;
}

/* Neither known nor absent: no verdict may rest on it. */
static inline bool fact_unknown(const struct fact *fact)
{
	return fact->state != FACT_KNOWN && fact->state != FACT_ABSENT;
}

/* KNOWN with this text. */
bool fact_is(const struct fact *fact, const char *text);

/* A file of one line. `path` must live as long as the fact. */
struct fact fact_read_line(const struct root *root, struct arena *arena, const char *path);

/* The same as a number in base 10 or 16 (with or without 0x; a minus is allowed in base 10), FACT_WRONG if it is none. */
struct fact fact_read_number(const struct root *root, struct arena *arena, const char *path, int base);

/* What a line that was read says as such a number; nothing where it is not KNOWN. */
void fact_parse_number(struct arena *arena, struct fact *fact, int base);

/* A switch of the kernel's: Y, N, 1, 0 (and more than 1), on, off; `number` is 1 or 0. */
struct fact fact_read_switch(const struct root *root, struct arena *arena, const char *path);

/* What a symbolic link holds; `text` is the last part of it. */
struct fact fact_read_link_name(const struct root *root, struct arena *arena, const char *path);

/* Whether something is there at all: KNOWN (without text) or ABSENT, or UNREADABLE. */
struct fact fact_exists(const struct root *root, struct arena *arena, const char *path);

/* The fact that comes of the result `code` of a reader of base/root.h; `error` is what it said. */
struct fact fact_of(struct arena *arena, const char *path, const char *text, int code, const struct error *error);
