/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What modprobe, the start of the system and the initramfs are told of modules: in files of our own. */
#include <ctype.h>

#include "change/makers.h"

#define HEAD "# Written by nestpci; 'nestpci undo' takes it back.\n"

static const struct own_file options_file = { "/etc/modprobe.d/nestpci.conf", 0644, HEAD };
static const struct own_file load_file = { "/etc/modules-load.d/nestpci.conf", 0644, HEAD };

int make_line(struct plan *plan, const struct own_file *file, const char *line, const char *why, struct error *error)
{
	struct file_state state;
	const char *path = file->path;
	int r = plan_read(plan, &path, &state, error);
	if (r < 0)
		return r;
	struct slice rest = state.content;
	struct slice next;
	while (state.present && slice_next_line(&rest, &next))
		if (slice_equals(slice_trim(next), line))
			return 0;
	struct buffer text = { .arena = plan->arena };
	buffer_puts(&text, state.present ? "" : file->head);
	if (state.content.length)
		buffer_add(&text, state.content.start, state.content.length);
	if (text.length && text.text[text.length - 1] != '\n')
		buffer_putc(&text, '\n');
	buffer_printf(&text, "%s\n", line);
	return plan_write_file(plan, path, (struct slice){ text.text, text.length }, file->mode, RESTART_HOST, why,
			       error);
}

int make_no_line(struct plan *plan, const char *path, unsigned int number, const char *begins, struct error *error)
{
	struct file_state state;
	struct slice line = { "", 0 };
	struct slice word;
	const char *real = path;
	if (!text_starts_with(path, "/etc/"))
		return error_set(error, -ENOTSUP,
				 "%s is not this host's own but a package's: a file of the same name in /etc takes its "
				 "place (man 5 modprobe.d, man 5 modules-load.d)",
				 path);
	int r = plan_read(plan, &real, &state, error);
	if (r < 0)
		return r;
	struct slice rest = state.content;
	for (unsigned int i = 0; i < number && slice_next_line(&rest, &line); i++)
		;
	struct slice words = line;
	if (!line.length || !slice_next_word(&words, &word) || !slice_equals(word, begins))
		return error_set(error, -ENOTSUP,
				 "line %u of %s does not begin with '%s': take that out of it yourself", number, path,
				 begins);
	struct buffer text = { .arena = plan->arena };
	buffer_add(&text, state.content.start, (size_t)(line.start - state.content.start));
	buffer_add(&text, rest.start, rest.length);
	return plan_write_file(plan, real, (struct slice){ text.text, text.length }, state.mode, RESTART_HOST,
			       arena_printf(plan->arena, "take line %u out: %.*s", number, (int)line.length,
					    line.start),
			       error);
}

int make_initramfs(struct plan *plan, const char *why, struct error *error)
{
	static const struct {
		const char *program;
		const char *const argv[5];
	} kinds[] = {
		{ "/usr/sbin/update-initramfs", { "update-initramfs", "-u", "-k", "all", NULL } },
		{ "/usr/bin/dracut", { "dracut", "-f", "--regenerate-all", NULL } },
		{ "/usr/bin/mkinitcpio", { "mkinitcpio", "-P", NULL } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!makers_have(plan->root, kinds[i].program, i == 0))
			continue;
		plan_run(plan, kinds[i].argv, NULL, GENERATES_INITRAMFS, RESTART_HOST, why);
		return 0;
	}
	return error_set(
		error, -ENOTSUP,
		"%s: none of update-initramfs, dracut and mkinitcpio is there: how the initramfs is made here is "
		"not known",
		*plan->root->name && !plan->root->snapshot ? plan->root->name : "/");
}

/* Module names of modprobe: "-" and "_" alike. */
static int check_module(const char *module, struct error *error)
{
	for (const char *at = module; *at; at++)
		if (!isalnum((unsigned char)*at) && *at != '_' && *at != '-')
			return error_set(error, -EINVAL, "'%.60s' is the name of no module", module);
	return *module ? 0 : error_set(error, -EINVAL, "a module has no empty name");
}

static bool same_module(const char *a, const char *b)
{
	while (*a && (*a == *b || (*a == '-' && *b == '_') || (*a == '_' && *b == '-'))) {
		a++;
		b++;
	}
	return *a == *b;
}

/* Several lines for one module add up; of one option given twice, the last counts (man 5 modprobe.d). */
static bool has_option(const struct boot *boot, const char *module, const char *option)
{
	size_t name = strcspn(option, "=");
	bool has = false;
	for (size_t i = 0; i < boot->modprobe_count; i++) {
		const struct boot_modprobe *line = &boot->modprobe[i];
		struct slice rest = slice_of(line->rest);
		struct slice word;
		if (strcmp(line->command, "options") != 0 || !same_module(line->module, module))
			continue;
		while (slice_next_word(&rest, &word))
			if (word.length > name && memcmp(word.start, option, name) == 0 && word.start[name] == '=')
				has = slice_equals(word, option);
			else if (slice_equals(word, option))
				has = true;
	}
	return has;
}

/* A line in a file that is read after ours (by name, man 5 modprobe.d), and would win. */
static const struct boot_modprobe *find_later(const struct boot *boot, const char *module, const char *option,
					      struct slice *ret_word)
{
	size_t name = strcspn(option, "=");
	for (size_t i = 0; i < boot->modprobe_count; i++) {
		const struct boot_modprobe *line = &boot->modprobe[i];
		struct slice rest = slice_of(line->rest);
		if (strcmp(line->command, "options") != 0 || !same_module(line->module, module) ||
		    strcmp(text_basename(line->path), text_basename(options_file.path)) <= 0)
			continue;
		while (slice_next_word(&rest, ret_word))
			if (ret_word->length >= name && memcmp(ret_word->start, option, name) == 0 &&
			    (ret_word->length == name || ret_word->start[name] == '='))
				return line;
	}
	return NULL;
}

int make_module_option(struct plan *plan, const struct boot *boot, const char *module, const char *option,
		       struct error *error)
{
	int r = check_module(module, error);
	if (r < 0)
		return r;
	for (const char *at = option; *at; at++)
		if (!isgraph((unsigned char)*at) || strchr("\"'\\#", *at))
			return error_set(error, -EINVAL, "'%.60s' is no plain module option NAME=VALUE", option);
	if (!isalpha((unsigned char)option[0]))
		return error_set(error, -EINVAL, "'%.60s' is no module option: it does not begin with a name", option);
	if (has_option(boot, module, option))
		return 0;
	struct slice word;
	const struct boot_modprobe *later = find_later(boot, module, option, &word);
	if (later)
		return error_set(error, -ENOTSUP,
				 "%s:%u sets %.*s for module %s, and is read after %s: edit that line yourself first",
				 later->path, later->line, (int)word.length, word.start, module, options_file.path);
	const char *line = arena_printf(plan->arena, "options %s %s", module, option);
	const char *why = arena_printf(plan->arena, "give module %s the option %s", module, option);
	r = make_line(plan, &options_file, line, why, error);
	return r < 0 ? r : make_initramfs(plan, "the initramfs loads modules with the options that it holds", error);
}

int make_module_load(struct plan *plan, const struct boot *boot, const char *module, struct error *error)
{
	int r = check_module(module, error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < boot->module_count; i++)
		if (same_module(boot->modules[i].module, module))
			return 0;
	return make_line(plan, &load_file, module, arena_printf(plan->arena, "load module %s at boot", module), error);
}
