/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a snapshot says of files: the sections, and the lines below them. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "base/snapshot-internal.h"

static int add_node(struct snapshot_parser *parser, struct snapshot_node *directory, struct slice spelled,
		    struct snapshot_node **ret)
{
	AUTO_ARENA scratch = { 0 };
	struct slice name = spelled;
	/* Most names are plain. */
	if (spelled.length && memchr(spelled.start, '%', spelled.length)) {
		const char *decoded = snapshot_decode(&scratch, spelled);
		if (!decoded)
			return snapshot_wrong(parser, "'%.*s': a '%%' is followed by two hexadecimal digits, not 00",
					      SHOWN(spelled));
		name = slice_of(decoded);
	}
	if (name.length == 0 || name.length > SNAPSHOT_NAME_MAX || memchr(name.start, '/', name.length) ||
	    slice_equals(name, ".") || slice_equals(name, ".."))
		return snapshot_wrong(parser, "'%.*s' is no name of a file", SHOWN(spelled));
	if (parser->snapshot->count >= SNAPSHOT_NODES_MAX)
		return snapshot_wrong(parser, "more than %zu names", SNAPSHOT_NODES_MAX);
	*ret = snapshot_add(parser->snapshot, directory, name);
	return 0;
}

bool snapshot_next_component(struct slice *path, struct slice *ret)
{
	if (path->length == 0)
		return false;
	size_t length = 0;
	while (length < path->length && path->start[length] != '/')
		length++;
	*ret = (struct slice){ path->start, length };
	size_t cut = length < path->length ? length + 1 : length;
	*path = (struct slice){ path->start + cut, path->length - cut };
	return true;
}

static bool is_directory(const struct snapshot_node *node)
{
	return node->kind == SNAPSHOT_DIRECTORY;
}

int snapshot_claim(struct snapshot_parser *parser, struct snapshot_node *node, enum snapshot_kind kind)
{
	AUTO_ARENA scratch = { 0 };
	bool here = node->file == parser->source->file;
	bool times_here = node->times_file == parser->source->file;
	if (here && node->kind != SNAPSHOT_NOTHING)
		return snapshot_wrong(parser, "%s: line %u says %s already", snapshot_path(&scratch, node), node->line,
				      is_directory(node)         ? "that it is a directory" :
				      kind == SNAPSHOT_DIRECTORY ? "that it is no directory" :
								   "what it is");
	if (snapshot_is_there(node) && is_directory(node) != (kind == SNAPSHOT_DIRECTORY))
		return snapshot_wrong(parser, "%s is %s in the base: remove it first", snapshot_path(&scratch, node),
				      is_directory(node) ? "a directory" : "no directory");
	if (times_here && kind != SNAPSHOT_REGULAR)
		return snapshot_wrong(parser, "%s is a regular file by a line above", snapshot_path(&scratch, node));
	node->kind = (uint8_t)kind;
	node->file = parser->source->file;
	node->line = parser->number;
	node->error = 0;
	node->text = NULL;
	node->length = 0;
	node->behind = SNAPSHOT_NOTHING;
	node->number = 0;
	if (!times_here)
		node->times = NULL;
	parser->said = true;
	return 0;
}

/* A directory that is one because something is in it, or because it is said to be. */
static int claim_directory(struct snapshot_parser *parser, struct snapshot_node *node)
{
	return is_directory(node) ? 0 : snapshot_claim(parser, node, SNAPSHOT_DIRECTORY);
}

/* "[/sys/bus/pci]" */
int snapshot_read_section(struct snapshot_parser *parser)
{
	struct slice path = parser->line;
	struct slice name;
	size_t depth = 0;
	struct snapshot_node *node = &parser->snapshot->top;
	if (!snapshot_take_prefix(&path, "[/") || path.length == 0 || path.start[path.length - 1] != ']')
		return snapshot_wrong(parser, "'%.*s': a section is begun by the path of a directory, like [/sys/bus]",
				      SHOWN(parser->line));
	path.length--;
	while (snapshot_next_component(&path, &name)) {
		if (++depth > SNAPSHOT_DEPTH_MAX)
			return snapshot_wrong(parser, "more than %d directories in each other", SNAPSHOT_DEPTH_MAX);
		int r = add_node(parser, node, name, &node);
		if (r == 0)
			r = claim_directory(parser, node);
		if (r < 0)
			return r;
	}
	if (node->section_file == parser->source->file)
		return snapshot_wrong(parser, "'%.*s': has a section above already", SHOWN(parser->line));
	node->section_file = parser->source->file;
	parser->section = node;
	parser->said = true;
	return 0;
}

/* "- boot_vga driver": not there. "- *": nothing is there but what is said to be. */
static int read_absent(struct snapshot_parser *parser, struct slice names)
{
	struct slice name;
	while (slice_next_word(&names, &name)) {
		struct snapshot_node *node;
		if (slice_equals(name, "*")) {
			parser->section->listed = true;
			continue;
		}
		int r = add_node(parser, parser->section, name, &node);
		if (r < 0)
			return r;
		if (node->kind != SNAPSHOT_NOTHING && node->file == parser->source->file)
			return snapshot_wrong(parser, "'%.*s': line %u says what it is already", SHOWN(name),
					      node->line);
		/* More than a name goes with it. */
		if (is_directory(node))
			return snapshot_wrong(parser,
					      "'%.*s' is a directory in the base: take it away by 'remove PATH'",
					      SHOWN(name));
		if (node->times_file == parser->source->file)
			return snapshot_wrong(parser, "'%.*s': a line above says that it is a regular file",
					      SHOWN(name));
		snapshot_remove(node);
		node->file = parser->source->file;
		node->line = parser->number;
	}
	return 0;
}

/* "name/", "name/ ! EACCES" */
static int read_directory(struct snapshot_parser *parser, struct slice name, struct slice rest)
{
	struct snapshot_node *node;
	int r = add_node(parser, parser->section, (struct slice){ name.start, name.length - 1 }, &node);
	if (r == 0)
		r = claim_directory(parser, node);
	if (r == 0 && snapshot_take_prefix(&rest, " ! "))
		return snapshot_read_errno(parser, rest, &node->error);
	if (r == 0 && rest.length)
		return snapshot_wrong(parser, "'%.*s' behind a directory: it can be '! ERROR'", SHOWN(rest));
	return r;
}

/* "regular SIZE MTIME": besides what the file holds. */
static int read_times(struct snapshot_parser *parser, struct snapshot_node *node, const char *size, const char *mtime)
{
	AUTO_ARENA scratch = { 0 };
	bool negative = *mtime == '-';
	uint64_t numbers[2];
	if (text_to_number(size, 10, INT64_MAX, &numbers[0]) < 0 ||
	    text_to_number(mtime + negative, 10, INT64_MAX, &numbers[1]) < 0)
		return snapshot_wrong(parser, "'@ regular' is followed by a size and a time in seconds since 1970");
	if (node->times_file == parser->source->file || (snapshot_is_there(node) && node->kind != SNAPSHOT_REGULAR) ||
	    (node->kind == SNAPSHOT_ABSENT && node->file == parser->source->file))
		return snapshot_wrong(parser, "%s: another line says what it is", snapshot_path(&scratch, node));
	struct snapshot_times *times = arena_alloc(&parser->snapshot->arena, sizeof(*times));
	*times = (struct snapshot_times){ numbers[0], negative ? -(int64_t)numbers[1] : (int64_t)numbers[1] };
	node->kind = SNAPSHOT_REGULAR;
	node->times = times;
	node->times_file = parser->source->file;
	return 0;
}

/* "259:3" */
static int read_number(struct snapshot_parser *parser, const char *text, dev_t *ret)
{
	AUTO_ARENA scratch = { 0 };
	size_t length = strcspn(text, ":");
	uint64_t numbers[2];
	if (text[length] != ':' ||
	    text_to_number(arena_strndup(&scratch, text, length), 10, UINT32_MAX, &numbers[0]) < 0 ||
	    text_to_number(text + length + 1, 10, UINT32_MAX, &numbers[1]) < 0)
		return snapshot_wrong(parser, "'%.40s' is no device number like 259:3", text);
	*ret = makedev((unsigned int)numbers[0], (unsigned int)numbers[1]);
	return 0;
}

struct status {
	enum snapshot_kind kind;
	dev_t number;
	const char *words[3]; /* as they stand; "": none */
	size_t count;
};

/* What is behind "@ ": the kind of a file. */
static int read_status(struct snapshot_parser *parser, struct arena *arena, struct slice text, struct status *ret)
{
	static const struct {
		const char *word;
		enum snapshot_kind kind;
		size_t least;
		size_t most;
	} rows[] = {
		{ "block", SNAPSHOT_BLOCK, 2, 2 },     { "char", SNAPSHOT_CHARACTER, 2, 2 },
		{ "fifo", SNAPSHOT_FIFO, 1, 1 },       { "socket", SNAPSHOT_SOCKET, 1, 1 },
		{ "regular", SNAPSHOT_REGULAR, 1, 3 }, { "directory", SNAPSHOT_DIRECTORY, 1, 1 },
	};
	struct slice word;
	*ret = (struct status){ .words = { "", "", "" } };
	for (struct slice rest = text; slice_next_word(&rest, &word); ret->count++)
		if (ret->count < ARRAY_SIZE(ret->words))
			ret->words[ret->count] = arena_strndup(arena, word.start, word.length);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(ret->words[0], rows[i].word) == 0 && ret->count >= rows[i].least &&
		    ret->count <= rows[i].most)
			ret->kind = rows[i].kind;
	if (ret->kind == SNAPSHOT_BLOCK || ret->kind == SNAPSHOT_CHARACTER)
		return read_number(parser, ret->words[1], &ret->number);
	return ret->kind ? 0 :
			   snapshot_wrong(parser,
					  "'@ %.*s': it can be 'block MAJOR:MINOR', 'char MAJOR:MINOR', 'fifo', "
					  "'socket' or 'regular SIZE TIME'",
					  SHOWN(text));
}

/* "name @ status" */
static int read_special(struct snapshot_parser *parser, struct snapshot_node *node, struct slice text)
{
	AUTO_ARENA scratch = { 0 };
	struct status status;
	int r = read_status(parser, &scratch, text, &status);
	if (r < 0)
		return r;
	if (status.kind == SNAPSHOT_REGULAR)
		return read_times(parser, node, status.words[1], status.words[2]);
	if (status.kind == SNAPSHOT_DIRECTORY)
		return snapshot_wrong(parser, "a directory is written 'name/'");
	r = snapshot_claim(parser, node, status.kind);
	if (r == 0)
		node->number = status.number;
	return r;
}

/* "name -> target", "name -> target @ status"; without a target: it was not read; "! EACCES": it could not be. */
static int read_link(struct snapshot_parser *parser, struct snapshot_node *node, struct slice target)
{
	AUTO_ARENA scratch = { 0 };
	int r = snapshot_claim(parser, node, SNAPSHOT_LINK);
	if (r < 0 || !snapshot_take_prefix(&target, " "))
		return r < 0 || target.length == 0 ? r : snapshot_wrong(parser, "'->' is followed by a blank");
	if (snapshot_take_prefix(&target, "! "))
		return snapshot_read_errno(parser, target, &node->error);
	const char *at = memmem(target.start, target.length, " @ ", 3);
	if (at) {
		struct status status;
		struct slice text = { at + 3, target.length - (size_t)(at + 3 - target.start) };
		r = read_status(parser, &scratch, text, &status);
		if (r < 0)
			return r;
		node->behind = (uint8_t)status.kind;
		node->number = status.number;
		target.length = (size_t)(at - target.start);
	}
	if (target.length == 0)
		return 0;
	const char *decoded = snapshot_decode(&scratch, target);
	if (!decoded)
		return snapshot_wrong(parser, "'%.*s': a '%%' is followed by two hexadecimal digits, not 00",
				      SHOWN(target));
	return snapshot_take_content(parser, node, slice_of(decoded));
}

static int read_file(struct snapshot_parser *parser, struct snapshot_node *node, struct slice rest)
{
	if (snapshot_take_prefix(&rest, " @ "))
		return read_special(parser, node, rest);
	if (snapshot_take_prefix(&rest, " ->"))
		return read_link(parser, node, rest);
	bool unread = slice_equals(rest, " ?");
	bool failed = snapshot_take_prefix(&rest, " ! ");
	if (!unread && !failed && !snapshot_take_prefix(&rest, " ="))
		return snapshot_wrong(parser, "'%.*s': a name is followed by '=', ':', '->', '/', '!', '@' or '?'",
				      SHOWN(parser->line));
	int r = snapshot_claim(parser, node, SNAPSHOT_REGULAR);
	if (r < 0 || unread)
		return r;
	return failed ? snapshot_read_errno(parser, rest, &node->error) :
			snapshot_read_one_line(parser, node, rest, true);
}

int snapshot_read_entry(struct snapshot_parser *parser)
{
	struct slice rest = parser->line;
	struct slice name = { rest.start, 0 };
	struct snapshot_node *node;
	while (name.length < rest.length && name.start[name.length] != ' ' && name.start[name.length] != '\t')
		name.length++;
	rest = (struct slice){ rest.start + name.length, rest.length - name.length };
	if (name.length == 0)
		return snapshot_wrong(parser, "a line that begins with a blank");
	const char *last = name.start + name.length - 1;
	if (slice_equals(name, "-"))
		return read_absent(parser, rest);
	if (*last == '/')
		return read_directory(parser, name, rest);
	if (*last != ':') {
		int r = add_node(parser, parser->section, name, &node);
		return r < 0 ? r : read_file(parser, node, rest);
	}
	int r = add_node(parser, parser->section, (struct slice){ name.start, name.length - 1 }, &node);
	if (r == 0)
		r = snapshot_claim(parser, node, SNAPSHOT_REGULAR);
	return r < 0 ? r : snapshot_read_block(parser, rest, node);
}
