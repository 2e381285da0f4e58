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
	{ "device-in-use",                  P | W | F | U | N, 0 },
	{ "device-boot-display",            P | W | U | N,     0 },
	{ "device-management",              P | W | U | N,     0 },
	{ "device-siblings",                P | W | N,         0 },
	{ "device-driver",                  P | W | F | U | N, 0 },
	{ "device-driver-override",         P | W | F | U | N, 0 },
	{ "device-vf-of",                   P | W | U | N,     0 },
	{ "device-pf-with-vfs",             P | W | F | U | N, 0 },
	{ "device-mdev",                    P | W | U | N,     0 },
	{ "group-viable",                   P | W | F | U | N, 0 },
	{ "group-other-members",            P | W | U | N,     0 },
	{ "group-why",                      P | W | U | N,     0 },
	{ "group-acs-override-claim",       P | W | U | N,     0 },
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

static void without_device(struct world *w)
{
	w->device.function = NULL;
	w->device.group = NULL;
	memset(&w->device.detail, 0, sizeof(w->device.detail));
}

/* ---- Is it there? ---- */

static void finds_a_device_and_misses_one(void **state)
{
	WORLD;
	w->functions[1].vendor_name = "Samsung";
	w->functions[1].device_name = "NVMe SSD";
	EXPECT("device-exists", PASS, "0000:01:00.0 is Samsung NVMe SSD");
	without_device(w);
	struct finding finding = EXPECT("device-exists", FAIL, "no PCI device at 0000:01:00.0");
	assert_contains(finding.remedy, "hostpci0 of VM 100");
	w->m.host.pci_folder = UNREADABLE("/sys/bus/pci/devices");
	EXPECT("device-exists", UNKNOWN, "/sys/bus/pci/devices");
	static const char *const others[] = { "device-answers",
					      "device-is-no-bridge",
					      "device-denylist",
					      "device-iommu-unit",
					      "device-group",
					      "device-reserved-direct",
					      "device-in-use",
					      "device-boot-display",
					      "device-management",
					      "device-siblings",
					      "device-driver",
					      "device-driver-override",
					      "device-vf-of",
					      "device-pf-with-vfs",
					      "device-mdev",
					      "group-viable",
					      "group-other-members",
					      "group-why",
					      "device-reset",
					      "device-power",
					      "device-intx-only",
					      "device-phantom-functions",
					      "device-rom",
					      "device-large-bars",
					      "device-resizable-bar",
					      "device-reserved-firmware-range",
					      "group-acs-override-claim" };
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		expect(w, reach, others[i], VERDICT_NA, "no device is known");
}

static void a_device_that_is_missing_is_one_failure(void **state)
{
	WORLD;
	without_device(w);
	w->m.host.functions.count = 1;
	w->device.address = AT(9, 0, 0);
	assert_string_equal(all_failures(w), "device-exists vm-device-exists");
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
	EXPECT("device-reset", NA, "does not answer");
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

static void make_display(struct world *w, bool boot)
{
	w->functions[1].class = 0x030000;
	w->functions[1].boot_vga = boot;
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
	w->devices[0].where = "<hostdev mode='subsystem' type='pci' managed='yes'>";
	EXPECT("device-driver", PASS, "libvirt gives it");
	w->devices[0].where = "<hostdev mode='subsystem' type='pci' managed='no'>";
	EXPECT("device-driver", FAIL, NULL);
	w->devices[0].where = "hostdev0";
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

static void of_what_is_not_known_nothing_is_said(void **state)
{
	WORLD;
	struct pci_function blank = { .address = AT(1, 0, 0),
				      .class = PCI_UNKNOWN,
				      .vendor = PCI_UNKNOWN,
				      .device = PCI_UNKNOWN,
				      .subsystem_vendor = PCI_UNKNOWN,
				      .subsystem_device = PCI_UNKNOWN,
				      .revision = PCI_UNKNOWN,
				      .problems = { .arena = &w->m.arena } };
	list_add(&blank.problems, "/sys/bus/pci/devices/0000:01:00.0/driver: Input/output error");
	list_add(&blank.problems, "/sys/bus/pci/devices/0000:01:00.0/iommu_group: Input/output error");
	struct host host = { 0 };
	struct host_device device = { .address = AT(1, 0, 0), .function = &blank };
	struct group group = { .number = "12" };
	struct subject_set set = { .host = &host };
	for (unsigned int i = 0; i < 3; i++) {
		/* First with what there is of it, then with a group that could not be read, then without anything. */
		device.group = i == 1 ? &group : NULL;
		device.function = i == 2 ? NULL : &blank;
		for (const struct reach *row = reach; row->id; row++) {
			struct finding finding = { .check = check_find(row->id), .verdict = VERDICT_NA };
			finding.check->judge(&set, &device, &finding, &w->m.arena);
			bool seen = device.function && strcmp(row->id, "device-exists") == 0;
			if ((finding.verdict == VERDICT_PASS && !seen) || finding.verdict == VERDICT_FAIL)
				fail_msg("%s: %s: %s", row->id, verdict_name(finding.verdict), finding.summary);
			assert_non_null(finding.summary);
		}
	}
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
		test_in_world(never_gives_away_what_the_host_needs),
		test_in_world(a_vm_that_has_the_device_is_no_use_by_the_host),
		test_in_world(without_a_look_there_is_no_verdict_on_use),
		test_in_world(spares_the_host_s_display),
		test_in_world(keeps_a_way_to_manage_the_host),
		test_in_world(misses_the_sound_of_a_graphics_card),
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
		test_in_world(prefers_a_function_level_reset),
		test_in_world(without_reset_method_goes_by_the_capabilities),
		test_in_world(power_may_be_low_but_not_gone),
		test_in_world(wants_messages_for_interrupts),
		test_in_world(knows_chips_that_lie_about_themselves),
		test_in_world(a_display_needs_a_rom),
		test_in_world(large_bars_need_room_in_guests),
		test_in_world(a_resizable_bar_can_be_smaller),
		test_in_world(of_what_is_not_known_nothing_is_said),
		cmocka_unit_test(every_verdict_was_given),
	};
	return cmocka_run_group_tests_name("check-device", tests, NULL, NULL);
}
