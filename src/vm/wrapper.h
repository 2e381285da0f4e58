/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU wrapper as it is installed on a host: what stands in the place of Proxmox VE's /usr/bin/kvm, where the real
 * QEMU is, and for which VMs it acts. Installing and removing is change/wrapper.c's.
 */
#pragma once

#include "base/fact.h"
#include "vm/wrapper-conf.h"

#define WRAPPER_PLACE "/usr/bin/kvm"                /* what Proxmox VE starts (qemu-server, get_command_for_arch) */
#define WRAPPER_REAL WRAPPER_PLACE ".distrib"       /* where dpkg is told to put it instead */
#define WRAPPER_HOOK "/etc/dpkg/dpkg.cfg.d/nestpci" /* keeps the wrapper's time that of the real QEMU */
#define WRAPPER_DIVERSIONS "/var/lib/dpkg/diversions"

/* Stands in the wrapper, once, before its version and a blank: by this it is known. */
#define WRAPPER_MARK "This is nestpci-wrapper "

struct wrapper_vm {
	const char *name; /* the VM's id, uuid or name */
	bool once;
	const char *where; /* "/etc/nestpci/wrapper.conf, line 3" */
	struct viommu_options options;
	struct list groups;
};

struct wrapper_state {
	struct fact program; /* of WRAPPER_PLACE: the wrapper's version; ABSENT: what stands there is not the wrapper */
	struct fact diversion; /* where dpkg puts WRAPPER_PLACE instead; ABSENT: nowhere; WRONG: not for the wrapper */
	struct fact real;      /* the QEMU that the wrapper becomes; ABSENT: none; WRONG: nobody may execute it */
	struct fact conf;      /* WRAPPER_CONF; its text is NULL. WRONG: the wrapper acts on no VM because of it */
	bool installed;        /* the wrapper stands there, or dpkg diverts for it */
	bool intact;           /* all that it needs is seen to be there, and of this version */
	const char *problem;   /* what it lacks, as a sentence; NULL where it is intact */
	bool stale_time;       /* its time is not that of the real QEMU, by which Proxmox VE notices a new version */
	struct wrapper_vm *vms;
	size_t vm_count;
};

/* Always gives an answer. */
void wrapper_state_read(const struct root *root, struct arena *arena, struct wrapper_state *ret);

/* What it is told of a VM of Proxmox VE; NULL: nothing. */
const struct wrapper_vm *wrapper_find_vm(const struct wrapper_state *state, const char *id);

/* Why it acts on no VM at all at the next start; NULL: nothing is known to keep it from that. */
const char *wrapper_why_idle(const struct wrapper_state *state);
