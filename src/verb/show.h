/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What 'nestpci show' gathers of one device; show-text.c and show-json.c print it. */
#pragma once

#include "host/groups.h"
#include "host/passable-read.h"

struct sight {
	struct passables passables;
	size_t place; /* of the device, in its functions */
	const struct pci_function *function;
	const struct passable *passable;
	struct pci_detail detail;
	struct pci_detail *bridges; /* as detail.bridges; `function` is NULL for one that the kernel does not list */
	struct group group;         /* number NULL: it has none */
};

/* All that stands in the way: of its group, then of the members that count. */
struct passable_reasons sight_reasons(struct arena *arena, const struct sight *sight);

/* What is to be done next: commands, and what must be done before. */
struct list sight_next(struct arena *arena, const struct sight *sight);

/* What this host loses with the device and all that must go along: sentences. */
struct list sight_costs(struct arena *arena, const struct sight *sight);

/* What could not be read of it: sentences. */
struct list sight_problems(struct arena *arena, const struct sight *sight);

void sight_print(struct arena *arena, const struct sight *sight);
void sight_print_json(struct arena *arena, const struct sight *sight);
