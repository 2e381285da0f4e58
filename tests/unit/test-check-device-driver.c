/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-judge.h"

/* clang-format off */
static struct reach reach[] = {
	{ "device-driver",                  P | W | F | U | N, 0 },
	{ "device-driver-override",         P | W | F | U | N, 0 },
	{ "device-vf-of",                   P | W | U | N,     0 },
	{ "device-pf-with-vfs",             P | W | F | U | N, 0 },
	{ "device-mdev",                    P | W | U | N,     0 },
	{ "group-viable",                   P | W | F | U | N, 0 },
	{ "group-other-members",            P | W | U | N,     0 },
	{ "group-why",                      P | W | U | N,     0 },
	{ "group-acs-override-claim",       P | W | U | N,     0 },
	{ 0 },
};
/* clang-format on */

#define WORLD struct world *w = *state
#define EXPECT(id, verdict, part) expect(w, reach, id, VERDICT_##verdict, part)

/* ---- Drivers ---- */

static void knows_who_binds_a_device(void **state)
{
	WORLD;
	EXPECT("device-driver", PASS, "bound to vfio-pci");
	w->functions[1].driver = "mlx5_vfio_pci";
	EXPECT("device-driver", PASS, "bound to mlx5_vfio_pci");
	w->functions[1].driver = "nvme";
	EXPECT("device-driver", PASS, "Proxmox VE gives it to vfio-pci when VM 100 starts");
	w->devices[0].keep_driver = true;
	EXPECT("device-driver", WARN, "driver=keep");
	w->devices[0].keep_driver = false;
	w->devices[0].native = false;
	struct finding finding = EXPECT("device-driver", FAIL, "nobody gives it to vfio-pci");
	assert_string_equal(finding.remedy, "nestpci bind 0000:01:00.0");
	assert_int(finding.actor, ACTOR_US);
	w->functions[1].driver = NULL;
	EXPECT("device-driver", FAIL, "has no driver");
	w->devices[0].mdev = "nvidia-63";
	EXPECT("device-driver", NA, "mediated");
}

static void libvirt_binds_what_it_manages(void **state)
{
	WORLD;
	w->functions[1].driver = "nvme";
	w->vms[0].manager = VM_LIBVIRT;
	w->devices[0].managed = VM_YES;
	EXPECT("device-driver", PASS, "libvirt gives it");
	w->devices[0].managed = VM_NO;
	EXPECT("device-driver", FAIL, NULL);
	w->devices[0].managed = VM_UNKNOWN;
	EXPECT("device-driver", UNKNOWN, "managed='yes'");
}

static void without_a_vm_a_host_driver_is_a_warning(void **state)
{
	WORLD;
	w->m.set.vm = NULL;
	w->functions[1].driver = "nvme";
	EXPECT("device-driver", WARN, "bound to nvme");
	w->functions[1].driver = NULL;
	EXPECT("device-driver", WARN, "no driver");
	w->functions[1].problems.arena = &w->m.arena;
	list_add(&w->functions[1].problems, "/sys/bus/pci/devices/0000:01:00.0/driver: Input/output error");
	EXPECT("device-driver", UNKNOWN, "could not be read");
	EXPECT("device-driver-override", UNKNOWN, "could not be read");
}

static void sees_an_override_that_is_in_the_way(void **state)
{
	WORLD;
	struct fact *override = &w->device.detail.driver_override;
	EXPECT("device-driver-override", PASS, "no driver_override");
	*override = KNOWN("driver_override", "vfio-pci");
	EXPECT("device-driver-override", PASS, "vfio-pci");
	w->functions[1].driver = "nvme";
	EXPECT("device-driver-override", WARN, "stale");
	*override = KNOWN("driver_override", "pci-stub");
	struct finding finding = EXPECT("device-driver-override", FAIL, "when Proxmox VE binds it");
	assert_string_equal(finding.remedy, "clear it: echo > driver_override");
	w->m.set.vm = NULL;
	EXPECT("device-driver-override", WARN, "cannot take it");
	w->functions[1].driver = "vfio-pci";
	*override = KNOWN("driver_override", "nvme");
	EXPECT("device-driver-override", WARN, "once released");
	*override = UNREADABLE("driver_override");
	EXPECT("device-driver-override", UNKNOWN, NULL);
}

static void looks_at_the_device_of_a_virtual_function(void **state)
{
	WORLD;
	EXPECT("device-vf-of", NA, NULL);
	w->device.detail.physfn = KNOWN("physfn", "0000:02:00.0");
	EXPECT("device-vf-of", UNKNOWN, "0000:02:00.0");
	struct pci_function *pf = add_function(w, AT(2, 0, 0), 0x020000, "ixgbe", "13");
	EXPECT("device-vf-of", PASS, "ixgbe");
	pf->driver = "vfio-pci";
	struct finding finding = EXPECT("device-vf-of", WARN, "token");
	assert_contains(finding.remedy, "nestpci unbind 0000:02:00.0");
	pf->driver = NULL;
	EXPECT("device-vf-of", WARN, "no driver");
	w->device.detail.physfn = KNOWN("physfn", "garbage");
	EXPECT("device-vf-of", UNKNOWN, "garbage");
	w->device.detail.physfn = UNREADABLE("physfn");
	EXPECT("device-vf-of", UNKNOWN, NULL);
}

static void virtual_functions_keep_their_device(void **state)
{
	WORLD;
	EXPECT("device-pf-with-vfs", NA, NULL);
	w->device.detail.sriov_enabled = NUMBER("sriov_numvfs", 0);
	EXPECT("device-pf-with-vfs", PASS, NULL);
	w->device.detail.sriov_enabled = NUMBER("sriov_numvfs", 4);
	EXPECT("device-pf-with-vfs", WARN, "4 virtual functions");
	w->functions[1].driver = "ixgbe";
	struct finding finding = EXPECT("device-pf-with-vfs", FAIL, "4 virtual functions");
	assert_contains(finding.remedy, "echo 0 > sriov_numvfs");
	w->device.detail.sriov_enabled = UNREADABLE("sriov_numvfs");
	EXPECT("device-pf-with-vfs", UNKNOWN, NULL);
}

static void mediated_devices_are_not_lost_unseen(void **state)
{
	WORLD;
	EXPECT("device-mdev", NA, NULL);
	w->device.detail.mdev = KNOWN("mdev_supported_types", NULL);
	EXPECT("device-mdev", WARN, NULL);
	w->devices[0].mdev = "nvidia-63";
	EXPECT("device-mdev", PASS, "nvidia-63");
	w->device.detail.mdev = UNREADABLE("mdev_supported_types");
	EXPECT("device-mdev", UNKNOWN, NULL);
}

/* ---- Groups ---- */

static void a_group_is_viable_without_host_drivers(void **state)
{
	WORLD;
	EXPECT("group-viable", PASS, NULL);
	add_function(w, AT(1, 0, 1), 0x040300, NULL, "12");
	add_function(w, AT(1, 0, 2), 0x0c0330, "pci-stub", "12");
	add_function(w, AT(1, 1, 0), 0x060400, "pcieport", "12");
	EXPECT("group-viable", PASS, NULL);
	w->functions[2].driver = "snd_hda_intel";
	EXPECT("group-viable", WARN,
	       "Proxmox VE takes these away from this host along with 0000:01:00.0: 0000:01:00.1");
	w->devices[0].native = false;
	struct finding finding = EXPECT("group-viable", FAIL, "not viable");
	assert_contains(finding.remedy, "nestpci bind 0000:01:00.0");
	assert_string_equal(finding.evidence[0].what, "snd_hda_intel");
	w->functions[1].driver = "nouveau";
	EXPECT("group-viable", WARN, "must go along");
	assert_string_equal(all_failures(w), "device-driver");
	w->vms[0].manager = VM_LIBVIRT;
	w->devices[0].native = true;
	EXPECT("group-viable", FAIL, "not viable");
	w->hosts[0][1] = AT(1, 0, 1);
	w->devices[0].host_count = 2;
	EXPECT("group-viable", PASS, NULL);
}

static void a_device_that_nobody_wants_yet_spoils_nothing(void **state)
{
	WORLD;
	w->m.set.vm = NULL;
	add_function(w, AT(1, 0, 1), 0x040300, "snd_hda_intel", "12");
	EXPECT("group-viable", FAIL, "not viable");
	w->functions[1].driver = "nouveau";
	EXPECT("group-viable", WARN, "must go along");
	w->functions[2].driver = NULL;
	w->functions[2].problems.arena = &w->m.arena;
	list_add(&w->functions[2].problems, "/sys/bus/pci/devices/0000:01:00.1/driver: Input/output error");
	EXPECT("group-viable", UNKNOWN, "0000:01:00.1");
	w->functions[2].problems.count = 0;
	w->group.others.arena = &w->m.arena;
	list_add(&w->group.others, "0000:05:00.0");
	EXPECT("group-viable", UNKNOWN, "or is gone: 0000:05:00.0");
	w->group.others.count = 0;
	w->group.devices = UNREADABLE("devices");
	EXPECT("group-viable", UNKNOWN, "devices");
	EXPECT("group-other-members", UNKNOWN, "devices");
}

static void names_what_goes_along(void **state)
{
	WORLD;
	EXPECT("group-other-members", PASS, NULL);
	add_function(w, AT(1, 0, 1), 0x040300, NULL, "12");
	struct pci_function *bridge = add_function(w, AT(1, 1, 0), 0x060400, "pcieport", "12");
	bridge->is_bridge = true;
	EXPECT("group-other-members", PASS, NULL);
	for (uint8_t slot = 0; slot < 4; slot++)
		add_function(w, AT(2, slot, 0), 0x020000, "e1000e", "12");
	struct finding finding = EXPECT("group-other-members", WARN, "0000:02:00.0, 0000:02:01.0");
	assert_int(finding.evidence_count, 4);
	assert_int(finding.actor, ACTOR_ADMINISTRATOR);
	w->m.host.machine.is_vm = true;
	finding = EXPECT("group-other-members", WARN, NULL);
	assert_int(finding.actor, ACTOR_OUTER);
	assert_contains(finding.remedy, "same L2");
}

static void says_why_a_group_is_large(void **state)
{
	WORLD;
	EXPECT("group-why", NA, "alone");
	add_function(w, AT(1, 0, 1), 0x040300, NULL, "12");
	EXPECT("group-why", UNKNOWN, NULL);
	struct group_reason reasons[] = {
		{ .kind = GROUP_FUNCTIONS, .who = AT(1, 0, 0), .text = "functions of one card without ACS" },
		{ .kind = GROUP_UNEXPLAINED, .who = AT(1, 0, 0) },
	};
	w->group.reasons = reasons;
	w->group.reason_count = 1;
	EXPECT("group-why", PASS, "functions of one card without ACS");
	w->group.reason_count = 2;
	EXPECT("group-why", WARN, "quirk");
	reasons[1].kind = GROUP_NOT_KNOWN;
	EXPECT("group-why", UNKNOWN, NULL);
}

static void does_not_believe_an_acs_override(void **state)
{
	WORLD;
	EXPECT("group-acs-override-claim", PASS, "no pcie_acs_override");
	cmdline_parse(slice_of("pcie_acs_override=downstream"), &w->m.arena, &w->m.host.kernel.cmdline);
	w->m.host.kernel.acs_override = false;
	EXPECT("group-acs-override-claim", NA, "not known to have");
	w->m.host.kernel.acs_override = true;
	EXPECT("group-acs-override-claim", PASS, "real ACS");
	w->port.caps.acs_control = 0;
	struct finding finding = EXPECT("group-acs-override-claim", WARN, "0000:00:01.0 shows no ACS");
	assert_contains(finding.evidence[1].what, "lacks ACS");
	w->port.caps.extended_known = false;
	EXPECT("group-acs-override-claim", UNKNOWN, NULL);
	w->m.host.kernel.cmdline_file = UNREADABLE("/proc/cmdline");
	EXPECT("group-acs-override-claim", UNKNOWN, "/proc/cmdline");
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

/* Advice on its driver would contradict what device-vmd and device-is-no-bridge say. */
static void what_never_goes_gets_no_advice_on_its_driver(void **state)
{
	WORLD;
	w->functions[1].driver = "nvme";
	w->m.set.vm = NULL;
	EXPECT("device-driver", WARN, NULL);
	w->device.address.domain = w->functions[1].address.domain = 0x10000;
	EXPECT("device-driver", NA, "cannot be passed on: see device-vmd");
	w->device.address.domain = w->functions[1].address.domain = 0;
	w->functions[1].class = 0x060100;
	EXPECT("device-driver", NA, "cannot be passed on: see device-is-no-bridge");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(knows_who_binds_a_device),
		test_in_world(libvirt_binds_what_it_manages),
		test_in_world(without_a_vm_a_host_driver_is_a_warning),
		test_in_world(sees_an_override_that_is_in_the_way),
		test_in_world(looks_at_the_device_of_a_virtual_function),
		test_in_world(virtual_functions_keep_their_device),
		test_in_world(mediated_devices_are_not_lost_unseen),
		test_in_world(a_group_is_viable_without_host_drivers),
		test_in_world(a_device_that_nobody_wants_yet_spoils_nothing),
		test_in_world(names_what_goes_along),
		test_in_world(says_why_a_group_is_large),
		test_in_world(does_not_believe_an_acs_override),
		test_in_world(a_device_that_is_missing_is_said_once),
		test_in_world(of_what_is_not_known_nothing_is_said),
		test_in_world(what_never_goes_gets_no_advice_on_its_driver),
		cmocka_unit_test(every_verdict_was_given),
	};
	return cmocka_run_group_tests_name("check-device-driver", tests, NULL, NULL);
}
