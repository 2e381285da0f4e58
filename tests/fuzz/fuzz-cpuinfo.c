/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text is a /proc/cpuinfo; no more processors come out than there are lines. */
#include "fuzz.h"

#include "host/cpu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct cpu cpu;
	cpu_parse((struct slice){ (const char *)data, size }, &arena, &cpu);
	HOLDS(cpu.count <= size / 9);
	HOLDS(cpu.physical_bits <= 64 && cpu.virtual_bits <= 64);
	HOLDS(cpu.vendor != CPU_INTEL || text_equals(cpu.vendor_id, "GenuineIntel"));
	return 0;
}
