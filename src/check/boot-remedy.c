/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a host gets another kernel command line. */
#include "check/parameter.h"

static bool is_debian(const struct subject_set *set)
{
	return fact_known(&set->host->versions.dpkg_status);
}

const char *boot_apply_command(const struct subject_set *set)
{
	switch (set->boot ? set->boot->loader : BOOT_UNKNOWN) {
	case BOOT_GRUB:
		return is_debian(set) ? "update-grub" : "grub-mkconfig -o /boot/grub/grub.cfg";
	case BOOT_PROXMOX_GRUB:
	case BOOT_PROXMOX_SYSTEMD_BOOT:
	case BOOT_PROXMOX_BOTH:
		return "proxmox-boot-tool refresh";
	case BOOT_SYSTEMD_BOOT:
		return "kernel-install add VERSION /boot/vmlinuz-VERSION (for each kernel)";
	case BOOT_NIXOS:
		return "nixos-rebuild boot";
	default:
		return NULL;
	}
}

const char *boot_initramfs_command(const struct subject_set *set)
{
	if (is_debian(set))
		return "update-initramfs -u -k all";
	return "dracut -f --regenerate-all (or mkinitcpio -P)";
}

/* The file of the loader in use that has the parameter already: it was set, and is not in force yet. */
static const char *configured_in(const struct boot *boot, const char *parameter, struct arena *arena)
{
	struct cmdline wanted;
	cmdline_parse(slice_of(parameter), arena, &wanted);
	const struct boot_cmdline *files[] = { &boot->grub, &boot->kernel_cmdline };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (wanted.count && files[i]->in_use && parameter_has_word(&files[i]->cmdline, &wanted.words[0]))
			return files[i]->path;
	return NULL;
}

/*
 * Where GRUB's line is to be edited: the last assignment that counts; to take something away, the one that has it. Files
 * of grub.d come after /etc/default/grub, and may well be that one.
 */
static const char *place_in_grub(const struct boot *boot, struct arena *arena, bool add, const char *parameter)
{
	const struct assignment *found = NULL;
	for (size_t i = 0; i < boot->grub.setting_count; i++) {
		const struct assignment *setting = &boot->grub.settings[i];
		bool is_default = text_equals(setting->name, "GRUB_CMDLINE_LINUX_DEFAULT");
		if (add ? is_default : setting->added && strstr(setting->added, parameter))
			found = setting;
	}
	if (!found)
		return "GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub";
	return arena_printf(arena, "%s in %s, line %u", found->name, found->path, found->line);
}

/* The place that is to be edited, as part of a sentence. */
static const char *place(const struct boot *boot, struct arena *arena, bool add, const char *parameter)
{
	switch (boot->loader) {
	case BOOT_GRUB:
	case BOOT_PROXMOX_GRUB:
		return place_in_grub(boot, arena, add, parameter);
	case BOOT_SYSTEMD_BOOT:
	case BOOT_PROXMOX_SYSTEMD_BOOT:
		return "the one line of /etc/kernel/cmdline";
	case BOOT_PROXMOX_BOTH:
		return arena_printf(arena, "%s and the one line of /etc/kernel/cmdline",
				    place_in_grub(boot, arena, add, parameter));
	case BOOT_NIXOS:
		return "boot.kernelParams in the system's configuration";
	default:
		return NULL;
	}
}

static void remedy_by_tool(struct finding *finding, const struct boot *boot, struct arena *arena, bool add,
			   const char *parameter)
{
	const char *verb = add ? "add" : "remove";
	switch (boot->loader) {
	case BOOT_BLS:
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "run 'grubby --update-kernel=ALL --%s=\"%s\"', then reboot", add ? "args" : "remove-args",
			     parameter);
		break;
	case BOOT_OSTREE:
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "run 'rpm-ostree kargs --%s=%s', then reboot", add ? "append" : "delete", parameter);
		break;
	case BOOT_UKI:
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "%s %s %s the one line of /etc/kernel/cmdline, make the unified kernel image anew "
			     "('mkinitcpio -P' or 'kernel-install add'), then reboot",
			     verb, parameter, add ? "to" : "from");
		break;
	case BOOT_DIRECT:
		judge_remedy(
			finding, ACTOR_OUTER, RESTART_VM, arena,
			"%s %s %s the kernel command line that the hypervisor starts this VM with (QEMU's -append)",
			verb, parameter, add ? "to" : "from");
		break;
	default:
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "%s %s %s the kernel command line, in the file that this host's boot loader reads (which "
			     "one it is, is not known), then reboot",
			     verb, parameter, add ? "to" : "from");
	}
}

static const struct boot *boot_of(const struct subject_set *set)
{
	static const struct boot unknown = { .loader = BOOT_UNKNOWN };
	return set->boot ? set->boot : &unknown;
}

/* Where nestpci knows how to (change/kernel-parameter.c). */
static void mend_parameter(struct finding *finding, const struct subject_set *set, struct arena *arena, bool add,
			   const char *parameter)
{
	enum boot_loader loader = boot_of(set)->loader;
	if (loader == BOOT_GRUB || loader == BOOT_SYSTEMD_BOOT || loader == BOOT_PROXMOX_GRUB ||
	    loader == BOOT_PROXMOX_SYSTEMD_BOOT || loader == BOOT_PROXMOX_BOTH || loader == BOOT_BLS)
		judge_mend(finding, arena,
			   (struct mend){ .kind = add ? MEND_SET_PARAMETER : MEND_REMOVE_PARAMETER,
					  .what = arena_strdup(arena, parameter) });
}

static bool is_known(const char *name, const char *item)
{
	const struct cmdline_word word = { .word = item, .name = name, .value = item };
	return !parameter_wrong_item(&word).length;
}

/* All values of `name` that the kernel knows, joined: `with` first, none that begins as `without`. NULL: nothing is left. */
static const char *values_of(const struct cmdline *cmdline, struct arena *arena, const char *name, const char *with,
			     const char *without)
{
	struct buffer text = { .arena = arena };
	if (with)
		buffer_puts(&text, with);
	for (size_t i = 0; i < cmdline->count; i++) {
		struct slice rest = slice_of(cmdline->words[i].value ? cmdline->words[i].value : "");
		struct slice next;
		if (!text_equals(cmdline->words[i].name, name))
			continue;
		while (parameter_next_item(&rest, &next)) {
			const char *item = arena_strndup(arena, next.start, next.length);
			if (text_equals(item, with) || !is_known(name, item) ||
			    (without && text_starts_with(item, without)))
				continue;
			buffer_printf(&text, "%s%s", text.length ? "," : "", item);
		}
	}
	return text.text;
}

void judge_remedy_item(struct finding *finding, const struct subject_set *set, struct arena *arena, const char *name,
		       const char *with, const char *without)
{
	const struct cmdline *cmdline = &set->host->kernel.cmdline;
	const struct cmdline_word *word = cmdline_find(cmdline, name);
	const char *values = values_of(cmdline, arena, name, with, without);
	const char *wanted = arena_printf(arena, "%s=%s", name, values ? values : "");
	if (!word || !values) {
		judge_remedy_parameter(finding, set, arena, values, values ? wanted : word ? word->word : name);
		return;
	}
	const char *where = place(boot_of(set), arena, false, word->word);
	const char *apply = boot_apply_command(set);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
		     "put %s in the place of %s %s%s%s%s%s, then reboot", wanted, word->word,
		     where ? "in " : "on the kernel's command line", where ? where : "", apply ? ", run '" : "",
		     apply ? apply : "", apply ? "'" : "");
	mend_parameter(finding, set, arena, true, wanted);
}

void judge_remedy_parameter(struct finding *finding, const struct subject_set *set, struct arena *arena, bool add,
			    const char *parameter)
{
	const struct boot *boot = boot_of(set);
	const char *where = place(boot, arena, add, parameter);
	const char *already = add ? configured_in(boot, parameter, arena) : NULL;
	const char *apply = boot_apply_command(set);
	mend_parameter(finding, set, arena, add, parameter);
	if (!where) {
		remedy_by_tool(finding, boot, arena, add, parameter);
	} else if (already) {
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "%s is set in %s already, but not in force: run '%s', then reboot", parameter, already,
			     apply);
	} else {
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena, "%s %s %s %s, run '%s', then reboot",
			     add ? "add" : "remove", parameter, add ? "to" : "from", where, apply);
	}
}
