/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs that change share: showing, asking, holding others off. */
#pragma once

#include <stdio.h>

#include "change/apply.h"
#include "verb/verb.h"

/* A plan as it will be carried out: what each change is for, and the change itself. */
void changing_show(FILE *stream, struct arena *arena, const struct plan *plan);

/* Text from files, to a terminal without what would steer it. */
void changing_print(FILE *stream, const char *text);

/* "A reboot of this host is needed", or nothing. */
void changing_say_restart(const struct plan *plan);

/* The lock; says so when it has to wait. */
int changing_lock(const struct root *root, struct arena *arena, struct error *error) MUST_CHECK;

/* Whether it may ask at all, and asks. `question` without question mark. */
bool changing_can_ask(void);
bool changing_ask(const char *question);

/* From now on a signal that would end us stops what runs, and what was done is taken back. */
void changing_catch_signals(void);

extern const struct change_watch changing_watch;

/* Says how an attempt ended, and returns the exit status. `verb` and `what` begin the message: "undo 3". */
int changing_end(const char *what, enum change_end end, const char *difference, const struct error *error);

/*
 * A plan that was shown: asks unless `yes`, and applies it. `lock` is held, and still, or again, after it: somebody may take an hour to
 * answer, and others are not held off meanwhile. `what` begins messages. VERB_NO: the answer was no; VERB_DONE: it is
 * applied, and `ret_entry` is its entry.
 */
int changing_apply(const char *what, struct arena *arena, const struct plan *plan, bool yes, int *lock,
		   struct journal_entry *ret_entry);

/* First what an earlier run could not finish. -ECANCELED: the answer was no. */
int changing_finish_earlier(const struct root *root, struct arena *arena, bool yes, int *ret_status);
