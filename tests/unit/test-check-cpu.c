/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judging processor, KVM and the kernel's parameters. */
#include "check-model.h"

static void no_flag_but_working_kvm_is_no_failure(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.cpu.vmx = false;
	m->host.kvm.module = NULL;
	m->host.kvm.nested = fact_gone("/sys/module/kvm_intel/parameters/nested");
	m->host.kvm.ept = fact_gone("/sys/module/kvm_intel/parameters/ept");
	m->host.kvm.guest_extension = fact_gone("/dev/kvm");
	assert_verdict(m, "cpu-virtualization", VERDICT_PASS, "neither vmx nor svm");
	assert_verdict(m, "kvm-nested", VERDICT_NA, "kvm-can-nest");
	/* Such a KVM runs L1, and nothing in it. */
	assert_verdict(m, "kvm-can-nest", VERDICT_FAIL, "cannot nest");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

static void no_flag_and_no_kvm_is_the_firmware(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.cpu.vmx = false;
	m->host.kvm = (struct kvm){ .device = fact_gone("/dev/kvm"), .api = fact_gone("/dev/kvm") };
	assert_verdict(m, "cpu-virtualization", VERDICT_FAIL, "neither vmx nor svm");
	assert_int(find_finding(m, "cpu-virtualization")->actor, ACTOR_FIRMWARE);
	assert_contains(find_finding(m, "cpu-virtualization")->remedy, "VT-x");
	assert_evidence(m, "cpu-virtualization", "/proc/cpuinfo");
	assert_verdict(m, "kvm-device", VERDICT_NA, "follows from cpu-virtualization");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

static void in_l1_it_is_the_cpu_type(void **state)
{
	struct model *m = *state;
	make_l1(m);
	m->host.cpu.vmx = false;
	m->host.kvm = (struct kvm){ .device = fact_gone("/dev/kvm"), .api = fact_gone("/dev/kvm") };
	assert_verdict(m, "cpu-virtualization", VERDICT_FAIL, NULL);
	assert_int(find_finding(m, "cpu-virtualization")->actor, ACTOR_OUTER);
	assert_int(find_finding(m, "cpu-virtualization")->restart, RESTART_VM);
	assert_contains(find_finding(m, "cpu-virtualization")->remedy, "--cpu host");
}

static void no_flag_and_a_kvm_that_may_not_be_opened_is_unknown(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.cpu.vmx = false;
	m->host.root_user = false;
	m->host.kvm.api = fact_denied("/dev/kvm");
	assert_verdict(m, "cpu-virtualization", VERDICT_UNKNOWN, "not known");
	assert_true(find_finding(m, "cpu-virtualization")->denied);
	assert_verdict(m, "kvm-usable", VERDICT_UNKNOWN, "but by root");
}

static void root_who_may_not_open_kvm_sits_in_a_container(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.kvm.api = fact_denied("/dev/kvm");
	assert_verdict(m, "kvm-usable", VERDICT_FAIL, "not even root");
	assert_contains(find_finding(m, "kvm-usable")->remedy, "10:232");
}

static void a_missing_module_is_to_be_loaded(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.kvm.device = fact_gone("/dev/kvm");
	m->host.cpu.vmx = false;
	m->host.cpu.svm = true;
	assert_verdict(m, "kvm-device", VERDICT_FAIL, "no /dev/kvm");
	assert_contains(find_finding(m, "kvm-device")->remedy, "modprobe kvm_amd");
	assert_verdict(m, "kvm-usable", VERDICT_NA, "follows from kvm-device");
}

static void a_tree_of_files_has_no_devices(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.live = false;
	m->host.kvm.device = fact_gone("/dev/kvm");
	m->host.kvm.api = (struct fact){ .state = FACT_UNREADABLE, .path = "/dev/kvm", .problem = "does not run" };
	assert_verdict(m, "kvm-device", VERDICT_UNKNOWN, "/dev/kvm");
	m->host.cpu.vmx = false;
	assert_verdict(m, "cpu-virtualization", VERDICT_UNKNOWN, NULL);
}

static void another_api_is_no_kvm(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.kvm.api.number = 11;
	assert_verdict(m, "kvm-usable", VERDICT_FAIL, "version 11");
}

static void nesting_that_is_off_names_the_line_that_does_it(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.kvm.nested = fact_with("/sys/module/kvm_intel/parameters/nested", "N", 0);
	add_modprobe(m, "options", "kvm_intel", "ept=1 nested=0");
	assert_verdict(m, "kvm-nested", VERDICT_FAIL, "nested virtualization is off");
	assert_contains(find_finding(m, "kvm-nested")->remedy, "line 1 of /etc/modprobe.d/local.conf");
	assert_evidence(m, "kvm-nested", "/etc/modprobe.d/local.conf:1");
	assert_verdict(m, "kvm-can-nest", VERDICT_NA, "follows from kvm-nested");
	assert_verdict(m, "boot-kvm-options", VERDICT_NA, "off already");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

static void nesting_that_is_off_with_kvm_built_in_needs_a_parameter(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.kvm.nested.number = 0;
	m->host.modules.kvm_intel.state = MODULE_BUILT_IN;
	assert_verdict(m, "kvm-nested", VERDICT_FAIL, NULL);
	assert_contains(find_finding(m, "kvm-nested")->remedy, "kvm_intel.nested=1");
	assert_contains(find_finding(m, "kvm-nested")->remedy, "proxmox-boot-tool refresh");
}

static void nesting_is_not_asked_of_l1(void **state)
{
	struct model *m = *state;
	make_l1(m);
	m->host.kvm.nested.number = 0;
	assert_verdict(m, "kvm-nested", VERDICT_NA, "level 1");
	assert_int(count_verdicts(m, VERDICT_FAIL), 0);
}

static void the_parameter_alone_does_not_prove_nesting(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.kvm.guest_extension = fact_denied("/dev/kvm");
	assert_verdict(m, "kvm-can-nest", VERDICT_UNKNOWN, NULL);
	m->host.kvm.guest_extension = fact_gone("/dev/kvm");
	assert_verdict(m, "kvm-can-nest", VERDICT_FAIL, NULL);
}

static void old_kvms_lack_what_a_viommu_needs(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.kvm.split_irqchip.number = 0;
	m->host.kvm.x2apic_api.number = 0;
	assert_verdict(m, "kvm-split-irqchip", VERDICT_FAIL, "cannot split");
	assert_verdict(m, "kvm-x2apic-api", VERDICT_WARN, "eim=on");
}

static void shadow_paging_is_slow_not_wrong(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.kvm.ept = fact_with("/sys/module/kvm_intel/parameters/ept", "N", 0);
	assert_verdict(m, "kvm-two-dimensional-paging", VERDICT_WARN, "(ept)");
}

static void misspelled_parameters_are_named(void **state)
{
	static const char *const lines[][2] = {
		{ "intel_iommu=0n", "'0n'" },
		{ "intel_iommu=on,igpu_off", "'igpu_off'" },
		{ "amd_iommu=off,nuhugepages", "'nuhugepages'" },
		{ "iommu=passthrough", "'passthrough'" },
		{ "intremap=false", "'false'" },
		{ "quiet intel_iommu=online", "'online'" },
	};
	struct model *m = *state;
	make_l0(m);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		set_cmdline(m, lines[i][0]);
		assert_verdict(m, "iommu-parameters", VERDICT_WARN, lines[i][1]);
	}
}

static void right_parameters_are_not_doubted(void **state)
{
	static const char *const lines[] = {
		"intel_iommu=on iommu=pt",
		"intel_iommu=on,sm_on,igfx_off",
		"intel_iommu=on,relax_rmrr",
		"iommu=pt,",
		"iommu=memaper=3,force",
		"iommu=65536",
		"intremap=no_x2apic_optout,nosid",
		"amd_iommu=pgtbl_v2,irtcachedis",
		"intel_iommu",
		"",
	};
	struct model *m = *state;
	make_l0(m);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		set_cmdline(m, lines[i]);
		assert_verdict(m, "iommu-parameters", VERDICT_PASS, NULL);
	}
	set_cmdline(m, "amd_iommu=on");
	assert_verdict(m, "iommu-parameters", VERDICT_PASS, "amd_iommu=on means nothing");
}

static void efifb_off_has_no_effect_since_5_15(void **state)
{
	struct model *m = *state;
	make_l0(m);
	set_cmdline(m, "video=vesafb:off,efifb:off");
	assert_verdict(m, "boot-framebuffer", VERDICT_WARN, "no effect");
	assert_contains(find_finding(m, "boot-framebuffer")->remedy, "initcall_blacklist=sysfb_init");
	m->host.kernel.version[0] = 5;
	m->host.kernel.version[1] = 13;
	assert_verdict(m, "boot-framebuffer", VERDICT_PASS, NULL);
	m->host.kernel.release = fact_denied("/proc/sys/kernel/osrelease");
	assert_verdict(m, "boot-framebuffer", VERDICT_UNKNOWN, NULL);
}

static void lockdown_only_matters_to_foreign_modules(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.kernel.lockdown = fact_with("/sys/kernel/security/lockdown", "integrity", 0);
	assert_verdict(m, "secure-boot", VERDICT_PASS, "VFIO works");
	m->modules[0] = (struct boot_module){ "/etc/modules", 3, "vendor_reset", false };
	m->boot.modules = m->modules;
	m->boot.module_count = 1;
	assert_verdict(m, "secure-boot", VERDICT_WARN, "vendor_reset");
	assert_evidence(m, "secure-boot", "/etc/modules:3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_model(no_flag_but_working_kvm_is_no_failure),
		test_with_model(no_flag_and_no_kvm_is_the_firmware),
		test_with_model(in_l1_it_is_the_cpu_type),
		test_with_model(no_flag_and_a_kvm_that_may_not_be_opened_is_unknown),
		test_with_model(root_who_may_not_open_kvm_sits_in_a_container),
		test_with_model(a_missing_module_is_to_be_loaded),
		test_with_model(a_tree_of_files_has_no_devices),
		test_with_model(another_api_is_no_kvm),
		test_with_model(nesting_that_is_off_names_the_line_that_does_it),
		test_with_model(nesting_that_is_off_with_kvm_built_in_needs_a_parameter),
		test_with_model(nesting_is_not_asked_of_l1),
		test_with_model(the_parameter_alone_does_not_prove_nesting),
		test_with_model(old_kvms_lack_what_a_viommu_needs),
		test_with_model(shadow_paging_is_slow_not_wrong),
		test_with_model(misspelled_parameters_are_named),
		test_with_model(right_parameters_are_not_doubted),
		test_with_model(efifb_off_has_no_effect_since_5_15),
		test_with_model(lockdown_only_matters_to_foreign_modules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
