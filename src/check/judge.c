/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/judge.h"

#include "qemu/keyval.h"

/* ---- Names ---- */

const char *judge_address(struct arena *arena, struct pci_address address)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	return arena_strdup(arena, pci_address_format(address, text));
}

const char *judge_vm_name(struct arena *arena, const struct vm *vm)
{
	return arena_printf(arena, "VM %s", vm->id ? vm->id : vm->path ? vm->path : "?");
}

const char *judge_mib(struct arena *arena, uint64_t mib)
{
	if (mib >= 1024 && mib % 1024 == 0)
		return arena_printf(arena, "%llu GiB", (unsigned long long)(mib / 1024));
	if (mib >= UINT64_C(10240))
		return arena_printf(arena, "%llu GiB", (unsigned long long)(mib / 1024));
	return arena_printf(arena, "%llu MiB", (unsigned long long)mib);
}

/* ---- Devices ---- */

bool judge_is_vfio_driver(const char *driver)
{
	/* Variant drivers are called after their device: mlx5_vfio_pci, nvgrace-gpu-vfio-pci, xe-vfio-pci. */
	return driver && (strstr(driver, "vfio-pci") || strstr(driver, "vfio_pci"));
}

bool judge_attribute_known(const struct pci_function *function, const char *attribute)
{
	for (size_t i = 0; i < function->problems.count; i++)
		if (strstr(function->problems.items[i], attribute))
			return false;
	return true;
}

bool judge_device_is_there(const struct host_device *device, struct finding *finding, struct arena *arena)
{
	if (device->function)
		return true;
	judge_na(finding, arena, "no device is known at %s", judge_address(arena, device->address));
	return false;
}

bool judge_device_answers(const struct host_device *device, struct finding *finding, struct arena *arena)
{
	if (!judge_device_is_there(device, finding, arena))
		return false;
	if (!fact_known(&device->detail.config) || !device->detail.caps.dead)
		return true;
	judge_na(finding, arena, "%s does not answer", judge_address(arena, device->address));
	return false;
}

const struct vm_device *judge_vm_device(const struct vm *vm, struct pci_address address)
{
	for (size_t i = 0; vm && i < vm->device_count; i++)
		for (size_t j = 0; j < vm->devices[i].host_count; j++)
			if (pci_address_equal(vm->devices[i].hosts[j], address))
				return &vm->devices[i];
	return NULL;
}

enum judge_binder judge_binder(const struct subject_set *set, struct pci_address address)
{
	const struct vm_device *given = judge_vm_device(set->vm, address);
	if (!given)
		return BINDER_NO_VM;
	if (!given->native || given->keep_driver || set->vm->manager == VM_PLAIN)
		return BINDER_NOBODY;
	if (set->vm->manager == VM_PROXMOX)
		return BINDER_PROXMOX;
	const char *where = given->where ? given->where : "";
	if (strstr(where, "managed='yes'") || strstr(where, "managed=\"yes\""))
		return BINDER_LIBVIRT;
	if (strstr(where, "managed='no'") || strstr(where, "managed=\"no\""))
		return BINDER_NOBODY;
	return BINDER_UNKNOWN;
}

/* ---- VMs ---- */

bool judge_is_hypervisor(const struct subject_set *set, const struct vm *vm, struct finding *finding,
			 struct arena *arena)
{
	if (!judge_is_l2(set))
		return true;
	judge_na(finding, arena, "%s is an L2, and no hypervisor", judge_vm_name(arena, vm));
	return false;
}

bool judge_has_devices(const struct vm *vm, struct finding *finding, struct arena *arena)
{
	if (vm->device_count)
		return true;
	judge_na(finding, arena, "%s is given no device of this host", judge_vm_name(arena, vm));
	return false;
}

bool judge_is_proxmox(const struct vm *vm, struct finding *finding, struct arena *arena)
{
	if (vm->manager == VM_PROXMOX)
		return true;
	judge_na(finding, arena, "%s is not managed by Proxmox VE", judge_vm_name(arena, vm));
	return false;
}

const struct vm *judge_line(const struct subject_set *set, const struct vm *vm)
{
	if (vm->viommu_count == 0 && set->running && set->running->viommu_count)
		return set->running;
	return vm;
}

const struct vm_viommu *judge_viommu(const struct subject_set *set, const struct vm *vm, struct finding *finding,
				     struct arena *arena)
{
	const char *name = judge_vm_name(arena, vm);
	const struct vm *line = judge_line(set, vm);
	if (!judge_has_devices(vm, finding, arena))
		return NULL;
	if (judge_is_l2(set) && line->viommu_count == 0) {
		judge_na(finding, arena, "%s is an L2, which is no hypervisor and needs no vIOMMU", name);
		return NULL;
	}
	if (!line->machine_known) {
		judge_na(finding, arena, "the machine type of %s is not judged: %s", name,
			 line->machine ? line->machine : "not known");
		return NULL;
	}
	if (line->viommu_count == 0) {
		judge_na(finding, arena, "%s has no vIOMMU", name);
		return NULL;
	}
	if (line->viommu_count > 1) {
		judge_na(finding, arena, "%s has more than one vIOMMU", name);
		return NULL;
	}
	return &line->viommus[0];
}

const struct vm_viommu *judge_intel(const struct subject_set *set, const struct vm *vm, struct finding *finding,
				    struct arena *arena)
{
	const struct vm_viommu *viommu = judge_viommu(set, vm, finding, arena);
	if (viommu && viommu->model != VM_VIOMMU_INTEL) {
		judge_na(finding, arena, "the vIOMMU of %s is %s, which has no such setting", judge_vm_name(arena, vm),
			 vm_viommu_name(viommu->model));
		return NULL;
	}
	return viommu;
}

bool judge_is_pending(const struct vm *vm, const char *key, const char *part)
{
	for (size_t i = 0; i < vm->pending_count; i++)
		if (text_equals(vm->pending[i].key, key) && vm->pending[i].wanted &&
		    strstr(vm->pending[i].wanted, part))
			return true;
	return false;
}

/* ---- Versions ---- */

enum judge_since judge_since(const struct version *version, unsigned int a, unsigned int b, unsigned int c)
{
	if (!fact_known(&version->fact))
		return SINCE_UNKNOWN;
	return version_at_least(version, a, b, c) ? SINCE_YES : SINCE_NO;
}

/* ---- Remedies ---- */

/* `machine` as it stands: a native vIOMMU names the whole value. */
static const char *machine_value(const struct vm *vm)
{
	static const char prefix[] = "machine: ";
	for (size_t i = 0; i < vm->viommu_count; i++)
		if (vm->viommus[i].native && text_starts_with(vm->viommus[i].where, prefix))
			return vm->viommus[i].where + strlen(prefix);
	return vm->machine ? vm->machine : "q35";
}

/* Proxmox VE's name of a q35 type: "q35+pve0" is how it writes "q35" on the line, "pc-q35-8.1+pve0" is both. */
static const char *q35_type(struct arena *arena, const char *type)
{
	if (!type || !strstr(type, "q35"))
		return "q35";
	if (text_starts_with(type, "q35"))
		return arena_strndup(arena, type, strcspn(type, "+"));
	return type;
}

const char *judge_proxmox_machine(struct arena *arena, const struct vm *vm, const char *key, const char *value)
{
	struct keyval list;
	keyval_parse(arena, machine_value(vm), "type", &list);
	struct buffer text = { .arena = arena };
	buffer_puts(&text, q35_type(arena, keyval_get(&list, "type")));
	for (size_t i = 0; i < list.count; i++) {
		const struct keyval_item *item = &list.items[i];
		if (strcmp(item->key, "type") != 0 && strcmp(item->key, key) != 0)
			buffer_printf(&text, ",%s=%s", item->key, item->value);
	}
	if (value)
		buffer_printf(&text, ",%s=%s", key, value);
	return text.text;
}

void judge_vm_remedy(struct finding *finding, struct arena *arena, const struct vm *vm, enum restart restart,
		     struct judge_words words)
{
	const char *text = vm->manager == VM_PROXMOX ? words.proxmox :
			   vm->manager == VM_LIBVIRT ? words.libvirt :
						       words.plain;
	judge_remedy(finding, ACTOR_ADMINISTRATOR, restart, arena, "%s", text);
}
