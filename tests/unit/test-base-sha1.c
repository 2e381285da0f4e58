/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "base/sha1.h"

/* FIPS 180-4's own examples, and every length around the end of a block against the sum of those sums. */
static void sums_are_those_of_the_standard(void **state)
{
	static const struct {
		const char *text;
		const char *sum;
	} examples[] = {
		{ "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
		{ "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
	};
	char text[SHA1_TEXT_MAX];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		assert_string_equal(sha1_hex(slice_of(examples[i].text), text), examples[i].sum);
}

/* What sha1sum says of the sums of 0 to 199 letters 'a', one a line. */
static void all_lengths_around_a_block_are_right(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct buffer sums = { .arena = &arena };
	char letters[200];
	char text[SHA1_TEXT_MAX];
	(void)state;
	memset(letters, 'a', sizeof(letters));
	for (size_t i = 0; i < sizeof(letters); i++)
		buffer_printf(&sums, "%s\n", sha1_hex((struct slice){ letters, i }, text));
	assert_string_equal(sha1_hex((struct slice){ sums.text, sums.length }, text),
			    "71b3aa778e3100edd38858406142e530408a3817");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_those_of_the_standard),
		cmocka_unit_test(all_lengths_around_a_block_are_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
