/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resource mappings of a Proxmox VE cluster, /etc/pve/mapping/pci.cfg (pve-guest-common, PVE/Mapping/PCI.pm): a name, and
 * what it stands for on each node.
 *
 *   gpu
 *           map id=10de:2204,iommugroup=15,node=pve1,path=0000:01:00
 *           mdev 0
 */
#pragma once

#include "base/text.h"

struct mapping_place {
	const char *node;
	const char *path;      /* addresses, ';' between those of one device; without function: the whole slot */
	const char *id;        /* "10de:2204": vendor and device that are expected */
	const char *subsystem; /* likewise, or NULL */
	const char *group;     /* IOMMU group that is expected, in digits, or NULL */
	size_t line;
};

struct mapping {
	const char *name;
	bool mdev;                    /* it is for mediated devices */
	struct mapping_place *places; /* alternatives, where a node has more than one */
	size_t count;
};

struct mappings {
	struct mapping *items;
	size_t count;
	struct list problems; /* as sentences that begin with "line N" */
};

/* Every text is one; what is wrong with it is in `problems`. */
void mappings_parse(struct arena *arena, struct slice text, struct mappings *ret);

/* NULL: there is none of that name. */
const struct mapping *mappings_find(const struct mappings *mappings, const char *name);
