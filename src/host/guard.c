/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/guard.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/recorder.h"
#include "host/signature.h"

/* What to do, and on what. */
struct call {
	int (*run)(const struct call *call, struct error *answer);
	const struct root *root;
	const char *path;
	const char *text;
	unsigned int timeout_ms;
};

/* What the child says; small enough that a pipe takes it in one piece (PIPE_BUF). */
struct reply {
	int code;
	struct error text;
};

static int run_read(const struct call *call, struct error *answer)
{
	AUTO_ARENA arena = { 0 };
	char *line;
	int r = root_read_line(call->root, &arena, call->path, &line, answer);
	if (r < 0)
		return r;
	return error_set(answer, 0, "%s", line);
}

static int run_write(const struct call *call, struct error *answer)
{
	return root_write_attribute(call->root, call->path, call->text, answer);
}

static int run_claim(const struct call *call, struct error *answer)
{
	/* Not blocking: a drive without a medium would wait for one. */
	int fd = root_open_file(call->root, call->path, O_RDONLY | O_EXCL | O_NONBLOCK | O_NOCTTY, answer);
	if (fd == -EBUSY)
		return error_set(answer, 1, "claimed");
	return fd < 0 ? fd : 0;
}

/* 1: found, and named in the answer. */
static int run_signature(const struct call *call, struct error *answer)
{
	const char *name;
	AUTO_CLOSE int fd = root_open_file(call->root, call->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, answer);
	if (fd < 0)
		return fd;
	int r = signature_find(fd, &name);
	if (r < 0)
		return error_set_errno(answer, r, "%s", call->path);
	return name ? error_set(answer, 1, "%s", name) : 0;
}

/*
 * A child that hangs must hold nothing open: not the lock, and not the streams of this process, at whose end somebody
 * may be waiting.
 */
static void close_all_but(int fd)
{
	if (fd > 0)
		syscall(SYS_close_range, 0U, (unsigned int)fd - 1, 0U);
	/* Not there before Linux 5.9. */
	if (syscall(SYS_close_range, (unsigned int)fd + 1, ~0U, 0U) == 0)
		return;
	for (int other = 0; other < 1024; other++)
		if (other != fd)
			close(other);
}

/* A child at work, and what it has to say. */
struct child {
	pid_t pid;
	int input;
};

static void __attribute__((noreturn)) run_in_child(const struct call *calls, size_t count, int output)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_all_but(output);
	for (size_t i = 0; i < count; i++) {
		struct reply reply = { 0 };
		reply.code = calls[i].run(&calls[i], &reply.text);
		if (write(output, &reply, sizeof(reply)) != (ssize_t)sizeof(reply))
			_exit(1);
	}
	_exit(0);
}

/* Makes the calls one after the other; they must stay where they are. End with end_child(). */
static int start_child(const struct call *calls, size_t count, struct child *ret, struct error *error)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set_errno(error, -errno, "%s", calls->path);
	pid_t pid = fork();
	int failed = errno;
	if (pid == 0)
		run_in_child(calls, count, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return error_set_errno(error, -failed, "%s", calls->path);
	}
	*ret = (struct child){ pid, ends[0] };
	return 0;
}

static int set_timed_out(const struct call *call, struct error *error)
{
	const char *text = call->text ? call->text : "";
	return error_set(error, -ETIMEDOUT, "%s%s%.*s%s: not done after %u s; the kernel is holding it up", call->path,
			 call->text ? " '" : "", (int)strcspn(text, "\n"), text, call->text ? "'" : "",
			 (call->timeout_ms + 999) / 1000);
}

/* Waits for the next reply. -ETIMEDOUT, or -EIO when the child ended without one. */
static int receive(const struct child *child, const struct call *call, struct reply *reply, struct error *error)
{
	uint64_t end = clock_ms() + call->timeout_ms;
	struct pollfd ready = { child->input, POLLIN, 0 };
	for (;;) {
		uint64_t now = clock_ms();
		int r = poll(&ready, 1, now < end ? (int)(end - now) : 0);
		if (r > 0)
			break;
		if (r == 0)
			return set_timed_out(call, error);
		if (errno != EINTR)
			return error_set_errno(error, -errno, "%s", call->path);
	}
	if (read(child->input, reply, sizeof(*reply)) != (ssize_t)sizeof(*reply))
		return error_set(error, -EIO, "%s: the process that was to do it ended early", call->path);
	return 0;
}

/* Not waited for for long when it hangs: then it becomes init's to wait for once this process is gone. */
static void end_child(const struct child *child)
{
	if (child->pid <= 0)
		return;
	close(child->input);
	kill(child->pid, SIGKILL);
	for (int i = 0; i < 100; i++) {
		if (waitpid(child->pid, NULL, WNOHANG) != 0)
			return;
		poll(NULL, 0, 1);
	}
}

/* Returns what `run` returned; its text is in `answer` where it failed, and where it has something to tell. */
static int guarded(const struct call *call, struct error *answer)
{
	struct child child = { 0, -1 };
	struct reply reply = { 0 };
	int r = start_child(call, 1, &child, answer);
	if (r < 0)
		return r;
	r = receive(&child, call, &reply, answer);
	end_child(&child);
	if (r < 0)
		return r;
	*answer = reply.text;
	return reply.code;
}

/* What was read is noted here: what the child notes is lost with it. */
static struct fact take_fact(const struct call *call, struct arena *arena, int code, const struct error *answer)
{
	struct slice line = slice_of(code < 0 ? "" : arena_printf(arena, "%s\n", answer->text));
	recorder_note_read(call->root, call->path, code, &line);
	return fact_of(arena, call->path, code < 0 ? NULL : arena_strdup(arena, answer->text), code, answer);
}

/* Until one hangs, which is the last then. Returns how many facts are there now. */
static size_t read_on(const struct call *calls, struct arena *arena, struct fact *const *facts, size_t count)
{
	size_t done = 0;
	struct child child = { 0, -1 };
	struct error error;
	int r = start_child(calls, count, &child, &error);
	if (r < 0) {
		for (; done < count; done++)
			*facts[done] = fact_of(arena, facts[done]->path, NULL, r, &error);
		return done;
	}
	while (r == 0 && done < count) {
		struct reply reply = { 0 };
		r = receive(&child, &calls[done], &reply, &error);
		*facts[done] = r < 0 ? take_fact(&calls[done], arena, r, &error) :
				       take_fact(&calls[done], arena, reply.code, &reply.text);
		done++;
	}
	end_child(&child);
	return done;
}

void guard_read_facts(const struct root *root, struct arena *arena, struct fact *const *facts, size_t count,
		      unsigned int timeout_ms)
{
	struct call *calls = arena_alloc_array(arena, count + 1, sizeof(*calls));
	for (size_t i = 0; i < count; i++)
		if (root->kind != ROOT_LIVE)
			*facts[i] = fact_read_line(root, arena, facts[i]->path);
		else
			calls[i] = (struct call){ run_read, root, facts[i]->path, NULL, timeout_ms };
	for (size_t i = 0; root->kind == ROOT_LIVE && i < count;)
		i += read_on(calls + i, arena, facts + i, count - i);
}

int guard_read_line(const struct root *root, struct arena *arena, const char *path, unsigned int timeout_ms, char **ret,
		    struct error *error)
{
	/* No kernel stands behind the files of another system, nor behind what is in memory. */
	if (root->kind != ROOT_LIVE)
		return root_read_line(root, arena, path, ret, error);
	struct call call = { run_read, root, path, NULL, timeout_ms };
	struct error answer;
	int r = guarded(&call, &answer);
	struct fact fact = take_fact(&call, arena, r, &answer);
	if (r < 0)
		return error_set(error, r, "%s", answer.text);
	*ret = (char *)fact.text;
	return 0;
}

int guard_write(const struct root *root, const char *path, const char *text, unsigned int timeout_ms,
		struct error *error)
{
	struct error answer;
	int r = guarded(&(struct call){ run_write, root, path, text, timeout_ms }, &answer);
	return r < 0 ? error_set(error, r, "%s", answer.text) : r;
}

/* A question to the system that runs: what the child answers, "" where it has nothing to tell. */
static int ask(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	struct error answer;
	int r = guarded(what, &answer);
	if (r < 0)
		return error_set(error, r, "%s", answer.text);
	*ret = r ? arena_strdup(arena, answer.text) : "";
	return 0;
}

int guard_is_claimed(const struct root *root, struct arena *arena, const char *node, unsigned int timeout_ms,
		     struct error *error)
{
	const char *answer;
	struct call call = { run_claim, root, node, NULL, timeout_ms };
	int r = root_ask(root, arena, arena_printf(arena, "claimed%s", node), ask, &call, &answer, error);
	return r < 0 ? r : *answer != '\0';
}

int guard_find_signature(const struct root *root, struct arena *arena, const char *node, unsigned int timeout_ms,
			 const char **ret, struct error *error)
{
	const char *answer;
	struct call call = { run_signature, root, node, NULL, timeout_ms };
	int r = root_ask(root, arena, arena_printf(arena, "signature%s", node), ask, &call, &answer, error);
	if (r < 0)
		return r;
	*ret = *answer ? answer : NULL;
	return 0;
}
