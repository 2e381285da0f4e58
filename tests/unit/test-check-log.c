/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/log.h"

#include <time.h>

#include "test-check-log-examples.h"
#include "unit.h"

static void classify(struct arena *arena, const char *text, struct log_findings *ret)
{
	log_classify(slice_of(text), arena, ret);
}

/* The one finding of a text that has one. */
static const struct log_finding *classify_one(struct arena *arena, const char *text)
{
	struct log_findings findings;
	classify(arena, text, &findings);
	if (findings.count != 1)
		fail_msg("%zu findings (%s, %s) in '%s'", findings.count,
			 findings.count > 0 ? findings.items[0].pattern->id : "-",
			 findings.count > 1 ? findings.items[1].pattern->id : "-", text);
	return &findings.items[0];
}

static void each_example_matches_its_pattern_and_no_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		AUTO_ARENA arena = { 0 };
		const struct log_finding *finding = classify_one(&arena, examples[i].line);
		assert_string_equal(finding->pattern->id, examples[i].id);
		assert_int(finding->times, 1);
		assert_int(finding->line_number, 1);
	}
}

static void each_pattern_has_an_example_and_is_whole(void **state)
{
	(void)state;
	size_t count = 0;
	for (size_t table = 0; log_pattern_tables[table]; table++) {
		for (const struct log_pattern *pattern = log_pattern_tables[table]; pattern->id; pattern++) {
			bool found = false;
			count++;
			for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
				found |= strcmp(examples[i].id, pattern->id) == 0;
			if (!found)
				fail_msg("no example for %s", pattern->id);
			assert_ptr_equal(log_pattern_find(pattern->id), pattern);
			assert_true(text_starts_with(pattern->id, "log-"));
			assert_null(strstr(pattern->fragments, "||"));
			assert_true(pattern->fragments[0] != '|' && !text_ends_with(pattern->fragments, "|"));
			assert_int(strlen(pattern->rows) % 5, 4);
			/* Whoever is told of a failure is told what to do, and who. */
			if (pattern->verdict == VERDICT_FAIL) {
				assert_non_null(pattern->remedy);
				assert_int(pattern->actor == ACTOR_NOBODY, 0);
			}
			assert_int(pattern->remedy == NULL, pattern->actor == ACTOR_NOBODY);
			assert_int(pattern->verdict == VERDICT_UNKNOWN, 0);
		}
	}
	assert_true(count >= 90);
	assert_null(log_pattern_find("log-no-such-pattern"));
}

static void what_only_looks_alike_matches_nothing(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"",
		"\n\n\n",
		"[    0.0] DMAR: ACPI: RSDP 0x000",
		"[    0.0] Kernel command line: intel_iommu=on iommu=pt vfio-pci.ids=10de:1b80",
		"[    0.3] iommu: DMA domain TLB invalidation policy: lazy mode",
		"[    0.1] DMAR: DRHD base: 0x000000fed90000 flags: 0x0",
		"[    2.0] vfio-pci 0000:01:00.0: vgaarb: deactivate vga console",
		"[    2.0] VFIO - User Level meta-driver version: 0.3",
		"Request device list from fault handler",
		"the fault addr of Request device [01:00.0]",
		"group 15 is viable",
		"[    1.0] pci 0000:00:1c.0: bridge window [io  size 0x1000]: can't assign; no space",
		"[    1.0] pci 0000:01:00.0: VF BAR 0 [mem size 0x00080000 64bit pref]: can't assign; no space",
		"ata1: softreset OK",
		"kvm: started as root",
		"sshd[1]: Could not open '/etc/ssh/x': No such file or directory",
		"Failed to set iommu for container",
		"nvme nvme0: I/O 24 QID 3 timeout, aborting",
		"[   31.0] nvme: probe of 0000:01:00.0 failed with error -22",
		"QEMU does not support this",
		"VM 100 started",
	};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		AUTO_ARENA arena = { 0 };
		struct log_findings findings;
		classify(&arena, lines[i], &findings);
		if (findings.count)
			fail_msg("%s in '%s'", findings.items[0].pattern->id, lines[i]);
	}
}

/* The same words, but not in one line. */
static void fragments_count_only_within_a_line(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct log_findings findings;
	classify(&arena, "kvm: group 15\n is not viable\nRequest device [\nfault addr\n", &findings);
	assert_int(findings.count, 0);
	assert_int(findings.lines, 4);
}

static void folk_signs_prove_nothing(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	const struct log_finding *finding = classify_one(&arena, "[    0.0] DMAR: IOMMU enabled\n");
	assert_int(finding->pattern->verdict, VERDICT_NA);
	assert_contains(finding->pattern->means, "proves nothing");
}

static void repeated_lines_are_one_finding_for_each_device(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct log_findings findings;
	classify(&arena,
		 "hello\n"
		 "DMAR: [DMA Read NO_PASID] Request device [02:00.0] fault addr 0x1000 [fault reason 0x06] x\n"
		 "DMAR: [DMA Read NO_PASID] Request device [01:00.0] fault addr 0x1000 [fault reason 0x06] x\n"
		 "DMAR: DRHD: handling fault status reg 2\n"
		 "DMAR: [DMA Write NO_PASID] Request device [02:00.0] fault addr 0x2000 [fault reason 0x05] x\n"
		 "pci 0000:00:01.0: Adding to iommu group 0\n"
		 "pci 0000:00:02.0: Adding to iommu group 1",
		 &findings);
	assert_int(findings.lines, 7);
	assert_int(findings.count, 4);
	assert_string_equal(findings.items[0].device, "0000:02:00.0");
	assert_int(findings.items[0].times, 2);
	assert_int(findings.items[0].line_number, 2);
	assert_contains(findings.items[0].detail, "read of 0x1000");
	assert_string_equal(findings.items[1].device, "0000:01:00.0");
	assert_string_equal(findings.items[2].pattern->id, "log-dmar-status");
	assert_null(findings.items[2].device);
	/* Said once for all devices: it is no trouble of theirs. */
	assert_string_equal(findings.items[3].pattern->id, "log-group");
	assert_null(findings.items[3].device);
	assert_int(findings.items[3].times, 2);
}

static void assert_device(const char *line, const char *device, const char *detail)
{
	AUTO_ARENA arena = { 0 };
	const struct log_finding *finding = classify_one(&arena, line);
	if (device)
		assert_string_equal(finding->device ? finding->device : "none", device);
	else
		assert_null(finding->device);
	if (detail)
		assert_string_equal(finding->detail ? finding->detail : "none", detail);
	else
		assert_null(finding->detail);
}

static void decodes_faults_of_vtd_in_each_format(void **state)
{
	(void)state;
	assert_device(
		"DMAR: [DMA Read NO_PASID] Request device [0001:01:00.0] fault addr 0xfeddf000 [fault reason 0x06] PTE",
		"0001:01:00.0", "read of 0xfeddf000, fault reason 0x06: the address is not mapped for reading");
	assert_device(
		"DMAR: [DMA Write] Request device [03:00.1] PASID ffffffff fault addr ffe00000 [fault reason 05] PTE",
		"0000:03:00.1", "write to 0xffe00000, fault reason 0x05: the address is not mapped for writing");
	/* Decimal where there is no 0x: 38 is 0x26. */
	assert_device(
		"DMAR: [INTR-REMAP] Request device [[f0:1f.0] fault index 25 [fault reason 38] Blocked an interrupt",
		"0000:f0:1f.0",
		"interrupt with index 0x25, fault reason 0x26: the interrupt is not this device's (source id)");
	assert_device(
		"DMAR: [INTR-REMAP] Request device [f0:1f.7] fault index 0x0 [fault reason 0x25] Blocked",
		"0000:f0:1f.7",
		"interrupt with index 0x0, fault reason 0x25: an interrupt in the old format, which is blocked while "
		"interrupts are remapped");
	assert_device("DMAR:[DMA Write] Request device [01:00.0] fault addr fee00000 ", "0000:01:00.0",
		      "write to 0xfee00000 (the range of interrupts)");
	assert_device(
		"DMAR: [DMA Read PASID 0x1] Request device [01:00.0] fault addr 0x7f00 [fault reason 0x71] SM: Present",
		"0000:01:00.0", "read of 0x7f00, fault reason 0x71: the address is not mapped (first stage)");
	assert_device("DMAR: [DMA Read] Request device [zz:00.0] fault addr 0xzz [fault reason 0xff] ?", NULL,
		      "read, fault reason 0xff: not a reason that is known");
}

static void decodes_events_of_amdvi_in_each_format(void **state)
{
	(void)state;
	assert_device(
		"vfio-pci 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0017 address=0x10000 flags=0x0020]",
		"0000:01:00.0", "write to 0x10000: the address is not mapped");
	assert_device(
		"AMD-Vi: Event logged [IO_PAGE_FAULT device=03:00.1 domain=0x0000 address=0xfdf8000000 flags=0x0010]",
		"0000:03:00.1", "read of 0xfdf8000000: the address is not mapped for that");
	assert_device(
		"pci 0000:00:00.2: AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:03:00.1 domain=0x0 address=0xfee00000 "
		"flags=0x0008]",
		"0000:03:00.1", "interrupt to 0xfee00000 (the range of interrupts): the address is not mapped");
	assert_device("iommu ivhd0: AMD-Vi: Event logged [IOTLB_INV_TIMEOUT device=0000:09:00.0 address=0x1001be6a0]",
		      "0000:09:00.0", "address 0x1001be6a0");
}

static void finds_the_device_that_a_line_speaks_of(void **state)
{
	(void)state;
	assert_device("kvm: -device vfio-pci,host=01:00.0: vfio 0000:01:00.0: group 1 is not viable", "0000:01:00.0",
		      NULL);
	assert_device("10000:e1:00.0: PCI device '10000:e1:00.0' already in use by VMID '7'", "10000:e1:00.0", NULL);
	/* Times, and addresses inside a VM, are none of the host's. */
	assert_device("2026-01-01T01:02:03.4 kvm: group 1 is not viable", NULL, NULL);
	assert_device("01:02.3 kvm: group 1 is not viable", NULL, NULL);
	assert_device("kvm: group 00000000000:01:00.0 is not viable", NULL, NULL);
	assert_device("kvm: device 01.00.0 requires caching mode", NULL, "inside the VM it is 01:00.0");
	assert_device("PCI device '0000:02:00.0x' already in use by VMID '131'", NULL, NULL);
	assert_device("PCI device '0000:02:3f.0' already in use by VMID '131'", NULL, NULL);
}

static void names_reasons_by_their_numbers(void **state)
{
	(void)state;
	assert_contains(log_vtd_reason(0x05), "for writing");
	assert_contains(log_vtd_reason(0x06), "for reading");
	assert_contains(log_vtd_reason(0x25), "old format");
	assert_contains(log_vtd_reason(0x87), "no interrupt");
	assert_non_null(log_vtd_reason(0x90));
	assert_null(log_vtd_reason(0x0e));
	assert_null(log_vtd_reason(0x91));
	assert_null(log_vtd_reason(0xffffffff));
}

static void lines_are_shown_clean_and_cut(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	const struct log_finding
		*finding = classify_one(&arena, "\033[31mgr\xc3\xbc\xc2\x9b\xff\tX\r group 1 is not viable\r\n");
	assert_string_equal(finding->line, "[31mgr\xc3\xbc X group 1 is not viable");
	struct buffer text = { .arena = &arena };
	for (int i = 0; i < 1000; i++)
		buffer_puts(&text, "group 1 is not viable ");
	finding = classify_one(&arena, text.text);
	assert_int(strlen(finding->line), 503);
	assert_true(text_ends_with(finding->line, "..."));
	assert_int(finding->times, 1);
}

static void nul_bytes_end_nothing(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct log_findings findings;
	static const char text[] = "a\0b\ngroup 1\0 is not viable\nDMAR: IOMMU enabled";
	log_classify((struct slice){ text, sizeof(text) - 1 }, &arena, &findings);
	assert_int(findings.lines, 3);
	assert_int(findings.count, 2);
	assert_int(findings.items[1].line_number, 3);
}

/* A million lines take less than two seconds; this build is instrumented, and gets ten times that, of processor time. */
static void a_million_lines_are_read_quickly(void **state)
{
	(void)state;
	static const size_t count = 1000000;
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	struct log_findings findings;
	for (size_t i = 0; i < count; i++) {
		if (i % 100 == 0)
			buffer_printf(
				&text,
				"[%zu.0] DMAR: [DMA Read NO_PASID] Request device [%02zx:00.0] fault addr 0x1000 [fault "
				"reason 0x06] PTE Read access is not set\n",
				i, i / 100 % 256);
		else
			buffer_puts(&text,
				    "Jan 01 00:00:00 host kernel: usb 1-1: new high-speed USB device number 7\n");
	}
	clock_t start = clock();
	log_classify((struct slice){ text.text, text.length }, &arena, &findings);
	clock_t took = clock() - start;
	assert_int(findings.lines, count);
	assert_int(findings.count, 256);
	assert_true(took < 20 * CLOCKS_PER_SEC);
}

/* As many devices as there are addresses: no list of them may be searched from its start. */
static void many_devices_are_told_apart_quickly(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	struct log_findings findings;
	for (unsigned int i = 0; i < 100000; i++)
		buffer_printf(&text, "DMAR: [DMA Read] Request device [%02x:%02x.%u] fault addr 0x0\n", i >> 8 & 0xff,
			      i >> 3 & 0x1f, i & 7);
	clock_t start = clock();
	log_classify((struct slice){ text.text, text.length }, &arena, &findings);
	assert_int(findings.count, 65536);
	assert_int(findings.items[0].times, 2);
	assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
}

/* One line of many megabytes that holds a key everywhere, and each pattern's key but not the rest. */
static void a_line_without_an_end_is_read_quickly(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	struct log_findings findings;
	while (text.length < 8 * (size_t)1024 * 1024)
		buffer_puts(&text,
			    "DMAR: IOMMU enabled Request device [ is not viable used in multiple address spaces ");
	clock_t start = clock();
	log_classify((struct slice){ text.text, text.length }, &arena, &findings);
	assert_int(findings.lines, 1);
	assert_int(findings.count, 2);
	assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_example_matches_its_pattern_and_no_other),
		cmocka_unit_test(each_pattern_has_an_example_and_is_whole),
		cmocka_unit_test(what_only_looks_alike_matches_nothing),
		cmocka_unit_test(fragments_count_only_within_a_line),
		cmocka_unit_test(folk_signs_prove_nothing),
		cmocka_unit_test(repeated_lines_are_one_finding_for_each_device),
		cmocka_unit_test(decodes_faults_of_vtd_in_each_format),
		cmocka_unit_test(decodes_events_of_amdvi_in_each_format),
		cmocka_unit_test(finds_the_device_that_a_line_speaks_of),
		cmocka_unit_test(names_reasons_by_their_numbers),
		cmocka_unit_test(lines_are_shown_clean_and_cut),
		cmocka_unit_test(nul_bytes_end_nothing),
		cmocka_unit_test(a_million_lines_are_read_quickly),
		cmocka_unit_test(many_devices_are_told_apart_quickly),
		cmocka_unit_test(a_line_without_an_end_is_read_quickly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
