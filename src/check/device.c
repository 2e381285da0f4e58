/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is there such a device, does it answer, is it one that can be passed on at all, and does an IOMMU cover it? */
#include "check/judge.h"

static const char *device_name(struct arena *arena, const struct pci_function *function)
{
	if (function->device_name)
		return arena_printf(arena, "%s %s", function->vendor_name ? function->vendor_name : "",
				    function->device_name);
	if (function->vendor == PCI_UNKNOWN || function->device == PCI_UNKNOWN)
		return "a device whose ids could not be read";
	return arena_printf(arena, "device %04x:%04x", (unsigned int)function->vendor, (unsigned int)function->device);
}

static void judge_exists(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct host_device *device = subject;
	const char *address = judge_address(arena, device->address);
	if (device->function) {
		judge_pass(finding, arena, "%s is %s", address, device_name(arena, device->function));
		return;
	}
	if (fact_unknown(&set->host->pci_folder)) {
		judge_unknown_fact(finding, arena, &set->host->pci_folder);
		return;
	}
	judge_fail(finding, arena, "there is no PCI device at %s", address);
	judge_evidence(finding, arena, pci_path(arena, device->address, ""), "absent");
	if (device->meant_by)
		judge_evidence(finding, arena, device->meant_by, "%s", address);
	judge_wanted(finding, arena, "an address of a device that this host has");
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
		     "find the device with 'nestpci list' and correct the address (%s); addresses change when a card "
		     "is added or taken out, or when the firmware's settings change",
		     device->meant_by ? device->meant_by : "as it was given");
}

static void judge_answers(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct host_device *device = subject;
	const struct pci_detail *detail = &device->detail;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_is_there(device, finding, arena))
		return;
	if (!fact_known(&detail->config)) {
		judge_unknown_fact(finding, arena, &detail->config);
		return;
	}
	if (!detail->caps.dead) {
		judge_pass(finding, arena, "%s answers: its configuration space can be read", address);
		return;
	}
	judge_fail(finding, arena, "%s does not answer: its configuration space reads as all ones or header type 7f",
		   address);
	judge_evidence(finding, arena, detail->config.path, "ff ff ff ff ..., or header type 7f");
	if (fact_known(&detail->power_state))
		judge_evidence_fact(finding, arena, &detail->power_state);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
		     "switch the host off and on again (a reboot may leave the device without power); if it comes back "
		     "the same, echo 0 > %s before a VM uses it, and check slot and power cable",
		     pci_path(arena, device->address, "d3cold_allowed"));
}

static void judge_no_bridge(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	const struct host_device *device = subject;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_is_there(device, finding, arena))
		return;
	const struct pci_function *function = device->function;
	if (function->is_bridge || pci_is_part_of_host(function)) {
		judge_fail(finding, arena, "%s is %s: it cannot be passed on", address,
			   function->is_bridge          ? "a bridge, which vfio-pci refuses" :
			   pci_is_host_bridge(function) ? "a host bridge, a part of the host itself" :
			   pci_is_isa_bridge(function)  ? "an ISA bridge, this host's way to its firmware and clock" :
							  "a part of the host itself");
		judge_evidence(finding, arena, pci_path(arena, device->address, "class"), "0x%06x",
			       (unsigned int)function->class);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "pass on the devices behind it instead ('nestpci list' shows them)");
	} else if (function->class == PCI_UNKNOWN) {
		judge_unknown(finding, arena, "the class of %s could not be read", address);
	} else {
		judge_pass(finding, arena, "%s is no bridge and no part of the host", address);
	}
}

static void judge_vmd(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct host_device *device = subject;
	const char *address = judge_address(arena, device->address);
	if (!pci_is_behind_vmd(device->address)) {
		judge_na(finding, arena, "%s is not behind Intel VMD", address);
		return;
	}
	judge_fail(finding, arena,
		   "%s is behind Intel VMD (domain %x): it reaches memory in the name of the VMD "
		   "controller, and cannot be passed on alone",
		   address, device->address.domain);
	judge_wanted(finding, arena, "VMD off, so that the device appears in a domain of up to four digits");
	judge_remedy(finding, ACTOR_FIRMWARE, RESTART_HOST, arena,
		     "switch VMD off in the firmware's set-up (\"Intel VMD\", \"RST\", \"NVMe RAID mode\"); the host's "
		     "own disks appear at other addresses then");
}

static void judge_unit(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct host_device *device = subject;
	const struct iommus *iommus = &set->host->iommus;
	const struct fact *unit = &device->detail.unit;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_is_there(device, finding, arena))
		return;
	if (fact_known(unit)) {
		judge_pass(finding, arena, "%s is covered by the IOMMU %s", address, unit->text ? unit->text : "");
	} else if (fact_unknown(unit)) {
		judge_unknown_fact(finding, arena, unit);
	} else if (fact_unknown(&iommus->class)) {
		judge_unknown_fact(finding, arena, &iommus->class);
	} else if (iommus->count == 0) {
		judge_na(finding, arena, "no IOMMU is active");
	} else if (device->function->group) {
		judge_unknown(finding, arena,
			      "%s has an IOMMU group, but the kernel does not say which IOMMU covers it", address);
	} else {
		judge_fail(finding, arena, "no IOMMU covers %s, though this host has one: %s", address,
			   iommus->units[0].name);
		judge_evidence_fact(finding, arena, unit);
		judge_remedy(finding, ACTOR_FIRMWARE, RESTART_HOST, arena,
			     "use another slot; or update the firmware, whose table (DMAR, IVRS or VIOT) leaves the "
			     "device out. In a VM: the bus that the device sits on bypasses the vIOMMU (bypass_iommu)");
	}
}

static void judge_group(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct host_device *device = subject;
	const struct iommus *iommus = &set->host->iommus;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_is_there(device, finding, arena))
		return;
	const struct pci_function *function = device->function;
	if (function->group) {
		judge_pass(finding, arena, "%s is in IOMMU group %s", address, function->group);
	} else if (!judge_attribute_known(function, "/iommu_group")) {
		judge_unknown(finding, arena, "the IOMMU group of %s could not be read", address);
		for (size_t i = 0; i < function->problems.count; i++)
			judge_evidence(finding, arena, address, "%s", function->problems.items[i]);
	} else if (fact_unknown(&iommus->class)) {
		judge_unknown_fact(finding, arena, &iommus->class);
	} else if (iommus->count == 0) {
		judge_na(finding, arena, "no IOMMU is active, so there are no groups");
	} else if (fact_absent(&device->detail.unit)) {
		judge_na(finding, arena, "no IOMMU covers %s", address);
	} else {
		judge_fail(finding, arena, "%s is in no IOMMU group: VFIO cannot take it", address);
		judge_evidence(finding, arena, pci_path(arena, device->address, "iommu_group"), "absent");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "look for messages of the kernel about %s and the IOMMU ('journalctl -k -b'); the IOMMU "
			     "works, but this device was not added",
			     address);
	}
}

/* ---- The kernel's denylist ---- */

/* vfio_pci_dev_in_denylist(), drivers/vfio/pci/vfio_pci.c; since which kernel */
/* clang-format off */
static const struct {
	int32_t device;
	unsigned int major, minor;
	const char *name;
} denied[] = {
	{ 0x0435, 5,  9, "QAT DH895xCC" },
	{ 0x0443, 5,  9, "QAT DH895xCC VF" },
	{ 0x19e2, 5,  9, "QAT C3xxx" },
	{ 0x19e3, 5,  9, "QAT C3xxx VF" },
	{ 0x37c8, 5,  9, "QAT C62x" },
	{ 0x37c9, 5,  9, "QAT C62x VF" },
	{ 0x0b25, 6, 10, "DSA of Sapphire Rapids" },
	{ 0x0cfe, 6, 10, "IAX of Sapphire Rapids" },
};
/* clang-format on */

static void judge_denylist(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct host_device *device = subject;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_is_there(device, finding, arena))
		return;
	const struct pci_function *function = device->function;
	if (function->vendor == PCI_UNKNOWN || function->device == PCI_UNKNOWN) {
		judge_unknown(finding, arena, "the ids of %s could not be read", address);
		return;
	}
	size_t i = 0;
	while (i < ARRAY_SIZE(denied) && !(function->vendor == 0x8086 && function->device == denied[i].device))
		i++;
	if (i == ARRAY_SIZE(denied)) {
		judge_pass(finding, arena, "%s is not on vfio-pci's denylist", address);
		return;
	}
	const struct fact *disabled = &set->host->modules.disable_denylist;
	if (fact_known(disabled) && disabled->number) {
		judge_warn(finding, arena,
			   "%s (%s) is on vfio-pci's denylist, which is switched off: it has known "
			   "errata that a guest can exploit",
			   address, denied[i].name);
		judge_evidence_fact(finding, arena, disabled);
		return;
	}
	if (judge_is_vfio_driver(function->driver) ||
	    !kernel_at_least(&set->host->kernel, denied[i].major, denied[i].minor)) {
		judge_warn(finding, arena,
			   "%s (%s) is on the denylist of vfio-pci since Linux %u.%u: such a kernel "
			   "refuses it",
			   address, denied[i].name, denied[i].major, denied[i].minor);
	} else {
		judge_fail(finding, arena, "%s (%s) is on vfio-pci's denylist: the kernel refuses it", address,
			   denied[i].name);
	}
	judge_evidence(finding, arena, pci_path(arena, device->address, "device"), "8086:%04x",
		       (unsigned int)denied[i].device);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
		     "pass on another device; whoever accepts the risk that a guest crashes or attacks the host by it "
		     "puts 'options vfio-pci disable_denylist=1' into /etc/modprobe.d/nestpci.conf");
}

static const struct check checks[] = {
	{
		.id = "device-exists",
		.scope = CHECK_DEVICE,
		.levels = CHECK_ALL_LEVELS,
		.title = "the host has the device",
		.looks_at = "/sys/bus/pci/devices",
		.why = "Addresses change when a card is added or removed, or when the firmware is updated. A VM that "
		       "names an address where nothing is does not start; one that names an address where something "
		       "else is now gets the wrong device.",
		.mend = "Find the device by 'nestpci list' and correct the address where it is written.",
		.see = "qm(1), hostpci; Linux, Documentation/ABI/testing/sysfs-bus-pci",
		.rows = "F113",
		.judge = judge_exists,
	},
	{
		.id = "device-answers",
		.scope = CHECK_DEVICE,
		.levels = CHECK_ALL_LEVELS,
		.title = "the device answers",
		.looks_at = "the configuration space: config in the device's folder",
		.why = "A device that fell off the bus, or has no power, reads as all ones (or header type 7f). No "
		       "driver and no VM can use it.",
		.mend = "Switch the host off and on. Forbid D3cold (d3cold_allowed), or load vfio-pci with "
			"disable_idle_d3=1, if it happens after a VM was stopped.",
		.see = "PCI Express Base Specification, 2.3.2; Linux, Documentation/power/pci.rst",
		.rows = "F155",
		.judge = judge_answers,
	},
	{
		.id = "device-is-no-bridge",
		.scope = CHECK_DEVICE,
		.levels = CHECK_ALL_LEVELS,
		.title = "the device is no bridge",
		.looks_at = "the class, and whether there is a bus behind it",
		.why = "vfio-pci takes endpoints only (header type 0). Bridges need not be bound: they stay with the host.",
		.mend = "Pass on what is behind the bridge.",
		.see = "Linux, drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_register_device()",
		.rows = "F109",
		.judge = judge_no_bridge,
	},
	{
		.id = "device-vmd",
		.scope = CHECK_DEVICE,
		.levels = CHECK_ALL_LEVELS,
		.title = "the device is not behind Intel VMD",
		.looks_at = "the domain of the address",
		.why = "Disks behind VMD use its requester id, so the IOMMU cannot tell them from it or from each other.",
		.mend = "Switch VMD off in the firmware's set-up.",
		.see = "Linux, drivers/pci/controller/vmd.c",
		.rows = "F154",
		.judge = judge_vmd,
	},
	{
		.id = "device-denylist",
		.scope = CHECK_DEVICE,
		.levels = CHECK_ALL_LEVELS,
		.title = "vfio-pci takes such a device",
		.looks_at = "vendor and device id; vfio-pci's parameter disable_denylist",
		.why = "Some accelerators have errata by which a guest can harm the host. vfio-pci refuses them.",
		.mend = "Use another device, or 'options vfio-pci disable_denylist=1' at one's own risk.",
		.see = "Linux, drivers/vfio/pci/vfio_pci.c, vfio_pci_dev_in_denylist()",
		.rows = "F130",
		.judge = judge_denylist,
	},
	{
		.id = "device-iommu-unit",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "an IOMMU covers the device",
		.looks_at = "the link iommu in the device's folder",
		.why = "A host can have several IOMMUs, and firmware says which devices each of them covers. One that "
		       "none covers cannot be passed on.",
		.mend = "Another slot; a firmware whose table is complete; in a VM, no bypass_iommu.",
		.see = "VT-d specification, 8.3; QEMU, docs/bypass-iommu.txt",
		.rows = "F046",
		.needs = "iommu-active",
		.judge = judge_unit,
	},
	{
		.id = "device-group",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the device is in an IOMMU group",
		.looks_at = "the link iommu_group in the device's folder",
		.why = "VFIO hands out IOMMU groups. Without one, QEMU says 'no iommu_group found', and binding to "
		       "vfio-pci fails with -22.",
		.mend = "See the checks of the IOMMU: without an active one there are no groups.",
		.see = "Linux, Documentation/driver-api/vfio.rst",
		.rows = "F015 F016 F017",
		.needs = "iommu-active iommu-groups",
		.judge = judge_group,
	},
	{ 0 },
};

const struct check_family check_family_device = { "device", "Devices", checks };
