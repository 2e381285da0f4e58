/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "base/json.h"

static void reads_one_whole_value(void **state)
{
	AUTO_JSON *object = NULL;
	assert_int(json_read(slice_of(" {\"driver\": \"vfio-pci\", \"bus\": [1, 2]} \n"), &object, NULL), 0);
	struct json_object *driver = NULL;
	assert_true(json_object_object_get_ex(object, "driver", &driver));
	assert_string_equal(json_object_get_string(driver), "vfio-pci");
}

static void reads_a_slice_that_goes_on_behind(void **state)
{
	AUTO_JSON *object = NULL;
	assert_int(json_read((struct slice){ "{\"a\":1}, rubbish", 7 }, &object, NULL), 0);
	assert_int(json_object_object_length(object), 1);
}

static void says_where_it_is_wrong(void **state)
{
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{ "", "before it is complete" },
		{ "{", "before it is complete" },
		{ "{\"a\":", "before it is complete" },
		{ "{\"a\" 1}", "byte 6" },
		{ "{\"a\":1,}", "byte 8" },
		{ "{\"a\":1} x", "byte 9" },
		{ "{\"a\":1}{}", "byte 8" },
		{ "driver=vfio-pci", "byte 1" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct json_object *object = NULL;
		struct error error;
		if (json_read(slice_of(cases[i].text), &object, &error) != -EINVAL)
			fail_msg("'%s' was taken for JSON", cases[i].text);
		assert_null(object);
		assert_contains(error.text, "not JSON: ");
		assert_contains(error.text, cases[i].message);
	}
}

static void refuses_a_tower_of_brackets(void **state)
{
	char text[20001];
	memset(text, '[', 10000);
	memset(text + 10000, ']', 10000);
	text[20000] = '\0';
	struct json_object *object = NULL;
	struct error error;
	assert_int(json_read(slice_of(text), &object, &error), -EINVAL);
	assert_contains(error.text, "not JSON: byte ");
}

static void adds_members(void **state)
{
	AUTO_JSON *object = json_object_new_object();
	json_add_text(object, "driver", "nvme");
	json_add_text(object, "none", NULL);
	json_add_number(object, "group", INT64_MAX);
	json_add_bool(object, "bound", true);
	assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
			    "{\"driver\":\"nvme\",\"none\":null,\"group\":9223372036854775807,\"bound\":true}");
}

static void what_is_no_utf_8_is_replaced(void **state)
{
	static const struct {
		const char *text;
		const char *json;
	} cases[] = {
		{ "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "a\xff"
		  "b\xc3",
		  "\"a?b?\"" },
		{ "\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe0\x80\x80", "\"????????????\"" },
		{ "\x1b[m", "\"\\u001b[m\"" },
		{ "", "\"\"" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_JSON *text = json_new_text(cases[i].text);
		assert_string_equal(json_object_to_json_string_ext(text, JSON_C_TO_STRING_PLAIN), cases[i].json);
	}
}

static void digits_become_numbers(void **state)
{
	AUTO_JSON *object = json_object_new_object();
	json_add_digits(object, "group", "15");
	json_add_digits(object, "none", NULL);
	json_add_digits(object, "other", "x");
	assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
			    "{\"group\":15,\"none\":null,\"other\":null}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_one_whole_value),  cmocka_unit_test(reads_a_slice_that_goes_on_behind),
		cmocka_unit_test(says_where_it_is_wrong), cmocka_unit_test(refuses_a_tower_of_brackets),
		cmocka_unit_test(adds_members),           cmocka_unit_test(what_is_no_utf_8_is_replaced),
		cmocka_unit_test(digits_become_numbers),
	};
	return cmocka_run_group_tests_name("base-json", tests, NULL, NULL);
}
