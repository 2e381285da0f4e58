/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/text.h"

/* Every byte of UTF-8 that does not continue a character begins one. */
static size_t characters(const char *text, size_t length)
{
	size_t count = 0;
	for (size_t i = 0; i < length; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

size_t report_width(const char *text)
{
	return characters(text, strlen(text));
}

/* What a terminal would act upon, or could not show: control characters (those of U+0080 too) and what is no UTF-8. */
static size_t printable(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	bool control = at[0] < ' ' || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0);
	return control ? 0 : text_character(text);
}

const char *report_printable(struct arena *arena, const char *text)
{
	const char *at = text;
	for (size_t length = 1; *at && length; at += length)
		length = printable(at);
	if (!*at)
		return text;
	char *copy = arena_strdup(arena, text);
	for (char *c = copy; *c;) {
		size_t length = printable(c);
		if (!length)
			*c = '?';
		c += length ? length : 1;
	}
	return copy;
}

void report_paragraph(FILE *stream, const char *text, size_t used, size_t indent, size_t width)
{
	bool first = true;
	for (; *text; first = false) {
		size_t length = strcspn(text, " ");
		size_t columns = characters(text, length);
		if (!first && width && used + 1 + columns > width) {
			fprintf(stream, "\n%*s", (int)indent, "");
			used = indent;
		} else if (!first) {
			fputc(' ', stream);
			used++;
		}
		fprintf(stream, "%.*s", (int)length, text);
		used += columns;
		text += length;
		text += *text == ' ';
	}
	fputc('\n', stream);
}
