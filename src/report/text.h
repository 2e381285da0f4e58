/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for terminals: cleaned of what would act on them, and broken into lines. Widths are characters, not bytes. */
#pragma once

#include <stdio.h>

#include "base/text.h"

/* Columns that a text takes. */
size_t report_width(const char *text);

/* Every control character, and every byte that is no UTF-8, becomes '?': files and logs are other people's. */
const char *report_printable(struct arena *arena, const char *text);

/*
 * Prints a text after `used` columns of a line, broken at blanks so that no line is wider than `width` (0: not broken);
 * further lines begin in column `indent`. Ends with a newline. The text must be clean.
 */
void report_paragraph(FILE *stream, const char *text, size_t used, size_t indent, size_t width);
