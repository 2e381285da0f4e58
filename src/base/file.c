/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int file_write_all(int fd, struct slice content)
{
	while (content.length) {
		ssize_t written = write(fd, content.start, content.length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		content.start += written;
		content.length -= (size_t)written;
	}
	return 0;
}

static int sync_directory_of(const char *path)
{
	char directory[PATH_MAX];
	const char *name = text_basename(path);
	int length = (int)(name - path);
	snprintf(directory, sizeof(directory), "%.*s", length ? length : 1, length ? path : ".");
	AUTO_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int write_new(const char *path, struct slice content, mode_t mode)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	int r = file_write_all(fd, content);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	/* Some file systems report a failed write only here. */
	if (close(TAKE_FD(fd)) < 0 && r == 0)
		r = -errno;
	return r;
}

int file_replace(const char *path, struct slice content, mode_t mode, struct error *error)
{
	char beside[PATH_MAX];
	if (snprintf(beside, sizeof(beside), "%s.nestpci-%d", path, (int)getpid()) >= (int)sizeof(beside))
		return error_set(error, -ENAMETOOLONG, "%s: path too long", path);
	int r = write_new(beside, content, mode);
	if (r < 0) {
		if (r != -EEXIST)
			unlink(beside);
		return error_set_errno(error, r, "write %s", beside);
	}
	if (rename(beside, path) < 0) {
		r = -errno;
		unlink(beside);
		return error_set_errno(error, r, "rename %s to %s", beside, path);
	}
	r = sync_directory_of(path);
	if (r < 0)
		return error_set_errno(error, r, "sync the directory of %s", path);
	return 0;
}

int file_make_directories(const char *path, mode_t mode, struct error *error)
{
	char partial[PATH_MAX];
	if (strlen(path) >= sizeof(partial))
		return error_set(error, -ENAMETOOLONG, "%s: path too long", path);
	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(partial, path, i);
		partial[i] = '\0';
		if (mkdir(partial, mode) < 0 && errno != EEXIST)
			return error_set_errno(error, -errno, "make directory %s", partial);
	}
	struct stat made;
	if (stat(path, &made) < 0)
		return error_set_errno(error, -errno, "%s", path);
	if (!S_ISDIR(made.st_mode))
		return error_set(error, -ENOTDIR, "%s: is no directory", path);
	return 0;
}

int file_remove(const char *path, struct error *error)
{
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : error_set_errno(error, -errno, "remove %s", path);
	int r = sync_directory_of(path);
	return r < 0 ? error_set_errno(error, r, "sync the directory of %s", path) : 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path) < 0 ? -errno : 0;
}

int file_remove_tree(const char *path, struct error *error)
{
	int r = nftw(path, remove_entry, 32, FTW_DEPTH | FTW_MOUNT | FTW_PHYS);
	if (r == -1)
		r = -errno;
	if (r < 0 && r != -ENOENT)
		return error_set_errno(error, r, "remove %s", path);
	return 0;
}
