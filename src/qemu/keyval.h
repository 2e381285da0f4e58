/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * key=value lists, the language of most of QEMU's arguments (util/keyval.c and util/qemu-option.c):
 *
 *   list  = [ item { "," item } ]
 *   item  = key "=" value | value (the first item: the list's implied key) | key (a switch: "on")
 *   value = any bytes; a comma in it is written twice
 *
 * A key that stands twice has its last value. Keys of -machine may be written with '_' or '-'.
 *
 * An item remembers how it was spelled. Editing replaces or appends items and leaves all others as they are.
 */
#pragma once

#include "base/text.h"

struct keyval_item {
	struct slice spelling; /* "aw-bits=48", into the text that was read */
	const char *key;
	const char *value; /* without the doubling of commas; "on" for a switch */
};

struct keyval {
	struct keyval_item *items;
	size_t count;
};

/* Every text is a list; there is no error. `implied`: the key of a first item without "=", or NULL. */
void keyval_parse(struct arena *arena, const char *text, const char *implied, struct keyval *ret);

/* The value in force, or NULL. '_' and '-' in keys are the same. */
const char *keyval_get(const struct keyval *list, const char *key);

/* `text` with the value of `key` in force changed, or with "key=value" at its end. */
const char *keyval_set(struct arena *arena, const char *text, const char *implied, const char *key, const char *value);

/* Adds a value, its commas doubled. */
void keyval_escape(struct buffer *buffer, const char *value);

/* What QEMU takes for true and false (qapi_bool_parse): 1, 0, or -1 for neither. */
int keyval_boolean(const char *value);
