/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a running QEMU itself says of its vIOMMU: over QMP values are those in force, whatever the command line left to
 * QEMU. In what order devices were created it does not say; that is read from the command line of the process.
 */
#pragma once

#include "qemu/qmp.h"
#include "qemu/viommu.h"
#include "vm/vm.h"

enum vm_answered { VM_PASS, VM_FAIL, VM_UNSURE };

struct vm_verified {
	const char *check; /* id of the check that asks the same of a definition (`nestpci explain`) */
	enum vm_answered verdict;
	const char *summary; /* a sentence without full stop */
};

struct vm_verification {
	struct vm_verified *items;
	size_t count;
};

struct vm_verify_wish {
	struct viommu_options options; /* what is not asked for is not judged, or only as nesting needs it */
	const struct vm *process;      /* as its command line is; NULL: not known */
};

/* Always gives an answer. */
void vm_verify(struct arena *arena, const struct qmp *qmp, const struct vm_verify_wish *wish,
	       struct vm_verification *ret);

/* The worst of all: FAIL, then UNSURE. */
enum vm_answered vm_verified_worst(const struct vm_verification *verification);
