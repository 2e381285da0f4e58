/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What 'plan' and 'apply' are asked for: the same options, the same plan. */
#pragma once

#include "change/change.h"
#include "verb/verb.h"

/* What an option asks for, in the order in which they were given. */
struct plan_wish {
	int option;
	const char *value;
};

struct plan_request {
	const char *root; /* NULL: this system */
	bool as_json;
	bool yes;
	bool only_continue; /* what was cut off, and nothing else */
	struct plan_wish *wishes;
	size_t count;
	struct arena *arena;
};

/* Rows of `plan`; `apply` has these and --yes. Both are ended by { 0 }. */
extern const struct verb_option plan_options[];
extern const struct verb_option apply_options[];

/* Parses all options. False: the verb is over and returns `ret_status`. */
bool plan_request_parse(struct verb_args *args, struct plan_request *request, int *ret_status);

/* Makes the plan. Errors are sentences that name the option. */
int plan_request_make(const struct plan_request *request, const struct root *root, struct plan *ret,
		      struct error *error) MUST_CHECK;
