/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

static inline void tokener_cleanup(struct json_tokener **tokener)
{
	if (*tokener)
		json_tokener_free(*tokener);
}

int json_read(struct slice text, struct json_object **ret, struct error *error)
{
	CLEANUP(tokener_cleanup) struct json_tokener *tokener = json_tokener_new();
	if (!tokener)
		return error_set(error, -ENOMEM, "out of memory");
	if (text.length > INT_MAX)
		return error_set(error, -EFBIG, "JSON text too long");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	AUTO_JSON *object = json_tokener_parse_ex(tokener, text.start, (int)text.length);
	enum json_tokener_error code = json_tokener_get_error(tokener);
	if (code == json_tokener_continue)
		return error_set(error, -EINVAL, "not JSON: it ends before it is complete");
	if (code != json_tokener_success)
		return error_set(error, -EINVAL, "not JSON: byte %zu: %s", json_tokener_get_parse_end(tokener) + 1,
				 json_tokener_error_desc(code));
	size_t end = json_tokener_get_parse_end(tokener);
	if (slice_trim((struct slice){ text.start + end, text.length - end }).length)
		return error_set(error, -EINVAL, "not JSON: byte %zu: something stands behind its end", end + 1);
	*ret = object;
	object = NULL;
	return 0;
}

void json_print(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

struct json_object *json_new_text(const char *text)
{
	AUTO_ARENA arena = { 0 };
	struct buffer clean = { .arena = &arena };
	if (!text)
		return NULL;
	buffer_puts(&clean, "");
	while (*text) {
		size_t length = text_character(text);
		if (length)
			buffer_add(&clean, text, length);
		else
			buffer_putc(&clean, '?');
		text += length ? length : 1;
	}
	return json_object_new_string(clean.text);
}

void json_add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_new_text(text));
}

void json_add_digits(struct json_object *object, const char *key, const char *digits)
{
	uint64_t number;
	if (digits && text_to_number(digits, 10, INT64_MAX, &number) == 0)
		json_add_number(object, key, (int64_t)number);
	else
		json_object_object_add(object, key, NULL);
}

void json_add_number(struct json_object *object, const char *key, int64_t number)
{
	json_object_object_add(object, key, json_object_new_int64(number));
}

void json_add_bool(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}
