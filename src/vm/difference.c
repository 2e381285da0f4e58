/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/difference.h"

struct comparison {
	struct arena *arena;
	const struct vm *one;
	const struct vm *other;
	struct vm_differences found;
};

static void add(struct comparison *comparison, const char *what, const char *one, const char *other)
{
	struct vm_differences *found = &comparison->found;
	if (found->count == found->room) {
		found->room = found->room ? found->room * 2 : 8;
		found->items = arena_grow(comparison->arena, found->items, found->count, found->room,
					  sizeof(*found->items));
	}
	found->items[found->count++] = (struct vm_difference){ what, one, other };
}

static void compare_texts(struct comparison *comparison, const char *what, const char *one, const char *other)
{
	if (one && other && strcmp(one, other) != 0)
		add(comparison, what, one, other);
}

/* NULL: not known. */
static const char *chipset(const struct vm *vm)
{
	return !vm->machine_known ? NULL : vm->q35 ? "q35" : "i440fx";
}

static const char *firmware(const struct vm *vm)
{
	return vm->ovmf == VM_UNKNOWN ? NULL : vm->ovmf == VM_YES ? "OVMF" : "SeaBIOS";
}

/*
 * Proxmox VE's own models ("x86-64-v2-AES") are others on the line, and what custom ones are made of is not looked up: told
 * apart is only what the host's own is, and what is not.
 */
static const char *cpu(const struct vm *vm)
{
	const char *cpu = vm->cpu ? vm->cpu : vm->cpu_default;
	if (!cpu || text_starts_with(cpu, "custom-"))
		return NULL;
	return strcmp(cpu, "host") == 0 ? "host" : "a model";
}

static const char *number(struct arena *arena, uint64_t value)
{
	return value ? arena_printf(arena, "%llu", (unsigned long long)value) : NULL;
}

static void describe_switch(struct buffer *buffer, const char *name, enum vm_answer answer)
{
	if (answer != VM_UNKNOWN)
		buffer_printf(buffer, "%s%s %s", buffer->length ? ", " : "", name, answer == VM_YES ? "on" : "off");
}

static const char *viommu_text(struct arena *arena, const struct vm_viommu *viommu)
{
	struct buffer details = { .arena = arena };
	if (viommu->model == VM_VIOMMU_INTEL) {
		describe_switch(&details, "caching-mode", viommu->caching_mode);
		describe_switch(&details, "intremap", viommu->intremap);
	}
	if (viommu->aw_bits)
		buffer_printf(&details, "%s%u bits", details.length ? ", " : "", viommu->aw_bits);
	if (!viommu->first && viommu->model != VM_VIOMMU_VIRTIO)
		buffer_printf(&details, "%sbehind %s", details.length ? ", " : "", viommu->after);
	const char *name = vm_viommu_name(viommu->model);
	return details.length ? arena_printf(arena, "%s (%s)", name, details.text) : name;
}

const char *vm_viommus_text(struct arena *arena, const struct vm *vm)
{
	struct buffer text = { .arena = arena };
	for (size_t i = 0; i < vm->viommu_count; i++)
		buffer_printf(&text, "%s%s", i ? ", " : "", viommu_text(arena, &vm->viommus[i]));
	return text.length ? text.text : "none";
}

static const char *irqchip(const struct vm *vm)
{
	switch (vm->irqchip) {
	case VM_IRQCHIP_SPLIT:
		return "split";
	case VM_IRQCHIP_OFF:
		return "off";
	case VM_IRQCHIP_DEFAULT:
	case VM_IRQCHIP_ON:
		break;
	}
	return "in the kernel";
}

static bool has_host(const struct vm *vm, struct pci_address address)
{
	for (size_t i = 0; i < vm->device_count; i++)
		for (size_t j = 0; !vm->devices[i].mdev && j < vm->devices[i].host_count; j++)
			if (pci_address_equal(vm->devices[i].hosts[j], address))
				return true;
	return false;
}

/* Of alternatives one is taken, and which is known of a running QEMU only. */
static bool all_known(const struct vm *vm)
{
	for (size_t i = 0; i < vm->device_count; i++)
		if (!vm->devices[i].mdev && (vm->devices[i].host_count == 0 || vm->devices[i].any_of))
			return false;
	return true;
}

static void compare_hosts(struct comparison *comparison, const struct vm *has, const struct vm *lacks, bool swapped)
{
	char address[PCI_ADDRESS_TEXT_MAX];
	for (size_t i = 0; all_known(lacks) && i < has->device_count; i++) {
		const struct vm_device *device = &has->devices[i];
		for (size_t j = 0; !device->mdev && !device->any_of && j < device->host_count; j++) {
			if (has_host(lacks, device->hosts[j]))
				continue;
			const char *what = arena_printf(comparison->arena, "device %s",
							pci_address_format(device->hosts[j], address));
			add(comparison, what, swapped ? "not given" : "given", swapped ? "given" : "not given");
		}
	}
}

struct vm_differences vm_compare(struct arena *arena, const struct vm *one, const struct vm *other)
{
	struct comparison comparison = { .arena = arena, .one = one, .other = other };
	compare_texts(&comparison, "machine", chipset(one), chipset(other));
	if (one->q35 == other->q35)
		compare_texts(&comparison, "machine version", one->machine_version, other->machine_version);
	compare_texts(&comparison, "firmware", firmware(one), firmware(other));
	compare_texts(&comparison, "cpu", cpu(one), cpu(other));
	compare_texts(&comparison, "cpus", number(arena, one->cpus), number(arena, other->cpus));
	compare_texts(&comparison, "vIOMMU", vm_viommus_text(arena, one), vm_viommus_text(arena, other));
	compare_texts(&comparison, "irqchip", irqchip(one), irqchip(other));
	compare_hosts(&comparison, one, other, false);
	compare_hosts(&comparison, other, one, true);
	return comparison.found;
}
