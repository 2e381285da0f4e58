/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/property-string.h"

#include <errno.h>
#include <stdlib.h>
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

/* ---- Values ---- */

static const char *skip_sign(const char *value)
{
	return value + (*value == '+' || *value == '-');
}

static bool is_within(double value, int64_t least, int64_t most)
{
	return (least == 0 && most == 0) || (value >= (double)least && value <= (double)most);
}

bool property_is_integer(const char *value, int64_t least, int64_t most)
{
	const char *digits = skip_sign(value);
	size_t length = strspn(digits, "0123456789");
	return length && !digits[length] && is_within(strtod(value, NULL), least, most);
}

/* JSONSchema.pm, is_number: "1", "1.", ".5", "1e3". */
bool property_is_number(const char *value, int64_t least, int64_t most)
{
	const char *rest = skip_sign(value);
	size_t whole = strspn(rest, "0123456789");
	rest += whole;
	size_t fraction = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
	rest += *rest == '.' ? 1 + fraction : 0;
	if (!whole && !fraction)
		return false;
	if (*rest == 'e' || *rest == 'E') {
		rest = skip_sign(rest + 1);
		size_t exponent = strspn(rest, "0123456789");
		if (!exponent)
			return false;
		rest += exponent;
	}
	return !*rest && is_within(strtod(value, NULL), least, most);
}

bool property_is_word(const char *value, const char *words)
{
	size_t length = strlen(value);
	for (const char *word = words; *word;) {
		size_t own = strcspn(word, " ");
		if (own == length && memcmp(word, value, length) == 0)
			return true;
		word += own;
		word += strspn(word, " ");
	}
	return false;
}

static bool takes(const struct property_key *key, const char *value)
{
	if (key->is_valid && !key->is_valid(value))
		return false;
	if (key->words && !property_is_word(value, key->words))
		return false;
	switch (key->kind) {
	case PROPERTY_TEXT:
		break;
	case PROPERTY_BOOLEAN:
		return property_is_boolean(value);
	case PROPERTY_INTEGER:
		return property_is_integer(value, key->least, key->most);
	case PROPERTY_NUMBER:
		return property_is_number(value, key->least, key->most);
	}
	return true;
}

/* Until pve-common 9.0.12, of the same days, "yes" was a switch behind its key only. */
static bool takes_bare(const struct property_key *key, const struct property *part, struct release release)
{
	static const struct release all_alike = { { 9, 0, 25 } };
	return !part->bare || key->kind != PROPERTY_BOOLEAN || release_has(release, all_alike) ||
	       strcmp(part->value, "0") == 0 || strcmp(part->value, "1") == 0;
}

/* ---- Keys ---- */

static bool is_gone(const struct property_key *key, struct release release)
{
	return key->until.parts[0] && release_has(release, key->until);
}

/* The row that the release has, or one that it has not; NULL: no release has it. */
static const struct property_key *find_key(const struct property_format *format, struct release release,
					   const char *name)
{
	const struct property_key *found = NULL;
	for (size_t i = 0; i < format->count; i++) {
		const struct property_key *key = &format->keys[i];
		if (strcmp(key->name, name) != 0 || (key->only && !(key->only & format->family)))
			continue;
		if (release_has(release, key->since) && !is_gone(key, release))
			return key;
		found = key;
	}
	return found;
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

static int check_part(const struct property_string *before, const struct property_key *key, const struct property *part,
		      struct release release, struct error *error)
{
	if (!key)
		return error_set(error, -EINVAL, "there is no key '%s'", part->key);
	if (!release_has(release, key->since))
		return error_set(error, -EINVAL, "qemu-server knows no '%s=' before " RELEASE_FORMAT, part->key,
				 RELEASE_PARTS(key->since));
	if (is_gone(key, release))
		return error_set(error, -EINVAL, "qemu-server knows no '%s=' since " RELEASE_FORMAT, part->key,
				 RELEASE_PARTS(key->until));
	const char *name = key->alias ? key->alias : part->key;
	if (property_get(before, name) || (key->key_alias && property_get(before, key->key_alias)))
		return error_set(error, -EINVAL, "'%s' stands twice", key->alias ? key->alias : part->key);
	return 0;
}

static int add_part(struct property_string *string, const struct property *part, const struct property_format *format,
		    struct release release, struct error *error)
{
	const struct property_key *key = find_key(format, release, part->key);
	int r = check_part(string, key, part, release, error);
	if (r < 0)
		return r;
	struct property item = *part;
	if (key->key_alias)
		string->items[string->count++] = (struct property){ .spelling = part->spelling,
								    .key = key->key_alias,
								    .value = part->key };
	if (key->alias) {
		item.key = key->alias;
		key = find_key(format, release, key->alias);
	}
	if (key && (!takes(key, item.value) || !takes_bare(key, &item, release)))
		return error_set(error, -EINVAL, "'%s' is no value for '%s'", item.value, item.key);
	string->items[string->count++] = item;
	return 0;
}

static int check_required(const struct property_string *string, const struct property_format *format,
			  struct release release, struct error *error)
{
	for (size_t i = 0; i < format->count; i++)
		if (format->keys[i].required && !is_gone(&format->keys[i], release) &&
		    !property_get(string, format->keys[i].name))
			return error_set(error, -EINVAL, "'%s' is missing", format->keys[i].name);
	for (size_t i = 0; i < format->count; i++) {
		const struct property_key *key = &format->keys[i];
		if (key->needs && property_get(string, key->name) && !property_get(string, key->needs))
			return error_set(error, -EINVAL, "'%s' needs '%s'", key->name, key->needs);
	}
	return 0;
}

int property_string_parse(struct arena *arena, const char *text, const struct property_format *format,
			  struct release release, struct property_string *ret, struct error *error)
{
	/* Every key can stand once only: more parts than keys, and one of them is refused. */
	struct property_string string = { .items = arena_alloc_array(arena, format->count + 2, sizeof(*string.items)) };
	for (const char *rest = text; *rest;) {
		size_t length = strcspn(rest, ",");
		struct slice part = { rest, length };
		struct property item;
		rest += length + (rest[length] == ',');
		if (strspn(part.start, " \t\r\n\v\f") >= part.length)
			continue;
		int r = read_part(arena, part, format, &item, error);
		if (r == 0)
			r = add_part(&string, &item, format, release, error);
		if (r < 0)
			return r;
	}
	int r = check_required(&string, format, release, error);
	if (r == 0)
		*ret = string;
	return r;
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
