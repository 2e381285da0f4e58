/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who shares an IOMMU group with a device, why, and whether the group can be given to a VM. */
#include "check/judge.h"

/* False, and the finding says why, when the group of the device was not read. */
static bool has_group(const struct host_device *device, struct finding *finding, struct arena *arena)
{
	if (!judge_device_may_go(device, finding, arena))
		return false;
	if (!device->group) {
		judge_na(finding, arena, "%s has no IOMMU group that could be looked at",
			 judge_address(arena, device->address));
		return false;
	}
	if (fact_known(&device->group->devices))
		return true;
	judge_unknown_fact(finding, arena, &device->group->devices);
	return false;
}

/*
 * Drivers that do no DMA for themselves do not spoil a group (struct device_driver.driver_managed_dma; before Linux 5.19
 * vfio_dev_driver_allowed()): pcieport, pci-stub; bridges have no others in practice.
 */
static bool spoils(const struct pci_function *member)
{
	return member->driver && !judge_is_vfio_driver(member->driver) && strcmp(member->driver, "pcieport") != 0 &&
	       strcmp(member->driver, "pci-stub") != 0;
}

static void member_evidence(const struct pci_function *member, struct finding *finding, struct arena *arena)
{
	judge_evidence(finding, arena, pci_path(arena, member->address, "driver"), "%s",
		       member->driver ? member->driver : "absent");
}

/*
 * Members other than the device that a host driver has; evidence for each. What the VM at hand is given as well is judged
 * by its own device-driver.
 */
static size_t find_spoilers(const struct subject_set *set, const struct host_device *device, struct list *names,
			    struct finding *finding, struct arena *arena)
{
	for (size_t i = 0; i < device->group->count; i++) {
		const struct pci_function *member = device->group->members[i];
		if (pci_address_equal(member->address, device->address) || !spoils(member) ||
		    judge_vm_device(set->vm, member->address))
			continue;
		list_printf(names, "%s (%s)", judge_address(arena, member->address), member->driver);
		if (names->count <= JUDGE_EVIDENCE_MAX)
			member_evidence(member, finding, arena);
	}
	return names->count;
}

static const struct pci_function *unreadable_member(const struct group *group)
{
	for (size_t i = 0; i < group->count; i++)
		if (!group->members[i]->driver && !judge_attribute_known(group->members[i], "/driver"))
			return group->members[i];
	return NULL;
}

static const char *join(struct arena *arena, const struct list *names, size_t most)
{
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "");
	for (size_t i = 0; i < names->count && i < most; i++)
		buffer_printf(&text, "%s%s", i ? ", " : "", names->items[i]);
	if (names->count > most)
		buffer_printf(&text, " and %zu more", names->count - most);
	return text.text;
}

static void judge_spoiled(const struct subject_set *set, const struct host_device *device, const struct list *names,
			  struct finding *finding, struct arena *arena)
{
	const char *address = judge_address(arena, device->address);
	const char *who = join(arena, names, 4);
	enum judge_binder binder = judge_binder(set, device->address);
	bool bound = judge_is_vfio_driver(device->function->driver);
	if (binder == BINDER_PROXMOX) {
		judge_warn(finding, arena,
			   "when %s starts, Proxmox VE takes these away from this host along with %s: %s",
			   judge_vm_name(arena, set->vm), address, who);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "if this host shall keep them, use another slot for %s", address);
		return;
	}
	/* As long as the device is not bound itself, that is what is missing (device-driver), and binding takes all along. */
	if (bound || binder == BINDER_LIBVIRT || binder == BINDER_UNKNOWN)
		judge_fail(finding, arena, "group %s is not viable: host drivers have %s, so VFIO refuses %s",
			   device->group->number, who, address);
	else
		judge_warn(finding, arena, "these must go along with %s, and host drivers have them: %s", address, who);
	judge_wanted(finding, arena, "vfio-pci, or no driver, for all members but bridges");
	judge_remedy(finding, ACTOR_US, RESTART_NONE, arena,
		     "nestpci bind %s takes all of them along (it refuses what this host needs); or use another slot",
		     address);
}

static void judge_viable(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct host_device *device = subject;
	if (!has_group(device, finding, arena))
		return;
	const struct group *group = device->group;
	struct list names = { .arena = arena };
	if (find_spoilers(set, device, &names, finding, arena)) {
		judge_spoiled(set, device, &names, finding, arena);
		return;
	}
	const struct pci_function *unreadable = unreadable_member(group);
	if (unreadable)
		judge_unknown(finding, arena, "the driver of %s, of the same group, could not be read",
			      judge_address(arena, unreadable->address));
	else if (group->others.count)
		judge_unknown(finding, arena, "group %s has a member that is no PCI device, or is gone: %s",
			      group->number, group->others.items[0]);
	else
		judge_pass(finding, arena, "no other member of group %s has a host driver", group->number);
	if (!unreadable)
		for (size_t i = 0; i < group->others.count && i < JUDGE_EVIDENCE_MAX; i++)
			judge_evidence(finding, arena, group->devices.path, "%s", group->others.items[i]);
}

/* ---- Who else is in it ---- */

static bool is_same_card(struct pci_address a, struct pci_address b)
{
	return a.domain == b.domain && a.bus == b.bus && a.device == b.device;
}

/* What stays with the host in any case: bridges, and parts of the host that nobody drives. */
static bool stays(const struct pci_function *member)
{
	return member->is_bridge || (pci_is_part_of_host(member) && !member->driver);
}

static void judge_members(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct host_device *device = subject;
	if (!has_group(device, finding, arena))
		return;
	const struct group *group = device->group;
	struct list strangers = { .arena = arena };
	for (size_t i = 0; i < group->count; i++) {
		const struct pci_function *member = group->members[i];
		if (stays(member) || is_same_card(member->address, device->address))
			continue;
		list_add(&strangers, judge_address(arena, member->address));
		if (strangers.count > JUDGE_EVIDENCE_MAX)
			continue;
		judge_evidence(finding, arena, judge_address(arena, member->address), "class %06x, driver %s",
			       (unsigned int)(member->class == PCI_UNKNOWN ? 0 : member->class),
			       member->driver ? member->driver : "none");
	}
	if (strangers.count == 0) {
		judge_pass(finding, arena, "nothing but the card of %s is in group %s",
			   judge_address(arena, device->address), group->number);
		return;
	}
	judge_warn(finding, arena, "group %s also has other devices, which go along with %s: %s", group->number,
		   judge_address(arena, device->address), join(arena, &strangers, 4));
	if (set->host->machine.is_vm) {
		judge_remedy(finding, ACTOR_OUTER, RESTART_VM, arena,
			     "give all of them to the same L2; or, where they are not of one group on the machine that "
			     "this VM runs on, put each on a root port of its own there (Proxmox VE: hostpciN with "
			     "pcie=1)");
		return;
	}
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
		     "another slot, best one that the CPU serves itself; ACS (or ARI) in the firmware's set-up; check "
		     "group-why says what separates them not");
}

/* ---- Why ---- */

static bool has_reason(const struct group *group, enum group_reason_kind kind)
{
	for (size_t i = 0; i < group->reason_count; i++)
		if (group->reasons[i].kind == kind)
			return true;
	return false;
}

static void judge_why(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct host_device *device = subject;
	if (!has_group(device, finding, arena))
		return;
	const struct group *group = device->group;
	if (group->count <= 1) {
		judge_na(finding, arena, "%s is alone in group %s", judge_address(arena, device->address),
			 group->number);
		return;
	}
	for (size_t i = 0; i < group->reason_count && i < JUDGE_EVIDENCE_MAX; i++)
		judge_evidence(finding, arena, judge_address(arena, group->reasons[i].who), "%s",
			       group->reasons[i].text ? group->reasons[i].text : "");
	if (has_reason(group, GROUP_NOT_KNOWN) || group->reason_count == 0) {
		judge_unknown(finding, arena,
			      "why group %s has %zu members is not known: not all capabilities could be read",
			      group->number, group->count);
	} else if (has_reason(group, GROUP_UNEXPLAINED)) {
		judge_warn(finding, arena,
			   "nothing in the configuration spaces explains why group %s has %zu members: a quirk "
			   "of the kernel, or a DMA alias",
			   group->number, group->count);
	} else {
		judge_pass(finding, arena, "why group %s has %zu members is known: %s", group->number, group->count,
			   group->reasons[0].text ? group->reasons[0].text : "see the evidence");
	}
}

/* ---- Groups that are only claimed ---- */

/* A port on the way up without what separates, though the kernel was told to believe in it. */
static const struct pci_detail *port_without_acs(const struct host_device *device, bool *ret_known)
{
	const struct pci_addresses *bridges = &device->detail.bridges;
	*ret_known = device->bridge_details || bridges->count == 0;
	for (size_t i = 0; device->bridge_details && i < bridges->count; i++) {
		const struct pci_detail *bridge = &device->bridge_details[i];
		if (!bridge->function || !fact_known(&bridge->config) || !bridge->caps.extended_known)
			*ret_known = false;
		else if (pci_caps_acs_missing(&bridge->caps, PCI_ACS_FOR_ISOLATION))
			return bridge;
	}
	return NULL;
}

static void judge_override(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct host_device *device = subject;
	const struct kernel *kernel = &set->host->kernel;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_may_go(device, finding, arena))
		return;
	if (!fact_known(&kernel->cmdline_file)) {
		judge_unknown_fact(finding, arena, &kernel->cmdline_file);
		return;
	}
	const struct cmdline_word *word = cmdline_find(&kernel->cmdline, "pcie_acs_override");
	if (!word) {
		judge_pass(finding, arena, "groups are what the hardware gives: no pcie_acs_override");
		return;
	}
	if (!kernel->acs_override) {
		judge_na(finding, arena, "this kernel is not known to have %s (acs-override)", word->word);
		return;
	}
	judge_evidence(finding, arena, kernel->cmdline_file.path, "%s", word->word);
	bool known;
	const struct pci_detail *port = port_without_acs(device, &known);
	if (port) {
		const char *who = judge_address(arena, port->function->address);
		judge_warn(finding, arena,
			   "the group of %s may be claimed, not real: %s shows no ACS, and "
			   "pcie_acs_override makes the kernel take it for separating; a VM could then reach "
			   "other devices",
			   address, who);
		judge_evidence(finding, arena, who, "lacks ACS: %s",
			       pci_caps_acs_names(arena, pci_caps_acs_missing(&port->caps, PCI_ACS_FOR_ISOLATION)));
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "use a slot with real ACS, or trust whoever has the VM as much as this host");
	} else if (known) {
		judge_pass(finding, arena, "pcie_acs_override is on, but all ports above %s have real ACS", address);
	} else {
		judge_unknown(finding, arena,
			      "pcie_acs_override is on, and whether the ports above %s have real ACS could not "
			      "be read",
			      address);
	}
}

static const struct check checks[] = {
	{
		.id = "group-viable",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "no other member of the group has a host driver",
		.looks_at = "the drivers of all members of the IOMMU group",
		.why = "VFIO hands a group over as a whole: every member is with a VFIO driver, without a driver, or a bridge. "
		       "Else QEMU says 'group N is not viable'.",
		.mend = "nestpci bind ADDRESS takes all members along.",
		.see = "Linux, Documentation/driver-api/vfio.rst; nestpci-bind(1)",
		.rows = "F108 F136",
		.needs = "iommu-active iommu-groups",
		.judge = judge_viable,
	},
	{
		.id = "group-other-members",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the group holds nothing but one card",
		.looks_at = "/sys/kernel/iommu_groups/N/devices",
		.why = "Whatever shares a group with a device leaves the host along with it, or hinders it.",
		.mend = "Another slot; ACS in the firmware's set-up.",
		.see = "Linux, drivers/iommu/iommu.c, pci_device_group()",
		.rows = "F063 F110 F117",
		.needs = "iommu-active iommu-groups",
		.judge = judge_members,
	},
	{
		.id = "group-why",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "it is known why the group has several members",
		.looks_at =
			"ACS capabilities of the ports on the way up, bridges to conventional PCI, functions of a card",
		.why = "What to do about a large group depends on which port, bridge or card does not separate.",
		.mend = "See the evidence: a slot that is not below that port, or a card that separates its functions.",
		.see = "PCIe specification, 6.12; Linux, drivers/iommu/iommu.c, pci_device_group()",
		.rows = "F110 F111",
		.needs = "iommu-active iommu-groups",
		.judge = judge_why,
	},
	{
		.id = "group-acs-override-claim",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the group is real, and not claimed by pcie_acs_override",
		.looks_at = "the kernel's command line; ACS of the ports above the device",
		.why = "pcie_acs_override makes small groups by declaration. The hardware still lets devices reach each other, "
		       "past the IOMMU.",
		.mend = "A slot with real ACS.",
		.see = "Proxmox VE's kernel, patch \"pci: Enable overrides for missing ACS capabilities\"",
		.rows = "F210",
		.judge = judge_override,
	},
	{ 0 },
};

const struct check_family check_family_group = { "group", "IOMMU groups", checks };
