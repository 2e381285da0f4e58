/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lab: L0, L1 and L2 as nested QEMU machines on any x86-64 Linux, with real kernels, real VFIO, emulated hardware and
 * real I/O. A run builds the boot image, starts the outermost machine, follows what all levels report on its console,
 * and judges from outside whether L2 really read and wrote the "physical" disk.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

enum lab_device {
	LAB_NVME,     /* one NVMe disk */
	LAB_GPU_LIKE, /* one device of two functions in one IOMMU group, as a GPU and its audio function are */
};

/* What is left out or put in the wrong place on L1's command line; such a run must fail, and say why. */
enum lab_fault {
	LAB_NO_FAULT,
	LAB_WITHOUT_VIOMMU,
	LAB_WITHOUT_CACHING_MODE,
	LAB_WITHOUT_IRQCHIP,
	LAB_MISPLACED_VIOMMU,
};

struct lab_options {
	unsigned int levels; /* 3, or 2: then the device is emulated in L1 */
	enum lab_device device;
	enum lab_fault fault;
	unsigned int memory_l2; /* MiB */
	unsigned int timeout;   /* seconds for the whole run */
	const char *keep;       /* directory for logs, disks and snapshots, or NULL: kept nowhere unless it fails */
	const char *cache;      /* directory for packages and images; kept between runs */
};

enum lab_verdict {
	LAB_PROVED,              /* L2 read what was put on the disk, and its answer is there */
	LAB_FAILED_AS_PREDICTED, /* the fault showed where it had to, with the fact that proves it */
	LAB_FAILED,
};

/* A function of the device, as one level sees it. */
struct lab_row {
	unsigned int level;
	const char *address;
	const char *ids;
	const char *group;
	const char *driver; /* "nvme -> vfio-pci" where it changed */
};

/* What `nestpci check` found on a level. */
struct lab_finding {
	unsigned int level;
	const char *verdict; /* "PASS", "WARN", "FAIL", "UNKNOWN" */
	const char *check;
	const char *summary; /* with the subject in front */
};

struct lab_result {
	enum lab_verdict verdict;
	const char *reason; /* a sentence */
	struct list facts;  /* lines that show it, with the level they are from */
	struct lab_row *rows;
	size_t row_count;
	struct lab_finding *findings;
	size_t finding_count;
	double seconds;
	bool kvm;         /* the outermost machine ran under KVM, not under TCG */
	const char *logs; /* where the logs are kept, or NULL */
};

/*
 * Shows progress on stderr. Leaves no process behind, and no file but in the cache and where logs are kept. -EINTR:
 * interrupted by a signal; -ETIME: not done in time is no error, but LAB_FAILED. Other errors: the lab could not be set
 * up, and the text says what is missing.
 */
int lab_run(struct arena *arena, const struct lab_options *options, struct lab_result *ret, struct error *error)
	MUST_CHECK;

struct lab_boot_files {
	const char *kernel;
	const char *initrd[3]; /* by level */
};

/* Only what lab_run does first: packages and boot images in the cache. */
int lab_prepare(struct arena *arena, const char *cache, struct lab_boot_files *ret, struct error *error) MUST_CHECK;
