/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judging boot loader, modprobe.d and initramfs. */
#include "check-model.h"

static void set_configured(struct model *m, const char *line)
{
	set_boot_line(m, &m->boot.kernel_cmdline, "/etc/kernel/cmdline", line);
	m->boot.kernel_cmdline.in_use = true;
}

static void set_entry(struct model *m, const char *line)
{
	set_boot_line(m, &m->boot.entry, "/boot/loader/entries/proxmox.conf", line);
}

static void use_grub(struct model *m, const char *line)
{
	m->boot.loader = BOOT_GRUB;
	set_boot_line(m, &m->boot.grub, "/etc/default/grub", line);
	m->boot.grub.in_use = true;
	m->boot.kernel_cmdline.in_use = false;
}

static void an_unknown_loader_is_unknown_with_the_reason(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->boot.loader = BOOT_UNKNOWN;
	m->boot.kernel_cmdline.in_use = false;
	m->boot.reason = "two ESPs, and neither is mounted";
	assert_verdict(m, "boot-loader-known", VERDICT_UNKNOWN, "which boot loader");
	assert_evidence(m, "boot-loader-known", "neither is mounted");
	/* One cause, one line. */
	assert_verdict(m, "boot-parameters-in-force", VERDICT_NA, "see boot-loader-known");
	assert_verdict(m, "boot-parameters-elsewhere", VERDICT_NA, "see boot-loader-known");
	assert_verdict(m, "boot-both-files", VERDICT_NA, "see boot-loader-known");
	assert_int(count_verdicts(m, VERDICT_UNKNOWN), 1);
}

static void a_container_has_no_boot_loader(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->host.machine.container = fact_with("/run/systemd/container", "lxc", 0);
	assert_verdict(m, "boot-loader-known", VERDICT_NA, "container");
	assert_verdict(m, "boot-vfio-ids", VERDICT_NA, "container");
}

static void what_is_set_but_not_generated_needs_the_command(void **state)
{
	struct model *m = *state;
	make_l0(m);
	set_configured(m, "root=x intel_iommu=on quiet");
	set_entry(m, "root=x quiet");
	assert_verdict(m, "boot-parameters-in-force", VERDICT_WARN, "set, but not in force: intel_iommu=on");
	assert_string_equal(find_finding(m, "boot-parameters-in-force")->remedy,
			    "run 'proxmox-boot-tool refresh', then reboot");
	assert_evidence(m, "boot-parameters-in-force", "/proc/cmdline");
}

static void what_is_generated_but_not_booted_needs_a_reboot(void **state)
{
	struct model *m = *state;
	make_l0(m);
	set_configured(m, "root=x intel_iommu=on");
	set_entry(m, "root=x intel_iommu=on");
	assert_verdict(m, "boot-parameters-in-force", VERDICT_WARN, NULL);
	assert_contains(find_finding(m, "boot-parameters-in-force")->remedy, "reboot: the boot loader has it");
}

static void what_is_booted_but_not_set_will_be_lost(void **state)
{
	struct model *m = *state;
	make_l0(m);
	set_cmdline(m, "root=x intel_iommu=on");
	assert_verdict(m, "boot-parameters-in-force", VERDICT_WARN, "in force, but not set: intel_iommu=on");
	assert_int(find_finding(m, "boot-parameters-in-force")->restart, RESTART_NONE);
}

static void other_parameters_and_other_spellings_do_not_matter(void **state)
{
	struct model *m = *state;
	make_l0(m);
	set_cmdline(m, "BOOT_IMAGE=/vmlinuz root=y quiet vfio-pci.ids=10de:1b80");
	set_configured(m, "root=x splash vfio_pci.ids=10de:1b80");
	assert_verdict(m, "boot-parameters-in-force", VERDICT_PASS, NULL);
}

static void a_line_that_only_a_shell_understands_is_unknown(void **state)
{
	struct model *m = *state;
	make_l0(m);
	use_grub(m, "");
	m->boot.grub.line = NULL;
	m->boot.grub.problem = "/etc/default/grub:9: $(cat /x)";
	assert_verdict(m, "boot-parameters-in-force", VERDICT_UNKNOWN, NULL);
	/* What is sure of it counts; what is not there may be. */
	use_grub(m, "iommu=pt");
	m->boot.grub.problem = "/etc/default/grub:9: $(cat /x)";
	assert_verdict(m, "boot-parameters-in-force", VERDICT_WARN, "not in force: iommu=pt");
	set_cmdline(m, "iommu=pt intel_iommu=on");
	assert_verdict(m, "boot-parameters-in-force", VERDICT_UNKNOWN, "what else");
}

/* /etc/kernel/cmdline is there on machines that boot by GRUB. */
static void a_file_that_is_there_is_not_in_use_for_that(void **state)
{
	struct model *m = *state;
	make_l0(m);
	use_grub(m, "quiet");
	set_boot_line(m, &m->boot.kernel_cmdline, "/etc/kernel/cmdline", "root=x intel_iommu=on");
	assert_verdict(m, "boot-parameters-elsewhere", VERDICT_WARN, "intel_iommu=on in /etc/kernel/cmdline");
	assert_contains(find_finding(m, "boot-parameters-elsewhere")->remedy, "/etc/default/grub");
	assert_contains(find_finding(m, "boot-parameters-elsewhere")->remedy, "update-grub");
	assert_verdict(m, "boot-cmdline-one-line", VERDICT_NA, "not in use");
	use_grub(m, "quiet intel_iommu=on");
	set_boot_line(m, &m->boot.kernel_cmdline, "/etc/kernel/cmdline", "root=x intel_iommu=on");
	assert_verdict(m, "boot-parameters-elsewhere", VERDICT_PASS, NULL);
}

static void grub_on_the_wrong_machine_is_named(void **state)
{
	struct model *m = *state;
	make_l0(m);
	set_boot_line(m, &m->boot.grub, "/etc/default/grub", "quiet intel_iommu=on");
	assert_verdict(m, "boot-parameters-elsewhere", VERDICT_WARN, "/etc/default/grub");
	assert_contains(find_finding(m, "boot-parameters-elsewhere")->remedy, "/etc/kernel/cmdline");
}

static void a_parameter_is_put_where_its_assignment_stands(void **state)
{
	struct assignment settings[] = {
		{ .path = "/etc/default/grub", .line = 10, .name = "GRUB_CMDLINE_LINUX_DEFAULT", .added = "quiet" },
		{ .path = "/etc/default/grub.d/50-cloud.cfg",
		  .line = 2,
		  .name = "GRUB_CMDLINE_LINUX_DEFAULT",
		  .added = "intremap=off" },
	};
	struct model *m = *state;
	make_l0(m);
	use_grub(m, "intremap=off");
	set_cmdline(m, "intremap=off");
	m->boot.grub.settings = settings;
	m->boot.grub.setting_count = 2;
	m->host.machine.remapped_interrupts = 0;
	assert_verdict(m, "interrupt-remapping-not-disabled", VERDICT_FAIL, NULL);
	assert_string_equal(find_finding(m, "interrupt-remapping-not-disabled")->remedy,
			    "remove intremap=off from GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub.d/50-cloud.cfg, "
			    "line 2, run 'update-grub', then reboot");
}

static void remedies_are_those_of_the_loader(void **state)
{
	static const struct {
		enum boot_loader loader;
		const char *part;
	} rows[] = {
		{ BOOT_GRUB, "update-grub" },
		{ BOOT_PROXMOX_GRUB,
		  "GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, run 'proxmox-boot-tool refresh'" },
		{ BOOT_PROXMOX_BOTH, "/etc/default/grub and the one line of /etc/kernel/cmdline" },
		{ BOOT_SYSTEMD_BOOT, "kernel-install add" },
		{ BOOT_BLS, "grubby --update-kernel=ALL --args=\"intel_iommu=on\"" },
		{ BOOT_UKI, "unified kernel image" },
		{ BOOT_OSTREE, "rpm-ostree kargs --append=intel_iommu=on" },
		{ BOOT_NIXOS, "boot.kernelParams" },
		{ BOOT_DIRECT, "-append" },
		{ BOOT_UNKNOWN, "is not known" },
	};
	struct model *m = *state;
	make_l0(m);
	m->host.iommus.count = 0;
	m->host.kernel.intel_iommu_default_on = KERNEL_OPTION_NOT_SET;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		m->boot.loader = rows[i].loader;
		assert_verdict(m, "iommu-default", VERDICT_FAIL, NULL);
		assert_contains(find_finding(m, "iommu-default")->remedy, rows[i].part);
	}
	m->boot.loader = BOOT_PROXMOX_SYSTEMD_BOOT;
	set_configured(m, "root=x intel_iommu=on");
	assert_verdict(m, "iommu-default", VERDICT_FAIL, NULL);
	assert_contains(find_finding(m, "iommu-default")->remedy, "is set in /etc/kernel/cmdline already");
}

static void only_the_first_line_counts(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->boot.kernel_cmdline.lines = 2;
	assert_verdict(m, "boot-cmdline-one-line", VERDICT_WARN, "2 lines");
}

static void both_files_must_agree_where_either_counts(void **state)
{
	struct model *m = *state;
	make_l0(m);
	assert_verdict(m, "boot-both-files", VERDICT_NA, NULL);
	m->boot.loader = BOOT_PROXMOX_BOTH;
	m->boot.grub.in_use = true;
	assert_verdict(m, "boot-both-files", VERDICT_PASS, NULL);
	set_configured(m, "root=x iommu=pt");
	assert_verdict(m, "boot-both-files", VERDICT_WARN,
		       "iommu=pt is in /etc/kernel/cmdline and not in /etc/default");
}

static void a_pinned_kernel_is_shown(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->boot.kernels.arena = &m->arena;
	list_add(&m->boot.kernels, "6.5.13-1-pve");
	list_add(&m->boot.kernels, "6.8.12-9-pve");
	assert_verdict(m, "boot-kernel-pinned", VERDICT_PASS, "the newest installed is 6.8.12-9-pve");
	m->boot.pinned_kernel = fact_with("/etc/kernel/proxmox-boot-pin", "6.5.13-1-pve", 0);
	assert_verdict(m, "boot-kernel-pinned", VERDICT_WARN, "pinned to 6.5.13-1-pve");
	m->boot.pinned_kernel.text = "6.8.12-9-pve";
	assert_verdict(m, "boot-kernel-pinned", VERDICT_PASS, "pinned");
	m->boot.pinned_kernel = fact_gone("/etc/kernel/proxmox-boot-pin");
	m->boot.grub_default = "1>2";
	assert_verdict(m, "boot-kernel-pinned", VERDICT_WARN, "GRUB_DEFAULT is 1>2");
}

static void an_initramfs_older_than_its_options_is_warned_of(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->boot.newest_modprobe_time = 2001;
	assert_verdict(m, "boot-initramfs-current", VERDICT_WARN, "older than /etc/modprobe.d/local.conf");
	assert_string_equal(find_finding(m, "boot-initramfs-current")->remedy,
			    "run 'update-initramfs -u -k all', then reboot");
	m->boot.newest_modprobe_time = 2000;
	assert_verdict(m, "boot-initramfs-current", VERDICT_PASS, NULL);
}

static void virqfd_is_gone_since_6_2(void **state)
{
	struct model *m = *state;
	make_l0(m);
	m->modules[0] = (struct boot_module){ "/etc/dracut.conf.d/vfio.conf", 4, "vfio_virqfd", true };
	m->boot.modules = m->modules;
	m->boot.module_count = 1;
	assert_verdict(m, "boot-obsolete-modules", VERDICT_WARN, "vfio_virqfd");
	assert_contains(find_finding(m, "boot-obsolete-modules")->remedy, "line 4 of /etc/dracut.conf.d/vfio.conf");
	m->host.kernel.version[1] = 1;
	assert_verdict(m, "boot-obsolete-modules", VERDICT_PASS, "which this kernel has");
	assert_null(find_finding(m, "boot-obsolete-modules")->remedy);
}

static void ids_need_colons(void **state)
{
	static const char *const wrong[] = {
		"ids=10de,1e04", "ids=10de:1b80;10de:10f0",         "ids=10de:",
		"ids=:1b80",     "disable_vga=1 ids=0x10de:0x1b80", "ids=10de:1b80:1:2:3:4:5"
	};
	static const char *const right[] = { "ids=10de:1b80,10de:10f0", "ids=8086:10fb:8086:000c disable_vga=1",
					     "ids=10de:1b80,", "ids=1002:67df:1682:3417:030000:ffffff" };
	struct model *m = *state;
	make_l0(m);
	assert_verdict(m, "boot-vfio-ids", VERDICT_NA, NULL);
	add_modprobe(m, "options", "vfio_pci", "");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		m->modprobe[0].rest = wrong[i];
		assert_verdict(m, "boot-vfio-ids", VERDICT_WARN, "are no device ids");
		assert_evidence(m, "boot-vfio-ids", "/etc/modprobe.d/local.conf:1");
	}
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		m->modprobe[0].rest = right[i];
		assert_verdict(m, "boot-vfio-ids", VERDICT_PASS, NULL);
	}
	set_cmdline(m, "vfio-pci.ids=10de.1b80");
	assert_verdict(m, "boot-vfio-ids", VERDICT_WARN, "10de.1b80");
}

static void a_built_in_driver_reads_no_options(void **state)
{
	struct model *m = *state;
	make_l0(m);
	add_modprobe(m, "options", "vfio_pci", "ids=10de:1b80");
	assert_verdict(m, "boot-vfio-options", VERDICT_PASS, NULL);
	m->host.kernel.vfio_pci = KERNEL_OPTION_BUILT_IN;
	assert_verdict(m, "boot-vfio-options", VERDICT_WARN, "built into");
	assert_contains(find_finding(m, "boot-vfio-options")->remedy, "vfio-pci.ids=10de:1b80");
}

static void a_module_that_is_kept_away_is_named(void **state)
{
	struct model *m = *state;
	make_l0(m);
	add_modprobe(m, "blacklist", "nouveau", "");
	add_modprobe(m, "blacklist", "vfio_pci", "");
	assert_verdict(m, "boot-modules-allowed", VERDICT_PASS, NULL);
	add_modprobe(m, "install", "vfio_pci", "/bin/false");
	assert_verdict(m, "boot-modules-allowed", VERDICT_WARN, "vfio_pci");
	m->modprobe[0].module = "kvm_intel";
	assert_verdict(m, "boot-modules-allowed", VERDICT_WARN, "kvm_intel");
}

static void what_may_stand_in_an_unreadable_file_is_unknown(void **state)
{
	static const char *const by_modprobe[] = { "boot-modules-allowed", "boot-kvm-options", "boot-vfio-ids",
						   "boot-vfio-options" };
	struct model *m = *state;
	make_l0(m);
	m->boot.modprobe_unread = (struct fact){ .state = FACT_UNREADABLE,
						 .denied = true,
						 .path = "/etc/modprobe.d/kvm.conf",
						 .problem = "/etc/modprobe.d/kvm.conf: Permission denied" };
	for (size_t i = 0; i < ARRAY_SIZE(by_modprobe); i++) {
		assert_verdict(m, by_modprobe[i], VERDICT_UNKNOWN, "/etc/modprobe.d/kvm.conf");
		assert_true(find_finding(m, by_modprobe[i])->denied);
	}
	assert_verdict(m, "boot-obsolete-modules", VERDICT_PASS, NULL);
	m->boot.modules_unread = m->boot.modprobe_unread;
	assert_verdict(m, "boot-obsolete-modules", VERDICT_UNKNOWN, "/etc/modprobe.d/kvm.conf");
	add_modprobe(m, "install", "vfio_pci", "/bin/false");
	assert_verdict(m, "boot-modules-allowed", VERDICT_WARN, "vfio_pci");
}

static void an_option_that_switches_nesting_off_later_is_warned_of(void **state)
{
	struct model *m = *state;
	make_l0(m);
	add_modprobe(m, "options", "kvm_intel", "nested=N");
	assert_verdict(m, "boot-kvm-options", VERDICT_WARN, "the next time");
	add_modprobe(m, "options", "kvm_intel", "nested=1");
	assert_verdict(m, "boot-kvm-options", VERDICT_PASS, NULL);
	m->modprobe[0].module = m->modprobe[1].module = "kvm_amd";
	m->modprobe[1].rest = "nested=0";
	assert_verdict(m, "boot-kvm-options", VERDICT_PASS, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_model(an_unknown_loader_is_unknown_with_the_reason),
		test_with_model(a_container_has_no_boot_loader),
		test_with_model(what_is_set_but_not_generated_needs_the_command),
		test_with_model(what_is_generated_but_not_booted_needs_a_reboot),
		test_with_model(what_is_booted_but_not_set_will_be_lost),
		test_with_model(other_parameters_and_other_spellings_do_not_matter),
		test_with_model(a_line_that_only_a_shell_understands_is_unknown),
		test_with_model(a_file_that_is_there_is_not_in_use_for_that),
		test_with_model(grub_on_the_wrong_machine_is_named),
		test_with_model(a_parameter_is_put_where_its_assignment_stands),
		test_with_model(remedies_are_those_of_the_loader),
		test_with_model(only_the_first_line_counts),
		test_with_model(both_files_must_agree_where_either_counts),
		test_with_model(a_pinned_kernel_is_shown),
		test_with_model(an_initramfs_older_than_its_options_is_warned_of),
		test_with_model(virqfd_is_gone_since_6_2),
		test_with_model(ids_need_colons),
		test_with_model(a_built_in_driver_reads_no_options),
		test_with_model(a_module_that_is_kept_away_is_named),
		test_with_model(what_may_stand_in_an_unreadable_file_is_unknown),
		test_with_model(an_option_that_switches_nesting_off_later_is_warned_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
