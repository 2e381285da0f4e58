/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "vm/property-string.h"

static const struct property_key keys[] = {
	{ "host", NULL, { { 0 } } },
	{ "pcie", property_is_boolean, { { 0 } } },
	{ "driver", NULL, { { 9, 0, 25 } } },
};
static const struct property_format format = { keys, ARRAY_SIZE(keys), "host" };
static const struct property_format without_default = { keys, ARRAY_SIZE(keys), NULL };
static const struct release newest = { { 0 } };

struct reading {
	struct arena arena;
	struct property_string string;
	struct error error;
};

static int read_string(struct reading *reading, const char *text)
{
	return property_string_parse(&reading->arena, text, &format, newest, &reading->string, &reading->error);
}

static void reads_keys_in_any_order(void **state)
{
	(void)state;
	struct reading reading = { 0 };
	static const char *const texts[] = { "01:00.0,pcie=1", "pcie=1,01:00.0", "pcie=1,host=01:00.0",
					     ",,01:00.0, ,pcie=1," };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int(read_string(&reading, texts[i]), 0);
		assert_int(reading.string.count, 2);
		assert_string_equal(property_get(&reading.string, "host"), "01:00.0");
		assert_true(property_is_on(&reading.string, "pcie"));
		assert_null(property_get(&reading.string, "driver"));
	}
	arena_release(&reading.arena);
}

static void keeps_the_spelling(void **state)
{
	(void)state;
	struct reading reading = { 0 };
	assert_int(read_string(&reading, "pcie=YES,41:00.0"), 0);
	assert_slice(reading.string.items[0].spelling, "pcie=YES");
	assert_false(reading.string.items[0].bare);
	assert_slice(reading.string.items[1].spelling, "41:00.0");
	assert_true(reading.string.items[1].bare);
	arena_release(&reading.arena);
}

static void reads_every_spelling_of_a_boolean(void **state)
{
	(void)state;
	static const char *const yes[] = { "1", "on", "On", "YES", "true" };
	static const char *const no[] = { "0", "off", "OFF", "No", "false" };
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		assert_int(property_boolean(yes[i]), 1);
		assert_int(property_boolean(no[i]), 0);
	}
	assert_int(property_boolean("2"), -1);
	assert_int(property_boolean(""), -1);
	assert_int(property_boolean("y"), -1);
}

static void refuses_what_proxmox_would(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *why;
	} examples[] = {
		{ "01:00.0,bogus=1", "there is no key 'bogus'" },
		{ "01:00.0, pcie=1", "there is no key ' pcie'" },
		{ "01:00.0,pcie=1,pcie=1", "'pcie' stands twice" },
		{ "01:00.0,02:00.0", "'host' stands twice" },
		{ "host=01:00.0,02:00.0", "'host' stands twice" },
		{ "01:00.0,pcie=", "'pcie=' lacks a value" },
		{ "=1", "'=1' lacks a key" },
		{ "01:00.0,pcie=maybe", "'maybe' is no value for 'pcie'" },
	};
	struct reading reading = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		assert_int(read_string(&reading, examples[i].text), -EINVAL);
		assert_string_equal(reading.error.text, examples[i].why);
	}
	assert_int(property_string_parse(&reading.arena, "x", &without_default, newest, &reading.string,
					 &reading.error),
		   -EINVAL);
	assert_string_equal(reading.error.text, "'x' is no key=value");
	arena_release(&reading.arena);
}

static void knows_since_when_a_key_is(void **state)
{
	(void)state;
	struct reading reading = { 0 };
	static const struct release before = { { 9, 0, 24 } };
	static const struct release then = { { 9, 0, 25 } };
	assert_int(property_string_parse(&reading.arena, "driver=keep", &format, before, &reading.string,
					 &reading.error),
		   -EINVAL);
	assert_string_equal(reading.error.text, "qemu-server knows no 'driver=' before 9.0.25");
	assert_int(property_string_parse(&reading.arena, "driver=keep", &format, then, &reading.string, NULL), 0);
	arena_release(&reading.arena);
}

static void compares_releases(void **state)
{
	(void)state;
	assert_true(release_has((struct release){ { 8, 1, 2 } }, (struct release){ { 8, 1, 2 } }));
	assert_true(release_has((struct release){ { 9, 0, 0 } }, (struct release){ { 8, 1, 2 } }));
	assert_false(release_has((struct release){ { 8, 1, 1 } }, (struct release){ { 8, 1, 2 } }));
	assert_false(release_has((struct release){ { 7, 4, 2 } }, (struct release){ { 8, 0, 0 } }));
	assert_true(release_has(newest, (struct release){ { 99, 0, 0 } }));
}

static void edits_one_key_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		const char *key;
		const char *value;
		const char *result;
	} cases[] = {
		{ "q35", "viommu", "intel", "q35,viommu=intel" },
		{ "type=q35,enable-s3=1", "viommu", "intel", "type=q35,enable-s3=1,viommu=intel" },
		{ "viommu=virtio,type=q35", "viommu", "intel", "viommu=intel,type=q35" },
		{ "viommu=virtio,q35", "viommu", NULL, "q35" },
		{ "q35,viommu=intel,aw-bits=39", "viommu", NULL, "q35,aw-bits=39" },
		{ "viommu=intel", "viommu", NULL, "" },
		{ "viommu=virtio", "type", "q35", "q35,viommu=virtio" },
		{ "pc,viommu=virtio", "type", "q35", "q35,viommu=virtio" },
		{ "viommu=virtio,type=pc", "type", "q35", "viommu=virtio,type=q35" },
		{ NULL, "type", "q35", "q35" },
		{ NULL, "viommu", NULL, "" },
		{ "q35,viommux=1", "viommu", "intel", "q35,viommux=1,viommu=intel" },
		{ "q35,viommu=virtio,viommu=intel", "viommu", "intel", "q35,viommu=intel" },
	};
	AUTO_ARENA arena = { 0 };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(property_edit(&arena, cases[i].text, "type", cases[i].key, cases[i].value),
				    cases[i].result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_keys_in_any_order),           cmocka_unit_test(keeps_the_spelling),
		cmocka_unit_test(reads_every_spelling_of_a_boolean), cmocka_unit_test(refuses_what_proxmox_would),
		cmocka_unit_test(knows_since_when_a_key_is),         cmocka_unit_test(compares_releases),
		cmocka_unit_test(edits_one_key_and_nothing_else),
	};
	return cmocka_run_group_tests_name("vm-property-string", tests, NULL, NULL);
}
