/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In what two sights of a VM differ: its running QEMU and its definition, or the definition now and at its next start. Only
 * what matters for giving it devices, and what the line tells as the definition does: not memory, some of which can be
 * plugged in later.
 */
#pragma once

#include "vm/vm.h"

struct vm_difference {
	const char *what; /* "vIOMMU", "device 0000:01:00.0" */
	const char *one;
	const char *other;
};

struct vm_differences {
	struct vm_difference *items;
	size_t count;
	size_t room;
};

/* Only what both are known to be: what one of them does not tell is no difference. */
struct vm_differences vm_compare(struct arena *arena, const struct vm *one, const struct vm *other);

/* "intel-iommu", "none", "intel-iommu (caching-mode off), virtio-iommu": all of a VM's. */
const char *vm_viommus_text(struct arena *arena, const struct vm *vm);
