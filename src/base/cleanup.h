/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clean-up by scope: a variable marked with one of these attributes is released when it goes out of scope.
 * TAKE_PTR and TAKE_FD hand a value on, so that the scope no longer owns it.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_closedir(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define AUTO_FREE CLEANUP(cleanup_free)
#define AUTO_CLOSE CLEANUP(cleanup_close)
#define AUTO_CLOSEDIR CLEANUP(cleanup_closedir)
#define AUTO_FCLOSE CLEANUP(cleanup_fclose)

#define TAKE_FD(fd)                   \
	({                            \
		int taken_fd_ = (fd); \
		(fd) = -1;            \
		taken_fd_;            \
	})

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Contracts that the compiler enforces. */
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_FORMAT(index, first) __attribute__((format(printf, index, first), nonnull(index)))
