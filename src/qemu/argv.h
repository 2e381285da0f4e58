/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QEMU command line, word by word. Nothing is changed or normalized here: an option knows which words it is made of,
 * and whoever edits puts other words in their place.
 *
 * The grammar (QEMU system/vl.c, lookup_opt): "-x" and "--x" are the same option; names are exact; an option takes no
 * argument or one, which is always the next word, even when that begins with "-"; a word that does not begin with "-" is
 * a disk image. Which option takes an argument is in qemu-options.hx; from 5.2 to 11.0 no option changed its mind, so
 * one merged table (argv.c) serves all releases.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

#define QEMU_NO_WORD SIZE_MAX

struct qemu_option {
	const char *name; /* without dashes; NULL for a disk image */
	size_t word;      /* index of the option's word */
	size_t argument;  /* index of its argument's word, or QEMU_NO_WORD */
	bool known;       /* in the table; an unknown one's argument is a guess */
};

struct qemu_argv {
	const char *const *words;
	size_t word_count;
	size_t program; /* index of QEMU's own word; behind a launcher (taskset, ...) it is not 0. QEMU_NO_WORD: none */
	struct qemu_option *options;
	size_t option_count;
};

/*
 * `words` must outlive the result. A word that begins with "-" at the very front means that there is no program word.
 * -EINVAL: no words, or a known option without its argument at the end of the line.
 */
int qemu_argv_parse(struct arena *arena, const char *const *words, size_t count, struct qemu_argv *ret,
		    struct error *error) MUST_CHECK;

/* The option's argument, or "". */
const char *qemu_argument(const struct qemu_argv *argv, const struct qemu_option *option);

/* The last option of that name, or NULL. */
const struct qemu_option *qemu_find_option(const struct qemu_argv *argv, const char *name);

/* -version, -help, -device help, -machine none, ...: QEMU is asked something and starts no VM. */
bool qemu_argv_is_query(const struct qemu_argv *argv);

/* Whether a path names a QEMU system emulator: qemu-system-*, kvm, qemu-kvm. */
bool qemu_is_program_name(const char *path);
