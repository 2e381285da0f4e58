/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine in one text file: the files that nestpci read of it, the links that it followed, the questions that it
 * asked. nestpci-snapshot(5) describes the format; here is the tree in memory, and the way in and out of a file.
 *
 * Something can be there, absent, or not known. In a snapshot that a recorder made (`partial`) nothing is absent but
 * what was looked for and not found, and what is missing in a directory that was listed: all else is not known, and
 * asking for it is an error (-ENODATA) that says so. In one that somebody wrote, what is not there is absent.
 *
 * All of it is foreign: any text at all is a tree, or an error with file and line. Nothing is opened but the file and
 * its bases.
 */
#pragma once

#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

#define SNAPSHOT_FILE_MAX ((size_t)512 * 1024 * 1024)   /* of all files together, bases included */
#define SNAPSHOT_CONTENT_MAX ((size_t)64 * 1024 * 1024) /* of one file in it, as root_read() takes them */
#define SNAPSHOT_LINE_MAX ((size_t)64 * 1024)
#define SNAPSHOT_NODES_MAX ((size_t)4 * 1000 * 1000)
#define SNAPSHOT_DEPTH_MAX 128
#define SNAPSHOT_NAME_MAX 255 /* NAME_MAX */
#define SNAPSHOT_BASES_MAX 8
#define SNAPSHOT_LINKS_MAX 40 /* as the kernel's MAXSYMLINKS (include/linux/namei.h) */

enum snapshot_kind {
	SNAPSHOT_NOTHING, /* nothing is said of it */
	SNAPSHOT_ABSENT,  /* it is not there */
	SNAPSHOT_DIRECTORY,
	SNAPSHOT_REGULAR,
	SNAPSHOT_LINK,
	SNAPSHOT_BLOCK,
	SNAPSHOT_CHARACTER,
	SNAPSHOT_FIFO,
	SNAPSHOT_SOCKET,
};

struct snapshot_times {
	uint64_t size;
	int64_t mtime;
};

struct snapshot_node {
	struct snapshot_node *parent;
	struct snapshot_node *first; /* of what is in it, in no order; those that are SNAPSHOT_NOTHING are gone */
	struct snapshot_node *next;  /* in the same directory */
	const char *name;
	const char
		*text; /* of a regular file, where a link leads; ended by a NUL beyond `length`; NULL: was not read */
	size_t length;
	const struct snapshot_times *times; /* of a regular file; NULL: not known */
	dev_t number;                       /* of a device, or of one behind a link */
	uint32_t line;                      /* where it was said first, and in which file; 0: by no file */
	uint8_t file;
	uint8_t section_file; /* the last file that had a section of it */
	uint8_t times_file;
	uint8_t kind; /* enum snapshot_kind */
	/* Of a link of procfs to an open file, the kind of that, wherever the text would lead; NOTHING: not looked at. */
	uint8_t behind;
	bool listed;   /* a directory: nothing is in it but what is here */
	uint8_t error; /* an errno, positive: what reading (listing, following) it gave; its name is there nevertheless */
};

struct snapshot {
	struct arena arena;
	struct snapshot_node top;       /* the directory "/" */
	struct snapshot_node questions; /* what was asked: as regular files, named by their keys */
	struct snapshot_node **table;   /* all other nodes, by parent and name */
	size_t table_size;
	size_t count;
	const char *by; /* what wrote it: "nestpci 0.1.0"; NULL: not said */
	bool partial;
	bool offline;         /* of a system that was not running */
	struct list comments; /* at the head of the file, without "# " */
};

#define AUTO_SNAPSHOT CLEANUP(snapshot_release) struct snapshot

/* An empty one. It must stay where it is; release with snapshot_release. */
void snapshot_init(struct snapshot *snapshot);
void snapshot_release(struct snapshot *snapshot);

/* --- The tree --- */

/* What is said of a name in a directory; NULL: nothing ever was. */
struct snapshot_node *snapshot_find(const struct snapshot *snapshot, const struct snapshot_node *directory,
				    struct slice name);

/* The same, made where it is not there: SNAPSHOT_NOTHING then. */
struct snapshot_node *snapshot_add(struct snapshot *snapshot, struct snapshot_node *directory, struct slice name);

/* It, and all below it, is absent from now on. */
void snapshot_remove(struct snapshot_node *node);

/* Sets what a file holds, or where a link leads: a copy. */
void snapshot_set_text(struct snapshot *snapshot, struct snapshot_node *node, struct slice text);

/* What is in a directory, sorted by name; without what nothing is said of. Ended by NULL. */
struct snapshot_node **snapshot_children(struct arena *arena, const struct snapshot_node *directory, size_t *ret_count);

/* The path of a node: "/sys/bus/pci". */
char *snapshot_path(struct arena *arena, const struct snapshot_node *node);

/* Whether something that is not said to be there is absent, rather than not known. */
bool snapshot_is_complete(const struct snapshot *snapshot, const struct snapshot_node *directory);

/*
 * Follows a path, by symbolic links as well (`follow_last`: also where the path itself is one). Absolute links begin at
 * "/", ".." ends there. Gives what the kernel would: -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG, the error of a directory
 * or link that could not be read; or -ENODATA where the snapshot does not know.
 */
int snapshot_walk(const struct snapshot *snapshot, const char *path, bool follow_last, struct snapshot_node **ret)
	MUST_CHECK;

/* The same for whoever makes the tree while walking: `look` is asked for each name instead; NULL: there is none. */
typedef struct snapshot_node *snapshot_look(void *context, struct snapshot_node *directory, struct slice name);
int snapshot_walk_looking(const struct snapshot *snapshot, const char *path, bool follow_last, snapshot_look *look,
			  void *context, struct snapshot_node **ret) MUST_CHECK;

/* --- Files --- */

/*
 * Reads a snapshot and its bases into an empty one; "-" is standard input, which can have no base. Errors name file and
 * line. On failure the snapshot is to be released, and nothing else.
 */
int snapshot_read_file(const char *path, struct snapshot *ret, struct error *error) MUST_CHECK;

/* The same from text, without bases; `name` is for messages. */
int snapshot_read_text(struct slice text, const char *name, struct snapshot *ret, struct error *error) MUST_CHECK;

/* Adds the whole, bases included, in canonical order: what is the same gives the same text. */
void snapshot_write(const struct snapshot *snapshot, struct buffer *out);

/* "EACCES" for 13, "errno-999" for one without a name. The other way: 0 when it is none. */
const char *snapshot_errno_name(struct arena *arena, int number);
int snapshot_errno_number(struct slice name);
