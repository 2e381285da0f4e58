/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/verdict.h"

#include "lab/machine.h"
#include "lab/predict.h"

struct judging {
	const struct story *story;
	const struct lab_options *options;
	const struct prediction *prediction; /* NULL: the run must prove the device */
	struct arena *arena;
	struct lab_result *result;
};

static const char *find_fact(const struct judging *judging, unsigned int level, const char *fact)
{
	const struct list *log = &judging->story->levels[level].log;
	for (size_t i = 0; i < log->count; i++)
		if (strstr(log->items[i], fact))
			return log->items[i];
	return NULL;
}

static void add_fact(struct judging *judging, unsigned int level, const char *text)
{
	list_add(&judging->result->facts, arena_printf(judging->arena, "L%u: %s", level, text));
}

/* The messages of the level that failed, for somebody who has to find out why. */
static void add_last_messages(struct judging *judging, unsigned int level)
{
	const struct list *log = &judging->story->levels[level].log;
	for (size_t i = log->count > 5 ? log->count - 5 : 0; i < log->count; i++)
		add_fact(judging, level, log->items[i]);
}

static const struct story_level *failed_level(const struct judging *judging, unsigned int *number)
{
	/* The innermost: the failures of those outside follow from it. */
	for (unsigned int i = LAB_LEVELS; i-- > 0;)
		if (judging->story->levels[i].failed) {
			*number = i;
			return &judging->story->levels[i];
		}
	return NULL;
}

/* ---- What `nestpci check` said on the levels ---- */

static bool is_predicted(const struct judging *judging, const struct lab_finding *finding)
{
	for (size_t i = 0; judging->prediction && i < PREDICTED_CHECKS; i++) {
		const struct predicted_check *wanted = &judging->prediction->checks[i];
		if (wanted->check && wanted->level == finding->level && strcmp(wanted->check, finding->check) == 0)
			return true;
	}
	return false;
}

static const struct lab_finding *find_failure(const struct judging *judging, const struct predicted_check *wanted)
{
	for (size_t i = 0; i < judging->result->finding_count; i++) {
		const struct lab_finding *finding = &judging->result->findings[i];
		if (finding->level == wanted->level && strcmp(finding->verdict, "FAIL") == 0 &&
		    strcmp(finding->check, wanted->check) == 0)
			return finding;
	}
	return NULL;
}

static bool has_checked(const struct judging *judging, unsigned int level)
{
	for (size_t i = 0; i < judging->result->finding_count; i++)
		if (judging->result->findings[i].level == level)
			return true;
	return false;
}

/* A level that this run does not have (L0 with two levels is this machine), or that was never reached, says nothing. */
static bool has_spoken(const struct judging *judging, unsigned int level)
{
	return level + judging->options->levels >= LAB_LEVELS && judging->story->levels[level].step;
}

/*
 * The checks have to name the true cause, and nothing else: what fails without a cause is a wrong FAIL, what is silent
 * about the cause is a wrong PASS. False, with the reason in the result, when they do not.
 */
static bool checks_tell_the_truth(struct judging *judging)
{
	struct lab_result *result = judging->result;
	for (size_t i = 0; i < result->finding_count; i++) {
		const struct lab_finding *finding = &result->findings[i];
		if (strcmp(finding->verdict, "FAIL") != 0 || is_predicted(judging, finding))
			continue;
		result->reason = arena_printf(judging->arena, "check fails on L%u without a cause: %s: %s",
					      finding->level, finding->check, finding->summary);
		return false;
	}
	for (unsigned int level = 0; level < LAB_LEVELS; level++)
		if (has_spoken(judging, level) && !has_checked(judging, level)) {
			result->reason = arena_printf(judging->arena, "check said nothing on L%u", level);
			return false;
		}
	for (size_t i = 0; judging->prediction && i < PREDICTED_CHECKS; i++) {
		const struct predicted_check *wanted = &judging->prediction->checks[i];
		if (!wanted->check || !has_spoken(judging, wanted->level))
			continue;
		const struct lab_finding *finding = find_failure(judging, wanted);
		if (!finding) {
			result->reason = arena_printf(judging->arena, "check on L%u does not see it: %s does not fail",
						      wanted->level, wanted->check);
			return false;
		}
		add_fact(judging, wanted->level,
			 arena_printf(judging->arena, "check: FAIL %s: %s", finding->check, finding->summary));
	}
	return true;
}

/* ---- What happened ---- */

static void judge_fault(struct judging *judging)
{
	const struct prediction *prediction = judging->prediction;
	struct lab_result *result = judging->result;
	unsigned int number = 0;
	const struct story_level *failed = failed_level(judging, &number);
	const char *fact = find_fact(judging, prediction->fact_level, prediction->fact);
	result->verdict = LAB_FAILED;
	if (failed && number == prediction->failed_level && text_starts_with(failed->failed, prediction->failed_step) &&
	    fact) {
		add_fact(judging, prediction->fact_level, fact);
		if (checks_tell_the_truth(judging)) {
			result->verdict = LAB_FAILED_AS_PREDICTED;
			result->reason = prediction->meaning;
		}
		return;
	}
	if (!failed)
		result->reason = arena_printf(judging->arena, "L%u did not fail at '%s', as it must %s",
					      prediction->failed_level, prediction->failed_step, prediction->name);
	else
		result->reason = arena_printf(judging->arena,
					      "predicted: L%u fails at '%s' and L%u says '%s'; seen: L%u fails: %s",
					      prediction->failed_level, prediction->failed_step, prediction->fact_level,
					      prediction->fact, number, failed->failed);
	add_last_messages(judging, failed ? number : prediction->fact_level);
}

/* The innermost level that has said anything; the outermost when none has. */
static unsigned int innermost_heard(const struct story *story)
{
	unsigned int level = LAB_LEVELS - 1;
	while (level > 0 && !story->levels[level].step)
		level--;
	return level;
}

static const char *last_step(const struct story *story, unsigned int level)
{
	return story->levels[level].step ? story->levels[level].step : "nothing";
}

/* The outermost machine has gone before the innermost said its last word. */
static void judge_silence(struct judging *judging, int status)
{
	const struct story *story = judging->story;
	unsigned int level = innermost_heard(story);
	judging->result->reason = arena_printf(judging->arena,
					       "the machines ended (status %d) while L%u was at: %s; last line: %s",
					       status, level, last_step(story, level),
					       story->last_other ? story->last_other : "none");
}

/* What gpu-like is there to show: both functions in one group, on every level that has groups. */
static bool functions_share_group(const struct lab_result *result)
{
	for (size_t i = 0; i < result->row_count; i++)
		for (size_t j = 0; j < i; j++)
			if (result->rows[i].level == result->rows[j].level &&
			    strcmp(result->rows[i].group, result->rows[j].group) != 0)
				return false;
	return true;
}

/* Whether the innermost level came to its end without anything that speaks against it. */
static bool has_arrived(struct judging *judging, int status)
{
	unsigned int number = 0;
	const struct story_level *failed = failed_level(judging, &number);
	if (failed) {
		judging->result->reason = arena_printf(judging->arena, "L%u failed: %s", number, failed->failed);
		add_last_messages(judging, number);
		return false;
	}
	if (!judging->story->done) {
		judge_silence(judging, status);
		return false;
	}
	if (!functions_share_group(judging->result)) {
		judging->result
			->reason = "the device's functions are not in one IOMMU group, so nothing is shown of a group";
		return false;
	}
	return checks_tell_the_truth(judging);
}

static int judge_proof(struct judging *judging, const struct lab_disk *disks, int status, struct error *error)
{
	struct lab_result *result = judging->result;
	size_t count = lab_disk_count(judging->options->device);
	result->verdict = LAB_FAILED;
	if (!has_arrived(judging, status))
		return 0;
	for (size_t i = 0; i < count; i++) {
		const char *reason = NULL;
		int r = lab_disk_verify(judging->arena, &disks[i], &reason, error);
		if (r < 0)
			return r;
		if (r == 0) {
			result->reason = arena_printf(judging->arena, "disk %zu: %s", i, reason);
			return 0;
		}
	}
	if (judging->story->proved != count) {
		result->reason = arena_printf(judging->arena, "the disks are right, but L2 reported %zu of %zu",
					      judging->story->proved, count);
		return 0;
	}
	result->verdict = LAB_PROVED;
	result->reason = count == 1 ? "L2 read the nonce through the device, and its answer is on the disk" :
				      "L2 read both nonces through the device, and its answers are on the disks";
	return 0;
}

static void judge_timeout(struct judging *judging)
{
	unsigned int level = innermost_heard(judging->story);
	judging->result->verdict = LAB_FAILED;
	judging->result->reason = arena_printf(judging->arena, "not done after %u s; last heard of L%u: %s",
					       judging->options->timeout, level, last_step(judging->story, level));
}

int verdict_reach(const struct story *story, const struct lab_options *options, const struct lab_disk *disks,
		  enum follow_end end, int status, struct error *error)
{
	struct judging judging = {
		.story = story,
		.options = options,
		.prediction = predict(options->fault),
		.arena = story->arena,
		.result = story->result,
	};
	if (end == FOLLOW_TIMED_OUT)
		judge_timeout(&judging);
	else if (judging.prediction)
		judge_fault(&judging);
	else
		return judge_proof(&judging, disks, status, error);
	return 0;
}
