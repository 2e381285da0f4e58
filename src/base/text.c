/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool slice_next_line(struct slice *rest, struct slice *line)
{
	if (rest->length == 0)
		return false;
	const char *end = memchr(rest->start, '\n', rest->length);
	size_t length = end ? (size_t)(end - rest->start) : rest->length;
	*line = (struct slice){ rest->start, length };
	size_t cut = end ? length + 1 : length;
	*rest = (struct slice){ rest->start + cut, rest->length - cut };
	return true;
}

static bool is_blank(char character)
{
	return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

struct slice slice_trim(struct slice slice)
{
	while (slice.length && is_blank(slice.start[0])) {
		slice.start++;
		slice.length--;
	}
	while (slice.length && is_blank(slice.start[slice.length - 1]))
		slice.length--;
	return slice;
}

bool slice_next_word(struct slice *rest, struct slice *word)
{
	*rest = slice_trim(*rest);
	if (rest->length == 0)
		return false;
	size_t length = 0;
	while (length < rest->length && !is_blank(rest->start[length]))
		length++;
	*word = (struct slice){ rest->start, length };
	*rest = (struct slice){ rest->start + length, rest->length - length };
	return true;
}

bool text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text);
	size_t tail = strlen(suffix);
	return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}

/* RFC 3629, section 4: no surrogates, no longer forms than needed, nothing behind U+10FFFF. */
size_t text_character(const char *text)
{
	static const struct {
		unsigned char first[2]; /* from, to */
		unsigned char second[2];
		size_t length;
	} forms[] = {
		{ { 0x01, 0x7f }, { 0, 0xff }, 1 },    { { 0xc2, 0xdf }, { 0x80, 0xbf }, 2 },
		{ { 0xe0, 0xe0 }, { 0xa0, 0xbf }, 3 }, { { 0xe1, 0xec }, { 0x80, 0xbf }, 3 },
		{ { 0xed, 0xed }, { 0x80, 0x9f }, 3 }, { { 0xee, 0xef }, { 0x80, 0xbf }, 3 },
		{ { 0xf0, 0xf0 }, { 0x90, 0xbf }, 4 }, { { 0xf1, 0xf3 }, { 0x80, 0xbf }, 4 },
		{ { 0xf4, 0xf4 }, { 0x80, 0x8f }, 4 },
	};
	const unsigned char *at = (const unsigned char *)text;
	size_t form = 0;
	while (form < ARRAY_SIZE(forms) && (at[0] < forms[form].first[0] || at[0] > forms[form].first[1]))
		form++;
	if (form == ARRAY_SIZE(forms) || at[1] < forms[form].second[0] || at[1] > forms[form].second[1])
		return 0;
	for (size_t i = 2; i < forms[form].length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return forms[form].length;
}

size_t text_columns(const char *text, size_t length)
{
	size_t count = 0;
	/* Every byte that does not continue a character begins one. */
	for (size_t i = 0; i < length; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

const char *text_basename(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

int text_to_number(const char *text, int base, uint64_t max, uint64_t *ret)
{
	/* strtoull takes signs, blanks and 0x; a field of a specification has none of them. */
	bool digit = base == 16 ? isxdigit((unsigned char)text[0]) : isdigit((unsigned char)text[0]);
	if (!digit || (base == 16 && (text[1] == 'x' || text[1] == 'X')))
		return -EINVAL;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, base);
	if (*end != '\0')
		return -EINVAL;
	if (errno == ERANGE || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

void list_add(struct list *list, const char *text)
{
	if (list->count + 2 > list->room) {
		list->room = list->room ? list->room * 2 : 8;
		list->items = arena_grow(list->arena, list->items, list->count, list->room, sizeof(*list->items));
	}
	list->items[list->count++] = text;
	list->items[list->count] = NULL;
}

void list_printf(struct list *list, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	list_add(list, arena_vprintf(list->arena, format, args));
	va_end(args);
}

bool list_contains(const struct list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void list_sort(struct list *list)
{
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), compare_items);
}

static void make_room(struct buffer *buffer, size_t more)
{
	size_t needed = buffer->length + more + 1;
	if (needed <= buffer->room)
		return;
	size_t room = buffer->room ? buffer->room : 64;
	while (room < needed)
		room *= 2;
	buffer->text = arena_grow(buffer->arena, buffer->text, buffer->length, room, 1);
	buffer->room = room;
}

void buffer_add(struct buffer *buffer, const char *bytes, size_t length)
{
	make_room(buffer, length);
	if (length)
		memcpy(buffer->text + buffer->length, bytes, length);
	buffer->length += length;
	buffer->text[buffer->length] = '\0';
}

void buffer_puts(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_putc(struct buffer *buffer, char character)
{
	buffer_add(buffer, &character, 1);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	va_list again;
	va_start(args, format);
	va_copy(again, args);
	char none[1];
	int length = vsnprintf(none, sizeof(none), format, args);
	va_end(args);
	if (length > 0) {
		make_room(buffer, (size_t)length);
		vsnprintf(buffer->text + buffer->length, (size_t)length + 1, format, again);
		buffer->length += (size_t)length;
	}
	va_end(again);
}
