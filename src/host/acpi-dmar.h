/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI table DMAR, by which firmware tells of VT-d units (Intel Virtualization Technology for Directed I/O,
 * chapter 8, "BIOS Considerations"). A pure function of bytes.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

enum {
	DMAR_INTR_REMAP = 1, /* 8.1, Flags */
	DMAR_X2APIC_OPT_OUT = 2,
	DMAR_DMA_CTRL_PLATFORM_OPT_IN = 4,
};

enum dmar_kind { DMAR_DRHD, DMAR_RMRR, DMAR_ATSR, DMAR_RHSA, DMAR_ANDD, DMAR_SATC, DMAR_SIDP };

enum dmar_scope_type {
	DMAR_SCOPE_ENDPOINT = 1,
	DMAR_SCOPE_BRIDGE = 2,
	DMAR_SCOPE_IOAPIC = 3,
	DMAR_SCOPE_HPET = 4,
	DMAR_SCOPE_NAMESPACE = 5,
};

/* A device scope (8.3.1): from `start_bus`, hop by hop. */
struct dmar_scope {
	uint8_t type; /* enum dmar_scope_type, or a later one */
	uint8_t enumeration_id;
	uint8_t start_bus;
	const uint8_t *path; /* hops pairs of device and function */
	size_t hops;
};

struct dmar_structure {
	enum dmar_kind kind;
	uint8_t flags;       /* DRHD: 1 INCLUDE_PCI_ALL; ATSR: 1 ALL_PORTS; SATC: 1 ATC_REQUIRED */
	uint16_t segment;    /* not for RHSA and ANDD */
	uint64_t base;       /* DRHD, RHSA: of the registers; RMRR: of the region */
	uint64_t limit;      /* RMRR: the last address */
	uint32_t proximity;  /* RHSA */
	uint8_t acpi_device; /* ANDD */
	const char *name;    /* ANDD: the object's */
	struct dmar_scope *scopes;
	size_t scope_count;
};

struct dmar {
	char oem_id[7];
	char oem_table_id[9];
	char creator_id[5];
	uint8_t revision;
	uint8_t host_address_width; /* bits */
	uint8_t flags;
	bool checksum_ok;
	struct dmar_structure *structures; /* in the table's order; those of unknown types are only counted */
	size_t count;
	size_t unknown;
	struct list problems; /* what is inconsistent, as sentences; the rest was read */
};

/* -EINVAL: this is no DMAR at all (too short, another signature). */
int dmar_parse(struct slice table, struct arena *arena, struct dmar *ret, struct error *error) MUST_CHECK;

/* QEMU signs its tables (OEM "BOCHS ", "BXPC    "). A clear sign where it is there; its absence says nothing. */
bool dmar_is_emulated(const struct dmar *dmar);

const char *dmar_kind_name(enum dmar_kind kind);
