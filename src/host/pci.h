/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI functions of a host, as its kernel describes them under /sys/bus/pci/devices
 * (Documentation/ABI/testing/sysfs-bus-pci).
 *
 * One attribute that cannot be read spoils nothing else: it is unknown, and `problems` says why. An attribute that a
 * function may be without, and is, is no problem. Everything belongs to the arena that was given.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pci-address.h"
#include "base/root.h"
#include "host/iommu.h"

#define PCI_UNKNOWN (-1)

struct pci_function {
	struct pci_address address;
	int32_t class; /* 24 bits: base class, subclass, programming interface. This and all ids: or PCI_UNKNOWN */
	int32_t vendor;
	int32_t device;
	int32_t subsystem_vendor;
	int32_t subsystem_device;
	int32_t revision;   /* pci_read_all() leaves it unknown: see pci_read_revisions() */
	const char *driver; /* NULL: none */
	const char *group;  /* number of its IOMMU group, in digits; NULL: none */
	bool is_bridge;     /* has a bus behind it (header type 1 or 2): vfio-pci takes none of these */
	bool boot_vga;      /* the display that the firmware used */
	struct list problems;

	/* Filled by pci_ids_fill(); NULL where there is no name. */
	const char *class_name;
	const char *vendor_name;
	const char *device_name;
};

struct pci_functions {
	struct pci_function *items; /* sorted by address */
	size_t count;
};

/* All functions of a host; none (a host without PCI) is no failure. */
int pci_read_all(const struct root *root, struct arena *arena, struct pci_functions *ret, struct error *error)
	MUST_CHECK;

/* Fills in `revision`, a file of its own for each: only for those who show it. */
void pci_read_revisions(const struct root *root, struct arena *arena, struct pci_functions *functions);

/* The one at this address, or NULL. The functions must be in the order of their addresses. */
struct pci_function *pci_find(const struct pci_functions *functions, struct pci_address address);

/* One function. -ENODEV when the host has none at this address. */
int pci_read_function(const struct root *root, struct arena *arena, struct pci_address address,
		      struct pci_function *ret, struct error *error) MUST_CHECK;

/*
 * A function's file `uevent` (pci_uevent() in the kernel's drivers/pci/pci-driver.c): its class and ids, and where in
 * `text` the name of its driver is; empty: none. False, and nothing is touched, when something is missing in it, is not as the
 * kernel writes it, or is another function's: the absence of a driver is believed only of a whole one.
 */
bool pci_parse_uevent(struct slice text, const char *address, struct pci_function *ret, struct slice *ret_driver);

static inline bool pci_is_host_bridge(const struct pci_function *function)
{
	return function->class != PCI_UNKNOWN && function->class >> 8 == 0x0600;
}

/* Domains above ffff are the kernel's own numbers for what is behind Intel VMD (drivers/pci/controller/vmd.c, from 10000). */
static inline bool pci_is_behind_vmd(struct pci_address address)
{
	return address.domain > 0xffff;
}

/* The path to the firmware, the real-time clock, interrupts: "ISA bridge", also called LPC. */
static inline bool pci_is_isa_bridge(const struct pci_function *function)
{
	return function->class != PCI_UNKNOWN && function->class >> 8 == 0x0601;
}

/* A bridge by its class that has no bus behind it: host bridges, ISA bridges and the like. */
static inline bool pci_is_part_of_host(const struct pci_function *function)
{
	return function->class != PCI_UNKNOWN && function->class >> 16 == 0x06 && !function->is_bridge;
}

/* "/sys/bus/pci/devices/ADDRESS/NAME"; without the slash when `name` is "". */
const char *pci_path(struct arena *arena, struct pci_address address, const char *name);
