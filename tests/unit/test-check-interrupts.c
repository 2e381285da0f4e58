/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judging interrupt remapping. */
#include "check-model.h"

static void stop_remapping(struct model *m)
{
	m->host.machine.remapped_interrupts = 0;
	m->host.machine.plain_interrupts = 40;
	m->host.machine.interrupt_evidence = "IO-APIC 2-edge timer";
}

static void allow_unsafe(struct model *m)
{
	struct fact *fact = &m->host.modules.allow_unsafe_interrupts;
	*fact = fact_with(fact->path, "Y", 1);
}

static void add_hub(struct model *m, int32_t device, int32_t revision)
{
	m->functions[0] = (struct pci_function){
		.class = 0x060000, .vendor = 0x8086, .device = device, .revision = revision
	};
	m->host.functions.count = 1;
}

static void remapped_lines_are_the_proof(void **state)
{
	struct model *m = *state;
	make_l0(m);
	/* What else is said does not count against it. */
	m->dmar.flags = 0;
	add_hub(m, 0x3405, 0x22);
	assert_verdict(m, "interrupt-remapping", VERDICT_PASS, NULL);
	assert_evidence(m, "interrupt-remapping", "IR-IO-APIC");
	assert_int(count_verdicts(m, VERDICT_FAIL) + count_verdicts(m, VERDICT_WARN), 0);
}

static void the_parameter_is_the_cause(void **state)
{
	static const char *const lines[] = { "intremap=off", "nointremap", "intremap=on,off",
					     "intremap=nosid,off quiet" };
	struct model *m = *state;
	make_l0(m);
	stop_remapping(m);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		set_cmdline(m, lines[i]);
		assert_verdict(m, "interrupt-remapping-not-disabled", VERDICT_FAIL, "switched off");
		assert_verdict(m, "interrupt-remapping", VERDICT_NA, "follows from interrupt-remapping-not-disabled");
		assert_int(count_verdicts(m, VERDICT_FAIL), 1);
	}
	set_cmdline(m, "intremap=off,on");
	assert_verdict(m, "interrupt-remapping-not-disabled", VERDICT_PASS, NULL);
}

/* As the kernel decides: revisions up to 13 of each, and 22 of the 5520. */
static void old_hubs_have_an_erratum(void **state)
{
	static const int32_t broken[][2] = { { 0x3403, 0x13 }, { 0x3405, 0x12 }, { 0x3406, 0x00 }, { 0x3405, 0x22 } };
	static const int32_t whole[][2] = { { 0x3403, 0x22 }, { 0x3406, 0x22 }, { 0x3405, 0x14 }, { 0x3404, 0x13 } };
	struct model *m = *state;
	make_l0(m);
	stop_remapping(m);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		add_hub(m, broken[i][0], broken[i][1]);
		assert_verdict(m, "interrupt-remapping-chipset", VERDICT_FAIL, "loses interrupts");
		assert_verdict(m, "interrupt-remapping-offered", VERDICT_NA, "follows from");
		assert_verdict(m, "interrupt-remapping", VERDICT_NA, "follows from");
		assert_int(count_verdicts(m, VERDICT_FAIL), 1);
		add_hub(m, whole[i][0], whole[i][1]);
		assert_verdict(m, "interrupt-remapping-chipset", VERDICT_PASS, NULL);
	}
	assert_contains(find_finding(m, "interrupt-remapping-chipset")->summary, "no chipset");
}

/* What was done about it is not advised again, and nothing says that nothing is in the way. */
static void an_erratum_that_was_accepted_is_the_known_cause(void **state)
{
	struct model *m = *state;
	make_l0(m);
	stop_remapping(m);
	add_hub(m, 0x3406, 0x13);
	allow_unsafe(m);
	assert_verdict(m, "interrupt-remapping-chipset", VERDICT_WARN, "unsafe interrupts are allowed");
	assert_null(strstr(find_finding(m, "interrupt-remapping-chipset")->remedy, "modprobe.d"));
	assert_verdict(m, "interrupt-remapping", VERDICT_NA, "reason given above");
}

static void an_old_hub_of_unknown_revision_is_unknown(void **state)
{
	struct model *m = *state;
	make_l0(m);
	stop_remapping(m);
	add_hub(m, 0x3406, PCI_UNKNOWN);
	assert_verdict(m, "interrupt-remapping-chipset", VERDICT_UNKNOWN, "revision is not known");
	/* That they are not remapped is seen, whatever the cause; and nobody says that nothing is in the way. */
	assert_verdict(m, "interrupt-remapping", VERDICT_FAIL, "why, is not known: this chipset may lose interrupts");
	assert_evidence(m, "interrupt-remapping", "revision");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

static void an_unreadable_cause_is_named(void **state)
{
	struct model *m = *state;
	make_l0(m);
	stop_remapping(m);
	m->units[0].ecap = fact_denied("/sys/class/iommu/dmar0/intel-iommu/ecap");
	assert_verdict(m, "interrupt-remapping", VERDICT_FAIL, "why, is not known");
	assert_evidence(m, "interrupt-remapping", "dmar0/intel-iommu/ecap");
	assert_contains(find_finding(m, "interrupt-remapping")->remedy, "as root");
}

static void firmware_that_does_not_offer_it_is_the_cause(void **state)
{
	struct model *m = *state;
	make_l0(m);
	stop_remapping(m);
	m->dmar.flags = DMAR_X2APIC_OPT_OUT;
	assert_verdict(m, "interrupt-remapping-offered", VERDICT_FAIL, "DMAR");
	assert_int(find_finding(m, "interrupt-remapping-offered")->actor, ACTOR_FIRMWARE);
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

static void a_viommu_without_it_is_the_cause(void **state)
{
	struct model *m = *state;
	make_l1(m);
	stop_remapping(m);
	m->host.iommus.dmar = NULL;
	m->host.iommus.dmar_file = fact_denied("/sys/firmware/acpi/tables/DMAR");
	m->units[0].ecap.number &= ~8LL;
	assert_verdict(m, "interrupt-remapping-offered", VERDICT_FAIL, "dmar0 cannot remap");
	assert_int(find_finding(m, "interrupt-remapping-offered")->actor, ACTOR_OUTER);
	assert_contains(find_finding(m, "interrupt-remapping-offered")->remedy, "kernel-irqchip=split");
}

static void every_unit_must_offer_it(void **state)
{
	struct model *m = *state;
	make_l0(m);
	stop_remapping(m);
	m->units[1] = m->units[0];
	m->units[1].name = "dmar1";
	m->units[1].ecap.number &= ~8LL;
	m->host.iommus.count = 2;
	assert_verdict(m, "interrupt-remapping-offered", VERDICT_FAIL, "dmar1");
}

static void virtio_iommu_remaps_nothing(void **state)
{
	struct model *m = *state;
	make_l1(m);
	stop_remapping(m);
	m->host.iommus.dmar = NULL;
	m->host.iommus.dmar_file = fact_gone("/sys/firmware/acpi/tables/DMAR");
	m->host.iommus.viot_file = fact_with("/sys/firmware/acpi/tables/VIOT", NULL, 0);
	m->units[0] = (struct iommu_unit){
		.name = "0000:00:01.0", .kind = IOMMU_VIRTIO, .width = 39, .translates = true
	};
	assert_verdict(m, "interrupt-remapping-offered", VERDICT_FAIL, "virtio-iommu");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
	/* Whoever allows unsafe interrupts gets his device all the same. */
	allow_unsafe(m);
	assert_verdict(m, "interrupt-remapping-offered", VERDICT_WARN, "unsafe interrupts are allowed");
	assert_int(count_verdicts(m, VERDICT_FAIL), 0);
}

static void plain_lines_without_a_cause_fail(void **state)
{
	struct model *m = *state;
	make_l0(m);
	stop_remapping(m);
	assert_verdict(m, "interrupt-remapping", VERDICT_FAIL, "nothing seems to be in the way");
	assert_evidence(m, "interrupt-remapping", "IO-APIC 2-edge timer");
}

static void no_lines_at_all_say_nothing(void **state)
{
	struct model *m = *state;
	make_l0(m);
	stop_remapping(m);
	m->host.machine.plain_interrupts = 0;
	assert_verdict(m, "interrupt-remapping", VERDICT_UNKNOWN, "/proc/interrupts");
	m->host.machine.interrupts = fact_denied("/proc/interrupts");
	assert_verdict(m, "interrupt-remapping", VERDICT_UNKNOWN, "but by root");
}

static void x2apic_is_not_missed_below_256_cpus(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->dmar.flags |= DMAR_X2APIC_OPT_OUT;
	m->units[0].ecap.number &= ~0x10LL;
	m->host.cpu.count = 255;
	assert_verdict(m, "interrupt-remapping-x2apic", VERDICT_PASS, "not needed for 255 CPUs");
	m->host.cpu.count = 256;
	assert_verdict(m, "interrupt-remapping-x2apic", VERDICT_WARN, "firmware asks");
	set_cmdline(m, "intremap=no_x2apic_optout");
	assert_verdict(m, "interrupt-remapping-x2apic", VERDICT_WARN, "dmar0 remaps no 32-bit APIC ids");
	m->units[0].ecap.number |= 0x10;
	assert_verdict(m, "interrupt-remapping-x2apic", VERDICT_PASS, "all 256 CPUs");
	m->host.cpu.count = 0;
	assert_verdict(m, "interrupt-remapping-x2apic", VERDICT_UNKNOWN, NULL);
}

static void unsafe_interrupts_are_a_risk(void **state)
{
	struct model *m = *state;
	make_l0(m);
	allow_unsafe(m);
	assert_verdict(m, "unsafe-interrupts", VERDICT_WARN, "not even needed");
	stop_remapping(m);
	assert_verdict(m, "unsafe-interrupts", VERDICT_WARN, "forge them");
	assert_verdict(m, "unsafe-interrupts-iommufd", VERDICT_WARN, "not to iommufd");
	m->host.modules.iommufd_unsafe_interrupts.number = 1;
	assert_verdict(m, "unsafe-interrupts-iommufd", VERDICT_WARN, "iommufd accepts");
	m->host.modules.allow_unsafe_interrupts = fact_gone("/sys/module/vfio_iommu_type1");
	assert_verdict(m, "unsafe-interrupts", VERDICT_NA, "not loaded");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_model(remapped_lines_are_the_proof),
		test_with_model(the_parameter_is_the_cause),
		test_with_model(old_hubs_have_an_erratum),
		test_with_model(an_erratum_that_was_accepted_is_the_known_cause),
		test_with_model(an_old_hub_of_unknown_revision_is_unknown),
		test_with_model(an_unreadable_cause_is_named),
		test_with_model(firmware_that_does_not_offer_it_is_the_cause),
		test_with_model(a_viommu_without_it_is_the_cause),
		test_with_model(every_unit_must_offer_it),
		test_with_model(virtio_iommu_remaps_nothing),
		test_with_model(plain_lines_without_a_cause_fail),
		test_with_model(no_lines_at_all_say_nothing),
		test_with_model(x2apic_is_not_missed_below_256_cpus),
		test_with_model(unsafe_interrupts_are_a_risk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
