/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the judges of devices, groups and VMs share: names for people, gates, and remedies in a manager's own words. */
#pragma once

#include "check/check.h"

/* "0000:01:00.0" */
const char *judge_address(struct arena *arena, struct pci_address address);

/* "VM 100" */
const char *judge_vm_name(struct arena *arena, const struct vm *vm);

/* What Proxmox VE calls the VM, for commands: "100"; "ID" where that is not known. */
const char *judge_id(const struct vm *vm);

/* "1 change", "2 changes" */
const char *judge_count(struct arena *arena, size_t count, const char *what);

/* "16 GiB", "1536 MiB" */
const char *judge_mib(struct arena *arena, uint64_t mib);

/* What can be many is shown up to this; the summary says how many there are. */
#define JUDGE_EVIDENCE_MAX 16

/* ---- Devices ---- */

/* vfio-pci, or a variant driver of a vendor (mlx5_vfio_pci, ...): VFIO can open it. */
bool judge_is_vfio_driver(const char *driver);

/* An attribute of a function that is NULL may be absent or unreadable: false when a problem names it ("/driver"). */
bool judge_attribute_known(const struct pci_function *function, const char *attribute);

static inline bool judge_is_display(const struct pci_function *function)
{
	return function->class != PCI_UNKNOWN && function->class >> 16 == 0x03;
}

/* False, and the finding is N/A, when there is no such device (device-exists says so). */
bool judge_device_is_there(const struct host_device *device, struct finding *finding, struct arena *arena);

/*
 * The same, also for what is never passed on, whatever is done about it here: device-is-no-bridge and device-vmd say so, and
 * advice about its driver or its group would contradict them.
 */
bool judge_device_may_go(const struct host_device *device, struct finding *finding, struct arena *arena);

/* The same, also when it does not answer (device-answers says so). */
bool judge_device_answers(const struct host_device *device, struct finding *finding, struct arena *arena);

/* The device of the VM that stands for this address, or NULL. */
const struct vm_device *judge_vm_device(const struct vm *vm, struct pci_address address);

/* Who gives a device to vfio-pci before the VM at hand starts. */
enum judge_binder {
	BINDER_NO_VM,   /* no VM at hand is given the device */
	BINDER_NOBODY,  /* plain QEMU, or a device in args: it must be bound by then */
	BINDER_PROXMOX, /* qm start, with all members of its group but bridges */
	BINDER_LIBVIRT, /* the device alone: managed='yes' */
	BINDER_UNKNOWN, /* libvirt, and what it says of managed is not known */
};
enum judge_binder judge_binder(const struct subject_set *set, struct pci_address address);

/* ---- VMs ---- */

/* A VM on a machine that is itself L1 is an L2: no hypervisor, so it needs no vIOMMU and no nested CPU. */
static inline bool judge_is_l2(const struct subject_set *set)
{
	return set->level >= 1;
}

/* False, and the finding is N/A, for an L2. */
bool judge_is_hypervisor(const struct subject_set *set, const struct vm *vm, struct finding *finding,
			 struct arena *arena);

/* False, and the finding is N/A, for a VM that is given no device of the host. */
bool judge_has_devices(const struct vm *vm, struct finding *finding, struct arena *arena);

/* False, and the finding is N/A, for a VM that Proxmox VE does not manage. */
bool judge_is_proxmox(const struct vm *vm, struct finding *finding, struct arena *arena);

/*
 * The line whose vIOMMU counts: the definition's; or the running QEMU's, where only that has one, because something
 * between manager and QEMU adds it (nestpci-wrapper(8)).
 */
const struct vm *judge_line(const struct subject_set *set, const struct vm *vm);

/*
 * The one vIOMMU of that line. NULL, and the finding is N/A, where there is none, or another check already says what is
 * wrong. An L2 may have one, too: then only what makes QEMU refuse counts.
 */
const struct vm_viommu *judge_viommu(const struct subject_set *set, const struct vm *vm, struct finding *finding,
				     struct arena *arena);

/* The same; N/A also where it is another model than intel-iommu. */
const struct vm_viommu *judge_intel(const struct subject_set *set, const struct vm *vm, struct finding *finding,
				    struct arena *arena);

/*
 * Whether a setting of a Proxmox VE configuration does not do what it says on this release: ignored as a whole, or passed
 * on where QEMU refuses it. vm-release says so; what follows from it is N/A. `ret_problem`, which may be NULL: why.
 */
bool judge_is_not_taken(const struct vm *vm, const char *setting, const char **ret_problem);

/* Bits that the VM's intel-iommu translates without aw-bits; 0: not known. */
unsigned int judge_default_width(const struct subject_set *set, const struct vm *line);

/* Devices of the VM that its manager does not know of, because they stand in args; `ret_first`: one of them. */
size_t judge_count_foreign(const struct vm *vm, const struct vm_device **ret_first);

/* ---- Versions ---- */

enum judge_since { SINCE_NO, SINCE_YES, SINCE_UNKNOWN };
enum judge_since judge_since(const struct version *version, unsigned int a, unsigned int b, unsigned int c);

/* ---- Remedies ---- */

/* A property string of a Proxmox VE configuration, and what is wished of it. */
struct judge_setting {
	const char *name;     /* "machine", "cpu", "hostpci0" */
	const char *implied;  /* the key of the first part where it has none: "type" */
	const char *fallback; /* stands in for a configuration that is not at hand */
	const char *key;
	const char *value;
};

/*
 * The value that it would need: as it is, with pending changes made and what other findings wish of it (subject_set.wishes),
 * but `key` set to `value`. That becomes the wish of `finding`, unless that is NULL: an alternative, or for another release.
 */
const char *judge_proxmox_value(const struct subject_set *set, struct finding *finding, struct arena *arena,
				const struct vm *vm, struct judge_setting setting);

/*
 * The same for `machine`: the type is q35 in any case, and a vIOMMU whose width by default is more than this host's IOMMU
 * has, gets aw-bits.
 */
const char *judge_proxmox_machine(const struct subject_set *set, struct finding *finding, struct arena *arena,
				  const struct vm *vm, const char *key, const char *value);

/* How a VM gets an intel-iommu: Proxmox VE's command alone; and the whole remedy, whoever manages it. */
const char *judge_proxmox_viommu(const struct subject_set *set, const struct vm *vm, struct finding *finding,
				 struct arena *arena);
void judge_remedy_viommu(const struct subject_set *set, const struct vm *vm, struct finding *finding,
			 struct arena *arena);

/* The XML of an intel-iommu as L1 needs it. */
#define JUDGE_INTEL_IN_XML                                                                           \
	"<iommu model='intel'><driver intremap='on' caching_mode='on'/></iommu> among the devices, " \
	"and <ioapic driver='qemu'/> among the features"

/* The same for somebody inside the VM, who does not know who manages it. */
#define JUDGE_HOW_TO_GIVE_VIOMMU                                                                                    \
	"'qm set VMID --machine q35,viommu=intel' in Proxmox VE 8.2 and later; " JUDGE_INTEL_IN_XML " in libvirt; " \
	"for another QEMU line 'nestpci rewrite' prints it, and nestpci-wrapper(8) does it at each start"

/* What libvirt calls the VM. */
const char *judge_libvirt_name(const struct vm *vm);

/* What to do to a VM, in the words of whoever manages it. */
struct judge_words {
	const char *proxmox;
	const char *libvirt;
	const char *plain;
};
void judge_vm_remedy(struct finding *finding, struct arena *arena, const struct vm *vm, enum restart restart,
		     struct judge_words words);
