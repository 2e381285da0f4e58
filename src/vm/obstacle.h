/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands in the way of changing, starting or stopping a VM from this host, whoever manages it. */
#pragma once

#include "vm/vm.h"

enum vm_obstacle_kind {
	VM_OBSTACLE_ELSEWHERE,  /* another node's: only that node changes it */
	VM_OBSTACLE_TEMPLATE,   /* never started */
	VM_OBSTACLE_LOCK,       /* something else is at work on it */
	VM_OBSTACLE_HIBERNATED, /* it goes on from its saved state, and a device more or less breaks that */
	VM_OBSTACLE_HA,         /* started and stopped by the cluster's HA */
	VM_OBSTACLE_UNMANAGED,  /* a QEMU that runs, with no definition that could be changed */
};

struct vm_obstacle {
	enum vm_obstacle_kind kind;
	const char *brief; /* "lock: backup" */
	const char *text;  /* a sentence: what it is, and what to do */
};

struct vm_obstacles {
	struct vm_obstacle *items; /* in the order of their kinds */
	size_t count;
};

struct vm_obstacles vm_obstacles(struct arena *arena, const struct vm *vm);

const char *vm_obstacle_name(enum vm_obstacle_kind kind); /* "lock" */
