/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMs of Proxmox VE that are not given a vIOMMU now, or not as they are defined. */
#include "change/viommu.h"

const struct release viommu_native_since = { { 8, 1, 2 } };

static int check_state(const struct vm *vm, struct error *error)
{
	const char *id = vm->id;
	if (vm->manager == VM_PLAIN)
		return error_set(
			error, -ENOTSUP,
			"VM %s has no manager that keeps its definition: start its QEMU by 'nestpci exec', or put "
			"nestpci-wrapper(8) in the place of QEMU; 'nestpci viommu --verify %s' looks at the "
			"running one",
			id, id);
	if (vm->elsewhere)
		return error_set(error, -ENOTSUP,
				 "VM %s is on node %s, and only that node changes it: run nestpci there", id, vm->node);
	if (vm->template)
		return error_set(error, -ENOTSUP,
				 "VM %s is a template, which is never started; give its clones a vIOMMU, each by "
				 "itself",
				 id);
	if (vm->hibernated)
		return error_set(
			error, -ENOTSUP,
			"VM %s is hibernated (%s): it goes on from a saved state, which has no vIOMMU; start it "
			"('qm resume %s'), shut it down, and run this again",
			id, vm->hibernated, id);
	if (vm->lock)
		return error_set(
			error, -ENOTSUP,
			"VM %s is locked (%s): Proxmox VE is at work on it, or was cut off; wait until that is "
			"done ('qm config %s'), or if nothing is at work: 'qm unlock %s'",
			id, vm->lock, id, id);
	return 0;
}

/* Two would result: QEMU takes one (x86: "does not support multiple vIOMMUs"). */
static int check_args(const struct vm *vm, struct error *error)
{
	for (size_t i = 0; i < vm->viommu_count; i++)
		if (!vm->viommus[i].native && !vm->viommus[i].by_wrapper)
			return error_set(
				error, -ENOTSUP,
				"VM %s has a vIOMMU in args (%s), which Proxmox VE puts last, behind the devices "
				"that it must come before; take it out ('qm set %s --args ...' with the rest, or "
				"'qm set %s --delete args'), and run this again",
				vm->id, vm->viommus[i].where, vm->id, vm->id);
	return 0;
}

int viommu_check_irqchip(const struct vm *vm, struct error *error)
{
	const char *where = vm->irqchip_where;
	if (!where || !text_starts_with(where, "args: ") || vm->irqchip == VM_IRQCHIP_SPLIT ||
	    vm->irqchip == VM_IRQCHIP_DEFAULT)
		return 0;
	return error_set(error, -ENOTSUP,
			 "VM %s sets the irqchip itself (%s), and what stands in args wins: with a vIOMMU that remaps "
			 "interrupts QEMU would not start; take it out of args, and run this again",
			 vm->id, where);
}

/* ---- Lines that are not taken ---- */

static bool decides(const char *key)
{
	static const char *const keys[] = { "machine", "bios", "cpu", "efidisk0", "args" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return text_starts_with(key, "hostpci");
}

/* The VM is not what such a line says, and the first `qm set` would drop the line for good. */
static int check_lines(struct arena *arena, const struct vm *vm, struct error *error)
{
	struct proxmox_section next;
	const struct proxmox_section *section = vm->configuration ? &vm->configuration->sections[0] : NULL;
	if (section)
		proxmox_apply_pending(arena, vm->configuration, &next);
	for (size_t i = 0; section && i < section->count; i++) {
		const struct proxmox_entry *entry = &section->entries[i];
		if (!entry->problem || !decides(entry->key) || proxmox_find(&next, entry->key))
			continue;
		return error_set(error, -ENOTSUP,
				 "VM %s, line %zu of its configuration, '%s: %.*s': %s; it goes on as if the line were "
				 "not there, and would drop it with the first change; set it right ('qm set %s --%s "
				 "...'), or take the line out, and run this again",
				 vm->id, entry->line, entry->key, (int)entry->spelling.length, entry->spelling.start,
				 entry->problem, vm->id, entry->key);
	}
	return 0;
}

static void note_dropped(struct plan *plan, const struct vm *vm)
{
	const struct proxmox_config *configuration = vm->configuration;
	size_t count = configuration ? configuration->problems.count : 0;
	for (size_t i = 0; i < count; i++)
		list_printf(&plan->notes, "VM %s, %s", vm->id, configuration->problems.items[i]);
	if (count)
		list_add(&plan->notes, "so any change here drops that, and undo does not bring it back");
}

/* "q35" of "enable-s3=1,type=q35"; "TYPE" where there is none. */
static const char *type_of(struct arena *arena, const char *machine)
{
	for (const char *part = machine; *part; part += *part == ',') {
		const char *text = arena_strndup(arena, part, strcspn(part, ","));
		if (text_starts_with(text, "type=") || !strchr(text, '='))
			return strchr(text, '=') ? strchr(text, '=') + 1 : text;
		part += strlen(text);
	}
	return "TYPE";
}

/* Up to 8.1.1 qemu-server makes all of it the name of a machine type, and would not take it back at an undo. */
static int check_old_machine(const struct viommu_making *making, struct error *error)
{
	const struct vm *vm = making->wish->vm;
	struct proxmox_section settings;
	if (!vm->configuration || release_has(making->release, viommu_native_since))
		return 0;
	proxmox_apply_pending(making->plan->arena, vm->configuration, &settings);
	const char *machine = proxmox_get(&settings, "machine");
	if (!machine || !strchr(machine, ','))
		return 0;
	return error_set(
		error, -ENOTSUP,
		"VM %s has machine: %s, and this qemu-server knows no properties there (8.1.2 is the first): "
		"QEMU does not start with it; set the type alone ('qm set %s --machine %s'), and run this again",
		vm->id, machine, vm->id, type_of(making->plan->arena, machine));
}

int viommu_check_vm(const struct viommu_making *making, struct error *error)
{
	const struct vm *vm = making->wish->vm;
	int r = check_state(vm, error);
	if (r == 0)
		r = check_lines(making->plan->arena, vm, error);
	if (r == 0)
		r = check_old_machine(making, error);
	if (r == 0)
		r = check_args(vm, error);
	if (r == 0)
		note_dropped(making->plan, vm);
	return r;
}
