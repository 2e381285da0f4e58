/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's vIOMMU is taken away: entries of the journal that gave it are undone, exactly; what they did not do (a
 * predecessor by hand, a setting edited since, the wrapper, which other VMs may share) is taken out where it stands.
 */
#include <errno.h>

#include "base/say.h"
#include "verb/viommu.h"

static int fail(const struct error *error)
{
	say("viommu: %s", error->text);
	return VERB_FAILED;
}

/* Files and commands may serve other VMs by now. */
static bool has_only_settings(const struct journal_entry *entry)
{
	for (size_t i = 0; i < entry->plan.count; i++)
		if (entry->plan.items[i].kind != CHANGE_SETTING)
			return false;
	return true;
}

int viommu_find_entries(const struct viommu_job *job, struct viommu_entries *ret, struct error *error)
{
	uint64_t *numbers;
	size_t count;
	const char *purpose = viommu_purpose(job->arena, job->vm);
	int r = journal_list(job->root, job->arena, &numbers, &count, error);
	if (r < 0)
		return r;
	*ret = (struct viommu_entries){ .items = arena_alloc_array(job->arena, count + 1, sizeof(*ret->items)) };
	while (r == 0 && count-- > 0) {
		struct journal_entry *entry = &ret->items[ret->count];
		r = journal_read(job->root, job->arena, numbers[count], entry, error);
		if (r == 0 && text_equals(entry->plan.purpose, purpose) && entry->state != JOURNAL_UNDONE)
			ret->count++;
	}
	return r;
}

/* ---- The settings of an entry that has more than settings ---- */

static int plan_settings_back(struct plan *plan, const struct journal_entry *entry, struct error *error)
{
	const char *now;
	int r = 0;
	for (size_t i = entry->plan.count; i-- > 0 && r == 0;) {
		const struct change *change = &entry->plan.items[i];
		if (change->kind != CHANGE_SETTING)
			continue;
		r = plan_get_setting(plan, change->manager, change->vm, change->key, &now, error);
		if (r < 0)
			break;
		if (manager_is_same(change->manager, plan->arena, change->key, change->value_after, now))
			r = plan_set(plan, change->manager, change->vm, change->key, change->value_before, RESTART_VM,
				     arena_printf(plan->arena, "take back what entry %llu of the journal did",
						  (unsigned long long)entry->number),
				     error);
		else if (!manager_is_same(change->manager, plan->arena, change->key, change->value_before, now))
			list_printf(&plan->notes, "%s was set by somebody else since, and is left as it is",
				    change_object(plan->arena, change));
	}
	return r;
}

/* ---- All of it ---- */

struct removing {
	struct viommu_job *job;
	struct viommu_entries entries;
	bool undo; /* the entries, as they are; else by the plan */
	struct plan plan;
};

/* Where nobody set anything since, and nothing but settings is theirs, they are undone as they are; else planned. */
static int make(struct removing *removing, struct error *error)
{
	struct viommu_job *job = removing->job;
	struct plan *plan = &removing->plan;
	bool only_settings = true;
	int r = viommu_find_entries(job, &removing->entries, error);
	plan_begin(plan, job->root, job->arena);
	for (size_t i = 0; r == 0 && i < removing->entries.count; i++) {
		only_settings &= has_only_settings(&removing->entries.items[i]);
		r = plan_settings_back(plan, &removing->entries.items[i], error);
	}
	removing->undo = removing->entries.count && only_settings && !plan->notes.count;
	if (r == 0 && !removing->undo)
		r = make_no_viommu(plan, job->vm, error);
	for (size_t i = 0; r == 0 && i < plan->notes.count; i++)
		say("note: %s", plan->notes.items[i]);
	return r;
}

static void show_entries(const struct removing *removing)
{
	for (size_t i = 0; i < removing->entries.count; i++) {
		const struct journal_entry *entry = &removing->entries.items[i];
		for (size_t j = entry->plan.count; j-- > 0;) {
			struct change back = entry->plan.items[j];
			back.value_before = entry->plan.items[j].value_after;
			back.value_after = entry->plan.items[j].value_before;
			changing_print(stdout, arena_printf(removing->job->arena, "# entry %llu taken back: %s\n",
							    (unsigned long long)entry->number, back.why));
			changing_print(stdout, change_text(removing->job->arena, &back));
		}
	}
	fflush(stdout);
}

static int undo_entries(struct removing *removing)
{
	struct viommu_job *job = removing->job;
	const struct change_undo_options options = { .keep_edited = false };
	int status = VERB_DONE;
	show_entries(removing);
	if (!job->yes) {
		struct error error;
		close(TAKE_FD(job->lock));
		if (!changing_ask("Take this back"))
			return VERB_NO;
		job->lock = changing_lock(job->root, job->arena, &error);
		if (job->lock < 0)
			return fail(&error);
	}
	changing_catch_signals();
	for (size_t i = 0; i < removing->entries.count && status == VERB_DONE; i++) {
		struct error error;
		const char *difference = NULL;
		enum change_end end = CHANGE_NOTHING;
		int r = change_undo(job->arena, &removing->entries.items[i], &options, &changing_watch, &difference,
				    &end, &error);
		status = changing_end("viommu", r == 0 ? CHANGE_DONE : end, difference, &error);
	}
	return status;
}

/* They are taken back by another entry, and are not to be a second time. */
static int close_entries(struct removing *removing)
{
	struct viommu_job *job = removing->job;
	struct error error;
	for (size_t i = 0; i < removing->entries.count; i++) {
		struct journal_entry *entry = &removing->entries.items[i];
		entry->state = JOURNAL_UNDONE;
		if (journal_save(job->root, job->arena, entry, &error) == 0)
			continue;
		say("viommu: all is taken back, but the journal could not be told: %s", error.text);
		return VERB_PARTLY;
	}
	return VERB_DONE;
}

static int apply_plan(struct removing *removing)
{
	struct viommu_job *job = removing->job;
	struct journal_entry entry;
	int status = VERB_DONE;
	if (removing->plan.count) {
		changing_show(stdout, job->arena, &removing->plan);
		status = changing_apply("viommu", job->arena, &removing->plan, job->yes, &job->lock, &entry);
	}
	return status == VERB_DONE ? close_entries(removing) : status;
}

int viommu_take_away(struct viommu_job *job)
{
	struct error error;
	struct removing removing = { .job = job };
	if (make(&removing, &error) < 0)
		return fail(&error);
	if (!removing.undo && !removing.plan.count) {
		say("viommu: nothing to do: VM %s is not defined with a vIOMMU", job->vm->id);
		return job->dry_run ? VERB_DONE : close_entries(&removing);
	}
	if (job->dry_run) {
		if (removing.undo)
			show_entries(&removing);
		else
			changing_show(stdout, job->arena, &removing.plan);
		return VERB_DONE;
	}
	int status = removing.undo ? undo_entries(&removing) : apply_plan(&removing);
	if (status == VERB_DONE)
		say("VM %s has no vIOMMU from its next start on", job->vm->id);
	return status;
}
