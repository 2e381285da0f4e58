/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "base/shell.h"

/* The words of a line, each in <>; or the error's text. */
static const char *read_as(struct arena *arena, struct slice text)
{
	struct shell_line line;
	struct error error;
	struct buffer words = { .arena = arena };
	int r = shell_read_line(arena, text, &line, &error);
	if (r < 0)
		return arena_printf(arena, "%s", error.text);
	for (size_t i = 0; i < line.words.count; i++)
		buffer_printf(&words, "<%s>", line.words.items[i]);
	return words.text;
}

static void reads_words_as_a_shell_does(void **state)
{
	static const struct {
		const char *line;
		const char *words;
	} cases[] = {
		{ "a", "<a>" },
		{ "  a\t b ", "<a><b>" },
		{ "'a b' \"c d\"", "<a b><c d>" },
		{ "a'b'\"c\"d", "<abcd>" },
		{ "''", "<>" },
		{ "\"\"", "<>" },
		{ "'a\"b' \"a'b\"", "<a\"b><a'b>" },
		{ "a\\ b", "<a b>" },
		{ "\\'", "<'>" },
		{ "'a\\b'", "<a\\b>" },
		{ "\"a\\b\"", "<a\\b>" },
		{ "\"a\\\\b\"", "<a\\b>" },
		{ "\"\\$\\`\\\"\"", "<$`\">" },
		{ "'$HOME' '*' '`'", "<$HOME><*><`>" },
		{ "a \\\n b", "<a><b>" },
		{ "a\\\nb", "<ab>" },
		{ "\"a\\\nb\"", "<ab>" },
		{ "'a\nb'", "<a\nb>" },
		{ "a\nb", "<a>" },
		{ "a\r\nb", "<a>" },
		{ "a#b a~b", "<a#b><a~b>" },
		{ "-device intel-iommu,aw-bits=48", "<-device><intel-iommu,aw-bits=48>" },
		{ "-m 4G -name vm,debug-threads=on", "<-m><4G><-name><vm,debug-threads=on>" },
		{ "'{\"driver\":\"vfio-pci\"}'", "<{\"driver\":\"vfio-pci\"}>" },
		{ "\xff\xfe \xc3\xa4", "<\xff\xfe><\xc3\xa4>" },
	};
	AUTO_ARENA arena = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(read_as(&arena, slice_of(cases[i].line)), cases[i].words);
}

static void refuses_what_only_a_shell_knows(void **state)
{
	static const char *const cases[] = { "a $b",  "a `b`", "a | b", "a & b", "a; b", "a > b",  "a < b",  "(a)",
					     "a *.c", "a ?",   "a [b]", "# a",   "~/a",  "\"$a\"", "\"`a`\"" };
	AUTO_ARENA arena = { 0 };
	struct shell_line line = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error error;
		assert_int(shell_read_line(&arena, slice_of(cases[i]), &line, &error), -EINVAL);
		assert_contains(error.text, "shell");
		assert_contains(error.text, "column ");
	}
	assert_int(line.words.count, 0);
}

static void names_the_column_of_what_is_wrong(void **state)
{
	AUTO_ARENA arena = { 0 };
	assert_string_equal(read_as(&arena, slice_of("ab 'c")), "column 4: single quote (') is never closed");
	assert_string_equal(read_as(&arena, slice_of("ab \"c")), "column 4: double quote (\") is never closed");
	assert_contains(read_as(&arena, slice_of("abc \\\n  d $e")), "column 5: '$'");
	assert_contains(read_as(&arena, (struct slice){ "ab\0c", 4 }), "column 3: a NUL byte");
	assert_contains(read_as(&arena, (struct slice){ "a 'b\0c'", 7 }), "column 3: a word with a NUL byte");
	assert_contains(read_as(&arena, (struct slice){ "\"b\0c\"", 5 }), "column 1: a word with a NUL byte");
	assert_contains(read_as(&arena, (struct slice){ "\\\0", 2 }), "column 1: a word with a NUL byte");
}

static void refuses_a_line_without_words(void **state)
{
	static const char *const cases[] = { "", "  ", "\n", " \t\n a", "\\\n" };
	AUTO_ARENA arena = { 0 };
	struct shell_line line;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int(shell_read_line(&arena, slice_of(cases[i]), &line, NULL), -ENODATA);
}

static void tells_how_words_were_spelled(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct shell_line line;
	struct slice text = slice_of(" kvm  -name 'a b' \\\n  -m\t4 \nnext");
	assert_int(shell_read_line(&arena, text, &line, NULL), 0);
	assert_int(line.words.count, 5);
	assert_slice(line.spelled[0].gap, " ");
	assert_slice(line.spelled[2].spelling, "'a b'");
	assert_slice(line.spelled[3].gap, " \\\n  ");
	assert_slice(line.tail, " ");
	struct buffer all = { .arena = &arena };
	for (size_t i = 0; i < line.words.count; i++) {
		buffer_add(&all, line.spelled[i].gap.start, line.spelled[i].gap.length);
		buffer_add(&all, line.spelled[i].spelling.start, line.spelled[i].spelling.length);
	}
	buffer_add(&all, line.tail.start, line.tail.length);
	assert_int(all.length, line.consumed);
	assert_memory_equal(all.text, text.start, all.length);
	assert_int(text.start[line.consumed], '\n');
}

static const char *quoted(struct arena *arena, const char *word)
{
	struct buffer buffer = { .arena = arena };
	shell_quote(&buffer, word);
	return buffer.text;
}

static void quotes_only_what_needs_it(void **state)
{
	AUTO_ARENA arena = { 0 };
	assert_string_equal(quoted(&arena, "-device"), "-device");
	assert_string_equal(quoted(&arena, "/usr/bin/kvm"), "/usr/bin/kvm");
	assert_string_equal(quoted(&arena, "q35,accel"), "q35,accel");
	assert_string_equal(quoted(&arena, "a=b"), "'a=b'");
	assert_string_equal(quoted(&arena, ""), "''");
	assert_string_equal(quoted(&arena, "it's"), "'it'\\''s'");
	assert_string_equal(quoted(&arena, "'"), "''\\'''");
	assert_string_equal(quoted(&arena, "\xc3\xa4"), "'\xc3\xa4'");
}

/* Every word of one and two bytes comes back as it was. */
static void what_is_quoted_reads_back(void **state)
{
	AUTO_ARENA arena = { 0 };
	for (unsigned int first = 1; first < 256; first++) {
		for (unsigned int second = 0; second < 256; second++) {
			const char word[] = { (char)first, (char)second, '\0' };
			struct shell_line line;
			assert_int(shell_read_line(&arena, slice_of(quoted(&arena, word)), &line, NULL), 0);
			assert_int(line.words.count, 1);
			assert_string_equal(line.words.items[0], word);
		}
		arena_release(&arena);
	}
}

static void takes_ten_thousand_words_and_a_word_of_a_mebibyte(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	for (int i = 0; i < 10000; i++)
		buffer_printf(&text, "'word %d' ", i);
	struct shell_line line;
	assert_int(shell_read_line(&arena, (struct slice){ text.text, text.length }, &line, NULL), 0);
	assert_int(line.words.count, 10000);
	assert_string_equal(line.words.items[9999], "word 9999");
	assert_slice(line.spelled[9999].spelling, "'word 9999'");

	size_t size = (size_t)1 << 20;
	char *large = arena_alloc(&arena, size + 1);
	memset(large, 'x', size);
	assert_int(shell_read_line(&arena, (struct slice){ large, size }, &line, NULL), 0);
	assert_int(strlen(line.words.items[0]), size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_words_as_a_shell_does),
		cmocka_unit_test(refuses_what_only_a_shell_knows),
		cmocka_unit_test(names_the_column_of_what_is_wrong),
		cmocka_unit_test(refuses_a_line_without_words),
		cmocka_unit_test(tells_how_words_were_spelled),
		cmocka_unit_test(quotes_only_what_needs_it),
		cmocka_unit_test(what_is_quoted_reads_back),
		cmocka_unit_test(takes_ten_thousand_words_and_a_word_of_a_mebibyte),
	};
	return cmocka_run_group_tests_name("base-shell", tests, NULL, NULL);
}
