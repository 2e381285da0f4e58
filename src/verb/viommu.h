/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nestpci viommu: a VM's vIOMMU. The parts of the verb; verb/viommu.c has the options and their order. */
#pragma once

#include "change/makers.h"
#include "verb/changing.h"
#include "verb/subjects.h"

struct viommu_job {
	struct arena *arena;
	const struct root *root;
	const struct subject_set *set;
	const struct vm *vm;
	const struct manager *manager; /* NULL: none */
	struct viommu_wish wish;
	bool yes;
	bool dry_run;
	bool remove;
	bool verify; /* and nothing else */
	bool start;  /* a stopped one */
	bool wait;
	bool restart;
	int lock;               /* of the journal, held while the VM is looked at and changed; -1: not */
	unsigned int timeout_s; /* of a guest that is asked to shut down */
};

/* Whether it is to be started when it does not run (any more). */
static inline bool viommu_starts(const struct viommu_job *job)
{
	return job->start || job->wait || job->restart;
}

/* Entries of the journal that gave this VM its vIOMMU, and are not taken back. */
struct viommu_entries {
	struct journal_entry *items; /* newest first */
	size_t count;
};
int viommu_find_entries(const struct viommu_job *job, struct viommu_entries *ret, struct error *error) MUST_CHECK;

/* Plans it, shows it, applies it, restarts as asked, verifies. Returns the exit status. */
int viommu_give(struct viommu_job *job);

/* Takes back what was given: by the journal, and else what stands there. */
int viommu_take_away(struct viommu_job *job);

/*
 * Stops as asked (or waits for that), starts it, verifies what runs then. `changed`: what a failure leaves is a job done
 * in part.
 */
int viommu_run(const struct viommu_job *job, bool changed);

/* What `viommu_run` will do, in words; "" for nothing. */
const char *viommu_run_words(const struct viommu_job *job);

/* Prints what the running QEMU says of it: "PASS vm-viommu-present VM 101: ...". VERB_NO: it is not as it should be. */
int viommu_verify(const struct viommu_job *job);

/* The same without a word: whether all is seen to be well. */
bool viommu_is_well(const struct viommu_job *job);
