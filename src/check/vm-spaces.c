/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All devices of a VM together: none twice, and none of one host group in two address spaces. */
#include "check/judge.h"

#include <stdlib.h>

/* A function of the host that a VM is given. */
struct given {
	struct pci_address address;
	const struct vm_device *device;
	const char *group;
	const char *space; /* of those behind one bridge to conventional PCI: the same name */
};

#define SPACE_OF_ITS_OWN ""
#define SPACE_UNKNOWN "\x7f" /* sorted last */

/* Behind a bridge to conventional PCI all have the bridge's requester id (pci_device_iommu_address_space(), hw/pci/pci.c). */
static const char *space_of(const struct vm_device *device)
{
	if (!device->bus_known)
		return SPACE_UNKNOWN;
	if (!device->shares_bridge)
		return SPACE_OF_ITS_OWN;
	return device->address_space ? device->address_space : SPACE_UNKNOWN;
}

/* Mediated devices are in no group of the host's, and of alternatives nobody knows which one it will be. */
static bool counts(const struct vm_device *device)
{
	return !device->mdev && !device->any_of;
}

static size_t count_functions(const struct vm *vm)
{
	size_t count = 0;
	for (size_t i = 0; i < vm->device_count; i++)
		if (counts(&vm->devices[i]))
			count += vm->devices[i].host_count;
	return count;
}

static struct given *gather(const struct subject_set *set, const struct vm *vm, struct arena *arena, size_t count)
{
	struct given *all = arena_alloc_array(arena, count + 1, sizeof(*all));
	size_t n = 0;
	for (size_t i = 0; i < vm->device_count; i++) {
		const struct vm_device *device = &vm->devices[i];
		for (size_t j = 0; j < device->host_count && counts(device); j++) {
			const struct pci_function *function = host_find_function(set->host, device->hosts[j]);
			all[n++] = (struct given){ device->hosts[j], device, function ? function->group : NULL,
						   space_of(device) };
		}
	}
	return all;
}

static int by_address(const void *a, const void *b)
{
	return pci_address_compare(((const struct given *)a)->address, ((const struct given *)b)->address);
}

/* Without a group first. */
static int compare_groups(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int by_group(const void *a, const void *b)
{
	const struct given *x = a;
	const struct given *y = b;
	int order = compare_groups(x->group, y->group);
	if (order == 0)
		order = strcmp(x->space, y->space);
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

static bool is_unknown(const struct given *given)
{
	return strcmp(given->space, SPACE_UNKNOWN) == 0;
}

static bool share_space(const struct given *a, const struct given *b)
{
	return strcmp(a->space, SPACE_OF_ITS_OWN) != 0 && !is_unknown(a) && strcmp(a->space, b->space) == 0;
}

static const char *proxmox_words(const struct subject_set *set, const struct given *given, struct arena *arena)
{
	const struct vm_device *device = given->device;
	const char *address = judge_address(arena, given->address);
	if (!device->native)
		return "keep one of them in args";
	if (device->mapping)
		return arena_printf(arena, "let the mapping %s name one function only", device->mapping);
	return arena_printf(arena, "give one function only: qm set %s --%s %s", judge_id(set->vm), device->name,
			    judge_proxmox_value(set, NULL, arena, set->vm,
						(struct judge_setting){ device->name, "host", address, "host",
									address }));
}

static void space_remedy(const struct subject_set *set, const struct vm *vm, const struct given *given,
			 struct finding *finding, struct arena *arena)
{
	static const char behind[] =
		"put them behind one bridge: 'nestpci rewrite' does, at each start by nestpci-wrapper(8)";
	static const char parked[] = "leave the others bound to vfio-pci on this host";
	judge_wanted(finding, arena, "one function of group %s, or all of them behind one pcie-pci-bridge",
		     given->group);
	judge_vm_remedy(finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(arena, "%s, and %s; or %s", proxmox_words(set, given, arena),
							parked, behind),
				.libvirt = arena_printf(
					arena,
					"virsh edit %s: put them behind one <controller type='pci' index='N' "
					"model='pcie-to-pci-bridge'/>, by <address type='pci' bus='0xN' slot='0x01' "
					"function='0x0'/>, slot='0x02', ... in each <hostdev>; or give one of them "
					"only, and %s",
					judge_libvirt_name(vm), parked),
				.plain = arena_printf(arena, "%s; or give one of them only, and %s", behind, parked),
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
		if (is_unknown(a) || is_unknown(b)) {
			doubtful = b;
			continue;
		}
		judge_fail(finding, arena,
			   "%s and %s are both of group %s of this host, and under the vIOMMU each has an address "
			   "space of its own: QEMU refuses (\"group %s used in multiple address spaces\")",
			   judge_address(arena, a->address), judge_address(arena, b->address), a->group, a->group);
		space_remedy(set, line, a, finding, arena);
		return;
	}
	if (doubtful)
		judge_unknown(finding, arena,
			      "whether all devices of group %s share an address space is not known: on which bus one "
			      "of them sits is not",
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
