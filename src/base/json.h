/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON by json-c; here is only what every user of it needs. json_object_put() on the outermost object releases all.
 */
#pragma once

#include <json-c/json.h>

#include "base/error.h"
#include "base/text.h"

static inline void json_cleanup(struct json_object **object)
{
	json_object_put(*object);
}

#define AUTO_JSON CLEANUP(json_cleanup) struct json_object

/* One whole JSON value, nothing behind it. -EINVAL otherwise; `error` says where. */
int json_read(struct slice text, struct json_object **ret, struct error *error) MUST_CHECK;

/* To stdout, indented, with a newline. */
void json_print(struct json_object *object);

/* A text of its own; NULL becomes null. JSON is UTF-8: every byte that is none becomes '?'. */
struct json_object *json_new_text(const char *text);

/* Members of an object; likewise. */
void json_add_text(struct json_object *object, const char *key, const char *text);
/* Digits as a number; null when they are none. */
void json_add_digits(struct json_object *object, const char *key, const char *digits);
void json_add_number(struct json_object *object, const char *key, int64_t number);
void json_add_bool(struct json_object *object, const char *key, bool value);
