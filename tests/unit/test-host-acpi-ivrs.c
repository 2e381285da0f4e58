/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/acpi-ivrs.h"

#include "test-host-acpi.h"

static void begin(struct table *table, uint32_t info)
{
	begin_table(table, "IVRS", "AMD   AmdTable");
	add(table, 4, info);
	add(table, 8, 0);
}

static void add_unit(struct table *table, unsigned int type, uint64_t base, size_t entry_bytes)
{
	bool later = type != 0x10;
	add(table, 1, type);
	add(table, 1, 0xb0);
	add(table, 2, (later ? 40 : 24) + entry_bytes);
	add(table, 2, 0x0002);
	add(table, 2, 0x40);
	add(table, 8, base);
	add(table, 2, 1); /* segment */
	add(table, 6, 0);
	if (later)
		add(table, 8, 0x58f77ef22294ade);
	if (later)
		add(table, 8, 0);
}

static void add_memory(struct table *table, unsigned int type, unsigned int first, unsigned int last, uint64_t start,
		       uint64_t length)
{
	add(table, 1, type);
	add(table, 1, 1);
	add(table, 2, 32);
	add(table, 2, first);
	add(table, 2, last);
	add(table, 8, 0);
	add(table, 8, start);
	add(table, 8, length);
}

static bool has_problem(const struct list *problems, const char *part)
{
	for (size_t i = 0; i < problems->count; i++)
		if (strstr(problems->items[i], part))
			return true;
	return false;
}

static void reads_the_table_of_qemu(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct ivrs ivrs;
	struct error error;
	struct slice table = { (const char *)qemu_ivrs, sizeof(qemu_ivrs) };
	assert_int(ivrs_parse(table, &arena, &ivrs, &error), 0);
	assert_int(ivrs.problems.count, 0);
	assert_true(ivrs.checksum_ok);
	assert_true(ivrs_is_emulated(&ivrs));
	assert_int(ivrs.physical_bits, 40);
	assert_int(ivrs.unit_count, 1);
	assert_int(ivrs.units[0].type, 0x10);
	assert_int(ivrs.units[0].id, 0x08);
	assert_int(ivrs.units[0].base, 0xfed80000);
	assert_int(ivrs.units[0].count, 9);
	assert_int(ivrs.units[0].entries[2].type, 2);
	assert_int(ivrs.units[0].entries[2].id, 0x20);
	assert_int(ivrs.units[0].entries[3].type, 3);
	assert_int(ivrs.units[0].entries[4].id, 0xff);
	assert_int(ivrs.units[0].entries[8].type, 0x48);
	assert_int(ivrs.units[0].entries[8].id, 0xa0);
	assert_int(ivrs.units[0].entries[8].variety, 1);
	assert_int(ivrs.memory_count, 0);
}

static void reads_units_of_each_type_and_their_entries(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct table table;
	struct ivrs ivrs;
	struct error error;
	begin(&table, 48U << 8 | 64U << 15);
	add_unit(&table, 0x11, 0xfd200000, 8 + 4 + 8);
	add(&table, 8, 0x0000a50000ff0043); /* range of aliases from ff00, to a5 */
	add(&table, 4, 0x00ffff04);
	add(&table, 8, 0x0200a007d7000048); /* HPET 7 */
	add_unit(&table, 0x40, 0xfd200000, 4 + 22 + 3);
	add(&table, 4, 0x12000801);
	add(&table, 1, 0xf0);
	add(&table, 2, 0x00a5);
	add(&table, 1, 0x40);
	add_text(&table, "AMDI0020");
	add(&table, 8, 0);
	add(&table, 1, 2);
	add(&table, 1, 3);
	add_text(&table, "I2C");
	assert_int(ivrs_parse(end_table(&table), &arena, &ivrs, &error), 0);
	assert_int(ivrs.problems.count, 0);
	assert_false(ivrs_is_emulated(&ivrs));
	assert_int(ivrs.physical_bits, 48);
	assert_int(ivrs.virtual_bits, 64);
	assert_int(ivrs.unit_count, 2);
	assert_int(ivrs.units[0].segment, 1);
	assert_int(ivrs.units[0].flags, 0xb0);
	assert_int(ivrs.units[0].count, 3);
	assert_int(ivrs.units[0].entries[0].id, 0xff00);
	assert_int(ivrs.units[0].entries[0].other_id, 0xa5);
	assert_int(ivrs.units[0].entries[2].handle, 7);
	assert_int(ivrs.units[0].entries[2].variety, 2);
	assert_int(ivrs.units[0].entries[2].settings, 0xd7);
	assert_int(ivrs.units[1].type, 0x40);
	assert_int(ivrs.units[1].count, 2);
	assert_int(ivrs.units[1].entries[0].settings, 0x12);
	assert_int(ivrs.units[1].entries[1].type, 0xf0);
	assert_int(ivrs.units[1].entries[1].id, 0xa5);
}

static void reads_memory_that_firmware_wants_mapped(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct table table;
	struct ivrs ivrs;
	struct error error;
	begin(&table, 0);
	add_unit(&table, 0x10, 0xfd200000, 0);
	add_memory(&table, 0x22, 0x0000, 0x0fff, 0xb5e02000, 0x1000);
	add_memory(&table, 0x21, 0x0100, 0, 0xb5e03000, 0x2000);
	add_memory(&table, 0x20, 0x0007, 0, 0xb5e05000, 0x1000);
	assert_int(ivrs_parse(end_table(&table), &arena, &ivrs, &error), 0);
	assert_int(ivrs.problems.count, 0);
	assert_int(ivrs.memory_count, 3);
	assert_int(ivrs.memory[0].first_id, 0);
	assert_int(ivrs.memory[0].last_id, 0x0fff);
	assert_int(ivrs.memory[0].start, 0xb5e02000);
	assert_int(ivrs.memory[0].length, 0x1000);
	assert_int(ivrs.memory[1].first_id, 0x100);
	assert_int(ivrs.memory[1].last_id, 0x100);
	assert_int(ivrs.memory[2].first_id, 0);
	assert_int(ivrs.memory[2].last_id, 0xffff);
}

static void what_is_inconsistent_is_said_and_the_rest_is_read(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct table table;
	struct ivrs ivrs;
	struct error error;
	begin(&table, 0);
	add_unit(&table, 0x10, 0, 4 + 4 + 4 + 3);
	add(&table, 4, 0x00000004); /* ends what did not begin */
	add(&table, 4, 0x00010003); /* begins, and does not end */
	add(&table, 4, 0x00020002);
	add(&table, 3, 0x48);
	add_memory(&table, 0x22, 9, 8, 0x1000, 0x800);
	add(&table, 4, 0x00080099); /* a type of the future */
	add(&table, 4, 0);
	add(&table, 4, 0x00100021); /* too short */
	add(&table, 8, 0);
	add(&table, 4, 0x00080010); /* a unit that is too short */
	add(&table, 4, 0);
	add(&table, 4, 0x00030010); /* shorter than its own length */
	assert_int(ivrs_parse(end_table(&table), &arena, &ivrs, &error), 0);
	assert_true(has_problem(&ivrs.problems, "registers at 0"));
	assert_true(has_problem(&ivrs.problems, "ends at id 0 that did not begin"));
	assert_true(has_problem(&ivrs.problems, "begins at id 0x100 and does not end"));
	assert_true(has_problem(&ivrs.problems, "last 3 bytes are no device entry"));
	assert_true(has_problem(&ivrs.problems, "ids from 0x9 to 0x8"));
	assert_true(has_problem(&ivrs.problems, "memory at 0x1000 of 0x800 bytes"));
	assert_true(has_problem(&ivrs.problems, "block 3 (type 0x21): 16 bytes"));
	assert_true(has_problem(&ivrs.problems, "the rest is not read"));
	assert_int(ivrs.unknown, 1);
	assert_int(ivrs.unit_count, 1);
	assert_int(ivrs.units[0].count, 3);
	assert_int(ivrs.memory_count, 1);
}

static void what_is_no_ivrs_is_refused(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct ivrs ivrs;
	struct error error;
	assert_int(ivrs_parse((struct slice){ (const char *)qemu_dmar, sizeof(qemu_dmar) }, &arena, &ivrs, &error),
		   -EINVAL);
	assert_int(ivrs_parse((struct slice){ (const char *)qemu_ivrs, 40 }, &arena, &ivrs, &error), -EINVAL);
	assert_contains(error.text, "IVRS");
}

static void no_cut_reads_behind_the_end(void **state)
{
	(void)state;
	struct slice table = { (const char *)qemu_ivrs, sizeof(qemu_ivrs) };
	for (size_t length = 0; length <= table.length; length++) {
		AUTO_ARENA arena = { 0 };
		struct ivrs ivrs;
		char *copy = cut_copy(table, length);
		int r = ivrs_parse((struct slice){ copy, length }, &arena, &ivrs, NULL);
		free(copy);
		assert_int(r, length < 48 ? -EINVAL : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_table_of_qemu),
		cmocka_unit_test(reads_units_of_each_type_and_their_entries),
		cmocka_unit_test(reads_memory_that_firmware_wants_mapped),
		cmocka_unit_test(what_is_inconsistent_is_said_and_the_rest_is_read),
		cmocka_unit_test(what_is_no_ivrs_is_refused),
		cmocka_unit_test(no_cut_reads_behind_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
