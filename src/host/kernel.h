/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The running kernel: its release, command line, configuration; what limits it. */
#pragma once

#include "base/fact.h"
#include "base/cmdline.h"

enum kernel_option { KERNEL_OPTION_UNKNOWN, KERNEL_OPTION_NOT_SET, KERNEL_OPTION_MODULE, KERNEL_OPTION_BUILT_IN };

struct kernel {
	struct fact release;     /* "6.8.12-4-pve" */
	unsigned int version[3]; /* of the release; 0 where not known */
	struct fact cmdline_file;
	struct cmdline cmdline;

	struct fact config_file; /* /boot/config-RELEASE, or /proc/config.gz where that can be read */
	enum kernel_option
		intel_iommu_default_on;   /* CONFIG_INTEL_IOMMU_DEFAULT_ON; DEFAULT_ON_INTGPU_OFF counts as BUILT_IN */
	bool intel_default_on_but_intgpu; /* Debian's choice: on, but for integrated graphics */
	enum kernel_option intel_iommu;   /* CONFIG_INTEL_IOMMU */
	enum kernel_option amd_iommu;
	enum kernel_option virtio_iommu;
	enum kernel_option vfio_pci;
	enum kernel_option iommufd;
	enum kernel_option vfio_cdev; /* CONFIG_VFIO_DEVICE_CDEV */
	bool acs_override;            /* this kernel has pcie_acs_override: Proxmox VE's, by its release ("-pve") */

	struct fact lockdown;    /* text in brackets: "none", "integrity", "confidentiality" */
	struct fact efi;         /* KNOWN: started by UEFI */
	struct fact secure_boot; /* number 1 or 0 */
	struct fact taint;       /* number, /proc/sys/kernel/tainted */
};

void kernel_read(const struct root *root, struct arena *arena, struct kernel *ret);

/* Whether the running kernel is at least MAJOR.MINOR. False also where it is not known: see `release`. */
bool kernel_at_least(const struct kernel *kernel, unsigned int major, unsigned int minor);
