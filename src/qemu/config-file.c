/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/config-file.h"

#include <errno.h>
#include <string.h>

struct reader {
	struct arena *arena;
	struct config_file *file;
	size_t section_room;
	size_t entry_room;
};

/* [group] or [group "id"] */
static int read_heading(struct reader *reader, struct slice line)
{
	if (line.start[line.length - 1] != ']')
		return -EINVAL;
	struct slice inside = slice_trim((struct slice){ line.start + 1, line.length - 2 });
	struct slice group;
	if (!slice_next_word(&inside, &group))
		return -EINVAL;
	inside = slice_trim(inside);
	const char *id = NULL;
	if (inside.length) {
		if (inside.length < 2 || inside.start[0] != '"' || inside.start[inside.length - 1] != '"')
			return -EINVAL;
		id = arena_strndup(reader->arena, inside.start + 1, inside.length - 2);
	}
	struct config_file *file = reader->file;
	if (file->count == reader->section_room) {
		reader->section_room = reader->section_room ? reader->section_room * 2 : 16;
		file->sections = arena_grow(reader->arena, file->sections, file->count, reader->section_room,
					    sizeof(*file->sections));
	}
	file->sections[file->count++] = (struct config_section){
		.group = arena_strndup(reader->arena, group.start, group.length),
		.id = id,
	};
	reader->entry_room = 0;
	return 0;
}

/* key = "value" */
static int read_entry(struct reader *reader, struct slice line)
{
	const char *equals = memchr(line.start, '=', line.length);
	if (!equals || reader->file->count == 0)
		return -EINVAL;
	struct slice key = slice_trim((struct slice){ line.start, (size_t)(equals - line.start) });
	struct slice value = slice_trim((struct slice){ equals + 1, line.length - (size_t)(equals + 1 - line.start) });
	if (!key.length || value.length < 2 || value.start[0] != '"' || value.start[value.length - 1] != '"')
		return -EINVAL;
	struct keyval *entries = &reader->file->sections[reader->file->count - 1].entries;
	if (entries->count == reader->entry_room) {
		reader->entry_room = reader->entry_room ? reader->entry_room * 2 : 8;
		entries->items = arena_grow(reader->arena, entries->items, entries->count, reader->entry_room,
					    sizeof(*entries->items));
	}
	entries->items[entries->count++] = (struct keyval_item){
		.key = arena_strndup(reader->arena, key.start, key.length),
		.value = arena_strndup(reader->arena, value.start + 1, value.length - 2),
	};
	return 0;
}

int config_file_parse(struct arena *arena, struct slice text, struct config_file *ret, struct error *error)
{
	*ret = (struct config_file){ 0 };
	struct reader reader = { .arena = arena, .file = ret };
	struct slice line;
	for (size_t number = 1; slice_next_line(&text, &line); number++) {
		line = slice_trim(line);
		if (line.length == 0 || line.start[0] == '#')
			continue;
		int r = line.start[0] == '[' ? read_heading(&reader, line) : read_entry(&reader, line);
		if (r < 0)
			return error_set(error, r, "line %zu is neither [section] nor key = \"value\"", number);
	}
	return 0;
}
