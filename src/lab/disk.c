/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"

#define DISK_SIZE ((off_t)16 * 1024 * 1024)
#define ANSWER_OFFSET 4096
#define DATA_OFFSET 65536
#define DATA_SIZE 262144
#define COPY_OFFSET 1048576
#define NONCE_BYTES 32

static int fill_random(char *bytes, size_t length)
{
	while (length) {
		ssize_t got = getrandom(bytes, length, 0);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0) {
			bytes += got;
			length -= (size_t)got;
		}
	}
	return 0;
}

static int write_at(int fd, off_t offset, struct slice content)
{
	return lseek(fd, offset, SEEK_SET) < 0 ? -errno : file_write_all(fd, content);
}

static int write_disk(int fd, const struct lab_disk *disk)
{
	int r = -posix_fallocate(fd, 0, DISK_SIZE);
	if (r == 0)
		r = write_at(fd, 0, slice_of("nestpci nonce "));
	if (r == 0)
		r = file_write_all(fd, slice_of(disk->nonce));
	if (r == 0)
		r = file_write_all(fd, slice_of("\n"));
	if (r == 0)
		r = write_at(fd, DATA_OFFSET, (struct slice){ disk->data, DATA_SIZE });
	return r;
}

int lab_disk_make(struct arena *arena, const char *path, struct lab_disk *ret, struct error *error)
{
	char *data = arena_alloc(arena, DATA_SIZE);
	unsigned char nonce[NONCE_BYTES] = { 0 };
	*ret = (struct lab_disk){ .path = path, .data = data };
	int r = fill_random(data, DATA_SIZE);
	if (r == 0)
		r = fill_random((char *)nonce, sizeof(nonce));
	for (size_t i = 0; i < sizeof(nonce); i++)
		snprintf(ret->nonce + 2 * i, 3, "%02x", nonce[i]);
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (r == 0 && fd < 0)
		r = -errno;
	if (r == 0)
		r = write_disk(fd, ret);
	if (r < 0 && fd >= 0)
		unlink(path);
	return r < 0 ? error_set_errno(error, r, "make the disk %s", path) : 0;
}

static int read_at(int fd, off_t offset, char *bytes, size_t length)
{
	ssize_t got = pread(fd, bytes, length, offset);
	if (got < 0)
		return -errno;
	return (size_t)got == length ? 0 : -EIO;
}

static const char *wanted_answer(struct arena *arena, const struct lab_disk *disk)
{
	char reversed[sizeof(disk->nonce)] = "";
	size_t length = strlen(disk->nonce);
	for (size_t i = 0; i < length; i++)
		reversed[i] = disk->nonce[length - 1 - i];
	return arena_printf(arena, "nestpci answer %s level 2\n", reversed);
}

int lab_disk_verify(struct arena *arena, const struct lab_disk *disk, const char **reason, struct error *error)
{
	char answer[513] = "";
	char *copy = arena_alloc(arena, DATA_SIZE);
	AUTO_CLOSE int fd = open(disk->path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : read_at(fd, ANSWER_OFFSET, answer, sizeof(answer) - 1);
	if (r == 0)
		r = read_at(fd, COPY_OFFSET, copy, DATA_SIZE);
	if (r < 0)
		return error_set_errno(error, r, "read the disk %s", disk->path);
	if (answer[0] == '\0') {
		*reason = "nobody has answered on the disk";
		return 0;
	}
	if (strcmp(answer, wanted_answer(arena, disk)) != 0) {
		*reason = arena_printf(arena, "the answer on the disk is wrong: '%.*s'", (int)strcspn(answer, "\n"),
				       answer);
		return 0;
	}
	if (memcmp(copy, disk->data, DATA_SIZE) != 0) {
		*reason = "the data that L2 copied on the disk is not what was put there";
		return 0;
	}
	return 1;
}
