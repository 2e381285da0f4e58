/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/iommu.h"

#include "test-host.h"

static void finds_the_group_of_a_device(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	const char *group = NULL;
	fake_pci(state, "0000:01:00.0", "0x010802\n", "15", NULL);
	fake_pci(state, "0000:02:00.0", "0x010802\n", NULL, NULL);
	open_fake(state, &root);
	assert_int(iommu_group_of(&root, &arena, address_of("01:00.0"), &group, &error), 0);
	assert_string_equal(group, "15");
	assert_int(iommu_group_of(&root, &arena, address_of("02:00.0"), &group, &error), -ENOENT);
	assert_contains(error.text, "0000:02:00.0 has no IOMMU group");
	assert_int(iommu_group_of(&root, &arena, address_of("03:00.0"), &group, &error), -ENODEV);
	assert_contains(error.text, "no PCI device 0000:03:00.0");
}

static void a_link_elsewhere_is_wrong(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	const char *group = NULL;
	fake_pci(state, "0000:01:00.0", "0x010802\n", NULL, NULL);
	fake_link(state, fake_path("0000:01:00.0", "iommu_group"), "/etc/passwd");
	open_fake(state, &root);
	assert_int(iommu_group_of(&root, &arena, address_of("01:00.0"), &group, &error), -EINVAL);
}

static void lists_members_and_others(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	struct iommu_group group;
	fake_pci(state, "0000:01:00.1", "0x040300\n", "7", NULL);
	fake_pci(state, "0000:01:00.0", "0x030000\n", "7", NULL);
	fake_link(state, "/sys/kernel/iommu_groups/7/devices/INT33C2:00", "/sys/devices/platform/INT33C2:00");
	open_fake(state, &root);
	assert_int(iommu_read_group(&root, &arena, "7", &group, &error), 0);
	assert_int(group.count, 2);
	assert_true(pci_address_equal(group.members[0], address_of("01:00.0")));
	assert_true(pci_address_equal(group.members[1], address_of("01:00.1")));
	assert_int(group.others.count, 1);
	assert_string_equal(group.others.items[0], "INT33C2:00");
	assert_int(iommu_read_group(&root, &arena, "8", &group, &error), -ENOENT);
}

static void an_empty_class_is_no_active_iommu(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	open_fake(state, &root);
	assert_int(iommu_is_active(&root, &arena, &error), 0);
	put_directory(state, "/sys/class/iommu");
	assert_int(iommu_is_active(&root, &arena, &error), 0);
	put_directory(state, "/sys/class/iommu/dmar0");
	assert_int(iommu_is_active(&root, &arena, &error), 1);
}

/* Bits 21:16 are 0x2f in ...2f0686, and 0x26 in ...660462. */
static void width_is_the_least_of_all_units(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	unsigned int bits = 0;
	fake_file(state, "/sys/class/iommu/dmar0/intel-iommu/cap", "d2008c222f0686\n");
	open_fake(state, &root);
	assert_int(iommu_address_width(&root, &arena, &bits, &error), 0);
	assert_int(bits, 48);
	fake_file(state, "/sys/class/iommu/dmar1/intel-iommu/cap", "1c0000c40660462\n"); /* MGAW 0x26 */
	fake_file(state, "/sys/class/iommu/dmar2/intel-iommu/cap", "d2008c40660462\n");
	assert_int(iommu_address_width(&root, &arena, &bits, &error), 0);
	assert_int(bits, 39);
}

static void width_is_unknown_without_intel(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	unsigned int bits = 7;
	open_fake(state, &root);
	assert_int(iommu_address_width(&root, &arena, &bits, &error), -ENOENT);
	fake_file(state, "/sys/class/iommu/ivhd0/amd-iommu/cap", "40f\n");
	assert_int(iommu_address_width(&root, &arena, &bits, &error), -ENOENT);
	assert_int(bits, 7);
	fake_file(state, "/sys/class/iommu/dmar0/intel-iommu/cap", "0x12\n");
	assert_int(iommu_address_width(&root, &arena, &bits, &error), -EINVAL);
	assert_contains(error.text, "0x12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(finds_the_group_of_a_device),     test_in_folder(a_link_elsewhere_is_wrong),
		test_in_folder(lists_members_and_others),        test_in_folder(an_empty_class_is_no_active_iommu),
		test_in_folder(width_is_the_least_of_all_units), test_in_folder(width_is_unknown_without_intel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
