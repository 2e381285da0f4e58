/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups and units, as the kernel shows them (Documentation/ABI/testing/sysfs-kernel-iommu_groups). */
#pragma once

#include <stdbool.h>

#include "base/fact.h"
#include "base/pci-address.h"
#include "base/root.h"
#include "host/acpi-dmar.h"
#include "host/acpi-ivrs.h"

/*
 * The number (digits) of the IOMMU group that a device is in. -ENOENT: the device has none. -ENODEV: there is no such
 * device.
 */
int iommu_group_of(const struct root *root, struct arena *arena, struct pci_address address, const char **ret,
		   struct error *error) MUST_CHECK;

struct iommu_group {
	const char *number;
	struct pci_address *members; /* PCI functions, sorted by address */
	size_t count;
	struct list others; /* names of members that are no PCI functions */
};

int iommu_read_group(const struct root *root, struct arena *arena, const char *number, struct iommu_group *ret,
		     struct error *error) MUST_CHECK;

/* Whether an IOMMU driver is active at all: /sys/class/iommu has entries. A negative errno when that is not to be known. */
int iommu_is_active(const struct root *root, struct arena *arena, struct error *error) MUST_CHECK;

/*
 * Width in bits of the addresses that every Intel IOMMU of the host translates: the least of all units, as in
 * iommu_unit.width. -ENOENT where that is not to be known this way (no IOMMU, not Intel's, or one that translates
 * nothing).
 */
int iommu_address_width(const struct root *root, struct arena *arena, unsigned int *ret, struct error *error)
	MUST_CHECK;

enum iommu_kind { IOMMU_INTEL, IOMMU_AMD, IOMMU_VIRTIO, IOMMU_OTHER /* ARM's SMMU and others: said, not judged */ };

/* Intel's capability registers, as <sysfs>/intel-iommu/{cap,ecap} show them (VT-d specification, 11.4.2 and 11.4.3). */
#define VTD_CAP_CM(cap) ((cap) >> 7 & 1)       /* caching mode: no known hardware has it, vIOMMUs need it */
#define VTD_CAP_SAGAW(cap) ((cap) >> 8 & 0x1f) /* bit 1: 39 bits, 2: 48, 3: 57 */
#define VTD_CAP_MGAW(cap) (((cap) >> 16 & 0x3f) + 1)
#define VTD_CAP_FL5LP(cap) ((cap) >> 60 & 1)   /* first-stage tables of five levels */
#define VTD_CAP_SLLPS(cap) ((cap) >> 34 & 0xf) /* bit 0: 2 MiB, 1: 1 GiB */
#define VTD_ECAP_QI(ecap) ((ecap) >> 1 & 1)    /* queued invalidation */
#define VTD_ECAP_IR(ecap) ((ecap) >> 3 & 1)    /* interrupt remapping */
#define VTD_ECAP_EIM(ecap) ((ecap) >> 4 & 1)   /* with 32-bit APIC ids (x2APIC) */
#define VTD_ECAP_PT(ecap) ((ecap) >> 6 & 1)    /* pass-through */
#define VTD_ECAP_SC(ecap) ((ecap) >> 7 & 1)    /* snoop control */
#define VTD_ECAP_SMTS(ecap) ((ecap) >> 43 & 1) /* scalable mode */
#define VTD_ECAP_SLTS(ecap) ((ecap) >> 46 & 1) /* with second-stage tables; always there without scalable mode */
#define VTD_ECAP_FLTS(ecap) ((ecap) >> 47 & 1) /* with first-stage tables */

/* AMD's capability header and extended feature register (48882, 3.1 and 3.4.9), as <sysfs>/amd-iommu shows them. */
#define AMDVI_CAP_NPCACHE(cap) ((cap) >> 26 & 1)     /* caches what is not present: an emulated one */
#define AMDVI_EFR_XT(features) ((features) >> 2 & 1) /* interrupts with 32-bit APIC ids (x2APIC) */
#define AMDVI_EFR_HATS(features) ((features) >> 10 & 3)

struct iommu_unit {
	const char *name; /* "dmar0", "ivhd0", "virtio0" or the address of a virtio-iommu */
	enum iommu_kind kind;
	struct fact cap;      /* Intel, AMD; number */
	struct fact ecap;     /* Intel; number */
	struct fact version;  /* Intel */
	struct fact features; /* AMD; number: the extended feature register, whatever the kernel prints around it */
	unsigned int width;   /* bits that it translates; 0: not known, or it translates nothing */
	bool translates;      /* false: its registers say that it translates no addresses, only interrupts */
	/*
	 * It can use first-stage tables, which the kernel prefers in scalable mode and which have one bit less (the upper
	 * half is the sign): VFIO then sees addresses of width - 1 bits. No register says whether that mode is on.
	 */
	bool first_stage;
};

/* The IOMMUs of a host: what firmware tells of, and what the kernel drives. */
struct iommus {
	struct fact class;        /* of /sys/class/iommu; its text is NULL */
	struct iommu_unit *units; /* that the kernel drives; none: no IOMMU is active */
	size_t count;
	struct fact groups_folder; /* of /sys/kernel/iommu_groups; its text is NULL */
	size_t group_count;

	/*
	 * /sys/firmware/acpi/tables/DMAR; ABSENT, or UNREADABLE (denied) but there for all but root. `text` is NULL, or when
	 * the state is WRONG the first bytes.
	 */
	struct fact dmar_file;
	struct dmar *dmar; /* NULL: no table, or not readable, or (then dmar_file is WRONG) no DMAR */
	struct fact ivrs_file;
	struct ivrs *ivrs;
	struct fact viot_file; /* virtio-iommu's table; only whether it is there */
	struct fact tables;    /* of the folder: without it, as without ACPI, the absence of a table says nothing */
};

/* Always gives an answer; see the facts. */
void iommu_read(const struct root *root, struct arena *arena, struct iommus *ret);

/* The one that translates the least of those that translate, or one whose width is not known (0); NULL: none does. */
const struct iommu_unit *iommu_narrowest(const struct iommus *iommus);

/* The least width of all units that translate; 0: not known of one of them, or there is none. */
unsigned int iommu_least_width(const struct iommus *iommus);
