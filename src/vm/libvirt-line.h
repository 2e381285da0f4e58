/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of a QEMU line that a domain's XML becomes (libvirt, src/qemu/qemu_command.c), as far as they matter here:
 * machine, CPU, memory, firmware, vIOMMUs, PCI controllers, devices of the host, a balloon, and the user's own words.
 * Buses and addresses that the XML does not give are chosen as libvirt does: each device behind a port of its own.
 */
#pragma once

#include "base/text.h"
#include "vm/libvirt-tree.h"

struct libvirt_device {
	const struct element *element; /* <hostdev> or <interface type='hostdev'> */
	const char *id;                /* "hostdev0": what libvirt calls it */
};

struct libvirt_line {
	struct list words;
	size_t args_from; /* index of the first word of <qemu:commandline>; the count where there are none */
	struct libvirt_device *devices; /* PCI devices of the host and mediated ones, in the order of the line */
	size_t device_count;
};

/*
 * `json`: devices stand there as JSON, as libvirt 8.0 and later write them for QEMU 6.2 and later; QEMU creates these
 * behind all others, those of <qemu:commandline> among them.
 */
void libvirt_line_make(struct arena *arena, const struct element *domain, bool json, struct libvirt_line *ret);
