/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "base/error.h"

static void sets_a_text_and_returns_the_code(void **state)
{
	struct error error;
	assert_int(error_set(&error, -EINVAL, "%s: %d", "bus", 300), -EINVAL);
	assert_string_equal(error.text, "bus: 300");
}

static void adds_the_text_of_the_errno(void **state)
{
	struct error error;
	assert_int(error_set_errno(&error, -ENOENT, "/sys/x"), -ENOENT);
	assert_string_equal(error.text, "/sys/x: No such file or directory");
}

static void prefixes_read_from_intention_to_cause(void **state)
{
	struct error error;
	int r = error_set_errno(&error, -EACCES, "/sys/y");
	r = error_prefix(&error, r, "unbind from %s", "nvme");
	assert_int(error_prefix(&error, r, "bind 0000:01:00.0"), -EACCES);
	assert_string_equal(error.text, "bind 0000:01:00.0: unbind from nvme: /sys/y: Permission denied");
}

static void takes_null_where_no_text_is_wanted(void **state)
{
	assert_int(error_set(NULL, -EINVAL, "x"), -EINVAL);
	assert_int(error_set_errno(NULL, -EIO, "x"), -EIO);
	assert_int(error_prefix(NULL, -EPERM, "x"), -EPERM);
}

static void cuts_what_is_too_long(void **state)
{
	struct error error;
	char *large = test_malloc(10000);
	memset(large, 'a', 9999);
	large[9999] = '\0';
	error_set(&error, -EINVAL, "%s", large);
	assert_int(strlen(error.text), sizeof(error.text) - 1);
	error_set_errno(&error, -EIO, "%s", large);
	assert_int(strlen(error.text), sizeof(error.text) - 1);
	error_prefix(&error, -EIO, "%s", large);
	assert_int(strlen(error.text), sizeof(error.text) - 1);
	error_set(&error, -EIO, "short");
	error_prefix(&error, -EIO, "%.2040s", large);
	assert_int(strlen(error.text), sizeof(error.text) - 1);
	test_free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_a_text_and_returns_the_code),
		cmocka_unit_test(adds_the_text_of_the_errno),
		cmocka_unit_test(prefixes_read_from_intention_to_cause),
		cmocka_unit_test(takes_null_where_no_text_is_wanted),
		cmocka_unit_test(cuts_what_is_too_long),
	};
	return cmocka_run_group_tests_name("base-error", tests, NULL, NULL);
}
