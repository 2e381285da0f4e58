/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text in columns that line up, for people. Widths are measured in characters of a terminal (UTF-8), not bytes.
 */
#pragma once

#include <stdio.h>

#include "report/text.h"

struct table {
	struct arena *arena;
	const char *const *headings; /* ended by NULL */
	struct list cells;           /* row after row; NULL cells are not allowed, "" is */
	const char *indent;          /* before each line, or NULL */
	const size_t *limits;        /* widest that each column gets where lines have a width, 0: any; NULL: all any */
};

/* Starts with `headings`, which must outlive the table. */
void table_start(struct table *table, struct arena *arena, const char *const *headings);

void table_add(struct table *table, const char *cell);

/*
 * Prints headings and rows. Where lines have a `width` (0: they have none, and nothing is cut) the last column is cut with
 * "..." to what is left, and the others to their limits.
 */
void table_print(const struct table *table, FILE *stream, size_t width);
