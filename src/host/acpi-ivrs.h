/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI table IVRS, by which firmware tells of AMD-Vi units (AMD I/O Virtualization Technology Specification, 48882,
 * chapter 5, "ACPI"). A pure function of bytes.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

/* An entry of a device block (5.2.2): which requester ids a unit serves. */
struct ivhd_entry {
	uint8_t type; /* 1 all, 2 select, 3 range start, 4 range end, 0x42, 0x43 alias, 0x46, 0x47 extended, 0x48 special, 0xf0 ACPI */
	uint8_t settings;
	uint16_t id;       /* bus << 8 | device << 3 | function; of the special device's, for 0x48 */
	uint16_t other_id; /* 0x42, 0x43: the alias */
	uint8_t variety;   /* 0x48: 1 IOAPIC, 2 HPET */
	uint8_t handle;    /* 0x48: which IOAPIC */
};

/* A unit: I/O virtualization hardware definition, type 0x10, 0x11 or 0x40. */
struct ivhd {
	uint8_t type;
	uint8_t flags;
	uint16_t id; /* of the unit's PCI function */
	uint16_t segment;
	uint64_t base;
	struct ivhd_entry *entries;
	size_t count;
};

/* Memory that firmware wants mapped (5.2.3): type 0x20 all, 0x21 one, 0x22 a range of ids. */
struct ivmd {
	uint8_t type;
	uint8_t flags;    /* bit 0: unity mapped (1:1), 1: readable, 2: writable, 3: exclusion range */
	uint16_t segment; /* 0 for all but large machines */
	uint16_t first_id;
	uint16_t last_id;
	uint64_t start;
	uint64_t length;
};

struct ivrs {
	char oem_id[7];
	char oem_table_id[9];
	char creator_id[5];
	uint8_t revision;
	uint32_t info;
	unsigned int physical_bits; /* from info; 0: not said. The same below */
	unsigned int virtual_bits;
	bool checksum_ok;
	struct ivhd *units; /* all; the kernel uses those of the highest type */
	size_t unit_count;
	struct ivmd *memory;
	size_t memory_count;
	size_t unknown;
	struct list problems;
};

/* -EINVAL: this is no IVRS at all. */
int ivrs_parse(struct slice table, struct arena *arena, struct ivrs *ret, struct error *error) MUST_CHECK;

bool ivrs_is_emulated(const struct ivrs *ivrs);
