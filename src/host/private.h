/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes out of a snapshot what its owner would not send to strangers: serial numbers, hardware and IP addresses, UUIDs,
 * names of hosts, VMs and file systems, passwords, and processes that have nothing to do with devices. What is replaced
 * is replaced by the same everywhere, so that the snapshot still gives the same findings.
 *
 * It knows where such data stand, and their forms. It cannot know all: nestpci-capture(1) says what may remain.
 */
#pragma once

#include "base/root.h"
#include "base/snapshot.h"

/* The names of this host, as it calls itself: for private_copy(). Nothing of it is recorded. */
void private_find_names(const struct root *root, struct list *ret);

/* Copies a snapshot into an empty one, without all that; its comments say what was done. */
void private_copy(const struct snapshot *from, const struct list *host_names, struct snapshot *to);
