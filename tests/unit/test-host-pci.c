/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/pci.h"

#include "test-host.h"

static void read_all(void *const *state, struct arena *arena, struct pci_functions *ret)
{
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	open_fake(state, &root);
	if (pci_read_all(&root, arena, ret, &error) < 0)
		fail_msg("%s", error.text);
	pci_read_revisions(&root, arena, ret);
}

static void reads_a_function(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_functions functions;
	fake_pci(state, "0000:01:00.0", "0x010802\n", "15", "nvme");
	read_all(state, &arena, &functions);
	assert_int(functions.count, 1);
	const struct pci_function *function = &functions.items[0];
	assert_int(function->class, 0x010802);
	assert_int(function->vendor, 0x1b36);
	assert_int(function->device, 0x0010);
	assert_int(function->subsystem_vendor, 0x1af4);
	assert_int(function->subsystem_device, 0x1100);
	assert_int(function->revision, 2);
	assert_string_equal(function->driver, "nvme");
	assert_string_equal(function->group, "15");
	assert_false(function->is_bridge);
	assert_false(function->boot_vga);
	assert_int(function->problems.count, 0);
}

static void sorts_by_address_with_long_domains(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_functions functions;
	static const char *const wanted[] = { "0000:02:00.0", "0000:02:00.1", "0001:00:00.0", "10000:e1:00.0" };
	fake_pci(state, wanted[3], "0x010802\n", NULL, NULL);
	fake_pci(state, wanted[1], "0x010802\n", NULL, NULL);
	fake_pci(state, wanted[2], "0x010802\n", NULL, NULL);
	fake_pci(state, wanted[0], "0x010802\n", NULL, NULL);
	put_file(state, "sys/bus/pci/devices/notadevice", "");
	read_all(state, &arena, &functions);
	assert_int(functions.count, 4);
	for (size_t i = 0; i < 4; i++) {
		char text[PCI_ADDRESS_TEXT_MAX];
		assert_string_equal(pci_address_format(functions.items[i].address, text), wanted[i]);
	}
}

static void tells_absent_unreadable_and_wrong_apart(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_functions functions;
	fake_pci(state, "0000:01:00.0", "0x010802\n", NULL, NULL);
	/* Absent, and may be. */
	unlink(in_folder(state, fake_path("0000:01:00.0", "revision")));
	/* Unreadable: a folder in its place fails with EISDIR, for root as well. */
	unlink(in_folder(state, fake_path("0000:01:00.0", "vendor")));
	put_directory(state, fake_path("0000:01:00.0", "vendor"));
	/* Wrong. */
	fake_file(state, fake_path("0000:01:00.0", "device"), "banana\n");
	fake_file(state, fake_path("0000:01:00.0", "subsystem_vendor"), "0x12345\n");
	read_all(state, &arena, &functions);
	const struct pci_function *function = &functions.items[0];
	assert_int(function->class, 0x010802);
	assert_int(function->vendor, PCI_UNKNOWN);
	assert_int(function->device, PCI_UNKNOWN);
	assert_int(function->subsystem_vendor, PCI_UNKNOWN);
	assert_int(function->subsystem_device, 0x1100);
	assert_int(function->revision, PCI_UNKNOWN);
	assert_int(function->problems.count, 3);
	assert_contains(function->problems.items[0], "/vendor: Is a directory");
	assert_contains(function->problems.items[1], "'banana' is not a number like 0x0000");
	assert_contains(function->problems.items[2], "0x12345");
}

static void a_missing_class_is_a_problem(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_functions functions;
	fake_pci(state, "0000:01:00.0", "0x010802\n", NULL, NULL);
	unlink(in_folder(state, fake_path("0000:01:00.0", "class")));
	read_all(state, &arena, &functions);
	assert_int(functions.items[0].class, PCI_UNKNOWN);
	assert_int(functions.items[0].problems.count, 1);
}

static void knows_bridges_by_their_header(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_functions functions;
	fake_pci(state, "0000:00:00.0", "0x060000\n", NULL, NULL);       /* host bridge */
	fake_pci(state, "0000:00:01.0", "0x060400\n", NULL, "pcieport"); /* PCI bridge */
	fake_pci(state, "0000:00:02.0", "0x060900\n", NULL, NULL);       /* semi-transparent, header type 1 */
	fake_file(state, fake_path("0000:00:02.0", "secondary_bus_number"), "2\n");
	fake_pci(state, "0000:00:1f.0", "0x060100\n", NULL, "lpc_ich"); /* ISA bridge */
	read_all(state, &arena, &functions);
	assert_false(functions.items[0].is_bridge);
	assert_true(pci_is_host_bridge(&functions.items[0]));
	assert_true(functions.items[1].is_bridge);
	assert_true(functions.items[2].is_bridge);
	assert_false(functions.items[3].is_bridge);
}

static void reads_boot_vga_of_displays(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_functions functions;
	fake_pci(state, "0000:01:00.0", "0x030000\n", NULL, NULL);
	fake_file(state, fake_path("0000:01:00.0", "boot_vga"), "1\n");
	fake_pci(state, "0000:02:00.0", "0x030000\n", NULL, NULL);
	fake_file(state, fake_path("0000:02:00.0", "boot_vga"), "0\n");
	read_all(state, &arena, &functions);
	assert_true(functions.items[0].boot_vga);
	assert_false(functions.items[1].boot_vga);
}

/* As the kernel writes it, but with ids that the single attributes of fake_pci() do not have. */
#define UEVENT(driver, slot)                                                  \
	driver "PCI_CLASS=20000\nPCI_ID=8086:100E\nPCI_SUBSYS_ID=1AF4:11C0\n" \
	       "PCI_SLOT_NAME=" slot "\nMODALIAS=pci:v00008086d0000100E\n"

static void reads_nearly_all_from_uevent(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_functions functions;
	fake_pci(state, "0000:01:00.0", "0x010802\n", "15", NULL);
	fake_file(state, fake_path("0000:01:00.0", "uevent"), UEVENT("DRIVER=e1000\n", "0000:01:00.0"));
	fake_pci(state, "0000:01:00.1", "0x010802\n", NULL, NULL);
	fake_file(state, fake_path("0000:01:00.1", "uevent"), UEVENT("DRIVER=e1000\n", "0000:01:00.1"));
	/* It has no driver though a link says so: what the whole uevent says is what counts. */
	fake_pci(state, "0000:01:00.2", "0x010802\n", NULL, "nvme");
	fake_file(state, fake_path("0000:01:00.2", "uevent"), UEVENT("", "0000:01:00.2"));
	read_all(state, &arena, &functions);
	assert_int(functions.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int(functions.items[i].class, 0x020000);
		assert_int(functions.items[i].vendor, 0x8086);
		assert_int(functions.items[i].device, 0x100e);
		assert_int(functions.items[i].subsystem_vendor, 0x1af4);
		assert_int(functions.items[i].subsystem_device, 0x11c0);
		assert_int(functions.items[i].revision, 2);
		assert_int(functions.items[i].problems.count, 0);
	}
	assert_string_equal(functions.items[0].driver, "e1000");
	assert_string_equal(functions.items[0].group, "15");
	assert_string_equal(functions.items[1].driver, "e1000");
	assert_null(functions.items[1].group);
	assert_null(functions.items[2].driver);
}

static void takes_nothing_from_a_uevent_that_is_not_whole(void **state)
{
	static const char *const texts[] = {
		"",
		"DRIVER=e1000\n",
		"DRIVER=e1000\nPCI_CLASS=20000\nPCI_ID=8086:100E\nPCI_SUBSYS_ID=1AF4:11C0\n",
		UEVENT("DRIVER=e1000\n", "0000:01:00.1"),
		UEVENT("DRIVER=e1000\n", ""),
		"DRIVER=e1000\nPCI_CLASS=\nPCI_ID=8086:100E\nPCI_SUBSYS_ID=1AF4:11C0\nPCI_SLOT_NAME=0000:01:00.0\n",
		"DRIVER=e1000\nPCI_CLASS=1000000\nPCI_ID=8086:100E\nPCI_SUBSYS_ID=1AF4:11C0\nPCI_SLOT_NAME=0000:01:00.0\n",
		"DRIVER=e1000\nPCI_CLASS=20000\nPCI_ID=8086100E\nPCI_SUBSYS_ID=1AF4:11C0\nPCI_SLOT_NAME=0000:01:00.0\n",
		"DRIVER=e1000\nPCI_CLASS=20000\nPCI_ID=8086:\nPCI_SUBSYS_ID=1AF4:11C0\nPCI_SLOT_NAME=0000:01:00.0\n",
		"DRIVER=e1000\nPCI_CLASS=20000\nPCI_ID=8086:100E\nPCI_SUBSYS_ID=1AF4:11C00\nPCI_SLOT_NAME=0000:01:00.0\n",
		"DRIVER=e1000\nPCI_CLASS=20000\nPCI_ID=8086:100E\nPCI_SUBSYS_ID=1AF4:11C0 \nPCI_SLOT_NAME=0000:01:00.0\n",
	};
	fake_pci(state, "0000:01:00.0", "0x010802\n", NULL, "nvme");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO_ARENA arena = { 0 };
		struct pci_functions functions;
		fake_file(state, fake_path("0000:01:00.0", "uevent"), texts[i]);
		read_all(state, &arena, &functions);
		if (functions.items[0].class != 0x010802 || functions.items[0].vendor != 0x1b36 ||
		    functions.items[0].subsystem_device != 0x1100 || !text_equals(functions.items[0].driver, "nvme"))
			fail_msg("taken for whole: '%s'", texts[i]);
		assert_int(functions.items[0].problems.count, 0);
	}
}

static void a_uevent_that_cannot_be_read_is_done_without(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_functions functions;
	fake_pci(state, "0000:01:00.0", "0x010802\n", NULL, "nvme");
	put_directory(state, fake_path("0000:01:00.0", "uevent"));
	read_all(state, &arena, &functions);
	assert_int(functions.items[0].class, 0x010802);
	assert_string_equal(functions.items[0].driver, "nvme");
	assert_int(functions.items[0].problems.count, 0);
}

static void a_group_that_is_none_is_a_problem(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_functions functions;
	fake_pci(state, "0000:01:00.0", "0x010802\n", NULL, NULL);
	fake_link(state, fake_path("0000:01:00.0", "iommu_group"), "/sys/kernel/iommu_groups/banana");
	read_all(state, &arena, &functions);
	assert_null(functions.items[0].group);
	assert_int(functions.items[0].problems.count, 1);
	assert_contains(functions.items[0].problems.items[0], "banana");
}

static void finds_by_address(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_functions functions;
	struct pci_functions none = { 0 };
	static const char *const there[] = { "0000:00:00.0", "0000:00:1f.3", "0000:02:00.1", "10000:e1:00.0" };
	for (size_t i = 0; i < ARRAY_SIZE(there); i++)
		fake_pci(state, there[i], "0x010802\n", NULL, NULL);
	read_all(state, &arena, &functions);
	for (size_t i = 0; i < ARRAY_SIZE(there); i++)
		assert_ptr_equal(pci_find(&functions, address_of(there[i])), &functions.items[i]);
	assert_null(pci_find(&functions, address_of("0000:02:00.0")));
	assert_null(pci_find(&functions, address_of("20000:00:00.0")));
	assert_null(pci_find(&none, address_of("0000:00:00.0")));
}

/* More than one scratch arena's worth: what is kept must not be in what was released. */
static void many_functions_keep_their_texts(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_functions functions;
	char text[FAKE_PATH_MAX];
	for (unsigned int i = 0; i < 100; i++) {
		char address[PCI_ADDRESS_TEXT_MAX];
		struct pci_address number = { .bus = (uint8_t)i };
		snprintf(text, sizeof(text), "%u", i);
		fake_pci(state, pci_address_format(number, address), "0x010802\n", text, NULL);
		if (i % 2) {
			snprintf(text, sizeof(text), UEVENT("DRIVER=driver%u\n", "%s"), i, address);
			fake_file(state, fake_path(address, "uevent"), text);
		}
	}
	read_all(state, &arena, &functions);
	assert_int(functions.count, 100);
	for (unsigned int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_string_equal(functions.items[i].group, text);
		snprintf(text, sizeof(text), "driver%u", i);
		if (i % 2)
			assert_string_equal(functions.items[i].driver, text);
		else
			assert_null(functions.items[i].driver);
	}
}

static void no_pci_is_no_failure(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_functions functions;
	read_all(state, &arena, &functions);
	assert_int(functions.count, 0);
}

static void reads_one_or_says_there_is_none(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct pci_function function;
	struct error error;
	fake_pci(state, "0000:01:00.0", "0x010802\n", NULL, "nvme");
	open_fake(state, &root);
	assert_int(pci_read_function(&root, &arena, address_of("01:00.0"), &function, &error), 0);
	assert_string_equal(function.driver, "nvme");
	assert_null(function.group);
	assert_int(pci_read_function(&root, &arena, address_of("01:00.1"), &function, &error), -ENODEV);
	assert_contains(error.text, "0000:01:00.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(reads_a_function),
		test_in_folder(sorts_by_address_with_long_domains),
		test_in_folder(tells_absent_unreadable_and_wrong_apart),
		test_in_folder(a_missing_class_is_a_problem),
		test_in_folder(knows_bridges_by_their_header),
		test_in_folder(reads_boot_vga_of_displays),
		test_in_folder(reads_nearly_all_from_uevent),
		test_in_folder(takes_nothing_from_a_uevent_that_is_not_whole),
		test_in_folder(a_uevent_that_cannot_be_read_is_done_without),
		test_in_folder(a_group_that_is_none_is_a_problem),
		test_in_folder(finds_by_address),
		test_in_folder(many_functions_keep_their_texts),
		test_in_folder(no_pci_is_no_failure),
		test_in_folder(reads_one_or_says_there_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
