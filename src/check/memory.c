/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VFIO pins all memory of a VM that is given a device: is there enough, may it be locked, in which pages? */
#include "check/parameter.h"

#define KIB_PER_MIB 1024

/* Devices that make QEMU pin memory. */
static size_t count_pinning(const struct vm *vm)
{
	size_t count = 0;
	for (size_t i = 0; i < vm->device_count; i++)
		count += vm->devices[i].mdev == NULL;
	return count;
}

/* No VM, none with a device, or no known size: that is the verdict then, and true. */
static bool judged_without_vm(const struct subject_set *set, struct finding *finding, struct arena *arena)
{
	if (!set->vm)
		judge_na(finding, arena, "no VM is at hand (--vm)");
	else if (count_pinning(set->vm) == 0)
		judge_na(finding, arena, "VM %s is given no device", set->vm->id ? set->vm->id : "?");
	else if (!set->vm->memory_mib)
		judge_unknown(finding, arena, "how much memory VM %s has is not known",
			      set->vm->id ? set->vm->id : "?");
	else
		return false;
	return true;
}

static bool is_running(const struct subject_set *set)
{
	return set->running || (set->vm && set->vm->running == VM_YES);
}

static void judge_to_pin(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct machine *machine = &set->host->machine;
	if (judged_without_vm(set, finding, arena))
		return;
	const struct vm *vm = set->vm;
	unsigned long long wanted = vm->memory_mib;
	if (is_running(set)) {
		judge_pass(finding, arena, "VM %s runs: its %llu MiB are pinned", vm->id, wanted);
		return;
	}
	if (vm->hugepages) {
		judge_na(finding, arena, "VM %s takes its memory from huge pages: see hugepages", vm->id);
		return;
	}
	const struct fact *facts[] = { &machine->memory_total, &machine->memory_available };
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		if (fact_known(facts[i]))
			continue;
		judge_unknown_fact(finding, arena, facts[i]);
		return;
	}
	unsigned long long total = (unsigned long long)machine->memory_total.number / KIB_PER_MIB;
	unsigned long long available = (unsigned long long)machine->memory_available.number / KIB_PER_MIB;
	judge_evidence(finding, arena, machine->memory_available.path, "%llu MiB available of %llu MiB", available,
		       total);
	if (wanted >= total) {
		judge_fail(finding, arena, "VM %s has %llu MiB, all of it pinned; this machine has %llu MiB", vm->id,
			   wanted, total);
	} else if (wanted > available) {
		judge_warn(finding, arena, "VM %s has %llu MiB, all of it pinned; %llu MiB are available now", vm->id,
			   wanted, available);
	} else {
		judge_pass(finding, arena, "%llu MiB are available; VM %s will pin %llu MiB", available, vm->id,
			   wanted);
		return;
	}
	judge_wanted(finding, arena, "%llu MiB available, and a reserve for this machine itself", wanted);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
		     "give VM %s less memory, or stop others; ballooning, KSM and swap do not help", vm->id);
}

static void judge_hugepages(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	const struct machine *machine = &set->host->machine;
	const struct vm *vm = set->vm;
	if (!vm || !vm->hugepages) {
		judge_na(finding, arena, vm ? "VM %s uses no huge pages of its own" : "no VM is at hand (--vm)",
			 vm && vm->id ? vm->id : "?");
		return;
	}
	if (is_running(set)) {
		judge_pass(finding, arena, "VM %s runs, and has its huge pages", vm->id);
		return;
	}
	if (vm->manager == VM_PROXMOX) {
		judge_na(finding, arena, "Proxmox VE takes huge pages from free memory when the VM starts");
		return;
	}
	bool is_1g = text_equals(vm->hugepages, "1024");
	bool is_2m = text_equals(vm->hugepages, "2");
	const struct fact *pages = is_1g ? &machine->hugepages_1g : &machine->hugepages_2m;
	if (!is_1g && !is_2m) {
		if (text_equals(vm->hugepages, "any"))
			judge_unknown(finding, arena,
				      "VM %s wants huge pages of the host's default size, which was not looked at",
				      vm->id);
		else
			judge_unknown(finding, arena, "which huge pages %s are is not known", vm->hugepages);
		return;
	}
	if (fact_unknown(pages)) {
		judge_unknown_fact(finding, arena, pages);
		return;
	}
	if (!vm->memory_mib) {
		judge_unknown(finding, arena, "how much memory VM %s has is not known", vm->id ? vm->id : "?");
		return;
	}
	unsigned long long size = is_1g ? 1024 : 2;
	unsigned long long free = fact_known(pages) ? (unsigned long long)pages->number : 0;
	unsigned long long wanted = (vm->memory_mib + size - 1) / size;
	judge_evidence_fact(finding, arena, pages);
	if (free >= wanted) {
		judge_pass(finding, arena, "%llu huge pages are free; VM %s needs %llu", free, vm->id, wanted);
		return;
	}
	judge_fail(finding, arena, "VM %s needs %llu huge pages of %llu MiB; %llu are free", vm->id, wanted, size,
		   free);
	judge_wanted(finding, arena, "%llu free", wanted);
	judge_remedy_parameter(finding, set, arena, true,
			       arena_printf(arena, "hugepagesz=%s hugepages=%llu", is_1g ? "1G" : "2M", wanted));
	/* How much memory a host sets apart is its administrator's to say. */
	finding->mend_count = 0;
}

static void judge_transparent(const struct subject_set *set, const void *subject, struct finding *finding,
			      struct arena *arena)
{
	const struct fact *fact = &set->host->machine.transparent_hugepages;
	bool never = fact_absent(fact) && fact_known(&set->host->machine.memory_total);
	if (!fact_known(fact) && !never) {
		judge_unknown_fact(finding, arena, fact);
		return;
	}
	judge_evidence_fact(finding, arena, fact);
	/* "madvise" does: QEMU asks for huge pages behind all memory of a guest (system/physmem.c, QEMU_MADV_HUGEPAGE). */
	if (!never && !fact_is(fact, "never")) {
		judge_pass(finding, arena, "transparent huge pages are on (%s)", fact->text);
		return;
	}
	judge_warn(finding, arena, "transparent huge pages are off: %s",
		   set->level ? "what L2 has is mapped in pieces of 4 KiB, and L0 runs out of mappings at 256 MiB" :
				"VMs with devices start slowly");
	judge_wanted(finding, arena, "madvise or always");
	if (!never)
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			"run 'echo madvise > %s', and take transparent_hugepage=never out of the kernel command line",
			fact->path);
	const struct cmdline_word *word = cmdline_find(&set->host->kernel.cmdline, "transparent_hugepage");
	if (!never)
		judge_mend(finding, arena, (struct mend){ MEND_ATTRIBUTE, fact->path, "madvise", 0 });
	if (!never && word)
		judge_mend(finding, arena,
			   (struct mend){ MEND_REMOVE_PARAMETER, NULL, "transparent_hugepage=never", 0 });
	if (never)
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			"boot a kernel with CONFIG_TRANSPARENT_HUGEPAGE, or back VMs with huge pages of their own");
}

/* What libvirt lets QEMU lock is for it to say: <hard_limit>, or else all where <locked/> asks for it. */
static void judge_libvirt_limit(const struct vm *vm, struct finding *finding, struct arena *arena,
				unsigned long long wanted)
{
	unsigned long long limit = vm->hard_limit_mib;
	if (!limit) {
		judge_pass(finding, arena, "VM %s has <locked/>: libvirt lets it lock all that it wants", vm->id);
		return;
	}
	judge_evidence(finding, arena, vm->path ? vm->path : vm->id, "<hard_limit>: %llu MiB", limit);
	if (limit >= wanted) {
		judge_pass(finding, arena, "libvirt lets VM %s lock %llu MiB, and it needs %llu MiB", vm->id, limit,
			   wanted);
		return;
	}
	judge_warn(finding, arena, "libvirt lets VM %s lock %llu MiB, and it needs %llu MiB: %s", vm->id, limit, wanted,
		   count_pinning(vm) > 1 && vm->viommu_count ? "all of its memory, for each device under the vIOMMU" :
							       "all of its memory");
	judge_wanted(finding, arena, "%llu MiB or more", wanted + 1024);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
		     "virsh edit %s: <memtune><hard_limit unit='MiB'>%llu</hard_limit></memtune>", vm->id,
		     wanted + 1024);
}

/* Without iommufd every device has a container of its own, and a vIOMMU an address space for each: all memory, N times. */
static unsigned long long mib_to_lock(const struct vm *vm)
{
	size_t count = vm->viommu_count ? count_pinning(vm) : 1;
	return vm->memory_mib * count;
}

static void judge_limit(const struct subject_set *set, struct finding *finding, struct arena *arena,
			const struct fact *limit)
{
	const struct vm *vm = set->vm;
	unsigned long long wanted = mib_to_lock(vm);
	if (!fact_known(limit)) {
		judge_unknown_fact(finding, arena, limit);
		return;
	}
	judge_evidence_fact(finding, arena, limit);
	unsigned long long mib = limit->number < 0 ? 0 : (unsigned long long)limit->number >> 20;
	if (limit->number < 0 || mib >= wanted) {
		judge_pass(finding, arena, "VM %s may lock what it needs: %llu MiB", vm->id, wanted);
		return;
	}
	judge_warn(finding, arena, "VM %s may lock %llu MiB, and needs %llu MiB unless its QEMU runs as root", vm->id,
		   mib, wanted);
	judge_wanted(finding, arena, "unlimited, or %llu MiB and what QEMU needs besides", wanted);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
		     "start it with LimitMEMLOCK=infinity (systemd), 'ulimit -l unlimited', or as root");
}

static void judge_memlock(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	if (judged_without_vm(set, finding, arena))
		return;
	const struct vm *vm = set->vm;
	const struct version *libvirt = &set->host->versions.libvirt;
	if (vm->manager == VM_PROXMOX) {
		judge_na(finding, arena, "Proxmox VE runs QEMU as root, which may lock all memory");
	} else if (vm->manager == VM_PLAIN) {
		const struct vm *running = set->running ? set->running : vm->running == VM_YES ? vm : NULL;
		if (!running && set->host->root_user)
			judge_na(finding, arena, "VM %s does not run; as root QEMU may lock all memory", vm->id);
		else
			judge_limit(set, finding, arena,
				    running ? &running->memlock : &set->host->machine.memlock_self);
	} else if (vm->hard_limit_mib || vm->mem_lock) {
		judge_libvirt_limit(vm, finding, arena, mib_to_lock(vm));
	} else if (vm->viommu_count && !vm->viommus[0].native && count_pinning(vm) > 1) {
		judge_na(finding, arena, "libvirt does not see the vIOMMU of VM %s (vm-memlock)", vm->id);
	} else if (!vm->viommu_count || count_pinning(vm) < 2) {
		judge_pass(finding, arena, "libvirt lets VM %s lock its memory", vm->id);
	} else if (!fact_known(&libvirt->fact)) {
		judge_unknown_fact(finding, arena, &libvirt->fact);
	} else if (version_at_least(libvirt, 8, 7, 0)) {
		judge_pass(finding, arena, "libvirt lets VM %s lock its memory once for each device", vm->id);
		judge_evidence_fact(finding, arena, &libvirt->fact);
	} else {
		judge_warn(
			finding, arena,
			"libvirt lets VM %s lock its memory once; with a vIOMMU it is needed for each of %zu devices",
			vm->id, count_pinning(vm));
		judge_evidence_fact(finding, arena, &libvirt->fact);
		judge_wanted(finding, arena, "libvirt 8.7.0 or later, or a hard limit");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			     "'virsh edit': <memtune><hard_limit unit='MiB'>%llu</hard_limit></memtune>",
			     mib_to_lock(vm) + 1024);
	}
}

static const struct check checks[] = {
	{
		.id = "memory-to-pin",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "there is memory to pin",
		.looks_at = "The memory of the VM at hand, MemTotal and MemAvailable.",
		.why = "VFIO pins all memory of a VM with a device when it starts, and at every level again. It cannot be "
		       "swapped, ballooned or shared.",
		.mend = "Less memory for the VM, or fewer VMs.",
		.see = "kernel: Documentation/driver-api/vfio.rst",
		.rows = "F096 F102",
		.judge = judge_to_pin,
	},
	{
		.id = "hugepages",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the huge pages that the VM wants are free",
		.looks_at = "free_hugepages of the size that the VM is set to, and its memory.",
		.why = "QEMU does not start without them; after some uptime memory is too fragmented to get more.",
		.mend = "Reserve them when the machine boots.",
		.see = "kernel: Documentation/admin-guide/mm/hugetlbpage.rst",
		.rows = "F101",
		.judge = judge_hugepages,
	},
	{
		.id = "transparent-hugepages",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "transparent huge pages are on",
		.looks_at = "/sys/kernel/mm/transparent_hugepage/enabled.",
		.why = "In L1 they make one mapping of 512; without them L0's limit of 65535 is reached at 256 MiB of L2. "
		       "QEMU asks for them, so that madvise is enough.",
		.mend = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
		.see = "kernel: Documentation/admin-guide/mm/transhuge.rst",
		.rows = "F091 F204",
		.judge = judge_transparent,
	},
	{
		.id = "memlock",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the VM may lock its memory",
		.looks_at =
			"The limit of the QEMU that runs, or of this user; libvirt's version; the number of devices.",
		.why = "What VFIO pins counts against RLIMIT_MEMLOCK unless QEMU runs as root; with a vIOMMU once for each "
		       "device.",
		.mend = "LimitMEMLOCK=infinity; with libvirt a hard_limit, or 8.7.0 and later.",
		.see = "getrlimit(2); libvirt: commit 8d5704e2c4",
		.rows = "F036 F092 F093",
		.judge = judge_memlock,
	},
	{ 0 },
};

const struct check_family check_family_memory = {
	.name = "memory",
	.title = "Memory",
	.checks = checks,
};
