/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving a device, with what must go along in its IOMMU group, to vfio-pci, and back. Three steps: look and plan, show
 * the plan (the verb's part), apply it: all or nothing.
 *
 * What must go along: VFIO hands a group to a VM only when every driver in it is a VFIO driver or one that does no DMA
 * for itself, such as pcieport (struct device_driver.driver_managed_dma; until Linux 5.19 vfio_dev_driver_allowed() in
 * drivers/vfio/vfio.c: any bridge). So every member goes but bridges, which vfio-pci would refuse anyway, and host
 * bridges, ISA bridges and the like without a driver: they are in nobody's way, and vfio-pci would put them to sleep.
 */
#pragma once

#include "host/bind-record.h"

#define BIND_LIMIT_MS 60000

struct bind_member {
	struct pci_address address;
	struct bind_state before; /* what it has now */
	struct bind_state after;
	bool probe;        /* after.driver is what the kernel will find */
	const char *stays; /* why it is left as it is; NULL: it moves */
};

struct bind_plan {
	struct pci_address address;
	bool to_vfio;                /* bind; else unbind */
	const char *group;           /* NULL: unknown (unbind only) */
	struct bind_member *members; /* sorted by address */
	size_t count;
	size_t moving;             /* members that move; 0: nothing to do */
	struct bind_record record; /* bind: to be written; unbind: to be removed; path NULL: none */
	bool has_old_record;       /* bind: the one that `record` replaces was there */
	struct bind_record old_record;
	bool loads_driver;    /* vfio-pci is not loaded: that comes first */
	struct list refusals; /* why not; the plan must not be applied unless empty */
	struct list notes;    /* worth knowing */
};

/*
 * Somebody who keeps account of who has which device, and would undo behind our back what he was not told of: those that
 * he answers for are moved by him. `move` is to vfio-pci, or back to what the kernel finds; -ETIMEDOUT: it hangs.
 */
struct bind_keeper {
	bool (*answers_for)(const struct bind_keeper *keeper, struct pci_address address);
	int (*move)(const struct bind_keeper *keeper, struct pci_address address, bool to_vfio, unsigned int timeout_ms,
		    struct error *error);
};

struct bind_options {
	unsigned int timeout_ms; /* for one write to the kernel */
	bool inactive_ok;        /* a signature of LVM, RAID, ZFS, LUKS that nothing has activated is no refusal */
	const struct bind_keeper *keeper; /* NULL: there is none */
};

/*
 * Can a device be bound at all? -ENODEV: no such device. -ENOENT: no IOMMU group, and the text says what that means.
 * -ENOTSUP: a bridge.
 */
int bind_check(const struct root *root, struct arena *arena, struct pci_address address, struct error *error)
	MUST_CHECK;

/* May this process do it? -EACCES, -EPERM, -EROFS: the text names the file. */
int bind_check_rights(struct arena *arena, struct pci_address address, struct error *error) MUST_CHECK;

/* One nestpci at a time: a descriptor to keep open. -EBUSY when another one is at work for long. */
int bind_lock(struct error *error) MUST_CHECK;

/* These look, and change nothing. What stands in the way is in `refusals`; errors are for what could not be looked at. */
int bind_plan(const struct root *root, struct arena *arena, struct pci_address address,
	      const struct bind_options *options, struct bind_plan *ret, struct error *error) MUST_CHECK;
int bind_plan_back(const struct root *root, struct arena *arena, struct pci_address address,
		   const struct bind_options *options, struct bind_plan *ret, struct error *error) MUST_CHECK;

/* Loads vfio-pci (modprobe). */
int bind_load_driver(const struct root *root, struct arena *arena, struct error *error) MUST_CHECK;

/*
 * On failure all is as it was before, but with `ret_partly`: then a write hangs, or restoring failed as well, and the
 * text says what is left. The record is kept in that case, for bind_plan_back().
 */
int bind_apply(const struct root *root, struct arena *arena, const struct bind_plan *plan,
	       const struct bind_options *options, bool *ret_partly, struct error *error) MUST_CHECK;
