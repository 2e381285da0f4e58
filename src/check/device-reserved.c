/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that firmware wants a device to reach at all times: RMRR (Intel), IVMD (AMD). */
#include "check/judge.h"

static bool is_amd(const struct iommus *iommus)
{
	for (size_t i = 0; i < iommus->count; i++)
		if (iommus->units[i].kind == IOMMU_AMD)
			return true;
	return false;
}

static void region_evidence(const struct group *group, struct finding *finding, struct arena *arena)
{
	for (size_t i = 0; i < group->region_count && finding->evidence_count < JUDGE_EVIDENCE_MAX; i++)
		if (group->regions[i].kind == RESERVED_DIRECT)
			judge_evidence(finding, arena, group->reserved_regions.path, "0x%llx to 0x%llx %s",
				       (unsigned long long)group->regions[i].start,
				       (unsigned long long)group->regions[i].end,
				       group->regions[i].type ? group->regions[i].type : "direct");
}

static size_t count_direct(const struct group *group)
{
	size_t count = 0;
	for (size_t i = 0; i < group->region_count; i++)
		count += group->regions[i].kind == RESERVED_DIRECT;
	return count;
}

/*
 * Intel's driver has refused such devices since Linux 3.16; for AMD the rule came with the generic one in 6.6 (commit
 * a48ce36e2786, "iommu: Prevent RESV_DIRECT devices from blocking domains").
 */
static void judge_direct(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct host_device *device = subject;
	const struct group *group = device->group;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_is_there(device, finding, arena))
		return;
	if (!group) {
		judge_na(finding, arena, "%s has no IOMMU group that could be looked at", address);
		return;
	}
	if (!fact_known(&group->reserved_regions)) {
		judge_unknown_fact(finding, arena, &group->reserved_regions);
		return;
	}
	if (count_direct(group) == 0) {
		judge_pass(finding, arena, "firmware demands no fixed mapping for %s", address);
		return;
	}
	const struct kernel *kernel = &set->host->kernel;
	bool amd = is_amd(&set->host->iommus);
	bool refused = !amd || kernel_at_least(kernel, 6, 6);
	bool known = !amd || fact_known(&kernel->release);
	if (!known)
		judge_unknown(finding, arena,
			      "firmware demands a fixed (1:1) mapping of memory for group %s: Linux 6.6 and "
			      "later refuses to give it away, and this kernel's release is not known",
			      group->number);
	else if (refused)
		judge_fail(finding, arena,
			   "firmware demands a fixed (1:1) mapping of memory for %s: the kernel does not give "
			   "it to a VM (\"Firmware has requested this device have a 1:1 IOMMU mapping\")",
			   address);
	else
		judge_warn(finding, arena,
			   "firmware demands a fixed (1:1) mapping of memory for %s: this kernel gives it to a "
			   "VM nevertheless, Linux 6.6 and later will not",
			   address);
	region_evidence(group, finding, arena);
	judge_wanted(finding, arena, "no region of type direct");
	judge_remedy(
		finding, ACTOR_FIRMWARE, RESTART_HOST, arena, "%s",
		amd ? "in the firmware's set-up switch off pre-boot DMA protection (\"Kernel DMA Protection\"), and update "
		      "the firmware" :
		      "in the firmware's set-up switch off what keeps using the device (HPE: shared memory features, by "
		      "conrep; pre-boot DMA protection); kernels of Proxmox VE also know intel_iommu=on,relax_rmrr, which "
		      "can corrupt memory");
}

/* ---- AMD: entries over whole ranges of buses ---- */

/* 48882, 5.2.3: 0x20 all devices, 0x21 one, 0x22 a range; flag 0: unity mapped. */
static bool ivmd_covers(const struct ivmd *ivmd, struct pci_address address)
{
	unsigned int id = (unsigned int)address.bus << 8 | (unsigned int)address.device << 3 | address.function;
	if (!(ivmd->flags & 1) || ivmd->segment != address.domain)
		return false;
	if (ivmd->type == 0x20)
		return true;
	unsigned int last = ivmd->type == 0x22 ? ivmd->last_id : ivmd->first_id;
	return id >= ivmd->first_id && id <= last;
}

static bool is_wide(const struct ivmd *ivmd)
{
	return ivmd->type == 0x20 || (ivmd->type == 0x22 && ivmd->first_id >> 8 != ivmd->last_id >> 8);
}

static void judge_range(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct host_device *device = subject;
	const struct iommus *iommus = &set->host->iommus;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_is_there(device, finding, arena))
		return;
	if (fact_absent(&iommus->ivrs_file)) {
		judge_na(finding, arena, "this host has no table IVRS: its IOMMU is not AMD's");
		return;
	}
	if (!iommus->ivrs) {
		judge_unknown_fact(finding, arena, &iommus->ivrs_file);
		return;
	}
	const struct ivmd *wide = NULL;
	for (size_t i = 0; i < iommus->ivrs->memory_count; i++) {
		const struct ivmd *ivmd = &iommus->ivrs->memory[i];
		if (is_wide(ivmd) && ivmd_covers(ivmd, device->address))
			wide = ivmd;
	}
	if (!wide) {
		judge_pass(finding, arena, "the table IVRS demands no mapping for a whole range of buses that %s is on",
			   address);
		return;
	}
	unsigned int last_bus = wide->type == 0x20 ? 0xff : wide->last_id >> 8;
	judge_warn(finding, arena,
		   "the table IVRS demands a fixed mapping for all devices of buses %02x to %02x, %s among "
		   "them: firmware asks for more than its own devices need",
		   wide->type == 0x20 ? 0 : wide->first_id >> 8, last_bus, address);
	judge_evidence(finding, arena, iommus->ivrs_file.path,
		       "IVMD type 0x%02x, ids %04x to %04x, 0x%llx bytes at 0x%llx", wide->type, wide->first_id,
		       wide->last_id, (unsigned long long)wide->length, (unsigned long long)wide->start);
	judge_remedy(finding, ACTOR_VENDOR, RESTART_HOST, arena,
		     "update the firmware; switch off pre-boot DMA protection in its set-up%s",
		     last_bus < 0xff ?
			     arena_printf(arena, "; or put the card into a slot whose bus is above %02x", last_bus) :
			     "");
}

static const struct check checks[] = {
	{
		.id = "device-reserved-direct",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "firmware demands no fixed mapping for the device",
		.looks_at = "reserved_regions of the IOMMU group: lines of type direct (direct-relaxable are fine)",
		.why = "Firmware can demand that a device reaches certain memory at all times (RMRR of the table DMAR, IVMD "
		       "of IVRS). A VM could not keep that, so the kernel gives no such device away.",
		.mend = "Switch off what makes firmware demand it; update the firmware; another device.",
		.see = "VT-d specification, 8.4; Linux, include/linux/iommu.h, enum iommu_resv_type",
		.rows = "F103 F104 F106 F107",
		.needs = "iommu-active iommu-groups",
		.judge = judge_direct,
	},
	{
		.id = "device-reserved-firmware-range",
		.scope = CHECK_DEVICE,
		.levels = CHECK_L0,
		.title = "the table IVRS demands nothing for whole ranges of buses",
		.looks_at = "IVMD entries of type 0x20 and 0x22 in /sys/firmware/acpi/tables/IVRS",
		.why = "Some boards demand fixed mappings for all devices of sixteen buses, where their own few are meant; no "
		       "card on these buses can be passed on then. It is the board, not the card.",
		.mend = "Newer firmware; pre-boot DMA protection off; a slot on a higher bus.",
		.see = "AMD I/O Virtualization Technology Specification (48882), 5.2.3",
		.rows = "F105",
		.judge = judge_range,
	},
	{ 0 },
};

const struct check_family check_family_device_reserved = { "device-reserved", "Memory reserved by firmware", checks };
