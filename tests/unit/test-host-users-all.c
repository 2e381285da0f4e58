/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The users of many devices at once: each device has its own, and those that it shares with others. */
#include "host/users-internal.h"

#include "test-host-users.h"

#define BLOCK "/sys/devices/virtual/block"

struct all {
	struct arena arena;
	struct pci_functions functions;
	struct uses uses;
};

static void find_all(void *const *state, struct all *ret)
{
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	*ret = (struct all){ 0 };
	open_fake(state, &root);
	if (pci_read_all(&root, &ret->arena, &ret->functions, &error) < 0)
		fail_msg("%s", error.text);
	users_find_all(&root, &ret->arena, ret->functions.items, ret->functions.count, &ret->uses);
	for (size_t i = 1; i < ret->uses.count; i++)
		assert_true(pci_address_compare(ret->uses.items[i - 1].address, ret->uses.items[i].address) <= 0);
}

/* The uses of one device are these, in any order, ended by NULL. */
static void expect_of(const struct all *all, const char *address, ...)
{
	size_t there;
	size_t wanted = 0;
	const struct use *uses = uses_of(&all->uses, address_of(address), &there);
	va_list texts;
	va_start(texts, address);
	for (const char *text; (text = va_arg(texts, const char *)); wanted++) {
		bool found = false;
		for (size_t i = 0; i < there; i++)
			found |= strcmp(uses[i].text, text) == 0;
		if (!found)
			fail_msg("%s: no use '%s'", address, text);
	}
	va_end(texts);
	if (there != wanted)
		fail_msg("%s has %zu uses, wanted %zu", address, there, wanted);
}

static void fake_holder(void *const *state, const char *holder, const char *number, const char *below)
{
	char path[FAKE_PATH_MAX];
	snprintf(path, sizeof(path), BLOCK "/%s", holder);
	if (access(in_folder(state, path), F_OK) != 0)
		fake_device(state, path, "block", number);
	snprintf(path, sizeof(path), "%s/holders/%s", below, holder);
	fake_link(state, path, BLOCK);
}

static void fake_second_disk(void *const *state)
{
	fake_pci(state, "0000:02:00.0", "0x010802\n", "16", "nvme");
	fake_device(state, fake_path("0000:02:00.0", "nvme/nvme1/nvme1n1"), "block", "259:10\n");
	fake_file(state, "/run/udev/data/b259:10", "I:1\n");
}

static void each_has_its_own(void **state)
{
	struct all all;
	fake_disk(state);
	fake_second_disk(state);
	fake_file(state, "/proc/self/mountinfo", "25 1 259:2 / / rw - ext4 x rw\n26 25 259:10 / /srv rw - ext4 x rw\n");
	find_all(state, &all);
	expect_of(&all, "01:00.0", "nvme0n1p2 is mounted at / (ext4)", NULL);
	expect_of(&all, "02:00.0", "nvme1n1 is mounted at /srv (ext4)", NULL);
	expect_of(&all, "03:00.0", NULL);
	assert_string_equal(all.uses.items[0].brief, "root file system");
	assert_string_equal(all.uses.items[1].brief, "mounted at /srv");
	arena_release(&all.arena);
}

static void what_stands_on_two_disks_is_lost_with_either(void **state)
{
	struct all all;
	fake_disk(state);
	fake_second_disk(state);
	fake_holder(state, "md0", "9:0\n", NVME "/nvme0n1/nvme0n1p3");
	fake_link(state, fake_path("0000:02:00.0", "nvme/nvme1/nvme1n1/holders/md0"), BLOCK);
	fake_holder(state, "dm-0", "254:0\n", BLOCK "/md0");
	/* The deeper one has the lower name: it is come to after what stands on it. */
	fake_holder(state, "dm-1", "254:1\n", BLOCK "/dm-0");
	fake_link(state, fake_path("0000:02:00.0", "nvme/nvme1/nvme1n1/holders/dm-1"), BLOCK);
	fake_file(state, "/proc/self/mountinfo", "25 1 254:1 / / rw - xfs x rw\n");
	find_all(state, &all);
	expect_of(&all, "01:00.0", "nvme0n1p3 is part of md0", "md0, on nvme0n1p3, is part of dm-0",
		  "dm-0, on nvme0n1p3, is part of dm-1", "dm-1, on nvme0n1p3, is mounted at / (xfs)", NULL);
	expect_of(&all, "02:00.0", "nvme1n1 is part of md0", "nvme1n1 is part of dm-1",
		  "md0, on nvme1n1, is part of dm-0", "dm-0, on nvme1n1, is part of dm-1",
		  "dm-1, on nvme1n1, is mounted at / (xfs)", NULL);
	arena_release(&all.arena);
}

static void a_disk_with_two_controllers_is_lost_with_either(void **state)
{
	struct all all;
	static const char subsystem[] = "/sys/devices/virtual/nvme-subsystem/nvme-subsys0";
	fake_pci(state, "0000:01:00.0", "0x010802\n", "15", "nvme");
	fake_pci(state, "0000:02:00.0", "0x010802\n", "16", "nvme");
	fake_device(state, fake_path("0000:01:00.0", "nvme/nvme0"), "nvme", "240:0\n");
	fake_device(state, fake_path("0000:02:00.0", "nvme/nvme1"), "nvme", "240:1\n");
	fake_device(state, subsystem, "nvme-subsystem", NULL);
	fake_link(state, "/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0",
		  "../../../pci0000:00/0000:01:00.0/nvme/nvme0");
	fake_link(state, "/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme1",
		  "../../../pci0000:00/0000:02:00.0/nvme/nvme1");
	fake_device(state, "/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "block", "259:0\n");
	fake_file(state, "/run/udev/data/b259:0", "I:1\n");
	fake_file(state, "/proc/self/mountinfo", "25 1 259:0 / / rw - ext4 x rw\n");
	find_all(state, &all);
	expect_of(&all, "01:00.0", "nvme0n1 is mounted at / (ext4)", NULL);
	expect_of(&all, "02:00.0", "nvme0n1 is mounted at / (ext4)", NULL);
	arena_release(&all.arena);
}

static void an_open_group_is_a_use_of_each_member(void **state)
{
	struct all all;
	fake_pci(state, "0000:01:00.0", "0x030000\n", "15", "vfio-pci");
	fake_pci(state, "0000:01:00.1", "0x040300\n", "15", "vfio-pci");
	fake_pci(state, "0000:02:00.0", "0x020000\n", "16", "vfio-pci");
	fake_file(state, "/proc/self/mountinfo", "");
	fake_device(state, "/sys/devices/virtual/vfio/15", "vfio", "243:0\n");
	fake_device(state, "/sys/devices/virtual/vfio/noiommu-16", "vfio", "243:1\n");
	fake_file(state, "/proc/77/comm", "qemu\n");
	fake_link(state, "/proc/77/fd/9", "/dev/vfio/15");
	fake_link(state, "/proc/77/fd/10", "/dev/vfio/noiommu-16");
	find_all(state, &all);
	expect_of(&all, "01:00.0", "process 77 (qemu) holds /dev/vfio/15 open", NULL);
	expect_of(&all, "01:00.1", "process 77 (qemu) holds /dev/vfio/15 open", NULL);
	expect_of(&all, "02:00.0", "process 77 (qemu) holds /dev/vfio/noiommu-16 open", NULL);
	arena_release(&all.arena);
}

/* 0000:00:0e.0 is Intel's VMD, 0000:00:1c.0 a bridge; each has a disk behind it. */
static void what_has_devices_below_it_loses_theirs_and_bridges_do_not(void **state)
{
#define ROOT "/sys/devices/pci0000:00"
	struct all all;
	fake_pci(state, "0000:00:0e.0", "0x010400\n", "5", "vmd");
	fake_pci(state, "0000:00:1c.0", "0x060400\n", "6", "pcieport");
	fake_pci(state, "10000:e1:00.0", "0x010802\n", "5", "nvme");
	fake_pci(state, "0000:03:00.0", "0x010802\n", "7", "nvme");
	unlink(in_folder(state, "/sys/bus/pci/devices/10000:e1:00.0"));
	unlink(in_folder(state, "/sys/bus/pci/devices/0000:03:00.0"));
	put_directory(state, ROOT "/0000:00:0e.0/pci10000:e0");
	assert_int(rename(in_folder(state, ROOT "/10000:e1:00.0"),
			  in_folder(state, ROOT "/0000:00:0e.0/pci10000:e0/10000:e1:00.0")),
		   0);
	assert_int(rename(in_folder(state, ROOT "/0000:03:00.0"), in_folder(state, ROOT "/0000:00:1c.0/0000:03:00.0")),
		   0);
	fake_link(state, "/sys/bus/pci/devices/10000:e1:00.0", ROOT "/0000:00:0e.0/pci10000:e0/10000:e1:00.0");
	fake_link(state, "/sys/bus/pci/devices/0000:03:00.0", ROOT "/0000:00:1c.0/0000:03:00.0");
	fake_device(state, ROOT "/0000:00:0e.0/pci10000:e0/10000:e1:00.0/nvme/nvme0/nvme0n1", "block", "259:0\n");
	fake_device(state, ROOT "/0000:00:1c.0/0000:03:00.0/nvme/nvme1/nvme1n1", "block", "259:1\n");
	fake_file(state, "/run/udev/data/b259:0", "I:1\n");
	fake_file(state, "/run/udev/data/b259:1", "I:1\n");
	fake_file(state, "/proc/self/mountinfo", "25 1 259:0 / / rw - ext4 x rw\n26 1 259:1 / /b rw - xfs x rw\n");
	find_all(state, &all);
	expect_of(&all, "00:0e.0", "nvme0n1 is mounted at / (ext4)", NULL);
	expect_of(&all, "10000:e1:00.0", "nvme0n1 is mounted at / (ext4)", NULL);
	expect_of(&all, "00:1c.0", NULL);
	expect_of(&all, "03:00.0", "nvme1n1 is mounted at /b (xfs)", NULL);
	arena_release(&all.arena);
	/* Asked for alone, a bridge has what is below it. */
	expect(state, "00:1c.0", "!file-system: nvme1n1 is mounted at /b (xfs)", NULL);
}

/* Podman puts an empty folder over /sys/dev/block. */
static void a_masked_folder_hides_no_disk(void **state)
{
	fake_disk(state);
	assert_int(file_remove_tree(in_folder(state, "/sys/dev/block"), NULL), 0);
	put_directory(state, "/sys/dev/block");
	fake_file(state, "/proc/self/mountinfo", "25 1 259:2 / / rw - ext4 x rw\n");
	expect(state, "01:00.0", "!file-system: nvme0n1p2 is mounted at / (ext4)", NULL);
}

/* No link of the kernel's looks like these. */
static void odd_links_are_resolved(void **state)
{
	fake_disk(state);
	unlink(in_folder(state, "/sys/dev/block/259:2"));
	fake_link(state, "/sys/dev/block/259:2", "../../class/block/nvme0n1p2");
	fake_link(state, "/sys/dev/block/rubbish", "../../../../../etc");
	fake_link(state, "/sys/dev/block/1:1", "nowhere");
	fake_link(state, "/sys/dev/block/1:2", "../../devices/pci0000:00/./../../../");
	fake_link(state, "/sys/dev/char/9999999999:1", "../../devices/pci0000:00/0000:01:00.0/nvme/nvme0");
	fake_file(state, "/proc/self/mountinfo", "25 1 259:2 / / rw - ext4 x rw\n");
	expect(state, "01:00.0", "!file-system: nvme0n1p2 is mounted at / (ext4)", NULL);
}

/* Without a device node nothing can be held open, whatever could not be looked at. */
static void what_has_no_device_node_is_held_by_nobody(void **state)
{
	struct all all;
	fake_disk(state);
	fake_pci(state, "0000:02:00.0", "0x088000\n", "16", NULL);
	/* It leads in a circle: not to be looked at, and not absent. */
	fake_link(state, "/proc/80/fd", "fd");
	find_all(state, &all);
	assert_int(all.uses.count, 1);
	assert_contains(all.uses.items[0].text, "not known what 1 processes hold open");
	assert_true(pci_address_equal(all.uses.items[0].address, address_of("01:00.0")));
	arena_release(&all.arena);
}

static void an_index_finds_what_was_put_in_first(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct index index = { 0 };
	(void)state;
	assert_true(index_find_text(&index, "x") == SIZE_MAX);
	for (size_t i = 0; i < 10000; i++) {
		index_put_text(&index, &arena, arena_printf(&arena, "%zu", i % 5000), i);
		index_put_number(&index, &arena, i % 5000 << 20, i);
	}
	for (size_t i = 0; i < 5000; i++) {
		assert_int(index_find_text(&index, arena_printf(&arena, "%zu", i)), i);
		assert_int(index_find_number(&index, i << 20), i);
	}
	assert_true(index_find_text(&index, "5000") == SIZE_MAX);
	assert_true(index_find_number(&index, 1) == SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_both_ways(each_has_its_own),
		test_both_ways(what_stands_on_two_disks_is_lost_with_either),
		test_both_ways(a_disk_with_two_controllers_is_lost_with_either),
		test_both_ways(an_open_group_is_a_use_of_each_member),
		test_both_ways(what_has_devices_below_it_loses_theirs_and_bridges_do_not),
		cmocka_unit_test_setup_teardown(a_masked_folder_hides_no_disk, make_folder_with_dev, remove_folder),
		cmocka_unit_test_setup_teardown(odd_links_are_resolved, make_folder_with_dev, remove_folder),
		test_both_ways(what_has_no_device_node_is_held_by_nobody),
		cmocka_unit_test(an_index_finds_what_was_put_in_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
