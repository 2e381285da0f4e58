/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A configuration as Proxmox VE's own `qm` prints it, byte for byte, of the release that the configuration was read for:
 * lines "key: value", sorted by key; the description percent-encoded in one line, the cloud-init password masked.
 */
#pragma once

#include "vm/proxmox.h"

/*
 * `qm config`: with pending changes made; `current`: without. -EINVAL: `qm` prints nothing but an error, because a value
 * is none that its description of the API allows; `error` says which.
 */
int proxmox_print_config(struct arena *arena, const struct proxmox_config *config, bool current, struct buffer *ret,
			 struct error *error) MUST_CHECK;

/* `qm config --snapshot NAME`. -ENOENT: there is no such snapshot; -EINVAL: as above. */
int proxmox_print_snapshot(struct arena *arena, const struct proxmox_config *config, const char *name,
			   struct buffer *ret, struct error *error) MUST_CHECK;

/* `qm pending`: "cur key: value", what is "new", and what is to be deleted ("del"). */
void proxmox_print_pending(struct arena *arena, const struct proxmox_config *config, struct buffer *ret);
