/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-boot.h"

#define GRUB "/etc/default/grub"
#define TYPE "/proc/sys/kernel/bootloader_type"

static void evaluates_grub_and_its_drop_ins_in_order(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, GRUB,
		  "GRUB_DEFAULT=0\n"
		  "GRUB_DISTRIBUTOR=`( . /etc/os-release && echo ${NAME} )`\n"
		  "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"
		  "GRUB_CMDLINE_LINUX='console=tty0'\n");
	fake_file(state, "/etc/default/grub.d/zfs.cfg", "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX root=ZFS=rpool\"\n");
	fake_file(state, "/etc/default/grub.d/Z.cfg",
		  "GRUB_CMDLINE_LINUX_DEFAULT=\"${GRUB_CMDLINE_LINUX_DEFAULT} intel_iommu=on\"\n");
	fake_file(state, "/etc/default/grub.d/proxmox-kernel-pin.cfg", "GRUB_DEFAULT=\"advanced>6.5.13-1-pve\"\n");
	fake_file(state, "/etc/default/grub.d/zz.cfg.dpkg-old", "GRUB_CMDLINE_LINUX_DEFAULT=no\n");
	struct boot boot = read_boot(state, &arena);
	assert_string_equal(boot.grub.line, "console=tty0 root=ZFS=rpool quiet intel_iommu=on");
	assert_null(boot.grub.problem);
	assert_non_null(cmdline_find_item(&boot.grub.cmdline, "intel_iommu", "on"));
	assert_string_equal(boot.grub_default, "advanced>6.5.13-1-pve");
	assert_int(boot.grub.sources.count, 4);
	assert_string_equal(boot.grub.sources.items[1], "/etc/default/grub.d/Z.cfg");
	assert_int(boot.grub.setting_count, 4);
	assert_string_equal(boot.grub.settings[3].path, "/etc/default/grub.d/zfs.cfg");
	assert_int(boot.grub.settings[3].line, 1);
	assert_int(boot.grub.settings[0].line, 3);
	assert_int(boot.problems.count, 0);
}

/* A cloud image's drop-in replaces what /etc/default/grub says. */
static void a_drop_in_overrides(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, GRUB, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\n");
	fake_file(state, "/etc/default/grub.d/50-cloudimg-settings.cfg",
		  "\n# x\nGRUB_CMDLINE_LINUX_DEFAULT=\"console=tty1 console=ttyS0\"\n");
	struct boot boot = read_boot(state, &arena);
	assert_string_equal(boot.grub.line, "console=tty1 console=ttyS0");
	assert_string_equal(boot.grub.settings[1].path, "/etc/default/grub.d/50-cloudimg-settings.cfg");
	assert_int(boot.grub.settings[1].line, 3);
}

static void drop_ins_count_only_where_grub_reads_them(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, GRUB, "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n");
	fake_file(state, "/etc/default/grub.d/a.cfg", "GRUB_CMDLINE_LINUX_DEFAULT=other\n");
	fake_file(state, "/usr/bin/grub-mkconfig", "#!/bin/sh\n. ${sysconfdir}/default/grub\n");
	struct boot boot = read_boot(state, &arena);
	assert_string_equal(boot.grub.line, "quiet");
	assert_contains(boot.problems.items[0], "does not source that folder");
	fake_file(state, "/usr/sbin/grub-mkconfig", "for x in ${sysconfdir}/default/grub.d/*.cfg\n");
	boot = read_boot(state, &arena);
	assert_string_equal(boot.grub.line, "other");
	assert_int(boot.problems.count, 0);
}

static void what_needs_a_shell_is_not_known(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, GRUB, "GRUB_CMDLINE_LINUX=a\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet $(cat /etc/args)\"\n");
	struct boot boot = read_boot(state, &arena);
	assert_null(boot.grub.line);
	assert_contains(boot.grub.problem, "/etc/default/grub:2: it takes a command's output");
	assert_int(boot.grub.cmdline.count, 0);
	assert_true(fact_known(&boot.grub.file));
}

static void a_value_of_several_lines_is_not_known(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, GRUB, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\nintel_iommu=on\"\n");
	struct boot boot = read_boot(state, &arena);
	assert_null(boot.grub.line);
	assert_contains(boot.grub.problem, "/etc/default/grub:1: the value of GRUB_CMDLINE_LINUX_DEFAULT goes over");
}

static void a_source_that_cannot_be_read_leaves_nothing_known(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, GRUB, "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n");
	put_directory(state, "/etc/default/grub.d/a.cfg");
	struct boot boot = read_boot(state, &arena);
	assert_null(boot.grub.line);
	assert_contains(boot.grub.problem, "a.cfg: Is a directory");
}

static void line_ends_of_dos_are_told(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, GRUB, "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on\"\r\n");
	struct boot boot = read_boot(state, &arena);
	assert_contains(boot.problems.items[0], "CR LF");
	/* The kernel takes it for a blank. */
	assert_string_equal(cmdline_find(&boot.grub.cmdline, "intel_iommu")->value, "on");
}

static void no_grub_gives_no_line(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct boot boot = read_boot(state, &arena);
	assert_true(fact_absent(&boot.grub.file));
	assert_string_equal(boot.grub.path, GRUB);
	assert_null(boot.grub.line);
	assert_null(boot.grub.problem);
	/* One that sets nothing gives an empty line. */
	fake_file(state, GRUB, "GRUB_TIMEOUT=5\n");
	boot = read_boot(state, &arena);
	assert_string_equal(boot.grub.line, "");
}

static void only_the_first_line_counts_for_proxmox(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/etc/kernel/proxmox-boot-uuids", "4C7C-0D3A\n");
	fake_file(state, "/proc/cmdline", "initrd=\\EFI\\proxmox\\x\\initrd.img root=ZFS=rpool\n");
	fake_file(state, "/etc/kernel/cmdline", "root=ZFS=rpool boot=zfs\n\nintel_iommu=on\n");
	struct boot boot = read_boot(state, &arena);
	assert_string_equal(boot.kernel_cmdline.line, "root=ZFS=rpool boot=zfs");
	assert_int(boot.kernel_cmdline.lines, 2);
	assert_true(boot.kernel_cmdline.in_use);
	assert_null(cmdline_find(&boot.kernel_cmdline.cmdline, "intel_iommu"));
}

static void kernel_install_joins_the_lines(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_variable(state, LOADER_INFO, "systemd-boot 252");
	fake_file(state, "/etc/kernel/cmdline", "root=/dev/sda2\n# not this\n  intel_iommu=on\n");
	struct boot boot = read_boot(state, &arena);
	assert_int(boot.loader, BOOT_SYSTEMD_BOOT);
	assert_string_equal(boot.kernel_cmdline.line, "root=/dev/sda2 intel_iommu=on");
}

static void a_kernel_cmdline_without_newline_is_one(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/etc/kernel/cmdline", "root=/dev/sda2 iommu=pt,");
	struct boot boot = read_boot(state, &arena);
	assert_string_equal(boot.kernel_cmdline.line, "root=/dev/sda2 iommu=pt,");
	assert_int(boot.kernel_cmdline.lines, 1);
	assert_false(boot.kernel_cmdline.in_use);
}

/* Configured, but update-grub was not run. */
static void shows_what_grub_would_hand_over(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, TYPE, "114\n");
	fake_file(state, GRUB, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\n");
	fake_file(state, "/boot/grub/grub.cfg",
		  "menuentry 'a' {\n\tlinux\t/boot/vmlinuz-6.8.12-40-pve root=/dev/sda1 ro wrong\n}\n"
		  "menuentry 'b' {\n\tlinux\t/boot/vmlinuz-" RELEASE " root=/dev/sda1 ro quiet $vt_handoff\n}\n"
		  "menuentry 'b (recovery mode)' {\n\tlinux\t/boot/vmlinuz-" RELEASE " root=/dev/sda1 ro single\n}\n");
	struct boot boot = read_boot(state, &arena);
	assert_string_equal(boot.entry.path, "/boot/grub/grub.cfg");
	assert_string_equal(boot.entry.line, "root=/dev/sda1 ro quiet");
	assert_null(boot.entry.problem);
	assert_false(boot.entry.in_use);
	assert_null(cmdline_find(&boot.entry.cmdline, "intel_iommu"));
	assert_non_null(cmdline_find(&boot.grub.cmdline, "intel_iommu"));
}

static void puts_variables_of_grubs_environment_in(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, TYPE, "114\n");
	fake_file(state, "/boot/grub2/grub.cfg", "blscfg\n");
	fake_file(state, "/boot/grub2/grubenv", "# GRUB Environment Block\nkernelopts=root=/dev/sda1 ro quiet\n####");
	fake_file(state, "/boot/loader/entries/a-" RELEASE ".conf",
		  "version " RELEASE "\nlinux /vmlinuz-" RELEASE "\noptions $kernelopts $tuned_params\noptions x\n");
	fake_file(state, "/boot/loader/entries/a-0-rescue.conf", "version 0-rescue\nlinux /x\noptions rescue\n");
	struct boot boot = read_boot(state, &arena);
	assert_int(boot.loader, BOOT_BLS);
	assert_string_equal(boot.entry.line, "root=/dev/sda1 ro quiet x");
	assert_contains(boot.entry.problem, "$tuned_params is a variable of GRUB's");
}

static void an_entry_written_by_hand_is_what_is_edited(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_variable(state, LOADER_INFO, "systemd-boot 256");
	fake_file(state, "/boot/loader/entries/arch.conf",
		  "title\tArch\nlinux\t/vmlinuz-linux\ninitrd\t/initramfs-linux.img\noptions\troot=/dev/sda2 rw\n");
	struct boot boot = read_boot(state, &arena);
	assert_string_equal(boot.entry.path, "/boot/loader/entries/arch.conf");
	assert_string_equal(boot.entry.line, "root=/dev/sda2 rw");
	assert_true(boot.entry.in_use);
	assert_false(boot.kernel_cmdline.in_use);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(evaluates_grub_and_its_drop_ins_in_order),
		test_in_folder(a_drop_in_overrides),
		test_in_folder(drop_ins_count_only_where_grub_reads_them),
		test_in_folder(what_needs_a_shell_is_not_known),
		test_in_folder(a_value_of_several_lines_is_not_known),
		test_in_folder(a_source_that_cannot_be_read_leaves_nothing_known),
		test_in_folder(line_ends_of_dos_are_told),
		test_in_folder(no_grub_gives_no_line),
		test_in_folder(only_the_first_line_counts_for_proxmox),
		test_in_folder(kernel_install_joins_the_lines),
		test_in_folder(a_kernel_cmdline_without_newline_is_one),
		test_in_folder(shows_what_grub_would_hand_over),
		test_in_folder(puts_variables_of_grubs_environment_in),
		test_in_folder(an_entry_written_by_hand_is_what_is_edited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
