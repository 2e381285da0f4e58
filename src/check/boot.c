/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the boot loader is told, against what the kernel was given. /proc/cmdline is the truth about the kernel that
 * runs; files only say what the next one would get, and only those that the boot loader in use reads.
 */
#include "check/parameter.h"

/* No model of the boot set-up, or nothing that it could be about: that is the verdict then, and true. */
static bool judged_without_boot(const struct subject_set *set, struct finding *finding, struct arena *arena)
{
	if (judged_as_container(set, finding, arena))
		return true;
	if (set->boot)
		return false;
	judge_unknown(finding, arena, "the boot set-up was not looked at");
	return true;
}

static void judge_loader(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	if (judged_without_boot(set, finding, arena))
		return;
	const char *reason = set->boot->reason ? set->boot->reason : "nothing was found that tells";
	if (set->boot->loader == BOOT_UNKNOWN)
		judge_unknown(finding, arena, "which boot loader is in use is not known");
	else
		judge_pass(finding, arena, "this system boots by %s", boot_loader_name(set->boot->loader));
	judge_evidence(finding, arena, "how it boots", "%s", reason);
}

/* The words of `from` that matter here and are not in `other`, one blank between; NULL: none. */
static const char *missing_words(const struct cmdline *from, const struct cmdline *other, struct arena *arena)
{
	struct buffer words = { .arena = arena };
	for (size_t i = 0; i < from->count; i++) {
		const struct cmdline_word *word = &from->words[i];
		if (parameter_matters(word->name) && !parameter_has_word(other, word))
			buffer_printf(&words, "%s%s", words.length ? " " : "", word->word);
	}
	return words.text;
}

/* What the loader in use reads: the first of the two files, or its own entry where it has none; NULL: not known. */
static const struct boot_cmdline *in_use_of(const struct boot *boot)
{
	if (boot->grub.in_use)
		return &boot->grub;
	if (boot->kernel_cmdline.in_use)
		return &boot->kernel_cmdline;
	return boot->loader != BOOT_UNKNOWN && fact_known(&boot->entry.file) ? &boot->entry : NULL;
}

/* Neither a line nor, at least, what is sure of it: that is the verdict then, and true. */
static bool judged_without_line(const struct boot_cmdline *file, struct finding *finding, struct arena *arena)
{
	if (fact_unknown(&file->file)) {
		judge_unknown_fact(finding, arena, &file->file);
		return true;
	}
	if (!file->problem || file->line)
		return false;
	judge_unknown(finding, arena, "what %s makes of the kernel's command line is not known", file->path);
	judge_evidence(finding, arena, file->path, "%s", file->problem);
	return true;
}

/* Without the loader none of the others can be judged: that is said once, by boot-loader-known. */
static bool judged_without_loader(const struct boot *boot, struct finding *finding, struct arena *arena)
{
	if (boot->loader != BOOT_UNKNOWN)
		return false;
	judge_na(finding, arena, "not judged without the boot loader: see boot-loader-known");
	return true;
}

static bool judged_without_file(const struct boot *boot, struct finding *finding, struct arena *arena)
{
	if (in_use_of(boot))
		return false;
	if (!judged_without_loader(boot, finding, arena))
		judge_na(finding, arena, "%s is configured by no file that is read here",
			 boot_loader_name(boot->loader));
	return true;
}

/* Set, and not in force: was it only not rebooted, or did nobody make the boot loader's entry anew? */
static void remedy_not_booted(struct finding *finding, const struct subject_set *set, struct arena *arena,
			      const struct boot_cmdline *file)
{
	const struct boot_cmdline *entry = &set->boot->entry;
	const char *command = boot_apply_command(set);
	bool entry_known = entry != file && fact_known(&entry->file) && !entry->problem;
	if (entry == file || (entry_known && !missing_words(&file->cmdline, &entry->cmdline, arena))) {
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "reboot: the boot loader has it already");
	} else if (command) {
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena, "run '%s', then reboot", command);
		judge_mend(finding, arena, (struct mend){ .kind = MEND_BOOT });
		if (entry_known)
			judge_evidence(finding, arena, entry->path, "%s", entry->line ? entry->line : "");
	} else {
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "have the boot loader's entries made anew, then reboot");
	}
}

static void judge_in_force(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	const struct kernel *kernel = &set->host->kernel;
	if (judged_without_boot(set, finding, arena))
		return;
	if (!fact_known(&kernel->cmdline_file)) {
		judge_unknown_fact(finding, arena, &kernel->cmdline_file);
		return;
	}
	if (judged_without_file(set->boot, finding, arena))
		return;
	const struct boot_cmdline *file = in_use_of(set->boot);
	if (judged_without_line(file, finding, arena))
		return;
	const char *command = boot_apply_command(set);
	const char *not_booted = missing_words(&file->cmdline, &kernel->cmdline, arena);
	const char *not_set = missing_words(&kernel->cmdline, &file->cmdline, arena);
	if (not_booted) {
		judge_warn(finding, arena, "set, but not in force: %s", not_booted);
		remedy_not_booted(finding, set, arena, file);
	} else if (file->problem) {
		judge_unknown(finding, arena, "what else %s says is not known", file->path);
		judge_evidence(finding, arena, file->path, "%s", file->problem);
	} else if (not_set) {
		judge_warn(finding, arena, "in force, but not set: %s: gone after the next update of the boot loader",
			   not_set);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "if that is meant to stay, add it in %s%s%s%s", file->path, command ? " and run '" : "",
			     command ? command : "", command ? "'" : "");
	} else {
		judge_pass(finding, arena, "the kernel was given what %s says", file->path);
	}
	if (finding->verdict == VERDICT_WARN) {
		judge_evidence(finding, arena, file->path, "%s", file->line ? file->line : "");
		judge_evidence_fact(finding, arena, &kernel->cmdline_file);
	}
}

static void judge_elsewhere(const struct subject_set *set, const void *subject, struct finding *finding,
			    struct arena *arena)
{
	const struct kernel *kernel = &set->host->kernel;
	if (judged_without_boot(set, finding, arena) || judged_without_file(set->boot, finding, arena))
		return;
	const struct boot *boot = set->boot;
	const struct boot_cmdline *used = in_use_of(boot);
	const struct boot_cmdline *unused = used == &boot->grub ? &boot->kernel_cmdline : &boot->grub;
	if (used == &boot->entry || unused->in_use) {
		judge_na(finding, arena,
			 used == &boot->entry ? "the boot loader reads neither file" : "both files are in use");
		return;
	}
	if (fact_unknown(&unused->file)) {
		judge_unknown_fact(finding, arena, &unused->file);
		return;
	}
	const char *idle = missing_words(&unused->cmdline, &used->cmdline, arena);
	bool in_force = fact_known(&kernel->cmdline_file) && !missing_words(&unused->cmdline, &kernel->cmdline, arena);
	if (!idle || in_force) {
		judge_pass(finding, arena, "no parameter is set in a file that is not read");
		return;
	}
	if (used->problem) {
		judge_unknown(finding, arena, "%s has %s; whether %s has it, too, is not known", unused->path, idle,
			      used->path);
		judge_evidence(finding, arena, used->path, "%s", used->problem);
		return;
	}
	judge_warn(finding, arena, "set where nobody reads it: %s in %s", idle, unused->path);
	judge_evidence(finding, arena, unused->path, "%s", unused->line ? unused->line : idle);
	if (boot->reason)
		judge_evidence(finding, arena, "how it boots", "%s", boot->reason);
	judge_wanted(finding, arena, "the parameters in %s", used->path);
	judge_remedy_parameter(finding, set, arena, true, idle);
}

static void judge_one_line(const struct subject_set *set, const void *subject, struct finding *finding,
			   struct arena *arena)
{
	if (judged_without_boot(set, finding, arena))
		return;
	const struct boot_cmdline *file = &set->boot->kernel_cmdline;
	if (fact_absent(&file->file)) {
		judge_na(finding, arena, "there is no /etc/kernel/cmdline");
	} else if (!fact_known(&file->file)) {
		judge_unknown_fact(finding, arena, &file->file);
	} else if (!file->in_use) {
		judge_na(finding, arena, "%s is there, and not in use", file->path);
	} else if (file->lines > 1) {
		judge_warn(finding, arena, "%s has %zu lines: only the first is used", file->path, file->lines);
		judge_evidence(finding, arena, file->path, "%zu lines", file->lines);
		judge_wanted(finding, arena, "one line");
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "put all parameters into the first line, run '%s', then reboot",
			     boot_apply_command(set) ? boot_apply_command(set) : "the boot loader's update");
		judge_mend(finding, arena, (struct mend){ .kind = MEND_ONE_LINE });
	} else {
		judge_pass(finding, arena, "%s has one line", file->path);
	}
}

static void judge_both_files(const struct subject_set *set, const void *subject, struct finding *finding,
			     struct arena *arena)
{
	if (judged_without_boot(set, finding, arena))
		return;
	const struct boot *boot = set->boot;
	if (judged_without_loader(boot, finding, arena))
		return;
	if (boot->loader != BOOT_PROXMOX_BOTH) {
		judge_na(finding, arena, "one file is in use");
		return;
	}
	if (judged_without_line(&boot->grub, finding, arena) ||
	    judged_without_line(&boot->kernel_cmdline, finding, arena))
		return;
	const char *only_grub = missing_words(&boot->grub.cmdline, &boot->kernel_cmdline.cmdline, arena);
	const char *only_kernel = missing_words(&boot->kernel_cmdline.cmdline, &boot->grub.cmdline, arena);
	if (!only_grub && !only_kernel) {
		judge_pass(finding, arena, "%s and %s say the same", boot->grub.path, boot->kernel_cmdline.path);
		return;
	}
	const char *has = only_grub ? boot->grub.path : boot->kernel_cmdline.path;
	const char *lacks = only_grub ? boot->kernel_cmdline.path : boot->grub.path;
	judge_warn(finding, arena, "%s is in %s and not in %s, and either may be booted",
		   only_grub ? only_grub : only_kernel, has, lacks);
	judge_evidence(finding, arena, boot->grub.path, "%s", boot->grub.line ? boot->grub.line : "");
	judge_evidence(finding, arena, boot->kernel_cmdline.path, "%s",
		       boot->kernel_cmdline.line ? boot->kernel_cmdline.line : "");
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
		     "make both files say the same, run 'proxmox-boot-tool refresh', then reboot");
	if (!only_grub || !only_kernel)
		judge_mend(finding, arena,
			   (struct mend){ MEND_SET_PARAMETER, NULL, only_grub ? only_grub : only_kernel, 0 });
}

static void judge_pinned(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	if (judged_without_boot(set, finding, arena))
		return;
	const struct boot *boot = set->boot;
	const struct fact *release = &set->host->kernel.release;
	const struct fact *pin = &boot->pinned_kernel;
	const char *newest = boot->kernels.count ? boot->kernels.items[boot->kernels.count - 1] : NULL;
	if (fact_unknown(pin)) {
		judge_unknown_fact(finding, arena, pin);
	} else if (fact_absent(pin) && boot->grub_default && newest && fact_known(release) &&
		   !fact_is(release, newest) && !text_equals(boot->grub_default, "0")) {
		judge_warn(finding, arena, "GRUB_DEFAULT is %s; %s runs, while %s is installed", boot->grub_default,
			   release->text, newest);
		judge_evidence_fact(finding, arena, release);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "if that is not meant: GRUB_DEFAULT=0 in /etc/default/grub, '%s', then reboot",
			     boot_apply_command(set) ? boot_apply_command(set) : "update-grub");
	} else if (fact_absent(pin)) {
		bool is_old = newest && fact_known(release) && !fact_is(release, newest);
		judge_pass(finding, arena, "no kernel is pinned%s%s", is_old ? "; the newest installed is " : "",
			   is_old ? newest : "");
	} else if (newest && !fact_is(pin, newest)) {
		judge_warn(finding, arena, "the kernel is pinned to %s, while %s is installed", pin->text, newest);
		judge_evidence_fact(finding, arena, pin);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_HOST, arena,
			     "if that is not meant: 'proxmox-boot-tool kernel unpin', then reboot");
	} else {
		judge_pass(finding, arena, "the kernel is pinned to %s", pin->text ? pin->text : "one");
		judge_evidence_fact(finding, arena, pin);
	}
}

static const struct check checks[] = {
	{
		.id = "boot-loader-known",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the boot loader in use is known",
		.looks_at = "/etc/kernel/proxmox-boot-uuids and the ESPs, EFI variables, /boot/grub, /boot/loader.",
		.why = "It decides which file holds the kernel's command line. That a file is there proves nothing: "
		       "/etc/kernel/cmdline exists on machines that boot by GRUB.",
		.mend = "'proxmox-boot-tool status', 'efibootmgr -v' and 'bootctl status' tell more; root sees more of them.",
		.see = "Proxmox VE: Host Bootloader; bootctl(1)",
		.rows = "F137 F138",
		.at_rest = true,
		.judge = judge_loader,
	},
	{
		.id = "boot-parameters-in-force",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the kernel was given what is configured",
		.looks_at =
			"The line that the file in use gives (/etc/default/grub with grub.d, or /etc/kernel/cmdline), "
			"against /proc/cmdline; only parameters that matter here.",
		.why = "A parameter has an effect once the boot loader's configuration was made anew and the machine "
		       "rebooted. One that was typed at the boot prompt is gone after the next boot.",
		.mend = "Run the command that fits the boot loader (update-grub, proxmox-boot-tool refresh), reboot.",
		.see = "Proxmox VE: Host Bootloader; grub-mkconfig(8)",
		.rows = "F137 F138 F139 F141 F142",
		.judge = judge_in_force,
	},
	{
		.id = "boot-parameters-elsewhere",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "no parameter is set in a file that nobody reads",
		.looks_at = "/etc/default/grub where systemd-boot is in use, /etc/kernel/cmdline where GRUB is.",
		.why = "Guides name one file or the other; the wrong one is edited, and nothing happens.",
		.mend = "Set it in the file that the boot loader reads.",
		.see = "Proxmox VE: Host Bootloader",
		.rows = "F137 F138",
		.at_rest = true,
		.judge = judge_elsewhere,
	},
	{
		.id = "boot-cmdline-one-line",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "/etc/kernel/cmdline has one line",
		.looks_at = "The lines of /etc/kernel/cmdline that are not empty.",
		.why = "Only the first line is used; a parameter in the second is lost in silence.",
		.mend = "Put all into one line.",
		.see = "Proxmox VE: Host Bootloader, systemd-boot; kernel-install(8)",
		.rows = "F140",
		.at_rest = true,
		.judge = judge_one_line,
	},
	{
		.id = "boot-both-files",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "both files say the same where either may count",
		.looks_at =
			"/etc/default/grub and /etc/kernel/cmdline on Proxmox VE, where ESPs of both kinds exist, or it "
			"cannot be told which is booted.",
		.why = "Which one counts depends on the ESP that firmware picks.",
		.mend = "Set every parameter in both.",
		.see = "Proxmox VE: Host Bootloader",
		.rows = "F137 F138",
		.at_rest = true,
		.judge = judge_both_files,
	},
	{
		.id = "boot-kernel-pinned",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "no old kernel is pinned",
		.looks_at = "/etc/kernel/proxmox-boot-pin and next-boot-pin; GRUB_DEFAULT; the kernels in /boot.",
		.why = "Modules and parameters are set for one kernel, and another one boots.",
		.mend = "'proxmox-boot-tool kernel unpin'; GRUB_DEFAULT=0.",
		.see = "Proxmox VE: Host Bootloader, Override the Kernel-Version",
		.rows = "F144",
		.at_rest = true,
		.judge = judge_pinned,
	},
	{ 0 },
};

const struct check_family check_family_boot = {
	.name = "boot",
	.title = "Boot loader",
	.checks = checks,
};
