/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM as its QEMU command line tells of it, whoever wrote the line. */
#pragma once

#include "vm/vm.h"

struct plain_line {
	const char *const *words; /* must outlive the result */
	size_t count;
	/*
	 * The first word that comes of a Proxmox VE configuration's `args:`, or of <qemu:commandline>; what stands before
	 * it is the manager's. QEMU_NO_WORD: not known, found out from the line.
	 */
	size_t args_from;
	enum vm_manager manager; /* whose definition the words are of; VM_PLAIN: found out from the line */
};

/*
 * -EINVAL: QEMU would not take the line. `root`: of the host that runs it, for -readconfig files; may be NULL. Fills all
 * but what a line does not tell: path, node, pid, running and what only a configuration knows.
 */
int plain_read(const struct root *root, struct arena *arena, const struct plain_line *line, struct vm *ret,
	       struct error *error) MUST_CHECK;

/*
 * The same of a line that a manager's definition becomes. Where QEMU would not take what comes of `args_from` on, called
 * `args` by the manager, what the manager itself writes is read alone, and a problem says so. Always gives an answer.
 */
void plain_read_definition(const struct root *root, struct arena *arena, const struct plain_line *line,
			   const char *args, struct vm *ret);
