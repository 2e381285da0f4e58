/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which managers are installed, in which version: by dpkg's list and Proxmox VE's own file, without starting any of them.
 * Packages of rpm, pacman and others are not known: what is there without dpkg's naming it is UNREADABLE, with the
 * program's path; what is not there is ABSENT. WRONG: dpkg has not installed it completely.
 */
#pragma once

#include "base/fact.h"

struct version {
	struct fact fact;      /* text is the version: "9.2.6", "1:7.2+dfsg-7+deb12u18"; path is where it stood */
	unsigned int parts[3]; /* of the upstream version, without epoch */
	const char *package;   /* dpkg's, that it is of: "pve-qemu-kvm", "qemu-system-x86"; NULL: of none */
};

struct versions {
	struct fact os;             /* PRETTY_NAME of os-release */
	struct fact dpkg_status;    /* of the file; its text is NULL */
	struct version pve_manager; /* ABSENT: no Proxmox VE node */
	struct version qemu_server;
	struct version qemu;     /* pve-qemu-kvm, or qemu-system-x86 */
	struct version libvirt;  /* libvirt-daemon */
	struct version ovmf;     /* ovmf, or pve-edk2-firmware */
	struct fact pve_mounted; /* KNOWN: /etc/pve/local is a link, as pmxcfs makes it */
};

void versions_read(const struct root *root, struct arena *arena, struct versions *ret);

/* Whether a version is known to be at least this. */
bool version_at_least(const struct version *version, unsigned int a, unsigned int b, unsigned int c);
