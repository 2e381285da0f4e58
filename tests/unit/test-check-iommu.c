/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judging the IOMMU: is it there, does the kernel drive it, how does it translate, what does it isolate? */
#include "check-model.h"

/* No unit, no group; everything else as it was. */
static void switch_iommu_off(struct model *m)
{
	m->host.iommus.count = 0;
	m->host.iommus.group_count = 0;
	m->host.machine.remapped_interrupts = 0;
	m->host.machine.plain_interrupts = 40;
	m->host.machine.interrupt_evidence = "IO-APIC 2-edge timer";
}

static void remove_table(struct model *m)
{
	switch_iommu_off(m);
	m->host.iommus.dmar = NULL;
	m->host.iommus.dmar_file = fact_gone("/sys/firmware/acpi/tables/DMAR");
}

static void make_amd(struct model *m)
{
	struct iommus *iommus = &m->host.iommus;
	m->host.cpu.vendor = CPU_AMD;
	m->host.cpu.vmx = false;
	m->host.cpu.svm = true;
	m->host.kvm.module = "kvm_amd";
	iommus->dmar = NULL;
	iommus->dmar_file = fact_gone("/sys/firmware/acpi/tables/DMAR");
	iommus->ivrs_file = fact_with("/sys/firmware/acpi/tables/IVRS", NULL, 0);
	m->ivrs = (struct ivrs){ .oem_id = "AMD   ", .checksum_ok = true };
	iommus->ivrs = &m->ivrs;
	m->units[0] = (struct iommu_unit){
		.name = "ivhd0",
		.kind = IOMMU_AMD,
		.cap = fact_with("/sys/class/iommu/ivhd0/amd-iommu/cap", "190b640f", 0x190b640f),
		.features = fact_with("/sys/class/iommu/ivhd0/amd-iommu/features", "29d7", 0x29d7),
		.width = 48,
		.translates = true
	};
}

/* ---- Is it there ---- */

static void no_table_on_bare_metal_is_the_firmware(void **state)
{
	struct model *m = *state;
	make_l0(m);
	remove_table(m);
	assert_verdict(m, "iommu-firmware-table", VERDICT_FAIL, "firmware tells of no IOMMU");
	assert_int(find_finding(m, "iommu-firmware-table")->actor, ACTOR_FIRMWARE);
	assert_verdict(m, "iommu-active", VERDICT_NA, "follows from iommu-firmware-table");
	assert_verdict(m, "interrupt-remapping", VERDICT_NA, "follows from iommu-firmware-table");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
	assert_int(count_verdicts(m, VERDICT_UNKNOWN), 0);
}

/* "DMAR: IOMMU enabled" in the log and intel_iommu=on say that the parameter was read, and nothing else. */
static void the_parameter_alone_is_no_viommu(void **state)
{
	struct model *m = *state;
	make_l1(m);
	remove_table(m);
	set_cmdline(m, "intel_iommu=on iommu=pt");
	assert_verdict(m, "iommu-firmware-table", VERDICT_FAIL, "this VM has no vIOMMU");
	assert_int(find_finding(m, "iommu-firmware-table")->actor, ACTOR_OUTER);
	assert_int(find_finding(m, "iommu-firmware-table")->restart, RESTART_VM);
	assert_contains(find_finding(m, "iommu-firmware-table")->remedy, "viommu=intel");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

static void folders_without_entries_are_no_iommu(void **state)
{
	struct model *m = *state;
	make_l0(m);
	switch_iommu_off(m);
	assert_verdict(m, "iommu-active", VERDICT_FAIL, "is empty");
	assert_verdict(m, "iommu-groups", VERDICT_NA, "follows from iommu-active");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

static void loaded_vfio_is_no_iommu(void **state)
{
	struct model *m = *state;
	make_l0(m);
	remove_table(m);
	assert_verdict(m, "vfio-present", VERDICT_PASS, "loaded");
	assert_verdict(m, "iommu-firmware-table", VERDICT_FAIL, NULL);
}

/* VFIO's mode without an IOMMU makes groups, too. */
static void groups_without_a_unit_are_no_proof(void **state)
{
	struct model *m = *state;
	make_l0(m);
	switch_iommu_off(m);
	m->host.iommus.group_count = 1;
	assert_verdict(m, "iommu-active", VERDICT_FAIL, NULL);
	assert_verdict(m, "iommu-groups", VERDICT_NA, NULL);
}

static void a_table_that_only_root_may_read_is_there(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.root_user = false;
	m->host.iommus.dmar = NULL;
	m->host.iommus.dmar_file = fact_denied("/sys/firmware/acpi/tables/DMAR");
	assert_verdict(m, "iommu-firmware-table", VERDICT_PASS, "DMAR");
	assert_verdict(m, "iommu-firmware-bugs", VERDICT_UNKNOWN, "but by root");
	assert_true(find_finding(m, "iommu-firmware-bugs")->denied);
	assert_int(count_verdicts(m, VERDICT_FAIL), 0);
}

static void without_acpi_no_table_says_nothing(void **state)
{
	struct model *m = *state;
	make_l0(m);
	remove_table(m);
	m->host.iommus.tables = fact_gone("/sys/firmware/acpi/tables");
	assert_verdict(m, "iommu-firmware-table", VERDICT_UNKNOWN, "/sys/firmware/acpi/tables");
	assert_verdict(m, "iommu-active", VERDICT_FAIL, NULL);
}

static void intels_viommu_on_amd_is_right(void **state)
{
	struct model *m = *state;
	make_l1(m);
	m->host.cpu.vendor = CPU_AMD;
	assert_verdict(m, "iommu-firmware-table", VERDICT_PASS, "DMAR");
	assert_verdict(m, "iommu-kind", VERDICT_PASS, "on an AMD processor");
	assert_int(count_verdicts(m, VERDICT_FAIL), 0);
}

static void amd_needs_no_parameter(void **state)
{
	struct model *m = *state;
	make_l0(m);
	make_amd(m);
	set_cmdline(m, "quiet");
	assert_verdict(m, "iommu-default", VERDICT_PASS, "no further parameter");
	assert_int(count_verdicts(m, VERDICT_FAIL) + count_verdicts(m, VERDICT_WARN) +
			   count_verdicts(m, VERDICT_UNKNOWN),
		   0);
	switch_iommu_off(m);
	assert_verdict(m, "iommu-default", VERDICT_NA, "only Intel's");
}

/* ---- Parameters ---- */

static void a_kernel_that_is_on_by_default_needs_no_parameter(void **state)
{
	struct model *m = *state;
	make_l0(m);
	assert_verdict(m, "iommu-default", VERDICT_PASS, "no further parameter");
	switch_iommu_off(m);
	assert_verdict(m, "iommu-default", VERDICT_PASS, "by itself");
}

static void a_kernel_that_is_off_by_default_needs_one(void **state)
{
	struct model *m = *state;
	make_l0(m);
	switch_iommu_off(m);
	m->host.kernel.intel_iommu_default_on = KERNEL_OPTION_NOT_SET;
	assert_verdict(m, "iommu-default", VERDICT_FAIL, "intel_iommu=on is not set");
	const struct finding *finding = find_finding(m, "iommu-default");
	assert_string_equal(finding->remedy, "add intel_iommu=on to the one line of /etc/kernel/cmdline, run "
					     "'proxmox-boot-tool refresh', then reboot");
	assert_int(finding->actor, ACTOR_ADMINISTRATOR);
	assert_int(finding->restart, RESTART_HOST);
	assert_evidence(m, "iommu-default", "CONFIG_INTEL_IOMMU_DEFAULT_ON is not set");
	assert_evidence(m, "iommu-default", "no intel_iommu=on");
	assert_verdict(m, "iommu-active", VERDICT_NA, "follows from iommu-default");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

static void without_the_kernels_configuration_its_default_is_unknown(void **state)
{
	struct model *m = *state;
	make_l0(m);
	switch_iommu_off(m);
	m->host.kernel.intel_iommu_default_on = KERNEL_OPTION_UNKNOWN;
	m->host.kernel.config_file = fact_denied("/boot/config-6.8.12-4-pve");
	assert_verdict(m, "iommu-default", VERDICT_UNKNOWN, "/boot/config-6.8.12-4-pve");
	set_cmdline(m, "intel_iommu=on");
	assert_verdict(m, "iommu-default", VERDICT_PASS, "asked for");
}

static void the_parameter_that_switches_it_off_is_named(void **state)
{
	/* What else a word says stays. */
	static const char *const lines[][3] = {
		{ "intel_iommu=off", "intel_iommu=off", "remove intel_iommu=off" },
		{ "intel_iommu=on intel_iommu=off", "intel_iommu=off",
		  "put intel_iommu=on in the place of intel_iommu=" },
		{ "intel_iommu=on,off", "intel_iommu=on,off", "put intel_iommu=on in the place of intel_iommu=on,off" },
		{ "iommu=off intel_iommu=on", "iommu=off", "remove iommu=off" },
		{ "iommu=pt,off", "iommu=pt,off", "put iommu=pt in the place of iommu=pt,off" },
		{ "intel_iommu=off,sm_on", "sm_on", "put intel_iommu=sm_on in the place of intel_iommu=off,sm_on" },
	};
	struct model *m = *state;
	make_l0(m);
	switch_iommu_off(m);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		set_cmdline(m, lines[i][0]);
		assert_verdict(m, "iommu-not-disabled", VERDICT_FAIL, lines[i][1]);
		assert_contains(find_finding(m, "iommu-not-disabled")->remedy, lines[i][2]);
		assert_verdict(m, "iommu-active", VERDICT_NA, "follows from iommu-not-disabled");
		assert_int(count_verdicts(m, VERDICT_FAIL), 1);
	}
}

static void what_does_not_switch_it_off_is_not_blamed(void **state)
{
	static const char *const lines[] = { "intel_iommu=off intel_iommu=on", "amd_iommu=off", "iommu=noforce",
					     "intel_iommu=igfx_off", "intel_iommu=sp_off" };
	struct model *m = *state;
	make_l0(m);
	switch_iommu_off(m);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		set_cmdline(m, lines[i]);
		assert_verdict(m, "iommu-not-disabled", VERDICT_PASS, NULL);
	}
	make_amd(m);
	set_cmdline(m, "intel_iommu=off");
	assert_verdict(m, "iommu-not-disabled", VERDICT_PASS, NULL);
	set_cmdline(m, "amd_iommu=off");
	assert_verdict(m, "iommu-not-disabled", VERDICT_FAIL, "amd_iommu=off");
}

/* Firmware's opt-in and tboot overrule intel_iommu=off. */
static void a_switched_off_iommu_that_is_active_is_only_warned_of(void **state)
{
	struct model *m = *state;
	make_l0(m);
	set_cmdline(m, "intel_iommu=off");
	assert_verdict(m, "iommu-not-disabled", VERDICT_WARN, "yet the IOMMU is active");
	assert_verdict(m, "iommu-active", VERDICT_PASS, NULL);
	assert_int(count_verdicts(m, VERDICT_FAIL), 0);
}

static void a_kernel_without_a_driver_is_the_cause(void **state)
{
	struct model *m = *state;
	make_l1(m);
	remove_table(m);
	m->host.iommus.viot_file = fact_with("/sys/firmware/acpi/tables/VIOT", NULL, 0);
	m->host.kernel.virtio_iommu = KERNEL_OPTION_NOT_SET;
	assert_verdict(m, "iommu-driver", VERDICT_FAIL, "CONFIG_VIRTIO_IOMMU");
	assert_verdict(m, "iommu-active", VERDICT_NA, "follows from iommu-driver");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

static void units_without_groups_cover_nothing(void **state)
{
	struct model *m = *state;
	make_l1(m);
	m->host.iommus.group_count = 0;
	assert_verdict(m, "iommu-groups", VERDICT_FAIL, "covers no device");
	assert_contains(find_finding(m, "iommu-groups")->remedy, "bypass_iommu");
}

static void a_viommu_for_interrupts_alone_translates_nothing(void **state)
{
	struct model *m = *state;
	make_l1(m);
	m->units[0].translates = false;
	m->units[0].width = 0;
	m->host.iommus.group_count = 0;
	assert_verdict(m, "iommu-translates", VERDICT_FAIL, "only interrupts");
	assert_verdict(m, "iommu-groups", VERDICT_NA, "follows from iommu-translates");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

/* Firmware that leaves the registers of one unit at zero: the kernel drives it for nothing, the others go on. */
static void one_unit_of_several_that_translates_nothing_is_said(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->units[1] = m->units[0];
	m->host.iommus.count = 2;
	m->units[0].cap = fact_with("/sys/class/iommu/dmar0/intel-iommu/cap", "0", 0);
	m->units[0].width = 0;
	m->units[0].translates = false;
	m->functions[0] = (struct pci_function){ .address = { .bus = 1 }, .class = 0x010700, .group = "7" };
	m->host.functions.count = 1;
	assert_verdict(m, "iommu-translates", VERDICT_WARN, "dmar0 translates no addresses");
	assert_int(count_verdicts(m, VERDICT_WARN), 1);
	m->functions[0].group = NULL;
	assert_verdict(m, "iommu-translates", VERDICT_FAIL, "dmar0 translates no addresses, and 0000:01:00.0 has no");
	assert_evidence(m, "iommu-translates", "dmar0/intel-iommu/cap");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
	/* Graphics that are left out are another matter. */
	m->functions[0].address = (struct pci_address){ .device = 2 };
	m->functions[0].class = 0x030000;
	m->functions[0].vendor = 0x8086;
	assert_verdict(m, "iommu-translates", VERDICT_WARN, NULL);
}

/* ---- How it translates ---- */

static void a_viommu_without_caching_mode_passes_nothing_on(void **state)
{
	struct model *m = *state;
	make_l1(m);
	m->units[0].cap.number &= ~0x80LL;
	assert_verdict(m, "iommu-caching-mode", VERDICT_FAIL, "no caching mode");
	assert_int(find_finding(m, "iommu-caching-mode")->actor, ACTOR_OUTER);
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

static void a_real_iommu_needs_no_caching_mode(void **state)
{
	struct model *m = *state;
	make_l0(m);
	assert_verdict(m, "iommu-caching-mode", VERDICT_NA, "level 0");
	m->set.level = 1;
	assert_verdict(m, "iommu-caching-mode", VERDICT_NA, "no VM");
}

static void an_emulated_iommu_below_is_only_a_note(void **state)
{
	struct model *m = *state;
	make_l1(m);
	m->set.level = 0;
	assert_verdict(m, "iommu-emulated", VERDICT_PASS, "serves as L0");
	assert_int(count_verdicts(m, VERDICT_FAIL), 0);
}

static void the_absence_of_signs_does_not_make_it_real(void **state)
{
	struct model *m = *state;
	make_l1(m);
	m->units[0].cap.number &= ~0x80LL;
	memcpy(m->dmar.oem_id, "LENOVO", 7);
	memcpy(m->dmar.oem_table_id, "TC-M1A  ", 9);
	assert_verdict(m, "iommu-emulated", VERDICT_UNKNOWN, "nothing tells");
	make_l0(m);
	assert_verdict(m, "iommu-emulated", VERDICT_PASS, "nothing tells that the IOMMU is emulated");
	m->units[0].cap = fact_denied("/sys/class/iommu/dmar0/intel-iommu/cap");
	assert_verdict(m, "iommu-emulated", VERDICT_UNKNOWN, NULL);
}

static void amds_viommu_is_warned_of_in_l1_only(void **state)
{
	struct model *m = *state;
	make_l1(m);
	make_amd(m);
	assert_verdict(m, "iommu-kind", VERDICT_WARN, "amd-iommu");
	m->set.level = 0;
	assert_verdict(m, "iommu-kind", VERDICT_PASS, "AMD-Vi");
}

static void an_iommu_narrower_than_the_cpu_is_warned_of(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->units[0].width = 39;
	assert_verdict(m, "iommu-width", VERDICT_WARN, "39 bits, the CPU has 46");
	assert_contains(find_finding(m, "iommu-width")->remedy, "guest-phys-bits=39");
	m->host.cpu.physical_bits = 39;
	assert_verdict(m, "iommu-width", VERDICT_PASS, NULL);
	m->host.cpu.physical_bits = 0;
	assert_verdict(m, "iommu-width", VERDICT_UNKNOWN, NULL);
}

static void of_several_units_the_narrowest_is_named(void **state)
{
	struct model *m = *state;
	make_l0(m);
	struct iommu_unit units[2] = { m->units[0], m->units[0] };
	units[1].name = "dmar1";
	units[1].cap.path = "/sys/class/iommu/dmar1/intel-iommu/cap";
	units[1].width = 39;
	m->host.iommus.units = units;
	m->host.iommus.count = 2;
	assert_verdict(m, "iommu-width", VERDICT_WARN, "39 bits, the CPU has 46");
	assert_string_equal(find_finding(m, "iommu-width")->evidence[0].where, units[1].cap.path);
	units[1].width = 0;
	assert_verdict(m, "iommu-width", VERDICT_UNKNOWN, "dmar1");
}

static void an_iommu_too_narrow_for_any_viommu_fails(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->units[0].width = 30;
	assert_verdict(m, "iommu-width", VERDICT_FAIL, "30 bits");
}

static void small_pages_are_warned_of(void **state)
{
	struct model *m = *state;
	make_l1(m);
	set_cmdline(m, "intel_iommu=on,sp_off");
	assert_verdict(m, "iommu-large-pages", VERDICT_WARN, "256 MiB");
	set_cmdline(m, "quiet");
	m->units[0].cap.number &= ~(3LL << 34);
	assert_verdict(m, "iommu-large-pages", VERDICT_WARN, "no pages of 2 MiB");
}

static void passthrough_mode_is_no_failure_and_no_need(void **state)
{
	static const char *const lines[] = { "iommu=pt", "iommu.passthrough=1", "iommu.passthrough" };
	struct model *m = *state;
	make_l0(m);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		set_cmdline(m, lines[i]);
		assert_verdict(m, "iommu-passthrough-mode", VERDICT_PASS, "those passed on are translated");
	}
	set_cmdline(m, "iommu.passthrough=0");
	assert_verdict(m, "iommu-passthrough-mode", VERDICT_PASS, "not needed");
}

static void uncovered_graphics_are_warned_of(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->functions[0] = (struct pci_function){
		.address = { .device = 2 }, .class = 0x030000, .vendor = 0x8086, .device = 0x3e92, .group = NULL
	};
	m->host.functions.count = 1;
	set_cmdline(m, "intel_iommu=on,igfx_off");
	assert_verdict(m, "iommu-igfx", VERDICT_WARN, "0000:00:02.0 cannot be passed on");
	assert_contains(find_finding(m, "iommu-igfx")->remedy,
			"put intel_iommu=on in the place of intel_iommu=on,igfx_off");
	assert_int(find_finding(m, "iommu-igfx")->mend_count, 0);
	m->functions[0].group = "0";
	assert_verdict(m, "iommu-igfx", VERDICT_PASS, "group 0");
	m->functions[0].vendor = 0x1002;
	assert_verdict(m, "iommu-igfx", VERDICT_NA, NULL);
}

/* ---- Isolation ---- */

static void problems_of_the_table_are_quoted(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->dmar.checksum_ok = false;
	m->dmar.problems.arena = &m->arena;
	list_add(&m->dmar.problems, "RMRR at offset 64: its end is before its start");
	assert_verdict(m, "iommu-firmware-bugs", VERDICT_WARN, "2 problems");
	assert_evidence(m, "iommu-firmware-bugs", "its end is before its start");
	assert_evidence(m, "iommu-firmware-bugs", "checksum");
}

static void memory_for_sixteen_buses_is_warned_of(void **state)
{
	struct model *m = *state;
	struct ivmd memory[] = {
		{ .type = 0x21, .first_id = 0x100 },
		{ .type = 0x22, .first_id = 0, .last_id = 0xfff, .start = 0x80000000, .length = 0x1000 }
	};
	make_l0(m);
	make_amd(m);
	m->ivrs.memory = memory;
	m->ivrs.memory_count = 1;
	assert_verdict(m, "iommu-unity-maps", VERDICT_PASS, NULL);
	m->ivrs.memory_count = 2;
	assert_verdict(m, "iommu-unity-maps", VERDICT_WARN, "whole buses");
	assert_evidence(m, "iommu-unity-maps", "buses 00 to 0f");
}

static void overrides_are_risks_where_the_kernel_has_them(void **state)
{
	struct model *m = *state;
	make_l0(m);
	set_cmdline(m, "pcie_acs_override=downstream,multifunction intel_iommu=on,relax_rmrr");
	assert_verdict(m, "acs-override", VERDICT_WARN, "claimed, not real");
	assert_verdict(m, "relax-rmrr", VERDICT_WARN, "not respected");
	m->host.kernel.acs_override = false;
	assert_verdict(m, "acs-override", VERDICT_WARN, "no effect");
	assert_verdict(m, "relax-rmrr", VERDICT_WARN, "no effect");
	set_cmdline(m, "pci_acs_override=downstream");
	assert_verdict(m, "acs-override", VERDICT_WARN, "is called pcie_acs_override");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_model(no_table_on_bare_metal_is_the_firmware),
		test_with_model(the_parameter_alone_is_no_viommu),
		test_with_model(folders_without_entries_are_no_iommu),
		test_with_model(loaded_vfio_is_no_iommu),
		test_with_model(groups_without_a_unit_are_no_proof),
		test_with_model(a_table_that_only_root_may_read_is_there),
		test_with_model(without_acpi_no_table_says_nothing),
		test_with_model(intels_viommu_on_amd_is_right),
		test_with_model(amd_needs_no_parameter),
		test_with_model(a_kernel_that_is_on_by_default_needs_no_parameter),
		test_with_model(a_kernel_that_is_off_by_default_needs_one),
		test_with_model(without_the_kernels_configuration_its_default_is_unknown),
		test_with_model(the_parameter_that_switches_it_off_is_named),
		test_with_model(what_does_not_switch_it_off_is_not_blamed),
		test_with_model(a_switched_off_iommu_that_is_active_is_only_warned_of),
		test_with_model(a_kernel_without_a_driver_is_the_cause),
		test_with_model(units_without_groups_cover_nothing),
		test_with_model(a_viommu_for_interrupts_alone_translates_nothing),
		test_with_model(one_unit_of_several_that_translates_nothing_is_said),
		test_with_model(a_viommu_without_caching_mode_passes_nothing_on),
		test_with_model(a_real_iommu_needs_no_caching_mode),
		test_with_model(an_emulated_iommu_below_is_only_a_note),
		test_with_model(the_absence_of_signs_does_not_make_it_real),
		test_with_model(amds_viommu_is_warned_of_in_l1_only),
		test_with_model(an_iommu_narrower_than_the_cpu_is_warned_of),
		test_with_model(of_several_units_the_narrowest_is_named),
		test_with_model(an_iommu_too_narrow_for_any_viommu_fails),
		test_with_model(small_pages_are_warned_of),
		test_with_model(passthrough_mode_is_no_failure_and_no_need),
		test_with_model(uncovered_graphics_are_warned_of),
		test_with_model(problems_of_the_table_are_quoted),
		test_with_model(memory_for_sixteen_buses_is_warned_of),
		test_with_model(overrides_are_risks_where_the_kernel_has_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
