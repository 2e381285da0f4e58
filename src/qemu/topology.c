/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/topology.h"

#include <string.h>

bool qemu_is_on_root_bus(const struct qemu_device *device)
{
	const char *bus = keyval_get(&device->properties, "bus");
	return !bus || strcmp(bus, "pcie.0") == 0;
}

bool qemu_makes_express_bus(const char *driver)
{
	static const char *const express[] = {
		"pcie-root-port", "ioh3420", "x3130-upstream", "xio3130-downstream", "pxb-pcie", "cxl-rp",
	};
	for (size_t i = 0; i < ARRAY_SIZE(express); i++)
		if (strcmp(driver, express[i]) == 0)
			return true;
	return false;
}

bool qemu_makes_conventional_bus(const char *driver)
{
	static const char *const conventional[] = {
		"pci-bridge", "pci-bridge-seat", "i82801b11-bridge", "dec-21154-p2p-bridge", "simba-pci-bridge",
	};
	for (size_t i = 0; i < ARRAY_SIZE(conventional); i++)
		if (strcmp(driver, conventional[i]) == 0)
			return true;
	return false;
}

/* i440fx's own bus is called as Proxmox VE calls a bridge on q35. */
static bool is_on_root(const struct qemu_device *device, bool q35)
{
	const char *bus = keyval_get(&device->properties, "bus");
	return q35 ? qemu_is_on_root_bus(device) : !bus || strcmp(bus, "pci.0") == 0;
}

/* A function has a space of its own: named by bus and address, or by itself where QEMU chooses the address. */
static const char *own_space(struct arena *arena, const struct qemu_vm *vm, const struct qemu_device *device)
{
	const char *bus = keyval_get(&device->properties, "bus");
	unsigned int slot;
	unsigned int function;
	if (qemu_parse_slot(keyval_get(&device->properties, "addr"), &slot, &function))
		return arena_printf(arena, "%s/%x.%x", bus ? bus : "pcie.0", slot, function);
	return arena_printf(arena, "%s/device %zu", bus ? bus : "pcie.0", (size_t)(device - vm->devices));
}

const char *qemu_address_space(struct arena *arena, const struct qemu_vm *vm, const struct qemu_device *device,
			       bool q35)
{
	for (int depth = 0; depth < QEMU_BRIDGE_DEPTH_MAX; depth++) {
		if (is_on_root(device, q35))
			return own_space(arena, vm, device);
		const struct qemu_device *bridge = qemu_parent_bridge(vm, device);
		if (!bridge)
			return NULL;
		if (qemu_makes_express_bus(bridge->driver))
			return own_space(arena, vm, device);
		if (strcmp(bridge->driver, "pcie-pci-bridge") == 0)
			return arena_printf(arena, "behind %s", bridge->id);
		if (!qemu_makes_conventional_bus(bridge->driver))
			return NULL;
		device = bridge;
	}
	return NULL;
}

enum qemu_place qemu_place_of(const struct qemu_vm *vm, const struct qemu_device *device, bool q35)
{
	if (is_on_root(device, q35))
		return q35 ? QEMU_PLACE_ROOT : QEMU_PLACE_CONVENTIONAL;
	const struct qemu_device *bridge = qemu_parent_bridge(vm, device);
	if (!bridge)
		return QEMU_PLACE_UNKNOWN;
	if (strcmp(bridge->driver, "pxb-pcie") == 0)
		return QEMU_PLACE_ROOT;
	if (qemu_makes_express_bus(bridge->driver))
		return QEMU_PLACE_PORT;
	bool conventional = qemu_makes_conventional_bus(bridge->driver) ||
			    strcmp(bridge->driver, "pcie-pci-bridge") == 0 || strcmp(bridge->driver, "pxb") == 0;
	return conventional ? QEMU_PLACE_CONVENTIONAL : QEMU_PLACE_UNKNOWN;
}
