/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All about one PCI function, beyond what a list of all of them needs: capabilities, BARs, reset, power, SR-IOV, where
 * it sits. Read only for the functions at hand.
 */
#pragma once

#include "base/fact.h"
#include "host/pci-caps.h"
#include "host/pci.h"

struct pci_bar {
	unsigned int number; /* 0 to 5; 6 is the expansion ROM */
	uint64_t start;
	uint64_t size;
	bool memory; /* else I/O ports */
	bool prefetchable;
	bool is_64bit;
};

struct pci_addresses {
	struct pci_address *items;
	size_t count;
};

struct pci_detail {
	const struct pci_function *function;
	const char *path; /* "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0": where it really is; NULL: not known,
			     nor are the bridges then */
	struct pci_addresses
		bridges; /* from the root port down to the bridge that it sits behind; none: on a root bus */

	struct fact config; /* of the file; its text is NULL */
	struct pci_caps caps;

	struct fact driver_override; /* ABSENT also when it is "(null)" */
	struct fact power_state;     /* D0, D3hot, D3cold, unknown, error */
	struct fact d3cold_allowed;  /* switch */
	struct fact reset;           /* KNOWN: the kernel knows a way to reset it */
	struct fact reset_method;    /* "flr bus"; since Linux 5.15 */
	struct fact rom;             /* KNOWN: it has an expansion ROM file */
	struct fact numa_node;       /* number */
	struct fact enable;          /* number */
	struct fact sriov_total;     /* number; ABSENT: no PF */
	struct fact sriov_enabled;   /* number */
	struct fact physfn;          /* KNOWN: it is a VF, text is the address of its PF */
	struct fact mdev;            /* KNOWN: mdev_supported_types is there */
	struct fact unit;            /* text is the name of the IOMMU unit that covers it: "dmar0" */
	struct fact msi_irqs;        /* KNOWN: its driver uses MSI or MSI-X now; number: how many vectors */

	struct fact resource; /* of the file; zeros all over without root count as unreadable; text only if WRONG */
	struct pci_bar *bars; /* those that it has */
	size_t bar_count;
};

/* Always gives an answer: what could not be read is in the facts. */
void pci_detail_read(const struct root *root, struct arena *arena, const struct pci_function *function,
		     struct pci_detail *ret);

/*
 * The rest of it: driver_override and sriov_enabled, which the kernel shows with the device's lock held, so that while a
 * driver is being taken away they are unreadable, after a while. For many devices at once: see guard_read_facts(). Those
 * without a function are passed over.
 */
void pci_detail_read_locked(const struct root *root, struct arena *arena, struct pci_detail *const *details,
			    size_t count);

/* Two parts of it alone. Where it sits: the path, or NULL, and the bridges. */
void pci_place_read(const struct root *root, struct arena *arena, struct pci_address address, const char **ret_path,
		    struct pci_addresses *ret_bridges);

/* Configuration space; `ret` is filled even where there is none. */
struct fact pci_config_read(const struct root *root, struct arena *arena, struct pci_address address,
			    struct pci_caps *ret);

/* Cuts a word like "0x00000000fee00000" off the front of a line; false: there is none, or it is no such number. */
bool pci_next_hex(struct slice *line, uint64_t *ret);
