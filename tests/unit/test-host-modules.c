/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/modules.h"

#include "test-host.h"

#define FOLDER "/lib/modules/6.8.12-4-pve"

static struct modules read_modules(void *const *state, struct arena *arena)
{
	AUTO_ROOT root = ROOT_NONE;
	struct modules modules;
	open_fake(state, &root);
	modules_read(&root, arena, &modules);
	return modules;
}

static void fake_lists(void *const *state)
{
	fake_file(state, "/proc/sys/kernel/osrelease", "6.8.12-4-pve\n");
	fake_file(state, FOLDER "/modules.builtin",
		  "kernel/drivers/iommu/iommufd/iommufd.ko\nkernel/drivers/vfio/vfio-pci-core.ko\n");
	fake_file(state, FOLDER "/modules.dep",
		  "kernel/arch/x86/kvm/kvm-intel.ko: kernel/arch/x86/kvm/kvm.ko kernel/x/kvm-amd.ko\n"
		  "kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/vfio.ko\n"
		  "kernel/drivers/vfio/vfio.ko.zst:\n");
}

static void tells_loaded_built_in_available_and_absent_apart(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_lists(state);
	fake_file(state, "/sys/module/vfio/initstate", "live\n");
	put_directory(state, "/sys/module/kvm_amd/parameters");
	struct modules modules = read_modules(state, &arena);
	assert_int(modules.vfio.state, MODULE_LOADED);
	assert_string_equal(modules.vfio.evidence, "/sys/module/vfio/initstate");
	assert_int(modules.iommufd.state, MODULE_BUILT_IN);
	assert_string_equal(modules.iommufd.evidence,
			    FOLDER "/modules.builtin: kernel/drivers/iommu/iommufd/iommufd.ko");
	assert_int(modules.vfio_pci.state, MODULE_AVAILABLE);
	assert_string_equal(modules.vfio_pci.evidence, FOLDER "/modules.dep: kernel/drivers/vfio/pci/vfio-pci.ko.xz");
	assert_int(modules.kvm_intel.state, MODULE_AVAILABLE);
	/* With parameters but no state: the kernel's own. */
	assert_int(modules.kvm_amd.state, MODULE_BUILT_IN);
	assert_int(modules.vfio_iommu_type1.state, MODULE_ABSENT);
	assert_int(modules.vfio_virqfd.state, MODULE_ABSENT);
	assert_string_equal(modules.vfio_virqfd.evidence, FOLDER "/modules.dep");
}

static void what_another_needs_is_not_listed_by_that(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_lists(state);
	struct modules modules = read_modules(state, &arena);
	assert_int(modules.kvm_amd.state, MODULE_ABSENT);
}

/* As in a small initramfs. */
static void without_lists_only_what_is_loaded_is_known(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/proc/sys/kernel/osrelease", "6.8.12-4-pve\n");
	fake_file(state, "/sys/module/vfio_pci/initstate", "live\n");
	fake_file(state, "/sys/module/kvm_intel/initstate", "coming\n");
	struct modules modules = read_modules(state, &arena);
	assert_int(modules.vfio_pci.state, MODULE_LOADED);
	assert_int(modules.vfio.state, MODULE_UNKNOWN);
	assert_contains(modules.vfio.evidence, FOLDER "/modules.builtin");
	assert_int(modules.kvm_intel.state, MODULE_UNKNOWN);
	assert_contains(modules.kvm_intel.evidence, "coming");
}

static void one_list_alone_proves_no_absence(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_lists(state);
	unlink(in_folder(state, FOLDER "/modules.builtin"));
	struct modules modules = read_modules(state, &arena);
	assert_int(modules.vfio_pci.state, MODULE_AVAILABLE);
	assert_int(modules.iommufd.state, MODULE_UNKNOWN);
	fake_lists(state);
	unlink(in_folder(state, FOLDER "/modules.dep"));
	modules = read_modules(state, &arena);
	assert_int(modules.iommufd.state, MODULE_BUILT_IN);
	assert_int(modules.vfio_pci.state, MODULE_UNKNOWN);
	assert_contains(modules.vfio_pci.evidence, "modules.dep");
}

static void reads_parameters(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "65535\n");
	fake_file(state, "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y\n");
	fake_file(state, "/sys/module/vfio_iommu_type1/parameters/disable_hugepages", "N\n");
	fake_file(state, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "1\n");
	fake_file(state, "/sys/module/vfio_pci/parameters/disable_denylist", "maybe\n");
	fake_file(state, "/dev/vfio/vfio", "");
	struct modules modules = read_modules(state, &arena);
	assert_int(modules.dma_entry_limit.number, 65535);
	assert_int(modules.allow_unsafe_interrupts.number, 1);
	assert_int(modules.disable_hugepages.state, FACT_KNOWN);
	assert_int(modules.disable_hugepages.number, 0);
	assert_int(modules.unsafe_noiommu.number, 1);
	assert_int(modules.disable_denylist.state, FACT_WRONG);
	assert_true(fact_absent(&modules.disable_idle_d3));
	assert_true(fact_absent(&modules.iommufd_unsafe_interrupts));
	assert_true(fact_known(&modules.vfio_device));
	assert_true(fact_absent(&modules.iommu_device));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(tells_loaded_built_in_available_and_absent_apart),
		test_in_folder(what_another_needs_is_not_listed_by_that),
		test_in_folder(without_lists_only_what_is_loaded_is_known),
		test_in_folder(one_list_alone_proves_no_absence),
		test_in_folder(reads_parameters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
