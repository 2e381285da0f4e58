/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "qemu/config-file.h"
#include "qemu/keyval.h"

static const char *value_of(struct arena *arena, const char *text, const char *implied, const char *key)
{
	struct keyval list;
	keyval_parse(arena, text, implied, &list);
	const char *value = keyval_get(&list, key);
	return value ? value : "(none)";
}

static void items(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	assert_string_equal(value_of(&arena, "q35,accel=kvm", "type", "type"), "q35");
	assert_string_equal(value_of(&arena, "accel=kvm,type=q35", "type", "type"), "q35");
	assert_string_equal(value_of(&arena, "accel=kvm", "type", "type"), "(none)");
	assert_string_equal(value_of(&arena, "e1000,id=x", "driver", "id"), "x");
	assert_string_equal(value_of(&arena, "e1000,multifunction", "driver", "multifunction"), "on");
	assert_string_equal(value_of(&arena, "", "driver", "driver"), "(none)");
	assert_string_equal(value_of(&arena, "a=", NULL, "a"), "");
	assert_string_equal(value_of(&arena, "=x", NULL, ""), "x");
}

static void doubled_commas(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	assert_string_equal(value_of(&arena, "file=a,,b,format=raw", NULL, "file"), "a,b");
	assert_string_equal(value_of(&arena, "file=a,,b,format=raw", NULL, "format"), "raw");
	assert_string_equal(value_of(&arena, "file=,,,,", NULL, "file"), ",,");
	assert_string_equal(value_of(&arena, "file=a,,,b=c", NULL, "b"), "c");
	assert_string_equal(value_of(&arena, "x,,y,a=b", "type", "type"), "x,y");
}

static void the_last_one_wins(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	assert_string_equal(value_of(&arena, "a=1,a=2", NULL, "a"), "2");
	assert_string_equal(value_of(&arena, "pc,type=q35", "type", "type"), "q35");
}

static void dashes_and_underscores(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	assert_string_equal(value_of(&arena, "q35,kernel_irqchip=on", "type", "kernel-irqchip"), "on");
	assert_string_equal(value_of(&arena, "q35,kernel_irqchi=on", "type", "kernel-irqchip"), "(none)");
}

static void setting(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	assert_string_equal(keyval_set(&arena, "q35", "type", "x", "1"), "q35,x=1");
	assert_string_equal(keyval_set(&arena, "", "type", "x", "1"), "x=1");
	assert_string_equal(keyval_set(&arena, "q35,", "type", "x", "1"), "q35,x=1");
	assert_string_equal(keyval_set(&arena, "a=,,", NULL, "x", "1"), "a=,,,x=1");
	assert_string_equal(keyval_set(&arena, "q35,x,,,y=2", "type", "x", "1"), "q35,x=1,y=2");
	assert_string_equal(keyval_set(&arena, "q35,x=0,y=2", "type", "x", "1"), "q35,x=1,y=2");
	assert_string_equal(keyval_set(&arena, "q35,x=0,x=2", "type", "x", "1"), "q35,x=0,x=1");
	assert_string_equal(keyval_set(&arena, "q35,kernel_irqchip=on", "type", "kernel-irqchip", "split"),
			    "q35,kernel_irqchip=split");
	assert_string_equal(keyval_set(&arena, "f=a,,b,x=0", NULL, "x", "c,d"), "f=a,,b,x=c,,d");
	assert_string_equal(keyval_set(&arena, "x,y=1", NULL, "x", "off"), "x=off,y=1");
}

static void booleans(void **state)
{
	(void)state;
	assert_int(keyval_boolean("on"), 1);
	assert_int(keyval_boolean("true"), 1);
	assert_int(keyval_boolean("off"), 0);
	assert_int(keyval_boolean("n"), 0);
	assert_int(keyval_boolean("auto"), -1);
	assert_int(keyval_boolean(NULL), -1);
}

static void configuration_files(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct config_file file;
	struct error error;
	const char *text = "# a comment\n\n[device \"ehci\"]\n  driver = \"ich9-usb-ehci1\"\n  addr = \"1d.7\"\n"
			   "[machine]\n type=\"q35\"\n empty = \"\"\n";
	assert_int(config_file_parse(&arena, slice_of(text), &file, NULL), 0);
	assert_int(file.count, 2);
	assert_string_equal(file.sections[0].group, "device");
	assert_string_equal(file.sections[0].id, "ehci");
	assert_string_equal(keyval_get(&file.sections[0].entries, "addr"), "1d.7");
	assert_null(file.sections[1].id);
	assert_string_equal(keyval_get(&file.sections[1].entries, "type"), "q35");
	assert_string_equal(keyval_get(&file.sections[1].entries, "empty"), "");

	const char *const wrong[] = { "key = \"before any section\"\n",
				      "[device\n",
				      "[]\n",
				      "[\n",
				      "[device \"x]\n",
				      "[machine]\nkey\n",
				      "[machine]\nkey = bare\n",
				      "[machine]\nkey = \"\n" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int(config_file_parse(&arena, slice_of(wrong[i]), &file, &error), -EINVAL);
		assert_contains(error.text, "line ");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items),
		cmocka_unit_test(doubled_commas),
		cmocka_unit_test(the_last_one_wins),
		cmocka_unit_test(dashes_and_underscores),
		cmocka_unit_test(setting),
		cmocka_unit_test(booleans),
		cmocka_unit_test(configuration_files),
	};
	return cmocka_run_group_tests_name("qemu-keyval", tests, NULL, NULL);
}
