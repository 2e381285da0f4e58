/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two texts, divided by the first NUL: what a diff shows, applied to the first, gives the second. */
#include "fuzz.h"

#include <stdlib.h>

#include "change/diff.h"

static struct slice take_line(struct slice *rest)
{
	const char *newline = memchr(rest->start, '\n', rest->length);
	struct slice line = { rest->start, newline ? (size_t)(newline - rest->start) + 1 : rest->length };
	rest->start += line.length;
	rest->length -= line.length;
	return line;
}

/* Copies lines of the text as it was, up to a line from 1, to the result. */
static void copy_up_to(struct slice *rest, size_t *line, size_t end, struct buffer *result)
{
	for (; *line < end && rest->length; ++*line) {
		struct slice copied = take_line(rest);
		buffer_add(result, copied.start, copied.length);
	}
}

/* Of a line of the diff that says it lacks its newline, the one that follows says so. */
static struct slice without_mark(struct slice line, struct slice *diff)
{
	if (diff->length && diff->start[0] == '\\') {
		take_line(diff);
		line.length--;
	}
	return line;
}

static void patch(struct slice diff, struct slice before, struct buffer *result)
{
	size_t at = 1;
	take_line(&diff);
	take_line(&diff);
	while (diff.length) {
		struct slice line = take_line(&diff);
		char sign = line.start[0];
		if (sign == '@') {
			char *end;
			size_t start = strtoul(line.start + 4, &end, 10);
			/* Of no line, the one before is named. */
			bool none = *end == ',' && strtoul(end + 1, NULL, 10) == 0;
			copy_up_to(&before, &at, start + none, result);
			continue;
		}
		struct slice text = without_mark((struct slice){ line.start + 1, line.length - 1 }, &diff);
		if (sign != '+') {
			struct slice old = take_line(&before);
			at++;
			HOLDS(old.length == text.length && memcmp(old.start, text.start, old.length) == 0);
		}
		if (sign != '-')
			buffer_add(result, text.start, text.length);
	}
	copy_up_to(&before, &at, SIZE_MAX, result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct buffer diff = { .arena = &arena };
	struct buffer result = { .arena = &arena };
	const char *text = arena_strndup(&arena, (const char *)data, size);
	size_t cut = strlen(text);
	struct slice before = { text, cut };
	struct slice after = { text + cut + (cut < size), size - cut - (cut < size) };
	if (memchr(after.start, '\0', after.length))
		return 0;
	buffer_puts(&diff, "");
	buffer_puts(&result, "");
	diff_unified(&diff, "a", before, "b", after);
	bool same = before.length == after.length && memcmp(before.start, after.start, after.length) == 0;
	HOLDS(same == (diff.length == 0));
	if (same)
		return 0;
	patch((struct slice){ diff.text, diff.length }, before, &result);
	HOLDS(result.length == after.length && memcmp(result.text, after.start, after.length) == 0);
	return 0;
}
