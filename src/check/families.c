/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check.h"

extern const struct check_family check_family_cpu, check_family_kernel, check_family_iommu, check_family_translation,
	check_family_isolation, check_family_interrupts, check_family_boot, check_family_modprobe, check_family_vfio,
	check_family_memory;
extern const struct check_family check_family_device, check_family_device_reserved, check_family_device_use,
	check_family_device_driver, check_family_group, check_family_device_hardware;
extern const struct check_family check_family_vm, check_family_vm_manager, check_family_vm_service,
	check_family_vm_device, check_family_viommu, check_family_viommu_place, check_family_viommu_interrupts,
	check_family_viommu_width, check_family_vm_spaces, check_family_vm_memory, check_family_wrapper;

const struct check_family *const check_families[] = {
	&check_family_cpu,          &check_family_kernel,
	&check_family_iommu,        &check_family_translation,
	&check_family_isolation,    &check_family_interrupts,
	&check_family_boot,         &check_family_modprobe,
	&check_family_vfio,         &check_family_memory,
	&check_family_device,       &check_family_device_reserved,
	&check_family_device_use,   &check_family_device_driver,
	&check_family_group,        &check_family_device_hardware,
	&check_family_vm,           &check_family_vm_manager,
	&check_family_vm_service,   &check_family_vm_device,
	&check_family_wrapper,      &check_family_viommu,
	&check_family_viommu_place, &check_family_viommu_interrupts,
	&check_family_viommu_width, &check_family_vm_spaces,
	&check_family_vm_memory,    NULL,
};
