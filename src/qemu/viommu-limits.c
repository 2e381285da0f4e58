/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/viommu-limits.h"

#include <errno.h>
#include <string.h>

static int check_architecture(struct edit *edit)
{
	const char *name = text_basename(edit->vm->program);
	if (!text_starts_with(name, "qemu-system-"))
		return 0;
	const char *architecture = name + strlen("qemu-system-");
	if (text_starts_with(architecture, "x86_64") || text_starts_with(architecture, "i386"))
		return 0;
	return error_set(edit->error, -EOPNOTSUPP,
			 "%s emulates another architecture: intel-iommu exists on x86 only; run the VM that shall be a "
			 "hypervisor with qemu-system-x86_64",
			 name);
}

static int check_machine_type(struct edit *edit)
{
	const char *type = edit->vm->type;
	for (size_t i = 0; !type && i < edit->vm->config_count; i++)
		if (edit->vm->configs[i].problem && !edit->vm->configs[i].from_memory)
			return error_set(edit->error, -EOPNOTSUPP,
					 "the machine type is not on the line, and may stand in a file that could not "
					 "be read (%s); name it: -machine q35",
					 edit->vm->configs[i].problem);
	if (!type)
		return error_set(edit->error, -EOPNOTSUPP,
				 "the line names no machine type, so QEMU takes i440fx, which cannot have an "
				 "intel-iommu; use -machine q35 (an installed guest's network names change with it)");
	if (text_starts_with(type, "q35") || text_starts_with(type, "pc-q35-"))
		return 0;
	bool i440fx = text_starts_with(type, "pc-") || text_starts_with(type, "pc+") || strcmp(type, "pc") == 0;
	if (i440fx)
		return error_set(edit->error, -EOPNOTSUPP,
				 "machine type '%s' is i440fx, which cannot have an intel-iommu; use q35 (an installed "
				 "guest's network names change with it)",
				 type);
	return error_set(edit->error, -EOPNOTSUPP,
			 "machine type '%s' cannot have an intel-iommu; only q35 can: use -machine q35", type);
}

/*
 * QEMU's own choice, when no accelerator is named, goes by its name: ending in "kvm", it tries KVM first, otherwise TCG
 * (system/vl.c, configure_accelerators). TCG that nobody asked for is a mistake: an emulated L1 that nobody wants to wait
 * for, and VFIO in it all the same.
 */
static int check_accelerator(struct edit *edit)
{
	const char *accelerator = edit->vm->accelerator;
	if (!accelerator) {
		const char *name = text_basename(edit->vm->program);
		if (text_ends_with(name, "kvm") || !*name)
			return 0;
		return error_set(
			edit->error, -EOPNOTSUPP,
			"the line names no accelerator, and '%s' then emulates the CPU (TCG); add -accel kvm, or "
			"-accel tcg if emulation is meant",
			name);
	}
	size_t length = strcspn(accelerator, ":");
	struct slice first = { accelerator, length };
	if (slice_equals(first, "kvm") || slice_equals(first, "tcg"))
		return 0;
	return error_set(edit->error, -EOPNOTSUPP, "accelerator '%s' cannot run a hypervisor with VFIO; use -accel kvm",
			 accelerator);
}

/* A device behind an expander bridge that keeps its bus out of the vIOMMU. */
static bool is_behind_bypass(const struct qemu_vm *vm, const struct qemu_device *device)
{
	for (int depth = 0; device && depth < QEMU_BRIDGE_DEPTH_MAX; depth++) {
		const char *bypass = keyval_get(&device->properties, "bypass_iommu");
		if (text_starts_with(device->driver, "pxb") && bypass && keyval_boolean(bypass) == 1)
			return true;
		device = qemu_parent_bridge(vm, device);
	}
	return false;
}

static int check_bypass(struct edit *edit)
{
	if (edit->vm->bypasses_iommu)
		return error_set(edit->error, -EOPNOTSUPP,
				 "-machine default_bus_bypass_iommu=on keeps every device out of the vIOMMU; "
				 "remove it");
	for (size_t i = 0; i < edit->vm->device_count; i++)
		if (qemu_device_is_vfio(&edit->vm->devices[i]) && is_behind_bypass(edit->vm, &edit->vm->devices[i]))
			return error_set(
				edit->error, -EOPNOTSUPP,
				"a vfio device sits behind a bridge with bypass_iommu=on, which keeps it out of "
				"the vIOMMU; remove that");
	return 0;
}

int viommu_check_possible(struct edit *edit)
{
	int r = check_architecture(edit);
	if (r == 0)
		r = check_machine_type(edit);
	if (r == 0)
		r = check_accelerator(edit);
	if (r == 0)
		r = check_bypass(edit);
	return r;
}

/* A VM that goes on from a saved state must be built as it was saved. */
int viommu_check_resumed(struct edit *edit)
{
	static const char *const resuming[] = { "incoming", "loadvm", "loadstate" };
	for (size_t i = 0; i < ARRAY_SIZE(resuming); i++)
		if (qemu_find_option(edit->vm->argv, resuming[i]))
			return error_set(
				edit->error, -EOPNOTSUPP,
				"-%s: the VM goes on from a saved state, which does not fit other hardware; start it "
				"afresh to give it a vIOMMU",
				resuming[i]);
	return 0;
}
