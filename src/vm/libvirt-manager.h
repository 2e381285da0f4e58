/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain's handle, as managers are given it (vm/manager.h). */
#pragma once

#include "base/json.h"
#include "base/root.h"

/*
 * "qemu:///system l1 2c93a3a0-...": the URI and the UUID say which one it is (several connections may know one so called,
 * and names change); the name is for people, and may hold blanks.
 */
const char *libvirt_handle(struct arena *arena, const char *uri, const char *name, const char *uuid);

/* A request about the VM of a handle; release it with json_object_put(). -EROFS: another root than the live system. */
int libvirt_request_about(const struct root *root, struct arena *arena, const char *operation, const char *vm,
			  struct json_object **ret, struct error *error) MUST_CHECK;
