/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot images: initramfs archives of busybox, this nestpci, and for the levels that are hypervisors, QEMU with its
 * libraries, and what the level inside it boots. Kept in the cache, and made anew when one of their parts changed.
 */
#pragma once

#include "base/error.h"
#include "base/text.h"

struct lab_image {
	const char *kernel;
	const char *initrd[3]; /* by level */
	const char *qemu;      /* the QEMU of this machine, which is also the one inside */
};

int lab_get_image(struct arena *arena, const char *cache, void (*progress)(const char *text), struct lab_image *ret,
		  struct error *error) MUST_CHECK;
