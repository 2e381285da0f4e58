/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to a VM over time: starts, stops, upgrades, other nodes. Mostly Proxmox VE. */
#include "check/judge.h"

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
	bool native = judge_count_foreign(vm, &first) < vm->device_count;
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
			     "qm start %s --timeout %u; hugepages make it much faster", judge_id(vm),
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
	if (vm->source != VM_FROM_CONFIGURATION) {
		judge_na(finding, arena, "%s is known by its command line only, which does not tell", name);
		return;
	}
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
		judge_id(vm));
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
	if (!vm->q35) {
		judge_na(finding, arena, "%s is no q35, and needs another machine type first (vm-machine-q35)", name);
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
	bool known = fact_known(&qemu->fact);
	const char *type = known ? arena_printf(arena, "pc-q35-%u.%u", qemu->parts[0], qemu->parts[1]) :
				   "pc-q35-VERSION";
	const char *which = known ? "" : "; VERSION is that of the QEMU that runs it now";
	judge_vm_remedy(finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(arena, "qm set %s --machine %s%s", judge_id(vm),
							judge_proxmox_machine(set, finding, arena, vm, "type", type),
							which),
				.libvirt = arena_printf(arena, "virsh edit %s: <type machine='%s'>%s",
							judge_libvirt_name(vm), type, which),
				.plain = arena_printf(arena, "-machine %s%s", type, which),
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
			judge_id(vm));
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
	if (judge_count_foreign(vm, &first) == vm->device_count) {
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

const struct check_family check_family_vm_service = { "vm-service", "The VM over time", checks };
