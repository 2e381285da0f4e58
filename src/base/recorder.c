/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/recorder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/root-internal.h"

void recorder_start(struct recorder *recorder, struct root *root)
{
	*recorder = (struct recorder){ 0 };
	snapshot_init(&recorder->snapshot);
	recorder->snapshot.partial = true;
	recorder->snapshot.offline = root->kind == ROOT_OFFLINE;
	root->recorder = recorder;
}

void recorder_release(struct recorder *recorder)
{
	snapshot_release(&recorder->snapshot);
}

static enum snapshot_kind kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return SNAPSHOT_DIRECTORY;
	case S_IFLNK:
		return SNAPSHOT_LINK;
	case S_IFBLK:
		return SNAPSHOT_BLOCK;
	case S_IFCHR:
		return SNAPSHOT_CHARACTER;
	case S_IFIFO:
		return SNAPSHOT_FIFO;
	case S_IFSOCK:
		return SNAPSHOT_SOCKET;
	default:
		return SNAPSHOT_REGULAR;
	}
}

static bool is_number(const char *name)
{
	return *name && name[strspn(name, "0123456789")] == '\0';
}

/* A link to whoever looks would lead to another place each time. */
static bool is_self(const char *path)
{
	return strcmp(path, "/proc/self") == 0 || strcmp(path, "/proc/thread-self") == 0;
}

/* Looks at what is on the way: its kind, a device's number, where a link leads. `path` has no links before its end. */
static void look_at(const struct root *root, struct snapshot_node *node, const char *path)
{
	struct stat status;
	AUTO_CLOSE int fd = root_open_inside(root, path, O_PATH | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &status) < 0) {
		/* That a name cannot be looked up is the directory's doing. */
		if (root_absent(-errno))
			node->kind = SNAPSHOT_ABSENT;
		else if (!node->parent->error)
			node->parent->error = (uint8_t)errno;
		return;
	}
	node->kind = is_self(path) ? SNAPSHOT_DIRECTORY : (uint8_t)kind_of(status.st_mode);
	if (node->kind == SNAPSHOT_BLOCK || node->kind == SNAPSHOT_CHARACTER)
		node->number = status.st_rdev;
	if (node->kind != SNAPSHOT_LINK)
		return;
	char target[PATH_MAX];
	ssize_t length = readlinkat(fd, "", target, sizeof(target));
	if (length >= 0)
		snapshot_set_text(&root->recorder->snapshot, node, (struct slice){ target, (size_t)length });
	else
		node->error = (uint8_t)errno;
}

/* Of what is only in a list, what it is needs a look of its own where more than its kind matters. */
static bool needs_look(const struct snapshot_node *node)
{
	if (node->kind == SNAPSHOT_LINK)
		return !node->text && !node->error;
	bool device = node->kind == SNAPSHOT_BLOCK || node->kind == SNAPSHOT_CHARACTER;
	return node->kind == SNAPSHOT_NOTHING || (device && !node->number);
}

static struct snapshot_node *look(void *context, struct snapshot_node *directory, struct slice name)
{
	AUTO_ARENA scratch = { 0 };
	const struct root *root = context;
	struct snapshot *snapshot = &root->recorder->snapshot;
	struct snapshot_node *node = snapshot_find(snapshot, directory, name);
	if (!node && directory->listed)
		return NULL;
	if (!node)
		node = snapshot_add(snapshot, directory, name);
	if (needs_look(node))
		look_at(root, node, snapshot_path(&scratch, node));
	return node;
}

/* Follows a path as the kernel did, looking at each name that is new. NULL: it leads nowhere, which is noted. */
static struct snapshot_node *place(const struct root *root, const char *path, bool follow_last)
{
	struct snapshot_node *node;
	int r = snapshot_walk_looking(&root->recorder->snapshot, path, follow_last, look, (void *)root, &node);
	return r < 0 ? NULL : node;
}

void recorder_note_read(const struct root *root, const char *path, int code, const struct slice *content)
{
	struct snapshot_node *node = root->recorder ? place(root, path, true) : NULL;
	if (!node || node->kind != SNAPSHOT_REGULAR || node->text)
		return;
	if (code >= 0) {
		snapshot_set_text(&root->recorder->snapshot, node, *content);
		node->error = 0;
	} else if (!root_absent(code)) {
		node->error = (uint8_t)-code;
	}
}

void recorder_note_link(const struct root *root, const char *path, int code)
{
	/* What a link holds was noted on the way. */
	struct snapshot_node *node = root->recorder ? place(root, path, false) : NULL;
	if (node && node->kind == SNAPSHOT_LINK && code < 0 && !root_absent(code) && !node->text)
		node->error = (uint8_t)-code;
}

void recorder_note_entry(const struct root *root, const char *path, const char *name, unsigned char type)
{
	struct recorder *recorder = root->recorder;
	if (!recorder)
		return;
	/* Entries come one after the other: the way to their directory is looked for once. */
	if (recorder->listing_path != path) {
		recorder->listing = place(root, path, true);
		recorder->listing_path = path;
	}
	if (!recorder->listing || recorder->listing->kind != SNAPSHOT_DIRECTORY)
		return;
	struct snapshot_node *node = snapshot_add(&recorder->snapshot, recorder->listing, slice_of(name));
	if (node->kind > SNAPSHOT_ABSENT)
		return;
	bool self = recorder->listing->parent == &recorder->snapshot.top &&
		    text_equals(recorder->listing->name, "proc") &&
		    (strcmp(name, "self") == 0 || strcmp(name, "thread-self") == 0);
	/* Where the type is not to be known, it is there at least. */
	node->kind = self ? SNAPSHOT_DIRECTORY : type == DT_UNKNOWN ? SNAPSHOT_REGULAR : (uint8_t)kind_of(DTTOIF(type));
}

void recorder_note_list(const struct root *root, const char *path, int code)
{
	struct snapshot_node *node = root->recorder ? place(root, path, true) : NULL;
	if (root->recorder)
		root->recorder->listing_path = NULL;
	if (!node || node->kind != SNAPSHOT_DIRECTORY)
		return;
	if (code >= 0)
		node->listed = true;
	else if (!root_absent(code) && !node->listed)
		node->error = (uint8_t)-code;
}

/* The kernel's own files have no size and no time of change that mean anything. */
static bool is_kernels(const struct snapshot_node *node, const struct snapshot *snapshot)
{
	while (node->parent && node->parent != &snapshot->top)
		node = node->parent;
	return strcmp(node->name, "sys") == 0 || strcmp(node->name, "proc") == 0;
}

/*
 * The links of a process to what it has open, to its program, to its namespaces: the kernel does not follow their text
 * (proc_pid_fd(5)). It may name what is somewhere else, or nowhere.
 */
static bool is_magic(const struct snapshot_node *node, const struct snapshot *snapshot)
{
	const struct snapshot_node *process = NULL;
	if (node->kind != SNAPSHOT_LINK)
		return false;
	for (; node->parent && node->parent != &snapshot->top; node = node->parent)
		if (node->kind == SNAPSHOT_DIRECTORY)
			process = node;
	return strcmp(node->name, "proc") == 0 && process &&
	       (is_number(process->name) || strcmp(process->name, "self") == 0);
}

void recorder_note_stat(const struct root *root, const char *path, const struct stat *status)
{
	struct snapshot_node *node = root->recorder && status ? place(root, path, false) : NULL;
	if (node && is_magic(node, &root->recorder->snapshot)) {
		node->behind = (uint8_t)kind_of(status->st_mode);
		if (node->behind == SNAPSHOT_BLOCK || node->behind == SNAPSHOT_CHARACTER)
			node->number = status->st_rdev;
		return;
	}
	node = root->recorder ? place(root, path, true) : NULL;
	if (!node || !status || node->kind != SNAPSHOT_REGULAR || node->times || !S_ISREG(status->st_mode) ||
	    is_kernels(node, &root->recorder->snapshot))
		return;
	struct snapshot_times *times = arena_alloc(&root->recorder->snapshot.arena, sizeof(*times));
	*times = (struct snapshot_times){ (uint64_t)status->st_size, status->st_mtime };
	node->times = times;
}

/* An answer's reason stands on one line. */
static const char *one_line(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	return copy;
}

void recorder_note_answer(const struct root *root, const char *key, int code, const char *text)
{
	AUTO_ARENA scratch = { 0 };
	if (!root->recorder)
		return;
	struct snapshot *snapshot = &root->recorder->snapshot;
	struct snapshot_node *node = snapshot_add(snapshot, &snapshot->questions, slice_of(key));
	if (node->kind != SNAPSHOT_NOTHING)
		return;
	node->kind = SNAPSHOT_REGULAR;
	node->error = code < 0 ? (uint8_t)-code : 0;
	snapshot_set_text(snapshot, node, slice_of(code < 0 ? one_line(&scratch, text) : text));
}
