/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private data in text: what has a form of its own (MAC and IP addresses, UUIDs), and words that are known to be names.
 * Each is replaced by another of its kind, the same by the same everywhere, so that what refers to it still does.
 */
#pragma once

#include "base/text.h"

enum private_kind {
	PRIVATE_MAC,    /* 02:00:00:00:00:01: locally administered, nobody's */
	PRIVATE_IPV4,   /* of RFC 5737's networks for documentation, and, after these, of RFC 2544's */
	PRIVATE_IPV6,   /* of 2001:db8::/32 (RFC 3849) */
	PRIVATE_UUID,   /* 00000000-0000-4000-8000-000000000001 */
	PRIVATE_SERIAL, /* serialno1 */
	PRIVATE_DISK,   /* diskname1: a name in /dev/disk/by-id */
	PRIVATE_HOST,   /* hostname1 */
	PRIVATE_VM,     /* vmname1 */
	PRIVATE_LABEL,  /* fslabel1: of a file system, or of a pool */
	PRIVATE_SERVER, /* fileserver1 */
	PRIVATE_COUNT,
};

struct private_entry {
	enum private_kind kind;
	const char *original;
	const char *replacement;
	size_t length; /* of the original */
	bool found;
	struct private_entry *next; /* word with the same first letter, not longer than this one */
};

struct private_map {
	struct arena *arena;
	struct private_entry **table;
	size_t size;
	size_t count;
	unsigned int counts[PRIVATE_COUNT];         /* of different ones that are known */
	unsigned int found[PRIVATE_COUNT];          /* of those that were replaced */
	struct private_entry *words[UINT8_MAX + 1]; /* by their first letter */
};

/*
 * What an original is replaced by; given out at the first call. A map starts with { .arena = arena }, in which what is
 * known is kept.
 */
const char *private_replacement(struct private_map *map, enum private_kind kind, struct slice original);

/* Whether a word is one that was put in the place of another: those are replaced by nothing. */
bool private_is_invented(const char *word);

/* From now on this word is replaced wherever letters and digits do not go on with it. */
void private_add_word(struct private_map *map, enum private_kind kind, const char *word);

/* Text with all of these replaced. `versions`: numbers with three dots are versions here, and no addresses. */
struct slice private_replace(struct private_map *map, struct arena *arena, struct slice text, bool versions);

/* The 32 digits of an IPv6 address, as /proc/net writes them, and eight of an IPv4 address; others are left alone. */
struct slice private_replace_digits(struct private_map *map, struct arena *arena, struct slice digits);
