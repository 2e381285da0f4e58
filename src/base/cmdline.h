/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel command line (Documentation/admin-guide/kernel-parameters.rst): words between blanks, double quotes around a
 * value or a whole word, "-" and "_" alike in names. A pure function of text; any text is one.
 */
#pragma once

#include "base/text.h"

struct cmdline_word {
	const char *word;  /* as it stands, quotes included */
	const char *name;  /* "intel_iommu", with "-" turned into "_" */
	const char *value; /* without quotes; NULL: a word without "=" */
};

struct cmdline {
	struct cmdline_word *words; /* in order; those behind "--" are init's and not here */
	size_t count;
};

void cmdline_parse(struct slice text, struct arena *arena, struct cmdline *ret);

/* The last word of that name (a later one overrides), or NULL. */
const struct cmdline_word *cmdline_find(const struct cmdline *cmdline, const char *name);

/*
 * Whether `item` is among the comma-separated items of any word of that name: "intel_iommu=on,sm_on" has "on". Returns
 * the word, or NULL.
 */
const struct cmdline_word *cmdline_find_item(const struct cmdline *cmdline, const char *name, const char *item);
