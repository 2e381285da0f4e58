/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the QEMU wrapper is told, /etc/nestpci/wrapper.conf:
 *
 *   # comment
 *   qemu /usr/bin/kvm.distrib      the real QEMU; by default the wrapper's own path with ".distrib" behind it, where
 *                                  dpkg-divert puts a diverted file
 *   vm 101                         a VM: what -id (Proxmox VE), -uuid or -name says of it
 *   vm 102 aw-bits=39 eim=on device-iotlb=on group=0000:01:00.0,0000:01:00.1   # a comment
 *
 * Of several lines for one VM the last counts.
 */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "qemu/viommu.h"

#define WRAPPER_CONF "/etc/nestpci/wrapper.conf"

/*
 * A VM that is to get its vIOMMU at one start only has a file of its own, WRAPPER_ONCE and its id behind it, with a line
 * as above. Whoever removes it has used it up.
 */
#define WRAPPER_ONCE "/var/lib/nestpci/once-"

enum wrapper_line_kind { WRAPPER_LINE_EMPTY, WRAPPER_LINE_QEMU, WRAPPER_LINE_VM };

struct wrapper_line {
	enum wrapper_line_kind kind;
	const char *name; /* the path of QEMU, or the VM */
	struct viommu_options options;
	struct list groups; /* "ADDRESS,ADDRESS..." */
	size_t length;      /* of what is no comment, without blanks at its end */
};

/* -EINVAL: it is none of these. `ret` has kind, name and length all the same, where the line begins as one of a VM. */
int wrapper_line_read(struct arena *arena, struct slice line, struct wrapper_line *ret, struct error *error) MUST_CHECK;

/* The line of a VM, without newline. */
const char *wrapper_line_format(struct arena *arena, const char *vm, const struct viommu_options *options,
				const struct list *groups);
