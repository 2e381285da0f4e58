/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What does not get along with memory that is pinned, and what QEMU may pin. How much there is, memory.c judges. */
#include "check/judge.h"

/* ---- May that much be locked? ---- */

/*
 * libvirt allows memory + 1 GiB; times the devices since 8.7.0, where it knows of the vIOMMU (commit 8d5704e2c4). One in
 * <qemu:commandline> it does not know of. What libvirt sees is judged by memlock.
 */
static void judge_memlock(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const struct vm *line = judge_line(set, vm);
	const char *name = judge_vm_name(arena, vm);
	if (!judge_has_devices(vm, finding, arena))
		return;
	if (vm->manager != VM_LIBVIRT || line->viommu_count == 0 || line->viommus[0].native) {
		judge_na(finding, arena, "no vIOMMU of %s is hidden from libvirt", name);
	} else if (vm->hard_limit_mib || vm->mem_lock) {
		judge_na(finding, arena, "%s has <memtune> or <locked/>, which libvirt goes by (memlock)", name);
	} else if (vm->device_count < 2) {
		judge_pass(finding, arena, "%s has one device, so its memory is locked once, as libvirt reckons", name);
	} else {
		judge_warn(finding, arena,
			   "%s has %zu devices under a vIOMMU in <qemu:commandline>, which libvirt does not see: it "
			   "lets QEMU lock the memory once, where it is needed for each (\"Cannot allocate memory\")",
			   name, vm->device_count);
		if (line->viommus[0].where)
			judge_evidence(finding, arena, name, "%s", line->viommus[0].where);
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			"virsh edit %s: <iommu model='intel'> instead; or <memtune><hard_limit unit='MiB'>%llu</hard_limit>"
			"</memtune>",
			judge_libvirt_name(vm), (unsigned long long)vm->memory_mib * vm->device_count + 1024);
	}
}

/* ---- What does not go together with pinned memory ---- */

static void judge_balloon(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	if (!judge_has_devices(vm, finding, arena))
		return;
	const char *name = judge_vm_name(arena, vm);
	if (vm->balloon == VM_NO) {
		judge_pass(finding, arena, "%s has no balloon", name);
	} else if (vm->balloon == VM_UNKNOWN) {
		judge_unknown(finding, arena, "whether %s has a balloon is not known", name);
	} else {
		judge_warn(finding, arena,
			   "%s has a balloon%s, which does nothing while a device of the host is there: all memory is "
			   "pinned, and graphs mislead",
			   name, vm->free_page_reporting == VM_YES ? " with free page reporting" : "");
		judge_vm_remedy(finding, arena, vm, RESTART_VM,
				(struct judge_words){
					.proxmox = arena_printf(arena, "qm set %s --balloon 0", judge_id(vm)),
					.libvirt = "<memballoon model='none'/>",
					.plain = "no -device virtio-balloon-pci",
				});
	}
}

static void judge_virtio_mem(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	const struct vm *vm = subject;
	if (!judge_has_devices(vm, finding, arena))
		return;
	const char *name = judge_vm_name(arena, vm);
	if (!vm->virtio_mem) {
		judge_na(finding, arena, "%s has no virtio-mem", name);
		return;
	}
	judge_warn(finding, arena,
		   "%s has virtio-mem along with devices of the host: under a vIOMMU its guest can have more memory "
		   "pinned than it was given, and some QEMUs refuse",
		   name);
	judge_vm_remedy(finding, arena, vm, RESTART_VM,
			(struct judge_words){
				.proxmox = arena_printf(arena, "take virtio-mem out: qm set %s --memory MIB",
							judge_id(vm)),
				.libvirt = "no <memory model='virtio-mem'>",
				.plain = "no -device virtio-mem-pci",
			});
}

/* ---- Huge pages ---- */

static void judge_hugepages(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	if (!vm->hugepages || vm->manager != VM_PROXMOX || vm->source != VM_FROM_CONFIGURATION) {
		judge_na(finding, arena, "%s asks Proxmox VE for no huge pages", name);
	} else if (vm->numa) {
		judge_pass(finding, arena,
			   "%s asks for huge pages, and has the NUMA nodes that Proxmox VE wants for that", name);
	} else {
		judge_fail(finding, arena,
			   "%s asks for huge pages without numa: Proxmox VE refuses (\"numa needs to be enabled to use "
			   "hugepages\")",
			   name);
		judge_evidence(finding, arena, vm->path ? vm->path : name, "hugepages: %s", vm->hugepages);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena, "qm set %s --numa 1", judge_id(vm));
	}
}

static const struct check checks[] = {
	{
		.id = "vm-balloon",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM has no balloon",
		.looks_at = "balloon:, <memballoon>, virtio-balloon",
		.why = "QEMU switches ballooning off while a device of the host is there.",
		.mend = "balloon: 0",
		.see = "qm(1), balloon",
		.rows = "F097 F098",
		.judge = judge_balloon,
	},
	{
		.id = "vm-virtio-mem",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM has no virtio-mem",
		.looks_at = "virtio-mem devices",
		.why = "Memory that comes and goes does not get along with memory that is pinned.",
		.mend = "Plain memory.",
		.see = "QEMU, hw/vfio/listener.c",
		.rows = "F097 F100",
		.judge = judge_virtio_mem,
	},
	{
		.id = "vm-memlock",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "libvirt knows of the vIOMMU when it sets QEMU's limit",
		.looks_at = "<iommu>, <qemu:commandline>, how many devices there are",
		.why = "Under a vIOMMU all memory is locked once for each device. libvirt sets QEMU's limit by what its XML says, "
		       "and passes over <qemu:commandline>.",
		.mend = "<iommu>, or <hard_limit>.",
		.see = "getrlimit(2), RLIMIT_MEMLOCK; libvirt, formatdomain, hard_limit",
		.rows = "F093",
		.judge = judge_memlock,
	},
	{
		.id = "vm-hugepages",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "a VM with huge pages has NUMA nodes",
		.looks_at = "hugepages:, numa:",
		.why = "Proxmox VE starts no VM with huge pages that has no NUMA nodes to put them on.",
		.mend = "numa: 1",
		.see = "qm(1), hugepages, numa",
		.rows = "F101",
		.judge = judge_hugepages,
	},
	{ 0 },
};

const struct check_family check_family_vm_memory = { "vm-memory", "The VM's memory", checks };
