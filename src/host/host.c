/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/host.h"

#include <stdlib.h>

#include "host/guard.h"

#define DEVICES "/sys/bus/pci/devices"

static int read_functions(const struct root *root, struct arena *arena, struct host *host, struct error *error)
{
	struct error reason;
	host->pci_folder = fact_exists(root, arena, DEVICES);
	int r = pci_read_all(root, arena, &host->functions, &reason);
	if (r < 0) {
		host->pci_folder = fact_of(arena, DEVICES, NULL, r, &reason);
		return error_set(error, r, "%s", reason.text);
	}
	return 0;
}

int host_read(const struct root *root, struct arena *arena, struct host *ret, struct error *error)
{
	*ret = (struct host){ .live = root->kind != ROOT_OFFLINE, .root_user = root_sees_all(root, arena) };
	cpu_read(root, arena, &ret->cpu);
	kvm_read(root, arena, &ret->kvm);
	kernel_read(root, arena, &ret->kernel);
	modules_read(root, arena, &ret->modules);
	machine_read(root, arena, &ret->cpu, &ret->machine);
	versions_read(root, arena, &ret->versions);
	iommu_read(root, arena, &ret->iommus);
	int r = read_functions(root, arena, ret, error);
	ret->device_of = arena_alloc_array(arena, ret->functions.count + 1, sizeof(*ret->device_of));
	return r;
}

static int compare_function(const void *key, const void *item)
{
	return pci_address_compare(*(const struct pci_address *)key, ((const struct pci_function *)item)->address);
}

const struct pci_function *host_find_function(const struct host *host, struct pci_address address)
{
	if (!host->functions.count)
		return NULL;
	return bsearch(&address, host->functions.items, host->functions.count, sizeof(*host->functions.items),
		       compare_function);
}

const struct host_device *host_find_device(const struct host *host, struct pci_address address)
{
	const struct pci_function *function = host_find_function(host, address);
	if (function) {
		size_t place = host->device_of[function - host->functions.items];
		return place ? &host->devices[place - 1] : NULL;
	}
	/* Devices that are not there are few: they come from what people wrote. */
	for (size_t i = 0; i < host->device_count; i++)
		if (!host->devices[i].function && pci_address_equal(host->devices[i].address, address))
			return &host->devices[i];
	return NULL;
}

void host_add_device(struct arena *arena, struct host *host, struct pci_address address, const char *meant_by)
{
	if (host_find_device(host, address))
		return;
	if (host->device_count == host->device_room) {
		host->device_room = host->device_room ? host->device_room * 2 : 16;
		host->devices = arena_grow(arena, host->devices, host->device_count, host->device_room,
					   sizeof(*host->devices));
	}
	const struct pci_function *function = host_find_function(host, address);
	host->devices[host->device_count++] = (struct host_device){ .address = address,
								    .meant_by = meant_by,
								    .function = function };
	if (function)
		host->device_of[function - host->functions.items] = host->device_count;
}

/* vfio-pci, and the vendors' own: mlx5_vfio_pci, hisi_acc_vfio_pci, nvgrace-gpu-vfio-pci, ... */
static bool is_vfio_driver(const char *driver)
{
	return driver && strstr(driver, "vfio");
}

/* What a driver of the host has, nobody has got yet; bridges nobody wants. */
static bool may_be_meant(const struct pci_function *function)
{
	return !function->driver && !function->is_bridge && !pci_is_part_of_host(function);
}

/* By index in functions: what their driver_override is, of those that may be meant. */
static struct fact *read_overrides(const struct root *root, struct arena *arena, const struct host *host)
{
	size_t count = 0;
	struct fact *overrides = arena_alloc_array(arena, host->functions.count + 1, sizeof(*overrides));
	struct fact **wanted = arena_alloc_array(arena, host->functions.count + 1, sizeof(struct fact *));
	for (size_t i = 0; i < host->functions.count; i++) {
		if (!may_be_meant(&host->functions.items[i]))
			continue;
		overrides[i].path = pci_path(arena, host->functions.items[i].address, "driver_override");
		wanted[count++] = &overrides[i];
	}
	guard_read_facts(root, arena, wanted, count, GUARD_LOOK_MS);
	return overrides;
}

void host_add_meant_devices(const struct root *root, struct arena *arena, struct host *host)
{
	const struct fact *overrides = read_overrides(root, arena, host);
	for (size_t i = 0; i < host->functions.count; i++) {
		const struct pci_function *function = &host->functions.items[i];
		if (is_vfio_driver(function->driver))
			host_add_device(arena, host, function->address,
					arena_printf(arena, "bound to %s", function->driver));
		else if (fact_known(&overrides[i]) && is_vfio_driver(overrides[i].text))
			host_add_device(arena, host, function->address,
					arena_printf(arena, "driver_override is %s", overrides[i].text));
	}
}
