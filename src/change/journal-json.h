/* SPDX-License-Identifier: GPL-2.0-or-later */
/* entry.json: an entry but for the content of files. */
#pragma once

#include "change/journal.h"

/* -EINVAL: a path or a command that is no UTF-8, and so cannot be kept in JSON. */
int journal_format(struct arena *arena, const struct journal_entry *entry, struct slice *ret, struct error *error)
	MUST_CHECK;

/* Any text; what is not exactly such an entry is -EINVAL. States of files come without content. */
int journal_parse(struct arena *arena, struct slice text, struct journal_entry *ret, struct error *error) MUST_CHECK;
