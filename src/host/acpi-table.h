/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all ACPI tables begin with (ACPI specification, 5.2.6, "System Description Table Header"), and little-endian
 * numbers in them. A pure function of bytes.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

#define ACPI_HEADER_SIZE 36

struct acpi_table {
	struct slice bytes; /* the table: what its length says, or less if there is less */
	char oem_id[7];     /* bytes that cannot be printed are '?'; blanks at the end stay */
	char oem_table_id[9];
	char creator_id[5];
	uint8_t revision;
	bool checksum_ok;
};

/*
 * `least`: bytes that a table of this kind has before its first structure. A length that does not fit is a problem, not
 * a failure. -EINVAL: another signature, or shorter than `least`.
 */
int acpi_table_open(struct slice table, const char *signature, size_t least, struct list *problems,
		    struct acpi_table *ret, struct error *error) MUST_CHECK;

/* QEMU signs its tables so, unless told otherwise (include/hw/acpi/aml-build.h, ACPI_BUILD_APPNAME6 and 8). */
bool acpi_is_signed_by_qemu(const char *oem_id, const char *oem_table_id);

/* `length` bytes as text, ended by NUL: `to` has room for one more. Bytes that cannot be printed become '?'. */
void acpi_copy_text(char *to, const uint8_t *from, size_t length);

/* Adds a sentence; a table full of errors gives some of them and one that says so. */
void acpi_problem(struct list *problems, const char *format, ...) PRINTF_FORMAT(2, 3);

/* The caller has made sure that the bytes are there. */
static inline uint16_t acpi_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t acpi_u32(const uint8_t *at)
{
	return acpi_u16(at) | (uint32_t)acpi_u16(at + 2) << 16;
}

static inline uint64_t acpi_u64(const uint8_t *at)
{
	return acpi_u32(at) | (uint64_t)acpi_u32(at + 4) << 32;
}
