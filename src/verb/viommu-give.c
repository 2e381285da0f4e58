/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM gets its vIOMMU, for good or for one start. */
#include <errno.h>

#include "base/child.h"
#include "base/say.h"
#include "verb/viommu.h"

static int fail(const struct error *error)
{
	say("viommu: %s", error->text);
	return VERB_FAILED;
}

static void show_dry(const struct viommu_job *job, const struct plan *plan)
{
	const char *words = viommu_run_words(job);
	if (!plan->count)
		say("VM %s is defined with all that it needs already", job->vm->id);
	changing_show(stdout, job->arena, plan);
	if (*words)
		printf("# %s\n", words);
}

/* ---- For one start ---- */

/* What is set besides could not be taken back without the wrapper's own files, which other VMs may need by then. */
static int check_once(const struct viommu_job *job, const struct plan *plan, enum viommu_way way, struct error *error)
{
	int pid;
	if (!job->wish.once)
		return 0;
	if (plan->count && job->start && !job->dry_run &&
	    job->manager->is_running(job->root, job->arena, manager_handle(job->arena, job->vm), &pid, NULL) == 1)
		return error_set(error, -EBUSY,
				 "VM %s runs, so there is no start that --start --once could be for: --restart makes "
				 "one, --wait waits for it",
				 job->vm->id);
	if (way == VIOMMU_NATIVE)
		return 0;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].kind == CHANGE_SETTING)
			return error_set(
				error, -ENOTSUP,
				"for one start by the wrapper, VM %s must be in order otherwise, and its %s is not: "
				"%s",
				job->vm->id, plan->items[i].key, change_text(job->arena, &plan->items[i]));
	return 0;
}

static int take_back_native(struct viommu_job *job, struct journal_entry *entry)
{
	struct error error;
	const char *difference = NULL;
	const struct change_undo_options options = { .keep_edited = true };
	enum change_end end = CHANGE_PARTLY;
	AUTO_CLOSE int lock = changing_lock(job->root, job->arena, &error);
	int r = lock < 0 ? lock : journal_read(job->root, job->arena, entry->number, entry, &error);
	if (r == 0 && entry->state == JOURNAL_UNDONE)
		return VERB_DONE;
	if (r == 0 && !entry->plan.once) {
		say("VM %s keeps it: meanwhile it was asked for at every start", job->vm->id);
		return VERB_DONE;
	}
	if (r == 0)
		r = change_undo(job->arena, entry, &options, &changing_watch, &difference, &end, &error);
	return changing_end("viommu: take back what was for one start", r == 0 ? CHANGE_DONE : end, difference, &error);
}

/* The mark of this start is used up; with it, the wrapper, unless others need it. */
static int take_back_wrapper(struct viommu_job *job)
{
	struct error error;
	struct plan plan;
	struct journal_entry entry;
	enum change_end end = CHANGE_NOTHING;
	plan_begin(&plan, job->root, job->arena);
	AUTO_CLOSE int lock = changing_lock(job->root, job->arena, &error);
	int r = lock < 0 ? lock : make_no_wrapper_once(&plan, job->vm->id, &error);
	if (r == 0 && plan.count)
		r = change_apply_entry(job->arena, &plan, &changing_watch, &entry, &end, &error);
	return changing_end("viommu: take the wrapper away after one start", r == 0 ? CHANGE_DONE : end, NULL, &error);
}

static int run_once(struct viommu_job *job, struct journal_entry *entry, enum viommu_way way, bool changed)
{
	int status = viommu_run(job, changed);
	/* An interruption ended the waiting; what follows is not to be cut off by it. */
	child_interrupted = 0;
	if (!changed)
		return status;
	say("taking back what was for one start");
	int back = way == VIOMMU_NATIVE ? take_back_native(job, entry) : take_back_wrapper(job);
	return back == VERB_DONE ? status : back;
}

/* ---- Giving ---- */

/* Another nestpci waits to take it back after one start: it is told that every start is meant now. */
static int keep_once(struct viommu_job *job)
{
	struct error error;
	struct viommu_entries entries;
	int r = viommu_find_entries(job, &entries, &error);
	for (size_t i = 0; r == 0 && i < entries.count; i++) {
		struct journal_entry *entry = &entries.items[i];
		if (!entry->plan.once)
			continue;
		entry->plan.once = false;
		r = journal_save(job->root, job->arena, entry, &error);
		if (r == 0)
			say("what entry %llu of the journal did for one start of VM %s holds for every start now",
			    (unsigned long long)entry->number, job->vm->id);
	}
	if (r == 0)
		return VERB_DONE;
	say("viommu: %s: what was for one start may be taken back after it", error.text);
	return VERB_PARTLY;
}

static int make(struct viommu_job *job, struct plan *plan, enum viommu_way *ret_way, struct error *error)
{
	plan_begin(plan, job->root, job->arena);
	int r = make_viommu(plan, &job->wish, ret_way, error);
	if (r == 0)
		r = check_once(job, plan, *ret_way, error);
	for (size_t i = 0; r == 0 && i < plan->notes.count; i++)
		say("note: %s", plan->notes.items[i]);
	return r;
}

int viommu_give(struct viommu_job *job)
{
	struct error error;
	struct plan plan;
	struct journal_entry entry;
	enum viommu_way way;
	int status = VERB_DONE;
	AUTO_CLOSE int claim = -1;
	if (make(job, &plan, &way, &error) < 0)
		return fail(&error);
	if (job->dry_run) {
		show_dry(job, &plan);
		return VERB_DONE;
	}
	bool changed = plan.count != 0;
	if (changed) {
		changing_show(stdout, job->arena, &plan);
		status = changing_apply("viommu", job->arena, &plan, job->yes, &job->lock, &entry);
	} else {
		say("VM %s is defined with all that it needs already", job->vm->id);
	}
	if (status == VERB_DONE && !job->wish.once)
		status = keep_once(job);
	if (status != VERB_DONE)
		return status;
	if (changed && plan.once)
		claim = journal_claim(job->root, job->arena, entry.number, &error);
	if (changed && plan.once && claim < 0)
		say("viommu: %s: another nestpci may take this back before that start", error.text);
	/* Whatever is started from here on would keep it, and others are not to wait for a guest. */
	if (job->lock >= 0)
		close(TAKE_FD(job->lock));
	return job->wish.once ? run_once(job, &entry, way, changed) : viommu_run(job, changed);
}
