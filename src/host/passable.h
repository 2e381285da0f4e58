/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Can a PCI device be passed to a VM now, and what stands in the way? One judgement for all: 'list' and 'show' tell it,
 * 'bind' refuses by it. A pure function of functions, groups and users; passable-read.h gathers these.
 *
 * VFIO gives away a group as a whole: every member goes along but bridges, and parts of the host without a driver (see
 * bind.h). So what stands in the way of one of them stands in the way of all.
 */
#pragma once

#include "host/users.h"

enum passable_verdict { PASSABLE_YES, PASSABLE_NO, PASSABLE_UNKNOWN };

enum passable_kind {
	PASSABLE_BRIDGE,            /* it is one, or another part that the machine cannot do without */
	PASSABLE_VMD,               /* it is behind Intel VMD, whose requester id it uses */
	PASSABLE_NO_GROUP,          /* no IOMMU group */
	PASSABLE_RESERVED,          /* firmware demands a 1:1 mapping for its group */
	PASSABLE_OTHER_MEMBER,      /* its group has a member that is no PCI device, with a driver */
	PASSABLE_VIRTUAL_FUNCTIONS, /* it has virtual functions */
	PASSABLE_USED,
	PASSABLE_NOT_JUDGED, /* something of it could not be read */
};

/* What stands in the way. */
struct passable_reason {
	enum passable_kind kind;
	const struct pci_function *function; /* whose; NULL: of the group as such */
	bool unsure;                         /* it could not be ruled out */
	const char *brief;                   /* a few words, "root file system" */
	const char *text;                    /* a sentence without the address */
	const struct use *use;               /* PASSABLE_USED */
};

struct passable_reasons {
	struct passable_reason *items;
	size_t count;
	size_t room;
};

struct passable_member {
	const struct pci_function *function;
	const char *virtual_functions; /* how many it has, in digits; NULL: none */
	/* By passable_judge_group(): */
	struct passable_reasons reasons;
};

struct passable_group {
	const char *number;
	struct passable_member *members; /* sorted by address */
	size_t count;
	struct list others;   /* names of members that are no PCI devices and have a driver */
	const char *reserved; /* a region that firmware demands a 1:1 mapping for: "0x...-0x..."; NULL: none */
	struct list problems; /* what could not be found out of it: sentences */
	/* By passable_judge_group(): */
	struct passable_reasons reasons;     /* those of the group as such */
	size_t going;                        /* members that must go along with each other */
	const struct passable_reason *worst; /* of these and of the group; NULL: none */
	bool blocked;                        /* one of the reasons is sure */
};

/* The judgement of one device; its reasons are those of `member`, then of `group` and its other members that go along. */
struct passable {
	enum passable_verdict verdict;
	const struct passable_reason *worst;  /* what to say where there is room for one thing; NULL: PASSABLE_YES */
	const struct passable_group *group;   /* NULL: none */
	const struct passable_member *member; /* of the group; NULL: it does not list the device, or there is none */
	size_t along;                         /* other members that must go along */
	bool free; /* nobody uses it, and it is no bridge or other part that the machine itself uses */
};

/* "yes", "no", "unknown" */
const char *passable_verdict_name(enum passable_verdict verdict);

/* "bridge", "no-group", ...: for programs to read. */
const char *passable_kind_name(enum passable_kind kind);

/* What a device is that is never given to a VM, whatever its group: a sentence; NULL: none of these. */
const char *passable_never(const struct pci_function *function);

/* Why a member of a group does not go along with the others ("a bridge"); NULL: it does. */
const char *passable_left_alone(const struct pci_function *function);

/* Why there is no group: `active` as of iommu_is_active(), negative where that is not known. */
const char *passable_no_group(int active);

/* Whether a use stands in the way. `inactive_ok`: data of LVM, RAID, ZFS or LUKS that nothing has activated does not. */
bool passable_is_obstacle(const struct use *use, bool inactive_ok);

/*
 * Fills in what the judgement of each member rests on. `uses` are those of all members that count.
 */
void passable_judge_group(struct arena *arena, struct passable_group *group, const struct uses *uses, bool inactive_ok);

/*
 * `group` is judged already; NULL: none, then `iommu_active` is as of iommu_is_active(). `uses` as those that the group was
 * judged by.
 */
void passable_judge(struct arena *arena, const struct pci_function *function, const struct passable_group *group,
		    int iommu_active, const struct uses *uses, struct passable *ret);

/* Whether the reasons of this member count for the device at `address`, which is in the same group. */
bool passable_counts(const struct passable_member *member, struct pci_address address);

/* "yes, with 2 others", "no: root file system", "no: console (01:00.0)", "no group", "unknown: processes". */
const char *passable_brief(struct arena *arena, const struct pci_function *function, const struct passable *passable);
