/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text can be read as a shell's file: each assignment has a value or a problem with its place. What was quoted for a
 * shell is read back as it was.
 */
#include "fuzz.h"

#include "base/shell.h"
#include "boot/assignments.h"
#include "boot/boot-internal.h"

static const char *const watched[] = { "GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT", NULL };

static void each_is_known_or_not(const struct assignments *all)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct assignment *one = &all->items[i];
		HOLDS(one->name[0] && one->line >= 1);
		HOLDS(!one->value == (one->problem != NULL));
		HOLDS(!one->problem || text_starts_with(one->problem, "/f:"));
		HOLDS(!one->value || one->added);
	}
}

static void quoted_reads_back(struct arena *arena, struct slice text)
{
	const char *word = arena_strndup(arena, text.start, text.length);
	struct buffer line = { .arena = arena };
	struct assignments all = { .arena = arena, .watched = watched };
	buffer_puts(&line, "GRUB_CMDLINE_LINUX=");
	shell_quote(&line, word);
	buffer_puts(&line, " # comment\n");
	assignments_read(&all, "/f", (struct slice){ line.text, line.length });
	HOLDS(!all.broken);
	HOLDS(text_equals(assignments_find(&all, watched[0])->value, word));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct slice text = { (const char *)data, size };
	for (int bash = 0; bash < 2; bash++) {
		struct assignments all = { .arena = &arena, .watched = watched, .bash = bash };
		assignments_read(&all, "/f", text);
		each_is_known_or_not(&all);
		/* What comes behind a file that was read to its end is known again. */
		if (all.broken)
			continue;
		assignments_read(&all, "/f", slice_of("GRUB_CMDLINE_LINUX=\"a b\"\n"));
		HOLDS(text_equals(assignments_find(&all, watched[0])->value, "a b"));
	}
	if (size < 4096)
		quoted_reads_back(&arena, text);
	grub_uses_bls(text);
	return 0;
}
