/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is there a vIOMMU, one, of a kind that serves, at the right place?
 *
 * One cause, one FAIL: without a vIOMMU only viommu-present fails, with the wrong machine type only vm-machine, with two
 * of them only viommu-one; what follows from these is N/A.
 */
#include "check/judge.h"

#define INTEL_ON_THE_LINE \
	"-device intel-iommu,intremap=on,caching-mode=on before all other -device, and -machine q35,kernel-irqchip=split"
#define INTEL_IN_XML \
	"<iommu model='intel'><driver intremap='on' caching_mode='on'/></iommu> among the devices, and <ioapic driver='qemu'/> among the features"

/* ---- Is there one? ---- */

/* qemu-server has `viommu` since 8.1.2 (PVE 8.2); before, something must change the line on its way to QEMU. */
static const char *proxmox_remedy(const struct subject_set *set, const struct vm *vm, struct arena *arena)
{
	const char *machine = judge_proxmox_machine(arena, vm, "viommu", "intel");
	const char *set_it = arena_printf(arena, "qm set %s --machine %s", vm->id, machine);
	const char *by_hand =
		arena_printf(arena,
			     "this qemu-server has no setting for it (that came with 8.1.2, PVE 8.2): upgrade, or "
			     "put nestpci-wrapper in the place of QEMU (nestpci-wrapper(8)) with the line 'vm %s'",
			     vm->id);
	switch (judge_since(&set->host->versions.qemu_server, 8, 1, 2)) {
	case SINCE_YES:
		return set_it;
	case SINCE_NO:
		return by_hand;
	default:
		return arena_printf(arena, "%s (qemu-server 8.1.2 or later, PVE 8.2; before, nestpci-wrapper(8))",
				    set_it);
	}
}

static void add_viommu_remedy(const struct subject_set *set, const struct vm *vm, struct finding *finding,
			      struct arena *arena)
{
	judge_wanted(finding, arena, "one intel-iommu, before every device that it shall translate");
	judge_vm_remedy(finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = proxmox_remedy(set, vm, arena),
				.libvirt = arena_printf(arena, "virsh edit %s: %s", vm->name ? vm->name : vm->id,
							INTEL_IN_XML),
				.plain = "add " INTEL_ON_THE_LINE "; 'nestpci rewrite' prints the whole line",
			});
}

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
			judge_warn(finding, arena,
				   "%s has no vIOMMU by its definition, but the QEMU that runs has one (%s): "
				   "something adds it at each start, and must do so on every host that may "
				   "start the VM",
				   name, model);
		if (line->viommus[0].where)
			judge_evidence(finding, arena, judge_vm_name(arena, line), "%s", line->viommus[0].where);
		return;
	}
	if (!vm->machine_known || !vm->q35) {
		judge_na(finding, arena,
			 vm->machine_known ? "%s is no q35, which a vIOMMU needs first (vm-machine-q35)" :
					     "the machine type of %s is not judged",
			 name);
		return;
	}
	if (judge_is_pending(vm, "machine", "viommu=") || judge_is_pending(vm, "args", "-iommu")) {
		judge_warn(finding, arena, "%s has no vIOMMU yet: it is among the changes that wait for its next start",
			   name);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena, "qm shutdown %s; qm start %s", vm->id,
			     vm->id);
		return;
	}
	judge_fail(finding, arena,
		   "%s has no vIOMMU: there are no IOMMU groups in it, and it cannot hand any device on to an "
		   "L2",
		   name);
	judge_evidence(finding, arena, vm->path ? vm->path : name, "machine: %s, and no vIOMMU",
		       vm->machine ? vm->machine : "not given");
	for (size_t i = 0; i < vm->problems.count; i++)
		judge_evidence(finding, arena, "not understood", "%s", vm->problems.items[i]);
	add_viommu_remedy(set, vm, finding, arena);
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
	for (size_t i = 0; i < line->viommu_count; i++)
		judge_evidence(finding, arena, vm_viommu_name(line->viommus[i].model), "%s",
			       line->viommus[i].where ? line->viommus[i].where : "");
	judge_vm_remedy(finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(
					arena,
					"keep viommu=intel in machine, and take every '-device *-iommu' out of args: "
					"qm set %s --args '...'",
					vm->id),
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
	add_viommu_remedy(set, vm, finding, arena);
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
	if (!judge_line(set, vm)->q35 && viommu->model != VM_VIOMMU_VIRTIO)
		judge_na(finding, arena, "%s is no q35 (vm-machine-q35)", judge_vm_name(arena, vm));
	else if (viommu->model == VM_VIOMMU_AMD)
		judge_amd(set, vm, viommu, finding, arena);
	else if (!judge_line(set, vm)->q35)
		judge_na(finding, arena, "%s is no q35 (vm-machine-q35)", judge_vm_name(arena, vm));
	else if (viommu->model == VM_VIOMMU_VIRTIO)
		judge_virtio(set, vm, viommu, finding, arena);
	else
		judge_pass(finding, arena,
			   "the vIOMMU of %s is an intel-iommu, which serves on Intel's and AMD's hosts",
			   judge_vm_name(arena, vm));
}

/* ---- At the right place? ---- */

static void judge_first(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_viommu *viommu = judge_viommu(set, vm, finding, arena);
	if (!viommu)
		return;
	const char *name = judge_vm_name(arena, vm);
	const char *model = vm_viommu_name(viommu->model);
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
		proxmox_remedy(set, vm, arena));
	judge_vm_remedy(
		finding, arena, vm, RESTART_VM,
		(struct judge_words){
			.proxmox = judge_is_l2(set) ? "take the vIOMMU away: an L2 needs none" : in_args,
			.libvirt = arena_printf(arena, "virsh edit %s: use %s instead of <qemu:commandline>",
						vm->name ? vm->name : vm->id, INTEL_IN_XML),
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

static void judge_running(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	if (!judge_has_devices(vm, finding, arena) || !judge_is_hypervisor(set, vm, finding, arena))
		return;
	if (vm->source == VM_FROM_PROCESS || vm->viommu_count == 0) {
		judge_na(finding, arena,
			 vm->viommu_count ? "%s is known by its running QEMU only" :
					    "%s has no vIOMMU by its definition",
			 name);
		return;
	}
	if (!set->running) {
		if (vm->running == VM_NO)
			judge_na(finding, arena, "%s does not run", name);
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
		   "the running %s has %s, other than its definition: it was not stopped and started since that "
		   "changed, and a reboot inside does not do it",
		   name, lacks);
	judge_evidence(finding, arena, arena_printf(arena, "process %ld", (long)running->pid), "%s",
		       running->viommu_count && running->viommus[0].where ? running->viommus[0].where : "no vIOMMU");
	judge_evidence(finding, arena, vm->path ? vm->path : name, "%s",
		       vm->viommus[0].where ? vm->viommus[0].where : "");
	judge_vm_remedy(finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(arena, "qm shutdown %s; qm start %s", vm->id, vm->id),
				.libvirt = arena_printf(arena, "virsh shutdown %s; virsh start %s",
							vm->name ? vm->name : vm->id, vm->name ? vm->name : vm->id),
				.plain = "end QEMU and start it again",
			});
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

const struct check_family check_family_viommu = { "viommu", "The VM's vIOMMU", checks };
