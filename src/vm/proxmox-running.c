/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/proxmox-running.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

#include "base/child.h"
#include "base/clock.h"

/* Where qemu-server has its locks; /var/lock leads there. */
#define LOCKS "/run/lock/qemu-server"
/* As qemu-server writes it, and looks for it. */
#define PID_ARGUMENT "/var/run/qemu-server/%s.pid"

/* qmeventd hears of the end at once, and starts Perl; this long until the lock is taken is long. */
#define CLEANUP_BEGINS_MS 3000
/* Who stopped the VM by qm leaves the lock about when qmeventd starts its program: until then, that says nothing. */
#define CLEANUP_SEEN_MS 100
/* `qm cleanup` itself gives up waiting for the lock after 60 s. */
#define CLEANUP_ENDS_MS 90000

/* ---- Waiting ---- */

/* Sleeps until a descriptor is readable; a signal that sets child_interrupted cannot slip in before. 1, 0 (time), -EINTR. */
static int wait_readable(int fd, uint64_t end)
{
	sigset_t all;
	sigset_t old;
	int r = 0;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	while (r == 0 && !child_interrupted) {
		uint64_t now = clock_ms();
		uint64_t left = end > now ? end - now : 0;
		struct timespec time = { (time_t)(left / 1000), (long)(left % 1000) * 1000000 };
		struct pollfd one = { fd, POLLIN, 0 };
		int got = ppoll(&one, 1, end == UINT64_MAX ? NULL : &time, &old);
		if (got > 0)
			r = 1;
		else if (got == 0 || errno != EINTR)
			break;
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return child_interrupted && r == 0 ? -EINTR : r;
}

static uint64_t end_after(unsigned int seconds)
{
	return seconds ? clock_ms() + (uint64_t)seconds * 1000 : UINT64_MAX;
}

/* ---- The process ---- */

/* Whether two words follow each other on a command line as /proc/PID/cmdline has it. */
static bool has_words(struct slice cmdline, const char *first, const char *second)
{
	const char *before = "";
	while (cmdline.length) {
		size_t length = strnlen(cmdline.start, cmdline.length);
		if (strcmp(before, first) == 0 && slice_equals((struct slice){ cmdline.start, length }, second))
			return true;
		before = length < cmdline.length ? cmdline.start : "";
		length += length < cmdline.length;
		cmdline = (struct slice){ cmdline.start + length, cmdline.length - length };
	}
	return false;
}

static int open_pidfd(int pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int does_not_run(const char *vm, struct error *error)
{
	return error_set(error, -ESRCH, "VM %s does not run", vm);
}

int proxmox_open_pid(const struct root *root, struct arena *arena, const char *vm, int *ret_pid, struct error *error)
{
	char *text;
	uint64_t pid;
	struct slice cmdline;
	int r = root_read_line(root, arena, arena_printf(arena, PROXMOX_RUN "/%s.pid", vm), &text, error);
	if (root_absent(r))
		return does_not_run(vm, error);
	if (r < 0)
		return r;
	/* It is being written. */
	if (!*text)
		return does_not_run(vm, error);
	if (text_to_number(text, 10, INT32_MAX, &pid) < 0 || !pid)
		return error_set(error, -EINVAL, PROXMOX_RUN "/%s.pid: '%.40s' is no pid", vm, text);
	/* First the descriptor, then the look: the pid cannot become another's in between. */
	AUTO_CLOSE int fd = open_pidfd((int)pid);
	if (fd < 0)
		return errno == ESRCH ? does_not_run(vm, error) : error_set_errno(error, -errno, "process %s", text);
	r = root_read(root, arena, arena_printf(arena, "/proc/%s/cmdline", text), &cmdline, error);
	if (root_absent(r) || r == -ESRCH)
		return does_not_run(vm, error);
	if (r < 0)
		return r;
	if (!has_words(cmdline, "-pidfile", arena_printf(arena, PID_ARGUMENT, vm)))
		return does_not_run(vm, error);
	*ret_pid = (int)pid;
	return TAKE_FD(fd);
}

/* ---- qm cleanup ---- */

struct cleanup_scan {
	int pid;       /* of the VM's `qm cleanup`, or 0 */
	bool qmeventd; /* runs: so somebody will start one */
};

/* "/usr/bin/perl -T /usr/sbin/qm cleanup 101 0 1" */
static struct cleanup_scan scan(struct proxmox_stop *stop)
{
	struct cleanup_scan found = { 0 };
	AUTO_ARENA arena = { 0 };
	struct list names = { .arena = &arena };
	struct slice cmdline;
	char *comm;
	uint64_t pid;
	if (root_list(stop->root, &arena, "/proc", &names, NULL) < 0)
		return found;
	for (size_t i = 0; i < names.count && !found.pid; i++) {
		if (text_to_number(names.items[i], 10, INT32_MAX, &pid) < 0)
			continue;
		const char *folder = arena_printf(&arena, "/proc/%s", names.items[i]);
		if (root_read_line(stop->root, &arena, arena_printf(&arena, "%s/comm", folder), &comm, NULL) == 0 &&
		    strcmp(comm, "qmeventd") == 0)
			found.qmeventd = true;
		if (root_read(stop->root, &arena, arena_printf(&arena, "%s/cmdline", folder), &cmdline, NULL) == 0 &&
		    has_words(cmdline, "cleanup", stop->vm))
			found.pid = (int)pid;
	}
	return found;
}

/* Whether somebody left the VM's lock since it was last asked. */
static bool lock_was_left(struct proxmox_stop *stop)
{
	char name[64];
	bool left = false;
	char block[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t got;
	snprintf(name, sizeof(name), "lock-%s.conf", stop->vm);
	while ((got = read(stop->locks, block, sizeof(block))) > 0) {
		for (char *place = block; place < block + got;) {
			const struct inotify_event *event = (const struct inotify_event *)place;
			left |= (event->mask & IN_CLOSE) && event->len && strcmp(event->name, name) == 0;
			place += sizeof(*event) + event->len;
		}
	}
	return left;
}

/*
 * After the end of QEMU. `qm cleanup` may not have begun, be under way, or be over: a process of it tells, and else the
 * lock, which it takes and leaves. Where no qmeventd runs, nobody cleans up.
 */
static int wait_for_cleanup(struct proxmox_stop *stop, struct error *error)
{
	uint64_t ended = clock_ms();
	uint64_t begins = ended + CLEANUP_BEGINS_MS;
	bool left = false;
	for (;;) {
		left |= stop->locks >= 0 && lock_was_left(stop);
		struct cleanup_scan found = scan(stop);
		if (found.pid) {
			AUTO_CLOSE int fd = open_pidfd(found.pid);
			int r = fd < 0 ? 1 : wait_readable(fd, clock_ms() + CLEANUP_ENDS_MS);
			if (r < 0)
				return error_set(error, r, "interrupted");
			return r > 0 ? 0 :
				       error_set(error, -ETIMEDOUT, "VM %s: 'qm cleanup' (process %d) does not end",
						 stop->vm, found.pid);
		}
		bool over = left && clock_ms() >= ended + CLEANUP_SEEN_MS;
		if (over || !found.qmeventd || clock_ms() >= begins)
			return 0;
		if (stop->locks < 0 || left)
			poll(NULL, 0, 10);
		else if (wait_readable(stop->locks, begins) < 0)
			return error_set(error, -EINTR, "interrupted");
	}
}

/* ---- The end of a VM ---- */

int proxmox_stop_open(const struct root *root, struct arena *arena, const char *vm, struct proxmox_stop *ret,
		      struct error *error)
{
	struct proxmox_stop stop = { .root = root, .vm = arena_strdup(arena, vm) };
	if (root->kind != ROOT_LIVE)
		return error_set(error, -EROFS, "%s is not the running system", root->name);
	stop.locks = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (stop.locks >= 0 && inotify_add_watch(stop.locks, LOCKS, IN_OPEN | IN_CLOSE) < 0) {
		close(stop.locks);
		stop.locks = -1;
	}
	stop.pidfd = proxmox_open_pid(root, arena, vm, &stop.pid, error);
	if (stop.pidfd < 0 && stop.pidfd != -ESRCH) {
		int r = stop.pidfd;
		proxmox_stop_close(&stop);
		return r;
	}
	*ret = stop;
	return 0;
}

void proxmox_stop_close(struct proxmox_stop *stop)
{
	if (stop->pidfd >= 0)
		close(stop->pidfd);
	if (stop->locks >= 0)
		close(stop->locks);
	stop->pidfd = stop->locks = -1;
}

int proxmox_stop_wait(struct arena *arena, struct proxmox_stop *stop, unsigned int timeout_s, struct error *error)
{
	(void)arena;
	if (stop->pidfd < 0)
		return 0;
	bool ended = wait_readable(stop->pidfd, 0) == 1;
	int r = ended ? 1 : wait_readable(stop->pidfd, end_after(timeout_s));
	/* Who left the lock while it ran does not matter. */
	if (!ended && stop->locks >= 0)
		(void)lock_was_left(stop);
	if (r < 0)
		return error_set(error, r, "interrupted while VM %s was waited for (process %d still runs)", stop->vm,
				 stop->pid);
	if (r == 0)
		return error_set(error, -ETIMEDOUT,
				 "VM %s did not stop within %u s: process %d still runs (a guest that reboots does not "
				 "end it)",
				 stop->vm, timeout_s, stop->pid);
	return wait_for_cleanup(stop, error);
}

/* ---- The beginning ---- */

int proxmox_watch_pid_files(void)
{
	AUTO_CLOSE int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0 || inotify_add_watch(fd, PROXMOX_RUN, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE) < 0)
		return -1;
	return TAKE_FD(fd);
}

int proxmox_wait_for_start(const struct root *root, struct arena *arena, const char *vm, int watch,
			   unsigned int timeout_s, struct error *error)
{
	uint64_t end = end_after(timeout_s);
	char block[4096];
	for (;;) {
		int pid;
		AUTO_CLOSE int fd = proxmox_open_pid(root, arena, vm, &pid, error);
		if (fd >= 0)
			return 0;
		if (fd != -ESRCH)
			return fd;
		if (clock_ms() >= end)
			return error_set(error, -ETIMEDOUT, "VM %s was not started within %u s", vm, timeout_s);
		/* A pid file may be written before it can be judged. */
		uint64_t soon = clock_ms() + 1000;
		int r = watch < 0 ? (poll(NULL, 0, 200), 0) : wait_readable(watch, soon < end ? soon : end);
		if (r < 0 || child_interrupted)
			return error_set(error, -EINTR, "interrupted");
		while (watch >= 0 && read(watch, block, sizeof(block)) > 0)
			;
	}
}
