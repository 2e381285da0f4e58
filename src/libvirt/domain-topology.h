/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the devices of a libvirt domain sit: its PCI buses, and the devices that have an address there, as its XML will
 * be after the edits that are noted so far. Bus 0 is the root bus; every other is made by the controller of its index.
 */
#pragma once

#include "base/pci-address.h"
#include "libvirt/xml-edit.h"

#define TOPOLOGY_BUSES 256U
#define TOPOLOGY_SLOTS 32U

struct topology_place {
	unsigned int bus;
	unsigned int slot;
	unsigned int function;
};

struct topology_device {
	struct xml_element *element;
	struct xml_element *address; /* NULL: none in the text */
	bool placed;                 /* false: libvirt will choose */
	struct topology_place place;

	/* Of a PCI device of the host, given by VFIO. */
	bool assigned;
	bool host_known; /* a network's pool, for one, does not say which */
	struct pci_address host;
};

struct topology_bus {
	const char *model; /* NULL: no controller says; libvirt will make one */
	struct xml_element *controller;
	bool placed; /* the controller has an address */
	struct topology_place place;
};

struct topology {
	struct topology_bus buses[TOPOLOGY_BUSES];
	unsigned int next_index; /* above everything that is taken */
	struct topology_device *devices;
	size_t device_count;
};

/* -EINVAL: an address or index that is none. */
int topology_read(const struct xml_text *text, struct topology *ret, struct error *error) MUST_CHECK;

/* A number as libvirt reads them: 0x10 or 16. False: it is none, or above `max`. */
bool topology_number(const char *text, uint64_t max, uint64_t *ret);

/* All that is on this bus has the requester id of a bridge: PCI, not PCI Express. */
bool topology_is_conventional(const struct topology *topology, unsigned int bus);

/*
 * What stands for the address space that a device of this bus gets under a vIOMMU, if it is shared with all devices of
 * the bus: the index of the outermost conventional bus above. 0: each device has its own.
 */
unsigned int topology_shared_space(const struct topology *topology, unsigned int bus);

/* How many VFIO devices there are, mediated ones included. */
size_t topology_count_vfio(const struct xml_text *text, const struct topology *topology);
