/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/vm-view.h"

#include <errno.h>
#include <stdlib.h>

#include "base/say.h"
#include "verb/verb.h"

#define NAMES_MAX 12

void vm_sources_read(const struct root *root, struct arena *arena, struct vm_sources *ret)
{
	*ret = (struct vm_sources){ .root = root, .arena = arena };
	vm_read_all(root, arena, &ret->vms);
	wrapper_state_read(root, arena, &ret->wrapper);
	for (size_t i = 0; i < ret->vms.problems.count; i++)
		say("vm: %s", ret->vms.problems.items[i]);
	if (ret->wrapper.vm_count && wrapper_why_idle(&ret->wrapper))
		say("vm: the QEMU wrapper acts on no VM: %s", wrapper_why_idle(&ret->wrapper));
}

/* The wrapper stands where Proxmox VE of this host looks for QEMU. */
static const struct wrapper_vm *find_wrapper(const struct vm *vm)
{
	bool passes = vm->manager == VM_PROXMOX && vm->source == VM_FROM_CONFIGURATION && !vm->elsewhere &&
		      !vm->template;
	return passes && !vm->wrapper_problem ? vm->wrapper : NULL;
}

struct vm_view vm_view_of(const struct vm_sources *sources, const struct vm *vm)
{
	return (struct vm_view){
		.vm = vm,
		.now = vm_without_pending(sources->root, sources->arena, vm),
		.running = vm_find_running(&sources->vms, vm),
		.wrapper = find_wrapper(vm),
	};
}

/* ---- All of them ---- */

static bool is_shown_already(const struct vms *vms, const struct vm *process)
{
	for (size_t i = 0; process->source == VM_FROM_PROCESS && i < vms->count; i++)
		if (vms->items[i].source == VM_FROM_CONFIGURATION && vm_find_running(vms, &vms->items[i]) == process)
			return true;
	return false;
}

/* Ids are numbers with Proxmox VE, and for plain QEMU pids; other texts come behind. */
static int compare_ids(const char *a, const char *b)
{
	uint64_t one;
	uint64_t other;
	bool first = text_to_number(a, 10, UINT64_MAX, &one) == 0;
	bool second = text_to_number(b, 10, UINT64_MAX, &other) == 0;
	if (first != second)
		return first ? -1 : 1;
	if (first && one != other)
		return one < other ? -1 : 1;
	return strcmp(a, b);
}

static int compare_views(const void *a, const void *b)
{
	const struct vm *one = ((const struct vm_view *)a)->vm;
	const struct vm *other = ((const struct vm_view *)b)->vm;
	if (one->elsewhere != other->elsewhere)
		return one->elsewhere ? 1 : -1;
	int r = one->elsewhere ? strcmp(one->node ? one->node : "", other->node ? other->node : "") : 0;
	if (r == 0 && one->manager != other->manager)
		r = one->manager == VM_PLAIN || other->manager == VM_PLAIN ? (one->manager == VM_PLAIN ? 1 : -1) : 0;
	return r ? r : compare_ids(one->id ? one->id : "", other->id ? other->id : "");
}

void vm_views_of(const struct vm_sources *sources, struct vm_view **ret, size_t *ret_count)
{
	size_t count = 0;
	const struct vms *vms = &sources->vms;
	struct vm_view *views = arena_alloc_array(sources->arena, vms->count + 1, sizeof(*views));
	for (size_t i = 0; i < vms->count; i++)
		if (!is_shown_already(vms, &vms->items[i]))
			views[count++] = vm_view_of(sources, &vms->items[i]);
	qsort(views, count, sizeof(*views), compare_views);
	*ret = views;
	*ret_count = count;
}

/* ---- In words ---- */

const char *vm_view_state(const struct vm_view *view)
{
	switch (view->vm->running) {
	case VM_YES:
		return "running";
	case VM_NO:
		return "stopped";
	case VM_UNKNOWN:
		break;
	}
	return "unknown";
}

enum vm_viommu_state vm_view_viommu(const struct vm_view *view)
{
	bool next = view->vm->viommu_count || view->wrapper;
	bool now = view->now->viommu_count || view->wrapper;
	if (!view->running)
		return next && !now ? VM_VIOMMU_PENDING :
		       next         ? VM_VIOMMU_THERE :
		       now          ? VM_VIOMMU_RUNNING_ONLY :
				      VM_VIOMMU_NONE;
	if (view->running->viommu_count)
		return next ? VM_VIOMMU_THERE : VM_VIOMMU_RUNNING_ONLY;
	/* With libvirt, whatever the running domain is without is pending. */
	bool pending = !now || view->vm->manager == VM_LIBVIRT;
	return !next ? VM_VIOMMU_NONE : pending ? VM_VIOMMU_PENDING : VM_VIOMMU_RUNNING_WITHOUT;
}

const char *vm_viommu_state_name(enum vm_viommu_state state)
{
	static const char *const names[] = {
		[VM_VIOMMU_NONE] = "none",
		[VM_VIOMMU_THERE] = "there",
		[VM_VIOMMU_PENDING] = "pending",
		[VM_VIOMMU_RUNNING_WITHOUT] = "running-without",
		[VM_VIOMMU_RUNNING_ONLY] = "running-only",
	};
	return names[state];
}

const char *vm_viommu_source(const struct vm *vm, const struct vm_viommu *viommu)
{
	if (vm->source != VM_FROM_CONFIGURATION)
		return "line";
	return viommu->by_wrapper ? "wrapper" : viommu->native ? "native" : "args";
}

const char *vm_chipset(const struct vm *vm)
{
	return !vm->machine_known ? NULL : vm->q35 ? "q35" : "i440fx";
}

const char *vm_firmware(const struct vm *vm)
{
	return vm->ovmf == VM_UNKNOWN ? NULL : vm->ovmf == VM_YES ? "ovmf" : "seabios";
}

/* Whether all hosts are functions of one slot, and more than one. */
static bool is_one_slot(const struct vm_device *device)
{
	for (size_t i = 1; i < device->host_count; i++)
		if (device->hosts[i].domain != device->hosts[0].domain ||
		    device->hosts[i].bus != device->hosts[0].bus || device->hosts[i].device != device->hosts[0].device)
			return false;
	return device->host_count > 1;
}

const char *vm_device_brief(struct arena *arena, const struct vm_device *device)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	struct buffer brief = { .arena = arena };
	if (device->mapping)
		return device->mapping;
	if (device->mdev)
		return arena_printf(arena, "mdev %s", device->mdev);
	if (device->host_count == 0)
		return "?";
	size_t shown = is_one_slot(device) ? 1 : device->host_count;
	for (size_t i = 0; i < shown; i++) {
		const char *address = pci_address_format(device->hosts[i], text);
		size_t domain = text_starts_with(address, "0000:") ? strlen("0000:") : 0;
		size_t tail = shown < device->host_count ? strlen(".0") : 0;
		buffer_printf(&brief, "%s%.*s", i ? ";" : "", (int)(strlen(address) - domain - tail), address + domain);
	}
	return brief.text;
}

/* ---- Finding one ---- */

static bool is_called(const struct vm *vm, const char *what)
{
	return text_equals(vm->name, what) && !text_equals(vm->id, what);
}

/* Other VMs of this host that have the same name as what was found by it. */
static int refuse_ambiguous(const struct vms *vms, struct arena *arena, const char *what, const struct vm *found,
			    struct error *error)
{
	struct list ids = { .arena = arena };
	const struct vm *process = vm_find_running(vms, found);
	for (size_t i = 0; i < vms->count; i++) {
		const struct vm *vm = &vms->items[i];
		if (vm == found || (vm != process && is_called(vm, what) && vm->elsewhere == found->elsewhere))
			list_add(&ids, vm->id);
	}
	if (!is_called(found, what) || ids.count < 2)
		return 0;
	return error_set(error, -ENOTUNIQ, "%zu VMs are called '%.64s' (%s, %s%s): say which one by its id", ids.count,
			 what, ids.items[0], ids.items[1], ids.count > 2 ? ", ..." : "");
}

/* Of all ids and names the nearest, or NULL. A number is near to any other, which says nothing. */
static const char *find_near(const struct vms *vms, const char *what)
{
	const char *nearest = NULL;
	size_t best = what[strspn(what, "0123456789")] ? 3 : 0;
	for (size_t i = 0; i < vms->count; i++) {
		const char *const words[] = { vms->items[i].id, vms->items[i].name };
		for (size_t j = 0; j < ARRAY_SIZE(words); j++) {
			size_t far = words[j] ? verb_distance(words[j], what) : best;
			if (far < best && far < strlen(what)) {
				best = far;
				nearest = words[j];
			}
		}
	}
	return nearest;
}

static int no_such_vm(const struct vms *vms, struct arena *arena, const char *what, struct error *error)
{
	struct list ids = { .arena = arena };
	struct buffer names = { .arena = arena };
	const char *near = find_near(vms, what);
	const char *hint = near ? arena_printf(arena, "; did you mean '%s'?", near) : "";
	for (size_t i = 0; i < vms->count; i++)
		if (vms->items[i].id && !list_contains(&ids, vms->items[i].id))
			list_add(&ids, vms->items[i].id);
	for (size_t i = 0; i < ids.count && i < NAMES_MAX; i++)
		buffer_printf(&names, "%s%s", i ? ", " : "", ids.items[i]);
	if (ids.count > NAMES_MAX)
		buffer_puts(&names, ", ...");
	if (names.length)
		return error_set(error, -ENOENT, "there is no VM '%.64s' here%s (there are: %s)", what, hint,
				 names.text);
	return error_set(error, -ENOENT, "there is no VM '%.64s' here, nor any other%s%s", what,
			 vms->problems.count ? ": " : "", vms->problems.count ? vms->problems.items[0] : "");
}

int vm_choose(const struct vms *vms, struct arena *arena, const char *what, const struct vm **ret, struct error *error)
{
	const struct vm *found = vm_find(vms, what);
	if (!found)
		return no_such_vm(vms, arena, what, error);
	int r = refuse_ambiguous(vms, arena, what, found, error);
	if (r == 0)
		*ret = found;
	return r;
}
