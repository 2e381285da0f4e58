/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine: carries plans out, and takes them back. Whoever calls holds the lock (change/journal.h) from before the
 * plan's files are read for the last time.
 *
 * Each step looks before it acts: a file that is as it shall be is left alone, one that is as it was is changed, and
 * one that is neither was edited by somebody else, which stops everything, with the difference. So a run that was cut
 * off at any instant is gone on with by running it again, forwards or backwards.
 */
#pragma once

#include "change/journal.h"

/* Told of what is about to be done: "run update-grub". May be NULL. */
struct change_watch {
	void (*step)(void *data, const char *text);
	void *data;
};

enum change_end {
	CHANGE_DONE,
	CHANGE_NOTHING, /* failed, and all is as it was before */
	CHANGE_PARTLY,  /* failed; the journal knows how far it came, and going on, or back, is possible */
};

/*
 * Whether all that a plan rests on and changes still is as it was read. -ESTALE: no; `error` names it and
 * `ret_difference` shows it.
 */
int change_check_ground(struct arena *arena, const struct plan *plan, const char **ret_difference, struct error *error)
	MUST_CHECK;

/*
 * Applies a plan as a new entry of the journal. When a change fails, or we are interrupted (child_interrupted), what
 * was done is taken back. Commands of a system that does not run are run by chroot(8).
 */
int change_apply(struct arena *arena, const struct plan *plan, const struct change_watch *watch,
		 enum change_end *ret_end, struct error *error) MUST_CHECK;

/* The same, and the entry. */
int change_apply_entry(struct arena *arena, const struct plan *plan, const struct change_watch *watch,
		       struct journal_entry *ret_entry, enum change_end *ret_end, struct error *error) MUST_CHECK;

/* Goes on with an unfinished entry: forwards, or backwards where going back had begun, and with what was for one start.
 * Errors as those below. */
int change_resume(struct arena *arena, struct journal_entry *entry, const struct change_watch *watch,
		  const char **ret_difference, enum change_end *ret_end, struct error *error) MUST_CHECK;

struct change_undo_options {
	bool keep_edited; /* leave alone what somebody edited since, and undo the rest */
	/*
	 * Programs that fail, managers of VMs included, are passed over, and added here as sentences. NULL: that stops it, and nothing else can be
	 * changed before the entry is taken back.
	 */
	struct list *skipped;
};

/*
 * Takes an entry back, exactly. -ESTALE: a file was edited since; nothing was done, and `ret_difference` shows it.
 */
int change_undo(struct arena *arena, struct journal_entry *entry, const struct change_undo_options *options,
		const struct change_watch *watch, const char **ret_difference, enum change_end *ret_end,
		struct error *error) MUST_CHECK;
