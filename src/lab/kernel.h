/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel from a Debian package: downloaded, unpacked in the cache, its modules ready for modprobe. */
#pragma once

#include "base/error.h"
#include "base/text.h"

struct lab_kernel {
	const char *release; /* 6.1.0-56-cloud-amd64 */
	const char *image;   /* what QEMU's -kernel gets: an uncompressed ELF where possible, else the bzImage */
	const char *tree;    /* the unpacked package; modules in lib/modules/RELEASE */
};

/*
 * A statically linked busybox. `progress` is told what takes long. An error names the program or package that is missing.
 */
int lab_get_busybox(struct arena *arena, const char *cache, void (*progress)(const char *text), const char **ret,
		    struct error *error) MUST_CHECK;

/* The kernel, likewise. `busybox` indexes its modules. */
int lab_get_kernel(struct arena *arena, const char *cache, const char *busybox, void (*progress)(const char *text),
		   struct lab_kernel *ret, struct error *error) MUST_CHECK;
