/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM of Proxmox VE needs besides its vIOMMU: a CPU with virtualization, q35 and OVMF together, devices on ports of
 * PCI Express.
 *
 * Changing the machine type or the firmware under an installed guest is not done unasked: its network names change, and
 * what was installed under SeaBIOS does not boot under OVMF unless it has an EFI system partition. And a q35 with a
 * device of the host is never made without OVMF, nor the other way round.
 */
#include "change/viommu.h"
#include "vm/property-string.h"
#include "vm/proxmox-keys.h"

static int set(struct viommu_making *making, const char *key, const char *value, const char *why, struct error *error)
{
	return plan_set(making->plan, &proxmox_manager, making->id, key, value, RESTART_VM, why, error);
}

static int get(struct viommu_making *making, const char *key, const char **ret, struct error *error)
{
	return plan_get_setting(making->plan, &proxmox_manager, making->id, key, ret, error);
}

static void note(struct viommu_making *making, const char *format, ...) PRINTF_FORMAT(2, 3);
static void note(struct viommu_making *making, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	list_add(&making->plan->notes, arena_vprintf(making->plan->arena, format, args));
	va_end(args);
}

/* ---- Disks ---- */

static const char *storage_of(struct arena *arena, const char *value)
{
	if (text_starts_with(value, "file="))
		value += strlen("file=");
	size_t length = strcspn(value, ":,");
	return length && value[0] != '/' && value[length] == ':' ? arena_strndup(arena, value, length) : NULL;
}

static bool is_disk(const char *value)
{
	return !text_starts_with(value, "none") && !strstr(value, "media=cdrom") && !strstr(value, "cloudinit");
}

const char *viommu_first_disk(struct arena *arena, const struct vm *vm, const char **ret_storage)
{
	static const char *const kinds[] = { "scsi", "virtio", "sata", "ide" };
	struct proxmox_section settings;
	*ret_storage = NULL;
	if (!vm->configuration)
		return NULL;
	proxmox_apply_pending(arena, vm->configuration, &settings);
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		for (unsigned int number = 0; number < 31; number++) {
			const char *key = arena_printf(arena, "%s%u", kinds[kind], number);
			const char *value = proxmox_get(&settings, key);
			if (!value || !is_disk(value))
				continue;
			*ret_storage = storage_of(arena, value);
			return key;
		}
	}
	return NULL;
}

/* ---- CPU ---- */

static int make_cpu(struct viommu_making *making, struct error *error)
{
	const char *cpu;
	const struct vm *vm = making->wish->vm;
	if (vm->kvm == VM_NO)
		note(making, "kvm: 0 is set: L1 is emulated, and its own VMs are slow");
	if (vm->nested_cpu == VM_YES)
		return 0;
	if (vm->nested_cpu == VM_UNKNOWN) {
		note(making, "whether the CPU of VM %s (%s) has virtualization is not known, and is left as it is",
		     making->id, vm->cpu ? vm->cpu : "as args say");
		return 0;
	}
	int r = get(making, "cpu", &cpu, error);
	if (r < 0)
		return r;
	cpu = property_edit(making->plan->arena, cpu, "cputype", "cputype", "host");
	/* Of custom models only. */
	cpu = property_edit(making->plan->arena, cpu, "cputype", "reported-model", NULL);
	return set(making, "cpu", cpu, "give it the host's CPU, with virtualization", error);
}

/* ---- Machine type and firmware ---- */

/* "pc-i440fx-8.1+pve0" becomes "pc-q35-8.1+pve0": a pinned version stays. */
static const char *q35_of(struct arena *arena, const char *type)
{
	static const char pinned[] = "pc-i440fx-";
	return type && text_starts_with(type, pinned) ? arena_printf(arena, "pc-q35-%s", type + strlen(pinned)) : "q35";
}

static int refuse_conversion(const struct viommu_making *making, bool machine, bool firmware, struct error *error)
{
	const char *id = making->id;
	if (machine && firmware)
		return error_set(
			error, -ENOTSUP,
			"VM %s is an i440fx with SeaBIOS, and needs q35 with OVMF, both; it has disks, and a "
			"guest that is installed there would find its network cards under other names, and not "
			"boot at all unless its disk has an EFI system partition with a boot loader. Make that "
			"sure, and a backup; then --convert changes both",
			id);
	if (machine)
		return error_set(
			error, -ENOTSUP,
			"VM %s is an i440fx, and needs q35; it has disks, and a guest that is installed there would "
			"find its network cards under other names (ens18 becomes enp6s18): have its console at "
			"hand, then --convert changes the machine type",
			id);
	return error_set(
		error, -ENOTSUP,
		"VM %s is a q35 with SeaBIOS and is given a device of the host, which asks for OVMF; it has disks, "
		"and a guest that was installed under SeaBIOS does not boot under OVMF unless its disk has an EFI "
		"system partition with a boot loader. --convert changes the firmware; --keep-firmware leaves "
		"SeaBIOS: the vIOMMU works with it, but some hosts were reported to hang",
		id);
}

static const char efi_command[] = "qm set %s --efidisk0 STORAGE:1,efitype=4m,pre-enrolled-keys=0";

/* Without Microsoft's keys: with them Secure Boot is on, and a nested Proxmox VE's kernel modules may be refused. */
static int make_efi_disk(struct viommu_making *making, struct error *error)
{
	/* qemu-server 7.0-16 */
	static const struct release efi_types = { { 7, 0, 16 } };
	const char *present;
	const char *storage = making->wish->efi_storage;
	struct arena *arena = making->plan->arena;
	int r = get(making, "efidisk0", &present, error);
	if (r < 0 || present)
		return r;
	if (!storage)
		viommu_first_disk(arena, making->wish->vm, &storage);
	if (!storage)
		return error_set(
			error, -ENOTSUP,
			"VM %s needs an EFI disk, and has no disk on a storage that tells where: give --efi-storage "
			"STORAGE ('pvesm status --content images' lists them), or make it yourself: %s",
			making->id, arena_printf(arena, efi_command, making->id));
	bool typed = release_has(making->release, efi_types);
	return set(making, "efidisk0",
		   arena_printf(arena, "%s:1%s", storage, typed ? ",efitype=4m,pre-enrolled-keys=0" : ""),
		   "an EFI disk keeps the guest's boot entries", error);
}

static int make_firmware(struct viommu_making *making, bool machine, struct error *error)
{
	const struct vm *vm = making->wish->vm;
	bool ovmf = vm->ovmf == VM_YES;
	if (!ovmf && !machine && (making->wish->keep_firmware || !vm->device_count)) {
		note(making,
		     vm->device_count ?
			     "SeaBIOS is kept under VM %s, a q35 with a device of the host: some hosts were reported "
			     "to hang with that" :
			     "VM %s is a q35 with SeaBIOS: before it is given a device of the host, run this again, "
			     "which then sees to OVMF",
		     making->id);
		return 0;
	}
	if (!ovmf && machine && making->wish->keep_firmware)
		return error_set(
			error, -ENOTSUP,
			"VM %s is no q35, and a q35 is not made without OVMF: --keep-firmware is for a VM that is "
			"one already",
			making->id);
	int r = ovmf ? 0 : set(making, "bios", "ovmf", "UEFI firmware, which belongs to q35 and passed devices", error);
	return r < 0 ? r : make_efi_disk(making, error);
}

static int make_machine(struct viommu_making *making, const char **ret, struct error *error)
{
	const struct vm *vm = making->wish->vm;
	const char *machine;
	bool convert_machine = !vm->q35;
	bool convert_firmware = vm->ovmf != VM_YES && (convert_machine || vm->device_count) &&
				(convert_machine || !making->wish->keep_firmware);
	int r = get(making, "machine", &machine, error);
	if (r < 0)
		return r;
	if ((convert_machine || convert_firmware) && making->installed && !making->wish->convert)
		return refuse_conversion(making, convert_machine, convert_firmware, error);
	if ((convert_machine || convert_firmware) && making->wish->once)
		return error_set(
			error, -ENOTSUP,
			"VM %s must become a q35 with OVMF first, which is nothing for one start: leave --once out",
			making->id);
	if (vm->ovmf == VM_UNKNOWN)
		return error_set(error, -ENOTSUP, "what firmware VM %s has is not known: args decide it", making->id);
	if (convert_machine) {
		machine = property_edit(making->plan->arena, machine, "type", "type",
					q35_of(making->plan->arena, vm->machine));
		if (making->installed)
			note(making,
			     "an installed guest's network names change with q35 (ens18 becomes enp6s18): have its "
			     "console at hand");
	} else if (!machine || !strstr(machine, "q35")) {
		return error_set(
			error, -ENOTSUP,
			"VM %s is a q35 by its args, not by its setting machine: qm set %s --machine q35, and take "
			"-machine out of args",
			making->id, making->id);
	}
	if (convert_firmware && making->installed)
		note(making,
		     "a guest that was installed under SeaBIOS boots under OVMF only if its disk has an EFI system "
		     "partition with a boot loader; 'nestpci undo' brings SeaBIOS back");
	*ret = machine;
	return make_firmware(making, convert_machine, error);
}

/* ---- Devices ---- */

static int make_device(struct viommu_making *making, const struct vm_device *device, struct error *error)
{
	const char *value;
	struct property_string keys;
	struct arena *arena = making->plan->arena;
	int r = get(making, device->name, &value, error);
	if (r < 0 || !value)
		return r;
	r = property_string_parse(arena, value, &proxmox_hostpci_format, making->release, &keys, error);
	if (r < 0)
		return error_prefix(error, -ENOTSUP, "%s of VM %s", device->name, making->id);
	if (property_is_on(&keys, "legacy-igd"))
		return error_set(
			error, -ENOTSUP,
			"%s of VM %s has legacy-igd=1, which works on i440fx alone: a VM with it cannot have a "
			"vIOMMU",
			device->name, making->id);
	if (property_is_on(&keys, "pcie"))
		return 0;
	note(making, "%s gets a port of PCI Express of its own: it moves to another address in the guest",
	     device->name);
	return set(making, device->name, property_edit(arena, value, "host", "pcie", "1"),
		   "a device that is to be passed on needs a PCI Express port of its own", error);
}

static int make_devices(struct viommu_making *making, struct error *error)
{
	const struct vm *vm = making->wish->vm;
	int r = 0;
	for (size_t i = 0; i < vm->device_count && r == 0; i++)
		if (vm->devices[i].native && text_starts_with(vm->devices[i].name, "hostpci") &&
		    !(i && text_equals(vm->devices[i].name, vm->devices[i - 1].name)))
			r = make_device(making, &vm->devices[i], error);
	return r;
}

int viommu_make_hardware(struct viommu_making *making, const char **machine, struct error *error)
{
	int r = make_cpu(making, error);
	if (r == 0)
		r = make_machine(making, machine, error);
	return r < 0 ? r : make_devices(making, error);
}
