/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cmdline.h"

/* The kernel's isspace() (lib/ctype.c) counts the no-break space of Latin-1 among the blanks. */
static bool is_blank(char character)
{
	return (character >= '\t' && character <= '\r') || character == ' ' || (unsigned char)character == 0xa0;
}

static char fold(char character)
{
	if (character == '-')
		return '_';
	return character;
}

static bool same_name(const char *a, const char *b)
{
	while (*a && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return fold(*a) == fold(*b);
}

/* The word at the front of `text`, to a blank outside quotes; `ret_equals` is where its first "=" but one in front is. */
static size_t word_length(struct slice text, size_t *ret_equals)
{
	bool quoted = false;
	size_t length = 0;
	/* A quote in front is no part of the word (next_arg() in lib/cmdline.c), so it is no place before a "=" either. */
	size_t first = text.start[0] == '"' ? 1 : 0;
	*ret_equals = 0;
	for (; length < text.length && (quoted || !is_blank(text.start[length])); length++) {
		if (text.start[length] == '=' && *ret_equals == 0 && length > first)
			*ret_equals = length;
		if (text.start[length] == '"')
			quoted = !quoted;
	}
	return length;
}

/* As next_arg() in lib/cmdline.c: quotes go away only at the two ends of the word, and at those of the value. */
static struct cmdline_word split_word(struct arena *arena, const char *word, size_t length, size_t equals)
{
	const char *start = word;
	const char *end = word + length;
	struct cmdline_word result = { .word = arena_strndup(arena, word, length) };
	bool quoted = *start == '"';
	if (quoted)
		start++;
	const char *value = equals ? word + equals + 1 : NULL;
	bool value_quoted = value && value < end && *value == '"';
	if (value_quoted)
		value++;
	const char *stop = end;
	if ((quoted || value_quoted) && end > start && end[-1] == '"')
		stop = end - 1;
	if (value)
		result.value = arena_strndup(arena, value, stop > value ? (size_t)(stop - value) : 0);
	const char *name_end = equals ? word + equals : stop;
	char *name = arena_strndup(arena, start, name_end > start ? (size_t)(name_end - start) : 0);
	for (char *at = name; *at; at++)
		*at = fold(*at);
	result.name = name;
	return result;
}

void cmdline_parse(struct slice text, struct arena *arena, struct cmdline *ret)
{
	size_t room = 0;
	*ret = (struct cmdline){ 0 };
	const char *nul = text.length ? memchr(text.start, '\0', text.length) : NULL;
	if (nul)
		text.length = (size_t)(nul - text.start);
	for (;;) {
		while (text.length && is_blank(*text.start)) {
			text.start++;
			text.length--;
		}
		if (!text.length)
			return;
		size_t equals;
		size_t length = word_length(text, &equals);
		struct cmdline_word word = split_word(arena, text.start, length, equals);
		if (!word.value && strcmp(word.name, "__") == 0 && !strchr(word.word, '_'))
			return;
		if (ret->count == room) {
			room = room ? room * 2 : 16;
			ret->words = arena_grow(arena, ret->words, ret->count, room, sizeof(*ret->words));
		}
		ret->words[ret->count++] = word;
		text.start += length;
		text.length -= length;
	}
}

const struct cmdline_word *cmdline_find(const struct cmdline *cmdline, const char *name)
{
	for (size_t i = cmdline->count; i-- > 0;)
		if (same_name(cmdline->words[i].name, name))
			return &cmdline->words[i];
	return NULL;
}

static bool has_item(const char *value, const char *item)
{
	size_t length = strlen(item);
	for (;;) {
		size_t here = strcspn(value, ",");
		if (here == length && memcmp(value, item, length) == 0)
			return true;
		if (!value[here])
			return false;
		value += here + 1;
	}
}

const struct cmdline_word *cmdline_find_item(const struct cmdline *cmdline, const char *name, const char *item)
{
	for (size_t i = cmdline->count; i-- > 0;) {
		const struct cmdline_word *word = &cmdline->words[i];
		if (word->value && same_name(word->name, name) && has_item(word->value, item))
			return word;
	}
	return NULL;
}
