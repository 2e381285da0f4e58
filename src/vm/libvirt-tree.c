/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/libvirt-tree.h"

#include <errno.h>
#include <stdlib.h>

static const char *member_text(struct arena *arena, struct json_object *object, const char *key)
{
	struct json_object *value;
	if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_string))
		return NULL;
	return arena_strdup(arena, json_object_get_string(value));
}

static void read_attributes(struct arena *arena, struct json_object *object, struct element *ret)
{
	struct json_object *attributes;
	if (!json_object_object_get_ex(object, "attributes", &attributes) ||
	    !json_object_is_type(attributes, json_type_object))
		return;
	ret->attributes = arena_alloc_array(arena, (size_t)json_object_object_length(attributes) + 1,
					    sizeof(*ret->attributes));
	json_object_object_foreach(attributes, key, value) {
		const char *text = json_object_get_string(value);
		ret->attributes[ret->attribute_count++] = (struct element_attribute){
			.name = arena_strdup(arena, key),
			.value = arena_strdup(arena, text ? text : ""),
		};
	}
}

/* How deep a tree may be, json-c's parser has decided. */
static int read_element(struct arena *arena, struct json_object *object, struct element *ret)
{
	struct json_object *children;
	if (!json_object_is_type(object, json_type_object))
		return -EINVAL;
	const char *name = member_text(arena, object, "name");
	const char *text = member_text(arena, object, "text");
	if (!name)
		return -EINVAL;
	*ret = (struct element){ .name = name, .text = text ? text : "" };
	read_attributes(arena, object, ret);
	if (!json_object_object_get_ex(object, "children", &children))
		return 0;
	if (!json_object_is_type(children, json_type_array))
		return -EINVAL;
	size_t count = json_object_array_length(children);
	ret->children = arena_alloc_array(arena, count + 1, sizeof(*ret->children));
	for (size_t i = 0; i < count; i++) {
		int r = read_element(arena, json_object_array_get_idx(children, i), &ret->children[ret->count++]);
		if (r < 0)
			return r;
	}
	return 0;
}

int element_read(struct arena *arena, struct json_object *tree, struct element *ret, struct error *error)
{
	struct element element;
	if (read_element(arena, tree, &element) < 0 || strcmp(element.name, "domain") != 0)
		return error_set(error, -EINVAL, "what the helper says of it is no tree of a domain");
	*ret = element;
	return 0;
}

const struct element *element_next(const struct element *element, const char *name, const struct element *after)
{
	if (!element)
		return NULL;
	for (size_t i = after ? (size_t)(after - element->children) + 1 : 0; i < element->count; i++)
		if (strcmp(element->children[i].name, name) == 0)
			return &element->children[i];
	return NULL;
}

const struct element *element_find(const struct element *element, const char *path)
{
	char name[64];
	while (element && *path) {
		size_t length = strcspn(path, "/");
		snprintf(name, sizeof(name), "%.*s", (int)length, path);
		element = element_next(element, name, NULL);
		path += length;
		path += *path == '/';
	}
	return element;
}

const char *element_get(const struct element *element, const char *attribute)
{
	for (size_t i = 0; element && i < element->attribute_count; i++)
		if (strcmp(element->attributes[i].name, attribute) == 0)
			return element->attributes[i].value;
	return NULL;
}

const char *element_get_at(const struct element *element, const char *path, const char *attribute)
{
	return element_get(element_find(element, path), attribute);
}

const char *element_text_at(const struct element *element, const char *path)
{
	const struct element *found = element_find(element, path);
	return found ? found->text : NULL;
}

bool element_number(const char *text, uint64_t max, uint64_t *ret)
{
	if (!text)
		return false;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return text_to_number(text + 2, 16, max, ret) == 0;
	if (text[0] == '0' && text[1]) {
		uint64_t value = 0;
		for (const char *c = text; *c; c++) {
			if (*c < '0' || *c > '7' || value > max)
				return false;
			value = value * 8 + (uint64_t)(*c - '0');
		}
		*ret = value;
		return value <= max;
	}
	return text_to_number(text, 10, max, ret) == 0;
}

uint64_t element_kib(const struct element *element)
{
	/* libvirt, virScaleInteger(): "KB" is 1000, "K" and "KiB" are 1024. */
	static const struct {
		const char *unit;
		uint64_t bytes;
	} units[] = {
		{ "b", 1 },
		{ "bytes", 1 },
		{ "KB", 1000 },
		{ "k", 1024 },
		{ "K", 1024 },
		{ "KiB", 1024 },
		{ "MB", 1000000 },
		{ "M", UINT64_C(1) << 20 },
		{ "MiB", UINT64_C(1) << 20 },
		{ "GB", 1000000000 },
		{ "G", UINT64_C(1) << 30 },
		{ "GiB", UINT64_C(1) << 30 },
		{ "TB", UINT64_C(1000000000000) },
		{ "T", UINT64_C(1) << 40 },
		{ "TiB", UINT64_C(1) << 40 },
	};
	uint64_t value;
	const char *unit = element_get(element, "unit");
	/* 2^63: more than any machine has, and nothing overflows below. */
	if (!element || text_to_number(element->text, 10, INT64_MAX, &value) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(units[i].unit, unit ? unit : "KiB") == 0)
			return value > INT64_MAX / units[i].bytes ? 0 : (value * units[i].bytes + 1023) / 1024;
	return 0;
}

/* ---- As XML ---- */

static void add_escaped(struct buffer *buffer, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			buffer_puts(buffer, "&lt;");
		else if (*text == '&')
			buffer_puts(buffer, "&amp;");
		else if (*text == '\'')
			buffer_puts(buffer, "&apos;");
		else
			buffer_putc(buffer, *text);
	}
}

static bool is_left_out(const char *name, const char *const *without)
{
	for (size_t i = 0; without && without[i]; i++)
		if (strcmp(without[i], name) == 0)
			return true;
	return false;
}

static void add_xml(struct buffer *buffer, const struct element *element, const char *const *without)
{
	bool is_empty = *element->text == '\0';
	buffer_printf(buffer, "<%s", element->name);
	for (size_t i = 0; i < element->attribute_count; i++) {
		buffer_printf(buffer, " %s='", element->attributes[i].name);
		add_escaped(buffer, element->attributes[i].value);
		buffer_putc(buffer, '\'');
	}
	for (size_t i = 0; i < element->count; i++)
		is_empty = is_empty && is_left_out(element->children[i].name, without);
	if (is_empty) {
		buffer_puts(buffer, "/>");
		return;
	}
	buffer_putc(buffer, '>');
	add_escaped(buffer, element->text);
	for (size_t i = 0; i < element->count; i++)
		if (!is_left_out(element->children[i].name, without))
			add_xml(buffer, &element->children[i], without);
	buffer_printf(buffer, "</%s>", element->name);
}

const char *element_xml(struct arena *arena, const struct element *element, const char *const *without)
{
	struct buffer buffer = { .arena = arena };
	add_xml(&buffer, element, without);
	return buffer.text;
}
