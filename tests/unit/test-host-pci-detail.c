/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/pci-detail.h"

#include "test-host-config.h"
#include "test-host.h"

#define ADDRESS "0000:01:00.0"
#define ZEROS "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"

static void put_config(void *const *state, const char *path, const struct config *config)
{
	int fd = open(in_folder(state, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int(write(fd, config->bytes, config->length), config->length);
	close(fd);
}

static void read_detail(void *const *state, struct arena *arena, const char *address, struct pci_detail *ret)
{
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	struct pci_function *function = arena_alloc(arena, sizeof(*function));
	open_fake(state, &root);
	if (pci_read_function(&root, arena, address_of(address), function, &error) < 0)
		fail_msg("%s", error.text);
	pci_detail_read(&root, arena, function, ret);
	pci_detail_read_locked(&root, arena, &(struct pci_detail *){ ret }, 1);
	assert_ptr_equal(ret->function, function);
}

static void reads_what_the_kernel_shows(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_detail detail;
	struct config config = config_header(0);
	static const struct {
		const char *name;
		const char *content;
	} files[] = {
		{ "power_state", "D3hot\n" },
		{ "d3cold_allowed", "1\n" },
		{ "reset", "" },
		{ "reset_method", "flr bus\n" },
		{ "rom", "" },
		{ "numa_node", "-1\n" },
		{ "enable", "2\n" },
		{ "sriov_totalvfs", "64\n" },
		{ "sriov_numvfs", "8\n" },
		{ "msi_irqs/33", "msix\n" },
		{ "msi_irqs/34", "msix\n" },
	};
	fake_pci(state, ADDRESS, "0x020000\n", "15", "ice");
	add_pcie(&config, 0);
	put_config(state, fake_path(ADDRESS, "config"), &config);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		fake_file(state, fake_path(ADDRESS, files[i].name), files[i].content);
	put_directory(state, fake_path(ADDRESS, "mdev_supported_types"));
	fake_link(state, fake_path(ADDRESS, "iommu"), "../../virtual/iommu/dmar1");
	fake_file(state, fake_path(ADDRESS, "driver_override"), "vfio-pci\n");
	read_detail(state, &arena, ADDRESS, &detail);
	assert_string_equal(detail.path, "/sys/devices/pci0000:00/" ADDRESS);
	assert_true(fact_known(&detail.config));
	assert_null(detail.config.text);
	assert_true(detail.caps.pcie);
	assert_true(fact_is(&detail.power_state, "D3hot"));
	assert_true(fact_known(&detail.d3cold_allowed));
	assert_int(detail.d3cold_allowed.number, 1);
	assert_true(fact_known(&detail.reset) && fact_known(&detail.rom) && fact_known(&detail.mdev));
	assert_true(fact_is(&detail.reset_method, "flr bus"));
	assert_int(detail.numa_node.number, -1);
	assert_int(detail.enable.number, 2);
	assert_int(detail.sriov_total.number, 64);
	assert_int(detail.sriov_enabled.number, 8);
	assert_true(fact_known(&detail.msi_irqs));
	assert_int(detail.msi_irqs.number, 2);
	assert_true(fact_is(&detail.unit, "dmar1"));
	assert_true(fact_is(&detail.driver_override, "vfio-pci"));
	assert_true(fact_absent(&detail.physfn));
	assert_true(fact_absent(&detail.resource));
}

static void what_is_not_there_is_absent(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_detail detail;
	fake_pci(state, ADDRESS, "0x020000\n", NULL, NULL);
	put_directory(state, fake_path(ADDRESS, "msi_irqs")); /* empty: no vector is in use */
	read_detail(state, &arena, ADDRESS, &detail);
	const struct fact *const facts[] = {
		&detail.config,        &detail.driver_override,
		&detail.power_state,   &detail.d3cold_allowed,
		&detail.reset,         &detail.reset_method,
		&detail.rom,           &detail.numa_node,
		&detail.enable,        &detail.sriov_total,
		&detail.sriov_enabled, &detail.physfn,
		&detail.mdev,          &detail.unit,
		&detail.msi_irqs,      &detail.resource,
	};
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		if (!fact_absent(facts[i]) || !facts[i]->path)
			fail_msg("fact %zu: state %d, path %s", i, facts[i]->state, facts[i]->path);
	assert_int(detail.bar_count, 0);
	assert_int(detail.caps.length, 0);

	fake_file(state, fake_path(ADDRESS, "driver_override"), "\n");
	read_detail(state, &arena, ADDRESS, &detail);
	assert_true(fact_absent(&detail.driver_override));
}

static void what_cannot_be_read_or_is_wrong_is_told(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_detail detail;
	fake_pci(state, ADDRESS, "0x020000\n", NULL, NULL);
	put_directory(state, fake_path(ADDRESS, "config"));
	put_directory(state, fake_path(ADDRESS, "reset_method"));
	fake_file(state, fake_path(ADDRESS, "numa_node"), "banana\n");
	fake_file(state, fake_path(ADDRESS, "physfn"), "no link\n");
	read_detail(state, &arena, ADDRESS, &detail);
	assert_int(detail.config.state, FACT_UNREADABLE);
	assert_int(detail.reset_method.state, FACT_UNREADABLE);
	assert_int(detail.numa_node.state, FACT_WRONG);
	assert_int(detail.physfn.state, FACT_UNREADABLE);

	unlink(in_folder(state, fake_path(ADDRESS, "physfn")));
	fake_link(state, fake_path(ADDRESS, "physfn"), "../banana");
	read_detail(state, &arena, ADDRESS, &detail);
	assert_int(detail.physfn.state, FACT_WRONG);
	assert_contains(detail.physfn.problem, "leads to no PCI function");

	unlink(in_folder(state, fake_path(ADDRESS, "physfn")));
	fake_link(state, fake_path(ADDRESS, "physfn"), "../0000:01:00.1");
	read_detail(state, &arena, ADDRESS, &detail);
	assert_true(fact_is(&detail.physfn, "0000:01:00.1"));
}

static void finds_the_bridges_above(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_detail detail;
	char text[PCI_ADDRESS_TEXT_MAX];
	const char *deep = "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:03.0/0000:05:00.0";
	fake_file(state, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:03.0/0000:05:00.0/class",
		  "0x020000\n");
	fake_link(state, "/sys/bus/pci/devices/0000:05:00.0", deep);
	read_detail(state, &arena, "0000:05:00.0", &detail);
	assert_string_equal(detail.path, deep);
	assert_int(detail.bridges.count, 3);
	assert_string_equal(pci_address_format(detail.bridges.items[0], text), "0000:00:01.0");
	assert_string_equal(pci_address_format(detail.bridges.items[2], text), "0000:02:03.0");

	fake_pci(state, "0000:00:02.0", "0x020000\n", NULL, NULL);
	read_detail(state, &arena, "0000:00:02.0", &detail);
	assert_non_null(detail.path);
	assert_int(detail.bridges.count, 0);
}

/* Intel's VMD: a function with a root bus of another domain below it, which its IOMMU does not see as a bridge. */
static void a_root_bus_below_a_function_begins_anew(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_detail detail;
	char text[PCI_ADDRESS_TEXT_MAX];
	const char *path = "/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0";
	fake_file(state, "/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0/class",
		  "0x010802\n");
	fake_link(state, "/sys/bus/pci/devices/10000:e1:00.0", path);
	read_detail(state, &arena, "10000:e1:00.0", &detail);
	assert_string_equal(detail.path, path);
	assert_int(detail.bridges.count, 1);
	assert_string_equal(pci_address_format(detail.bridges.items[0], text), "10000:e0:06.0");
}

static void a_copy_without_links_does_not_say_where_it_sits(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_detail detail;
	fake_file(state, "/sys/bus/pci/devices/0000:05:00.0/class", "0x020000\n");
	read_detail(state, &arena, "0000:05:00.0", &detail);
	assert_null(detail.path);
	assert_int(detail.bridges.count, 0);
}

static void reads_bars(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_detail detail;
	fake_pci(state, ADDRESS, "0x030000\n", NULL, NULL);
	fake_file(state, fake_path(ADDRESS, "resource"),
		  "0x00000000fd000000 0x00000000fdffffff 0x0000000000040200\n"
		  "0x0000006000000000 0x00000061ffffffff 0x000000000014220c\n" ZEROS
		  /* not assigned: it begins at zero, and still has a size */
		  "0x0000000000000000 0x0000000001ffffff 0x000000002014220c\n" ZEROS
		  "0x000000000000e000 0x000000000000e07f 0x0000000000040101\n"
		  "0x00000000fe000000 0x00000000fe07ffff 0x0000000000046200\n"
		  "0x0000000000001000 0x0000000000001fff 0x0000000000040200\n" /* a window, or of VFs: not ours */
		  "0x00000000ffffffff 0x0000000000000000 0x0000000000000000\n");
	read_detail(state, &arena, ADDRESS, &detail);
	assert_true(fact_known(&detail.resource));
	assert_int(detail.bar_count, 5);
	assert_int(detail.bars[0].number, 0);
	assert_true(detail.bars[0].start == 0xfd000000 && detail.bars[0].size == 0x1000000);
	assert_true(detail.bars[0].memory && !detail.bars[0].is_64bit && !detail.bars[0].prefetchable);
	assert_int(detail.bars[1].number, 1);
	assert_true(detail.bars[1].size == UINT64_C(8) << 30);
	assert_true(detail.bars[1].is_64bit && detail.bars[1].prefetchable);
	assert_int(detail.bars[2].number, 3);
	assert_true(detail.bars[2].start == 0 && detail.bars[2].size == 0x2000000);
	assert_int(detail.bars[3].number, 5);
	assert_false(detail.bars[3].memory);
	assert_int(detail.bars[3].size, 128);
	assert_int(detail.bars[4].number, 6);
	assert_int(detail.bars[4].size, 0x80000);
}

static void regions_of_no_size_are_no_bars(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_detail detail;
	fake_pci(state, ADDRESS, "0x030000\n", NULL, NULL);
	fake_file(state, fake_path(ADDRESS, "resource"),
		  "0x0000000000000000 0x0000000000000000 0x0000000000040200\n"
		  "0x0000000000000000 0xffffffffffffffff 0x0000000000040200\n"
		  "0x0000000000002000 0x0000000000001fff 0x0000000000040200\n"
		  "0x0000000000002000 0x0000000000002fff 0x0000000000000000\n");
	read_detail(state, &arena, ADDRESS, &detail);
	assert_true(fact_known(&detail.resource));
	assert_int(detail.bar_count, 0);
}

static void a_resource_that_is_none_is_wrong(void **state)
{
	static const char *const texts[] = { "0x1 0x2\n", "0x1 0x2 0x200 0x4\n", "1 2 3\n", "banana\n",
					     "0x1 0x10000000000000000 0x200\n" };
	fake_pci(state, ADDRESS, "0x030000\n", NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO_ARENA arena = { 0 };
		struct pci_detail detail;
		fake_file(state, fake_path(ADDRESS, "resource"), texts[i]);
		read_detail(state, &arena, ADDRESS, &detail);
		if (detail.resource.state != FACT_WRONG || detail.bar_count)
			fail_msg("taken: %s", texts[i]);
		assert_contains(detail.resource.problem, "/resource: not lines of three numbers");
	}
}

static void a_cut_header_is_no_configuration_space(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_detail detail;
	struct config config = config_header(0);
	fake_pci(state, ADDRESS, "0x020000\n", "15", "ice");
	for (config.length = 0; config.length < 64; config.length += 21) {
		put_config(state, fake_path(ADDRESS, "config"), &config);
		read_detail(state, &arena, ADDRESS, &detail);
		assert_int(detail.config.state, FACT_WRONG);
		assert_contains(detail.config.problem, "are no configuration space");
	}
}

/* The length of the configuration space tells who looks: 64 bytes are what all but root get. */
static void zeros_without_root_are_unreadable(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct pci_detail detail;
	struct config config = config_header(0);
	fake_pci(state, ADDRESS, "0x030000\n", NULL, NULL);
	fake_file(state, fake_path(ADDRESS, "resource"), ZEROS ZEROS ZEROS);
	put_config(state, fake_path(ADDRESS, "config"), &config);
	read_detail(state, &arena, ADDRESS, &detail);
	assert_true(fact_known(&detail.resource));
	assert_int(detail.bar_count, 0);

	config.length = 64;
	put_config(state, fake_path(ADDRESS, "config"), &config);
	read_detail(state, &arena, ADDRESS, &detail);
	assert_int(detail.resource.state, FACT_UNREADABLE);
	assert_true(detail.resource.denied);
	assert_contains(detail.resource.problem, "shows zeros");

	fake_file(state, fake_path(ADDRESS, "resource"),
		  ZEROS "0x00000000fd000000 0x00000000fdffffff 0x0000000000040200\n");
	read_detail(state, &arena, ADDRESS, &detail);
	assert_true(fact_known(&detail.resource));
	assert_int(detail.bar_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(reads_what_the_kernel_shows),
		test_in_folder(what_is_not_there_is_absent),
		test_in_folder(what_cannot_be_read_or_is_wrong_is_told),
		test_in_folder(finds_the_bridges_above),
		test_in_folder(a_root_bus_below_a_function_begins_anew),
		test_in_folder(a_copy_without_links_does_not_say_where_it_sits),
		test_in_folder(reads_bars),
		test_in_folder(regions_of_no_size_are_no_bars),
		test_in_folder(a_resource_that_is_none_is_wrong),
		test_in_folder(a_cut_header_is_no_configuration_space),
		test_in_folder(zeros_without_root_are_unreadable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
