/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/shell-scan.h"

#include <ctype.h>

/* Nested quotes and substitutions. */
#define NESTING_MAX 32

unsigned int shell_scan_line(struct shell_scan *scan, size_t position)
{
	for (; scan->counted < position && scan->counted < scan->text.length; scan->counted++)
		scan->line += scan->text.start[scan->counted] == '\n';
	return scan->line;
}

static char at(const struct slice *text, size_t position)
{
	if (position < text->length)
		return text->start[position];
	return '\0';
}

void shell_scan_blanks(struct shell_scan *scan)
{
	const struct slice *text = &scan->text;
	for (;;) {
		char here = at(text, scan->position);
		if (here == '\\' && at(text, scan->position + 1) == '\n') {
			scan->position += 2;
		} else if (here == ' ' || here == '\t') {
			scan->position++;
		} else {
			break;
		}
	}
	if (at(text, scan->position) == '#')
		while (scan->position < text->length && text->start[scan->position] != '\n')
			scan->position++;
}

static bool ends_word(char character)
{
	return character && strchr(" \t\n;&|<>()", character);
}

/* What is open at a position of a word: '"', '`', ')' for "$(" and '}' for "${". */
struct nesting {
	char open[NESTING_MAX];
	size_t depth;
};

static char innermost(const struct nesting *nesting)
{
	if (nesting->depth)
		return nesting->open[nesting->depth - 1];
	return '\0';
}

static bool enter(struct nesting *nesting, char close)
{
	if (nesting->depth == NESTING_MAX)
		return false;
	nesting->open[nesting->depth++] = close;
	return true;
}

/* Takes the character (or two) at `position` into account, and steps over it. */
static bool step(const struct slice *text, size_t *position, struct nesting *nesting)
{
	char here = text->start[*position];
	char top = innermost(nesting);
	*position += 1;
	if (here == '\\') {
		*position += *position < text->length;
		return true;
	}
	if (here == '\'' && top != '"') {
		const char *end = memchr(text->start + *position, '\'', text->length - *position);
		if (end)
			*position = (size_t)(end - text->start) + 1;
		return end != NULL;
	}
	if (here == '$' && (at(text, *position) == '(' || at(text, *position) == '{')) {
		*position += 1;
		return enter(nesting, text->start[*position - 1] == '(' ? ')' : '}');
	}
	if (nesting->depth && here == top) {
		nesting->depth--;
		return true;
	}
	if (here == '"' || here == '`')
		return enter(nesting, here);
	if (here == '(' && top == ')')
		return enter(nesting, ')');
	return true;
}

bool shell_scan_word(struct shell_scan *scan, struct slice *ret)
{
	struct nesting nesting = { .depth = 0 };
	size_t start = scan->position;
	while (scan->position < scan->text.length && (nesting.depth || !ends_word(scan->text.start[scan->position])))
		if (!step(&scan->text, &scan->position, &nesting))
			return false;
	*ret = (struct slice){ scan->text.start + start, scan->position - start };
	return nesting.depth == 0;
}

static bool is_name_character(char character)
{
	return isascii((unsigned char)character) && (isalnum((unsigned char)character) || character == '_');
}

size_t shell_name_length(struct slice text)
{
	size_t length = 0;
	if (text.length == 0 || isdigit((unsigned char)text.start[0]))
		return 0;
	while (length < text.length && is_name_character(text.start[length]))
		length++;
	return length;
}

bool shell_mentions(struct slice raw, const char *name, bool only_assigning)
{
	size_t length = strlen(name);
	for (size_t i = 0; i + length <= raw.length; i++) {
		if (memcmp(raw.start + i, name, length) != 0 || is_name_character(at(&raw, i + length)) ||
		    (i > 0 && is_name_character(raw.start[i - 1])))
			continue;
		size_t behind = i + length + (at(&raw, i + length) == ':');
		if (!only_assigning || (i > 0 && raw.start[i - 1] == '{' && at(&raw, behind) == '='))
			return true;
	}
	return false;
}

struct expansion {
	const struct assignments *assignments;
	struct slice raw;
	size_t position;
	struct buffer value;
	const char *reason;
};

static void give_up(struct expansion *expansion, const char *reason)
{
	if (!expansion->reason)
		expansion->reason = reason;
}

static void add_variable(struct expansion *expansion, struct slice name)
{
	struct arena *arena = expansion->assignments->arena;
	const char *text = arena_strndup(arena, name.start, name.length);
	const struct assignment *assignment = assignments_find(expansion->assignments, text);
	bool watched = false;
	for (const char *const *known = expansion->assignments->watched; *known; known++)
		watched |= strcmp(*known, text) == 0;
	if (assignment && assignment->value)
		buffer_puts(&expansion->value, assignment->value);
	else if (assignment)
		give_up(expansion, arena_printf(arena, "$%s is used, which is not known from %s:%u on", text,
						assignment->path, assignment->line));
	else if (!watched)
		give_up(expansion, arena_printf(arena, "$%s is used, which these files do not set", text));
	if (expansion->value.length > SHELL_VALUE_MAX)
		give_up(expansion, "the value becomes longer than any kernel takes");
}

/* At a "$". */
static void expand_dollar(struct expansion *expansion)
{
	const struct slice *raw = &expansion->raw;
	char next = at(raw, expansion->position + 1);
	size_t start = expansion->position + 1 + (next == '{');
	struct slice rest = { raw->start + start, start < raw->length ? raw->length - start : 0 };
	struct slice name = { rest.start, shell_name_length(rest) };
	if (name.length && (next != '{' || at(raw, start + name.length) == '}')) {
		add_variable(expansion, name);
		expansion->position = start + name.length + (next == '{');
		return;
	}
	if (next == '(')
		give_up(expansion, "it takes a command's output, $(...)");
	else if (next && strchr("{'\"0123456789@*#?-$!", next))
		give_up(expansion, arena_printf(expansion->assignments->arena,
						"it has an expansion that only a shell knows, $%c...", next));
	buffer_putc(&expansion->value, '$');
	expansion->position++;
}

static void expand_backslash(struct expansion *expansion, bool quoted)
{
	char next = at(&expansion->raw, expansion->position + 1);
	/* In double quotes a backslash quotes only these (XCU 2.2.3). */
	bool quotes = next != '\n' && (!quoted || (next && strchr("$`\"\\", next)));
	if (!quotes && next != '\n')
		buffer_putc(&expansion->value, '\\');
	if (next != '\n' && next)
		buffer_putc(&expansion->value, next);
	expansion->position += 2;
}

static void expand_character(struct expansion *expansion, bool quoted)
{
	char here = expansion->raw.start[expansion->position];
	if (here == '\\') {
		expand_backslash(expansion, quoted);
	} else if (here == '$') {
		expand_dollar(expansion);
	} else if (here == '`') {
		give_up(expansion, "it takes a command's output, `...`");
		expansion->position++;
	} else {
		if (here == '\0')
			give_up(expansion, "it holds a NUL");
		buffer_putc(&expansion->value, here);
		expansion->position++;
	}
}

const char *shell_expand(const struct assignments *assignments, struct slice raw, const char **ret_reason)
{
	struct expansion expansion = { .assignments = assignments,
				       .raw = raw,
				       .value = { .arena = assignments->arena } };
	bool quoted = false;
	buffer_puts(&expansion.value, "");
	if (at(&raw, 0) == '~')
		give_up(&expansion, "it begins with a home directory, ~");
	while (expansion.position < raw.length && !expansion.reason) {
		char here = raw.start[expansion.position];
		if (here == '"') {
			quoted = !quoted;
			expansion.position++;
		} else if (here == '\'' && !quoted) {
			const char *start = raw.start + expansion.position + 1;
			const char *end = memchr(start, '\'', raw.length - expansion.position - 1);
			if (!end)
				break; /* shell_scan_word() ends no word so */
			buffer_add(&expansion.value, start, (size_t)(end - start));
			expansion.position = (size_t)(end - raw.start) + 1;
		} else {
			expand_character(&expansion, quoted);
		}
	}
	if (expansion.reason) {
		*ret_reason = expansion.reason;
		return NULL;
	}
	if (strlen(expansion.value.text) != expansion.value.length) {
		*ret_reason = "it holds a NUL";
		return NULL;
	}
	return expansion.value.text;
}
