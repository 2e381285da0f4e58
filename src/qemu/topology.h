/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where devices sit: root bus, PCI Express port or conventional bridge, and which address space they land in under a
 * vIOMMU. Follows QEMU's pci_device_iommu_address_space (hw/pci/pci.c).
 */
#pragma once

#include "qemu/vm.h"

enum qemu_place {
	QEMU_PLACE_UNKNOWN,      /* on a bus, or behind a bridge, that nobody knows */
	QEMU_PLACE_ROOT,         /* on pcie.0, or on another root bus (pxb-pcie) */
	QEMU_PLACE_PORT,         /* on a PCI Express port */
	QEMU_PLACE_CONVENTIONAL, /* behind a conventional bridge, or on a conventional root bus (i440fx) */
};

/* `q35`, here and below: the root bus is pcie.0; else it is pci.0. */
enum qemu_place qemu_place_of(const struct qemu_vm *vm, const struct qemu_device *device, bool q35);

/* On pcie.0: by name, or because no bus is named. */
bool qemu_is_on_root_bus(const struct qemu_device *device);

/* Whether a driver makes a PCI Express bus behind it; whether a conventional one, pcie-pci-bridge apart. */
bool qemu_makes_express_bus(const char *driver);
bool qemu_makes_conventional_bus(const char *driver);

/*
 * A name for the address space that a device lands in, the same for all that share one; NULL where the bus is not known.
 * Behind a PCIe-to-PCI bridge the secondary bus is one space, behind any other conventional bridge the bridge's own.
 */
const char *qemu_address_space(struct arena *arena, const struct qemu_vm *vm, const struct qemu_device *device,
			       bool q35);
