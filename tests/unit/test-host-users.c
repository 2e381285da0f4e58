/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-host-users.h"

#define BLOCK "/sys/devices/virtual/block"

static void fake_holder(void *const *state, const char *holder, const char *number, const char *below)
{
	char path[FAKE_PATH_MAX];
	snprintf(path, sizeof(path), BLOCK "/%s", holder);
	fake_device(state, path, "block", number);
	snprintf(path, sizeof(path), "%s/holders/%s", below, holder);
	fake_link(state, path, BLOCK);
}

static void nobody_uses_an_idle_disk(void **state)
{
	fake_disk(state);
	expect(state, "01:00.0", NULL);
}

static void an_absent_device_is_told(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	struct uses uses;
	struct pci_address address = address_of("09:00.0");
	open_fake(state, &root);
	assert_int(users_find(&root, &arena, &address, 1, &uses, &error), -ENODEV);
	assert_contains(error.text, "0000:09:00.0");
}

static void a_mounted_partition(void **state)
{
	fake_disk(state);
	fake_file(state, "/proc/self/mountinfo",
		  "25 1 259:2 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
		  "26 25 259:1 / /boot/efi\\040x rw - vfat /dev/nvme0n1p1 rw\n"
		  "27 25 8:1 / /other rw - ext4 /dev/sda1 rw\n"
		  "rubbish\n1 2 x:y / /\n");
	expect(state, "01:00.0", "!file-system: nvme0n1p2 is mounted at / (ext4)",
	       "!file-system: nvme0n1p1 is mounted at /boot/efi\\040x (vfat)", NULL);
}

static void lvm_on_crypt_on_raid_on_a_partition(void **state)
{
	fake_disk(state);
	fake_holder(state, "md0", "9:0\n", NVME "/nvme0n1/nvme0n1p3");
	fake_holder(state, "dm-0", "254:0\n", BLOCK "/md0");
	fake_file(state, BLOCK "/dm-0/dm/name", "md0_crypt\n");
	fake_holder(state, "dm-1", "254:1\n", BLOCK "/dm-0");
	fake_file(state, BLOCK "/dm-1/dm/name", "vg-root\n");
	fake_file(state, "/proc/self/mountinfo", "25 1 254:1 / / rw - xfs /dev/mapper/vg-root rw\n");
	expect(state, "01:00.0", "!stacked: nvme0n1p3 is part of md0",
	       "!stacked: md0, on nvme0n1p3, is part of dm-0 (md0_crypt)",
	       "!stacked: dm-0 (md0_crypt), on nvme0n1p3, is part of dm-1 (vg-root)",
	       "!file-system: dm-1 (vg-root), on nvme0n1p3, is mounted at / (xfs)", NULL);
}

static void holders_in_a_circle_end(void **state)
{
	fake_disk(state);
	fake_holder(state, "dm-0", "254:0\n", NVME "/nvme0n1");
	fake_link(state, BLOCK "/dm-0/holders/dm-0", BLOCK);
	expect(state, "01:00.0", "!stacked: nvme0n1 is part of dm-0", "!stacked: dm-0, on nvme0n1, is part of dm-0",
	       NULL);
}

static void file_systems_with_several_devices(void **state)
{
	fake_disk(state);
	/* Major 0; the source is a link, and names one device only; sysfs names the other. */
	fake_link(state, "/dev/disk/by-uuid/1234", "../../nvme0n1p1");
	fake_file(state, "/dev/nvme0n1p1", "");
	fake_file(state, "/proc/self/mountinfo", "25 1 0:30 / /data rw - btrfs /dev/disk/by-uuid/1234 rw\n");
	fake_link(state, "/sys/fs/btrfs/abcd/devices/nvme0n1p3", NVME "/nvme0n1/nvme0n1p3");
	expect(state, "01:00.0", "!file-system: nvme0n1p1 is mounted at /data (btrfs)",
	       "!file-system: nvme0n1p3 is part of the mounted btrfs abcd", NULL);
}

static void swap(void **state)
{
	fake_disk(state);
	fake_holder(state, "dm-0", "254:0\n", NVME "/nvme0n1/nvme0n1p3");
	fake_file(state, "/dev/dm-0", "");
	fake_link(state, "/dev/mapper/swap", "../dm-0");
	fake_file(state, "/proc/swaps",
		  "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
		  "/dev/nvme0n1p2                          partition\t1000\t0\t-2\n"
		  "/dev/mapper/swap partition 1 0 -3\n/swapfile file 1 0 -4\n");
	expect(state, "01:00.0", "!swap: nvme0n1p2 is swap space", "!stacked: nvme0n1p3 is part of dm-0",
	       "!swap: dm-0, on nvme0n1p3, is swap space", NULL);
}

static void members_that_nothing_has_activated(void **state)
{
	fake_disk(state);
	fake_file(state, "/run/udev/data/b259:0", "E:ID_PART_TABLE_TYPE=gpt\n");
	fake_file(state, "/run/udev/data/b259:1", "S:disk/by-id/x\nE:ID_FS_USAGE=raid\nE:ID_FS_TYPE=LVM2_member\n");
	fake_file(state, "/run/udev/data/b259:2", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_USAGE=raid\nE:ID_FS_LABEL=tank\n");
	fake_file(state, "/run/udev/data/b259:3", "E:ID_FS_TYPE=crypto_LUKS\nE:ID_FS_USAGE=crypto\n");
	expect(state, "01:00.0", "!member: nvme0n1p1 carries data of LVM2_member",
	       "!member: nvme0n1p2 carries data of zfs_member (tank)", "!member: nvme0n1p3 carries data of crypto_LUKS",
	       NULL);
}

static void an_imported_pool_is_in_use(void **state)
{
	fake_disk(state);
	put_directory(state, "/proc/spl/kstat/zfs/rpool");
	fake_file(state, "/run/udev/data/b259:3", "E:ID_FS_LABEL=rpool\nE:ID_FS_TYPE=zfs_member\nE:ID_FS_USAGE=raid\n");
	expect(state, "01:00.0", "!stacked: nvme0n1p3 is part of the imported ZFS pool rpool", NULL);
}

/* ZFS names no device where it is mounted: the pool is what both have in common. */
static void a_pool_says_what_is_mounted_of_it(void **state)
{
	fake_disk(state);
	put_directory(state, "/proc/spl/kstat/zfs/rpool");
	fake_file(state, "/run/udev/data/b259:3", "E:ID_FS_LABEL=rpool\nE:ID_FS_TYPE=zfs_member\nE:ID_FS_USAGE=raid\n");
	fake_file(state, "/proc/self/mountinfo",
		  "20 1 0:21 / /tank rw - zfs rpool2/tank rw\n"
		  "21 1 0:22 / /srv rw - zfs rpool/data rw\n"
		  "22 1 0:23 / / rw - zfs rpool/ROOT/pve-1 rw\n");
	expect(state, "01:00.0",
	       "!stacked: nvme0n1p3 is part of the imported ZFS pool rpool, of which rpool/ROOT/pve-1 is mounted at / "
	       "(and 1 more)",
	       NULL);
}

static void what_is_mounted_of_another_pool_does_not_count(void **state)
{
	fake_disk(state);
	put_directory(state, "/proc/spl/kstat/zfs/rpool");
	fake_file(state, "/run/udev/data/b259:3", "E:ID_FS_LABEL=rpool\nE:ID_FS_TYPE=zfs_member\nE:ID_FS_USAGE=raid\n");
	fake_file(state, "/proc/self/mountinfo",
		  "20 1 0:21 / / rw - zfs rpool2/tank rw\n"
		  "21 1 0:22 / /srv rw - zfs rpool/data rw\n");
	expect(state, "01:00.0",
	       "!stacked: nvme0n1p3 is part of the imported ZFS pool rpool, of which rpool/data is mounted at /srv",
	       NULL);
}

static void an_ordinary_file_system_is_no_member(void **state)
{
	fake_disk(state);
	fake_file(state, "/run/udev/data/b259:1", "E:ID_FS_TYPE=ext4\nE:ID_FS_USAGE=filesystem\n");
	expect(state, "01:00.0", NULL);
}

static void a_cache_of_bcache(void **state)
{
	fake_disk(state);
	fake_link(state, NVME "/nvme0n1/bcache/set", "/sys/fs/bcache/1-2-3");
	expect(state, "01:00.0", "!stacked: nvme0n1 is the cache of the bcache set 1-2-3", NULL);
}

static void without_udev_members_are_unknown(void **state)
{
	fake_disk(state);
	assert_int(rename(in_folder(state, "/run/udev/data"), in_folder(state, "/run/udev/other")), 0);
	expect(state, "01:00.0",
	       "unknown: no udev database: not known whether nvme0n1 carries data of LVM, RAID, ZFS or LUKS (this is another "
	       "system)",
	       NULL);
}

static void a_multipath_head_is_elsewhere(void **state)
{
	static const char subsystem[] = "/sys/devices/virtual/nvme-subsystem/nvme-subsys3";
	fake_disk(state);
	fake_device(state, subsystem, "nvme-subsystem", NULL);
	fake_link(state, "/sys/devices/virtual/nvme-subsystem/nvme-subsys3/nvme0", NVME);
	fake_device(state, "/sys/devices/virtual/nvme-subsystem/nvme-subsys3/nvme3n1", "block", "259:9\n");
	fake_device(state, "/sys/devices/virtual/nvme-subsystem/nvme-subsys3/nvme3n1/nvme3n1p1", "block", "259:10\n");
	fake_file(state, "/run/udev/data/b259:9", "I:9\n");
	/* Somebody else's. */
	fake_device(state, "/sys/devices/virtual/nvme-subsystem/nvme-subsys4", "nvme-subsystem", NULL);
	fake_device(state, "/sys/devices/virtual/nvme-subsystem/nvme-subsys4/nvme4n1", "block", "259:11\n");
	fake_file(state, "/proc/self/mountinfo", "25 1 259:10 / / rw - ext4 x rw\n26 1 259:11 / /o rw - ext4 x rw\n");
	expect(state, "01:00.0", "!file-system: nvme3n1p1 is mounted at / (ext4)", NULL);
}

static void unknown_mounts_are_told(void **state)
{
	fake_disk(state);
	unlink(in_folder(state, "/proc/self/mountinfo"));
	AUTO_ARENA arena = { 0 };
	struct uses uses;
	find(state, &arena, "01:00.0", &uses);
	assert_int(uses.count, 1);
	assert_int(uses.items[0].kind, USE_UNKNOWN);
	assert_true(uses.items[0].needed);
	assert_contains(uses.items[0].text, "not known what is mounted");
}

/* /dev/loop1 on a device or a file. */
static void fake_loop(void *const *state, const char *backing)
{
	fake_device(state, BLOCK "/loop1", "block", "7:1\n");
	fake_device(state, BLOCK "/loop1/loop1p1", "block", "259:20\n");
	fake_file(state, BLOCK "/loop1/loop/backing_file", backing);
}

static void a_loop_device_on_a_disk(void **state)
{
	fake_disk(state);
	fake_loop(state, "/dev/disk/by-id/x\n");
	fake_file(state, "/dev/nvme0n1", "");
	fake_link(state, "/dev/disk/by-id/x", "../../nvme0n1");
	fake_holder(state, "dm-0", "254:0\n", BLOCK "/loop1/loop1p1");
	fake_file(state, "/proc/self/mountinfo", "25 1 254:0 / /mnt rw - ext4 /dev/mapper/x rw\n");
	expect(state, "01:00.0", "!stacked: nvme0n1 is what the loop device loop1 stands on",
	       "!stacked: loop1p1, on nvme0n1, is part of dm-0",
	       "!file-system: dm-0, on nvme0n1, is mounted at /mnt (ext4)", NULL);
}

static void a_loop_device_on_something_else(void **state)
{
	fake_disk(state);
	fake_loop(state, "/srv/nvme0n1\n");
	fake_file(state, "/srv/nvme0n1", "");
	expect(state, "01:00.0", NULL);
}

static void a_loop_device_of_another_namespace(void **state)
{
	fake_disk(state);
	fake_loop(state, "/x/nvme0n1p2 (deleted)\n");
	expect(state, "01:00.0",
	       "unknown: loop1 stands on /x/nvme0n1p2 (deleted), which is not to be found: not known what that is",
	       "!stacked: nvme0n1p2 is what the loop device loop1 stands on", NULL);
}

static void an_unreadable_loop_device_is_unknown(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct uses uses;
	fake_disk(state);
	fake_loop(state, "/x\n");
	unlink(in_folder(state, BLOCK "/loop1/loop/backing_file"));
	put_directory(state, BLOCK "/loop1/loop/backing_file");
	find(state, &arena, "01:00.0", &uses);
	assert_int(uses.count, 1);
	assert_true(uses.items[0].needed);
	assert_contains(uses.items[0].text, "not known what loop1 stands on: ");
}

static void what_udev_does_not_know_may_carry_anything(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct uses uses;
	fake_disk(state);
	unlink(in_folder(state, "/run/udev/data/b259:0"));
	expect(state, "01:00.0",
	       "!member: nvme0n1 may carry data of LVM, RAID, ZFS or LUKS: /run/udev/data/b259:0: udev knows nothing of "
	       "it (--inactive-ok takes it nevertheless)",
	       NULL);
	put_directory(state, "/run/udev/data/b259:0");
	find(state, &arena, "01:00.0", &uses);
	assert_int(uses.count, 1);
	assert_int(uses.items[0].kind, USE_MEMBER);
	assert_contains(uses.items[0].text, "/run/udev/data/b259:0: ");
	/* What is in use anyway needs no guess. */
	fake_file(state, "/proc/self/mountinfo", "25 1 259:0 / / rw - ext4 x rw\n");
	expect(state, "01:00.0", "!file-system: nvme0n1 is mounted at / (ext4)", NULL);
}

/* 0000:03:00.0: a display. */
static void fake_display(void *const *state, const char *driver, const char *boot_vga)
{
	fake_disk(state);
	fake_pci(state, "0000:03:00.0", "0x030000\n", "17", driver);
	fake_file(state, fake_path("0000:03:00.0", "boot_vga"), boot_vga);
}

static void the_display_with_the_console(void **state)
{
	fake_display(state, "amdgpu", "1\n");
	expect(state, "03:00.0",
	       "!console: the console is on it: the display that the firmware started with (boot_vga), driver amdgpu",
	       NULL);
}

static void a_display_with_the_first_framebuffer(void **state)
{
	fake_display(state, "amdgpu", "0\n");
	fake_device(state, fake_path("0000:03:00.0", "graphics/fb0"), "graphics", "29:0\n");
	expect(state, "03:00.0", "!console: fb0 is the framebuffer that the console is on (/proc/fb)", NULL);
}

static void a_second_framebuffer_is_not_the_console(void **state)
{
	fake_display(state, "amdgpu", "0\n");
	fake_device(state, fake_path("0000:03:00.0", "graphics/fb1"), "graphics", "29:1\n");
	expect(state, "03:00.0", "console: fb1 is a framebuffer (/proc/fb)", NULL);
}

static void the_firmwares_framebuffer(void **state)
{
	fake_display(state, NULL, "1\n");
	fake_file(state, "/proc/fb", "0 EFI VGA\n");
	expect(state, "03:00.0",
	       "!console: the console is on it: the display that the firmware started with (boot_vga), framebuffer 'EFI "
	       "VGA'",
	       NULL);
}

static void a_display_in_text_mode(void **state)
{
	fake_display(state, NULL, "1\n");
	fake_file(state, "/sys/class/vtconsole/vtcon0/name", "(S) VGA+\n");
	fake_file(state, "/sys/class/vtconsole/vtcon0/bind", "0\n");
	fake_file(state, "/sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
	fake_file(state, "/sys/class/vtconsole/vtcon1/bind", "1\n");
	expect(state, "03:00.0", NULL);
	fake_file(state, "/sys/class/vtconsole/vtcon0/bind", "1\n");
	expect(state, "03:00.0",
	       "!console: the console is on it: the display that the firmware started with (boot_vga), in VGA text mode "
	       "(/sys/class/vtconsole)",
	       NULL);
	fake_file(state, fake_path("0000:03:00.0", "boot_vga"), "0\n");
	expect(state, "03:00.0", NULL);
}

static void a_display_that_was_given_away(void **state)
{
	fake_display(state, "vfio-pci", "1\n");
	fake_file(state, "/proc/fb", "");
	expect(state, "03:00.0", NULL);
}

static void a_serial_card_with_a_kernel_console(void **state)
{
	fake_pci(state, "0000:04:00.0", "0x070002\n", NULL, "serial");
	fake_file(state, "/proc/self/mountinfo", "");
	fake_device(state, fake_path("0000:04:00.0", "tty/ttyS4"), "tty", "4:68\n");
	fake_file(state, "/proc/consoles", "tty0                 -WU (EC  p  )    4:7\nttyS4 -W- (EC p a) 4:68\n");
	expect(state, "04:00.0", "!console: ttyS4 is a console of the kernel (/proc/consoles)", NULL);
}

static void processes_that_hold_nodes_open(void **state)
{
	fake_disk(state);
	fake_device(state, "/sys/devices/virtual/vfio/15", "vfio", "243:0\n");
	fake_file(state, "/sys/devices/virtual/vfio/15/uevent", "MAJOR=243\nDEVNAME=vfio/15\n");
	fake_file(state, "/proc/77/comm", "qemu\x1b[31m\n");
	fake_link(state, "/proc/77/fd/0", "/dev/null");
	fake_link(state, "/proc/77/fd/1", "socket:[1]");
	fake_link(state, "/proc/77/fd/9", "/dev/vfio/15");
	fake_file(state, "/proc/78/comm", "dd\n");
	fake_link(state, "/proc/78/fd/3", "/dev/nvme0n1p2");
	fake_link(state, "/proc/78/fd/4", "/dev/nvme0n1p2");
	fake_link(state, "/proc/78/fd/5", "/dev/nvme0");
	put_directory(state, "/proc/79");
	expect(state, "01:00.0", "!process: process 77 (qemu?[31m) holds /dev/vfio/15 open",
	       "!process: process 78 (dd) holds /dev/nvme0n1p2 open", "!process: process 78 (dd) holds /dev/nvme0 open",
	       NULL);
}

static void input_devices_may_be_taken_away(void **state)
{
	fake_pci(state, "0000:05:00.0", "0x0c0330\n", NULL, "xhci_hcd");
	fake_file(state, "/proc/self/mountinfo", "");
	fake_device(state, fake_path("0000:05:00.0", "usb1/1-1/input/input3/event3"), "input", "13:67\n");
	fake_file(state, fake_path("0000:05:00.0", "usb1/1-1/input/input3/event3/uevent"), "DEVNAME=input/event3\n");
	fake_file(state, "/proc/80/comm", "systemd-logind\n");
	fake_link(state, "/proc/80/fd/20", "/dev/input/event3");
	expect(state, "05:00.0", "process: process 80 (systemd-logind) holds /dev/input/event3 open", NULL);
}

#define GPUS "/proc/driver/nvidia/gpus"

static void the_nodes_of_nvidias_driver(void **state)
{
	fake_display(state, "nvidia", "0\n");
	fake_file(state, GPUS "/0000:03:00.0/information", "Model: \t\t GPU\nDevice Minor: \t 2\n");
	fake_file(state, "/proc/90/comm", "nvidia-persiste\n");
	fake_link(state, "/proc/90/fd/4", "/dev/nvidia2");
	fake_link(state, "/proc/90/fd/5", "/dev/nvidiactl");
	fake_file(state, "/proc/91/comm", "other\n");
	fake_link(state, "/proc/91/fd/4", "/dev/nvidia0");
	fake_link(state, "/proc/91/fd/5", "/dev/nvidiactl");
	expect(state, "03:00.0", "!process: process 90 (nvidia-persiste) holds /dev/nvidia2 open",
	       "process: process 90 (nvidia-persiste) holds /dev/nvidiactl open",
	       "process: process 91 (other) holds /dev/nvidiactl open", NULL);
}

static void unknown_nodes_of_nvidias_driver(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct uses uses;
	fake_display(state, "nvidia", "0\n");
	find(state, &arena, "03:00.0", &uses);
	assert_int(uses.count, 1);
	assert_true(uses.items[0].needed);
	assert_contains(uses.items[0].text, "not known which processes use the GPU: ");
	fake_file(state, GPUS "/0000:03:00.0/information", "Device Minor: \t ?\n");
	expect(state, "03:00.0",
	       "!unknown: not known which processes use the GPU: " GPUS
	       "/0000:03:00.0/information names no 'Device Minor'",
	       NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_both_ways(nobody_uses_an_idle_disk),
		test_both_ways(an_absent_device_is_told),
		test_both_ways(a_mounted_partition),
		test_both_ways(lvm_on_crypt_on_raid_on_a_partition),
		test_both_ways(holders_in_a_circle_end),
		test_both_ways(file_systems_with_several_devices),
		test_both_ways(swap),
		test_both_ways(members_that_nothing_has_activated),
		test_both_ways(an_imported_pool_is_in_use),
		test_both_ways(a_pool_says_what_is_mounted_of_it),
		test_both_ways(what_is_mounted_of_another_pool_does_not_count),
		test_both_ways(an_ordinary_file_system_is_no_member),
		test_both_ways(a_cache_of_bcache),
		test_both_ways(without_udev_members_are_unknown),
		test_both_ways(a_multipath_head_is_elsewhere),
		test_both_ways(unknown_mounts_are_told),
		test_both_ways(the_display_with_the_console),
		test_both_ways(a_display_with_the_first_framebuffer),
		test_both_ways(a_second_framebuffer_is_not_the_console),
		test_both_ways(the_firmwares_framebuffer),
		test_both_ways(a_display_that_was_given_away),
		test_both_ways(a_serial_card_with_a_kernel_console),
		test_both_ways(a_loop_device_on_a_disk),
		test_both_ways(a_loop_device_on_something_else),
		test_both_ways(a_loop_device_of_another_namespace),
		test_both_ways(an_unreadable_loop_device_is_unknown),
		test_both_ways(what_udev_does_not_know_may_carry_anything),
		test_both_ways(a_display_in_text_mode),
		test_both_ways(the_nodes_of_nvidias_driver),
		test_both_ways(unknown_nodes_of_nvidias_driver),
		test_both_ways(processes_that_hold_nodes_open),
		test_both_ways(input_devices_may_be_taken_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
