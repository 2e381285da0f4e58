/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which driver has the device, which may take it, and whether parts of it are given away (SR-IOV, mediated devices). */
#include "check/judge.h"

static void driver_evidence(const struct host_device *device, struct finding *finding, struct arena *arena)
{
	const char *driver = device->function->driver;
	judge_evidence(finding, arena, pci_path(arena, device->address, "driver"), "%s", driver ? driver : "absent");
}

static bool driver_is_known(const struct host_device *device, struct finding *finding, struct arena *arena)
{
	if (device->function->driver || judge_attribute_known(device->function, "/driver"))
		return true;
	judge_unknown(finding, arena, "the driver of %s could not be read", judge_address(arena, device->address));
	return false;
}

static void bind_remedy(const struct host_device *device, struct finding *finding, struct arena *arena)
{
	judge_wanted(finding, arena, "vfio-pci");
	judge_remedy(finding, ACTOR_US, RESTART_NONE, arena, "nestpci bind %s", judge_address(arena, device->address));
	judge_mend(finding, arena, (struct mend){ MEND_BIND_AT_BOOT, NULL, judge_address(arena, device->address), 0 });
}

/* With a VM at hand that is given the device: does somebody bind it before QEMU opens it? */
static void judge_driver_for_vm(const struct subject_set *set, const struct host_device *device,
				enum judge_binder binder, struct finding *finding, struct arena *arena)
{
	const char *driver = device->function->driver;
	const char *address = judge_address(arena, device->address);
	const char *has = driver ? arena_printf(arena, "has the driver %s", driver) : "has no driver";
	const char *vm = judge_vm_name(arena, set->vm);
	const struct vm_device *given = judge_vm_device(set->vm, device->address);
	if (given->mdev) {
		judge_na(finding, arena, "%s gives a mediated device of %s: its driver stays", given->name, address);
	} else if (given->keep_driver) {
		judge_warn(finding, arena,
			   "%s %s, and driver=keep (%s) tells Proxmox VE to leave it: QEMU refuses unless "
			   "that driver works with VFIO",
			   address, has, given->name);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			     "remove driver=keep from %s of %s, unless the driver's vendor demands it", given->name,
			     vm);
	} else if (binder == BINDER_PROXMOX || binder == BINDER_LIBVIRT) {
		judge_pass(finding, arena, "%s %s; %s gives it to vfio-pci when %s starts", address, has,
			   binder == BINDER_PROXMOX ? "Proxmox VE" : "libvirt", vm);
	} else if (binder == BINDER_UNKNOWN) {
		judge_unknown(finding, arena,
			      "%s %s; libvirt gives it to vfio-pci if its <hostdev> says managed='yes', "
			      "which is not known here",
			      address, has);
	} else {
		judge_fail(finding, arena, "%s %s, and nobody gives it to vfio-pci when %s starts: QEMU refuses",
			   address, has, vm);
		bind_remedy(device, finding, arena);
	}
}

static void judge_driver(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct host_device *device = subject;
	if (!judge_device_may_go(device, finding, arena))
		return;
	const char *address = judge_address(arena, device->address);
	const char *driver = device->function->driver;
	if (!driver_is_known(device, finding, arena))
		return;
	driver_evidence(device, finding, arena);
	enum judge_binder binder = judge_binder(set, device->address);
	if (judge_is_vfio_driver(driver)) {
		judge_pass(finding, arena, "%s is bound to %s", address, driver);
	} else if (binder != BINDER_NO_VM) {
		judge_driver_for_vm(set, device, binder, finding, arena);
	} else {
		if (driver)
			judge_warn(finding, arena, "%s is bound to %s: a VM can have it only from vfio-pci", address,
				   driver);
		else
			judge_warn(finding, arena, "%s has no driver: a VM can have it only from vfio-pci", address);
		bind_remedy(device, finding, arena);
	}
}

/* pci_match_device() in drivers/pci/pci-driver.c: with an override set, no other driver matches. */
static void judge_override(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct host_device *device = subject;
	const struct fact *override = &device->detail.driver_override;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_may_go(device, finding, arena) || !driver_is_known(device, finding, arena))
		return;
	if (fact_unknown(override)) {
		judge_unknown_fact(finding, arena, override);
		return;
	}
	if (fact_absent(override)) {
		judge_pass(finding, arena, "%s has no driver_override: any driver may take it", address);
		return;
	}
	const char *driver = device->function->driver;
	judge_evidence_fact(finding, arena, override);
	driver_evidence(device, finding, arena);
	if (text_equals(override->text, driver)) {
		judge_pass(finding, arena, "%s has the driver that its driver_override names: %s", address, driver);
	} else if (judge_is_vfio_driver(override->text)) {
		judge_warn(finding, arena,
			   "driver_override of %s names %s, but %s has it: the override is stale, or "
			   "was never acted upon",
			   address, override->text, driver ? driver : "no driver");
		judge_remedy(finding, ACTOR_US, RESTART_NONE, arena,
			     "'nestpci bind %s' to give it to vfio-pci; or, if it stays with the host, clear it: "
			     "echo > %s",
			     address, override->path);
	} else if (judge_is_vfio_driver(driver)) {
		judge_warn(finding, arena,
			   "driver_override of %s names %s, though %s has it: once released, only %s can "
			   "take it",
			   address, override->text, driver, override->text);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena, "echo > %s", override->path);
	} else {
		/* Proxmox VE binds by new_id, which an override outweighs; libvirt and nestpci write the override. */
		bool refused = judge_binder(set, device->address) == BINDER_PROXMOX;
		(refused ? judge_fail :
			   judge_warn)(finding, arena, "driver_override of %s names %s: %svfio-pci cannot take it",
				       address, override->text, refused ? "when Proxmox VE binds it, " : "");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena, "clear it: echo > %s", override->path);
	}
}

/* ---- SR-IOV ---- */

static void judge_vf(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct host_device *device = subject;
	const struct fact *physfn = &device->detail.physfn;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_may_go(device, finding, arena))
		return;
	if (fact_unknown(physfn)) {
		judge_unknown_fact(finding, arena, physfn);
		return;
	}
	if (fact_absent(physfn)) {
		judge_na(finding, arena, "%s is no virtual function", address);
		return;
	}
	struct pci_address pf;
	const struct pci_function *function = NULL;
	if (physfn->text && pci_address_parse(physfn->text, &pf, NULL) == 0)
		function = host_find_function(set->host, pf);
	judge_evidence_fact(finding, arena, physfn);
	if (!function || (!function->driver && !judge_attribute_known(function, "/driver"))) {
		judge_unknown(finding, arena, "%s is a virtual function of %s, whose driver is not known", address,
			      physfn->text ? physfn->text : "another device");
		return;
	}
	judge_evidence(finding, arena, pci_path(arena, pf, "driver"), "%s",
		       function->driver ? function->driver : "absent");
	if (judge_is_vfio_driver(function->driver)) {
		judge_warn(finding, arena,
			   "%s is a virtual function of %s, which is itself given to %s: VFIO asks for a "
			   "token then, which no manager passes on",
			   address, physfn->text, function->driver);
		judge_remedy(finding, ACTOR_US, RESTART_NONE, arena,
			     "nestpci unbind %s, and create the virtual functions by its own driver", physfn->text);
	} else if (!function->driver) {
		judge_warn(finding, arena, "%s is a virtual function of %s, which has no driver to serve it", address,
			   physfn->text);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena, "load the driver of %s", physfn->text);
	} else {
		judge_pass(finding, arena,
			   "%s is a virtual function of %s, which its driver %s serves; reloading that "
			   "driver or resetting that device takes it away from the VM",
			   address, physfn->text, function->driver);
	}
}

/* vfio_pci_core_register_device(): -EBUSY, "Cannot bind to PF with SR-IOV enabled". */
static void judge_pf(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct host_device *device = subject;
	const struct fact *enabled = &device->detail.sriov_enabled;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_may_go(device, finding, arena))
		return;
	if (fact_unknown(enabled)) {
		judge_unknown_fact(finding, arena, enabled);
	} else if (fact_absent(enabled)) {
		judge_na(finding, arena, "%s has no virtual functions", address);
	} else if (enabled->number == 0) {
		judge_pass(finding, arena, "%s could have virtual functions, and has none", address);
	} else {
		bool bound = judge_is_vfio_driver(device->function->driver);
		(bound ? judge_warn : judge_fail)(finding, arena, "%s has %lld virtual functions: %s", address,
						  (long long)enabled->number,
						  bound ? "they are lost when the VM resets it" :
							  "vfio-pci refuses it as long as they exist");
		judge_evidence_fact(finding, arena, enabled);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "pass on one of the virtual functions instead; or give them up: echo 0 > %s",
			     enabled->path);
	}
}

static void judge_mdev(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct host_device *device = subject;
	const struct fact *mdev = &device->detail.mdev;
	const char *address = judge_address(arena, device->address);
	if (!judge_device_may_go(device, finding, arena))
		return;
	const struct vm_device *given = judge_vm_device(set->vm, device->address);
	if (fact_unknown(mdev)) {
		judge_unknown_fact(finding, arena, mdev);
	} else if (fact_absent(mdev)) {
		judge_na(finding, arena, "%s offers no mediated devices", address);
	} else if (given && given->mdev) {
		judge_pass(finding, arena, "%s offers mediated devices, and %s asks for one (%s)", address, given->name,
			   given->mdev);
		judge_evidence_fact(finding, arena, mdev);
	} else {
		judge_warn(finding, arena,
			   "%s offers mediated devices by its driver %s: passing on the whole device "
			   "ends those that others use",
			   address, device->function->driver ? device->function->driver : "(none)");
		judge_evidence_fact(finding, arena, mdev);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "make sure that nobody uses one: ls /sys/bus/mdev/devices");
	}
}

static const struct check checks[] = {
	{
		.id = "device-driver",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the device is with vfio-pci, or will be when its VM starts",
		.looks_at = "the link driver in the device's folder; who starts the VM",
		.why = "QEMU opens a device by VFIO, and only vfio-pci (or a vendor's variant of it) offers it there. "
		       "Proxmox VE binds the devices of its hostpci settings at each start, libvirt those with "
		       "managed='yes'; devices in args, or on a plain command line, nobody binds.",
		.mend = "nestpci bind ADDRESS",
		.see = "nestpci-bind(1); Linux, Documentation/driver-api/vfio.rst",
		.rows = "F115 F116 F118 F122 F124 F127 F182",
		.needs = "iommu-active iommu-groups",
		.judge = judge_driver,
	},
	{
		.id = "device-driver-override",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "driver_override is not in the way",
		.looks_at = "driver_override and driver in the device's folder",
		.why = "With an override set, no other driver can take the device: a stale one keeps it from its own "
		       "driver after the VM, or from vfio-pci before it.",
		.mend = "Write a newline into driver_override (an empty write changes nothing), then the address into "
			"/sys/bus/pci/drivers_probe.",
		.see = "Linux, Documentation/ABI/testing/sysfs-bus-pci, driver_override",
		.rows = "F120 F121 F123",
		.needs = "iommu-active iommu-groups",
		.judge = judge_override,
	},
	{
		.id = "device-vf-of",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "a virtual function's device is served by its own driver",
		.looks_at = "the link physfn, and the driver of what it leads to",
		.why = "A virtual function (SR-IOV) lives as long as the driver of its physical function keeps it.",
		.mend = "Leave the physical function with the host's driver, and do not reload that while a VM runs.",
		.see = "Linux, Documentation/PCI/pci-iov-howto.rst",
		.rows = "F114 F213",
		.judge = judge_vf,
	},
	{
		.id = "device-pf-with-vfs",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "no virtual functions stand in the way",
		.looks_at = "sriov_numvfs in the device's folder",
		.why = "vfio-pci refuses a physical function that has virtual functions enabled.",
		.mend = "Pass on virtual functions, or write 0 into sriov_numvfs.",
		.see = "Linux, drivers/vfio/pci/vfio_pci_core.c",
		.rows = "F114",
		.judge = judge_pf,
	},
	{
		.id = "device-mdev",
		.scope = CHECK_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "no mediated devices are lost",
		.looks_at = "mdev_supported_types in the device's folder",
		.why = "A device that is cut into mediated devices (vGPUs) belongs to its vendor's driver.",
		.mend = "Either pass on mediated devices (hostpciN: ...,mdev=TYPE), or the whole device.",
		.see = "Linux, Documentation/driver-api/vfio-mediated-device.rst",
		.rows = "F135",
		.judge = judge_mdev,
	},
	{ 0 },
};

const struct check_family check_family_device_driver = { "device-driver", "Drivers of devices", checks };
