/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/keyval.h"

#include <stdbool.h>
#include <string.h>

/* The end of a value: a comma that is not doubled, or the end. */
static const char *find_value_end(const char *text)
{
	for (;;) {
		text += strcspn(text, ",");
		if (text[0] != ',' || text[1] != ',')
			return text;
		text += 2;
	}
}

static const char *unescape(struct arena *arena, const char *start, const char *end)
{
	char *value = arena_alloc(arena, (size_t)(end - start) + 1);
	char *out = value;
	for (const char *in = start; in < end; in++) {
		*out++ = *in;
		if (in[0] == ',' && in + 1 < end && in[1] == ',')
			in++;
	}
	return value;
}

static const char *read_item(struct arena *arena, const char *text, const char *implied, struct keyval_item *ret)
{
	size_t key_length = strcspn(text, "=,");
	const char *end;
	if (text[key_length] == '=') {
		const char *value = text + key_length + 1;
		end = find_value_end(value);
		ret->key = arena_strndup(arena, text, key_length);
		ret->value = unescape(arena, value, end);
	} else if (implied) {
		end = find_value_end(text);
		ret->key = implied;
		ret->value = unescape(arena, text, end);
	} else {
		end = text + key_length;
		ret->key = arena_strndup(arena, text, key_length);
		ret->value = "on";
	}
	ret->spelling = (struct slice){ text, (size_t)(end - text) };
	return end;
}

void keyval_parse(struct arena *arena, const char *text, const char *implied, struct keyval *ret)
{
	size_t room = 1;
	for (const char *comma = text; (comma = strchr(comma, ',')) != NULL; comma++)
		room++;
	*ret = (struct keyval){ .items = arena_alloc_array(arena, room, sizeof(*ret->items)) };
	while (*text) {
		text = read_item(arena, text, ret->count == 0 ? implied : NULL, &ret->items[ret->count]);
		ret->count++;
		text += *text == ',';
	}
}

static bool same_key(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
			return false;
	return *a == *b;
}

static const struct keyval_item *find(const struct keyval *list, const char *key)
{
	for (size_t i = list->count; i-- > 0;)
		if (same_key(list->items[i].key, key))
			return &list->items[i];
	return NULL;
}

const char *keyval_get(const struct keyval *list, const char *key)
{
	const struct keyval_item *item = find(list, key);
	return item ? item->value : NULL;
}

void keyval_escape(struct buffer *buffer, const char *value)
{
	for (; *value; value++) {
		buffer_putc(buffer, *value);
		if (*value == ',')
			buffer_putc(buffer, ',');
	}
}

const char *keyval_set(struct arena *arena, const char *text, const char *implied, const char *key, const char *value)
{
	struct keyval list;
	keyval_parse(arena, text, implied, &list);
	const struct keyval_item *old = find(&list, key);
	struct buffer result = { .arena = arena };
	size_t before = old ? (size_t)(old->spelling.start - text) : strlen(text);
	buffer_add(&result, text, before);
	/* A comma at the very end separates from nothing yet, or is half of a doubled one. */
	if (!old && list.count) {
		const struct slice *last = &list.items[list.count - 1].spelling;
		if (last->start + last->length == text + before)
			buffer_putc(&result, ',');
	}
	/* The key stays spelled as it was. */
	buffer_puts(&result, old ? old->key : key);
	buffer_putc(&result, '=');
	keyval_escape(&result, value);
	if (old) {
		const char *rest = old->spelling.start + old->spelling.length;
		/* Empty items behind a switch: behind a value, their commas would be read as doubled ones. */
		while (rest[0] == ',' && rest[1] == ',')
			rest++;
		buffer_puts(&result, rest);
	}
	return result.text;
}

int keyval_boolean(const char *value)
{
	static const char *const yes[] = { "on", "yes", "true", "y" };
	static const char *const no[] = { "off", "no", "false", "n" };
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (text_equals(value, yes[i]))
			return 1;
		if (text_equals(value, no[i]))
			return 0;
	}
	return -1;
}
