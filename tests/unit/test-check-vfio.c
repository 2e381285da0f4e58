/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judging VFIO and memory. */
#include "check-model.h"

static void a_driver_that_is_not_loaded_yet_is_there(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.modules.vfio_pci = (struct module){
		MODULE_AVAILABLE, "/lib/modules/6.8/modules.dep: kernel/drivers/vfio/pci/vfio-pci.ko"
	};
	assert_verdict(m, "vfio-present", VERDICT_PASS, "not loaded");
	m->host.modules.vfio_pci = (struct module){ MODULE_BUILT_IN, "/lib/modules/6.8/modules.builtin:7" };
	assert_verdict(m, "vfio-present", VERDICT_PASS, "built in");
}

static void a_kernel_without_vfio_fails_once(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.modules.vfio_pci = m->host.modules.vfio_iommu_type1 = m->host.modules.vfio = (struct module){
		MODULE_ABSENT, "/lib/modules/6.8/modules.dep"
	};
	assert_verdict(m, "vfio-present", VERDICT_FAIL, "no vfio-pci");
	assert_verdict(m, "vfio-type1", VERDICT_NA, "follows from vfio-present");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

static void a_module_of_unknown_state_is_unknown(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.modules.vfio_pci = (struct module){ MODULE_UNKNOWN, "/lib/modules/6.8/modules.dep: No such file" };
	assert_verdict(m, "vfio-present", VERDICT_UNKNOWN, NULL);
	m->host.modules.vfio_pci = (struct module){ MODULE_ABSENT, NULL };
	assert_verdict(m, "vfio-present", VERDICT_UNKNOWN, NULL);
}

static void iommufd_can_take_type1s_place(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.modules.vfio_iommu_type1 = (struct module){ MODULE_ABSENT, "/lib/modules/6.8/modules.dep" };
	assert_verdict(m, "vfio-type1", VERDICT_PASS, "iommufd");
	m->host.modules.iommufd = m->host.modules.vfio_iommu_type1;
	assert_verdict(m, "vfio-type1", VERDICT_FAIL, NULL);
}

static void a_missing_node_matters_once_vfio_is_loaded(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.modules.vfio_device = fact_gone("/dev/vfio/vfio");
	assert_verdict(m, "vfio-device-node", VERDICT_WARN, "cannot open it");
	m->host.modules.vfio = (struct module){ MODULE_AVAILABLE, "/lib/modules/6.8/modules.dep:6" };
	assert_verdict(m, "vfio-device-node", VERDICT_NA, "not loaded");
}

static void the_entry_limit_counts_for_l1_behind_a_viommu(void **state)
{
	struct model *m = *state;
	make_l0(m);
	assert_verdict(m, "vfio-entry-limit", VERDICT_PASS, "65535");
	give_vm(m, VM_PROXMOX);
	assert_verdict(m, "vfio-entry-limit", VERDICT_WARN, "255 MiB of L2's memory");
	assert_contains(find_finding(m, "vfio-entry-limit")->summary, "127 GiB");
	m->devices[0].iommufd = true;
	assert_verdict(m, "vfio-entry-limit", VERDICT_PASS, NULL);
	m->devices[0].iommufd = false;
	m->vm.viommu_count = 0;
	assert_verdict(m, "vfio-entry-limit", VERDICT_PASS, NULL);
	m->vm.viommu_count = 1;
	m->host.modules.dma_entry_limit.number = 16777216;
	assert_verdict(m, "vfio-entry-limit", VERDICT_PASS, "16777216");
	m->host.modules.dma_entry_limit.number = 1024;
	assert_verdict(m, "vfio-entry-limit", VERDICT_WARN, "less than the usual");
}

static void l1s_own_limit_is_no_concern(void **state)
{
	struct model *m = *state;
	make_l1(m);
	give_vm(m, VM_PROXMOX);
	assert_verdict(m, "vfio-entry-limit", VERDICT_PASS, NULL);
}

static void risky_switches_are_warned_of(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.modules.unsafe_noiommu.number = 1;
	m->host.modules.disable_hugepages.number = 1;
	m->host.modules.disable_denylist.number = 1;
	m->host.kernel.taint = fact_with("/proc/sys/kernel/tainted", "64", 64);
	assert_verdict(m, "vfio-noiommu", VERDICT_WARN, "protects nothing");
	assert_evidence(m, "vfio-noiommu", "tainted by its use");
	assert_verdict(m, "vfio-hugepages", VERDICT_WARN, "4 KiB");
	assert_verdict(m, "vfio-denylist", VERDICT_WARN, "unsafe");
}

static void memory_that_is_not_there_cannot_be_pinned(void **state)
{
	struct model *m = *state;
	make_l0(m);
	assert_verdict(m, "memory-to-pin", VERDICT_NA, "no VM");
	give_vm(m, VM_PROXMOX);
	assert_verdict(m, "memory-to-pin", VERDICT_PASS, NULL);
	m->vm.memory_mib = 50000;
	assert_verdict(m, "memory-to-pin", VERDICT_WARN, "available now");
	m->vm.memory_mib = 64000;
	assert_verdict(m, "memory-to-pin", VERDICT_FAIL, "this machine has 64000 MiB");
	m->vm.running = VM_YES;
	assert_verdict(m, "memory-to-pin", VERDICT_PASS, "runs");
	m->vm.running = VM_UNKNOWN;
	m->vm.memory_mib = 0;
	assert_verdict(m, "memory-to-pin", VERDICT_UNKNOWN, NULL);
	m->vm.device_count = 0;
	assert_verdict(m, "memory-to-pin", VERDICT_NA, "no device");
}

static void huge_pages_must_be_free_where_nobody_makes_them(void **state)
{
	struct model *m = *state;
	make_l0(m);
	give_vm(m, VM_LIBVIRT);
	assert_verdict(m, "hugepages", VERDICT_NA, NULL);
	m->vm.hugepages = "2";
	m->host.machine.hugepages_2m.number = 4095;
	assert_verdict(m, "hugepages", VERDICT_FAIL, "needs 4096 huge pages of 2 MiB; 4095 are free");
	m->host.machine.hugepages_2m.number = 4096;
	assert_verdict(m, "hugepages", VERDICT_PASS, NULL);
	m->vm.hugepages = "1024";
	assert_verdict(m, "hugepages", VERDICT_FAIL, "needs 8 huge pages of 1024 MiB");
	m->host.machine.hugepages_1g = fact_gone("/sys/kernel/mm/hugepages/hugepages-1048576kB");
	assert_verdict(m, "hugepages", VERDICT_FAIL, "0 are free");
	m->vm.manager = VM_PROXMOX;
	assert_verdict(m, "hugepages", VERDICT_NA, "Proxmox VE takes");
}

static void without_transparent_huge_pages_l0_runs_out(void **state)
{
	struct model *m = *state;
	make_l1(m);
	m->host.machine.transparent_hugepages.text = "always";
	assert_verdict(m, "transparent-hugepages", VERDICT_PASS, NULL);
	m->host.machine.transparent_hugepages.text = "never";
	assert_verdict(m, "transparent-hugepages", VERDICT_WARN, "256 MiB");
	m->host.machine.transparent_hugepages = fact_gone("/sys/kernel/mm/transparent_hugepage/enabled");
	assert_verdict(m, "transparent-hugepages", VERDICT_WARN, NULL);
	assert_contains(find_finding(m, "transparent-hugepages")->remedy, "CONFIG_TRANSPARENT_HUGEPAGE");
}

static void a_vm_behind_a_viommu_locks_its_memory_for_each_device(void **state)
{
	struct model *m = *state;
	make_l0(m);
	give_vm(m, VM_LIBVIRT);
	assert_verdict(m, "memlock", VERDICT_PASS, NULL);
	m->devices[1] = (struct vm_device){ .name = "hostdev1" };
	m->vm.device_count = 2;
	m->viommu.native = true;
	m->host.versions.libvirt.fact = fact_with("/var/lib/dpkg/status", "8.0.0-1", 0);
	m->host.versions.libvirt.parts[0] = 8;
	assert_verdict(m, "memlock", VERDICT_WARN, "each of 2 devices");
	assert_contains(find_finding(m, "memlock")->remedy, "17408");
	m->host.versions.libvirt.parts[1] = 7;
	assert_verdict(m, "memlock", VERDICT_PASS, "once for each device");
	m->viommu.native = false;
	assert_verdict(m, "memlock", VERDICT_NA, "does not see");
	m->vm.manager = VM_PROXMOX;
	assert_verdict(m, "memlock", VERDICT_NA, "as root");
}

static void libvirt_goes_by_its_hard_limit(void **state)
{
	struct model *m = *state;
	make_l0(m);
	give_vm(m, VM_LIBVIRT);
	m->vm.mem_lock = true;
	assert_verdict(m, "memlock", VERDICT_PASS, "<locked/>");
	m->vm.hard_limit_mib = 9000;
	assert_verdict(m, "memlock", VERDICT_PASS, "9000 MiB");
	m->devices[1] = (struct vm_device){ .name = "hostdev1" };
	m->vm.device_count = 2;
	assert_verdict(m, "memlock", VERDICT_WARN, "lock 9000 MiB, and it needs 16384 MiB");
	assert_contains(find_finding(m, "memlock")->remedy, "<hard_limit unit='MiB'>17408");
	m->vm.hard_limit_mib = 16384;
	assert_verdict(m, "memlock", VERDICT_PASS, NULL);
}

static void a_plain_qemu_has_the_limit_of_its_process(void **state)
{
	struct model *m = *state;
	struct vm running;
	make_l0(m);
	give_vm(m, VM_PLAIN);
	assert_verdict(m, "memlock", VERDICT_NA, "as root");
	m->host.root_user = false;
	assert_verdict(m, "memlock", VERDICT_WARN, "may lock 8 MiB, and needs 8192 MiB");
	running = m->vm;
	running.memlock = fact_with("/proc/77/limits", "unlimited", -1);
	m->set.running = &running;
	assert_verdict(m, "memlock", VERDICT_PASS, NULL);
	running.memlock = fact_denied("/proc/77/limits");
	assert_verdict(m, "memlock", VERDICT_UNKNOWN, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_model(a_driver_that_is_not_loaded_yet_is_there),
		test_with_model(a_kernel_without_vfio_fails_once),
		test_with_model(a_module_of_unknown_state_is_unknown),
		test_with_model(iommufd_can_take_type1s_place),
		test_with_model(a_missing_node_matters_once_vfio_is_loaded),
		test_with_model(the_entry_limit_counts_for_l1_behind_a_viommu),
		test_with_model(l1s_own_limit_is_no_concern),
		test_with_model(risky_switches_are_warned_of),
		test_with_model(memory_that_is_not_there_cannot_be_pinned),
		test_with_model(huge_pages_must_be_free_where_nobody_makes_them),
		test_with_model(without_transparent_huge_pages_l0_runs_out),
		test_with_model(a_vm_behind_a_viommu_locks_its_memory_for_each_device),
		test_with_model(libvirt_goes_by_its_hard_limit),
		test_with_model(a_plain_qemu_has_the_limit_of_its_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
