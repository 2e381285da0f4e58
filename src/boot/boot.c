/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/boot.h"

#include <stdlib.h>

#include "boot/boot-internal.h"

void boot_problem(struct boot_reading *reading, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	list_add(&reading->boot->problems, arena_vprintf(reading->arena, format, args));
	va_end(args);
}

/* How systemd, kmod and friends are told that a file of the distribution shall not count. */
static bool is_masked(const struct boot_reading *reading, const char *path)
{
	char *target;
	return root_read_link(reading->root, reading->arena, path, &target, NULL) == 0 &&
	       strcmp(target, "/dev/null") == 0;
}

static void note_unread(struct boot_reading *reading, const struct fact *fact)
{
	if (!fact_unknown(fact))
		return;
	boot_problem(reading, "%s", fact->problem);
	if (reading->unread.state == FACT_UNASKED)
		reading->unread = *fact;
}

struct fact boot_read_fact(struct boot_reading *reading, const char *path, struct slice *ret)
{
	struct error error;
	*ret = slice_of("");
	if (is_masked(reading, path))
		return fact_of(reading->arena, path, NULL, -ENOENT, NULL);
	int r = root_read(reading->root, reading->arena, path, ret, &error);
	struct fact fact = fact_of(reading->arena, path, NULL, r, &error);
	note_unread(reading, &fact);
	return fact;
}

bool boot_read_file(struct boot_reading *reading, const char *path, struct slice *ret)
{
	struct fact fact = boot_read_fact(reading, path, ret);
	return fact_known(&fact);
}

void boot_list_suffix(struct boot_reading *reading, const char *directory, const char *suffix, struct list *ret)
{
	struct error error;
	struct list names = { .arena = reading->arena };
	int r = root_list(reading->root, reading->arena, directory, &names, &error);
	struct fact folder = fact_of(reading->arena, directory, NULL, r, &error);
	note_unread(reading, &folder);
	if (r < 0)
		return;
	ret->arena = reading->arena;
	for (size_t i = 0; i < names.count; i++)
		/* As a shell's *SUFFIX, kmod and systemd do it: not the hidden ones. */
		if (names.items[i][0] != '.' && text_ends_with(names.items[i], suffix))
			list_add(ret, names.items[i]);
}

struct conf {
	const char *name;
	const char *path;
	size_t rank; /* of its directory */
};

static int compare_conf(const void *a, const void *b)
{
	const struct conf *left = a;
	const struct conf *right = b;
	int order = strcmp(left->name, right->name);
	return order ? order : (left->rank > right->rank) - (left->rank < right->rank);
}

void boot_list_conf(struct boot_reading *reading, const char *const *directories, size_t count, struct list *ret)
{
	struct conf *all = NULL;
	size_t total = 0;
	size_t room = 0;
	for (size_t i = 0; i < count; i++) {
		struct list names = { .arena = reading->arena };
		boot_list_suffix(reading, directories[i], ".conf", &names);
		for (size_t j = 0; j < names.count; j++) {
			if (total == room) {
				room = room ? room * 2 : 32;
				all = arena_grow(reading->arena, all, total, room, sizeof(*all));
			}
			const char *path = arena_printf(reading->arena, "%s/%s", directories[i], names.items[j]);
			all[total++] = (struct conf){ names.items[j], path, i };
		}
	}
	if (total)
		qsort(all, total, sizeof(*all), compare_conf);
	ret->arena = reading->arena;
	for (size_t i = 0; i < total; i++)
		if (i == 0 || strcmp(all[i].name, all[i - 1].name) != 0)
			list_add(ret, all[i].path);
}

void boot_note_time(struct boot_reading *reading, const char *path)
{
	struct stat status;
	struct boot *boot = reading->boot;
	if (root_stat(reading->root, path, &status, NULL) < 0 ||
	    (boot->newest_modprobe && status.st_mtim.tv_sec <= boot->newest_modprobe_time))
		return;
	boot->newest_modprobe = path;
	boot->newest_modprobe_time = status.st_mtim.tv_sec;
}

void boot_read(const struct root *root, struct arena *arena, const char *release, struct boot *ret)
{
	*ret = (struct boot){ .problems = { .arena = arena }, .kernels = { .arena = arena } };
	struct boot_reading reading = { .root = root, .arena = arena, .release = release, .boot = ret };
	boot_read_kernels(&reading);
	boot_read_grub(&reading);
	boot_read_loader(&reading);
	boot_read_kernel_cmdline(&reading);
	boot_read_entry(&reading);
	reading.unread = (struct fact){ 0 };
	boot_read_modprobe(&reading);
	ret->modprobe_unread = reading.unread;
	reading.unread = (struct fact){ 0 };
	boot_read_modules(&reading);
	ret->modules_unread = reading.unread;
	boot_read_initramfs(&reading);
}

const char *boot_loader_name(enum boot_loader loader)
{
	static const char *const names[] = {
		[BOOT_UNKNOWN] = "an unknown boot loader",
		[BOOT_GRUB] = "GRUB",
		[BOOT_SYSTEMD_BOOT] = "systemd-boot",
		[BOOT_PROXMOX_GRUB] = "GRUB kept by proxmox-boot-tool",
		[BOOT_PROXMOX_SYSTEMD_BOOT] = "systemd-boot kept by proxmox-boot-tool",
		[BOOT_PROXMOX_BOTH] = "GRUB or systemd-boot kept by proxmox-boot-tool",
		[BOOT_BLS] = "loader entries (BLS)",
		[BOOT_UKI] = "a unified kernel image",
		[BOOT_OSTREE] = "ostree",
		[BOOT_NIXOS] = "NixOS",
		[BOOT_DIRECT] = "no boot loader (the hypervisor started the kernel)",
	};
	return names[loader];
}
