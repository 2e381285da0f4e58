/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-judge.h"

/* clang-format off */
static struct reach reach[] = {
	{ "device-in-use",                  P | W | F | U | N, 0 },
	{ "device-boot-display",            P | W | U | N,     0 },
	{ "device-management",              P | W | U | N,     0 },
	{ "device-siblings",                P | W | N,         0 },
	{ 0 },
};
/* clang-format on */

#define WORLD struct world *w = *state
#define EXPECT(id, verdict, part) expect(w, reach, id, VERDICT_##verdict, part)

/* ---- Use ---- */

static void use(struct world *w, enum use_kind kind, bool needed, struct pci_address address, const char *text)
{
	w->uses[w->device.uses.count++] = (struct use){
		.address = address, .kind = kind, .needed = needed, .brief = "", .text = text
	};
}

static void never_gives_away_what_the_host_needs(void **state)
{
	WORLD;
	EXPECT("device-in-use", PASS, "nothing on this host uses 0000:01:00.0");
	use(w, USE_NETWORK, false, AT(1, 0, 0), "enp1s0 is a port of vmbr1");
	EXPECT("device-in-use", WARN, "vmbr1");
	use(w, USE_UNKNOWN, true, AT(1, 0, 0), "not known what processes hold");
	EXPECT("device-in-use", UNKNOWN, "not known what processes hold");
	use(w, USE_MEMBER, true, AT(1, 0, 0), "nvme0n1 carries LVM2_member");
	struct finding finding = EXPECT("device-in-use", WARN, "LVM2_member");
	assert_contains(finding.remedy, "--inactive-ok");
	use(w, USE_FILE_SYSTEM, true, AT(2, 0, 0), "nvme1n1p2 is mounted at / (ext4)");
	finding = EXPECT(
		"device-in-use", FAIL,
		"0000:02:00.0, which must go along with 0000:01:00.0 (one IOMMU group): nvme1n1p2 is mounted at /");
	assert_int(finding.evidence_count, 4);
	assert_contains(finding.remedy, "another slot");
}

static void a_vm_that_has_the_device_is_no_use_by_the_host(void **state)
{
	WORLD;
	start(w);
	use(w, USE_PROCESS, true, AT(1, 0, 0), "process 4711 (kvm) holds /dev/vfio/12 open");
	EXPECT("device-in-use", PASS, "but VM 100, which has it");
	use(w, USE_PROCESS, true, AT(1, 0, 0), "process 47112 (testpmd) holds /dev/vfio/12 open");
	EXPECT("device-in-use", WARN, "no other VM can have it");
	w->uses[1].kind = USE_CLAIMED;
	w->uses[1].brief = "open, as by a VM";
	w->uses[1].text = "12 is open, as by a running VM (a process holds a device of the group)";
	EXPECT("device-in-use", WARN, "no other VM can have it");
	use(w, USE_PROCESS, true, AT(1, 0, 0), "process 47113 (cat) holds /dev/nvme0n1 open");
	EXPECT("device-in-use", FAIL, "/dev/nvme0n1");
}

static void without_a_look_there_is_no_verdict_on_use(void **state)
{
	WORLD;
	w->device.users_found = UNREADABLE("/proc");
	EXPECT("device-in-use", UNKNOWN, "/proc");
}

static void spares_the_host_s_display(void **state)
{
	WORLD;
	EXPECT("device-boot-display", NA, NULL);
	make_display(w, false);
	EXPECT("device-boot-display", PASS, NULL);
	make_display(w, true);
	struct finding finding = EXPECT("device-boot-display", WARN, "console");
	assert_contains(finding.remedy, "initcall_blacklist=sysfb_init");
	cmdline_parse(slice_of("quiet initcall_blacklist=sysfb_init"), &w->m.arena, &w->m.host.kernel.cmdline);
	EXPECT("device-boot-display", PASS, "sysfb_init");
	make_display(w, false);
	w->functions[1].problems.arena = &w->m.arena;
	list_add(&w->functions[1].problems, "/sys/bus/pci/devices/0000:01:00.0/boot_vga: Input/output error");
	EXPECT("device-boot-display", UNKNOWN, NULL);
	w->functions[1].class = PCI_UNKNOWN;
	EXPECT("device-boot-display", UNKNOWN, NULL);
}

static void keeps_a_way_to_manage_the_host(void **state)
{
	WORLD;
	EXPECT("device-management", PASS, NULL);
	w->functions[1].class = 0x0c0330;
	EXPECT("device-management", WARN, "only USB controller");
	struct pci_function *other = add_function(w, AT(2, 0, 0), 0x0c0330, "vfio-pci", "13");
	EXPECT("device-management", WARN, "only USB controller");
	other->driver = "xhci_hcd";
	EXPECT("device-management", PASS, NULL);
	other->group = "12";
	EXPECT("device-management", WARN, "only USB controller");
	w->functions[1].vendor = 0x1a03;
	EXPECT("device-management", WARN, "ASPEED");
	w->functions[1].vendor = 0x103c;
	w->functions[1].device = 0x3306;
	EXPECT("device-management", WARN, "iLO");
	w->functions[1].class = 0x0c0701;
	EXPECT("device-management", WARN, "IPMI");
	w->functions[1].vendor = PCI_UNKNOWN;
	w->functions[1].class = PCI_UNKNOWN;
	EXPECT("device-management", UNKNOWN, NULL);
}

static void misses_the_sound_of_a_graphics_card(void **state)
{
	WORLD;
	EXPECT("device-siblings", NA, "no other functions");
	add_function(w, AT(1, 0, 1), 0x040300, "vfio-pci", "12");
	EXPECT("device-siblings", NA, "without each other");
	make_display(w, false);
	struct finding finding = EXPECT("device-siblings", WARN, "stay behind");
	assert_string_equal(finding.evidence[0].where, "0000:01:00.1");
	w->hosts[0][1] = AT(1, 0, 1);
	w->devices[0].host_count = 2;
	EXPECT("device-siblings", PASS, NULL);
	w->m.set.vm = NULL;
	EXPECT("device-siblings", NA, "no VM at hand");
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
		test_in_world(never_gives_away_what_the_host_needs),
		test_in_world(a_vm_that_has_the_device_is_no_use_by_the_host),
		test_in_world(without_a_look_there_is_no_verdict_on_use),
		test_in_world(spares_the_host_s_display),
		test_in_world(keeps_a_way_to_manage_the_host),
		test_in_world(misses_the_sound_of_a_graphics_card),
		test_in_world(a_device_that_is_missing_is_said_once),
		test_in_world(of_what_is_not_known_nothing_is_said),
		cmocka_unit_test(every_verdict_was_given),
	};
	return cmocka_run_group_tests_name("check-device-use", tests, NULL, NULL);
}
