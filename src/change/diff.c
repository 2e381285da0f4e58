/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/diff.h"

#define CONTEXT 3

/* Cells of the table of common subsequences: beyond it, all between the equal ends is shown as replaced. */
#define TABLE_MAX ((size_t)4 * 1024 * 1024)

struct lines {
	struct slice *items; /* with their newline, which the last may lack */
	size_t count;
};

/* A line of the result: ' ' in both, '-' in the first, '+' in the second. */
struct edit {
	char sign;
	struct slice line;
};

struct edits {
	struct edit *items;
	size_t count;
};

static struct lines split(struct slice text, struct arena *arena)
{
	struct lines lines = { .items = NULL };
	size_t room = 1;
	for (size_t i = 0; i < text.length; i++)
		room += text.start[i] == '\n';
	lines.items = arena_alloc_array(arena, room, sizeof(*lines.items));
	while (text.length) {
		const char *newline = memchr(text.start, '\n', text.length);
		size_t length = newline ? (size_t)(newline - text.start) + 1 : text.length;
		lines.items[lines.count++] = (struct slice){ text.start, length };
		text.start += length;
		text.length -= length;
	}
	return lines;
}

static bool same(struct slice a, struct slice b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.start, b.start, a.length) == 0);
}

static void add_all(struct edits *edits, char sign, const struct slice *lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		edits->items[edits->count++] = (struct edit){ sign, lines[i] };
}

/*
 * The longest common subsequence by its table: cell (i, j) is the length of that of a[i..] and b[j..] (Hirschberg 1975,
 * algorithm A, from the end).
 */
static void add_middle(struct edits *edits, struct lines a, struct lines b, struct arena *arena)
{
	size_t width = b.count + 1;
	if (a.count == 0 || b.count == 0 || a.count >= TABLE_MAX / width) {
		add_all(edits, '-', a.items, a.count);
		add_all(edits, '+', b.items, b.count);
		return;
	}
	uint32_t *table = arena_alloc_array(arena, (a.count + 1) * width, sizeof(*table));
	for (size_t i = a.count; i-- > 0;)
		for (size_t j = b.count; j-- > 0;) {
			uint32_t skip_a = table[(i + 1) * width + j];
			uint32_t skip_b = table[i * width + j + 1];
			bool equal = same(a.items[i], b.items[j]);
			table[i * width + j] = equal           ? table[(i + 1) * width + j + 1] + 1 :
					       skip_a > skip_b ? skip_a :
								 skip_b;
		}
	size_t i = 0;
	size_t j = 0;
	while (i < a.count && j < b.count) {
		if (same(a.items[i], b.items[j])) {
			add_all(edits, ' ', &a.items[i++], 1);
			j++;
		} else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) {
			add_all(edits, '-', &a.items[i++], 1);
		} else {
			add_all(edits, '+', &b.items[j++], 1);
		}
	}
	add_all(edits, '-', a.items + i, a.count - i);
	add_all(edits, '+', b.items + j, b.count - j);
}

static struct edits compare(struct lines a, struct lines b, struct arena *arena)
{
	struct edits edits = { .items = arena_alloc_array(arena, a.count + b.count + 1, sizeof(*edits.items)) };
	size_t shorter = a.count < b.count ? a.count : b.count;
	size_t head = 0;
	size_t tail = 0;
	while (head < shorter && same(a.items[head], b.items[head]))
		head++;
	while (tail < shorter - head && same(a.items[a.count - 1 - tail], b.items[b.count - 1 - tail]))
		tail++;
	add_all(&edits, ' ', a.items, head);
	add_middle(&edits, (struct lines){ a.items + head, a.count - head - tail },
		   (struct lines){ b.items + head, b.count - head - tail }, arena);
	add_all(&edits, ' ', a.items + a.count - tail, tail);
	return edits;
}

/* "-3,4": where a piece begins and how many lines it has; of none, the line before it is named; of one, only that. */
static void add_range(struct buffer *buffer, char sign, size_t before, size_t count)
{
	if (count == 1)
		buffer_printf(buffer, "%c%zu", sign, before + 1);
	else
		buffer_printf(buffer, "%c%zu,%zu", sign, count ? before + 1 : before, count);
}

static void add_hunk(struct buffer *buffer, const struct edit *edits, size_t count, const size_t before[2])
{
	size_t in_a = 0;
	size_t in_b = 0;
	for (size_t i = 0; i < count; i++) {
		in_a += edits[i].sign != '+';
		in_b += edits[i].sign != '-';
	}
	buffer_puts(buffer, "@@ ");
	add_range(buffer, '-', before[0], in_a);
	buffer_putc(buffer, ' ');
	add_range(buffer, '+', before[1], in_b);
	buffer_puts(buffer, " @@\n");
	for (size_t i = 0; i < count; i++) {
		buffer_putc(buffer, edits[i].sign);
		buffer_add(buffer, edits[i].line.start, edits[i].line.length);
		if (edits[i].line.start[edits[i].line.length - 1] != '\n')
			buffer_puts(buffer, "\n\\ No newline at end of file\n");
	}
}

/* The end of the piece that begins with a change at `i`: further ones belong to it when their context would touch. */
static size_t find_end(const struct edits *edits, size_t i)
{
	size_t end = i;
	for (size_t equal = 0; i < edits->count && equal <= 2 * CONTEXT; i++) {
		equal = edits->items[i].sign == ' ' ? equal + 1 : 0;
		if (!equal)
			end = i + 1;
	}
	return end;
}

static void add_hunks(struct buffer *buffer, const struct edits *edits)
{
	size_t before[2] = { 0, 0 }; /* lines of either text before `shown` */
	size_t shown = 0;
	for (size_t i = 0; i < edits->count;) {
		if (edits->items[i].sign == ' ') {
			i++;
			continue;
		}
		size_t end = find_end(edits, i);
		size_t from = i > shown + CONTEXT ? i - CONTEXT : shown;
		size_t to = edits->count - end > CONTEXT ? end + CONTEXT : edits->count;
		/* What is passed over is equal. */
		before[0] += from - shown;
		before[1] += from - shown;
		add_hunk(buffer, edits->items + from, to - from, before);
		for (size_t j = from; j < to; j++) {
			before[0] += edits->items[j].sign != '+';
			before[1] += edits->items[j].sign != '-';
		}
		shown = i = to;
	}
}

static bool has_nul(struct slice text)
{
	return text.length && memchr(text.start, '\0', text.length);
}

void diff_unified(struct buffer *buffer, const char *before_name, struct slice before, const char *after_name,
		  struct slice after)
{
	AUTO_ARENA arena = { 0 };
	if (same(before, after))
		return;
	if (has_nul(before) || has_nul(after)) {
		buffer_printf(buffer, "Binary files %s and %s differ\n", before_name, after_name);
		return;
	}
	struct edits edits = compare(split(before, &arena), split(after, &arena), &arena);
	buffer_printf(buffer, "--- %s\n+++ %s\n", before_name, after_name);
	add_hunks(buffer, &edits);
}
