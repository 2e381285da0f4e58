/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Editing a kernel command line as text: what is not changed stays as it stands, blanks and quotes included. */
#pragma once

#include "change/makers.h"

/*
 * One line after the changes. Words are added (`add`) before "--", behind which everything is init's. A word that is
 * there already as the last of its name stays where it is.
 */
const char *cmdline_edit(struct arena *arena, struct slice line, const struct parameter_change *changes, size_t count,
			 bool add);

/* Whether a word is to go, because one of the changes takes it away or puts another value in its place. */
bool cmdline_replaced(const struct cmdline_word *word, const struct parameter_change *changes, size_t count);

/* Whether nothing is to be changed in what a boot loader has. */
bool cmdline_is_so(const struct cmdline *cmdline, const struct parameter_change *changes, size_t count);

/*
 * -EINVAL: not one word, or it holds what GRUB's language, a shell or the kernel would take for something else than
 * itself.
 */
int cmdline_check_word(const char *word, struct error *error) MUST_CHECK;

/* -EINVAL: one of the changes undoes another. Given twice is no contradiction. */
int cmdline_check_changes(const struct parameter_change *changes, size_t count, struct error *error) MUST_CHECK;
