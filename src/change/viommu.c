/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM of Proxmox VE gets its vIOMMU: by the manager's own setting where there is one and it does, else by the wrapper.
 */
#include "change/viommu.h"

#include "host/iommu.h"
#include "vm/manager.h"
#include "vm/property-string.h"
#include "vm/wrapper.h"

static const struct release aw_bits_since = { { 9, 0, 21 } };

const char *viommu_purpose(struct arena *arena, const struct vm *vm)
{
	/* A name can change, and two connections can know one so called. */
	if (vm->manager == VM_LIBVIRT && vm->uri && vm->uuid)
		return arena_printf(arena, "viommu %s %s", vm->uri, vm->uuid);
	return arena_printf(arena, "viommu %s", vm->id);
}

/* ---- What the host decides ---- */

/* In scalable mode the kernel's first-stage tables have a bit less, and no register tells of that mode. */
static bool has_first_stage(const struct iommus *iommus)
{
	for (size_t i = 0; i < iommus->count; i++)
		if (iommus->units[i].first_stage)
			return true;
	return false;
}

int viommu_wanted_width(struct plan *plan, const struct viommu_wish *wish, unsigned int *ret, struct error *error)
{
	const struct iommus *iommus = &wish->set->host->iommus;
	unsigned int host = iommu_least_width(iommus);
	unsigned int asked = wish->options.aw_bits;
	if (host && host < 39)
		return error_set(error, -ENOTSUP, "this host's IOMMU translates %u bits, and a vIOMMU has at least 39",
				 host);
	if (asked > 39 && host && host < asked)
		return error_set(
			error, -ENOTSUP,
			"aw-bits=%u is wider than this host's IOMMU, which translates %u: QEMU would refuse, or "
			"fail later; leave it out, or give 39",
			asked, host);
	bool large = wish->vm->memory_mib > UINT64_C(512) * 1024;
	*ret = asked ? asked : host && (host < 48 || (host == 48 && has_first_stage(iommus) && !large)) ? 39 : 0;
	if (!host && !asked)
		list_printf(
			&plan->notes,
			"how many bits this host's IOMMU translates is not known; should QEMU say \"aw-bits 48 > host "
			"aw-bits 39\", run this again with --aw-bits 39");
	return 0;
}

/*
 * Without aw-bits. 39 before QEMU 9.2, whatever the machine; 48 or 39 in 9.2, by version and machine type; since 10.0
 * 48, but for machine types up to 9.1.
 */
static bool default_is(const struct viommu_making *making, unsigned int width)
{
	const struct version *qemu = &making->wish->set->host->versions.qemu;
	if (width == 39)
		return fact_known(&qemu->fact) && !version_at_least(qemu, 9, 2, 0);
	return version_at_least(qemu, 10, 0, 0) && !making->wish->vm->machine_version;
}

/* "0000:01:00.0 and 0000:01:00.1 (group 14)": two that the VM gets, and that share a group; or NULL. */
static const char *find_shared_group(const struct viommu_making *making)
{
	struct arena *arena = making->plan->arena;
	const struct vm *vm = making->wish->vm;
	struct pci_address addresses[256];
	const char *groups[ARRAY_SIZE(addresses)];
	size_t count = 0;
	for (size_t i = 0; i < vm->device_count; i++) {
		const struct vm_device *device = &vm->devices[i];
		/* Of alternatives it gets one. */
		size_t hosts = device->any_of && device->host_count ? 1 : device->host_count;
		for (size_t j = 0; j < hosts && !device->mdev && count < ARRAY_SIZE(addresses); j++) {
			const char *group;
			char one[PCI_ADDRESS_TEXT_MAX];
			char other[PCI_ADDRESS_TEXT_MAX];
			if (iommu_group_of(making->plan->root, arena, device->hosts[j], &group, NULL) < 0)
				continue;
			for (size_t k = 0; k < count; k++)
				if (strcmp(groups[k], group) == 0 && !pci_address_equal(addresses[k], device->hosts[j]))
					return arena_printf(arena, "%s and %s (group %s)",
							    pci_address_format(addresses[k], one),
							    pci_address_format(device->hosts[j], other), group);
			addresses[count] = device->hosts[j];
			groups[count++] = group;
		}
	}
	return NULL;
}

/* Why Proxmox VE's own setting does not do, or NULL. */
static const char *why_not_native(const struct viommu_making *making, unsigned int width)
{
	struct arena *arena = making->plan->arena;
	const struct viommu_options *options = &making->wish->options;
	const char *shared = find_shared_group(making);
	const char *version = making->wish->set->host->versions.qemu_server.fact.text;
	if (!release_has(making->release, viommu_native_since))
		return arena_printf(arena, "qemu-server %s has no viommu=: 8.1.2 (Proxmox VE 8.2) is the first",
				    version);
	if (shared)
		return arena_printf(arena,
				    "%s are of one IOMMU group of this host: behind viommu=intel each would have an "
				    "address space of its own, and QEMU would stop (\"group used in multiple address "
				    "spaces\"); the wrapper puts them behind one bridge",
				    shared);
	if (options->eim != VIOMMU_UNSET || options->device_iotlb != VIOMMU_UNSET)
		return "Proxmox VE has no setting for eim and device-iotlb";
	if (width && !release_has(making->release, aw_bits_since) && !default_is(making, width))
		return arena_printf(
			arena,
			"the vIOMMU must have %u bits here, QEMU's default may be another, and qemu-server %s "
			"has no aw-bits=: 9.0.21 is the first",
			width, version);
	return NULL;
}

/* ---- The vIOMMU ---- */

/* Of the installed release its own key; an older one has the default that is wanted. */
static const char *native_machine(const struct viommu_making *making, const char *machine, unsigned int width)
{
	struct arena *arena = making->plan->arena;
	machine = property_edit(arena, machine, "type", "viommu", "intel");
	if (!width || !release_has(making->release, aw_bits_since))
		return machine;
	return property_edit(arena, machine, "type", "aw-bits", arena_printf(arena, "%u", width));
}

static const struct wrapper_vm *find_in_wrapper(struct plan *plan, const char *id)
{
	struct wrapper_state *state = arena_alloc(plan->arena, sizeof(*state));
	wrapper_state_read(plan->root, plan->arena, state);
	return wrapper_find_vm(state, id);
}

static int make_native(struct viommu_making *making, const char *machine, unsigned int width, struct error *error)
{
	struct plan *plan = making->plan;
	int r = viommu_check_irqchip(making->wish->vm, error);
	if (r < 0)
		return r;
	r = plan_set(plan, &proxmox_manager, making->id, "machine", native_machine(making, machine, width), RESTART_VM,
		     "give it a vIOMMU by Proxmox VE's own setting", error);
	if (r < 0 || !find_in_wrapper(plan, making->id))
		return r;
	list_printf(&plan->notes, "Proxmox VE's own setting does now: the wrapper is told to leave VM %s alone",
		    making->id);
	return make_no_wrapper(plan, making->id, error);
}

/* A virtio-iommu would be a second one. */
static bool has_other_model(const struct vm *vm)
{
	for (size_t i = 0; i < vm->viommu_count; i++)
		if (vm->viommus[i].model != VM_VIOMMU_INTEL)
			return true;
	return false;
}

static int make_by_wrapper(struct viommu_making *making, const char *machine, unsigned int width, const char *why,
			   struct error *error)
{
	struct plan *plan = making->plan;
	const struct wrapper_vm *known = find_in_wrapper(plan, making->id);
	struct wrapper_wish wish = { .vm = making->id, .options = making->wish->options, .once = making->wish->once };
	wish.options.aw_bits = width;
	if (known) {
		/* What somebody asked for there is kept. */
		if (!wish.options.aw_bits)
			wish.options.aw_bits = known->options.aw_bits;
		if (wish.options.eim == VIOMMU_UNSET)
			wish.options.eim = known->options.eim;
		if (wish.options.device_iotlb == VIOMMU_UNSET)
			wish.options.device_iotlb = known->options.device_iotlb;
		wish.groups = known->groups.items;
		wish.group_count = known->groups.count;
	}
	list_printf(&plan->notes, "by the wrapper in the place of QEMU, because %s", why);
	if (making->wish->vm->ha)
		list_printf(&plan->notes,
			    "HA may start VM %s on another node: there it has no vIOMMU, unless this is run there, too",
			    making->id);
	if (has_other_model(making->wish->vm))
		machine = property_edit(plan->arena, machine, "type", "viommu", NULL);
	int r = plan_set(plan, &proxmox_manager, making->id, "machine", machine, RESTART_VM,
			 "an intel-iommu needs q35, and no other vIOMMU beside it", error);
	if (r == 0 && plan->root->snapshot) {
		list_printf(&plan->notes, "a snapshot does not show what the wrapper needs: left out here");
		return 0;
	}
	return r < 0 ? r : make_wrapper(plan, &wish, error);
}

static int make_proxmox(struct viommu_making *making, enum viommu_way *ret, struct error *error)
{
	const char *machine;
	unsigned int width;
	int r = viommu_wanted_width(making->plan, making->wish, &width, error);
	if (r == 0)
		r = viommu_make_hardware(making, &machine, error);
	if (r < 0)
		return r;
	const char *why = why_not_native(making, width);
	*ret = why ? VIOMMU_BY_WRAPPER : VIOMMU_NATIVE;
	return why ? make_by_wrapper(making, machine, width, why, error) : make_native(making, machine, width, error);
}

int make_viommu(struct plan *plan, const struct viommu_wish *wish, enum viommu_way *ret, struct error *error)
{
	const struct vm *vm = wish->vm;
	const char *storage;
	struct viommu_making making = { .plan = plan, .wish = wish, .id = vm->id };
	plan->purpose = viommu_purpose(plan->arena, vm);
	if (vm->manager == VM_LIBVIRT) {
		plan->once = wish->once;
		return make_viommu_libvirt(plan, wish, ret, error);
	}
	if (vm->configuration)
		making.release = vm->configuration->release;
	int r = viommu_check_vm(&making, error);
	if (r < 0)
		return r;
	making.installed = viommu_first_disk(plan->arena, vm, &storage) != NULL;
	r = make_proxmox(&making, ret, error);
	/* The wrapper's own mark of a single start is used up by that start. */
	plan->once = wish->once && *ret == VIOMMU_NATIVE;
	return r;
}

/* ---- And away ---- */

int make_no_viommu(struct plan *plan, const struct vm *vm, struct error *error)
{
	const char *machine;
	static const char why[] = "take the vIOMMU away";
	if (vm->manager == VM_LIBVIRT)
		return make_no_viommu_libvirt(plan, vm, error);
	if (vm->manager != VM_PROXMOX)
		return error_set(error, -ENOTSUP, "VM %s is of no manager that nestpci changes", vm->id);
	int r = plan_get_setting(plan, &proxmox_manager, vm->id, "machine", &machine, error);
	if (r < 0)
		return r;
	const char *without = property_edit(plan->arena, machine, "type", "viommu", NULL);
	if (machine && strcmp(machine, without) != 0) {
		/* It means nothing without a vIOMMU, and is refused. */
		without = property_edit(plan->arena, without, "type", "aw-bits", NULL);
		r = plan_set(plan, &proxmox_manager, vm->id, "machine", *without ? without : NULL, RESTART_VM, why,
			     error);
	}
	if (r == 0 && find_in_wrapper(plan, vm->id))
		r = make_no_wrapper(plan, vm->id, error);
	for (size_t i = 0; i < vm->viommu_count; i++)
		if (!vm->viommus[i].native && !vm->viommus[i].by_wrapper)
			list_printf(&plan->notes, "args of VM %s hold a vIOMMU, which is left: %s", vm->id,
				    vm->viommus[i].where);
	return r;
}
