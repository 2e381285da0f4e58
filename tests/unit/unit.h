/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test needs: cmocka, and a folder of its own for those that touch files. */
#pragma once

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* cmocka's own compare unsigned numbers, and lose the sign of an errno in the message. */
#define assert_int(got, wanted)                                                                 \
	do {                                                                                    \
		long long got_ = (long long)(got);                                              \
		long long wanted_ = (long long)(wanted);                                        \
		if (got_ != wanted_)                                                            \
			fail_msg("%s is %lld, wanted %s (%lld)", #got, got_, #wanted, wanted_); \
	} while (0)

#define assert_contains(text, part)                                             \
	do {                                                                    \
		if (!strstr((text), (part)))                                    \
			fail_msg("'%s' does not contain '%s'", (text), (part)); \
	} while (0)

static inline void assert_slice(struct slice slice, const char *wanted)
{
	if (!slice_equals(slice, wanted))
		fail_msg("'%.*s' is not '%s'", (int)slice.length, slice.start, wanted);
}

/* A fresh folder; its name is the test's state. */
static inline int make_folder(void **state)
{
	char name[] = "/tmp/nestpci-unit-XXXXXX";
	if (!mkdtemp(name))
		return -1;
	*state = strdup(name);
	return *state ? 0 : -1;
}

static inline int remove_folder(void **state)
{
	int r = file_remove_tree(*state, NULL);
	free(*state);
	return r;
}

#define test_in_folder(function) cmocka_unit_test_setup_teardown(function, make_folder, remove_folder)

/* "FOLDER/NAME" in a buffer that the next call but seven uses again. */
static inline const char *in_folder(void *const *state, const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 8];
	snprintf(path, PATH_MAX, "%s/%s", (const char *)*state, name);
	return path;
}

static inline void put_file(void *const *state, const char *name, const char *content)
{
	int fd = open(in_folder(state, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || file_write_all(fd, slice_of(content)) < 0)
		fail_msg("cannot write %s", name);
	close(fd);
}

static inline void put_directory(void *const *state, const char *name)
{
	if (file_make_directories(in_folder(state, name), 0755, NULL) < 0)
		fail_msg("cannot make %s", name);
}

static inline void put_link(void *const *state, const char *name, const char *target)
{
	if (symlink(target, in_folder(state, name)) < 0)
		fail_msg("cannot link %s", name);
}
