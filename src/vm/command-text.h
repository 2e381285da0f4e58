/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the QEMU command line in a text: what `qm showcmd` prints (also --pretty, and with lines before it), a script
 * with backslashes at the ends of lines, a line of ps, one word on each line, or words that are ended by NUL bytes as in
 * /proc/PID/cmdline.
 */
#pragma once

#include "base/error.h"
#include "base/text.h"

/*
 * -ENODATA: no line of it begins with QEMU; it may be something else. -EINVAL: there is one, and it cannot be read, or
 * there are two; `error` names the line.
 */
int command_text_read(struct arena *arena, struct slice text, struct list *ret, struct error *error) MUST_CHECK;

/*
 * The same where a line begins with something else and QEMU's words stand behind it, as ps prints them: without quotes,
 * so that words with blanks in them come apart. -ENODATA: there is none; -EINVAL: there are two.
 */
int command_text_read_unquoted(struct arena *arena, struct slice text, struct list *ret, struct error *error)
	MUST_CHECK;
