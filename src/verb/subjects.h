/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is to be judged, gathered: a host, its boot set-up, its VMs, the devices at hand. Opens files; judges nothing. */
#pragma once

#include "check/check.h"
#include "verb/place.h"

struct subjects_request {
	struct place place;
	int level; /* -1: 1 in a VM, else 0 */
	const struct pci_address *devices;
	size_t device_count;
	const char *vm;      /* id, name or pid; or NULL */
	const char *vm_file; /* or NULL */
};

struct subjects {
	struct root root;
	struct host host;
	struct boot boot;
	struct vms vms;
	struct vm from_file; /* of request.vm_file */
	struct subject_set set;
};

#define AUTO_SUBJECTS CLEANUP(subjects_release) struct subjects
#define SUBJECTS_NONE ((struct subjects){ .root = ROOT_NONE })

/*
 * Devices at hand: those of the request and those that the VM at hand is given; without either, those that somebody
 * evidently wants to pass on. Errors of the VM as vm_choose() has them.
 */
int subjects_gather(const struct subjects_request *request, struct arena *arena, struct subjects *ret,
		    struct error *error) MUST_CHECK;
void subjects_release(struct subjects *subjects);
