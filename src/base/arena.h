/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An arena: memory that is released all at once. One arena per model; what a reader returns lives as long as the
 * arena that it was given. Memory comes zeroed. When the machine has no memory left the program ends (status 3):
 * nothing here can fail, so nobody needs to check.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/cleanup.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
};

#define AUTO_ARENA CLEANUP(arena_release) struct arena

void arena_release(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t size);
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);

/* A copy of `old_count` elements in a new place with room for `count`; the old place is not given back. */
void *arena_grow(struct arena *arena, const void *old, size_t old_count, size_t count, size_t size);

char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_FORMAT(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list args) PRINTF_FORMAT(2, 0);
