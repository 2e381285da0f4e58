/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal: what was planned, how far it came, and what stood there before. Each entry is a folder,
 * /var/lib/nestpci/journal/NUMBER, with entry.json and, for each file changed, before-K and after-K: its content.
 *
 * An entry comes into being by one rename, complete, and only entry.json changes from then on, by being replaced. So a
 * crash at any instant leaves an entry that tells what is to be done: nothing (there is none yet), go on, or go back.
 */
#pragma once

#include "change/change.h"

#define JOURNAL "/var/lib/nestpci/journal"

enum journal_state {
	JOURNAL_PLANNED,  /* nothing was done yet */
	JOURNAL_APPLYING, /* changes before `step` were done once, that one may have begun, the later ones have not */
	JOURNAL_APPLIED,
	JOURNAL_UNDOING, /* some of what `step` tells is taken back */
	JOURNAL_UNDONE,
};

struct journal_entry {
	uint64_t number;
	enum journal_state state;
	size_t step;
	int64_t time; /* when it was planned: seconds since 1970 */
	const char *version;
	const char *problem;     /* why it was, or is to be, taken back; NULL: nothing went wrong */
	struct list directories; /* made for its files, outermost first */
	struct plan plan;        /* without grounds and notes */
};

/* What was for one start is done when it is taken back. */
static inline bool journal_unfinished(const struct journal_entry *entry)
{
	return entry->state != JOURNAL_UNDONE && (entry->state != JOURNAL_APPLIED || entry->plan.once);
}

/*
 * Says that an entry for one start is waited for, without the lock, as long as the descriptor is open; it is not found as
 * unfinished until then.
 */
int journal_claim(const struct root *root, struct arena *arena, uint64_t number, struct error *error) MUST_CHECK;

/*
 * One nestpci at a time changes a root: a descriptor to keep open. What is started meanwhile inherits it, so that an
 * update-initramfs that outlives us still keeps others out. -EBUSY after `wait_ms`. Makes the journal's folder.
 */
int journal_lock(const struct root *root, struct arena *arena, unsigned int wait_ms, struct error *error) MUST_CHECK;

/* The numbers of all entries, ascending. No journal is an empty one. */
int journal_list(const struct root *root, struct arena *arena, uint64_t **ret, size_t *ret_count, struct error *error)
	MUST_CHECK;

int journal_read(const struct root *root, struct arena *arena, uint64_t number, struct journal_entry *ret,
		 struct error *error) MUST_CHECK;

/* The newest entry that is unfinished (false: none), or that is not undone. */
int journal_find_unfinished(const struct root *root, struct arena *arena, struct journal_entry *ret, bool *ret_found,
			    struct error *error) MUST_CHECK;
int journal_find_last(const struct root *root, struct arena *arena, struct journal_entry *ret, bool *ret_found,
		      struct error *error) MUST_CHECK;

/* The rest needs the lock. A new entry, PLANNED. */
int journal_add(const struct root *root, struct arena *arena, const struct plan *plan, struct journal_entry *ret,
		struct error *error) MUST_CHECK;

/* Keeps state, step and problem. */
int journal_save(const struct root *root, struct arena *arena, const struct journal_entry *entry, struct error *error)
	MUST_CHECK;

const char *journal_state_name(enum journal_state state);
