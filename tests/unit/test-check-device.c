/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-judge.h"

/* clang-format off */
static struct reach reach[] = {
	{ "device-exists",                  P | F | U,         0 },
	{ "device-answers",                 P | F | U | N,     0 },
	{ "device-is-no-bridge",            P | F | U | N,     0 },
	{ "device-vmd",                     F | N,             0 },
	{ "device-denylist",                P | W | F | U | N, 0 },
	{ "device-iommu-unit",              P | F | U | N,     0 },
	{ "device-group",                   P | F | U | N,     0 },
	{ "device-reserved-direct",         P | W | F | U | N, 0 },
	{ "device-reserved-firmware-range", P | W | U | N,     0 },
	{ 0 },
};
/* clang-format on */

#define WORLD struct world *w = *state
#define EXPECT(id, verdict, part) expect(w, reach, id, VERDICT_##verdict, part)

/* ---- Is it there? ---- */

static void finds_a_device_and_misses_one(void **state)
{
	WORLD;
	w->functions[1].vendor_name = "Samsung";
	w->functions[1].device_name = "NVMe SSD";
	EXPECT("device-exists", PASS, "0000:01:00.0 is Samsung NVMe SSD");
	take_device_away(w);
	struct finding finding = EXPECT("device-exists", FAIL, "no PCI device at 0000:01:00.0");
	assert_contains(finding.remedy, "hostpci0 of VM 100");
	w->m.host.pci_folder = UNREADABLE("/sys/bus/pci/devices");
	EXPECT("device-exists", UNKNOWN, "/sys/bus/pci/devices");
}

static void a_device_that_is_missing_is_one_failure(void **state)
{
	WORLD;
	take_device_away(w);
	w->m.host.functions.count = 1;
	assert_string_equal(all_failures(w), "device-exists");
}

static void tells_a_dead_device(void **state)
{
	WORLD;
	EXPECT("device-answers", PASS, "answers");
	w->device.detail.caps.dead = true;
	w->device.detail.caps.capabilities_known = false;
	w->device.detail.power_state = KNOWN("power_state", "D3cold");
	struct finding finding = EXPECT("device-answers", FAIL, "does not answer");
	assert_contains(finding.remedy, "/sys/bus/pci/devices/0000:01:00.0/d3cold_allowed");
	assert_string_equal(finding.evidence[1].what, "D3cold");
	assert_string_equal(all_failures(w), "device-answers");
	w->device.detail.config = UNREADABLE("config");
	EXPECT("device-answers", UNKNOWN, "config");
}

static void passes_on_no_bridge_and_no_part_of_the_host(void **state)
{
	WORLD;
	EXPECT("device-is-no-bridge", PASS, NULL);
	static const struct {
		int32_t class;
		bool bridge;
		const char *part;
	} cases[] = { { 0x060400, true, "a bridge" },
		      { 0x060000, false, "host bridge" },
		      { 0x060100, false, "ISA bridge" },
		      { 0x068000, false, "part of the host" } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		w->functions[1].class = cases[i].class;
		w->functions[1].is_bridge = cases[i].bridge;
		EXPECT("device-is-no-bridge", FAIL, cases[i].part);
	}
	w->functions[1] = a_function(AT(1, 0, 0), PCI_UNKNOWN, NULL, "12");
	EXPECT("device-is-no-bridge", UNKNOWN, NULL);
}

static void knows_vmd_by_the_domain(void **state)
{
	WORLD;
	EXPECT("device-vmd", NA, NULL);
	w->device.address.domain = 0x10000;
	struct finding finding = EXPECT("device-vmd", FAIL, "domain 10000");
	assert_int(finding.actor, ACTOR_FIRMWARE);
	assert_int(finding.restart, RESTART_HOST);
}

static void knows_the_denylist_of_vfio(void **state)
{
	WORLD;
	EXPECT("device-denylist", PASS, NULL);
	w->functions[1].vendor = 0x8086;
	w->functions[1].device = 0x37c8;
	w->functions[1].driver = "c6xx";
	EXPECT("device-denylist", FAIL, "QAT C62x");
	w->m.host.kernel.version[0] = 5;
	w->m.host.kernel.version[1] = 4;
	EXPECT("device-denylist", WARN, "since Linux 5.9");
	w->m.host.modules.disable_denylist = NUMBER("disable_denylist", 1);
	EXPECT("device-denylist", WARN, "switched off");
	w->functions[1].vendor = PCI_UNKNOWN;
	EXPECT("device-denylist", UNKNOWN, NULL);
}

static void a_device_without_unit_is_one_failure(void **state)
{
	WORLD;
	EXPECT("device-iommu-unit", PASS, "dmar0");
	EXPECT("device-group", PASS, "group 12");
	w->device.detail.unit = ABSENT("iommu");
	EXPECT("device-iommu-unit", UNKNOWN, "group");
	w->functions[1].group = NULL;
	w->device.group = NULL;
	EXPECT("device-iommu-unit", FAIL, "dmar0");
	EXPECT("device-group", NA, "no IOMMU covers");
	w->device.detail.unit = KNOWN("iommu", "dmar0");
	EXPECT("device-group", FAIL, "no IOMMU group");
	w->device.detail.unit = UNREADABLE("iommu");
	EXPECT("device-iommu-unit", UNKNOWN, "iommu");
}

static void without_an_iommu_says_nothing_of_groups(void **state)
{
	WORLD;
	w->functions[1].group = NULL;
	w->device.group = NULL;
	w->device.detail.unit = ABSENT("iommu");
	w->m.host.iommus.count = 0;
	EXPECT("device-iommu-unit", NA, "no IOMMU is active");
	EXPECT("device-group", NA, "no IOMMU is active");
	w->m.host.iommus.class = UNREADABLE("/sys/class/iommu");
	EXPECT("device-iommu-unit", UNKNOWN, "/sys/class/iommu");
	EXPECT("device-group", UNKNOWN, "/sys/class/iommu");
}

static void an_unreadable_group_is_unknown(void **state)
{
	WORLD;
	w->functions[1].group = NULL;
	w->functions[1].problems.arena = &w->m.arena;
	list_add(&w->functions[1].problems, "/sys/bus/pci/devices/0000:01:00.0/iommu_group: Input/output error");
	struct finding finding = EXPECT("device-group", UNKNOWN, "could not be read");
	assert_contains(finding.evidence[0].what, "Input/output error");
}

/* ---- Reserved memory ---- */

static struct reserved_region regions[] = {
	{ 0xfee00000, 0xfeefffff, RESERVED_MSI, "msi" },
	{ 0x7b800000, 0x7fffffff, RESERVED_DIRECT_RELAXABLE, "direct-relaxable" },
	{ 0x7a000000, 0x7affffff, RESERVED_DIRECT, "direct" },
};

static void refuses_what_firmware_keeps(void **state)
{
	WORLD;
	w->group.regions = regions;
	w->group.region_count = 2;
	EXPECT("device-reserved-direct", PASS, NULL);
	w->group.region_count = 3;
	struct finding finding = EXPECT("device-reserved-direct", FAIL, "fixed (1:1) mapping");
	assert_int(finding.evidence_count, 1);
	assert_string_equal(finding.evidence[0].what, "0x7a000000 to 0x7affffff direct");
	assert_contains(finding.remedy, "relax_rmrr");
	w->group.reserved_regions = UNREADABLE("reserved_regions");
	EXPECT("device-reserved-direct", UNKNOWN, "reserved_regions");
	w->device.group = NULL;
	EXPECT("device-reserved-direct", NA, NULL);
}

static void amd_s_kernels_refuse_since_6_6(void **state)
{
	WORLD;
	w->group.regions = regions;
	w->group.region_count = 3;
	w->m.units[0].kind = IOMMU_AMD;
	EXPECT("device-reserved-direct", FAIL, NULL);
	w->m.host.kernel.version[0] = 6;
	w->m.host.kernel.version[1] = 5;
	EXPECT("device-reserved-direct", WARN, "Linux 6.6");
	w->m.host.kernel = (struct kernel){ 0 };
	EXPECT("device-reserved-direct", UNKNOWN, "Linux 6.6");
}

static void names_ivmd_entries_over_many_buses(void **state)
{
	WORLD;
	struct ivmd memory[] = {
		{ .type = 0x21, .flags = 1, .first_id = 0x0100 },
		{ .type = 0x22, .flags = 0, .first_id = 0, .last_id = 0xffff },
		{ .type = 0x22, .flags = 1, .first_id = 0x0200, .last_id = 0x0fff },
		{ .type = 0x22, .flags = 1, .segment = 1, .first_id = 0, .last_id = 0x0fff },
		{ .type = 0x22, .flags = 1, .first_id = 0, .last_id = 0x0fff, .start = 0x9d000000, .length = 0x1000 },
	};
	struct ivrs ivrs = { .memory = memory, .memory_count = 4 };
	EXPECT("device-reserved-firmware-range", NA, "IVRS");
	w->m.host.iommus.ivrs_file = UNREADABLE("/sys/firmware/acpi/tables/IVRS");
	EXPECT("device-reserved-firmware-range", UNKNOWN, "IVRS");
	w->m.host.iommus.ivrs_file = KNOWN("/sys/firmware/acpi/tables/IVRS", NULL);
	w->m.host.iommus.ivrs = &ivrs;
	EXPECT("device-reserved-firmware-range", PASS, NULL);
	ivrs.memory_count = 5;
	struct finding finding = EXPECT("device-reserved-firmware-range", WARN, "buses 00 to 0f");
	assert_contains(finding.remedy, "above 0f");
	memory[4].type = 0x20;
	finding = EXPECT("device-reserved-firmware-range", WARN, "buses 00 to ff");
	assert_null(strstr(finding.remedy, "above"));
}

/* ---- All ---- */

static void a_device_that_is_missing_is_said_once(void **state)
{
	WORLD;
	assert_missing_is_said_once(w, reach);
}

static void of_what_is_not_known_nothing_is_said(void **state)
{
	WORLD;
	assert_unknown_stays_unknown(w, reach);
}

static void every_verdict_was_given(void **state)
{
	assert_reached(reach);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(finds_a_device_and_misses_one),
		test_in_world(a_device_that_is_missing_is_one_failure),
		test_in_world(tells_a_dead_device),
		test_in_world(passes_on_no_bridge_and_no_part_of_the_host),
		test_in_world(knows_vmd_by_the_domain),
		test_in_world(knows_the_denylist_of_vfio),
		test_in_world(a_device_without_unit_is_one_failure),
		test_in_world(without_an_iommu_says_nothing_of_groups),
		test_in_world(an_unreadable_group_is_unknown),
		test_in_world(refuses_what_firmware_keeps),
		test_in_world(amd_s_kernels_refuse_since_6_6),
		test_in_world(names_ivmd_entries_over_many_buses),
		test_in_world(a_device_that_is_missing_is_said_once),
		test_in_world(of_what_is_not_known_nothing_is_said),
		cmocka_unit_test(every_verdict_was_given),
	};
	return cmocka_run_group_tests_name("check-device", tests, NULL, NULL);
}
