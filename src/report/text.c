/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/text.h"

size_t report_width(const char *text)
{
	return text_columns(text, strlen(text));
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
