/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/machine.h"

#include <time.h>

#include "test-host.h"

static void read_fake(void **state, struct arena *arena, const struct cpu *cpu, struct machine *ret)
{
	AUTO_ROOT root = ROOT_NONE;
	open_fake(state, &root);
	machine_read(&root, arena, cpu, ret);
}

static void bare_metal_has_no_sign_of_a_vm(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct machine machine;
	struct cpu cpu = { .hypervisor = false };
	fake_file(state, "/sys/class/dmi/id/sys_vendor", "Supermicro\n");
	fake_file(state, "/sys/class/dmi/id/product_name", "X11DPi-N\n");
	read_fake(state, &arena, &cpu, &machine);
	assert_string_equal(machine.dmi_vendor.text, "Supermicro");
	assert_string_equal(machine.dmi_product.text, "X11DPi-N");
	assert_true(fact_absent(&machine.dmi_board));
	assert_false(machine.is_vm);
	assert_null(machine.vm_evidence);
	/* An offline system cannot be asked. */
	assert_int(machine.hypervisor.state, FACT_UNREADABLE);
}

static void knows_a_vm_by_dmi_or_by_its_processor(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct machine machine;
	struct cpu cpu = { .hypervisor = true, .cpuinfo = { .path = "/proc/cpuinfo" } };
	read_fake(state, &arena, &cpu, &machine);
	assert_true(machine.is_vm);
	assert_string_equal(machine.vm_evidence, "/proc/cpuinfo: flag hypervisor");
	fake_file(state, "/sys/class/dmi/id/sys_vendor", "ACME\n");
	fake_file(state, "/sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)\n");
	read_fake(state, &arena, NULL, &machine);
	assert_true(machine.is_vm);
	assert_string_equal(machine.vm_evidence, "/sys/class/dmi/id/product_name: Standard PC (Q35 + ICH9, 2009)");
	fake_file(state, "/sys/class/dmi/id/sys_vendor", "QEMU\n");
	read_fake(state, &arena, NULL, &machine);
	assert_string_equal(machine.vm_evidence, "/sys/class/dmi/id/sys_vendor: QEMU");
	/* Also on the bare metal that they let. */
	fake_file(state, "/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
	fake_file(state, "/sys/class/dmi/id/product_name", "i3.metal\n");
	read_fake(state, &arena, NULL, &machine);
	assert_false(machine.is_vm);
}

static void the_live_processor_and_its_flag_agree(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	struct machine machine;
	struct cpu cpu;
	assert_int(root_open(&root, NULL, &error), 0);
	cpu_read(&root, &arena, &cpu);
	machine_read(&root, &arena, &cpu, &machine);
#if defined(__x86_64__)
	assert_int(fact_known(&machine.hypervisor), cpu.hypervisor);
	assert_int(fact_absent(&machine.hypervisor), !cpu.hypervisor);
#endif
	assert_true(machine.memory_total.number > 0);
	assert_true(machine.memory_available.number <= machine.memory_total.number);
	assert_true(fact_known(&machine.memlock_self));
}

static void sees_a_container_by_what_it_leaves(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct machine machine;
	read_fake(state, &arena, NULL, &machine);
	assert_true(fact_absent(&machine.container));
	put_directory(state, "/proc/self/ns");
	fake_link(state, "/proc/self/ns/pid", "pid:[4026531836]");
	read_fake(state, &arena, NULL, &machine);
	assert_true(fact_absent(&machine.container));
	assert_int(unlink(in_folder(state, "/proc/self/ns/pid")), 0);
	fake_link(state, "/proc/self/ns/pid", "pid:[4026532198]");
	read_fake(state, &arena, NULL, &machine);
	assert_true(fact_known(&machine.container));
	assert_null(machine.container.text);
	fake_file(state, "/.dockerenv", "");
	read_fake(state, &arena, NULL, &machine);
	assert_string_equal(machine.container.text, "docker");
	fake_file(state, "/run/systemd/container", "lxc\n");
	read_fake(state, &arena, NULL, &machine);
	assert_string_equal(machine.container.text, "lxc");
	assert_string_equal(machine.container.path, "/run/systemd/container");
}

static void reads_memory_and_huge_pages(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct machine machine;
	fake_file(state, "/proc/meminfo",
		  "MemTotal:       131847120 kB\nMemFree:  5 kB\nMemAvailable:    9847112 kB\n");
	fake_file(state, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "1024\n");
	fake_file(state, "/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	read_fake(state, &arena, NULL, &machine);
	assert_int(machine.memory_total.number, 131847120);
	assert_int(machine.memory_available.number, 9847112);
	assert_int(machine.hugepages_2m.number, 1024);
	assert_true(fact_absent(&machine.hugepages_1g));
	assert_string_equal(machine.transparent_hugepages.text, "madvise");
	fake_file(state, "/proc/meminfo", "MemTotal:       lots kB\n");
	fake_file(state, "/sys/kernel/mm/transparent_hugepage/enabled", "always\n");
	read_fake(state, &arena, NULL, &machine);
	assert_int(machine.memory_total.state, FACT_WRONG);
	assert_true(fact_absent(&machine.memory_available));
	assert_int(machine.transparent_hugepages.state, FACT_WRONG);
}

static void reads_how_much_memory_may_be_locked(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct machine machine;
	static const char head[] = "Limit                     Soft Limit           Hard Limit           Units     \n"
				   "Max processes             63432                63432                processes \n";
	char text[512];
	snprintf(text, sizeof(text),
		 "%sMax locked memory         8388608              unlimited            bytes     \n", head);
	fake_file(state, "/proc/self/limits", text);
	read_fake(state, &arena, NULL, &machine);
	assert_int(machine.memlock_self.number, 8388608);
	snprintf(text, sizeof(text),
		 "%sMax locked memory         unlimited            unlimited            bytes     \n", head);
	fake_file(state, "/proc/self/limits", text);
	read_fake(state, &arena, NULL, &machine);
	assert_true(fact_known(&machine.memlock_self));
	assert_int(machine.memlock_self.number, -1);
	fake_file(state, "/proc/self/limits", head);
	read_fake(state, &arena, NULL, &machine);
	assert_true(fact_absent(&machine.memlock_self));
}

static void remapped_interrupts_are_told_by_their_chip(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct machine machine;
	fake_file(state, "/proc/interrupts",
		  "            CPU0       CPU1       \n"
		  "   1:          0        255   IO-APIC   1-edge      i8042\n"
		  "   9:          0          0  IR-IO-APIC    9-fasteoi   acpi\n"
		  " 120:          0          0  DMAR-MSI    0-edge      dmar0\n"
		  " 125:          0          7  IR-PCI-MSI-0000:00:1f.2    0-edge      IR-not-this\n"
		  " 126:          4          0  PCI-MSI 524288-edge      xhci_hcd\n"
		  " NMI:         12         11   Non-maskable interrupts\n"
		  " PIN:          0          0   Posted-interrupt notification event\n"
		  " ERR:          0\n");
	read_fake(state, &arena, NULL, &machine);
	assert_int(machine.remapped_interrupts, 2);
	assert_int(machine.plain_interrupts, 2);
	assert_string_equal(machine.interrupt_evidence, "9: IR-IO-APIC    9-fasteoi   acpi");
	assert_true(fact_known(&machine.interrupts));
}

static void a_driver_named_like_a_chip_is_none(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct machine machine;
	fake_file(
		state, "/proc/interrupts",
		"            CPU0\n 24:          1  IO-APIC   5-edge      IR-PCI-MSI\n 25:        1  GICv3 1 Level IR-x\n");
	read_fake(state, &arena, NULL, &machine);
	assert_int(machine.remapped_interrupts, 0);
	assert_int(machine.plain_interrupts, 1);
	assert_string_equal(machine.interrupt_evidence, "24: IO-APIC   5-edge      IR-PCI-MSI");
}

/* 512 processors, 4000 vectors: 22 MiB. */
static void the_interrupts_of_a_large_host_are_read_quickly(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	struct machine machine;
	for (int line = 0; line < 4000; line++) {
		buffer_printf(&text, "%5d:", line);
		for (int cpu = 0; cpu < 512; cpu++)
			buffer_puts(&text, "          0");
		buffer_puts(&text, "  IR-PCI-MSIX-0000:c1:00.0   17-edge      nvme0q17\n");
	}
	fake_file(state, "/proc/interrupts", text.text);
	clock_t start = clock();
	read_fake(state, &arena, NULL, &machine);
	assert_int(machine.remapped_interrupts, 4000);
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(bare_metal_has_no_sign_of_a_vm),
		test_in_folder(knows_a_vm_by_dmi_or_by_its_processor),
		cmocka_unit_test(the_live_processor_and_its_flag_agree),
		test_in_folder(sees_a_container_by_what_it_leaves),
		test_in_folder(reads_memory_and_huge_pages),
		test_in_folder(reads_how_much_memory_may_be_locked),
		test_in_folder(remapped_interrupts_are_told_by_their_chip),
		test_in_folder(a_driver_named_like_a_chip_is_none),
		test_in_folder(the_interrupts_of_a_large_host_are_read_quickly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
