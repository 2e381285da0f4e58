/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the manager makes of a VM's definition: releases, pending changes, args. Mostly Proxmox VE. */
#include "check/judge.h"
#include "vm/proxmox.h"

static const char *source(struct arena *arena, const struct vm *vm)
{
	return vm->path ? vm->path : judge_vm_name(arena, vm);
}

/* ---- Was all of it understood? ---- */

/* Where a device is given to a VM that shall be L1, vm-machine-q35 and vm-viommu-width say the same. */
static bool is_refused(const struct subject_set *set, const struct vm *vm)
{
	return vm->refused && (vm->device_count == 0 || vm->viommu_count == 0 || judge_is_l2(set));
}

static void judge_understood(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	if (vm->problems.count) {
		if (is_refused(set, vm))
			judge_fail(finding, arena, "%s does not start: %s", name, vm->refused);
		else
			judge_warn(finding, arena, "%s in the definition of %s: ignored, refused or not understood: %s",
				   judge_count(arena, vm->problems.count, "thing"), name, vm->problems.items[0]);
		for (size_t i = 0; i < vm->problems.count && i < JUDGE_EVIDENCE_MAX; i++)
			judge_evidence(finding, arena, source(arena, vm), "%s", vm->problems.items[i]);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			     "correct or remove them: what they were meant to do does not happen");
	} else if (vm->path) {
		judge_pass(finding, arena, "all of the definition of %s was understood", name);
	} else {
		judge_na(finding, arena, "%s has no definition that was read", name);
	}
}

/* ---- Does this release take the settings? ---- */

/* Those that decide what QEMU is started with. */
static bool matters(const char *key)
{
	static const char *const keys[] = { "machine", "args",      "cpu",  "bios",    "efidisk0",
					    "hostpci", "hugepages", "numa", "kvm",     "arch",
					    "cores",   "sockets",   "vga",  "balloon", "memory" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (text_starts_with(key, keys[i]))
			return true;
	return false;
}

/* A setting that matters and that this release ignores, or that keeps QEMU from starting; NULL: none. */
static const struct proxmox_entry *find_not_taken(const struct vm *vm, const char **ret_problem)
{
	const struct proxmox_config *config = vm->configuration;
	const struct proxmox_section *pending = proxmox_find_section(config, PROXMOX_PENDING, "");
	const struct proxmox_section *sections[] = { pending, &config->sections[0] };
	bool machine = judge_is_not_taken(vm, "machine", ret_problem);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		for (size_t j = 0; sections[i] && j < sections[i]->count; j++) {
			const struct proxmox_entry *entry = &sections[i]->entries[j];
			if (machine && strcmp(entry->key, "machine") == 0)
				return entry;
			bool replaced = proxmox_find(sections[i], entry->key) || proxmox_find(pending, entry->key);
			if (!entry->problem || !matters(entry->key) || replaced)
				continue;
			*ret_problem = entry->problem;
			return entry;
		}
	return NULL;
}

static void judge_release(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const struct version *version = &set->host->versions.qemu_server;
	const char *name = judge_vm_name(arena, vm);
	const char *problem;
	if (!judge_is_proxmox(vm, finding, arena))
		return;
	if (!vm->configuration) {
		judge_na(finding, arena, "%s is known by its command line only", name);
		return;
	}
	const struct proxmox_entry *entry = find_not_taken(vm, &problem);
	if (!entry) {
		if (fact_known(&version->fact)) {
			judge_pass(finding, arena, "qemu-server %s takes all settings of %s", version->fact.text, name);
			return;
		}
		judge_unknown_fact(finding, arena, &version->fact);
		judge_unknown(finding, arena,
			      "which release of Proxmox VE will start %s is not known, so not whether it takes all "
			      "settings: %s",
			      name, finding->summary);
		return;
	}
	judge_fail(finding, arena, "the %s setting of %s does not do what it says: %s", entry->key, name, problem);
	judge_evidence(finding, arena, arena_printf(arena, "%s, line %zu", source(arena, vm), entry->line), "%s: %.*s",
		       entry->key, (int)entry->spelling.length, entry->spelling.start);
	judge_evidence_fact(finding, arena, &version->fact);
	judge_remedy(
		finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
		"correct it (qm set %s --%s VALUE); or, if a newer Proxmox VE knows it, upgrade: mapping 8.0, viommu 8.2, "
		"aw-bits and guest-phys-bits 9.1. On older ones nestpci-wrapper(8) gives the vIOMMU",
		judge_id(vm), entry->key);
}

/* ---- Changes that wait ---- */

#define PENDING_NAMED 4

static void judge_pending(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	struct list keys = { .arena = arena };
	for (size_t i = 0; i < vm->pending_count; i++) {
		const struct vm_pending *pending = &vm->pending[i];
		/* Of libvirt, only what matters is compared. */
		if (!pending->key || (vm->manager != VM_LIBVIRT && !matters(pending->key)))
			continue;
		list_add(&keys, pending->key);
		if (keys.count > JUDGE_EVIDENCE_MAX)
			continue;
		judge_evidence(finding, arena, source(arena, vm), "%s: now %s, then %s", pending->key,
			       pending->current ? pending->current : "not set",
			       pending->wanted ? pending->wanted : "not set");
	}
	if (keys.count == 0) {
		if (vm->manager != VM_PLAIN && vm->source == VM_FROM_CONFIGURATION && vm->running != VM_UNKNOWN)
			judge_pass(finding, arena, "no change of %s waits for its next start", name);
		else
			judge_na(finding, arena, "no change of %s is known to wait", name);
		return;
	}
	const char *changes = judge_count(arena, keys.count, "change");
	struct buffer first = { .arena = arena };
	for (size_t i = 0; i < keys.count && i < PENDING_NAMED; i++)
		buffer_printf(&first, "%s%s", i ? ", " : "", keys.items[i]);
	if (keys.count > PENDING_NAMED)
		buffer_puts(&first, ", ...");
	if (vm->running == VM_NO) {
		judge_pass(finding, arena, "%s of %s will be in force at its next start: %s", changes, name,
			   first.text);
		return;
	}
	judge_warn(finding, arena, "%s of %s not in force before it is stopped and started: %s", changes, name,
		   first.text);
	judge_vm_remedy(finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(
					arena, "qm shutdown %s; qm start %s (a reboot inside the guest does not do it)",
					judge_id(vm), judge_id(vm)),
				.libvirt = arena_printf(arena, "virsh shutdown %s; virsh start %s",
							judge_libvirt_name(vm), judge_libvirt_name(vm)),
				.plain = "end QEMU and start it again",
			});
}

/* ---- args ---- */

static void judge_args(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	const struct vm_device *first = NULL;
	bool of_libvirt = vm->manager == VM_LIBVIRT;
	const char *args = of_libvirt ? "<qemu:commandline>" : "args";
	if (vm->manager == VM_PLAIN) {
		judge_na(finding, arena, "%s has no manager", name);
		return;
	}
	if (vm->args_dropped) {
		judge_fail(finding, arena, "args of %s have an open quote: Proxmox VE drops all of them, silently",
			   name);
		judge_evidence(finding, arena, source(arena, vm), "args: %s", vm->args ? vm->args : "");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena, "close the quote: qm set %s --args '...'",
			     judge_id(vm));
	} else if (judge_count_foreign(vm, &first)) {
		judge_warn(finding, arena,
			   "%s has devices of the host that its manager does not know of (%s): it neither binds, "
			   "resets nor reserves them, and would migrate the VM without them",
			   name, first->name ? first->name : "in args");
		if (first->where)
			judge_evidence(finding, arena, source(arena, vm), "%s", first->where);
		judge_vm_remedy(
			finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox =
					"use hostpciN instead where you can; else bind the device by 'nestpci bind' before each start",
				.libvirt = "use <hostdev> instead of <qemu:commandline>",
				.plain = "",
			});
	} else if (vm->args && *vm->args) {
		judge_pass(finding, arena, "%s of %s hold%s no device of the host", args, name, of_libvirt ? "s" : "");
	} else {
		judge_na(finding, arena, "%s has no %s", name, args);
	}
}

static void judge_onboot(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_device *first = NULL;
	const char *name = judge_vm_name(arena, vm);
	if (!vm->onboot || vm->device_count == 0) {
		judge_na(finding, arena,
			 vm->onboot ? "%s is given no device of this host" : "%s is not started at boot", name);
	} else if (vm->manager != VM_PLAIN && judge_count_foreign(vm, &first) == 0) {
		judge_pass(finding, arena, "%s is started at boot, and its manager prepares its devices", name);
	} else {
		judge_warn(finding, arena, "%s is started at boot, and nobody binds %s before", name,
			   first && first->name ? first->name : "its devices");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "a service that runs 'nestpci bind ADDRESS' before the VMs are started (Proxmox VE: "
			     "Before=pve-guests.service)");
	}
}

static const struct check checks[] = {
	{
		.id = "vm-understood",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "all of the VM's definition is taken and understood",
		.looks_at = "each setting and option, by the manager's and QEMU's own rules",
		.why = "Managers pass over what they do not know, often without a word, and drop it when they next write the "
		       "file. What could not be read here may also hide something.",
		.mend = "Correct or remove what is named.",
		.see = "qm(1); qemu-system-x86_64(1)",
		.rows = "F189 F192",
		.judge = judge_understood,
	},
	{
		.id = "vm-release",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "this release of Proxmox VE takes the VM's settings",
		.looks_at = "settings that Proxmox VE ignores; the version of qemu-server",
		.why = "An older release drops what it does not know, and the VM becomes another machine, or does not start.",
		.mend = "Upgrade, or do without the setting.",
		.see = "qemu-server, debian/changelog",
		.rows = "F083 F085",
		.judge = judge_release,
	},
	{
		.id = "vm-pending",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "no change waits for the VM's next start",
		.looks_at =
			"[PENDING] of the configuration; the persistent definition of libvirt, and that of the running domain",
		.why = "machine, cpu, args, hostpci and others are taken over when QEMU starts. A reboot inside keeps QEMU.",
		.mend = "qm shutdown, then qm start; virsh shutdown, then virsh start.",
		.see = "qm(1), pending; virsh(1), dumpxml --inactive",
		.rows = "F041",
		.judge = judge_pending,
	},
	{
		.id = "vm-args",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "args hold nothing that the manager should know",
		.looks_at = "args:, <qemu:commandline>",
		.why = "What stands in args is passed to QEMU as it is: no manager binds, resets, reserves or backs it up. With an "
		       "open quote Proxmox VE drops all of args.",
		.mend = "hostpciN and machine: ...,viommu= instead.",
		.see = "qm(1), args",
		.rows = "F163 F182 F188 F192 F195 F197",
		.judge = judge_args,
	},
	{
		.id = "vm-onboot",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "a VM that starts at boot finds its devices ready",
		.looks_at = "onboot:, and devices that the manager does not bind",
		.why = "At boot nobody has bound a device that only args name.",
		.mend = "hostpciN, or a service that binds before the VMs are started.",
		.see = "qm(1), onboot",
		.rows = "F182",
		.judge = judge_onboot,
	},
	{ 0 },
};

const struct check_family check_family_vm_manager = { "vm-manager", "The VM and its manager", checks };
