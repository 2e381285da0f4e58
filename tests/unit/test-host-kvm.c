/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/kvm.h"

#include "test-host.h"

static void without_the_device_nobody_is_asked(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct kvm kvm;
	open_fake(state, &root);
	kvm_read(&root, &arena, &kvm);
	assert_true(fact_absent(&kvm.device));
	assert_true(fact_absent(&kvm.api));
	assert_true(fact_absent(&kvm.guest_extension));
	assert_true(fact_absent(&kvm.nested_state));
	assert_null(kvm.module);
	assert_int(kvm.nested.state, FACT_UNASKED);
}

static void an_offline_system_answers_no_question(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct kvm kvm;
	fake_file(state, "/dev/kvm", "");
	open_fake(state, &root);
	kvm_read(&root, &arena, &kvm);
	assert_true(fact_known(&kvm.device));
	assert_int(kvm.api.state, FACT_UNREADABLE);
	assert_false(kvm.api.denied);
	assert_contains(kvm.nested_state.problem, "only a running system");
	assert_int(kvm.guest_extension.state, FACT_UNREADABLE);
}

static void reads_the_parameters_of_either_module(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct kvm kvm;
	fake_file(state, "/sys/module/kvm_amd/parameters/nested", "1\n");
	fake_file(state, "/sys/module/kvm_amd/parameters/npt", "Y\n");
	open_fake(state, &root);
	kvm_read(&root, &arena, &kvm);
	assert_string_equal(kvm.module, "kvm_amd");
	assert_int(kvm.nested.number, 1);
	assert_int(kvm.ept.number, 1);
	fake_file(state, "/sys/module/kvm_intel/parameters/nested", "N\n");
	kvm_read(&root, &arena, &kvm);
	assert_string_equal(kvm.module, "kvm_intel");
	assert_true(fact_known(&kvm.nested));
	assert_int(kvm.nested.number, 0);
	assert_true(fact_absent(&kvm.ept));
}

/* Whatever this machine has: the answers must not contradict each other. */
static void the_live_answers_agree(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	struct kvm kvm;
	assert_int(root_open(&root, NULL, &error), 0);
	kvm_read(&root, &arena, &kvm);
	if (fact_known(&kvm.api)) {
		assert_int(kvm.api.number, 12);
		assert_true(fact_known(&kvm.nested_state));
		assert_true(fact_known(&kvm.split_irqchip));
	} else {
		assert_false(fact_known(&kvm.nested_state));
		assert_false(fact_known(&kvm.guest_extension));
	}
	if (fact_known(&kvm.guest_extension))
		assert_true(kvm.nested_state.number > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(without_the_device_nobody_is_asked),
		test_in_folder(an_offline_system_answers_no_question),
		test_in_folder(reads_the_parameters_of_either_module),
		cmocka_unit_test(the_live_answers_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
