/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU of a VM of Proxmox VE: whether it runs, when it has ended, and when what Proxmox VE does after that is over
 * (qmeventd starts `qm cleanup VM`, which holds the VM's lock). Nothing of this asks again and again: a pidfd tells of
 * the end of a process, inotify of files.
 */
#pragma once

#include "base/error.h"
#include "base/root.h"

#define PROXMOX_RUN "/run/qemu-server"

/*
 * A pidfd of the process that Proxmox VE takes for this VM (pid file and command line agree). -ESRCH: it does not run.
 */
int proxmox_open_pid(const struct root *root, struct arena *arena, const char *vm, int *ret_pid, struct error *error)
	MUST_CHECK;

struct proxmox_stop {
	const struct root *root;
	const char *vm;
	int pid;
	int pidfd; /* -1: it did not run */
	int locks; /* inotify on the folder of locks; -1: there is none */
};

int proxmox_stop_open(const struct root *root, struct arena *arena, const char *vm, struct proxmox_stop *ret,
		      struct error *error) MUST_CHECK;
void proxmox_stop_close(struct proxmox_stop *stop);

/* Until it has ended and `qm cleanup` is over. -ETIMEDOUT after `timeout_s` (0: none); -EINTR. */
int proxmox_stop_wait(struct arena *arena, struct proxmox_stop *stop, unsigned int timeout_s, struct error *error)
	MUST_CHECK;

/* inotify on the folder of pid files, or -1; open it before a start is asked for. */
int proxmox_watch_pid_files(void);
int proxmox_wait_for_start(const struct root *root, struct arena *arena, const char *vm, int watch,
			   unsigned int timeout_s, struct error *error) MUST_CHECK;
