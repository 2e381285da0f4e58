/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "base/text.h"

static void cuts_lines(void **state)
{
	struct slice rest = slice_of("one\n\nthree");
	struct slice line;
	assert_true(slice_next_line(&rest, &line));
	assert_slice(line, "one");
	assert_true(slice_next_line(&rest, &line));
	assert_slice(line, "");
	assert_true(slice_next_line(&rest, &line));
	assert_slice(line, "three");
	assert_false(slice_next_line(&rest, &line));
	rest = slice_of("last\n");
	assert_true(slice_next_line(&rest, &line));
	assert_false(slice_next_line(&rest, &line));
}

static void cuts_words(void **state)
{
	struct slice rest = slice_of(" \t intel_iommu=on  iommu=pt\r\n");
	struct slice word;
	assert_true(slice_next_word(&rest, &word));
	assert_slice(word, "intel_iommu=on");
	assert_true(slice_next_word(&rest, &word));
	assert_slice(word, "iommu=pt");
	assert_false(slice_next_word(&rest, &word));
}

static void trims(void **state)
{
	assert_slice(slice_trim(slice_of("")), "");
	assert_slice(slice_trim(slice_of(" \t\r\n")), "");
	assert_slice(slice_trim(slice_of("\n a b \n")), "a b");
}

static void compares(void **state)
{
	assert_true(text_equals("a", "a"));
	assert_false(text_equals("a", NULL));
	assert_false(text_equals(NULL, NULL));
	assert_true(text_starts_with("vfio-pci", "vfio"));
	assert_true(text_starts_with("x", ""));
	assert_false(text_starts_with("vf", "vfio"));
	assert_true(text_ends_with("a.conf", ".conf"));
	assert_false(text_ends_with("conf", ".conf"));
	assert_true(slice_equals((struct slice){ "abc", 2 }, "ab"));
	assert_false(slice_equals(slice_of("abc"), "ab"));
}

static void finds_the_last_part_of_a_path(void **state)
{
	assert_string_equal(text_basename("/usr/bin/kvm"), "kvm");
	assert_string_equal(text_basename("kvm"), "kvm");
	assert_string_equal(text_basename("/usr/bin/"), "");
}

static void reads_numbers_strictly(void **state)
{
	uint64_t number = 7;
	assert_int(text_to_number("0", 10, 10, &number), 0);
	assert_int(number, 0);
	assert_int(text_to_number("00ff", 16, 255, &number), 0);
	assert_int(number, 255);
	assert_int(text_to_number("18446744073709551615", 10, UINT64_MAX, &number), 0);
	assert_true(number == UINT64_MAX);

	number = 7;
	const char *const wrong[] = { "", " ", " 1", "1 ", "+1", "-1", "0x10", "1x", "1\n", "ten", "1.0" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int(text_to_number(wrong[i], 10, 100, &number), -EINVAL);
	assert_int(text_to_number("0x10", 16, 100, &number), -EINVAL);
	assert_int(text_to_number("g", 16, 100, &number), -EINVAL);
	assert_int(text_to_number("101", 10, 100, &number), -ERANGE);
	assert_int(text_to_number("18446744073709551616", 10, UINT64_MAX, &number), -ERANGE);
	assert_int(number, 7);
}

static void lists_end_with_null(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct list list = { .arena = &arena };
	assert_false(list_contains(&list, "a"));
	list_sort(&list);
	for (int i = 0; i < 1000; i++) {
		list_printf(&list, "%03d", 999 - i);
		assert_null(list.items[list.count]);
	}
	list_sort(&list);
	assert_int(list.count, 1000);
	assert_string_equal(list.items[0], "000");
	assert_string_equal(list.items[999], "999");
	assert_null(list.items[1000]);
	assert_true(list_contains(&list, "500"));
	assert_false(list_contains(&list, "1000"));
}

static void buffers_end_with_nul(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct buffer buffer = { .arena = &arena };
	buffer_add(&buffer, "", 0);
	assert_string_equal(buffer.text, "");
	buffer_puts(&buffer, "ab");
	buffer_putc(&buffer, '\0');
	buffer_add(&buffer, "cde", 2);
	assert_int(buffer.length, 5);
	assert_memory_equal(buffer.text, "ab\0cd", 6);
	struct buffer printed = { .arena = &arena };
	size_t length = 0;
	for (int i = 0; i < 200; i++) {
		buffer_printf(&printed, "%d,", i);
		length += i < 10 ? 2 : i < 100 ? 3 : 4;
		assert_int(printed.length, length);
		assert_int(strlen(printed.text), length);
	}
	buffer_printf(&printed, "%s", "");
	assert_int(printed.length, length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_lines),
		cmocka_unit_test(cuts_words),
		cmocka_unit_test(trims),
		cmocka_unit_test(compares),
		cmocka_unit_test(finds_the_last_part_of_a_path),
		cmocka_unit_test(reads_numbers_strictly),
		cmocka_unit_test(lists_end_with_null),
		cmocka_unit_test(buffers_end_with_nul),
	};
	return cmocka_run_group_tests_name("base-text", tests, NULL, NULL);
}
