/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is said to people. Data goes to stdout; messages go to stderr, each beginning with the program's name. Only
 * verbs (and the lab, which shows its progress) say anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"

/* A line to stderr: "nestpci: ...". */
void say(const char *format, ...) PRINTF_FORMAT(1, 2);

/* Colours are for terminals, and NO_COLOR (no-color.org) switches them off. */
bool say_in_colour(FILE *stream);

/* Columns of the terminal behind a stream; 0 when it is none, or not known. */
size_t say_width(FILE *stream);

/* Prints text after what stands on the line already, broken at blanks to fit `width` (0: not broken) columns. */
void say_wrapped(FILE *stream, const char *text, size_t used, size_t indent, size_t width);

/*
 * Flushes stdout, and tells whether everything that was written to it arrived. Returns 0 or a negative errno; a verb
 * that cannot deliver its data has not done its job.
 */
int say_flush(void);
