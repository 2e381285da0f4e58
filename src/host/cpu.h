/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processors, by /proc/cpuinfo, and how wide their addresses are. */
#pragma once

#include "base/fact.h"

enum cpu_vendor { CPU_INTEL, CPU_AMD /* and Hygon: the same virtualization */, CPU_OTHER, CPU_NOT_X86, CPU_UNKNOWN };

struct cpu {
	struct fact cpuinfo; /* of the file; its text is NULL */
	enum cpu_vendor vendor;
	const char *vendor_id;    /* "GenuineIntel", or NULL */
	const char *model_name;   /* or NULL */
	const char *architecture; /* "x86_64", "aarch64" (/proc/sys/kernel/arch, or by the kind of cpuinfo); or NULL */
	unsigned int count;
	/* Of the first processor; the kernel takes vmx and svm away where firmware has switched them off. */
	bool vmx;
	bool svm;
	bool hypervisor; /* this is a virtual machine, and says so */
	bool pdpe1gb;
	bool x2apic;
	unsigned int physical_bits; /* "address sizes"; 0: not known */
	unsigned int virtual_bits;
};

/* Always gives an answer; the file is read once, however many processors there are. */
void cpu_read(const struct root *root, struct arena *arena, struct cpu *ret);

/* The same from the text of such a file; a pure function. */
void cpu_parse(struct slice text, struct arena *arena, struct cpu *ret);
