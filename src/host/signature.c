/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/signature.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"

#define SECTOR 512
#define KIB 1024
#define FRONT ((size_t)256 * KIB) /* the first label of ZFS */

#define MD_MAGIC 0xa92b4efc
#define ZFS_MAGIC 0x00bab10c
#define ZFS_UBERBLOCKS ((size_t)128 * KIB)

struct disk {
	int fd;
	off_t size;
	unsigned char *front; /* FRONT bytes; zeroes behind the disk's end */
};

static int read_at(int fd, off_t offset, unsigned char *ret, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = pread(fd, ret + done, size - done, offset + (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return 0;
}

static uint32_t little(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t big(const unsigned char *at)
{
	return (uint32_t)at[3] | (uint32_t)at[2] << 8 | (uint32_t)at[1] << 16 | (uint32_t)at[0] << 24;
}

static bool is_luks(const struct disk *disk)
{
	return memcmp(disk->front, "LUKS\xba\xbe", 6) == 0;
}

/* In one of the first four sectors (lvm2, lib/label/label.c). */
static bool is_lvm(const struct disk *disk)
{
	for (size_t i = 0; i < 4; i++)
		if (memcmp(disk->front + i * SECTOR, "LABELONE", 8) == 0)
			return true;
	return false;
}

/* A number of 64 bits in the byte order of the machine that wrote it. */
static bool is_zfs(const struct disk *disk)
{
	for (size_t offset = ZFS_UBERBLOCKS; offset < FRONT; offset += KIB) {
		const unsigned char *at = disk->front + offset;
		if ((little(at) == ZFS_MAGIC && little(at + 4) == 0) || (big(at) == 0 && big(at + 4) == ZFS_MAGIC))
			return true;
	}
	return false;
}

/* 1.1 and 1.2 at the front; 1.0 and 0.90 near the end (drivers/md/md.c, super_1_load(), calc_dev_sboffset()). */
static int is_md(const struct disk *disk)
{
	off_t places[] = { (disk->size / SECTOR - 16) / 8 * 8 * SECTOR, disk->size / 65536 * 65536 - 65536 };
	if (little(disk->front) == MD_MAGIC || little(disk->front + 4096) == MD_MAGIC)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		unsigned char magic[4] = { 0 };
		int r = places[i] > 0 ? read_at(disk->fd, places[i], magic, sizeof(magic)) : 0;
		if (r < 0)
			return r;
		/* 0.90 is in the byte order of the machine. */
		if (little(magic) == MD_MAGIC || big(magic) == MD_MAGIC)
			return 1;
	}
	return 0;
}

int signature_find(int fd, const char **ret)
{
	AUTO_ARENA arena = { 0 };
	unsigned char *front = arena_alloc(&arena, FRONT);
	struct disk disk = { fd, lseek(fd, 0, SEEK_END), front };
	if (disk.size < 0)
		return -errno;
	int r = read_at(fd, 0, front, FRONT);
	if (r < 0)
		return r;
	int md = is_md(&disk);
	if (md < 0)
		return md;
	*ret = is_luks(&disk) ? "LUKS" : is_lvm(&disk) ? "LVM2" : md ? "MD RAID" : is_zfs(&disk) ? "ZFS" : NULL;
	return 0;
}
