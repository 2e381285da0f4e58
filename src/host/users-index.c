/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table with open addresses: there may be thousands of nodes, and each is looked for several times. */
#include "host/users-internal.h"

struct index_slot {
	const char *text; /* NULL: the key is the number */
	uint64_t number;  /* of a text: its hash */
	size_t place;
	bool used;
};

/* FNV-1a (draft-eastlake-fnv); a tree that is made to collide slows down its own reading only. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

/* The slot that has the key, or the free one where it would be. */
static struct index_slot *find_slot(const struct index *index, const char *text, uint64_t number)
{
	size_t mask = index->room - 1;
	size_t at = (size_t)((number ^ number >> 29) * 0x9e3779b97f4a7c15 >> 20) & mask;
	for (;; at = (at + 1) & mask) {
		struct index_slot *slot = &index->slots[at];
		if (!slot->used || (slot->number == number && (text ? text_equals(slot->text, text) : !slot->text)))
			return slot;
	}
}

static void grow(struct index *index, struct arena *arena)
{
	struct index old = *index;
	index->room = old.room ? old.room * 2 : 64;
	index->slots = arena_alloc_array(arena, index->room, sizeof(*index->slots));
	for (size_t i = 0; i < old.room; i++)
		if (old.slots[i].used)
			*find_slot(index, old.slots[i].text, old.slots[i].number) = old.slots[i];
}

static void put(struct index *index, struct arena *arena, const char *text, uint64_t number, size_t place)
{
	if (index->count * 2 >= index->room)
		grow(index, arena);
	struct index_slot *slot = find_slot(index, text, number);
	if (slot->used)
		return;
	*slot = (struct index_slot){ text, number, place, true };
	index->count++;
}

static size_t find(const struct index *index, const char *text, uint64_t number)
{
	if (!index->room)
		return SIZE_MAX;
	const struct index_slot *slot = find_slot(index, text, number);
	return slot->used ? slot->place : SIZE_MAX;
}

void index_put_text(struct index *index, struct arena *arena, const char *text, size_t place)
{
	put(index, arena, text, hash_of(text), place);
}

void index_put_number(struct index *index, struct arena *arena, uint64_t number, size_t place)
{
	put(index, arena, NULL, number, place);
}

size_t index_find_text(const struct index *index, const char *text)
{
	return find(index, text, hash_of(text));
}

size_t index_find_number(const struct index *index, uint64_t number)
{
	return find(index, NULL, number);
}
