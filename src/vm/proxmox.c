/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/proxmox.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vm/proxmox-keys.h"
#include "vm/proxmox-text.h"

/* Who wrote more nonsense than this reads the file itself. */
#define PROBLEMS_MAX 100

struct reader {
	struct arena *arena;
	struct proxmox_config *config;
	struct proxmox_section *section;
	size_t section_room;
	size_t entry_room;
	struct buffer description;
	bool described;
	size_t line;
};

/* ---- Characters and lines, as Perl's regular expressions see them ---- */

static bool is_space(char character)
{
	return character && strchr(" \t\n\v\f\r", character);
}

static bool is_name_character(char character)
{
	return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
	       (character >= '0' && character <= '9') || character == '_' || character == '-';
}

static struct slice trim_end(struct slice slice)
{
	while (slice.length && is_space(slice.start[slice.length - 1]))
		slice.length--;
	return slice;
}

static void ignore(struct reader *reader, const char *format, ...) PRINTF_FORMAT(2, 3);
static void ignore(struct reader *reader, const char *format, ...)
{
	struct list *problems = &reader->config->problems;
	if (problems->count >= PROBLEMS_MAX) {
		if (problems->count == PROBLEMS_MAX)
			list_printf(problems, "line %zu and others: Proxmox VE ignores them, too", reader->line);
		return;
	}
	va_list args;
	va_start(args, format);
	const char *why = arena_vprintf(reader->arena, format, args);
	va_end(args);
	list_printf(problems, "line %zu: %s", reader->line, why);
}

static void ignore_strange(struct reader *reader, struct slice line)
{
	if (!reader->config->strange_line)
		reader->config->strange_line = reader->line;
	ignore(reader, "'%.*s' is no setting: Proxmox VE ignores it, and drops it when it next writes the file",
	       line.length > 60 ? 60 : (int)line.length, line.start);
}

/* ---- Sections ---- */

static void end_description(struct reader *reader)
{
	/* pve-common 8.2.2, of the same day. */
	static const struct release encodes_percent = { { 8, 2, 4 } };
	struct slice decoded = { reader->description.text, reader->description.length };
	if (reader->described)
		proxmox_describe(reader->arena, decoded, release_has(reader->config->release, encodes_percent),
				 &reader->section->description, &reader->section->description_encoded);
	reader->description = (struct buffer){ .arena = reader->arena };
	reader->described = false;
}

static void begin_section(struct reader *reader, enum proxmox_section_kind kind, struct slice name)
{
	struct proxmox_config *config = reader->config;
	if (config->count)
		end_description(reader);
	if (config->count == reader->section_room) {
		reader->section_room = reader->section_room ? reader->section_room * 2 : 4;
		config->sections = arena_grow(reader->arena, config->sections, config->count, reader->section_room,
					      sizeof(*config->sections));
	}
	reader->section = &config->sections[config->count++];
	*reader->section = (struct proxmox_section){
		.kind = kind,
		.name = name.length ? arena_strndup(reader->arena, name.start, name.length) : "",
		.line = reader->line,
	};
	reader->entry_room = 0;
}

/* The name of the special section that a heading's inside names, or NULL. */
static const char *special_name(struct release release, struct slice inside)
{
	static const char prefix[] = "special:";
	static const struct {
		const char *name;
		struct release since;
	} known[] = { { "cloudinit", { { 7, 2, 7 } } }, { "fleecing", { { 8, 3, 11 } } } };
	size_t length = strlen(prefix);
	if (inside.length < length || strncasecmp(inside.start, prefix, length) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (release_has(release, known[i].since) && inside.length - length == strlen(known[i].name) &&
		    strncasecmp(inside.start + length, known[i].name, strlen(known[i].name)) == 0)
			return known[i].name;
	return NULL;
}

static bool is_snapshot_name(struct slice name)
{
	if (name.length < 2 || !((name.start[0] | 0x20) >= 'a' && (name.start[0] | 0x20) <= 'z'))
		return false;
	for (size_t i = 0; i < name.length; i++)
		if (!is_name_character(name.start[i]))
			return false;
	return true;
}

/* False: the line is no heading. */
static bool read_heading(struct reader *reader, struct slice line)
{
	static const struct release skips_unknown = { { 8, 3, 11 } };
	struct slice whole = trim_end(line);
	if (whole.length < 2 || whole.start[0] != '[' || whole.start[whole.length - 1] != ']')
		return false;
	struct slice inside = { whole.start + 1, whole.length - 2 };
	const char *special = special_name(reader->config->release, inside);
	if (memchr(inside.start, ']', inside.length))
		return false;
	if (inside.length == strlen("PENDING") && strncasecmp(inside.start, "PENDING", inside.length) == 0) {
		begin_section(reader, PROXMOX_PENDING, slice_of(""));
	} else if (special) {
		begin_section(reader, PROXMOX_SPECIAL, slice_of(special));
	} else if (is_snapshot_name(inside)) {
		begin_section(reader, PROXMOX_SNAPSHOT, inside);
	} else if (release_has(reader->config->release, skips_unknown)) {
		begin_section(reader, PROXMOX_UNKNOWN, inside);
		ignore(reader,
		       "Proxmox VE knows no section '%.*s': it ignores all in it, and drops it when it next "
		       "writes the file",
		       inside.length > 60 ? 60 : (int)inside.length, inside.start);
	} else {
		return false;
	}
	return true;
}

struct place {
	struct proxmox_section *section;
};

static int compare_sections(const void *a, const void *b)
{
	const struct proxmox_section *one = ((const struct place *)a)->section;
	const struct proxmox_section *other = ((const struct place *)b)->section;
	if (one->kind != other->kind)
		return one->kind < other->kind ? -1 : 1;
	int r = strcmp(one->name, other->name);
	return r ? r : (one > other) - (one < other);
}

/* Of two sections of one name, the later one takes the place of the other, completely. */
static void find_replaced(struct reader *reader)
{
	struct proxmox_config *config = reader->config;
	struct place *sorted = arena_alloc_array(reader->arena, config->count, sizeof(*sorted));
	for (size_t i = 0; i < config->count; i++)
		sorted[i].section = &config->sections[i];
	qsort(sorted, config->count, sizeof(*sorted), compare_sections);
	for (size_t i = 0; i + 1 < config->count; i++) {
		if (sorted[i].section->kind != sorted[i + 1].section->kind ||
		    sorted[i].section->kind == PROXMOX_UNKNOWN ||
		    strcmp(sorted[i].section->name, sorted[i + 1].section->name) != 0)
			continue;
		sorted[i].section->replaced = true;
		reader->line = sorted[i].section->line;
		ignore(reader, "section '%s' stands again at line %zu, which takes its place",
		       sorted[i].section->kind == PROXMOX_PENDING ? "PENDING" : sorted[i].section->name,
		       sorted[i + 1].section->line);
	}
}

/* ---- Settings ---- */

static void describe(struct reader *reader, struct slice text, bool newline)
{
	reader->described = true;
	proxmox_decode(&reader->description, text);
	if (newline)
		buffer_putc(&reader->description, '\n');
}

static struct proxmox_entry *add_entry(struct reader *reader, struct slice key, struct slice value)
{
	struct proxmox_section *section = reader->section;
	if (section->count == reader->entry_room) {
		reader->entry_room = reader->entry_room ? reader->entry_room * 2 : 32;
		section->entries = arena_grow(reader->arena, section->entries, section->count, reader->entry_room,
					      sizeof(*section->entries));
	}
	struct proxmox_entry *entry = &section->entries[section->count++];
	/* Both in one piece: a hostile file has 200,000 of them. */
	char *both = arena_alloc(reader->arena, key.length + value.length + 2);
	memcpy(both, key.start, key.length);
	memcpy(both + key.length + 1, value.start, value.length);
	*entry = (struct proxmox_entry){
		.key = both,
		.value = both + key.length + 1,
		.spelling = value,
		.line = reader->line,
	};
	return entry;
}

/* What stands behind a colon, without the blanks around it. Of blanks alone, Proxmox VE keeps the last one. */
static struct slice value_behind(struct slice line, size_t from)
{
	struct slice value = { line.start + from, line.length - from };
	struct slice trimmed = trim_end(value);
	if (trimmed.length == 0)
		return (struct slice){ value.start + (value.length ? value.length - 1 : 0), value.length != 0 };
	while (trimmed.length && is_space(trimmed.start[0]))
		trimmed = (struct slice){ trimmed.start + 1, trimmed.length - 1 };
	return trimmed;
}

/* Length of the key before a colon, or 0: a small letter, letters, "_" (and "-"), then digits. */
static size_t key_length(const struct reader *reader, struct slice line)
{
	static const struct release hyphens = { { 8, 2, 7 } };
	bool hyphen = release_has(reader->config->release, hyphens);
	size_t length = 0;
	while (length < line.length &&
	       ((line.start[length] >= 'a' && line.start[length] <= 'z') ||
		(length && (line.start[length] == '_' || (hyphen && line.start[length] == '-')))))
		length++;
	size_t letters = length;
	while (letters && length < line.length && line.start[length] >= '0' && line.start[length] <= '9')
		length++;
	return length < line.length && line.start[length] == ':' ? length : 0;
}

/* Until 8.3.11, qemu-server told the special section from a snapshot by no more than its name. */
static bool is_taken_for_special(const struct reader *reader)
{
	static const struct release special = { { 7, 2, 7 } };
	static const struct release told_apart = { { 8, 3, 11 } };
	return strcmp(reader->section->name, "cloudinit") == 0 && release_has(reader->config->release, special) &&
	       !release_has(reader->config->release, told_apart);
}

static void judge(struct reader *reader, struct proxmox_entry *entry)
{
	static const char as_if_absent[] =
		"; it goes on as if the line were not there, and drops it when it next writes the file";
	struct error error;
	const struct proxmox_key *key = proxmox_find_key(entry->key);
	const struct proxmox_section *section = reader->section;
	/* What cloud-init was last given is kept for information only, and not looked at. */
	if (section->kind == PROXMOX_UNKNOWN || section->kind == PROXMOX_SPECIAL || is_taken_for_special(reader))
		return;
	if (!key || !release_has(reader->config->release, proxmox_key_since(key, entry->key))) {
		entry->problem =
			key ? arena_printf(reader->arena,
					   "Proxmox VE does not know it: qemu-server has it since " RELEASE_FORMAT
					   " only",
					   RELEASE_PARTS(proxmox_key_since(key, entry->key))) :
			      "Proxmox VE knows no such setting";
		ignore(reader, "'%s': %s%s", entry->key, entry->problem, as_if_absent);
	} else if (proxmox_check_value(reader->arena, key, entry->value, reader->config->release, &entry->value,
				       &error) < 0) {
		entry->problem = arena_printf(reader->arena, "Proxmox VE does not take its value: %s", error.text);
		ignore(reader, "'%s': %s%s", entry->key, entry->problem, as_if_absent);
	} else {
		reader->config->settings++;
	}
	/* An alias (check_type in qemu-server looks the key up before it is replaced). */
	if (strcmp(entry->key, "cdrom") == 0)
		entry->key = "ide2";
}

/*
 * "delete: KEYS" is none of the VM's settings, but of [PENDING]. Of blanks alone it is like any other setting, and then an
 * unknown one.
 */
static bool read_delete(struct reader *reader, struct proxmox_entry *entry)
{
	if (strcmp(entry->key, "delete") != 0 || is_space(entry->value[0]))
		return false;
	if (reader->section->kind != PROXMOX_PENDING) {
		entry->problem = "'delete' means something in [PENDING] only";
		ignore(reader, "%s", entry->problem);
	}
	return true;
}

/* "snapstate: prepare", or "delete": what is being done to a snapshot. Wherever it stands in a line, it ends it. */
static bool read_snapshot_state(struct reader *reader, struct slice line)
{
	static const char key[] = "snapstate:";
	static const char *const states[] = { "prepare", "delete" };
	struct slice rest = trim_end(line);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		size_t length = strlen(states[i]);
		if (rest.length < length || memcmp(rest.start + rest.length - length, states[i], length) != 0)
			continue;
		struct slice state = { rest.start + rest.length - length, length };
		rest = trim_end((struct slice){ rest.start, rest.length - length });
		if (rest.length < strlen(key) || memcmp(rest.start + rest.length - strlen(key), key, strlen(key)) != 0)
			return false;
		add_entry(reader, (struct slice){ key, strlen(key) - 1 }, state);
		return true;
	}
	return false;
}

static void read_setting(struct reader *reader, struct slice line)
{
	size_t length = key_length(reader, line);
	struct slice value = length ? value_behind(line, length + 1) : (struct slice){ 0 };
	struct slice key = { line.start, length };
	bool blank = value.length && is_space(value.start[0]);
	bool described = slice_equals(key, "description") && value.length;
	if (described && !blank) {
		describe(reader, value, false);
		return;
	}
	if (memchr(line.start, '\0', line.length)) {
		ignore_strange(reader, line);
		return;
	}
	if (read_snapshot_state(reader, line))
		return;
	if (value.length == 0) {
		ignore_strange(reader, line);
		return;
	}
	if (described) {
		/* A text like any other: one of comments takes its place. */
		reader->section->description = reader->section->description_encoded = arena_strndup(reader->arena,
												    value.start,
												    value.length);
		return;
	}
	struct proxmox_entry *entry = add_entry(reader, key, value);
	if (!read_delete(reader, entry))
		judge(reader, entry);
}

static void read_line(struct reader *reader, struct slice line)
{
	if (trim_end(line).length == 0 || read_heading(reader, line))
		return;
	if (line.start[0] != '#')
		read_setting(reader, line);
	else if (reader->section->kind != PROXMOX_UNKNOWN)
		describe(reader, (struct slice){ line.start + 1, line.length - 1 }, true);
}

static int compare_entries(const void *a, const void *b)
{
	const struct proxmox_entry *one = a;
	const struct proxmox_entry *other = b;
	int r = strcmp(one->key, other->key);
	return r ? r : (one->line > other->line) - (one->line < other->line);
}

static void find_in_force(struct arena *arena, struct proxmox_section *section)
{
	size_t count = 0;
	if (!section->count)
		return;
	section->in_force = arena_alloc_array(arena, section->count, sizeof(*section->in_force));
	for (size_t i = 0; i < section->count; i++)
		if (!section->entries[i].problem)
			section->in_force[count++] = section->entries[i];
	qsort(section->in_force, count, sizeof(*section->in_force), compare_entries);
	for (size_t i = 0; i < count; i++) {
		bool last = i + 1 == count || strcmp(section->in_force[i].key, section->in_force[i + 1].key) != 0;
		if (last)
			section->in_force[section->in_force_count++] = section->in_force[i];
	}
}

void proxmox_config_parse(struct arena *arena, struct slice text, struct release release, struct proxmox_config *ret)
{
	*ret = (struct proxmox_config){ .text = text, .release = release, .problems = { .arena = arena } };
	struct reader reader = { .arena = arena, .config = ret, .description = { .arena = arena } };
	struct slice line;
	begin_section(&reader, PROXMOX_MAIN, slice_of(""));
	while (slice_next_line(&text, &line)) {
		reader.line++;
		read_line(&reader, line);
	}
	end_description(&reader);
	find_replaced(&reader);
	for (size_t i = 0; i < ret->count; i++)
		find_in_force(arena, &ret->sections[i]);
}

/* ---- Looking things up ---- */

const struct proxmox_section *proxmox_find_section(const struct proxmox_config *config, enum proxmox_section_kind kind,
						   const char *name)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct proxmox_section *section = &config->sections[i];
		if (section->kind == kind && !section->replaced && strcmp(section->name, name) == 0)
			return section;
	}
	return NULL;
}

static int compare_key(const void *key, const void *entry)
{
	return strcmp(key, ((const struct proxmox_entry *)entry)->key);
}

const struct proxmox_entry *proxmox_find(const struct proxmox_section *section, const char *key)
{
	if (!section || !section->in_force_count)
		return NULL;
	return bsearch(key, section->in_force, section->in_force_count, sizeof(*section->in_force), compare_key);
}

const char *proxmox_get(const struct proxmox_section *section, const char *key)
{
	const struct proxmox_entry *entry = proxmox_find(section, key);
	return entry ? entry->value : NULL;
}

bool proxmox_deletes(const struct proxmox_section *pending, const char *key)
{
	const char *rest = proxmox_get(pending, "delete");
	static const char separators[] = ",; \t\v\f\r";
	while (rest && *rest) {
		rest += strspn(rest, separators);
		rest += *rest == '!'; /* by force */
		size_t length = strcspn(rest, separators);
		if (length && slice_equals((struct slice){ rest, length }, key))
			return true;
		rest += length;
	}
	return false;
}

/* Entries of `from`, but those that `over` has, too; and but those that are to be deleted. */
static void take_entries(const struct proxmox_section *from, const struct proxmox_section *over,
			 const struct proxmox_section *pending, struct proxmox_section *ret)
{
	for (size_t i = 0; from && i < from->in_force_count; i++) {
		const char *key = from->in_force[i].key;
		/* These are no settings, but of the section; see read_of_section(). */
		if (strcmp(key, "delete") != 0 && strcmp(key, "snapstate") != 0 && !proxmox_find(over, key) &&
		    !proxmox_deletes(pending, key))
			ret->in_force[ret->in_force_count++] = from->in_force[i];
	}
}

void proxmox_apply_pending(struct arena *arena, const struct proxmox_config *config, struct proxmox_section *ret)
{
	const struct proxmox_section *main_section = &config->sections[0];
	const struct proxmox_section *pending = proxmox_find_section(config, PROXMOX_PENDING, "");
	size_t room = main_section->in_force_count + (pending ? pending->in_force_count : 0);
	*ret = (struct proxmox_section){ .name = "", .description = main_section->description };
	ret->in_force = arena_alloc_array(arena, room + 1, sizeof(*ret->in_force));
	take_entries(main_section, pending, pending, ret);
	take_entries(pending, NULL, pending, ret);
	qsort(ret->in_force, ret->in_force_count, sizeof(*ret->in_force), compare_entries);
	if (pending && pending->description)
		ret->description = pending->description;
	if (proxmox_deletes(pending, "description"))
		ret->description = NULL;
}
