/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model of a host, whatever its level: everything that can be judged without naming a device or a VM. Gathered in
 * one go, judged later (check/), shown later still. What could not be read is in the model as such.
 */
#pragma once

#include "host/cpu.h"
#include "host/groups.h"
#include "host/iommu.h"
#include "host/kernel.h"
#include "host/kvm.h"
#include "host/machine.h"
#include "host/modules.h"
#include "host/pci-detail.h"
#include "host/pci.h"
#include "host/users.h"
#include "host/versions.h"

/* A device at hand, with the group that must go along with it and who uses any of them. */
struct host_device {
	struct pci_address address;
	const char *meant_by; /* why it is looked at: "--device", "bound to vfio-pci", "hostpci0 of VM 100" */
	const struct pci_function *function; /* NULL: the host has none at this address */

	/* Filled by host_read_devices(). */
	struct pci_detail detail;          /* all zero without a function */
	struct pci_detail *bridge_details; /* as many as detail.bridges; one with function NULL is not there */
	struct group *group;               /* NULL: none; the same group is read once */
	struct uses uses;                  /* of all members of its group but bridges */
	struct fact users_found;           /* whether users could be looked for; its text is NULL */
};

struct host_bridge {
	struct pci_address address;
	struct pci_detail detail;
};

struct host {
	bool live;      /* of a system that runs, or ran when its snapshot was taken: /proc and /sys say what is */
	bool root_user; /* with all rights: effective uid 0 (a question, so that snapshots remember) */
	struct cpu cpu;
	struct kvm kvm;
	struct kernel kernel;
	struct modules modules;
	struct machine machine;
	struct versions versions;
	struct iommus iommus;
	struct fact pci_folder; /* /sys/bus/pci/devices; its text is NULL */
	struct pci_functions functions;

	struct host_device *devices; /* those that host_add_device() was called for, in that order */
	size_t device_count;
	size_t device_room;
	size_t device_read_count; /* of these, by host_read_devices() */
	size_t *device_of;        /* by index in functions: index in devices plus one; 0: not at hand */
	struct group **groups;    /* of all devices at hand, sorted as text by number */
	size_t group_count;
	struct host_bridge *bridges; /* above all devices at hand, sorted by address */
	size_t bridge_count;
};

/*
 * Always gives an answer but where the PCI folder itself fails to be read for want of anything but its presence. All
 * else is in `ret` then, too.
 */
int host_read(const struct root *root, struct arena *arena, struct host *ret, struct error *error) MUST_CHECK;

/*
 * Devices are gathered in two steps, so that hundreds of them cost one look each at groups, bridges and users: add all,
 * then read all that are new. Adding the same address again changes nothing; the first reason stays. Pointers from
 * host.devices are stale after either.
 */
void host_add_device(struct arena *arena, struct host *host, struct pci_address address, const char *meant_by);
void host_read_devices(const struct root *root, struct arena *arena, struct host *host);

/*
 * Adds those that somebody evidently wants to pass on: bound to a vfio driver, or without a driver and with a vfio driver as driver_override.
 */
void host_add_meant_devices(const struct root *root, struct arena *arena, struct host *host);

/* NULL: there is none. */
const struct pci_function *host_find_function(const struct host *host, struct pci_address address);
const struct host_device *host_find_device(const struct host *host, struct pci_address address);
