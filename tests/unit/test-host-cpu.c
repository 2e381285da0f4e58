/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/cpu.h"

#include <time.h>

#include "test-host.h"

static const char intel[] = "processor\t: 0\n"
			    "vendor_id\t: GenuineIntel\n"
			    "cpu family\t: 6\n"
			    "model name\t: Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz\n"
			    "flags\t\t: fpu vme lm pdpe1gb x2apic vmx smx\n"
			    "vmx flags\t: vnmi preemption_timer\n"
			    "bugs\t\t: cpu_meltdown svm_is_no_bug\n"
			    "address sizes\t: 46 bits physical, 48 bits virtual\n"
			    "power management:\n"
			    "\n";

static void parse(struct arena *arena, const char *text, struct cpu *ret)
{
	cpu_parse(slice_of(text), arena, ret);
}

static void reads_an_intel_processor(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct cpu cpu;
	parse(&arena, intel, &cpu);
	assert_int(cpu.vendor, CPU_INTEL);
	assert_string_equal(cpu.vendor_id, "GenuineIntel");
	assert_string_equal(cpu.model_name, "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz");
	assert_string_equal(cpu.architecture, "x86_64");
	assert_int(cpu.count, 1);
	assert_true(cpu.vmx);
	assert_false(cpu.svm);
	assert_false(cpu.hypervisor);
	assert_true(cpu.pdpe1gb);
	assert_true(cpu.x2apic);
	assert_int(cpu.physical_bits, 46);
	assert_int(cpu.virtual_bits, 48);
}

static void the_first_of_several_processors_counts(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct cpu cpu;
	parse(&arena,
	      "processor : 0\nvendor_id : AuthenticAMD\nflags : svm hypervisor\naddress sizes : 48 bits physical, 48 bits "
	      "virtual\n\nprocessor : 1\nvendor_id : GenuineIntel\nflags : vmx lm\naddress sizes : 39 bits physical, 48 "
	      "bits virtual\n\nprocessor : 2\n",
	      &cpu);
	assert_int(cpu.vendor, CPU_AMD);
	assert_true(cpu.svm);
	assert_false(cpu.vmx);
	assert_true(cpu.hypervisor);
	assert_int(cpu.physical_bits, 48);
	assert_string_equal(cpu.architecture, "i686");
	assert_int(cpu.count, 3);
}

static void tells_makers_apart(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct cpu cpu;
	parse(&arena, "vendor_id : HygonGenuine\nflags : lm\n", &cpu);
	assert_int(cpu.vendor, CPU_AMD);
	parse(&arena, "vendor_id : CentaurHauls\nflags : lm\n", &cpu);
	assert_int(cpu.vendor, CPU_OTHER);
	parse(&arena,
	      "processor : 0\nBogoMIPS : 50.00\nFeatures : fp asimd\nCPU implementer : 0x41\nCPU architecture: 8\n",
	      &cpu);
	assert_int(cpu.vendor, CPU_NOT_X86);
	assert_string_equal(cpu.architecture, "aarch64");
	assert_null(cpu.vendor_id);
	parse(&arena, "vendor_id       : IBM/S390\nprocessor 0: version = 00\nprocessor 1: version = 00\n", &cpu);
	assert_int(cpu.vendor, CPU_NOT_X86);
	assert_int(cpu.count, 2);
	parse(&arena, "", &cpu);
	assert_int(cpu.vendor, CPU_UNKNOWN);
	assert_int(cpu.count, 0);
}

static void impossible_address_sizes_are_not_known(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct cpu cpu;
	parse(&arena, "flags : lm\naddress sizes : 99 bits physical, 48 bits virtual\n", &cpu);
	assert_int(cpu.physical_bits, 0);
	parse(&arena, "flags : lm\naddress sizes : many\n", &cpu);
	assert_int(cpu.physical_bits, 0);
}

static void reads_the_file_and_the_kernels_own_word(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct cpu cpu;
	open_fake(state, &root);
	cpu_read(&root, &arena, &cpu);
	assert_true(fact_absent(&cpu.cpuinfo));
	assert_int(cpu.vendor, CPU_UNKNOWN);
	fake_file(state, "/proc/cpuinfo", intel);
	fake_file(state, "/proc/sys/kernel/arch", "x86_64\n");
	cpu_read(&root, &arena, &cpu);
	assert_true(fact_known(&cpu.cpuinfo));
	assert_null(cpu.cpuinfo.text);
	assert_int(cpu.vendor, CPU_INTEL);
	assert_string_equal(cpu.architecture, "x86_64");
	/* Nothing is no architecture: the processor tells. */
	fake_file(state, "/proc/sys/kernel/arch", "\n");
	cpu_read(&root, &arena, &cpu);
	assert_string_equal(cpu.architecture, "x86_64");
}

/* A machine with 4096 processors has some 6 MiB of them. Instrumented and on a busy machine, too: a generous limit. */
static void thousands_of_processors_are_counted_quickly(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	struct cpu cpu;
	for (int i = 0; i < 20000; i++)
		buffer_puts(&text, intel);
	clock_t start = clock();
	cpu_parse((struct slice){ text.text, text.length }, &arena, &cpu);
	assert_int(cpu.count, 20000);
	assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_intel_processor),
		cmocka_unit_test(the_first_of_several_processors_counts),
		cmocka_unit_test(tells_makers_apart),
		cmocka_unit_test(impossible_address_sizes_are_not_known),
		test_in_folder(reads_the_file_and_the_kernels_own_word),
		cmocka_unit_test(thousands_of_processors_are_counted_quickly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
