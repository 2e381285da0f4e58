/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading logs: from a message of the kernel, QEMU, libvirt or Proxmox VE to its cause and what to do. Rows of tables;
 * matching is by stable fragments, never by whole lines, because texts differ between versions.
 */
#pragma once

#include "check/check.h"

/* What of a line is put into words of our own. */
enum log_decoder {
	LOG_PLAIN,
	LOG_VTD_FAULT,    /* "[DMA Read NO_PASID] Request device [01:00.0] fault addr 0x... [fault reason 0x06] ..." */
	LOG_AMDVI_EVENT,  /* "[IO_PAGE_FAULT domain=0x0017 address=0x... flags=0x0020]" */
	LOG_GUEST_DEVICE, /* "device 01.00.0 requires ...": an address inside the VM */
};

struct log_pattern {
	const char *id; /* stable: "log-dmar-fault" */
	enum verdict
		verdict; /* WARN, FAIL; PASS for what proves something good; NA for what proves nothing, or is harmless */
	const char *speaker; /* "kernel", "QEMU", "libvirt", "Proxmox VE", "driver" */
	const char *
		fragments; /* all must occur, in this order; '|' between them; the longest has LOG_KEY_MIN bytes or more */
	const char *unless; /* and this must not; or NULL */
	const char *means;  /* what it means here */
	const char *remedy; /* what to do; NULL: nothing */
	enum actor actor;
	enum restart restart;
	const char *rows; /* "F056 F057" */
	enum log_decoder decoder;
};

#define LOG_KEY_MIN 8

/* Each ended by { 0 }; ended by NULL. */
extern const struct log_pattern *const log_pattern_tables[];
extern const struct log_pattern log_kernel_patterns[];
extern const struct log_pattern log_vfio_patterns[];
extern const struct log_pattern log_qemu_patterns[];
extern const struct log_pattern log_qemu_viommu_patterns[];
extern const struct log_pattern log_manager_patterns[];

const struct log_pattern *log_pattern_find(const char *id);

struct log_finding {
	const struct log_pattern *pattern;
	/*
	 * The PCI address of the host's that it speaks of, "0000:01:00.0", or NULL; always NULL for PASS and NA, which are
	 * said once. The kernel's VT-d faults name no domain: 0000 is taken.
	 */
	const char *device;
	const char *
		detail; /* decoded: "read of 0x1000, fault reason 0x06: the address is not mapped for reading"; or NULL */
	const char *line;   /* the first such line, cleaned of control characters; a long one is cut */
	size_t line_number; /* of it, from 1 */
	size_t times;       /* with this pattern and device */
};

struct log_findings {
	struct log_finding *items; /* in the order of their first line */
	size_t count;
	size_t lines; /* that were read */
};

/* A line may match several patterns. Time grows with the text alone. */
void log_classify(struct slice text, struct arena *arena, struct log_findings *ret);

/* What a fault reason of VT-d means (specification, 7.1.3), or NULL. */
const char *log_vtd_reason(unsigned int reason);

/* The parts of a line in words, as in log_finding; NULL where there is nothing to tell. */
const char *log_decode(enum log_decoder decoder, struct slice line, struct arena *arena);
