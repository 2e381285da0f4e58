/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QEMUs that run: every process whose first word is QEMU's name. */
#pragma once

#include "vm/vm.h"

/* Adds them to `ret`; what could not be read is counted in its problems. False: it is not known what runs here. */
bool process_read_all(const struct root *root, struct arena *arena, struct vms *ret);

/* A place for one more. */
struct vm *vms_add(struct arena *arena, struct vms *vms);
