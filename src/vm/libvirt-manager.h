/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain's handle, as managers are given it (vm/manager.h). */
#pragma once

#include "base/arena.h"

/* "qemu:///system 2c93a3a0-...": what it is called may change, and several connections may know one so called. */
const char *libvirt_handle(struct arena *arena, const char *uri, const char *uuid);
