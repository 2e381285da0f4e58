/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spawn-bench PAIRS WRAPPER JUST-EXEC WORD...
 *
 * Starts the two programs with the same words, by turns, PAIRS times each, and takes the time from posix_spawn to the
 * end of the fake QEMU that they execute. Prints the median of each, and the ratio. A run that did not reach QEMU, or a
 * wrapper that put no vIOMMU on the line, is no measurement: exit status 1.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define WARM_UP 50

struct contestant {
	const char *name;
	const char *path;
	int wanted_status;
	uint64_t *times_ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* One run: how long it took, or 0 when it did not end as it should. */
static uint64_t run_once(const struct contestant *contestant, char **line, const posix_spawn_file_actions_t *actions)
{
	pid_t pid;
	int status = 0;
	uint64_t start = now_ns();
	int r = posix_spawn(&pid, contestant->path, actions, NULL, line, environ);
	if (r != 0) {
		fprintf(stderr, "spawn-bench: %s: %s\n", contestant->path, strerror(r));
		return 0;
	}
	if (wait4(pid, &status, 0, NULL) < 0)
		return 0;
	uint64_t took = now_ns() - start;
	if (WIFEXITED(status) && WEXITSTATUS(status) == contestant->wanted_status)
		return took;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_PLAIN)
		fprintf(stderr, "spawn-bench: %s: QEMU was reached, but without a vIOMMU: nothing to measure\n",
			contestant->path);
	else
		fprintf(stderr, "spawn-bench: %s: QEMU was not reached (wait status 0x%x)\n", contestant->path, status);
	return 0;
}

static int compare_times(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static double median_us(uint64_t *times, size_t count)
{
	qsort(times, count, sizeof(*times), compare_times);
	uint64_t middle = times[count / 2];
	return (double)middle / 1000.0;
}

static int measure(struct contestant *contestants, size_t pairs, char **line)
{
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	/* The wrapper may have something to say; it is not timed by how fast a terminal is. */
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	for (size_t i = 0; i < pairs + WARM_UP; i++) {
		for (int side = 0; side < 2; side++) {
			uint64_t took = run_once(&contestants[side], line, &actions);
			if (took == 0)
				return -1;
			if (i >= WARM_UP)
				contestants[side].times_ns[i - WARM_UP] = took;
		}
	}
	posix_spawn_file_actions_destroy(&actions);
	return 0;
}

int main(int argc, char **argv)
{
	size_t pairs = argc < 5 ? 0 : strtoul(argv[1], NULL, 10);
	if (pairs == 0) {
		fputs("Usage: spawn-bench PAIRS WRAPPER JUST-EXEC WORD...\n", stderr);
		return 2;
	}
	struct contestant contestants[2] = {
		{ "the wrapper", argv[2], STATUS_WITH_VIOMMU, calloc(pairs, sizeof(uint64_t)) },
		{ "just an exec", argv[3], STATUS_PLAIN, calloc(pairs, sizeof(uint64_t)) },
	};
	double medians[2];
	bool measured = contestants[0].times_ns && contestants[1].times_ns &&
			measure(contestants, pairs, argv + 4) == 0;
	if (!measured) {
		free(contestants[0].times_ns);
		free(contestants[1].times_ns);
		return 1;
	}
	printf("From the start to the end of a QEMU that returns at once, %d words, %zu runs each, by turns:\n",
	       argc - 4, pairs);
	for (int side = 0; side < 2; side++) {
		medians[side] = median_us(contestants[side].times_ns, pairs);
		printf("  %-14s median %7.1f us\n", contestants[side].name, medians[side]);
		free(contestants[side].times_ns);
	}
	printf("  %-14s %.2f\n", "ratio", medians[0] / medians[1]);
	return 0;
}
