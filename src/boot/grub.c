/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GRUB's configuration: /etc/default/grub and, where this GRUB reads them, /etc/default/grub.d/ *.cfg, as grub-mkconfig
 * sources them one after the other.
 */
#include "boot/boot-internal.h"

#define DEFAULTS "/etc/default/grub"
#define DROP_INS "/etc/default/grub.d"

static const char *const watched[] = { "GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT", "GRUB_DEFAULT", NULL };

/* Debian's and Ubuntu's grub-mkconfig source the drop-ins, upstream's does not: the script itself tells. */
bool boot_grub_reads_drop_ins(const struct root *root, struct arena *arena, const char **ret_script)
{
	static const char *const scripts[] = { "/usr/sbin/grub-mkconfig", "/usr/bin/grub-mkconfig",
					       "/usr/sbin/grub2-mkconfig", "/usr/bin/grub2-mkconfig" };
	static const char place[] = "default/grub.d";
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct slice text;
		*ret_script = scripts[i];
		if (root_read(root, arena, scripts[i], &text, NULL) == 0)
			return memmem(text.start, text.length, place, strlen(place)) != NULL;
	}
	/* Only Debian's kind has the folder at all. */
	return true;
}

static void list_sources(struct boot_reading *reading, struct list *ret)
{
	struct list names = { .arena = reading->arena };
	const char *script;
	list_add(ret, DEFAULTS);
	boot_list_suffix(reading, DROP_INS, ".cfg", &names);
	if (!names.count)
		return;
	if (!boot_grub_reads_drop_ins(reading->root, reading->arena, &script)) {
		boot_problem(reading, "%s/%s: not read, because %s does not source that folder", DROP_INS,
			     names.items[0], script);
		return;
	}
	for (size_t i = 0; i < names.count; i++)
		list_add(ret, arena_printf(reading->arena, "%s/%s", DROP_INS, names.items[i]));
}

static void note_dos_lines(struct boot_reading *reading, const char *path, struct slice text)
{
	if (memmem(text.start, text.length, "\r\n", 2))
		boot_problem(reading, "%s: the lines end as those of DOS (CR LF), and a shell takes the CR as text",
			     path);
}

/* Evaluates all sources. A source that cannot be read leaves nothing known: it may set anything. */
static void read_sources(struct boot_reading *reading, struct assignments *assignments)
{
	struct boot_cmdline *grub = &reading->boot->grub;
	struct list paths = { .arena = reading->arena };
	list_sources(reading, &paths);
	for (size_t i = 0; i < paths.count; i++) {
		struct slice text;
		struct fact fact = boot_read_fact(reading, paths.items[i], &text);
		if (i == 0)
			grub->file = fact;
		if (fact_unknown(&fact) && !grub->problem)
			grub->problem = fact.problem;
		if (!fact_known(&fact))
			continue;
		list_add(&grub->sources, paths.items[i]);
		note_dos_lines(reading, paths.items[i], text);
		assignments_read(assignments, paths.items[i], text);
	}
	if (!grub->problem)
		grub->problem = assignments->broken;
}

static void keep_settings(struct boot_reading *reading, const struct assignments *assignments)
{
	struct boot_cmdline *grub = &reading->boot->grub;
	grub->settings = arena_alloc_array(reading->arena, assignments->count, sizeof(*grub->settings));
	for (size_t i = 0; i < assignments->count; i++)
		if (strcmp(assignments->items[i].name, watched[0]) == 0 ||
		    strcmp(assignments->items[i].name, watched[1]) == 0)
			grub->settings[grub->setting_count++] = assignments->items[i];
}

/* The value of a variable, "" where it is not set; NULL: not known, and the problem is noted. */
static const char *value_of(struct boot_reading *reading, const struct assignments *assignments, const char *name)
{
	struct boot_cmdline *grub = &reading->boot->grub;
	const struct assignment *assignment = assignments_find(assignments, name);
	if (!assignment)
		return "";
	if (!assignment->value) {
		if (!grub->problem)
			grub->problem = assignment->problem;
		return NULL;
	}
	/* grub-mkconfig would write the second line as a command of its own into grub.cfg. */
	if (strchr(assignment->value, '\n')) {
		if (!grub->problem)
			grub->problem = arena_printf(reading->arena, "%s:%u: the value of %s goes over several lines",
						     assignment->path, assignment->line, name);
		return NULL;
	}
	return assignment->value;
}

void boot_read_grub(struct boot_reading *reading)
{
	struct boot_cmdline *grub = &reading->boot->grub;
	struct assignments assignments = { .arena = reading->arena, .watched = watched };
	grub->path = DEFAULTS;
	grub->sources.arena = reading->arena;
	read_sources(reading, &assignments);
	keep_settings(reading, &assignments);
	const struct assignment *entry = assignments_find(&assignments, "GRUB_DEFAULT");
	reading->boot->grub_default = entry ? entry->value : NULL;
	const char *always = value_of(reading, &assignments, "GRUB_CMDLINE_LINUX");
	const char *normal = value_of(reading, &assignments, "GRUB_CMDLINE_LINUX_DEFAULT");
	if (grub->problem || !grub->sources.count || !always || !normal)
		return;
	/* The order of /etc/grub.d/10_linux; recovery entries take the first alone. */
	char *line = arena_printf(reading->arena, "%s %s", always, normal);
	struct slice trimmed = slice_trim(slice_of(line));
	grub->line = arena_strndup(reading->arena, trimmed.start, trimmed.length);
	cmdline_parse(trimmed, reading->arena, &grub->cmdline);
}

struct fact grub_find_cfg(struct boot_reading *reading)
{
	struct fact first = fact_exists(reading->root, reading->arena, "/boot/grub/grub.cfg");
	if (!fact_absent(&first))
		return first;
	struct fact second = fact_exists(reading->root, reading->arena, "/boot/grub2/grub.cfg");
	return fact_absent(&second) ? first : second;
}

bool grub_uses_bls(struct slice text)
{
	struct slice line;
	struct slice word;
	while (slice_next_line(&text, &line))
		if (slice_next_word(&line, &word) && slice_equals(word, "blscfg"))
			return true;
	return false;
}
