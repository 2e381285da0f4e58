/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check.h"

extern const struct check_family check_family_cpu, check_family_iommu, check_family_translation, check_family_isolation,
	check_family_interrupts, check_family_boot, check_family_modprobe, check_family_vfio, check_family_memory;

const struct check_family *const check_families[] = {
	&check_family_cpu,         &check_family_iommu,
	&check_family_translation, &check_family_isolation,
	&check_family_interrupts,  &check_family_boot,
	&check_family_modprobe,    &check_family_vfio,
	&check_family_memory,      NULL,
};
