/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel has said since it started. */
#pragma once

#include "base/fact.h"

struct kernel_log {
	struct fact source; /* KNOWN; path is "journalctl -k -b", "/dev/kmsg", or the file */
	struct slice text;  /* lines of messages, as they came, time stamps included */
	bool complete;      /* it reaches back to the start of the kernel: what is not in it was not said */
};

/* The log of this boot: the journal where there is one, else the kernel's ring buffer. Live systems and snapshots. */
void kernel_log_read(const struct root *root, struct arena *arena, struct kernel_log *ret);

/* A file that somebody saved; "-" is stdin. */
int kernel_log_read_file(struct arena *arena, const char *path, struct kernel_log *ret, struct error *error) MUST_CHECK;
