/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/command-text.h"

#include <errno.h>
#include <string.h>

#include "base/shell.h"
#include "qemu/argv.h"

/* Lines that only look as if they led to QEMU: no text that somebody means has more. */
#define ATTEMPTS_MAX 64

static bool is_qemu(struct slice word)
{
	char name[256];
	while (word.length && (word.start[0] == '\'' || word.start[0] == '"'))
		word = (struct slice){ word.start + 1, word.length - 1 };
	while (word.length && (word.start[word.length - 1] == '\'' || word.start[word.length - 1] == '"'))
		word.length--;
	if (word.length >= sizeof(name) || memchr(word.start, '\0', word.length))
		return false;
	memcpy(name, word.start, word.length);
	name[word.length] = '\0';
	return qemu_is_program_name(name);
}

/* ---- Words without a shell's quoting ---- */

/* NUL bytes end words, as in /proc/PID/cmdline. */
static void split_by_nul(struct slice text, struct list *ret)
{
	while (text.length) {
		const char *end = memchr(text.start, '\0', text.length);
		size_t length = end ? (size_t)(end - text.start) : text.length;
		list_add(ret, arena_strndup(ret->arena, text.start, length));
		length += end != NULL;
		text = (struct slice){ text.start + length, text.length - length };
	}
}

/* One word on each line: the first is QEMU alone, the second an option alone. */
static bool is_one_word_per_line(struct slice text)
{
	struct slice line;
	struct slice rest;
	struct slice word;
	for (int i = 0; i < 2; i++) {
		if (!slice_next_line(&text, &line))
			return false;
		rest = line;
		if (!slice_next_word(&rest, &word) || slice_trim(rest).length)
			return false;
		if (i == 0 ? !is_qemu(word) : word.start[0] != '-')
			return false;
	}
	return true;
}

static void split_by_line(struct slice text, struct list *ret)
{
	struct slice line;
	while (slice_next_line(&text, &line)) {
		size_t length = line.length;
		length -= length && line.start[length - 1] == '\r';
		list_add(ret, arena_strndup(ret->arena, line.start, length));
	}
}

/* ---- Lines of a shell ---- */

/* A line that may be a command of QEMU: its first word is QEMU, or QEMU stands further on behind a launcher. */
static bool may_be_command(struct slice line, bool *ret_first)
{
	struct slice word;
	bool first = true;
	while (slice_next_word(&line, &word)) {
		if (first && (word.start[0] == '#' || word.start[word.length - 1] == ':'))
			return false;
		if (is_qemu(word)) {
			*ret_first = first;
			return true;
		}
		first = false;
	}
	return false;
}

/* Words that a shell takes for itself. */
static size_t count_shell_words(const struct list *words)
{
	size_t count = 0;
	while (count + 1 < words->count &&
	       (text_equals(words->items[count], "exec") || text_equals(words->items[count], "command")))
		count++;
	return count;
}

static bool is_command(struct arena *arena, const char *const *words, size_t count)
{
	struct qemu_argv argv;
	return qemu_argv_parse(arena, words, count, &argv, NULL) == 0 && argv.program != QEMU_NO_WORD &&
	       qemu_is_program_name(words[argv.program]);
}

/*
 * `qm showcmd --pretty` puts backslash, newline and two blanks before every blank and dash, in quotes, too, where a shell
 * keeps them. Undone, the word is that of the plain form.
 */
static const char *undo_pretty(struct arena *arena, const char *word)
{
	static const char mark[] = " \\\n  -";
	struct buffer plain = { .arena = arena };
	const char *found = strstr(word, mark);
	if (!found)
		return word;
	for (; found; found = strstr(word, mark)) {
		buffer_add(&plain, word, (size_t)(found - word));
		buffer_puts(&plain, " -");
		word = found + strlen(mark);
	}
	buffer_puts(&plain, word);
	return plain.text;
}

struct search {
	struct arena *arena;
	struct list *words;
	size_t found_at; /* line of the command; 0: none yet */
	size_t attempts;
	struct error *error;
};

/* Looks at the line that `text` begins with. Sets how many bytes of the text a command took. */
static int look_at(struct search *search, struct slice text, size_t number, size_t *ret_consumed)
{
	struct slice rest = text;
	struct slice line;
	struct shell_line command;
	bool first = false;
	*ret_consumed = 0;
	if (!slice_next_line(&rest, &line) || !may_be_command(line, &first) || search->attempts++ >= ATTEMPTS_MAX)
		return 0;
	struct error why;
	int r = shell_read_line(search->arena, text, &command, &why);
	if (r < 0)
		/* Where QEMU comes first there is no doubt; otherwise it may be a sentence about it. */
		return first ? error_set(search->error, -EINVAL, "the command at line %zu: %s", number, why.text) : 0;
	size_t skip = count_shell_words(&command.words);
	if (!is_command(search->arena, command.words.items + skip, command.words.count - skip))
		return first ? error_set(search->error, -EINVAL,
					 "the command at line %zu: the last option needs an argument", number) :
			       0;
	if (search->found_at)
		return error_set(search->error, -EINVAL,
				 "lines %zu and %zu: there are two command lines; give one at a time", search->found_at,
				 number);
	search->found_at = number;
	for (size_t i = skip; i < command.words.count; i++)
		list_add(search->words, undo_pretty(search->arena, command.words.items[i]));
	*ret_consumed = command.consumed;
	return 0;
}

static int search_lines(struct search *search, struct slice text)
{
	struct slice line;
	for (size_t number = 1; text.length; number++) {
		size_t consumed;
		int r = look_at(search, text, number, &consumed);
		if (r < 0)
			return r;
		/* Lines inside the command are its own. */
		for (size_t i = 0; i < consumed; i++)
			number += text.start[i] == '\n';
		text = (struct slice){ text.start + consumed, text.length - consumed };
		slice_next_line(&text, &line);
	}
	return search->found_at ? 0 : error_set(search->error, -ENODATA, "no line begins with a QEMU program");
}

int command_text_read(struct arena *arena, struct slice text, struct list *ret, struct error *error)
{
	*ret = (struct list){ .arena = arena };
	if (memchr(text.start, '\0', text.length)) {
		split_by_nul(text, ret);
		return is_command(arena, ret->items, ret->count) ?
			       0 :
			       error_set(error, -EINVAL,
					 "line 1: words ended by NUL bytes, and the first is no QEMU program");
	}
	if (is_one_word_per_line(text)) {
		split_by_line(text, ret);
		return 0;
	}
	struct search search = { .arena = arena, .words = ret, .error = error };
	return search_lines(&search, text);
}

/* QEMU and an option behind it, somewhere on a line: what ps prints. Sets what stands from there on. */
static bool find_unquoted(struct slice line, struct slice *ret)
{
	struct slice word;
	while (slice_next_word(&line, &word)) {
		struct slice rest = slice_trim(line);
		if (!is_qemu(word) || !rest.length || rest.start[0] != '-')
			continue;
		*ret = (struct slice){ word.start, (size_t)(rest.start + rest.length - word.start) };
		return true;
	}
	return false;
}

int command_text_read_unquoted(struct arena *arena, struct slice text, struct list *ret, struct error *error)
{
	struct slice line;
	struct slice command;
	struct slice word;
	size_t found = 0;
	*ret = (struct list){ .arena = arena };
	for (size_t number = 1; slice_next_line(&text, &line); number++) {
		if (!find_unquoted(line, &command))
			continue;
		if (found)
			return error_set(error, -EINVAL,
					 "lines %zu and %zu: there are two command lines; give one at a time", found,
					 number);
		found = number;
		while (slice_next_word(&command, &word))
			list_add(ret, arena_strndup(arena, word.start, word.length));
	}
	return found ? 0 : error_set(error, -ENODATA, "no line has a QEMU program and its options");
}
