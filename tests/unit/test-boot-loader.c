/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-boot.h"

#define UUIDS "/etc/kernel/proxmox-boot-uuids"
#define TYPE "/proc/sys/kernel/bootloader_type"
#define PROXMOX_INITRD "initrd=\\EFI\\proxmox\\" RELEASE "\\initrd.img-" RELEASE " root=ZFS=rpool/ROOT/pve-1 boot=zfs\n"

static void assert_loader(const struct boot *boot, enum boot_loader wanted, const char *reason)
{
	if (boot->loader != wanted)
		fail_msg("%s (%s), wanted %s", boot_loader_name(boot->loader), boot->reason, boot_loader_name(wanted));
	assert_contains(boot->reason, reason);
}

static void fake_uefi(void *const *state)
{
	put_directory(state, "/sys/firmware/efi/efivars");
	fake_file(state, TYPE, "33\n");
}

static void knows_grub_by_the_kernels_own_word(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, TYPE, "114\n");
	fake_file(state, "/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-" RELEASE " root=/dev/mapper/pve-root ro quiet\n");
	fake_file(state, "/boot/grub/grub.cfg", "");
	/* These prove nothing. */
	fake_file(state, "/etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n");
	fake_file(state, "/usr/sbin/proxmox-boot-tool", "");
	fake_file(state, "/boot/efi/EFI/systemd/systemd-bootx64.efi", "");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_GRUB, "/proc/sys/kernel/bootloader_type: 114 (GRUB)");
	assert_true(boot.grub.in_use);
	assert_false(boot.kernel_cmdline.in_use);
	assert_true(fact_absent(&boot.efi));
	assert_true(fact_absent(&boot.esp_uuids));
}

static void knows_grub_on_uefi_by_boot_image(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_uefi(state);
	fake_file(state, "/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-" RELEASE " root=/dev/sda2\n");
	fake_file(state, "/boot/grub/grub.cfg", "");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_GRUB, "/proc/cmdline: BOOT_IMAGE=/boot/vmlinuz-" RELEASE);
	assert_true(fact_known(&boot.efi));
}

static void boot_image_without_grub_is_not_grub(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, TYPE, "52\n");
	fake_file(state, "/proc/cmdline", "BOOT_IMAGE=vmlinuz initrd=initrd.img\n");
	fake_file(state, "/boot/grub/grub.cfg", "");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_UNKNOWN, "SYSLINUX");
	unlink(in_folder(state, TYPE));
	unlink(in_folder(state, "/boot/grub/grub.cfg"));
	boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_UNKNOWN, "there is no grub.cfg");
}

static void knows_systemd_boot_by_the_firmwares_variable(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_uefi(state);
	fake_variable(state, LOADER_INFO, "systemd-boot 252.30-1~deb12u2");
	fake_file(state, "/proc/cmdline", "initrd=\\0123\\" RELEASE "\\initrd.img root=/dev/sda2 ro\n");
	fake_file(state, "/boot/grub/grub.cfg", "");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_SYSTEMD_BOOT, "systemd-boot 252.30-1~deb12u2");
	assert_false(boot.grub.in_use);
	assert_false(boot.kernel_cmdline.in_use);
	fake_file(state, "/etc/kernel/cmdline", "root=/dev/sda2 ro\n");
	boot = read_boot(state, &arena);
	assert_true(boot.kernel_cmdline.in_use);
}

static void grub_started_by_systemd_boot_is_grub(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_uefi(state);
	fake_variable(state, LOADER_INFO, "systemd-boot 255");
	fake_file(state, "/proc/cmdline", "BOOT_IMAGE=(hd0,gpt2)/vmlinuz-" RELEASE " root=/dev/sda2 ro\n");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_GRUB, "BOOT_IMAGE=(hd0,gpt2)");
}

static void a_loader_that_is_not_known_is_named(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_uefi(state);
	fake_variable(state, LOADER_INFO, "rEFInd 0.14.0.2");
	fake_file(state, "/proc/cmdline", "initrd=\\boot\\initramfs-linux.img root=/dev/sda2 ro\n");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_UNKNOWN, "'rEFInd 0.14.0.2'");
}

static void started_by_the_firmware_is_unknown(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_uefi(state);
	fake_file(state, "/proc/cmdline", "initrd=\\initramfs-linux.img root=/dev/sda2 ro\n");
	fake_file(state, "/boot/grub/grub.cfg", "");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_UNKNOWN, "started by UEFI, but no loader's name");
}

static void knows_the_loader_on_proxmox_esps(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_uefi(state);
	fake_file(state, UUIDS, "4C7C-0D3A\n4C7E-9A11\n");
	fake_file(state, "/etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n");
	fake_file(state, "/proc/cmdline", PROXMOX_INITRD);
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_PROXMOX_SYSTEMD_BOOT, "initrd=\\EFI\\proxmox\\");
	assert_true(boot.kernel_cmdline.in_use);
	assert_false(boot.grub.in_use);
	assert_string_equal(boot.esp_uuids.text, "4C7C-0D3A\n4C7E-9A11");

	/* Secure Boot: the same ESPs with GRUB, whatever /etc/kernel/cmdline says. */
	fake_file(state, "/proc/cmdline", "BOOT_IMAGE=/vmlinuz-" RELEASE " root=ZFS=/ROOT/pve-1 ro\n");
	boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_PROXMOX_GRUB, "/proc/cmdline: BOOT_IMAGE=/vmlinuz-" RELEASE);
	assert_true(boot.grub.in_use);
	assert_false(boot.kernel_cmdline.in_use);
}

/* Where /etc/kernel/cmdline is missing, proxmox-boot-tool takes /proc/cmdline: BOOT_IMAGE= of an old GRUB goes along. */
static void an_old_boot_image_does_not_hide_systemd_boot(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_uefi(state);
	fake_file(state, UUIDS, "4C7C-0D3A\n");
	fake_file(state, "/boot/grub/grub.cfg", "");
	fake_file(state, "/proc/cmdline",
		  "initrd=\\EFI\\proxmox\\x\\initrd.img-x BOOT_IMAGE=/vmlinuz-x root=/dev/sda3\n");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_PROXMOX_SYSTEMD_BOOT, "initrd=");
}

static void proxmox_esps_without_uefi_carry_grub(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, UUIDS, "4C7C-0D3A\n");
	fake_file(state, "/proc/cmdline", "root=ZFS=rpool/ROOT/pve-1\n");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_PROXMOX_GRUB, "without UEFI");
}

static void proxmox_esps_that_cannot_be_told_are_both(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_uefi(state);
	fake_file(state, UUIDS, "4C7C-0D3A\n");
	fake_file(state, "/proc/cmdline", "root=ZFS=rpool/ROOT/pve-1\n");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_PROXMOX_BOTH, "cannot be told");
	assert_true(boot.grub.in_use);
	assert_true(boot.kernel_cmdline.in_use);
	/* An ESP that is mounted tells. */
	fake_file(state, "/boot/efi/EFI/proxmox/grubx64.efi", "");
	boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_PROXMOX_GRUB, "grubx64.efi");
}

static void an_empty_list_of_esps_is_none(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, UUIDS, "\n");
	fake_file(state, TYPE, "114\n");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_GRUB, "114");
}

static void a_list_of_esps_that_cannot_be_read_leaves_it_unknown(void **state)
{
	AUTO_ARENA arena = { 0 };
	put_directory(state, UUIDS);
	fake_file(state, TYPE, "114\n");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_UNKNOWN, "not readable");
	assert_int(boot.problems.count, 1);
}

static void knows_entries_of_grub(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_uefi(state);
	fake_file(state, "/proc/cmdline", "BOOT_IMAGE=(hd0,gpt2)/vmlinuz-" RELEASE " root=UUID=1 ro\n");
	fake_file(state, "/boot/loader/entries/0123-" RELEASE ".conf",
		  "title Fedora\nversion " RELEASE "\nlinux /vmlinuz-" RELEASE "\noptions root=UUID=1 ro\n");
	fake_file(state, "/boot/grub2/grub.cfg", "insmod blscfg\nset x=y\n");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_GRUB, "BOOT_IMAGE");
	fake_file(state, "/boot/grub2/grub.cfg", "insmod blscfg\nblscfg\n");
	boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_BLS, "/boot/grub2/grub.cfg: blscfg");
	assert_true(boot.entry.in_use);
	assert_string_equal(boot.entry.line, "root=UUID=1 ro");
}

static void entries_of_systemd_boot_with_grubby_are_grubbys(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_uefi(state);
	fake_variable(state, LOADER_INFO, "systemd-boot 257");
	fake_file(state, "/usr/sbin/grubby", "");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_BLS, "systemd-boot 257");
}

static void knows_a_unified_kernel_image(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_uefi(state);
	fake_variable(state, LOADER_INFO, "systemd-boot 255");
	fake_variable(state, STUB_INFO, "systemd-stub 255");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_UKI, "systemd-stub 255");
}

static void knows_systems_that_make_all_of_it(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, TYPE, "114\n");
	fake_file(state, "/proc/cmdline", "BOOT_IMAGE=(hd0)/x ostree=/ostree/boot.1/x/0 ro\n");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_OSTREE, "ostree=/ostree/boot.1");
	fake_file(state, "/proc/cmdline", "ro\n");
	fake_file(state, "/run/ostree-booted", "");
	boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_OSTREE, "/run/ostree-booted");
	fake_file(state, "/etc/NIXOS", "");
	boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_NIXOS, "/etc/NIXOS");
}

static void a_hypervisor_that_starts_the_kernel_must_have_left_a_sign(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/proc/cmdline", "console=ttyS0\n");
	/* A disk with a whole system says nothing of what started this kernel. */
	fake_file(state, "/boot/grub/grub.cfg", "");
	fake_file(state, UUIDS, "4C7C-0D3A\n");
	fake_file(state, TYPE, "176\n");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_DIRECT, "bootloader_type: 176");
	/* OVMF hides it. */
	fake_uefi(state);
	fake_file(state, "/sys/firmware/qemu_fw_cfg/by_name/genroms/linuxboot_dma.bin/size", "1536\n");
	boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_DIRECT, "linuxboot_dma.bin");
	/* No sign. */
	fake_file(state, TYPE, "255\n");
	assert_int(file_remove_tree(in_folder(state, "/sys/firmware"), NULL), 0);
	unlink(in_folder(state, UUIDS));
	boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_UNKNOWN, "bootloader_type: 255");
}

static void a_system_that_does_not_run_is_known_by_its_files(void **state)
{
	AUTO_ARENA arena = { 0 };
	/* What the system that looks has mounted there. */
	fake_file(state, TYPE, "176\n");
	fake_file(state, "/proc/cmdline", PROXMOX_INITRD);
	struct boot boot = read_system(state, &arena, false);
	assert_loader(&boot, BOOT_UNKNOWN, "not running");
	assert_true(fact_unknown(&boot.efi));
	fake_file(state, "/boot/grub/grub.cfg", "");
	boot = read_system(state, &arena, false);
	assert_loader(&boot, BOOT_GRUB, "no other loader's files");
	fake_file(state, "/efi/loader/loader.conf", "");
	boot = read_system(state, &arena, false);
	assert_loader(&boot, BOOT_UNKNOWN, "or of several");
	unlink(in_folder(state, "/boot/grub/grub.cfg"));
	boot = read_system(state, &arena, false);
	assert_loader(&boot, BOOT_SYSTEMD_BOOT, "/efi/loader/loader.conf");
	fake_file(state, UUIDS, "4C7C-0D3A\n");
	boot = read_system(state, &arena, false);
	assert_loader(&boot, BOOT_PROXMOX_BOTH, UUIDS);
}

static void a_kernel_that_started_a_kernel_leaves_the_files(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, TYPE, "208\n");
	fake_file(state, "/proc/cmdline", "root=/dev/sda2\n");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_UNKNOWN, "kexec");
	fake_file(state, "/boot/grub/grub.cfg", "");
	boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_GRUB, "grub.cfg");
}

static void nothing_known_is_unknown(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_UNKNOWN, "/proc/cmdline");
	assert_false(boot.grub.in_use);
	assert_null(boot.grub.line);
	assert_null(boot.kernel_cmdline.line);
	assert_int(boot.problems.count, 0);
}

/* A variable of any length and content. */
static void a_broken_variable_names_nothing(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_uefi(state);
	fake_file(state, LOADER_INFO, "s\x01");
	fake_file(state, STUB_INFO ".not", "");
	struct boot boot = read_boot(state, &arena);
	assert_loader(&boot, BOOT_UNKNOWN, "''");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(knows_grub_by_the_kernels_own_word),
		test_in_folder(knows_grub_on_uefi_by_boot_image),
		test_in_folder(boot_image_without_grub_is_not_grub),
		test_in_folder(knows_systemd_boot_by_the_firmwares_variable),
		test_in_folder(grub_started_by_systemd_boot_is_grub),
		test_in_folder(a_loader_that_is_not_known_is_named),
		test_in_folder(started_by_the_firmware_is_unknown),
		test_in_folder(knows_the_loader_on_proxmox_esps),
		test_in_folder(an_old_boot_image_does_not_hide_systemd_boot),
		test_in_folder(proxmox_esps_without_uefi_carry_grub),
		test_in_folder(proxmox_esps_that_cannot_be_told_are_both),
		test_in_folder(an_empty_list_of_esps_is_none),
		test_in_folder(a_list_of_esps_that_cannot_be_read_leaves_it_unknown),
		test_in_folder(knows_entries_of_grub),
		test_in_folder(entries_of_systemd_boot_with_grubby_are_grubbys),
		test_in_folder(knows_a_unified_kernel_image),
		test_in_folder(knows_systems_that_make_all_of_it),
		test_in_folder(a_hypervisor_that_starts_the_kernel_must_have_left_a_sign),
		test_in_folder(a_system_that_does_not_run_is_known_by_its_files),
		test_in_folder(a_kernel_that_started_a_kernel_leaves_the_files),
		test_in_folder(nothing_known_is_unknown),
		test_in_folder(a_broken_variable_names_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
