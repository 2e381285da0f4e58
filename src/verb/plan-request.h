/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What 'plan' and 'apply' are asked for: the same options, the same plan. */
#pragma once

#include "change/change.h"
#include "verb/plan-findings.h"
#include "verb/verb.h"

/* What an option asks for, in the order in which they were given. */
struct plan_wish {
	int option;
	const char *value;
};

struct plan_request {
	struct place place; /* of `apply` never a snapshot */
	bool as_json;
	bool yes;
	bool only_continue;       /* what was cut off, and nothing else */
	struct plan_wish *wishes; /* but for those that choose findings */
	size_t count;
	struct list checks; /* --for */
	struct pci_address *devices;
	size_t device_count;
	const char *vm;
	struct arena *arena;
};

/* Rows of `plan`; `apply` has these and --yes. Both are ended by { 0 }. */
extern const struct verb_option plan_options[];
extern const struct verb_option apply_options[];

/* Parses all options. False: the verb is over and returns `ret_status`. */
bool plan_request_parse(struct verb_args *args, struct plan_request *request, int *ret_status);

/*
 * Makes the plan: what the wishes ask for, what mends the checks that were named, or what mends all that is found where
 * nothing was named, or a device or a VM alone. Errors are sentences that name the option.
 */
int plan_request_make(const struct plan_request *request, const struct root *root, struct plan *ret,
		      struct plan_findings *ret_findings, struct error *error) MUST_CHECK;

/* For people: notes on standard error; what the plan leaves to others on standard output. */
void plan_request_say(const struct plan *plan, const struct plan_findings *findings);
void plan_request_print_others(struct arena *arena, const struct plan_findings *findings);
