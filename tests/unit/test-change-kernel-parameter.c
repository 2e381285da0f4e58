/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-boot.h"

#include <errno.h>

#include "change/makers.h"

#define CMDLINE "/etc/kernel/cmdline"
#define PROXMOX_BOOT "initrd=\\EFI\\proxmox\\" RELEASE "\\initrd.img-" RELEASE " root=ZFS=rpool/ROOT/pve-1 boot=zfs\n"
#define WITH_GRUB "BOOT_IMAGE=/boot/vmlinuz-" RELEASE " root=/dev/sda1 quiet\n"

/* The texts of all changes, one behind the other; or the error's. */
static const char *plan_text(void *const *state, struct arena *arena, const struct parameter_change *changes,
			     size_t count, int wanted)
{
	AUTO_ROOT root = ROOT_NONE;
	struct boot boot;
	struct plan plan;
	struct error error;
	struct buffer text = { .arena = arena };
	open_system(state, &root, true);
	boot_read(&root, arena, RELEASE, &boot);
	plan_begin(&plan, &root, arena);
	int r = make_kernel_parameters(&plan, &boot, changes, count, &error);
	if (r != wanted)
		fail_msg("%d, wanted %d: %s", r, wanted, r < 0 ? error.text : "");
	buffer_puts(&text, r < 0 ? error.text : "");
	for (size_t i = 0; i < plan.count && r == 0; i++)
		buffer_puts(&text, change_text(arena, &plan.items[i]));
	return arena_strdup(arena, text.text);
}

static const char *set(void *const *state, struct arena *arena, const char *word, int wanted)
{
	const struct parameter_change change = { word, false };
	return plan_text(state, arena, &change, 1, wanted);
}

static const char *take_away(void *const *state, struct arena *arena, const char *word, int wanted)
{
	const struct parameter_change change = { word, true };
	return plan_text(state, arena, &change, 1, wanted);
}

static void fake_debian(void *const *state, const char *defaults)
{
	fake_file(state, "/proc/cmdline", WITH_GRUB);
	fake_file(state, "/proc/sys/kernel/bootloader_type", "114\n");
	fake_file(state, "/boot/grub/grub.cfg", "");
	fake_file(state, "/usr/sbin/update-grub", "");
	fake_file(state, "/usr/sbin/grub-mkconfig", "for x in ${sysconfdir}/default/grub.d/*.cfg ; do\n");
	fake_file(state, "/etc/default/grub", defaults);
}

static void grub_gets_a_file_of_our_own(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_debian(state, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
	const char *text = set(state, &arena, "intel_iommu=on", 0);
	assert_contains(text, "+++ /etc/default/grub.d/zz-nestpci.cfg\n");
	assert_contains(text, "+GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on\" # nestpci\n"
			      "update-grub\n");
	assert_null(strstr(text, "/etc/default/grub\n"));
}

static void grub_that_has_it_is_left_alone(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_debian(state, "GRUB_CMDLINE_LINUX=\"intel_iommu=on\"\n");
	assert_string_equal(set(state, &arena, "intel_iommu=on", 0), "");
	assert_string_equal(take_away(state, &arena, "quiet", 0), "");
}

static void what_another_file_says_otherwise_is_taken_out_there(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_debian(state,
		    "GRUB_CMDLINE_LINUX=\"intel_iommu=off\"\nGRUB_CMDLINE_LINUX_DEFAULT='quiet intel_iommu=off'\n");
	fake_file(state, "/etc/default/grub.d/50-cloud.cfg",
		  "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT console=ttyS0\"\n");
	const char *text = set(state, &arena, "intel_iommu=on", 0);
	assert_contains(text, "+GRUB_CMDLINE_LINUX=\"\"\n+GRUB_CMDLINE_LINUX_DEFAULT='quiet'\n");
	assert_contains(text, "intel_iommu=on\" # nestpci\n");
	assert_null(strstr(text, "50-cloud"));
}

static void what_cannot_be_taken_out_safely_is_left_to_people(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_debian(state, "MINE=intel_iommu=off\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet $MINE\"\n");
	assert_contains(set(state, &arena, "intel_iommu=on", -ENOTSUP),
			"gives 'intel_iommu=off', but not as plain text");
}

static void nothing_is_taken_away_where_not_all_is_known(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_debian(state, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=off $(hostname)\"\n");
	assert_contains(take_away(state, &arena, "intel_iommu", -ENOTSUP), "not wholly known");
	assert_contains(set(state, &arena, "intel_iommu=on", 0), "LINUX_DEFAULT intel_iommu=on\" # nestpci\n");
}

static void two_makers_may_take_out_the_same_word(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct boot boot;
	struct plan plan;
	struct error error;
	const struct parameter_change changes[] = { { "intel_iommu=on", false }, { "intel_iommu=off", true } };
	fake_debian(state, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=off\"\n");
	open_system(state, &root, true);
	boot_read(&root, &arena, RELEASE, &boot);
	plan_begin(&plan, &root, &arena);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (make_kernel_parameters(&plan, &boot, &changes[i], 1, &error) < 0)
			fail_msg("%s", error.text);
	assert_int(plan.count, 3);
	assert_contains(change_text(&arena, &plan.items[0]), "+GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
}

static void wishes_that_contradict_each_other_are_refused(void **state)
{
	AUTO_ARENA arena = { 0 };
	const struct parameter_change two[] = { { "iommu=pt", false }, { "iommu=off", false } };
	const struct parameter_change both[] = { { "iommu=pt", false }, { "iommu", true } };
	const struct parameter_change fine[] = { { "iommu=pt", false }, { "iommu=off", true }, { "iommu=pt", false } };
	fake_debian(state, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
	assert_contains(plan_text(state, &arena, two, 2, -EINVAL), "'iommu=pt' and 'iommu=off'");
	assert_contains(plan_text(state, &arena, both, 2, -EINVAL), "contradict each other");
	assert_contains(plan_text(state, &arena, fine, 3, 0), "LINUX_DEFAULT iommu=pt\" # nestpci\n");
}

static void our_own_file_is_edited_and_goes_when_it_is_empty(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_debian(state, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
	fake_file(
		state, "/etc/default/grub.d/zz-nestpci.cfg",
		"# mine\nGRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=off iommu=pt\" # nestpci\n");
	assert_contains(
		set(state, &arena, "intel_iommu=on", 0),
		"+GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT iommu=pt intel_iommu=on\" # nestpci\n");
	assert_contains(take_away(state, &arena, "iommu", 0), "LINUX_DEFAULT intel_iommu=off\" # nestpci\n");
}

static void grub_without_drop_ins_gets_a_line_of_our_own(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_debian(state, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"");
	fake_file(state, "/usr/sbin/grub-mkconfig", "");
	unlink(in_folder(state, "/usr/sbin/update-grub"));
	const char *text = set(state, &arena, "iommu=pt", 0);
	assert_contains(text, "+++ /etc/default/grub\n");
	assert_contains(text, "+GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT iommu=pt\" # nestpci\n"
			      "grub-mkconfig -o /boot/grub/grub.cfg\n");
}

static void fake_proxmox(void *const *state, const char *running)
{
	put_directory(state, "/sys/firmware/efi/efivars");
	fake_file(state, "/etc/kernel/proxmox-boot-uuids", "1234-ABCD\n");
	fake_file(state, "/proc/cmdline", running);
}

static void proxmox_with_systemd_boot_gets_its_first_line_edited(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_proxmox(state, PROXMOX_BOOT);
	fake_file(state, CMDLINE, "root=ZFS=rpool/ROOT/pve-1 boot=zfs\nsecond line\n");
	assert_string_equal(set(state, &arena, "intel_iommu=on", 0),
			    "--- /etc/kernel/cmdline\n+++ /etc/kernel/cmdline\n@@ -1,2 +1,2 @@\n"
			    "-root=ZFS=rpool/ROOT/pve-1 boot=zfs\n"
			    "+root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on\n second line\n"
			    "proxmox-boot-tool refresh\n");
}

static void a_missing_cmdline_is_made_from_the_running_one(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_proxmox(state, PROXMOX_BOOT);
	assert_string_equal(set(state, &arena, "iommu=pt", 0),
			    "--- /dev/null\n+++ /etc/kernel/cmdline\n@@ -0,0 +1 @@\n"
			    "+root=ZFS=rpool/ROOT/pve-1 boot=zfs iommu=pt\nproxmox-boot-tool refresh\n");
}

static void a_cmdline_without_root_is_not_touched(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_proxmox(state, PROXMOX_BOOT);
	fake_file(state, CMDLINE, "quiet\n");
	assert_contains(set(state, &arena, "iommu=pt", -ENOTSUP), "no root= parameter");
	/* It stops 'proxmox-boot-tool refresh' for GRUB on the ESPs, too. */
	fake_file(state, "/proc/cmdline", WITH_GRUB);
	assert_contains(set(state, &arena, "iommu=pt", -ENOTSUP), "no root= parameter");
}

static void proxmox_with_grub_gets_the_file_and_a_refresh(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_proxmox(state, WITH_GRUB);
	fake_file(state, "/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n");
	fake_file(state, CMDLINE, "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n");
	const char *text = set(state, &arena, "iommu=pt", 0);
	assert_contains(text, "+++ /etc/default/grub.d/zz-nestpci.cfg\n");
	assert_contains(text, "\nproxmox-boot-tool refresh\n");
	assert_null(strstr(text, CMDLINE));
}

static void where_either_may_boot_both_are_kept_the_same(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_proxmox(state, "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n");
	fake_file(state, "/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n");
	fake_file(state, CMDLINE, "root=ZFS=rpool/ROOT/pve-1 boot=zfs");
	const char *text = set(state, &arena, "iommu=pt", 0);
	assert_contains(text, "+++ /etc/default/grub.d/zz-nestpci.cfg\n");
	assert_contains(text, "+root=ZFS=rpool/ROOT/pve-1 boot=zfs iommu=pt\n\\ No newline at end of file\n");
}

static void fake_systemd_boot(void *const *state, const char *entry)
{
	put_directory(state, "/sys/firmware/efi/efivars");
	fake_file(state, "/proc/sys/kernel/bootloader_type", "33\n");
	fake_variable(state, LOADER_INFO, "systemd-boot 252.30-1~deb12u2");
	fake_file(state, "/proc/cmdline", "initrd=\\0123\\" RELEASE "\\initrd.img root=/dev/sda2 ro\n");
	fake_file(state, "/boot/vmlinuz-" RELEASE, "");
	fake_file(state, entry,
		  "title x\nversion " RELEASE "\nlinux /0123/" RELEASE "/linux\noptions root=/dev/sda2 ro\n");
}

static void systemd_boot_gets_its_entries_by_kernel_install(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_systemd_boot(state, "/boot/efi/loader/entries/0123-" RELEASE ".conf");
	fake_file(state, CMDLINE, "# a comment\nroot=/dev/sda2\nro\n");
	const char *text = set(state, &arena, "iommu=pt", 0);
	assert_contains(text, "+root=/dev/sda2 iommu=pt\n");
	assert_contains(
		text,
		"\nfor file in /boot/vmlinuz-*; do kernel-install add \"${file#/boot/vmlinuz-}\" \"$file\"; done\n");
}

static void entries_that_people_wrote_are_left_to_them(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_systemd_boot(state, "/boot/loader/entries/arch.conf");
	assert_contains(set(state, &arena, "iommu=pt", -ENOTSUP), "edit the line 'options' of the entries yourself");
}

static void fake_bls(void *const *state, const char *options)
{
	fake_file(state, "/proc/cmdline", "BOOT_IMAGE=(hd0,gpt2)/vmlinuz-" RELEASE " root=/dev/sda2 iommu=off\n");
	fake_file(state, "/boot/grub2/grub.cfg", "insmod blscfg\nblscfg\n");
	fake_file(state, "/usr/sbin/grubby", "");
	fake_file(state, "/boot/vmlinuz-" RELEASE, "");
	fake_file(state, "/boot/loader/entries/0123-" RELEASE ".conf", options);
}

static void entries_of_bls_are_grubbys(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_bls(state, "version " RELEASE "\nlinux /vmlinuz-" RELEASE "\noptions root=/dev/sda2 iommu=off quiet\n");
	assert_string_equal(set(state, &arena, "intel_iommu=on", 0),
			    "grubby '--update-kernel=ALL' '--args=intel_iommu=on'\n");
	assert_string_equal(set(state, &arena, "iommu=off", 0), "");
	assert_string_equal(take_away(state, &arena, "quiet", 0),
			    "grubby '--update-kernel=ALL' '--remove-args=quiet'\n");
}

static void grubby_is_undone_by_what_was_there(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct boot boot;
	struct plan plan;
	const struct parameter_change changes[] = { { "iommu=pt", false }, { "quiet", true }, { "x=1", false } };
	fake_bls(state, "version " RELEASE "\nlinux /vmlinuz-" RELEASE "\noptions root=/dev/sda2 iommu=off quiet\n");
	open_system(state, &root, true);
	boot_read(&root, &arena, RELEASE, &boot);
	plan_begin(&plan, &root, &arena);
	assert_int(make_kernel_parameters(&plan, &boot, changes, ARRAY_SIZE(changes), NULL), 0);
	assert_int(plan.count, 3);
	assert_string_equal(plan.items[0].undo[2], "--args=iommu=off");
	assert_string_equal(plan.items[1].undo[2], "--args=quiet");
	assert_string_equal(plan.items[2].undo[2], "--remove-args=x=1");
}

static void a_further_one_of_a_name_is_not_left_to_grubby(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_bls(state, "version " RELEASE "\nlinux /vmlinuz-" RELEASE "\noptions root=/dev/sda2 console=tty0\n");
	assert_contains(set(state, &arena, "console=ttyS0", -ENOTSUP), "grubby");
	assert_string_equal(set(state, &arena, "console=tty0", 0), "");
}

static void systems_that_are_generated_are_refused_with_advice(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/proc/cmdline", "root=x\n");
	fake_file(state, "/etc/NIXOS", "");
	assert_contains(set(state, &arena, "iommu=pt", -ENOTSUP), "boot.kernelParams = [ \"iommu=pt\" ]");
	unlink(in_folder(state, "/etc/NIXOS"));
	fake_file(state, "/proc/cmdline", "BOOT_IMAGE=x ostree=/ostree/boot.1/x/0\n");
	assert_contains(set(state, &arena, "iommu=pt", -ENOTSUP), "rpm-ostree kargs");
	fake_file(state, "/proc/cmdline", "root=x\n");
	assert_contains(set(state, &arena, "iommu=pt", -ENOTSUP), "not known which boot loader");
	fake_file(state, "/proc/sys/kernel/bootloader_type", "176\n");
	assert_contains(set(state, &arena, "iommu=pt", -ENOTSUP), "the hypervisor itself started this kernel");
}

static void a_unified_image_is_refused_with_advice(void **state)
{
	AUTO_ARENA arena = { 0 };
	put_directory(state, "/sys/firmware/efi/efivars");
	fake_file(state, "/proc/cmdline", "root=x\n");
	fake_variable(state, STUB_INFO, "systemd-stub 252");
	assert_contains(set(state, &arena, "iommu=pt", -ENOTSUP), "unified kernel image");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(grub_gets_a_file_of_our_own),
		test_in_folder(grub_that_has_it_is_left_alone),
		test_in_folder(what_another_file_says_otherwise_is_taken_out_there),
		test_in_folder(what_cannot_be_taken_out_safely_is_left_to_people),
		test_in_folder(nothing_is_taken_away_where_not_all_is_known),
		test_in_folder(two_makers_may_take_out_the_same_word),
		test_in_folder(wishes_that_contradict_each_other_are_refused),
		test_in_folder(our_own_file_is_edited_and_goes_when_it_is_empty),
		test_in_folder(grub_without_drop_ins_gets_a_line_of_our_own),
		test_in_folder(proxmox_with_systemd_boot_gets_its_first_line_edited),
		test_in_folder(a_missing_cmdline_is_made_from_the_running_one),
		test_in_folder(a_cmdline_without_root_is_not_touched),
		test_in_folder(proxmox_with_grub_gets_the_file_and_a_refresh),
		test_in_folder(where_either_may_boot_both_are_kept_the_same),
		test_in_folder(systemd_boot_gets_its_entries_by_kernel_install),
		test_in_folder(entries_that_people_wrote_are_left_to_them),
		test_in_folder(entries_of_bls_are_grubbys),
		test_in_folder(grubby_is_undone_by_what_was_there),
		test_in_folder(a_further_one_of_a_name_is_not_left_to_grubby),
		test_in_folder(systems_that_are_generated_are_refused_with_advice),
		test_in_folder(a_unified_image_is_refused_with_advice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
