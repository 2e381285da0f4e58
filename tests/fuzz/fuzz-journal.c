/* SPDX-License-Identifier: GPL-2.0-or-later */
/* entry.json of the journal: any text is read or refused, and what was read is written and read the same. */
#include "fuzz.h"

#include "change/journal-json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct journal_entry entry;
	struct journal_entry again;
	struct slice first;
	struct slice second;
	struct slice text = { arena_strndup(&arena, (const char *)data, size), size };
	if (journal_parse(&arena, text, &entry, NULL) < 0)
		return 0;
	HOLDS(entry.step <= entry.plan.count);
	HOLDS(journal_format(&arena, &entry, &first, NULL) == 0);
	HOLDS(journal_parse(&arena, first, &again, NULL) == 0);
	HOLDS(journal_format(&arena, &again, &second, NULL) == 0);
	HOLDS(first.length == second.length && memcmp(first.start, second.start, first.length) == 0);
	return 0;
}
