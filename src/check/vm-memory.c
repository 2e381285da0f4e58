/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of a VM with devices of the host: all of it is pinned, and under a vIOMMU once for each address space. */
#include "check/judge.h"

#define KIB_PER_MIB 1024
#define PAGE_KIB 4

static bool memory_known(const struct vm *vm, struct finding *finding, struct arena *arena)
{
	if (vm->memory_mib)
		return true;
	judge_unknown(finding, arena, "how much memory %s has is not known", judge_vm_name(arena, vm));
	return false;
}

static const char *libvirt_name(const struct vm *vm)
{
	return vm->name ? vm->name : vm->id;
}

/* ---- Does it fit? ---- */

/* What a host itself needs, at the least. */
#define HOST_RESERVE_MIB 1024

static void judge_pinned(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct vm *vm = subject;
	const struct fact *total = &set->host->machine.memory_total;
	const struct fact *available = &set->host->machine.memory_available;
	if (!judge_has_devices(vm, finding, arena) || !memory_known(vm, finding, arena))
		return;
	const char *name = judge_vm_name(arena, vm);
	if (!fact_known(total)) {
		judge_unknown_fact(finding, arena, total);
		return;
	}
	uint64_t host = (uint64_t)total->number / KIB_PER_MIB;
	uint64_t free = fact_known(available) ? (uint64_t)available->number / KIB_PER_MIB : host;
	judge_evidence_fact(finding, arena, total);
	if (vm->memory_mib >= host) {
		judge_fail(finding, arena, "%s has %s, all of which is pinned, and this host has %s", name,
			   judge_mib(arena, vm->memory_mib), judge_mib(arena, host));
	} else if (vm->memory_mib + HOST_RESERVE_MIB > host) {
		judge_warn(finding, arena,
			   "%s has %s, all of which is pinned: of its %s this host keeps less than 1 GiB", name,
			   judge_mib(arena, vm->memory_mib), judge_mib(arena, host));
	} else if (vm->running != VM_YES && !vm->hugepages && vm->memory_mib > free) {
		judge_warn(finding, arena, "%s has %s, all of which is pinned at its start, and %s are available now",
			   name, judge_mib(arena, vm->memory_mib), judge_mib(arena, free));
		judge_evidence_fact(finding, arena, available);
	} else {
		judge_pass(finding, arena, "%s has %s, all of which is pinned; this host has %s", name,
			   judge_mib(arena, vm->memory_mib), judge_mib(arena, host));
		return;
	}
	judge_remedy(
		finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
		"give %s less memory, or stop other VMs first: pinned memory is neither swapped nor shared nor ballooned",
		name);
}

/* ---- How many mappings? ---- */

/* vfio_iommu_type1's default, U16_MAX (drivers/vfio/vfio_iommu_type1.c). */
#define DEFAULT_ENTRY_LIMIT 65535

static bool all_iommufd(const struct vm *vm)
{
	for (size_t i = 0; i < vm->device_count; i++)
		if (!vm->devices[i].iommufd)
			return false;
	return vm->device_count > 0;
}

/*
 * Under a vIOMMU QEMU maps each page of the guest's tables by itself: an entry each, 4 KiB or 2 MiB or 1 GiB. An L2 has at
 * most the memory of its L1.
 */
static void judge_entries(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	const struct fact *limit = &set->host->modules.dma_entry_limit;
	if (!judge_has_devices(vm, finding, arena) || !judge_is_hypervisor(set, vm, finding, arena))
		return;
	const char *name = judge_vm_name(arena, vm);
	if (all_iommufd(vm)) {
		judge_pass(finding, arena, "%s uses iommufd, which has no limit of mappings", name);
		return;
	}
	if (!memory_known(vm, finding, arena))
		return;
	if (fact_unknown(limit)) {
		judge_unknown_fact(finding, arena, limit);
		return;
	}
	uint64_t entries = fact_known(limit) ? (uint64_t)limit->number : DEFAULT_ENTRY_LIMIT;
	uint64_t small = entries * PAGE_KIB / KIB_PER_MIB;
	judge_evidence_fact(finding, arena, limit);
	if (vm->memory_mib <= small) {
		judge_pass(finding, arena, "%llu mappings are allowed: enough for all memory of %s, in pages of 4 KiB",
			   (unsigned long long)entries, name);
		return;
	}
	uint64_t wanted = vm->memory_mib * KIB_PER_MIB / PAGE_KIB + 65536;
	judge_warn(finding, arena,
		   "%llu mappings are allowed for each device: L2 can have %s if L1 backs it by pages of 4 KiB, %s "
		   "by pages of 2 MiB; %s has %s. L1 is not told when they are used up: its device then faults",
		   (unsigned long long)entries, judge_mib(arena, small), judge_mib(arena, entries * 2), name,
		   judge_mib(arena, vm->memory_mib));
	judge_wanted(finding, arena, "%llu, or huge pages for L2 in L1", (unsigned long long)wanted);
	judge_remedy(
		finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
		"'options vfio_iommu_type1 dma_entry_limit=%llu' in /etc/modprobe.d/nestpci.conf, and now: echo %llu > "
		"/sys/module/vfio_iommu_type1/parameters/dma_entry_limit; or in L1: hugepages for L2, or "
		"/sys/kernel/mm/transparent_hugepage/enabled at always",
		(unsigned long long)wanted, (unsigned long long)wanted);
}

/* ---- May that much be locked? ---- */

/* One container for each address space: all devices share one without a vIOMMU, each has its own under one. */
static uint64_t memory_to_lock(const struct subject_set *set, const struct vm *vm)
{
	size_t spaces = judge_line(set, vm)->viommu_count ? vm->device_count : 1;
	return vm->memory_mib * spaces;
}

static void limit_remedy(const struct vm *vm, uint64_t needed, struct finding *finding, struct arena *arena)
{
	unsigned long long mib = needed + 1024;
	judge_vm_remedy(
		finding, arena, vm, RESTART_VM,
		(struct judge_words){
			.proxmox = "start it by qm start: QEMU runs as root then, and has no limit",
			.libvirt = arena_printf(
				arena, "virsh edit %s: <memtune><hard_limit unit='MiB'>%llu</hard_limit></memtune>",
				libvirt_name(vm), mib),
			.plain =
				"LimitMEMLOCK=infinity in the unit that starts QEMU; ulimit -l unlimited in a shell; or "
				"/etc/security/limits.conf",
		});
}

/* A limit that is known: of the running QEMU, or of whoever would start it. */
static void judge_limit(const struct vm *vm, const struct fact *limit, uint64_t needed, bool by_root,
			struct finding *finding, struct arena *arena)
{
	const char *name = judge_vm_name(arena, vm);
	judge_evidence_fact(finding, arena, limit);
	if (limit->number < 0) {
		judge_pass(finding, arena, "QEMU of %s may lock as much memory as it likes", name);
	} else if ((uint64_t)limit->number >> 20 >= needed) {
		judge_pass(finding, arena, "QEMU of %s may lock %s, and needs %s", name,
			   judge_mib(arena, (uint64_t)limit->number >> 20), judge_mib(arena, needed));
	} else if (by_root) {
		judge_pass(finding, arena, "root starts QEMU of %s, which no limit holds for", name);
	} else {
		judge_warn(finding, arena,
			   "QEMU of %s may lock %s, and needs %s, unless it runs as root (\"Cannot allocate memory\", "
			   "-12)",
			   name, judge_mib(arena, (uint64_t)limit->number >> 20), judge_mib(arena, needed));
		limit_remedy(vm, needed, finding, arena);
	}
}

/* libvirt allows memory + 1 GiB; times the devices since 8.7.0, where it knows of the vIOMMU (commit 8d5704e2c4). */
static void judge_libvirt_limit(const struct subject_set *set, const struct vm *vm, uint64_t needed,
				struct finding *finding, struct arena *arena)
{
	const struct vm *line = judge_line(set, vm);
	const char *name = judge_vm_name(arena, vm);
	enum judge_since scales = judge_since(&set->host->versions.libvirt, 8, 7, 0);
	bool knows = line->viommu_count == 0 || line->viommus[0].native;
	if (needed <= vm->memory_mib + 1024) {
		judge_pass(finding, arena, "libvirt lets QEMU of %s lock its memory, which is once for its devices",
			   name);
	} else if (knows && scales == SINCE_YES) {
		judge_pass(finding, arena, "libvirt lets QEMU of %s lock its memory once for each of %zu devices", name,
			   vm->device_count);
	} else if (knows && scales == SINCE_UNKNOWN) {
		judge_unknown(finding, arena,
			      "whether libvirt lets QEMU of %s lock its memory for each of %zu devices goes by its "
			      "version (8.7.0), which is not known",
			      name, vm->device_count);
	} else {
		judge_warn(
			finding, arena,
			"%s has %zu devices under a vIOMMU, and libvirt lets QEMU lock its memory only once, for %s: "
			"one device works, two do not (unless <hard_limit> says otherwise)",
			name, vm->device_count,
			knows ? "it is older than 8.7.0" :
				"the vIOMMU stands in <qemu:commandline>, where it does not see it");
		limit_remedy(vm, needed, finding, arena);
	}
}

static void judge_memlock(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct vm *vm = subject;
	if (!judge_has_devices(vm, finding, arena))
		return;
	if (vm->manager == VM_PROXMOX) {
		judge_na(finding, arena, "Proxmox VE runs QEMU as root, which no limit holds for");
		return;
	}
	if (!memory_known(vm, finding, arena))
		return;
	uint64_t needed = memory_to_lock(set, vm);
	const struct fact *running = set->running ? &set->running->memlock : &vm->memlock;
	const struct fact *own = &set->host->machine.memlock_self;
	if (vm->manager == VM_LIBVIRT)
		judge_libvirt_limit(set, vm, needed, finding, arena);
	else if (fact_known(running))
		judge_limit(vm, running, needed, false, finding, arena);
	else if (fact_known(own))
		judge_limit(vm, own, needed, set->host->root_user, finding, arena);
	else
		judge_unknown_fact(finding, arena, own);
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
					.proxmox = arena_printf(arena, "qm set %s --balloon 0", vm->id),
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
				.proxmox = arena_printf(arena, "take virtio-mem out: qm set %s --memory MIB", vm->id),
				.libvirt = "no <memory model='virtio-mem'>",
				.plain = "no -device virtio-mem-pci",
			});
}

/* ---- Huge pages ---- */

/* KiB of the pages asked for; 0: any, or those of a path. */
static uint64_t page_size_mib(const char *hugepages)
{
	uint64_t size;
	if (text_to_number(hugepages, 10, 1024, &size) == 0 && (size == 2 || size == 1024))
		return size;
	return 0;
}

static void judge_free_pages(const struct subject_set *set, const struct vm *vm, uint64_t size, struct finding *finding,
			     struct arena *arena)
{
	const struct machine *machine = &set->host->machine;
	const struct fact *pages = size == 1024 ? &machine->hugepages_1g : &machine->hugepages_2m;
	const char *name = judge_vm_name(arena, vm);
	if (fact_unknown(pages)) {
		judge_unknown_fact(finding, arena, pages);
		return;
	}
	uint64_t needed = (vm->memory_mib + size - 1) / size;
	uint64_t free = fact_known(pages) ? (uint64_t)pages->number : 0;
	judge_evidence_fact(finding, arena, pages);
	if (free >= needed) {
		judge_pass(finding, arena, "%llu pages of %s are free, and %s needs %llu", (unsigned long long)free,
			   judge_mib(arena, size), name, (unsigned long long)needed);
		return;
	}
	judge_warn(finding, arena, "%llu pages of %s are free, and %s needs %llu: %s", (unsigned long long)free,
		   judge_mib(arena, size), name, (unsigned long long)needed,
		   vm->manager == VM_PROXMOX ?
			   "Proxmox VE makes them at the start if memory is not fragmented by then" :
			   "it does not start without them");
	judge_remedy(finding, ACTOR_ADMINISTRATOR, size == 1024 ? RESTART_HOST : RESTART_NONE, arena,
		     size == 1024 ? "reserve them at boot: hugepagesz=1G hugepages=%llu on the kernel's command line" :
				    "sysctl vm.nr_hugepages=%llu, early after boot",
		     (unsigned long long)needed);
}

static void judge_hugepages(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	if (!vm->hugepages) {
		judge_na(finding, arena, "%s asks for no huge pages", name);
		return;
	}
	if (vm->manager == VM_PROXMOX && vm->source == VM_FROM_CONFIGURATION && !vm->numa) {
		judge_fail(finding, arena,
			   "%s asks for huge pages without numa: Proxmox VE refuses (\"numa needs to be enabled to use "
			   "hugepages\")",
			   name);
		judge_evidence(finding, arena, vm->path ? vm->path : name, "hugepages: %s", vm->hugepages);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena, "qm set %s --numa 1", vm->id);
		return;
	}
	if (vm->running == VM_YES) {
		judge_pass(finding, arena, "%s runs, and has its huge pages", name);
		return;
	}
	uint64_t size = page_size_mib(vm->hugepages);
	if (size == 0)
		judge_unknown(finding, arena, "%s takes huge pages by '%s'; whether there are enough is not known",
			      name, vm->hugepages);
	else if (memory_known(vm, finding, arena))
		judge_free_pages(set, vm, size, finding, arena);
}

static const struct check checks[] = {
	{
		.id = "vm-memory-pinned",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM's memory fits into the host's, pinned",
		.looks_at = "memory; MemTotal and MemAvailable",
		.why = "A device can reach all of its VM's memory at any time, so all of it is pinned when the VM starts: no "
		       "overcommitment, no swap, no KSM.",
		.mend = "Less memory for the VM, or fewer VMs.",
		.see = "Linux, drivers/vfio/vfio_iommu_type1.c",
		.rows = "F096 F102",
		.judge = judge_pinned,
	},
	{
		.id = "vm-memlock",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "QEMU may lock the memory",
		.looks_at =
			"Max locked memory of QEMU or of who starts it; libvirt's version; how many devices there are",
		.why = "Pinned memory counts against the limit of a QEMU that is not root's; under a vIOMMU once for each device.",
		.mend = "LimitMEMLOCK=infinity, <hard_limit>.",
		.see = "getrlimit(2), RLIMIT_MEMLOCK; libvirt, formatdomain, hard_limit",
		.rows = "F092 F093 F094",
		.judge = judge_memlock,
	},
	{
		.id = "vm-entry-limit",
		.scope = CHECK_VM,
		.levels = CHECK_L0,
		.title = "enough DMA mappings are allowed for L2",
		.looks_at = "dma_entry_limit of vfio_iommu_type1; memory; iommufd",
		.why = "Under a vIOMMU each page that L1 maps for L2 is a mapping here, and 65535 are allowed for each device: 256 "
		       "MiB in small pages. What comes after fails, and nobody tells L1.",
		.mend = "A higher dma_entry_limit (read when a VM starts), huge pages for L2 in L1, or iommufd.",
		.see = "Linux, drivers/vfio/vfio_iommu_type1.c, dma_entry_limit (CVE-2019-3882)",
		.rows = "F091 F204",
		.judge = judge_entries,
	},
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
		.id = "vm-hugepages",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "the huge pages that the VM asks for are there",
		.looks_at = "hugepages:, numa:, free huge pages of the host",
		.why = "A VM that asks for huge pages does not start without them.",
		.mend = "Reserve them at boot; numa: 1 on Proxmox VE.",
		.see = "qm(1), hugepages; Linux, Documentation/admin-guide/mm/hugetlbpage.rst",
		.rows = "F101",
		.judge = judge_hugepages,
	},
	{ 0 },
};

const struct check_family check_family_vm_memory = { "vm-memory", "The VM's memory", checks };
