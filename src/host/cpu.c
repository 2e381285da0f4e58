/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/cpu.h"

#define CPUINFO "/proc/cpuinfo"

/* "model name\t: AMD EPYC": splits at the first colon. */
static bool split_line(struct slice line, struct slice *key, struct slice *value)
{
	const char *colon = memchr(line.start, ':', line.length);
	if (!colon)
		return false;
	size_t length = (size_t)(colon - line.start);
	*key = slice_trim((struct slice){ line.start, length });
	*value = slice_trim((struct slice){ colon + 1, line.length - length - 1 });
	return true;
}

static void read_flags(struct slice flags, struct cpu *cpu, bool *long_mode)
{
	struct slice word;
	while (slice_next_word(&flags, &word)) {
		cpu->vmx |= slice_equals(word, "vmx");
		cpu->svm |= slice_equals(word, "svm");
		cpu->hypervisor |= slice_equals(word, "hypervisor");
		cpu->pdpe1gb |= slice_equals(word, "pdpe1gb");
		cpu->x2apic |= slice_equals(word, "x2apic");
		*long_mode |= slice_equals(word, "lm");
	}
}

/* "48 bits physical, 48 bits virtual": the number before `what`; 0: none that can be. */
static unsigned int address_bits(struct slice text, struct arena *arena, const char *what)
{
	struct slice number = slice_of("");
	struct slice word;
	uint64_t bits;
	while (slice_next_word(&text, &word)) {
		if (slice_equals(word, what))
			return text_to_number(arena_strndup(arena, number.start, number.length), 10, 64, &bits) == 0 ?
				       (unsigned int)bits :
				       0;
		if (!slice_equals(word, "bits"))
			number = word;
	}
	return 0;
}

static enum cpu_vendor vendor_of(const char *id)
{
	if (text_equals(id, "GenuineIntel"))
		return CPU_INTEL;
	if (text_equals(id, "AuthenticAMD") || text_equals(id, "HygonGenuine"))
		return CPU_AMD;
	return CPU_OTHER;
}

/* Blocks begin with "processor"; more than one may stand on no other line (s390 has "processor 0: ..."). */
static unsigned int count_processors(struct slice text)
{
	static const char start[] = "\nprocessor";
	unsigned int count = text.length >= sizeof(start) - 2 && memcmp(text.start, start + 1, sizeof(start) - 2) == 0;
	for (;;) {
		const char *found = memmem(text.start, text.length, start, sizeof(start) - 1);
		if (!found)
			return count;
		count++;
		size_t cut = (size_t)(found - text.start) + sizeof(start) - 1;
		text = (struct slice){ text.start + cut, text.length - cut };
	}
}

/* "flags" is x86's (arch/x86/kernel/cpu/proc.c), "CPU implementer" ARM's (arch/arm64/kernel/cpuinfo.c). */
void cpu_parse(struct slice text, struct arena *arena, struct cpu *ret)
{
	struct slice rest = text;
	struct slice line;
	struct slice key;
	struct slice value;
	bool x86 = false;
	bool arm = false;
	bool long_mode = false;
	*ret = (struct cpu){ .vendor = CPU_UNKNOWN, .count = count_processors(text) };
	while (slice_next_line(&rest, &line) && slice_trim(line).length) {
		if (!split_line(line, &key, &value))
			continue;
		if (slice_equals(key, "vendor_id")) {
			ret->vendor_id = arena_strndup(arena, value.start, value.length);
		} else if (slice_equals(key, "model name")) {
			ret->model_name = arena_strndup(arena, value.start, value.length);
		} else if (slice_equals(key, "flags")) {
			x86 = true;
			read_flags(value, ret, &long_mode);
		} else if (slice_equals(key, "address sizes")) {
			ret->physical_bits = address_bits(value, arena, "physical,");
			ret->virtual_bits = address_bits(value, arena, "virtual");
		} else if (slice_equals(key, "CPU implementer")) {
			arm = true;
		} else if (slice_equals(key, "CPU architecture") && slice_equals(value, "8")) {
			ret->architecture = "aarch64";
		}
	}
	if (x86) {
		ret->architecture = long_mode ? "x86_64" : "i686";
		ret->vendor = vendor_of(ret->vendor_id);
	} else if (arm || ret->count) {
		ret->vendor = CPU_NOT_X86;
	}
}

/* The first processor, and that there are others. */
static void pick_processors(struct slice text, struct buffer *kept)
{
	static const char start[] = "processor";
	bool first = true;
	struct slice line;
	while (slice_next_line(&text, &line)) {
		if (first || slice_starts_with(line, start))
			buffer_add_line(kept, line);
		first = first && slice_trim(line).length;
	}
}

void cpu_read(const struct root *root, struct arena *arena, struct cpu *ret)
{
	struct error error;
	struct slice text = slice_of("");
	int r = root_read_excerpt(root, arena, CPUINFO, pick_processors, &text, &error);
	cpu_parse(text, arena, ret);
	ret->cpuinfo = fact_of(arena, CPUINFO, NULL, r, &error);
	/* Since Linux 6.1. */
	struct fact architecture = fact_read_line(root, arena, "/proc/sys/kernel/arch");
	if (fact_known(&architecture) && *architecture.text)
		ret->architecture = architecture.text;
}
