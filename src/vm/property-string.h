/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Property strings, the language of most values of a Proxmox VE configuration: "0000:01:00,pcie=1,x-vga=1".
 *
 *   string = part { "," part }       blank parts count for nothing
 *   part   = key "=" value | value   (one at most: the value of the format's default key)
 *
 * Read as pve-common's parse_property_string does: no blank is trimmed, a key that the format does not know, one that
 * stands twice and one without a value spoil the whole string, and Proxmox VE then goes on as if it were not there.
 */
#pragma once

#include "base/error.h"
#include "base/text.h"

/* A version of the package qemu-server: "8.2.1", and before Proxmox VE 8 "7.4-2". */
struct release {
	unsigned int parts[3]; /* all 0: not known, taken as the newest */
};

#define RELEASE_FORMAT "%u.%u%c%u"
#define RELEASE_PARTS(release) \
	(release).parts[0], (release).parts[1], (release).parts[0] < 8 ? '-' : '.', (release).parts[2]

/* False for a version that is known, and older. */
bool release_has(struct release release, struct release since);

enum property_kind {
	PROPERTY_TEXT,
	PROPERTY_BOOLEAN,
	PROPERTY_INTEGER, /* with a sign, or without */
	PROPERTY_NUMBER,  /* likewise, with a fraction */
};

/*
 * A key, and what values it takes. Of several rows of one name, that counts which the release has. Where both limits are
 * 0 there are none.
 */
struct property_key {
	const char *name;
	bool (*is_valid)(const char *value); /* NULL: the rest decides */
	struct release since;                /* all 0: of old */
	enum property_kind kind;
	int64_t least;
	int64_t most;
	const char *words;     /* of which the value must be one, with blanks between; NULL: any */
	struct release until;  /* the first that does not know it any more; all 0: none */
	const char *alias;     /* it stands for this key; or NULL */
	const char *key_alias; /* and its own name is the value of this one; or NULL */
	bool required;
	const char *needs; /* a key that must be there with it; or NULL */
	unsigned int only; /* which formats of a family have it, as bits; 0: all */
};

struct property_format {
	const struct property_key *keys;
	size_t count;
	const char *default_key; /* or NULL */
	unsigned int family;     /* a bit: see `only` */
};

struct property {
	struct slice spelling; /* "pcie=1", into the text that was read */
	const char *key;       /* the default key where the part is a bare value */
	const char *value;
	bool bare;
};

struct property_string {
	struct property *items;
	size_t count;
};

/* -EINVAL: Proxmox VE of that release would not take it, `error` says why. */
int property_string_parse(struct arena *arena, const char *text, const struct property_format *format,
			  struct release release, struct property_string *ret, struct error *error) MUST_CHECK;

/* Whether a number is of that form and within these limits, or a word is among `words`. */
bool property_is_integer(const char *value, int64_t least, int64_t most);
bool property_is_number(const char *value, int64_t least, int64_t most);
bool property_is_word(const char *value, const char *words);

/* NULL: not given. */
const char *property_get(const struct property_string *string, const char *key);

/* 1, on, yes, true and 0, off, no, false, in any case: 1, 0, or -1 for anything else. */
int property_boolean(const char *text);

/* Whether a switch is given, and on. */
bool property_is_on(const struct property_string *string, const char *key);

bool property_is_boolean(const char *value);

/*
 * The text with this key set to a value, or taken away (NULL): in the place where it stood, else at the end. All others
 * stay as they are spelled, and in order. NULL as the text is an empty one.
 */
const char *property_edit(struct arena *arena, const char *text, const char *default_key, const char *key,
			  const char *value);
