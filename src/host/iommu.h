/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups and units, as the kernel shows them (Documentation/ABI/testing/sysfs-kernel-iommu_groups). */
#pragma once

#include <stdbool.h>

#include "base/pci-address.h"
#include "base/root.h"

/*
 * The number (digits) of the IOMMU group that a device is in. -ENOENT: the device has none. -ENODEV: there is no such
 * device.
 */
int iommu_group_of(const struct root *root, struct arena *arena, struct pci_address address, const char **ret,
		   struct error *error) MUST_CHECK;

struct iommu_group {
	const char *number;
	struct pci_address *members; /* PCI functions, sorted by address */
	size_t count;
	struct list others; /* names of members that are no PCI functions */
};

int iommu_read_group(const struct root *root, struct arena *arena, const char *number, struct iommu_group *ret,
		     struct error *error) MUST_CHECK;

/* Whether an IOMMU driver is active at all: /sys/class/iommu has entries. A negative errno when that is not to be known. */
int iommu_is_active(const struct root *root, struct arena *arena, struct error *error) MUST_CHECK;

/*
 * Width in bits of the addresses that every Intel IOMMU of the host translates: the least of all units. -ENOENT where
 * that is not to be known this way (no IOMMU, or not Intel's).
 */
int iommu_address_width(const struct root *root, struct arena *arena, unsigned int *ret, struct error *error)
	MUST_CHECK;
