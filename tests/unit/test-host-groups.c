/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/groups.h"

#include "test-host-config.h"
#include "test-host.h"

/* Device/port types, PCI Express Base Specification 7.5.3.2. */
enum { ENDPOINT = 0, ROOT_PORT = 4, UPSTREAM = 5, DOWNSTREAM = 6, TO_PCI = 7 };

#define ALL_ACS 0x1d

/* A function in its place: `path` is "0000:00:01.0/0000:01:00.0", below the root bus 0000:00. */
static void put_function(void *const *state, const char *path, const char *group, const struct config *config)
{
	char link[FAKE_PATH_MAX];
	const char *address = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	bool bridge = config->bytes[0x0e] & 1;
	const char *names[] = { "class", "vendor", "device" };
	const char *values[] = { bridge ? "0x060400\n" : "0x020000\n", "0x8086\n", "0x1234\n" };
	for (size_t i = 0; i < 3; i++)
		fake_file(state, fake_path(path, names[i]), values[i]);
	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s", address);
	fake_link(state, link, fake_path(path, ""));
	if (group) {
		snprintf(link, sizeof(link), "/sys/kernel/iommu_groups/%s/devices/%s", group, address);
		fake_link(state, link, fake_path(path, ""));
		snprintf(link, sizeof(link), "/sys/kernel/iommu_groups/%s", group);
		fake_link(state, fake_path(path, "iommu_group"), link);
	}
	int fd = open(in_folder(state, fake_path(path, "config")), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int(write(fd, config->bytes, config->length), config->length);
	close(fd);
}

static struct config endpoint(unsigned int header_type)
{
	struct config config = config_header(header_type);
	add_pcie(&config, ENDPOINT);
	return config;
}

/* Without an ACS capability where both are 0xff. */
static struct config port(unsigned int type, unsigned int secondary, unsigned int subordinate, unsigned int capability,
			  unsigned int control)
{
	struct config config = config_header(1);
	set_buses(&config, secondary, subordinate);
	add_pcie(&config, type);
	if (capability != 0xff)
		add_acs(&config, capability, control);
	return config;
}

static struct config port_without_acs(unsigned int type, unsigned int secondary, unsigned int subordinate)
{
	return port(type, secondary, subordinate, 0xff, 0xff);
}

static struct config conventional(unsigned int header_type)
{
	struct config config = config_header(header_type);
	config.length = 256;
	return config;
}

static void read_group(void *const *state, struct arena *arena, const char *number, struct group *ret)
{
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	struct pci_functions *functions = arena_alloc(arena, sizeof(*functions));
	open_fake(state, &root);
	if (pci_read_all(&root, arena, functions, &error) < 0)
		fail_msg("%s", error.text);
	group_read(&root, arena, functions, number, ret);
}

static void assert_reason(const struct group *group, size_t index, enum group_reason_kind kind, const char *who,
			  const char *part)
{
	char address[PCI_ADDRESS_TEXT_MAX];
	if (index >= group->reason_count)
		fail_msg("%zu reasons, wanted one more with '%s'", group->reason_count, part);
	const struct group_reason *reason = &group->reasons[index];
	assert_contains(reason->text, part);
	assert_int(reason->kind, kind);
	assert_string_equal(pci_address_format(reason->who, address), who);
}

static void assert_count(const struct group *group, size_t count)
{
	if (group->reason_count != count)
		fail_msg("%zu reasons, wanted %zu; the last: %s", group->reason_count, count,
			 group->reason_count ? group->reasons[group->reason_count - 1].text : "none");
}

static void one_member_needs_no_reason(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config config = port_without_acs(ROOT_PORT, 1, 1);
	put_function(state, "0000:00:01.0", "3", &config);
	fake_file(state, "/sys/kernel/iommu_groups/3/type", "DMA-FQ\n");
	fake_file(state, "/sys/kernel/iommu_groups/3/reserved_regions",
		  "0x00000000000a0000 0x00000000000bffff direct-relaxable\n"
		  "0x00000000fee00000 0x00000000feefffff msi\n");
	read_group(state, &arena, "3", &group);
	assert_true(fact_known(&group.devices));
	assert_int(group.count, 1);
	assert_int(group.others.count, 0);
	assert_true(fact_is(&group.type, "DMA-FQ"));
	assert_true(fact_known(&group.reserved_regions));
	assert_int(group.region_count, 2);
	assert_int(group.regions[0].kind, RESERVED_DIRECT_RELAXABLE);
	assert_int(group.regions[1].kind, RESERVED_MSI);
	assert_true(group.regions[1].start == 0xfee00000 && group.regions[1].end == 0xfeefffff);
	assert_count(&group, 0);
}

static void a_port_without_acs_has_all_below_in_its_group(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config above = port_without_acs(ROOT_PORT, 1, 1);
	struct config gpu = endpoint(0x80);
	put_function(state, "0000:00:01.0", "1", &above);
	put_function(state, "0000:00:01.0/0000:01:00.0", "1", &gpu);
	put_function(state, "0000:00:01.0/0000:01:00.1", "1", &gpu);
	read_group(state, &arena, "1", &group);
	assert_int(group.count, 3);
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_PORT_WITHOUT_ACS, "0000:00:01.0",
		      "0000:00:01.0 (root port) has no ACS capability: what is below it shares its group");
	assert_int(group.reasons[0].missing, 0x1d);
	assert_false(group.reasons[0].has_acs);
}

static void a_port_with_acs_switched_off_is_told_by_its_bits(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config above = port(ROOT_PORT, 1, 1, ALL_ACS, 0x11);
	struct config below = endpoint(0);
	put_function(state, "0000:00:01.0", "1", &above);
	put_function(state, "0000:00:01.0/0000:01:00.0", "1", &below);
	read_group(state, &arena, "1", &group);
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_PORT_WITHOUT_ACS, "0000:00:01.0",
		      "has ACS, but Request Redirect and Completion Redirect are off: what");
	assert_int(group.reasons[0].missing, 0x0c);
	assert_true(group.reasons[0].has_acs);
}

static void one_bit_and_three_bits_read_well(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config one = port(ROOT_PORT, 1, 1, ALL_ACS, 0x1c);
	struct config three = port(ROOT_PORT, 2, 2, ALL_ACS, 0x01);
	struct config below = endpoint(0);
	put_function(state, "0000:00:01.0", "1", &one);
	put_function(state, "0000:00:01.0/0000:01:00.0", "1", &below);
	put_function(state, "0000:00:02.0", "2", &three);
	put_function(state, "0000:00:02.0/0000:02:00.0", "2", &below);
	read_group(state, &arena, "1", &group);
	assert_reason(&group, 0, GROUP_PORT_WITHOUT_ACS, "0000:00:01.0", "but Source Validation is off: what");
	read_group(state, &arena, "2", &group);
	assert_reason(&group, 0, GROUP_PORT_WITHOUT_ACS, "0000:00:02.0",
		      "but Request Redirect, Completion Redirect and Upstream Forwarding are off: what");
}

static void functions_without_acs_share_below_an_isolating_port(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config above = port(ROOT_PORT, 1, 1, ALL_ACS, ALL_ACS);
	struct config first = endpoint(0x80);
	struct config second = endpoint(0);
	put_function(state, "0000:00:01.0", "1", &above);
	put_function(state, "0000:00:01.0/0000:01:00.0", "2", &first);
	put_function(state, "0000:00:01.0/0000:01:00.1", "2", &second);
	put_function(state, "0000:00:01.0/0000:01:00.2", "2", &second);
	read_group(state, &arena, "2", &group);
	assert_count(&group, 1);
	assert_reason(
		&group, 0, GROUP_FUNCTIONS, "0000:01:00.0",
		"0000:01:00.0, .1 and .2 are functions of one device that nothing keeps apart: 0000:01:00.0 has no "
		"ACS capability");
}

static void a_bridge_to_conventional_pci_has_one_id(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config above = port(ROOT_PORT, 1, 2, ALL_ACS, ALL_ACS);
	struct config bridge = port_without_acs(TO_PCI, 2, 2);
	struct config below = conventional(0);
	put_function(state, "0000:00:01.0", "1", &above);
	put_function(state, "0000:00:01.0/0000:01:00.0", "2", &bridge);
	put_function(state, "0000:00:01.0/0000:01:00.0/0000:02:00.0", "2", &below);
	put_function(state, "0000:00:01.0/0000:01:00.0/0000:02:04.0", "2", &below);
	read_group(state, &arena, "2", &group);
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_BEHIND_PCI_BRIDGE, "0000:01:00.0",
		      "(PCI Express to PCI bridge) puts its own id");
}

static void the_kernels_two_ways_up_are_both_told(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config above = port_without_acs(ROOT_PORT, 1, 2);
	struct config bridge = port_without_acs(TO_PCI, 2, 2);
	struct config below = conventional(0);
	put_function(state, "0000:00:01.0", "1", &above);
	put_function(state, "0000:00:01.0/0000:01:00.0", "1", &bridge);
	put_function(state, "0000:00:01.0/0000:01:00.0/0000:02:00.0", "1", &below);
	read_group(state, &arena, "1", &group);
	assert_count(&group, 2);
	assert_reason(&group, 0, GROUP_PORT_WITHOUT_ACS, "0000:00:01.0", "root port");
	assert_reason(&group, 1, GROUP_BEHIND_PCI_BRIDGE, "0000:01:00.0", "its own id");
}

static void conventional_functions_of_one_device_share(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config first = conventional(0x80);
	struct config other = conventional(0);
	put_function(state, "0000:00:1f.0", "7", &first);
	put_function(state, "0000:00:1f.3", "7", &other);
	read_group(state, &arena, "7", &group);
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_FUNCTIONS, "0000:00:1f.0", "0000:00:1f.0 and .3 are functions of one device");
}

static void root_ports_of_one_device_bring_what_is_below_them(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config first = port_without_acs(ROOT_PORT, 1, 1);
	struct config other = port_without_acs(ROOT_PORT, 2, 2);
	struct config below = endpoint(0);
	put8(&first, 0x0e, 0x81);
	put8(&other, 0x0e, 0x81);
	put_function(state, "0000:00:1c.0", "4", &first);
	put_function(state, "0000:00:1c.4", "4", &other);
	put_function(state, "0000:00:1c.0/0000:01:00.0", "4", &below);
	put_function(state, "0000:00:1c.4/0000:02:00.0", "4", &below);
	read_group(state, &arena, "4", &group);
	assert_count(&group, 3);
	assert_reason(&group, 0, GROUP_PORT_WITHOUT_ACS, "0000:00:1c.0", "root port");
	assert_reason(&group, 1, GROUP_PORT_WITHOUT_ACS, "0000:00:1c.4", "root port");
	assert_reason(&group, 2, GROUP_FUNCTIONS, "0000:00:1c.0", "0000:00:1c.0 and .4 are functions");
}

/* The kernel goes up to the last port that does not isolate: what isolates below it changes nothing. */
static void the_topmost_port_is_the_reason(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config root_port = port_without_acs(ROOT_PORT, 1, 4);
	struct config upstream = port_without_acs(UPSTREAM, 2, 4);
	struct config good = port(DOWNSTREAM, 3, 3, ALL_ACS, ALL_ACS);
	struct config bad = port_without_acs(DOWNSTREAM, 4, 4);
	struct config below = endpoint(0);
	put_function(state, "0000:00:01.0", "1", &root_port);
	put_function(state, "0000:00:01.0/0000:01:00.0", "1", &upstream);
	put_function(state, "0000:00:01.0/0000:01:00.0/0000:02:00.0", "1", &good);
	put_function(state, "0000:00:01.0/0000:01:00.0/0000:02:01.0", "1", &bad);
	put_function(state, "0000:00:01.0/0000:01:00.0/0000:02:00.0/0000:03:00.0", "1", &below);
	put_function(state, "0000:00:01.0/0000:01:00.0/0000:02:01.0/0000:04:00.0", "1", &below);
	read_group(state, &arena, "1", &group);
	assert_int(group.count, 6);
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_PORT_WITHOUT_ACS, "0000:00:01.0", "root port");
}

static void a_downstream_port_is_the_reason_where_those_above_isolate(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config root_port = port(ROOT_PORT, 1, 3, ALL_ACS, ALL_ACS);
	struct config upstream = port_without_acs(UPSTREAM, 2, 3);
	struct config bad = port_without_acs(DOWNSTREAM, 3, 3);
	struct config below = endpoint(0);
	put_function(state, "0000:00:01.0", "1", &root_port);
	put_function(state, "0000:00:01.0/0000:01:00.0", "2", &upstream);
	put_function(state, "0000:00:01.0/0000:01:00.0/0000:02:00.0", "3", &bad);
	put_function(state, "0000:00:01.0/0000:01:00.0/0000:02:00.0/0000:03:00.0", "3", &below);
	read_group(state, &arena, "3", &group);
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_PORT_WITHOUT_ACS, "0000:02:00.0", "(downstream port of a switch) has no ACS");
}

/* A quirk, or pcie_acs_override=, has the kernel take such a port as isolating: then it is not why. */
static void a_port_outside_the_group_is_not_blamed(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config above = port_without_acs(ROOT_PORT, 1, 1);
	struct config below = endpoint(0);
	put_function(state, "0000:00:01.0", "1", &above);
	put_function(state, "0000:00:01.0/0000:01:00.0", "2", &below);
	put_function(state, "0000:00:01.0/0000:01:01.0", "2", &below);
	read_group(state, &arena, "2", &group);
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_UNEXPLAINED, "0000:01:01.0",
		      "no register says why 0000:01:01.0 is in this group");
}

static void a_port_that_lets_something_below_go_is_not_blamed(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config above = port_without_acs(ROOT_PORT, 1, 1);
	struct config below = endpoint(0);
	put_function(state, "0000:00:01.0", "1", &above);
	put_function(state, "0000:00:01.0/0000:01:00.0", "1", &below);
	put_function(state, "0000:00:01.0/0000:01:01.0", "2", &below);
	read_group(state, &arena, "1", &group);
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_UNEXPLAINED, "0000:01:00.0", "no register says why");
}

static void what_no_reason_covers_is_said_to_be_unexplained(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config above = port_without_acs(ROOT_PORT, 1, 1);
	struct config below = endpoint(0);
	struct config stranger = endpoint(0);
	put_function(state, "0000:00:00.0", "1", &stranger);
	put_function(state, "0000:00:01.0", "1", &above);
	put_function(state, "0000:00:01.0/0000:01:00.0", "1", &below);
	put_function(state, "0000:00:05.0", "1", &stranger);
	read_group(state, &arena, "1", &group);
	assert_count(&group, 2);
	assert_reason(&group, 0, GROUP_PORT_WITHOUT_ACS, "0000:00:01.0", "root port");
	assert_reason(&group, 1, GROUP_UNEXPLAINED, "0000:00:00.0",
		      "no register says why 0000:00:00.0 and 1 more are in this group");
}

static void virtual_functions_are_no_neighbours(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config virtual = endpoint(0x80);
	put32(&virtual, 0, 0xffffffff);
	struct config above = port(ROOT_PORT, 1, 1, ALL_ACS, ALL_ACS);
	put_function(state, "0000:00:01.0", "1", &above);
	static const char *const paths[] = { "0000:00:01.0/0000:01:00.1", "0000:00:01.0/0000:01:00.2" };
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		put_function(state, paths[i], "2", &virtual);
		fake_link(state, fake_path(paths[i], "physfn"), "../0000:01:00.0");
	}
	read_group(state, &arena, "2", &group);
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_UNEXPLAINED, "0000:01:00.2", "no register");
}

static void without_root_the_reason_is_not_known(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config above = port_without_acs(ROOT_PORT, 1, 1);
	struct config below = endpoint(0x80);
	above.length = below.length = 64;
	put_function(state, "0000:00:01.0", "1", &above);
	put_function(state, "0000:00:01.0/0000:01:00.0", "1", &below);
	put_function(state, "0000:00:01.0/0000:01:00.1", "1", &below);
	read_group(state, &arena, "1", &group);
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_NOT_KNOWN, "0000:00:01.0",
		      "0000:00:01.0 shows 64 bytes of its configuration space");
}

static void a_member_that_does_not_answer_leaves_the_rest_explained(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config above = port_without_acs(ROOT_PORT, 1, 1);
	struct config dead = { .length = 4096 };
	memset(dead.bytes, 0xff, sizeof(dead.bytes));
	put_function(state, "0000:00:01.0", "1", &above);
	put_function(state, "0000:00:01.0/0000:01:00.0", "1", &dead);
	read_group(state, &arena, "1", &group);
	/* It is below a port that does not isolate: that it is dead changes nothing. */
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_PORT_WITHOUT_ACS, "0000:00:01.0", "root port");

	put_function(state, "0000:00:05.0", "1", &dead);
	read_group(state, &arena, "1", &group);
	assert_count(&group, 2);
	assert_reason(&group, 1, GROUP_NOT_KNOWN, "0000:00:05.0", "0000:00:05.0 does not answer");
}

static void a_place_that_is_not_known_is_no_root_bus(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	/* Real folders where links should be, as in trees copied without their links. */
	fake_file(state, "/sys/bus/pci/devices/0000:00:01.0/class", "0x020000\n");
	fake_file(state, "/sys/bus/pci/devices/0000:00:02.0/class", "0x020000\n");
	fake_link(state, "/sys/kernel/iommu_groups/1/devices/0000:00:01.0", "/sys/bus/pci/devices/0000:00:01.0");
	fake_link(state, "/sys/kernel/iommu_groups/1/devices/0000:00:02.0", "/sys/bus/pci/devices/0000:00:02.0");
	read_group(state, &arena, "1", &group);
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_NOT_KNOWN, "0000:00:01.0", "it is not known where 0000:00:01.0 sits");
}

static void without_extended_space_there_is_no_acs(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config above = port(ROOT_PORT, 1, 1, ALL_ACS, ALL_ACS);
	struct config below = endpoint(0);
	above.length = 256;
	put_function(state, "0000:00:01.0", "1", &above);
	put_function(state, "0000:00:01.0/0000:01:00.0", "1", &below);
	read_group(state, &arena, "1", &group);
	assert_count(&group, 1);
	assert_reason(&group, 0, GROUP_PORT_WITHOUT_ACS, "0000:00:01.0", "no extended configuration space");
}

static void members_that_are_no_functions_are_told(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config config = endpoint(0);
	put_function(state, "0000:00:01.0", "1", &config);
	put_directory(state, "/sys/kernel/iommu_groups/1/devices/AMDI0020:00");
	read_group(state, &arena, "1", &group);
	assert_int(group.count, 1);
	assert_int(group.others.count, 1);
	assert_count(&group, 1);
	assert_int(group.reasons[0].kind, GROUP_UNEXPLAINED);
	assert_contains(group.reasons[0].text, "AMDI0020:00");
}

static void a_member_that_came_late_is_read(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct pci_functions none = { 0 };
	struct group group;
	struct config config = endpoint(0);
	put_function(state, "0000:00:01.0", "1", &config);
	put_directory(state, "/sys/kernel/iommu_groups/1/devices/0000:00:02.0"); /* and this one has gone */
	open_fake(state, &root);
	group_read(&root, &arena, &none, "1", &group);
	assert_int(group.count, 1);
	assert_int(group.members[0]->vendor, 0x8086);
	assert_int(group.others.count, 1);
	assert_string_equal(group.others.items[0], "0000:00:02.0");
}

static void a_group_that_is_not_there_is_absent(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	read_group(state, &arena, "12", &group);
	assert_true(fact_absent(&group.devices));
	assert_true(fact_absent(&group.type));
	assert_true(fact_absent(&group.reserved_regions));
	assert_int(group.count, 0);
	assert_count(&group, 0);
}

static void reads_regions_or_says_which_line_is_none(void **state)
{
	static const char *const wrong[] = {
		"0x1 0x2", "0x1 msi",         "0x2 0x1 msi",
		"1 2 msi", "0x1 0x2 msi msi", "0x10000000000000000 0x20000000000000000 msi",
		"",
	};
	AUTO_ARENA arena = { 0 };
	struct reserved_region *regions;
	size_t count;
	struct error error;
	assert_int(group_parse_regions(&arena, slice_of(""), &regions, &count, &error), 0);
	assert_int(count, 0);
	const char *good = "0x0000000000000000 0xffffffffffffffff direct\n0x00000000fee00000 0x00000000feefffff "
			   "reserved\n0x1 0x1 something-new\n";
	assert_int(group_parse_regions(&arena, slice_of(good), &regions, &count, &error), 0);
	assert_int(count, 3);
	assert_int(regions[0].kind, RESERVED_DIRECT);
	assert_true(regions[0].end == UINT64_MAX);
	assert_int(regions[1].kind, RESERVED_OTHER);
	assert_int(regions[2].kind, RESERVED_OTHER);
	assert_string_equal(regions[2].type, "something-new");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const char *text = arena_printf(&arena, "0x1 0x2 msi\n%s\n0x3 0x4 msi\n", wrong[i]);
		if (group_parse_regions(&arena, slice_of(text), &regions, &count, &error) != -EINVAL)
			fail_msg("taken: '%s'", wrong[i]);
		assert_int(count, 1);
		assert_contains(error.text, "is not a region");
	}
}

static void wrong_regions_are_wrong_and_the_rest_is_read(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct group group;
	struct config config = endpoint(0);
	put_function(state, "0000:00:01.0", "1", &config);
	fake_file(state, "/sys/kernel/iommu_groups/1/reserved_regions", "0x1 0x2 direct\nbanana\n");
	read_group(state, &arena, "1", &group);
	assert_int(group.reserved_regions.state, FACT_WRONG);
	assert_contains(group.reserved_regions.problem, "banana");
	assert_int(group.region_count, 1);
	assert_int(group.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(one_member_needs_no_reason),
		test_in_folder(a_port_without_acs_has_all_below_in_its_group),
		test_in_folder(a_port_with_acs_switched_off_is_told_by_its_bits),
		test_in_folder(one_bit_and_three_bits_read_well),
		test_in_folder(functions_without_acs_share_below_an_isolating_port),
		test_in_folder(a_bridge_to_conventional_pci_has_one_id),
		test_in_folder(the_kernels_two_ways_up_are_both_told),
		test_in_folder(conventional_functions_of_one_device_share),
		test_in_folder(root_ports_of_one_device_bring_what_is_below_them),
		test_in_folder(the_topmost_port_is_the_reason),
		test_in_folder(a_downstream_port_is_the_reason_where_those_above_isolate),
		test_in_folder(a_port_outside_the_group_is_not_blamed),
		test_in_folder(a_port_that_lets_something_below_go_is_not_blamed),
		test_in_folder(what_no_reason_covers_is_said_to_be_unexplained),
		test_in_folder(virtual_functions_are_no_neighbours),
		test_in_folder(without_root_the_reason_is_not_known),
		test_in_folder(a_member_that_does_not_answer_leaves_the_rest_explained),
		test_in_folder(a_place_that_is_not_known_is_no_root_bus),
		test_in_folder(without_extended_space_there_is_no_acs),
		test_in_folder(members_that_are_no_functions_are_told),
		test_in_folder(a_member_that_came_late_is_read),
		test_in_folder(a_group_that_is_not_there_is_absent),
		test_in_folder(reads_regions_or_says_which_line_is_none),
		test_in_folder(wrong_regions_are_wrong_and_the_rest_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
