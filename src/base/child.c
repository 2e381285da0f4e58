/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* A signal can come just before poll(2) sleeps: it never sleeps longer than this. */
#define POLL_MS 200

volatile sig_atomic_t child_interrupted;

#define OUTPUT_MAX ((size_t)16 * 1024 * 1024)

/* What the child tells us when it could not become the program: the errno of execve, through a pipe that closes on success. */
static _Noreturn void fail_in_child(int report_fd, int code)
{
	(void)!write(report_fd, &code, sizeof(code));
	_exit(127);
}

static void reset_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

struct streams {
	int input;
	int output;
	int errors;
	bool alone;
};

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

static _Noreturn void become(const char *const *argv, const char *directory, struct streams streams, bool own_group,
			     int report_fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (own_group)
		setpgid(0, 0);
	reset_signals();
	if (dup2(streams.input, 0) < 0 || dup2(streams.output, 1) < 0 || dup2(streams.errors, 2) < 0)
		fail_in_child(report_fd, errno);
	if (directory && chdir(directory) < 0)
		fail_in_child(report_fd, errno);
	if (streams.alone && syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		fail_in_child(report_fd, errno);
	execvp(argv[0], (char *const *)argv);
	fail_in_child(report_fd, errno);
}

/* Forks and waits until the child has become the program, or could not. */
static int start(const char *const *argv, const char *directory, struct streams streams, bool own_group, pid_t *ret,
		 struct error *error)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return error_set_errno(error, -errno, "start %s", argv[0]);
	pid_t pid = fork();
	if (pid < 0) {
		int r = -errno;
		close(report[0]);
		close(report[1]);
		return error_set_errno(error, r, "start %s", argv[0]);
	}
	if (pid == 0)
		become(argv, directory, streams, own_group, report[1]);
	close(report[1]);
	int code = 0;
	ssize_t got = read(report[0], &code, sizeof(code));
	close(report[0]);
	if (got == (ssize_t)sizeof(code)) {
		waitpid(pid, NULL, 0);
		return error_set_errno(error, -code, "start %s", argv[0]);
	}
	*ret = pid;
	return 0;
}

static int status_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* Reads what is there; closes the descriptor (and sets it to -1) at its end. */
static void drain(int *fd, struct buffer *buffer)
{
	char block[16384];
	ssize_t got = read(*fd, block, sizeof(block));
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		close(*fd);
		*fd = -1;
		return;
	}
	size_t room = OUTPUT_MAX - buffer->length;
	buffer_add(buffer, block, (size_t)got < room ? (size_t)got : room);
}

/* Until both pipes are at their end. False when the time was up, or we were interrupted, first. */
static bool collect(int fds[2], struct buffer buffers[2], uint64_t end)
{
	while (fds[0] >= 0 || fds[1] >= 0) {
		if (child_interrupted || clock_ms() >= end)
			return false;
		struct pollfd polls[2] = { { fds[0], POLLIN, 0 }, { fds[1], POLLIN, 0 } };
		if (poll(polls, 2, POLL_MS) < 0 && errno != EINTR)
			return false;
		for (int i = 0; i < 2; i++)
			if (fds[i] >= 0 && polls[i].revents)
				drain(&fds[i], &buffers[i]);
	}
	return true;
}

/* A program may close its output and go on. False when the time was up, or we were interrupted, before it ended. */
static bool wait_for_end(pid_t pid, uint64_t end)
{
	siginfo_t info = { 0 };
	AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0) {
		if (child_interrupted || clock_ms() >= end)
			return false;
		struct pollfd ended = { fd, POLLIN, 0 };
		(void)poll(&ended, 1, POLL_MS);
	}
	return true;
}

static struct slice finish(struct buffer *buffer)
{
	if (!buffer->text)
		buffer_add(buffer, "", 0);
	return (struct slice){ buffer->text, buffer->length };
}

/* What the child reads: a file in memory, so that nobody waits for it to read. */
static int open_input(const struct child_request *request, struct error *error)
{
	if (!request->input) {
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return null < 0 ? error_set_errno(error, -errno, "start %s: /dev/null", request->argv[0]) : null;
	}
	AUTO_CLOSE int fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, -errno, "start %s: its input", request->argv[0]);
	for (const char *rest = request->input; *rest;) {
		ssize_t written = write(fd, rest, strlen(rest));
		if (written < 0 && errno != EINTR)
			return error_set_errno(error, -errno, "start %s: its input", request->argv[0]);
		rest += written < 0 ? 0 : written;
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_set_errno(error, -errno, "start %s: its input", request->argv[0]);
	return TAKE_FD(fd);
}

int child_run(struct arena *arena, const struct child_request *request, struct child_result *ret, struct error *error)
{
	int output[2];
	int errors[2];
	AUTO_CLOSE int input = open_input(request, error);
	if (input < 0)
		return input;
	if (pipe2(output, O_CLOEXEC) < 0)
		return error_set_errno(error, -errno, "start %s", request->argv[0]);
	if (pipe2(errors, O_CLOEXEC) < 0) {
		int r = -errno;
		close(output[0]);
		close(output[1]);
		return error_set_errno(error, r, "start %s", request->argv[0]);
	}
	pid_t pid = 0;
	struct streams streams = { input, request->stdout_fd > 0 ? request->stdout_fd : output[1], errors[1],
				   request->alone };
	int r = start(request->argv, request->directory, streams, true, &pid, error);
	close(output[1]);
	close(errors[1]);
	int fds[2] = { output[0], errors[0] };
	struct buffer buffers[2] = { { .arena = arena }, { .arena = arena } };
	uint64_t end = request->timeout_ms ? clock_ms() + request->timeout_ms : UINT64_MAX;
	bool in_time = r < 0 || (collect(fds, buffers, end) && wait_for_end(pid, end));
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (r < 0)
		return r;
	if (!in_time)
		kill(-pid, SIGKILL);
	int wait_status = 0;
	while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
		;
	if (child_interrupted)
		return error_set(error, -EINTR, "%s: interrupted", request->argv[0]);
	*ret = (struct child_result){
		.status = status_of(wait_status),
		.timed_out = !in_time,
		.output = finish(&buffers[0]),
		.errors = finish(&buffers[1]),
	};
	return 0;
}

/* The line that tells: one that speaks of a full disk, wherever it stands, or else the last. */
static struct slice telling_line(struct slice text)
{
	struct slice rest = slice_trim(text);
	struct slice line = { "", 0 };
	struct slice next;
	const char *full = strerror(ENOSPC);
	while (slice_next_line(&rest, &next)) {
		line = slice_trim(next);
		if (memmem(line.start, line.length, full, strlen(full)))
			break;
	}
	return line;
}

int child_run_ok(struct arena *arena, const struct child_request *request, struct child_result *ret,
		 struct error *error)
{
	int r = child_run(arena, request, ret, error);
	if (r < 0)
		return r;
	if (ret->timed_out)
		return error_set(error, -ETIMEDOUT, "%s: not done after %u s", request->argv[0],
				 request->timeout_ms / 1000);
	if (ret->status == 0)
		return 0;
	struct slice line = telling_line(ret->errors.length ? ret->errors : ret->output);
	return error_set(error, -EIO, "%s: exit status %d: %.*s", request->argv[0], ret->status,
			 line.length < 500 ? (int)line.length : 500, line.start);
}

int child_start(const char *const *argv, pid_t *ret_pid, int *ret_output, struct error *error)
{
	int output[2];
	AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || pipe2(output, O_CLOEXEC) < 0)
		return error_set_errno(error, -errno, "start %s", argv[0]);
	struct streams streams = { null, output[1], output[1], false };
	int r = start(argv, NULL, streams, true, ret_pid, error);
	close(output[1]);
	if (r < 0) {
		close(output[0]);
		return r;
	}
	*ret_output = output[0];
	return 0;
}

int child_stop(pid_t pid)
{
	int wait_status = 0;
	kill(-pid, SIGKILL);
	while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
		;
	return status_of(wait_status);
}

const char *child_find_program(struct arena *arena, const char *name)
{
	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? name : NULL;
	const char *path = getenv("PATH");
	if (!path)
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	while (*path) {
		size_t length = strcspn(path, ":");
		const char *candidate = arena_printf(arena, "%.*s/%s", (int)length, path, name);
		if (length && access(candidate, X_OK) == 0)
			return candidate;
		path += length;
		path += *path == ':';
	}
	return NULL;
}
