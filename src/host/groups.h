/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One IOMMU group: who is in it, what is reserved in its address space, and why it is what it is.
 *
 * Why devices share a group: pci_device_group() in the kernel's drivers/iommu/iommu.c.
 */
#pragma once

#include "host/pci-detail.h"

enum reserved_kind {
	RESERVED_DIRECT,           /* firmware demands a 1:1 mapping: the kernel gives no such device away */
	RESERVED_DIRECT_RELAXABLE, /* the same, but only before the driver takes over */
	RESERVED_MSI,
	RESERVED_OTHER,
};

struct reserved_region {
	uint64_t start;
	uint64_t end; /* the last address, included */
	enum reserved_kind kind;
	const char *type; /* as the kernel wrote it */
};

enum group_reason_kind {
	GROUP_BEHIND_PCI_BRIDGE, /* `who` leads to conventional PCI: all behind it look alike to the IOMMU */
	GROUP_PORT_WITHOUT_ACS,  /* `who`, a port on the way up, lacks `missing` */
	GROUP_FUNCTIONS,         /* `who` is of a multifunction device without `missing` */
	GROUP_UNEXPLAINED, /* what none of the above covers, alone or besides: a quirk or DMA alias of the kernel's */
	GROUP_NOT_KNOWN,   /* the same, but capabilities could not be read, or where something sits */
};

struct group_reason {
	enum group_reason_kind kind;
	struct pci_address who; /* UNEXPLAINED: a member that nothing covers, or the first where one is no PCI function;
				   NOT_KNOWN: whose capabilities or place are not known */
	uint16_t missing;       /* ACS bits */
	bool has_acs;           /* it has the capability, with the bits switched off; else it has none */
	const char *text;       /* the same as a sentence, for people */
};

struct group {
	const char *number;
	struct fact devices;                 /* of the folder */
	const struct pci_function **members; /* sorted by address; those of `functions` */
	size_t count;
	struct list others; /* members that are no PCI functions */
	struct fact type;   /* DMA, DMA-FQ, identity, ...; since Linux 5.11 readable */
	struct fact reserved_regions;
	struct reserved_region *regions;
	size_t region_count;
	struct group_reason *reasons; /* none where it has one member */
	size_t reason_count;
};

/* The group with this number, its members from `functions`. Always gives an answer; see the facts. */
void group_read(const struct root *root, struct arena *arena, const struct pci_functions *functions, const char *number,
		struct group *ret);

/* Lines of reserved_regions; -EINVAL: a line that is none (`ret` has those before). */
int group_parse_regions(struct arena *arena, struct slice text, struct reserved_region **ret, size_t *ret_count,
			struct error *error) MUST_CHECK;
