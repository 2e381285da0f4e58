/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/iommu.h"

#include "test-host-acpi.h"
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
	fake_file(state, "/sys/class/iommu/dmar0/intel-iommu/cap", "d2g8\n");
	assert_int(iommu_address_width(&root, &arena, &bits, &error), -EINVAL);
	assert_contains(error.text, "d2g8");
}

static void a_unit_that_walks_less_than_it_takes_is_as_narrow_as_that(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	unsigned int bits = 0;
	/* MGAW 0x2f, SAGAW 02: tables of three levels, 39 bits. */
	fake_file(state, "/sys/class/iommu/dmar0/intel-iommu/cap", "d2008c222f0286\n");
	open_fake(state, &root);
	assert_int(iommu_address_width(&root, &arena, &bits, &error), 0);
	assert_int(bits, 39);
}

static const struct iommu_unit *read_one(void **state, struct arena *arena, const char *unit, const char *file,
					 const char *content, struct iommus *iommus)
{
	AUTO_ROOT root = ROOT_NONE;
	char path[FAKE_PATH_MAX];
	snprintf(path, sizeof(path), "/sys/class/iommu/%s/%s", unit, file);
	fake_file(state, path, content);
	open_fake(state, &root);
	iommu_read(&root, arena, iommus);
	for (size_t i = 0; i < iommus->count; i++)
		if (strcmp(iommus->units[i].name, unit) == 0)
			return &iommus->units[i];
	return NULL;
}

/* The registers of QEMU 7.2's unit, with 39 bits and caching mode. */
static void reads_an_intel_unit(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct iommus iommus;
	fake_file(state, "/sys/class/iommu/dmar0/intel-iommu/ecap", "f00f4a\n");
	fake_file(state, "/sys/class/iommu/dmar0/intel-iommu/version", "1:0\n");
	const struct iommu_unit *unit = read_one(state, &arena, "dmar0", "intel-iommu/cap", "d2008c22260286\n",
						 &iommus);
	assert_int(iommus.count, 1);
	assert_int(iommus.class.number, 1);
	assert_int(unit->kind, IOMMU_INTEL);
	assert_int(unit->width, 39);
	assert_true(unit->translates);
	assert_false(unit->first_stage);
	assert_true(VTD_CAP_CM(unit->cap.number));
	assert_int(VTD_CAP_SLLPS(unit->cap.number), 3);
	assert_true(VTD_ECAP_IR(unit->ecap.number));
	assert_false(VTD_ECAP_EIM(unit->ecap.number));
	assert_string_equal(unit->version.text, "1:0");
	assert_int(iommu_least_width(&iommus), 39);
}

/* With QEMU's dma-translation=off: registers and interrupts, but no address is translated. */
static void a_unit_without_table_depths_translates_nothing(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	struct iommus iommus;
	unsigned int bits = 0;
	fake_file(state, "/sys/class/iommu/dmar0/intel-iommu/ecap", "f00f4a\n");
	const struct iommu_unit *unit = read_one(state, &arena, "dmar0", "intel-iommu/cap", "d2008c22260086\n",
						 &iommus);
	assert_false(unit->translates);
	assert_int(unit->width, 0);
	assert_int(iommu_least_width(&iommus), 0);
	open_fake(state, &root);
	assert_int(iommu_address_width(&root, &arena, &bits, &error), -ENOENT);
}

/* Scalable mode, second-stage tables not there (ecap bits 43 and 47, not 46): 48 bits, or 57 by cap bit 60. */
static void first_stage_tables_have_widths_of_their_own(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct iommus iommus;
	fake_file(state, "/sys/class/iommu/dmar0/intel-iommu/ecap", "880000f0105a\n");
	const struct iommu_unit *unit = read_one(state, &arena, "dmar0", "intel-iommu/cap", "d2008c22380086\n",
						 &iommus);
	assert_true(unit->first_stage);
	assert_int(unit->width, 48);
	unit = read_one(state, &arena, "dmar0", "intel-iommu/cap", "10d2008c22380086\n", &iommus);
	assert_int(unit->width, 57);
}

static void reads_amd_features_in_each_format(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct iommus iommus;
	static const struct {
		const char *text;
		int64_t features;
		unsigned int width;
	} cases[] = {
		{ "29d3\n", 0x29d3, 64 },                            /* one number */
		{ "0:29d3\n", 0x29d3, 64 },                          /* Linux 6.1, QEMU's unit */
		{ "29d3:0\n", 0x29d3, 64 },                          /* Linux 6.12 */
		{ "f77ef22294ada\n", 0xf77ef22294ada, 64 },          /* Zen */
		{ "246577efa2254afa:0\n", 0x246577efa2254afa, 64 },  /* Zen 4 */
		{ "10:246577efa2254afa\n", 0x246577efa2254afa, 64 }, /* Zen 4, EFR2 not empty, Linux 6.1 */
		{ "246577efa22546fa:10\n", 0x246577efa22546fa, 57 }, /* HATS 1 */
		{ "246577efa22542fa:10\n", 0x246577efa22542fa, 48 }, /* HATS 0 */
		{ "246577efa2254efa:10\n", 0x246577efa2254efa, 0 },  /* HATS 3 is reserved */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct iommu_unit *unit = read_one(state, &arena, "ivhd0", "amd-iommu/features", cases[i].text,
							 &iommus);
		assert_int(unit->kind, IOMMU_AMD);
		assert_true(fact_known(&unit->features));
		assert_int(unit->features.number, cases[i].features);
		assert_int(unit->width, cases[i].width);
	}
	const struct iommu_unit *unit = read_one(state, &arena, "ivhd0", "amd-iommu/features", "29d3:zz\n", &iommus);
	assert_int(unit->features.state, FACT_WRONG);
	assert_int(unit->width, 0);
}

static void one_unit_of_unknown_width_leaves_the_least_unknown(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct iommus iommus;
	fake_file(state, "/sys/class/iommu/dmar0/intel-iommu/cap", "d2008c22260286\n");
	const struct iommu_unit *unit = read_one(state, &arena, "0000:00:02.0", "x", "", &iommus);
	assert_int(unit->kind, IOMMU_VIRTIO);
	assert_int(iommus.count, 2);
	assert_int(iommu_least_width(&iommus), 0);
	unit = read_one(state, &arena, "smmu3.0x0000000009050000", "x", "", &iommus);
	assert_int(unit->kind, IOMMU_OTHER);
}

static void put_bytes(void **state, const char *path, const uint8_t *bytes, size_t length)
{
	fake_file(state, path, "");
	int fd = open(in_folder(state, path), O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int(file_write_all(fd, (struct slice){ (const char *)bytes, length }), 0);
	close(fd);
}

static void reads_the_tables_of_firmware(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct iommus iommus;
	open_fake(state, &root);
	iommu_read(&root, &arena, &iommus);
	assert_true(fact_absent(&iommus.class));
	assert_true(fact_absent(&iommus.groups_folder));
	assert_true(fact_absent(&iommus.tables));
	assert_true(fact_absent(&iommus.dmar_file));
	put_bytes(state, "/sys/firmware/acpi/tables/DMAR", qemu_dmar, sizeof(qemu_dmar));
	put_bytes(state, "/sys/firmware/acpi/tables/IVRS", qemu_dmar, sizeof(qemu_dmar));
	fake_file(state, "/sys/firmware/acpi/tables/VIOT", "VIOT");
	put_directory(state, "/sys/kernel/iommu_groups/0");
	put_directory(state, "/sys/kernel/iommu_groups/1");
	put_directory(state, "/sys/class/iommu");
	iommu_read(&root, &arena, &iommus);
	assert_true(fact_known(&iommus.class));
	assert_int(iommus.count, 0);
	assert_int(iommus.group_count, 2);
	assert_true(fact_known(&iommus.tables));
	assert_true(fact_known(&iommus.dmar_file));
	assert_true(dmar_is_emulated(iommus.dmar));
	assert_int(iommus.ivrs_file.state, FACT_WRONG);
	assert_string_equal(iommus.ivrs_file.text, "DMAR");
	assert_null(iommus.ivrs);
	assert_true(fact_known(&iommus.viot_file));
}

/* Mode 0400, as the kernel has it; root may read all, so there the table is simply read. */
static void a_table_for_root_alone_is_there_and_denied(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct iommus iommus;
	put_bytes(state, "/sys/firmware/acpi/tables/DMAR", qemu_dmar, sizeof(qemu_dmar));
	assert_int(chmod(in_folder(state, "/sys/firmware/acpi/tables/DMAR"), 0), 0);
	open_fake(state, &root);
	iommu_read(&root, &arena, &iommus);
	if (geteuid() == 0) {
		assert_true(fact_known(&iommus.dmar_file));
		return;
	}
	assert_int(iommus.dmar_file.state, FACT_UNREADABLE);
	assert_true(iommus.dmar_file.denied);
	assert_null(iommus.dmar);
	assert_true(fact_absent(&iommus.ivrs_file));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(finds_the_group_of_a_device),
		test_in_folder(a_link_elsewhere_is_wrong),
		test_in_folder(lists_members_and_others),
		test_in_folder(an_empty_class_is_no_active_iommu),
		test_in_folder(width_is_the_least_of_all_units),
		test_in_folder(width_is_unknown_without_intel),
		test_in_folder(a_unit_that_walks_less_than_it_takes_is_as_narrow_as_that),
		test_in_folder(reads_an_intel_unit),
		test_in_folder(a_unit_without_table_depths_translates_nothing),
		test_in_folder(first_stage_tables_have_widths_of_their_own),
		test_in_folder(reads_amd_features_in_each_format),
		test_in_folder(one_unit_of_unknown_width_leaves_the_least_unknown),
		test_in_folder(reads_the_tables_of_firmware),
		test_in_folder(a_table_for_root_alone_is_there_and_denied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
