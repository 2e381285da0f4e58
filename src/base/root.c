/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/recorder.h"
#include "base/root-internal.h"
#include "base/snapshot.h"

/* Nothing that nestpci reads is larger: ACPI tables and logs of a boot are some MiB at most. */
#define FILE_SIZE_MAX SNAPSHOT_CONTENT_MAX

int root_open(struct root *root, const char *directory, struct error *error)
{
	bool live = !directory || strcmp(directory, "/") == 0;
	int fd = open(live ? "/" : directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, -errno, "root %s", directory);
	*root = (struct root){ .fd = fd, .kind = live ? ROOT_LIVE : ROOT_OFFLINE, .name = live ? "" : directory };
	return 0;
}

void root_close(struct root *root)
{
	if (root->fd >= 0)
		close(root->fd);
	root->fd = -1;
	root_close_snapshot(root);
}

struct root root_enter(const struct root *root, const char *path)
{
	struct root inside = *root;
	inside.inside = (struct root_inside){ .fd = -1 };
	/* Where it cannot be opened, whoever reads a file in it is told why. */
	if (!root->snapshot)
		inside.inside.fd = root_open_inside(&inside, path, O_PATH | O_DIRECTORY);
	if (inside.inside.fd >= 0) {
		inside.inside.path = path;
		inside.inside.length = strlen(path);
	}
	return inside;
}

void root_leave(struct root *root)
{
	if (root->inside.path)
		close(root->inside.fd);
	root->inside = (struct root_inside){ .fd = -1 };
}

/* What the directory that is kept open calls it; NULL: it is not directly in there. */
static const char *name_inside(const struct root *root, const char *path)
{
	const struct root_inside *inside = &root->inside;
	if (!inside->path || strncmp(path, inside->path, inside->length) != 0 || path[inside->length] != '/')
		return NULL;
	const char *name = path + inside->length + 1;
	bool is_name = *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
	return is_name ? name : NULL;
}

#define ROOT_TRIES 10000

int root_open_inside(const struct root *root, const char *path, int flags)
{
	const char *name = name_inside(root, path);
	/*
	 * A link goes the long way, on which it stays inside the root: O_NOFOLLOW tells of it, but not with O_PATH, which
	 * opens the link itself, nor with O_DIRECTORY, which gives ENOTDIR.
	 */
	if (name && !(flags & (O_PATH | O_DIRECTORY))) {
		int fd = openat(root->inside.fd, name, flags | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 || errno != ELOOP)
			return fd;
	}
	if (root->kind == ROOT_LIVE)
		return open(path, flags | O_CLOEXEC);
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	/* Whatever is renamed or mounted meanwhile, anywhere, is a reason to try again where ".." is on the way (openat2(2)). */
	for (int tries = 1; tries < ROOT_TRIES; tries++) {
		int fd = (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			return fd;
	}
	return (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
}

int root_open_file(const struct root *root, const char *path, int flags, struct error *error)
{
	if (root->kind != ROOT_LIVE && (flags & O_ACCMODE) != O_RDONLY)
		return error_set(error, -EROFS, "%s%s: only a live system can be written to", root->name, path);
	if (root->snapshot)
		return error_set(error, -ENOTSUP, "%s%s: a snapshot has no files that could be opened", root->name,
				 path);
	int fd = root_open_inside(root, path, flags);
	if (fd < 0)
		return error_set_errno(error, -errno, "%s%s", root->name, path);
	return fd;
}

static int read_file(const struct root *root, struct arena *arena, const char *path, struct slice *ret,
		     struct error *error)
{
	/* Not blocking: a FIFO or a device that stands where a file should be must not hold us up. */
	AUTO_CLOSE int fd = root_open_file(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, error);
	if (fd < 0)
		return fd;
	struct stat status = { 0 };
	if (fstat(fd, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
		return error_set(error, -EINVAL, "%s%s: not a regular file", root->name, path);
	struct buffer text = { .arena = arena };
	for (;;) {
		char block[16384];
		ssize_t got = read(fd, block, sizeof(block));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(error, -errno, "%s%s", root->name, path);
		if (got == 0)
			break;
		if (text.length + (size_t)got > FILE_SIZE_MAX)
			return error_set(error, -EFBIG, "%s%s: larger than %zu MiB", root->name, path,
					 FILE_SIZE_MAX >> 20);
		buffer_add(&text, block, (size_t)got);
		/* Where a file has a true size, nothing more is to come; those of sysfs and procfs have none. */
		if (text.length == (size_t)status.st_size)
			break;
	}
	if (!text.text)
		buffer_add(&text, "", 0);
	*ret = (struct slice){ text.text, text.length };
	return 0;
}

int root_read(const struct root *root, struct arena *arena, const char *path, struct slice *ret, struct error *error)
{
	if (root->snapshot)
		return root_snapshot_read(root, arena, path, ret, error);
	int r = read_file(root, arena, path, ret, error);
	recorder_note_read(root, path, r, r < 0 ? NULL : ret);
	return r;
}

int root_read_excerpt(const struct root *root, struct arena *arena, const char *path, root_pick *pick,
		      struct slice *ret, struct error *error)
{
	AUTO_ARENA scratch = { 0 };
	const struct root quiet = root_unrecorded(root);
	struct buffer kept = { .arena = arena };
	struct slice text;
	int r = root_read(&quiet, &scratch, path, &text, error);
	if (r == 0) {
		buffer_puts(&kept, "");
		pick(text, &kept);
		*ret = (struct slice){ kept.text, kept.length };
	}
	recorder_note_read(root, path, r, r < 0 ? NULL : ret);
	return r;
}

int root_read_line(const struct root *root, struct arena *arena, const char *path, char **ret, struct error *error)
{
	struct slice text = slice_of("");
	int r = root_read(root, arena, path, &text, error);
	if (r < 0)
		return r;
	if (memchr(text.start, '\0', text.length))
		return error_set(error, -EINVAL, "%s%s: not a line of text: it holds a NUL", root->name, path);
	struct slice line = slice_trim(text);
	*ret = arena_strndup(arena, line.start, line.length);
	return 0;
}

static int read_link(const struct root *root, struct arena *arena, const char *path, char **ret, struct error *error)
{
	char target[PATH_MAX];
	const char *name = name_inside(root, path);
	AUTO_CLOSE int fd = name ? -1 : root_open_inside(root, path, O_PATH | O_NOFOLLOW);
	if (!name && fd < 0)
		return error_set_errno(error, -errno, "%s%s", root->name, path);
	ssize_t length = readlinkat(name ? root->inside.fd : fd, name ? name : "", target, sizeof(target) - 1);
	if (length < 0 && name && errno != EINVAL)
		return error_set_errno(error, -errno, "%s%s", root->name, path);
	if (length < 0)
		/* An empty path on something that is no link gives ENOENT (readlinkat(2)). */
		return errno == ENOENT || errno == EINVAL ?
			       error_set(error, -EINVAL, "%s%s: not a symbolic link", root->name, path) :
			       error_set_errno(error, -errno, "%s%s", root->name, path);
	*ret = arena_strndup(arena, target, (size_t)length);
	return 0;
}

int root_read_link(const struct root *root, struct arena *arena, const char *path, char **ret, struct error *error)
{
	if (root->snapshot)
		return root_snapshot_read_link(root, arena, path, ret, error);
	int r = read_link(root, arena, path, ret, error);
	recorder_note_link(root, path, r);
	return r;
}

static int real_path(const struct root *root, struct arena *arena, const char *path, char **ret, struct error *error)
{
	AUTO_CLOSE int fd = root_open_inside(root, path, O_PATH);
	if (fd < 0)
		return error_set_errno(error, -errno, "%s%s", root->name, path);
	char self[64];
	char target[PATH_MAX];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	ssize_t length = readlink(self, target, sizeof(target) - 1);
	if (length < 0)
		return error_set_errno(error, -errno, "%s%s: %s", root->name, path, self);
	target[length] = '\0';
	size_t cut = 0;
	if (root->kind != ROOT_LIVE) {
		char base[PATH_MAX];
		snprintf(self, sizeof(self), "/proc/self/fd/%d", root->fd);
		ssize_t base_length = readlink(self, base, sizeof(base) - 1);
		if (base_length < 0)
			return error_set_errno(error, -errno, "%s: %s", root->name, self);
		cut = base_length == 1 ? 0 : (size_t)base_length;
		if (strncmp(target, base, cut) != 0)
			return error_set(error, -EXDEV, "%s%s: leads out of the root", root->name, path);
	}
	*ret = arena_strdup(arena, target[cut] ? target + cut : "/");
	return 0;
}

int root_real_path(const struct root *root, struct arena *arena, const char *path, char **ret, struct error *error)
{
	if (root->snapshot)
		return root_snapshot_real_path(root, arena, path, ret, error);
	int r = real_path(root, arena, path, ret, error);
	recorder_note_stat(root, path, NULL);
	return r;
}

/* The type of an entry, also where the file system does not tell. */
static unsigned char type_of(DIR *directory, const struct dirent *entry)
{
	struct stat status;
	if (entry->d_type != DT_UNKNOWN || fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return entry->d_type;
	return IFTODT(status.st_mode);
}

static int list_entries(const struct root *root, const char *path, bool directories_only, struct list *ret,
			struct error *error)
{
	AUTO_CLOSE int fd = root_open_inside(root, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return error_set_errno(error, -errno, "%s%s", root->name, path);
	AUTO_CLOSEDIR DIR *directory = fdopendir(fd);
	if (!directory)
		return error_set_errno(error, -errno, "%s%s", root->name, path);
	TAKE_FD(fd);
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(directory);
		if (!entry)
			break;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		unsigned char type = directories_only || root->recorder ? type_of(directory, entry) : DT_UNKNOWN;
		recorder_note_entry(root, path, entry->d_name, type);
		if (!directories_only || type == DT_DIR)
			list_add(ret, arena_strdup(ret->arena, entry->d_name));
	}
	if (errno)
		return error_set_errno(error, -errno, "%s%s", root->name, path);
	list_sort(ret);
	return 0;
}

static int list(const struct root *root, struct arena *arena, const char *path, bool directories_only, struct list *ret,
		struct error *error)
{
	ret->arena = arena;
	if (root->snapshot)
		return root_snapshot_list(root, path, directories_only, ret, error);
	int r = list_entries(root, path, directories_only, ret, error);
	recorder_note_list(root, path, r);
	return r;
}

int root_list(const struct root *root, struct arena *arena, const char *path, struct list *ret, struct error *error)
{
	return list(root, arena, path, false, ret, error);
}

int root_list_directories(const struct root *root, struct arena *arena, const char *path, struct list *ret,
			  struct error *error)
{
	return list(root, arena, path, true, ret, error);
}

static int look_at(const struct root *root, const char *path, struct stat *ret, struct error *error)
{
	if (root->snapshot)
		return root_snapshot_stat(root, path, ret, error);
	AUTO_CLOSE int fd = root_open_inside(root, path, O_PATH);
	if (fd < 0 || fstat(fd, ret) < 0)
		return error_set_errno(error, -errno, "%s%s", root->name, path);
	return 0;
}

int root_stat(const struct root *root, const char *path, struct stat *ret, struct error *error)
{
	int r = look_at(root, path, ret, error);
	recorder_note_stat(root, path, r < 0 ? NULL : ret);
	return r;
}

bool root_exists(const struct root *root, const char *path)
{
	struct stat ignored;
	int r = look_at(root, path, &ignored, NULL);
	/* Whoever asks no more than this does not care for size and time. */
	recorder_note_stat(root, path, NULL);
	return r == 0;
}

int root_write_attribute(const struct root *root, const char *path, const char *text, struct error *error)
{
	AUTO_CLOSE int fd = root_open_file(root, path, O_WRONLY | O_NOCTTY, error);
	if (fd < 0)
		return fd;
	size_t length = strlen(text);
	ssize_t written = write(fd, text, length);
	if (written < 0)
		return error_set_errno(error, -errno, "write '%.*s' to %s", (int)strcspn(text, "\n"), text, path);
	if ((size_t)written != length)
		return error_set(error, -EIO, "write '%.*s' to %s: only %zd of %zu bytes taken",
				 (int)strcspn(text, "\n"), text, path, written, length);
	return 0;
}

int root_ask(const struct root *root, struct arena *arena, const char *key, root_question *ask, const void *what,
	     const char **ret, struct error *error)
{
	if (root->kind == ROOT_OFFLINE)
		return error_set(error, -ENOTSUP, "%s: %s: only a running system can be asked", root->name, key);
	if (root->snapshot)
		return root_snapshot_ask(root, arena, key, ret, error);
	struct error answer;
	int r = ask(arena, what, ret, &answer);
	recorder_note_answer(root, key, r, r < 0 ? answer.text : *ret);
	return r < 0 ? error_set(error, r, "%s", answer.text) : r;
}

static int ask_user(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	(void)what;
	(void)error;
	*ret = arena_printf(arena, "%u", (unsigned int)geteuid());
	return 0;
}

bool root_sees_all(const struct root *root, struct arena *arena)
{
	const char *user = NULL;
	/* Files of an offline root are read with the rights that we have here. */
	if (root->kind == ROOT_OFFLINE)
		return geteuid() == 0;
	return root_ask(root, arena, "user/id", ask_user, NULL, &user, NULL) == 0 && strcmp(user, "0") == 0;
}
