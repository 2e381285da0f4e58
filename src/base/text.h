/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings: slices of somebody else's text, lists of strings, a growing buffer, strict numbers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

/* A piece of text that belongs to somebody else. Not ended by NUL. */
struct slice {
	const char *start;
	size_t length;
};

static inline struct slice slice_of(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

static inline bool slice_equals(struct slice slice, const char *text)
{
	return strlen(text) == slice.length && memcmp(slice.start, text, slice.length) == 0;
}

/* Cuts the first line (without its newline) off the front of `rest`; false when nothing is left. */
bool slice_next_line(struct slice *rest, struct slice *line);

/* Cuts the first word between blanks and tabs off the front of `rest`; false when nothing is left. */
bool slice_next_word(struct slice *rest, struct slice *word);

struct slice slice_trim(struct slice slice);

static inline bool text_equals(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);

/* Bytes of the character of UTF-8 that a text begins with; 0: that is none, or the text ends. */
size_t text_character(const char *text);

/* Columns of a terminal that the first `length` bytes take: characters of UTF-8. */
size_t text_columns(const char *text, size_t length);

/* The part of a path behind its last slash. */
const char *text_basename(const char *path);

/*
 * A whole number, all of `text`, no sign, no blanks, at most `max`; base 10 or 16 (without 0x). Returns 0, -EINVAL or
 * -ERANGE.
 */
int text_to_number(const char *text, int base, uint64_t max, uint64_t *ret) MUST_CHECK;

/* A list of strings in an arena. `items` always has room for, and holds, a final NULL once something was added. */
struct list {
	struct arena *arena;
	const char **items;
	size_t count;
	size_t room;
};

void list_add(struct list *list, const char *text);
void list_printf(struct list *list, const char *format, ...) PRINTF_FORMAT(2, 3);
bool list_contains(const struct list *list, const char *text);
void list_sort(struct list *list);

/* A growing text in an arena; always ended by NUL. Start with { .arena = arena }. */
struct buffer {
	struct arena *arena;
	char *text;
	size_t length;
	size_t room;
};

void buffer_add(struct buffer *buffer, const char *bytes, size_t length);
void buffer_puts(struct buffer *buffer, const char *text);
void buffer_putc(struct buffer *buffer, char character);
void buffer_printf(struct buffer *buffer, const char *format, ...) PRINTF_FORMAT(2, 3);
