/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain of libvirt gets its vIOMMU, by an edit of its definition. */
#include <errno.h>

#include "change/viommu.h"
#include "host/iommu.h"
#include "vm/libvirt-edit.h"
#include "vm/libvirt-manager.h"
#include "vm/manager.h"

#define KEY "xml"

/* Whose definition can be changed at all. */
static int check_state(const struct vm *vm, struct error *error)
{
	if (!vm->uri || !vm->uuid)
		return error_set(
			error, -ENOTSUP,
			"%s is the definition of a domain that no libvirt was asked for: name the domain itself",
			vm->path);
	if (vm->elsewhere && vm->device_count)
		return error_set(
			error, -ENOTSUP,
			"domain %s is on another host (%s), and which of its devices share a group is to be seen "
			"only there: run nestpci on that host",
			vm->id, vm->uri);
	if (text_ends_with(vm->uri, "/session") && vm->device_count)
		return error_set(
			error, -ENOTSUP,
			"domain %s is of a session (%s), whose libvirt may not take devices from the host: define "
			"it for qemu:///system",
			vm->id, vm->uri);
	return 0;
}

/* Which host groups its devices are in. What cannot be looked up is not among them, and the editor says so. */
static void gather_members(struct plan *plan, const struct vm *vm, struct libvirt_wishes *wishes)
{
	size_t room = 0;
	for (size_t i = 0; i < vm->device_count; i++)
		room += vm->devices[i].host_count;
	struct viommu_group_member *members = arena_alloc_array(plan->arena, room + 1, sizeof(*members));
	wishes->members = members;
	for (size_t i = 0; i < vm->device_count; i++)
		for (size_t j = 0; j < vm->devices[i].host_count; j++) {
			struct viommu_group_member *member = &members[wishes->member_count];
			member->address = vm->devices[i].hosts[j];
			if (iommu_group_of(plan->root, plan->arena, member->address, &member->group, NULL) == 0)
				wishes->member_count++;
		}
}

/*
 * libvirt makes a QEMU line of the new definition, as it would at a start. Where it cannot make one of the old definition
 * either (huge pages are asked for that are not there now), that says nothing of the new one.
 */
static int try_edited(struct plan *plan, const struct vm *vm, const char *before, const char *after,
		      struct error *error)
{
	const char *handle = manager_handle(plan->arena, vm);
	int r = libvirt_try(plan->root, plan->arena, handle, after, error);
	if (r == 0 || libvirt_try(plan->root, plan->arena, handle, before, NULL) == 0)
		return r < 0 ? error_prefix(error, r, "domain %s", vm->id) : 0;
	list_printf(&plan->notes,
		    "whether it would start cannot be tried beforehand; it could not as it is defined now, either: %s",
		    error ? error->text : "");
	return 0;
}

/* Edits what stands there, has libvirt look at the result, and plans it. */
static int plan_edit(struct plan *plan, const struct vm *vm, struct libvirt_wishes *wishes, const char *why,
		     struct error *error)
{
	const char *handle = manager_handle(plan->arena, vm);
	struct libvirt_stakes stakes;
	struct libvirt_edited edited;
	const char *xml;
	int r = libvirt_read_stakes(plan->root, plan->arena, handle, &stakes, error);
	if (r == 0)
		r = plan_get_setting(plan, &libvirt_manager, handle, KEY, &xml, error);
	if (r < 0)
		return r;
	wishes->version = stakes.version;
	r = libvirt_edit(plan->arena, xml, wishes, &edited, error);
	if (r < 0)
		return error_prefix(error, r, "domain %s", vm->id);
	for (size_t i = 0; i < edited.warnings.count; i++)
		list_add(&plan->notes, edited.warnings.items[i]);
	if (!edited.changed)
		return 0;
	for (size_t i = 0; i < edited.done.count; i++)
		list_add(&plan->notes, edited.done.items[i]);
	if (stakes.snapshots)
		list_printf(&plan->notes,
			    "who goes back to one of its %llu snapshots gets the definition of its time as well",
			    (unsigned long long)stakes.snapshots);
	r = try_edited(plan, vm, xml, edited.xml, error);
	if (r < 0)
		return r;
	return plan_set(plan, &libvirt_manager, handle, KEY, edited.xml, RESTART_VM, why, error);
}

int make_viommu_libvirt(struct plan *plan, const struct viommu_wish *wish, enum viommu_way *ret, struct error *error)
{
	const struct vm *vm = wish->vm;
	struct libvirt_wishes wishes = {
		.viommu = true,
		.q35 = wish->convert,
		.host_cpu = vm->nested_cpu != VM_YES,
		.options = wish->options,
	};
	if (wish->efi_storage)
		return error_set(error, -ENOTSUP, "--efi-storage is for Proxmox VE: libvirt places such a file itself");
	int r = check_state(vm, error);
	/* Only devices of this host need it. */
	if (r == 0 && !vm->elsewhere && (vm->device_count || wishes.options.aw_bits))
		r = viommu_wanted_width(plan, wish, &wishes.options.aw_bits, error);
	if (r < 0)
		return r;
	gather_members(plan, vm, &wishes);
	*ret = VIOMMU_NATIVE;
	return plan_edit(plan, vm, &wishes, "give it a vIOMMU, and what it needs for that", error);
}

int make_no_viommu_libvirt(struct plan *plan, const struct vm *vm, struct error *error)
{
	struct libvirt_wishes wishes = { .no_viommu = true };
	if (!vm->uri || !vm->uuid)
		return check_state(vm, error);
	return plan_edit(plan, vm, &wishes, "take the vIOMMU away", error);
}
