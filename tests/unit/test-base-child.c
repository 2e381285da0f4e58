/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/child.h"
#include "base/clock.h"

/* A shell is what tests need to make a program misbehave; child.h itself knows of none. */
#define SHELL(script)                    \
	(const char *const[])            \
	{                                \
		"sh", "-c", script, NULL \
	}

static void captures_output_and_status(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	struct child_request request = { .argv = SHELL("echo out; echo err >&2; exit 3") };
	assert_int(child_run(&arena, &request, &result, NULL), 0);
	assert_int(result.status, 3);
	assert_false(result.timed_out);
	assert_slice(result.output, "out\n");
	assert_slice(result.errors, "err\n");
	assert_int(result.output.start[result.output.length], 0);
}

static void passes_arguments_as_they_are(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	struct child_request request = { .argv = (const char *const[]){ "printf", "<%s>", "a b", "$HOME", "", NULL } };
	assert_int(child_run(&arena, &request, &result, NULL), 0);
	assert_slice(result.output, "<a b><$HOME><>");
}

static void takes_much_output_on_both_pipes(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	struct child_request request = {
		.argv = SHELL("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero"),
	};
	assert_int(child_run(&arena, &request, &result, NULL), 0);
	assert_int(result.output.length, 600000);
	assert_int(result.errors.length, 300000);
}

static void keeps_sixteen_mebibytes(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	struct child_request request = { .argv = SHELL("head -c 17000000 /dev/zero") };
	assert_int(child_run(&arena, &request, &result, NULL), 0);
	assert_int(result.status, 0);
	assert_int(result.output.length, 16 * 1024 * 1024);
}

static void output_can_go_to_a_descriptor(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	AUTO_CLOSE int fd = open(in_folder(state, "out"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct child_request request = { .argv = SHELL("echo out; echo err >&2"), .stdout_fd = fd };
	char text[8] = "";
	assert_int(child_run(&arena, &request, &result, NULL), 0);
	assert_slice(result.output, "");
	assert_slice(result.errors, "err\n");
	assert_int(pread(fd, text, sizeof(text), 0), 4);
	assert_string_equal(text, "out\n");
}

static void works_in_a_directory(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	struct error error;
	struct child_request request = { .argv = SHELL("pwd -P"), .directory = "/proc" };
	assert_int(child_run(&arena, &request, &result, NULL), 0);
	assert_slice(result.output, "/proc\n");
	request.directory = "/nonexistent";
	assert_int(child_run(&arena, &request, &result, &error), -ENOENT);
}

static void reads_nothing_from_us(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	struct child_request request = { .argv = SHELL("cat; echo end") };
	assert_int(child_run(&arena, &request, &result, NULL), 0);
	assert_slice(result.output, "end\n");
}

static void says_when_there_is_no_such_program(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	struct error error;
	pid_t pid;
	int output;
	struct child_request request = { .argv = (const char *const[]){ "nestpci-no-such-program", NULL } };
	assert_int(child_run(&arena, &request, &result, &error), -ENOENT);
	assert_string_equal(error.text, "start nestpci-no-such-program: No such file or directory");
	assert_int(child_start(request.argv, &pid, &output, &error), -ENOENT);
	put_file(state, "not-executable", "x");
	request.argv = (const char *const[]){ in_folder(state, "not-executable"), NULL };
	assert_int(child_run(&arena, &request, &result, &error), -EACCES);
	assert_int(waitpid(-1, NULL, WNOHANG), -1);
	assert_int(errno, ECHILD);
}

static void tells_the_signal_that_killed_it(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	struct child_request request = { .argv = SHELL("kill -TERM $$") };
	assert_int(child_run(&arena, &request, &result, NULL), 0);
	assert_int(result.status, 128 + SIGTERM);
	assert_false(result.timed_out);
}

/* Runs a script that takes far too long; true when it was stopped in time. */
static void stops_in_time(const char *script, const char *output)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	struct child_request request = { .argv = SHELL(script), .timeout_ms = 300 };
	uint64_t start = clock_ms();
	assert_int(child_run(&arena, &request, &result, NULL), 0);
	uint64_t took = clock_ms() - start;
	assert_true(result.timed_out);
	assert_int(result.status, 128 + SIGKILL);
	assert_slice(result.output, output);
	assert_in_range(took, 250, 5000);
}

static void kills_what_takes_too_long(void **state)
{
	stops_in_time("echo begun; exec sleep 30", "begun\n");
}

static void kills_its_children_too(void **state)
{
	stops_in_time("sleep 30; echo never", "");
	stops_in_time("trap '' TERM INT HUP; sleep 30; sleep 30", "");
}

static void kills_what_closed_its_output(void **state)
{
	stops_in_time("echo begun; exec >&- 2>&-; sleep 30", "begun\n");
}

static void an_exit_status_can_be_an_error(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	struct error error;
	struct child_request request = { .argv = SHELL("echo first >&2; echo 'the reason' >&2; exit 4") };
	assert_int(child_run_ok(&arena, &request, &result, &error), -EIO);
	assert_string_equal(error.text, "sh: exit status 4: the reason");
	request.argv = SHELL("echo only on stdout; exit 1");
	assert_int(child_run_ok(&arena, &request, &result, &error), -EIO);
	assert_string_equal(error.text, "sh: exit status 1: only on stdout");
	request.argv = SHELL("exec sleep 30");
	request.timeout_ms = 100;
	assert_int(child_run_ok(&arena, &request, &result, &error), -ETIMEDOUT);
	request.argv = SHELL("echo fine");
	request.timeout_ms = 0;
	assert_int(child_run_ok(&arena, &request, &result, &error), 0);
}

static void starts_and_stops(void **state)
{
	pid_t pid;
	int output;
	char text[16] = "";
	assert_int(child_start(SHELL("echo up; exec sleep 30"), &pid, &output, NULL), 0);
	assert_int(read(output, text, sizeof(text)), 3);
	assert_string_equal(text, "up\n");
	assert_int(getpgid(pid), pid);
	assert_int(child_stop(pid), 128 + SIGKILL);
	assert_int(read(output, text, sizeof(text)), 0);
	close(output);
}

static void leaks_no_descriptor(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	/* What this program was given by its own parent is not our leak. */
	assert_int(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC), 0);
	int before = dup(0);
	close(before);
	for (int i = 0; i < 5; i++) {
		struct child_request request = { .argv = SHELL("ls /proc/self/fd") };
		assert_int(child_run(&arena, &request, &result, NULL), 0);
		/* 0, 1, 2, and the directory that ls itself has open. */
		assert_slice(result.output, "0\n1\n2\n3\n");
		request.argv = (const char *const[]){ "nestpci-no-such-program", NULL };
		assert_int(child_run(&arena, &request, &result, NULL), -ENOENT);
	}
	int after = dup(0);
	close(after);
	assert_int(after, before);
}

/* In a process that is about to be killed: starts a program, and tells its process id. */
static _Noreturn void start_and_wait(int report_fd)
{
	pid_t pid = 0;
	int output;
	if (child_start((const char *const[]){ "sleep", "30", NULL }, &pid, &output, NULL) < 0)
		_exit(1);
	if (write(report_fd, &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
		_exit(1);
	for (;;)
		pause();
}

static void dies_with_its_parent(void **state)
{
	int report[2];
	pid_t grandchild = 0;
	/* So that the orphan becomes ours, and we can see it end. */
	assert_int(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int(pipe(report), 0);
	pid_t parent = fork();
	if (parent == 0)
		start_and_wait(report[1]);
	assert_int(read(report[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	assert_int(kill(grandchild, 0), 0);
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	int status = 0;
	alarm(10);
	assert_int(waitpid(grandchild, &status, 0), grandchild);
	alarm(0);
	assert_true(WIFSIGNALED(status));
	assert_int(WTERMSIG(status), SIGKILL);
	close(report[0]);
	close(report[1]);
}

static void finds_programs(void **state)
{
	AUTO_ARENA arena = { 0 };
	put_file(state, "tool", "#!/bin/sh\n");
	put_file(state, "data", "x");
	assert_int(chmod(in_folder(state, "tool"), 0755), 0);
	const char *path = getenv("PATH");
	char *saved = strdup(path ? path : "/bin");
	setenv("PATH", arena_printf(&arena, "/nonexistent::%s:/bin", (const char *)*state), 1);
	assert_string_equal(child_find_program(&arena, "tool"), in_folder(state, "tool"));
	assert_string_equal(child_find_program(&arena, "sh"), "/bin/sh");
	assert_null(child_find_program(&arena, "data"));
	assert_string_equal(child_find_program(&arena, "/bin/sh"), "/bin/sh");
	assert_null(child_find_program(&arena, "/bin/nestpci-no-such-program"));
	unsetenv("PATH");
	assert_non_null(child_find_program(&arena, "sh"));
	setenv("PATH", saved, 1);
	free(saved);
}

static void gives_input(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	struct child_request request = { .argv = SHELL("cat; echo end"), .input = "a text\n" };
	assert_int(child_run(&arena, &request, &result, NULL), 0);
	assert_slice(result.output, "a text\nend\n");
}

/* More than a pipe holds, to a child that reads nothing of it. */
static void waits_for_nobody_to_read(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct child_result result;
	char *much = arena_alloc(&arena, 1000001);
	memset(much, 'x', 1000000);
	struct child_request request = { .argv = SHELL("wc -c"), .input = much };
	assert_int(child_run(&arena, &request, &result, NULL), 0);
	assert_slice(result.output, "1000000\n");
	request.argv = SHELL("exit 5");
	assert_int(child_run(&arena, &request, &result, NULL), 0);
	assert_int(result.status, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(captures_output_and_status),
		cmocka_unit_test(passes_arguments_as_they_are),
		cmocka_unit_test(takes_much_output_on_both_pipes),
		cmocka_unit_test(keeps_sixteen_mebibytes),
		test_in_folder(output_can_go_to_a_descriptor),
		cmocka_unit_test(works_in_a_directory),
		cmocka_unit_test(reads_nothing_from_us),
		cmocka_unit_test(gives_input),
		cmocka_unit_test(waits_for_nobody_to_read),
		test_in_folder(says_when_there_is_no_such_program),
		cmocka_unit_test(tells_the_signal_that_killed_it),
		cmocka_unit_test(kills_what_takes_too_long),
		cmocka_unit_test(kills_its_children_too),
		cmocka_unit_test(kills_what_closed_its_output),
		cmocka_unit_test(an_exit_status_can_be_an_error),
		cmocka_unit_test(starts_and_stops),
		cmocka_unit_test(leaks_no_descriptor),
		cmocka_unit_test(dies_with_its_parent),
		test_in_folder(finds_programs),
	};
	/* A folder that one may not look into makes "no such program" a "permission denied". */
	setenv("PATH", "/usr/bin:/bin", 1);
	return cmocka_run_group_tests_name("base-child", tests, NULL, NULL);
}
