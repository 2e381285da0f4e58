/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "change/diff.h"

static const char *diff(struct arena *arena, const char *before, const char *after)
{
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "");
	diff_unified(&text, "a", slice_of(before), "b", slice_of(after));
	return text.text;
}

static void says_nothing_of_equal_texts(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_string_equal(diff(&arena, "", ""), "");
	assert_string_equal(diff(&arena, "one\ntwo", "one\ntwo"), "");
}

static void shows_a_line_with_three_lines_around_it(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_string_equal(diff(&arena, "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
			    "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

static void shows_a_file_that_is_made_or_removed(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_string_equal(diff(&arena, "", "one\ntwo\n"), "--- a\n+++ b\n@@ -0,0 +1,2 @@\n+one\n+two\n");
	assert_string_equal(diff(&arena, "one\n", ""), "--- a\n+++ b\n@@ -1 +0,0 @@\n-one\n");
}

static void tells_a_missing_newline_at_the_end(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_string_equal(diff(&arena, "one", "one\n"),
			    "--- a\n+++ b\n@@ -1 +1 @@\n-one\n\\ No newline at end of file\n+one\n");
}

static void joins_changes_whose_surroundings_touch(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	/* Six equal lines between them are one piece, seven are two: as GNU diff does. */
	const char *six = diff(&arena, "a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n");
	const char *seven = diff(&arena, "a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n");
	assert_contains(six, "@@ -1,8 +1,8 @@\n");
	assert_contains(seven, "@@ -1,4 +1,4 @@\n");
	assert_contains(seven, "@@ -6,4 +6,4 @@\n");
}

static void keeps_what_is_common_in_the_middle(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_string_equal(diff(&arena, "a\nx\nb\ny\nc\n", "x\nq\ny\n"),
			    "--- a\n+++ b\n@@ -1,5 +1,3 @@\n-a\n x\n-b\n+q\n y\n-c\n");
}

static void only_names_what_is_no_text(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	(void)state;
	diff_unified(&text, "a", (struct slice){ "\0x", 2 }, "b", slice_of("y"));
	assert_string_equal(text.text, "Binary files a and b differ\n");
}

static void replaces_the_whole_middle_of_huge_texts(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct buffer before = { .arena = &arena };
	struct buffer after = { .arena = &arena };
	(void)state;
	for (int i = 0; i < 5000; i++) {
		buffer_printf(&before, "%d\n", i);
		buffer_printf(&after, "%d\n", i + 1);
	}
	const char *text = diff(&arena, before.text, after.text);
	assert_contains(text, "@@ -1,5000 +1,5000 @@\n");
	assert_contains(text, "-4999\n+1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_nothing_of_equal_texts),
		cmocka_unit_test(shows_a_line_with_three_lines_around_it),
		cmocka_unit_test(shows_a_file_that_is_made_or_removed),
		cmocka_unit_test(tells_a_missing_newline_at_the_end),
		cmocka_unit_test(joins_changes_whose_surroundings_touch),
		cmocka_unit_test(keeps_what_is_common_in_the_middle),
		cmocka_unit_test(only_names_what_is_no_text),
		cmocka_unit_test(replaces_the_whole_middle_of_huge_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
