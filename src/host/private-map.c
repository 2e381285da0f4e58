/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is put in the place of what: one by one, in the order in which they are met. */
#include "host/private-text.h"

#include <ctype.h>

static size_t hash(enum private_kind kind, struct slice original)
{
	uint64_t value = 0xcbf29ce484222325U + (uint64_t)kind;
	for (size_t i = 0; i < original.length; i++)
		value = (value ^ (unsigned char)original.start[i]) * 0x100000001b3U;
	return (size_t)(value ^ value >> 29);
}

static struct private_entry **place_of(const struct private_map *map, enum private_kind kind, struct slice original)
{
	size_t at = hash(kind, original) & (map->size - 1);
	while (map->table[at] && (map->table[at]->kind != kind || !slice_equals(original, map->table[at]->original)))
		at = (at + 1) & (map->size - 1);
	return &map->table[at];
}

static void make_room(struct private_map *map)
{
	struct private_entry **old = map->table;
	size_t old_size = map->size;
	if ((map->count + 1) * 2 <= old_size)
		return;
	map->size = old_size ? old_size * 2 : 64;
	map->table = arena_alloc_array(map->arena, map->size, sizeof(struct private_entry *));
	for (size_t i = 0; i < old_size; i++)
		if (old[i])
			*place_of(map, old[i]->kind, slice_of(old[i]->original)) = old[i];
}

/* The three networks for documentation have 254 addresses each; then those for measuring devices, which have enough. */
static const char *ipv4(struct arena *arena, unsigned int number)
{
	static const char *const networks[] = { "192.0.2", "198.51.100", "203.0.113" };
	unsigned int network = (number - 1) / 254;
	if (network < ARRAY_SIZE(networks))
		return arena_printf(arena, "%s.%u", networks[network], (number - 1) % 254 + 1);
	number -= ARRAY_SIZE(networks) * 254;
	return arena_printf(arena, "198.%u.%u.%u", 18 + (number >> 16 & 1), number >> 8 & 0xff, number & 0xff);
}

/* Of the same number of bytes: InfiniBand's have 20, FireWire's and Fibre Channel's 8. */
static const char *mac(struct arena *arena, unsigned int number, size_t length)
{
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "02");
	for (size_t left = (length + 1) / 3 - 1; left-- > 0;)
		buffer_printf(&text, ":%02x", left < 4 ? number >> 8 * left & 0xff : 0);
	return text.text;
}

/* Nobody calls things so, and no name is a part of them by the rules of private_replace(). */
static const char *const inventions[PRIVATE_COUNT] = {
	[PRIVATE_SERIAL] = "serialno", [PRIVATE_DISK] = "diskname", [PRIVATE_HOST] = "hostname",
	[PRIVATE_VM] = "vmname",       [PRIVATE_LABEL] = "fslabel", [PRIVATE_SERVER] = "fileserver",
};

bool private_is_invented(const char *word)
{
	for (size_t i = 0; i < PRIVATE_COUNT; i++) {
		size_t length = inventions[i] ? strlen(inventions[i]) : 0;
		if (length && text_starts_with(word, inventions[i]) && word[length] &&
		    word[length + strspn(word + length, "0123456789")] == '\0')
			return true;
	}
	return false;
}

static const char *invent(struct private_map *map, enum private_kind kind, size_t length)
{
	unsigned int number = ++map->counts[kind];
	switch (kind) {
	case PRIVATE_MAC:
		return mac(map->arena, number, length);
	case PRIVATE_IPV4:
		return ipv4(map->arena, number);
	case PRIVATE_IPV6:
		return arena_printf(map->arena, "2001:db8::%x:%x", number >> 16, number & 0xffff);
	case PRIVATE_UUID:
		return arena_printf(map->arena, "00000000-0000-4000-8000-%012x", number);
	default:
		return arena_printf(map->arena, "%s%u", inventions[kind], number);
	}
}

static struct private_entry *entry_of(struct private_map *map, enum private_kind kind, struct slice original)
{
	/* Hexadecimal digits are the same in capitals. */
	if (kind == PRIVATE_MAC || kind == PRIVATE_UUID) {
		char *lower = arena_strndup(map->arena, original.start, original.length);
		for (char *c = lower; *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c ^= 0x20;
		original.start = lower;
	}
	make_room(map);
	struct private_entry **place = place_of(map, kind, original);
	if (*place)
		return *place;
	struct private_entry *entry = arena_alloc(map->arena, sizeof(*entry));
	*entry = (struct private_entry){ .kind = kind, .length = original.length };
	entry->original = arena_strndup(map->arena, original.start, original.length);
	entry->replacement = invent(map, kind, original.length);
	map->count++;
	*place = entry;
	return entry;
}

const char *private_replacement(struct private_map *map, enum private_kind kind, struct slice original)
{
	struct private_entry *entry = entry_of(map, kind, original);
	map->found[kind] += !entry->found;
	entry->found = true;
	return entry->replacement;
}

void private_add_word(struct private_map *map, enum private_kind kind, const char *word)
{
	struct private_entry *entry = entry_of(map, kind, slice_of(word));
	struct private_entry **at = &map->words[(unsigned char)*word];
	for (const struct private_entry *other = *at; other; other = other->next)
		if (strcmp(other->original, word) == 0)
			return;
	while (*at && (*at)->length > entry->length)
		at = &(*at)->next;
	entry->next = *at;
	*at = entry;
}
