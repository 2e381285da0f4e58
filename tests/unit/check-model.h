/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Models of hosts made by hand, all well, for tests of judges: each test breaks one thing. */
#pragma once

#include "unit.h"

#include "check/check.h"

struct model {
	struct arena arena;
	struct host host;
	struct boot boot;
	struct vm vm;
	struct iommu_unit units[2];
	struct dmar dmar;
	struct ivrs ivrs;
	struct pci_function functions[4];
	struct vm_device devices[2];
	struct vm_viommu viommu;
	struct boot_modprobe modprobe[4];
	struct boot_module modules[2];
	struct subject_set set;
	struct findings findings;
};

static inline struct fact fact_with(const char *path, const char *text, int64_t number)
{
	return (struct fact){ .state = FACT_KNOWN, .path = path, .text = text, .number = number };
}

static inline struct fact fact_gone(const char *path)
{
	return (struct fact){ .state = FACT_ABSENT, .path = path };
}

static inline struct fact fact_denied(const char *path)
{
	return (struct fact){ .state = FACT_UNREADABLE, .denied = true, .path = path, .problem = "Permission denied" };
}

static inline void set_cmdline(struct model *m, const char *line)
{
	m->host.kernel.cmdline_file = fact_with("/proc/cmdline", line, 0);
	cmdline_parse(slice_of(line), &m->arena, &m->host.kernel.cmdline);
}

static inline void set_boot_line(struct model *m, struct boot_cmdline *file, const char *path, const char *line)
{
	*file = (struct boot_cmdline){ .path = path, .file = fact_with(path, NULL, 0), .line = line, .lines = 1 };
	cmdline_parse(slice_of(line), &m->arena, &file->cmdline);
}

static inline void add_modprobe(struct model *m, const char *command, const char *module, const char *rest)
{
	m->boot.modprobe = m->modprobe;
	assert_true(m->boot.modprobe_count < ARRAY_SIZE(m->modprobe));
	m->modprobe[m->boot.modprobe_count] = (struct boot_modprobe){ "/etc/modprobe.d/local.conf",
								      (unsigned int)m->boot.modprobe_count + 1, command,
								      module, rest };
	m->boot.modprobe_count++;
}

static inline void make_kernel(struct model *m, const char *line)
{
	struct kernel *kernel = &m->host.kernel;
	kernel->release = fact_with("/proc/sys/kernel/osrelease", "6.8.12-4-pve", 0);
	kernel->version[0] = 6;
	kernel->version[1] = 8;
	kernel->version[2] = 12;
	kernel->config_file = fact_with("/boot/config-6.8.12-4-pve", NULL, 0);
	kernel->intel_iommu_default_on = kernel->intel_iommu = kernel->amd_iommu = KERNEL_OPTION_BUILT_IN;
	kernel->virtio_iommu = kernel->vfio_pci = kernel->iommufd = kernel->vfio_cdev = KERNEL_OPTION_MODULE;
	kernel->acs_override = true;
	kernel->lockdown = fact_with("/sys/kernel/security/lockdown", "none", 0);
	kernel->taint = fact_with("/proc/sys/kernel/tainted", "0", 0);
	set_cmdline(m, line);
}

static inline void make_modules(struct model *m)
{
	struct modules *modules = &m->host.modules;
	modules->vfio = modules->vfio_pci = modules->vfio_iommu_type1 = modules->iommufd = (struct module){
		MODULE_LOADED, "/sys/module"
	};
	modules->kvm_intel = (struct module){ MODULE_LOADED, "/sys/module/kvm_intel" };
	modules->kvm_amd = (struct module){ MODULE_AVAILABLE, "/lib/modules/modules.dep:1" };
	modules->vfio_device = fact_with("/dev/vfio/vfio", NULL, 0);
	modules->iommu_device = fact_with("/dev/iommu", NULL, 0);
	modules->dma_entry_limit = fact_with("/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "65535", 65535);
	modules->allow_unsafe_interrupts = fact_with("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
						     "N", 0);
	modules->disable_hugepages = fact_with("/sys/module/vfio_iommu_type1/parameters/disable_hugepages", "N", 0);
	modules->unsafe_noiommu = fact_with("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N", 0);
	modules->iommufd_unsafe_interrupts = fact_with("/sys/module/iommufd/parameters/allow_unsafe_interrupts", "N",
						       0);
	modules->disable_denylist = fact_with("/sys/module/vfio_pci/parameters/disable_denylist", "N", 0);
}

static inline void make_iommu(struct model *m)
{
	struct iommus *iommus = &m->host.iommus;
	iommus->class = fact_with("/sys/class/iommu", NULL, 0);
	iommus->units = m->units;
	iommus->count = 1;
	/* A server's: 48 bits, 2 MiB and 1 GiB, no caching mode; queued invalidation, remapping, EIM, pass-through. */
	m->units[0] = (struct iommu_unit){
		.name = "dmar0",
		.kind = IOMMU_INTEL,
		.cap = fact_with("/sys/class/iommu/dmar0/intel-iommu/cap", "8d2078c106f0466", 0x8d2078c106f0466),
		.ecap = fact_with("/sys/class/iommu/dmar0/intel-iommu/ecap", "f020df", 0xf020df),
		.version = fact_with("/sys/class/iommu/dmar0/intel-iommu/version", "1:0", 0),
		.width = 48,
		.translates = true,
	};
	iommus->groups_folder = fact_with("/sys/kernel/iommu_groups", NULL, 0);
	iommus->group_count = 30;
	iommus->tables = fact_with("/sys/firmware/acpi/tables", NULL, 0);
	iommus->dmar_file = fact_with("/sys/firmware/acpi/tables/DMAR", NULL, 0);
	iommus->ivrs_file = fact_gone("/sys/firmware/acpi/tables/IVRS");
	iommus->viot_file = fact_gone("/sys/firmware/acpi/tables/VIOT");
	m->dmar = (struct dmar){ .oem_id = "INTEL ", .flags = DMAR_INTR_REMAP, .checksum_ok = true };
	iommus->dmar = &m->dmar;
}

static inline void make_boot(struct model *m, const char *line)
{
	m->boot.loader = BOOT_PROXMOX_SYSTEMD_BOOT;
	m->boot.reason = "/etc/kernel/proxmox-boot-uuids: AAAA-BBBB";
	set_boot_line(m, &m->boot.kernel_cmdline, "/etc/kernel/cmdline", line);
	m->boot.kernel_cmdline.in_use = true;
	set_boot_line(m, &m->boot.grub, "/etc/default/grub", "quiet");
	m->boot.pinned_kernel = fact_gone("/etc/kernel/proxmox-boot-pin");
	m->boot.initramfs = fact_with("/boot/initrd.img-6.8.12-4-pve", NULL, 2000);
	m->boot.newest_modprobe = "/etc/modprobe.d/local.conf";
	m->boot.newest_modprobe_time = 1000;
}

static inline void make_machine(struct model *m)
{
	struct machine *machine = &m->host.machine;
	machine->container = fact_gone("/run/systemd/container");
	machine->memory_total = fact_with("/proc/meminfo", "65536000", 65536000);
	machine->memory_available = fact_with("/proc/meminfo", "50000000", 50000000);
	machine->hugepages_2m = fact_with("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0", 0);
	machine->hugepages_1g = fact_with("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "0", 0);
	machine->transparent_hugepages = fact_with("/sys/kernel/mm/transparent_hugepage/enabled", "madvise", 0);
	machine->memlock_self = fact_with("/proc/self/limits", "8388608", 8388608);
	machine->interrupts = fact_with("/proc/interrupts", NULL, 0);
	machine->remapped_interrupts = 40;
	machine->interrupt_evidence = "IR-IO-APIC 2-edge timer";
}

/* A bare-metal host with an Intel processor, where nothing is wrong. */
static inline void make_l0(struct model *m)
{
	static const char line[] = "root=ZFS=rpool/ROOT/pve-1 boot=zfs";
	arena_release(&m->arena);
	memset(m, 0, sizeof(*m));
	struct host *host = &m->host;
	host->live = host->root_user = true;
	host->cpu = (struct cpu){ .cpuinfo = fact_with("/proc/cpuinfo", NULL, 0),
				  .vendor = CPU_INTEL,
				  .vendor_id = "GenuineIntel",
				  .architecture = "x86_64",
				  .count = 16,
				  .vmx = true,
				  .physical_bits = 46,
				  .virtual_bits = 48 };
	host->kvm = (struct kvm){ .device = fact_with("/dev/kvm", NULL, 0),
				  .api = fact_with("/dev/kvm", "12", 12),
				  .guest_extension = fact_with("/dev/kvm", "vmx", 0),
				  .nested_state = fact_with("/dev/kvm", "4096", 4096),
				  .split_irqchip = fact_with("/dev/kvm", "1", 1),
				  .x2apic_api = fact_with("/dev/kvm", "3", 3),
				  .module = "kvm_intel",
				  .nested = fact_with("/sys/module/kvm_intel/parameters/nested", "Y", 1),
				  .ept = fact_with("/sys/module/kvm_intel/parameters/ept", "Y", 1) };
	make_kernel(m, line);
	make_modules(m);
	make_iommu(m);
	make_machine(m);
	make_boot(m, line);
	host->versions.dpkg_status = fact_with("/var/lib/dpkg/status", NULL, 0);
	host->pci_folder = fact_with("/sys/bus/pci/devices", NULL, 0);
	host->functions = (struct pci_functions){ m->functions, 0 };
	m->set = (struct subject_set){ .host = host, .boot = &m->boot };
}

/* L1: QEMU's intel-iommu with caching mode. */
static inline void make_l1(struct model *m)
{
	make_l0(m);
	m->set.level = 1;
	m->host.machine.is_vm = true;
	m->host.cpu.hypervisor = true;
	m->host.cpu.physical_bits = 39;
	m->units[0].cap = fact_with("/sys/class/iommu/dmar0/intel-iommu/cap", "d2008c22260286", 0xd2008c22260286);
	m->units[0].ecap = fact_with("/sys/class/iommu/dmar0/intel-iommu/ecap", "f00f5a", 0xf00f5a);
	m->units[0].width = 39;
	memcpy(m->dmar.oem_id, "BOCHS ", 7);
	memcpy(m->dmar.oem_table_id, "BXPC    ", 9);
}

/* A VM that is to be L1: 8 GiB, one device, a vIOMMU. */
static inline void give_vm(struct model *m, enum vm_manager manager)
{
	m->devices[0] = (struct vm_device){ .name = "hostpci0", .where = "0000:01:00.0", .native = true };
	m->viommu = (struct vm_viommu){ .model = VM_VIOMMU_INTEL, .first = true };
	m->vm = (struct vm){ .manager = manager,
			     .id = "100",
			     .running = VM_NO,
			     .memory_mib = 8192,
			     .devices = m->devices,
			     .device_count = 1,
			     .viommus = &m->viommu,
			     .viommu_count = 1 };
	m->set.vm = &m->vm;
}

static inline const struct finding *find_finding(struct model *m, const char *id)
{
	for (size_t i = 0; i < m->findings.count; i++)
		if (text_equals(m->findings.items[i].check->id, id))
			return &m->findings.items[i];
	fail_msg("no finding of '%s'", id);
	return NULL;
}

static inline const struct finding *judge_all(struct model *m, const char *id)
{
	check_run(&m->set, NULL, &m->arena, &m->findings);
	return find_finding(m, id);
}

/* Judges all, and says which verdict this check has; `part`, where it is not NULL, is in its summary. */
#define assert_verdict(m, id, wanted, part)                                                                           \
	do {                                                                                                          \
		const struct finding *finding_ = judge_all(m, id);                                                    \
		if (finding_->verdict != (wanted))                                                                    \
			fail_msg("%s is %s: %s; wanted %s", (id), verdict_name(finding_->verdict), finding_->summary, \
				 verdict_name(wanted));                                                               \
		if (part)                                                                                             \
			assert_contains(finding_->summary, (const char *)(part) ? (const char *)(part) : "");         \
	} while (0)

static inline size_t count_verdicts(struct model *m, enum verdict verdict)
{
	size_t count = 0;
	for (size_t i = 0; i < m->findings.count; i++)
		count += m->findings.items[i].verdict == verdict;
	return count;
}

static inline void assert_evidence(struct model *m, const char *id, const char *part)
{
	const struct finding *finding = find_finding(m, id);
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (strstr(finding->evidence[i].where, part) || strstr(finding->evidence[i].what, part))
			return;
	fail_msg("no evidence of %s contains '%s'", id, part);
}

static inline int make_model(void **state)
{
	*state = calloc(1, sizeof(struct model));
	return *state ? 0 : -1;
}

static inline int release_model(void **state)
{
	struct model *m = *state;
	arena_release(&m->arena);
	free(m);
	return 0;
}

#define test_with_model(function) cmocka_unit_test_setup_teardown(function, make_model, release_model)
