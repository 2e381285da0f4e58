/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one door to files.
 *
 * A root is a place that paths are resolved in: the live system ("/"), another system's root directory, or a snapshot:
 * one text file that holds what was read of a system once (base/snapshot.h). Paths are absolute
 * ("/sys/bus/pci/devices"), and in anything but the live system they, and every symbolic link on the way, stay inside
 * (openat2 with RESOLVE_IN_ROOT; a snapshot is followed in memory), so that a hostile tree cannot lead outside.
 *
 * Absent, unreadable and wrong are three things. Readers return 0, or a negative errno that tells them apart:
 *   -ENOENT, -ENOTDIR  it is not there
 *   -EACCES, -EPERM    it may be there, we may not look
 *   -ENODATA           a snapshot does not say
 *   anything else      it is there and reading it failed (-EFBIG: larger than the reader wants)
 * and fill `error` (which may be NULL) with the path and the reason.
 *
 * With a recorder attached (base/recorder.h), what readers are given is noted for a snapshot.
 */
#pragma once

#include <stdbool.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

enum root_kind {
	ROOT_LIVE,     /* reads, writes, runs programs */
	ROOT_OFFLINE,  /* reads; nothing of it is running */
	ROOT_SNAPSHOT, /* reads what was read once, of a system that ran then */
};

struct snapshot;
struct recorder;

/* A directory that is kept open: see root_enter(). */
struct root_inside {
	int fd;
	const char *path; /* NULL: none */
	size_t length;    /* of the path */
};

struct root {
	int fd; /* -1: a snapshot */
	/* Of a snapshot: ROOT_SNAPSHOT when its system was running, ROOT_OFFLINE when it was not. */
	enum root_kind kind;
	const char *name;          /* for messages: "" for the live system, "FILE:" for a snapshot */
	struct snapshot *snapshot; /* NULL: none */
	struct recorder *recorder; /* NULL: none */
	struct root_inside inside;
};

#define ROOT_NONE ((struct root){ .fd = -1 })
#define AUTO_ROOT CLEANUP(root_close) struct root

/*
 * `directory`: NULL or "/" for the live system; `file`: a snapshot, "-" for standard input. The string must outlive the
 * root. Release with root_close.
 */
int root_open(struct root *root, const char *directory, struct error *error) MUST_CHECK;
int root_open_snapshot(struct root *root, const char *file, struct error *error) MUST_CHECK;
void root_close(struct root *root);

/*
 * The same root, with a directory kept open, so that what lies directly in it is reached without resolving the way there anew:
 * for readers of many directories who want several files of each. All readers give what they give without it, also
 * where the name is a link; paths are given whole, as ever. One directory at a time: root_leave() closes it. `path` must
 * stay as it is until then.
 */
struct root root_enter(const struct root *root, const char *path);
void root_leave(struct root *root);

static inline bool root_absent(int code)
{
	return code == -ENOENT || code == -ENOTDIR;
}

/* Whole file into the arena, ended by a NUL that is not counted. */
int root_read(const struct root *root, struct arena *arena, const char *path, struct slice *ret, struct error *error)
	MUST_CHECK;

/* The same for a file of one line, without blanks and newline at the end: most of sysfs. -EINVAL: it holds a NUL. */
int root_read_line(const struct root *root, struct arena *arena, const char *path, char **ret, struct error *error)
	MUST_CHECK;

/*
 * The same as root_read() of a file that is long, and of which little is wanted: `pick` adds what is to `kept`, and that is
 * what is given, and all that a recorder notes. What it has picked it must pick again: a snapshot is read like the file.
 */
typedef void root_pick(struct slice text, struct buffer *kept);
int root_read_excerpt(const struct root *root, struct arena *arena, const char *path, root_pick *pick,
		      struct slice *ret, struct error *error) MUST_CHECK;

/* What a symbolic link holds, as it stands. */
int root_read_link(const struct root *root, struct arena *arena, const char *path, char **ret, struct error *error)
	MUST_CHECK;

/* Where a path leads once every symbolic link is resolved, seen from inside the root: "/sys/devices/pci0000:00/...". */
int root_real_path(const struct root *root, struct arena *arena, const char *path, char **ret, struct error *error)
	MUST_CHECK;

/* Names in a directory, sorted, without "." and "..". */
int root_list(const struct root *root, struct arena *arena, const char *path, struct list *ret, struct error *error)
	MUST_CHECK;

/*
 * Names of the real directories in a directory (no links), sorted, without "." and "..": for walks that shall not leave
 * a tree.
 */
int root_list_directories(const struct root *root, struct arena *arena, const char *path, struct list *ret,
			  struct error *error) MUST_CHECK;

/*
 * Of a snapshot only the kind of file, a device's number, and, of files outside /sys and /proc, size and time of the
 * last change are what they were.
 */
int root_stat(const struct root *root, const char *path, struct stat *ret, struct error *error) MUST_CHECK;
bool root_exists(const struct root *root, const char *path);

/*
 * An open descriptor, close-on-exec. `flags` as open(2), reading only in anything but the live system. -ENOTSUP: a
 * snapshot has none to give; and what is read from a descriptor no recorder sees.
 */
int root_open_file(const struct root *root, const char *path, int flags, struct error *error) MUST_CHECK;

/*
 * Writes a kernel attribute (sysfs) in one write(2), live system only. Returns the kernel's own errno, negative.
 */
int root_write_attribute(const struct root *root, const char *path, const char *text, struct error *error) MUST_CHECK;

/*
 * A question that no file answers: an ioctl, who we are, whether a device node is claimed. `key` names it, without
 * blanks: "kvm/nested_state", "claimed/dev/nvme0n1". A live system asks `ask`, which returns 0 and a text (of any
 * length, without NUL) or a negative errno; a snapshot gives the answer, or the failure, that was given then; an offline
 * root has none (-ENOTSUP).
 */
typedef int root_question(struct arena *arena, const void *what, const char **ret, struct error *error);
int root_ask(const struct root *root, struct arena *arena, const char *key, root_question *ask, const void *what,
	     const char **ret, struct error *error) MUST_CHECK;

/* Whether a snapshot has an answer, or a failure, to this question. */
bool root_was_asked(const struct root *root, const char *key);

/*
 * Whether whoever looks may see all: effective user 0, of the one who took a snapshot for that. False where it is not
 * known.
 */
bool root_sees_all(const struct root *root, struct arena *arena);
