/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/kernel.h"

#include "base/child.h"

#define CMDLINE "/proc/cmdline"
#define CONFIG_GZ "/proc/config.gz"
#define EFI "/sys/firmware/efi"
#define SECURE_BOOT EFI "/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define GZIP_LIMIT_MS 5000

/* CONFIG_NAME, and where it goes. */
#define DEFAULT_ON "INTEL_IOMMU_DEFAULT_ON"
#define DEFAULT_ON_BUT_INTGPU "INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF" /* Debian's; its kernel has a switch for it */

static const struct {
	const char *name;
	size_t offset;
} options[] = {
	{ DEFAULT_ON, offsetof(struct kernel, intel_iommu_default_on) },
	{ "INTEL_IOMMU", offsetof(struct kernel, intel_iommu) },
	{ "AMD_IOMMU", offsetof(struct kernel, amd_iommu) },
	{ "VIRTIO_IOMMU", offsetof(struct kernel, virtio_iommu) },
	{ "VFIO_PCI", offsetof(struct kernel, vfio_pci) },
	{ "IOMMUFD", offsetof(struct kernel, iommufd) },
	{ "VFIO_DEVICE_CDEV", offsetof(struct kernel, vfio_cdev) },
};

/* "6.8.12-4-pve", "5.15.0-rc3", "6.1": up to three numbers. */
static void parse_release(struct kernel *kernel)
{
	const char *at = kernel->release.text;
	for (size_t i = 0; i < ARRAY_SIZE(kernel->version) && *at >= '0' && *at <= '9'; i++) {
		unsigned int number = 0;
		for (; *at >= '0' && *at <= '9' && number < 1000000; at++)
			number = number * 10 + (unsigned int)(*at - '0');
		kernel->version[i] = number;
		if (*at != '.')
			break;
		at++;
	}
}

static void read_cmdline(const struct root *root, struct arena *arena, struct kernel *kernel)
{
	struct error error;
	struct slice text = slice_of("");
	int r = root_read(root, arena, CMDLINE, &text, &error);
	struct slice line = slice_trim(text);
	kernel->cmdline_file = fact_of(arena, CMDLINE, arena_strndup(arena, line.start, line.length), r, &error);
	cmdline_parse(text, arena, &kernel->cmdline);
}

static bool is_wanted(struct slice name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (slice_equals(name, options[i].name))
			return true;
	return slice_equals(name, DEFAULT_ON_BUT_INTGPU);
}

/* CONFIG_NAME=value; what is not set is a comment, or not there at all. */
static bool split_option(struct slice line, struct slice *ret_name, struct slice *ret_value)
{
	static const char prefix[] = "CONFIG_";
	size_t start = strlen(prefix);
	if (line.length <= start || memcmp(line.start, prefix, start) != 0)
		return false;
	const char *equals = memchr(line.start, '=', line.length);
	if (!equals)
		return false;
	*ret_name = (struct slice){ line.start + start, (size_t)(equals - line.start) - start };
	*ret_value = (struct slice){ equals + 1, line.length - (size_t)(equals + 1 - line.start) };
	return true;
}

/* Some 12,000 options, of which a handful is asked for. */
static void pick_options(struct slice text, struct buffer *kept)
{
	struct slice line;
	struct slice name;
	struct slice value;
	while (slice_next_line(&text, &line))
		if (split_option(line, &name, &value) && is_wanted(name))
			buffer_add_line(kept, line);
}

/* No zlib is linked; gzip is on every system. */
static int ask_config(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	static const char *const argv[] = { "gzip", "-cd", CONFIG_GZ, NULL };
	struct child_request request = { .argv = argv, .timeout_ms = GZIP_LIMIT_MS };
	struct child_result result;
	struct buffer kept = { .arena = arena };
	int r = child_run_ok(arena, &request, &result, error);
	if (r < 0)
		return error_prefix(error, r == -ENOENT ? -EIO : r, "%s", CONFIG_GZ);
	if (!memmem(result.output.start, result.output.length, "CONFIG_", strlen("CONFIG_")))
		return error_set(error, -EINVAL, "%s: no option in it", CONFIG_GZ);
	buffer_puts(&kept, "");
	pick_options(result.output, &kept);
	*ret = kept.text;
	return 0;
}

static struct fact read_config_gz(const struct root *root, struct arena *arena, struct slice *ret)
{
	struct error error;
	const char *text = NULL;
	struct fact there = fact_exists(root, arena, CONFIG_GZ);
	if (!fact_known(&there))
		return there;
	int r = root_ask(root, arena, "kernel/config", ask_config, NULL, &text, &error);
	if (r == 0)
		*ret = slice_of(text);
	return fact_of(arena, CONFIG_GZ, NULL, r, &error);
}

static struct fact read_config(const struct root *root, struct arena *arena, const char *release, struct slice *ret)
{
	/* Debian's and Proxmox VE's place; then Fedora's and that of image-based systems. */
	const char *const paths[] = { arena_printf(arena, "/boot/config-%s", release),
				      arena_printf(arena, "/usr/lib/modules/%s/config", release) };
	struct fact first = { .state = FACT_UNASKED };
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct error error;
		int r = root_read_excerpt(root, arena, paths[i], pick_options, ret, &error);
		struct fact fact = fact_of(arena, paths[i], NULL, r, &error);
		if (fact_known(&fact))
			return fact;
		/* One that is there and not readable says more than one that is absent. */
		if (first.state == FACT_UNASKED || (fact_absent(&first) && !fact_absent(&fact)))
			first = fact;
	}
	struct fact packed = read_config_gz(root, arena, ret);
	return fact_absent(&packed) ? first : packed;
}

static void parse_config(struct kernel *kernel, struct slice text)
{
	struct slice line;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		*(enum kernel_option *)((char *)kernel + options[i].offset) = KERNEL_OPTION_NOT_SET;
	while (slice_next_line(&text, &line)) {
		struct slice name;
		struct slice value;
		if (!split_option(line, &name, &value))
			continue;
		enum kernel_option option = slice_equals(value, "y") ? KERNEL_OPTION_BUILT_IN :
					    slice_equals(value, "m") ? KERNEL_OPTION_MODULE :
								       KERNEL_OPTION_NOT_SET;
		for (size_t i = 0; i < ARRAY_SIZE(options); i++)
			if (slice_equals(name, options[i].name))
				*(enum kernel_option *)((char *)kernel + options[i].offset) = option;
		if (slice_equals(name, DEFAULT_ON_BUT_INTGPU))
			kernel->intel_default_on_but_intgpu = option == KERNEL_OPTION_BUILT_IN;
	}
	if (kernel->intel_default_on_but_intgpu)
		kernel->intel_iommu_default_on = KERNEL_OPTION_BUILT_IN;
}

/* "none [integrity] confidentiality" (security/lockdown/lockdown.c): the one in brackets. */
static struct fact read_lockdown(const struct root *root, struct arena *arena)
{
	struct fact fact = fact_read_line(root, arena, "/sys/kernel/security/lockdown");
	if (!fact_known(&fact))
		return fact;
	const char *open = strchr(fact.text, '[');
	const char *close = open ? strchr(open, ']') : NULL;
	if (close) {
		fact.text = arena_strndup(arena, open + 1, (size_t)(close - open) - 1);
	} else {
		fact.state = FACT_WRONG;
		fact.problem = arena_printf(arena, "%s: '%.64s' has no level in brackets", fact.path, fact.text);
	}
	return fact;
}

/* Four bytes of attributes, then one: 1 is on (UEFI 2.10, 3.3). */
static struct fact read_secure_boot(const struct root *root, struct arena *arena, const struct fact *efi)
{
	struct error error;
	struct slice bytes;
	if (!fact_known(efi))
		return *efi;
	int r = root_read(root, arena, SECURE_BOOT, &bytes, &error);
	struct fact fact = fact_of(arena, SECURE_BOOT, NULL, r, &error);
	if (fact_known(&fact) && bytes.length == 5) {
		fact.number = bytes.start[4] == 1;
		fact.text = fact.number ? "1" : "0";
	} else if (fact_known(&fact)) {
		fact.state = FACT_WRONG;
		fact.problem = arena_printf(arena, "%s: %zu bytes, not 5", SECURE_BOOT, bytes.length);
	}
	/* Without the file system of the variables, no variable is seen at all. */
	struct list names = { .arena = arena };
	if (fact_absent(&fact) && (root_list(root, arena, EFI "/efivars", &names, NULL) < 0 || !names.count)) {
		fact.state = FACT_UNREADABLE;
		fact.problem = EFI "/efivars: the firmware's variables are not to be seen (efivarfs is not mounted)";
	}
	return fact;
}

void kernel_read(const struct root *root, struct arena *arena, struct kernel *ret)
{
	struct slice config = slice_of("");
	*ret = (struct kernel){ .release = fact_read_line(root, arena, "/proc/sys/kernel/osrelease") };
	read_cmdline(root, arena, ret);
	if (fact_known(&ret->release)) {
		parse_release(ret);
		ret->config_file = read_config(root, arena, ret->release.text, &config);
		/* Proxmox VE's kernels carry the patch, and end so ("6.8.12-4-pve"); others that do cannot be told. */
		ret->acs_override = text_ends_with(ret->release.text, "-pve");
	} else {
		ret->config_file = ret->release;
	}
	if (fact_known(&ret->config_file))
		parse_config(ret, config);
	ret->lockdown = read_lockdown(root, arena);
	ret->efi = fact_exists(root, arena, EFI);
	ret->secure_boot = read_secure_boot(root, arena, &ret->efi);
	ret->taint = fact_read_number(root, arena, "/proc/sys/kernel/tainted", 10);
}

bool kernel_at_least(const struct kernel *kernel, unsigned int major, unsigned int minor)
{
	return kernel->version[0] > major || (kernel->version[0] == major && kernel->version[1] >= minor);
}
