/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Did libvirt keep what it was given? It completes a definition (addresses of new devices, ports for them), puts elements
 * in its own order, and drops without a word what it does not know. So what it stored is compared by what it means: all
 * that was wanted must be there, and more only where libvirt is known to add it by itself.
 */
#pragma once

#include "base/error.h"
#include "base/text.h"

/*
 * `ret_difference`: NULL if `now` is `wanted`, completed; else the first thing that is not so, in words. -EINVAL: one of
 * the two is no XML.
 */
int domain_compare(struct arena *arena, struct slice wanted, struct slice now, const char **ret_difference,
		   struct error *error) MUST_CHECK;
