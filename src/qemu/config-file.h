/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's configuration files, as -readconfig reads them (util/qemu-config.c):
 *
 *   # comment
 *   [device "ehci"]
 *     driver = "ich9-usb-ehci1"
 *
 * Sections keep their order: a [device] is created where the -readconfig stands.
 */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "qemu/keyval.h"

struct config_section {
	const char *group;     /* "device", "machine", ... */
	const char *id;        /* or NULL */
	struct keyval entries; /* spelling is not set */
};

struct config_file {
	struct config_section *sections;
	size_t count;
};

/* -EINVAL: a line that QEMU would not take; `error` has its number. */
int config_file_parse(struct arena *arena, struct slice text, struct config_file *ret, struct error *error) MUST_CHECK;
