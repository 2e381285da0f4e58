/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The domains of libvirt. Which libvirt: that of LIBVIRT_DEFAULT_URI, which --connect sets; or those whose sockets are
 * there, the system's and this user's session. Without a socket nothing is started and nothing is asked.
 */
#pragma once

#include "vm/vm.h"

#define LIBVIRT_SYSTEM "qemu:///system"
#define LIBVIRT_SESSION "qemu:///session"

/* Adds them; what could not be read is in the problems. */
void libvirt_read_all(const struct root *root, struct arena *arena, struct vms *ret);

/* A domain's XML that somebody names; `path` is for messages. The helper reads it; no libvirt is asked. */
int libvirt_read_text(const struct root *root, struct arena *arena, struct slice text, const char *path, struct vm *ret,
		      struct error *error) MUST_CHECK;

/* Whether a text can be XML: its first character that is no blank is '<'. */
bool libvirt_is_xml(struct slice text);
