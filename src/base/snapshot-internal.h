/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the snapshot*.c files share: how names and contents are spelled. */
#pragma once

#include <errno.h>

#include "base/snapshot.h"

/* How the lines of a block, each behind a tab, are to be read. */
enum snapshot_form {
	FORM_TEXT,    /* as they are, each with a newline */
	FORM_ESCAPED, /* one after the other; \n, \t, \r, \\ and \xNN */
	FORM_WORDS,   /* as they are, each with a NUL */
	FORM_HEX,     /* "8086 1237" as bytes; "00 * 48" is 48 times that byte */
	FORM_COUNT,
	FORM_LINE, /* no block: one line behind "=" */
};

/* "", " escaped", ...: what stands behind the colon. */
extern const char *const snapshot_form_names[FORM_COUNT];

/* A name, a key or the end of a link, without blanks and control characters: %XX stands for all that is not plain. */
void snapshot_encode(struct buffer *out, const char *text);

/* NULL: a '%' that is none, or a NUL. */
char *snapshot_decode(struct arena *arena, struct slice text);

/* Whether a byte can stand in a snapshot by itself where text is written; bytes of UTF-8 are looked at elsewhere. */
static inline bool snapshot_is_control(unsigned char byte)
{
	return (byte < ' ' && byte != '\t') || byte == 0x7f;
}

/*
 * Bytes of the printable character that `text` begins with; 0: it is none. Neither control characters (those of C1, too,
 * which terminals obey) nor what is no UTF-8 is printable; a tab is.
 */
size_t snapshot_printable(const char *text);

/* The best form for a content, and the block itself: lines of their own behind what stands there already. */
enum snapshot_form snapshot_choose_form(struct slice content, bool ends_line);
void snapshot_write_block(struct buffer *out, enum snapshot_form form, struct slice content);

/* Adds what a line of a block means. NULL, or what is wrong with it. */
const char *snapshot_read_block_line(struct buffer *out, enum snapshot_form form, struct slice line);

/* The text of one snapshot, and where it came from. */
struct snapshot_source {
	struct snapshot *snapshot;
	const char *name; /* for messages */
	uint8_t file;     /* which of the files, the deepest base last */
	/* Reads a base before what follows; NULL: there can be none. */
	int (*read_base)(const struct snapshot_source *source, const char *name, struct error *error);
	void *loading; /* of read_base */
	size_t *content_left;
};

/* snapshot-read.c: all of a text that ends with a NUL beyond its length. */
int snapshot_parse(const struct snapshot_source *source, struct slice text, struct error *error) MUST_CHECK;

/* --- What snapshot-read.c and snapshot-entry.c share --- */

struct snapshot_parser {
	const struct snapshot_source *source;
	struct snapshot *snapshot;
	struct slice rest;
	struct slice line; /* at hand */
	unsigned int number;
	const char *tab;               /* where a block goes on, behind empty lines */
	bool said;                     /* something was said that a base would come too late for */
	struct snapshot_node *section; /* NULL: still in the head */
	struct error *error;
};

/* For messages: what stands there, if not all of it. */
#define SHOWN(slice) (int)((slice).length < 60 ? (slice).length : 60), (slice).start

/* Puts the file and the line in front of what is wrong with it. -EINVAL, which analyzers see, too. */
#define snapshot_wrong(parser, ...) ERROR_RETURN(-EINVAL, snapshot_fill_error(parser, __VA_ARGS__))
void snapshot_fill_error(const struct snapshot_parser *parser, const char *format, ...) PRINTF_FORMAT(2, 3);

/* Cuts a prefix off, where it is one. */
bool snapshot_take_prefix(struct slice *text, const char *prefix);

/* What a file holds: in the line at hand, behind '=' (`newline`: and a newline), or in the lines below it. */
int snapshot_take_content(struct snapshot_parser *parser, struct snapshot_node *node, struct slice content);
int snapshot_read_one_line(struct snapshot_parser *parser, struct snapshot_node *node, struct slice text, bool newline);
int snapshot_read_block(struct snapshot_parser *parser, struct slice form_name, struct snapshot_node *node);
int snapshot_read_errno(struct snapshot_parser *parser, struct slice name, uint8_t *ret);

/* The next component of a path, cut off it; an empty path has none. */
bool snapshot_next_component(struct slice *path, struct slice *ret);

/* Gets a node ready for what this line says of it: neither said above, nor a directory here and a file there. */
int snapshot_claim(struct snapshot_parser *parser, struct snapshot_node *node, enum snapshot_kind kind);

static inline bool snapshot_is_there(const struct snapshot_node *node)
{
	return node->kind != SNAPSHOT_NOTHING && node->kind != SNAPSHOT_ABSENT;
}

/* snapshot-entry.c: "[/sys/bus]", and a line below one. */
int snapshot_read_section(struct snapshot_parser *parser);
int snapshot_read_entry(struct snapshot_parser *parser);
