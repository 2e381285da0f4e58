/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/root-write.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"

/* No configuration file is larger, and no list of attributes (linux/limits.h, XATTR_LIST_MAX and XATTR_SIZE_MAX). */
#define CONTENT_MAX ((size_t)16 * 1024 * 1024)
#define XATTR_MAX 65536

/* Of include/linux/magic.h of Linux; older headers of the C library lack it. */
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

struct file_state file_state_new(struct slice content, mode_t mode)
{
	return (struct file_state){ .present = true,
				    .content = content,
				    .mode = mode,
				    .owner = geteuid(),
				    .group = getegid(),
				    .mtime = { .tv_nsec = UTIME_OMIT } };
}

struct file_state file_state_link(const char *target)
{
	struct file_state state = file_state_new(slice_of(""), 0777);
	state.link = target;
	return state;
}

/* The directory that holds `path`, open; `name` is the last part of it. */
static int open_parent(const struct root *root, const char *path, const char **name, struct error *error)
{
	char directory[PATH_MAX];
	*name = text_basename(path);
	size_t length = (size_t)(*name - path);
	if (root->fd < 0)
		return error_set(error, -EROFS, "%s%s: a snapshot cannot be changed", root->name, path);
	if (path[0] != '/' || !**name || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
		return error_set(error, -EINVAL, "%s%s: not the absolute path of a file", root->name, path);
	if (length >= sizeof(directory))
		return error_set(error, -ENAMETOOLONG, "%s%s: path too long", root->name, path);
	snprintf(directory, sizeof(directory), "%.*s", (int)length, path);
	return root_open_file(root, directory, O_RDONLY | O_DIRECTORY, error);
}

static int sync_directory(int directory)
{
	/* EINVAL: this file system has nothing to sync there (fsync(2)). */
	return fsync(directory) < 0 && errno != EINVAL ? -errno : 0;
}

/*
 * What stands in a directory under that name, or -1, to be held until the directory has been synced. A file that is
 * replaced or removed goes with the last one that holds it, and vfat may write to the disk that its clusters are free
 * before it writes that no entry has them any more: what is left there by a crash is a file without content.
 */
static int hold(int directory, const char *name)
{
	return openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * `moved`, which stands under `name` from then on, is synced once more: on vfat, where its content begins is part of its
 * entry in the directory, and goes there with the file, not with the directory (fs/fat/namei_vfat.c).
 */
static int rename_synced(int directory, int moved, const char *from, const char *name)
{
	if (renameat(directory, from, directory, name) < 0)
		return -errno;
	return moved < 0 ? 0 : sync_directory(moved);
}

/* ---- Reading ---- */

/* They sign the content and the other attributes, and would be wrong beside any other content. */
static bool is_signature(const char *name)
{
	return strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0;
}

/* vfat gives all files the owner and permissions of the mount, and pmxcfs those of the path. */
static bool keeps_permissions(int fd)
{
	struct statfs status;
	return fstatfs(fd, &status) < 0 || (status.f_type != MSDOS_SUPER_MAGIC && status.f_type != FUSE_SUPER_MAGIC);
}

static int read_xattrs(int fd, struct arena *arena, struct file_state *state)
{
	char *names = arena_alloc(arena, XATTR_MAX);
	ssize_t length = flistxattr(fd, names, XATTR_MAX);
	if (length < 0)
		return errno == ENOTSUP || errno == ENOSYS ? 0 : -errno;
	size_t count = 0;
	for (const char *name = names; name < names + length; name += strlen(name) + 1)
		count++;
	state->xattrs = arena_alloc_array(arena, count, sizeof(*state->xattrs));
	char *value = arena_alloc(arena, XATTR_MAX);
	for (const char *name = names; name < names + length; name += strlen(name) + 1) {
		if (is_signature(name))
			continue;
		ssize_t size = fgetxattr(fd, name, value, XATTR_MAX);
		if (size < 0)
			return -errno;
		struct slice copy = { arena_strndup(arena, value, (size_t)size), (size_t)size };
		state->xattrs[state->xattr_count++] = (struct file_xattr){ name, copy };
	}
	return 0;
}

static int read_content(int fd, struct arena *arena, struct slice *ret)
{
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "");
	for (;;) {
		char block[16384];
		ssize_t got = read(fd, block, sizeof(block));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		if (text.length + (size_t)got > CONTENT_MAX)
			return -EFBIG;
		buffer_add(&text, block, (size_t)got);
	}
	*ret = (struct slice){ text.text, text.length };
	return 0;
}

static int read_state(int fd, struct arena *arena, struct file_state *state)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	*state = (struct file_state){ .present = true,
				      .mode = status.st_mode & 07777,
				      .owner = status.st_uid,
				      .group = status.st_gid,
				      .of_mount = !keeps_permissions(fd),
				      .mtime = status.st_mtim };
	int r = read_xattrs(fd, arena, state);
	return r < 0 ? r : read_content(fd, arena, &state->content);
}

static int read_link(int directory, const char *name, struct arena *arena, struct file_state *state)
{
	char target[PATH_MAX];
	struct stat status;
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	ssize_t length = readlinkat(directory, name, target, sizeof(target));
	if (length < 0)
		return -errno;
	if ((size_t)length == sizeof(target))
		return -ENAMETOOLONG;
	*state = (struct file_state){ .present = true,
				      .link = arena_strndup(arena, target, (size_t)length),
				      .content = slice_of(""),
				      .mode = status.st_mode & 07777,
				      .owner = status.st_uid,
				      .group = status.st_gid,
				      .mtime = status.st_mtim };
	return 0;
}

/* It holds contents alone. */
static int read_snapshot_state(const struct root *root, struct arena *arena, const char *path, struct file_state *ret,
			       struct error *error)
{
	struct file_state state = { .mode = 0644, .mtime = { .tv_nsec = UTIME_OMIT } };
	int r = root_read(root, arena, path, &state.content, error);
	if (r < 0 && !root_absent(r))
		return r;
	state.present = r == 0;
	*ret = state;
	return 0;
}

int root_read_state(const struct root *root, struct arena *arena, const char *path, struct file_state *ret,
		    struct error *error)
{
	const char *name;
	struct file_state state = { 0 };
	if (root->snapshot)
		return read_snapshot_state(root, arena, path, ret, error);
	AUTO_CLOSE int directory = open_parent(root, path, &name, error);
	if (directory < 0 && !root_absent(directory))
		return directory;
	/* Not blocking: a FIFO that stands where a file should be must not hold us up. */
	AUTO_CLOSE int fd = -1;
	if (directory >= 0)
		fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int r = directory < 0 ? 0 : fd < 0 ? -errno : read_state(fd, arena, &state);
	if (r == -ELOOP)
		r = read_link(directory, name, arena, &state);
	if (r == -ENOENT)
		r = 0;
	if (r == -EINVAL)
		return error_set(error, r, "%s%s: not a regular file", root->name, path);
	if (r < 0)
		return error_set_errno(error, r, "%s%s", root->name, path);
	*ret = state;
	return 0;
}

/* ---- Writing ---- */

/* The owner before the permissions: a change of owner takes set-user-ID away (chown(2)). */
static int set_attributes(int fd, const struct file_state *state)
{
	struct stat now;
	bool kept = keeps_permissions(fd);
	if (fstat(fd, &now) < 0)
		return -errno;
	if ((now.st_uid != state->owner || now.st_gid != state->group) && fchown(fd, state->owner, state->group) < 0 &&
	    kept)
		return -errno;
	for (size_t i = 0; i < state->xattr_count; i++) {
		const struct file_xattr *xattr = &state->xattrs[i];
		if (fsetxattr(fd, xattr->name, xattr->value.start, xattr->value.length, 0) < 0)
			return -errno;
	}
	if ((now.st_mode & 07777) != state->mode && fchmod(fd, state->mode) < 0 && kept)
		return -errno;
	/* Both, because file systems made with libfuse pass over a call that leaves one out. */
	const struct timespec times[] = { { .tv_nsec = UTIME_NOW }, state->mtime };
	if (state->mtime.tv_nsec != UTIME_OMIT && futimens(fd, times) < 0)
		return -errno;
	return 0;
}

static int beside_of(const char *name, char ret[NAME_MAX + 1])
{
	return snprintf(ret, NAME_MAX + 1, ".%s.nestpci", name) > NAME_MAX ? -ENAMETOOLONG : 0;
}

/* Returns the file, to be synced once more. */
static int write_beside(int directory, const char *beside, const struct file_state *state)
{
	/* What a crash left behind: nobody else writes here meanwhile. */
	if (unlinkat(directory, beside, 0) < 0 && errno != ENOENT)
		return -errno;
	AUTO_CLOSE int fd = openat(directory, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = file_write_all(fd, state->content);
	if (r == 0)
		r = set_attributes(fd, state);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	/* Not for writing: a program that is open so cannot be executed (execve(2), ETXTBSY), and it may be /usr/bin/kvm. */
	AUTO_CLOSE int kept = r == 0 ? openat(directory, beside, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (r == 0 && kept < 0)
		r = -errno;
	/* Some file systems report a failed write only here. */
	if (close(TAKE_FD(fd)) < 0 && r == 0)
		r = -errno;
	return r < 0 ? r : TAKE_FD(kept);
}

static int link_beside(int directory, const char *beside, const struct file_state *state)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, state->mtime };
	struct stat now;
	if (unlinkat(directory, beside, 0) < 0 && errno != ENOENT)
		return -errno;
	if (symlinkat(state->link, directory, beside) < 0)
		return -errno;
	if (fstatat(directory, beside, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if ((now.st_uid != state->owner || now.st_gid != state->group) &&
	    fchownat(directory, beside, state->owner, state->group, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (state->mtime.tv_nsec != UTIME_OMIT && utimensat(directory, beside, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int put_file(int directory, const char *name, const struct file_state *state)
{
	char beside[NAME_MAX + 1];
	int r = beside_of(name, beside);
	if (r < 0)
		return r;
	AUTO_CLOSE int written = -1;
	if (state->link)
		r = link_beside(directory, beside, state);
	else
		r = written = write_beside(directory, beside, state);
	if (r >= 0)
		r = rename_synced(directory, written, beside, name);
	if (r < 0)
		unlinkat(directory, beside, 0);
	return r;
}

static int take_file(int directory, const char *name)
{
	return unlinkat(directory, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int root_write_state(const struct root *root, const char *path, const struct file_state *state, struct error *error)
{
	const char *name;
	AUTO_CLOSE int directory = open_parent(root, path, &name, error);
	if (!state->present && root_absent(directory))
		return 0;
	if (directory < 0)
		return directory;
	AUTO_CLOSE int old = hold(directory, name);
	(void)old;
	int r = state->present ? put_file(directory, name, state) : take_file(directory, name);
	if (r < 0)
		return error_set_errno(error, r, "%s %s%s", state->present ? "write" : "remove", root->name, path);
	r = sync_directory(directory);
	return r < 0 ? error_set_errno(error, r, "sync the directory of %s%s", root->name, path) : 0;
}

int root_sync(const struct root *root, const char *directory, struct error *error)
{
	struct error ignored;
	AUTO_CLOSE int fd = root_open_file(root, directory, O_RDONLY | O_DIRECTORY, &ignored);
	if (root_absent(fd))
		return 0;
	if (fd < 0 || syncfs(fd) < 0)
		return error_set_errno(error, fd < 0 ? fd : -errno, "sync the file system of %s%s", root->name,
				       directory);
	return 0;
}

/* After a failure to remove it. A file system that is read only refuses before it looks. */
static bool is_not_there(int directory, const char *name)
{
	struct stat status;
	int code = errno;
	bool gone = code == ENOENT ||
		    (code == EROFS && fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT);
	errno = code;
	return gone;
}

int root_remove_beside(const struct root *root, const char *path, struct error *error)
{
	const char *name;
	char beside[NAME_MAX + 1];
	AUTO_CLOSE int directory = open_parent(root, path, &name, error);
	if (directory < 0)
		return root_absent(directory) ? 0 : directory;
	if (beside_of(name, beside) < 0 || unlinkat(directory, beside, 0) == 0 || is_not_there(directory, beside))
		return 0;
	return error_set_errno(error, -errno, "remove what was left beside %s%s", root->name, path);
}

/* ---- Directories ---- */

static int make_directory(const struct root *root, const char *path, mode_t mode, bool *ret_made, struct error *error)
{
	const char *name;
	AUTO_CLOSE int parent = open_parent(root, path, &name, error);
	if (parent < 0)
		return parent;
	if (mkdirat(parent, name, mode) < 0)
		return errno == EEXIST ? 0 : error_set_errno(error, -errno, "make directory %s%s", root->name, path);
	*ret_made = true;
	int r = sync_directory(parent);
	return r < 0 ? error_set_errno(error, r, "sync the directory of %s%s", root->name, path) : 0;
}

int root_make_directories(const struct root *root, struct arena *arena, const char *path, mode_t mode,
			  struct list *made, struct error *error)
{
	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		const char *partial = arena_strndup(arena, path, i);
		bool is_made = false;
		/* First a look: a directory of a system that is read only otherwise may well be there. */
		if (root_exists(root, partial))
			continue;
		int r = make_directory(root, partial, mode, &is_made, error);
		if (is_made && made)
			list_add(made, partial);
		if (r < 0)
			return r;
	}
	return 0;
}

int root_remove_directory(const struct root *root, const char *path, struct error *error)
{
	const char *name;
	AUTO_CLOSE int parent = open_parent(root, path, &name, error);
	if (parent < 0)
		return root_absent(parent) ? 0 : parent;
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0) {
		bool fine = errno == ENOTEMPTY || errno == EEXIST || is_not_there(parent, name);
		return fine ? 0 : error_set_errno(error, -errno, "remove directory %s%s", root->name, path);
	}
	int r = sync_directory(parent);
	return r < 0 ? error_set_errno(error, r, "sync the directory of %s%s", root->name, path) : 0;
}

int root_rename(const struct root *root, const char *from, const char *to, struct error *error)
{
	const char *old_name;
	AUTO_CLOSE int directory = open_parent(root, from, &old_name, error);
	if (directory < 0)
		return directory;
	AUTO_CLOSE int moved = openat(directory, old_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (moved < 0)
		return error_set_errno(error, -errno, "rename %s%s", root->name, from);
	int r = rename_synced(directory, moved, old_name, text_basename(to));
	if (r < 0)
		return error_set_errno(error, r, "rename %s%s to %s", root->name, from, text_basename(to));
	r = sync_directory(directory);
	return r < 0 ? error_set_errno(error, r, "sync the directory of %s%s", root->name, to) : 0;
}
