/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VM itself: can it be a hypervisor, can it be started, does its firmware serve? */
#include "check/judge.h"

/* ---- CPU ---- */

static void judge_kvm(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	if (vm->kvm == VM_YES) {
		judge_pass(finding, arena, "%s runs under KVM", name);
	} else if (vm->kvm == VM_UNKNOWN) {
		judge_unknown(finding, arena, "whether %s runs under KVM is not known%s", name,
			      vm->manager == VM_PLAIN ? ": the line names no accelerator" : "");
	} else {
		judge_warn(finding, arena, "%s is emulated (%s): it works, but is ten times slower and more", name,
			   vm->accelerator ? vm->accelerator : "no accelerator is named");
		judge_vm_remedy(finding, arena, vm, RESTART_VM,
				(struct judge_words){
					.proxmox = arena_printf(arena, "qm set %s --delete kvm", judge_id(vm)),
					.libvirt = arena_printf(arena, "virsh edit %s: <domain type='kvm'>",
								judge_libvirt_name(vm)),
					.plain = "-accel kvm",
				});
	}
}

static void judge_cpu(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct vm *vm = subject;
	if (!judge_is_hypervisor(set, vm, finding, arena))
		return;
	const char *name = judge_vm_name(arena, vm);
	const char *type = vm->cpu ? vm->cpu : vm->cpu_default ? vm->cpu_default : "not given";
	if (vm->nested_cpu == VM_YES) {
		judge_pass(finding, arena, "the CPU of %s (%s) has virtualization", name, type);
	} else if (vm->nested_cpu == VM_UNKNOWN) {
		judge_unknown(finding, arena, "whether the CPU of %s (%s) has virtualization is not known", name, type);
	} else {
		/* Without a device nothing says that it shall be a hypervisor. */
		(vm->device_count ? judge_fail : judge_warn)(
			finding, arena,
			"the CPU of %s (%s) has no virtualization (vmx, svm): L1 has no /dev/kvm for its L2", name,
			type);
		judge_evidence(finding, arena, vm->path ? vm->path : name, "cpu: %s%s", type,
			       vm->cpu ? "" : " (by default)");
		judge_wanted(finding, arena, "host");
		judge_vm_remedy(finding, arena, vm, RESTART_VM,
				(struct judge_words){
					.proxmox = arena_printf(arena, "qm set %s --cpu %s", judge_id(vm),
								judge_proxmox_value(set, finding, arena, vm,
										    (struct judge_setting){
											    "cpu", "cputype", type,
											    "cputype", "host" })),
					.libvirt = arena_printf(arena, "virsh edit %s: <cpu mode='host-passthrough'/>",
								judge_libvirt_name(vm)),
					.plain = "-cpu host",
				});
	}
}

/* ---- Machine ---- */

static void judge_machine(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	if (!judge_has_devices(vm, finding, arena) || !judge_is_hypervisor(set, vm, finding, arena))
		return;
	if (!vm->machine_known) {
		if (vm->machine || vm->architecture)
			judge_na(finding, arena, "the machine type of %s is not judged: %s", name,
				 vm->machine ? vm->machine : vm->architecture);
		else
			judge_unknown(finding, arena, "the machine type of %s is not known", name);
		return;
	}
	if (vm->q35) {
		judge_pass(finding, arena, "%s is a q35: it can have an intel-iommu and PCI Express ports", name);
		return;
	}
	if (judge_is_not_taken(vm, "machine", NULL)) {
		judge_na(finding, arena,
			 "this release of Proxmox VE does not take the machine setting of %s (vm-release)", name);
		return;
	}
	judge_fail(finding, arena, "%s is i440fx: that has neither intel-iommu nor PCI Express", name);
	judge_evidence(finding, arena, vm->path ? vm->path : name, "machine: %s",
		       vm->machine ? vm->machine : "not given, so QEMU's default");
	judge_wanted(finding, arena, "q35");
	bool native = judge_since(&set->host->versions.qemu_server, 8, 1, 2) != SINCE_NO;
	const char *machine = native ? judge_proxmox_machine(set, finding, arena, vm, "viommu", "intel") : "q35";
	judge_vm_remedy(
		finding, arena, vm, RESTART_VM,
		(struct judge_words){
			.proxmox = arena_printf(
				arena,
				"qm set %s --machine %s, and pcie=1 on each hostpci; network interfaces of an installed "
				"guest get other names, so have its console at hand",
				judge_id(vm), machine),
			.libvirt = "define it anew with <type machine='q35'>: all PCI addresses in the XML change",
			.plain = "-machine q35,kernel-irqchip=split; buses and addresses of devices change with it",
		});
}

/* ---- Firmware ---- */

static bool is_given_display(const struct subject_set *set, const struct vm *vm)
{
	for (size_t i = 0; i < vm->device_count; i++)
		for (size_t j = 0; j < vm->devices[i].host_count; j++) {
			const struct pci_function *function = host_find_function(set->host, vm->devices[i].hosts[j]);
			if (function && judge_is_display(function))
				return true;
		}
	return false;
}

static void judge_firmware(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	if (!judge_has_devices(vm, finding, arena))
		return;
	if (vm->ovmf == VM_YES) {
		judge_pass(finding, arena, "the firmware of %s is OVMF", name);
	} else if (vm->ovmf == VM_UNKNOWN) {
		judge_unknown(finding, arena, "the firmware of %s is not known", name);
	} else if (is_given_display(set, vm)) {
		judge_warn(finding, arena,
			   "the firmware of %s is SeaBIOS, and it is given a display: recent cards have no ROM for "
			   "that, and large BARs fit better with OVMF",
			   name);
		judge_vm_remedy(
			finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(
					arena,
					"qm set %s --bios ovmf --efidisk0 STORAGE:1,efitype=4m; an installed guest that "
					"boots by BIOS must be installed anew, or converted",
					judge_id(vm)),
				.libvirt = "<os firmware='efi'>",
				.plain = "OVMF by two -drive if=pflash",
			});
	} else {
		judge_pass(finding, arena, "the firmware of %s is SeaBIOS, which is enough for what it is given", name);
	}
}

static void judge_efi_disk(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	if (vm->ovmf == VM_NO) {
		judge_na(finding, arena, "the firmware of %s is not OVMF", name);
	} else if (vm->ovmf == VM_UNKNOWN || vm->efi_disk == VM_UNKNOWN) {
		judge_unknown(finding, arena, "whether %s keeps its boot entries is not known", name);
	} else if (vm->efi_disk == VM_YES) {
		judge_pass(finding, arena, "%s keeps its boot entries", name);
	} else {
		judge_warn(finding, arena,
			   "%s has OVMF, but nowhere to keep its boot entries: they are lost at each start", name);
		judge_vm_remedy(finding, arena, vm, RESTART_VM,
				(struct judge_words){
					.proxmox = arena_printf(arena, "qm set %s --efidisk0 STORAGE:1,efitype=4m",
								judge_id(vm)),
					.libvirt = "<nvram/> in <os>",
					.plain = "a second -drive if=pflash with a copy of OVMF_VARS",
				});
	}
}

/* ---- Can it be started? ---- */

static void judge_template(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct vm *vm = subject;
	if (!vm->template) {
		judge_na(finding, arena, "%s is no template", judge_vm_name(arena, vm));
		return;
	}
	judge_fail(finding, arena, "%s is a template, which cannot be started", judge_vm_name(arena, vm));
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
		     "clone it (qm clone %s NEWID), and give the clone the "
		     "device and the vIOMMU",
		     judge_id(vm));
}

static void judge_lock(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct vm *vm = subject;
	if (!vm->lock || vm->hibernated) {
		judge_na(finding, arena, "%s is not locked", judge_vm_name(arena, vm));
		return;
	}
	judge_warn(finding, arena, "%s is locked (%s): it can neither be started nor changed meanwhile",
		   judge_vm_name(arena, vm), vm->lock);
	judge_evidence(finding, arena, vm->path ? vm->path : judge_vm_name(arena, vm), "lock: %s", vm->lock);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
		     "wait for its end; if nothing is going on (look at the task log), qm unlock %s", judge_id(vm));
}

static void judge_hibernated(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	const struct vm *vm = subject;
	if (!vm->hibernated) {
		judge_na(finding, arena, "%s is not suspended to disk", judge_vm_name(arena, vm));
		return;
	}
	judge_warn(finding, arena,
		   "%s is suspended to disk: it goes on from there with the devices that it had, and a vIOMMU "
		   "that is added meanwhile does not fit",
		   judge_vm_name(arena, vm));
	judge_evidence(finding, arena, vm->path ? vm->path : judge_vm_name(arena, vm), "%s", vm->hibernated);
	judge_vm_remedy(
		finding, arena, vm, RESTART_VM,
		(struct judge_words){
			.proxmox = arena_printf(
				arena,
				"resume it (qm resume %s), shut the guest down (qm shutdown %s), and change it then",
				judge_id(vm), judge_id(vm)),
			.libvirt = arena_printf(arena,
						"virsh start %s, then virsh shutdown %s, and change it then; or virsh "
						"managedsave-remove %s, which is as if it had lost power",
						judge_libvirt_name(vm), judge_libvirt_name(vm), judge_libvirt_name(vm)),
			.plain = "start it without -incoming, -loadvm or -loadstate",
		});
}

/* Windows does not take a VT-d unit on a machine with an AMD CPU (tp-qemu, block_with_iommu.cfg). */
static void judge_windows(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm *line = judge_line(set, vm);
	const struct cpu *cpu = &set->host->cpu;
	const char *name = judge_vm_name(arena, vm);
	if (line->viommu_count == 0 || line->viommus[0].model != VM_VIOMMU_INTEL) {
		judge_na(finding, arena, "%s has no intel-iommu", name);
	} else if (cpu->vendor == CPU_UNKNOWN || fact_unknown(&cpu->cpuinfo)) {
		judge_unknown(finding, arena, "whose CPUs this host has is not known");
	} else if (cpu->vendor != CPU_AMD) {
		judge_na(finding, arena, "the CPUs of this host are not AMD's");
	} else if (!vm->os) {
		judge_na(finding, arena, "nothing says that %s is a Windows", name);
	} else if (strcmp(vm->os, "windows") != 0) {
		judge_pass(finding, arena, "%s is no Windows: an intel-iommu on an AMD CPU is all right", name);
	} else {
		judge_warn(finding, arena,
			   "%s is a Windows with an intel-iommu on an AMD CPU, which is known not to start", name);
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			"take the vIOMMU away: Windows needs it only if it shall hand devices on, and then use a Linux as L1");
	}
}

static const struct check checks[] = {
	{
		.id = "vm-template",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM is no template",
		.looks_at = "template:",
		.why = "Proxmox VE starts no template, and drops its machine setting.",
		.mend = "qm clone",
		.see = "qm(1), template",
		.rows = "F187",
		.judge = judge_template,
	},
	{
		.id = "vm-lock",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM is not locked",
		.looks_at = "lock:",
		.why = "A backup, migration or snapshot that goes on, or was broken off, keeps the VM from being started.",
		.mend = "Wait, or qm unlock.",
		.see = "qm(1), unlock",
		.rows = "F187",
		.judge = judge_lock,
	},
	{
		.id = "vm-hibernated",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM starts afresh",
		.looks_at = "vmstate: and lock: suspended; a managed save; -incoming, -loadvm, -loadstate",
		.why = "A VM that goes on from a saved state must be built as it was when it was saved.",
		.mend = "Resume it, shut it down, then change it.",
		.see = "qm(1), suspend; QEMU, docs/devel/migration",
		.rows = "F199",
		.judge = judge_hibernated,
	},
	{
		.id = "vm-kvm",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM runs under KVM",
		.looks_at = "kvm:, <domain type>, -accel, and QEMU's name",
		.why = "Emulated CPUs are slow, and an L2 on them slower still.",
		.mend = "-accel kvm",
		.see = "qm(1), kvm",
		.rows = "F006 F007",
		.needs = "kvm-device",
		.judge = judge_kvm,
	},
	{
		.id = "vm-cpu",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM's CPU has virtualization",
		.looks_at = "cpu:, <cpu>, -cpu",
		.why = "A CPU model without vmx or svm leaves L1 without /dev/kvm: Proxmox VE says there 'KVM virtualisation "
		       "configured, but not available'.",
		.mend = "cpu: host",
		.see = "qm(1), cpu; Proxmox VE wiki, Nested Virtualization",
		.rows = "F005 F006",
		.judge = judge_cpu,
	},
	{
		.id = "vm-machine-q35",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM is a q35",
		.looks_at = "machine:, <type machine>, -machine",
		.why = "Only q35 can have an intel-iommu, and PCI Express ports.",
		.mend = "machine: q35; interfaces of an installed guest get other names.",
		.see = "qm(1), machine; QEMU, hw/i386/x86-iommu.c",
		.rows = "F039 F048",
		.judge = judge_machine,
	},
	{
		.id = "vm-firmware",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM's firmware serves for what it is given",
		.looks_at = "bios:, <os firmware>, -drive if=pflash; the class of the devices",
		.why = "Graphics cards of today are started by UEFI, and their BARs need its large window.",
		.mend = "OVMF",
		.see = "pve-docs, qm-pci-passthrough, GPU Passthrough",
		.rows = "F048 F167 F174",
		.judge = judge_firmware,
	},
	{
		.id = "vm-efi-disk",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "OVMF can keep its boot entries",
		.looks_at = "efidisk0:, <nvram>, the second pflash drive",
		.why = "Without a place for its variables OVMF forgets boot entries at each start.",
		.mend = "efidisk0",
		.see = "qm(1), efidisk0",
		.rows = "F175",
		.judge = judge_efi_disk,
	},
	{
		.id = "vm-windows-amd",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "no Windows has an intel-iommu on an AMD CPU",
		.looks_at = "ostype:, the vIOMMU, the host's CPU",
		.why = "Windows does not start with VT-d on an AMD CPU.",
		.mend = "No vIOMMU for Windows there.",
		.see = "tp-qemu, qemu/tests/cfg/block_with_iommu.cfg",
		.rows = "F071",
		.judge = judge_windows,
	},
	{ 0 },
};

const struct check_family check_family_vm = { "vm", "The VM", checks };
