/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/plan-findings.h"

#include "change/makers.h"

struct job {
	const struct subjects_request *request;
	const struct subjects *subjects;
	struct plan *plan;
	struct plan_findings *ret;
	size_t room;
};

static void add_other(struct job *job, const struct finding *finding, const char *reason)
{
	struct plan_findings *ret = job->ret;
	if (ret->other_count == job->room) {
		job->room = job->room ? 2 * job->room : 16;
		ret->others = arena_grow(job->plan->arena, ret->others, ret->other_count, job->room,
					 sizeof(*ret->others));
	}
	ret->others[ret->other_count++] = (struct plan_other){ finding, reason };
}

/* Devices are at hand, too, because somebody seems to want to pass them on: changed are only those that were named. */
static bool is_asked_for(const struct job *job, const struct finding *finding)
{
	return finding->check->scope == CHECK_HOST || job->request->device_count || job->request->vm;
}

/* It is mended already, by a change of somebody's that waits for the next start. */
static bool waits(const struct plan *plan, const struct finding *finding)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].check && strstr(plan->items[i].check, finding->check->id))
			return false;
	return finding->restart == RESTART_HOST && finding->verdict != VERDICT_PASS;
}

/* One of all: what cannot be done is told, and keeps nothing else from being done. */
static void try_one(struct job *job, const struct finding *finding)
{
	struct error error;
	if (finding->verdict == VERDICT_UNKNOWN)
		job->ret->unknown++;
	if (finding->verdict != VERDICT_FAIL && finding->verdict != VERDICT_WARN)
		return;
	if (!finding->mend_count || !is_asked_for(job, finding)) {
		if (finding->verdict == VERDICT_FAIL)
			add_other(job, finding, NULL);
		else
			job->ret->warnings++;
	} else if (make_mend(job->plan, &job->subjects->set, finding, &error) < 0) {
		add_other(job, finding, arena_strdup(job->plan->arena, error.text));
	} else {
		job->ret->restart |= waits(job->plan, finding);
	}
}

static int make_only(struct job *job, const struct list *only, const struct findings *findings, struct error *error)
{
	int r = 0;
	for (size_t i = 0; i < findings->count && r == 0; i++) {
		const struct finding *finding = &findings->items[i];
		if (!list_contains(only, finding->check->id))
			continue;
		r = make_mend(job->plan, &job->subjects->set, finding, error);
		if (r < 0 && finding->mend_count)
			error_prefix(error, r, "%s: %s", finding->check->id, finding->summary);
		if (r == 0)
			job->ret->restart |= waits(job->plan, finding);
	}
	return r;
}

static int check_ids(const struct subjects_request *request, const struct list *only, struct error *error)
{
	for (size_t i = 0; i < only->count; i++) {
		const struct check *check = check_find(only->items[i]);
		if (!check)
			return error_set(error, -EINVAL, "there is no check '%.60s' ('nestpci check --list')",
					 only->items[i]);
		if (check->scope == CHECK_DEVICE && !request->device_count && !request->vm)
			return error_set(error, -EINVAL, "%s judges devices: say which, by --device", check->id);
		if ((check->scope == CHECK_VM || check->scope == CHECK_VM_DEVICE) && !request->vm)
			return error_set(error, -EINVAL, "%s judges VMs: say which, by --vm", check->id);
	}
	return 0;
}

int plan_findings_make(const struct subjects_request *request, const struct list *only, struct plan *plan,
		       struct plan_findings *ret, struct error *error)
{
	AUTO_SUBJECTS subjects = SUBJECTS_NONE;
	struct job job = { request, &subjects, plan, ret, 0 };
	struct findings findings;
	*ret = (struct plan_findings){ .others = NULL };
	int r = check_ids(request, only, error);
	if (r == 0)
		r = subjects_gather(request, plan->arena, &subjects, error);
	if (r < 0)
		return r;
	/* All of them, asked for or not: what follows from another that failed is told from what fails by itself. */
	check_run(&subjects.set, NULL, plan->arena, &findings);
	if (only->count)
		return make_only(&job, only, &findings, error);
	for (size_t i = 0; i < findings.count; i++)
		try_one(&job, &findings.items[i]);
	return 0;
}
