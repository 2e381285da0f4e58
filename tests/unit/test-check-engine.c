/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine over a table of its own: check_families here takes the place of the real one. */
#include "check-model.h"

static enum verdict verdict_of_cause;

static void judge_cause(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	if (verdict_of_cause == VERDICT_FAIL)
		judge_fail(finding, arena, "broken");
	else if (verdict_of_cause == VERDICT_UNKNOWN)
		judge_unknown(finding, arena, "nobody knows");
	else
		judge_pass(finding, arena, "whole");
}

static void judge_well(const struct subject_set *set, const void *subject, struct finding *finding, struct arena *arena)
{
	judge_pass(finding, arena, "fine");
}

static void judge_silent(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
}

static void judge_device(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct host_device *device = subject;
	judge_pass(finding, arena, "meant by %s", device->meant_by);
}

static void judge_vm_device(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	const struct vm_device *device = subject;
	judge_warn(finding, arena, "%s", device->where);
}

static const struct check first_checks[] = {
	{ .id = "cause", .scope = CHECK_HOST, .levels = CHECK_HYPERVISORS, .judge = judge_cause },
	{ .id = "effect", .scope = CHECK_HOST, .levels = CHECK_HYPERVISORS, .needs = "cause", .judge = judge_well },
	{ .id = "far-effect",
	  .scope = CHECK_HOST,
	  .levels = CHECK_HYPERVISORS,
	  .needs = "effect",
	  .judge = judge_well },
	{ .id = "silent", .scope = CHECK_HOST, .levels = CHECK_L0, .judge = judge_silent },
	{ .id = "at-rest", .scope = CHECK_HOST, .levels = CHECK_ALL_LEVELS, .at_rest = true, .judge = judge_well },
	{ 0 },
};

static const struct check second_checks[] = {
	{ .id = "device", .scope = CHECK_DEVICE, .levels = CHECK_ALL_LEVELS, .judge = judge_device },
	{ .id = "device-effect",
	  .scope = CHECK_DEVICE,
	  .levels = CHECK_ALL_LEVELS,
	  .needs = "cause",
	  .judge = judge_device },
	{ .id = "vm", .scope = CHECK_VM, .levels = CHECK_HYPERVISORS, .judge = judge_well },
	{ .id = "vm-device", .scope = CHECK_VM_DEVICE, .levels = CHECK_HYPERVISORS, .judge = judge_vm_device },
	{ 0 },
};

static const struct check_family first = { "first", "First", first_checks };
static const struct check_family second = { "second", "Second", second_checks };
const struct check_family *const check_families[] = { &first, &second, NULL };

static void start(struct model *m, enum verdict cause)
{
	make_l0(m);
	verdict_of_cause = cause;
}

static void finds_a_check_by_its_id(void **state)
{
	assert_ptr_equal(check_find("vm"), &second_checks[2]);
	assert_null(check_find("no-such-check"));
	assert_null(check_find(NULL));
}

static void judges_all_in_the_order_of_the_table(void **state)
{
	static const char *const wanted[] = { "cause", "effect", "far-effect", "silent", "at-rest" };
	struct model *m = *state;
	start(m, VERDICT_PASS);
	check_run(&m->set, NULL, &m->arena, &m->findings);
	assert_int(m->findings.count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		assert_string_equal(m->findings.items[i].check->id, wanted[i]);
		assert_string_equal(m->findings.items[i].subject, "host");
	}
}

static void makes_what_follows_na_and_names_the_first_cause(void **state)
{
	struct model *m = *state;
	start(m, VERDICT_FAIL);
	assert_verdict(m, "effect", VERDICT_NA, "follows from cause");
	assert_verdict(m, "far-effect", VERDICT_NA, "follows from cause");
	assert_int(count_verdicts(m, VERDICT_FAIL), 1);
}

static void lets_what_needs_the_unknown_judge_for_itself(void **state)
{
	struct model *m = *state;
	start(m, VERDICT_UNKNOWN);
	assert_verdict(m, "effect", VERDICT_PASS, NULL);
}

static void holds_devices_to_what_they_need_of_the_host(void **state)
{
	struct model *m = *state;
	start(m, VERDICT_FAIL);
	struct host_device devices[] = { { .address = { .bus = 1 }, .meant_by = "--device" } };
	m->host.devices = devices;
	m->host.device_count = 1;
	assert_verdict(m, "device", VERDICT_PASS, "--device");
	assert_string_equal(find_finding(m, "device")->subject, "0000:01:00.0");
	assert_verdict(m, "device-effect", VERDICT_NA, "follows from cause");
}

static void says_so_when_a_judge_gives_no_verdict(void **state)
{
	struct model *m = *state;
	start(m, VERDICT_PASS);
	assert_verdict(m, "silent", VERDICT_UNKNOWN, "defect of nestpci");
}

static void does_not_ask_at_another_level(void **state)
{
	struct model *m = *state;
	start(m, VERDICT_FAIL);
	m->set.level = 1;
	assert_verdict(m, "silent", VERDICT_NA, "not asked at level 1");
	m->set.level = 2;
	assert_verdict(m, "cause", VERDICT_NA, "not asked at level 2");
	assert_verdict(m, "effect", VERDICT_NA, "not asked at level 2");
	assert_verdict(m, "at-rest", VERDICT_PASS, NULL);
	assert_int(count_verdicts(m, VERDICT_FAIL), 0);
}

static void gives_only_those_asked_for_yet_knows_their_causes(void **state)
{
	struct model *m = *state;
	start(m, VERDICT_FAIL);
	struct list only = { .arena = &m->arena };
	list_add(&only, "far-effect");
	check_run(&m->set, &only, &m->arena, &m->findings);
	assert_int(m->findings.count, 1);
	assert_int(find_finding(m, "far-effect")->verdict, VERDICT_NA);
	assert_string_equal(find_finding(m, "far-effect")->summary, "follows from cause");
}

static void judges_the_vm_and_each_of_its_devices(void **state)
{
	struct model *m = *state;
	start(m, VERDICT_PASS);
	give_vm(m, VM_PROXMOX);
	m->devices[1] = (struct vm_device){ .name = "hostpci1", .where = "0000:02:00" };
	m->vm.device_count = 2;
	assert_string_equal(judge_all(m, "vm")->subject, "VM 100");
	const struct finding *finding = find_finding(m, "vm-device");
	assert_string_equal(finding[0].subject, "VM 100 hostpci0");
	assert_string_equal(finding[1].subject, "VM 100 hostpci1");
	assert_string_equal(finding[1].summary, "0000:02:00");
}

static void judges_the_host_on_x86_only(void **state)
{
	struct model *m = *state;
	start(m, VERDICT_FAIL);
	m->host.cpu.architecture = "aarch64";
	m->host.cpu.vendor = CPU_NOT_X86;
	assert_verdict(m, "cause", VERDICT_NA, "not judged on aarch64");
	m->host.cpu.architecture = NULL;
	assert_verdict(m, "cause", VERDICT_NA, "processors other than x86");
	m->host.cpu.architecture = "i686";
	assert_verdict(m, "cause", VERDICT_FAIL, NULL);
}

static void judges_a_system_at_rest_by_its_files_only(void **state)
{
	struct model *m = *state;
	start(m, VERDICT_FAIL);
	memset(&m->host, 0, sizeof(m->host));
	assert_verdict(m, "cause", VERDICT_UNKNOWN, "does not run");
	assert_verdict(m, "at-rest", VERDICT_PASS, NULL);
}

static void quotes_a_fact_whatever_state_it_is_in(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct finding finding = { 0 };
	struct fact wrong = { .state = FACT_WRONG, .path = "/w", .text = "x", .problem = "not a number" };
	struct fact unasked = { 0 };
	struct fact denied = fact_denied("/d");
	struct fact gone = fact_gone("/g");
	judge_evidence_fact(&finding, &arena, &wrong);
	judge_evidence_fact(&finding, &arena, &unasked);
	judge_evidence_fact(&finding, &arena, &denied);
	judge_evidence_fact(&finding, &arena, &gone);
	assert_int(finding.evidence_count, 4);
	assert_string_equal(finding.evidence[0].what, "x (not a number)");
	assert_string_equal(finding.evidence[1].what, "not looked at");
	assert_string_equal(finding.evidence[2].what, "not readable: Permission denied");
	assert_string_equal(finding.evidence[3].what, "absent");
	assert_false(finding.denied);
	judge_unknown_fact(&finding, &arena, &denied);
	assert_true(finding.denied);
	assert_int(finding.verdict, VERDICT_UNKNOWN);
	assert_contains(finding.summary, "but by root");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_model(finds_a_check_by_its_id),
		test_with_model(judges_all_in_the_order_of_the_table),
		test_with_model(makes_what_follows_na_and_names_the_first_cause),
		test_with_model(lets_what_needs_the_unknown_judge_for_itself),
		test_with_model(holds_devices_to_what_they_need_of_the_host),
		test_with_model(says_so_when_a_judge_gives_no_verdict),
		test_with_model(does_not_ask_at_another_level),
		test_with_model(gives_only_those_asked_for_yet_knows_their_causes),
		test_with_model(judges_the_vm_and_each_of_its_devices),
		test_with_model(judges_the_host_on_x86_only),
		test_with_model(judges_a_system_at_rest_by_its_files_only),
		test_with_model(quotes_a_fact_whatever_state_it_is_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
