/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/judge.h"

#include "qemu/keyval.h"
#include "vm/proxmox.h"

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

const char *judge_id(const struct vm *vm)
{
	return vm->id && *vm->id && vm->id[strspn(vm->id, "0123456789")] == '\0' ? vm->id : "ID";
}

const char *judge_count(struct arena *arena, size_t count, const char *what)
{
	return arena_printf(arena, "%zu %s%s", count, what, count == 1 ? "" : "s");
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
	return given->managed == VM_YES ? BINDER_LIBVIRT : given->managed == VM_NO ? BINDER_NOBODY : BINDER_UNKNOWN;
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

/* The section that decides on a setting: what waits in [PENDING] is what the next start uses. */
static const struct proxmox_section *deciding_section(const struct vm *vm, const char *setting)
{
	const struct proxmox_section *pending = proxmox_find_section(vm->configuration, PROXMOX_PENDING, "");
	if (pending && (proxmox_get(pending, setting) || proxmox_deletes(pending, setting)))
		return pending;
	return &vm->configuration->sections[0];
}

bool judge_is_not_taken(const struct vm *vm, const char *setting, const char **ret_problem)
{
	if (!vm->configuration)
		return false;
	const struct proxmox_section *section = deciding_section(vm, setting);
	const char *value = proxmox_get(section, setting);
	const char *problem = NULL;
	/* Before 8.1.2 all of it goes to QEMU as the machine's name, which then does not start. */
	static const struct release properties = { { 8, 1, 2 } };
	if (value && strcmp(setting, "machine") == 0 && strchr(value, ',') &&
	    !release_has(vm->configuration->release, properties))
		problem = "properties such as viommu= are known since 8.1.2, and before QEMU refuses to start";
	for (size_t i = 0; i < section->count && !value; i++)
		if (strcmp(section->entries[i].key, setting) == 0 && section->entries[i].problem)
			problem = section->entries[i].problem;
	if (ret_problem)
		*ret_problem = problem;
	return problem != NULL;
}

size_t judge_count_foreign(const struct vm *vm, const struct vm_device **ret_first)
{
	size_t count = 0;
	for (size_t i = 0; i < vm->device_count; i++)
		if (!vm->devices[i].native && count++ == 0)
			*ret_first = &vm->devices[i];
	return count;
}

/* ---- Versions ---- */

enum judge_since judge_since(const struct version *version, unsigned int a, unsigned int b, unsigned int c)
{
	if (!fact_known(&version->fact))
		return SINCE_UNKNOWN;
	return version_at_least(version, a, b, c) ? SINCE_YES : SINCE_NO;
}

/* ---- Remedies ---- */

const char *judge_proxmox_value(struct arena *arena, const struct vm *vm, const char *setting, const char *implied,
				const char *fallback, const char *key, const char *value)
{
	const char *present = vm->configuration ? proxmox_get(deciding_section(vm, setting), setting) : NULL;
	struct keyval list;
	keyval_parse(arena, present ? present : fallback, implied, &list);
	bool replaces_first = strcmp(key, implied) == 0;
	const char *first = replaces_first ? value : keyval_get(&list, implied);
	struct buffer text = { .arena = arena };
	buffer_puts(&text, first ? first : "");
	for (size_t i = 0; i < list.count; i++) {
		const struct keyval_item *item = &list.items[i];
		if (strcmp(item->key, implied) != 0 && strcmp(item->key, key) != 0)
			buffer_printf(&text, "%s%s=%s", text.length ? "," : "", item->key, item->value);
	}
	if (!replaces_first)
		buffer_printf(&text, "%s%s=%s", text.length ? "," : "", key, value);
	return text.text;
}

/* Proxmox VE's name of a q35 type: "q35+pve0" is how it writes "q35" on the line, "pc-q35-8.1+pve0" is both. */
static const char *q35_type(struct arena *arena, const char *type)
{
	if (!strstr(type, "q35"))
		return "q35";
	if (text_starts_with(type, "q35"))
		return arena_strndup(arena, type, strcspn(type, "+,"));
	return arena_strndup(arena, type, strcspn(type, ","));
}

const char *judge_proxmox_machine(struct arena *arena, const struct vm *vm, const char *key, const char *value)
{
	const char *fallback = vm->machine ? vm->machine : "q35";
	for (size_t i = 0; i < vm->viommu_count; i++)
		if (vm->viommus[i].native)
			fallback = arena_printf(arena, "%s,viommu=%s", fallback,
						vm->viommus[i].model == VM_VIOMMU_INTEL ? "intel" : "virtio");
	const char *whole = judge_proxmox_value(arena, vm, "machine", "type", fallback, key, value);
	size_t first = strcspn(whole, ",");
	/* "viommu=intel" alone names no type. */
	const char *type = memchr(whole, '=', first) ? "" : whole;
	const char *rest = *type ? whole + first : arena_printf(arena, ",%s", whole);
	return arena_printf(arena, "%s%s", q35_type(arena, type), rest);
}

const char *judge_libvirt_name(const struct vm *vm)
{
	return vm->name ? vm->name : vm->id;
}

void judge_vm_remedy(struct finding *finding, struct arena *arena, const struct vm *vm, enum restart restart,
		     struct judge_words words)
{
	const char *text = vm->manager == VM_PROXMOX ? words.proxmox :
			   vm->manager == VM_LIBVIRT ? words.libvirt :
						       words.plain;
	judge_remedy(finding, ACTOR_ADMINISTRATOR, restart, arena, "%s", text);
}

/* qemu-server has `viommu` since 8.1.2 (PVE 8.2); before, something must change the line on its way to QEMU. */
const char *judge_proxmox_viommu(const struct subject_set *set, const struct vm *vm, struct arena *arena)
{
	const char *machine = judge_proxmox_machine(arena, vm, "viommu", "intel");
	const char *set_it = arena_printf(arena, "qm set %s --machine %s", judge_id(vm), machine);
	const char *by_hand =
		arena_printf(arena,
			     "this qemu-server has no setting for it (that came with 8.1.2, PVE 8.2): upgrade, or "
			     "put nestpci-wrapper in the place of QEMU (nestpci-wrapper(8)) with the line 'vm %s'",
			     judge_id(vm));
	switch (judge_since(&set->host->versions.qemu_server, 8, 1, 2)) {
	case SINCE_YES:
		return set_it;
	case SINCE_NO:
		return by_hand;
	default:
		return arena_printf(arena, "%s (qemu-server 8.1.2 or later, PVE 8.2; before, nestpci-wrapper(8))",
				    set_it);
	}
}

void judge_remedy_viommu(const struct subject_set *set, const struct vm *vm, struct finding *finding,
			 struct arena *arena)
{
	judge_wanted(finding, arena, "one intel-iommu, before every device that it shall translate");
	judge_vm_remedy(
		finding, arena, vm, RESTART_VM,
		(struct judge_words){
			.proxmox = judge_proxmox_viommu(set, vm, arena),
			.libvirt = arena_printf(arena, "virsh edit %s: %s", judge_libvirt_name(vm), JUDGE_INTEL_IN_XML),
			.plain = "add -device intel-iommu,intremap=on,caching-mode=on before all other -device, and "
				 "kernel-irqchip=split to -machine; 'nestpci rewrite' prints the whole line",
		});
	/* Of a file, somewhere, nobody can be told to change it here. */
	bool is_here = set->vms && vm >= set->vms->items && vm < set->vms->items + set->vms->count;
	if (is_here && vm->manager == VM_PROXMOX && vm->id)
		judge_mend(finding, arena, (struct mend){ .kind = MEND_VIOMMU });
}
