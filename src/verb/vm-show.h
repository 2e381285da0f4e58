/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What 'nestpci vm show' gathers of one VM; vm-show-text.c and vm-show-json.c print it. */
#pragma once

#include "host/pci.h"
#include "host/versions.h"
#include "verb/vm-view.h"
#include "vm/proxmox.h"

struct vm_page {
	struct arena *arena;
	struct vm_view view;
	struct vm_sources sources;
	struct pci_functions functions;    /* of this host; none where they could not be read */
	struct vm_differences differences; /* between its QEMU and what is in force of its definition */
	const char *qemu; /* which QEMU runs it, as far as files tell; NULL: it does not run, or not known */
};

/* Another VM that claims a device of this one, or one of its group. */
struct vm_claim {
	const struct vm *vm;
	const struct vm_device *device;
	bool same_device; /* false: another one of the same IOMMU group */
};

struct vm_claims {
	struct vm_claim *items;
	size_t count;
};

struct vm_claims vm_claims_of(const struct vm_page *page, struct pci_address address);

/* "0000:01:00.0" of this host, or NULL. */
const struct pci_function *vm_page_function(const struct vm_page *page, struct pci_address address);

/* The time that a text of seconds since 1970 means, "2025-11-01 12:26:41 UTC", or the text. */
const char *vm_time_text(struct arena *arena, const char *seconds);

void vm_page_print(const struct vm_page *page);
void vm_page_print_json(const struct vm_page *page);
