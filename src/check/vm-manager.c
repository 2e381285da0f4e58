/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the manager makes of a VM: releases, pending changes, args, time limits, HA, migration. Mostly Proxmox VE. */
#include "check/judge.h"

static const char *source(struct arena *arena, const struct vm *vm)
{
	return vm->path ? vm->path : judge_vm_name(arena, vm);
}

/* ---- Does this release know the settings? ---- */

static const struct vm_viommu *native_viommu(const struct vm *vm)
{
	for (size_t i = 0; i < vm->viommu_count; i++)
		if (vm->viommus[i].native)
			return &vm->viommus[i];
	return NULL;
}

struct setting {
	const char *name;
	bool used;
	unsigned int since[3];
	const char *effect; /* on a release that does not know it */
};

static void judge_release(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const struct version *version = &set->host->versions.qemu_server;
	if (!judge_is_proxmox(vm, finding, arena))
		return;
	const char *name = judge_vm_name(arena, vm);
	const struct vm_viommu *native = vm->source == VM_FROM_CONFIGURATION ? native_viommu(vm) : NULL;
	bool mapped = false;
	for (size_t i = 0; i < vm->device_count; i++)
		mapped |= vm->devices[i].mapping != NULL;
	/* The releases of qemu-server: commits 8082eb8c, dc52c006, 2f3c741b; its changelog for mappings. */
	const struct setting settings[] = {
		{ "viommu in machine", native, { 8, 1, 2 }, "QEMU is given a machine type that it does not know" },
		{ "aw-bits in machine",
		  native && native->aw_bits,
		  { 9, 0, 21 },
		  "all of machine is ignored, and the VM becomes i440fx" },
		{ "guest-phys-bits in cpu",
		  vm->source == VM_FROM_CONFIGURATION && vm->guest_phys_bits,
		  { 9, 0, 18 },
		  "all of cpu is ignored" },
		{ "mapping in hostpci", mapped, { 8, 0, 4 }, "the device is not given" },
	};
	bool used = false;
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const struct setting *setting = &settings[i];
		used |= setting->used;
		if (!setting->used ||
		    judge_since(version, setting->since[0], setting->since[1], setting->since[2]) != SINCE_NO)
			continue;
		judge_fail(finding, arena, "%s uses %s, which qemu-server %s does not know: %s", name, setting->name,
			   version->fact.text, setting->effect);
		judge_evidence_fact(finding, arena, &version->fact);
		judge_wanted(finding, arena, "qemu-server %u.%u.%u or later", setting->since[0], setting->since[1],
			     setting->since[2]);
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			"upgrade Proxmox VE (viommu: 8.2; mapping: 8.0; aw-bits and guest-phys-bits: 9.1), or take the setting "
			"away; a vIOMMU on older releases comes by nestpci-wrapper(8)");
		return;
	}
	if (!used)
		judge_na(finding, arena, "%s uses no setting that depends on the release", name);
	else if (!fact_known(&version->fact))
		judge_unknown_fact(finding, arena, &version->fact);
	else
		judge_pass(finding, arena, "qemu-server %s knows all settings of %s", version->fact.text, name);
}

/* ---- Changes that wait ---- */

/* Those that decide what QEMU is started with; others take effect while the VM runs. */
static bool matters(const char *key)
{
	static const char *const keys[] = { "machine",   "args",  "cpu",     "bios",     "efidisk0", "hostpci",
					    "hugepages", "numa",  "kvm",     "balloon",  "memory",   "vga",
					    "arch",      "cores", "sockets", "<domain>", "delete" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (text_starts_with(key, keys[i]))
			return true;
	return false;
}

static void judge_pending(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	struct list keys = { .arena = arena };
	for (size_t i = 0; i < vm->pending_count; i++) {
		const struct vm_pending *pending = &vm->pending[i];
		if (!pending->key || !matters(pending->key))
			continue;
		list_add(&keys, pending->key);
		judge_evidence(finding, arena, source(arena, vm), "%s: now %s, then %s", pending->key,
			       pending->current ? pending->current : "not set",
			       pending->wanted ? pending->wanted : "not set");
	}
	if (keys.count == 0) {
		if (vm->manager == VM_PROXMOX && vm->source == VM_FROM_CONFIGURATION && vm->running != VM_UNKNOWN)
			judge_pass(finding, arena, "no change of %s waits for its next start", name);
		else
			judge_na(finding, arena, "no change of %s is known to wait", name);
		return;
	}
	if (vm->running == VM_NO) {
		judge_pass(finding, arena, "%zu changes of %s come into force at its next start: %s%s", keys.count,
			   name, keys.items[0], keys.count > 1 ? ", ..." : "");
		return;
	}
	judge_warn(finding, arena, "%zu changes of %s are not in force before it is stopped and started: %s%s",
		   keys.count, name, keys.items[0], keys.count > 1 ? ", ..." : "");
	judge_vm_remedy(finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(
					arena, "qm shutdown %s; qm start %s (a reboot inside the guest does not do it)",
					vm->id, vm->id),
				.libvirt = arena_printf(arena, "virsh shutdown %s; virsh start %s",
							vm->name ? vm->name : vm->id, vm->name ? vm->name : vm->id),
				.plain = "end QEMU and start it again",
			});
}

/* ---- args ---- */

static size_t count_foreign(const struct vm *vm, const struct vm_device **ret_first)
{
	size_t count = 0;
	for (size_t i = 0; i < vm->device_count; i++)
		if (!vm->devices[i].native && count++ == 0)
			*ret_first = &vm->devices[i];
	return count;
}

static void judge_args(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	const struct vm_device *first = NULL;
	if (vm->manager == VM_PLAIN) {
		judge_na(finding, arena, "%s has no manager", name);
		return;
	}
	if (vm->args_dropped) {
		judge_fail(finding, arena, "args of %s have an open quote: Proxmox VE drops all of them, silently",
			   name);
		judge_evidence(finding, arena, source(arena, vm), "args: %s", vm->args ? vm->args : "");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena, "close the quote: qm set %s --args '...'",
			     vm->id);
	} else if (count_foreign(vm, &first)) {
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
		judge_pass(finding, arena, "args of %s hold no device of the host", name);
	} else {
		judge_na(finding, arena, "%s has no args", name);
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
	} else if (vm->manager != VM_PLAIN && count_foreign(vm, &first) == 0) {
		judge_pass(finding, arena, "%s is started at boot, and its manager prepares its devices", name);
	} else {
		judge_warn(finding, arena, "%s is started at boot, and nobody binds %s before", name,
			   first && first->name ? first->name : "its devices");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "a service that runs 'nestpci bind ADDRESS' before the VMs are started (Proxmox VE: "
			     "Before=pve-guests.service)");
	}
}

/* ---- Time ---- */

/*
 * config_aware_timeout() in Helpers.pm: 30 s, or memory/1024 s above 30720 MiB; with hugepages at least 150 s; times four
 * with a hostpciN since 8.0.8.
 */
static unsigned int start_timeout(const struct vm *vm, bool times_four)
{
	unsigned int seconds = vm->memory_mib > 30720 ? (unsigned int)(vm->memory_mib / 1024) : 30;
	if (vm->hugepages && seconds < 150)
		seconds = 150;
	return times_four ? seconds * 4 : seconds;
}

/* Clearing and pinning memory in small pages: slow machines take 2 s for each GiB, and Proxmox VE now allows 4. */
static unsigned int pinning_time(const struct vm *vm)
{
	return (unsigned int)(vm->memory_mib / 512);
}

static void judge_start_timeout(const struct subject_set *set, const void *subject, struct finding *finding,
				struct arena *arena)
{
	const struct vm *vm = subject;
	const struct version *version = &set->host->versions.qemu_server;
	if (!judge_is_proxmox(vm, finding, arena) || !judge_has_devices(vm, finding, arena))
		return;
	const char *name = judge_vm_name(arena, vm);
	const struct vm_device *first = NULL;
	bool native = count_foreign(vm, &first) < vm->device_count;
	enum judge_since since = judge_since(version, 8, 0, 8);
	if (vm->memory_mib == 0) {
		judge_unknown(finding, arena, "how much memory %s has is not known", name);
		return;
	}
	unsigned int least = start_timeout(vm, native && since == SINCE_YES);
	unsigned int most = start_timeout(vm, native && since != SINCE_NO);
	unsigned int needed = pinning_time(vm);
	if (needed < least) {
		judge_pass(finding, arena, "Proxmox VE waits %u s for the start of %s, enough to pin %s", least, name,
			   judge_mib(arena, vm->memory_mib));
	} else if (needed < most) {
		judge_unknown(finding, arena,
			      "Proxmox VE waits %u s or %u s for the start of %s, by its release, which is not known; "
			      "pinning %s can take %u s",
			      least, most, name, judge_mib(arena, vm->memory_mib), needed);
	} else {
		judge_warn(finding, arena,
			   "Proxmox VE waits %u s for the start of %s, and pinning %s can take %u s (\"got timeout\")",
			   least, name, judge_mib(arena, vm->memory_mib), needed);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "qm start %s --timeout %u; hugepages make it much faster", vm->id,
			     needed * 4 < 300 ? 300 : needed * 4);
	}
}

/* An L1 that stops its own VMs first. */
#define SHUTDOWN_ENOUGH 180

static void judge_shutdown_timeout(const struct subject_set *set, const void *subject, struct finding *finding,
				   struct arena *arena)
{
	const struct vm *vm = subject;
	if (!judge_is_proxmox(vm, finding, arena) || !judge_has_devices(vm, finding, arena) ||
	    !judge_is_hypervisor(set, vm, finding, arena))
		return;
	const char *name = judge_vm_name(arena, vm);
	if (vm->shutdown_seconds >= SHUTDOWN_ENOUGH) {
		judge_pass(finding, arena, "%s has %u s to shut down, its own VMs included", name,
			   vm->shutdown_seconds);
		return;
	}
	if (vm->shutdown_seconds)
		judge_warn(finding, arena, "%s has %u s to shut down, and its own VMs must end in that time, too", name,
			   vm->shutdown_seconds);
	else
		judge_warn(finding, arena,
			   "%s has 60 s to shut down (qm shutdown's default), and its own VMs must end in that time, "
			   "too",
			   name);
	judge_remedy(
		finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
		"qm set %s --startup down=240 (with order= and up= as they are), and shorter times for the VMs in L1",
		vm->id);
}

/* ---- What changes by itself ---- */

static void judge_pinned(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct vm *vm = subject;
	if (!judge_has_devices(vm, finding, arena) || !judge_is_hypervisor(set, vm, finding, arena))
		return;
	const char *name = judge_vm_name(arena, vm);
	if (!vm->machine_known) {
		judge_na(finding, arena, "the machine type of %s is not judged", name);
		return;
	}
	if (vm->machine_version) {
		judge_pass(finding, arena, "%s has the hardware of QEMU %s whatever QEMU runs it", name,
			   vm->machine_version);
		return;
	}
	judge_warn(finding, arena,
		   "%s has the newest hardware of whatever QEMU runs it: an upgrade can change addresses in L1, "
		   "where VMs name their devices by them, and the vIOMMU's width",
		   name);
	const struct version *qemu = &set->host->versions.qemu;
	const char *type = fact_known(&qemu->fact) ?
				   arena_printf(arena, "pc-q35-%u.%u", qemu->parts[0], qemu->parts[1]) :
				   "pc-q35-VERSION, with the version of the QEMU that runs it now";
	const char *machine = judge_proxmox_machine(arena, vm, "", NULL);
	const char *rest = strchr(machine, ',');
	judge_vm_remedy(finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(arena, "qm set %s --machine %s%s", vm->id, type,
							rest ? rest : ""),
				.libvirt = arena_printf(arena, "<type machine='%s'>", type),
				.plain = arena_printf(arena, "-machine %s", type),
			});
}

/* ---- Other nodes ---- */

static bool all_mapped(const struct vm *vm)
{
	for (size_t i = 0; i < vm->device_count; i++)
		if (!vm->devices[i].mapping)
			return false;
	return true;
}

static void judge_ha(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct vm *vm = subject;
	if (!judge_is_proxmox(vm, finding, arena) || !judge_has_devices(vm, finding, arena))
		return;
	const char *name = judge_vm_name(arena, vm);
	if (!vm->ha) {
		judge_na(finding, arena, "%s is not known to be managed by HA", name);
	} else if (all_mapped(vm)) {
		judge_pass(finding, arena,
			   "%s is managed by HA, and its devices are mappings, which each node resolves", name);
	} else {
		judge_warn(finding, arena,
			   "%s is managed by HA, which may start it on another node, where an address names another "
			   "device or none",
			   name);
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			"use resource mappings (hostpciN: mapping=NAME) with an entry for each node; or ha-manager remove vm:%s",
			vm->id);
	}
}

static void judge_migration(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_device *first = NULL;
	if (!judge_is_proxmox(vm, finding, arena) || !judge_has_devices(vm, finding, arena))
		return;
	const char *name = judge_vm_name(arena, vm);
	if (count_foreign(vm, &first) == vm->device_count) {
		judge_warn(finding, arena,
			   "Proxmox VE does not see the devices of %s, so it does not refuse to migrate it: that fails "
			   "half-way",
			   name);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "shut %s down before moving it; or use hostpciN, which makes Proxmox VE refuse", name);
	} else {
		judge_pass(finding, arena,
			   "Proxmox VE refuses to migrate %s while it runs (\"uses local devices\"), as it must", name);
	}
}

static const struct check checks[] = {
	{
		.id = "vm-release",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "this release of Proxmox VE knows the VM's settings",
		.looks_at = "viommu, aw-bits, guest-phys-bits, mapping; the version of qemu-server",
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
		.looks_at = "[PENDING] of the configuration",
		.why = "machine, cpu, args, hostpci and others are taken over when QEMU starts. A reboot inside keeps QEMU.",
		.mend = "qm shutdown, then qm start.",
		.see = "qm(1), pending",
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
	{
		.id = "vm-start-timeout",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "Proxmox VE waits long enough for the start",
		.looks_at = "memory, hugepages, hostpci, the version of qemu-server",
		.why = "With a device of the host all memory is cleared and pinned before the VM runs. Proxmox VE gives up, and "
		       "kills QEMU, after a time that depends on its release.",
		.mend = "qm start --timeout, hugepages.",
		.see = "qm(1), start",
		.rows = "F099",
		.judge = judge_start_timeout,
	},
	{
		.id = "vm-shutdown-timeout",
		.scope = CHECK_VM,
		.levels = CHECK_L0,
		.title = "L1 has time to shut down its own VMs",
		.looks_at = "down= of startup:",
		.why = "When the time is over, L1 is killed with its VMs inside.",
		.mend = "startup: down=240",
		.see = "qm(1), startup",
		.rows = "F193",
		.judge = judge_shutdown_timeout,
	},
	{
		.id = "vm-machine-pinned",
		.scope = CHECK_VM,
		.levels = CHECK_L0,
		.title = "the VM's hardware stays the same",
		.looks_at = "the version in the machine type",
		.why = "Without a version the VM gets newer hardware with each upgrade of QEMU: addresses and defaults change.",
		.mend = "machine: pc-q35-VERSION",
		.see = "qm(1), machine; QEMU, docs/about/deprecated",
		.rows = "F112 F194",
		.judge = judge_pinned,
	},
	{
		.id = "vm-ha",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "HA does not start the VM where its device is not",
		.looks_at = "/etc/pve/ha/resources.cfg; mapping= of hostpci",
		.why = "Addresses differ between nodes.",
		.mend = "Resource mappings, or no HA.",
		.see = "pve-docs, ha-manager; qm, Resource Mapping",
		.rows = "F196",
		.judge = judge_ha,
	},
	{
		.id = "vm-migration",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "Proxmox VE refuses to migrate the running VM",
		.looks_at = "devices in args",
		.why = "A VM with a device of the host cannot be migrated; Proxmox VE sees that only for hostpci.",
		.mend = "hostpciN instead of args.",
		.see = "qm(1), migrate",
		.rows = "F197 F198",
		.judge = judge_migration,
	},
	{ 0 },
};

const struct check_family check_family_vm_manager = { "vm-manager", "The VM and its manager", checks };
