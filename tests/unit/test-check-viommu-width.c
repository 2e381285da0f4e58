/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-judge.h"

/* clang-format off */
static struct reach reach[] = {
	{ "vm-viommu-width",                P | W | F | U | N, 0 },
	{ "vm-viommu-options",              P | W | F | U | N, 0 },
	{ "vm-guest-phys-bits",             P | W | U | N,     0 },
	{ "vm-phys-bits-memory",            P | F | U,         0 },
	{ "vm-pdpe1gb",                     P | W | U | N,     0 },
	{ 0 },
};
/* clang-format on */

#define WORLD struct world *w = *state
#define EXPECT(id, verdict, part) expect(w, reach, id, VERDICT_##verdict, part)

/* ---- Widths ---- */

static void the_viommu_is_no_wider_than_the_host_s(void **state)
{
	WORLD;
	EXPECT("vm-viommu-width", PASS, "48 bits by QEMU's default");
	w->m.units[0].width = 39;
	struct finding finding = EXPECT("vm-viommu-width", FAIL, "has 48 bits, and this host's IOMMU translates 39");
	assert_string_equal(finding.remedy, "qm set 100 --machine pc-q35-10.1,aw-bits=39,viommu=intel");
	w->viommus[0].aw_bits = 39;
	EXPECT("vm-viommu-width", PASS, NULL);
	w->viommus[0].aw_bits = 42;
	EXPECT("vm-viommu-width", FAIL, "39 and 48 only");
	w->viommus[0].aw_bits = 48;
	w->m.host.versions.qemu = (struct version){ KNOWN("/var/lib/dpkg/status", "7.2.10"), { 7, 2, 10 } };
	EXPECT("vm-viommu-width", WARN, "9.1 and later refuse");
	w->m.units[0].width = 36;
	finding = EXPECT("vm-viommu-width", FAIL, "at least 39");
	w->m.units[0].width = 0;
	EXPECT("vm-viommu-width", UNKNOWN, "not known");
}

static void qemu_s_default_width_goes_by_its_release(void **state)
{
	WORLD;
	w->m.units[0].width = 39;
	w->vms[0].machine_version = "9.1";
	EXPECT("vm-viommu-width", PASS, "39 bits by QEMU's default");
	w->vms[0].machine_version = "9.2";
	EXPECT("vm-viommu-width", FAIL, "48 bits");
	w->vms[0].machine_version = NULL;
	EXPECT("vm-viommu-width", FAIL, "48 bits");
	w->m.host.versions.qemu = (struct version){ KNOWN("/var/lib/dpkg/status", "9.2.0-7"), { 9, 2, 0 } };
	EXPECT("vm-viommu-width", PASS, "39 bits");
	w->m.host.versions.qemu.fact = ABSENT("/var/lib/dpkg/status");
	EXPECT("vm-viommu-width", UNKNOWN, "39 or 48");
	w->m.units[0].width = 48;
	EXPECT("vm-viommu-width", PASS, NULL);
}

static void without_q35_there_is_no_width(void **state)
{
	WORLD;
	w->vms[0].q35 = false;
	w->m.units[0].width = 39;
	EXPECT("vm-viommu-width", NA, "no q35");
}

static void large_memory_wants_48_bits(void **state)
{
	WORLD;
	w->viommus[0].aw_bits = 39;
	w->vms[0].memory_mib = UINT64_C(1024) * 1024;
	struct finding finding = EXPECT("vm-viommu-width", WARN, "1024 GiB");
	assert_string_equal(finding.wanted, "aw-bits=48");
	w->m.host.versions.qemu_server = (struct version){ KNOWN("/var/lib/dpkg/status", "8.4.10"), { 8, 4, 10 } };
	finding = EXPECT("vm-viommu-width", WARN, NULL);
	assert_string_equal(finding.remedy, "qm set 100 --args '-global intel-iommu.aw-bits=48'");
}

static void first_stage_tables_have_one_bit_less(void **state)
{
	WORLD;
	w->m.units[0].first_stage = true;
	struct finding finding = EXPECT("vm-viommu-width", WARN, "one less");
	assert_string_equal(finding.wanted, "aw-bits=39");
	w->m.units[0].width = 57;
	EXPECT("vm-viommu-width", PASS, NULL);
}

static void virtio_s_width_goes_by_the_release(void **state)
{
	WORLD;
	w->viommus[0].model = VM_VIOMMU_AMD;
	EXPECT("vm-viommu-width", NA, "amd-iommu");
	w->viommus[0].model = VM_VIOMMU_VIRTIO;
	EXPECT("vm-viommu-width", NA, "default width");
	w->viommus[0].aw_bits = 39;
	EXPECT("vm-viommu-width", NA, "by itself");
	w->viommus[0].aw_bits = 20;
	EXPECT("vm-viommu-width", FAIL, "32 to 64");
	w->viommus[0].aw_bits = 48;
	w->m.host.versions.qemu = (struct version){ KNOWN("/var/lib/dpkg/status", "8.1.5-5"), { 8, 1, 5 } };
	EXPECT("vm-viommu-width", FAIL, "does not know");
}

static void some_options_are_in_the_way(void **state)
{
	WORLD;
	EXPECT("vm-viommu-options", PASS, NULL);
	w->viommus[0].scalable = VM_YES;
	EXPECT("vm-viommu-options", WARN, "x-scalable-mode=on");
	w->viommus[0].first_level = VM_YES;
	EXPECT("vm-viommu-options", FAIL, "iommufd");
	w->devices[0].iommufd = true;
	EXPECT("vm-viommu-options", WARN, "x-flts=on");
	w->devices[0].shares_bridge = true;
	EXPECT("vm-viommu-options", FAIL, "bridge");
	w->m.host.versions.qemu = (struct version){ KNOWN("/var/lib/dpkg/status", "10.1.2-3"), { 10, 1, 2 } };
	EXPECT("vm-viommu-options", FAIL, "before QEMU 11");
	w->viommus[0].first_level = VM_NO;
	w->viommus[0].dma_translation = VM_NO;
	EXPECT("vm-viommu-options", FAIL, "dma-translation=off");
	w->viommus[0].snoop_control = VM_YES;
	EXPECT("vm-viommu-options", FAIL, "snoop-control=on");
	w->viommus[0] = (struct vm_viommu){ .model = VM_VIOMMU_INTEL };
	EXPECT("vm-viommu-options", UNKNOWN, NULL);
	w->vms[0].viommu_count = 0;
	EXPECT("vm-viommu-options", NA, NULL);
}

static void the_guest_s_addresses_fit_the_iommu(void **state)
{
	WORLD;
	EXPECT("vm-guest-phys-bits", PASS, "46 bits");
	w->m.units[0].width = 39;
	struct finding finding = EXPECT("vm-guest-phys-bits", WARN, "46 bits in VM 100");
	assert_string_equal(finding.remedy, "qm set 100 --cpu host,guest-phys-bits=39");
	configure(w, "cpu: host,flags=+aes\n", 8, 4, 10);
	w->m.host.versions.qemu_server = (struct version){ KNOWN("/var/lib/dpkg/status", "8.4.10"), { 8, 4, 10 } };
	finding = EXPECT("vm-guest-phys-bits", WARN, NULL);
	assert_string_equal(finding.remedy, "qm set 100 --cpu host,flags=+aes,phys-bits=39");
	w->vms[0].phys_bits = 0;
	w->vms[0].cpu = NULL;
	EXPECT("vm-guest-phys-bits", WARN, "40 bits");
	w->vms[0].cpu = "custom-mine";
	EXPECT("vm-guest-phys-bits", UNKNOWN, NULL);
	w->vms[0].guest_phys_bits = 39;
	EXPECT("vm-guest-phys-bits", PASS, "39 bits");
	w->m.units[0].width = 0;
	EXPECT("vm-guest-phys-bits", UNKNOWN, "IOMMU");
	w->vms[0].device_count = 0;
	EXPECT("vm-guest-phys-bits", NA, NULL);
}

static void memory_fits_into_physical_addresses(void **state)
{
	WORLD;
	EXPECT("vm-phys-bits-memory", PASS, "46 bits");
	w->vms[0].phys_bits = 36;
	w->vms[0].memory_mib = 65537;
	EXPECT("vm-phys-bits-memory", FAIL, "36 bits");
	w->vms[0].memory_mib = 65536;
	EXPECT("vm-phys-bits-memory", PASS, NULL);
	w->vms[0].memory_mib = 0;
	EXPECT("vm-phys-bits-memory", UNKNOWN, "the memory");
}

static void ovmf_wants_large_pages_for_wide_addresses(void **state)
{
	WORLD;
	EXPECT("vm-pdpe1gb", PASS, NULL);
	w->vms[0].pdpe1gb = VM_NO;
	EXPECT("vm-pdpe1gb", WARN, "40 bits");
	w->vms[0].pdpe1gb = VM_UNKNOWN;
	w->vms[0].cpu = "host";
	w->m.host.cpu.pdpe1gb = true;
	EXPECT("vm-pdpe1gb", PASS, NULL);
	w->m.host.cpu.pdpe1gb = false;
	EXPECT("vm-pdpe1gb", WARN, "40 bits");
	w->m.host.cpu.pdpe1gb = true;
	w->vms[0].cpu = "Skylake-Server";
	EXPECT("vm-pdpe1gb", UNKNOWN, "pdpe1gb");
	w->vms[0].ovmf = VM_UNKNOWN;
	EXPECT("vm-pdpe1gb", UNKNOWN, "OVMF");
	w->vms[0].ovmf = VM_NO;
	EXPECT("vm-pdpe1gb", NA, NULL);
}

/* ---- All ---- */

static void every_verdict_was_given(void **state)
{
	assert_reached(reach);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(the_viommu_is_no_wider_than_the_host_s),
		test_in_world(qemu_s_default_width_goes_by_its_release),
		test_in_world(without_q35_there_is_no_width),
		test_in_world(large_memory_wants_48_bits),
		test_in_world(first_stage_tables_have_one_bit_less),
		test_in_world(virtio_s_width_goes_by_the_release),
		test_in_world(some_options_are_in_the_way),
		test_in_world(the_guest_s_addresses_fit_the_iommu),
		test_in_world(memory_fits_into_physical_addresses),
		test_in_world(ovmf_wants_large_pages_for_wide_addresses),
		cmocka_unit_test(every_verdict_was_given),
	};
	return cmocka_run_group_tests_name("check-viommu-width", tests, NULL, NULL);
}
