/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which boot loader is in use. What started the running kernel is told by the kernel (bootloader_type), by variables
 * that loaders leave in the firmware, and by what they put into the command line. That a program or one of its files is
 * installed proves nothing. /sys and /proc of an offline root would be those of the system that looks.
 */
#include "boot/boot-internal.h"

#define LOADER_TYPE "/proc/sys/kernel/bootloader_type"
#define VARIABLE(name) "/sys/firmware/efi/efivars/" name "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define UUIDS "/etc/kernel/proxmox-boot-uuids"
#define OLD_UUIDS "/etc/kernel/pve-efiboot-uuids"

/* Documentation/arch/x86/boot.rst, type_of_loader: in bootloader_type above the four bits of its version. */
enum { TYPE_SYSLINUX = 3, TYPE_GRUB = 7, TYPE_DIRECT = 0xb, TYPE_KEXEC = 0xd };

struct evidence {
	bool running; /* there is a kernel that was started */
	struct fact type;
	struct fact loader; /* LoaderInfo: "systemd-boot 252.30-1", "GRUB 2.12" (systemd.io/BOOT_LOADER_INTERFACE) */
	struct fact stub;   /* StubInfo: systemd-stub, the beginning of a unified kernel image */
	struct cmdline cmdline;
	const struct cmdline_word *image;  /* BOOT_IMAGE=, of GRUB and SYSLINUX */
	const struct cmdline_word *initrd; /* initrd=\..., of systemd-boot, or of the firmware's own entry */
	struct fact grub_cfg;
};

/* A variable of text: four bytes of attributes, then UTF-16 that is ended by a NUL. */
static struct fact read_variable(struct boot_reading *reading, const char *path)
{
	struct error error;
	struct slice bytes = slice_of("");
	int r = root_read(reading->root, reading->arena, path, &bytes, &error);
	struct buffer text = { .arena = reading->arena };
	buffer_puts(&text, "");
	for (size_t i = 4; i + 1 < bytes.length && (bytes.start[i] || bytes.start[i + 1]); i += 2) {
		bool ascii = bytes.start[i + 1] == 0 && bytes.start[i] >= ' ' && bytes.start[i] <= '~';
		buffer_putc(&text, (char)(ascii ? bytes.start[i] : '?'));
	}
	return fact_of(reading->arena, path, text.text, r, &error);
}

static void gather(struct boot_reading *reading, struct evidence *evidence)
{
	*evidence = (struct evidence){ .running = reading->root->kind != ROOT_OFFLINE };
	evidence->grub_cfg = grub_find_cfg(reading);
	if (!evidence->running)
		return;
	struct slice text = slice_of("");
	(void)!root_read(reading->root, reading->arena, "/proc/cmdline", &text, NULL);
	cmdline_parse(text, reading->arena, &evidence->cmdline);
	evidence->type = fact_read_number(reading->root, reading->arena, LOADER_TYPE, 10);
	evidence->image = cmdline_find(&evidence->cmdline, "BOOT_IMAGE");
	for (size_t i = 0; i < evidence->cmdline.count && !evidence->initrd; i++)
		if (text_starts_with(evidence->cmdline.words[i].word, "initrd=\\"))
			evidence->initrd = &evidence->cmdline.words[i];
	if (fact_absent(&reading->boot->efi))
		return;
	evidence->loader = read_variable(reading, VARIABLE("LoaderInfo"));
	evidence->stub = read_variable(reading, VARIABLE("StubInfo"));
}

static bool is_type(const struct evidence *evidence, int type)
{
	return fact_known(&evidence->type) && evidence->type.number >> 4 == type;
}

static bool says(const struct fact *fact, const char *prefix)
{
	return fact_known(fact) && text_starts_with(fact->text, prefix);
}

static bool decide(struct boot_reading *reading, enum boot_loader loader, const char *where, const char *what)
{
	reading->boot->loader = loader;
	reading->boot->reason = arena_printf(reading->arena, "%s: %s", where, what);
	return true;
}

/* QEMU with -kernel, or another hypervisor by the PVH entry (arch/x86/platform/pvh/enlighten.c). */
static bool decide_direct(struct boot_reading *reading, const struct evidence *evidence)
{
	/* The ROM that QEMU adds for -kernel; OVMF starts such a kernel as an EFI program, which hides the type. */
	static const char *const roms[] = { "/sys/firmware/qemu_fw_cfg/by_name/genroms/linuxboot_dma.bin",
					    "/sys/firmware/qemu_fw_cfg/by_name/genroms/linuxboot.bin",
					    "/sys/firmware/qemu_fw_cfg/by_name/genroms/pvh.bin" };
	if (is_type(evidence, TYPE_DIRECT))
		return decide(reading, BOOT_DIRECT, LOADER_TYPE,
			      arena_printf(reading->arena, "%s (the hypervisor itself started the kernel)",
					   evidence->type.text));
	if (!evidence->running || evidence->image || evidence->initrd || is_type(evidence, TYPE_GRUB) ||
	    fact_known(&evidence->loader) || is_type(evidence, TYPE_KEXEC))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(roms); i++)
		if (root_exists(reading->root, roms[i]))
			return decide(reading, BOOT_DIRECT, roms[i], "present (QEMU was given the kernel by -kernel)");
	return false;
}

static bool decide_generated(struct boot_reading *reading, const struct evidence *evidence)
{
	if (root_exists(reading->root, "/etc/NIXOS"))
		return decide(reading, BOOT_NIXOS, "/etc/NIXOS", "present");
	const struct cmdline_word *deployment = cmdline_find(&evidence->cmdline, "ostree");
	if (deployment && deployment->value)
		return decide(reading, BOOT_OSTREE, "/proc/cmdline", deployment->word);
	if (evidence->running && root_exists(reading->root, "/run/ostree-booted"))
		return decide(reading, BOOT_OSTREE, "/run/ostree-booted", "present");
	if (!evidence->running && root_exists(reading->root, "/ostree/repo"))
		return decide(reading, BOOT_OSTREE, "/ostree/repo", "present");
	return false;
}

/* What GRUB itself left behind. SYSLINUX says BOOT_IMAGE= as well; "(hd0,gpt2)/..." only GRUB writes. */
static bool started_by_grub(struct boot_reading *reading, const struct evidence *evidence, const char **ret_where,
			    const char **ret_what)
{
	if (is_type(evidence, TYPE_GRUB)) {
		*ret_where = LOADER_TYPE;
		*ret_what = arena_printf(reading->arena, "%s (GRUB)", evidence->type.text);
		return true;
	}
	if (evidence->initrd || is_type(evidence, TYPE_SYSLINUX))
		return false;
	if (evidence->image && evidence->image->value &&
	    (evidence->image->value[0] == '(' || !fact_absent(&evidence->grub_cfg) ||
	     says(&evidence->loader, "GRUB"))) {
		*ret_where = "/proc/cmdline";
		*ret_what = evidence->image->word;
		return true;
	}
	if (says(&evidence->loader, "GRUB")) {
		*ret_where = evidence->loader.path;
		*ret_what = evidence->loader.text;
		return true;
	}
	return false;
}

static bool started_by_systemd_boot(const struct evidence *evidence, const char *initrd, const char **ret_where,
				    const char **ret_what)
{
	if (evidence->initrd && initrd && text_starts_with(evidence->initrd->word, initrd)) {
		*ret_where = "/proc/cmdline";
		*ret_what = evidence->initrd->word;
		return true;
	}
	/* It may have started GRUB, which then started the kernel. */
	if (says(&evidence->loader, "systemd-boot") && (evidence->initrd || !evidence->image)) {
		*ret_where = evidence->loader.path;
		*ret_what = evidence->loader.text;
		return true;
	}
	return false;
}

/* GRUB on such an ESP makes proxmox-boot-tool take it for GRUB's, since version 8.0.6. Mounted they rarely are. */
static const char *find_mounted_grub(const struct boot_reading *reading)
{
	static const char *const places[] = { "/boot/efi/EFI/proxmox/grubx64.efi", "/efi/EFI/proxmox/grubx64.efi" };
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (root_exists(reading->root, places[i]))
			return places[i];
	return NULL;
}

static bool decide_proxmox(struct boot_reading *reading, const struct evidence *evidence)
{
	const struct boot *boot = reading->boot;
	const char *where;
	const char *what;
	/* An upgrade renames it; one that is left alone is the list of a tool of before Proxmox VE 6.4. */
	if (fact_absent(&boot->esp_uuids) && root_exists(reading->root, OLD_UUIDS))
		return decide(
			reading, BOOT_UNKNOWN, OLD_UUIDS,
			"present without proxmox-boot-uuids: its ESPs are kept by pve-efiboot-tool of before Proxmox VE "
			"6.4");
	if (fact_absent(&boot->esp_uuids) || (fact_known(&boot->esp_uuids) && !boot->esp_uuids.text[0]))
		return false;
	if (fact_unknown(&boot->esp_uuids))
		return decide(reading, BOOT_UNKNOWN, UUIDS,
			      "not readable: it would tell whether proxmox-boot-tool keeps the boot loader");
	if (started_by_systemd_boot(evidence, "initrd=\\EFI\\proxmox\\", &where, &what))
		return decide(reading, BOOT_PROXMOX_SYSTEMD_BOOT, where, what);
	if (started_by_grub(reading, evidence, &where, &what))
		return decide(reading, BOOT_PROXMOX_GRUB, where, what);
	/* grub.cfg is on the ESPs then, so that there need be none here. */
	if (evidence->image && !evidence->initrd && !says(&evidence->loader, "systemd-boot"))
		return decide(reading, BOOT_PROXMOX_GRUB, "/proc/cmdline", evidence->image->word);
	if (evidence->running && fact_absent(&boot->efi))
		return decide(reading, BOOT_PROXMOX_GRUB, UUIDS,
			      "its ESPs are in use, and without UEFI (/sys/firmware/efi) they carry GRUB");
	const char *grub = find_mounted_grub(reading);
	if (grub)
		return decide(reading, BOOT_PROXMOX_GRUB, grub, "present");
	return decide(reading, BOOT_PROXMOX_BOTH, UUIDS,
		      "its ESPs are in use; which loader is on them cannot be told without mounting them");
}

static bool decide_uki(struct boot_reading *reading, const struct evidence *evidence)
{
	return fact_known(&evidence->stub) && decide(reading, BOOT_UKI, evidence->stub.path, evidence->stub.text);
}

static bool has_grubby(const struct boot_reading *reading)
{
	return root_exists(reading->root, "/usr/sbin/grubby") || root_exists(reading->root, "/usr/bin/grubby");
}

static bool decide_systemd_boot(struct boot_reading *reading, const struct evidence *evidence)
{
	const char *where;
	const char *what;
	if (!started_by_systemd_boot(evidence, NULL, &where, &what))
		return false;
	/* Fedora's entries are grubby's, whichever loader shows them. */
	return decide(reading, has_grubby(reading) ? BOOT_BLS : BOOT_SYSTEMD_BOOT, where, what);
}

/* GRUB with entries of its own in grub.cfg, or with those of /boot/loader/entries. */
static bool decide_kind_of_grub(struct boot_reading *reading, const struct evidence *evidence, const char *where,
				const char *what)
{
	struct slice text;
	struct list entries = { .arena = reading->arena };
	boot_list_entries(reading, &entries);
	if (entries.count && boot_read_file(reading, evidence->grub_cfg.path, &text)) {
		if (grub_uses_bls(text))
			return decide(reading, BOOT_BLS, evidence->grub_cfg.path,
				      arena_printf(reading->arena, "blscfg (%s: %s)", where, what));
	} else if (entries.count && !fact_absent(&evidence->grub_cfg) && has_grubby(reading)) {
		return decide(reading, BOOT_BLS, entries.items[0],
			      arena_printf(reading->arena, "present, and so is grubby (%s: %s)", where, what));
	}
	return decide(reading, BOOT_GRUB, where, what);
}

static bool decide_grub(struct boot_reading *reading, const struct evidence *evidence)
{
	const char *where;
	const char *what;
	return started_by_grub(reading, evidence, &where, &what) && decide_kind_of_grub(reading, evidence, where, what);
}

/* Of a system that is not running, or whose kernel another kernel started: if the files of one loader alone are there. */
static bool decide_by_files(struct boot_reading *reading, const struct evidence *evidence)
{
	static const char *const programs[] = {
		"/boot/efi/EFI/systemd/systemd-bootx64.efi",
		"/efi/EFI/systemd/systemd-bootx64.efi",
		"/boot/EFI/systemd/systemd-bootx64.efi",
		"/boot/efi/loader/loader.conf",
		"/efi/loader/loader.conf",
		"/boot/loader/loader.conf",
	};
	if (evidence->running && !is_type(evidence, TYPE_KEXEC))
		return false;
	bool grub = fact_known(&evidence->grub_cfg);
	const char *other = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(programs) && !other; i++)
		if (root_exists(reading->root, programs[i]))
			other = programs[i];
	if (grub && !other)
		return decide_kind_of_grub(reading, evidence, evidence->grub_cfg.path,
					   "present, and no other loader's files");
	if (other && fact_absent(&evidence->grub_cfg))
		return decide(reading, BOOT_SYSTEMD_BOOT, other, "present, and no grub.cfg");
	return false;
}

static void leave_unknown(struct boot_reading *reading, const struct evidence *evidence)
{
	const char *where = "/proc/cmdline";
	const char
		*what = "neither BOOT_IMAGE= of GRUB nor initrd=\\ of systemd-boot is there, and no loader's name was "
			"found in the firmware's variables";
	if (!evidence->running) {
		where = "/boot";
		what = "the files of no loader, or of several, are there, and this system is not running";
	} else if (is_type(evidence, TYPE_KEXEC)) {
		where = LOADER_TYPE;
		what = "another kernel started this one (kexec)";
	} else if (is_type(evidence, TYPE_SYSLINUX)) {
		where = LOADER_TYPE;
		what = "SYSLINUX, which nestpci does not know";
	} else if (fact_known(&evidence->loader)) {
		where = evidence->loader.path;
		what = arena_printf(reading->arena, "'%s', which nestpci does not know", evidence->loader.text);
	} else if (evidence->initrd) {
		what = arena_printf(reading->arena,
				    "%s: started by UEFI, but no loader's name was found in its variables",
				    evidence->initrd->word);
	} else if (evidence->image) {
		what = arena_printf(reading->arena, "%s, but there is no grub.cfg", evidence->image->word);
	} else if (fact_known(&evidence->type)) {
		where = LOADER_TYPE;
		what = arena_printf(reading->arena, "%s, and /proc/cmdline names no loader", evidence->type.text);
	}
	decide(reading, BOOT_UNKNOWN, where, what);
}

static void read_places(struct boot_reading *reading)
{
	struct boot *boot = reading->boot;
	struct slice text;
	boot->esp_uuids = boot_read_fact(reading, UUIDS, &text);
	struct slice trimmed = slice_trim(text);
	if (fact_known(&boot->esp_uuids))
		boot->esp_uuids.text = arena_strndup(reading->arena, trimmed.start, trimmed.length);
	boot->efi = (struct fact){ .path = "/sys/firmware/efi" };
	if (reading->root->kind != ROOT_OFFLINE) {
		boot->efi = fact_exists(reading->root, reading->arena, "/sys/firmware/efi");
	} else {
		boot->efi.state = FACT_UNREADABLE;
		boot->efi.problem = "/sys/firmware/efi: this system is not running";
	}
}

void boot_read_loader(struct boot_reading *reading)
{
	struct boot *boot = reading->boot;
	struct evidence evidence;
	read_places(reading);
	gather(reading, &evidence);
	if (!decide_direct(reading, &evidence) && !decide_generated(reading, &evidence) &&
	    !decide_proxmox(reading, &evidence) && !decide_uki(reading, &evidence) &&
	    !decide_systemd_boot(reading, &evidence) && !decide_grub(reading, &evidence) &&
	    !decide_by_files(reading, &evidence))
		leave_unknown(reading, &evidence);
	boot->grub.in_use = boot->loader == BOOT_GRUB || boot->loader == BOOT_PROXMOX_GRUB ||
			    boot->loader == BOOT_PROXMOX_BOTH;
}
