/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the words of a shell's file begin and end, whatever they hold, and what they mean where no shell is needed. */
#pragma once

#include "boot/assignments.h"

/* Linux takes 2 to 4 KiB of command line (COMMAND_LINE_SIZE); A=$A$A must not fill the memory. */
#define SHELL_VALUE_MAX ((size_t)8 * 1024)

struct shell_scan {
	const char *path;
	struct slice text;
	size_t position;
	size_t counted; /* up to where `line` counts */
	unsigned int line;
};

/* The line, from 1, of a position that is not before those asked for already. */
unsigned int shell_scan_line(struct shell_scan *scan, size_t position);

/* Over blanks, continued lines and a comment. */
void shell_scan_blanks(struct shell_scan *scan);

/*
 * Over one word: quotes, backslashes and substitutions included. False: something in it is never closed, or is nested
 * deeper than anybody writes.
 */
bool shell_scan_word(struct shell_scan *scan, struct slice *ret);

/* Bytes of the name that a text begins with (XBD 3.216); 0: none. */
size_t shell_name_length(struct slice text);

/*
 * What the value of an assignment means. NULL: only a shell could tell; `ret_reason` says why, without a place.
 */
const char *shell_expand(const struct assignments *assignments, struct slice raw, const char **ret_reason);

/* Whether an expansion in `raw` assigns to `name`: ${NAME:=word} or ${NAME=word}; or, if not `only_assigning`, names it. */
bool shell_mentions(struct slice raw, const char *name, bool only_assigning);
