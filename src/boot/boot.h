/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a system boots: which boot loader is really in use, in which file its kernel command line is configured, what
 * stands there, and what modprobe and the initramfs are told. Read only; nothing here knows the running kernel, so that
 * comparing the two is the judge's task.
 */
#pragma once

#include "base/cmdline.h"
#include "base/fact.h"
#include "boot/assignments.h"

enum boot_loader {
	BOOT_UNKNOWN,              /* see boot.reason */
	BOOT_GRUB,                 /* /etc/default/grub and grub.d, update-grub or grub-mkconfig */
	BOOT_SYSTEMD_BOOT,         /* /etc/kernel/cmdline, by kernel-install */
	BOOT_PROXMOX_GRUB,         /* ESPs kept by proxmox-boot-tool, GRUB on them: /etc/default/grub */
	BOOT_PROXMOX_SYSTEMD_BOOT, /* the same with systemd-boot: /etc/kernel/cmdline */
	BOOT_PROXMOX_BOTH, /* ESPs of both kinds, or it cannot be told which: both files are to be kept the same */
	BOOT_BLS,          /* /boot/loader/entries with GRUB or systemd-boot, edited by grubby (Fedora, RHEL) */
	BOOT_UKI,          /* unified kernel images */
	BOOT_OSTREE,
	BOOT_NIXOS,
	BOOT_DIRECT, /* a hypervisor started the kernel itself: nothing here configures it */
};

/* A file that can hold a kernel command line. */
struct boot_cmdline {
	const char *path;
	struct fact file; /* its text is NULL */
	const char *line; /* what it would give, put together; NULL: nothing, or not understood (then `problem`) */
	const char
		*problem; /* what could not be evaluated: command substitution, ...; NULL: all was. Beside a line: what
				the line has is sure, what it has not is not */
	size_t lines;     /* of /etc/kernel/cmdline, that are not empty: Proxmox VE takes the first line only */
	struct cmdline cmdline;
	bool in_use;         /* the boot loader in use reads this one */
	struct list sources; /* all files that were evaluated for it: /etc/default/grub.d/... */
	/* GRUB's: every assignment of GRUB_CMDLINE_LINUX and GRUB_CMDLINE_LINUX_DEFAULT, in order; the last of each wins. */
	struct assignment *settings;
	size_t setting_count;
};

/*
 * A line of modprobe.d that modprobe heeds, of whatever module: options, softdep, weakdep, blacklist, install, remove.
 * In the order in which modprobe reads them.
 */
struct boot_modprobe {
	const char *path;
	unsigned int line;
	const char *command; /* "options" */
	const char *module;  /* "vfio-pci" becomes "vfio_pci" */
	const char *rest;    /* "ids=10de:1b80 disable_vga=1"; may be "" */
};

/* A module named for early loading: /etc/modules, modules-load.d, /etc/initramfs-tools/modules, dracut, mkinitcpio. */
struct boot_module {
	const char *path;
	unsigned int line;
	const char *module;
	bool initramfs;
};

struct boot {
	enum boot_loader loader;
	const char *reason;    /* how that was found: "path: what stood there" */
	struct fact efi;       /* /sys/firmware/efi */
	struct fact esp_uuids; /* /etc/kernel/proxmox-boot-uuids */
	struct boot_cmdline grub;
	struct boot_cmdline kernel_cmdline; /* /etc/kernel/cmdline */
	/*
	 * What the boot loader in use would hand over, as it was generated or written: the loader entry, or the entry of
	 * grub.cfg, of the running (or newest) kernel. A word that is configured but not here: nobody generated it anew; a
	 * word that is here and does not run: nobody restarted. UNASKED where it stands on ESPs that are not mounted.
	 */
	struct boot_cmdline entry;
	const char *grub_default;  /* GRUB_DEFAULT: "0", "saved", the title of an entry; NULL: not set, not known */
	struct fact pinned_kernel; /* proxmox-boot-pin or next-boot-pin: text is the version */
	struct list kernels;       /* versions of /boot/vmlinuz-*, oldest first; no rescue kernels */

	struct boot_modprobe *modprobe;
	size_t modprobe_count;
	struct boot_module *modules;
	size_t module_count;
	struct fact initramfs; /* of the running (or newest) kernel: number is its time of modification */
	const char
		*newest_modprobe; /* the file of modprobe.d or of initramfs' modules that was changed last, or NULL */
	int64_t newest_modprobe_time;
	/*
	 * The first file or folder of modprobe.d that could not be read, and of those that name modules; FACT_UNASKED: all
	 * could. What is not in the lists above may stand there.
	 */
	struct fact modprobe_unread;
	struct fact modules_unread;
	struct list problems; /* files that could not be read or understood, as sentences */
};

/* `release`: of the running kernel, to find its initramfs; NULL: not known, the newest is taken. */
void boot_read(const struct root *root, struct arena *arena, const char *release, struct boot *ret);

/* Whether GRUB's configuration is read from /etc/default/grub.d, too; `ret_script` is the program that tells. */
bool boot_grub_reads_drop_ins(const struct root *root, struct arena *arena, const char **ret_script);

const char *boot_loader_name(enum boot_loader loader);
