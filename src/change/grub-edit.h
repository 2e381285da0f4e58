/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GRUB's kernel command line. New words go into GRUB_CMDLINE_LINUX_DEFAULT and not GRUB_CMDLINE_LINUX: recovery entries
 * take the latter alone (/etc/grub.d/10_linux), so they still boot as before if a new parameter does not do.
 */
#pragma once

#include "change/makers.h"

#define GRUB_DROP_IN "/etc/default/grub.d/zz-nestpci.cfg"

/*
 * By a file of our own where this GRUB reads /etc/default/grub.d, else by a line at the end of /etc/default/grub. Words
 * that stand elsewhere and are in the way are taken out there; -ENOTSUP where that is no plain text.
 */
int grub_set_parameters(struct plan *plan, const struct boot *boot, const struct parameter_change *changes,
			size_t count, const char *why, struct error *error) MUST_CHECK;

/* grub.cfg is made anew. */
int grub_generate(struct plan *plan, struct error *error) MUST_CHECK;
