/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/cpio.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* Sizes in the header are eight hexadecimal digits. */
#define CONTENT_MAX 0xffffffffLL

struct entry {
	const char *name;
	mode_t mode;
	size_t size;
	unsigned int major;
	unsigned int minor;
};

static void fail(struct cpio *cpio, int code, const char *what)
{
	if (cpio->failed == 0)
		cpio->failed = error_set_errno(cpio->error, code, "%s", what);
}

static void put(struct cpio *cpio, const void *bytes, size_t length)
{
	if (cpio->failed < 0)
		return;
	int r = file_write_all(cpio->fd, (struct slice){ bytes, length });
	if (r < 0)
		fail(cpio, r, cpio->path);
}

/* Names with their header, and contents, end at a multiple of four. */
static void pad(struct cpio *cpio, size_t length)
{
	put(cpio, "\0\0\0", (4 - length % 4) % 4);
}

static void put_header(struct cpio *cpio, const struct entry *entry)
{
	char header[111];
	size_t name_size = strlen(entry->name) + 1;
	snprintf(header, sizeof(header), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		 cpio->next_inode++, (unsigned int)entry->mode, 0U, 0U, 1U, 0U, (unsigned int)entry->size, 0U, 0U,
		 entry->major, entry->minor, (unsigned int)name_size, 0U);
	put(cpio, header, 110);
	put(cpio, entry->name, name_size);
	pad(cpio, 110 + name_size);
}

static void make_parents(struct cpio *cpio, const char *name)
{
	const char *slash = strrchr(name, '/');
	if (slash)
		cpio_add_directory(cpio, arena_strndup(cpio->directories.arena, name, (size_t)(slash - name)));
}

void cpio_start(struct cpio *cpio, struct arena *arena, const char *path, struct error *error)
{
	*cpio = (struct cpio){ .path = path, .next_inode = 1, .directories = { .arena = arena }, .error = error };
	cpio->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (cpio->fd < 0)
		fail(cpio, -errno, path);
}

void cpio_add_directory(struct cpio *cpio, const char *name)
{
	if (list_contains(&cpio->directories, name))
		return;
	make_parents(cpio, name);
	put_header(cpio, &(struct entry){ .name = name, .mode = S_IFDIR | 0755 });
	list_add(&cpio->directories, name);
}

void cpio_add_text(struct cpio *cpio, const char *name, mode_t mode, struct slice content)
{
	make_parents(cpio, name);
	put_header(cpio, &(struct entry){ .name = name, .mode = S_IFREG | mode, .size = content.length });
	put(cpio, content.start, content.length);
	pad(cpio, content.length);
}

static void copy_content(struct cpio *cpio, int source, const char *path, size_t size)
{
	char block[65536];
	size_t left = size;
	while (left && cpio->failed == 0) {
		ssize_t got = read(source, block, left < sizeof(block) ? left : sizeof(block));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			fail(cpio, got < 0 ? -errno : -EIO, path);
			return;
		}
		put(cpio, block, (size_t)got);
		left -= (size_t)got;
	}
	pad(cpio, size);
}

void cpio_add_file(struct cpio *cpio, const char *name, mode_t mode, const char *source)
{
	struct stat status;
	AUTO_CLOSE int fd = open(source, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0) {
		fail(cpio, -errno, source);
		return;
	}
	if (!S_ISREG(status.st_mode) || status.st_size > CONTENT_MAX) {
		fail(cpio, -EFBIG, source);
		return;
	}
	make_parents(cpio, name);
	put_header(cpio, &(struct entry){ .name = name, .mode = S_IFREG | mode, .size = (size_t)status.st_size });
	copy_content(cpio, fd, source, (size_t)status.st_size);
}

void cpio_add_link(struct cpio *cpio, const char *name, const char *target)
{
	make_parents(cpio, name);
	put_header(cpio, &(struct entry){ .name = name, .mode = S_IFLNK | 0777, .size = strlen(target) });
	put(cpio, target, strlen(target));
	pad(cpio, strlen(target));
}

void cpio_add_character_device(struct cpio *cpio, const char *name, mode_t mode, unsigned int major, unsigned int minor)
{
	make_parents(cpio, name);
	put_header(cpio, &(struct entry){ .name = name, .mode = S_IFCHR | mode, .major = major, .minor = minor });
}

int cpio_finish(struct cpio *cpio)
{
	put_header(cpio, &(struct entry){ .name = "TRAILER!!!" });
	if (cpio->fd >= 0 && close(cpio->fd) < 0)
		fail(cpio, -errno, cpio->path);
	if (cpio->failed < 0 && cpio->fd >= 0)
		unlink(cpio->path);
	return cpio->failed;
}
