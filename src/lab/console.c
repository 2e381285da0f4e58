/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/console.h"

#include <ctype.h>

#include "base/json.h"

/* Consoles carry escape sequences (firmware clears the screen), which a terminal must not get from us. */
static const char *printable(struct arena *arena, struct slice text)
{
	char *copy = arena_strndup(arena, text.start, text.length);
	for (char *character = copy; *character; character++)
		if (!isprint((unsigned char)*character))
			*character = ' ';
	struct slice trimmed = slice_trim(slice_of(copy));
	copy = (char *)trimmed.start;
	copy[trimmed.length] = '\0';
	return copy;
}

void console_parse(struct arena *arena, struct slice line, struct console_event *ret)
{
	static const char *const kinds[] = {
		[CONSOLE_STEP] = "step ",         [CONSOLE_DEVICE] = "device ", [CONSOLE_CHECK] = "check ",
		[CONSOLE_SNAPSHOT] = "snapshot ", [CONSOLE_LOG] = "log ",       [CONSOLE_FAILED] = "failed ",
		[CONSOLE_PROVED] = "proved ",     [CONSOLE_END] = "end",
	};
	*ret = (struct console_event){ .kind = CONSOLE_OTHER };
	const char *mark = line.length ? memmem(line.start, line.length, "@@L", 3) : NULL;
	size_t rest = mark ? line.length - (size_t)(mark - line.start) : 0;
	if (rest < 6 || mark[3] < '0' || mark[3] > '2' || mark[4] != ' ') {
		ret->text = printable(arena, line);
		return;
	}
	const char *text = printable(arena, (struct slice){ mark + 5, rest - 5 });
	ret->level = (unsigned int)(mark[3] - '0');
	ret->text = text;
	for (size_t i = CONSOLE_STEP; i < ARRAY_SIZE(kinds); i++)
		if (text_starts_with(text, kinds[i])) {
			ret->kind = (enum console_kind)i;
			ret->text = text + strlen(kinds[i]);
		}
}

static const char *member(struct arena *arena, struct json_object *object, const char *key)
{
	struct json_object *value = NULL;
	if (!json_object_object_get_ex(object, key, &value) || !value)
		return "-";
	return arena_strdup(arena, json_object_get_string(value));
}

bool console_parse_device(struct arena *arena, const char *text, struct lab_row *row)
{
	AUTO_JSON *object = NULL;
	if (json_read(slice_of(text), &object, NULL) < 0 || !json_object_is_type(object, json_type_object))
		return false;
	*row = (struct lab_row){
		.address = member(arena, object, "address"),
		.ids = arena_printf(arena, "%s:%s", member(arena, object, "vendor"), member(arena, object, "device")),
		.group = member(arena, object, "group"),
		.driver = member(arena, object, "driver"),
	};
	return true;
}

bool console_parse_finding(struct arena *arena, const char *text, struct lab_finding *ret)
{
	struct slice rest = slice_of(text);
	struct slice verdict;
	struct slice check;
	if (!slice_next_word(&rest, &verdict) || !slice_next_word(&rest, &check))
		return false;
	rest = slice_trim(rest);
	*ret = (struct lab_finding){
		.verdict = arena_strndup(arena, verdict.start, verdict.length),
		.check = arena_strndup(arena, check.start, check.length),
		.summary = arena_strndup(arena, rest.start, rest.length),
	};
	return true;
}

void console_parse_snapshot(struct buffer *snapshot, const char *text)
{
	if (*text != '|')
		return;
	for (text++; *text; text++) {
		if (*text != '\\' || !text[1])
			buffer_putc(snapshot, *text);
		else
			buffer_putc(snapshot, *++text == 't' ? '\t' : *text);
	}
	buffer_putc(snapshot, '\n');
}
