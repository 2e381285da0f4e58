/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines and words are pieces of the text, in order, and none is lost; numbers are within their limit. */
#include "fuzz.h"

#include <errno.h>

#include "base/text.h"

static void lines_cover_the_text(struct slice text)
{
	struct slice rest = text;
	struct slice line;
	size_t seen = 0;
	while (slice_next_line(&rest, &line)) {
		HOLDS(line.start == text.start + seen);
		seen += line.length;
		HOLDS(seen <= text.length);
		seen += seen < text.length && text.start[seen] == '\n';
	}
	HOLDS(seen == text.length);
}

static void words_hold_no_blanks(struct slice text)
{
	struct slice rest = text;
	struct slice word;
	while (slice_next_word(&rest, &word)) {
		HOLDS(word.length > 0 && slice_trim(word).length == word.length);
		HOLDS(word.start >= text.start && word.start + word.length <= text.start + text.length);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct slice text = { (const char *)data, size };
	uint64_t number = 0;
	const char *copy = arena_strndup(&arena, text.start, text.length);
	lines_cover_the_text(text);
	words_hold_no_blanks(text);
	for (int base = 10; base <= 16; base += 6) {
		int r = text_to_number(copy, base, 0xffff, &number);
		HOLDS(r == 0 || r == -EINVAL || r == -ERANGE);
		HOLDS(r < 0 || number <= 0xffff);
	}
	return 0;
}
