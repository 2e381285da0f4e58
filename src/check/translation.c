/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the IOMMU translates: which one it is, whether it can pass on what it is given, how wide, in how large pages. */
#include "check/judge.h"
#include "check/parameter.h"

static const char *const kind_names[] = {
	[IOMMU_INTEL] = "Intel VT-d",
	[IOMMU_AMD] = "AMD-Vi",
	[IOMMU_VIRTIO] = "virtio-iommu",
	[IOMMU_OTHER] = "of another kind",
};

/* Each of these is about an active IOMMU: where there is none, or it is not known, that is the verdict; true then. */
static bool judged_without_unit(const struct iommus *iommus, struct finding *finding, struct arena *arena)
{
	if (!fact_known(&iommus->class))
		judge_unknown_fact(finding, arena, &iommus->class);
	else if (iommus->count == 0)
		judge_na(finding, arena, "no IOMMU is active");
	else
		return false;
	return true;
}

static void judge_kind(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct iommus *iommus = &set->host->iommus;
	const struct cpu *cpu = &set->host->cpu;
	if (judged_without_unit(iommus, finding, arena))
		return;
	const struct iommu_unit *unit = &iommus->units[0];
	judge_evidence(finding, arena, iommus->class.path, "%s", unit->name);
	if (unit->kind == IOMMU_OTHER) {
		judge_na(finding, arena, "%s is of a kind that is not judged", unit->name);
	} else if (unit->kind == IOMMU_AMD && set->level > 0) {
		judge_warn(finding, arena,
			   "the vIOMMU is amd-iommu, which passes devices on only since QEMU 10.2, with "
			   "dma-remap=on");
		judge_wanted(finding, arena, "intel-iommu: it works on AMD processors, too");
		judge_remedy(
			finding, ACTOR_OUTER, RESTART_VM, arena,
			"give this VM intel-iommu instead ('qm set VMID --machine q35,viommu=intel' in Proxmox VE), "
			"stop and start it; its kernel needs intel_iommu=on then");
	} else if (unit->kind == IOMMU_INTEL && fact_known(&cpu->cpuinfo) && cpu->vendor == CPU_AMD) {
		judge_pass(finding, arena, "the IOMMU is Intel VT-d on an AMD processor, which is right for a vIOMMU");
	} else {
		judge_pass(finding, arena, "the IOMMU is %s", kind_names[unit->kind]);
	}
}

/* The strongest sign that the IOMMU is emulated, as evidence; false: none was found. */
static bool shows_emulation(const struct host *host, struct finding *finding, struct arena *arena)
{
	const struct iommus *iommus = &host->iommus;
	bool found = false;
	for (size_t i = 0; i < iommus->count && !found; i++) {
		const struct iommu_unit *unit = &iommus->units[i];
		if (unit->kind == IOMMU_VIRTIO) {
			judge_evidence(finding, arena, iommus->class.path, "%s is a virtio-iommu", unit->name);
			found = true;
		} else if (unit->kind == IOMMU_INTEL && fact_known(&unit->cap) && VTD_CAP_CM(unit->cap.number)) {
			judge_evidence(finding, arena, unit->cap.path, "%s: caching mode is set", unit->cap.text);
			found = true;
		} else if (unit->kind == IOMMU_AMD && fact_known(&unit->cap) && AMDVI_CAP_NPCACHE(unit->cap.number)) {
			judge_evidence(finding, arena, unit->cap.path, "%s: NpCache is set", unit->cap.text);
			found = true;
		}
	}
	if (iommus->dmar && dmar_is_emulated(iommus->dmar)) {
		judge_evidence(finding, arena, iommus->dmar_file.path, "signed by QEMU: %s", iommus->dmar->oem_id);
		found = true;
	} else if (iommus->ivrs && ivrs_is_emulated(iommus->ivrs)) {
		judge_evidence(finding, arena, iommus->ivrs_file.path, "signed by QEMU: %s", iommus->ivrs->oem_id);
		found = true;
	}
	return found;
}

static void judge_emulated(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct host *host = set->host;
	if (judged_without_unit(&host->iommus, finding, arena))
		return;
	const struct iommu_unit *unit = &host->iommus.units[0];
	if (shows_emulation(host, finding, arena)) {
		judge_pass(finding, arena, "the IOMMU is emulated: this machine is a VM that serves as %s",
			   set->level ? "L1" : "L0");
	} else if (unit->kind != IOMMU_OTHER && !fact_known(&unit->cap)) {
		judge_unknown_fact(finding, arena, &unit->cap);
	} else if (host->machine.is_vm) {
		judge_unknown(finding, arena, "this is a VM, and nothing tells whether its IOMMU is emulated");
	} else {
		judge_pass(finding, arena, "nothing tells that the IOMMU is emulated");
		if (fact_known(&unit->cap))
			judge_evidence_fact(finding, arena, &unit->cap);
	}
}

static void judge_caching_mode(const struct subject_set *set, const void *subject, struct finding *finding,
			       struct arena *arena)
{
	const struct host *host = set->host;
	if (judged_without_unit(&host->iommus, finding, arena))
		return;
	for (size_t i = 0; i < host->iommus.count; i++) {
		const struct iommu_unit *unit = &host->iommus.units[i];
		if (unit->kind != IOMMU_INTEL)
			continue;
		if (!fact_known(&unit->cap)) {
			judge_unknown_fact(finding, arena, &unit->cap);
			return;
		}
		judge_evidence(finding, arena, unit->cap.path, "%s: caching mode (bit 7) is %s", unit->cap.text,
			       VTD_CAP_CM(unit->cap.number) ? "set" : "not set");
		if (VTD_CAP_CM(unit->cap.number)) {
			if (!finding->summary)
				judge_pass(finding, arena, "the vIOMMU has caching mode");
			continue;
		}
		if (!host->machine.is_vm) {
			judge_na(finding, arena, "this machine is no VM: real IOMMUs have no caching mode");
			return;
		}
		judge_fail(finding, arena, "the vIOMMU %s has no caching mode: it cannot pass on a device of L0",
			   unit->name);
		judge_wanted(finding, arena, "caching-mode=on");
		judge_remedy(
			finding, ACTOR_OUTER, RESTART_VM, arena,
			"on the machine that this VM runs on, give its intel-iommu caching-mode=on: " JUDGE_HOW_TO_GIVE_VIOMMU
			"; then stop and start it");
		return;
	}
	if (!finding->summary)
		judge_na(finding, arena, "only Intel's vIOMMU has a caching mode");
}

static void judge_width(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct host *host = set->host;
	if (judged_without_unit(&host->iommus, finding, arena))
		return;
	const struct iommu_unit *narrowest = iommu_narrowest(&host->iommus);
	const struct iommu_unit *unit = narrowest ? narrowest : &host->iommus.units[0];
	unsigned int width = narrowest ? narrowest->width : 0;
	unsigned int physical = host->cpu.physical_bits;
	if (!width) {
		judge_unknown(finding, arena, "how wide the addresses are that %s translates is not known%s",
			      unit->name,
			      unit->kind == IOMMU_VIRTIO ? ": the kernel does not show it for a virtio-iommu" : "");
		if (unit->cap.path)
			judge_evidence_fact(finding, arena, &unit->cap);
		return;
	}
	judge_evidence(finding, arena, unit->cap.path ? unit->cap.path : unit->name, "%u bits", width);
	if (physical)
		judge_evidence(finding, arena, host->cpu.cpuinfo.path ? host->cpu.cpuinfo.path : "CPU",
			       "%u bits physical", physical);
	if (width < 39 && set->level == 0) {
		judge_fail(finding, arena, "the IOMMU translates %u bits: the least that a vIOMMU can have is 39",
			   width);
		judge_wanted(finding, arena, "39 bits or more");
		judge_remedy(finding, ACTOR_VENDOR, RESTART_NONE, arena, "use another machine");
	} else if (physical > width) {
		judge_warn(
			finding, arena,
			"the IOMMU translates %u bits, the CPU has %u: a VM that sees %u puts large BARs out of reach",
			width, physical, physical);
		judge_wanted(finding, arena, "VMs that see no more than %u bits", width);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			     "for VMs with devices: 'cpu: host,guest-phys-bits=%u' (Proxmox VE, qemu-server 9.0.18 and "
			     "later), <maxphysaddr mode='passthrough' limit='%u'/> (libvirt); %s",
			     width, width,
			     is_inside(set) ? "or aw-bits=48 for the vIOMMU of this VM, if the IOMMU of the machine "
					      "that it runs on translates as many" :
			     width >= 48    ? "a vIOMMU with aw-bits=48" :
					      "a vIOMMU with aw-bits=39");
	} else if (!physical) {
		judge_unknown(finding, arena, "the IOMMU translates %u bits; how many the CPU has is not known", width);
	} else {
		judge_pass(finding, arena, "the IOMMU translates %u bits, the CPU has %u", width, physical);
	}
}

/* The parameter that keeps the IOMMU to small pages, if it is set and the IOMMU is of that kind. */
static const struct cmdline_word *small_pages_word(const struct host *host)
{
	const struct cmdline *cmdline = &host->kernel.cmdline;
	if (host->iommus.units[0].kind == IOMMU_INTEL)
		return parameter_item(cmdline, "intel_iommu", "sp_off");
	if (host->iommus.units[0].kind == IOMMU_AMD)
		return parameter_item(cmdline, "amd_iommu", "nohugepages");
	return NULL;
}

static void judge_large_pages(const struct subject_set *set, const void *subject, struct finding *finding,
			      struct arena *arena)
{
	const struct host *host = set->host;
	const char *cost = set->level ?
				   "L0 runs out of mappings at 256 MiB of L2's memory, unless it raises its limit" :
				   "the IOMMU walks more, and maps more slowly";
	if (judged_without_unit(&host->iommus, finding, arena))
		return;
	if (!fact_known(&host->kernel.cmdline_file)) {
		judge_unknown_fact(finding, arena, &host->kernel.cmdline_file);
		return;
	}
	const struct cmdline_word *word = small_pages_word(host);
	if (word) {
		judge_warn(finding, arena, "%s keeps the IOMMU to pages of 4 KiB: %s", word->word, cost);
		judge_evidence(finding, arena, host->kernel.cmdline_file.path, "%s", word->word);
		judge_remedy_item(finding, set, arena, word->name, NULL,
				  host->iommus.units[0].kind == IOMMU_INTEL ? "sp_off" : "nohugepages");
		return;
	}
	for (size_t i = 0; i < host->iommus.count; i++) {
		const struct iommu_unit *unit = &host->iommus.units[i];
		/* One that translates nothing has no pages: iommu-translates says so. */
		if (unit->kind != IOMMU_INTEL || !unit->translates)
			continue;
		if (!fact_known(&unit->cap)) {
			judge_unknown_fact(finding, arena, &unit->cap);
			return;
		}
		if (VTD_CAP_SLLPS(unit->cap.number) & 1)
			continue;
		judge_warn(finding, arena, "%s has no pages of 2 MiB: %s", unit->name, cost);
		judge_evidence_fact(finding, arena, &unit->cap);
		return;
	}
	judge_pass(finding, arena, "nothing keeps the IOMMU from large pages");
}

static void judge_passthrough_mode(const struct subject_set *set, const void *subject, struct finding *finding,
				   struct arena *arena)
{
	const struct kernel *kernel = &set->host->kernel;
	if (judged_without_unit(&set->host->iommus, finding, arena))
		return;
	if (!fact_known(&kernel->cmdline_file)) {
		judge_unknown_fact(finding, arena, &kernel->cmdline_file);
		return;
	}
	const struct cmdline_word *word = parameter_item(&kernel->cmdline, "iommu", "pt");
	const struct cmdline_word *other = cmdline_find(&kernel->cmdline, "iommu.passthrough");
	if (other && parameter_is_true(other))
		word = other;
	if (!word) {
		judge_pass(finding, arena, "devices of this machine are translated, too; iommu=pt is not needed");
		return;
	}
	judge_pass(finding, arena, "%s leaves devices of this machine untranslated; those passed on are translated",
		   word->word);
	judge_evidence(finding, arena, kernel->cmdline_file.path, "%s", word->word);
}

/* Integrated graphics sit at 0000:00:02.0. */
static const struct pci_function *find_integrated_graphics(const struct host *host)
{
	const struct pci_address address = { .device = 2 };
	const struct pci_function *function = host_find_function(host, address);
	bool is_one = function && function->vendor == 0x8086 && function->class != PCI_UNKNOWN &&
		      function->class >> 16 == 0x03;
	return is_one ? function : NULL;
}

static void judge_igfx(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct host *host = set->host;
	if (judged_without_unit(&host->iommus, finding, arena))
		return;
	if (!fact_known(&host->pci_folder)) {
		judge_unknown_fact(finding, arena, &host->pci_folder);
		return;
	}
	const struct pci_function *function = find_integrated_graphics(host);
	if (!function) {
		judge_na(finding, arena, "there are no Intel graphics at 0000:00:02.0");
		return;
	}
	if (function->group) {
		judge_pass(finding, arena, "the IOMMU covers the integrated graphics: group %s", function->group);
		return;
	}
	const struct cmdline_word *word = parameter_item(&host->kernel.cmdline, "intel_iommu", "igfx_off");
	if (!word)
		word = parameter_item(&host->kernel.cmdline, "intel_iommu", "intgpu_off");
	judge_warn(finding, arena,
		   "the IOMMU does not cover the integrated graphics: 0000:00:02.0 cannot be passed on");
	judge_evidence(finding, arena, "/sys/bus/pci/devices/0000:00:02.0/iommu_group", "absent");
	if (word) {
		judge_evidence(finding, arena, host->kernel.cmdline_file.path, "%s", word->word);
		judge_remedy_item(finding, set, arena, word->name, NULL,
				  strstr(word->value, "igfx_off") ? "igfx_off" : "intgpu_off");
	} else if (host->kernel.intel_default_on_but_intgpu) {
		judge_evidence(finding, arena, host->kernel.config_file.path, "integrated graphics are left out");
		judge_remedy_parameter(finding, set, arena, true, "intel_iommu=on");
	}
	/* They are left out where they do not bear to be translated (F021): for people to decide. */
	finding->mend_count = 0;
}

static const struct check checks[] = {
	{
		.id = "iommu-kind",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the IOMMU is one that can pass devices on",
		.looks_at = "The names in /sys/class/iommu, and what is below them.",
		.why = "intel-iommu is the vIOMMU to have, on AMD processors, too. QEMU's amd-iommu refuses what is passed on "
		       "before 10.2; virtio-iommu cannot remap interrupts (check interrupt-remapping-offered).",
		.mend = "Give L1 intel-iommu.",
		.see = "QEMU: hw/i386/amd_iommu.c (dma-remap)",
		.rows = "F032 F066 F067 F068 F070",
		.needs = "iommu-active",
		.judge = judge_kind,
	},
	{
		.id = "iommu-emulated",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "whether the IOMMU is emulated is known",
		.looks_at = "The capability registers (caching mode, NpCache), the signature of DMAR or IVRS.",
		.why = "It tells at which level this machine is. An emulated IOMMU in what serves as L0 is a laboratory. The "
		       "absence of every sign proves nothing.",
		.mend = "Nothing is to be mended.",
		.see = "kernel: commit 29b32839725f; QEMU: hw/i386/acpi-build.c",
		.rows = "",
		.needs = "iommu-active",
		.judge = judge_emulated,
	},
	{
		.id = "iommu-caching-mode",
		.scope = CHECK_HOST,
		.levels = CHECK_L1,
		.title = "the vIOMMU has caching mode",
		.looks_at = "Bit 7 (CM) of /sys/class/iommu/dmar*/intel-iommu/cap.",
		.why = "With it the kernel in L1 tells QEMU of each new mapping, so that QEMU can map it in L0. Without it "
		       "QEMU would not know, and refuses devices.",
		.mend = "caching-mode=on at intel-iommu.",
		.see = "VT-d specification, 6.1 and 11.4.2; QEMU: hw/i386/intel_iommu.c",
		.rows = "F037 F038",
		.needs = "iommu-active",
		.judge = judge_caching_mode,
	},
	{
		.id = "iommu-width",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the IOMMU translates all addresses that the CPU has",
		.looks_at = "MGAW and SAGAW of each unit's cap, the least of them; 'address sizes' in /proc/cpuinfo.",
		.why = "Firmware puts large BARs as high as the CPU allows. Where the IOMMU cannot reach, mapping them fails "
		       "with EINVAL. Processors with 46 bits and an IOMMU of 39 are common. A vIOMMU must not be wider than "
		       "the IOMMU below it.",
		.mend = "Limit what the VM sees (guest-phys-bits), and give its vIOMMU aw-bits=39.",
		.see = "VT-d specification, 11.4.2; QEMU: intel_iommu.c (aw-bits)",
		.rows = "F082 F084 F085 F086 F089",
		.needs = "iommu-active",
		.judge = judge_width,
	},
	{
		.id = "iommu-large-pages",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the IOMMU uses large pages",
		.looks_at = "intel_iommu=sp_off, amd_iommu=nohugepages; SLLPS in cap.",
		.why = "Each page that L1's vIOMMU maps is one mapping in L0, and L0 allows 65535 for each device.",
		.mend = "Take the parameter away.",
		.see = "kernel: drivers/vfio/vfio_iommu_type1.c (dma_entry_limit)",
		.rows = "F091 F204",
		.needs = "iommu-active",
		.judge = judge_large_pages,
	},
	{
		.id = "iommu-passthrough-mode",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "iommu=pt is understood for what it is",
		.looks_at = "iommu=pt and iommu.passthrough=1 in /proc/cmdline.",
		.why = "It saves this machine's own devices the translation. It is not needed to pass devices on, and what is "
		       "passed on is translated all the same.",
		.mend = "Nothing is to be mended.",
		.see = "kernel: Documentation/admin-guide/kernel-parameters.txt",
		.rows = "F018 F019 F022",
		.needs = "iommu-active",
		.judge = judge_passthrough_mode,
	},
	{
		.id = "iommu-igfx",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the IOMMU covers Intel's integrated graphics",
		.looks_at =
			"The group of 0000:00:02.0; intel_iommu=igfx_off and intgpu_off; what the kernel does by default.",
		.why = "Old graphics misbehave behind the IOMMU, so that people and Debian's kernels leave them out. Then they "
		       "cannot be passed on; nothing else is concerned.",
		.mend = "intel_iommu=on, without igfx_off.",
		.see = "kernel: Documentation/arch/x86/iommu.rst",
		.rows = "F021",
		.needs = "iommu-active",
		.judge = judge_igfx,
	},
	{ 0 },
};

const struct check_family check_family_translation = {
	.name = "translation",
	.title = "How the IOMMU translates",
	.checks = checks,
};
