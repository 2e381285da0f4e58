/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kind of machine this is: DMI, which hypervisor it runs under, memory, limits, interrupts. */
#pragma once

#include "host/cpu.h"

struct machine {
	struct fact dmi_vendor;  /* /sys/class/dmi/id/sys_vendor */
	struct fact dmi_product; /* product_name */
	struct fact dmi_board;   /* board_name */
	struct fact dmi_version; /* product_version: QEMU's machine type */
	/* Text is CPUID's signature: "KVMKVMKVM", "TCGTCGTCGTCG", ...; a question to the processor. ABSENT: no hypervisor. */
	struct fact hypervisor;
	struct fact container; /* KNOWN: this is a container; text is which, or NULL where that is not known */
	bool is_vm; /* by any of these, or by the flag in /proc/cpuinfo; false proves nothing: it can be hidden */
	const char *vm_evidence; /* "path: value" of the strongest sign; NULL: none */

	struct fact memory_total;     /* number: KiB, MemTotal */
	struct fact memory_available; /* number: KiB */
	struct fact hugepages_2m;     /* number of free pages of 2 MiB: all nodes. ABSENT: there is no such size */
	struct fact hugepages_1g;
	struct fact transparent_hugepages; /* the choice in brackets: always, madvise, never */
	/* number: our own limit in bytes; -1: unlimited (Max locked memory, the soft limit, /proc/self/limits) */
	struct fact memlock_self;

	/* /proc/interrupts: chips whose name begins with "IR-" are remapped: the proof of the deed. */
	struct fact interrupts;         /* of the file; its text is NULL */
	size_t remapped_interrupts;     /* lines with such a chip */
	size_t plain_interrupts;        /* lines of IO-APIC or PCI-MSI without */
	const char *interrupt_evidence; /* a remapped line, or else a plain one, without its counters; NULL: neither */
};

/* `cpu`: for its flag; so that the file need not be read again. */
void machine_read(const struct root *root, struct arena *arena, const struct cpu *cpu, struct machine *ret);
