/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that can hang in the kernel, made in a child process with a time limit. Taking a driver from a device waits for
 * whoever uses it; a process that waits there cannot be killed, and holds the device's lock meanwhile, so that even
 * reading some attributes (driver_override, sriov_numvfs) hangs. This process must not.
 *
 * All return -ETIMEDOUT when the time was up; the child is left to the kernel then, without any descriptor of ours, and
 * is gone when the kernel lets it go.
 */
#pragma once

#include "base/fact.h"

/* For looks: what is not held up takes no time at all. */
#define GUARD_LOOK_MS 1000

/* Like root_read_line(), which it is on anything but the live system. */
int guard_read_line(const struct root *root, struct arena *arena, const char *path, unsigned int timeout_ms, char **ret,
		    struct error *error) MUST_CHECK;

/*
 * Like fact_read_line() of each fact's path, which it is on anything but the live system. One child reads them all; only
 * one that hangs costs its time, and another child.
 */
void guard_read_facts(const struct root *root, struct arena *arena, struct fact *const *facts, size_t count,
		      unsigned int timeout_ms);

/* Like root_write_attribute(). */
int guard_write(const struct root *root, const char *path, const char *text, unsigned int timeout_ms,
		struct error *error) MUST_CHECK;

/*
 * Whether the kernel lets nobody else have a block device (a mounted file system, an imported ZFS pool, an MD array, a
 * target: open(2), O_EXCL without O_CREAT). Opens for reading only. 1 claimed, 0 not. A question (root_ask()), by the name
 * of "claimed/dev/nvme0n1".
 */
int guard_is_claimed(const struct root *root, struct arena *arena, const char *node, unsigned int timeout_ms,
		     struct error *error) MUST_CHECK;

/*
 * The signature that a block device carries (signature.h), or NULL. Opens for reading only. A question by the name of
 * "signature/dev/nvme0n1".
 */
int guard_find_signature(const struct root *root, struct arena *arena, const char *node, unsigned int timeout_ms,
			 const char **ret, struct error *error) MUST_CHECK;
