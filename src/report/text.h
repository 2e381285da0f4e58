/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for terminals: cleaned of what would act on them. Widths are characters, not bytes. */
#pragma once

#include "base/text.h"

/* Columns that a text takes. */
size_t report_width(const char *text);

/* Every control character, and every byte that is no UTF-8, becomes '?': files and logs are other people's. */
const char *report_printable(struct arena *arena, const char *text);
