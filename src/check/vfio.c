/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VFIO: is it there, and how is it set? That it is loaded says nothing of an IOMMU, and it need not be loaded yet. */
#include "check/parameter.h"

#define ENTRIES_DEFAULT 65535 /* U16_MAX, dma_entry_limit in drivers/vfio/vfio_iommu_type1.c */
#define TAINT_USER 6          /* Documentation/admin-guide/tainted-kernels.rst: noiommu sets it */

static const char *state_name(enum module_state state)
{
	static const char *const names[] = { "not there", "a module that is not loaded", "loaded", "built in",
					     "unknown" };
	return names[state];
}

static void judge_module(const struct subject_set *set, struct finding *finding, struct arena *arena,
			 const struct module *module, const char *name)
{
	if (!module_known(module)) {
		judge_unknown(finding, arena, "whether this kernel has %s is not known", name);
		if (module->evidence)
			judge_evidence(finding, arena, name, "%s", module->evidence);
		return;
	}
	if (module->state != MODULE_ABSENT) {
		judge_pass(finding, arena, "%s is %s", name, state_name(module->state));
	} else {
		judge_fail(finding, arena, "this kernel has no %s", name);
		judge_wanted(finding, arena, "%s, as a module or built in", name);
		judge_remedy(
			finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			"install the kernel's full set of modules (on Ubuntu linux-modules-extra), or a kernel with "
			"CONFIG_VFIO and CONFIG_VFIO_PCI");
	}
	judge_evidence(finding, arena, module->evidence ? module->evidence : name, "%s", state_name(module->state));
}

static void judge_present(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	if (fact_known(&set->host->machine.container) && set->host->modules.vfio_pci.state != MODULE_LOADED)
		judge_na(finding, arena, "this is a container: its host has the modules");
	else
		judge_module(set, finding, arena, &set->host->modules.vfio_pci, "vfio-pci");
}

static void judge_type1(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct modules *modules = &set->host->modules;
	if (fact_known(&set->host->machine.container) && modules->vfio_iommu_type1.state != MODULE_LOADED)
		judge_na(finding, arena, "this is a container: its host has the modules");
	else if (modules->vfio_iommu_type1.state == MODULE_ABSENT && module_known(&modules->iommufd) &&
		 modules->iommufd.state != MODULE_ABSENT)
		judge_pass(finding, arena, "there is no vfio_iommu_type1; iommufd takes its place");
	else
		judge_module(set, finding, arena, &modules->vfio_iommu_type1, "vfio_iommu_type1");
}

static void judge_node(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	const struct modules *modules = &set->host->modules;
	const struct fact *node = &modules->vfio_device;
	if (fact_known(node)) {
		judge_pass(finding, arena, "/dev/vfio/vfio is there");
	} else if (!fact_absent(node)) {
		judge_unknown_fact(finding, arena, node);
		return;
	} else if (fact_known(&set->host->machine.container) && modules->vfio.state != MODULE_LOADED) {
		judge_na(finding, arena, "this is a container: its host has the modules");
		return;
	} else if (!module_known(&modules->vfio)) {
		judge_unknown(finding, arena, "there is no /dev/vfio/vfio; whether VFIO is loaded is not known");
	} else if (modules->vfio.state != MODULE_LOADED && modules->vfio.state != MODULE_BUILT_IN) {
		judge_na(finding, arena, "vfio is not loaded; /dev/vfio/vfio comes with it");
	} else {
		judge_warn(finding, arena, "vfio is loaded, and there is no /dev/vfio/vfio: QEMU cannot open it");
		judge_wanted(finding, arena, "/dev/vfio/vfio, unless all VMs use iommufd");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena, "%s",
			     fact_known(&set->host->machine.container) ? "give this container /dev/vfio" :
									 "run 'udevadm trigger', or restart udev");
	}
	judge_evidence_fact(finding, arena, node);
}

/* L1 is given devices behind a vIOMMU, by type1: each page that it maps for L2 is an entry here. */
static bool maps_page_by_page(const struct vm *vm)
{
	bool has_type1 = false;
	for (size_t i = 0; vm && i < vm->device_count; i++)
		has_type1 = has_type1 || !(vm->devices[i].iommufd || vm->devices[i].mdev);
	return has_type1 && vm->viommu_count > 0;
}

static void judge_entry_limit(const struct subject_set *set, const void *subject, struct finding *finding,
			      struct arena *arena)
{
	const struct fact *limit = &set->host->modules.dma_entry_limit;
	const struct vm *vm = set->vm;
	if (fact_absent(limit)) {
		judge_na(finding, arena, "vfio_iommu_type1 is not loaded; its limit is %d unless set", ENTRIES_DEFAULT);
		return;
	}
	if (!fact_known(limit) || limit->number < 0) {
		judge_unknown_fact(finding, arena, limit);
		return;
	}
	judge_evidence_fact(finding, arena, limit);
	unsigned long long entries = (unsigned long long)limit->number;
	unsigned long long small_mib = entries * 4 / 1024;
	unsigned long long large_mib = entries > UINT32_MAX ? UINT64_MAX : entries * 2;
	bool concerned = set->level == 0 && maps_page_by_page(vm);
	if (entries < ENTRIES_DEFAULT) {
		judge_warn(finding, arena, "VFIO allows %llu mappings for each VM, less than the usual %d", entries,
			   ENTRIES_DEFAULT);
	} else if (concerned && vm->memory_mib && vm->memory_mib > small_mib) {
		judge_warn(
			finding, arena,
			"VFIO allows %llu mappings: %llu MiB of L2's memory in pages of 4 KiB, %llu GiB in pages of 2 "
			"MiB; VM %s has %llu MiB",
			entries, small_mib, large_mib / 1024, vm->id ? vm->id : "?",
			(unsigned long long)vm->memory_mib);
	} else {
		judge_pass(finding, arena, "VFIO allows %llu mappings for each VM", entries);
		return;
	}
	judge_wanted(finding, arena, "huge pages behind L2 in L1, or a higher limit here");
	judge_remedy(
		finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
		"in L1: back L2 with huge pages ('nestpci check' there judges transparent-hugepages). Or here, before "
		"the VM starts: 'echo 16777216 > %s', and 'options vfio_iommu_type1 dma_entry_limit=16777216' in "
		"/etc/modprobe.d/vfio.conf to keep it",
		limit->path);
}

static void judge_noiommu(const struct subject_set *set, const void *subject, struct finding *finding,
			  struct arena *arena)
{
	const struct fact *mode = &set->host->modules.unsafe_noiommu;
	const struct fact *taint = &set->host->kernel.taint;
	if (fact_absent(mode)) {
		judge_na(finding, arena, "vfio is not loaded, or has no mode without an IOMMU");
		return;
	}
	if (!fact_known(mode)) {
		judge_unknown_fact(finding, arena, mode);
		return;
	}
	if (!mode->number) {
		judge_pass(finding, arena, "VFIO's mode without an IOMMU is off");
		return;
	}
	judge_warn(finding, arena, "VFIO's mode without an IOMMU is on: QEMU cannot use it, and it protects nothing");
	judge_evidence_fact(finding, arena, mode);
	if (fact_known(taint) && (taint->number >> TAINT_USER & 1))
		judge_evidence(finding, arena, taint->path, "%s: tainted by its use", taint->text);
	judge_wanted(finding, arena, "N");
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
		     "take enable_unsafe_noiommu_mode out of modprobe.d and the kernel command line, and run 'echo N > "
		     "%s'; what is missing is an IOMMU (in L1: a vIOMMU)",
		     mode->path);
}

static void judge_hugepages(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	const struct fact *fact = &set->host->modules.disable_hugepages;
	if (fact_absent(fact)) {
		judge_na(finding, arena, "vfio_iommu_type1 is not loaded");
		return;
	}
	if (!fact_known(fact)) {
		judge_unknown_fact(finding, arena, fact);
		return;
	}
	if (!fact->number) {
		judge_pass(finding, arena, "VFIO maps huge pages as such");
		return;
	}
	judge_warn(finding, arena, "VFIO maps huge pages in pieces of 4 KiB: %s",
		   set->level ? "L0 runs out of mappings at 256 MiB of L2's memory" : "starts of VMs take long");
	judge_evidence_fact(finding, arena, fact);
	judge_wanted(finding, arena, "N");
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
		     "take disable_hugepages=1 out of modprobe.d and the kernel command line, and run 'echo N > %s'",
		     fact->path);
}

static void judge_denylist(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct fact *fact = &set->host->modules.disable_denylist;
	if (fact_absent(fact)) {
		judge_na(finding, arena, "vfio-pci is not loaded, or has no list of devices that it refuses");
		return;
	}
	if (!fact_known(fact)) {
		judge_unknown_fact(finding, arena, fact);
		return;
	}
	if (!fact->number) {
		judge_pass(finding, arena, "vfio-pci refuses devices that are known to be unsafe in a VM");
		return;
	}
	judge_warn(finding, arena, "vfio-pci takes devices that are known to be unsafe in a VM (QAT)");
	judge_evidence_fact(finding, arena, fact);
	judge_wanted(finding, arena, "N, unless such a device is meant to be passed on");
}

static const struct check checks[] = {
	{
		.id = "vfio-present",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the kernel has vfio-pci",
		.looks_at = "/sys/module, and modules.dep and modules.builtin of the running kernel.",
		.why = "It need not be loaded: managers load it. That it is loaded says nothing of an IOMMU.",
		.mend = "Install the kernel's modules.",
		.see = "kernel: Documentation/driver-api/vfio.rst",
		.rows = "F017 F119",
		.judge = judge_present,
	},
	{
		.id = "vfio-type1",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the kernel has vfio_iommu_type1, or iommufd",
		.looks_at = "The same.",
		.why = "One of them maps the VM's memory for its devices.",
		.mend = "Install the kernel's modules.",
		.see = "kernel: Documentation/driver-api/vfio.rst",
		.rows = "F017",
		.needs = "vfio-present",
		.judge = judge_type1,
	},
	{
		.id = "vfio-device-node",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "/dev/vfio/vfio is there",
		.looks_at = "/dev/vfio/vfio, once vfio is loaded.",
		.why = "QEMU opens it for every device, unless it uses iommufd.",
		.mend = "udev makes it; a container must be given it.",
		.see = "kernel: Documentation/driver-api/vfio.rst",
		.rows = "F017",
		.needs = "vfio-present",
		.judge = judge_node,
	},
	{
		.id = "vfio-entry-limit",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "VFIO allows enough mappings",
		.looks_at =
			"dma_entry_limit of vfio_iommu_type1; with a VM at hand: its memory, and whether it has a vIOMMU.",
		.why = "Each page that L1 maps for L2 is one mapping here. 65535 of 4 KiB are 256 MiB; of 2 MiB, 128 GiB. "
		       "When they are used up L1 is not told: its device faults later. The limit is taken when the VM starts.",
		.mend = "Huge pages behind L2 in L1; or raise the limit, before the VM starts; or iommufd, which has none.",
		.see = "kernel: drivers/vfio/vfio_iommu_type1.c",
		.rows = "F091 F204",
		.judge = judge_entry_limit,
	},
	{
		.id = "vfio-noiommu",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "VFIO insists on an IOMMU",
		.looks_at = "enable_unsafe_noiommu_mode of vfio; the kernel's taint.",
		.why = "The mode is for programs that do DMA with physical addresses. QEMU cannot use it; it hides that the "
		       "IOMMU is missing.",
		.mend = "Switch it off, and have an IOMMU.",
		.see = "kernel: drivers/vfio/Kconfig, VFIO_NOIOMMU",
		.rows = "F134",
		.judge = judge_noiommu,
	},
	{
		.id = "vfio-hugepages",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "VFIO maps huge pages as such",
		.looks_at = "disable_hugepages of vfio_iommu_type1.",
		.why = "In pieces of 4 KiB L0 runs out of mappings, and mapping takes long.",
		.mend = "Take the option away.",
		.see = "kernel: drivers/vfio/vfio_iommu_type1.c",
		.rows = "F091 F204",
		.judge = judge_hugepages,
	},
	{
		.id = "vfio-denylist",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "vfio-pci refuses devices that are unsafe in a VM",
		.looks_at = "disable_denylist of vfio_pci.",
		.why = "Intel's QAT and DSA devices are on that list: a VM can stop the machine with them.",
		.mend = "Leave it alone unless such a device is meant.",
		.see = "kernel: drivers/vfio/pci/vfio_pci.c",
		.rows = "F130",
		.judge = judge_denylist,
	},
	{ 0 },
};

const struct check_family check_family_vfio = {
	.name = "vfio",
	.title = "VFIO",
	.checks = checks,
};
