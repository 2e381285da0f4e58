/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt remapping, without which VFIO refuses devices. The proof is /proc/interrupts, where remapped chips are
 * called "IR-..."; the kernel's log can have lost its lines. The checks before it look for the cause: parameters, an
 * erratum, what the IOMMU offers. Where the proof is there, no cause counts.
 */
#include "check/judge.h"
#include "check/parameter.h"

#define X2APIC_CPUS 255 /* APIC ids of 8 bits reach no further */

static bool is_proven(const struct host *host)
{
	return fact_known(&host->machine.interrupts) && host->machine.remapped_interrupts > 0;
}

/* Whoever allows unsafe interrupts gets his devices: what is missing is a risk then, and no failure. */
static bool unsafe_is_allowed(const struct host *host)
{
	const struct fact *fact = &host->modules.allow_unsafe_interrupts;
	return fact_known(fact) && fact->number;
}

static void judge_missing(const struct subject_set *set, struct finding *finding, struct arena *arena,
			  const char *summary)
{
	if (unsafe_is_allowed(set->host)) {
		judge_warn(finding, arena, "%s; devices are passed on only because unsafe interrupts are allowed",
			   summary);
		judge_evidence_fact(finding, arena, &set->host->modules.allow_unsafe_interrupts);
	} else {
		judge_fail(finding, arena, "%s", summary);
	}
}

static bool judged_as_proven(const struct subject_set *set, struct finding *finding, struct arena *arena)
{
	const struct machine *machine = &set->host->machine;
	if (!is_proven(set->host))
		return false;
	judge_pass(finding, arena, "interrupts are remapped");
	judge_evidence(finding, arena, machine->interrupts.path, "%s",
		       machine->interrupt_evidence ? machine->interrupt_evidence : "IR-");
	return true;
}

static void judge_not_disabled(const struct subject_set *set, const void *subject, struct finding *finding,
			       struct arena *arena)
{
	const struct kernel *kernel = &set->host->kernel;
	const struct cmdline_word *word = NULL;
	if (judged_as_proven(set, finding, arena))
		return;
	if (!fact_known(&kernel->cmdline_file)) {
		judge_unknown_fact(finding, arena, &kernel->cmdline_file);
		return;
	}
	enum parameter_switch state = parameter_on_off(&kernel->cmdline, "intremap", &word);
	const struct cmdline_word *old = cmdline_find(&kernel->cmdline, "nointremap");
	if (state != PARAMETER_OFF && !old) {
		judge_pass(finding, arena, "no kernel parameter switches interrupt remapping off");
		return;
	}
	word = state == PARAMETER_OFF ? word : old;
	judge_missing(set, finding, arena,
		      arena_printf(arena, "interrupt remapping is switched off by the kernel parameter %s",
				   word->word));
	judge_evidence(finding, arena, kernel->cmdline_file.path, "%s", word->word);
	judge_wanted(finding, arena, "no %s", word->word);
	if (word == old)
		judge_remedy_parameter(finding, set, arena, false, word->word);
	else
		judge_remedy_item(finding, set, arena, word->name, NULL, "off");
}

/*
 * Intel 5500, 5520 and X58 (I/O hubs 3403, 3405, 3406) up to stepping B3, and one of C2, lose interrupts when they remap
 * them; the kernel refuses to (intel_remapping_check() in arch/x86/kernel/early-quirks.c).
 */
static bool is_old_hub(const struct pci_function *function)
{
	return function->vendor == 0x8086 &&
	       (function->device == 0x3403 || function->device == 0x3405 || function->device == 0x3406);
}

static bool has_erratum(const struct pci_function *hub)
{
	return hub->revision <= 0x13 || (hub->device == 0x3405 && hub->revision == 0x22);
}

static void judge_chipset(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct host *host = set->host;
	if (judged_as_proven(set, finding, arena))
		return;
	if (!fact_known(&host->pci_folder)) {
		judge_unknown_fact(finding, arena, &host->pci_folder);
		return;
	}
	for (size_t i = 0; i < host->functions.count; i++) {
		const struct pci_function *function = &host->functions.items[i];
		if (!is_old_hub(function))
			continue;
		if (function->revision == PCI_UNKNOWN) {
			judge_unknown(finding, arena, "this chipset may lose interrupts: its revision is not known");
			judge_evidence(finding, arena, pci_path(arena, function->address, "revision"), "not known");
			return;
		}
		if (!has_erratum(function))
			continue;
		judge_missing(set, finding, arena,
			      "this chipset loses interrupts when it remaps them, and the kernel does not let it");
		judge_evidence(finding, arena, pci_path(arena, function->address, ""), "8086:%04x, revision %02x",
			       (unsigned int)function->device, (unsigned int)function->revision);
		judge_wanted(finding, arena, "a revision above 13%s", function->device == 0x3405 ? ", and not 22" : "");
		if (unsafe_is_allowed(host))
			judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
				     "use another board, unless every VM with a device is trusted");
		else
			judge_remedy(
				finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
				"use another board. Or take the risk that a VM forges interrupts: write 'options "
				"vfio_iommu_type1 allow_unsafe_interrupts=1' to /etc/modprobe.d/vfio.conf, run '%s', reboot",
				boot_initramfs_command(set));
		return;
	}
	judge_pass(finding, arena, "no chipset with the interrupt remapping erratum (Intel 5500, 5520, X58) is here");
}

static void remedy_for_offer(struct finding *finding, const struct subject_set *set, struct arena *arena)
{
	if (is_inside(set))
		judge_remedy(
			finding, ACTOR_OUTER, RESTART_VM, arena,
			"on the machine that this VM runs on, give it intel-iommu with intremap=on, and its machine "
			"kernel-irqchip=split: " JUDGE_HOW_TO_GIVE_VIOMMU "; then stop and start it");
	else
		judge_remedy(
			finding, ACTOR_FIRMWARE, RESTART_HOST, arena,
			"switch interrupt remapping (or x2APIC) on in the firmware's set-up, or update the firmware");
}

/* One unit that says what it offers: false when that is not enough, or not known (then the verdict is there). */
static bool unit_offers(const struct subject_set *set, const struct iommu_unit *unit, struct finding *finding,
			struct arena *arena)
{
	if (unit->kind == IOMMU_VIRTIO) {
		judge_missing(set, finding, arena, "the vIOMMU is a virtio-iommu, which cannot remap interrupts");
		judge_evidence(finding, arena, set->host->iommus.class.path, "%s", unit->name);
		judge_wanted(finding, arena, "intel-iommu with intremap=on");
		remedy_for_offer(finding, set, arena);
		return false;
	}
	if (unit->kind != IOMMU_INTEL)
		return true;
	if (!fact_known(&unit->ecap)) {
		judge_unknown_fact(finding, arena, &unit->ecap);
		return false;
	}
	if (VTD_ECAP_IR(unit->ecap.number))
		return true;
	judge_missing(set, finding, arena, arena_printf(arena, "%s cannot remap interrupts", unit->name));
	judge_evidence(finding, arena, unit->ecap.path, "%s: interrupt remapping (bit 3) is not set",
		       unit->ecap.text ? unit->ecap.text : "?");
	judge_wanted(finding, arena, "bit 3 in the extended capabilities of each unit");
	remedy_for_offer(finding, set, arena);
	return false;
}

static void judge_offered(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct iommus *iommus = &set->host->iommus;
	if (judged_as_proven(set, finding, arena))
		return;
	if (!fact_known(&iommus->class)) {
		judge_unknown_fact(finding, arena, &iommus->class);
		return;
	}
	if (iommus->count == 0 || iommus->units[0].kind == IOMMU_OTHER) {
		judge_na(finding, arena, "no IOMMU is active that is judged here");
		return;
	}
	if (iommus->dmar && !(iommus->dmar->flags & DMAR_INTR_REMAP)) {
		judge_missing(set, finding, arena,
			      is_inside(set) ? "the VM's table DMAR does not offer interrupt remapping" :
					       "firmware's table DMAR does not offer interrupt remapping");
		judge_evidence(finding, arena, iommus->dmar_file.path, "flags %#x", iommus->dmar->flags);
		judge_wanted(finding, arena, "bit 0 in the flags");
		remedy_for_offer(finding, set, arena);
		return;
	}
	for (size_t i = 0; i < iommus->count; i++)
		if (!unit_offers(set, &iommus->units[i], finding, arena))
			return;
	if (iommus->units[0].kind == IOMMU_INTEL)
		judge_pass(finding, arena, "every unit offers interrupt remapping");
	else
		judge_na(finding, arena, "every AMD-Vi unit can remap interrupts");
}

/* What was found of the causes, each by its own check. */
struct causes {
	struct finding disabled, chipset, offered;
	bool known;                    /* one of them warned: unsafe interrupts are allowed, else it had failed */
	const struct finding *unknown; /* the first that could not be looked at; NULL: all could */
};

static void find_causes(const struct subject_set *set, struct arena *arena, struct causes *ret)
{
	*ret = (struct causes){ 0 };
	judge_not_disabled(set, NULL, &ret->disabled, arena);
	judge_chipset(set, NULL, &ret->chipset, arena);
	judge_offered(set, NULL, &ret->offered, arena);
	const struct finding *findings[] = { &ret->disabled, &ret->chipset, &ret->offered };
	for (size_t i = 0; i < ARRAY_SIZE(findings); i++) {
		ret->known |= findings[i]->verdict == VERDICT_WARN;
		if (findings[i]->verdict == VERDICT_UNKNOWN && !ret->unknown)
			ret->unknown = findings[i];
	}
}

static void judge_not_remapped(const struct subject_set *set, const struct finding *unknown, struct finding *finding,
			       struct arena *arena)
{
	const struct machine *machine = &set->host->machine;
	judge_missing(set, finding, arena,
		      unknown ? arena_printf(arena, "interrupts are not remapped; why, is not known: %s",
					     unknown->summary) :
				"interrupts are not remapped, though nothing seems to be in the way");
	judge_evidence(finding, arena, machine->interrupts.path, "%s",
		       machine->interrupt_evidence ? machine->interrupt_evidence : "no IR-");
	for (size_t i = 0; unknown && i < unknown->evidence_count; i++)
		judge_evidence(finding, arena, unknown->evidence[i].where, "%s", unknown->evidence[i].what);
	judge_wanted(finding, arena, "IR-IO-APIC, IR-PCI-MSI");
	if (unknown)
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "%sthe kernel says why: 'nestpci check --journal'",
			     unknown->denied ? "run nestpci as root; " : "");
	else
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "the kernel says why: 'nestpci check --journal'. On AMD it is mostly an IOAPIC that IVRS "
			     "does not name: a firmware update, or ivrs_ioapic=");
}

static void judge_remapping(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	const struct machine *machine = &set->host->machine;
	const struct iommus *iommus = &set->host->iommus;
	if (judged_as_proven(set, finding, arena))
		return;
	if (fact_known(&iommus->class) && (iommus->count == 0 || iommus->units[0].kind == IOMMU_OTHER)) {
		judge_na(finding, arena, "no IOMMU is active that is judged here");
		return;
	}
	if (fact_known(&iommus->class) && iommus->units[0].kind == IOMMU_VIRTIO) {
		judge_na(finding, arena, "a virtio-iommu remaps none: see interrupt-remapping-offered");
		return;
	}
	if (!fact_known(&machine->interrupts) || machine->plain_interrupts == 0) {
		judge_unknown_fact(finding, arena, &machine->interrupts);
		return;
	}
	struct causes causes;
	find_causes(set, arena, &causes);
	if (causes.known)
		judge_na(finding, arena, "interrupts are not remapped, for a reason given above");
	else
		judge_not_remapped(set, causes.unknown, finding, arena);
}

/* Whether a unit of Intel's or AMD's remaps less than 32-bit APIC ids, or does not say: then that is the finding. */
static bool judge_apic_ids(const struct subject_set *set, const struct iommu_unit *unit, struct finding *finding,
			   struct arena *arena)
{
	bool is_intel = unit->kind == IOMMU_INTEL;
	const struct fact *fact = is_intel ? &unit->ecap : &unit->features;
	if (!is_intel && unit->kind != IOMMU_AMD)
		return false;
	if (!fact_known(fact)) {
		judge_unknown_fact(finding, arena, fact);
		return true;
	}
	if (is_intel ? VTD_ECAP_EIM(fact->number) : AMDVI_EFR_XT(fact->number))
		return false;
	judge_warn(finding, arena, "%s remaps no 32-bit APIC ids, with %u CPUs", unit->name, set->host->cpu.count);
	judge_evidence_fact(finding, arena, fact);
	if (is_inside(set))
		judge_remedy(finding, ACTOR_OUTER, RESTART_VM, arena, "give the VM's %s",
			     is_intel ? "intel-iommu eim=on" : "amd-iommu xtsup=on");
	return true;
}

static void judge_x2apic(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct host *host = set->host;
	const struct iommus *iommus = &host->iommus;
	const struct dmar *dmar = iommus->dmar;
	if (!fact_known(&host->cpu.cpuinfo) || !host->cpu.count) {
		judge_unknown_fact(finding, arena, &host->cpu.cpuinfo);
		return;
	}
	bool is_overridden = parameter_item(&host->kernel.cmdline, "intremap", "no_x2apic_optout");
	bool opted_out = dmar && (dmar->flags & DMAR_X2APIC_OPT_OUT) && !is_overridden;
	if (host->cpu.count <= X2APIC_CPUS) {
		judge_pass(finding, arena, "x2APIC is not needed for %u CPUs%s", host->cpu.count,
			   opted_out ? " (firmware asks to leave it off)" : "");
		if (opted_out)
			judge_evidence(finding, arena, iommus->dmar_file.path, "flags %#x", dmar->flags);
		return;
	}
	if (opted_out) {
		judge_warn(finding, arena, "firmware asks not to use x2APIC, with %u CPUs", host->cpu.count);
		judge_evidence(finding, arena, iommus->dmar_file.path, "flags %#x: bit 1 is the opt-out", dmar->flags);
		judge_remedy_parameter(finding, set, arena, true, "intremap=no_x2apic_optout");
		return;
	}
	for (size_t i = 0; i < iommus->count; i++)
		if (judge_apic_ids(set, &iommus->units[i], finding, arena))
			return;
	if (fact_known(&iommus->class) && iommus->count)
		judge_pass(finding, arena, "interrupts reach all %u CPUs", host->cpu.count);
	else
		judge_unknown_fact(finding, arena, &iommus->class);
}

static void judge_unsafe(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct host *host = set->host;
	const struct fact *fact = &host->modules.allow_unsafe_interrupts;
	if (fact_absent(fact)) {
		judge_na(finding, arena, "vfio_iommu_type1 is not loaded");
		return;
	}
	if (!fact_known(fact)) {
		judge_unknown_fact(finding, arena, fact);
		return;
	}
	if (!fact->number) {
		judge_pass(finding, arena, "VFIO accepts no unsafe interrupts");
	} else {
		judge_warn(finding, arena,
			   "VFIO accepts unsafe interrupts: a VM can forge them, and stop this machine%s",
			   is_proven(host) ? "; interrupts are remapped, so that it is not even needed" : "");
		judge_wanted(finding, arena, "N");
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			"%s: take allow_unsafe_interrupts=1 out of modprobe.d and the kernel command line, and run "
			"'echo N > %s'",
			is_proven(host) ? "do without" : "once interrupts are remapped", fact->path);
	}
	judge_evidence_fact(finding, arena, fact);
}

static void judge_unsafe_iommufd(const struct subject_set *set, const void *subject, struct finding *finding,
				 struct arena *arena)
{
	const struct host *host = set->host;
	const struct fact *fact = &host->modules.iommufd_unsafe_interrupts;
	if (fact_absent(fact)) {
		judge_na(finding, arena, "iommufd is not loaded");
		return;
	}
	if (!fact_known(fact)) {
		judge_unknown_fact(finding, arena, fact);
		return;
	}
	judge_evidence_fact(finding, arena, fact);
	if (fact->number) {
		judge_warn(finding, arena,
			   "iommufd accepts unsafe interrupts: a VM can forge them, and stop this machine");
		judge_wanted(finding, arena, "N");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena, "run 'echo N > %s'", fact->path);
	} else if (unsafe_is_allowed(host) && !is_proven(host)) {
		judge_warn(finding, arena,
			   "unsafe interrupts are allowed to VFIO type1, not to iommufd: VMs that use "
			   "iommufd are refused");
		judge_evidence_fact(finding, arena, &host->modules.allow_unsafe_interrupts);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "use type1 (no iommufd object on the QEMU line), or allow it there, too: 'echo Y > %s'",
			     fact->path);
	} else {
		judge_pass(finding, arena, "iommufd accepts no unsafe interrupts");
	}
}

static const struct check checks[] = {
	{
		.id = "interrupt-remapping-not-disabled",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "no kernel parameter switches interrupt remapping off",
		.looks_at = "intremap=off and nointremap in /proc/cmdline.",
		.why = "VFIO refuses devices where a device could forge interrupts.",
		.mend = "Take the parameter out of the boot loader's configuration and reboot.",
		.see = "kernel: Documentation/admin-guide/kernel-parameters.txt",
		.rows = "F023",
		.needs = "iommu-active",
		.judge = judge_not_disabled,
	},
	{
		.id = "interrupt-remapping-chipset",
		.scope = CHECK_HOST,
		.levels = CHECK_L0,
		.title = "the chipset can remap interrupts without losing any",
		.looks_at = "PCI functions 8086:3403, 3405, 3406 (Intel 5500, 5520, X58) and their revision.",
		.why = "Up to revision 13, and 22 of 3405, they have an erratum; the kernel leaves interrupt remapping off "
		       "then. Boards for Xeon 5500 and 5600 have them.",
		.mend = "A board with a later stepping; or, with the risk said, allow_unsafe_interrupts=1.",
		.see = "kernel: arch/x86/kernel/early-quirks.c; Intel 5520 specification update, errata 47 and 53",
		.rows = "F028",
		.needs = "iommu-active interrupt-remapping-not-disabled",
		.judge = judge_chipset,
	},
	{
		.id = "interrupt-remapping-offered",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the IOMMU offers interrupt remapping",
		.looks_at = "Bit 0 of DMAR's flags; bit 3 of each unit's ecap; whether it is a virtio-iommu.",
		.why = "QEMU leaves it out in silence when intremap is left to itself and the irqchip is not split. "
		       "virtio-iommu has none. The kernel uses it only if every unit has it.",
		.mend = "In L1: intremap=on and kernel-irqchip=split for the VM. On bare metal: the firmware's set-up.",
		.see = "VT-d specification, 8.1 and 11.4.3; QEMU: hw/i386/x86-iommu.c",
		.rows = "F023 F029 F032",
		.needs = "iommu-active interrupt-remapping-not-disabled interrupt-remapping-chipset",
		.judge = judge_offered,
	},
	{
		.id = "interrupt-remapping",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "interrupts are remapped",
		.looks_at = "/proc/interrupts: chips whose name begins with IR-.",
		.why = "This is the deed itself; the lines of the kernel's log say the same, and get lost.",
		.mend = "See what the kernel says: 'nestpci check --journal'.",
		.see = "kernel: drivers/iommu/intel/irq_remapping.c, drivers/vfio/vfio_iommu_type1.c",
		.rows = "F023 F026 F027 F029",
		.needs = "iommu-active interrupt-remapping-not-disabled interrupt-remapping-chipset "
			 "interrupt-remapping-offered",
		.judge = judge_remapping,
	},
	{
		.id = "interrupt-remapping-x2apic",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "interrupts can be remapped to every CPU",
		.looks_at =
			"The number of CPUs; bit 1 of DMAR's flags (x2APIC opt-out); bit 4 (EIM) of each unit's ecap.",
		.why = "Beyond 255 CPUs interrupts need 32-bit APIC ids. Below, the kernel's lines about x2APIC are harmless.",
		.mend = "intremap=no_x2apic_optout; in L1: eim=on.",
		.see = "VT-d specification, 5.1.5 and 8.1",
		.rows = "F024 F025 F035",
		.needs = "iommu-active",
		.judge = judge_x2apic,
	},
	{
		.id = "unsafe-interrupts",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "VFIO accepts no unsafe interrupts",
		.looks_at = "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts.",
		.why = "It lets devices through without interrupt remapping. A VM can then send this machine any interrupt.",
		.mend = "Have interrupts remapped, and take the option away.",
		.see = "kernel: drivers/vfio/vfio_iommu_type1.c",
		.rows = "F023 F211",
		.judge = judge_unsafe,
	},
	{
		.id = "unsafe-interrupts-iommufd",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "iommufd accepts no unsafe interrupts",
		.looks_at = "/sys/module/iommufd/parameters/allow_unsafe_interrupts.",
		.why = "It is a parameter of its own: what VFIO type1 lets through, iommufd refuses, and the other way round.",
		.mend = "Have interrupts remapped.",
		.see = "kernel: drivers/iommu/iommufd/device.c",
		.rows = "F033 F211",
		.judge = judge_unsafe_iommufd,
	},
	{ 0 },
};

const struct check_family check_family_interrupts = {
	.name = "interrupts",
	.title = "Interrupts",
	.checks = checks,
};
