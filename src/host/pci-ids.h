/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of PCI ids, from the pci.ids of the PCI ID Project (https://pci-ids.ucw.cz) where it is installed. */
#pragma once

#include "host/pci.h"

/*
 * Fills in the names of classes, vendors and devices that are known. -ENOENT when no pci.ids is installed; the
 * functions are as before then. A recorder keeps, of the file, only the lines that belong to these functions: so a
 * snapshot has its names with it, and no more.
 */
int pci_ids_fill(const struct root *root, struct arena *arena, struct pci_functions *functions, struct error *error)
	MUST_CHECK;
