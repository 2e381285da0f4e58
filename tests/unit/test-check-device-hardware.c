/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-judge.h"

/* clang-format off */
static struct reach reach[] = {
	{ "device-reset",                   P | W | U | N,     0 },
	{ "device-power",                   P | W | U | N,     0 },
	{ "device-intx-only",               P | W | U | N,     0 },
	{ "device-phantom-functions",       P | W | U | N,     0 },
	{ "device-rom",                     P | W | U | N,     0 },
	{ "device-large-bars",              P | W | U | N,     0 },
	{ "device-resizable-bar",           P | W | U | N,     0 },
	{ 0 },
};
/* clang-format on */

#define WORLD struct world *w = *state
#define EXPECT(id, verdict, part) expect(w, reach, id, VERDICT_##verdict, part)

/* ---- Hardware ---- */

static void prefers_a_function_level_reset(void **state)
{
	WORLD;
	struct pci_detail *detail = &w->device.detail;
	EXPECT("device-reset", PASS, "flr");
	detail->reset_method = KNOWN("reset_method", "device_specific");
	EXPECT("device-reset", PASS, "device_specific");
	detail->reset_method = KNOWN("reset_method", "pm bus");
	EXPECT("device-reset", WARN, "pm bus");
	detail->reset_method = KNOWN("reset_method", "noflr");
	EXPECT("device-reset", WARN, "noflr");
	detail->reset = detail->reset_method = ABSENT("reset");
	EXPECT("device-reset", WARN, "no way to reset");
	detail->reset = UNREADABLE("reset");
	EXPECT("device-reset", UNKNOWN, "reset");
}

static void without_reset_method_goes_by_the_capabilities(void **state)
{
	WORLD;
	struct pci_detail *detail = &w->device.detail;
	detail->reset_method = ABSENT("reset_method");
	EXPECT("device-reset", PASS, "flr");
	detail->caps.flr = false;
	detail->caps.af_flr = true;
	EXPECT("device-reset", PASS, "af_flr");
	detail->caps.af_flr = false;
	EXPECT("device-reset", UNKNOWN, "no function-level reset");
	detail->caps.capabilities_known = false;
	EXPECT("device-reset", UNKNOWN, "could not be read");
}

static void power_may_be_low_but_not_gone(void **state)
{
	WORLD;
	EXPECT("device-power", PASS, "D0");
	w->device.detail.power_state = KNOWN("power_state", "D3hot");
	EXPECT("device-power", PASS, "D3hot");
	w->device.detail.power_state = KNOWN("power_state", "D3cold");
	EXPECT("device-power", WARN, "D3cold");
	w->device.detail.power_state = KNOWN("power_state", "error");
	EXPECT("device-power", UNKNOWN, "error");
	w->device.detail.power_state = ABSENT("power_state");
	EXPECT("device-power", UNKNOWN, "power_state");
}

static void wants_messages_for_interrupts(void **state)
{
	WORLD;
	struct pci_caps *caps = &w->device.detail.caps;
	EXPECT("device-intx-only", PASS, "MSI-X");
	caps->msix = false;
	EXPECT("device-intx-only", WARN, "INTA");
	caps->interrupt_pin = 0;
	EXPECT("device-intx-only", NA, "no interrupts");
	caps->capabilities_known = false;
	EXPECT("device-intx-only", UNKNOWN, "only root");
	w->device.detail.config = UNREADABLE("config");
	EXPECT("device-intx-only", UNKNOWN, "config");
}

static void knows_chips_that_lie_about_themselves(void **state)
{
	WORLD;
	EXPECT("device-phantom-functions", PASS, NULL);
	w->functions[1].vendor = 0x1b4b;
	w->functions[1].device = 0x9215;
	EXPECT("device-phantom-functions", WARN, "1b4b:9215");
	w->functions[1].vendor = 0x1103;
	EXPECT("device-phantom-functions", PASS, NULL);
	w->functions[1].device = PCI_UNKNOWN;
	EXPECT("device-phantom-functions", UNKNOWN, NULL);
}

static void a_display_needs_a_rom(void **state)
{
	WORLD;
	EXPECT("device-rom", NA, NULL);
	make_display(w, false);
	EXPECT("device-rom", WARN, "without a ROM");
	w->device.detail.rom = KNOWN("rom", NULL);
	EXPECT("device-rom", PASS, NULL);
	make_display(w, true);
	EXPECT("device-rom", WARN, "has run already");
	w->devices[0].romfile = "vbios.rom";
	EXPECT("device-rom", PASS, "vbios.rom");
	w->devices[0].romfile = NULL;
	w->device.detail.rom = UNREADABLE("rom");
	EXPECT("device-rom", UNKNOWN, NULL);
	w->functions[1].class = PCI_UNKNOWN;
	EXPECT("device-rom", UNKNOWN, NULL);
}

static void large_bars_need_room_in_guests(void **state)
{
	WORLD;
	struct pci_bar bars[] = {
		{ .number = 0, .size = UINT64_C(16) << 20, .memory = true },
		{ .number = 1, .size = UINT64_C(16) << 30, .memory = true, .is_64bit = true },
		{ .number = 3, .size = UINT64_C(16) << 30, .memory = true, .is_64bit = true },
	};
	w->device.detail.bars = bars;
	w->device.detail.bar_count = 2;
	EXPECT("device-large-bars", PASS, "16 GiB");
	w->device.detail.bar_count = 3;
	struct finding finding = EXPECT("device-large-bars", WARN, "32 GiB of 64-bit BARs");
	assert_contains(finding.remedy, "string=65536");
	assert_int(finding.evidence_count, 2);
	w->m.units[0].width = 39;
	finding = EXPECT("device-large-bars", WARN, NULL);
	assert_string_equal(finding.evidence[2].what, "CPU 46 bits, IOMMU 39 bits");
	w->device.detail.resource = UNREADABLE("resource");
	EXPECT("device-large-bars", UNKNOWN, NULL);
}

static void a_resizable_bar_can_be_smaller(void **state)
{
	WORLD;
	struct pci_caps *caps = &w->device.detail.caps;
	EXPECT("device-resizable-bar", NA, NULL);
	caps->rebar[0] = (struct pci_resizable_bar){ 1, 0x3f00, UINT64_C(256) << 20 };
	caps->rebar_count = 1;
	EXPECT("device-resizable-bar", PASS, "256 MiB");
	caps->rebar[0].current = UINT64_C(8) << 30;
	struct finding finding = EXPECT("device-resizable-bar", WARN, "8 GiB");
	assert_contains(finding.remedy, "resource1_resize");
	caps->rebar[0].sizes = 0x2000;
	EXPECT("device-resizable-bar", PASS, "8 GiB");
	caps->extended_known = false;
	EXPECT("device-resizable-bar", UNKNOWN, NULL);
	caps->pcie = false;
	EXPECT("device-resizable-bar", NA, NULL);
	w->device.detail.config = UNREADABLE("config");
	EXPECT("device-resizable-bar", UNKNOWN, NULL);
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
		test_in_world(prefers_a_function_level_reset),
		test_in_world(without_reset_method_goes_by_the_capabilities),
		test_in_world(power_may_be_low_but_not_gone),
		test_in_world(wants_messages_for_interrupts),
		test_in_world(knows_chips_that_lie_about_themselves),
		test_in_world(a_display_needs_a_rom),
		test_in_world(large_bars_need_room_in_guests),
		test_in_world(a_resizable_bar_can_be_smaller),
		test_in_world(a_device_that_is_missing_is_said_once),
		test_in_world(of_what_is_not_known_nothing_is_said),
		cmocka_unit_test(every_verdict_was_given),
	};
	return cmocka_run_group_tests_name("check-device-hardware", tests, NULL, NULL);
}
