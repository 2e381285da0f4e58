/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modules that are named for loading at the start: by the system (modules-load.d), or already by its initramfs. */
#include "boot/boot-internal.h"

static void add_module(struct boot_reading *reading, const char *path, unsigned int line, struct slice name,
		       bool initramfs)
{
	struct boot *boot = reading->boot;
	if (boot->module_count == reading->module_room) {
		reading->module_room = reading->module_room ? reading->module_room * 2 : 16;
		boot->modules = arena_grow(reading->arena, boot->modules, boot->module_count, reading->module_room,
					   sizeof(*boot->modules));
	}
	char *module = arena_strndup(reading->arena, name.start, name.length);
	for (char *at = module; *at; at++)
		if (*at == '-')
			*at = '_';
	boot->modules[boot->module_count++] = (struct boot_module){
		.path = path, .line = line, .module = module, .initramfs = initramfs
	};
}

/* One module on a line, with parameters in Debian's files. */
static void read_lines(struct boot_reading *reading, const char *path, bool initramfs)
{
	struct slice text;
	struct slice line;
	struct slice word;
	if (!boot_read_file(reading, path, &text))
		return;
	for (unsigned int number = 1; slice_next_line(&text, &line); number++)
		if (slice_next_word(&line, &word) && word.start[0] != '#' && word.start[0] != ';')
			add_module(reading, path, number, word, initramfs);
	if (initramfs)
		boot_note_time(reading, path);
}

static void read_modules_load(struct boot_reading *reading)
{
	static const char *const directories[] = { "/etc/modules-load.d", "/run/modules-load.d",
						   "/usr/local/lib/modules-load.d", "/usr/lib/modules-load.d",
						   "/lib/modules-load.d" };
	struct list paths = { .arena = reading->arena };
	boot_list_conf(reading, directories, ARRAY_SIZE(directories), &paths);
	for (size_t i = 0; i < paths.count; i++) {
		char *target;
		/* Debian's modules.conf is a link to /etc/modules: people know that file by its own name. */
		bool link = root_read_link(reading->root, reading->arena, paths.items[i], &target, NULL) == 0;
		if (!link || (strcmp(target, "../modules") != 0 && strcmp(target, "/etc/modules") != 0))
			read_lines(reading, paths.items[i], false);
	}
	read_lines(reading, "/etc/modules", false);
}

static void add_words(struct boot_reading *reading, const struct assignment *assignment)
{
	struct slice rest = slice_of(assignment->added);
	struct slice word;
	while (slice_next_word(&rest, &word))
		add_module(reading, assignment->path, assignment->line, word, true);
}

/* The lists that a variable of bash holds in the end: a plain "=" forgets what was before it. */
static void add_variable(struct boot_reading *reading, const struct assignments *assignments, const char *name)
{
	size_t first = 0;
	for (size_t i = 0; i < assignments->count; i++)
		if (strcmp(assignments->items[i].name, name) == 0 && !assignments->items[i].append)
			first = i;
	for (size_t i = first; i < assignments->count; i++) {
		const struct assignment *assignment = &assignments->items[i];
		if (strcmp(assignment->name, name) != 0)
			continue;
		if (assignment->added)
			add_words(reading, assignment);
		else
			boot_problem(reading, "%s: %s is not known", assignment->problem, name);
	}
}

static void read_variables(struct boot_reading *reading, const struct list *paths, const char *const *names)
{
	struct assignments assignments = { .arena = reading->arena, .watched = names, .bash = true };
	for (size_t i = 0; i < paths->count; i++) {
		struct slice text;
		if (!boot_read_file(reading, paths->items[i], &text))
			continue;
		assignments_read(&assignments, paths->items[i], text);
		boot_note_time(reading, paths->items[i]);
	}
	for (; *names; names++)
		add_variable(reading, &assignments, *names);
}

static void read_dracut(struct boot_reading *reading)
{
	static const char *const directories[] = { "/etc/dracut.conf.d", "/usr/lib/dracut/dracut.conf.d" };
	static const char *const names[] = { "add_drivers", "force_drivers", NULL };
	struct list paths = { .arena = reading->arena };
	list_add(&paths, "/etc/dracut.conf");
	boot_list_conf(reading, directories, ARRAY_SIZE(directories), &paths);
	read_variables(reading, &paths, names);
}

static void read_mkinitcpio(struct boot_reading *reading)
{
	static const char *const directories[] = { "/etc/mkinitcpio.conf.d" };
	static const char *const names[] = { "MODULES", NULL };
	struct list paths = { .arena = reading->arena };
	list_add(&paths, "/etc/mkinitcpio.conf");
	boot_list_conf(reading, directories, ARRAY_SIZE(directories), &paths);
	read_variables(reading, &paths, names);
}

void boot_read_modules(struct boot_reading *reading)
{
	read_modules_load(reading);
	read_lines(reading, "/etc/initramfs-tools/modules", true);
	read_dracut(reading);
	read_mkinitcpio(reading);
}
