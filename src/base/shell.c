/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/shell.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Characters that mean something to a shell when they stand outside quotes (XCU 2.2). '#' and '~' only begin a word. */
#define SPECIAL "|&;<>()$`*?["

struct reader {
	struct slice text;
	size_t position;
	struct buffer word;
	struct error *error;
};

static size_t column(const struct reader *reader, size_t position)
{
	size_t start = position;
	while (start > 0 && reader->text.start[start - 1] != '\n')
		start--;
	return position - start + 1;
}

static bool at_end(const struct reader *reader)
{
	return reader->position >= reader->text.length;
}

static char peek(const struct reader *reader)
{
	return reader->text.start[reader->position];
}

/* Bytes of a backslash and the newline (a lone one, or one of CR and LF) behind it; 0 when there is none here. */
static size_t continuation(const struct reader *reader)
{
	const char *here = reader->text.start + reader->position;
	size_t left = reader->text.length - reader->position;
	if (left >= 2 && memcmp(here, "\\\n", 2) == 0)
		return 2;
	return left >= 3 && memcmp(here, "\\\r\n", 3) == 0 ? 3 : 0;
}

static struct slice skip_blanks(struct reader *reader)
{
	size_t start = reader->position;
	while (!at_end(reader)) {
		if (continuation(reader))
			reader->position += continuation(reader);
		else if (peek(reader) == ' ' || peek(reader) == '\t' || peek(reader) == '\r')
			reader->position++;
		else
			break;
	}
	return (struct slice){ reader->text.start + start, reader->position - start };
}

static int read_single(struct reader *reader)
{
	size_t open = reader->position++;
	const char *from = reader->text.start + reader->position;
	const char *end = memchr(from, '\'', reader->text.length - reader->position);
	if (!end)
		return error_set(reader->error, -EINVAL, "column %zu: single quote (') is never closed",
				 column(reader, open));
	buffer_add(&reader->word, from, (size_t)(end - from));
	reader->position += (size_t)(end - from) + 1;
	return 0;
}

static int read_double(struct reader *reader)
{
	size_t open = reader->position++;
	while (!at_end(reader) && peek(reader) != '"') {
		char character = peek(reader);
		if (character == '$' || character == '`')
			return error_set(reader->error, -EINVAL,
					 "column %zu: '%c' in double quotes has a value only a shell knows; put it in",
					 column(reader, reader->position), character);
		if (character == '\\' && reader->position + 1 < reader->text.length) {
			char next = reader->text.start[reader->position + 1];
			/* In double quotes a backslash quotes only these (XCU 2.2.3). */
			if (next == '\n') {
				reader->position += 2;
				continue;
			}
			if (strchr("$`\"\\", next) && next) {
				buffer_putc(&reader->word, next);
				reader->position += 2;
				continue;
			}
		}
		buffer_putc(&reader->word, character);
		reader->position++;
	}
	if (at_end(reader))
		return error_set(reader->error, -EINVAL, "column %zu: double quote (\") is never closed",
				 column(reader, open));
	reader->position++;
	return 0;
}

static int read_bare(struct reader *reader, bool first)
{
	char character = peek(reader);
	if (character == '\0')
		return error_set(reader->error, -EINVAL, "column %zu: a NUL byte", column(reader, reader->position));
	if (strchr(SPECIAL, character) || (first && (character == '#' || character == '~')))
		return error_set(reader->error, -EINVAL,
				 "column %zu: '%c' outside quotes means something only a shell knows; quote it",
				 column(reader, reader->position), character);
	buffer_putc(&reader->word, character);
	reader->position++;
	return 0;
}

static bool word_ends(const struct reader *reader)
{
	return at_end(reader) || strchr(" \t\r\n", peek(reader)) != NULL;
}

/* One word, which is known to begin here. */
static int read_word(struct reader *reader, struct slice *ret_spelling)
{
	size_t start = reader->position;
	reader->word = (struct buffer){ .arena = reader->word.arena };
	buffer_add(&reader->word, "", 0);
	/* A NUL byte matches strchr's end, so it never ends a word: read_bare refuses it. */
	while (!at_end(reader) && (peek(reader) == '\0' || !word_ends(reader))) {
		int r = 0;
		if (peek(reader) == '\'') {
			r = read_single(reader);
		} else if (peek(reader) == '"') {
			r = read_double(reader);
		} else if (continuation(reader)) {
			reader->position += continuation(reader);
		} else if (peek(reader) == '\\' && reader->position + 1 < reader->text.length) {
			buffer_putc(&reader->word, reader->text.start[reader->position + 1]);
			reader->position += 2;
		} else {
			r = read_bare(reader, reader->position == start);
		}
		if (r < 0)
			return r;
	}
	/* Bare, it was refused; in quotes or behind a backslash it would end the word early. */
	if (strlen(reader->word.text) != reader->word.length)
		return error_set(reader->error, -EINVAL, "column %zu: a word with a NUL byte in it",
				 column(reader, start));
	*ret_spelling = (struct slice){ reader->text.start + start, reader->position - start };
	return 0;
}

static void add_word(struct arena *arena, struct shell_line *line, size_t *room, const char *word,
		     struct shell_word spelled)
{
	if (line->words.count == *room) {
		*room = *room ? *room * 2 : 64;
		line->spelled = arena_grow(arena, line->spelled, line->words.count, *room, sizeof(*line->spelled));
	}
	line->spelled[line->words.count] = spelled;
	list_add(&line->words, word);
}

int shell_read_line(struct arena *arena, struct slice text, struct shell_line *ret, struct error *error)
{
	struct reader reader = { .text = text, .word = { .arena = arena }, .error = error };
	struct shell_line line = { .words = { .arena = arena } };
	size_t room = 0;
	for (;;) {
		struct slice gap = skip_blanks(&reader);
		if (at_end(&reader) || peek(&reader) == '\n') {
			line.tail = gap;
			break;
		}
		struct slice spelling = { 0 };
		int r = read_word(&reader, &spelling);
		if (r < 0)
			return r;
		add_word(arena, &line, &room, reader.word.text, (struct shell_word){ gap, spelling });
	}
	line.consumed = reader.position;
	if (line.words.count == 0)
		return error_set(error, -ENODATA, "no word on the line");
	*ret = line;
	return 0;
}

/*
 * Bare is what Perl's String::ShellQuote, which writes the lines of `qm showcmd`, leaves bare: a line of ours and one of
 * Proxmox VE's are then spelled alike.
 */
static bool is_safe(char character)
{
	return isascii((unsigned char)character) &&
	       (isalnum((unsigned char)character) || (character && strchr("_!%+,-./:@^", character)));
}

void shell_quote(struct buffer *buffer, const char *word)
{
	size_t safe = 0;
	while (is_safe(word[safe]))
		safe++;
	if (word[safe] == '\0' && safe > 0) {
		buffer_puts(buffer, word);
		return;
	}
	buffer_putc(buffer, '\'');
	for (const char *rest = word; *rest;) {
		size_t run = strcspn(rest, "'");
		buffer_add(buffer, rest, run);
		rest += run;
		if (*rest == '\'') {
			buffer_puts(buffer, "'\\''");
			rest++;
		}
	}
	buffer_putc(buffer, '\'');
}
