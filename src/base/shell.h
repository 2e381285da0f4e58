/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shell words: reading a command line as somebody would paste it, and writing one that can be pasted.
 *
 * Understood is what a POSIX shell does to words without knowing anything (XCU 2.2 Quoting): blanks between words,
 * 'single', "double", backslash, backslash-newline. What would need a shell to know ($VAR, `command`, *, ;, >, ...)
 * is refused where it stands unquoted, because its value is not on the line.
 */
#pragma once

#include "base/error.h"
#include "base/text.h"

/* A word as it was spelled, and the blanks before it; both point into the text that was read. */
struct shell_word {
	struct slice gap;
	struct slice spelling;
};

struct shell_line {
	struct list words;          /* what they mean */
	struct shell_word *spelled; /* how they stood: one for each word */
	struct slice tail;          /* blanks behind the last word */
	size_t consumed;            /* bytes of the text that belong to this line, its newline not counted */
};

/*
 * Reads one line: up to a newline outside quotes, or the end. -EINVAL: an open quote, or something that only a shell
 * could know; `error` names the column. -ENODATA: no word on it.
 */
int shell_read_line(struct arena *arena, struct slice text, struct shell_line *ret, struct error *error) MUST_CHECK;

/* Adds a word in a spelling that every POSIX shell reads as that word; bare where that is safe. */
void shell_quote(struct buffer *buffer, const char *word);
