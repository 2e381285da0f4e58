/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way to libvirt: the program nestpci-libvirt, started for each question (docs/libvirt-helper.md says what it can
 * be asked). It is looked for beside this program, where it is installed, and in PATH.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* Enough for a daemon that has to be started first, and for some hundred domains. */
#define LIBVIRT_TIMEOUT_MS 30000U

/*
 * A request: release it with json_object_put(). `uri`: NULL for libvirt's own choice (LIBVIRT_DEFAULT_URI, or what it
 * finds).
 */
struct json_object *libvirt_request(const char *operation, const char *uri);

/*
 * Asks; `ret` is the reply's "result", to be released with json_object_put(). What the helper refuses comes back as the
 * errno and the text that it gives (libvirt/operation.h, call_failed). -ENOPKG: there is no helper, and the text says
 * what to install. -ETIMEDOUT: no reply within `timeout_ms`.
 */
int libvirt_ask(struct arena *arena, struct json_object *request, unsigned int timeout_ms, struct json_object **ret,
		struct error *error) MUST_CHECK;
