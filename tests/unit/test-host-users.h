/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who uses a device of a fake host. */
#pragma once

#include "host/users.h"

#include "test-host.h"

#define NVME "/sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0"

/* 0000:01:00.0: an NVMe disk with three partitions. */
static inline void fake_disk(void *const *state)
{
	fake_pci(state, "0000:01:00.0", "0x010802\n", "15", "nvme");
	fake_device(state, NVME, "nvme", "240:0\n");
	fake_device(state, NVME "/nvme0n1", "block", "259:0\n");
	fake_device(state, NVME "/nvme0n1/nvme0n1p1", "block", "259:1\n");
	fake_device(state, NVME "/nvme0n1/nvme0n1p2", "block", "259:2\n");
	fake_device(state, NVME "/nvme0n1/nvme0n1p3", "block", "259:3\n");
	fake_file(state, "/proc/self/mountinfo", "25 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n");
	fake_file(state, "/proc/swaps", "Filename Type Size Used Priority\n");
	/* udev knows them, and found nothing. */
	fake_file(state, "/run/udev/data/b259:0", "E:ID_PART_TABLE_TYPE=gpt\n");
	fake_file(state, "/run/udev/data/b259:1", "I:1\n");
	fake_file(state, "/run/udev/data/b259:2", "I:2\n");
	fake_file(state, "/run/udev/data/b259:3", "I:3\n");
}

static inline int make_folder_with_dev(void **state)
{
	fake_has_dev = true;
	if (make_folder(state) < 0)
		return -1;
	fake_dev(state);
	return 0;
}

static inline int make_folder_without_dev(void **state)
{
	fake_has_dev = false;
	return make_folder(state);
}

/* A test once with and once without /sys/dev: what belongs to a device is found in both ways. */
#define test_both_ways(function)                                                        \
	cmocka_unit_test_setup_teardown(function, make_folder_with_dev, remove_folder), \
		cmocka_unit_test_setup_teardown(function, make_folder_without_dev, remove_folder)

static inline void find(void *const *state, struct arena *arena, const char *address, struct uses *ret)
{
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	struct pci_address parsed = address_of(address);
	open_fake(state, &root);
	*ret = (struct uses){ 0 };
	if (users_find(&root, arena, &parsed, 1, ret, &error) < 0)
		fail_msg("%s", error.text);
}

/* Exactly these uses, "kind: text" each, "!" before those that are needed; ended by NULL. */
static inline void expect(void *const *state, const char *address, ...)
{
	AUTO_ARENA arena = { 0 };
	struct uses uses;
	find(state, &arena, address, &uses);
	size_t count = 0;
	va_list wanted;
	va_start(wanted, address);
	for (const char *text; (text = va_arg(wanted, const char *)); count++) {
		bool found = false;
		for (size_t i = 0; i < uses.count; i++)
			found |= strcmp(text, arena_printf(&arena, "%s%s: %s", uses.items[i].needed ? "!" : "",
							   use_kind_name(uses.items[i].kind), uses.items[i].text)) == 0;
		for (size_t i = 0; i < uses.count && !found; i++)
			print_message("  there is: %s: %s\n", use_kind_name(uses.items[i].kind), uses.items[i].text);
		if (!found)
			fail_msg("no use '%s'", text);
	}
	va_end(wanted);
	for (size_t i = 0; i < uses.count && uses.count != count; i++)
		print_message("  there is: %s: %s\n", use_kind_name(uses.items[i].kind), uses.items[i].text);
	assert_int(uses.count, count);
}
