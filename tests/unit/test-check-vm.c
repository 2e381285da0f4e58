/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-judge.h"

/* clang-format off */
static struct reach reach[] = {
	{ "vm-template",         F | N,             0 },
	{ "vm-lock",             W | N,             0 },
	{ "vm-hibernated",       W | N,             0 },
	{ "vm-kvm",              P | W | U,         0 },
	{ "vm-cpu",              P | F | U | N,     0 },
	{ "vm-machine-q35",      P | F | U | N,     0 },
	{ "vm-firmware",         P | W | U | N,     0 },
	{ "vm-efi-disk",         P | W | U | N,     0 },
	{ "vm-windows-amd",      P | W | U | N,     0 },
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
	{ "vm-device-exists",    P | F | U | N,     0 },
	{ "vm-device-identity",  P | F | U | N,     0 },
	{ "vm-device-shared",    P | W | F | U | N, 0 },
	{ "vm-device-pcie",      P | W | F | U | N, 0 },
	{ "vm-device-iommufd",   P | F | U | N,     0 },
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
	EXPECT("vm-windows-amd", UNKNOWN, "which system");
	w->m.host.cpu.vendor = CPU_UNKNOWN;
	EXPECT("vm-windows-amd", UNKNOWN, "whose CPUs");
	w->vms[0].viommu_count = 0;
	EXPECT("vm-windows-amd", NA, "no intel-iommu");
}

/* ---- The manager ---- */

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
	EXPECT("vm-pending", PASS, "come into force at its next start");
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
	w->vms[0].machine_known = false;
	EXPECT("vm-machine-pinned", NA, NULL);
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

/* ---- Devices ---- */

static void the_host_has_what_is_given(void **state)
{
	WORLD;
	EXPECT("vm-device-exists", PASS, "hostpci0");
	w->hosts[0][1] = AT(1, 0, 1);
	w->devices[0].host_count = 2;
	struct finding finding = EXPECT("vm-device-exists", FAIL, NULL);
	assert_string_equal(finding.evidence[0].where, "/sys/bus/pci/devices/0000:01:00.1");
	w->devices[0].host_count = 0;
	EXPECT("vm-device-exists", UNKNOWN, NULL);
	w->devices[0].problem = "no PCI device found for '0000:99:00'";
	EXPECT("vm-device-exists", FAIL, "no PCI device found for '0000:99:00'");
	w->m.host.pci_folder = UNREADABLE("/sys/bus/pci/devices");
	EXPECT("vm-device-exists", UNKNOWN, "/sys/bus/pci/devices");
	w->vms[0].elsewhere = true;
	EXPECT("vm-device-exists", NA, "another node");
}

static void a_mapping_knows_its_device(void **state)
{
	WORLD;
	EXPECT("vm-device-identity", NA, NULL);
	w->devices[0].mapping = "gpu";
	EXPECT("vm-device-identity", PASS, "gpu");
	w->devices[0].host_count = 0;
	EXPECT("vm-device-identity", UNKNOWN, NULL);
	w->devices[0].problem = "the group is 12, and was 14";
	struct finding finding = EXPECT("vm-device-identity", FAIL, "was 14");
	assert_string_equal(finding.evidence[0].where, "/etc/pve/mapping/pci.cfg");
	assert_string_equal(all_failures(w), "vm-device-identity");
}

static void add_rival(struct world *w, const char *id, enum vm_answer running)
{
	struct vm *rival = &w->vms[w->all.count++];
	w->hosts[2][0] = AT(1, 0, 0);
	w->devices[2] = a_vm_device("hostpci0", w->hosts[2], 1);
	*rival = (struct vm){
		.manager = VM_PROXMOX, .id = id, .running = running, .devices = &w->devices[2], .device_count = 1
	};
}

static void no_two_vms_have_a_device(void **state)
{
	WORLD;
	EXPECT("vm-device-shared", PASS, NULL);
	add_rival(w, "101", VM_NO);
	EXPECT("vm-device-shared", WARN, "VM 101 has the same device");
	w->vms[1].running = VM_YES;
	struct finding finding = EXPECT("vm-device-shared", FAIL, "VM 101, which runs");
	assert_contains(finding.remedy, "stop VM 101 first");
	w->devices[2].native = false;
	EXPECT("vm-device-shared", FAIL, "resets the device under it");
	w->vms[0].running = VM_YES;
	EXPECT("vm-device-shared", WARN, NULL);
	w->vms[0].running = VM_NO;
	w->devices[2].any_of = true;
	EXPECT("vm-device-shared", WARN, NULL);
	w->devices[2].mdev = "nvidia-63";
	EXPECT("vm-device-shared", PASS, NULL);
	w->devices[2].mdev = NULL;
	w->vms[1].template = true;
	EXPECT("vm-device-shared", PASS, NULL);
	w->vms[1].template = false;
	w->vms[1].elsewhere = true;
	EXPECT("vm-device-shared", PASS, NULL);
}

static void a_group_belongs_to_one_vm(void **state)
{
	WORLD;
	add_function(w, AT(1, 0, 1), 0x040300, "vfio-pci", "12");
	add_rival(w, "101", VM_YES);
	w->hosts[2][0] = AT(1, 0, 1);
	EXPECT("vm-device-shared", FAIL, "a device of the same IOMMU group");
	w->functions[2].group = "13";
	EXPECT("vm-device-shared", PASS, NULL);
}

static void a_vm_is_no_rival_of_itself(void **state)
{
	WORLD;
	start(w);
	EXPECT("vm-device-shared", PASS, NULL);
	w->vms[1].id = "4711";
	w->vms[1].manager = VM_PLAIN;
	EXPECT("vm-device-shared", PASS, NULL);
	w->m.set.running = NULL;
	EXPECT("vm-device-shared", WARN, NULL);
	w->all.count = 1;
	w->all.problems.arena = &w->m.arena;
	list_add(&w->all.problems, "/etc/pve: Permission denied");
	EXPECT("vm-device-shared", UNKNOWN, "Permission denied");
	w->m.set.vms = NULL;
	EXPECT("vm-device-shared", UNKNOWN, "was not read");
	w->devices[0].mdev = "nvidia-63";
	EXPECT("vm-device-shared", NA, NULL);
}

static void on_conventional_pci(struct world *w)
{
	w->devices[0].pcie = false;
	w->devices[0].shares_bridge = true;
	w->devices[0].bus = "pci.0";
	w->devices[0].address_space = "pcidmi";
}

static void a_device_wants_a_port_of_its_own(void **state)
{
	WORLD;
	EXPECT("vm-device-pcie", PASS, NULL);
	on_conventional_pci(w);
	configure(w, "hostpci0: 01:00.0,rombar=0\n", 9, 2, 6);
	struct finding finding = EXPECT("vm-device-pcie", FAIL, "with the VM's own disks");
	assert_string_equal(finding.remedy, "qm set 100 --hostpci0 01:00.0,rombar=0,pcie=1");
	w->vms[0].manager = VM_PLAIN;
	w->devices[0].native = false;
	EXPECT("vm-device-pcie", PASS, "shares its group");
	w->hosts[1][0] = AT(0, 1, 0);
	w->devices[1] = w->devices[0];
	w->devices[1].hosts = w->hosts[1];
	w->vms[0].device_count = 2;
	EXPECT("vm-device-pcie", WARN, "one IOMMU group in L1");
	w->devices[0].shares_bridge = false;
	w->devices[0].root_bus = true;
	EXPECT("vm-device-pcie", WARN, "root bus");
	w->devices[0].bus_known = false;
	EXPECT("vm-device-pcie", UNKNOWN, NULL);
	w->vms[0].machine_known = false;
	EXPECT("vm-device-pcie", NA, NULL);
}

static void pci_express_needs_q35(void **state)
{
	WORLD;
	w->vms[0].q35 = false;
	EXPECT("vm-device-pcie", NA, "vm-machine-q35");
	w->m.set.level = 1;
	struct finding finding = EXPECT("vm-device-pcie", FAIL, "q35 machine model is not enabled");
	assert_contains(finding.remedy, "qm set 100 --machine q35");
	w->vms[0].q35 = true;
	EXPECT("vm-device-pcie", NA, "hands no device on");
}

static void iommufd_must_be_there(void **state)
{
	WORLD;
	EXPECT("vm-device-iommufd", NA, NULL);
	w->devices[0].iommufd = true;
	EXPECT("vm-device-iommufd", PASS, NULL);
	w->m.host.kernel.vfio_cdev = KERNEL_OPTION_UNKNOWN;
	EXPECT("vm-device-iommufd", UNKNOWN, "CONFIG_VFIO_DEVICE_CDEV");
	w->m.host.kernel.vfio_cdev = KERNEL_OPTION_NOT_SET;
	EXPECT("vm-device-iommufd", FAIL, "CONFIG_VFIO_DEVICE_CDEV");
	w->m.host.modules.iommu_device = ABSENT("/dev/iommu");
	EXPECT("vm-device-iommufd", FAIL, "/dev/iommu");
	w->m.host.modules.iommu_device = UNREADABLE("/dev/iommu");
	EXPECT("vm-device-iommufd", UNKNOWN, "/dev/iommu");
}

/* ---- All ---- */

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
		test_in_world(the_host_has_what_is_given),
		test_in_world(a_mapping_knows_its_device),
		test_in_world(no_two_vms_have_a_device),
		test_in_world(a_group_belongs_to_one_vm),
		test_in_world(a_vm_is_no_rival_of_itself),
		test_in_world(a_device_wants_a_port_of_its_own),
		test_in_world(pci_express_needs_q35),
		test_in_world(iommufd_must_be_there),
		test_in_world(of_what_is_not_known_nothing_is_said),
		cmocka_unit_test(every_verdict_was_given),
	};
	return cmocka_run_group_tests_name("check-vm", tests, NULL, NULL);
}
