/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "change/cmdline-edit.h"

static const char *edit(struct arena *arena, const char *line, const char *word, bool remove)
{
	const struct parameter_change change = { word, remove };
	return cmdline_edit(arena, slice_of(line), &change, 1, true);
}

#define assert_edit(line, word, remove, wanted) assert_string_equal(edit(&arena, line, word, remove), wanted)

static void adds_a_word_at_the_end(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_edit("", "intel_iommu=on", false, "intel_iommu=on");
	assert_edit("root=/dev/sda1 ro quiet", "intel_iommu=on", false, "root=/dev/sda1 ro quiet intel_iommu=on");
	assert_edit("quiet  ", "iommu=pt", false, "quiet iommu=pt  ");
}

static void leaves_a_word_that_is_there(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_edit("a  intel_iommu=on\tb", "intel_iommu=on", false, "a  intel_iommu=on\tb");
	assert_edit("intel-iommu=on", "intel_iommu=on", false, "intel-iommu=on");
}

static void puts_a_new_value_in_the_place_of_another(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_edit("a intel_iommu=off b", "intel_iommu=on", false, "a b intel_iommu=on");
	assert_edit("intel_iommu=off b intel-iommu=sm_on", "intel_iommu=on", false, "b intel_iommu=on");
	assert_edit("intel_iommu=off intel_iommu=on", "intel_iommu=on", false, "intel_iommu=on");
	assert_edit("intel_iommux=off", "intel_iommu=on", false, "intel_iommux=off intel_iommu=on");
}

static void adds_a_further_one_of_those_that_may_be_repeated(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_edit("console=tty0", "console=ttyS0", false, "console=tty0 console=ttyS0");
	assert_edit("rd.lvm.lv=vg/root", "rd.lvm.lv=vg/swap", false, "rd.lvm.lv=vg/root rd.lvm.lv=vg/swap");
	assert_edit("pci=nomsi", "pci=realloc", false, "pci=nomsi pci=realloc");
}

static void takes_away_by_name_or_by_value(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_edit("a quiet b", "quiet", true, "a b");
	assert_edit("a iommu=pt iommu=off", "iommu", true, "a");
	assert_edit("a iommu=pt iommu=off", "iommu=off", true, "a iommu=pt");
	assert_edit("iommu=pt", "iommu=off", true, "iommu=pt");
}

static void leaves_what_is_init_s_behind_two_dashes(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_edit("a -- quiet", "iommu=pt", false, "a iommu=pt -- quiet");
	assert_edit("a quiet -- quiet", "quiet", true, "a -- quiet");
}

static void keeps_quotes_as_they_stand(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_edit("dyndbg=\"file a b +p\" quiet", "quiet", true, "dyndbg=\"file a b +p\"");
	assert_edit("\"dyndbg=file a b\"  x", "iommu=pt", false, "\"dyndbg=file a b\"  x iommu=pt");
}

static void knows_when_nothing_is_to_be_done(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct cmdline cmdline;
	const struct parameter_change set = { "iommu=pt", false };
	const struct parameter_change gone = { "quiet", true };
	(void)state;
	cmdline_parse(slice_of("root=x iommu=pt"), &arena, &cmdline);
	assert_true(cmdline_is_so(&cmdline, &set, 1));
	assert_true(cmdline_is_so(&cmdline, &gone, 1));
	cmdline_parse(slice_of("iommu=pt iommu=off quiet"), &arena, &cmdline);
	assert_false(cmdline_is_so(&cmdline, &set, 1));
	assert_false(cmdline_is_so(&cmdline, &gone, 1));
}

static void refuses_words_that_somebody_would_misread(void **state)
{
	static const char *const wrong[] = { "",     "-x",    "=a",    "a b",   "a=\"b\"",
					     "a=$b", "a=b;c", "a=`b`", "a=b\n", "a='b'" };
	struct error error;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int(cmdline_check_word(wrong[i], &error), -EINVAL);
	assert_int(cmdline_check_word("pci=resource_alignment=20@0000:01:00.0", &error), 0);
	assert_int(cmdline_check_word("vfio-pci.ids=10de:1b80,10de:10f0", &error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_a_word_at_the_end),
		cmocka_unit_test(leaves_a_word_that_is_there),
		cmocka_unit_test(puts_a_new_value_in_the_place_of_another),
		cmocka_unit_test(adds_a_further_one_of_those_that_may_be_repeated),
		cmocka_unit_test(takes_away_by_name_or_by_value),
		cmocka_unit_test(leaves_what_is_init_s_behind_two_dashes),
		cmocka_unit_test(keeps_quotes_as_they_stand),
		cmocka_unit_test(knows_when_nothing_is_to_be_done),
		cmocka_unit_test(refuses_words_that_somebody_would_misread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
