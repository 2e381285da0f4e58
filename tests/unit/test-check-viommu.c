/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-judge.h"

/* clang-format off */
static struct reach reach[] = {
	{ "vm-viommu-present",              P | W | F | N,     0 },
	{ "vm-viommu-one",                  P | F | N,         0 },
	{ "vm-viommu-model",                P | W | F | N,     0 },
	{ "vm-viommu-first",                P | W | F | U | N, 0 },
	{ "vm-viommu-bus",                  P | F | N,         0 },
	{ "vm-bypass",                      P | F | N,         0 },
	{ "vm-running-viommu",              P | F | U | N,     0 },
	{ "vm-viommu-caching-mode",         P | F | U | N,     0 },
	{ "vm-irqchip-split",               P | W | F | U | N, 0 },
	{ "vm-viommu-interrupt-remapping",  P | F | U | N,     0 },
	{ "vm-viommu-eim",                  P | W | F | U | N, 0 },
	{ 0 },
};
/* clang-format on */

#define WORLD struct world *w = *state
#define EXPECT(id, verdict, part) expect(w, reach, id, VERDICT_##verdict, part)

static void without_viommu(struct world *w)
{
	w->vms[0].viommu_count = 0;
	w->vms[0].irqchip = VM_IRQCHIP_DEFAULT;
}

static void as_plain(struct world *w)
{
	w->vms[0].manager = VM_PLAIN;
	w->vms[0].source = VM_FROM_COMMAND_LINE;
	w->viommus[0].where = "-device intel-iommu,intremap=on,caching-mode=on";
	w->viommus[0].native = false;
	w->devices[0].native = false;
	w->devices[0].name = "-device vfio-pci number 1";
}

/* ---- One cause, one failure ---- */

static void a_right_vm_fails_nowhere(void **state)
{
	WORLD;
	assert_string_equal(all_failures(w), "");
	as_plain(w);
	assert_string_equal(all_failures(w), "");
	w->viommus[0].intremap = VM_UNKNOWN;
	assert_string_equal(all_failures(w), "");
	w->vms[0].viommu_count = 0;
	w->vms[0].device_count = 0;
	w->vms[0].irqchip = VM_IRQCHIP_DEFAULT;
	assert_string_equal(all_failures(w), "");
	EXPECT("vm-viommu-present", NA, "is given no device of this host");
}

static void each_fault_is_one_failure_that_names_it(void **state)
{
	WORLD;
	for (unsigned int plain = 0; plain < 2; plain++) {
		make_vm(w);
		if (plain)
			as_plain(w);
		const struct vm right = w->vms[0];
		const struct vm_viommu right_viommu = w->viommus[0];
		without_viommu(w);
		assert_string_equal(all_failures(w), "vm-viommu-present");
		w->vms[0] = right;
		w->viommus[0].caching_mode = VM_NO;
		assert_string_equal(all_failures(w), "vm-viommu-caching-mode");
		w->viommus[0] = right_viommu;
		w->vms[0].irqchip = VM_IRQCHIP_DEFAULT;
		assert_string_equal(all_failures(w), "vm-irqchip-split");
		w->viommus[0].intremap = VM_UNKNOWN;
		assert_string_equal(all_failures(w), "vm-irqchip-split");
		w->viommus[0].intremap = VM_NO;
		assert_string_equal(all_failures(w), "vm-viommu-interrupt-remapping");
		w->vms[0] = right;
		w->viommus[0] = right_viommu;
		w->viommus[0].first = false;
		w->viommus[0].after = "vfio-pci 0000:01:00.0";
		assert_string_equal(all_failures(w), "vm-viommu-first");
		w->viommus[0] = right_viommu;
		w->vms[0].viommu_count = 2;
		w->viommus[1] = right_viommu;
		assert_string_equal(all_failures(w), "vm-viommu-one");
		w->vms[0] = right;
		w->vms[0].q35 = false;
		w->vms[0].machine = "pc-i440fx-10.1";
		without_viommu(w);
		assert_string_equal(all_failures(w), "vm-machine-q35");
		w->vms[0] = right;
		w->vms[0].bypass_iommu = true;
		assert_string_equal(all_failures(w), "vm-bypass");
	}
}

static void an_l2_needs_no_vm_for_hypervisors(void **state)
{
	WORLD;
	w->m.set.level = 1;
	without_viommu(w);
	w->vms[0].nested_cpu = VM_NO;
	w->vms[0].q35 = false;
	w->devices[0].pcie = false;
	assert_string_equal(all_failures(w), "");
	EXPECT("vm-viommu-present", NA, "no hypervisor");
	EXPECT("vm-viommu-first", NA, "needs no vIOMMU");
	EXPECT("vm-running-viommu", NA, "L2");
}

static void a_vm_of_no_known_kind_is_not_judged(void **state)
{
	WORLD;
	w->vms[0].machine_known = false;
	w->vms[0].machine = "microvm";
	EXPECT("vm-viommu-model", NA, "microvm");
	w->vms[0].viommu_count = 0;
	EXPECT("vm-viommu-present", NA, "not judged");
}

/* ---- Is there one? ---- */

static void says_how_to_get_a_viommu_on_every_manager(void **state)
{
	WORLD;
	struct finding finding = EXPECT("vm-viommu-present", PASS, "intel-iommu");
	without_viommu(w);
	w->vms[0].machine = "q35";
	finding = EXPECT("vm-viommu-present", FAIL, "no vIOMMU");
	assert_string_equal(finding.remedy, "qm set 100 --machine q35,viommu=intel");
	assert_int(finding.restart, RESTART_VM);
	configure(w, "machine: enable-s3=1,type=pc-q35-9.2+pve1\n", 9, 2, 6);
	finding = EXPECT("vm-viommu-present", FAIL, NULL);
	assert_string_equal(finding.remedy, "qm set 100 --machine pc-q35-9.2+pve1,enable-s3=1,viommu=intel");
	w->m.host.versions.qemu_server = (struct version){ KNOWN("/var/lib/dpkg/status", "7.4-2"), { 7, 4, 2 } };
	finding = EXPECT("vm-viommu-present", FAIL, NULL);
	assert_contains(finding.remedy, "nestpci-wrapper(8)");
	w->m.host.versions.qemu_server.fact = UNREADABLE("/var/lib/dpkg/status");
	finding = EXPECT("vm-viommu-present", FAIL, NULL);
	assert_contains(finding.remedy, "qemu-server 8.1.2 or later");
	w->vms[0].manager = VM_LIBVIRT;
	finding = EXPECT("vm-viommu-present", FAIL, NULL);
	assert_contains(finding.remedy, "virsh edit l1: <iommu model='intel'>");
	w->vms[0].manager = VM_PLAIN;
	finding = EXPECT("vm-viommu-present", FAIL, NULL);
	assert_contains(finding.remedy, "nestpci rewrite");
}

static void sees_a_viommu_that_something_adds(void **state)
{
	WORLD;
	start(w);
	w->vms[0].viommu_count = 0;
	w->vms[0].irqchip = VM_IRQCHIP_DEFAULT;
	EXPECT("vm-viommu-present", WARN, "adds it at each start");
	EXPECT("vm-irqchip-split", PASS, NULL);
	EXPECT("vm-running-viommu", NA, "no vIOMMU by its definition");
	assert_string_equal(all_failures(w), "");
}

static void a_machine_that_is_not_taken_is_the_releases_matter(void **state)
{
	WORLD;
	without_viommu(w);
	configure(w, "machine: q35,viommu=intel,aw-bits=39\n", 8, 4, 10);
	EXPECT("vm-viommu-present", NA, "vm-release");
	w->vms[0].q35 = false;
	assert_string_equal(all_failures(w), "vm-release");
	configure(w, "machine: q35,viommu=intel\n", 7, 4, 2);
	assert_string_equal(all_failures(w), "vm-release");
}

static void takes_one_viommu_only(void **state)
{
	WORLD;
	EXPECT("vm-viommu-one", PASS, NULL);
	w->vms[0].viommu_count = 2;
	w->viommus[1] = (struct vm_viommu){ .model = VM_VIOMMU_INTEL, .where = "args: -device intel-iommu" };
	struct finding finding = EXPECT("vm-viommu-one", FAIL, "2 vIOMMUs");
	assert_string_equal(finding.evidence[1].what, "args: -device intel-iommu");
	w->vms[0].viommu_count = 0;
	EXPECT("vm-viommu-one", NA, NULL);
}

/* ---- Of which model? ---- */

static void prefers_intel_iommu_on_every_host(void **state)
{
	WORLD;
	EXPECT("vm-viommu-model", PASS, "Intel's and AMD's");
	w->viommus[0].model = VM_VIOMMU_AMD;
	struct finding finding = EXPECT("vm-viommu-model", FAIL, "dma-remap=on");
	assert_contains(finding.remedy, "--machine pc-q35-10.1,viommu=intel");
	w->viommus[0].dma_remap = VM_YES;
	EXPECT("vm-viommu-model", WARN, "reported not to work");
	w->m.host.versions.qemu = (struct version){ KNOWN("/var/lib/dpkg/status", "10.1.2-3"), { 10, 1, 2 } };
	EXPECT("vm-viommu-model", FAIL, "QEMU 10.1.2-3");
	EXPECT("vm-viommu-caching-mode", NA, "amd-iommu");
}

static void virtio_iommu_does_not_remap_interrupts(void **state)
{
	WORLD;
	w->viommus[0] = (struct vm_viommu){ .model = VM_VIOMMU_VIRTIO,
					    .where = "machine: q35,viommu=virtio",
					    .native = true,
					    .after = "vfio-pci 0000:01:00.0" };
	w->vms[0].irqchip = VM_IRQCHIP_DEFAULT;
	EXPECT("vm-viommu-model", FAIL, "Proxmox VE puts behind the devices");
	EXPECT("vm-viommu-first", NA, "Proxmox VE's choice");
	EXPECT("vm-viommu-interrupt-remapping", NA, "vm-viommu-model");
	EXPECT("vm-irqchip-split", NA, NULL);
	assert_string_equal(all_failures(w), "vm-viommu-model");
	w->viommus[0].first = true;
	w->viommus[0].native = false;
	EXPECT("vm-viommu-model", WARN, "allow_unsafe_interrupts=1");
	w->devices[0].shares_bridge = true;
	EXPECT("vm-viommu-model", FAIL, "aliased BDF");
	w->vms[0].q35 = false;
	EXPECT("vm-viommu-model", NA, "no q35");
}

static void virtio_iommu_is_on_the_root_bus(void **state)
{
	WORLD;
	EXPECT("vm-viommu-bus", NA, NULL);
	w->viommus[0].model = VM_VIOMMU_VIRTIO;
	EXPECT("vm-viommu-bus", PASS, NULL);
	w->viommus[0].bus = "pcie.0";
	EXPECT("vm-viommu-bus", PASS, NULL);
	w->viommus[0].bus = "pci.0";
	EXPECT("vm-viommu-bus", FAIL, "'pci.0'");
	w->vms[0].q35 = false;
	EXPECT("vm-viommu-bus", PASS, NULL);
}

/* ---- Where? ---- */

static void a_viommu_behind_a_device_does_not_translate_it(void **state)
{
	WORLD;
	EXPECT("vm-viommu-first", PASS, NULL);
	w->viommus[0].native = false;
	w->viommus[0].first = false;
	w->viommus[0].after = "vfio-pci 0000:01:00.0";
	w->viommus[0].where = "args: -device intel-iommu,caching-mode=on";
	struct finding finding = EXPECT("vm-viommu-first", FAIL, "created behind vfio-pci 0000:01:00.0");
	assert_contains(finding.remedy, "qm set 100 --machine pc-q35-10.1,viommu=intel");
	assert_contains(finding.remedy, "take the -device intel-iommu out");
	w->m.set.level = 1;
	EXPECT("vm-viommu-first", WARN, NULL);
}

static void no_device_bypasses_the_viommu(void **state)
{
	WORLD;
	EXPECT("vm-bypass", PASS, NULL);
	w->vms[0].bypass_iommu = true;
	EXPECT("vm-bypass", FAIL, "default_bus_bypass_iommu");
	w->m.set.level = 1;
	EXPECT("vm-bypass", NA, "L2");
}

static void what_runs_may_be_older_than_its_definition(void **state)
{
	WORLD;
	EXPECT("vm-running-viommu", NA, "does not run");
	w->vms[0].running = VM_UNKNOWN;
	EXPECT("vm-running-viommu", UNKNOWN, NULL);
	start(w);
	EXPECT("vm-running-viommu", PASS, NULL);
	struct vm_viommu old = w->viommus[0];
	w->vms[1].viommus = &old;
	old.first = false;
	EXPECT("vm-running-viommu", FAIL, "its vIOMMU behind a device");
	old = w->viommus[0];
	old.caching_mode = VM_NO;
	EXPECT("vm-running-viommu", FAIL, "without caching-mode");
	old.model = VM_VIOMMU_VIRTIO;
	EXPECT("vm-running-viommu", FAIL, "another model");
	w->vms[1].viommu_count = 0;
	struct finding finding = EXPECT("vm-running-viommu", FAIL, "no vIOMMU");
	assert_string_equal(finding.remedy, "qm shutdown 100; qm start 100");
	assert_string_equal(finding.evidence[0].where, "process 4711");
	assert_string_equal(all_failures(w), "vm-running-viommu");
	w->vms[0].source = VM_FROM_PROCESS;
	EXPECT("vm-running-viommu", NA, "command line only");
}

static void a_file_does_not_run(void **state)
{
	WORLD;
	struct vm of_file = w->vms[0];
	of_file.running = VM_UNKNOWN;
	w->m.set.vm = &of_file;
	w->m.set.running = NULL;
	EXPECT("vm-running-viommu", NA, "a file, which does not run");
}

/* ---- Settings ---- */

static void wants_caching_mode_at_every_level(void **state)
{
	WORLD;
	EXPECT("vm-viommu-caching-mode", PASS, NULL);
	w->viommus[0].caching_mode = VM_UNKNOWN;
	EXPECT("vm-viommu-caching-mode", UNKNOWN, NULL);
	w->viommus[0].caching_mode = VM_NO;
	struct finding finding = EXPECT("vm-viommu-caching-mode", FAIL, "refuses devices of the host");
	assert_contains(finding.remedy, "-global intel-iommu.caching-mode");
	w->m.set.level = 1;
	EXPECT("vm-viommu-caching-mode", FAIL, NULL);
	w->vms[0].viommu_count = 0;
	EXPECT("vm-viommu-caching-mode", NA, "no hypervisor");
}

static void interrupts_are_remapped_with_a_split_irqchip(void **state)
{
	WORLD;
	EXPECT("vm-viommu-interrupt-remapping", PASS, NULL);
	w->viommus[0].intremap = VM_UNKNOWN;
	EXPECT("vm-viommu-interrupt-remapping", PASS, "switches it on by itself");
	w->vms[0].irqchip = VM_IRQCHIP_DEFAULT;
	EXPECT("vm-viommu-interrupt-remapping", NA, "vm-irqchip-split");
	w->vms[0].kvm = VM_NO;
	EXPECT("vm-viommu-interrupt-remapping", PASS, NULL);
	EXPECT("vm-irqchip-split", NA, "without KVM");
	w->vms[0].kvm = VM_UNKNOWN;
	EXPECT("vm-viommu-interrupt-remapping", UNKNOWN, NULL);
	EXPECT("vm-irqchip-split", UNKNOWN, NULL);
	w->viommus[0].intremap = VM_NO;
	EXPECT("vm-viommu-interrupt-remapping", FAIL, "intremap=off");
}

static void wants_a_split_irqchip(void **state)
{
	WORLD;
	EXPECT("vm-irqchip-split", PASS, NULL);
	w->vms[0].irqchip = VM_IRQCHIP_ON;
	EXPECT("vm-irqchip-split", FAIL, "refuses intremap=on");
	w->viommus[0].intremap = VM_UNKNOWN;
	struct finding finding = EXPECT("vm-irqchip-split", FAIL, "without a word");
	assert_string_equal(finding.wanted, "kernel-irqchip=split");
	w->m.set.level = 1;
	EXPECT("vm-irqchip-split", NA, "L2");
	w->viommus[0].intremap = VM_YES;
	EXPECT("vm-irqchip-split", FAIL, "refuses intremap=on");
}

static void an_irqchip_outside_the_kernel_goes_by_the_release(void **state)
{
	WORLD;
	w->vms[0].irqchip = VM_IRQCHIP_OFF;
	EXPECT("vm-irqchip-split", FAIL, "userspace APIC");
	w->m.host.versions.qemu.fact = UNREADABLE("/var/lib/dpkg/status");
	EXPECT("vm-irqchip-split", UNKNOWN, NULL);
	w->m.host.versions.qemu = (struct version){ KNOWN("/var/lib/dpkg/status", "7.2.10"), { 7, 2, 10 } };
	EXPECT("vm-irqchip-split", WARN, "8.0 and later refuse");
}

static void many_cpus_want_extended_interrupts(void **state)
{
	WORLD;
	EXPECT("vm-viommu-eim", NA, "4 CPUs");
	w->vms[0].cpus = 0;
	EXPECT("vm-viommu-eim", UNKNOWN, NULL);
	w->vms[0].cpus = 255;
	EXPECT("vm-viommu-eim", NA, NULL);
	w->vms[0].cpus = 256;
	EXPECT("vm-viommu-eim", PASS, "by itself");
	w->viommus[0].eim = VM_YES;
	EXPECT("vm-viommu-eim", PASS, NULL);
	w->viommus[0].eim = VM_NO;
	EXPECT("vm-viommu-eim", FAIL, "eim=off");
	w->viommus[0].eim = VM_UNKNOWN;
	w->vms[0].kvm = VM_UNKNOWN;
	EXPECT("vm-viommu-eim", UNKNOWN, NULL);
	w->vms[0].irqchip = VM_IRQCHIP_DEFAULT;
	EXPECT("vm-viommu-eim", NA, "split irqchip first");
}

/* ---- All ---- */

static void every_verdict_was_given(void **state)
{
	assert_reached(reach);
}

static struct version libvirt_version(const char *text, unsigned int major, unsigned int minor)
{
	return (struct version){ KNOWN("/var/lib/dpkg/status", text), { major, minor, 0 } };
}

/* An XML that libvirt has not taken yet. */
static void libvirt_adds_what_a_file_lacks(void **state)
{
	WORLD;
	w->vms[0].manager = VM_LIBVIRT;
	w->vms[0].uri = NULL;
	w->vms[0].irqchip = VM_IRQCHIP_DEFAULT;
	w->viommus[0].native = true;
	w->viommus[0].intremap = VM_YES;
	EXPECT("vm-irqchip-split", WARN, "10.10 and later adds it");
	w->m.host.versions.libvirt = libvirt_version("9.0.0", 9, 0);
	EXPECT("vm-irqchip-split", FAIL, "refuses intremap=on");
	w->m.host.versions.libvirt = libvirt_version("11.0.0", 11, 0);
	EXPECT("vm-irqchip-split", PASS, "libvirt 11.0.0 splits");
	w->vms[0].uri = "qemu:///system";
	EXPECT("vm-irqchip-split", FAIL, NULL);
	w->vms[0].irqchip = VM_IRQCHIP_SPLIT;
	w->vms[0].cpus = 256;
	w->viommus[0].eim = VM_UNKNOWN;
	EXPECT("vm-viommu-eim", PASS, NULL);
	w->m.host.versions.libvirt = libvirt_version("9.0.0", 9, 0);
	EXPECT("vm-viommu-eim", FAIL, "libvirt refuses");
	w->m.host.versions.libvirt.fact = UNREADABLE("/var/lib/dpkg/status");
	EXPECT("vm-viommu-eim", WARN, "before 10.10");
}

static void an_order_can_be_a_guess(void **state)
{
	WORLD;
	w->viommus[0].doubt = "it depends";
	EXPECT("vm-viommu-first", UNKNOWN, "it depends");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(a_right_vm_fails_nowhere),
		test_in_world(libvirt_adds_what_a_file_lacks),
		test_in_world(an_order_can_be_a_guess),
		test_in_world(each_fault_is_one_failure_that_names_it),
		test_in_world(an_l2_needs_no_vm_for_hypervisors),
		test_in_world(a_vm_of_no_known_kind_is_not_judged),
		test_in_world(says_how_to_get_a_viommu_on_every_manager),
		test_in_world(sees_a_viommu_that_something_adds),
		test_in_world(a_machine_that_is_not_taken_is_the_releases_matter),
		test_in_world(takes_one_viommu_only),
		test_in_world(prefers_intel_iommu_on_every_host),
		test_in_world(virtio_iommu_does_not_remap_interrupts),
		test_in_world(virtio_iommu_is_on_the_root_bus),
		test_in_world(a_viommu_behind_a_device_does_not_translate_it),
		test_in_world(no_device_bypasses_the_viommu),
		test_in_world(what_runs_may_be_older_than_its_definition),
		test_in_world(a_file_does_not_run),
		test_in_world(wants_caching_mode_at_every_level),
		test_in_world(interrupts_are_remapped_with_a_split_irqchip),
		test_in_world(wants_a_split_irqchip),
		test_in_world(an_irqchip_outside_the_kernel_goes_by_the_release),
		test_in_world(many_cpus_want_extended_interrupts),
		cmocka_unit_test(every_verdict_was_given),
	};
	return cmocka_run_group_tests_name("check-viommu", tests, NULL, NULL);
}
