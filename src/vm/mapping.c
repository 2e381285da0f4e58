/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/mapping.h"

#include <errno.h>
#include <string.h>

#include "vm/property-string.h"

struct reader {
	struct arena *arena;
	struct mappings *mappings;
	struct mapping *mapping; /* NULL: outside, or in one that is skipped */
	size_t room;
	size_t place_room;
	size_t line;
};

static const struct property_key place_keys[] = {
	{ "node", NULL, { { 0 } } }, { "id", NULL, { { 0 } } },         { "subsystem-id", NULL, { { 0 } } },
	{ "path", NULL, { { 0 } } }, { "iommugroup", NULL, { { 0 } } }, { "description", NULL, { { 0 } } },
};

static const struct property_format place_format = { place_keys, ARRAY_SIZE(place_keys), NULL };

static void begin_mapping(struct reader *reader, struct slice name)
{
	struct mappings *mappings = reader->mappings;
	if (mappings->count == reader->room) {
		reader->room = reader->room ? reader->room * 2 : 16;
		mappings->items = arena_grow(reader->arena, mappings->items, mappings->count, reader->room,
					     sizeof(*mappings->items));
	}
	reader->mapping = &mappings->items[mappings->count++];
	*reader->mapping = (struct mapping){ .name = arena_strndup(reader->arena, name.start, name.length) };
	reader->place_room = 0;
}

static void add_place(struct reader *reader, const char *text)
{
	struct error error;
	struct property_string keys = { 0 };
	struct mapping *mapping = reader->mapping;
	int r = property_string_parse(reader->arena, text, &place_format, (struct release){ { 0 } }, &keys, &error);
	const char *node = property_get(&keys, "node");
	const char *path = property_get(&keys, "path");
	if (r == 0 && (!node || !path || !property_get(&keys, "id")))
		r = error_set(&error, -EINVAL, "node=, path= and id= are needed");
	if (r < 0) {
		list_printf(&reader->mappings->problems, "line %zu: map of '%s': %s; Proxmox VE ignores it",
			    reader->line, mapping->name, error.text);
		return;
	}
	if (mapping->count == reader->place_room) {
		reader->place_room = reader->place_room ? reader->place_room * 2 : 4;
		mapping->places = arena_grow(reader->arena, mapping->places, mapping->count, reader->place_room,
					     sizeof(*mapping->places));
	}
	mapping->places[mapping->count++] = (struct mapping_place){
		.node = node,
		.path = path,
		.id = property_get(&keys, "id"),
		.subsystem = property_get(&keys, "subsystem-id"),
		.group = property_get(&keys, "iommugroup"),
		.line = reader->line,
	};
}

static void read_property(struct reader *reader, struct slice line)
{
	struct slice key;
	if (!slice_next_word(&line, &key) || !reader->mapping)
		return;
	struct slice value = slice_trim(line);
	const char *text = arena_strndup(reader->arena, value.start, value.length);
	if (slice_equals(key, "map"))
		add_place(reader, text);
	else if (slice_equals(key, "mdev"))
		reader->mapping->mdev = property_boolean(text) == 1;
}

/* As pve-common's SectionConfig: a heading at the left margin, properties indented, a blank line between. */
void mappings_parse(struct arena *arena, struct slice text, struct mappings *ret)
{
	*ret = (struct mappings){ .problems = { .arena = arena } };
	struct reader reader = { .arena = arena, .mappings = ret };
	struct slice line;
	while (slice_next_line(&text, &line)) {
		reader.line++;
		struct slice trimmed = slice_trim(line);
		if (trimmed.length == 0 || trimmed.start[0] == '#' || memchr(line.start, '\0', line.length))
			continue;
		if (trimmed.start != line.start) {
			read_property(&reader, trimmed);
			continue;
		}
		struct slice name;
		reader.mapping = NULL;
		if (slice_next_word(&trimmed, &name) && slice_trim(trimmed).length == 0)
			begin_mapping(&reader, name);
		else
			list_printf(&ret->problems, "line %zu: no mapping is called '%.*s'", reader.line,
				    line.length > 60 ? 60 : (int)line.length, line.start);
	}
}

const struct mapping *mappings_find(const struct mappings *mappings, const char *name)
{
	for (size_t i = 0; i < mappings->count; i++)
		if (strcmp(mappings->items[i].name, name) == 0)
			return &mappings->items[i];
	return NULL;
}
