/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the QEMU of a command line listens for QMP. */
#pragma once

#include "vm/vm.h"

/* The path of a socket of -qmp, or of a -mon in control mode; NULL: none that could be connected to. */
const char *plain_monitor_path(struct arena *arena, const struct vm *vm);
