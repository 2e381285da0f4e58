/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What devices had before they were given to vfio-pci, so that they can have it back. One file for what was bound
 * together, /run/nestpci/bind/ADDRESS, which like the bindings themselves is gone after a reboot:
 *
 *   member=0000:01:00.0       begins a member; the lines up to the next one are about it
 *   driver=nvme               nothing behind the "=": had none
 *   driver_override=          nothing: was not set
 *
 * Lines that begin with "#", and keys that are not known, are passed over.
 */
#pragma once

#include "base/pci-address.h"
#include "base/root.h"

#define BIND_RECORDS "/run/nestpci/bind"

/* What decides who drives a device. */
struct bind_state {
	const char *driver;   /* NULL: none */
	const char *override; /* content of driver_override; "": not set */
};

struct bind_recorded {
	struct pci_address address;
	struct bind_state state;
};

struct bind_record {
	const char *path;
	struct bind_recorded *members;
	size_t count;
};

const char *bind_record_path(struct arena *arena, struct pci_address address);

/* `path` is for messages. -EINVAL: it is no record. */
int bind_record_parse(struct arena *arena, const char *path, struct slice text, struct bind_record *ret,
		      struct error *error) MUST_CHECK;

const char *bind_record_format(struct arena *arena, const struct bind_record *record);

/*
 * The record that has a device as a member. -ENOENT when none has. One that is damaged and speaks of other devices is
 * passed over, with a note.
 */
int bind_record_find(const struct root *root, struct arena *arena, struct pci_address address, struct bind_record *ret,
		     struct list *notes, struct error *error) MUST_CHECK;

/* What a record says of a device, or NULL. */
const struct bind_state *bind_record_of(const struct bind_record *record, struct pci_address address);

int bind_record_write(struct arena *arena, const struct bind_record *record, struct error *error) MUST_CHECK;
