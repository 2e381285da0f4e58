/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any line can be read or is refused; its spelling is kept byte for byte; its words, quoted, read back. */
#include "fuzz.h"

#include <errno.h>

#include "base/shell.h"

static void spelling_is_kept(struct arena *arena, struct slice text, const struct shell_line *line)
{
	struct buffer all = { .arena = arena };
	buffer_add(&all, "", 0);
	for (size_t i = 0; i < line->words.count; i++) {
		buffer_add(&all, line->spelled[i].gap.start, line->spelled[i].gap.length);
		buffer_add(&all, line->spelled[i].spelling.start, line->spelled[i].spelling.length);
	}
	buffer_add(&all, line->tail.start, line->tail.length);
	HOLDS(all.length == line->consumed && line->consumed <= text.length);
	HOLDS(memcmp(all.text, text.start, all.length) == 0);
}

static void words_read_back(struct arena *arena, const struct shell_line *line)
{
	struct buffer quoted = { .arena = arena };
	struct shell_line again;
	for (size_t i = 0; i < line->words.count; i++) {
		shell_quote(&quoted, line->words.items[i]);
		buffer_putc(&quoted, ' ');
	}
	HOLDS(shell_read_line(arena, (struct slice){ quoted.text, quoted.length }, &again, NULL) == 0);
	HOLDS(again.words.count == line->words.count);
	for (size_t i = 0; i < line->words.count; i++)
		HOLDS(text_equals(again.words.items[i], line->words.items[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct slice text = { (const char *)data, size };
	struct shell_line line;
	struct error error = { "" };
	int r = shell_read_line(&arena, text, &line, &error);
	HOLDS(r == 0 || ((r == -EINVAL || r == -ENODATA) && error.text[0]));
	if (r == 0) {
		spelling_is_kept(&arena, text, &line);
		words_read_back(&arena, &line);
	}
	return 0;
}
