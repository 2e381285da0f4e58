/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of this folder: each reads one topic into the model. */
#pragma once

#include "boot/boot.h"

struct boot_reading {
	const struct root *root;
	struct arena *arena;
	const char *release; /* or NULL */
	struct boot *boot;
	struct fact unread; /* the first file or folder that could not be read since somebody cleared this */
	size_t modprobe_room;
	size_t module_room;
};

/* Adds a sentence to boot.problems. */
void boot_problem(struct boot_reading *reading, const char *format, ...) PRINTF_FORMAT(2, 3);

/* A configuration file: false when there is none, or it is masked by a link to /dev/null, or unreadable (a problem). */
bool boot_read_file(struct boot_reading *reading, const char *path, struct slice *ret);

/* The same, also telling what was found. The fact has no text. */
struct fact boot_read_fact(struct boot_reading *reading, const char *path, struct slice *ret);

/*
 * The files *.conf of several directories, sorted by name; of the same name only that of the first directory. Paths are
 * added to `ret`.
 */
void boot_list_conf(struct boot_reading *reading, const char *const *directories, size_t count, struct list *ret);

/* A file that decides what the initramfs tells modprobe: the newest of them is remembered. */
void boot_note_time(struct boot_reading *reading, const char *path);

/* The names in a directory that end in `suffix`; none when it is not there. */
void boot_list_suffix(struct boot_reading *reading, const char *directory, const char *suffix, struct list *ret);

void boot_read_grub(struct boot_reading *reading);           /* boot.grub, grub_default */
void boot_read_loader(struct boot_reading *reading);         /* boot.loader, reason, efi, esp_uuids; needs grub */
void boot_read_kernel_cmdline(struct boot_reading *reading); /* needs the loader */
void boot_read_entry(struct boot_reading *reading);          /* boot.entry; needs the loader */
void boot_read_modprobe(struct boot_reading *reading);
void boot_read_modules(struct boot_reading *reading);
void boot_read_kernels(struct boot_reading *reading);   /* boot.kernels, pinned_kernel */
void boot_read_initramfs(struct boot_reading *reading); /* needs the kernels */

/* Whether `text`, a grub.cfg, takes its entries from /boot/loader/entries (the command blscfg). */
bool grub_uses_bls(struct slice text);

/* The first of /boot/grub/grub.cfg and /boot/grub2/grub.cfg that is there, or may be. Without text. */
struct fact grub_find_cfg(struct boot_reading *reading);

/* Adds the lines of a file of modprobe.d to boot.modprobe, and those that modprobe ignores to the problems. */
void modprobe_parse(struct boot_reading *reading, const char *path, struct slice text);

/* *.conf of the loader entries on the first of the usual places that has any; paths. */
void boot_list_entries(struct boot_reading *reading, struct list *ret);
