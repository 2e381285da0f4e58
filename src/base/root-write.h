/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing through the one door: configuration files of a live system, or of one that does not run. A file is changed as
 * a whole, with all that it is besides its content, and is never half there: written beside, synced, renamed over, the
 * directory synced. A link at the end of a path is not followed (root_real_path() resolves it), but read and written as
 * what it is.
 *
 * What is written beside is called ".NAME.nestpci": hidden, so that no reader of a *.d folder takes it. One that a crash
 * left behind is overwritten. So only one may write at a time: callers hold a lock.
 */
#pragma once

#include "base/root.h"

struct file_xattr {
	const char *name;
	struct slice value;
};

struct file_state {
	bool present;
	const char *link; /* what a symbolic link holds, which has neither content nor xattrs here; NULL: a file */
	struct slice content;
	mode_t mode; /* permissions alone; a link's say nothing */
	uid_t owner;
	gid_t group;
	bool of_mount;             /* owner and permissions are not the file's own: mounted otherwise, it has others */
	struct timespec mtime;     /* tv_nsec of UTIME_OMIT: whatever it becomes */
	struct file_xattr *xattrs; /* among them the SELinux label, and ACLs; not what signs the content (IMA, EVM) */
	size_t xattr_count;
};

/* A file that is to be made: it becomes the caller's, with the time of now. */
struct file_state file_state_new(struct slice content, mode_t mode);
struct file_state file_state_link(const char *target);

/* Of a snapshot the content alone is what it was. Absent is no failure: then `ret` is not `present`. -EINVAL: it is neither a file nor a link. */
int root_read_state(const struct root *root, struct arena *arena, const char *path, struct file_state *ret,
		    struct error *error) MUST_CHECK;

/*
 * Puts a file there, or takes it away, as `state` says. On file systems that keep neither owner nor permissions (vfat,
 * FUSE such as pmxcfs) those are what the file system gives. On failure the old file stands, but for one: when the
 * directory cannot be synced, the new one stands already and a crash might take it back.
 */
int root_write_state(const struct root *root, const char *path, const struct file_state *state, struct error *error)
	MUST_CHECK;

/* All that was written to the file system of a directory gets to the disk (syncfs(2)). Absent is no failure. */
int root_sync(const struct root *root, const char *directory, struct error *error) MUST_CHECK;

/* Removes what a crash left beside a file; a file itself is never touched. */
int root_remove_beside(const struct root *root, const char *path, struct error *error) MUST_CHECK;

/* All directories of `path` that are missing. Those it made are added to `made` (or NULL), outermost first. */
int root_make_directories(const struct root *root, struct arena *arena, const char *path, mode_t mode,
			  struct list *made, struct error *error) MUST_CHECK;

/* Removes a directory if nothing is in it; absent, or not empty, is no failure. */
int root_remove_directory(const struct root *root, const char *path, struct error *error) MUST_CHECK;

/* Renames within one directory of the root; the old name must be there, a directory in the new place must be empty. */
int root_rename(const struct root *root, const char *from, const char *to, struct error *error) MUST_CHECK;
