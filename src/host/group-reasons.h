/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why the members of a group share it. Internal to groups.c. */
#pragma once

#include "host/groups.h"

/* Fills in the reasons of a group of more than one member. */
void group_explain(const struct root *root, struct arena *arena, const struct pci_functions *functions,
		   struct group *group);
