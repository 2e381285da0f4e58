/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a verb that only reads looks: this machine, another one's root directory (--root), or a snapshot (--snapshot).
 * All of them take these two options from here:
 *
 *	static const struct verb_option options[] = {
 *		PLACE_OPTIONS,
 *		...
 *	while ((option = verb_next_option(args, &value, &status)) > 0) {
 *		if (place_option(&place, option, value))
 *			continue;
 *	...
 *	if (place_usage(args, &place))
 *		return VERB_USAGE;
 *	int r = place_open(&place, &root, &error);
 */
#pragma once

#include "base/root.h"
#include "verb/verb.h"

enum { OPTION_PLACE_ROOT = 0x8001, OPTION_PLACE_SNAPSHOT };

#define PLACE_OPTIONS                                                                                           \
	{ OPTION_PLACE_ROOT, "root", "DIR", "look at the system in DIR instead of this one" },                  \
	{                                                                                                       \
		OPTION_PLACE_SNAPSHOT, "snapshot", "FILE", "look at what 'nestpci capture' wrote; '-' is stdin" \
	}

#define PLACE_SYNOPSIS "[--root DIR | --snapshot FILE]"

struct place {
	const char *directory; /* NULL: not given */
	const char *snapshot;
};

/* Whether the option is one of these two; then it is noted. */
bool place_option(struct place *place, int option, const char *value);

/* VERB_USAGE, and that is said, when both options were given; else 0. */
int place_usage(const struct verb_args *args, const struct place *place);

/* Release with root_close. */
int place_open(const struct place *place, struct root *ret, struct error *error) MUST_CHECK;

/*
 * The nestpci that wrote the snapshot, "nestpci 0.0.9", where that is not this one: it may not have looked at all that
 * this one wants to know. NULL otherwise.
 */
const char *place_other_version(const struct root *root);
