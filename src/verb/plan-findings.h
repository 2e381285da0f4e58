/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what `check` finds to a plan: what nestpci can mend, and what is somebody else's to do. */
#pragma once

#include "change/change.h"
#include "verb/subjects.h"

/* A finding that this plan does not mend. */
struct plan_other {
	const struct finding *finding;
	const char *reason; /* why not, where nestpci has a change for it; NULL: it has none */
};

struct plan_findings {
	struct plan_other *others; /* what failed, and what warns if it could have been mended */
	size_t other_count;
	size_t warnings; /* that are not among them */
	size_t unknown;
	bool restart; /* a finding is mended already, and waits for the host's next start */
};

/*
 * Judges, and adds what mends the findings to `plan`. `only` empty: all that fails or warns of the host, and of the
 * devices and the VM that the request names. Else these checks, of which one that cannot be mended is an error.
 */
int plan_findings_make(const struct subjects_request *request, const struct list *only, struct plan *plan,
		       struct plan_findings *ret, struct error *error) MUST_CHECK;
