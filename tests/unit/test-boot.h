/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fake system that boots somehow. */
#pragma once

#include "boot/boot.h"
#include "test-host.h"

#define RELEASE "6.8.12-4-pve"
#define LOADER_INFO "/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define STUB_INFO "/sys/firmware/efi/efivars/StubInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

/* A tree that counts as a system that runs (or ran when it was recorded); else nothing of /proc and /sys counts. */
static inline void open_system(void *const *state, struct root *root, bool running)
{
	open_fake(state, root);
	if (running)
		root->kind = ROOT_SNAPSHOT;
}

static inline struct boot read_system(void *const *state, struct arena *arena, bool running)
{
	AUTO_ROOT root = ROOT_NONE;
	struct boot boot;
	open_system(state, &root, running);
	boot_read(&root, arena, RELEASE, &boot);
	return boot;
}

static inline struct boot read_boot(void *const *state, struct arena *arena)
{
	return read_system(state, arena, true);
}

/* A variable of the firmware: attributes, and the text as UTF-16. */
static inline void fake_variable(void *const *state, const char *path, const char *text)
{
	char bytes[512] = "\x06";
	size_t length = 4;
	for (size_t i = 0; i <= strlen(text); i++, length += 2)
		bytes[length] = text[i];
	fake_file(state, path, "");
	int fd = open(in_folder(state, path), O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0 || file_write_all(fd, (struct slice){ bytes, length }) < 0)
		fail_msg("cannot write %s", path);
	close(fd);
}

static inline void fake_time(void *const *state, const char *path, time_t seconds)
{
	const struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };
	if (utimensat(AT_FDCWD, in_folder(state, path), times, 0) < 0)
		fail_msg("cannot set the time of %s", path);
}
