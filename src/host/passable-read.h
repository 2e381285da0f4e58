/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gathers what passable.h judges: the groups of a host, with what stands in the way of their members. */
#pragma once

#include "host/passable.h"

struct passable_groups {
	struct passable_group *items; /* sorted by number */
	size_t count;
	struct passable_group **of; /* of each function, in their order; NULL: none */
};

/* The groups that the functions say they are in; nothing is read. Members are those of `functions`. */
void passable_sort_groups(struct arena *arena, const struct pci_functions *functions, struct passable_groups *ret);

/* Reads what is to be known of one of them, and of its members, but their users. */
void passable_read_group(const struct root *root, struct arena *arena, struct passable_group *group);

/* The same for all at once, in time of O(functions). */
void passable_read_groups(const struct root *root, struct arena *arena, struct passable_groups *groups);

/* All functions of a host, each judged. */
struct passables {
	struct pci_functions functions;
	struct passable_groups groups;
	struct uses uses;       /* of all of them */
	struct passable *items; /* of each function, in their order */
};

int passable_read_all(const struct root *root, struct arena *arena, struct passables *ret, struct error *error)
	MUST_CHECK;

/* The same, but only one device is judged, and only what that takes is read. -ENODEV: there is none at this address. */
int passable_read_device(const struct root *root, struct arena *arena, struct pci_address address,
			 struct passables *ret, size_t *ret_place, struct error *error) MUST_CHECK;

/*
 * Only what concerns a group as such: reserved regions, and those of `others`, its members that are no PCI devices, that
 * have a driver.
 */
void passable_read_rest(const struct root *root, struct arena *arena, const struct list *others,
			struct passable_group *group);
