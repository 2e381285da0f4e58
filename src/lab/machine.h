/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outermost machine's command line. */
#pragma once

#include "lab/disk.h"
#include "lab/image.h"
#include "lab/lab.h"

#define LAB_DISKS_MAX 2

size_t lab_disk_count(enum lab_device device);

/* MiB that the outermost machine gets: what all levels inside it need. */
unsigned int lab_memory(const struct lab_options *options);

/*
 * With three levels it is L0, whose emulated hardware has an IOMMU. With two it is L1, which gets its vIOMMU as any VM
 * does: from `nestpci exec`, unless that is the fault to show.
 */
void lab_machine_line(struct arena *arena, const struct lab_options *options, const struct lab_image *image, bool kvm,
		      const struct lab_disk *disks, struct list *ret);
