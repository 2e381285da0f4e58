/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How each fault must show, by real runs: where the way ends, and the fact that proves why. */
#pragma once

#include "lab/lab.h"

/* A check that has to fail on a level, for the same reason. */
struct predicted_check {
	unsigned int level;
	const char *check; /* NULL: none */
};

#define PREDICTED_CHECKS 2

struct prediction {
	enum lab_fault fault;
	const char *name;                                /* as init.sh knows it */
	unsigned int least_levels;                       /* with fewer, the fault cannot show */
	unsigned int failed_level;                       /* where the way must end */
	const char *failed_step;                         /* first word of that level's "failed" */
	unsigned int fact_level;                         /* who must have said the fact */
	const char *fact;                                /* a stable part of it */
	const char *meaning;                             /* a sentence */
	struct predicted_check checks[PREDICTED_CHECKS]; /* `nestpci check` must say these, and nothing else, fail */
};

const struct prediction *predict(enum lab_fault fault); /* NULL for LAB_NO_FAULT */
