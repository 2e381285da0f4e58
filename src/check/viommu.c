/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is there a vIOMMU, one, of a kind that serves?
 *
 * One cause, one FAIL: without a vIOMMU only viommu-present fails, with the wrong machine type only vm-machine, with two
 * of them only viommu-one; what follows from these is N/A.
 */
#include "check/judge.h"

/* ---- Is there one? ---- */

/* An L2 needs none. One that is there costs time, and no more. */
static void judge_present_in_l2(const struct subject_set *set, const struct vm *vm, struct finding *finding,
				struct arena *arena)
{
	const struct vm *line = judge_line(set, vm);
	const char *name = judge_vm_name(arena, vm);
	if (line->viommu_count == 0) {
		judge_na(finding, arena, "%s is an L2, which is no hypervisor and needs no vIOMMU", name);
		return;
	}
	judge_na(finding, arena,
		 "%s is an L2, which is no hypervisor: it does not need its %s, which only makes DMA mappings "
		 "slower",
		 name, vm_viommu_name(line->viommus[0].model));
	if (line->viommus[0].where)
		judge_evidence(finding, arena, name, "%s", line->viommus[0].where);
}

static void judge_present(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm *line = judge_line(set, vm);
	const char *name = judge_vm_name(arena, vm);
	if (!judge_has_devices(vm, finding, arena))
		return;
	if (judge_is_l2(set)) {
		judge_present_in_l2(set, vm, finding, arena);
		return;
	}
	if (line->viommu_count) {
		const char *model = vm_viommu_name(line->viommus[0].model);
		if (line == vm)
			judge_pass(finding, arena, "%s has a vIOMMU: %s", name, model);
		else
			judge_warn(
				finding, arena,
				"%s has no vIOMMU by its definition, but the QEMU that runs has one (%s): either something "
				"adds it at each start (nestpci-wrapper(8)), on every host that may start the VM; or the "
				"definition was changed since, and the next start has none",
				name, model);
		if (line->viommus[0].where)
			judge_evidence(finding, arena, judge_vm_name(arena, line), "%s", line->viommus[0].where);
		return;
	}
	if (judge_is_not_taken(vm, "machine", NULL)) {
		judge_na(finding, arena,
			 "this release of Proxmox VE does not take the machine setting of %s (vm-release)", name);
		return;
	}
	if (vm->wrapper && vm->wrapper_problem && vm->q35) {
		judge_na(finding, arena, "the QEMU wrapper is to give %s its vIOMMU (wrapper-place, vm-wrapper)", name);
		return;
	}
	if (!vm->machine_known || !vm->q35) {
		judge_na(finding, arena,
			 vm->machine_known ? "%s is no q35, which a vIOMMU needs first (vm-machine-q35)" :
					     "the machine type of %s is not judged",
			 name);
		return;
	}
	judge_fail(finding, arena,
		   "%s has no vIOMMU: there are no IOMMU groups in it, and it cannot hand any device on to an "
		   "L2",
		   name);
	judge_evidence(finding, arena, vm->path ? vm->path : name, "machine: %s, and no vIOMMU",
		       vm->machine ? vm->machine : "not given");
	for (size_t i = 0; i < vm->problems.count && i < JUDGE_EVIDENCE_MAX; i++)
		judge_evidence(finding, arena, "not understood", "%s", vm->problems.items[i]);
	judge_remedy_viommu(set, vm, finding, arena);
}

static void judge_one(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm *line = judge_line(set, vm);
	const char *name = judge_vm_name(arena, vm);
	if (line->viommu_count == 0) {
		judge_na(finding, arena, "%s has no vIOMMU", name);
		return;
	}
	if (line->viommu_count == 1) {
		judge_pass(finding, arena, "%s has one vIOMMU", name);
		return;
	}
	judge_fail(finding, arena, "%s has %zu vIOMMUs: QEMU takes one only (\"does not support multiple vIOMMUs\")",
		   name, line->viommu_count);
	for (size_t i = 0; i < line->viommu_count && i < JUDGE_EVIDENCE_MAX; i++)
		judge_evidence(finding, arena, vm_viommu_name(line->viommus[i].model), "%s",
			       line->viommus[i].where ? line->viommus[i].where : "");
	judge_vm_remedy(finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(
					arena,
					"keep viommu=intel in machine, and take every '-device *-iommu' out of args: "
					"qm set %s --args '...'",
					judge_id(vm)),
				.libvirt = "keep the <iommu> element, and take the other out of <qemu:commandline>",
				.plain = "keep the intel-iommu that stands before all other -device",
			});
}

/* ---- Of which model? ---- */

static bool any_shares_bridge(const struct vm *vm)
{
	for (size_t i = 0; i < vm->device_count; i++)
		if (vm->devices[i].shares_bridge)
			return true;
	return false;
}

static void model_remedy(const struct subject_set *set, const struct vm *vm, struct finding *finding,
			 struct arena *arena)
{
	judge_wanted(finding, arena, "intel-iommu, on AMD hosts as well");
	judge_remedy_viommu(set, vm, finding, arena);
}

/* amd-iommu takes assigned devices since QEMU 10.2, with dma-remap=on (hw/i386/amd_iommu.c). */
static void judge_amd(const struct subject_set *set, const struct vm *vm, const struct vm_viommu *viommu,
		      struct finding *finding, struct arena *arena)
{
	const struct version *qemu = &set->host->versions.qemu;
	const char *name = judge_vm_name(arena, vm);
	if (viommu->dma_remap != VM_YES)
		judge_fail(finding, arena,
			   "the vIOMMU of %s is an amd-iommu without dma-remap=on: it does not translate "
			   "devices of the host (\"requires dma-remap=1\")",
			   name);
	else if (judge_since(qemu, 10, 2, 0) == SINCE_NO)
		judge_fail(finding, arena,
			   "the vIOMMU of %s is an amd-iommu, and QEMU %s cannot translate devices of the host by "
			   "it (10.2 is the first)",
			   name, qemu->fact.text);
	else
		judge_warn(finding, arena,
			   "the vIOMMU of %s is an amd-iommu with dma-remap: new in QEMU 10.2, and reported not "
			   "to work with real devices",
			   name);
	if (viommu->where)
		judge_evidence(finding, arena, name, "%s", viommu->where);
	model_remedy(set, vm, finding, arena);
}

/*
 * virtio-iommu does not remap interrupts, so VFIO in L1 refuses unless told that this is no matter; and it takes no
 * aliased requester ids (hw/virtio/virtio-iommu.c).
 */
static void judge_virtio(const struct subject_set *set, const struct vm *vm, const struct vm_viommu *viommu,
			 struct finding *finding, struct arena *arena)
{
	const char *name = judge_vm_name(arena, vm);
	if (any_shares_bridge(vm))
		judge_fail(finding, arena,
			   "the vIOMMU of %s is a virtio-iommu, and a device sits behind a bridge to conventional "
			   "PCI: QEMU refuses that (\"does not support aliased BDF\")",
			   name);
	else if (!viommu->first && viommu->native)
		judge_fail(finding, arena,
			   "the vIOMMU of %s is a virtio-iommu, which Proxmox VE puts behind the devices: it "
			   "translates none of them",
			   name);
	else
		judge_warn(finding, arena,
			   "the vIOMMU of %s is a virtio-iommu, which does not remap interrupts: VFIO in L1 "
			   "refuses unless vfio_iommu_type1 is loaded there with allow_unsafe_interrupts=1",
			   name);
	if (viommu->where)
		judge_evidence(finding, arena, name, "%s", viommu->where);
	model_remedy(set, vm, finding, arena);
}

static void judge_model(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_viommu *viommu = judge_viommu(set, vm, finding, arena);
	if (!viommu || !judge_is_hypervisor(set, vm, finding, arena))
		return;
	if (!judge_line(set, vm)->q35)
		judge_na(finding, arena, "%s is no q35 (vm-machine-q35)", judge_vm_name(arena, vm));
	else if (viommu->model == VM_VIOMMU_AMD)
		judge_amd(set, vm, viommu, finding, arena);
	else if (viommu->model == VM_VIOMMU_VIRTIO)
		judge_virtio(set, vm, viommu, finding, arena);
	else
		judge_pass(finding, arena,
			   "the vIOMMU of %s is an intel-iommu, which serves on Intel's and AMD's hosts",
			   judge_vm_name(arena, vm));
}

static const struct check checks[] = {
	{
		.id = "vm-viommu-present",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM has a vIOMMU",
		.looks_at = "the machine setting, <iommu>, args and the command line",
		.why = "L1 hands a device on by VFIO, which needs an IOMMU in L1. 'DMAR: IOMMU enabled' in L1's log proves "
		       "nothing: the kernel prints it without one.",
		.mend = "Proxmox VE 8.2 and later: qm set ID --machine q35,viommu=intel; libvirt: <iommu model='intel'>; else "
			"'nestpci rewrite' or nestpci-wrapper(8). Stop and start the VM.",
		.see = "qm(1), machine; nestpci-rewrite(1); pve-docs, qm-pci-passthrough, vIOMMU",
		.rows = "F014 F015 F016 F042 F049",
		.judge = judge_present,
	},
	{
		.id = "vm-viommu-one",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM has only one vIOMMU",
		.looks_at = "all vIOMMUs of the definition, args among them",
		.why = "QEMU takes one vIOMMU on x86, of whatever model, and stops with two.",
		.mend = "Keep the manager's own setting, and take the other away.",
		.see = "QEMU, hw/i386/pc.c",
		.rows = "F040",
		.judge = judge_one,
	},
	{
		.id = "vm-viommu-model",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the vIOMMU is an intel-iommu",
		.looks_at = "the model; dma-remap of amd-iommu; where Proxmox VE puts a virtio-iommu",
		.why = "amd-iommu translates assigned devices only in the newest QEMU, virtio-iommu does not remap interrupts. "
		       "intel-iommu does both, whatever the CPU; L1's kernel parameter for it is intel_iommu, on AMD, too.",
		.mend = "intel-iommu",
		.see = "QEMU, hw/i386/amd_iommu.c, hw/virtio/virtio-iommu.c; pve-docs, qm-pci-passthrough, vIOMMU",
		.rows = "F032 F053 F066 F068 F069 F070 F072 F076 F081",
		.judge = judge_model,
	},
	{ 0 },
};

const struct check_family check_family_viommu = { "viommu", "The VM's vIOMMU", checks };
