/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verdicts of the host's checks that no other test comes to: mostly of what is not there, or could not be looked at. Judges are
 * called by themselves here, whatever a check that they need would say. house/test_verdicts.py demands that every
 * verdict of every judge is given by some test.
 */
#include "check-model.h"

#include "vm/wrapper.h"

struct row {
	const char *id;
	enum verdict verdict;
	const char *part;
	void (*change)(struct model *m);
};

/* What one thing more or less makes of a model in which all is well; `m` is the model. */
#define WITH(name, ...)                   \
	static void name(struct model *m) \
	{                                 \
		__VA_ARGS__;              \
	}

/* ---- How it boots ---- */

WITH(line_denied, m->boot.kernel_cmdline.file = fact_denied("/etc/kernel/cmdline"))
WITH(line_absent, m->boot.kernel_cmdline.file = fact_gone("/etc/kernel/cmdline"))
WITH(no_file_in_use, m->boot.loader = BOOT_OSTREE; m->boot.kernel_cmdline.in_use = false)
WITH(other_line_denied, m->boot.grub.file = fact_denied("/etc/default/grub"))
WITH(no_initramfs, m->boot.initramfs = fact_gone("/boot/initrd.img-6.8.12-4-pve"))
WITH(no_modprobe, m->boot.newest_modprobe = NULL)

static void other_line_has_more(struct model *m)
{
	set_boot_line(m, &m->boot.grub, "/etc/default/grub", "quiet intel_iommu=on");
	m->boot.kernel_cmdline.problem = "a command stands in it";
}

static void options_of_an_unknown_module(struct model *m)
{
	add_modprobe(m, "options", "vfio_pci", "ids=10de:1b80");
	m->host.modules.vfio_pci.state = MODULE_UNKNOWN;
	m->host.kernel.vfio_pci = KERNEL_OPTION_UNKNOWN;
}

/* ---- IOMMU ---- */

static void be_inactive(struct model *m)
{
	m->host.iommus.count = 0;
}

static void have_no_table(struct model *m)
{
	m->host.iommus.dmar_file = fact_gone("/sys/firmware/acpi/tables/DMAR");
	m->host.iommus.dmar = NULL;
}

WITH(inactive, be_inactive(m))
WITH(no_table, have_no_table(m))
WITH(no_table_and_inactive, have_no_table(m); be_inactive(m))
WITH(driver_unknown, be_inactive(m); m->host.kernel.intel_iommu = KERNEL_OPTION_UNKNOWN)
WITH(cmdline_denied, m->host.kernel.cmdline_file = fact_denied("/proc/cmdline"))
WITH(cmdline_denied_and_inactive, be_inactive(m); cmdline_denied(m))
WITH(pci_denied, m->host.pci_folder = fact_denied("/sys/bus/pci/devices"))
WITH(other_kind, m->units[0].kind = IOMMU_OTHER)
WITH(cap_denied, m->units[0].cap = fact_denied("/sys/class/iommu/dmar0/intel-iommu/cap"))

static void claimed_groups_of_an_unknown_kernel(struct model *m)
{
	set_cmdline(m, "pcie_acs_override=downstream");
	m->host.kernel.acs_override = false;
	m->host.kernel.release = fact_denied("/proc/sys/kernel/osrelease");
}

/* ---- Interrupts ---- */

static void stop_remapping(struct model *m)
{
	m->host.machine.remapped_interrupts = 0;
	m->host.machine.plain_interrupts = 40;
}

WITH(other_kind_not_remapped, stop_remapping(m); other_kind(m))
WITH(amd_not_remapped, stop_remapping(m); have_no_table(m); m->units[0].kind = IOMMU_AMD)
WITH(many_cpus_ecap_denied, m->host.cpu.count = 300;
     m->units[0].ecap = fact_denied("/sys/class/iommu/dmar0/intel-iommu/ecap"))
WITH(many_cpus_class_denied, m->host.cpu.count = 300; be_inactive(m);
     m->host.iommus.class = fact_denied("/sys/class/iommu"))
WITH(no_iommufd, m->host.modules.iommufd_unsafe_interrupts = fact_gone("/sys/module/iommufd"))

/* ---- VFIO ---- */

static void be_in_a_container(struct model *m)
{
	struct modules *modules = &m->host.modules;
	m->host.machine.container = fact_with("/run/systemd/container", "lxc", 0);
	modules->vfio.state = modules->vfio_pci.state = modules->vfio_iommu_type1.state = MODULE_AVAILABLE;
	modules->vfio_device = fact_gone("/dev/vfio/vfio");
}

WITH(container, be_in_a_container(m))
WITH(vfio_unknown, m->host.modules.vfio.state = MODULE_UNKNOWN;
     m->host.modules.vfio_device = fact_gone("/dev/vfio/vfio"))
WITH(no_limit, m->host.modules.dma_entry_limit = fact_gone("/sys/module/vfio_iommu_type1"))
WITH(no_noiommu, m->host.modules.unsafe_noiommu = fact_gone("/sys/module/vfio"))
WITH(no_type1, m->host.modules.disable_hugepages = fact_gone("/sys/module/vfio_iommu_type1"))
WITH(no_denylist, m->host.modules.disable_denylist = fact_gone("/sys/module/vfio_pci"))
WITH(wrong_limit, m->host.modules.dma_entry_limit.state = FACT_WRONG)

/* ---- Memory ---- */

static void have_vm(struct model *m, const char *hugepages)
{
	give_vm(m, VM_LIBVIRT);
	m->vm.hugepages = hugepages;
}

WITH(total_denied, give_vm(m, VM_PROXMOX); m->host.machine.memory_total = fact_denied("/proc/meminfo"))
WITH(huge_and_running, have_vm(m, "2"); m->vm.running = VM_YES)
WITH(huge_of_any_size, have_vm(m, "any"))
WITH(huge_of_a_size_of_no_linux, have_vm(m, "7"))
WITH(huge_of_unknown_sum, have_vm(m, "2"); m->vm.memory_mib = 0)

static void two_devices_under_a_viommu(struct model *m)
{
	have_vm(m, NULL);
	m->devices[1] = m->devices[0];
	m->vm.device_count = 2;
	m->viommu.native = true;
	m->host.versions.libvirt.fact = fact_denied("/var/lib/dpkg/status");
}

static void system_that_does_not_run(struct model *m)
{
	m->host.live = false;
	m->host.cpu.cpuinfo = m->host.kernel.cmdline_file = m->host.machine.memory_total = m->host.pci_folder =
		m->host.iommus.class = (struct fact){ 0 };
}

/* ---- The QEMU wrapper ---- */

static struct wrapper_state wrapper;
static struct wrapper_vm wrapper_vms[1];
static struct vms all;

/* Installed for VM 100, and all of it there. */
static void have_wrapper(struct model *m)
{
	wrapper_vms[0] = (struct wrapper_vm){ .name = "100", .where = "/etc/nestpci/wrapper.conf, line 1" };
	wrapper = (struct wrapper_state){ .program = fact_with(WRAPPER_PLACE, "0.1.0", 0),
					  .diversion = fact_with(WRAPPER_DIVERSIONS, WRAPPER_REAL, 0),
					  .real = fact_with(WRAPPER_REAL, NULL, 0),
					  .conf = fact_with("/etc/nestpci/wrapper.conf", NULL, 0),
					  .installed = true,
					  .intact = true,
					  .vms = wrapper_vms,
					  .vm_count = 1 };
	all = (struct vms){ .wrapper = &wrapper };
	m->set.vms = &all;
}

WITH(wrapper_denied, have_wrapper(m); wrapper.program = fact_denied(WRAPPER_PLACE))
WITH(real_denied, have_wrapper(m); wrapper.real = fact_denied(WRAPPER_REAL))
WITH(wrapper_of_another_time, have_wrapper(m); wrapper.stale_time = true)
WITH(wrapper_conf_denied, have_wrapper(m); give_vm(m, VM_PROXMOX);
     wrapper.conf = fact_denied("/etc/nestpci/wrapper.conf"))

static void only_diverted(struct model *m)
{
	have_wrapper(m);
	wrapper.vm_count = 0;
	wrapper.program = fact_gone(WRAPPER_PLACE);
	wrapper.problem = "the wrapper is not there";
}

/* clang-format off */
static const struct row rows[] = {
	{ "boot-parameters-in-force",      VERDICT_UNKNOWN, "/etc/kernel/cmdline cannot be read but by root", line_denied },
	{ "boot-parameters-in-force",      VERDICT_NA,      "configured by no file",          no_file_in_use },
	{ "boot-parameters-elsewhere",     VERDICT_UNKNOWN, "/etc/default/grub cannot be read", other_line_denied },
	{ "boot-parameters-elsewhere",     VERDICT_UNKNOWN, "whether /etc/kernel/cmdline has it", other_line_has_more },
	{ "boot-cmdline-one-line",         VERDICT_NA,      "there is no /etc/kernel/cmdline", line_absent },
	{ "boot-initramfs-current",        VERDICT_NA,      "without an initramfs",           no_initramfs },
	{ "boot-initramfs-current",        VERDICT_NA,      "nothing in modprobe.d",          no_modprobe },
	{ "boot-vfio-options",             VERDICT_UNKNOWN, "a module or built in",           options_of_an_unknown_module },
	{ "iommu-firmware-table",          VERDICT_NA,      "an IOMMU is active",             no_table },
	{ "iommu-driver",                  VERDICT_NA,      "no table",                       no_table_and_inactive },
	{ "iommu-driver",                  VERDICT_UNKNOWN, "CONFIG_INTEL_IOMMU",             driver_unknown },
	{ "iommu-not-disabled",            VERDICT_NA,      "no IOMMU to be switched off",    no_table_and_inactive },
	{ "iommu-default",                 VERDICT_UNKNOWN, "/proc/cmdline",                  cmdline_denied_and_inactive },
	{ "iommu-translates",              VERDICT_NA,      "no IOMMU is active",             inactive },
	{ "iommu-groups",                  VERDICT_NA,      "no IOMMU is active",             inactive },
	{ "iommu-kind",                    VERDICT_NA,      "no IOMMU is active",             inactive },
	{ "iommu-kind",                    VERDICT_NA,      "a kind that is not judged",      other_kind },
	{ "iommu-caching-mode",            VERDICT_UNKNOWN, "intel-iommu/cap",                cap_denied },
	{ "iommu-large-pages",             VERDICT_UNKNOWN, "/proc/cmdline",                  cmdline_denied },
	{ "iommu-passthrough-mode",        VERDICT_UNKNOWN, "/proc/cmdline",                  cmdline_denied },
	{ "iommu-igfx",                    VERDICT_UNKNOWN, "/sys/bus/pci/devices",           pci_denied },
	{ "acs-override",                  VERDICT_WARN,    "if the kernel knows it",         claimed_groups_of_an_unknown_kernel },
	{ "interrupt-remapping-offered",   VERDICT_NA,      "that is judged here",            other_kind_not_remapped },
	{ "interrupt-remapping-offered",   VERDICT_NA,      "every AMD-Vi unit",              amd_not_remapped },
	{ "interrupt-remapping",           VERDICT_NA,      "that is judged here",            other_kind_not_remapped },
	{ "interrupt-remapping-x2apic",    VERDICT_UNKNOWN, "intel-iommu/ecap",               many_cpus_ecap_denied },
	{ "interrupt-remapping-x2apic",    VERDICT_UNKNOWN, "/sys/class/iommu",               many_cpus_class_denied },
	{ "unsafe-interrupts-iommufd",     VERDICT_NA,      "iommufd is not loaded",          no_iommufd },
	{ "vfio-present",                  VERDICT_NA,      "this is a container",            container },
	{ "vfio-type1",                    VERDICT_NA,      "this is a container",            container },
	{ "vfio-device-node",              VERDICT_NA,      "this is a container",            container },
	{ "vfio-device-node",              VERDICT_UNKNOWN, "whether VFIO is loaded",         vfio_unknown },
	{ "vfio-entry-limit",              VERDICT_NA,      "not loaded",                     no_limit },
	{ "vfio-entry-limit",              VERDICT_UNKNOWN, "is not understood",              wrong_limit },
	{ "vfio-noiommu",                  VERDICT_NA,      "not loaded",                     no_noiommu },
	{ "vfio-hugepages",                VERDICT_NA,      "not loaded",                     no_type1 },
	{ "vfio-denylist",                 VERDICT_NA,      "not loaded",                     no_denylist },
	{ "memory-to-pin",                 VERDICT_UNKNOWN, "/proc/meminfo",                  total_denied },
	{ "hugepages",                     VERDICT_PASS,    "runs, and has its huge pages",   huge_and_running },
	{ "hugepages",                     VERDICT_UNKNOWN, "the host's default size",        huge_of_any_size },
	{ "hugepages",                     VERDICT_UNKNOWN, "which huge pages 7 are",         huge_of_a_size_of_no_linux },
	{ "hugepages",                     VERDICT_UNKNOWN, "how much memory",                huge_of_unknown_sum },
	{ "wrapper-place",                 VERDICT_UNKNOWN, "/usr/bin/kvm cannot be read",    wrapper_denied },
	{ "wrapper-place",                 VERDICT_UNKNOWN, "/usr/bin/kvm.distrib cannot be read", real_denied },
	{ "wrapper-place",                 VERDICT_WARN,    "has another time",               wrapper_of_another_time },
	{ "wrapper-place",                 VERDICT_WARN,    "dpkg still diverts",             only_diverted },
	{ "vm-wrapper",                    VERDICT_UNKNOWN, "/etc/nestpci/wrapper.conf",      wrapper_conf_denied },
	{ "memlock",                       VERDICT_UNKNOWN, "/var/lib/dpkg/status",           two_devices_under_a_viommu },
};
/* clang-format on */

static void each_gives_its_verdict(void **state)
{
	struct model *m = *state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		const struct check *check = check_find(row->id);
		if (!check)
			fail_msg("there is no check %s", row->id);
		make_l0(m);
		row->change(m);
		struct finding finding = { .check = check, .subject = "host" };
		check->judge(&m->set, m->set.vm, &finding, &m->arena);
		if (!finding.summary || finding.verdict != row->verdict || !strstr(finding.summary, row->part))
			fail_msg("row %zu: %s is %s: %s; wanted %s: %s", i, row->id, verdict_name(finding.verdict),
				 finding.summary ? finding.summary : "nothing", verdict_name(row->verdict), row->part);
	}
}

static void of_what_does_not_run_only_files_are_judged(void **state)
{
	struct model *m = *state;
	make_l0(m);
	system_that_does_not_run(m);
	assert_verdict(m, "iommu-active", VERDICT_UNKNOWN, "this system does not run");
	assert_verdict(m, "boot-loader-known", VERDICT_PASS, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_model(each_gives_its_verdict),
		test_with_model(of_what_does_not_run_only_files_are_judged),
	};
	return cmocka_run_group_tests_name("check-rest", tests, NULL, NULL);
}
