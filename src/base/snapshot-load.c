/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening a snapshot and its bases: a chain of plain files in one folder, and nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/snapshot-internal.h"

struct loading {
	struct snapshot *snapshot;
	int folder;
	size_t bytes_left;
	size_t content_left;
	size_t depth;
	struct {
		dev_t device;
		ino_t inode;
	} chain[SNAPSHOT_BASES_MAX + 1]; /* the files that led here */
};

static int too_large(const char *name, struct error *error)
{
	return error_set(error, -EFBIG, "%s: larger than %zu MiB (with its bases)", name, SNAPSHOT_FILE_MAX >> 20);
}

/* All that is to be had from a descriptor, as text that ends with a NUL beyond its length. */
static int read_all(struct arena *arena, struct loading *loading, int fd, const char *name, struct slice *ret,
		    struct error *error)
{
	struct buffer text = { .arena = arena };
	buffer_add(&text, "", 0);
	for (;;) {
		char block[65536];
		ssize_t got = read(fd, block, sizeof(block));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(error, -errno, "%s", name);
		if (got == 0)
			break;
		if ((size_t)got > loading->bytes_left)
			return too_large(name, error);
		loading->bytes_left -= (size_t)got;
		buffer_add(&text, block, (size_t)got);
	}
	*ret = (struct slice){ text.text, text.length };
	return 0;
}

/* A regular file, and none of those that led to it. */
static int check_file(struct loading *loading, int fd, const char *name, struct error *error)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return error_set_errno(error, -errno, "%s", name);
	if (!S_ISREG(status.st_mode))
		return error_set(error, -EINVAL, "%s: not a regular file", name);
	if ((uint64_t)status.st_size > loading->bytes_left)
		return too_large(name, error);
	for (size_t i = 0; i < loading->depth; i++)
		if (loading->chain[i].device == status.st_dev && loading->chain[i].inode == status.st_ino)
			return error_set(error, -ELOOP, "%s: is its own base", name);
	if (loading->depth == ARRAY_SIZE(loading->chain))
		return error_set(error, -ELOOP, "%s: more than %d bases upon each other", name, SNAPSHOT_BASES_MAX);
	loading->chain[loading->depth].device = status.st_dev;
	loading->chain[loading->depth].inode = status.st_ino;
	loading->depth++;
	return 0;
}

static int load_base(const struct snapshot_source *source, const char *name, struct error *error);

static int load(struct loading *loading, int fd, const char *name, bool may_have_base, struct error *error)
{
	AUTO_ARENA scratch = { 0 };
	struct slice text = slice_of("");
	int r = read_all(&scratch, loading, fd, name, &text, error);
	if (r < 0)
		return r;
	struct snapshot_source source = {
		.snapshot = loading->snapshot,
		.name = name,
		.file = (uint8_t)(loading->depth + 1),
		.read_base = may_have_base ? load_base : NULL,
		.loading = loading,
		.content_left = &loading->content_left,
	};
	return snapshot_parse(&source, text, error);
}

static int load_base(const struct snapshot_source *source, const char *name, struct error *error)
{
	struct loading *loading = source->loading;
	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return error_set(error, -EINVAL, "base '%.64s': a base is a file in the folder of its snapshot", name);
	/* Not blocking: a FIFO in its place must not hold us up. */
	AUTO_CLOSE int fd = openat(loading->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ELOOP)
		return error_set(error, -ELOOP, "base %s: is a symbolic link: a base is a file itself", name);
	if (fd < 0)
		return error_set_errno(error, -errno, "base %s", name);
	int r = check_file(loading, fd, name, error);
	return r < 0 ? r : load(loading, fd, name, true, error);
}

/* The folder that bases are in: that of the path as it is given. */
static int open_folder(const char *path, struct error *error)
{
	char folder[PATH_MAX];
	int length = (int)(text_basename(path) - path);
	if (length >= (int)sizeof(folder))
		return error_set_errno(error, -ENAMETOOLONG, "%s", path);
	snprintf(folder, sizeof(folder), "%.*s", length ? length : 1, length ? path : ".");
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_set_errno(error, -errno, "%s", folder) : fd;
}

int snapshot_read_file(const char *path, struct snapshot *ret, struct error *error)
{
	struct loading loading = {
		.snapshot = ret, .folder = -1, .bytes_left = SNAPSHOT_FILE_MAX, .content_left = SNAPSHOT_FILE_MAX
	};
	if (strcmp(path, "-") == 0)
		return load(&loading, STDIN_FILENO, "standard input", false, error);
	AUTO_CLOSE int folder = open_folder(path, error);
	if (folder < 0)
		return folder;
	loading.folder = folder;
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, -errno, "%s", path);
	int r = check_file(&loading, fd, path, error);
	return r < 0 ? r : load(&loading, fd, path, true, error);
}

int snapshot_read_text(struct slice text, const char *name, struct snapshot *ret, struct error *error)
{
	AUTO_ARENA scratch = { 0 };
	size_t content_left = SNAPSHOT_FILE_MAX;
	struct snapshot_source source = { .snapshot = ret, .name = name, .file = 1, .content_left = &content_left };
	/* A copy ends with a NUL, which the parser relies on. */
	return snapshot_parse(&source, (struct slice){ arena_strndup(&scratch, text.start, text.length), text.length },
			      error);
}
