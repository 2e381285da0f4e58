/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernels that are installed, the one that is pinned, and the initramfs of the one that runs. */
#include <stdlib.h>

#include "boot/boot-internal.h"

static int compare_versions(const void *a, const void *b)
{
	return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

static void read_pin(struct boot_reading *reading)
{
	/* That for the next start alone comes before the lasting one. */
	static const char *const pins[] = { "/etc/kernel/next-boot-pin", "/etc/kernel/proxmox-boot-pin" };
	struct fact *pin = &reading->boot->pinned_kernel;
	for (size_t i = 0; i < ARRAY_SIZE(pins); i++) {
		*pin = fact_read_line(reading->root, reading->arena, pins[i]);
		if (!fact_absent(pin))
			return;
	}
}

void boot_read_kernels(struct boot_reading *reading)
{
	static const char prefix[] = "vmlinuz-";
	struct list *kernels = &reading->boot->kernels;
	struct list names = { .arena = reading->arena };
	boot_list_suffix(reading, "/boot", "", &names);
	for (size_t i = 0; i < names.count; i++)
		if (text_starts_with(names.items[i], prefix) && !strstr(names.items[i], "rescue"))
			list_add(kernels, names.items[i] + strlen(prefix));
	if (kernels->count)
		qsort(kernels->items, kernels->count, sizeof(*kernels->items), compare_versions);
	read_pin(reading);
}

/* Arch names the initramfs by the kernel's package, which the modules of a release name. */
static const char *package_of(const struct boot_reading *reading, const char *release)
{
	const char *path = arena_printf(reading->arena, "/usr/lib/modules/%s/pkgbase", release);
	char *package = NULL;
	(void)!root_read_line(reading->root, reading->arena, path, &package, NULL);
	return package;
}

static void list_candidates(const struct boot_reading *reading, const char *release, struct list *ret)
{
	char *machine = NULL;
	list_printf(ret, "/boot/initrd.img-%s", release);
	list_printf(ret, "/boot/initramfs-%s.img", release);
	list_printf(ret, "/boot/initrd-%s", release);
	const char *package = package_of(reading, release);
	if (package)
		list_printf(ret, "/boot/initramfs-%s.img", package);
	/* kernel-install puts both under the machine's id. */
	if (root_read_line(reading->root, reading->arena, "/etc/machine-id", &machine, NULL) < 0)
		return;
	list_printf(ret, "/boot/%s/%s/initrd", machine, release);
	list_printf(ret, "/efi/%s/%s/initrd", machine, release);
	list_printf(ret, "/boot/efi/%s/%s/initrd", machine, release);
}

void boot_read_initramfs(struct boot_reading *reading)
{
	struct boot *boot = reading->boot;
	struct list paths = { .arena = reading->arena };
	const char *release = reading->release;
	if (!release && boot->kernels.count)
		release = boot->kernels.items[boot->kernels.count - 1];
	if (!release) {
		boot->initramfs = (struct fact){
			.state = FACT_UNREADABLE,
			.path = "/boot",
			.problem = "/boot: no kernel is there, so it is not known which initramfs "
				   "to look for"
		};
		return;
	}
	list_candidates(reading, release, &paths);
	for (size_t i = 0; i < paths.count; i++) {
		struct error error;
		struct stat status;
		int r = root_stat(reading->root, paths.items[i], &status, &error);
		struct fact fact = fact_of(reading->arena, paths.items[i], NULL, r, &error);
		if (i > 0 && fact_absent(&fact))
			continue;
		boot->initramfs = fact;
		if (fact_known(&fact))
			boot->initramfs.number = status.st_mtim.tv_sec;
		if (!fact_absent(&fact))
			return;
	}
}
