/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's command line, where the boot loader in use has it configured. */
#include "change/cmdline-edit.h"
#include "change/grub-edit.h"

#define CMDLINE "/etc/kernel/cmdline"

static const char *describe(struct arena *arena, const struct parameter_change *changes, size_t count)
{
	struct buffer text = { .arena = arena };
	for (size_t i = 0; i < count; i++)
		buffer_printf(&text, "%s%s %s", i ? ", " : "", changes[i].remove ? "take away" : "set",
			      changes[i].word);
	buffer_puts(&text, " on the kernel's command line");
	return text.text;
}

/* As it stands in advice: "intel_iommu=on iommu=pt". */
static const char *words_of(struct arena *arena, const struct parameter_change *changes, size_t count, bool removed)
{
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "");
	for (size_t i = 0; i < count; i++)
		if (changes[i].remove == removed)
			buffer_printf(&text, "%s%s", text.length ? " " : "", changes[i].word);
	return text.text;
}

/* ---- /etc/kernel/cmdline ---- */

/*
 * What proxmox-boot-tool and kernel-install take where there is no file: the running kernel's line, without what the
 * boot loader itself puts there.
 */
static int running_line(struct plan *plan, struct slice *ret, struct error *error)
{
	static const struct parameter_change loaders[] = { { "BOOT_IMAGE", true }, { "initrd", true } };
	struct slice text;
	if (plan->root->kind == ROOT_OFFLINE)
		return error_set(error, -ENOTSUP,
				 "%s%s is not there, and what the boot loader takes instead is known on the running "
				 "system only: write the whole command line into it first",
				 plan->root->name, CMDLINE);
	int r = root_read(plan->root, plan->arena, "/proc/cmdline", &text, error);
	if (r < 0)
		return r;
	text = slice_trim(text);
	*ret = slice_of(arena_printf(plan->arena, "%s\n",
				     cmdline_edit(plan->arena, text, loaders, ARRAY_SIZE(loaders), false)));
	return 0;
}

static bool is_comment(struct slice line)
{
	struct slice trimmed = slice_trim(line);
	return !trimmed.length || *trimmed.start == '#';
}

/* proxmox-boot-tool takes the first line, kernel-install joins all but comments: new words go where both look. */
static const char *edit_lines(struct arena *arena, struct slice text, const struct parameter_change *changes,
			      size_t count, bool first_only)
{
	struct buffer result = { .arena = arena };
	bool added = false;
	buffer_puts(&result, "");
	for (bool first = true; text.length; first = false) {
		const char *newline = memchr(text.start, '\n', text.length);
		struct slice line = { text.start, newline ? (size_t)(newline - text.start) : text.length };
		bool counts = first_only ? first : !is_comment(line);
		if (counts) {
			buffer_puts(&result, cmdline_edit(arena, line, changes, count, !added));
			added = true;
		} else {
			buffer_add(&result, line.start, line.length);
		}
		if (newline)
			buffer_putc(&result, '\n');
		text.start += line.length + (newline != NULL);
		text.length -= line.length + (newline != NULL);
	}
	return result.text;
}

static int edit_cmdline_file(struct plan *plan, const struct parameter_change *changes, size_t count, bool proxmox,
			     struct error *error)
{
	struct file_state state;
	const char *path = CMDLINE;
	int r = plan_read(plan, &path, &state, error);
	if (r == 0 && !state.present)
		r = running_line(plan, &state.content, error);
	if (r < 0)
		return r;
	const char *text = edit_lines(plan->arena, state.content, changes, count, proxmox);
	struct cmdline cmdline;
	cmdline_parse(slice_of(text), plan->arena, &cmdline);
	if (!cmdline_find(&cmdline, "root"))
		return error_set(error, -ENOTSUP,
				 "%s has no root= parameter, without which this system would not boot: mend it first",
				 path);
	return plan_write_file(plan, path, slice_of(text), 0644, RESTART_HOST, describe(plan->arena, changes, count),
			       error);
}

/* ---- Boot loaders ---- */

static void refresh_proxmox(struct plan *plan)
{
	static const char *const refresh[] = { "proxmox-boot-tool", "refresh", NULL };
	plan_run(plan, refresh, NULL, GENERATES_BOOT, RESTART_HOST, "write it to the ESPs");
}

static int set_by_proxmox(struct plan *plan, const struct boot *boot, const struct parameter_change *changes,
			  size_t count, struct error *error)
{
	int r = 0;
	/* A file without root= stops proxmox-boot-tool for GRUB as well. */
	if (boot->loader == BOOT_PROXMOX_GRUB && fact_known(&boot->kernel_cmdline.file) &&
	    !cmdline_find(&boot->kernel_cmdline.cmdline, "root"))
		return error_set(error, -ENOTSUP,
				 "%s has no root= parameter, and 'proxmox-boot-tool refresh' refuses that: mend it or "
				 "remove it first",
				 CMDLINE);
	if (boot->loader != BOOT_PROXMOX_SYSTEMD_BOOT)
		r = grub_set_parameters(plan, boot, changes, count, describe(plan->arena, changes, count), error);
	if (r == 0 && boot->loader != BOOT_PROXMOX_GRUB)
		r = edit_cmdline_file(plan, changes, count, true, error);
	return r;
}

static int set_by_grub(struct plan *plan, const struct boot *boot, const struct parameter_change *changes, size_t count,
		       struct error *error)
{
	return grub_set_parameters(plan, boot, changes, count, describe(plan->arena, changes, count), error);
}

/* The version that an entry of kernel-install is for: "MACHINE-6.1.0-18-amd64.conf", with "+3" for tries left. */
static bool is_by_kernel_install(const struct boot *boot)
{
	for (size_t i = 0; boot->entry.path && i < boot->kernels.count; i++) {
		const char *part = strstr(text_basename(boot->entry.path), boot->kernels.items[i]);
		const char *behind = part ? part + strlen(boot->kernels.items[i]) : "";
		if (part && part[-1] == '-' && (*behind == '+' || strcmp(behind, ".conf") == 0))
			return true;
	}
	return false;
}

static int set_by_kernel_install(struct plan *plan, const struct boot *boot, const struct parameter_change *changes,
				 size_t count, struct error *error)
{
	if (!is_by_kernel_install(boot))
		return error_set(
			error, -ENOTSUP,
			"systemd-boot starts %s, which kernel-install did not make: edit the line 'options' of "
			"the entries yourself (%s), and reboot",
			boot->entry.path ? boot->entry.path : "an entry that was not found",
			describe(plan->arena, changes, count));
	return edit_cmdline_file(plan, changes, count, false, error);
}

/* Of those that are there then: some may go, and others come, before it is undone. */
static void install_kernels(struct plan *plan)
{
	static const char *const add[] = { "kernel-install", "add", "*", "/boot/vmlinuz-*", NULL };
	plan_run_each(plan, "/boot/vmlinuz-", add, GENERATES_BOOT, RESTART_HOST,
		      "write it to the boot loader's entries");
}

/* The words of a line that go when `change` is made: what gives them back. */
static const char *replaced_words(struct arena *arena, const struct cmdline *cmdline,
				  const struct parameter_change *change)
{
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "");
	for (size_t i = 0; i < cmdline->count; i++)
		if (cmdline_replaced(&cmdline->words[i], change, 1))
			buffer_printf(&text, "%s%s", text.length ? " " : "", cmdline->words[i].word);
	return text.text;
}

/* Of a name that may be given several times, another one is there, which stays. */
static bool is_further(struct arena *arena, const struct cmdline *cmdline, const struct parameter_change *change)
{
	const char *name = arena_strndup(arena, change->word, strcspn(change->word, "="));
	return !change->remove && cmdline_find(cmdline, name) && !*replaced_words(arena, cmdline, change) &&
	       !cmdline_is_so(cmdline, change, 1);
}

/* grubby puts a new value in the place of an old one (man 8 grubby, --args): none can be added to others. */
static int set_by_grubby(struct plan *plan, const struct boot *boot, const struct parameter_change *changes,
			 size_t count, struct error *error)
{
	struct arena *arena = plan->arena;
	if (!boot->entry.line)
		return error_set(
			error, -ENOTSUP,
			"what the loader entries say now could not be read (%s), so that it could not be undone: "
			"run 'grubby --update-kernel=ALL --args=\"%s\"' yourself, and reboot",
			boot->entry.problem ? boot->entry.problem : "no entry was found",
			words_of(arena, changes, count, false));
	for (size_t i = 0; i < count; i++) {
		if (is_further(arena, &boot->entry.cmdline, &changes[i]))
			return error_set(error, -ENOTSUP,
					 "grubby may put '%s' in the place of others of its name, which are to stay: "
					 "edit the line 'options' of the entries in /boot/loader/entries yourself",
					 changes[i].word);
		const char *old = replaced_words(arena, &boot->entry.cmdline, &changes[i]);
		const char *give = arena_printf(arena, "--args=%s", changes[i].remove ? old : changes[i].word);
		const char *take = arena_printf(arena, "--remove-args=%s", changes[i].word);
		const char *back = *old ? arena_printf(arena, "--args=%s", old) : take;
		const char *const argv[] = { "grubby", "--update-kernel=ALL", changes[i].remove ? take : give, NULL };
		const char *const undo[] = { "grubby", "--update-kernel=ALL", changes[i].remove ? give : back, NULL };
		if (!cmdline_is_so(&boot->entry.cmdline, &changes[i], 1))
			plan_run(plan, argv, undo, GENERATES_NOTHING, RESTART_HOST, describe(arena, &changes[i], 1));
	}
	return 0;
}

static int refuse(struct plan *plan, const struct boot *boot, const struct parameter_change *changes, size_t count,
		  struct error *error)
{
	const char *what = describe(plan->arena, changes, count);
	const char *words = words_of(plan->arena, changes, count, false);
	switch (boot->loader) {
	case BOOT_UKI:
		return error_set(
			error, -ENOTSUP,
			"the command line is part of a unified kernel image (%s): %s in what the image is made "
			"from (/etc/kernel/cmdline, /etc/cmdline.d or kernel_cmdline= of dracut.conf), make it "
			"anew, and reboot",
			boot->reason, what);
	case BOOT_OSTREE:
		return error_set(error, -ENOTSUP,
				 "this system is a deployment of ostree (%s): %s by 'rpm-ostree kargs' (--append, "
				 "--delete), and reboot",
				 boot->reason, what);
	case BOOT_NIXOS:
		return error_set(
			error, -ENOTSUP,
			"this is NixOS, whose files are generated: %s by boot.kernelParams = [ \"%s\" ] in its "
			"configuration, run 'nixos-rebuild boot', and reboot",
			what, words);
	case BOOT_DIRECT:
		return error_set(error, -ENOTSUP,
				 "the hypervisor itself started this kernel (%s): %s there (-append of QEMU, <cmdline> "
				 "of libvirt), stop this VM and start it",
				 boot->reason, what);
	default:
		return error_set(error, -ENOTSUP,
				 "it is not known which boot loader is in use (%s), so nothing is changed: %s in its "
				 "configuration yourself, and reboot",
				 boot->reason, what);
	}
}

/* It is configured, but nobody generated it. */
static bool is_generated(const struct boot *boot, const struct parameter_change *changes, size_t count)
{
	return !boot->entry.line || boot->entry.problem || cmdline_is_so(&boot->entry.cmdline, changes, count);
}

int make_boot(struct plan *plan, const struct boot *boot, struct error *error)
{
	switch (boot->loader) {
	case BOOT_GRUB:
		return grub_generate(plan, error);
	case BOOT_PROXMOX_GRUB:
	case BOOT_PROXMOX_SYSTEMD_BOOT:
	case BOOT_PROXMOX_BOTH:
		refresh_proxmox(plan);
		return 0;
	case BOOT_SYSTEMD_BOOT:
		install_kernels(plan);
		return 0;
	default:
		return error_set(error, -ENOTSUP, "nestpci cannot make the configuration of %s anew",
				 boot_loader_name(boot->loader));
	}
}

/* Of a further line, the words that the first has not got. */
static int add_words(struct plan *plan, struct cmdline *first, struct slice line, struct buffer *text,
		     struct error *error)
{
	struct cmdline further;
	cmdline_parse(line, plan->arena, &further);
	for (size_t i = 0; i < further.count; i++) {
		const struct parameter_change wish = { further.words[i].word, false };
		if (cmdline_is_so(first, &wish, 1))
			continue;
		for (size_t j = 0; j < first->count; j++)
			if (cmdline_replaced(&first->words[j], &wish, 1))
				return error_set(error, -ENOTSUP,
						 CMDLINE
						 " has '%s' and '%s': decide which, and write one line yourself",
						 first->words[j].word, wish.word);
		buffer_printf(text, " %s", wish.word);
	}
	cmdline_parse(slice_of(text->text), plan->arena, first);
	return 0;
}

int make_one_line(struct plan *plan, const struct boot *boot, struct error *error)
{
	struct file_state state;
	struct slice line;
	struct cmdline first;
	const char *path = CMDLINE;
	struct buffer text = { .arena = plan->arena };
	int r = plan_read(plan, &path, &state, error);
	if (r < 0)
		return r;
	struct slice rest = state.content;
	buffer_puts(&text, "");
	if (state.present && slice_next_line(&rest, &line))
		buffer_add(&text, slice_trim(line).start, slice_trim(line).length);
	cmdline_parse(slice_of(text.text), plan->arena, &first);
	while (r == 0 && rest.length && slice_next_line(&rest, &line)) {
		if (memchr(line.start, '#', line.length))
			return error_set(error, -ENOTSUP,
					 "%s has comments, which nobody would read any more: write one line yourself",
					 path);
		r = add_words(plan, &first, line, &text, error);
	}
	if (r < 0)
		return r;
	buffer_putc(&text, '\n');
	r = plan_write_file(plan, path, (struct slice){ text.text, text.length }, 0644, RESTART_HOST,
			    "make the kernel's command line one line, of which all counts", error);
	return r < 0 ? r : make_boot(plan, boot, error);
}

int make_kernel_parameters(struct plan *plan, const struct boot *boot, const struct parameter_change *changes,
			   size_t count, struct error *error)
{
	size_t planned = plan->count;
	int r = 0;
	for (size_t i = 0; i < count && r == 0; i++)
		r = cmdline_check_word(changes[i].word, error);
	if (r == 0)
		r = cmdline_check_changes(changes, count, error);
	if (r < 0)
		return r;
	switch (boot->loader) {
	case BOOT_GRUB:
		r = set_by_grub(plan, boot, changes, count, error);
		break;
	case BOOT_PROXMOX_GRUB:
	case BOOT_PROXMOX_SYSTEMD_BOOT:
	case BOOT_PROXMOX_BOTH:
		r = set_by_proxmox(plan, boot, changes, count, error);
		break;
	case BOOT_SYSTEMD_BOOT:
		r = set_by_kernel_install(plan, boot, changes, count, error);
		break;
	case BOOT_BLS:
		return set_by_grubby(plan, boot, changes, count, error);
	default:
		return refuse(plan, boot, changes, count, error);
	}
	if (r < 0 || (plan->count == planned && is_generated(boot, changes, count)))
		return r;
	return make_boot(plan, boot, error);
}
