/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/bind-keeper.h"

#include "vm/libvirt.h"
#include "vm/libvirt-helper.h"

static bool has_managed(const struct vm *vm, struct pci_address address)
{
	for (size_t i = 0; i < vm->device_count; i++)
		for (size_t j = 0; j < vm->devices[i].host_count && vm->devices[i].managed == VM_YES; j++)
			if (pci_address_equal(vm->devices[i].hosts[j], address))
				return true;
	return false;
}

static const struct vm *find_domain(const struct libvirt_keeper *keeper, struct pci_address address)
{
	for (size_t i = 0; i < keeper->vms.count; i++) {
		const struct vm *vm = &keeper->vms.items[i];
		if (vm->manager == VM_LIBVIRT && vm->uri && !vm->elsewhere && (vm->onboot || vm->running == VM_YES) &&
		    has_managed(vm, address))
			return vm;
	}
	return NULL;
}

const char *libvirt_keeper_domain(const struct libvirt_keeper *keeper, struct pci_address address)
{
	const struct vm *vm = keeper->root ? find_domain(keeper, address) : NULL;
	return vm ? vm->id : NULL;
}

static bool answers_for(const struct bind_keeper *keeper, struct pci_address address)
{
	return find_domain((const struct libvirt_keeper *)keeper, address);
}

static int move(const struct bind_keeper *keeper, struct pci_address address, bool to_vfio, unsigned int timeout_ms,
		struct error *error)
{
	AUTO_ARENA arena = { 0 };
	AUTO_JSON *result = NULL;
	char name[PCI_ADDRESS_TEXT_MAX];
	const struct vm *vm = find_domain((const struct libvirt_keeper *)keeper, address);
	AUTO_JSON *request = libvirt_request(to_vfio ? "node-detach" : "node-reattach", vm->uri);
	json_add_text(request, "address", pci_address_format(address, name));
	int r = libvirt_ask(&arena, request, timeout_ms, &result, error);
	return r < 0 ? error_prefix(error, r, "%s, by libvirt", name) : 0;
}

const struct bind_keeper *libvirt_keeper_open(const struct root *root, struct arena *arena,
					      struct libvirt_keeper *keeper)
{
	*keeper = (struct libvirt_keeper){ .keeper = { answers_for, move }, .root = root, .vms.problems.arena = arena };
	libvirt_read_all(root, arena, &keeper->vms);
	return keeper->vms.count ? &keeper->keeper : NULL;
}
