/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lab's verdict on runs with a fault, from the lines that the levels would say. */
#include "lab/console.h"
#include "lab/verdict.h"
#include "unit.h"

static void no_progress(struct arena *arena, unsigned int level, const char *text)
{
}

static void judge(struct arena *arena, enum lab_fault fault, const char *const *lines, struct lab_result *result)
{
	struct story story;
	struct lab_options options = { .levels = 3, .fault = fault, .timeout = 9 };
	*result = (struct lab_result){ .facts = { .arena = arena } };
	story_start(&story, arena, result, no_progress);
	for (; *lines; lines++)
		story_take(&story, slice_of(*lines));
	assert_int_equal(verdict_reach(&story, &options, NULL, FOLLOW_ENDED, 0, NULL), 0);
}

#define JUDGE(fault, ...) judge(&arena, fault, (const char *const[]){ __VA_ARGS__, NULL }, &result)

/* What a run says that leaves caching mode out, but for its checks. */
#define WITHOUT_CACHING_MODE                                                       \
	"@@L0 step booted", "@@L0 log qemu: We need to set caching-mode=on for x", \
		"@@L0 failed start QEMU for L1 ended with status 1", "@@L0 end"

static void accepts_a_fault_that_check_names(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct lab_result result;
	JUDGE(LAB_WITHOUT_CACHING_MODE, "@@L0 check PASS iommu-active host: 1 unit",
	      "@@L0 check FAIL vm-viommu-caching-mode VM: off", WITHOUT_CACHING_MODE);
	assert_int_equal(result.verdict, LAB_FAILED_AS_PREDICTED);
	assert_int_equal(result.finding_count, 2);
	assert_string_equal(result.facts.items[1], "L0: check: FAIL vm-viommu-caching-mode: VM: off");
}

static void refuses_a_fault_that_check_does_not_see(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct lab_result result;
	JUDGE(LAB_WITHOUT_CACHING_MODE, "@@L0 check PASS vm-viommu-caching-mode VM: on", WITHOUT_CACHING_MODE);
	assert_int_equal(result.verdict, LAB_FAILED);
	assert_string_equal(result.reason, "check on L0 does not see it: vm-viommu-caching-mode does not fail");
}

static void refuses_a_failure_without_a_cause(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct lab_result result;
	JUDGE(LAB_WITHOUT_CACHING_MODE, "@@L0 check FAIL vm-viommu-caching-mode VM: off",
	      "@@L0 check FAIL iommu-active host: none", WITHOUT_CACHING_MODE);
	assert_int_equal(result.verdict, LAB_FAILED);
	assert_string_equal(result.reason, "check fails on L0 without a cause: iommu-active: host: none");
}

static void refuses_a_level_on_which_check_was_silent(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct lab_result result;
	JUDGE(LAB_WITHOUT_CACHING_MODE, WITHOUT_CACHING_MODE);
	assert_int_equal(result.verdict, LAB_FAILED);
	assert_string_equal(result.reason, "check said nothing on L0");
}

static void refuses_an_end_at_another_place(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct lab_result result;
	JUDGE(LAB_WITHOUT_CACHING_MODE, "@@L0 step booted", "@@L0 check FAIL vm-viommu-caching-mode VM: off",
	      "@@L1 step booted", "@@L1 failed bind no");
	assert_int_equal(result.verdict, LAB_FAILED);
	assert_non_null(strstr(result.reason, "seen: L1 fails: bind no"));
}

static void a_check_that_fails_spoils_a_run_without_fault(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct lab_result result;
	JUDGE(LAB_NO_FAULT, "@@L0 step booted", "@@L1 step booted", "@@L2 step booted",
	      "@@L2 check FAIL device-driver 0000:01:00.0: none", "@@L2 end");
	assert_int_equal(result.verdict, LAB_FAILED);
	assert_string_equal(result.reason, "check fails on L2 without a cause: device-driver: 0000:01:00.0: none");
}

static void puts_a_snapshot_together_again(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct lab_result result = { .facts = { .arena = &arena } };
	struct story story;
	story_start(&story, &arena, &result, no_progress);
	story_take(&story, slice_of("@@L1 snapshot |nestpci snapshot 1"));
	story_take(&story, slice_of("@@L1 snapshot |"));
	story_take(&story, slice_of("@@L1 snapshot |\\tvalue \\\\t"));
	story_take(&story, slice_of("@@L1 snapshot without its mark"));
	assert_string_equal(story.levels[1].snapshot.text, "nestpci snapshot 1\n\n\tvalue \\t\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_a_fault_that_check_names),
		cmocka_unit_test(refuses_a_fault_that_check_does_not_see),
		cmocka_unit_test(refuses_a_failure_without_a_cause),
		cmocka_unit_test(refuses_a_level_on_which_check_was_silent),
		cmocka_unit_test(refuses_an_end_at_another_place),
		cmocka_unit_test(a_check_that_fails_spoils_a_run_without_fault),
		cmocka_unit_test(puts_a_snapshot_together_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
