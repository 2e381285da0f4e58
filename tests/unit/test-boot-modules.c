/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-boot.h"

static const struct boot_modprobe *find_line(const struct boot *boot, const char *command, const char *module)
{
	for (size_t i = 0; i < boot->modprobe_count; i++)
		if (strcmp(boot->modprobe[i].command, command) == 0 && strcmp(boot->modprobe[i].module, module) == 0)
			return &boot->modprobe[i];
	fail_msg("no line '%s %s'", command, module);
	return NULL;
}

static const struct boot_module *find_module(const struct boot *boot, const char *name, bool initramfs)
{
	for (size_t i = 0; i < boot->module_count; i++)
		if (strcmp(boot->modules[i].module, name) == 0 && boot->modules[i].initramfs == initramfs)
			return &boot->modules[i];
	return NULL;
}

static void reads_what_modprobe_is_told(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/etc/modprobe.d/vfio.conf",
		  "# options vfio-pci ids=0000:0000\n"
		  "options vfio-pci ids=10de:1b80,10de:10f0 \\\n  disable_vga=1\n"
		  "softdep nvidia pre: vfio-pci\n"
		  "\n"
		  "blacklist snd-hda-intel\n"
		  "install nvme /bin/false\n"
		  "alias a b\n"
		  "options\tkvm_intel\tnested=0");
	struct boot boot = read_boot(state, &arena);
	assert_int(boot.modprobe_count, 5);
	const struct boot_modprobe *line = find_line(&boot, "options", "vfio_pci");
	assert_string_equal(line->path, "/etc/modprobe.d/vfio.conf");
	assert_int(line->line, 2);
	assert_string_equal(line->rest, "ids=10de:1b80,10de:10f0   disable_vga=1");
	line = find_line(&boot, "softdep", "nvidia");
	assert_int(line->line, 4);
	assert_string_equal(line->rest, "pre: vfio-pci");
	assert_string_equal(find_line(&boot, "blacklist", "snd_hda_intel")->rest, "");
	assert_string_equal(find_line(&boot, "install", "nvme")->rest, "/bin/false");
	assert_string_equal(find_line(&boot, "options", "kvm_intel")->rest, "nested=0");
	assert_int(boot.problems.count, 0);
}

/* The separator that is wrong in many a guide stays to be seen. */
static void keeps_options_as_they_stand(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/etc/modprobe.d/vfio.conf", "options vfio-pci ids=10de,1e04\n");
	struct boot boot = read_boot(state, &arena);
	assert_string_equal(find_line(&boot, "options", "vfio_pci")->rest, "ids=10de,1e04");
}

static void tells_lines_that_modprobe_ignores(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/etc/modprobe.d/vfio.conf", "\noption vfio-pci ids=10de:1e04\noptions\n  # x\n");
	fake_file(state, "/etc/modprobe.d/vfio.conf.bak", "options vfio-pci ids=10de:1e05\n");
	struct boot boot = read_boot(state, &arena);
	assert_int(boot.modprobe_count, 0);
	assert_int(boot.problems.count, 3);
	assert_contains(boot.problems.items[0], "/etc/modprobe.d/vfio.conf:2: modprobe ignores this line: 'option'");
	assert_contains(boot.problems.items[1], "/etc/modprobe.d/vfio.conf:3:");
}

static void files_of_the_same_name_override(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/usr/lib/modprobe.d/a.conf", "blacklist one\n");
	fake_file(state, "/usr/lib/modprobe.d/b.conf", "blacklist two\n");
	fake_file(state, "/lib/modprobe.d/c.conf", "blacklist three\n");
	fake_file(state, "/usr/lib/modprobe.d/d.conf", "blacklist four\n");
	fake_file(state, "/etc/modprobe.d/a.conf", "blacklist five\n");
	fake_link(state, "/etc/modprobe.d/b.conf", "/dev/null");
	fake_file(state, "/run/modprobe.d/d.conf", "");
	struct boot boot = read_boot(state, &arena);
	assert_int(boot.modprobe_count, 2);
	assert_string_equal(boot.modprobe[0].module, "five");
	assert_string_equal(boot.modprobe[1].module, "three");
	assert_int(boot.problems.count, 0);
}

static void reads_modules_for_the_start(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/etc/modules", "# x\nvfio\nvfio-pci ids=10de:1b80\n");
	fake_link(state, "/etc/modules-load.d/modules.conf", "../modules");
	fake_file(state, "/usr/lib/modules-load.d/qemu-server.conf", "; x\nvhost_net\n");
	fake_file(state, "/etc/initramfs-tools/modules", "vfio_virqfd\n");
	struct boot boot = read_boot(state, &arena);
	assert_int(boot.module_count, 4);
	const struct boot_module *module = find_module(&boot, "vfio_pci", false);
	assert_string_equal(module->path, "/etc/modules");
	assert_int(module->line, 3);
	assert_non_null(find_module(&boot, "vhost_net", false));
	module = find_module(&boot, "vfio_virqfd", true);
	assert_string_equal(module->path, "/etc/initramfs-tools/modules");
	assert_int(module->line, 1);
}

static void reads_modules_of_dracut_and_mkinitcpio(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/etc/dracut.conf.d/vfio.conf", "# x\nforce_drivers+=\" vfio_pci vfio vfio_iommu_type1 \"\n");
	fake_file(state, "/usr/lib/dracut/dracut.conf.d/50-a.conf", "add_drivers+=\" xhci-pci \"\n");
	fake_file(state, "/etc/mkinitcpio.conf",
		  "# MODULES=(wrong)\nMODULES=(first)\nMODULES=(vfio_pci\n vfio_virqfd)\n");
	fake_file(state, "/etc/mkinitcpio.conf.d/a.conf", "MODULES+=(kvm)\n");
	struct boot boot = read_boot(state, &arena);
	assert_int(boot.module_count, 7);
	assert_null(find_module(&boot, "first", true));
	assert_non_null(find_module(&boot, "xhci_pci", true));
	const struct boot_module *module = find_module(&boot, "vfio_iommu_type1", true);
	assert_string_equal(module->path, "/etc/dracut.conf.d/vfio.conf");
	assert_int(module->line, 2);
	assert_string_equal(find_module(&boot, "vfio_virqfd", true)->path, "/etc/mkinitcpio.conf");
	assert_string_equal(find_module(&boot, "kvm", true)->path, "/etc/mkinitcpio.conf.d/a.conf");
	assert_int(boot.problems.count, 0);
}

static void tells_lists_that_only_a_shell_knows(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/etc/dracut.conf", "add_drivers+=\" $(ls) \"\n");
	struct boot boot = read_boot(state, &arena);
	assert_int(boot.module_count, 0);
	assert_int(boot.problems.count, 1);
	assert_contains(boot.problems.items[0], "/etc/dracut.conf:1: it takes a command's output");
}

static void tells_an_initramfs_that_is_older_than_its_configuration(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/boot/initrd.img-" RELEASE, "");
	fake_file(state, "/etc/modprobe.d/a.conf", "blacklist a\n");
	fake_file(state, "/etc/modprobe.d/b.conf", "blacklist b\n");
	fake_file(state, "/etc/modules", "vfio\n");
	fake_file(state, "/run/modprobe.d/r.conf", "");
	fake_time(state, "/boot/initrd.img-" RELEASE, 1700000000);
	fake_time(state, "/etc/modprobe.d/a.conf", 1700000500);
	fake_time(state, "/etc/modprobe.d/b.conf", 1700000400);
	struct boot boot = read_boot(state, &arena);
	assert_int(boot.initramfs.state, FACT_KNOWN);
	assert_string_equal(boot.initramfs.path, "/boot/initrd.img-" RELEASE);
	assert_int(boot.initramfs.number, 1700000000);
	assert_string_equal(boot.newest_modprobe, "/etc/modprobe.d/a.conf");
	assert_int(boot.newest_modprobe_time, 1700000500);
}

static void finds_the_initramfs_of_other_systems(void **state)
{
	AUTO_ARENA arena = { 0 };
	static const char *const paths[] = { "/efi/0123/" RELEASE "/initrd", "/boot/initramfs-linux-lts.img",
					     "/boot/initrd-" RELEASE, "/boot/initramfs-" RELEASE ".img" };
	struct boot boot = read_boot(state, &arena);
	assert_true(fact_absent(&boot.initramfs));
	fake_file(state, "/etc/machine-id", "0123\n");
	fake_file(state, "/usr/lib/modules/" RELEASE "/pkgbase", "linux-lts\n");
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		fake_file(state, paths[i], "");
		boot = read_boot(state, &arena);
		assert_string_equal(boot.initramfs.path, paths[i]);
		assert_int(boot.initramfs.state, FACT_KNOWN);
	}
}

static void tells_what_it_could_not_read(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/etc/modprobe.d/a.conf", "options kvm_intel nested=1\n");
	struct boot boot = read_boot(state, &arena);
	assert_int(boot.modprobe_unread.state, FACT_UNASKED);
	assert_int(boot.modules_unread.state, FACT_UNASKED);
	fake_file(state, "/etc/modprobe.d/b.conf/this-is-a-folder", "");
	fake_file(state, "/etc/modules/so-is-this", "");
	boot = read_boot(state, &arena);
	assert_string_equal(boot.modprobe_unread.path, "/etc/modprobe.d/b.conf");
	assert_string_equal(boot.modules_unread.path, "/etc/modules");
}

static void sorts_kernels_by_their_versions(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct boot boot;
	fake_file(state, "/boot/vmlinuz-6.8.12-10-pve", "");
	fake_file(state, "/boot/vmlinuz-6.8.12-4-pve", "");
	fake_file(state, "/boot/vmlinuz-5.15.158-2-pve", "");
	fake_file(state, "/boot/vmlinuz-0-rescue-0123", "");
	fake_file(state, "/boot/initrd.img-6.8.12-10-pve", "");
	fake_file(state, "/etc/kernel/proxmox-boot-pin", "5.15.158-2-pve\n");
	open_system(state, &root, true);
	boot_read(&root, &arena, NULL, &boot);
	assert_int(boot.kernels.count, 3);
	assert_string_equal(boot.kernels.items[0], "5.15.158-2-pve");
	assert_string_equal(boot.kernels.items[2], "6.8.12-10-pve");
	assert_string_equal(boot.pinned_kernel.text, "5.15.158-2-pve");
	/* Which kernel runs is not known: that of the newest. */
	assert_string_equal(boot.initramfs.path, "/boot/initrd.img-6.8.12-10-pve");
	fake_file(state, "/etc/kernel/next-boot-pin", "6.8.12-4-pve\n");
	boot_read(&root, &arena, NULL, &boot);
	assert_string_equal(boot.pinned_kernel.text, "6.8.12-4-pve");
	assert_string_equal(boot.pinned_kernel.path, "/etc/kernel/next-boot-pin");
}

static void no_kernel_leaves_the_initramfs_unknown(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct boot boot;
	open_system(state, &root, true);
	boot_read(&root, &arena, NULL, &boot);
	assert_true(fact_unknown(&boot.initramfs));
	assert_true(fact_absent(&boot.pinned_kernel));
	assert_null(boot.newest_modprobe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(reads_what_modprobe_is_told),
		test_in_folder(keeps_options_as_they_stand),
		test_in_folder(tells_lines_that_modprobe_ignores),
		test_in_folder(files_of_the_same_name_override),
		test_in_folder(reads_modules_for_the_start),
		test_in_folder(reads_modules_of_dracut_and_mkinitcpio),
		test_in_folder(tells_lists_that_only_a_shell_knows),
		test_in_folder(tells_an_initramfs_that_is_older_than_its_configuration),
		test_in_folder(finds_the_initramfs_of_other_systems),
		test_in_folder(tells_what_it_could_not_read),
		test_in_folder(sorts_kernels_by_their_versions),
		test_in_folder(no_kernel_leaves_the_initramfs_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
