/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Proxmox VE makes of `args:`, words for QEMU: Perl's Text::ParseWords::shellwords. Alike a shell but in this: no
 * character is special besides blanks, quotes and the backslash, which even in single quotes keeps a quote from ending
 * the word (and stays there); and where a quote is never closed, or a backslash is the last character, there is no error
 * but no word at all.
 */
#pragma once

#include "base/text.h"

/* False: there is an open quote or a final backslash, so that all of it is dropped, silently. */
bool proxmox_split_args(struct arena *arena, const char *text, struct list *ret);
