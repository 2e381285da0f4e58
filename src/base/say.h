/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is said to people. Data goes to stdout; messages go to stderr, each beginning with the program's name. Only
 * verbs (and the lab, which shows its progress) say anything.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/cleanup.h"

/* A line to stderr: "nestpci: ...". */
void say(const char *format, ...) PRINTF_FORMAT(1, 2);

/* Colours are for terminals, and NO_COLOR (no-color.org) switches them off. */
bool say_in_colour(FILE *stream);

/*
 * Flushes stdout, and tells whether everything that was written to it arrived. Returns 0 or a negative errno; a verb
 * that cannot deliver its data has not done its job.
 */
int say_flush(void);
