/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes an initramfs: a cpio archive in the "newc" format (Linux Documentation/driver-api/early-userspace/
 * buffer-format.rst). Written here, and not by cpio(1), because the files come from several places, and device nodes
 * shall be in it without root's rights. Everything in it belongs to root.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"

struct cpio {
	int fd;
	const char *path; /* for messages */
	unsigned int next_inode;
	struct list directories; /* made so far */
	struct error *error;
	int failed; /* the first failure; what follows does nothing */
};

/* Starts an archive in a new file at `path`. All other functions may be called whatever happens; cpio_finish tells. */
void cpio_start(struct cpio *cpio, struct arena *arena, const char *path, struct error *error);

/* Names in the archive have no leading slash; missing directories are made. */
void cpio_add_directory(struct cpio *cpio, const char *name);
void cpio_add_text(struct cpio *cpio, const char *name, mode_t mode, struct slice content);
void cpio_add_file(struct cpio *cpio, const char *name, mode_t mode, const char *source);
void cpio_add_link(struct cpio *cpio, const char *name, const char *target);
void cpio_add_character_device(struct cpio *cpio, const char *name, mode_t mode, unsigned int major,
			       unsigned int minor);

/* Closes it. A negative errno, with its text in the error of cpio_start, when anything failed; the file is removed then. */
int cpio_finish(struct cpio *cpio) MUST_CHECK;
