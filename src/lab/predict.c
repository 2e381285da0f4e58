/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/predict.h"

static const struct prediction predictions[] = {
	{
		.fault = LAB_WITHOUT_VIOMMU,
		.name = "without-viommu",
		.least_levels = 2,
		.failed_level = 1,
		.failed_step = "bind",
		.fact_level = 1,
		.fact = "no IOMMU group",
		.meaning = "without a vIOMMU, L1 has no IOMMU groups, and nothing can be bound to vfio-pci there",
		.checks = { { 0, "vm-viommu-present" }, { 1, "iommu-firmware-table" } },
	},
	{
		.fault = LAB_WITHOUT_CACHING_MODE,
		.name = "without-caching-mode",
		.least_levels = 3,
		.failed_level = 0,
		.failed_step = "start",
		.fact_level = 0,
		/* QEMU 4.2 to 10.1: "We need to set caching-mode=on"; from 10.2: "... without enabling caching-mode=on". */
		.fact = "caching-mode=on",
		.meaning = "without caching mode, QEMU in L0 does not see what L1 maps, and refuses to start L1",
		.checks = { { 0, "vm-viommu-caching-mode" } },
	},
	{
		.fault = LAB_WITHOUT_IRQCHIP,
		.name = "without-irqchip",
		.least_levels = 3,
		.failed_level = 0,
		.failed_step = "start",
		.fact_level = 0,
		.fact = "Interrupt Remapping cannot work with kernel-irqchip=on",
		.meaning =
			"without a split irqchip, KVM has no interrupt remapping, and QEMU in L0 refuses to start L1",
		.checks = { { 0, "vm-irqchip-split" } },
	},
	{
		.fault = LAB_MISPLACED_VIOMMU,
		.name = "misplaced-viommu",
		.least_levels = 3,
		.failed_level = 1,
		.failed_step = "driver",
		.fact_level = 0,
		.fact = "DMAR: [DMA",
		.meaning =
			"behind the device on the command line, the vIOMMU does not translate it: L1's DMA faults in L0's IOMMU",
		.checks = { { 0, "vm-viommu-first" } },
	},
};

const struct prediction *predict(enum lab_fault fault)
{
	for (size_t i = 0; i < ARRAY_SIZE(predictions); i++)
		if (predictions[i].fault == fault)
			return &predictions[i];
	return NULL;
}
