/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/log.h"

#include <ctype.h>
#include <stdlib.h>

#define LINE_SHOWN_MAX 500

const struct log_pattern *const log_pattern_tables[] = {
	log_kernel_patterns, log_vfio_patterns, log_qemu_patterns, log_qemu_viommu_patterns, log_manager_patterns, NULL,
};

const struct log_pattern *log_pattern_find(const char *id)
{
	for (size_t table = 0; log_pattern_tables[table]; table++)
		for (const struct log_pattern *pattern = log_pattern_tables[table]; pattern->id; pattern++)
			if (strcmp(pattern->id, id) == 0)
				return pattern;
	return NULL;
}

/*
 * All patterns at once (Wu and Manber, "A fast algorithm for multi-pattern searching", 1994): of each pattern's longest
 * fragment the first LOG_KEY_MIN bytes are its key. Two bytes of the text tell how far the next key's end can be away
 * at least; where that is 0, the patterns with these two bytes at their key's end are tried.
 */
#define PAIRS 65536U

struct searched {
	const struct log_pattern *pattern;
	struct slice key;
	size_t next;  /* with the same last two bytes: index plus one */
	size_t tried; /* number of the last line that was compared with it */
};

struct search {
	struct arena *arena;
	struct slice text;
	uint8_t *skip; /* by pair of bytes */
	size_t *first; /* by pair of bytes: index of a pattern plus one */
	struct searched *patterns;
	size_t count;
	struct log_findings *findings;
	size_t room;
	size_t *places;     /* hash table: index of a finding plus one */
	size_t place_count; /* a power of two */
	struct slice line;  /* at hand */
	size_t line_number; /* of it, from 1 */
};

static unsigned int pair_at(const char *at)
{
	return (unsigned int)(uint8_t)at[0] << 8 | (uint8_t)at[1];
}

/* The longest fragment: it is the rarest. */
static struct slice key_of(const struct log_pattern *pattern)
{
	struct slice longest = { pattern->fragments, 0 };
	for (const char *at = pattern->fragments;; at++) {
		size_t length = strcspn(at, "|");
		if (length > longest.length)
			longest = (struct slice){ at, length };
		at += length;
		if (!*at)
			return longest;
	}
}

static void add_pattern(struct search *search, const struct log_pattern *pattern)
{
	struct slice key = key_of(pattern);
	if (key.length < LOG_KEY_MIN)
		return;
	for (unsigned int i = 0; i + 1 < LOG_KEY_MIN; i++) {
		uint8_t *skip = &search->skip[pair_at(key.start + i)];
		if (*skip > LOG_KEY_MIN - 2 - i)
			*skip = (uint8_t)(LOG_KEY_MIN - 2 - i);
	}
	size_t *first = &search->first[pair_at(key.start + LOG_KEY_MIN - 2)];
	search->patterns[search->count] = (struct searched){ pattern, key, *first, 0 };
	*first = ++search->count;
}

static void prepare(struct search *search)
{
	size_t count = 0;
	for (size_t table = 0; log_pattern_tables[table]; table++)
		for (const struct log_pattern *pattern = log_pattern_tables[table]; pattern->id; pattern++)
			count++;
	search->skip = arena_alloc(search->arena, PAIRS);
	memset(search->skip, LOG_KEY_MIN - 1, PAIRS);
	search->first = arena_alloc_array(search->arena, PAIRS, sizeof(*search->first));
	search->patterns = arena_alloc_array(search->arena, count, sizeof(*search->patterns));
	for (size_t table = 0; log_pattern_tables[table]; table++)
		for (const struct log_pattern *pattern = log_pattern_tables[table]; pattern->id; pattern++)
			add_pattern(search, pattern);
}

static bool line_matches(const struct log_pattern *pattern, struct slice line)
{
	struct slice rest = line;
	for (const char *at = pattern->fragments;; at++) {
		size_t length = strcspn(at, "|");
		const char *found = memmem(rest.start, rest.length, at, length);
		if (!found)
			return false;
		size_t cut = (size_t)(found - rest.start) + length;
		rest = (struct slice){ rest.start + cut, rest.length - cut };
		at += length;
		if (!*at)
			break;
	}
	return !pattern->unless || !memmem(line.start, line.length, pattern->unless, strlen(pattern->unless));
}

/* ---- Devices ---- */

static size_t count_hex(struct slice text, size_t at, size_t most)
{
	size_t count = 0;
	while (count < most && at + count < text.length && isxdigit((unsigned char)text.start[at + count]))
		count++;
	return count;
}

static bool is_part_of_word(char character)
{
	return isalnum((unsigned char)character) || character == '_';
}

#define SHORT_ADDRESS 7

/* "0000:01:00.0" or, where `is_short`, "01:00.0": its length at this place, or 0. */
static size_t address_length(struct slice text, size_t at, bool is_short)
{
	size_t start = at;
	if (at >= text.length)
		return 0;
	if (at > 0 && is_part_of_word(text.start[at - 1]))
		return 0;
	if (!is_short) {
		size_t domain = count_hex(text, at, 8);
		if (domain < 4 || at + domain >= text.length || text.start[at + domain] != ':')
			return 0;
		at += domain + 1;
	}
	/* "01:00.0" */
	if (text.length < at + SHORT_ADDRESS || count_hex(text, at, 3) != 2 || text.start[at + 2] != ':' ||
	    count_hex(text, at + 3, 3) != 2 || text.start[at + 5] != '.' || text.start[at + 6] < '0' ||
	    text.start[at + 6] > '7' || text.start[at + 3] > '1' ||
	    (at + SHORT_ADDRESS < text.length && is_part_of_word(text.start[at + SHORT_ADDRESS])))
		return 0;
	return at + SHORT_ADDRESS - start;
}

/* "01:00.0" and "0000:01:00.0" as the same text. Nearly all have four digits of domain, which takes no reading. */
static bool format_address(struct slice text, size_t at, size_t length, char ret[PCI_ADDRESS_TEXT_MAX])
{
	struct pci_address address;
	char copy[PCI_ADDRESS_TEXT_MAX] = "";
	size_t domain = length == SHORT_ADDRESS ? strlen("0000:") : 0;
	if (!length || length + domain >= sizeof(copy))
		return false;
	memcpy(copy, "0000:", domain);
	for (size_t i = 0; i < length; i++)
		copy[domain + i] = (char)tolower((unsigned char)text.start[at + i]);
	copy[domain + length] = '\0';
	if (domain + length == strlen("0000:") + SHORT_ADDRESS) {
		memcpy(ret, copy, sizeof(copy));
		return true;
	}
	if (pci_address_parse(copy, &address, NULL) < 0)
		return false;
	pci_address_format(address, ret);
	return true;
}

/*
 * The address behind a word that introduces it, where it may lack its domain (elsewhere that may be a time); else the
 * first one: what a line begins with can be the IOMMU's own address.
 */
static bool find_device(struct slice line, char ret[PCI_ADDRESS_TEXT_MAX])
{
	static const char *const introductions[] = { "device [[", "device [", "device=", "device '", "host=" };
	for (size_t i = 0; i < ARRAY_SIZE(introductions); i++) {
		const char *found = memmem(line.start, line.length, introductions[i], strlen(introductions[i]));
		size_t at = found ? (size_t)(found - line.start) + strlen(introductions[i]) : line.length;
		if (format_address(line, at, address_length(line, at, false), ret) ||
		    format_address(line, at, address_length(line, at, true), ret))
			return true;
	}
	for (size_t at = 0; at < line.length; at++)
		if (isxdigit((unsigned char)line.start[at]) &&
		    format_address(line, at, address_length(line, at, false), ret))
			return true;
	return false;
}

/* ---- Findings ---- */

/* What a terminal would act upon goes; so do bytes that are no UTF-8. */
static const char *clean(struct slice line, struct arena *arena)
{
	bool is_cut = line.length > LINE_SHOWN_MAX;
	size_t shown = is_cut ? LINE_SHOWN_MAX : line.length;
	const char *from = arena_strndup(arena, line.start, shown);
	char *text = arena_alloc(arena, shown + sizeof("..."));
	char *to = text;
	while (*from) {
		size_t length = text_character(from);
		bool is_control = length == 0 || (unsigned char)*from < ' ' || *from == 0x7f ||
				  ((unsigned char)from[0] == 0xc2 && (unsigned char)from[1] < 0xa0);
		if (*from == '\t')
			*to++ = ' ';
		else if (!is_control)
			to = mempcpy(to, from, length);
		from += length ? length : 1;
	}
	if (is_cut)
		memcpy(to, "...", sizeof("..."));
	return text;
}

static size_t hash_of(const struct log_pattern *pattern, const char *device)
{
	/* FNV-1a. */
	uint64_t hash = 0xcbf29ce484222325U ^ (uint64_t)(uintptr_t)pattern;
	for (const char *at = device ? device : ""; *at; at++)
		hash = (hash ^ (uint8_t)*at) * 0x100000001b3U;
	return (size_t)(hash ^ hash >> 32);
}

/* The place of a finding, or the free one where it belongs. */
static size_t *find_place(struct search *search, const struct log_pattern *pattern, const char *device)
{
	size_t mask = search->place_count - 1;
	for (size_t at = hash_of(pattern, device) & mask;; at = (at + 1) & mask) {
		size_t *place = &search->places[at];
		if (!*place)
			return place;
		const struct log_finding *finding = &search->findings->items[*place - 1];
		if (finding->pattern == pattern && (finding->device == device || text_equals(finding->device, device)))
			return place;
	}
}

static void make_room(struct search *search)
{
	struct log_findings *findings = search->findings;
	if (findings->count < search->room)
		return;
	search->room = search->room ? search->room * 2 : 64;
	findings->items = arena_grow(search->arena, findings->items, findings->count, search->room,
				     sizeof(*findings->items));
	search->place_count = search->room * 2;
	search->places = arena_alloc_array(search->arena, search->place_count, sizeof(*search->places));
	for (size_t i = 0; i < findings->count; i++)
		*find_place(search, findings->items[i].pattern, findings->items[i].device) = i + 1;
}

static void add_finding(struct search *search, const struct log_pattern *pattern)
{
	struct slice line = search->line;
	bool is_said_once = pattern->verdict == VERDICT_PASS || pattern->verdict == VERDICT_NA;
	char text[PCI_ADDRESS_TEXT_MAX];
	const char *device = !is_said_once && find_device(line, text) ? text : NULL;
	make_room(search);
	size_t *place = find_place(search, pattern, device);
	if (*place) {
		search->findings->items[*place - 1].times++;
		return;
	}
	search->findings->items[search->findings->count] = (struct log_finding){
		.pattern = pattern,
		.device = device ? arena_strdup(search->arena, device) : NULL,
		.detail = log_decode(pattern->decoder, line, search->arena),
		.line = clean(line, search->arena),
		.line_number = search->line_number,
		.times = 1,
	};
	*place = ++search->findings->count;
}

/* Goes on to the line that a place further on is in. */
static void go_to(struct search *search, const char *place)
{
	const char *end = search->text.start + search->text.length;
	while (search->line_number == 0 || place > search->line.start + search->line.length) {
		const char *start = search->line_number ? search->line.start + search->line.length + 1 :
							  search->text.start;
		const char *behind = start < end ? memchr(start, '\n', (size_t)(end - start)) : NULL;
		search->line = (struct slice){ start, (size_t)((behind ? behind : end) - start) };
		search->line_number++;
	}
}

/* A key may begin at `at`. A line is compared with a pattern once, however often it holds the key. */
static void try_pattern(struct search *search, struct searched *searched, const char *at)
{
	const char *end = search->text.start + search->text.length;
	if ((size_t)(end - at) < searched->key.length || memcmp(at, searched->key.start, searched->key.length) != 0)
		return;
	go_to(search, at);
	if (searched->tried == search->line_number)
		return;
	searched->tried = search->line_number;
	if (line_matches(searched->pattern, search->line))
		add_finding(search, searched->pattern);
}

/* By line, and within one by the order of the tables, however far along it their keys stand. */
static int compare_findings(const void *a, const void *b)
{
	const struct log_finding *one = a;
	const struct log_finding *other = b;
	if (one->line_number != other->line_number)
		return one->line_number < other->line_number ? -1 : 1;
	return strcmp(one->pattern->id, other->pattern->id);
}

void log_classify(struct slice text, struct arena *arena, struct log_findings *ret)
{
	struct search search = { .arena = arena, .text = text, .findings = ret };
	*ret = (struct log_findings){ 0 };
	prepare(&search);
	for (size_t at = LOG_KEY_MIN - 2; at + 2 <= text.length;) {
		unsigned int pair = pair_at(text.start + at);
		if (search.skip[pair]) {
			at += search.skip[pair];
			continue;
		}
		for (size_t i = search.first[pair]; i; i = search.patterns[i - 1].next)
			try_pattern(&search, &search.patterns[i - 1], text.start + at - (LOG_KEY_MIN - 2));
		at++;
	}
	if (text.length) {
		go_to(&search, text.start + text.length - 1);
		ret->lines = search.line_number;
	}
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_findings);
}
