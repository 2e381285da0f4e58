/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who owns a VM's definition and starts it: one back-end each, a const struct of functions. All of them act on the
 * live system only (-EROFS); reading works on every root.
 *
 * `vm` is the manager's own handle, a text: Proxmox VE "101"; libvirt its URI and uuid.
 */
#pragma once

#include "base/root.h"
#include "qemu/qmp.h"
#include "vm/vm.h"

struct manager {
	enum vm_manager kind;
	const char *id;   /* in journals: "proxmox", "libvirt" */
	const char *name; /* for people: "Proxmox VE", "libvirt" */

	/*
	 * A setting of the VM's definition as the next start will use it; `ret` NULL: not set. Proxmox VE: a key of the
	 * configuration; libvirt: "xml", the inactive definition.
	 */
	int (*read_setting)(const struct root *root, struct arena *arena, const char *vm, const char *key,
			    const char **ret, struct error *error);

	/*
	 * From `before` (NULL: not set) to `after` (NULL: delete it). Done already is no failure. -ESTALE: it is
	 * neither of them. What the manager has then is read again, and must be `after`.
	 */
	int (*write_setting)(const struct root *root, struct arena *arena, const char *vm, const char *key,
			     const char *before, const char *after, struct error *error);

	/*
	 * Whether what stands there is what was wanted: a manager may spell it in another way, or name what it made.
	 * Neither is NULL. The function is NULL where it must be the same byte for byte.
	 */
	bool (*is_same)(struct arena *arena, const char *key, const char *wanted, const char *now);

	/* What a person would type for it, ends with a newline. NULL: shown as a difference of two texts. */
	const char *(*show)(struct arena *arena, const char *vm, const char *key, const char *before,
			    const char *after);

	/* A value as it may be shown: without secrets. NULL: as it is. */
	const char *(*veil)(struct arena *arena, const char *key, const char *value);

	/* 1: its QEMU runs, 0: not. `ret_pid` is set where it does; 0: the manager does not tell. */
	int (*is_running)(const struct root *root, struct arena *arena, const char *vm, int *ret_pid,
			  struct error *error);

	/* All but start: 0 at once for a VM that does not run. -ETIMEDOUT: not in this time; 0 waits for ever. */
	int (*start)(const struct root *root, struct arena *arena, const char *vm, struct error *error);
	/* Asks the guest; never forces it. */
	int (*shut_down)(const struct root *root, struct arena *arena, const char *vm, unsigned int timeout_s,
			 struct error *error);
	/*
	 * Until the VM's QEMU has ended, and with it what the manager does after that. A guest that reboots does not end
	 * it. -EINTR: child_interrupted was set.
	 */
	int (*wait)(const struct root *root, struct arena *arena, const char *vm, unsigned int timeout_s,
		    struct error *error);

	/* A channel to the running QEMU; release with qmp_close. -ESRCH: it does not run. */
	int (*open_qmp)(const struct root *root, struct arena *arena, const char *vm, struct qmp *ret,
			struct error *error);
};

extern const struct manager proxmox_manager, libvirt_manager;

/* NULL: plain QEMU has none. */
const struct manager *manager_of(enum vm_manager kind);

/* `vm`, as the functions above are given it. */
const char *manager_handle(struct arena *arena, const struct vm *vm);

/* NULL: not known, as an entry of another version's journal may be. */
const struct manager *manager_find(const char *id);

/* Both may be NULL: not set. */
bool manager_is_same(const struct manager *manager, struct arena *arena, const char *key, const char *wanted,
		     const char *now);
