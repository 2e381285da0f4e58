/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Caching mode, interrupt remapping, and what these need of the irqchip.
 *
 * QEMU, hw/i386/x86-iommu.c, x86_iommu_realize(): intremap=auto is off where the whole irqchip is in the kernel, else on;
 * intremap=on with the whole irqchip in the kernel is an error. Which of two settings is at fault is said once:
 * intremap=off is vm-viommu-interrupt-remapping's, a missing kernel-irqchip=split is vm-irqchip-split's.
 */
#include "check/judge.h"

static void where_evidence(const struct subject_set *set, const struct vm *vm, const struct vm_viommu *viommu,
			   struct finding *finding, struct arena *arena)
{
	const struct vm *line = judge_line(set, vm);
	if (viommu->where)
		judge_evidence(finding, arena, judge_vm_name(arena, vm), "%s", viommu->where);
	if (line->irqchip_where)
		judge_evidence(finding, arena, judge_vm_name(arena, vm), "%s", line->irqchip_where);
}

/* A native setting says all that is needed; so what says otherwise is args, a -global, or the line itself. */
static void setting_remedy(const struct subject_set *set, const struct vm *vm, const struct vm_viommu *viommu,
			   const char *key, const char *xml, struct finding *finding, struct arena *arena)
{
	judge_wanted(finding, arena, "%s=on", key);
	const char *machine = judge_proxmox_machine(set, viommu->native ? NULL : finding, arena, vm, "viommu", "intel");
	judge_vm_remedy(
		finding, arena, vm, RESTART_VM,
		(struct judge_words){
			.proxmox =
				viommu->native ?
					arena_printf(
						arena,
						"take what switches it off (-global intel-iommu.%s) out of args of VM %s",
						key, judge_id(vm)) :
					arena_printf(
						arena,
						"qm set %s --machine %s, and take -device intel-iommu out of args; or add %s=on "
						"to it there",
						judge_id(vm), machine, key),
			.libvirt = arena_printf(arena, "virsh edit %s: add %s to the <driver> of <iommu model='intel'>",
						judge_libvirt_name(vm), xml),
			.plain = arena_printf(arena, "add %s=on to -device intel-iommu", key),
		});
}

/*
 * QEMU 4.2 to 10.1 ends itself when all devices are there, later ones refuse the device (vtd_machine_done_hook() and
 * vtd_check_hiod(), hw/i386/intel_iommu.c). Off is the default.
 */
static void judge_caching_mode(const struct subject_set *set, const void *subject, struct finding *finding,
			       struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_viommu *viommu = judge_intel(set, vm, finding, arena);
	if (!viommu)
		return;
	const char *name = judge_vm_name(arena, vm);
	if (viommu->caching_mode == VM_YES) {
		judge_pass(finding, arena, "the vIOMMU of %s has caching-mode=on: QEMU sees what L1 maps", name);
	} else if (viommu->caching_mode == VM_UNKNOWN) {
		judge_unknown(finding, arena, "whether the vIOMMU of %s has caching-mode=on is not known", name);
	} else {
		judge_fail(finding, arena,
			   "the vIOMMU of %s has caching-mode off, so QEMU does not see what the guest maps, and "
			   "refuses devices of the host (\"caching-mode=on\")",
			   name);
		where_evidence(set, vm, viommu, finding, arena);
		setting_remedy(set, vm, viommu, "caching-mode", "caching_mode='on'", finding, arena);
	}
}

static void judge_remapping(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	const struct vm *vm = subject;
	if (!judge_is_hypervisor(set, vm, finding, arena))
		return;
	const struct vm_viommu *viommu = judge_viommu(set, vm, finding, arena);
	if (!viommu)
		return;
	const struct vm *line = judge_line(set, vm);
	const char *name = judge_vm_name(arena, vm);
	if (viommu->model == VM_VIOMMU_VIRTIO) {
		judge_na(finding, arena, "a virtio-iommu has no interrupt remapping (vm-viommu-model)");
	} else if (viommu->intremap == VM_NO) {
		judge_fail(finding, arena,
			   "the vIOMMU of %s has intremap=off: VFIO in L1 refuses (\"No interrupt remapping "
			   "support\")",
			   name);
		where_evidence(set, vm, viommu, finding, arena);
		setting_remedy(set, vm, viommu, "intremap", "intremap='on'", finding, arena);
	} else if (line->irqchip == VM_IRQCHIP_SPLIT || line->irqchip == VM_IRQCHIP_OFF || line->kvm == VM_NO) {
		judge_pass(finding, arena, "the vIOMMU of %s remaps interrupts%s", name,
			   viommu->intremap == VM_YES ? "" : " (not given: QEMU switches it on by itself)");
	} else if (line->kvm == VM_UNKNOWN) {
		judge_unknown(finding, arena,
			      "whether the vIOMMU of %s remaps interrupts depends on whether KVM runs it, which is "
			      "not known",
			      name);
	} else {
		judge_na(finding, arena, "without a split irqchip there is no interrupt remapping (vm-irqchip-split)");
	}
}

/* KVM with its local APIC outside the kernel: deprecated since QEMU 6.0, refused since 8.0 (apic_get_class()). */
static void judge_irqchip_off(const struct subject_set *set, const struct vm *vm, struct finding *finding,
			      struct arena *arena)
{
	const struct version *qemu = &set->host->versions.qemu;
	const char *name = judge_vm_name(arena, vm);
	switch (judge_since(qemu, 8, 0, 0)) {
	case SINCE_YES:
		judge_fail(finding, arena,
			   "%s has kernel-irqchip=off, which QEMU %s refuses with KVM (\"KVM does not support "
			   "userspace APIC\")",
			   name, qemu->fact.text);
		break;
	case SINCE_NO:
		judge_warn(finding, arena,
			   "%s has kernel-irqchip=off: that remaps interrupts, but is slow, and QEMU 8.0 and later "
			   "refuse it",
			   name);
		break;
	default:
		judge_unknown(finding, arena,
			      "%s has kernel-irqchip=off, which QEMU 8.0 and later refuse with KVM; this QEMU's "
			      "version is not known",
			      name);
		break;
	}
}

static void irqchip_remedy(const struct subject_set *set, const struct vm *vm, const struct vm_viommu *viommu,
			   struct finding *finding, struct arena *arena)
{
	where_evidence(set, vm, viommu, finding, arena);
	judge_wanted(finding, arena, "kernel-irqchip=split");
	const char *machine = judge_proxmox_machine(set, viommu->native ? NULL : finding, arena, vm, "viommu", "intel");
	judge_vm_remedy(
		finding, arena, vm, RESTART_VM,
		(struct judge_words){
			.proxmox =
				viommu->native ?
					arena_printf(
						arena,
						"take the -machine with kernel-irqchip out of args of VM %s: viommu=intel "
						"sets it to split",
						judge_id(vm)) :
					arena_printf(
						arena,
						"qm set %s --machine %s, which does it, and take -device intel-iommu out of "
						"args; or add '-machine kernel-irqchip=split' to args",
						judge_id(vm), machine),
			.libvirt = arena_printf(arena, "virsh edit %s: <ioapic driver='qemu'/> among the features",
						judge_libvirt_name(vm)),
			.plain = "add kernel-irqchip=split to -machine (or to -accel kvm)",
		});
}

/*
 * libvirt 10.10 and later splits the irqchip by itself when it takes an XML that asks for interrupt remapping
 * (qemuDomainDefPostParse, qemu_postparse.c); what it has taken shows that. A file does not.
 */
static bool libvirt_may_split(const struct subject_set *set, const struct vm *vm, const struct vm_viommu *viommu)
{
	return vm->manager == VM_LIBVIRT && !vm->uri && vm->source == VM_FROM_CONFIGURATION && viommu->native &&
	       viommu->intremap == VM_YES && vm->irqchip == VM_IRQCHIP_DEFAULT &&
	       judge_since(&set->host->versions.libvirt, 10, 10, 0) != SINCE_NO;
}

static void judge_file_of_libvirt(const struct subject_set *set, const struct vm *vm, const struct vm_viommu *viommu,
				  struct finding *finding, struct arena *arena)
{
	const char *name = judge_vm_name(arena, vm);
	if (judge_since(&set->host->versions.libvirt, 10, 10, 0) == SINCE_YES) {
		judge_pass(finding, arena, "libvirt %s splits the irqchip of %s when it takes this XML",
			   set->host->versions.libvirt.fact.text, name);
		return;
	}
	judge_warn(
		finding, arena,
		"%s asks for interrupt remapping without <ioapic driver='qemu'/>: libvirt 10.10 and later adds it, older "
		"ones refuse (\"requires split I/O APIC\")",
		name);
	where_evidence(set, vm, viommu, finding, arena);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena, "add <ioapic driver='qemu'/> to <features>");
}

static void judge_irqchip(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_viommu *viommu = judge_viommu(set, vm, finding, arena);
	if (!viommu)
		return;
	const struct vm *line = judge_line(set, vm);
	const char *name = judge_vm_name(arena, vm);
	bool l2_quiet = judge_is_l2(set) && viommu->intremap != VM_YES;
	if (viommu->model == VM_VIOMMU_VIRTIO || viommu->intremap == VM_NO) {
		judge_na(finding, arena, "the vIOMMU of %s does not remap interrupts, so any irqchip will do", name);
	} else if (line->irqchip == VM_IRQCHIP_SPLIT) {
		judge_pass(finding, arena, "%s has kernel-irqchip=split", name);
	} else if (line->kvm != VM_NO && libvirt_may_split(set, line, viommu)) {
		judge_file_of_libvirt(set, line, viommu, finding, arena);
	} else if (line->kvm == VM_NO) {
		judge_na(finding, arena, "%s runs without KVM: its irqchip is QEMU's own in any case", name);
	} else if (line->kvm == VM_UNKNOWN) {
		judge_unknown(finding, arena,
			      "%s has no kernel-irqchip=split, which matters if KVM runs it: that is not known", name);
	} else if (line->irqchip == VM_IRQCHIP_OFF) {
		judge_irqchip_off(set, vm, finding, arena);
		irqchip_remedy(set, vm, viommu, finding, arena);
	} else if (l2_quiet) {
		judge_na(finding, arena, "%s is an L2, and needs no interrupt remapping", name);
	} else {
		const char *has = line->irqchip == VM_IRQCHIP_ON ? "kernel-irqchip=on" : "no kernel-irqchip=split";
		if (viommu->intremap == VM_YES)
			judge_fail(finding, arena,
				   "%s has %s: QEMU refuses intremap=on as long as the whole irqchip is in the kernel "
				   "(\"Interrupt Remapping cannot work with kernel-irqchip=on\")",
				   name, has);
		else
			judge_fail(
				finding, arena,
				"%s has %s: QEMU then switches interrupt remapping off without a word, and VFIO in L1 "
				"refuses",
				name, has);
		irqchip_remedy(set, vm, viommu, finding, arena);
	}
}

/* libvirt's limit, too: more than 255 CPUs need APIC ids of more than 8 bits. */
#define CPUS_WITHOUT_EIM 255

/* It takes no "auto" for these, before 10.10 (qemuValidateDomainDef); since then it switches the mode on by itself. */
static bool libvirt_may_want_eim(const struct subject_set *set, const struct vm *vm, const struct vm_viommu *viommu)
{
	return vm->manager == VM_LIBVIRT && viommu->native && viommu->eim != VM_YES &&
	       judge_since(&set->host->versions.libvirt, 10, 10, 0) != SINCE_YES;
}

/* vtd_decide_config(): eim=auto is on with KVM's local APIC and intremap. */
static void judge_eim(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_viommu *viommu = judge_intel(set, vm, finding, arena);
	if (!viommu)
		return;
	const struct vm *line = judge_line(set, vm);
	const char *name = judge_vm_name(arena, vm);
	bool split = line->irqchip == VM_IRQCHIP_SPLIT;
	if (line->cpus == 0) {
		judge_unknown(finding, arena, "how many CPUs %s has is not known", name);
	} else if (line->cpus <= CPUS_WITHOUT_EIM) {
		judge_na(finding, arena, "%s has %u CPUs; extended interrupt mode matters above %d", name, line->cpus,
			 CPUS_WITHOUT_EIM);
	} else if (viommu->eim == VM_NO) {
		judge_fail(finding, arena, "%s has %u CPUs and eim=off: those above %d get no interrupts of devices",
			   name, line->cpus, CPUS_WITHOUT_EIM);
		where_evidence(set, vm, viommu, finding, arena);
		setting_remedy(set, vm, viommu, "eim", "intremap='on' eim='on'", finding, arena);
	} else if (libvirt_may_want_eim(set, vm, viommu)) {
		bool refused = judge_since(&set->host->versions.libvirt, 10, 10, 0) == SINCE_NO;
		(refused ? judge_fail : judge_warn)(
			finding, arena,
			"%s has %u CPUs, and its <iommu> does not say eim='on': %s (\"extended interrupt mode\")", name,
			line->cpus, refused ? "libvirt refuses" : "libvirt before 10.10 refuses");
		where_evidence(set, vm, viommu, finding, arena);
		setting_remedy(set, vm, viommu, "eim", "intremap='on' eim='on'", finding, arena);
	} else if (!split || viommu->intremap == VM_NO) {
		judge_na(finding, arena, "extended interrupt mode needs interrupt remapping and a split irqchip first");
	} else if (line->kvm == VM_YES || viommu->eim == VM_YES) {
		judge_pass(finding, arena, "%s has %u CPUs, and extended interrupt mode%s", name, line->cpus,
			   viommu->eim == VM_YES ? "" : " (not given: QEMU switches it on by itself)");
	} else {
		judge_unknown(finding, arena,
			      "%s has %u CPUs; whether QEMU switches extended interrupt mode on depends on whether "
			      "KVM runs it, which is not known",
			      name, line->cpus);
	}
}

static const struct check checks[] = {
	{
		.id = "vm-viommu-caching-mode",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the vIOMMU has caching-mode=on",
		.looks_at = "caching-mode of intel-iommu",
		.why = "Only in caching mode does L1 tell its vIOMMU of new mappings, which QEMU must make in L0's IOMMU as "
		       "well. QEMU refuses to start without it when a device of the host is there.",
		.mend = "caching-mode=on; Proxmox VE's viommu=intel has it.",
		.see = "VT-d specification, 6.1, caching mode; QEMU, hw/i386/intel_iommu.c",
		.rows = "F037 F038 F200",
		.judge = judge_caching_mode,
	},
	{
		.id = "vm-irqchip-split",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the irqchip is split",
		.looks_at = "kernel-irqchip of -machine or -accel; whether KVM runs the VM",
		.why = "With the whole irqchip in the kernel QEMU cannot remap interrupts: intremap=on is refused, and intremap "
		       "not given is silently off.",
		.mend = "kernel-irqchip=split; libvirt: <ioapic driver='qemu'/>; Proxmox VE's viommu=intel has it.",
		.see = "QEMU, hw/i386/x86-iommu.c, x86_iommu_realize()",
		.rows = "F029 F030 F031 F034 F051",
		.judge = judge_irqchip,
	},
	{
		.id = "vm-viommu-interrupt-remapping",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the vIOMMU remaps interrupts",
		.looks_at = "intremap of the vIOMMU, and the irqchip",
		.why = "VFIO in L1 takes a device only if its interrupts are isolated, since a guest could otherwise send any.",
		.mend = "intremap=on with kernel-irqchip=split. Not: allow_unsafe_interrupts.",
		.see = "Linux, drivers/vfio/vfio_iommu_type1.c, allow_unsafe_interrupts",
		.rows = "F023 F029 F032",
		.judge = judge_remapping,
	},
	{
		.id = "vm-viommu-eim",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "more than 255 CPUs have extended interrupt mode",
		.looks_at = "the number of CPUs, and eim of intel-iommu",
		.why = "Interrupts of devices reach CPUs with APIC ids above 8 bits only in extended interrupt mode.",
		.mend = "eim=on with intremap=on and kernel-irqchip=split.",
		.see = "VT-d specification, 5.1.1; libvirt, formatdomain, iommu: eim",
		.rows = "F025 F034 F035 F036",
		.judge = judge_eim,
	},
	{ 0 },
};

const struct check_family check_family_viommu_interrupts = { "viommu-interrupts", "Caching mode and interrupts",
							     checks };
