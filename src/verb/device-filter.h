/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which PCI devices 'nestpci list' shows. */
#pragma once

#include "host/passable-read.h"

struct device_filter {
	const char *class;  /* hexadecimal digits that the class begins with; NULL: any */
	const char *driver; /* "none": without one */
	const char *group;  /* "none": without one */
	const char *vendor; /* four hexadecimal digits, or part of its name */
	bool passable;
	bool free;
};

/* "03", "0302" or "display": -EINVAL, and what there is, when it is none. */
int device_filter_class(const char *text, const char **ret, struct error *error) MUST_CHECK;

/* "7", "none" */
int device_filter_group(const char *text, const char **ret, struct error *error) MUST_CHECK;

bool device_filter_takes(const struct device_filter *filter, const struct passables *passables, size_t function);
