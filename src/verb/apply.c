/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/say.h"
#include "verb/changing.h"
#include "verb/plan-request.h"

struct job {
	struct arena *arena;
	const struct root *root;
	struct plan_request *request;
	struct plan plan;
	struct plan_findings found;
	struct error error;
};

static int fail(const struct job *job)
{
	say("apply: %s", job->error.text);
	return VERB_FAILED;
}

static int apply(struct job *job)
{
	int status = VERB_DONE;
	struct journal_entry entry;
	AUTO_CLOSE int lock = changing_lock(job->root, job->arena, &job->error);
	if (lock < 0)
		return fail(job);
	if (changing_finish_earlier(job->root, job->arena, job->request->yes, &status) < 0 ||
	    job->request->only_continue)
		return status;
	if (plan_request_make(job->request, job->root, &job->plan, &job->found, &job->error) < 0)
		return fail(job);
	plan_request_say(&job->plan, &job->found);
	plan_request_print_others(job->arena, &job->found);
	if (!job->plan.count) {
		say(job->request->count && !job->found.other_count && !job->found.restart ?
			    "apply: nothing to do: it is so already" :
			    "apply: there is nothing for nestpci to change");
		return VERB_DONE;
	}
	changing_show(stdout, job->arena, &job->plan);
	status = changing_apply("apply", job->arena, &job->plan, job->request->yes, &lock, &entry);
	if (status == VERB_DONE)
		changing_say_restart(&job->plan);
	return status;
}

static int run(struct verb_args *args)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct plan_request request = { .arena = &arena };
	struct job job = { .arena = &arena, .root = &root, .request = &request };
	int status;
	if (!plan_request_parse(args, &request, &status))
		return status;
	if (!request.yes && !changing_can_ask())
		return verb_usage(args, "standard input is no terminal to ask on; --yes applies without asking");
	if (place_open(&request.place, &root, &job.error) < 0)
		return fail(&job);
	return apply(&job);
}

const struct verb verb_apply = {
	.name = "apply",
	.summary = "carry out what 'plan' shows",
	.synopsis = "[OPTIONS]",
	.help = "Shows the plan, asks, and carries it out. Every file is replaced as a whole, and\n"
		"what stood there before is kept in a journal (/var/lib/nestpci/journal) for\n"
		"'nestpci undo'. When something fails, what was done is taken back.\n"
		"\n"
		"What was cut off, by a crash or a reboot, is finished first; with --continue\n"
		"that is all.\n"
		"\n"
		"Example: nestpci apply --set-kernel-parameter intel_iommu=on",
	.options = apply_options,
	.run = run,
};
