/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/story.h"

#include "lab/console.h"

void story_start(struct story *story, struct arena *arena, struct lab_result *result,
		 void (*progress)(struct arena *arena, unsigned int level, const char *text))
{
	*story = (struct story){ .arena = arena, .result = result, .progress = progress };
	for (size_t i = 0; i < LAB_LEVELS; i++) {
		story->levels[i].log.arena = arena;
		story->levels[i].snapshot.arena = arena;
	}
}

static void add_row(struct story *story, unsigned int level, const struct lab_row *row)
{
	struct lab_result *result = story->result;
	for (size_t i = 0; i < result->row_count; i++) {
		struct lab_row *old = &result->rows[i];
		if (old->level != level || strcmp(old->address, row->address) != 0)
			continue;
		if (strcmp(old->driver, row->driver) != 0)
			old->driver = arena_printf(story->arena, "%s -> %s", old->driver, row->driver);
		return;
	}
	if (result->row_count == story->row_room) {
		story->row_room = story->row_room ? story->row_room * 2 : 8;
		result->rows = arena_grow(story->arena, result->rows, result->row_count, story->row_room, sizeof(*row));
	}
	result->rows[result->row_count] = *row;
	result->rows[result->row_count++].level = level;
}

static void add_finding(struct story *story, unsigned int level, const struct lab_finding *finding)
{
	struct lab_result *result = story->result;
	if (result->finding_count == story->finding_room) {
		story->finding_room = story->finding_room ? story->finding_room * 2 : 64;
		result->findings = arena_grow(story->arena, result->findings, result->finding_count,
					      story->finding_room, sizeof(*finding));
	}
	result->findings[result->finding_count] = *finding;
	result->findings[result->finding_count++].level = level;
	if (strcmp(finding->verdict, "FAIL") == 0)
		story->progress(story->arena, level,
				arena_printf(story->arena, "check: FAIL %s: %s", finding->check, finding->summary));
}

static void take_log(struct story *story, unsigned int level, const char *text)
{
	list_add(&story->levels[level].log, text);
	/* Our own program's deeds are part of the story; its notes, and the kernel's words, are for the log. */
	if (text_starts_with(text, "nestpci: ") && !text_starts_with(text, "nestpci: note: "))
		story->progress(story->arena, level, text + strlen("nestpci: "));
}

static void take_other(struct story *story, const char *text)
{
	/* With two levels L0 is this machine, and `nestpci exec` speaks for itself. */
	if (text_starts_with(text, "nestpci: "))
		story->progress(story->arena, 0, text + strlen("nestpci: "));
	else if (*text)
		story->last_other = text;
}

void story_take(struct story *story, struct slice line)
{
	struct console_event event;
	struct lab_row row;
	struct lab_finding finding;
	console_parse(story->arena, line, &event);
	struct story_level *level = &story->levels[event.level];
	switch (event.kind) {
	case CONSOLE_STEP:
		level->step = event.text;
		story->progress(story->arena, event.level, event.text);
		break;
	case CONSOLE_DEVICE:
		if (console_parse_device(story->arena, event.text, &row))
			add_row(story, event.level, &row);
		break;
	case CONSOLE_CHECK:
		if (console_parse_finding(story->arena, event.text, &finding))
			add_finding(story, event.level, &finding);
		break;
	case CONSOLE_SNAPSHOT:
		console_parse_snapshot(&level->snapshot, event.text);
		break;
	case CONSOLE_LOG:
		take_log(story, event.level, event.text);
		break;
	case CONSOLE_FAILED:
		level->failed = event.text;
		story->progress(story->arena, event.level, arena_printf(story->arena, "FAILED: %s", event.text));
		break;
	case CONSOLE_PROVED:
		story->proved++;
		story->progress(story->arena, event.level,
				arena_printf(story->arena, "%s read and written", event.text));
		break;
	case CONSOLE_END:
		/* What there is to prove is on the disk now; how the levels shut down is no part of it. */
		story->done = event.level == LAB_LEVELS - 1;
		break;
	case CONSOLE_OTHER:
		take_other(story, event.text);
		break;
	}
}
