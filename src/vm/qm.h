/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `qm`, the one way to change a VM of Proxmox VE: it takes the VM's lock and looks at the digest. Its exit status says
 * only whether it did what it was asked; why not is in its words, which are for people and so are quoted.
 */
#pragma once

#include "base/error.h"
#include "base/root.h"

/*
 * qm `words`, ended by NULL. 0: it said that it was done. -EIO: it said that it was not; -ETIMEDOUT: it was ended after
 * `timeout_s` (0: no limit); -ENOENT: there is no such program; -EROFS: not the live system; -EINTR.
 * It, and what it starts, inherits no descriptor of ours: a VM would keep the journal's lock.
 */
int qm_run(const struct root *root, struct arena *arena, const char *const *words, unsigned int timeout_s,
	   struct error *error) MUST_CHECK;

/* As qm_run, of `qm set VM --KEY VALUE`, or `--delete KEY` for NULL; `purge`: and what it names is destroyed. */
int qm_set(const struct root *root, struct arena *arena, const char *vm, const char *key, const char *value, bool purge,
	   const char *digest, struct error *error) MUST_CHECK;

/* What a person would type for qm_set. */
const char *qm_set_text(struct arena *arena, const char *vm, const char *key, const char *value, bool purge);
