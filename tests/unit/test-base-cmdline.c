/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cmdline.h"

#include "unit.h"

static struct cmdline parse(struct arena *arena, const char *text)
{
	struct cmdline cmdline;
	cmdline_parse(slice_of(text), arena, &cmdline);
	return cmdline;
}

static void assert_word(const struct cmdline *cmdline, size_t index, const char *name, const char *value)
{
	if (index >= cmdline->count)
		fail_msg("there are only %zu words", cmdline->count);
	assert_string_equal(cmdline->words[index].name, name);
	if (!value)
		assert_null(cmdline->words[index].value);
	else if (!cmdline->words[index].value)
		fail_msg("'%s' has no value", name);
	else
		assert_string_equal(cmdline->words[index].value, value);
}

static void splits_names_and_values(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct cmdline cmdline = parse(&arena, "BOOT_IMAGE=/vmlinuz ro  quiet\tintel_iommu=on,sm_on root=UUID=12=3\n");
	assert_int(cmdline.count, 5);
	assert_word(&cmdline, 0, "BOOT_IMAGE", "/vmlinuz");
	assert_word(&cmdline, 1, "ro", NULL);
	assert_word(&cmdline, 2, "quiet", NULL);
	assert_word(&cmdline, 3, "intel_iommu", "on,sm_on");
	assert_word(&cmdline, 4, "root", "UUID=12=3");
	assert_string_equal(cmdline.words[4].word, "root=UUID=12=3");
}

static void dash_and_underscore_are_alike_in_names_only(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct cmdline cmdline = parse(&arena, "vfio-pci.ids=10de:1b80 root=/dev/mapper/pve-root");
	assert_word(&cmdline, 0, "vfio_pci.ids", "10de:1b80");
	assert_word(&cmdline, 1, "root", "/dev/mapper/pve-root");
	assert_string_equal(cmdline.words[0].word, "vfio-pci.ids=10de:1b80");
	assert_non_null(cmdline_find(&cmdline, "vfio-pci.ids"));
	assert_non_null(cmdline_find(&cmdline, "vfio_pci.ids"));
	assert_null(cmdline_find(&cmdline, "vfio_pci.id"));
}

/* What the kernel's next_arg() does with quotes. */
static void quotes_go_away_as_the_kernel_does_it(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct cmdline cmdline = parse(&arena, "a=\"b c\" \"d=e f\" \"g h\" i=\"j k l=m\" n=o\"p q\"r s=\" t");
	assert_int(cmdline.count, 6);
	assert_word(&cmdline, 0, "a", "b c");
	assert_word(&cmdline, 1, "d", "e f");
	assert_word(&cmdline, 2, "g h", NULL);
	assert_word(&cmdline, 3, "i", "j k l=m");
	/* In the middle they protect blanks, and stay. */
	assert_word(&cmdline, 4, "n", "o\"p q\"r");
	/* Never closed: to the end. */
	assert_word(&cmdline, 5, "s", " t");
	assert_string_equal(cmdline.words[0].word, "a=\"b c\"");
}

static void a_quote_that_is_all_of_the_value_leaves_none(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct cmdline cmdline = parse(&arena, "a= b=\"\" =c \"=d\" e=\"");
	assert_int(cmdline.count, 5);
	assert_word(&cmdline, 0, "a", "");
	assert_word(&cmdline, 1, "b", "");
	/* "=" in front separates nothing. */
	assert_word(&cmdline, 2, "=c", NULL);
	assert_word(&cmdline, 3, "=d", NULL);
	assert_word(&cmdline, 4, "e", "");
}

static void words_behind_two_dashes_are_not_the_kernels(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct cmdline cmdline = parse(&arena, "quiet --x a=-- -- intel_iommu=on");
	assert_int(cmdline.count, 3);
	assert_null(cmdline_find(&cmdline, "intel_iommu"));
	/* Two underscores are a word like any other. */
	cmdline = parse(&arena, "__ quiet");
	assert_int(cmdline.count, 2);
}

static void the_last_word_of_a_name_wins(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct cmdline cmdline = parse(&arena, "iommu=pt intel_iommu=on iommu=off");
	assert_string_equal(cmdline_find(&cmdline, "iommu")->value, "off");
	assert_null(cmdline_find(&cmdline, "amd_iommu"));
}

static void finds_whole_items_in_any_word(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct cmdline cmdline = parse(&arena, "intel_iommu=on,sm_on intel-iommu=igfx_off, iommu=0n intel_iommu");
	assert_string_equal(cmdline_find_item(&cmdline, "intel_iommu", "on")->value, "on,sm_on");
	assert_string_equal(cmdline_find_item(&cmdline, "intel_iommu", "igfx_off")->word, "intel-iommu=igfx_off,");
	assert_non_null(cmdline_find_item(&cmdline, "intel_iommu", ""));
	assert_null(cmdline_find_item(&cmdline, "intel_iommu", "off"));
	assert_null(cmdline_find_item(&cmdline, "iommu", "on"));
}

static void no_text_has_no_words(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct cmdline cmdline = parse(&arena, " \n\t ");
	assert_int(cmdline.count, 0);
	cmdline_parse((struct slice){ "a\0b c", 5 }, &arena, &cmdline);
	assert_int(cmdline.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_names_and_values),
		cmocka_unit_test(dash_and_underscore_are_alike_in_names_only),
		cmocka_unit_test(quotes_go_away_as_the_kernel_does_it),
		cmocka_unit_test(a_quote_that_is_all_of_the_value_leaves_none),
		cmocka_unit_test(words_behind_two_dashes_are_not_the_kernels),
		cmocka_unit_test(the_last_word_of_a_name_wins),
		cmocka_unit_test(finds_whole_items_in_any_word),
		cmocka_unit_test(no_text_has_no_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
