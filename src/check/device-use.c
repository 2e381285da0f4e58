/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host loses with a device: file systems, network, display, management. */
#include "check/judge.h"

/* Whoever holds the group's VFIO node has the device already: a VM as a rule, and not the host. */
static bool is_by_vfio(const struct use *use)
{
	if (use->kind == USE_CLAIMED)
		return text_equals(use->brief, "open, as by a VM");
	return use->kind == USE_PROCESS && strstr(use->text, "/dev/vfio/");
}

/* The VM that such a process runs, or NULL. */
static const struct vm *vm_of(const struct subject_set *set, const struct use *use)
{
	char prefix[48];
	for (size_t i = 0; set->vms && i < set->vms->count; i++) {
		const struct vm *vm = &set->vms->items[i];
		snprintf(prefix, sizeof(prefix), "process %ld ", (long)vm->pid);
		if (vm->pid > 0 && text_starts_with(use->text, prefix))
			return vm;
	}
	return NULL;
}

static void use_evidence(const struct uses *uses, const struct use *first, struct finding *finding, struct arena *arena)
{
	judge_evidence(finding, arena, judge_address(arena, first->address), "%s", first->text);
	for (size_t i = 0; i < uses->count && i < JUDGE_EVIDENCE_MAX; i++)
		if (&uses->items[i] != first)
			judge_evidence(finding, arena, judge_address(arena, uses->items[i].address), "%s",
				       uses->items[i].text);
}

/* "0000:02:00.0, which must go along with 0000:01:00.0 (one IOMMU group)" */
static const char *whose(const struct host_device *device, const struct use *use, struct arena *arena)
{
	const char *address = judge_address(arena, device->address);
	if (pci_address_equal(use->address, device->address))
		return address;
	return arena_printf(arena, "%s, which must go along with %s (one IOMMU group)",
			    judge_address(arena, use->address), address);
}

enum weight { WEIGHT_VM, WEIGHT_VFIO, WEIGHT_LOST, WEIGHT_UNKNOWN, WEIGHT_MEMBER, WEIGHT_NEEDED };

/* Certain needs before likely ones, and those before what is not known. */
static enum weight weight(const struct subject_set *set, const struct use *use)
{
	if (is_by_vfio(use))
		return vm_of(set, use) ? WEIGHT_VM : WEIGHT_VFIO;
	if (use->kind == USE_UNKNOWN || (use->unsure && use->kind != USE_MEMBER))
		return WEIGHT_UNKNOWN;
	if (use->kind == USE_MEMBER)
		return WEIGHT_MEMBER;
	return use->needed ? WEIGHT_NEEDED : WEIGHT_LOST;
}

/* Of two that weigh the same the device's own. */
static const struct use *gravest(const struct subject_set *set, const struct host_device *device)
{
	const struct uses *uses = &device->uses;
	const struct use *worst = NULL;
	for (size_t i = 0; i < uses->count; i++) {
		const struct use *use = &uses->items[i];
		bool is_own = pci_address_equal(use->address, device->address);
		bool worst_is_own = worst && pci_address_equal(worst->address, device->address);
		if (!worst || weight(set, use) > weight(set, worst) ||
		    (weight(set, use) == weight(set, worst) && is_own && !worst_is_own))
			worst = use;
	}
	return worst;
}

static void judge_use(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct host_device *device = subject;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_is_there(device, finding, arena))
		return;
	const struct use *use = gravest(set, device);
	if (!use) {
		if (fact_known(&device->users_found))
			judge_pass(finding, arena, "nothing on this host uses %s%s", address,
				   device->group && device->group->count > 1 ? " or what must go along with it" : "");
		else
			judge_unknown_fact(finding, arena, &device->users_found);
		return;
	}
	const char *who = whose(device, use, arena);
	use_evidence(&device->uses, use, finding, arena);
	switch (weight(set, use)) {
	case WEIGHT_NEEDED:
		judge_fail(finding, arena, "this host needs %s: %s", who, use->text);
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			"do not pass it on; or move away first what uses it: unmount, swapoff, take the interface out "
			"of its bridge, stop the process%s",
			pci_address_equal(use->address, device->address) ?
				"" :
				"; or use another slot, so that they are not in one group");
		break;
	case WEIGHT_MEMBER:
		judge_warn(finding, arena, "%s: %s; nothing has activated it, but what is on it may be needed", who,
			   use->text);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "make sure that nobody needs what is on it; 'nestpci bind --inactive-ok' takes it then");
		break;
	case WEIGHT_UNKNOWN:
		judge_unknown(finding, arena, "%s: %s", who, use->text);
		break;
	case WEIGHT_LOST:
		judge_warn(finding, arena, "%s: %s; that is lost while a VM has it", who, use->text);
		break;
	case WEIGHT_VFIO:
		judge_warn(finding, arena, "%s: %s, so no other VM can have it meanwhile", who, use->text);
		break;
	default:
		judge_pass(finding, arena, "nothing on this host uses %s but %s, which has it", who,
			   judge_vm_name(arena, vm_of(set, use)));
		break;
	}
}

/* ---- Display ---- */

static bool sysfb_is_off(const struct subject_set *set)
{
	return cmdline_find_item(&set->host->kernel.cmdline, "initcall_blacklist", "sysfb_init") != NULL;
}

static void judge_boot_display(const struct subject_set *set, const void *subject, struct finding *finding,
			       struct arena *arena)
{
	const struct host_device *device = subject;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_is_there(device, finding, arena))
		return;
	const struct pci_function *function = device->function;
	if (function->class == PCI_UNKNOWN) {
		judge_unknown(finding, arena, "the class of %s could not be read", address);
		return;
	}
	if (!judge_is_display(function)) {
		judge_na(finding, arena, "%s is no display", address);
		return;
	}
	if (!function->boot_vga && !judge_attribute_known(function, "/boot_vga")) {
		judge_unknown(finding, arena, "whether the firmware used %s could not be read", address);
		return;
	}
	if (!function->boot_vga) {
		judge_pass(finding, arena, "%s is not the display that the firmware used", address);
		return;
	}
	judge_evidence(finding, arena, pci_path(arena, device->address, "boot_vga"), "1");
	if (sysfb_is_off(set)) {
		judge_pass(finding, arena,
			   "%s is the display that the firmware used, and the kernel leaves its frame "
			   "buffer alone (initcall_blacklist=sysfb_init)",
			   address);
		return;
	}
	judge_warn(finding, arena,
		   "%s is the display that the firmware used: this host's console goes with it, and the "
		   "kernel's boot frame buffer may hold its memory (\"BAR n: can't reserve\")",
		   address);
	judge_remedy(
		finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
		"make another display the primary one in the firmware's set-up; or add "
		"initcall_blacklist=sysfb_init to the kernel's command line (video=efifb:off no longer helps since "
		"Linux 5.15), and have another way to this host, such as SSH");
}

/* ---- Management ---- */

static size_t count_other_usb(const struct subject_set *set, const struct host_device *device)
{
	size_t count = 0;
	for (size_t i = 0; i < set->host->functions.count; i++) {
		const struct pci_function *function = &set->host->functions.items[i];
		bool usb = function->class != PCI_UNKNOWN && function->class >> 8 == 0x0c03;
		bool goes = device->group && function->group && text_equals(function->group, device->group->number);
		if (usb && !goes && !pci_address_equal(function->address, device->address) &&
		    !judge_is_vfio_driver(function->driver))
			count++;
	}
	return count;
}

/* What a management controller shows on the host's bus. */
static const char *management_kind(const struct pci_function *function)
{
	if (function->class != PCI_UNKNOWN && function->class >> 8 == 0x0c07)
		return "an IPMI interface";
	if (function->vendor == 0x1a03)
		return "part of an ASPEED management controller";
	/* HPE's iLO shows itself as these (pci.ids, 103c). */
	if (function->vendor == 0x103c && (function->device == 0x3300 || function->device == 0x3306 ||
					   function->device == 0x3307 || function->device == 0x22f6))
		return "part of an iLO management controller";
	return NULL;
}

static void judge_management(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	const struct host_device *device = subject;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_is_there(device, finding, arena))
		return;
	const struct pci_function *function = device->function;
	const char *kind = management_kind(function);
	if (kind) {
		judge_warn(finding, arena, "%s is %s: this host cannot be managed by it while a VM has it", address,
			   kind);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena, "pass on another device");
	} else if (function->class == PCI_UNKNOWN || function->vendor == PCI_UNKNOWN) {
		judge_unknown(finding, arena, "class or vendor of %s could not be read", address);
	} else if (function->class >> 8 == 0x0c03 && count_other_usb(set, device) == 0) {
		judge_warn(finding, arena,
			   "%s is the only USB controller that this host has left: no keyboard works here "
			   "while a VM has it",
			   address);
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			"have another way to this host, such as SSH or a serial console; or pass on single USB devices "
			"instead (Proxmox VE: usbN)");
	} else {
		judge_pass(finding, arena, "%s does not manage this host", address);
	}
}

/* ---- Other functions of the same card ---- */

static void judge_siblings(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct host_device *device = subject;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_is_there(device, finding, arena))
		return;
	if (!judge_vm_device(set->vm, device->address)) {
		judge_na(finding, arena, "no VM at hand is given %s", address);
		return;
	}
	size_t others = 0;
	struct list left = { .arena = arena };
	struct pci_address sibling = device->address;
	for (sibling.function = 0; sibling.function < 8; sibling.function++) {
		if (pci_address_equal(sibling, device->address))
			continue;
		const struct pci_function *function = host_find_function(set->host, sibling);
		if (!function || function->is_bridge)
			continue;
		others++;
		if (!judge_vm_device(set->vm, sibling))
			list_add(&left, judge_address(arena, sibling));
	}
	if (others == 0) {
		judge_na(finding, arena, "%s has no other functions", address);
	} else if (left.count == 0) {
		judge_pass(finding, arena, "all functions of the card of %s are given to %s", address,
			   judge_vm_name(arena, set->vm));
	} else if (!judge_is_display(device->function)) {
		judge_na(finding, arena,
			 "other functions of the card of %s are not given to %s; they work without each "
			 "other",
			 address, judge_vm_name(arena, set->vm));
	} else {
		judge_warn(finding, arena,
			   "%s is a display, and %zu of its card's functions stay behind: its sound, or its "
			   "USB-C, will be missing",
			   address, left.count);
		for (size_t i = 0; i < left.count; i++)
			judge_evidence(finding, arena, left.items[i], "not given to %s", judge_vm_name(arena, set->vm));
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			"give them as well where they are needed; under a vIOMMU, functions of one group need one bridge "
			"for that ('nestpci rewrite' puts them there)");
	}
}

static const struct check checks[] = {
	{
		.id = "device-in-use",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the host does not need the device, nor what goes along with it",
		.looks_at =
			"mounts, swap, LVM, MD, ZFS, the default route, bridges, open device nodes: of all members of "
			"the IOMMU group",
		.why = "Whoever gives away the disk that the host runs from loses the host. Proxmox VE binds all members of "
		       "a group to vfio-pci without looking what uses them.",
		.mend = "Pass on another device; or move away what uses this one; or use a slot with a group of its own.",
		.see = "nestpci-list(1); nestpci-bind(1)",
		.rows = "F125 F133 F136 F150 F151 F153",
		.judge = judge_use,
	},
	{
		.id = "device-boot-display",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the device is not the host's display",
		.looks_at = "boot_vga in the device's folder; initcall_blacklist on the kernel's command line",
		.why = "The display that the firmware used is the host's console, and the kernel's boot frame buffer can "
		       "hold its memory, so that vfio-pci fails.",
		.mend = "Another primary display; or initcall_blacklist=sysfb_init.",
		.see = "Linux, Documentation/ABI/testing/sysfs-bus-pci, boot_vga",
		.rows = "F148 F149",
		.judge = judge_boot_display,
	},
	{
		.id = "device-management",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the host can be managed without the device",
		.looks_at = "class and ids; how many USB controllers stay with the host",
		.why = "A management controller, or the last USB controller, is the way to a host that has a problem.",
		.mend = "Pass on another device, or have another way to the host.",
		.see = "nestpci-list(1)",
		.rows = "F133 F152",
		.judge = judge_management,
	},
	{
		.id = "device-siblings",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "a card is passed on with all that belongs to it",
		.looks_at = "functions at the same bus and slot, and what the VM is given of them",
		.why = "A graphics card is several functions: display, sound, often a USB-C controller. A guest that gets "
		       "one of them sees part of the card.",
		.mend = "Give the VM the other functions, too.",
		.see = "qm(1), hostpci: an address without function means all of them",
		.rows = "F065",
		.judge = judge_siblings,
	},
	{ 0 },
};

const struct check_family check_family_device_use = { "device-use", "Use of devices", checks };
