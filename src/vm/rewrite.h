/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rewrite of qemu/viommu.h, with the facts about the host that runs the line. */
#pragma once

#include "base/error.h"
#include "base/root.h"
#include "base/text.h"
#include "qemu/viommu.h"

struct vm_rewrite_request {
	const char *const *words;
	size_t count;
	struct viommu_options options;
	const char *const *groups; /* "ADDRESS,ADDRESS[,...]": devices that share a host group, said by the user */
	size_t group_count;
	const struct root *root; /* the host that runs the line */
};

/*
 * -EINVAL: the line, or a group, is malformed; -EOPNOTSUPP: refused, with reason and remedy. What cannot be found out
 * about the host is a warning in the result.
 */
int vm_rewrite(struct arena *arena, const struct vm_rewrite_request *request, struct viommu_result *ret,
	       struct error *error) MUST_CHECK;

/* Reads "on" or "off", "39" or "48", for an option called `name`. -EINVAL, with a text, for anything else. */
int vm_parse_switch(const char *name, const char *text, enum viommu_switch *ret, struct error *error) MUST_CHECK;
int vm_parse_aw_bits(const char *text, unsigned int *ret, struct error *error) MUST_CHECK;
