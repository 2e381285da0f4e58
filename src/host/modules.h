/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel modules that passing devices on needs, and their parameters. */
#pragma once

#include "base/fact.h"

enum module_state {
	MODULE_ABSENT,
	MODULE_AVAILABLE /* on disk, not loaded */,
	MODULE_LOADED,
	MODULE_BUILT_IN,
	MODULE_UNKNOWN
};

struct module {
	enum module_state state;
	const char *evidence; /* the path, or path and the module's file in it, that says so */
};

struct modules {
	struct module vfio;
	struct module vfio_pci;
	struct module vfio_iommu_type1;
	struct module vfio_virqfd; /* a part of vfio since kernel 6.2: naming it for loading fails there */
	struct module iommufd;
	struct module kvm_intel;
	struct module kvm_amd;
	struct fact vfio_device;  /* /dev/vfio/vfio is there */
	struct fact iommu_device; /* /dev/iommu is there */

	/* vfio_iommu_type1 */
	struct fact dma_entry_limit;         /* number */
	struct fact allow_unsafe_interrupts; /* switch */
	struct fact disable_hugepages;       /* switch */
	/* vfio */
	struct fact unsafe_noiommu; /* switch: enable_unsafe_noiommu_mode */
	/* iommufd */
	struct fact iommufd_unsafe_interrupts; /* switch */
	/* vfio_pci */
	struct fact disable_denylist; /* switch */
	struct fact disable_idle_d3;  /* switch */
};

void modules_read(const struct root *root, struct arena *arena, struct modules *ret);
