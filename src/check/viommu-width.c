/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How wide addresses are: the vIOMMU's against the host IOMMU's, the guest CPU's against both; and options that harm. */
#include "check/judge.h"

#include <limits.h>

/* ---- The vIOMMU's width ---- */

static const char *width_words(const struct subject_set *set, const struct vm *vm, struct finding *finding,
			       struct arena *arena, const char *bits)
{
	enum judge_since native = judge_since(&set->host->versions.qemu_server, 9, 0, 21);
	const char *set_it = arena_printf(arena, "qm set %s --machine %s", judge_id(vm),
					  judge_proxmox_machine(set, native == SINCE_NO ? NULL : finding, arena, vm,
								"aw-bits", bits));
	/* `aw-bits` came with qemu-server 9.0.21; a -global works wherever it stands. */
	const char *global = arena_printf(arena, "qm set %s --args '%s-global intel-iommu.aw-bits=%s'", judge_id(vm),
					  vm->args && *vm->args ? arena_printf(arena, "%s ", vm->args) : "", bits);
	switch (native) {
	case SINCE_YES:
		return set_it;
	case SINCE_NO:
		return global;
	default:
		return arena_printf(arena, "%s (qemu-server 9.0.21 or later; before: %s)", set_it, global);
	}
}

static void width_remedy(const struct subject_set *set, const struct vm *vm, const char *bits, struct finding *finding,
			 struct arena *arena)
{
	judge_wanted(finding, arena, "aw-bits=%s", bits);
	judge_vm_remedy(finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = width_words(set, vm, finding, arena, bits),
				.libvirt = arena_printf(
					arena,
					"virsh edit %s: set aw_bits='%s' in the <driver> of <iommu model='intel'>",
					judge_libvirt_name(vm), bits),
				.plain = arena_printf(arena, "add aw-bits=%s to -device intel-iommu", bits),
			});
}

/* Wider than the host's IOMMU: refused since QEMU 9.1 (vtd_check_hiod()), before that it fails when L1 maps up there. */
static void judge_too_wide(const struct subject_set *set, const struct vm *vm, unsigned int width, unsigned int host,
			   struct finding *finding, struct arena *arena)
{
	const struct version *qemu = &set->host->versions.qemu;
	const char *name = judge_vm_name(arena, vm);
	if (host < 39) {
		judge_fail(finding, arena, "this host's IOMMU translates %u bits, and the vIOMMU of %s at least 39",
			   host, name);
		judge_remedy(finding, ACTOR_OUTER, RESTART_VM, arena, "give this machine an IOMMU of at least 39 bits");
		return;
	}
	bool refused = judge_since(qemu, 9, 1, 0) == SINCE_YES;
	(refused ? judge_fail :
		   judge_warn)(finding, arena, "the vIOMMU of %s has %u bits, and this host's IOMMU translates %u: %s",
			       name, width, host,
			       refused ? "QEMU refuses (\"aw-bits 48 > host aw-bits 39\")" :
					 "QEMU 9.1 and later refuse, older ones fail when L1 maps above that");
	judge_evidence(finding, arena, "/sys/class/iommu", "%u bits", host);
	width_remedy(set, vm, "39", finding, arena);
}

/*
 * In scalable mode Linux prefers first-stage tables, which have a bit less: VFIO then offers one bit less as well. No
 * register says whether that mode is on.
 */
static bool may_be_narrower(const struct iommus *iommus, unsigned int width)
{
	for (size_t i = 0; i < iommus->count; i++)
		if (iommus->units[i].first_stage && iommus->units[i].width && iommus->units[i].width - 1 < width)
			return true;
	return false;
}

static void judge_intel_width(const struct subject_set *set, const struct vm *vm, const struct vm_viommu *viommu,
			      struct finding *finding, struct arena *arena)
{
	const struct vm *line = judge_line(set, vm);
	const char *name = judge_vm_name(arena, vm);
	unsigned int host = iommu_least_width(&set->host->iommus);
	unsigned int width = viommu->aw_bits ? viommu->aw_bits : judge_default_width(set, line);
	if (viommu->aw_bits && viommu->aw_bits != 39 && viommu->aw_bits != 48) {
		judge_fail(finding, arena, "the vIOMMU of %s has aw-bits=%u; QEMU takes 39 and 48 only", name,
			   viommu->aw_bits);
		if (viommu->where)
			judge_evidence(finding, arena, name, "%s", viommu->where);
		width_remedy(set, vm, host >= 48 ? "48" : "39", finding, arena);
	} else if (host == 0) {
		judge_unknown(finding, arena,
			      "how many bits this host's IOMMU translates is not known, so not whether the vIOMMU of "
			      "%s is too wide",
			      name);
	} else if (width == 0 && host < 48) {
		judge_unknown(finding, arena,
			      "the vIOMMU of %s has no aw-bits, and QEMU's default (39 or 48) goes by its version, "
			      "which is not known; this host's IOMMU translates %u",
			      name, host);
		width_remedy(set, vm, "39", finding, arena);
	} else if (host < (width ? width : 39)) {
		judge_too_wide(set, vm, width ? width : 39, host, finding, arena);
	} else if (may_be_narrower(&set->host->iommus, width)) {
		judge_warn(finding, arena,
			   "the vIOMMU of %s has %u bits, and this host's IOMMU translates %u, but one less where the "
			   "kernel uses first-stage tables (scalable mode): QEMU refuses then (\"aw-bits 48 > host "
			   "aw-bits 47\")",
			   name, width, host);
		width_remedy(set, vm, "39", finding, arena);
	} else if (width == 39 && line->memory_mib > UINT64_C(512) * 1024) {
		judge_warn(finding, arena,
			   "the vIOMMU of %s has 39 bits: an L2 with more than 512 GiB does not fit, and %s has %s",
			   name, name, judge_mib(arena, line->memory_mib));
		if (host >= 48)
			width_remedy(set, vm, "48", finding, arena);
	} else if (viommu->aw_bits || !width) {
		judge_pass(finding, arena, "the vIOMMU of %s is no wider than this host's IOMMU (%u bits)", name, host);
	} else {
		judge_pass(finding, arena, "the vIOMMU of %s has %u bits by QEMU's default, this host's IOMMU %u", name,
			   width, host);
	}
}

/* aw-bits of virtio-iommu came with QEMU 9.0; 32 to 64. */
static void judge_virtio_width(const struct subject_set *set, const struct vm *vm, const struct vm_viommu *viommu,
			       struct finding *finding, struct arena *arena)
{
	const struct version *qemu = &set->host->versions.qemu;
	const char *name = judge_vm_name(arena, vm);
	if (viommu->aw_bits == 0) {
		judge_na(finding, arena, "the virtio-iommu of %s has QEMU's default width", name);
	} else if (viommu->aw_bits < 32 || viommu->aw_bits > 64) {
		judge_fail(finding, arena, "the virtio-iommu of %s has aw-bits=%u; QEMU takes 32 to 64", name,
			   viommu->aw_bits);
	} else if (judge_since(qemu, 9, 0, 0) == SINCE_NO) {
		judge_fail(finding, arena,
			   "the virtio-iommu of %s has aw-bits, which QEMU %s does not know (9.0 is the first)", name,
			   qemu->fact.text);
	} else {
		judge_na(finding, arena, "the virtio-iommu of %s follows the host's ranges by itself", name);
	}
	if (finding->verdict == VERDICT_FAIL)
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			     "take aw-bits away; better use an intel-iommu");
}

static void judge_width(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_viommu *viommu = judge_viommu(set, vm, finding, arena);
	if (!viommu)
		return;
	if (viommu->model == VM_VIOMMU_INTEL)
		judge_intel_width(set, vm, viommu, finding, arena);
	else if (viommu->model == VM_VIOMMU_VIRTIO)
		judge_virtio_width(set, vm, viommu, finding, arena);
	else
		judge_na(finding, arena, "amd-iommu has no setting for its width");
}

/* ---- Options that do not go together with devices of the host ---- */

/* x-flts with devices: not at all in QEMU 10.0 to 10.2; later by iommufd, and not below a bridge (intel_iommu.c). */
static const char *first_level_problem(const struct subject_set *set, const struct vm *line)
{
	if (judge_since(&set->host->versions.qemu, 11, 0, 0) == SINCE_NO)
		return "before QEMU 11 it does not work with devices of the host";
	for (size_t i = 0; i < line->device_count; i++) {
		if (!line->devices[i].iommufd)
			return "it needs iommufd for every device of the host";
		if (line->devices[i].shares_bridge)
			return "it does not work with a device behind a bridge to conventional PCI";
	}
	return NULL;
}

static void judge_options(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm_viommu *viommu = judge_intel(set, vm, finding, arena);
	if (!viommu)
		return;
	const char *name = judge_vm_name(arena, vm);
	const char *problem = viommu->first_level == VM_YES ? first_level_problem(set, judge_line(set, vm)) : NULL;
	const char *option = NULL;
	if (viommu->snoop_control == VM_YES) {
		option = "snoop-control";
		judge_fail(finding, arena,
			   "the vIOMMU of %s has snoop-control=on, which QEMU refuses together with VFIO", name);
	} else if (viommu->dma_translation == VM_NO) {
		option = "dma-translation";
		judge_fail(finding, arena,
			   "the vIOMMU of %s has dma-translation=off: it remaps interrupts only, and L1 has no "
			   "IOMMU groups",
			   name);
	} else if (problem) {
		option = "x-flts";
		judge_fail(finding, arena, "the vIOMMU of %s has x-flts=on: %s", name, problem);
	} else if (viommu->first_level == VM_YES || viommu->scalable == VM_YES) {
		option = viommu->first_level == VM_YES ? "x-flts" : "x-scalable-mode";
		judge_warn(finding, arena, "the vIOMMU of %s has %s=on, which is an experiment of QEMU's", name,
			   option);
	} else if (viommu->snoop_control == VM_UNKNOWN && viommu->scalable == VM_UNKNOWN &&
		   viommu->first_level == VM_UNKNOWN) {
		judge_unknown(finding, arena, "which options the vIOMMU of %s has is not known", name);
	} else {
		judge_pass(finding, arena,
			   "the vIOMMU of %s has no option that devices of the host do not get along with", name);
	}
	if (!option)
		return;
	if (viommu->where)
		judge_evidence(finding, arena, name, "%s", viommu->where);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena, "take %s=on away from the intel-iommu of %s",
		     option, name);
}

/* ---- How wide the guest's CPU says that addresses are ---- */

/* QEMU's own for every model but host (target/i386/cpu.h, TCG_PHYS_ADDR_BITS). */
#define DEFAULT_PHYS_BITS 40

/* Of the VM's CPU; 0: not known. */
static unsigned int physical_bits(const struct subject_set *set, const struct vm *vm)
{
	const char *cpu = vm->cpu ? vm->cpu : vm->cpu_default;
	if (vm->phys_bits)
		return vm->phys_bits == UINT_MAX ? set->host->cpu.physical_bits : vm->phys_bits;
	/* What a model of Proxmox VE's cpu-models.conf says is not known here. */
	return cpu && !text_starts_with(cpu, "custom-") ? DEFAULT_PHYS_BITS : 0;
}

static const char *guest_bits_words(const struct subject_set *set, const struct vm *vm, unsigned int bits,
				    struct finding *finding, struct arena *arena)
{
	const char *cpu = vm->cpu ? vm->cpu : vm->cpu_default ? vm->cpu_default : "host";
	const char *width = arena_printf(arena, "%u", bits);
	enum judge_since native = judge_since(&set->host->versions.qemu_server, 9, 0, 18);
	struct judge_setting setting = { "cpu", "cputype", cpu, "guest-phys-bits", width };
	const char *guest = arena_printf(arena, "qm set %s --cpu %s", judge_id(vm),
					 judge_proxmox_value(set, native == SINCE_NO ? NULL : finding, arena, vm,
							     setting));
	setting.key = "phys-bits";
	const char *phys = arena_printf(arena, "qm set %s --cpu %s", judge_id(vm),
					judge_proxmox_value(set, native == SINCE_NO ? finding : NULL, arena, vm,
							    setting));
	switch (native) {
	case SINCE_YES:
		return guest;
	case SINCE_NO:
		return phys;
	default:
		return arena_printf(arena, "%s (qemu-server 9.0.18 or later; before: %s)", guest, phys);
	}
}

static void judge_guest_bits(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	const struct vm *vm = subject;
	if (!judge_has_devices(vm, finding, arena))
		return;
	const char *name = judge_vm_name(arena, vm);
	unsigned int host = iommu_least_width(&set->host->iommus);
	unsigned int guest = vm->guest_phys_bits ? vm->guest_phys_bits : physical_bits(set, vm);
	if (host == 0) {
		judge_unknown(finding, arena, "how many bits this host's IOMMU translates is not known");
	} else if (guest == 0) {
		judge_unknown(finding, arena, "how many bits physical addresses have in %s is not known", name);
	} else if (guest <= host) {
		judge_pass(finding, arena,
			   "physical addresses have %u bits in %s, which this host's IOMMU translates (%u)", guest,
			   name, host);
	} else {
		judge_warn(finding, arena,
			   "physical addresses have %u bits in %s, and this host's IOMMU translates %u: its "
			   "firmware may put large BARs where no DMA gets (\"dma_map(...) = -22\")",
			   guest, name, host);
		judge_vm_remedy(finding, arena, vm, RESTART_VM,
				(struct judge_words){
					.proxmox = guest_bits_words(set, vm, host, finding, arena),
					.libvirt = arena_printf(
						arena,
						"virsh edit %s: <maxphysaddr mode='passthrough' limit='%u'/> in <cpu>",
						judge_libvirt_name(vm), host),
					.plain = arena_printf(arena,
							      "-cpu host,guest-phys-bits=%u; before QEMU 9.1: "
							      "-cpu host,host-phys-bits-limit=%u",
							      host, host),
				});
	}
}

/* pc_memory_init(), hw/i386/pc.c: "Address space limit ... phys-bits too low". */
static void judge_memory_bits(const struct subject_set *set, const void *subject, struct finding *finding,
			      struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	unsigned int bits = physical_bits(set, vm);
	if (bits == 0 || vm->memory_mib == 0) {
		judge_unknown(finding, arena, "%s of %s is not known",
			      bits ? "the memory" : "the width of physical addresses", name);
	} else if (bits < 64 && vm->memory_mib > (bits <= 20 ? 0 : UINT64_C(1) << (bits - 20))) {
		judge_fail(finding, arena,
			   "%s has %s, and physical addresses of %u bits: QEMU refuses (\"phys-bits too low\")", name,
			   judge_mib(arena, vm->memory_mib), bits);
		judge_vm_remedy(
			finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(arena, "qm set %s --cpu host", judge_id(vm)),
				.libvirt = "<cpu mode='host-passthrough'/>, or <maxphysaddr mode='passthrough'/>",
				.plain = "-cpu host, or phys-bits=N",
			});
	} else {
		judge_pass(finding, arena, "the memory of %s (%s) fits into physical addresses of %u bits", name,
			   judge_mib(arena, vm->memory_mib), bits);
	}
}

/* "host" and "max" have what KVM can show, which is what the processor has. */
static enum vm_answer guest_pdpe1gb(const struct host *host, const struct vm *vm)
{
	bool of_host = text_equals(vm->cpu, "host") || text_equals(vm->cpu, "max");
	if (vm->pdpe1gb != VM_UNKNOWN || vm->kvm != VM_YES || !of_host || !fact_known(&host->cpu.cpuinfo))
		return vm->pdpe1gb;
	return host->cpu.pdpe1gb ? VM_YES : VM_NO;
}

static void judge_pdpe1gb(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	enum vm_answer pages = guest_pdpe1gb(set->host, vm);
	if (vm->ovmf == VM_NO) {
		judge_na(finding, arena, "%s has no OVMF", name);
	} else if (vm->ovmf == VM_UNKNOWN || pages == VM_UNKNOWN) {
		judge_unknown(finding, arena, "whether %s of %s is not known",
			      vm->ovmf == VM_UNKNOWN ? "OVMF is the firmware" : "the CPU has 1 GiB pages (pdpe1gb)",
			      name);
	} else if (pages == VM_YES) {
		judge_pass(finding, arena, "the CPU of %s has 1 GiB pages, so OVMF uses all of its address space",
			   name);
	} else {
		judge_warn(finding, arena,
			   "the CPU of %s has no 1 GiB pages (pdpe1gb): OVMF uses 40 bits of addresses only, and "
			   "large BARs may not fit",
			   name);
		judge_vm_remedy(
			finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(arena, "qm set %s --cpu host", judge_id(vm)),
				.libvirt =
					"<feature policy='require' name='pdpe1gb'/> in <cpu>, or mode='host-passthrough'",
				.plain = "-cpu host, or +pdpe1gb",
			});
	}
}

static const struct check checks[] = {
	{
		.id = "vm-viommu-width",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the vIOMMU is no wider than the host's IOMMU",
		.looks_at = "aw-bits, or QEMU's default by version and machine type; the width of the host's IOMMUs",
		.why = "L1 may use all addresses that its vIOMMU offers. What the host's IOMMU cannot translate then fails: at "
		       "the start since QEMU 9.1, while running before. Too few bits limit L2's memory.",
		.mend = "Write aw-bits: 39 or 48, whichever the host can do.",
		.see = "VT-d specification, 11.4.2, MGAW and SAGAW; QEMU, hw/i386/intel_iommu.c",
		.rows = "F077 F082 F083 F085 F086",
		.needs = "iommu-active",
		.judge = judge_width,
	},
	{
		.id = "vm-viommu-options",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "no option of the vIOMMU is in the way",
		.looks_at = "snoop-control, dma-translation, x-flts, x-scalable-mode",
		.why = "QEMU refuses some options of intel-iommu together with devices of the host; others are experiments.",
		.mend = "Take the option away.",
		.see = "QEMU, hw/i386/intel_iommu.c, vtd_decide_config() and vtd_check_hiod()",
		.rows = "F044 F045",
		.judge = judge_options,
	},
	{
		.id = "vm-guest-phys-bits",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the guest's physical addresses fit the host's IOMMU",
		.looks_at =
			"cpu, phys-bits and guest-phys-bits; the CPU's address width; the width of the host's IOMMUs",
		.why = "Firmware puts large BARs at the top of the physical address space. Many CPUs have 46 bits there, and "
		       "their IOMMUs 39: such BARs cannot be mapped for DMA. One level down the same holds again.",
		.mend = "guest-phys-bits (Proxmox VE, qemu-server 9.0.18), maxphysaddr (libvirt), host-phys-bits-limit (QEMU).",
		.see = "qm(1), cpu, guest-phys-bits; libvirt, formatdomain, maxphysaddr",
		.rows = "F084 F089",
		.needs = "iommu-active",
		.judge = judge_guest_bits,
	},
	{
		.id = "vm-phys-bits-memory",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM's memory fits into its physical addresses",
		.looks_at = "memory, cpu, phys-bits",
		.why = "QEMU refuses a VM whose memory ends above what its CPU can address.",
		.mend = "-cpu host, or larger phys-bits.",
		.see = "QEMU, hw/i386/pc.c, pc_memory_init()",
		.rows = "F087",
		.judge = judge_memory_bits,
	},
	{
		.id = "vm-pdpe1gb",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "OVMF can use all of the address space",
		.looks_at = "the CPU type and its flag pdpe1gb; the firmware",
		.why = "Without 1 GiB pages OVMF limits itself to 40 bits of addresses, so that its window for BARs is small.",
		.mend = "-cpu host, or +pdpe1gb.",
		.see = "edk2, OvmfPkg/Library/PlatformInitLib/MemDetect.c",
		.rows = "F088",
		.judge = judge_pdpe1gb,
	},
	{ 0 },
};

const struct check_family check_family_viommu_width = { "viommu-width", "Address widths", checks };
