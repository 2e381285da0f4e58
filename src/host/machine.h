/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kind of machine this is: DMI, which hypervisor it runs under, memory, limits, interrupts. */
#pragma once

#include "base/fact.h"

struct machine {
	struct fact dmi_vendor;  /* /sys/class/dmi/id/sys_vendor */
	struct fact dmi_product; /* product_name */
	struct fact dmi_board;   /* board_name */
	struct fact dmi_version; /* product_version: QEMU's machine type */
	struct fact
		hypervisor; /* text is CPUID's signature: "KVMKVMKVM", "TCGTCGTCGTCG", ...; a question to the processor */
	struct fact container;   /* KNOWN: this is a container; text is which, where it is known */
	bool is_vm;              /* by any of these, or by the flag in /proc/cpuinfo */
	const char *vm_evidence; /* "path: value" of the strongest sign; NULL: none */

	struct fact memory_total;     /* number: KiB, MemTotal */
	struct fact memory_available; /* number: KiB */
	struct fact hugepages_2m;     /* number of free pages of 2 MiB: all nodes */
	struct fact hugepages_1g;
	struct fact transparent_hugepages; /* the choice in brackets: always, madvise, never */
	struct fact
		memlock_self; /* number: our own limit in bytes; -1: unlimited (Max locked memory, /proc/self/limits) */

	/* /proc/interrupts: chips whose name begins with "IR-" are remapped: the proof of the deed. */
	struct fact interrupts;         /* of the file; its text is NULL */
	size_t remapped_interrupts;     /* lines with such a chip */
	size_t plain_interrupts;        /* lines of IO-APIC or PCI-MSI without */
	const char *interrupt_evidence; /* one such line, trimmed; NULL: none */
};

void machine_read(const struct root *root, struct arena *arena, struct machine *ret);
