/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM's vIOMMU, and all that goes with it, as changes. For makers; what others use is in change/makers.h. */
#pragma once

#include "change/makers.h"
#include "vm/proxmox.h"

struct viommu_making {
	struct plan *plan;
	const struct viommu_wish *wish;
	const char *id;
	struct release release; /* of qemu-server; all 0: not known */
	bool installed;         /* it has a disk that something may be installed on */
};

/* The release of qemu-server that has machine: ...,viommu=. */
extern const struct release viommu_native_since;

/* -ENOTSUP: this VM is not to be touched now, or as it is; the text says what to do. Notes what qm would drop. */
int viommu_check_vm(const struct viommu_making *making, struct error *error) MUST_CHECK;

/* -ENOTSUP: what stands in args would keep the native vIOMMU from starting. */
int viommu_check_irqchip(const struct vm *vm, struct error *error) MUST_CHECK;

/*
 * Proxmox VE: CPU, machine type (as `machine`, which is not planned yet), firmware with its disk, and devices. -ENOTSUP:
 * an installed guest would not be what it was, and that is not what was asked for.
 */
int viommu_make_hardware(struct viommu_making *making, const char **machine, struct error *error) MUST_CHECK;

/*
 * aw-bits that the vIOMMU must be given, as it is asked for or as this host decides; 0: any default does, or it is not
 * known, which a note says.
 */
int viommu_wanted_width(struct plan *plan, const struct viommu_wish *wish, unsigned int *ret, struct error *error)
	MUST_CHECK;

/* libvirt: change/viommu-libvirt.c. */
int make_viommu_libvirt(struct plan *plan, const struct viommu_wish *wish, enum viommu_way *ret, struct error *error)
	MUST_CHECK;
int make_no_viommu_libvirt(struct plan *plan, const struct vm *vm, struct error *error) MUST_CHECK;

/* "local-lvm" of the first disk's "local-lvm:vm-101-disk-0,..."; NULL: it has none, or it is no volume of a storage. */
const char *viommu_first_disk(struct arena *arena, const struct vm *vm, const char **ret_storage);
