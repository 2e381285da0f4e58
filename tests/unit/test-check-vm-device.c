/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-judge.h"

/* clang-format off */
static struct reach reach[] = {
	{ "vm-device-exists",    P | F | U | N,     0 },
	{ "vm-device-identity",  P | F | U | N,     0 },
	{ "vm-device-shared",    P | W | F | U | N, 0 },
	{ "vm-device-pcie",      P | W | F | U | N, 0 },
	{ "vm-device-iommufd",   P | F | U | N,     0 },
	{ "vm-device-twice",                P | F | N,         0 },
	{ "vm-group-address-spaces",        P | F | U | N,     0 },
	{ 0 },
};
/* clang-format on */

#define WORLD struct world *w = *state
#define EXPECT(id, verdict, part) expect(w, reach, id, VERDICT_##verdict, part)

/* ---- Devices ---- */

static void the_host_has_what_is_given(void **state)
{
	WORLD;
	EXPECT("vm-device-exists", PASS, "hostpci0");
	w->hosts[0][1] = AT(1, 0, 1);
	w->devices[0].host_count = 2;
	struct finding finding = EXPECT("vm-device-exists", FAIL, NULL);
	assert_string_equal(finding.evidence[0].where, "/sys/bus/pci/devices/0000:01:00.1");
	w->device.address = AT(1, 0, 1);
	w->device.function = NULL;
	EXPECT("vm-device-exists", NA, "device-exists names");
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
	assert_string_equal(finding.evidence[0].what, "mapping=gpu");
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
	assert_string_equal(finding.remedy, "qm set 100 --hostpci0 01:00.0,pcie=1,rombar=0");
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

/* ---- Address spaces ---- */

/* A graphics card with its sound function, both of group 12, given by one setting. */
static void give_both(struct world *w)
{
	add_function(w, AT(1, 0, 1), 0x040300, "vfio-pci", "12");
	w->hosts[0][1] = AT(1, 0, 1);
	w->devices[0].host_count = 2;
}

static void a_group_is_in_one_address_space(void **state)
{
	WORLD;
	EXPECT("vm-group-address-spaces", NA, "one function only");
	give_both(w);
	struct finding finding = EXPECT("vm-group-address-spaces", FAIL, "group 12 used in multiple address spaces");
	assert_contains(finding.remedy, "qm set 100 --hostpci0 0000:01:00.0");
	assert_string_equal(all_failures(w), "vm-group-address-spaces");
	w->functions[2].group = "13";
	EXPECT("vm-group-address-spaces", PASS, NULL);
	w->functions[2].group = NULL;
	EXPECT("vm-group-address-spaces", UNKNOWN, "0000:01:00.1");
	w->viommus[0].first = false;
	EXPECT("vm-group-address-spaces", NA, "does not translate");
	w->vms[0].viommu_count = 0;
	EXPECT("vm-group-address-spaces", NA, "no vIOMMU");
}

static void behind_one_bridge_a_group_shares_a_space(void **state)
{
	WORLD;
	give_both(w);
	w->devices[0].host_count = 1;
	w->hosts[1][0] = AT(1, 0, 1);
	w->devices[1] = a_vm_device("hostpci1", w->hosts[1], 1);
	w->vms[0].device_count = 2;
	EXPECT("vm-group-address-spaces", FAIL, NULL);
	for (unsigned int i = 0; i < 2; i++) {
		w->devices[i].pcie = false;
		w->devices[i].shares_bridge = true;
		w->devices[i].address_space = "bridge";
	}
	EXPECT("vm-group-address-spaces", PASS, NULL);
	w->devices[1].address_space = "another";
	EXPECT("vm-group-address-spaces", FAIL, NULL);
	w->devices[1].bus_known = false;
	EXPECT("vm-group-address-spaces", UNKNOWN, "on which bus");
	w->devices[1].mdev = "nvidia-63";
	EXPECT("vm-group-address-spaces", NA, "one function only");
}

static void keeps_other_parts_of_a_setting_in_the_remedy(void **state)
{
	WORLD;
	give_both(w);
	configure(w, "hostpci0: 01:00,pcie=1,x-vga=1\n", 9, 2, 6);
	struct finding finding = EXPECT("vm-group-address-spaces", FAIL, NULL);
	assert_contains(finding.remedy, "--hostpci0 0000:01:00.0,pcie=1,x-vga=1, and leave");
	w->devices[0].mapping = "gpu";
	finding = EXPECT("vm-group-address-spaces", FAIL, NULL);
	assert_contains(finding.remedy, "mapping gpu");
	w->devices[0].native = false;
	finding = EXPECT("vm-group-address-spaces", FAIL, NULL);
	assert_contains(finding.remedy, "in args");
}

static void gives_no_device_twice(void **state)
{
	WORLD;
	EXPECT("vm-device-twice", NA, "one function only");
	w->hosts[1][0] = AT(1, 0, 1);
	w->devices[1] = a_vm_device("hostpci1", w->hosts[1], 1);
	w->vms[0].device_count = 2;
	EXPECT("vm-device-twice", PASS, NULL);
	w->hosts[1][0] = AT(1, 0, 0);
	EXPECT("vm-device-twice", FAIL, "0000:01:00.0 twice");
	w->devices[1].any_of = true;
	EXPECT("vm-device-twice", NA, NULL);
}

/* ---- All ---- */

static void every_verdict_was_given(void **state)
{
	assert_reached(reach);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(the_host_has_what_is_given),
		test_in_world(a_mapping_knows_its_device),
		test_in_world(no_two_vms_have_a_device),
		test_in_world(a_group_belongs_to_one_vm),
		test_in_world(a_vm_is_no_rival_of_itself),
		test_in_world(a_device_wants_a_port_of_its_own),
		test_in_world(pci_express_needs_q35),
		test_in_world(iommufd_must_be_there),
		test_in_world(a_group_is_in_one_address_space),
		test_in_world(behind_one_bridge_a_group_shares_a_space),
		test_in_world(keeps_other_parts_of_a_setting_in_the_remedy),
		test_in_world(gives_no_device_twice),
		cmocka_unit_test(every_verdict_was_given),
	};
	return cmocka_run_group_tests_name("check-vm-device", tests, NULL, NULL);
}
