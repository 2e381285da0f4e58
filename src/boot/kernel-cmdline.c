/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/kernel/cmdline: one line, read by proxmox-boot-tool, kernel-install and the makers of unified kernel images. */
#include "boot/boot-internal.h"

static bool takes_first_line_only(enum boot_loader loader)
{
	/* proxmox-boot-tool does; where nobody reads it, what a reader of today's Proxmox VE would see is as good. */
	return loader != BOOT_SYSTEMD_BOOT && loader != BOOT_BLS && loader != BOOT_UKI;
}

/* kernel-install and mkinitcpio make one line of all, but for comments. */
static const char *join_lines(struct boot_reading *reading, struct slice text, bool first_only)
{
	struct buffer line = { .arena = reading->arena };
	struct slice next;
	buffer_puts(&line, "");
	while (slice_next_line(&text, &next)) {
		struct slice trimmed = slice_trim(next);
		if (trimmed.length && (first_only || *trimmed.start != '#')) {
			if (line.length)
				buffer_putc(&line, ' ');
			buffer_add(&line, trimmed.start, trimmed.length);
		}
		if (first_only)
			break;
	}
	return line.text;
}

static bool is_in_use(const struct boot *boot)
{
	switch (boot->loader) {
	case BOOT_PROXMOX_SYSTEMD_BOOT:
	case BOOT_PROXMOX_BOTH:
		return true;
	case BOOT_SYSTEMD_BOOT:
	case BOOT_UKI:
		/* Entries may be written by hand, and images made from another file: then there is none here. */
		return !fact_absent(&boot->kernel_cmdline.file);
	default:
		return false;
	}
}

void boot_read_kernel_cmdline(struct boot_reading *reading)
{
	struct boot *boot = reading->boot;
	struct boot_cmdline *result = &boot->kernel_cmdline;
	struct slice text;
	result->path = "/etc/kernel/cmdline";
	result->sources.arena = reading->arena;
	result->file = boot_read_fact(reading, result->path, &text);
	result->in_use = is_in_use(boot);
	result->problem = result->file.problem;
	if (!fact_known(&result->file))
		return;
	list_add(&result->sources, result->path);
	if (memchr(text.start, '\0', text.length)) {
		result->problem = arena_printf(reading->arena, "%s: it holds a NUL", result->path);
		return;
	}
	struct slice rest = text;
	struct slice line;
	while (slice_next_line(&rest, &line))
		result->lines += slice_trim(line).length > 0;
	result->line = join_lines(reading, text, takes_first_line_only(boot->loader));
	cmdline_parse(slice_of(result->line), reading->arena, &result->cmdline);
}
