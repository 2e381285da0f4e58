/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are never half there. */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"

/*
 * Puts `content` in the place of the file at `path`, which need not exist: written beside it, synced, renamed, the
 * directory synced. At every instant the old file or the new one is there, whole. On failure nothing is left behind.
 */
int file_replace(const char *path, struct slice content, mode_t mode, struct error *error) MUST_CHECK;

/* All directories of `path` that are missing. */
int file_make_directories(const char *path, mode_t mode, struct error *error) MUST_CHECK;

/* Removes a file and syncs its directory; one that is not there is no failure. */
int file_remove(const char *path, struct error *error) MUST_CHECK;

/* Removes a directory and all in it, crossing no mount point and following no link; absent is no failure. */
int file_remove_tree(const char *path, struct error *error) MUST_CHECK;

/* All of `content` to an open descriptor. Returns 0 or a negative errno. */
int file_write_all(int fd, struct slice content) MUST_CHECK;
