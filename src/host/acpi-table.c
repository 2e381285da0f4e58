/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/acpi-table.h"

#include <ctype.h>
#include <errno.h>

/* Who has so many has no use for more. */
#define PROBLEMS_MAX 32

void acpi_problem(struct list *problems, const char *format, ...)
{
	if (problems->count == PROBLEMS_MAX)
		list_add(problems, "there is more of that kind");
	if (problems->count > PROBLEMS_MAX)
		return;
	va_list args;
	va_start(args, format);
	list_add(problems, arena_vprintf(problems->arena, format, args));
	va_end(args);
}

void acpi_copy_text(char *to, const uint8_t *from, size_t length)
{
	for (size_t i = 0; i < length; i++)
		to[i] = isprint(from[i]) ? (char)from[i] : '?';
	to[length] = '\0';
}

bool acpi_is_signed_by_qemu(const char *oem_id, const char *oem_table_id)
{
	return strcmp(oem_id, "BOCHS ") == 0 || text_starts_with(oem_table_id, "BXPC");
}

int acpi_table_open(struct slice table, const char *signature, size_t least, struct list *problems,
		    struct acpi_table *ret, struct error *error)
{
	const uint8_t *bytes = (const uint8_t *)table.start;
	if (table.length < 4 || memcmp(bytes, signature, 4) != 0)
		return error_set(error, -EINVAL, "no ACPI table %s: it does not begin with that name", signature);
	if (table.length < least)
		return error_set(error, -EINVAL, "no ACPI table %s: only %zu bytes, and the header alone has %zu",
				 signature, table.length, least);
	size_t length = acpi_u32(bytes + 4);
	if (length != table.length)
		acpi_problem(problems, "the table says that it has %zu bytes, and has %zu", length, table.length);
	if (length < least || length > table.length)
		length = table.length;
	*ret = (struct acpi_table){ .bytes = { table.start, length }, .revision = bytes[8] };
	acpi_copy_text(ret->oem_id, bytes + 10, 6);
	acpi_copy_text(ret->oem_table_id, bytes + 16, 8);
	acpi_copy_text(ret->creator_id, bytes + 28, 4);
	uint8_t sum = 0;
	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	ret->checksum_ok = sum == 0;
	if (sum != 0)
		acpi_problem(problems, "the table's checksum is wrong");
	return 0;
}
