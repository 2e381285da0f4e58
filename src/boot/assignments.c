/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/assignments.h"

#include "boot/shell-scan.h"

/* Such files have some KiB; looking names up goes through all that was assigned. */
#define FILE_SIZE_MAX ((size_t)32 * 1024)

struct shell_word {
	struct slice raw;
	struct slice array; /* what stood between the parentheses of NAME=(...); start is NULL: nothing did */
	unsigned int line;
};

enum separator { SEPARATOR_END, SEPARATOR_NEXT /* newline or ; */, SEPARATOR_AND_OR, SEPARATOR_OTHER };

struct reading {
	struct assignments *assignments;
	struct shell_scan scan;
	/* The command at hand. */
	struct shell_word *words;
	size_t count;
	size_t room;
	enum separator before;
	/* Compound commands that are open; in a "case" parentheses stand by themselves. */
	size_t depth;
	size_t cases;
};

static void assign(struct reading *reading, struct assignment assignment)
{
	struct assignments *all = reading->assignments;
	if (all->count == all->room) {
		all->room = all->room ? all->room * 2 : 16;
		all->items = arena_grow(all->arena, all->items, all->count, all->room, sizeof(*all->items));
	}
	assignment.path = reading->scan.path;
	all->items[all->count++] = assignment;
}

static void make_unknown(struct reading *reading, const char *name, unsigned int line, const char *reason)
{
	assign(reading, (struct assignment){ .line = line,
					     .name = name,
					     .problem = arena_printf(reading->assignments->arena, "%s:%u: %s",
								     reading->scan.path, line, reason) });
}

static void make_all_unknown(struct reading *reading, unsigned int line, const char *reason)
{
	for (const char *const *name = reading->assignments->watched; *name; name++)
		make_unknown(reading, *name, line, reason);
}

/* From here on nothing is known: the shell itself would stop, or we have lost our way. */
static void give_up(struct reading *reading, const char *reason)
{
	unsigned int line = shell_scan_line(&reading->scan, reading->scan.position);
	make_all_unknown(reading, line, reason);
	if (!reading->assignments->broken)
		reading->assignments->broken = arena_printf(reading->assignments->arena, "%s:%u: %s",
							    reading->scan.path, line, reason);
	reading->scan.position = reading->scan.text.length;
	reading->count = 0;
}

/* NAME= or NAME+= in front of a word: its name's length, or 0. */
static size_t assigned_name(struct slice raw, bool *ret_append)
{
	size_t length = shell_name_length(raw);
	*ret_append = length && length + 1 < raw.length && memcmp(raw.start + length, "+=", 2) == 0;
	return *ret_append || (length && length < raw.length && raw.start[length] == '=') ? length : 0;
}

static const char *expand_array(struct reading *reading, struct slice text, const char **ret_reason)
{
	struct shell_scan scan = { .text = text };
	struct buffer all = { .arena = reading->assignments->arena };
	buffer_puts(&all, "");
	for (;;) {
		shell_scan_blanks(&scan);
		if (scan.position >= text.length)
			return all.text;
		struct slice word;
		if (text.start[scan.position] == '\n') {
			scan.position++;
			continue;
		}
		if (!shell_scan_word(&scan, &word) || !word.length) {
			*ret_reason = "what stands between the parentheses is no list of words";
			return NULL;
		}
		const char *value = shell_expand(reading->assignments, word, ret_reason);
		if (!value)
			return NULL;
		if (all.length)
			buffer_putc(&all, ' ');
		buffer_puts(&all, value);
		if (all.length > SHELL_VALUE_MAX) {
			*ret_reason = "the list is longer than anybody's";
			return NULL;
		}
	}
}

static void evaluate(struct reading *reading, const struct shell_word *word, struct assignment *assignment,
		     struct slice raw)
{
	struct arena *arena = reading->assignments->arena;
	const char *reason = NULL;
	const char *value = NULL;
	if (assignment->append && !reading->assignments->bash)
		reason = "\"+=\" is not understood by every shell that may read this";
	else if (word->array.start)
		value = expand_array(reading, word->array, &reason);
	else
		value = shell_expand(reading->assignments, raw, &reason);
	if (!value) {
		make_unknown(reading, assignment->name, word->line, reason);
		return;
	}
	assignment->added = value;
	assignment->value = value;
	const struct assignment *before = assignments_find(reading->assignments, assignment->name);
	if (assignment->append && before && before->value && strlen(before->value) + strlen(value) > SHELL_VALUE_MAX) {
		make_unknown(reading, assignment->name, word->line, "the value becomes longer than any kernel takes");
		return;
	}
	if (assignment->append && before) {
		assignment->value = before->value ? arena_printf(arena, "%s%s%s", before->value,
								 word->array.start ? " " : "", value) :
						    NULL;
		assignment->problem = before->problem;
	}
	assign(reading, *assignment);
}

static void apply(struct reading *reading, const struct shell_word *word, const char *reason)
{
	struct assignment assignment = { .line = word->line };
	size_t length = assigned_name(word->raw, &assignment.append);
	if (!length)
		return;
	assignment.name = arena_strndup(reading->assignments->arena, word->raw.start, length);
	size_t cut = length + 1 + assignment.append;
	if (reason)
		make_unknown(reading, assignment.name, word->line, reason);
	else
		evaluate(reading, word, &assignment, (struct slice){ word->raw.start + cut, word->raw.length - cut });
}

static bool is_one_of(struct slice raw, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equals(raw, names[i]))
			return true;
	return false;
}

#define IS_ONE_OF(raw, ...)                                  \
	is_one_of(raw, (const char *const[]){ __VA_ARGS__ }, \
		  sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* Takes the reserved words in front (XCU 2.4) into account. Returns how many words they are. */
static size_t take_reserved_words(struct reading *reading)
{
	size_t i = 0;
	for (; i < reading->count; i++) {
		struct slice raw = reading->words[i].raw;
		if (IS_ONE_OF(raw, "for", "select", "case", "function")) {
			/* What follows is no command; "function NAME" needs no "()" before its "{". */
			bool function = slice_equals(raw, "function");
			reading->cases += slice_equals(raw, "case");
			reading->depth += !function || slice_equals(reading->words[reading->count - 1].raw, "{");
			return reading->count;
		}
		if (IS_ONE_OF(raw, "if", "while", "until", "{"))
			reading->depth++;
		else if (IS_ONE_OF(raw, "fi", "done", "}", "esac"))
			reading->depth -= reading->depth > 0;
		else if (!IS_ONE_OF(raw, "then", "elif", "else", "do", "!", "time"))
			break;
		if (slice_equals(raw, "esac"))
			reading->cases -= reading->cases > 0;
	}
	return i;
}

static void watch_words(struct reading *reading, size_t first, struct slice command)
{
	bool harmless = IS_ONE_OF(command, "echo", "[", "test", "[[", "true", "false");
	for (const char *const *name = reading->assignments->watched; *name; name++)
		for (size_t i = first; i < reading->count; i++)
			if (shell_mentions(reading->words[i].raw, *name, harmless)) {
				make_unknown(reading, *name, reading->words[i].line,
					     arena_printf(reading->assignments->arena,
							  "the command '%.*s' may change %s; only a shell could tell",
							  command.length < 64 ? (int)command.length : 64, command.start,
							  *name));
				break;
			}
}

/* Assignments in front of a command hold for that command alone: mostly a value that lacks its quotes. */
static void run_command(struct reading *reading, size_t assigned, size_t first)
{
	struct slice command = reading->words[first].raw;
	unsigned int line = reading->words[first].line;
	struct arena *arena = reading->assignments->arena;
	int shown = command.length < 64 ? (int)command.length : 64;
	for (size_t i = assigned; i < first; i++)
		apply(reading, &reading->words[i],
		      arena_printf(arena,
				   "runs the command '%.*s', because the value ends at the blank before it: quotes are "
				   "missing",
				   shown, command.start));
	if (IS_ONE_OF(command, ".", "source", "eval", "exit", "return", "exec", "trap", "alias"))
		make_all_unknown(reading, line,
				 arena_printf(arena, "the command '%.*s' may change anything; only a shell could tell",
					      shown, command.start));
	else
		watch_words(reading, first, command);
}

/* NAME=value, or behind export and the like also a name or an option alone. */
static bool is_assigning(struct slice raw, bool exported)
{
	bool append;
	return assigned_name(raw, &append) ||
	       (exported && raw.length && (raw.start[0] == '-' || shell_name_length(raw) == raw.length));
}

static void watch_expansions(struct reading *reading, size_t end)
{
	for (size_t i = 0; i < end; i++)
		for (const char *const *name = reading->assignments->watched; *name; name++)
			if (shell_mentions(reading->words[i].raw, *name, true))
				make_unknown(reading, *name, reading->words[i].line,
					     "an expansion assigns to it, as ${NAME:=...} does");
}

/* The command at hand is complete. */
static void end_command(struct reading *reading, enum separator after)
{
	bool alone = reading->before <= SEPARATOR_NEXT && after != SEPARATOR_OTHER && reading->depth == 0;
	size_t first = take_reserved_words(reading);
	alone = alone && first == 0;
	bool exported = first < reading->count &&
			IS_ONE_OF(reading->words[first].raw, "export", "readonly", "declare", "typeset");
	first += exported;
	size_t assigned = first;
	while (first < reading->count && is_assigning(reading->words[first].raw, exported))
		first++;
	watch_expansions(reading, first);
	if (first < reading->count) {
		run_command(reading, assigned, first);
	} else {
		for (size_t i = assigned; i < first; i++)
			apply(reading, &reading->words[i],
			      alone ? NULL : "it is assigned under a condition, which only a shell could tell");
	}
	reading->count = 0;
	reading->before = after;
}

static void read_array(struct reading *reading, struct shell_word *word)
{
	struct shell_scan *scan = &reading->scan;
	size_t start = ++scan->position;
	while (scan->position < scan->text.length && scan->text.start[scan->position] != ')') {
		struct slice ignored;
		size_t before = scan->position;
		shell_scan_blanks(scan);
		if (scan->position < scan->text.length && scan->text.start[scan->position] == '\n')
			scan->position++;
		else if (scan->position < scan->text.length && scan->text.start[scan->position] != ')' &&
			 (!shell_scan_word(scan, &ignored) || scan->position == before))
			break;
	}
	if (scan->position >= scan->text.length || scan->text.start[scan->position] != ')') {
		give_up(reading, "'(' is never closed, or something in it is not understood");
		return;
	}
	word->array = (struct slice){ scan->text.start + start, scan->position - start };
	scan->position++;
}

static void read_word(struct reading *reading)
{
	struct shell_word word = { .line = shell_scan_line(&reading->scan, reading->scan.position) };
	if (!shell_scan_word(&reading->scan, &word.raw)) {
		give_up(reading, "a quote or a bracket is never closed");
		return;
	}
	const struct shell_scan *scan = &reading->scan;
	bool append;
	size_t name = assigned_name(word.raw, &append);
	if (reading->assignments->bash && name && name + 1 + append == word.raw.length &&
	    scan->position < scan->text.length && scan->text.start[scan->position] == '(')
		read_array(reading, &word);
	if (reading->count == reading->room) {
		reading->room = reading->room ? reading->room * 2 : 8;
		reading->words = arena_grow(reading->assignments->arena, reading->words, reading->count, reading->room,
					    sizeof(*reading->words));
	}
	reading->words[reading->count++] = word;
}

static void read_redirection(struct reading *reading)
{
	struct shell_scan *scan = &reading->scan;
	size_t start = scan->position;
	while (scan->position < scan->text.length && strchr("<>&|", scan->text.start[scan->position]) &&
	       scan->text.start[scan->position])
		scan->position++;
	if (scan->position - start >= 2 && memcmp(scan->text.start + start, "<<", 2) == 0)
		give_up(reading, "text stands in the file itself (<<), which is not understood here");
}

static void read_operator(struct reading *reading)
{
	struct shell_scan *scan = &reading->scan;
	char here = scan->text.start[scan->position];
	if (here == '<' || here == '>') {
		read_redirection(reading);
		return;
	}
	bool twice = scan->position + 1 < scan->text.length && scan->text.start[scan->position + 1] == here &&
		     strchr(";&|", here);
	scan->position += twice ? 2 : 1;
	if (here == '(' || here == ')') {
		end_command(reading, SEPARATOR_OTHER);
		if (!reading->cases && here == '(')
			reading->depth++;
		else if (!reading->cases)
			reading->depth -= reading->depth > 0;
		/* Behind ")" begins a command of a case, or one that is separated anyway. */
		reading->before = here == '(' ? SEPARATOR_OTHER : SEPARATOR_NEXT;
	} else if (here == ';') {
		end_command(reading, SEPARATOR_NEXT);
	} else {
		end_command(reading, twice ? SEPARATOR_AND_OR : SEPARATOR_OTHER);
		if (here == '&' && !twice)
			reading->before = SEPARATOR_NEXT;
	}
}

void assignments_read(struct assignments *assignments, const char *path, struct slice text)
{
	struct reading reading = { .assignments = assignments,
				   .scan = { .path = path, .text = text, .line = 1 },
				   .before = SEPARATOR_NEXT };
	if (text.length > FILE_SIZE_MAX) {
		give_up(&reading, "the file is larger than any such file");
		return;
	}
	while (reading.scan.position < reading.scan.text.length) {
		shell_scan_blanks(&reading.scan);
		if (reading.scan.position >= reading.scan.text.length)
			break;
		char here = reading.scan.text.start[reading.scan.position];
		if (here == '\n') {
			reading.scan.position++;
			/* A command may go on behind &&, || and |. */
			if (reading.count || reading.before == SEPARATOR_NEXT)
				end_command(&reading, SEPARATOR_NEXT);
		} else if (here && strchr(";&|<>()", here)) {
			read_operator(&reading);
		} else {
			read_word(&reading);
		}
	}
	end_command(&reading, SEPARATOR_END);
	if (reading.depth)
		give_up(&reading, "an if, a loop, a case or a bracket is not closed at the end of the file");
}

const struct assignment *assignments_find(const struct assignments *assignments, const char *name)
{
	for (size_t i = assignments->count; i-- > 0;)
		if (strcmp(assignments->items[i].name, name) == 0)
			return &assignments->items[i];
	return NULL;
}
