/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vIOMMUs of a QEMU line, and the devices of the host that it gives to the VM. */
#include <ctype.h>
#include <string.h>

#include "qemu/topology.h"
#include "qemu/viommu.h"
#include "vm/plain-internal.h"

/* ---- vIOMMUs ---- */

static bool viommu_model_of(const char *driver, enum vm_viommu_model *ret)
{
	if (text_equals(driver, "intel-iommu"))
		*ret = VM_VIOMMU_INTEL;
	else if (text_equals(driver, "amd-iommu"))
		*ret = VM_VIOMMU_AMD;
	else if (text_starts_with(driver, "virtio-iommu"))
		*ret = VM_VIOMMU_VIRTIO;
	else
		return false;
	return true;
}

/* As JSON, and in a file, a device has no argument of its own that is as it stands. */
static const char *where_of(const struct plain *plain, const struct qemu_device *device)
{
	const char *where = plain_where(plain, device->option);
	return device->form == QEMU_CONFIG && device->id ?
		       arena_printf(plain->arena, "%s [device \"%s\"]", where, device->id) :
		       where;
}

static void read_switches(const struct plain *plain, const struct qemu_device *device, struct vm_viommu *viommu)
{
	/* QEMU's defaults: hw/i386/intel_iommu.c, amd_iommu.c, x86-iommu.c. "x-scalable-mode" may also be "modern". */
	const struct {
		const char *name;
		enum vm_answer absent;
		enum vm_answer *answer;
	} switches[] = {
		{ "caching-mode", VM_NO, &viommu->caching_mode },
		{ "intremap", VM_UNKNOWN, &viommu->intremap },
		{ "eim", VM_UNKNOWN, &viommu->eim },
		{ "device-iotlb", VM_NO, &viommu->device_iotlb },
		{ "snoop-control", VM_NO, &viommu->snoop_control },
		{ "x-scalable-mode", VM_NO, &viommu->scalable },
		{ "x-flts", VM_NO, &viommu->first_level },
		{ "dma-remap", VM_NO, &viommu->dma_remap },
		{ "xtsup", VM_NO, &viommu->xtsup },
		{ "dma-translation", VM_YES, &viommu->dma_translation },
	};
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		*switches[i].answer = plain_answer(qemu_device_property(plain->line, device, switches[i].name),
						   switches[i].absent);
	const char *scalable = qemu_device_property(plain->line, device, "x-scalable-mode");
	if (text_equals(scalable, "modern") || text_equals(scalable, "legacy"))
		viommu->scalable = VM_YES;
	uint64_t bits;
	const char *width = qemu_device_property(plain->line, device, "aw-bits");
	if (width && text_to_number(width, 10, 64, &bits) == 0)
		viommu->aw_bits = (unsigned int)bits;
}

static void add_viommu(struct plain *plain, const struct qemu_device *device, enum vm_viommu_model model)
{
	struct vm_viommu *viommu = &plain->vm->viommus[plain->vm->viommu_count++];
	*viommu = (struct vm_viommu){
		.model = model,
		.where = where_of(plain, device),
		.native = plain_is_managers(plain, device),
		.after = viommu_find_early_device(plain->arena, plain->line, device),
		.bus = keyval_get(&device->properties, "bus"),
	};
	viommu->first = !viommu->after;
	read_switches(plain, device, viommu);
}

void plain_read_viommus(struct plain *plain)
{
	const struct qemu_vm *line = plain->line;
	enum vm_viommu_model model;
	size_t count = 0;
	for (size_t i = 0; i < line->device_count; i++)
		count += viommu_model_of(line->devices[i].driver, &model);
	plain->vm->viommus = arena_alloc_array(plain->arena, count + 1, sizeof(*plain->vm->viommus));
	for (size_t i = 0; i < line->device_count; i++)
		if (viommu_model_of(line->devices[i].driver, &model))
			add_viommu(plain, &line->devices[i], model);
}

/* ---- Devices of the host ---- */

/* 8-4-4-4-12 hexadecimal digits: what a mediated device is called. */
static bool is_uuid(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	for (size_t i = 0; i < sizeof(form); i++)
		if (form[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
	return true;
}

static const char *last_part(struct arena *arena, const char *path)
{
	size_t end = strlen(path);
	while (end && path[end - 1] == '/')
		end--;
	return text_basename(arena_strndup(arena, path, end));
}

static void add_host(struct arena *arena, struct vm_device *device, struct pci_address address)
{
	device->hosts = arena_grow(arena, device->hosts, device->host_count, device->host_count + 1,
				   sizeof(*device->hosts));
	device->hosts[device->host_count++] = address;
}

static void find_host(struct plain *plain, const struct qemu_device *source, struct vm_device *device)
{
	struct pci_address address;
	const char *host = keyval_get(&source->properties, "host");
	const char *sysfs = keyval_get(&source->properties, "sysfsdev");
	const char *name = sysfs ? last_part(plain->arena, sysfs) : NULL;
	if (qemu_device_host(source, &address))
		add_host(plain->arena, device, address);
	else if (name && is_uuid(name))
		device->mdev = name;
	else if (host)
		device->problem = arena_printf(plain->arena, "host=%s is no PCI address", host);
	else if (sysfs)
		device->problem = arena_printf(plain->arena, "sysfsdev=%s names no PCI device", sysfs);
	else if (keyval_get(&source->properties, "fd"))
		device->problem = "the device is handed over as an open file: which it is does not stand on the line";
	else
		device->problem = "neither host= nor sysfsdev= says which device of the host it is";
}

static void find_place(struct plain *plain, const struct qemu_device *source, struct vm_device *device)
{
	enum qemu_place place = qemu_place_of(plain->line, source, plain->vm->q35);
	device->bus = keyval_get(&source->properties, "bus");
	device->bus_known = place != QEMU_PLACE_UNKNOWN;
	device->pcie = place == QEMU_PLACE_PORT;
	device->root_bus = place == QEMU_PLACE_ROOT;
	device->address_space = qemu_address_space(plain->arena, plain->line, source, plain->vm->q35);
	/* On i440fx's own bus a device has a requester id of its own, conventional as the bus is. */
	device->shares_bridge = place == QEMU_PLACE_CONVENTIONAL && qemu_parent_bridge(plain->line, source);
}

/* "hostpci0" of "hostpci0.1": Proxmox VE's name for all functions of one setting; NULL: it is not of that form. */
static const char *setting_of(struct arena *arena, const char *id)
{
	static const char prefix[] = "hostpci";
	if (!id || !text_starts_with(id, prefix))
		return NULL;
	size_t digits = strspn(id + strlen(prefix), "0123456789");
	size_t length = strlen(prefix) + digits;
	if (digits == 0 || (id[length] != '\0' && id[length] != '.'))
		return NULL;
	return arena_strndup(arena, id, length);
}

static const char *name_of(struct plain *plain, const struct qemu_device *source, size_t number)
{
	const char *behind = !plain_is_in_args(plain, source->option) ? "" :
			     plain->vm->manager == VM_LIBVIRT         ? " (qemu:commandline)" :
									" (args)";
	if (source->id)
		return arena_printf(plain->arena, "%s%s", source->id, behind);
	return arena_printf(plain->arena, "-device %s number %zu%s", source->driver, number, behind);
}

/* A further function of the setting that the device before it is of. */
static bool joins_last(struct plain *plain, const struct qemu_device *source, const char *setting)
{
	struct vm *vm = plain->vm;
	struct pci_address address;
	if (!vm->device_count || !qemu_device_host(source, &address))
		return false;
	struct vm_device *last = &vm->devices[vm->device_count - 1];
	if (!last->native || !last->host_count || !text_equals(last->name, setting))
		return false;
	add_host(plain->arena, last, address);
	return true;
}

static bool is_on(const struct plain *plain, const struct qemu_device *source, const char *property)
{
	return plain_answer(qemu_device_property(plain->line, source, property), VM_NO) == VM_YES;
}

static void add_device(struct plain *plain, const struct qemu_device *source, size_t number)
{
	struct vm *vm = plain->vm;
	bool managed = vm->manager == VM_PROXMOX && !plain_is_in_args(plain, source->option);
	const char *setting = managed ? setting_of(plain->arena, source->id) : NULL;
	bool of_libvirt = vm->manager == VM_LIBVIRT && plain_is_managers(plain, source);
	if (setting && joins_last(plain, source, setting))
		return;
	struct vm_device *device = &vm->devices[vm->device_count++];
	*device = (struct vm_device){
		.name = setting ? setting : name_of(plain, source, number),
		.where = where_of(plain, source),
		.native = setting != NULL || of_libvirt,
		.romfile = qemu_device_property(plain->line, source, "romfile"),
		.bootable_x_vga = is_on(plain, source, "x-vga"),
		.iommufd = qemu_device_property(plain->line, source, "iommufd") != NULL,
	};
	vm->x_vga |= device->bootable_x_vga;
	find_host(plain, source, device);
	find_place(plain, source, device);
}

/* Of what is passed through: PCI devices and mediated ones. "vfio-user-pci" is a program's, not the host's. */
static bool is_of_host(const struct qemu_device *device)
{
	return text_equals(device->driver, "vfio-pci") || text_equals(device->driver, "vfio-pci-nohotplug");
}

void plain_read_devices(struct plain *plain)
{
	const struct qemu_vm *line = plain->line;
	size_t count = 0;
	for (size_t i = 0; i < line->device_count; i++)
		count += is_of_host(&line->devices[i]);
	plain->vm->devices = arena_alloc_array(plain->arena, count + 1, sizeof(*plain->vm->devices));
	count = 0;
	for (size_t i = 0; i < line->device_count; i++)
		if (is_of_host(&line->devices[i]))
			add_device(plain, &line->devices[i], ++count);
}
