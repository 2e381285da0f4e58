/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings, shown to people and as JSON. */
#pragma once

#include "base/json.h"
#include "check/log.h"

/* What was found, and where it was looked. `log` is NULL where none was read. */
struct findings_report {
	const struct subject_set *set;
	const struct findings *findings;
	const struct log_findings *log;
	const struct kernel_log *log_source; /* NULL without a log */
	bool all;                            /* what passes and what does not arise as well */
};

/* How many findings have a verdict; those of the log count, too. */
size_t findings_count(const struct findings_report *report, enum verdict verdict);

void findings_print(const struct findings_report *report, struct arena *arena);

/* One line for each finding that says something: "FAIL iommu-active host: SUMMARY". N/A says nothing. */
void findings_print_brief(const struct findings_report *report);

/* The command that mends a finding, where nestpci has a change for it; else NULL. */
const char *findings_command(struct arena *arena, const struct finding *finding);

/* docs/json-check.md describes it. */
struct json_object *findings_json(struct arena *arena, const struct findings_report *report);

/* The table of checks and of patterns of logs, without judging anything. */
void findings_print_table(struct arena *arena);
struct json_object *findings_table_json(void);

/* "L1, a VM that is itself a hypervisor" */
const char *findings_level_name(unsigned int level);
