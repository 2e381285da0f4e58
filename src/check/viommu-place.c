/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does the vIOMMU stand where it translates the devices, on the line and in the QEMU that runs? */
#include "check/judge.h"

static void judge_first(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_viommu *viommu = judge_viommu(set, vm, finding, arena);
	if (!viommu)
		return;
	const char *name = judge_vm_name(arena, vm);
	const char *model = vm_viommu_name(viommu->model);
	if (viommu->doubt) {
		judge_unknown(finding, arena, "whether %s is created before every device of the host is not known: %s",
			      model, viommu->doubt);
		return;
	}
	if (viommu->first) {
		judge_pass(finding, arena, "%s is created before every device of the host", model);
		return;
	}
	if (viommu->model == VM_VIOMMU_VIRTIO && viommu->native) {
		judge_na(finding, arena, "where it stands is Proxmox VE's choice (vm-viommu-model)");
		return;
	}
	(judge_is_l2(set) ? judge_warn : judge_fail)(
		finding, arena,
		"%s of %s is created behind %s, which it therefore does not translate: nothing reports it, and DMA of %s goes to "
		"the wrong memory",
		model, name, viommu->after ? viommu->after : "a device of the host",
		judge_is_l2(set) ? "L2's driver" : "L2");
	if (viommu->where)
		judge_evidence(finding, arena, name, "%s", viommu->where);
	judge_wanted(finding, arena, "%s before every vfio device on the line", model);
	const char *in_args = arena_printf(
		arena, "%s; args stand at the end of the line, so take the -device intel-iommu out of them",
		judge_proxmox_viommu(set, vm, finding, arena));
	judge_vm_remedy(
		finding, arena, vm, RESTART_VM,
		(struct judge_words){
			.proxmox = judge_is_l2(set) ? "take the vIOMMU away: an L2 needs none" : in_args,
			.libvirt = viommu->native ?
					   arena_printf(arena,
							"virsh edit %s: use <hostdev> for the device instead of "
							"<qemu:commandline>: what stands there is created before "
							"libvirt's own devices",
							judge_libvirt_name(vm)) :
					   arena_printf(arena, "virsh edit %s: use %s instead of <qemu:commandline>",
							judge_libvirt_name(vm), JUDGE_INTEL_IN_XML),
			.plain =
				"move it before all other -device, in key=value form (devices in JSON form are created "
				"last); 'nestpci rewrite' prints the whole line",
		});
}

static void judge_bus(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_viommu *viommu = judge_viommu(set, vm, finding, arena);
	if (!viommu)
		return;
	if (viommu->model != VM_VIOMMU_VIRTIO) {
		judge_na(finding, arena, "%s sits on no PCI bus", vm_viommu_name(viommu->model));
	} else if (!viommu->bus || strcmp(viommu->bus, judge_line(set, vm)->q35 ? "pcie.0" : "pci.0") == 0) {
		judge_pass(finding, arena, "the virtio-iommu of %s is on the root bus", judge_vm_name(arena, vm));
	} else {
		judge_fail(finding, arena, "the virtio-iommu of %s is on bus '%s': QEMU takes it on the root bus only",
			   judge_vm_name(arena, vm), viommu->bus);
		if (viommu->where)
			judge_evidence(finding, arena, judge_vm_name(arena, vm), "%s", viommu->where);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			     "bus=pcie.0; better an intel-iommu instead");
	}
}

static void judge_bypass(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_viommu *viommu = judge_viommu(set, vm, finding, arena);
	if (!viommu || !judge_is_hypervisor(set, vm, finding, arena))
		return;
	if (!judge_line(set, vm)->bypass_iommu) {
		judge_pass(finding, arena, "no device of %s is told to bypass the vIOMMU", judge_vm_name(arena, vm));
		return;
	}
	judge_fail(finding, arena,
		   "%s has default_bus_bypass_iommu=on: no device on its root bus is behind the vIOMMU, and L1 "
		   "has no groups",
		   judge_vm_name(arena, vm));
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena, "take default_bus_bypass_iommu out of -machine");
}

/* ---- What runs now ---- */

/* Not one that somebody gave as a file. */
static bool is_of_host(const struct subject_set *set, const struct vm *vm)
{
	for (size_t i = 0; set->vms && i < set->vms->count; i++)
		if (vm == &set->vms->items[i])
			return true;
	return !set->vms;
}

static void judge_running(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	if (!judge_has_devices(vm, finding, arena) || !judge_is_hypervisor(set, vm, finding, arena))
		return;
	if (vm->source != VM_FROM_CONFIGURATION || vm->viommu_count == 0) {
		judge_na(finding, arena,
			 vm->viommu_count ? "%s is known by its command line only" :
					    "%s has no vIOMMU by its definition",
			 name);
		return;
	}
	if (!set->running) {
		if (vm->running == VM_NO)
			judge_na(finding, arena, "%s does not run", name);
		else if (!is_of_host(set, vm))
			judge_na(finding, arena, "%s is a file, which does not run: --vm judges what does", name);
		else
			judge_unknown(finding, arena, "whether %s runs, and how, is not known", name);
		return;
	}
	const struct vm *running = set->running;
	const char *lacks = running->viommu_count == 0                         ? "no vIOMMU" :
			    running->viommus[0].model != vm->viommus[0].model  ? "a vIOMMU of another model" :
			    vm->viommus[0].first && !running->viommus[0].first ? "its vIOMMU behind a device" :
			    vm->viommus[0].caching_mode == VM_YES && running->viommus[0].caching_mode == VM_NO ?
										 "a vIOMMU without caching-mode" :
										 NULL;
	if (!lacks) {
		judge_pass(finding, arena, "the running %s has the vIOMMU of its definition", name);
		return;
	}
	judge_fail(finding, arena,
		   "the running %s has %s, unlike its definition: it was not stopped and started since that "
		   "changed, and a reboot inside does not do it",
		   name, lacks);
	judge_evidence(finding, arena, arena_printf(arena, "process %ld", (long)running->pid), "%s",
		       running->viommu_count && running->viommus[0].where ? running->viommus[0].where : "no vIOMMU");
	judge_evidence(finding, arena, vm->path ? vm->path : name, "%s",
		       vm->viommus[0].where ? vm->viommus[0].where : "");
	judge_vm_remedy(finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(arena, "qm shutdown %s; qm start %s", judge_id(vm),
							judge_id(vm)),
				.libvirt = arena_printf(arena, "virsh shutdown %s; virsh start %s",
							judge_libvirt_name(vm), judge_libvirt_name(vm)),
				.plain = "end QEMU and start it again",
			});
}

static const struct check checks[] = {
	{
		.id = "vm-viommu-first",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the vIOMMU is created before the devices",
		.looks_at = "the order of -device on the line that results",
		.why = "A vfio device takes its address space when it is created. A vIOMMU that comes later does not translate "
		       "it: L1's groups look right, QEMU says nothing, and DMA faults or goes to the wrong memory.",
		.mend = "The manager's own setting (not args), or 'nestpci rewrite'.",
		.see = "QEMU, hw/vfio/pci.c, vfio_pci_realize(): pci_device_iommu_address_space(); nestpci-rewrite(1)",
		.rows = "F052 F053 F056 F058 F188",
		.judge = judge_first,
	},
	{
		.id = "vm-viommu-bus",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "a virtio-iommu is on the root bus",
		.looks_at = "bus= of virtio-iommu-pci",
		.why = "QEMU refuses it anywhere else.",
		.mend = "bus=pcie.0, or an intel-iommu.",
		.see = "QEMU, hw/virtio/virtio-iommu-pci.c",
		.rows = "F075",
		.judge = judge_bus,
	},
	{
		.id = "vm-bypass",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "no device bypasses the vIOMMU",
		.looks_at = "default_bus_bypass_iommu of -machine",
		.why = "Devices on a bus that bypasses the vIOMMU are in no group in L1, though its log looks healthy.",
		.mend = "Take the property away.",
		.see = "QEMU, docs/bypass-iommu.txt",
		.rows = "F046",
		.judge = judge_bypass,
	},
	{
		.id = "vm-running-viommu",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the running VM has the vIOMMU of its definition",
		.looks_at = "the command line of the running QEMU, and the definition",
		.why = "Devices are created when QEMU starts. A reboot inside the guest, or 'qm reset', keeps the old QEMU.",
		.mend = "Stop the VM and start it again.",
		.see = "qm(1): shutdown, start, pending",
		.rows = "F041",
		.judge = judge_running,
	},
	{ 0 },
};

const struct check_family check_family_viommu_place = { "viommu-place", "Where the vIOMMU stands", checks };
