/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/judge.h"

#include <stdlib.h>

#include "host/passable.h"
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

bool judge_device_may_go(const struct host_device *device, struct finding *finding, struct arena *arena)
{
	if (!judge_device_is_there(device, finding, arena))
		return false;
	if (!passable_never(device->function))
		return true;
	judge_na(finding, arena, "%s cannot be passed on: see %s", judge_address(arena, device->address),
		 device->function->is_bridge || pci_is_part_of_host(device->function) ? "device-is-no-bridge" :
											"device-vmd");
	return false;
}

bool judge_device_answers(const struct host_device *device, struct finding *finding, struct arena *arena)
{
	if (!judge_device_may_go(device, finding, arena))
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
	if (line->viommus[0].model == VM_VIOMMU_INTEL && !line->q35) {
		judge_na(finding, arena, "%s is no q35, without which there is no intel-iommu (vm-machine-q35)", name);
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

/* Sets a key of a property string; the first part has no key of its own. */
static const char *set_key(struct arena *arena, const char *present, const char *implied, const char *key,
			   const char *value)
{
	struct keyval list;
	keyval_parse(arena, present, implied, &list);
	bool replaces_first = strcmp(key, implied) == 0;
	const char *first = replaces_first ? value : keyval_get(&list, implied);
	struct buffer text = { .arena = arena };
	struct list parts = { .arena = arena };
	buffer_puts(&text, first ? first : "");
	for (size_t i = 0; i < list.count; i++) {
		const struct keyval_item *item = &list.items[i];
		if (strcmp(item->key, implied) != 0 && strcmp(item->key, key) != 0)
			list_printf(&parts, "%s=%s", item->key, item->value);
	}
	if (!replaces_first)
		list_printf(&parts, "%s=%s", key, value);
	/* As Proxmox VE writes it. */
	list_sort(&parts);
	for (size_t i = 0; i < parts.count; i++)
		buffer_printf(&text, "%s%s", text.length ? "," : "", parts.items[i]);
	return text.text;
}

const char *judge_proxmox_value(const struct subject_set *set, struct finding *finding, struct arena *arena,
				const struct vm *vm, struct judge_setting setting)
{
	const char *present = vm->configuration ? proxmox_get(deciding_section(vm, setting.name), setting.name) : NULL;
	const char *value = present ? present : setting.fallback;
	for (size_t i = 0; i < set->wish_count; i++) {
		const struct wish *wish = &set->wishes[i];
		if (strcmp(wish->setting, setting.name) == 0 && strcmp(wish->key, setting.key) != 0)
			value = set_key(arena, value, setting.implied, wish->key, wish->value);
	}
	if (finding)
		finding->wish = (struct wish){ setting.name, setting.key, setting.value };
	return set_key(arena, value, setting.implied, setting.key, setting.value);
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

/*
 * 39 through QEMU 9.2; 48 since 10.0, but for machine types up to 9.1 (pc_compat_9_1).
 */
unsigned int judge_default_width(const struct subject_set *set, const struct vm *line)
{
	switch (judge_since(&set->host->versions.qemu, 10, 0, 0)) {
	case SINCE_NO:
		return 39;
	case SINCE_UNKNOWN:
		return 0;
	default:
		break;
	}
	char *end = NULL;
	unsigned long major = line->machine_version ? strtoul(line->machine_version, &end, 10) : 0;
	if (!end || *end != '.')
		return 48;
	unsigned long minor = strtoul(end + 1, NULL, 10);
	return major < 9 || (major == 9 && minor < 2) ? 39 : 48;
}

/* `aw-bits` came with qemu-server 9.0.21. */
static bool needs_width(const struct subject_set *set, const struct vm *vm, struct arena *arena, const char *machine)
{
	struct keyval list;
	unsigned int host = iommu_least_width(&set->host->iommus);
	keyval_parse(arena, machine, "type", &list);
	return text_equals(keyval_get(&list, "viommu"), "intel") && !keyval_get(&list, "aw-bits") && host &&
	       host < judge_default_width(set, vm) &&
	       judge_since(&set->host->versions.qemu_server, 9, 0, 21) == SINCE_YES;
}

const char *judge_proxmox_machine(const struct subject_set *set, struct finding *finding, struct arena *arena,
				  const struct vm *vm, const char *key, const char *value)
{
	const char *fallback = vm->machine ? vm->machine : "q35";
	for (size_t i = 0; i < vm->viommu_count; i++)
		if (vm->viommus[i].native)
			fallback = arena_printf(arena, "%s,viommu=%s", fallback,
						vm->viommus[i].model == VM_VIOMMU_INTEL ? "intel" : "virtio");
	const char *whole = judge_proxmox_value(set, finding, arena, vm,
						(struct judge_setting){ "machine", "type", fallback, key, value });
	if (needs_width(set, vm, arena, whole))
		whole = set_key(arena, whole, "type", "aw-bits", "39");
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
const char *judge_proxmox_viommu(const struct subject_set *set, const struct vm *vm, struct finding *finding,
				 struct arena *arena)
{
	enum judge_since native = judge_since(&set->host->versions.qemu_server, 8, 1, 2);
	const char *machine = judge_proxmox_machine(set, native == SINCE_NO ? NULL : finding, arena, vm, "viommu",
						    "intel");
	const char *set_it = arena_printf(arena, "qm set %s --machine %s", judge_id(vm), machine);
	const char *by_hand = arena_printf(
		arena,
		"this qemu-server has no setting for it (that came with 8.1.2, PVE 8.2): 'nestpci viommu %s' "
		"gives it one by nestpci-wrapper(8); or upgrade",
		judge_id(vm));
	switch (native) {
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
			.proxmox = judge_proxmox_viommu(set, vm, finding, arena),
			.libvirt = arena_printf(arena, "virsh edit %s: %s", judge_libvirt_name(vm), JUDGE_INTEL_IN_XML),
			.plain = "add -device intel-iommu,intremap=on,caching-mode=on before all other -device, and "
				 "kernel-irqchip=split to -machine; 'nestpci rewrite' prints the whole line",
		});
	/* Of a file, somewhere, nobody can be told to change it here. */
	bool is_here = set->vms && vm >= set->vms->items && vm < set->vms->items + set->vms->count;
	if (is_here && vm->manager == VM_PROXMOX && vm->id)
		judge_mend(finding, arena, (struct mend){ .kind = MEND_VIOMMU });
}
