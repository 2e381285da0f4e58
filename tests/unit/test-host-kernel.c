/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/kernel.h"

#include "test-host.h"

#define SECURE_BOOT "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static struct kernel read_kernel(void *const *state, struct arena *arena)
{
	AUTO_ROOT root = ROOT_NONE;
	struct kernel kernel;
	open_fake(state, &root);
	kernel_read(&root, arena, &kernel);
	return kernel;
}

static void fake_release(void *const *state, const char *release)
{
	fake_file(state, "/proc/sys/kernel/osrelease", release);
}

static void reads_release_and_command_line(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_release(state, "6.8.12-4-pve\n");
	fake_file(state, "/proc/cmdline", "BOOT_IMAGE=/vmlinuz intel_iommu=on \n");
	fake_file(state, "/proc/sys/kernel/tainted", "4097\n");
	struct kernel kernel = read_kernel(state, &arena);
	assert_string_equal(kernel.release.text, "6.8.12-4-pve");
	assert_int(kernel.version[0], 6);
	assert_int(kernel.version[1], 8);
	assert_int(kernel.version[2], 12);
	assert_true(kernel.acs_override);
	assert_string_equal(kernel.cmdline_file.text, "BOOT_IMAGE=/vmlinuz intel_iommu=on");
	assert_non_null(cmdline_find_item(&kernel.cmdline, "intel_iommu", "on"));
	assert_int(kernel.taint.number, 4097);
	assert_true(kernel_at_least(&kernel, 6, 8));
	assert_true(kernel_at_least(&kernel, 5, 19));
	assert_false(kernel_at_least(&kernel, 6, 9));
	assert_false(kernel_at_least(&kernel, 7, 0));
}

static void versions_may_be_short_or_none(void **state)
{
	static const struct {
		const char *release;
		unsigned int version[3];
	} cases[] = {
		{ "6.1\n", { 6, 1, 0 } },    { "5.15.0-rc3\n", { 5, 15, 0 } },   { "6.12+deb13\n", { 6, 12, 0 } },
		{ "custom\n", { 0, 0, 0 } }, { "7.0.2-6-pve-x\n", { 7, 0, 2 } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_ARENA arena = { 0 };
		fake_release(state, cases[i].release);
		struct kernel kernel = read_kernel(state, &arena);
		assert_memory_equal(kernel.version, cases[i].version, sizeof(kernel.version));
		assert_false(kernel.acs_override);
	}
}

static void reads_the_configuration(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_release(state, "6.8.12-4-pve\n");
	fake_file(
		state, "/boot/config-6.8.12-4-pve",
		"# CONFIG_IOMMUFD is not set\n"
		"CONFIG_INTEL_IOMMU=y\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y\nCONFIG_AMD_IOMMU=y\n"
		"CONFIG_VIRTIO_IOMMU=m\nCONFIG_VFIO_PCI=m\nCONFIG_VFIO_PCI_CORE=y\nCONFIG_NAME=\"CONFIG_IOMMUFD=y\"\n");
	struct kernel kernel = read_kernel(state, &arena);
	assert_string_equal(kernel.config_file.path, "/boot/config-6.8.12-4-pve");
	assert_int(kernel.intel_iommu, KERNEL_OPTION_BUILT_IN);
	assert_int(kernel.intel_iommu_default_on, KERNEL_OPTION_BUILT_IN);
	assert_false(kernel.intel_default_on_but_intgpu);
	assert_int(kernel.amd_iommu, KERNEL_OPTION_BUILT_IN);
	assert_int(kernel.virtio_iommu, KERNEL_OPTION_MODULE);
	assert_int(kernel.vfio_pci, KERNEL_OPTION_MODULE);
	assert_int(kernel.iommufd, KERNEL_OPTION_NOT_SET);
	assert_int(kernel.vfio_cdev, KERNEL_OPTION_NOT_SET);
}

static void debians_choice_counts_as_on(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_release(state, "6.1.0-18-amd64\n");
	fake_file(state, "/usr/lib/modules/6.1.0-18-amd64/config",
		  "# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set\nCONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF=y\n");
	struct kernel kernel = read_kernel(state, &arena);
	assert_int(kernel.intel_iommu_default_on, KERNEL_OPTION_BUILT_IN);
	assert_true(kernel.intel_default_on_but_intgpu);
	assert_false(kernel.acs_override);
}

static void no_configuration_leaves_options_unknown(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_release(state, "6.1.0-18-amd64\n");
	struct kernel kernel = read_kernel(state, &arena);
	assert_true(fact_absent(&kernel.config_file));
	assert_string_equal(kernel.config_file.path, "/boot/config-6.1.0-18-amd64");
	assert_int(kernel.intel_iommu_default_on, KERNEL_OPTION_UNKNOWN);
	assert_int(kernel.iommufd, KERNEL_OPTION_UNKNOWN);
	/* Packed, it takes a program, which only the running system has. */
	fake_file(state, "/proc/config.gz", "\x1f\x8b");
	kernel = read_kernel(state, &arena);
	assert_int(kernel.config_file.state, FACT_UNREADABLE);
	assert_string_equal(kernel.config_file.path, "/proc/config.gz");
	assert_int(kernel.iommufd, KERNEL_OPTION_UNKNOWN);
}

static void no_kernel_runs(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct kernel kernel = read_kernel(state, &arena);
	assert_true(fact_absent(&kernel.release));
	assert_true(fact_absent(&kernel.cmdline_file));
	assert_true(fact_absent(&kernel.config_file));
	assert_non_null(kernel.config_file.path);
	assert_false(kernel_at_least(&kernel, 2, 6));
	assert_true(fact_absent(&kernel.efi));
	assert_true(fact_absent(&kernel.secure_boot));
}

static void reads_lockdown(void **state)
{
	AUTO_ARENA arena = { 0 };
	fake_file(state, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	struct kernel kernel = read_kernel(state, &arena);
	assert_true(fact_is(&kernel.lockdown, "integrity"));
	fake_file(state, "/sys/kernel/security/lockdown", "none ]integrity[\n");
	kernel = read_kernel(state, &arena);
	assert_int(kernel.lockdown.state, FACT_WRONG);
	unlink(in_folder(state, "/sys/kernel/security/lockdown"));
	kernel = read_kernel(state, &arena);
	assert_true(fact_absent(&kernel.lockdown));
}

static void put_bytes(void *const *state, const char *bytes, size_t length)
{
	fake_file(state, SECURE_BOOT, "");
	int fd = open(in_folder(state, SECURE_BOOT), O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0 || file_write_all(fd, (struct slice){ bytes, length }) < 0)
		fail_msg("cannot write " SECURE_BOOT);
	close(fd);
}

static void reads_secure_boot(void **state)
{
	AUTO_ARENA arena = { 0 };
	put_bytes(state, "\x06\0\0\0\x01", 5);
	struct kernel kernel = read_kernel(state, &arena);
	assert_true(fact_known(&kernel.efi));
	assert_int(kernel.secure_boot.state, FACT_KNOWN);
	assert_int(kernel.secure_boot.number, 1);
	put_bytes(state, "\x01\0\0\0\0", 5);
	kernel = read_kernel(state, &arena);
	assert_int(kernel.secure_boot.state, FACT_KNOWN);
	assert_int(kernel.secure_boot.number, 0);
	put_bytes(state, "\x01\0\0\0", 4);
	kernel = read_kernel(state, &arena);
	assert_int(kernel.secure_boot.state, FACT_WRONG);
}

/* A folder without variables shows nothing: that is not "off". */
static void secure_boot_is_unknown_without_variables(void **state)
{
	AUTO_ARENA arena = { 0 };
	put_directory(state, "/sys/firmware/efi/efivars");
	struct kernel kernel = read_kernel(state, &arena);
	assert_int(kernel.secure_boot.state, FACT_UNREADABLE);
	assert_contains(kernel.secure_boot.problem, "efivarfs");
	fake_file(state, "/sys/firmware/efi/efivars/BootOrder-x", "x");
	kernel = read_kernel(state, &arena);
	assert_true(fact_absent(&kernel.secure_boot));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(reads_release_and_command_line),
		test_in_folder(versions_may_be_short_or_none),
		test_in_folder(reads_the_configuration),
		test_in_folder(debians_choice_counts_as_on),
		test_in_folder(no_configuration_leaves_options_unknown),
		test_in_folder(no_kernel_runs),
		test_in_folder(reads_lockdown),
		test_in_folder(reads_secure_boot),
		test_in_folder(secure_boot_is_unknown_without_variables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
