/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM is stopped, or its stop waited for, and started again. */
#include <errno.h>

#include "base/child.h"
#include "base/say.h"
#include "verb/viommu.h"

const char *viommu_run_words(const struct viommu_job *job)
{
	if (job->restart)
		return arena_printf(job->arena,
				    "Then ask the guest to shut down, wait up to %u s for that, and start the VM.",
				    job->timeout_s);
	if (job->wait)
		return "Then wait until the VM has been stopped, by whomever, and start it.";
	return job->start ? "Then start the VM, if it does not run." : "";
}

static int fail(const struct viommu_job *job, bool changed, const struct error *error)
{
	say("viommu: %s", error->text);
	if (changed)
		say("viommu: the settings are made, and come into force when VM %s is stopped and started",
		    job->vm->id);
	return changed ? VERB_PARTLY : VERB_FAILED;
}

/* Not every manager tells. */
static const char *process_text(struct arena *arena, int pid)
{
	return pid ? arena_printf(arena, " (process %d)", pid) : "";
}

/* Until it does not run. */
static int stop(const struct viommu_job *job, int pid, struct error *error)
{
	const struct manager *manager = job->manager;
	const char *id = job->vm->id;
	const char *handle = manager_handle(job->arena, job->vm);
	if (job->restart) {
		say("asking the guest of VM %s to shut down, for up to %u s", id, job->timeout_s);
		int r = manager->shut_down(job->root, job->arena, handle, job->timeout_s, error);
		return r != -EINTR ?
			       r :
			       error_set(error, r,
					 "interrupted; the guest of VM %s was asked to shut down, and may do it yet: "
					 "then nobody starts it",
					 id);
	}
	say("waiting until VM %s is stopped%s; a reboot inside does not end it", id, process_text(job->arena, pid));
	return manager->wait(job->root, job->arena, handle, 0, error);
}

static int start(const struct viommu_job *job, struct error *error)
{
	int pid;
	const char *id = job->vm->id;
	const char *handle = manager_handle(job->arena, job->vm);
	int running = job->manager->is_running(job->root, job->arena, handle, &pid, error);
	if (running < 0)
		return running;
	if (running) {
		say("VM %s was started by somebody else meanwhile%s", id, process_text(job->arena, pid));
		return 0;
	}
	say("starting VM %s", id);
	int r = job->manager->start(job->root, job->arena, handle, error);
	if (r < 0 && r != -EINTR && job->manager->is_running(job->root, job->arena, handle, &pid, NULL) == 1) {
		say("VM %s runs all the same%s: %s", id, process_text(job->arena, pid), error->text);
		return 0;
	}
	return r;
}

/* It is left as it runs, or does not. */
static int leave(const struct viommu_job *job, bool running, bool changed)
{
	int status = running && !changed ? viommu_verify(job) : VERB_DONE;
	if (running && (changed || status == VERB_NO))
		say("stop VM %s and start it: a reboot inside does not do (--restart does both, --wait waits for the stop)",
		    job->vm->id);
	return status;
}

int viommu_run(const struct viommu_job *job, bool changed)
{
	int pid = 0;
	struct error error;
	int running = job->manager->is_running(job->root, job->arena, manager_handle(job->arena, job->vm), &pid,
					       &error);
	if (running < 0)
		return fail(job, changed, &error);
	/* What runs is as it should be: nobody is disturbed. */
	if (running && !changed && viommu_starts(job) && viommu_is_well(job)) {
		say("VM %s runs with its vIOMMU already", job->vm->id);
		return viommu_verify(job);
	}
	bool stops = running && (job->wait || job->restart);
	if (!stops && (running || !viommu_starts(job)))
		return leave(job, running, changed);
	changing_catch_signals();
	int r = stops ? stop(job, pid, &error) : 0;
	if (r == 0)
		r = start(job, &error);
	if (r < 0)
		return fail(job, changed, &error);
	int status = viommu_verify(job);
	/* Not seen is not "nothing was done". */
	if (status == VERB_FAILED) {
		say("viommu: VM %s was started; 'nestpci viommu --verify %s' asks it again", job->vm->id, job->vm->id);
		return VERB_PARTLY;
	}
	if (status == VERB_DONE)
		say("in VM %s itself, 'nestpci check' tells what is left to do", job->vm->id);
	return status;
}
