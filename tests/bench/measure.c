/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure PROGRAM WORD...
 *
 * Runs a program with its output thrown away, and prints three numbers: nanoseconds from its start to its end, the most
 * memory that it had (KiB), and its exit status. A small parent of its own, because a process is counted with the
 * memory of the one that it was split off (exec_mmap() in the kernel's fs/exec.c): Python's would hide its own.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	pid_t pid;
	int status = 0;
	if (argc < 2) {
		fputs("Usage: measure PROGRAM WORD...\n", stderr);
		return 2;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	int64_t start = now_ns();
	int r = posix_spawnp(&pid, argv[1], &actions, NULL, argv + 1, environ);
	if (r == 0 && wait4(pid, &status, 0, &usage) < 0)
		r = -1;
	int64_t took = now_ns() - start;
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0) {
		fprintf(stderr, "measure: %s: %s\n", argv[1], r > 0 ? strerror(r) : "lost");
		return 1;
	}
	printf("%lld %ld %d\n", (long long)took, usage.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return 0;
}
