/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/property-string.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

bool release_has(struct release release, struct release since)
{
	if (!release.parts[0])
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(release.parts); i++)
		if (release.parts[i] != since.parts[i])
			return release.parts[i] > since.parts[i];
	return true;
}

int property_boolean(const char *text)
{
	static const char *const yes[] = { "1", "on", "yes", "true" };
	static const char *const no[] = { "0", "off", "no", "false" };
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcasecmp(text, yes[i]) == 0)
			return 1;
		if (strcasecmp(text, no[i]) == 0)
			return 0;
	}
	return -1;
}

bool property_is_boolean(const char *value)
{
	return property_boolean(value) >= 0;
}

static const struct property_key *find_key(const struct property_format *format, const char *name)
{
	for (size_t i = 0; i < format->count; i++)
		if (strcmp(format->keys[i].name, name) == 0)
			return &format->keys[i];
	return NULL;
}

static int read_part(struct arena *arena, struct slice part, const struct property_format *format, struct property *ret,
		     struct error *error)
{
	const char *equals = memchr(part.start, '=', part.length);
	*ret = (struct property){ .spelling = part };
	if (!equals) {
		if (!format->default_key)
			return error_set(error, -EINVAL, "'%.*s' is no key=value", (int)part.length, part.start);
		ret->bare = true;
		ret->key = format->default_key;
		ret->value = arena_strndup(arena, part.start, part.length);
		return 0;
	}
	size_t key = (size_t)(equals - part.start);
	if (key == 0 || key + 1 == part.length)
		return error_set(error, -EINVAL, "'%.*s' lacks a %s", (int)part.length, part.start,
				 key == 0 ? "key" : "value");
	ret->key = arena_strndup(arena, part.start, key);
	ret->value = arena_strndup(arena, equals + 1, part.length - key - 1);
	return 0;
}

static int check_part(const struct property_string *before, const struct property *part,
		      const struct property_format *format, struct release release, struct error *error)
{
	const struct property_key *key = find_key(format, part->key);
	if (!key)
		return error_set(error, -EINVAL, "there is no key '%s'", part->key);
	if (!release_has(release, key->since))
		return error_set(error, -EINVAL, "qemu-server knows no '%s=' before " RELEASE_FORMAT, part->key,
				 RELEASE_PARTS(key->since));
	if (property_get(before, part->key))
		return error_set(error, -EINVAL, "'%s' stands twice", part->key);
	if (key->is_valid && !key->is_valid(part->value))
		return error_set(error, -EINVAL, "'%s' is no value for '%s'", part->value, part->key);
	return 0;
}

int property_string_parse(struct arena *arena, const char *text, const struct property_format *format,
			  struct release release, struct property_string *ret, struct error *error)
{
	/* Every key can stand once only: more parts than keys, and one of them is refused. */
	struct property_string string = { .items = arena_alloc_array(arena, format->count + 1, sizeof(*string.items)) };
	for (const char *rest = text; *rest;) {
		size_t length = strcspn(rest, ",");
		struct slice part = { rest, length };
		rest += length + (rest[length] == ',');
		if (strspn(part.start, " \t\r\n\v\f") >= part.length)
			continue;
		struct property *item = &string.items[string.count];
		int r = read_part(arena, part, format, item, error);
		if (r == 0)
			r = check_part(&string, item, format, release, error);
		if (r < 0)
			return r;
		string.count++;
	}
	*ret = string;
	return 0;
}

const char *property_get(const struct property_string *string, const char *key)
{
	for (size_t i = 0; i < string->count; i++)
		if (strcmp(string->items[i].key, key) == 0)
			return string->items[i].value;
	return NULL;
}

bool property_is_on(const struct property_string *string, const char *key)
{
	const char *value = property_get(string, key);
	return value && property_boolean(value) == 1;
}

static bool is_part_of(struct slice part, const char *default_key, const char *key)
{
	size_t length = strlen(key);
	if (!memchr(part.start, '=', part.length))
		return text_equals(default_key, key);
	return part.length > length && part.start[length] == '=' && memcmp(part.start, key, length) == 0;
}

const char *property_edit(struct arena *arena, const char *text, const char *default_key, const char *key,
			  const char *value)
{
	struct buffer result = { .arena = arena };
	bool found = false;
	buffer_puts(&result, "");
	for (const char *rest = text ? text : ""; *rest;) {
		size_t length = strcspn(rest, ",");
		struct slice part = { rest, length };
		rest += length + (rest[length] == ',');
		bool replaced = is_part_of(part, default_key, key);
		if (replaced && (!value || found))
			continue;
		if (result.length)
			buffer_putc(&result, ',');
		if (!replaced)
			buffer_add(&result, part.start, part.length);
		else if (memchr(part.start, '=', part.length))
			buffer_printf(&result, "%s=%s", key, value);
		else
			buffer_puts(&result, value);
		found |= replaced;
	}
	if (found || !value)
		return result.text;
	/* The default key stands first, and bare, as Proxmox VE itself writes it. */
	if (text_equals(default_key, key))
		return arena_printf(arena, "%s%s%s", value, result.length ? "," : "", result.text);
	return arena_printf(arena, "%s%s%s=%s", result.text, result.length ? "," : "", key, value);
}
