/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/findings-fold.h"

#include <ctype.h>
#include <stdlib.h>

/* FNV-1a of 64 bits: a few thousand texts do not meet in it. */
#define HASH_START 0xcbf29ce484222325U
#define HASH_PRIME 0x100000001b3U

static uint64_t hash_byte(uint64_t hash, char byte)
{
	return (hash ^ (unsigned char)byte) * HASH_PRIME;
}

/* How long the PCI address is that stands here; 0: none does. */
static size_t address_length(const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t domain = strspn(text, hex);
	if (domain < 4 || text[domain] != ':')
		return 0;
	const char *rest = text + domain + 1;
	/* "01:00.0" */
	if (strspn(rest, hex) != 2 || rest[2] != ':' || strspn(rest + 3, hex) != 2 || rest[5] != '.' || rest[6] < '0' ||
	    rest[6] > '7')
		return 0;
	return domain + sizeof(":01:00.0") - 1;
}

/* A text without what differs from device to device. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (const char *at = text ? text : ""; *at;) {
		size_t address = at == text || !isalnum((unsigned char)at[-1]) ? address_length(at) : 0;
		size_t digits = strspn(at, "0123456789");
		if (address || digits) {
			hash = hash_byte(hash, address ? '@' : '#');
			at += address ? address : digits;
		} else {
			hash = hash_byte(hash, *at++);
		}
	}
	return hash_byte(hash, '\0');
}

struct kind {
	uint64_t hash;
	size_t index;
};

static int compare_kinds(const void *a, const void *b)
{
	const struct kind *first = a;
	const struct kind *second = b;
	if (first->hash != second->hash)
		return first->hash < second->hash ? -1 : 1;
	return first->index < second->index ? -1 : first->index > second->index;
}

void findings_fold(const struct finding *findings, size_t count, struct arena *arena, size_t *ret_speaker)
{
	struct kind *kinds = arena_alloc_array(arena, count + 1, sizeof(*kinds));
	for (size_t i = 0; i < count; i++) {
		uint64_t hash = hash_byte(HASH_START, (char)findings[i].verdict);
		hash = hash_text(hash, findings[i].summary);
		hash = hash_text(hash, findings[i].wanted);
		kinds[i] = (struct kind){ hash_text(hash, findings[i].remedy), i };
		ret_speaker[i] = i;
	}
	if (count < FINDINGS_FOLD_FROM)
		return;
	qsort(kinds, count, sizeof(*kinds), compare_kinds);
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i; end < count && kinds[end].hash == kinds[i].hash; end++)
			;
		for (size_t j = i; end - i >= FINDINGS_FOLD_FROM && j < end; j++)
			ret_speaker[kinds[j].index] = kinds[i].index;
	}
}
