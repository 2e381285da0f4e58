/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices that a VM is given: do they exist, who else claims them, where do they sit, what can QEMU do with them? */
#include "check/judge.h"

static const char *device_text(struct arena *arena, const struct vm_device *device)
{
	return device->name ? device->name : device->where ? device->where : "a device";
}

static void where_evidence(const struct subject_set *set, const struct vm_device *device, struct finding *finding,
			   struct arena *arena)
{
	if (device->where)
		judge_evidence(finding, arena, set->vm && set->vm->path ? set->vm->path : device_text(arena, device),
			       "%s", device->where);
}

/* ---- Does it exist? ---- */

static void judge_exists(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct vm_device *device = subject;
	const char *name = device_text(arena, device);
	if (device->mapping && device->problem) {
		judge_na(finding, arena, "what the mapping of %s stands for is judged by vm-device-identity", name);
		return;
	}
	if (set->vm && set->vm->elsewhere) {
		judge_na(finding, arena, "%s is of another node: its devices are not of this host",
			 judge_vm_name(arena, set->vm));
		return;
	}
	if (fact_unknown(&set->host->pci_folder)) {
		judge_unknown_fact(finding, arena, &set->host->pci_folder);
		return;
	}
	size_t missing = 0;
	size_t told = 0;
	for (size_t i = 0; i < device->host_count; i++) {
		if (host_find_function(set->host, device->hosts[i]))
			continue;
		missing++;
		told += host_find_device(set->host, device->hosts[i]) != NULL;
		judge_evidence(finding, arena, pci_path(arena, device->hosts[i], ""), "absent");
	}
	if (device->host_count && !missing) {
		judge_pass(finding, arena, "this host has what %s names", name);
		return;
	}
	if (missing && told == missing && !device->problem) {
		judge_na(finding, arena, "what is missing of %s, device-exists names", name);
		return;
	}
	if (!missing && !device->problem) {
		judge_unknown(finding, arena, "what %s stands for on this host is not known", name);
		where_evidence(set, device, finding, arena);
		return;
	}
	where_evidence(set, device, finding, arena);
	judge_fail(finding, arena, "this host does not have what %s names%s%s", name, device->problem ? ": " : "",
		   device->problem ? device->problem : "");
	judge_remedy(
		finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
		"find the device with 'nestpci list', and correct %s; addresses change when cards are added or taken out",
		name);
}

static void judge_identity(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct vm_device *device = subject;
	const char *name = device_text(arena, device);
	if (!device->mapping) {
		judge_na(finding, arena, "%s names a device by its address: nothing says which device is meant", name);
		return;
	}
	if (!device->problem && device->host_count) {
		judge_pass(finding, arena,
			   "the mapping %s leads to a device of this host, and is compared with its ids at each "
			   "start",
			   device->mapping);
		return;
	}
	if (!device->problem) {
		judge_unknown(finding, arena, "what the mapping %s leads to is not known", device->mapping);
		return;
	}
	judge_fail(finding, arena, "the mapping %s (%s) does not fit this host: %s", device->mapping, name,
		   device->problem);
	judge_evidence(finding, arena, name, "mapping=%s", device->mapping);
	judge_remedy(
		finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
		"make or correct the mapping (Datacenter, Resource Mappings; /etc/pve/mapping/pci.cfg), or name another "
		"one in the VM's configuration: ids, path and IOMMU group must be those that this "
		"host has now; groups are renumbered when hardware or kernel change");
}

/* ---- Who else claims it? ---- */

static bool is_same_vm(const struct subject_set *set, const struct vm *other)
{
	return other == set->running || vm_is_same(other, set->vm) || (set->running && vm_is_same(other, set->running));
}

static const char *group_of(const struct subject_set *set, struct pci_address address)
{
	const struct pci_function *function = host_find_function(set->host, address);
	return function ? function->group : NULL;
}

enum claim { CLAIM_NONE, CLAIM_GROUP, CLAIM_DEVICE };

static enum claim claim_of(const struct subject_set *set, const struct vm_device *mine, const struct vm_device *other)
{
	enum claim claim = CLAIM_NONE;
	for (size_t i = 0; i < mine->host_count; i++)
		for (size_t j = 0; j < other->host_count; j++) {
			if (pci_address_equal(mine->hosts[i], other->hosts[j]))
				return CLAIM_DEVICE;
			const char *group = group_of(set, mine->hosts[i]);
			if (group && text_equals(group, group_of(set, other->hosts[j])))
				claim = CLAIM_GROUP;
		}
	return claim;
}

struct rival {
	const struct vm *vm;
	const struct vm_device *device;
	enum claim claim;
};

/* The one that matters most: a running VM before one that could be started. */
static struct rival find_rival(const struct subject_set *set, const struct vm_device *mine)
{
	struct rival rival = { 0 };
	for (size_t i = 0; i < set->vms->count; i++) {
		const struct vm *other = &set->vms->items[i];
		if (is_same_vm(set, other) || other->template || other->elsewhere)
			continue;
		for (size_t j = 0; j < other->device_count; j++) {
			if (other->devices[j].mdev)
				continue;
			enum claim claim = claim_of(set, mine, &other->devices[j]);
			bool worse = !rival.vm || (other->running == VM_YES && rival.vm->running != VM_YES);
			if (claim != CLAIM_NONE && worse)
				rival = (struct rival){ other, &other->devices[j], claim };
		}
	}
	return rival;
}

static void judge_shared(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct vm_device *device = subject;
	const char *name = device_text(arena, device);
	if (device->mdev) {
		judge_na(finding, arena, "%s is a mediated device: others may have others of the same card", name);
		return;
	}
	if (!set->vms || !set->vm) {
		judge_unknown(finding, arena, "which other VMs this host has was not read");
		return;
	}
	if (device->host_count == 0) {
		judge_na(finding, arena, "what %s stands for is not known", name);
		return;
	}
	struct rival rival = find_rival(set, device);
	if (!rival.vm) {
		if (set->vms->problems.count)
			judge_unknown(finding, arena, "not all other VMs could be read: %s",
				      set->vms->problems.items[0]);
		else
			judge_pass(finding, arena, "no other VM of this host claims %s or its IOMMU group", name);
		return;
	}
	const char *other = judge_vm_name(arena, rival.vm);
	const char *what = rival.claim == CLAIM_DEVICE ? "has the same device" : "has a device of the same IOMMU group";
	bool runs = rival.vm->running == VM_YES && !rival.device->any_of && !device->any_of;
	bool we_run = set->vm->running == VM_YES;
	judge_evidence(finding, arena, other, "%s: %s", device_text(arena, rival.device),
		       rival.device->where ? rival.device->where : "");
	if (runs && !we_run)
		judge_fail(finding, arena, "%s, which runs, %s as %s%s", other, what, name,
			   rival.device->native && device->native ?
				   "" :
				   ": no manager sees that, and starting this VM resets the device under it");
	else
		judge_warn(
			finding, arena, "%s %s as %s: they cannot run at the same time%s", other, what, name,
			rival.device->native && device->native ?
				"" :
				", and no manager sees that for a device in args: the second one resets it under the first");
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena, "%s; or take the device from one of them",
		     runs ? arena_printf(arena, "stop %s first", other) : "start only one of them");
}

/* ---- Where does it sit? ---- */

/* All host devices of the VM behind this bridge are of one group of the host: the one good reason for it. */
static bool is_one_group(const struct subject_set *set, const struct vm_device *device)
{
	const char *group = NULL;
	for (size_t i = 0; i < set->vm->device_count; i++) {
		const struct vm_device *other = &set->vm->devices[i];
		if (other != device &&
		    (!other->shares_bridge || !text_equals(other->address_space, device->address_space)))
			continue;
		for (size_t j = 0; j < other->host_count; j++) {
			const char *theirs = group_of(set, other->hosts[j]);
			if (!theirs || (group && strcmp(group, theirs) != 0))
				return false;
			group = theirs;
		}
	}
	return group != NULL;
}

/* Proxmox VE's pci.0 to pci.3 hold the VM's own disks and network interfaces (pve-q35-4.0.cfg). */
static bool is_proxmox_bus(const struct vm *vm, const struct vm_device *device)
{
	return vm->manager == VM_PROXMOX &&
	       (device->native || text_starts_with(device->bus ? device->bus : "", "pci."));
}

static void judge_behind_bridge(const struct subject_set *set, const struct vm_device *device, struct finding *finding,
				struct arena *arena)
{
	const char *name = device_text(arena, device);
	const char
		*remedy = set->vm->manager == VM_LIBVIRT && device->native ?
				  "take the <address type='pci' .../> out of its <hostdev> (not that in <source>), and "
				  "libvirt gives it a pcie-root-port of its own" :
				  "give it a pcie-root-port of its own";
	if (is_proxmox_bus(set->vm, device)) {
		judge_fail(finding, arena,
			   "%s is on a conventional PCI bus with the VM's own disks and network: in L1 they are "
			   "one IOMMU group, which cannot be handed on",
			   name);
		remedy = arena_printf(arena, "qm set %s --%s %s", judge_id(set->vm), name,
				      judge_proxmox_value(set, finding, arena, set->vm,
							  (struct judge_setting){ name, "host", "HOST", "pcie", "1" }));
		if (!device->native)
			remedy = "give it bus=ich9-pcie-port-N, with a port that no hostpci uses";
	} else if (is_one_group(set, device)) {
		judge_pass(finding, arena,
			   "%s is behind a bridge with what shares its group on this host: one group in L1, too", name);
		return;
	} else {
		judge_warn(finding, arena,
			   "%s is behind a bridge to conventional PCI: all that is there is one IOMMU group in L1",
			   name);
	}
	where_evidence(set, device, finding, arena);
	judge_wanted(finding, arena, "a PCI Express root port of its own");
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena, "%s", remedy);
}

static void judge_port(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct vm_device *device = subject;
	const struct vm *vm = set->vm;
	const char *name = device_text(arena, device);
	if (!vm || !vm->machine_known) {
		judge_na(finding, arena, "the machine type of the VM is not judged");
		return;
	}
	if (!vm->q35) {
		if (judge_is_l2(set) && device->pcie && vm->manager == VM_PROXMOX) {
			judge_fail(finding, arena,
				   "%s asks for PCI Express (pcie=1), which only q35 has: Proxmox VE refuses to start "
				   "it (\"q35 machine model is not enabled\")",
				   name);
			judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
				     "qm set %s --machine q35, or pcie=0", judge_id(vm));
		} else {
			judge_na(finding, arena, "%s is no q35%s", judge_vm_name(arena, vm),
				 judge_is_l2(set) ? "" : ", which comes first (vm-machine-q35)");
		}
		return;
	}
	if (judge_is_l2(set)) {
		judge_na(finding, arena, "%s is an L2: it hands no device on", judge_vm_name(arena, vm));
	} else if (!device->bus_known) {
		judge_unknown(finding, arena, "on which bus %s sits is not known", name);
	} else if (device->pcie) {
		judge_pass(finding, arena, "%s has a PCI Express port of its own", name);
	} else if (device->root_bus) {
		judge_warn(finding, arena,
			   "%s is on the root bus, as a part of the root complex: it loses its PCI Express link, and "
			   "some drivers and firmware do not take it there",
			   name);
		where_evidence(set, device, finding, arena);
		judge_wanted(finding, arena, "a PCI Express root port of its own");
		judge_vm_remedy(
			finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = "put a -device pcie-root-port,id=NAME,chassis=N before it, and "
					   "bus=NAME on it",
				.libvirt = arena_printf(arena,
							"virsh edit %s: take the <address type='pci' "
							"bus='0x00' .../> out of its <hostdev>, and libvirt "
							"gives it a port of its own",
							judge_libvirt_name(vm)),
				.plain = "put a -device pcie-root-port,id=NAME,chassis=N before it, and bus=NAME "
					 "on it",
			});
	} else {
		judge_behind_bridge(set, device, finding, arena);
	}
}

/* ---- iommufd ---- */

static void judge_iommufd(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm_device *device = subject;
	const struct fact *node = &set->host->modules.iommu_device;
	const struct kernel *kernel = &set->host->kernel;
	const char *name = device_text(arena, device);
	if (!device->iommufd) {
		judge_na(finding, arena, "%s does not ask for iommufd", name);
		return;
	}
	where_evidence(set, device, finding, arena);
	if (fact_unknown(node)) {
		judge_unknown_fact(finding, arena, node);
	} else if (fact_absent(node) || kernel->vfio_cdev == KERNEL_OPTION_NOT_SET) {
		judge_fail(finding, arena, "%s asks for iommufd, which this kernel does not offer: %s", name,
			   fact_absent(node) ? "there is no /dev/iommu" : "CONFIG_VFIO_DEVICE_CDEV is not set");
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			"modprobe iommufd; if the kernel has none (it needs CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV), take "
			"iommufd= away from %s",
			name);
	} else if (kernel->vfio_cdev == KERNEL_OPTION_UNKNOWN) {
		judge_unknown(finding, arena,
			      "/dev/iommu is there; whether this kernel has CONFIG_VFIO_DEVICE_CDEV, which %s needs, "
			      "is not known",
			      name);
	} else {
		judge_pass(finding, arena, "%s asks for iommufd, and this kernel offers it", name);
	}
}

static const struct check checks[] = {
	{
		.id = "vm-device-exists",
		.scope = CHECK_VM_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the host has what the VM is given",
		.looks_at = "hostpciN, <hostdev>, vfio-pci; /sys/bus/pci/devices",
		.why = "The VM does not start when a device is missing: 'no PCI device found'.",
		.mend = "Correct the address.",
		.see = "qm(1), hostpci",
		.rows = "F113",
		.judge = judge_exists,
	},
	{
		.id = "vm-device-identity",
		.scope = CHECK_VM_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "a mapping leads to the device that is meant",
		.looks_at = "/etc/pve/mapping/pci.cfg, and the device's ids and group",
		.why = "An address names a place, and after a change of hardware another device is there. A mapping of Proxmox "
		       "VE remembers the ids, and refuses to start with another device or group.",
		.mend = "Correct the mapping; or make one instead of an address.",
		.see = "pve-docs, qm, Resource Mapping",
		.rows = "F112 F113 F196",
		.judge = judge_identity,
	},
	{
		.id = "vm-device-shared",
		.scope = CHECK_VM_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "no other VM claims the device or its group",
		.looks_at = "all VMs of this host: their devices, also those in args, and the groups of these",
		.why = "A group belongs to one VM at a time. Proxmox VE reserves what hostpci names; a device in args nobody "
		       "reserves, and the start of a second VM resets it under the first.",
		.mend = "Run one of them at a time, or take the device from one.",
		.see = "qm(1), hostpci",
		.rows = "F115 F116 F163 F190 F214",
		.judge = judge_shared,
	},
	{
		.id = "vm-device-pcie",
		.scope = CHECK_VM_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "the device has a PCI Express port of its own",
		.looks_at = "pcie= of hostpci; bus= of vfio-pci",
		.why = "Behind a bridge to conventional PCI all devices look like one to the vIOMMU, so they are one group in L1; "
		       "on the root bus a device loses its PCI Express link.",
		.mend = "pcie=1 on a q35 (Proxmox VE); a pcie-root-port for each device.",
		.see = "QEMU, docs/pcie.txt; Linux, drivers/iommu/iommu.c, pci_device_group()",
		.rows = "F063 F064 F117 F172 F176 F177",
		.judge = judge_port,
	},
	{
		.id = "vm-device-iommufd",
		.scope = CHECK_VM_DEVICE,
		.levels = CHECK_HYPERVISORS,
		.title = "iommufd is there where it is asked for",
		.looks_at = "iommufd= of vfio-pci; /dev/iommu; the kernel's configuration",
		.why = "iommufd is newer than VFIO's own containers, and many kernels are built without it.",
		.mend = "modprobe iommufd, or do without.",
		.see = "Linux, Documentation/userspace-api/iommufd.rst; QEMU, docs/devel/vfio-iommufd.rst",
		.rows = "F033 F095",
		.judge = judge_iommufd,
	},
	{ 0 },
};

const struct check_family check_family_vm_device = { "vm-device", "The VM's devices", checks };
