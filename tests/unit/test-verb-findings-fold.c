/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "verb/findings-fold.h"

static struct finding saying(enum verdict verdict, const char *summary, const char *remedy)
{
	return (struct finding){ .verdict = verdict, .summary = summary, .remedy = remedy };
}

static void assert_speakers(const struct finding *findings, size_t count, const size_t *wanted)
{
	AUTO_ARENA arena = { 0 };
	size_t speakers[16];
	assert_true(count <= ARRAY_SIZE(speakers));
	findings_fold(findings, count, &arena, speakers);
	for (size_t i = 0; i < count; i++)
		assert_int(speakers[i], wanted[i]);
}

static void what_differs_in_addresses_and_numbers_is_alike(void **state)
{
	static const char *const addresses[] = { "0000:01:00.0", "0000:ff:1f.7", "10000:ab:cd.1", "0000:0a:00.0",
						 "0001:00:02.3" };
	AUTO_ARENA arena = { 0 };
	struct finding findings[ARRAY_SIZE(addresses)];
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		findings[i] = saying(VERDICT_WARN, arena_printf(&arena, "%s is in group %zu", addresses[i], i * 10 + 3),
				     arena_printf(&arena, "echo 0 > /sys/bus/pci/devices/%s/x", addresses[i]));
	assert_speakers(findings, 5, (const size_t[]){ 0, 0, 0, 0, 0 });
	/* Four are shown one by one. */
	assert_speakers(findings, 4, (const size_t[]){ 0, 1, 2, 3 });
}

static void what_differs_in_words_is_not(void **state)
{
	struct finding findings[] = {
		saying(VERDICT_WARN, "0000:01:00.0 has driver e1000e", "a"),
		saying(VERDICT_FAIL, "0000:01:00.1 has driver e1000e", "a"),
		saying(VERDICT_WARN, "0000:01:00.2 has driver e1000e", "b"),
		saying(VERDICT_WARN, "0000:01:00.3 has driver nvme", "a"),
		saying(VERDICT_WARN, "0000:01:00.4 has driver e1000e", NULL),
		saying(VERDICT_WARN, "0000:01:00.5 has driver e1000e", "a"),
		saying(VERDICT_WARN, "0000:01:00.6 has driver e1000e", "a"),
		saying(VERDICT_WARN, "0000:01:00.7 has driver e1000e", "a"),
		saying(VERDICT_WARN, "0000:01:01.0 has driver e1000e", "a"),
		/* No address, as letters stand before it. */
		saying(VERDICT_WARN, "x0000:01:01.0 has driver e1000e", "a"),
	};
	assert_speakers(findings, 10, (const size_t[]){ 0, 1, 2, 3, 4, 0, 0, 0, 0, 9 });
	findings[8].wanted = "something";
	assert_speakers(findings, 10, (const size_t[]){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_in_addresses_and_numbers_is_alike),
		cmocka_unit_test(what_differs_in_words_is_not),
	};
	return cmocka_run_group_tests_name("verb-findings-fold", tests, NULL, NULL);
}
