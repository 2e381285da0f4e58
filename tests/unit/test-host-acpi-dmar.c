/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/acpi-dmar.h"

#include "test-host-acpi.h"

static void begin(struct table *table, unsigned int width, unsigned int flags)
{
	begin_table(table, "DMAR", "ALASKAA M I   ");
	add(table, 1, width - 1);
	add(table, 1, flags);
	add(table, 10, 0);
}

static void add_structure(struct table *table, unsigned int type, size_t length)
{
	add(table, 2, type);
	add(table, 2, length);
}

static void add_unit(struct table *table, unsigned int flags, unsigned int segment, uint64_t base, size_t scope_bytes)
{
	add_structure(table, 0, 16 + scope_bytes);
	add(table, 1, flags);
	add(table, 1, 0);
	add(table, 2, segment);
	add(table, 8, base);
}

static void add_scope(struct table *table, unsigned int type, unsigned int id, unsigned int bus, unsigned int device,
		      unsigned int function)
{
	add(table, 1, type);
	add(table, 1, 8);
	add(table, 2, 0);
	add(table, 1, id);
	add(table, 1, bus);
	add(table, 1, device);
	add(table, 1, function);
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
	struct dmar dmar;
	struct error error;
	struct slice table = { (const char *)qemu_dmar, sizeof(qemu_dmar) };
	assert_int(dmar_parse(table, &arena, &dmar, &error), 0);
	assert_int(dmar.problems.count, 0);
	assert_true(dmar.checksum_ok);
	assert_true(dmar_is_emulated(&dmar));
	assert_string_equal(dmar.oem_id, "BOCHS ");
	assert_string_equal(dmar.oem_table_id, "BXPC    ");
	assert_string_equal(dmar.creator_id, "BXPC");
	assert_int(dmar.host_address_width, 39);
	assert_int(dmar.flags, DMAR_INTR_REMAP);
	assert_int(dmar.count, 2);
	assert_int(dmar.structures[0].kind, DMAR_DRHD);
	assert_int(dmar.structures[0].flags, 0);
	assert_int(dmar.structures[0].base, 0xfed90000);
	assert_int(dmar.structures[0].scope_count, 6);
	assert_int(dmar.structures[0].scopes[0].type, DMAR_SCOPE_IOAPIC);
	assert_int(dmar.structures[0].scopes[0].start_bus, 0xff);
	assert_int(dmar.structures[0].scopes[2].type, DMAR_SCOPE_BRIDGE);
	assert_int(dmar.structures[0].scopes[2].hops, 1);
	assert_int(dmar.structures[0].scopes[2].path[0], 4);
	assert_int(dmar.structures[0].scopes[5].path[1], 3);
	assert_int(dmar.structures[1].kind, DMAR_ATSR);
	assert_int(dmar.structures[1].flags, 1);
}

static void reads_each_kind_of_structure(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct table table;
	struct dmar dmar;
	struct error error;
	begin(&table, 46, DMAR_INTR_REMAP | DMAR_DMA_CTRL_PLATFORM_OPT_IN);
	add_unit(&table, 1, 3, 0xfed91000, 8);
	add_scope(&table, DMAR_SCOPE_HPET, 7, 0xf0, 0x1f, 0);
	add_structure(&table, 1, 24 + 8); /* RMRR */
	add(&table, 2, 0);
	add(&table, 2, 1);
	add(&table, 8, 0x8d000000);
	add(&table, 8, 0x8f7fffff);
	add_scope(&table, DMAR_SCOPE_ENDPOINT, 0, 0, 2, 0);
	add_structure(&table, 3, 20); /* RHSA */
	add(&table, 4, 0);
	add(&table, 8, 0xfed91000);
	add(&table, 4, 5);
	add_structure(&table, 4, 8 + 9); /* ANDD */
	add(&table, 3, 0);
	add(&table, 1, 2);
	add_text(&table, "\\_SB.I2C");
	add(&table, 1, 0);
	add_structure(&table, 5, 8); /* SATC */
	add(&table, 1, 1);
	add(&table, 1, 0);
	add(&table, 2, 4);
	add_structure(&table, 6, 8); /* SIDP */
	add(&table, 2, 0);
	add(&table, 2, 6);
	add_structure(&table, 77, 5);
	add(&table, 1, 0);
	assert_int(dmar_parse(end_table(&table), &arena, &dmar, &error), 0);
	assert_int(dmar.problems.count, 0);
	assert_false(dmar_is_emulated(&dmar));
	assert_int(dmar.host_address_width, 46);
	assert_int(dmar.count, 6);
	assert_int(dmar.unknown, 1);
	assert_int(dmar.structures[0].segment, 3);
	assert_int(dmar.structures[0].flags, 1);
	assert_int(dmar.structures[0].scopes[0].enumeration_id, 7);
	assert_int(dmar.structures[1].kind, DMAR_RMRR);
	assert_int(dmar.structures[1].segment, 1);
	assert_int(dmar.structures[1].base, 0x8d000000);
	assert_int(dmar.structures[1].limit, 0x8f7fffff);
	assert_int(dmar.structures[1].scope_count, 1);
	assert_int(dmar.structures[2].base, 0xfed91000);
	assert_int(dmar.structures[2].proximity, 5);
	assert_int(dmar.structures[3].acpi_device, 2);
	assert_string_equal(dmar.structures[3].name, "\\_SB.I2C");
	assert_int(dmar.structures[4].flags, 1);
	assert_int(dmar.structures[4].segment, 4);
	assert_int(dmar.structures[5].segment, 6);
	assert_string_equal(dmar_kind_name(dmar.structures[5].kind), "SIDP");
}

static void what_is_inconsistent_is_said_and_the_rest_is_read(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct table table;
	struct dmar dmar;
	struct error error;
	begin(&table, 39, 0);
	add_unit(&table, 1, 0, 0xfed90000, 0);
	add_unit(&table, 0, 0, 0xfed91008, 7); /* behind the one that takes all; not on a page; half a scope */
	add(&table, 4, 0x0801);
	add(&table, 3, 0);
	add_structure(&table, 1, 24); /* ends before it begins, and is nobody's */
	add(&table, 4, 0);
	add(&table, 8, 0x2000);
	add(&table, 8, 0x1fff);
	add_structure(&table, 1, 12); /* too short */
	add(&table, 8, 0);
	add_structure(&table, 2, 8);
	add(&table, 4, 1);
	add_structure(&table, 0, 400); /* leads out of the table */
	assert_int(dmar_parse(end_table(&table), &arena, &dmar, &error), 0);
	assert_true(has_problem(&dmar.problems, "the unit at 0xfed91008 stands behind"));
	assert_true(has_problem(&dmar.problems, "registers at 0xfed91008"));
	assert_true(has_problem(&dmar.problems, "last 7 bytes are no device scope"));
	assert_true(has_problem(&dmar.problems, "from 0x2000 to 0x1fff"));
	assert_true(has_problem(&dmar.problems, "names no device"));
	assert_true(has_problem(&dmar.problems, "structure 3 (RMRR): 12 bytes, and needs 24"));
	assert_true(has_problem(&dmar.problems, "structure 5 says that it has 400 bytes, of 4"));
	assert_int(dmar.problems.count, 7);
	assert_int(dmar.count, 4);
	assert_int(dmar.structures[3].kind, DMAR_ATSR);
}

static void a_wrong_length_or_checksum_is_a_problem(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct dmar dmar;
	struct error error;
	uint8_t bytes[sizeof(qemu_dmar)];
	struct slice table = { (const char *)bytes, sizeof(bytes) };
	memcpy(bytes, qemu_dmar, sizeof(bytes));
	bytes[9]++;
	assert_int(dmar_parse(table, &arena, &dmar, &error), 0);
	assert_false(dmar.checksum_ok);
	assert_true(has_problem(&dmar.problems, "checksum"));
	bytes[4] += 8;
	assert_int(dmar_parse(table, &arena, &dmar, &error), 0);
	assert_true(has_problem(&dmar.problems, "says that it has 128 bytes, and has 120"));
	assert_int(dmar.count, 2);
}

static void a_table_without_a_unit_says_so(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct table table;
	struct dmar dmar;
	struct error error;
	begin(&table, 39, 0);
	assert_int(dmar_parse(end_table(&table), &arena, &dmar, &error), 0);
	assert_true(has_problem(&dmar.problems, "no unit (DRHD)"));
}

static void what_is_no_dmar_is_refused(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct dmar dmar;
	struct error error;
	struct slice table = { (const char *)qemu_dmar, sizeof(qemu_dmar) };
	assert_int(dmar_parse((struct slice){ (const char *)qemu_ivrs, sizeof(qemu_ivrs) }, &arena, &dmar, &error),
		   -EINVAL);
	assert_contains(error.text, "does not begin with that name");
	table.length = 47;
	assert_int(dmar_parse(table, &arena, &dmar, &error), -EINVAL);
	assert_contains(error.text, "only 47 bytes");
	assert_int(dmar_parse(slice_of(""), &arena, &dmar, &error), -EINVAL);
}

static void no_cut_reads_behind_the_end(void **state)
{
	(void)state;
	struct slice table = { (const char *)qemu_dmar, sizeof(qemu_dmar) };
	for (size_t length = 0; length <= table.length; length++) {
		AUTO_ARENA arena = { 0 };
		struct dmar dmar;
		char *copy = cut_copy(table, length);
		int r = dmar_parse((struct slice){ copy, length }, &arena, &dmar, NULL);
		free(copy);
		assert_int(r, length < 48 ? -EINVAL : 0);
	}
}

static void a_host_of_errors_stays_small(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct table table;
	struct dmar dmar;
	struct error error;
	begin(&table, 39, 0);
	for (int i = 0; i < 200; i++)
		add_unit(&table, 0, 0, 0, 0);
	assert_int(dmar_parse(end_table(&table), &arena, &dmar, &error), 0);
	assert_int(dmar.count, 200);
	assert_int(dmar.problems.count, 33);
	assert_string_equal(dmar.problems.items[32], "there is more of that kind");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_table_of_qemu),
		cmocka_unit_test(reads_each_kind_of_structure),
		cmocka_unit_test(what_is_inconsistent_is_said_and_the_rest_is_read),
		cmocka_unit_test(a_wrong_length_or_checksum_is_a_problem),
		cmocka_unit_test(a_table_without_a_unit_says_so),
		cmocka_unit_test(what_is_no_dmar_is_refused),
		cmocka_unit_test(no_cut_reads_behind_the_end),
		cmocka_unit_test(a_host_of_errors_stays_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
