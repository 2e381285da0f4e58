/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What root.c, root-snapshot.c and recorder.c share; for nobody else. */
#pragma once

#include "base/root.h"

/* open(2) inside a root that is no snapshot, close-on-exec; nothing is noted. Returns -1 and sets errno. */
int root_open_inside(const struct root *root, const char *path, int flags);

/* The readers of base/root.h on a snapshot. */
int root_snapshot_read(const struct root *root, struct arena *arena, const char *path, struct slice *ret,
		       struct error *error) MUST_CHECK;
int root_snapshot_read_link(const struct root *root, struct arena *arena, const char *path, char **ret,
			    struct error *error) MUST_CHECK;
int root_snapshot_real_path(const struct root *root, struct arena *arena, const char *path, char **ret,
			    struct error *error) MUST_CHECK;
int root_snapshot_list(const struct root *root, const char *path, bool directories_only, struct list *ret,
		       struct error *error) MUST_CHECK;
int root_snapshot_stat(const struct root *root, const char *path, struct stat *ret, struct error *error) MUST_CHECK;
int root_snapshot_ask(const struct root *root, struct arena *arena, const char *key, const char **ret,
		      struct error *error) MUST_CHECK;
void root_close_snapshot(struct root *root);
