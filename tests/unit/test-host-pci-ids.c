/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/pci-ids.h"

#include "test-host.h"

static const char ids[] = "# a comment\n"
			  "1b35  Before\n"
			  "\t0010  Wrong vendor\n"
			  "1b36  Red Hat, Inc.\n"
			  "\t0008  QEMU PCIe Host bridge\n"
			  "\t0010  QEMU NVM Express Controller  \n"
			  "\t\t1af4 1100  A subsystem\n"
			  "\n"
			  "8086  Intel Corporation\n"
			  "\t10d3  82574L Gigabit Network Connection\n"
			  "ffff  Illegal Vendor ID\n"
			  "C 01  Mass storage controller\n"
			  "\t06  SATA controller\n"
			  "\t08  Non-Volatile memory controller\n"
			  "\t\t02  NVM Express\n"
			  "C 02  Network controller\n"
			  "\t00  Ethernet controller";

static void fill(void *const *state, struct arena *arena, struct pci_functions *functions, int wanted)
{
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	open_fake(state, &root);
	assert_int(pci_ids_fill(&root, arena, functions, &error), wanted);
}

static void names_what_is_known(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_function items[] = {
		{ .vendor = 0x1b36, .device = 0x0010, .class = 0x010802 },
		{ .vendor = 0x1b36, .device = 0x9999, .class = 0x010899 },
		{ .vendor = 0x8086, .device = 0x10d3, .class = 0x020000 },
		{ .vendor = 0x1b36, .device = 0x0010, .class = 0xff0000 },
		{ .vendor = 0x4444, .device = 0x0010, .class = PCI_UNKNOWN },
		{ .vendor = PCI_UNKNOWN, .device = PCI_UNKNOWN, .class = 0x010601 },
	};
	struct pci_functions functions = { items, ARRAY_SIZE(items) };
	fake_file(state, "/usr/share/misc/pci.ids", ids);
	fill(state, &arena, &functions, 0);
	assert_string_equal(items[0].vendor_name, "Red Hat, Inc.");
	assert_string_equal(items[0].device_name, "QEMU NVM Express Controller");
	assert_string_equal(items[0].class_name, "Non-Volatile memory controller");
	assert_string_equal(items[1].vendor_name, "Red Hat, Inc.");
	assert_null(items[1].device_name);
	assert_string_equal(items[1].class_name, "Non-Volatile memory controller");
	assert_string_equal(items[2].device_name, "82574L Gigabit Network Connection");
	assert_string_equal(items[2].class_name, "Ethernet controller");
	assert_string_equal(items[3].device_name, "QEMU NVM Express Controller");
	assert_null(items[3].class_name);
	assert_null(items[4].vendor_name);
	assert_null(items[4].device_name);
	assert_null(items[5].vendor_name);
	assert_string_equal(items[5].class_name, "SATA controller");
}

static void looks_in_other_places(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_function item = { .vendor = 0x8086, .device = 0x10d3, .class = 0x020000 };
	struct pci_functions functions = { &item, 1 };
	fake_file(state, "/usr/share/hwdata/pci.ids", ids);
	fill(state, &arena, &functions, 0);
	assert_string_equal(item.vendor_name, "Intel Corporation");
}

static void absent_is_told(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_function item = { .vendor = 0x8086 };
	struct pci_functions functions = { &item, 1 };
	fill(state, &arena, &functions, -ENOENT);
	assert_null(item.vendor_name);
}

/* A name is copied once, however often the file gives it, and whoever wants it: the first counts. */
static void the_first_of_several_names_counts(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_function items[] = {
		{ .vendor = 0x8086, .device = 0x10d3, .class = 0x020000 },
		{ .vendor = 0x8086, .device = 0x10d4, .class = 0x020000 },
		{ .vendor = 0x8086, .device = 0x10d3, .class = 0x020000 },
	};
	struct pci_functions functions = { items, ARRAY_SIZE(items) };
	fake_file(state, "/usr/share/misc/pci.ids",
		  "8086  One\n\t10d3  First\n\t10d3  Second\n8086  Two\n\t10d3  Third\n");
	fill(state, &arena, &functions, 0);
	assert_string_equal(items[0].vendor_name, "One");
	assert_string_equal(items[0].device_name, "First");
	assert_null(items[1].device_name);
	assert_ptr_equal(items[0].vendor_name, items[1].vendor_name);
	assert_ptr_equal(items[0].device_name, items[2].device_name);
}

static void survives_rubbish(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_function item = { .vendor = 0x8086, .device = 0x10d3, .class = 0x020000 };
	struct pci_functions functions = { &item, 1 };
	fake_file(state, "/usr/share/misc/pci.ids",
		  "\t10d3  nobody's\nC zz\n\t00  x\n80\n8086\n\t\n\t1\n\t10D3  upper case\n\xff\xfe\n\t10d3\n");
	fill(state, &arena, &functions, 0);
	assert_null(item.vendor_name);
	assert_null(item.device_name);
	assert_null(item.class_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(names_what_is_known), test_in_folder(looks_in_other_places),
		test_in_folder(absent_is_told),      test_in_folder(the_first_of_several_names_counts),
		test_in_folder(survives_rubbish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
