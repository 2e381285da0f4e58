/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/qm.h"

#include <errno.h>

#include "base/child.h"
#include "base/shell.h"

/* A volume may have to be made, on storage that is busy. The lock is waited for by qm itself, for 10 s. */
#define SET_TIMEOUT_S 600
#define QUOTE_LINES 6
#define QUOTE_LENGTH 600

/* What qm says besides, whatever it was asked. */
static bool is_noise(struct slice line)
{
	return line.length == 0 || slice_starts_with(line, "trying to acquire lock") ||
	       slice_starts_with(line, "setlogsock()") || slice_starts_with(line, "USAGE:") ||
	       slice_starts_with(line, "update VM ");
}

static void add_lines(struct list *lines, struct slice text)
{
	struct slice line;
	while (slice_next_line(&text, &line)) {
		line = slice_trim(line);
		/* What follows is how the command is used. */
		if (slice_starts_with(line, "qm ") && lines->count)
			break;
		const char *copy = arena_strndup(lines->arena, line.start, line.length);
		if (!is_noise(line) && !list_contains(lines, copy))
			list_add(lines, copy);
	}
}

/* What it said last, on one line. */
static const char *quote(struct arena *arena, const struct child_result *result)
{
	struct list lines = { .arena = arena };
	struct buffer text = { .arena = arena };
	add_lines(&lines, result->output);
	add_lines(&lines, result->errors);
	size_t from = lines.count > QUOTE_LINES ? lines.count - QUOTE_LINES : 0;
	for (size_t i = from; i < lines.count; i++)
		buffer_printf(&text, "%s%s", i > from ? "; " : "", lines.items[i]);
	if (!text.length)
		return "it does not say why";
	return text.length > QUOTE_LENGTH ? arena_printf(arena, "%.*s...", QUOTE_LENGTH, text.text) : text.text;
}

int qm_run(const struct root *root, struct arena *arena, const char *const *words, unsigned int timeout_s,
	   struct error *error)
{
	struct list argv = { .arena = arena };
	struct buffer command = { .arena = arena };
	struct child_result result;
	/* A login's PATH may lack the system's folders. */
	const char *program = child_find_program(arena, "qm");
	list_add(&argv, program ? program : "/usr/sbin/qm");
	for (size_t i = 0; words[i]; i++)
		list_add(&argv, words[i]);
	buffer_puts(&command, "qm");
	for (size_t i = 1; i < argv.count; i++) {
		buffer_putc(&command, ' ');
		shell_quote(&command, argv.items[i]);
	}
	struct child_request request = { .argv = argv.items, .timeout_ms = timeout_s * 1000, .alone = true };
	if (root->kind != ROOT_LIVE)
		return error_set(error, -EROFS, "%s is not the running system: no '%s' there", root->name,
				 command.text);
	int r = child_run(arena, &request, &result, error);
	if (r == -ENOENT)
		return error_set(error, r, "there is no program 'qm' here: is this a node of Proxmox VE?");
	if (r < 0)
		return r;
	if (result.timed_out)
		return error_set(error, -ETIMEDOUT, "'%s' was not done after %u s, and was ended", command.text,
				 timeout_s);
	return result.status == 0 ? 0 : error_set(error, -EIO, "'%s' failed: %s", command.text, quote(arena, &result));
}

static struct list set_words(struct arena *arena, const char *vm, const char *key, const char *value, bool purge)
{
	struct list words = { .arena = arena };
	list_add(&words, "set");
	list_add(&words, vm);
	list_add(&words, value ? arena_printf(arena, "--%s", key) : "--delete");
	list_add(&words, value ? value : key);
	if (!value && purge) {
		list_add(&words, "--force");
		list_add(&words, "1");
	}
	return words;
}

int qm_set(const struct root *root, struct arena *arena, const char *vm, const char *key, const char *value, bool purge,
	   const char *digest, struct error *error)
{
	struct list words = set_words(arena, vm, key, value, purge);
	list_add(&words, "--digest");
	list_add(&words, digest);
	return qm_run(root, arena, words.items, SET_TIMEOUT_S, error);
}

const char *qm_set_text(struct arena *arena, const char *vm, const char *key, const char *value, bool purge)
{
	struct list words = set_words(arena, vm, key, value, purge);
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "qm");
	for (size_t i = 0; i < words.count; i++) {
		buffer_putc(&text, ' ');
		shell_quote(&text, words.items[i]);
	}
	return text.text;
}
