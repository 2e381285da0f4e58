/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text is a command line; its words, one blank between, are the same command line again. */
#include "fuzz.h"

#include "base/cmdline.h"

static void same_words(const struct cmdline *a, const struct cmdline *b)
{
	HOLDS(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		HOLDS(text_equals(a->words[i].word, b->words[i].word));
		HOLDS(text_equals(a->words[i].name, b->words[i].name));
		HOLDS(!a->words[i].value == !b->words[i].value);
		HOLDS(!a->words[i].value || text_equals(a->words[i].value, b->words[i].value));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct cmdline cmdline;
	struct cmdline again;
	struct buffer joined = { .arena = &arena };
	cmdline_parse((struct slice){ (const char *)data, size }, &arena, &cmdline);
	buffer_puts(&joined, "");
	for (size_t i = 0; i < cmdline.count; i++) {
		const struct cmdline_word *word = &cmdline.words[i];
		HOLDS(word->word[0] && !strchr(word->name, '-'));
		HOLDS(cmdline_find(&cmdline, word->name) >= word);
		HOLDS(!word->value || cmdline_find_item(&cmdline, word->name, "") || word->value[0]);
		buffer_puts(&joined, word->word);
		buffer_putc(&joined, ' ');
	}
	if (cmdline.count)
		joined.length--;
	cmdline_parse((struct slice){ joined.text, joined.length }, &arena, &again);
	same_words(&cmdline, &again);
	return 0;
}
