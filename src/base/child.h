/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Child processes: the one place that starts programs. An argument vector, never a shell; output captured; a time
 * limit. A child dies with us: it is killed when this process goes, however it goes.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"

/*
 * A signal handler may set this: child_run then kills what it waits for and returns -EINTR, now and at every later call.
 */
extern volatile sig_atomic_t child_interrupted;

struct child_request {
	const char *const *argv; /* argv[0] is looked up in PATH unless it holds a slash */
	const char *directory;   /* working directory, or NULL for ours */
	int stdout_fd;           /* > 0: standard output goes there and is not captured */
	unsigned int timeout_ms; /* 0: no limit */
	const char *input;       /* what it reads from standard input; NULL: nothing (/dev/null) */
	bool alone; /* inherits no descriptor but these three, not even one without O_CLOEXEC: a lock, say */
};

struct child_result {
	int status;          /* exit status, 128 + signal when killed by one */
	bool timed_out;      /* killed by us; status is 128 + SIGKILL */
	struct slice output; /* standard output, at most 16 MiB, ended by a NUL that is not counted */
	struct slice errors; /* standard error, likewise */
};

/*
 * Runs a program to its end. Returns 0 when it was started, whatever its exit status; -ENOENT when there is no such
 * program.
 */
int child_run(struct arena *arena, const struct child_request *request, struct child_result *ret, struct error *error)
	MUST_CHECK;

/* The same, and a non-zero exit status is an error (-EIO) that quotes the last line the program wrote to stderr. */
int child_run_ok(struct arena *arena, const struct child_request *request, struct child_result *ret,
		 struct error *error) MUST_CHECK;

/*
 * Starts a program that goes on by itself, its standard output and error joined into the pipe `ret_output` (close it),
 * standard input from /dev/null. It leads a process group of its own, so that Ctrl-C on the terminal reaches only us.
 */
int child_start(const char *const *argv, pid_t *ret_pid, int *ret_output, struct error *error) MUST_CHECK;

/* Kills a child that was started and its process group, and waits for it. Returns its status as in child_result. */
int child_stop(pid_t pid);

/* The absolute path of a program found in PATH, or NULL. */
const char *child_find_program(struct arena *arena, const char *name);
