/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notes what is read through a root, for a snapshot (base/snapshot.h). Attached to a live or an offline root it is told
 * of each outcome by the readers of base/root.h, successes, failures and absences alike; nothing else is looked at but
 * what lies on the way: a path is noted where it really leads, and each symbolic link on it as a link, so that the
 * snapshot is a true tree.
 *
 * What was read first stays: a file that is read twice is noted once. The one thing that is not as it was is /proc/self,
 * a link to the folder of the process that looks: it becomes a directory.
 */
#pragma once

#include "base/root.h"
#include "base/snapshot.h"

struct recorder {
	struct snapshot snapshot;
	struct snapshot_node *listing; /* the directory that is being listed, and its path as the reader gave it */
	const char *listing_path;
};

#define AUTO_RECORDER CLEANUP(recorder_release) struct recorder

/* Attaches it to a root, which must not be a snapshot; both must stay where they are. */
void recorder_start(struct recorder *recorder, struct root *root);

/* Releases what was noted. The root is not to be read from any more. Releasing one of zeros is fine. */
void recorder_release(struct recorder *recorder);

/*
 * The same root, with nobody taking notes: for looks that are no part of what is gathered. Not to be closed.
 */
static inline struct root root_unrecorded(const struct root *root)
{
	struct root quiet = *root;
	quiet.recorder = NULL;
	return quiet;
}

/*
 * What the readers tell; no-ops without a recorder. `code` is what the reader returned. For those who read past the
 * readers, too: in a child process, or, of a large file, only a part that is worth keeping (then they read through
 * root_unrecorded(), and note the part).
 */
void recorder_note_read(const struct root *root, const char *path, int code, const struct slice *content);
void recorder_note_link(const struct root *root, const char *path, int code);
void recorder_note_entry(const struct root *root, const char *path, const char *name, unsigned char type);
void recorder_note_list(const struct root *root, const char *path, int code);
/* `status`: NULL where only presence was asked for. */
void recorder_note_stat(const struct root *root, const char *path, const struct stat *status);
void recorder_note_answer(const struct root *root, const char *key, int code, const char *text);
