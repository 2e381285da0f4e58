/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses a PCI device. Found is what a host can lose with it: file systems, swap, arrays, pools, the default route,
 * the console, and processes that hold one of its device nodes open.
 *
 * Unknown is an answer, too: where something could not be looked at, that is a use of its own kind.
 *
 * Not seen are: default routes of other routing tables and VRFs, memory that a process has mapped from a device node it
 * has closed again, mounts of other namespaces on an offline root (on a live one the kernel's claim shows them), file
 * systems that a virtio device gives without a disk (virtiofs, 9p).
 */
#pragma once

#include <stdbool.h>

#include "base/pci-address.h"
#include "base/root.h"
#include "host/pci.h"

enum use_kind {
	USE_FILE_SYSTEM, /* mounted */
	USE_SWAP,
	USE_STACKED, /* part of an active device mapper device, MD array, bcache, ZFS pool */
	USE_MEMBER,  /* carries the signature of one of these, or of LUKS, or may: nothing has activated it */
	USE_CLAIMED, /* the kernel says that somebody has it for himself, and nothing above says who */
	USE_ROUTE,   /* a network interface with the default route */
	USE_NETWORK, /* another network interface that is part of something */
	USE_CONSOLE,
	USE_PROCESS,
	USE_UNKNOWN, /* could not be found out */
};

/* `brief` of the use that a host cannot do without. */
#define USE_ROOT_BRIEF "root file system"

struct use {
	struct pci_address address; /* the device that is used */
	enum use_kind kind;
	bool needed; /* the host needs it, or it is not known that it does not: the device must not be taken away */
	bool unsure; /* nothing shows that it is so; it could not be ruled out */
	const char *brief; /* "root file system": a few words for a column; never NULL */
	const char *text;  /* "nvme0n1p2 is mounted at / (ext4)": what uses it, without the address */
};

struct uses {
	struct use *items; /* sorted by address */
	size_t count;
	size_t room;
};

/* "file-system", "swap", ...: for programs to read. */
const char *use_kind_name(enum use_kind kind);

/* Those of one device: the first, and how many. NULL: none. */
const struct use *uses_of(const struct uses *uses, struct pci_address address, size_t *ret_count);

/*
 * The users of `count` devices, in one go: what one device shares with another is a use of both. A device that has others
 * below it, as Intel's VMD, loses what they have; a bridge does not, where those below it are asked for as well.
 * -ENODEV when there is no such device.
 */
int users_find(const struct root *root, struct arena *arena, const struct pci_address *addresses, size_t count,
	       struct uses *ret, struct error *error) MUST_CHECK;

/* The same for functions that were read already, sorted by address; in time of O(nodes + functions). */
void users_find_all(const struct root *root, struct arena *arena, const struct pci_function *functions, size_t count,
		    struct uses *ret);
