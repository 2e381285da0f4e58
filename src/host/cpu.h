/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processors, by /proc/cpuinfo, and how wide their addresses are. */
#pragma once

#include "base/fact.h"

enum cpu_vendor { CPU_INTEL, CPU_AMD /* and Hygon: the same virtualization */, CPU_OTHER, CPU_NOT_X86, CPU_UNKNOWN };

struct cpu {
	struct fact cpuinfo; /* of the file; its text is NULL */
	enum cpu_vendor vendor;
	const char *vendor_id;  /* "GenuineIntel", or NULL */
	const char *model_name; /* or NULL */
	const char *
		architecture; /* "x86_64", "aarch64" (/proc/sys/kernel/arch, or by the kind of cpuinfo); NULL: not known */
	unsigned int count;
	bool vmx;
	bool svm;
	bool hypervisor; /* this is a virtual machine, and says so */
	bool pdpe1gb;
	bool x2apic;
	unsigned int physical_bits; /* "address sizes"; 0: not known */
	unsigned int virtual_bits;
};

void cpu_read(const struct root *root, struct arena *arena, struct cpu *ret);
