/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All devices of a VM together: none twice, and none of one host group in two address spaces. */
#include "check/judge.h"

#include <stdlib.h>

/* A function of the host that a VM is given. */
struct given {
	struct pci_address address;
	const struct vm_device *device;
	const char *group;
	const char *space; /* functions with the same name of a space share one; NULL: it has one of its own */
};

/*
 * Behind a bridge to conventional PCI all have the bridge's requester id (pci_device_iommu_address_space(), hw/pci/pci.c).
 * Proxmox VE's buses pci.0 to pci.3 are all behind one i82801b11-bridge.
 */
static const char *space_of(const struct vm *vm, const struct vm_device *device)
{
	if (!device->shares_bridge)
		return NULL;
	const char *bus = device->bus ? device->bus : "";
	return vm->manager == VM_PROXMOX && text_starts_with(bus, "pci.") ? "pci.0" : bus;
}

static size_t count_functions(const struct vm *vm)
{
	size_t count = 0;
	for (size_t i = 0; i < vm->device_count; i++)
		if (!vm->devices[i].mdev)
			count += vm->devices[i].host_count;
	return count;
}

static struct given *gather(const struct subject_set *set, const struct vm *vm, struct arena *arena, size_t count)
{
	struct given *all = arena_alloc_array(arena, count + 1, sizeof(*all));
	size_t n = 0;
	for (size_t i = 0; i < vm->device_count; i++) {
		const struct vm_device *device = &vm->devices[i];
		for (size_t j = 0; j < device->host_count && !device->mdev; j++) {
			const struct pci_function *function = host_find_function(set->host, device->hosts[j]);
			all[n++] = (struct given){ device->hosts[j], device, function ? function->group : NULL,
						   space_of(vm, device) };
		}
	}
	return all;
}

static int by_address(const void *a, const void *b)
{
	return pci_address_compare(((const struct given *)a)->address, ((const struct given *)b)->address);
}

static int compare_texts(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int by_group(const void *a, const void *b)
{
	const struct given *x = a;
	const struct given *y = b;
	int order = compare_texts(x->group, y->group);
	if (order == 0)
		order = compare_texts(x->space, y->space);
	return order ? order : by_address(a, b);
}

/* ---- None twice ---- */

static void judge_twice(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	size_t count = count_functions(vm);
	if (count < 2) {
		judge_na(finding, arena, "%s is given %s", name,
			 count ? "one function only" : "no device of this host");
		return;
	}
	struct given *all = gather(set, vm, arena, count);
	qsort(all, count, sizeof(*all), by_address);
	for (size_t i = 1; i < count; i++) {
		if (!pci_address_equal(all[i].address, all[i - 1].address))
			continue;
		judge_fail(finding, arena, "%s is given %s twice, by %s and %s", name,
			   judge_address(arena, all[i].address), all[i - 1].device->name, all[i].device->name);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			     "take one away; an address without function stands for all functions of the slot");
		return;
	}
	judge_pass(finding, arena, "%s is given no device twice", name);
}

/* ---- One address space for each group ---- */

static bool share_space(const struct given *a, const struct given *b)
{
	return a->space && b->space && strcmp(a->space, b->space) == 0;
}

static void space_remedy(const struct vm *vm, const struct given *a, struct finding *finding, struct arena *arena)
{
	const char *behind = "put them behind one bridge: 'nestpci rewrite' does, at each start by nestpci-wrapper(8)";
	const char *alone = "; or give one of them only, and leave the others bound to vfio-pci on this host";
	judge_wanted(finding, arena, "one function of group %s, or all of them behind one pcie-pci-bridge", a->group);
	judge_vm_remedy(
		finding, arena, vm, RESTART_VM,
		(struct judge_words){
			.proxmox = arena_printf(
				arena,
				"give one function only, such as 'qm set %s --%s %s,pcie=1', and leave the others "
				"bound to vfio-pci; or %s",
				vm->id, a->device->name, judge_address(arena, a->address), behind),
			.libvirt =
				"put them behind one <controller type='pci' model='pcie-to-pci-bridge'/>; or give one of "
				"them only, and leave the others bound to vfio-pci",
			.plain = arena_printf(arena, "%s%s", behind, alone),
		});
}

static void judge_spaces(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_viommu *viommu = judge_viommu(set, vm, finding, arena);
	if (!viommu)
		return;
	const struct vm *line = judge_line(set, vm);
	const char *name = judge_vm_name(arena, vm);
	size_t count = count_functions(line);
	if (!viommu->first || line->bypass_iommu || count < 2) {
		judge_na(finding, arena,
			 count < 2 ? "%s is given one function only" : "the vIOMMU of %s does not translate them",
			 name);
		return;
	}
	struct given *all = gather(set, line, arena, count);
	qsort(all, count, sizeof(*all), by_group);
	const struct given *doubtful = NULL;
	for (size_t i = 1; i < count; i++) {
		const struct given *a = &all[i - 1];
		const struct given *b = &all[i];
		if (!a->group || !text_equals(a->group, b->group) || share_space(a, b) ||
		    pci_address_equal(a->address, b->address))
			continue;
		/* Two bridges of conventional PCI may well be one behind the other. */
		if (a->space && b->space) {
			doubtful = b;
			continue;
		}
		judge_fail(finding, arena,
			   "%s and %s are both of group %s of this host, and under the vIOMMU each has an address "
			   "space of its own: QEMU refuses (\"group %s used in multiple address spaces\")",
			   judge_address(arena, a->address), judge_address(arena, b->address), a->group, a->group);
		space_remedy(line, a, finding, arena);
		return;
	}
	if (doubtful)
		judge_unknown(finding, arena,
			      "whether all devices of group %s share an address space is not known: they are behind "
			      "different bridges",
			      doubtful->group);
	else if (!all[0].group)
		judge_unknown(finding, arena, "the IOMMU group of %s is not known",
			      judge_address(arena, all[0].address));
	else
		judge_pass(finding, arena, "no group of this host is spread over several address spaces of %s", name);
}

static const struct check checks[] = {
	{
		.id = "vm-device-twice",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "no device is given twice",
		.looks_at = "all devices of the definition, args among them",
		.why = "QEMU cannot open a device a second time; Proxmox VE says 'assigned more than once' if it sees it.",
		.mend = "Take one away.",
		.see = "qm(1), hostpci",
		.rows = "F191",
		.judge = judge_twice,
	},
	{
		.id = "vm-group-address-spaces",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "each group of the host is in one address space of the VM",
		.looks_at = "the groups of the devices on this host, and the buses they have in the VM",
		.why = "Under a vIOMMU every function has an address space of its own, but VFIO can put a group into one only. "
		       "That hits every graphics card with its sound function. Behind one bridge to conventional PCI they "
		       "share one. No manager does that by itself.",
		.mend = "One function only; or one pcie-pci-bridge for all of the group ('nestpci rewrite').",
		.see = "QEMU, hw/vfio/container-legacy.c, vfio_get_group(); nestpci-rewrite(1)",
		.rows = "F054 F055",
		.judge = judge_spaces,
	},
	{ 0 },
};

const struct check_family check_family_vm_spaces = { "vm-spaces", "The VM's devices together", checks };
