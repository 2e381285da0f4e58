/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Can this machine run VMs, and can those run VMs? Flags and module parameters are hints only: under a hypervisor of
 * another kind (PVM) KVM works with no flag, and nests nothing. What KVM itself answers decides.
 */
#include "check/parameter.h"

static void remedy_for_flags(struct finding *finding, const struct subject_set *set, struct arena *arena)
{
	if (is_inside(set))
		judge_remedy(finding, ACTOR_OUTER, RESTART_VM, arena,
			     "give this VM a CPU that shows vmx or svm: 'qm set VMID --cpu host' in Proxmox VE, "
			     "<cpu mode='host-passthrough'/> in libvirt, '-cpu host' for QEMU; the machine below needs "
			     "nested=1 (check kvm-nested there)");
	else
		judge_remedy(finding, ACTOR_FIRMWARE, RESTART_HOST, arena,
			     "switch on %s in the firmware's set-up, then power the machine off and on",
			     set->host->cpu.vendor == CPU_AMD ? "SVM (AMD-V)" :
								"Intel VT-x (Virtualization Technology)");
}

/* Devices are there only where the system runs: /dev of a tree of files says nothing. */
static bool is_missing(const struct host *host)
{
	return fact_absent(&host->kvm.device) && host->live;
}

static void judge_virtualization(const struct subject_set *set, const void *subject, struct finding *finding,
				 struct arena *arena)
{
	const struct host *host = set->host;
	const struct fact *cpuinfo = &host->cpu.cpuinfo;
	if (!fact_known(cpuinfo)) {
		judge_unknown_fact(finding, arena, cpuinfo);
		return;
	}
	if (host->cpu.vmx || host->cpu.svm) {
		const char *flag = host->cpu.vmx ? "vmx" : "svm";
		judge_pass(finding, arena, "the CPU has %s", flag);
		judge_evidence(finding, arena, cpuinfo->path, "flag %s", flag);
		return;
	}
	if (fact_known(&host->kvm.api)) {
		judge_pass(finding, arena, "the CPU shows neither vmx nor svm, but KVM works: it is of another kind");
		judge_evidence_fact(finding, arena, &host->kvm.api);
	} else if (is_missing(host)) {
		judge_fail(finding, arena, "the CPU shows neither vmx nor svm, and there is no /dev/kvm");
		judge_wanted(finding, arena, "the flag vmx or svm");
		remedy_for_flags(finding, set, arena);
	} else {
		judge_unknown(finding, arena,
			      "the CPU shows neither vmx nor svm, and whether KVM works nevertheless is not known");
		finding->denied = host->kvm.api.denied;
	}
	judge_evidence(finding, arena, cpuinfo->path, "no flag vmx, no flag svm");
	judge_evidence_fact(finding, arena, &host->kvm.device);
}

static void remedy_for_device(struct finding *finding, const struct subject_set *set, struct arena *arena)
{
	const struct host *host = set->host;
	const struct module *module = host->cpu.svm ? &host->modules.kvm_amd : &host->modules.kvm_intel;
	const char *name = host->cpu.svm ? "kvm_amd" : "kvm_intel";
	if (fact_known(&host->machine.container))
		judge_remedy(finding, ACTOR_OUTER, RESTART_NONE, arena, "let this container have /dev/kvm");
	else if (module->state == MODULE_LOADED || module->state == MODULE_BUILT_IN)
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "%s is there and found no CPU that it can use: 'dmesg | grep -i kvm' says why", name);
	else
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "run 'modprobe %s'; if that fails, 'dmesg | grep -i kvm' says why", name);
}

static void judge_device(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct fact *device = &set->host->kvm.device;
	if (fact_known(device)) {
		judge_pass(finding, arena, "/dev/kvm is there");
	} else if (is_missing(set->host)) {
		judge_fail(finding, arena, "there is no /dev/kvm: VMs would be emulated");
		judge_wanted(finding, arena, "/dev/kvm");
		remedy_for_device(finding, set, arena);
	} else {
		judge_unknown_fact(finding, arena, device);
		return;
	}
	judge_evidence_fact(finding, arena, device);
}

static void judge_usable(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct host *host = set->host;
	const struct fact *api = &host->kvm.api;
	/* KVM_GET_API_VERSION has been 12 since Linux 2.6.22, and applications shall refuse anything else. */
	if (fact_known(api) && api->number == 12) {
		judge_pass(finding, arena, "/dev/kvm opens, and answers with API version 12");
	} else if (fact_known(api)) {
		judge_fail(finding, arena, "/dev/kvm speaks API version %lld, which no QEMU knows",
			   (long long)api->number);
		judge_wanted(finding, arena, "12");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena, "run another kernel");
	} else if (api->state == FACT_UNREADABLE && api->denied && host->root_user) {
		judge_fail(finding, arena, "not even root may open /dev/kvm");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "let this container use the device 10:232 (lxc.cgroup2.devices.allow, --device)");
	} else {
		judge_unknown_fact(finding, arena, api);
		return;
	}
	judge_evidence_fact(finding, arena, api);
}

/* The option line that sets a parameter of a module, the last that speaks of it; NULL: none. */
static const struct boot_modprobe *option_line(const struct subject_set *set, const char *module, const char *option)
{
	const struct boot_modprobe *found = NULL;
	for (size_t i = 0; set->boot && i < set->boot->modprobe_count; i++) {
		const struct boot_modprobe *line = &set->boot->modprobe[i];
		if (text_equals(line->command, "options") && text_equals(line->module, module) &&
		    strstr(line->rest, option))
			found = line;
	}
	return found;
}

static void remedy_for_nested(struct finding *finding, const struct subject_set *set, struct arena *arena)
{
	const struct kvm *kvm = &set->host->kvm;
	const struct modules *modules = &set->host->modules;
	bool is_intel = text_equals(kvm->module, "kvm_intel");
	const struct module *module = is_intel ? &modules->kvm_intel : &modules->kvm_amd;
	const struct boot_modprobe *line = option_line(set, kvm->module, "nested=");
	if (module->state != MODULE_BUILT_IN && set->boot)
		judge_mend(finding, arena,
			   (struct mend){ MEND_MODULE_OPTION, is_intel ? "kvm_intel" : "kvm_amd", "nested=1", 0 });
	if (module->state == MODULE_BUILT_IN) {
		judge_remedy_parameter(finding, set, arena, true, is_intel ? "kvm_intel.nested=1" : "kvm_amd.nested=1");
		return;
	}
	if (line) {
		judge_evidence(finding, arena, arena_printf(arena, "%s:%u", line->path, line->line), "options %s %s",
			       line->module, line->rest);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "put nested=1 in line %u of %s, stop all VMs, run 'modprobe -r %s' and 'modprobe %s'",
			     line->line, line->path, kvm->module, kvm->module);
		return;
	}
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
		     "write 'options %s nested=1' to /etc/modprobe.d/kvm-nested.conf, stop all VMs, run "
		     "'modprobe -r %s' and 'modprobe %s'",
		     kvm->module, kvm->module, kvm->module);
}

/* Looked for, and neither of the two modules was found. */
static bool has_other_kind(const struct kvm *kvm)
{
	return !kvm->module && kvm->device.state != FACT_UNASKED;
}

static void judge_nested(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct kvm *kvm = &set->host->kvm;
	if (has_other_kind(kvm)) {
		judge_na(finding, arena, "neither kvm_intel nor kvm_amd is loaded: see kvm-can-nest");
		return;
	}
	if (!fact_known(&kvm->nested)) {
		judge_unknown_fact(finding, arena, &kvm->nested);
		return;
	}
	if (kvm->nested.number) {
		judge_pass(finding, arena, "nested virtualization is on");
		judge_evidence_fact(finding, arena, &kvm->nested);
		return;
	}
	judge_fail(finding, arena, "nested virtualization is off: L1 would see neither vmx nor svm");
	judge_evidence_fact(finding, arena, &kvm->nested);
	judge_wanted(finding, arena, "Y or 1");
	remedy_for_nested(finding, set, arena);
}

/* What KVM would show its guests decides; the capability is there with the parameter off, too. */
static void judge_can_nest(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct kvm *kvm = &set->host->kvm;
	const struct fact *shown = &kvm->guest_extension;
	if (fact_known(shown)) {
		judge_pass(finding, arena, "KVM can nest: it would show %s to L1", shown->text ? shown->text : "it");
		judge_evidence_fact(finding, arena, shown);
		return;
	}
	if (!fact_absent(shown) || !fact_known(&kvm->api)) {
		judge_unknown_fact(finding, arena, fact_absent(shown) ? &kvm->api : shown);
		return;
	}
	judge_fail(finding, arena, "KVM here cannot nest: what runs in L1 would be emulated");
	judge_evidence_fact(finding, arena, shown);
	if (fact_known(&kvm->nested_state))
		judge_evidence_fact(finding, arena, &kvm->nested_state);
	judge_wanted(finding, arena, "vmx or svm among the features that KVM shows its guests");
	if (is_inside(set))
		judge_remedy(
			finding, ACTOR_OUTER, RESTART_VM, arena,
			"the hypervisor that this machine runs on does not nest (PVM, Firecracker), or hides that it "
			"does: use another machine, or let L2 be emulated (accel=tcg)");
	else
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "run a kernel whose kvm_intel or kvm_amd nests, or let L2 be emulated (accel=tcg)");
}

static void judge_split_irqchip(const struct subject_set *set, const void *subject, struct finding *finding,
				struct arena *arena)
{
	const struct fact *fact = &set->host->kvm.split_irqchip;
	if (!fact_known(fact)) {
		judge_unknown_fact(finding, arena, fact);
		return;
	}
	if (fact->number > 0) {
		judge_pass(finding, arena, "KVM can split the irqchip, as a vIOMMU that remaps interrupts needs");
	} else {
		judge_fail(finding, arena, "KVM cannot split the irqchip: no vIOMMU could remap interrupts");
		judge_wanted(finding, arena, "KVM_CAP_SPLIT_IRQCHIP greater than 0");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena, "run Linux 4.4 or later");
	}
	judge_evidence_fact(finding, arena, fact);
}

static void judge_x2apic_api(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	const struct fact *fact = &set->host->kvm.x2apic_api;
	if (!fact_known(fact)) {
		judge_unknown_fact(finding, arena, fact);
		return;
	}
	if (fact->number > 0) {
		judge_pass(finding, arena, "KVM takes 32-bit APIC ids, as a vIOMMU with eim=on needs");
	} else {
		judge_warn(finding, arena, "KVM takes no 32-bit APIC ids: eim=on, and more than 255 CPUs, are refused");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "run Linux 4.7 or later, or give the vIOMMU eim=off");
	}
	judge_evidence_fact(finding, arena, fact);
}

static void judge_paging(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct kvm *kvm = &set->host->kvm;
	const char *name = text_equals(kvm->module, "kvm_amd") ? "npt" : "ept";
	if (has_other_kind(kvm)) {
		judge_na(finding, arena, "neither kvm_intel nor kvm_amd is loaded");
		return;
	}
	if (!fact_known(&kvm->ept)) {
		judge_unknown_fact(finding, arena, &kvm->ept);
		return;
	}
	if (kvm->ept.number) {
		judge_pass(finding, arena, "KVM uses the processor's second page tables (%s)", name);
	} else {
		judge_warn(finding, arena, "KVM does without the processor's second page tables (%s): nested VMs crawl",
			   name);
		judge_wanted(finding, arena, "Y or 1");
		if (is_inside(set))
			judge_remedy(
				finding, ACTOR_OUTER, RESTART_VM, arena,
				"if no option of modprobe.d switches %s off here, the CPU type of this VM hides it: "
				"use the type host",
				name);
		else
			judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
				     "take '%s=0' out of modprobe.d or the kernel command line and load %s anew", name,
				     kvm->module ? kvm->module : "KVM");
	}
	judge_evidence_fact(finding, arena, &kvm->ept);
}

static const struct check checks[] = {
	{
		.id = "cpu-virtualization",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the CPU can run virtual machines",
		.looks_at =
			"The flags vmx (Intel) and svm (AMD) in /proc/cpuinfo; where both are missing, whether KVM works "
			"all the same.",
		.why = "Without them KVM does not load, and VMs are emulated, some twenty times slower. Firmware can switch "
		       "them off; then the kernel takes the flag away. In a VM they are there only if its CPU type shows "
		       "them.",
		.mend = "On bare metal: switch on VT-x or SVM in the firmware's set-up. In L1: give the VM the CPU type "
			"host, on the machine that it runs on.",
		.see = "Intel SDM vol. 3, Enabling and Entering VMX Operation; AMD APM vol. 2, 15.4; kernel: Documentation/virt/kvm/x86/"
		       "running-nested-guests.rst",
		.rows = "F001 F002 F005",
		.judge = judge_virtualization,
	},
	{
		.id = "kvm-device",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "/dev/kvm is there",
		.looks_at = "Whether /dev/kvm exists; the modules kvm_intel and kvm_amd.",
		.why = "It is there exactly when a KVM module found a CPU that it can use.",
		.mend = "Load the module. If it refuses, the kernel's log says why, mostly firmware.",
		.see = "kernel: Documentation/virt/kvm/api.rst",
		.rows = "F001 F002 F006",
		.needs = "cpu-virtualization",
		.judge = judge_device,
	},
	{
		.id = "kvm-usable",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "KVM answers",
		.looks_at = "/dev/kvm is opened, and asked for its API version.",
		.why = "The file alone proves nothing: a container can have it and not the right to open it.",
		.mend = "Give the user the group kvm, or the container the device.",
		.see = "kernel: Documentation/virt/kvm/api.rst, KVM_GET_API_VERSION",
		.rows = "F006",
		.needs = "kvm-device",
		.judge = judge_usable,
	},
	{
		.id = "kvm-nested",
		.scope = CHECK_HOST,
		.levels = CHECK_L0,
		.title = "nested virtualization is switched on",
		.looks_at = "The parameter nested of kvm_intel or kvm_amd, and the lines of modprobe.d that set it.",
		.why = "With it off L1 sees neither vmx nor svm, whatever its CPU type, and cannot run VMs under KVM.",
		.mend = "Set nested=1 in modprobe.d and load the module anew, with all VMs stopped. Since Linux 4.20 it is "
			"on by default.",
		.see = "kernel: Documentation/virt/kvm/x86/running-nested-guests.rst",
		.rows = "F003",
		.needs = "kvm-device",
		.judge = judge_nested,
	},
	{
		.id = "kvm-can-nest",
		.scope = CHECK_HOST,
		.levels = CHECK_L0,
		.title = "KVM can nest",
		.looks_at = "What KVM would show its guests (KVM_GET_SUPPORTED_CPUID): vmx or svm.",
		.why = "Flags and parameters are hints. A KVM that works without the CPU's help (PVM) shows neither, and its "
		       "VMs cannot run VMs under KVM. KVM_CAP_NESTED_STATE is there with nesting off, too.",
		.mend = "Use a machine whose hypervisor nests, or let L2 be emulated.",
		.see = "kernel: Documentation/virt/kvm/api.rst, KVM_GET_SUPPORTED_CPUID",
		.rows = "F004",
		.needs = "kvm-usable kvm-nested",
		.judge = judge_can_nest,
	},
	{
		.id = "kvm-split-irqchip",
		.scope = CHECK_HOST,
		.levels = CHECK_L0,
		.title = "KVM can split the irqchip",
		.looks_at = "KVM_CHECK_EXTENSION of KVM_CAP_SPLIT_IRQCHIP.",
		.why = "QEMU's vIOMMU sees interrupts only if the I/O APIC is QEMU's: kernel-irqchip=split. Without "
		       "interrupt remapping VFIO in L1 refuses devices.",
		.mend = "Run Linux 4.4 or later.",
		.see = "QEMU: hw/i386/x86-iommu.c; kernel: Documentation/virt/kvm/api.rst, KVM_CAP_SPLIT_IRQCHIP",
		.rows = "",
		.needs = "kvm-usable",
		.judge = judge_split_irqchip,
	},
	{
		.id = "kvm-x2apic-api",
		.scope = CHECK_HOST,
		.levels = CHECK_L0,
		.title = "KVM takes 32-bit APIC ids",
		.looks_at = "KVM_CHECK_EXTENSION of KVM_CAP_X2APIC_API.",
		.why = "A vIOMMU with eim=on, and a VM with more than 255 CPUs, need it.",
		.mend = "Run Linux 4.7 or later, or give the vIOMMU eim=off.",
		.see = "kernel: Documentation/virt/kvm/api.rst, KVM_CAP_X2APIC_API",
		.rows = "F034 F035",
		.needs = "kvm-usable",
		.judge = judge_x2apic_api,
	},
	{
		.id = "kvm-two-dimensional-paging",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "KVM uses EPT or NPT",
		.looks_at = "The parameter ept of kvm_intel, or npt of kvm_amd.",
		.why = "Without it KVM keeps shadow page tables; for a VM in a VM that is a multiple of the work.",
		.mend = "Take ept=0 or npt=0 out of modprobe.d. In L1: use the CPU type host.",
		.see = "kernel: Documentation/virt/kvm/x86/mmu.rst",
		.rows = "",
		.needs = "kvm-usable",
		.judge = judge_paging,
	},
	{ 0 },
};

const struct check_family check_family_cpu = {
	.name = "cpu",
	.title = "CPU and KVM",
	.checks = checks,
};
