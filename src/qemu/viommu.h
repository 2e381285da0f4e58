/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rewrite: a QEMU command line in, the same line with a correct vIOMMU out.
 *
 * What nesting needs of it (QEMU hw/i386/intel_iommu.c, hw/vfio/pci.c):
 *   - exactly one vIOMMU, intel-iommu, created before every vfio device: such a device takes its address space when it
 *     is created, and nothing reports that it came too early;
 *   - caching-mode=on, so that QEMU sees what L1 maps for L2; intremap=on, without which VFIO in L1 refuses;
 *   - kernel-irqchip=split, without which KVM has no interrupt remapping for L1;
 *   - functions of one host group in one address space: VFIO can put a group into one only.
 *
 * Words that need no change are passed on byte for byte, and a line that needs nothing comes back the same. Pure: what
 * is known of the host comes in as facts.
 */
#pragma once

#include "base/error.h"
#include "base/pci-address.h"
#include "base/text.h"
#include "qemu/vm.h"

enum viommu_switch { VIOMMU_UNSET = 0, VIOMMU_ON, VIOMMU_OFF };

/* What the user asks for beyond what nesting needs. */
struct viommu_options {
	unsigned int aw_bits; /* 39 or 48; 0: not asked for */
	enum viommu_switch eim;
	enum viommu_switch device_iotlb;
};

/* Which group a device is in; `group` is any name that members share. */
struct viommu_group_member {
	struct pci_address address;
	const char *group;
};

/* What is known of the host that runs the line. */
struct viommu_facts {
	const struct viommu_group_member *members;
	size_t member_count;
	unsigned int host_address_width; /* bits that the host's IOMMU translates; 0: not known */
};

struct viommu_word {
	const char *text;
	size_t origin; /* index of the word on the old line that it is, or QEMU_NO_WORD for a changed or new one */
	size_t place;  /* index of the old word whose place it takes or before which it stands; the count: at the end */
};

struct viommu_result {
	struct viommu_word *words;
	size_t count;
	bool changed;
	struct list changes;  /* what was done, a sentence each */
	struct list warnings; /* what could not be judged, a sentence each */
};

/*
 * -EOPNOTSUPP: this line cannot get a correct vIOMMU by a rewrite; `error` has the reason and the remedy.
 */
int viommu_rewrite(struct arena *arena, const struct qemu_vm *vm, const struct viommu_options *options,
		   const struct viommu_facts *facts, struct viommu_result *ret, struct error *error) MUST_CHECK;

/*
 * What must come behind this vIOMMU and is created before it: a vfio device ("vfio-pci 0000:01:00.0"), or a configuration
 * file that could not be read. NULL: nothing.
 */
const char *viommu_find_early_device(struct arena *arena, const struct qemu_vm *vm, const struct qemu_device *viommu);
