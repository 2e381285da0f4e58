/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modprobe.d(5), as kmod reads it. */
#include "boot/boot-internal.h"

/* The commands that change what is loaded, and how. kmod also takes blocklist since version 30. */
static const char *const commands[] = {
	"blacklist", "blocklist", "install", "options", "remove", "softdep", "weakdep"
};

/* One line, its continued lines joined: as kmod's, a backslash before the newline goes away wherever it stands. */
static bool next_line(struct slice *rest, struct buffer *line, unsigned int *number, unsigned int *next_number)
{
	struct slice piece;
	bool more = true;
	*number = *next_number;
	line->length = 0;
	buffer_puts(line, "");
	bool any = false;
	while (more && slice_next_line(rest, &piece)) {
		any = true;
		++*next_number;
		more = piece.length && piece.start[piece.length - 1] == '\\';
		buffer_add(line, piece.start, piece.length - more);
	}
	return any;
}

/* "-" is "_" in the name of a module, but for what is in brackets (kmod's underscores()). */
static const char *module_name(struct arena *arena, struct slice word)
{
	char *name = arena_strndup(arena, word.start, word.length);
	bool bracket = false;
	for (char *at = name; *at; at++) {
		bracket = *at == '[' || (bracket && *at != ']');
		if (*at == '-' && !bracket)
			*at = '_';
	}
	return name;
}

static void add_line(struct boot_reading *reading, struct boot_modprobe line)
{
	struct boot *boot = reading->boot;
	if (boot->modprobe_count == reading->modprobe_room) {
		reading->modprobe_room = reading->modprobe_room ? reading->modprobe_room * 2 : 32;
		boot->modprobe = arena_grow(reading->arena, boot->modprobe, boot->modprobe_count,
					    reading->modprobe_room, sizeof(*boot->modprobe));
	}
	boot->modprobe[boot->modprobe_count++] = line;
}

/* The command at the front of a line, as one of ours; NULL: another one. */
static const char *known_command(struct slice word)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (slice_equals(word, commands[i]))
			/* Its other name. */
			return strcmp(commands[i], "blocklist") == 0 ? "blacklist" : commands[i];
	return NULL;
}

static void parse_line(struct boot_reading *reading, const char *path, unsigned int number, struct slice line)
{
	struct slice word;
	struct slice module = slice_of("");
	if (!line.length || line.start[0] == '#' || !slice_next_word(&line, &word))
		return;
	const char *command = known_command(word);
	bool ignored = slice_equals(word, "alias") || slice_equals(word, "include") || slice_equals(word, "config");
	if (ignored)
		return;
	if (!command || !slice_next_word(&line, &module)) {
		boot_problem(reading,
			     "%s:%u: modprobe ignores this line: '%.*s' is no command of its, or names no module", path,
			     number, word.length < 64 ? (int)word.length : 64, word.start);
		return;
	}
	struct slice rest = slice_trim(line);
	add_line(reading, (struct boot_modprobe){ .path = path,
						  .line = number,
						  .command = command,
						  .module = module_name(reading->arena, module),
						  .rest = arena_strndup(reading->arena, rest.start, rest.length) });
}

void modprobe_parse(struct boot_reading *reading, const char *path, struct slice text)
{
	struct buffer line = { .arena = reading->arena };
	unsigned int number;
	unsigned int next_number = 1;
	while (next_line(&text, &line, &number, &next_number))
		parse_line(reading, path, number, (struct slice){ line.text, line.length });
}

void boot_read_modprobe(struct boot_reading *reading)
{
	static const char *const directories[] = { "/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d",
						   "/usr/lib/modprobe.d", "/lib/modprobe.d" };
	struct list paths = { .arena = reading->arena };
	boot_list_conf(reading, directories, ARRAY_SIZE(directories), &paths);
	for (size_t i = 0; i < paths.count; i++) {
		struct slice text;
		if (!boot_read_file(reading, paths.items[i], &text))
			continue;
		modprobe_parse(reading, paths.items[i], text);
		/* What is under /run is gone at the next start. */
		if (!text_starts_with(paths.items[i], "/run/"))
			boot_note_time(reading, paths.items[i]);
	}
}
