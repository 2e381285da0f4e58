/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verdict on a run: by what was told, and by what is on the disks. */
#pragma once

#include "lab/disk.h"
#include "lab/story.h"

enum follow_end { FOLLOW_ENDED, FOLLOW_TIMED_OUT, FOLLOW_INTERRUPTED };

/* Fills the story's result. `status`: of the outermost QEMU. An error: the disks could not be read. */
int verdict_reach(const struct story *story, const struct lab_options *options, const struct lab_disk *disks,
		  enum follow_end end, int status, struct error *error) MUST_CHECK;
