/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The door to files where there are none: a snapshot. What the kernel would have said is said here. */
#include <errno.h>

#include "base/root-internal.h"
#include "base/snapshot.h"

/* What is not recorded of a file under /sys; sysfs gives all attributes the size of a page. */
#define PERMISSIONS_FILE 0444
#define PERMISSIONS_DIRECTORY 0555

int root_open_snapshot(struct root *root, const char *file, struct error *error)
{
	struct snapshot *snapshot = malloc(sizeof(*snapshot));
	if (!snapshot)
		return error_set_errno(error, -ENOMEM, "%s", file);
	snapshot_init(snapshot);
	*root = (struct root){ .fd = -1, .kind = ROOT_SNAPSHOT, .snapshot = snapshot };
	int r = snapshot_read_file(file, snapshot, error);
	if (r < 0) {
		root_close_snapshot(root);
		return r;
	}
	if (snapshot->offline)
		root->kind = ROOT_OFFLINE;
	root->name = arena_printf(&snapshot->arena, "%s:", strcmp(file, "-") == 0 ? "standard input" : file);
	return 0;
}

void root_close_snapshot(struct root *root)
{
	if (!root->snapshot)
		return;
	snapshot_release(root->snapshot);
	free(root->snapshot);
	root->snapshot = NULL;
}

static int fail(const struct root *root, const char *path, int code, struct error *error)
{
	if (code == -ENODATA)
		return error_set(error, code, "%s%s: not known: this was not looked at when the snapshot was made",
				 root->name, path);
	return error_set_errno(error, code, "%s%s", root->name, path);
}

int root_snapshot_read(const struct root *root, struct arena *arena, const char *path, struct slice *ret,
		       struct error *error)
{
	struct snapshot_node *node;
	int r = snapshot_walk(root->snapshot, path, true, &node);
	if (r < 0)
		return fail(root, path, r, error);
	if (node->kind == SNAPSHOT_DIRECTORY)
		return fail(root, path, -EISDIR, error);
	if (node->kind != SNAPSHOT_REGULAR)
		return error_set(error, -EINVAL, "%s%s: not a regular file", root->name, path);
	if (node->error)
		return fail(root, path, -node->error, error);
	if (!node->text)
		return error_set(error, -ENODATA,
				 "%s%s: is there; what it holds was not read when the snapshot was made", root->name,
				 path);
	*ret = (struct slice){ arena_strndup(arena, node->text, node->length), node->length };
	return 0;
}

int root_snapshot_read_link(const struct root *root, struct arena *arena, const char *path, char **ret,
			    struct error *error)
{
	struct snapshot_node *node;
	int r = snapshot_walk(root->snapshot, path, false, &node);
	if (r < 0)
		return fail(root, path, r, error);
	if (node->kind != SNAPSHOT_LINK)
		return error_set(error, -EINVAL, "%s%s: not a symbolic link", root->name, path);
	if (node->error || !node->text)
		return fail(root, path, node->error ? -node->error : -ENODATA, error);
	*ret = arena_strdup(arena, node->text);
	return 0;
}

int root_snapshot_real_path(const struct root *root, struct arena *arena, const char *path, char **ret,
			    struct error *error)
{
	struct snapshot_node *node;
	int r = snapshot_walk(root->snapshot, path, true, &node);
	if (r < 0)
		return fail(root, path, r, error);
	*ret = snapshot_path(arena, node);
	return 0;
}

int root_snapshot_list(const struct root *root, const char *path, bool directories_only, struct list *ret,
		       struct error *error)
{
	AUTO_ARENA scratch = { 0 };
	struct snapshot_node *node;
	size_t count;
	int r = snapshot_walk(root->snapshot, path, true, &node);
	if (r == 0 && node->kind != SNAPSHOT_DIRECTORY)
		r = -ENOTDIR;
	else if (r == 0 && node->error && !node->listed)
		r = -node->error;
	else if (r == 0 && !snapshot_is_complete(root->snapshot, node))
		r = -ENODATA;
	if (r < 0)
		return fail(root, path, r, error);
	struct snapshot_node **children = snapshot_children(&scratch, node, &count);
	for (size_t i = 0; i < count; i++)
		if (children[i]->kind != SNAPSHOT_ABSENT &&
		    (!directories_only || children[i]->kind == SNAPSHOT_DIRECTORY))
			list_add(ret, arena_strdup(ret->arena, children[i]->name));
	list_sort(ret);
	return 0;
}

static mode_t mode_of(const struct snapshot_node *node)
{
	switch (node->kind == SNAPSHOT_LINK ? node->behind : node->kind) {
	case SNAPSHOT_DIRECTORY:
		return S_IFDIR | PERMISSIONS_DIRECTORY;
	case SNAPSHOT_BLOCK:
		return S_IFBLK | PERMISSIONS_FILE;
	case SNAPSHOT_CHARACTER:
		return S_IFCHR | PERMISSIONS_FILE;
	case SNAPSHOT_FIFO:
		return S_IFIFO | PERMISSIONS_FILE;
	case SNAPSHOT_SOCKET:
		return S_IFSOCK | PERMISSIONS_FILE;
	default:
		return S_IFREG | PERMISSIONS_FILE;
	}
}

int root_snapshot_stat(const struct root *root, const char *path, struct stat *ret, struct error *error)
{
	struct snapshot_node *node;
	int r = snapshot_walk(root->snapshot, path, false, &node);
	/* A link to an open file leads there, wherever its text would lead. */
	if (r == 0 && node->kind == SNAPSHOT_LINK && !node->behind)
		r = snapshot_walk(root->snapshot, path, true, &node);
	if (r < 0)
		return fail(root, path, r, error);
	*ret = (struct stat){ .st_mode = mode_of(node), .st_nlink = 1, .st_rdev = node->number };
	ret->st_size = (off_t)(node->times ? node->times->size : node->kind == SNAPSHOT_LINK ? 0 : node->length);
	ret->st_mtime = node->times ? node->times->mtime : 0;
	return 0;
}

static const struct snapshot_node *find_answer(const struct root *root, const char *key)
{
	const struct snapshot_node *node = snapshot_find(root->snapshot, &root->snapshot->questions, slice_of(key));
	return node && node->kind == SNAPSHOT_REGULAR && (node->text || node->error) ? node : NULL;
}

bool root_was_asked(const struct root *root, const char *key)
{
	return root->snapshot && find_answer(root, key);
}

int root_snapshot_ask(const struct root *root, struct arena *arena, const char *key, const char **ret,
		      struct error *error)
{
	const struct snapshot_node *node = find_answer(root, key);
	if (!node)
		return error_set(error, -ENODATA, "%s %s: not known: this was not asked when the snapshot was made",
				 root->name, key);
	if (node->error && node->length)
		return error_set(error, -node->error, "%s", node->text);
	if (node->error)
		return error_set_errno(error, -node->error, "%s %s", root->name, key);
	if (memchr(node->text, '\0', node->length))
		return error_set(error, -EINVAL, "%s %s: not an answer: it holds a NUL", root->name, key);
	*ret = arena_strdup(arena, node->text);
	return 0;
}
