/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "base/say.h"
#include "report/table.h"

static const char *const headings[] = { "Address", "Driver", "Name", NULL };

static void fill(struct table *table, const char *const *cells, size_t count)
{
	for (size_t i = 0; i < count; i++)
		table_add(table, cells[i]);
}

/* What the table prints for a terminal of that width. */
static const char *printed(struct arena *arena, const struct table *table, size_t width)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	assert_non_null(stream);
	table_print(table, stream, width);
	fclose(stream);
	const char *copy = arena_strndup(arena, text, length);
	free(text);
	return copy;
}

static void lines_columns_up(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct table table;
	static const char *const cells[] = { "01:00.0", "vfio-pci", "a disk", "02:00.0", "", "a card" };
	table_start(&table, &arena, headings);
	fill(&table, cells, ARRAY_SIZE(cells));
	assert_string_equal(printed(&arena, &table, 0), "Address  Driver    Name\n"
							"01:00.0  vfio-pci  a disk\n"
							"02:00.0            a card\n");
}

static void leaves_no_blanks_at_the_end_of_a_line(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct table table;
	static const char *const cells[] = { "01:00.0", "nvme", "", "02:00.0", "", "", "", "", "" };
	table_start(&table, &arena, headings);
	fill(&table, cells, ARRAY_SIZE(cells));
	assert_string_equal(printed(&arena, &table, 0), "Address  Driver  Name\n"
							"01:00.0  nvme\n"
							"02:00.0\n"
							"\n");
}

static void measures_characters_not_bytes(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct table table;
	static const char *const cells[] = { "\xc3\xa4\xc3\xb6\xc3\xbc", "x", "y", "abcdefgh", "x", "y" };
	table_start(&table, &arena, headings);
	fill(&table, cells, ARRAY_SIZE(cells));
	assert_string_equal(printed(&arena, &table, 0), "Address   Driver  Name\n"
							"\xc3\xa4\xc3\xb6\xc3\xbc       x       y\n"
							"abcdefgh  x       y\n");
}

static void cuts_the_last_column(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct table table;
	static const char *const cells[] = { "01:00.0", "nvme", "a very long \xe2\x82\xac name of a device" };
	table_start(&table, &arena, headings);
	fill(&table, cells, ARRAY_SIZE(cells));
	/* 17 characters of other columns, 17 kept, three dots. */
	assert_string_equal(printed(&arena, &table, 37), "Address  Driver  Name\n"
							 "01:00.0  nvme    a very long \xe2\x82\xac nam...\n");
	/* A terminal too narrow for it all is left to wrap. */
	assert_contains(printed(&arena, &table, 10), "name of a device\n");
	assert_contains(printed(&arena, &table, 49), "name of a device\n");
}

static void cuts_other_columns_to_their_limits(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct table table;
	static const size_t limits[] = { 0, 6, 4 };
	static const char *const cells[] = {
		"01:00.0", "snd_\xe2\x82\xac_intel", "a name of a device", "2", "nvme", "x"
	};
	table_start(&table, &arena, headings);
	table.limits = limits;
	fill(&table, cells, ARRAY_SIZE(cells));
	/* The last column is not cut to a limit, but to what is left. */
	assert_string_equal(printed(&arena, &table, 80), "Address  Driver  Name\n"
							 "01:00.0  snd...  a name of a device\n"
							 "2        nvme    x\n");
	/* Where lines have no end nothing is cut. */
	assert_contains(printed(&arena, &table, 0), "snd_\xe2\x82\xac_intel  a name of a device\n");
}

static void indents(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct table table;
	static const char *const cells[] = { "a", "b", "c" };
	table_start(&table, &arena, headings);
	table.indent = "    ";
	fill(&table, cells, ARRAY_SIZE(cells));
	assert_string_equal(printed(&arena, &table, 0), "    Address  Driver  Name\n"
							"    a        b       c\n");
}

static void what_a_terminal_would_act_upon_is_replaced(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct table table;
	static const char *const cells[] = { "a\x1b[2J\x7f", "b\xff\xc3", "\xc2\x9b\xc3\xa4\n" };
	table_start(&table, &arena, headings);
	fill(&table, cells, ARRAY_SIZE(cells));
	assert_string_equal(printed(&arena, &table, 0), "Address  Driver  Name\n"
							"a?[2J?   b??     ??\xc3\xa4?\n");
}

static void a_file_has_no_width(void **state)
{
	AUTO_FCLOSE FILE *stream = fopen("/dev/null", "we");
	assert_int(say_width(stream), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_columns_up),
		cmocka_unit_test(leaves_no_blanks_at_the_end_of_a_line),
		cmocka_unit_test(measures_characters_not_bytes),
		cmocka_unit_test(cuts_the_last_column),
		cmocka_unit_test(cuts_other_columns_to_their_limits),
		cmocka_unit_test(indents),
		cmocka_unit_test(what_a_terminal_would_act_upon_is_replaced),
		cmocka_unit_test(a_file_has_no_width),
	};
	return cmocka_run_group_tests_name("report-table", tests, NULL, NULL);
}
