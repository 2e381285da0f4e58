/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the text of one snapshot; nestpci-snapshot(5) has the grammar. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/snapshot-internal.h"

#define COMMENTS_MAX 1000

void snapshot_fill_error(const struct snapshot_parser *parser, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error_fill(parser->error, "%s:%u: %s", parser->source->name, parser->number, text);
}

/* --- Lines --- */

static int check_line(struct snapshot_parser *parser)
{
	struct slice line = parser->line;
	if (line.length > SNAPSHOT_LINE_MAX)
		return snapshot_wrong(parser, "a line of %zu bytes; %zu is the most", line.length, SNAPSHOT_LINE_MAX);
	for (size_t i = 0; i < line.length;) {
		unsigned char byte = (unsigned char)line.start[i];
		size_t length = byte >= ' ' && byte < 0x7f ? 1 : snapshot_printable(line.start + i);
		if (length == 0 && byte == '\0')
			return snapshot_wrong(parser, "a NUL: this is no text");
		if (length == 0 && byte == '\r')
			return snapshot_wrong(parser, "a carriage return: lines end with a newline alone");
		if (length == 0)
			return snapshot_wrong(parser, "the byte 0x%02x, which is a control character or no UTF-8",
					      byte);
		i += length;
	}
	return 0;
}

/* 1: `line` is the next; 0: there is none. */
static int next_line(struct snapshot_parser *parser)
{
	if (!slice_next_line(&parser->rest, &parser->line))
		return 0;
	parser->number++;
	int r = check_line(parser);
	return r < 0 ? r : 1;
}

/* Whether the next line that is not empty goes on with a block. */
static bool block_goes_on(struct snapshot_parser *parser)
{
	size_t at = 0;
	/* Known from the first of several empty lines. */
	if (parser->tab && parser->rest.start <= parser->tab)
		return true;
	while (at < parser->rest.length && parser->rest.start[at] == '\n')
		at++;
	bool goes_on = at < parser->rest.length && parser->rest.start[at] == '\t';
	parser->tab = goes_on ? parser->rest.start + at : NULL;
	return goes_on;
}

bool snapshot_take_prefix(struct slice *text, const char *prefix)
{
	size_t length = strlen(prefix);
	if (text->length < length || memcmp(text->start, prefix, length) != 0)
		return false;
	*text = (struct slice){ text->start + length, text->length - length };
	return true;
}

static int find_form(struct snapshot_parser *parser, struct slice name, enum snapshot_form *ret)
{
	for (size_t i = 0; i < FORM_COUNT; i++) {
		if (!slice_equals(name, snapshot_form_names[i]))
			continue;
		*ret = (enum snapshot_form)i;
		return 0;
	}
	return snapshot_wrong(parser, "'%.*s' behind a colon: it can be nothing, 'escaped', 'words' or 'hex'",
			      SHOWN(name));
}

/* Counts what is about to be kept. */
static int check_content(struct snapshot_parser *parser, size_t length)
{
	size_t *left = parser->source->content_left;
	if (length > SNAPSHOT_CONTENT_MAX)
		return snapshot_wrong(parser, "a content larger than %zu MiB", SNAPSHOT_CONTENT_MAX >> 20);
	if (length > *left)
		return snapshot_wrong(parser, "more than %zu MiB of contents", SNAPSHOT_FILE_MAX >> 20);
	*left -= length;
	return 0;
}

int snapshot_take_content(struct snapshot_parser *parser, struct snapshot_node *node, struct slice content)
{
	int r = check_content(parser, content.length);
	if (r == 0)
		snapshot_set_text(parser->snapshot, node, content);
	return r;
}

int snapshot_read_block(struct snapshot_parser *parser, struct slice form_name, struct snapshot_node *node)
{
	AUTO_ARENA scratch = { 0 };
	struct buffer content = { .arena = &scratch };
	enum snapshot_form form = FORM_TEXT;
	int r = find_form(parser, form_name, &form);
	buffer_add(&content, "", 0);
	while (r >= 0 && block_goes_on(parser)) {
		r = next_line(parser);
		if (r < 0)
			return r;
		struct slice line = parser->line;
		snapshot_take_prefix(&line, "\t");
		const char *reason = snapshot_read_block_line(&content, form, line);
		if (reason)
			return snapshot_wrong(parser, "%s", reason);
		if (content.length > SNAPSHOT_CONTENT_MAX)
			return snapshot_wrong(parser, "a content larger than %zu MiB", SNAPSHOT_CONTENT_MAX >> 20);
	}
	return r < 0 ? r : snapshot_take_content(parser, node, (struct slice){ content.text, content.length });
}

int snapshot_read_one_line(struct snapshot_parser *parser, struct snapshot_node *node, struct slice text, bool newline)
{
	if (text.length && !snapshot_take_prefix(&text, " "))
		return snapshot_wrong(parser, "'=' is followed by a blank");
	size_t length = text.length + newline;
	int r = check_content(parser, length);
	if (r < 0)
		return r;
	char *line = arena_alloc(&parser->snapshot->arena, length + 1);
	memcpy(line, text.start, text.length);
	if (newline)
		line[text.length] = '\n';
	node->text = line;
	node->length = length;
	return 0;
}

int snapshot_read_errno(struct snapshot_parser *parser, struct slice name, uint8_t *ret)
{
	int number = snapshot_errno_number(name);
	if (number == 0)
		return snapshot_wrong(parser, "'%.*s' is no error's name, like EACCES", SHOWN(name));
	*ret = (uint8_t)number;
	return 0;
}

/* --- The head --- */

/* "remove /sys/class/iommu" */
static int read_remove(struct snapshot_parser *parser, struct slice path)
{
	AUTO_ARENA scratch = { 0 };
	struct snapshot_node *node = &parser->snapshot->top;
	struct slice spelled = path;
	struct slice name;
	if (!snapshot_take_prefix(&path, "/") || path.length == 0)
		return snapshot_wrong(parser, "'remove' is followed by a path like /sys/class/iommu");
	while (node && snapshot_next_component(&path, &name)) {
		const char *decoded = snapshot_decode(&scratch, name);
		node = decoded ? snapshot_find(parser->snapshot, node, slice_of(decoded)) : NULL;
	}
	if (!node || !snapshot_is_there(node))
		return snapshot_wrong(parser, "remove %.*s: the base has no such thing", SHOWN(spelled));
	snapshot_remove(node);
	parser->said = true;
	return 0;
}

/* "ask KEY = text", "ask KEY: form" and a block, "ask KEY ! ENOTSUP text" */
static int read_question(struct snapshot_parser *parser, struct slice rest)
{
	AUTO_ARENA scratch = { 0 };
	struct slice key = { rest.start, 0 };
	struct snapshot_node *node;
	while (key.length < rest.length && key.start[key.length] != ' ' && key.start[key.length] != '\t')
		key.length++;
	rest = (struct slice){ key.start + key.length, rest.length - key.length };
	bool block = key.length && key.start[key.length - 1] == ':';
	key.length -= block;
	const char *name = snapshot_decode(&scratch, key);
	if (!name || !*name)
		return snapshot_wrong(parser, "'ask' is followed by a key, and by '=', ':' or '!'");
	if (parser->snapshot->count >= SNAPSHOT_NODES_MAX)
		return snapshot_wrong(parser, "more than %zu names", SNAPSHOT_NODES_MAX);
	node = snapshot_add(parser->snapshot, &parser->snapshot->questions, slice_of(name));
	int r = snapshot_claim(parser, node, SNAPSHOT_REGULAR);
	if (r < 0)
		return r;
	if (block)
		return snapshot_read_block(parser, rest, node);
	if (snapshot_take_prefix(&rest, " ="))
		return snapshot_read_one_line(parser, node, rest, false);
	struct slice error;
	if (!snapshot_take_prefix(&rest, " ! ") || !slice_next_word(&rest, &error))
		return snapshot_wrong(parser, "'ask %.*s' is followed by '=', ':' or '! ERROR text'", SHOWN(key));
	r = snapshot_read_errno(parser, error, &node->error);
	return r < 0 ? r : snapshot_take_content(parser, node, slice_trim(rest));
}

static int read_base(struct snapshot_parser *parser, struct slice name)
{
	AUTO_ARENA scratch = { 0 };
	if (parser->said)
		return snapshot_wrong(parser,
				      "the base stands before all that is said of it, and there is one at most");
	if (!parser->source->read_base)
		return snapshot_wrong(parser, "a base is a file beside the snapshot: this one was read from no file");
	parser->said = true;
	int r = parser->source->read_base(parser->source, arena_strndup(&scratch, name.start, name.length),
					  parser->error);
	return r < 0 ? error_prefix(parser->error, r, "%s:%u", parser->source->name, parser->number) : 0;
}

static int read_head_line(struct snapshot_parser *parser)
{
	struct snapshot *snapshot = parser->snapshot;
	struct slice rest = parser->line;
	if (snapshot_take_prefix(&rest, "base "))
		return read_base(parser, rest);
	if (snapshot_take_prefix(&rest, "remove "))
		return read_remove(parser, rest);
	if (snapshot_take_prefix(&rest, "ask "))
		return read_question(parser, rest);
	if (snapshot_take_prefix(&rest, "by "))
		snapshot->by = arena_strndup(&snapshot->arena, rest.start, rest.length);
	else if (slice_equals(rest, "partial"))
		snapshot->partial = true;
	else if (slice_equals(rest, "offline"))
		snapshot->offline = true;
	else
		return snapshot_wrong(
			parser,
			"'%.*s': the head has lines with 'by', 'base', 'partial', 'offline', 'remove' and 'ask'; "
			"what a directory holds stands below its [/path]",
			SHOWN(parser->line));
	return 0;
}

static int read_first_line(struct snapshot_parser *parser)
{
	int r = next_line(parser);
	if (r < 0)
		return r;
	struct slice version = parser->line;
	if (r == 0 || !snapshot_take_prefix(&version, "nestpci snapshot "))
		return error_set(parser->error, -EINVAL,
				 "%s: no snapshot of nestpci: its first line is not 'nestpci snapshot 1'",
				 parser->source->name);
	if (!slice_equals(version, "1"))
		return snapshot_wrong(parser, "a snapshot of format '%.*s': this nestpci knows format 1 only",
				      SHOWN(version));
	return 0;
}

static int read_line(struct snapshot_parser *parser)
{
	struct slice line = parser->line;
	if (line.length == 0)
		return 0;
	if (snapshot_take_prefix(&line, "#")) {
		snapshot_take_prefix(&line, " ");
		if (parser->section)
			return 0;
		if (parser->snapshot->comments.count == COMMENTS_MAX)
			return snapshot_wrong(parser, "more than %d lines of comments in the head", COMMENTS_MAX);
		list_add(&parser->snapshot->comments, arena_strndup(&parser->snapshot->arena, line.start, line.length));
		return 0;
	}
	if (line.start[0] == '[')
		return snapshot_read_section(parser);
	if (line.start[0] == '\t')
		return snapshot_wrong(parser,
				      "a line that begins with a tab belongs to an entry with a colon; there is none");
	return parser->section ? snapshot_read_entry(parser) : read_head_line(parser);
}

int snapshot_parse(const struct snapshot_source *source, struct slice text, struct error *error)
{
	struct error ignored;
	struct snapshot_parser parser = {
		.source = source, .snapshot = source->snapshot, .rest = text, .error = error ? error : &ignored
	};
	int r = read_first_line(&parser);
	while (r == 0) {
		r = next_line(&parser);
		if (r <= 0)
			break;
		r = read_line(&parser);
	}
	return r;
}
