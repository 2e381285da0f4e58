/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading logs: from a message of the kernel, QEMU, libvirt or Proxmox VE to its cause and what to do. Rows of a table;
 * matching is by stable fragments, never by whole lines, because texts differ between versions.
 */
#pragma once

#include "check/check.h"

struct log_pattern {
	const char *id;        /* stable: "log-dmar-fault" */
	enum verdict verdict;  /* WARN, FAIL, or PASS for what proves something good */
	const char *speaker;   /* "kernel", "QEMU", "libvirt", "Proxmox VE", "driver" */
	const char *fragments; /* all must occur, in this order; '|' between them; empty ones are not allowed */
	const char *unless;    /* and this must not; or NULL */
	const char *means;     /* what it means here */
	const char *remedy;    /* what to do */
	enum actor actor;
	enum restart restart;
	const char *rows; /* "F056 F057" */
};

extern const struct log_pattern log_patterns[]; /* ended by { 0 } */
const struct log_pattern *log_pattern_find(const char *id);

struct log_finding {
	const struct log_pattern *pattern;
	const char *device; /* the PCI address that it speaks of, or NULL */
	const char *detail; /* decoded: "read of 0xfeedf000, fault reason 0x06: PTE Read access is not set"; or NULL */
	const char *line;   /* the first such line, cleaned of control characters */
	size_t line_number; /* of it, from 1 */
	size_t times;       /* with this pattern and device */
};

struct log_findings {
	struct log_finding *items; /* in the order of their first line */
	size_t count;
	size_t lines; /* that were read */
};

void log_classify(struct slice text, struct arena *arena, struct log_findings *ret);

/*
 * The fault reason of VT-d (specification, 7.1.3 and chapter 20/21) as text, or NULL; of AMD-Vi by event name.
 */
const char *log_vtd_reason(unsigned int reason);
