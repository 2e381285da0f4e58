/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every judge says its verdict with. */
#include <stdarg.h>

#include "check/check.h"

#define GIVE(finding, given, arena, format)                                  \
	do {                                                                 \
		va_list args;                                                \
		va_start(args, format);                                      \
		(finding)->verdict = (given);                                \
		(finding)->summary = arena_vprintf((arena), (format), args); \
		va_end(args);                                                \
	} while (0)

void judge_pass(struct finding *finding, struct arena *arena, const char *format, ...)
{
	GIVE(finding, VERDICT_PASS, arena, format);
}

void judge_warn(struct finding *finding, struct arena *arena, const char *format, ...)
{
	GIVE(finding, VERDICT_WARN, arena, format);
}

void judge_fail(struct finding *finding, struct arena *arena, const char *format, ...)
{
	GIVE(finding, VERDICT_FAIL, arena, format);
}

void judge_unknown(struct finding *finding, struct arena *arena, const char *format, ...)
{
	GIVE(finding, VERDICT_UNKNOWN, arena, format);
}

void judge_na(struct finding *finding, struct arena *arena, const char *format, ...)
{
	GIVE(finding, VERDICT_NA, arena, format);
}

void judge_unknown_fact(struct finding *finding, struct arena *arena, const struct fact *fact)
{
	const char *path = fact->path ? fact->path : "what this rests on";
	switch (fact->state) {
	case FACT_UNREADABLE:
		finding->denied = fact->denied;
		if (fact->denied || !fact->problem)
			judge_unknown(finding, arena, "%s cannot be read%s", path, fact->denied ? " but by root" : "");
		else
			judge_unknown(finding, arena, "%s%s%s", strstr(fact->problem, path) ? "" : path,
				      strstr(fact->problem, path) ? "" : " cannot be read: ", fact->problem);
		break;
	case FACT_WRONG:
		judge_unknown(finding, arena, "what %s says is not understood", path);
		break;
	case FACT_ABSENT:
		judge_unknown(finding, arena, "%s is not there", path);
		break;
	case FACT_KNOWN:
		judge_unknown(finding, arena, "%s does not tell", path);
		break;
	default:
		judge_unknown(finding, arena, "%s was not looked at", path);
	}
	if (fact->path)
		judge_evidence_fact(finding, arena, fact);
}

static void add_evidence(struct finding *finding, struct arena *arena, const char *where, const char *what)
{
	/* There are a few at most: each makes the array anew. */
	size_t count = finding->evidence_count;
	finding->evidence = arena_grow(arena, finding->evidence, count, count + 1, sizeof(*finding->evidence));
	finding->evidence[count] = (struct evidence){ where, what };
	finding->evidence_count++;
}

void judge_evidence(struct finding *finding, struct arena *arena, const char *where, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_evidence(finding, arena, where, arena_vprintf(arena, format, args));
	va_end(args);
}

void judge_evidence_fact(struct finding *finding, struct arena *arena, const struct fact *fact)
{
	const char *where = fact->path ? fact->path : "?";
	switch (fact->state) {
	case FACT_KNOWN:
		add_evidence(finding, arena, where, fact->text ? fact->text : "present");
		break;
	case FACT_ABSENT:
		add_evidence(finding, arena, where, "absent");
		break;
	case FACT_UNREADABLE:
		judge_evidence(finding, arena, where, "not readable: %s", fact->problem ? fact->problem : "unknown");
		break;
	case FACT_WRONG:
		judge_evidence(finding, arena, where, "%s (%s)", fact->text ? fact->text : "",
			       fact->problem ? fact->problem : "not understood");
		break;
	default:
		add_evidence(finding, arena, where, "not looked at");
	}
}

void judge_mend(struct finding *finding, struct arena *arena, struct mend mend)
{
	finding->mends = arena_grow(arena, finding->mends, finding->mend_count, finding->mend_count + 1,
				    sizeof(*finding->mends));
	finding->mends[finding->mend_count++] = mend;
}

void judge_wanted(struct finding *finding, struct arena *arena, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	finding->wanted = arena_vprintf(arena, format, args);
	va_end(args);
}

void judge_remedy(struct finding *finding, enum actor actor, enum restart restart, struct arena *arena,
		  const char *format, ...)
{
	va_list args;
	va_start(args, format);
	finding->actor = actor;
	finding->restart = restart;
	finding->remedy = arena_vprintf(arena, format, args);
	va_end(args);
}
