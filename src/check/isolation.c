/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What firmware's tables demand, and what parameters claim against them. */
#include "check/parameter.h"

#define IDS_OF_A_BUS 256

/* A table that could not be read, or that is not there: that is the verdict then, and true. */
static bool judged_without_table(const struct iommus *iommus, struct finding *finding, struct arena *arena)
{
	if (iommus->dmar || iommus->ivrs)
		return false;
	if (fact_absent(&iommus->dmar_file) && fact_absent(&iommus->ivrs_file) && fact_known(&iommus->tables))
		judge_na(finding, arena, "there is neither DMAR nor IVRS");
	else if (fact_absent(&iommus->dmar_file))
		judge_unknown_fact(finding, arena, &iommus->ivrs_file);
	else
		judge_unknown_fact(finding, arena, &iommus->dmar_file);
	return true;
}

static void judge_firmware_bugs(const struct subject_set *set, const void *subject, struct finding *finding,
				struct arena *arena)
{
	const struct iommus *iommus = &set->host->iommus;
	if (judged_without_table(iommus, finding, arena))
		return;
	const struct list *problems = iommus->dmar ? &iommus->dmar->problems : &iommus->ivrs->problems;
	const char *path = iommus->dmar ? iommus->dmar_file.path : iommus->ivrs_file.path;
	const char *name = iommus->dmar ? "DMAR" : "IVRS";
	bool checksum_ok = iommus->dmar ? iommus->dmar->checksum_ok : iommus->ivrs->checksum_ok;
	size_t count = problems->count + !checksum_ok;
	if (count == 0) {
		judge_pass(finding, arena, "firmware's table %s is consistent", name);
		judge_evidence(finding, arena, path, "no problem found");
		return;
	}
	judge_warn(finding, arena, "firmware's table %s has %zu problem%s", name, count, count == 1 ? "" : "s");
	if (!checksum_ok)
		judge_evidence(finding, arena, path, "its checksum is wrong");
	for (size_t i = 0; i < problems->count && i < 8; i++)
		judge_evidence(finding, arena, path, "%s", problems->items[i]);
	judge_remedy(finding, is_inside(set) ? ACTOR_OUTER : ACTOR_VENDOR, RESTART_HOST, arena, "update the firmware");
}

static void judge_unity_maps(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	const struct iommus *iommus = &set->host->iommus;
	if (judged_without_table(iommus, finding, arena))
		return;
	if (!iommus->ivrs) {
		judge_na(finding, arena, "only AMD's table can ask for memory for a range of devices");
		return;
	}
	size_t wide = 0;
	for (size_t i = 0; i < iommus->ivrs->memory_count; i++) {
		const struct ivmd *memory = &iommus->ivrs->memory[i];
		bool for_all = memory->type == 0x20;
		bool for_many = memory->type == 0x22 && memory->last_id >= memory->first_id + IDS_OF_A_BUS;
		if (!for_all && !for_many)
			continue;
		if (wide++ >= 8)
			continue;
		judge_evidence(finding, arena, iommus->ivrs_file.path, "IVMD type %#x: %#llx, %#llx bytes, for %s",
			       memory->type, (unsigned long long)memory->start, (unsigned long long)memory->length,
			       for_all ? "all devices" :
					 arena_printf(arena, "buses %02x to %02x", memory->first_id >> 8,
						      memory->last_id >> 8));
	}
	if (!wide) {
		judge_pass(finding, arena, "firmware demands no memory for whole ranges of devices");
		return;
	}
	judge_warn(finding, arena,
		   "firmware demands 1:1 mappings for whole buses: since Linux 6.6, no device there can be passed on");
	judge_wanted(finding, arena, "IVMD entries for single devices");
	judge_remedy(
		finding, ACTOR_FIRMWARE, RESTART_HOST, arena,
		"update the firmware; switch 'pre-boot DMA protection' off in its set-up; or move the card to a slot "
		"whose bus is not named here");
}

/* A parameter that is not of the mainline kernel: PROXMOX says whether this one has it. */
static void judge_foreign(const struct subject_set *set, struct finding *finding, struct arena *arena,
			  const struct cmdline_word *word, const char *risk)
{
	const struct kernel *kernel = &set->host->kernel;
	judge_evidence(finding, arena, kernel->cmdline_file.path, "%s", word->word);
	judge_evidence_fact(finding, arena, &kernel->release);
	judge_wanted(finding, arena, "no %s", word->word);
	judge_remedy_parameter(finding, set, arena, false, word->word);
	/* Whoever set it took the risk, and his devices may hang on it: nothing to be taken away unasked. */
	finding->mend_count = 0;
	if (kernel->acs_override)
		judge_warn(finding, arena, "%s: %s", word->word, risk);
	else if (fact_known(&kernel->release))
		judge_warn(finding, arena, "%s is set, but this kernel does not seem to know it: it has no effect then",
			   word->word);
	else
		judge_warn(finding, arena, "%s is set; if the kernel knows it: %s", word->word, risk);
}

static void judge_relax_rmrr(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	const struct kernel *kernel = &set->host->kernel;
	if (!fact_known(&kernel->cmdline_file)) {
		judge_unknown_fact(finding, arena, &kernel->cmdline_file);
		return;
	}
	const struct cmdline_word *word = parameter_item(&kernel->cmdline, "intel_iommu", "relax_rmrr");
	if (!word)
		word = parameter_item(&kernel->cmdline, "amd_iommu", "relax_unity");
	if (!word)
		judge_pass(finding, arena, "no parameter overrides what memory firmware reserves for its devices");
	else
		judge_foreign(set, finding, arena, word,
			      "firmware's reserved memory is not respected; devices that firmware goes on using can "
			      "write where the VM is");
}

static void judge_acs_override(const struct subject_set *set, const void *subject, struct finding *finding,
			       struct arena *arena)
{
	const struct kernel *kernel = &set->host->kernel;
	if (!fact_known(&kernel->cmdline_file)) {
		judge_unknown_fact(finding, arena, &kernel->cmdline_file);
		return;
	}
	const struct cmdline_word *word = cmdline_find(&kernel->cmdline, "pcie_acs_override");
	const struct cmdline_word *slip = cmdline_find(&kernel->cmdline, "pci_acs_override");
	if (word) {
		judge_foreign(set, finding, arena, word,
			      "groups are claimed, not real; a device in a VM may reach others, and the host");
	} else if (slip) {
		judge_warn(finding, arena, "%s means nothing: the parameter is called pcie_acs_override", slip->word);
		judge_evidence(finding, arena, kernel->cmdline_file.path, "%s", slip->word);
		judge_remedy_parameter(finding, set, arena, false, slip->word);
	} else {
		judge_pass(finding, arena, "groups are what the hardware isolates: there is no pcie_acs_override");
	}
}

static const struct check checks[] = {
	{
		.id = "iommu-firmware-bugs",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "firmware's IOMMU table is consistent",
		.looks_at = "Every structure of DMAR or IVRS: lengths, ranges, checksum.",
		.why = "The kernel passes over what it cannot use, or gives the IOMMU up as a whole; a bad RMRR has kept "
		       "machines from booting.",
		.mend = "Update the firmware. To boot meanwhile: intel_iommu=off.",
		.see = "VT-d specification, chapter 8; AMD 48882, chapter 5",
		.rows = "F013",
		.judge = judge_firmware_bugs,
	},
	{
		.id = "iommu-unity-maps",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "firmware demands no memory for whole buses",
		.looks_at =
			"IVMD entries of IVRS for all devices (type 0x20), or for a range over more than one bus (0x22).",
		.why = "The kernel gives no device away that firmware wants mapped 1:1. Some boards name sixteen buses at "
		       "once, new graphics cards among them.",
		.mend = "A firmware update; another slot; 'pre-boot DMA protection' off.",
		.see = "AMD 48882, 5.2.3; kernel: commit a48ce36e2786",
		.rows = "F105",
		.judge = judge_unity_maps,
	},
	{
		.id = "relax-rmrr",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "firmware's reserved memory is respected",
		.looks_at = "intel_iommu=relax_rmrr (Proxmox VE's kernels) and amd_iommu=relax_unity in /proc/cmdline.",
		.why = "It makes devices usable that firmware shares with itself (HPE's iLO). Where firmware goes on writing, "
		       "it writes into the VM. Kernels without the patch pass over it.",
		.mend = "Switch the sharing off in firmware (HPE: conrep), and take the parameter away.",
		.see = "Proxmox VE: pve-kernel, patch on relax_rmrr",
		.rows = "F103 F107",
		.judge = judge_relax_rmrr,
	},
	{
		.id = "acs-override",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "groups are what the hardware isolates",
		.looks_at = "pcie_acs_override= in /proc/cmdline, and whether this kernel has it (Proxmox VE's do).",
		.why = "It splits groups by decree. Devices that can reach each other past the IOMMU are then in different "
		       "VMs. Kernels without the patch pass over it in silence.",
		.mend = "Another slot, or firmware that switches ACS on; then take the parameter away.",
		.see = "Proxmox VE: pve-kernel, patch on pcie_acs_override",
		.rows = "F110 F210",
		.judge = judge_acs_override,
	},
	{ 0 },
};

const struct check_family check_family_isolation = {
	.name = "isolation",
	.title = "Isolation",
	.checks = checks,
};
