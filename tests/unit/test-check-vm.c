/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-judge.h"

/* clang-format off */
static struct reach reach[] = {
	{ "vm-template",         F | N,             0 },
	{ "vm-lock",             W | N,             0 },
	{ "vm-hibernated",       W | N,             0 },
	{ "vm-kvm",              P | W | U,         0 },
	{ "vm-cpu",              P | W | F | U | N, 0 },
	{ "vm-machine-q35",      P | F | U | N,     0 },
	{ "vm-firmware",         P | W | U | N,     0 },
	{ "vm-efi-disk",         P | W | U | N,     0 },
	{ "vm-windows-amd",      P | W | U | N,     0 },
	{ "vm-understood",       P | W | F | N,     0 },
	{ "vm-release",          P | F | U | N,     0 },
	{ "vm-pending",          P | W | N,         0 },
	{ "vm-args",             P | W | F | N,     0 },
	{ "vm-onboot",           P | W | N,         0 },
	{ "vm-start-timeout",    P | W | U | N,     0 },
	{ "vm-shutdown-timeout", P | W | N,         0 },
	{ "vm-machine-pinned",   P | W | N,         0 },
	{ "vm-ha",               P | W | N,         0 },
	{ "vm-migration",        P | W | N,         0 },
	{ "vm-balloon",          P | W | U | N,     0 },
	{ "vm-virtio-mem",       W | N,             0 },
	{ "vm-memlock",          P | W | N,         0 },
	{ "vm-hugepages",        P | F | N,         0 },
	{ 0 },
};
/* clang-format on */

#define WORLD struct world *w = *state
#define EXPECT(id, verdict, part) expect(w, reach, id, VERDICT_##verdict, part)

/* ---- The VM ---- */

static void says_what_keeps_a_vm_from_starting(void **state)
{
	WORLD;
	EXPECT("vm-template", NA, NULL);
	EXPECT("vm-lock", NA, NULL);
	EXPECT("vm-hibernated", NA, NULL);
	w->vms[0].template = true;
	EXPECT("vm-template", FAIL, "template");
	w->vms[0].lock = "backup";
	struct finding finding = EXPECT("vm-lock", WARN, "backup");
	assert_contains(finding.remedy, "qm unlock 100");
	w->vms[0].lock = "suspended";
	w->vms[0].hibernated = "lock: suspended";
	EXPECT("vm-lock", NA, NULL);
	finding = EXPECT("vm-hibernated", WARN, "suspended to disk");
	assert_string_equal(finding.evidence[0].what, "lock: suspended");
}

static void a_hypervisor_needs_a_cpu_with_virtualization(void **state)
{
	WORLD;
	EXPECT("vm-cpu", PASS, "host");
	w->vms[0].nested_cpu = VM_NO;
	w->vms[0].cpu = NULL;
	struct finding finding = EXPECT("vm-cpu", FAIL, "kvm64");
	assert_string_equal(finding.remedy, "qm set 100 --cpu host");
	assert_int(finding.restart, RESTART_VM);
	configure(w, "cpu: x86-64-v2-AES,flags=+pcid,hidden=1\n", 9, 2, 6);
	finding = EXPECT("vm-cpu", FAIL, NULL);
	assert_string_equal(finding.remedy, "qm set 100 --cpu host,flags=+pcid,hidden=1");
	assert_string_equal(all_failures(w), "vm-cpu");
	w->vms[0].id = "/tmp/l1.conf";
	w->vms[0].device_count = 0;
	finding = EXPECT("vm-cpu", WARN, NULL);
	assert_contains(finding.remedy, "qm set ID --cpu host");
	w->vms[0].nested_cpu = VM_UNKNOWN;
	EXPECT("vm-cpu", UNKNOWN, NULL);
	w->m.set.level = 1;
	EXPECT("vm-cpu", NA, "no hypervisor");
}

static void emulation_is_slow(void **state)
{
	WORLD;
	EXPECT("vm-kvm", PASS, NULL);
	w->vms[0].kvm = VM_UNKNOWN;
	EXPECT("vm-kvm", UNKNOWN, NULL);
	w->vms[0].kvm = VM_NO;
	w->vms[0].accelerator = "tcg";
	EXPECT("vm-kvm", WARN, "tcg");
	w->vms[0].accelerator = NULL;
	EXPECT("vm-kvm", WARN, "no accelerator is named");
}

static void wants_q35(void **state)
{
	WORLD;
	EXPECT("vm-machine-q35", PASS, NULL);
	w->vms[0].q35 = false;
	w->vms[0].machine = NULL;
	w->vms[0].viommu_count = 0;
	struct finding finding = EXPECT("vm-machine-q35", FAIL, "i440fx");
	assert_contains(finding.remedy, "qm set 100 --machine q35,viommu=intel, and pcie=1");
	w->m.host.versions.qemu_server = (struct version){ KNOWN("/var/lib/dpkg/status", "7.4-2"), { 7, 4, 2 } };
	finding = EXPECT("vm-machine-q35", FAIL, NULL);
	assert_contains(finding.remedy, "qm set 100 --machine q35, and pcie=1");
	w->vms[0].machine_known = false;
	EXPECT("vm-machine-q35", UNKNOWN, NULL);
	w->vms[0].machine = "virt";
	EXPECT("vm-machine-q35", NA, "virt");
	w->vms[0].device_count = 0;
	EXPECT("vm-machine-q35", NA, "no device");
}

static void firmware_serves_for_what_is_given(void **state)
{
	WORLD;
	EXPECT("vm-firmware", PASS, "OVMF");
	EXPECT("vm-efi-disk", PASS, NULL);
	w->vms[0].efi_disk = VM_NO;
	struct finding finding = EXPECT("vm-efi-disk", WARN, "lost at each start");
	assert_contains(finding.remedy, "--efidisk0");
	w->vms[0].efi_disk = VM_UNKNOWN;
	EXPECT("vm-efi-disk", UNKNOWN, NULL);
	w->vms[0].ovmf = VM_UNKNOWN;
	EXPECT("vm-firmware", UNKNOWN, NULL);
	w->vms[0].ovmf = VM_NO;
	EXPECT("vm-efi-disk", NA, NULL);
	EXPECT("vm-firmware", PASS, "SeaBIOS");
	w->functions[1].class = 0x030000;
	EXPECT("vm-firmware", WARN, "display");
	w->vms[0].device_count = 0;
	EXPECT("vm-firmware", NA, NULL);
}

static void windows_takes_no_vtd_on_amd(void **state)
{
	WORLD;
	EXPECT("vm-windows-amd", NA, "not AMD's");
	w->m.host.cpu.vendor = CPU_AMD;
	EXPECT("vm-windows-amd", PASS, NULL);
	w->vms[0].os = "windows";
	EXPECT("vm-windows-amd", WARN, NULL);
	w->vms[0].os = NULL;
	EXPECT("vm-windows-amd", NA, "nothing says");
	w->m.host.cpu.vendor = CPU_UNKNOWN;
	EXPECT("vm-windows-amd", UNKNOWN, "whose CPUs");
	w->vms[0].viommu_count = 0;
	EXPECT("vm-windows-amd", NA, "no intel-iommu");
}

/* ---- The manager ---- */

static void shows_what_was_not_understood(void **state)
{
	WORLD;
	EXPECT("vm-understood", PASS, NULL);
	w->vms[0].problems.arena = &w->m.arena;
	list_add(&w->vms[0].problems, "line 3: 'foo' is no setting");
	struct finding finding = EXPECT("vm-understood", WARN, "line 3: 'foo' is no setting");
	assert_int(finding.evidence_count, 1);
	w->vms[0].problems.count = 0;
	w->vms[0].path = NULL;
	EXPECT("vm-understood", NA, NULL);
	/* Where no device is there, no other check says so. */
	list_add(&w->vms[0].problems, "machine: pc,viommu=intel: the Intel vIOMMU needs q35");
	w->vms[0].refused = "machine: pc,viommu=intel: the Intel vIOMMU needs q35";
	EXPECT("vm-understood", WARN, NULL);
	w->vms[0].device_count = 0;
	EXPECT("vm-understood", FAIL, "does not start: machine: pc,viommu=intel");
}

static void says_what_a_release_does_not_take(void **state)
{
	WORLD;
	EXPECT("vm-release", NA, "command line only");
	configure(w, "machine: q35,viommu=intel,aw-bits=39\n", 9, 2, 6);
	EXPECT("vm-release", PASS, "9.2.6");
	w->m.host.versions.qemu_server.fact = UNREADABLE("/var/lib/dpkg/status");
	EXPECT("vm-release", UNKNOWN, NULL);
	configure(w, "cores: 4\nmachine: q35,viommu=intel,aw-bits=39\n", 8, 4, 10);
	struct finding finding = EXPECT("vm-release", FAIL, "the machine setting");
	assert_string_equal(finding.evidence[0].where, "/etc/pve/qemu-server/100.conf, line 2");
	assert_string_equal(finding.evidence[0].what, "machine: q35,viommu=intel,aw-bits=39");
	configure(w, "machine: q35,viommu=intel\n", 7, 4, 2);
	EXPECT("vm-release", FAIL, "known since 8.1.2");
	configure(w, "machine: bogus\nmachine: q35\n", 9, 2, 6);
	EXPECT("vm-release", UNKNOWN, NULL);
	configure(w, "machine: bogus\n[PENDING]\nmachine: q35\n", 9, 2, 6);
	EXPECT("vm-release", UNKNOWN, NULL);
	configure(w, "machine: q35\n[PENDING]\nmachine: bogus\n[snap]\ncpu: ,,\n", 9, 2, 6);
	EXPECT("vm-release", FAIL, "bogus");
	w->vms[0].manager = VM_PLAIN;
	EXPECT("vm-release", NA, "not managed");
}

static void pending_changes_wait_for_a_start(void **state)
{
	WORLD;
	struct vm_pending pending[] = {
		{ "name", "l1", "l1b" },
		{ "machine", "q35", "q35,viommu=intel" },
		{ "hostpci1", "02:00", NULL },
	};
	EXPECT("vm-pending", PASS, "no change");
	w->vms[0].pending = pending;
	w->vms[0].pending_count = 1;
	EXPECT("vm-pending", PASS, "no change");
	w->vms[0].pending_count = 3;
	EXPECT("vm-pending", PASS, "2 changes of VM 100");
	w->vms[0].running = VM_YES;
	struct finding finding = EXPECT("vm-pending", WARN, "2 changes");
	assert_string_equal(finding.evidence[0].what, "machine: now q35, then q35,viommu=intel");
	assert_string_equal(finding.evidence[1].what, "hostpci1: now 02:00, then not set");
	assert_contains(finding.remedy, "qm shutdown 100; qm start 100");
	w->vms[0].pending_count = 0;
	w->vms[0].running = VM_UNKNOWN;
	EXPECT("vm-pending", NA, NULL);
}

static void args_are_nobody_s_business(void **state)
{
	WORLD;
	EXPECT("vm-args", NA, "no args");
	EXPECT("vm-migration", PASS, NULL);
	w->vms[0].args = "-cpu host,-hypervisor";
	EXPECT("vm-args", PASS, NULL);
	w->devices[0].native = false;
	w->devices[0].name = "-device vfio-pci number 1 (args)";
	EXPECT("vm-args", WARN, "-device vfio-pci number 1 (args)");
	EXPECT("vm-migration", WARN, "fails half-way");
	w->vms[0].args_dropped = true;
	struct finding finding = EXPECT("vm-args", FAIL, "open quote");
	assert_string_equal(finding.evidence[0].what, "args: -cpu host,-hypervisor");
	w->vms[0].manager = VM_PLAIN;
	EXPECT("vm-args", NA, "no manager");
	EXPECT("vm-migration", NA, NULL);
}

static void at_boot_devices_must_be_ready(void **state)
{
	WORLD;
	EXPECT("vm-onboot", NA, "not started at boot");
	w->vms[0].onboot = true;
	EXPECT("vm-onboot", PASS, NULL);
	w->devices[0].native = false;
	struct finding finding = EXPECT("vm-onboot", WARN, "nobody binds hostpci0");
	assert_contains(finding.remedy, "pve-guests.service");
	w->vms[0].device_count = 0;
	EXPECT("vm-onboot", NA, "no device");
}

static void proxmox_waits_longer_since_8_0_8(void **state)
{
	WORLD;
	EXPECT("vm-start-timeout", PASS, "120 s");
	w->vms[0].memory_mib = 24576;
	EXPECT("vm-start-timeout", PASS, "120 s");
	w->m.host.versions.qemu_server = (struct version){ KNOWN("/var/lib/dpkg/status", "7.4-2"), { 7, 4, 2 } };
	struct finding finding = EXPECT("vm-start-timeout", WARN, "30 s");
	assert_contains(finding.remedy, "qm start 100 --timeout 300");
	w->m.host.versions.qemu_server.fact = UNREADABLE("/var/lib/dpkg/status");
	EXPECT("vm-start-timeout", UNKNOWN, "30 s or 120 s");
	w->devices[0].native = false;
	EXPECT("vm-start-timeout", WARN, "30 s");
	w->vms[0].hugepages = "1024";
	EXPECT("vm-start-timeout", PASS, "150 s");
	w->vms[0].hugepages = NULL;
	w->vms[0].memory_mib = 65536;
	EXPECT("vm-start-timeout", WARN, "64 s");
	w->vms[0].memory_mib = 0;
	EXPECT("vm-start-timeout", UNKNOWN, "memory");
	w->vms[0].manager = VM_LIBVIRT;
	EXPECT("vm-start-timeout", NA, NULL);
}

static void l1_has_time_for_its_own_vms(void **state)
{
	WORLD;
	EXPECT("vm-shutdown-timeout", PASS, "240 s");
	w->vms[0].shutdown_seconds = 90;
	EXPECT("vm-shutdown-timeout", WARN, "90 s");
	w->vms[0].shutdown_seconds = 0;
	EXPECT("vm-shutdown-timeout", WARN, "60 s");
	w->vms[0].source = VM_FROM_PROCESS;
	EXPECT("vm-shutdown-timeout", NA, "command line only");
	w->vms[0].source = VM_FROM_CONFIGURATION;
	w->m.set.level = 1;
	EXPECT("vm-shutdown-timeout", NA, NULL);
}

static void hardware_changes_with_qemu_unless_pinned(void **state)
{
	WORLD;
	EXPECT("vm-machine-pinned", PASS, "10.1");
	w->vms[0].machine_version = NULL;
	w->vms[0].machine = "q35";
	struct finding finding = EXPECT("vm-machine-pinned", WARN, NULL);
	assert_string_equal(finding.remedy, "qm set 100 --machine pc-q35-11.0,viommu=intel");
	w->m.host.versions.qemu.fact = ABSENT("/var/lib/dpkg/status");
	w->vms[0].manager = VM_PLAIN;
	finding = EXPECT("vm-machine-pinned", WARN, NULL);
	assert_contains(finding.remedy, "pc-q35-VERSION");
	w->vms[0].q35 = false;
	EXPECT("vm-machine-pinned", NA, "vm-machine-q35");
	w->vms[0].machine_known = false;
	EXPECT("vm-machine-pinned", NA, "not judged");
}

static void ha_needs_mappings(void **state)
{
	WORLD;
	EXPECT("vm-ha", NA, NULL);
	w->vms[0].ha = true;
	EXPECT("vm-ha", WARN, "another node");
	w->devices[0].mapping = "gpu";
	EXPECT("vm-ha", PASS, NULL);
}

/* ---- Memory ---- */

static void pinned_memory_has_no_balloon(void **state)
{
	WORLD;
	EXPECT("vm-balloon", PASS, NULL);
	w->vms[0].balloon = VM_YES;
	struct finding finding = EXPECT("vm-balloon", WARN, NULL);
	assert_string_equal(finding.remedy, "qm set 100 --balloon 0");
	w->vms[0].balloon = VM_UNKNOWN;
	EXPECT("vm-balloon", UNKNOWN, NULL);
	EXPECT("vm-virtio-mem", NA, NULL);
	w->vms[0].virtio_mem = true;
	EXPECT("vm-virtio-mem", WARN, NULL);
	w->vms[0].device_count = 0;
	EXPECT("vm-balloon", NA, NULL);
}

static void libvirt_does_not_see_a_hidden_viommu(void **state)
{
	WORLD;
	EXPECT("vm-memlock", NA, NULL);
	w->vms[0].manager = VM_LIBVIRT;
	EXPECT("vm-memlock", NA, NULL);
	w->viommus[0].native = false;
	EXPECT("vm-memlock", PASS, NULL);
	w->hosts[1][0] = AT(2, 0, 0);
	w->devices[1] = a_vm_device("hostdev1", w->hosts[1], 1);
	w->vms[0].device_count = 2;
	struct finding finding = EXPECT("vm-memlock", WARN, "2 devices");
	assert_contains(finding.remedy, "<hard_limit unit='MiB'>17408</hard_limit>");
	w->vms[0].hard_limit_mib = 100;
	EXPECT("vm-memlock", NA, "memlock");
}

static void huge_pages_want_numa(void **state)
{
	WORLD;
	EXPECT("vm-hugepages", NA, NULL);
	w->vms[0].hugepages = "1024";
	struct finding finding = EXPECT("vm-hugepages", FAIL, "numa");
	assert_string_equal(finding.remedy, "qm set 100 --numa 1");
	w->vms[0].numa = true;
	EXPECT("vm-hugepages", PASS, NULL);
}

/* Checks of other families as well: all that look at a VM. */
static void of_what_is_not_known_nothing_is_said(void **state)
{
	WORLD;
	struct host host = { 0 };
	struct vm_device device = { 0 };
	for (unsigned int i = 0; i < 12; i++) {
		struct vm_viommu viommu = { .model = (enum vm_viommu_model)(i / 4) };
		struct vm vm = { .manager = i % 2 ? VM_PROXMOX : VM_PLAIN,
				 .devices = &device,
				 .device_count = 1,
				 .viommus = &viommu,
				 .viommu_count = i / 2 % 2 };
		struct subject_set set = { .host = &host, .vm = &vm };
		for (size_t j = 0; check_families[j]; j++)
			for (const struct check *check = check_families[j]->checks; check->id; check++) {
				if (check->scope != CHECK_VM && check->scope != CHECK_VM_DEVICE)
					continue;
				struct finding finding = { .check = check, .verdict = VERDICT_NA };
				const void *subject = check->scope == CHECK_VM ? (const void *)&vm : &device;
				check->judge(&set, subject, &finding, &w->m.arena);
				/* That there is a vIOMMU is known by then. */
				bool seen = strcmp(check->id, "vm-viommu-present") == 0 ||
					    strcmp(check->id, "vm-viommu-one") == 0;
				if ((finding.verdict == VERDICT_PASS && !seen) || finding.verdict == VERDICT_FAIL)
					fail_msg("%s: %s: %s", check->id, verdict_name(finding.verdict),
						 finding.summary);
				assert_non_null(finding.summary);
			}
	}
}

/* ---- All ---- */

/* Two remedies for one setting give one value, with both. */
static void remedies_for_one_setting_agree(void **state)
{
	WORLD;
	configure(w, "machine: q35\ncpu: x86-64-v2-AES\n", 9, 2, 6);
	w->vms[0].machine = "q35+pve0";
	w->vms[0].machine_version = NULL;
	w->vms[0].cpu = "x86-64-v2-AES";
	w->vms[0].nested_cpu = VM_NO;
	w->vms[0].phys_bits = 46;
	w->vms[0].viommu_count = 0;
	w->m.units[0].width = 39;
	check_run(&w->m.set, NULL, &w->m.arena, &w->m.findings);
	static const char machine[] = "qm set 100 --machine pc-q35-11.0,aw-bits=39,viommu=intel";
	assert_string_equal(find_finding(&w->m, "vm-machine-pinned")->remedy, machine);
	assert_string_equal(find_finding(&w->m, "vm-viommu-present")->remedy, machine);
	static const char cpu[] = "qm set 100 --cpu host,guest-phys-bits=39";
	assert_string_equal(find_finding(&w->m, "vm-cpu")->remedy, cpu);
	assert_string_equal(find_finding(&w->m, "vm-guest-phys-bits")->remedy, cpu);
}

static void every_verdict_was_given(void **state)
{
	assert_reached(reach);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(says_what_keeps_a_vm_from_starting),
		test_in_world(a_hypervisor_needs_a_cpu_with_virtualization),
		test_in_world(emulation_is_slow),
		test_in_world(wants_q35),
		test_in_world(firmware_serves_for_what_is_given),
		test_in_world(windows_takes_no_vtd_on_amd),
		test_in_world(shows_what_was_not_understood),
		test_in_world(says_what_a_release_does_not_take),
		test_in_world(pending_changes_wait_for_a_start),
		test_in_world(args_are_nobody_s_business),
		test_in_world(at_boot_devices_must_be_ready),
		test_in_world(proxmox_waits_longer_since_8_0_8),
		test_in_world(l1_has_time_for_its_own_vms),
		test_in_world(hardware_changes_with_qemu_unless_pinned),
		test_in_world(ha_needs_mappings),
		test_in_world(pinned_memory_has_no_balloon),
		test_in_world(libvirt_does_not_see_a_hidden_viommu),
		test_in_world(huge_pages_want_numa),
		test_in_world(of_what_is_not_known_nothing_is_said),
		test_in_world(remedies_for_one_setting_agree),
		cmocka_unit_test(every_verdict_was_given),
	};
	return cmocka_run_group_tests_name("check-vm", tests, NULL, NULL);
}
