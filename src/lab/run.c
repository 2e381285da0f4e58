/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/root.h"
#include "base/say.h"
#include "lab/accel.h"
#include "lab/disk.h"
#include "lab/image.h"
#include "lab/lab.h"
#include "lab/machine.h"
#include "lab/story.h"
#include "lab/verdict.h"

/* A signal can come just before poll(2) sleeps: it never sleeps longer than this. */
#define POLL_MS 200

struct run {
	struct arena *arena;
	const struct lab_options *options;
	struct lab_result *result;
	struct error *error;
	const char *directory; /* of this run: disks and logs */
	struct lab_disk disks[LAB_DISKS_MAX];
	struct story story;
	uint64_t started;
	int log;    /* the whole console, as it came */
	int status; /* of the outermost QEMU */
};

/* ---- Interruption: Ctrl-C ends the run as its end does, with everything cleaned up. ---- */

static void note_signal(int number)
{
	(void)number;
	child_interrupted = 1;
}

static void catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = note_signal };
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaction(numbers[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* ---- Progress ---- */

static uint64_t progress_started;

#define PROGRESS_INDENT 11

static void progress(const char *text)
{
	bool colour = say_in_colour(stderr);
	fprintf(stderr, "%s%7.1f s%s  ", colour ? "\033[2m" : "", (double)(clock_ms() - progress_started) / 1000,
		colour ? "\033[0m" : "");
	say_wrapped(stderr, text, PROGRESS_INDENT, PROGRESS_INDENT + 4, say_width(stderr));
}

static void level_progress(struct arena *arena, unsigned int level, const char *text)
{
	progress(arena_printf(arena, "L%u  %s", level, text));
}

/* ---- What the console says ---- */

/* Cuts whole lines off the front of what was read; what is left is the start of the next. */
static void take_lines(struct run *run, struct buffer *pending)
{
	size_t done = 0;
	for (;;) {
		const char *start = pending->text + done;
		const char *end = memchr(start, '\n', pending->length - done);
		if (!end)
			break;
		story_take(&run->story, (struct slice){ start, (size_t)(end - start) });
		done += (size_t)(end - start) + 1;
	}
	memmove(pending->text, pending->text + done, pending->length - done);
	pending->length -= done;
}

static enum follow_end follow(struct run *run, int output)
{
	uint64_t end = run->started + (uint64_t)run->options->timeout * 1000;
	struct buffer pending = { .arena = run->arena };
	for (;;) {
		uint64_t now = clock_ms();
		if (child_interrupted)
			return FOLLOW_INTERRUPTED;
		if (now >= end)
			return FOLLOW_TIMED_OUT;
		struct pollfd poll_fd = { output, POLLIN, 0 };
		if (poll(&poll_fd, 1, end - now < POLL_MS ? (int)(end - now) : POLL_MS) <= 0)
			continue;
		char block[8192];
		ssize_t got = read(output, block, sizeof(block));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return FOLLOW_ENDED;
		(void)!file_write_all(run->log, (struct slice){ block, (size_t)got });
		buffer_add(&pending, block, (size_t)got);
		take_lines(run, &pending);
		if (run->story.done)
			return FOLLOW_ENDED;
	}
}

/* ---- The run's folder ---- */

static int make_directory(struct run *run)
{
	if (run->options->keep) {
		const char *keep = run->options->keep;
		if (access(keep, F_OK) == 0)
			return error_set(run->error, -EEXIST,
					 "%s is there already; name a new directory to keep the run in", keep);
		int r = file_make_directories(keep, 0700, run->error);
		char *absolute = r == 0 ? realpath(keep, NULL) : NULL;
		if (r == 0 && !absolute)
			r = error_set_errno(run->error, -errno, "%s", keep);
		run->directory = absolute ? arena_strdup(run->arena, absolute) : keep;
		free(absolute);
		return r;
	}
	const char *parent = getenv("TMPDIR");
	char *path = arena_printf(run->arena, "%s/nestpci-lab-XXXXXX", parent && *parent ? parent : "/tmp");
	if (!mkdtemp(path))
		return error_set_errno(run->error, -errno, "make a directory for the run: %s", path);
	run->directory = path;
	return 0;
}

static void write_level_file(struct run *run, unsigned int level, const char *kind, const struct buffer *text)
{
	if (text->length)
		(void)!file_replace(arena_printf(run->arena, "%s/L%u.%s", run->directory, level, kind),
				    (struct slice){ text->text, text->length }, 0644, NULL);
}

static void write_level_files(struct run *run)
{
	for (unsigned int i = 0; i < LAB_LEVELS; i++) {
		const struct list *log = &run->story.levels[i].log;
		struct buffer text = { .arena = run->arena };
		for (size_t j = 0; j < log->count; j++)
			buffer_printf(&text, "%s\n", log->items[j]);
		write_level_file(run, i, "log", &text);
		write_level_file(run, i, "snap", &run->story.levels[i].snapshot);
	}
}

static void clean_up(struct run *run, bool keep_logs)
{
	if (run->log >= 0)
		close(run->log);
	if (run->options->keep || keep_logs) {
		write_level_files(run);
		run->result->logs = run->directory;
	}
	for (size_t i = 0; i < LAB_DISKS_MAX && !run->options->keep; i++)
		if (run->disks[i].path)
			unlink(run->disks[i].path);
	if (!run->result->logs)
		(void)!file_remove_tree(run->directory, NULL);
}

/* ---- All of it ---- */

static int check_memory(struct run *run)
{
	AUTO_ROOT root = ROOT_NONE;
	struct slice text;
	if (root_open(&root, NULL, NULL) < 0 || root_read(&root, run->arena, "/proc/meminfo", &text, NULL) < 0)
		return 0;
	const char *line = memmem(text.start, text.length, "MemAvailable:", 13);
	unsigned long long available = line ? strtoull(line + 13, NULL, 10) / 1024 : 0;
	unsigned int needed = lab_memory(run->options);
	if (line && available < needed)
		return error_set(run->error, -ENOMEM, "the lab needs %u MiB of memory, and %llu MiB are available",
				 needed, available);
	return 0;
}

static int make_disks(struct run *run)
{
	int r = 0;
	for (size_t i = 0; i < lab_disk_count(run->options->device) && r == 0; i++)
		r = lab_disk_make(run->arena, arena_printf(run->arena, "%s/disk%zu.img", run->directory, i),
				  &run->disks[i], run->error);
	return r;
}

static int start_and_follow(struct run *run, const struct lab_image *image)
{
	struct list line;
	const char *reason = NULL;
	run->result->kvm = accel_kvm_can_nest(run->arena, &reason);
	progress(run->result->kvm ? "the outermost machine runs under KVM" :
				    arena_printf(run->arena, "the outermost machine is emulated: %s", reason));
	lab_machine_line(run->arena, run->options, image, run->result->kvm, run->disks, &line);
	pid_t pid;
	int output;
	run->started = clock_ms();
	int r = child_start(line.items, &pid, &output, run->error);
	if (r < 0)
		return r;
	enum follow_end end = follow(run, output);
	close(output);
	run->status = child_stop(pid);
	run->result->seconds = (double)(clock_ms() - run->started) / 1000;
	if (end == FOLLOW_INTERRUPTED)
		return error_set(run->error, -EINTR, "interrupted");
	bool silent = true;
	for (size_t i = 0; i < LAB_LEVELS; i++)
		silent = silent && !run->story.levels[i].step;
	if (end == FOLLOW_ENDED && silent)
		return error_set(run->error, -EIO, "the outermost machine did not boot: QEMU ended with status %d: %s",
				 run->status, run->story.last_other ? run->story.last_other : "it said nothing");
	return verdict_reach(&run->story, run->options, run->disks, end, run->status, run->error);
}

static int run_in_directory(struct run *run, const struct lab_image *image)
{
	int r = make_directory(run);
	if (r < 0)
		return r;
	run->log = open(arena_printf(run->arena, "%s/console.log", run->directory), O_WRONLY | O_CREAT | O_CLOEXEC,
			0644);
	r = run->log < 0 ? error_set_errno(run->error, -errno, "%s/console.log", run->directory) : 0;
	if (r == 0)
		r = make_disks(run);
	if (r == 0)
		r = start_and_follow(run, image);
	clean_up(run, r == 0 && run->result->verdict == LAB_FAILED);
	return r;
}

/* One lab at a time builds in a cache. */
static int lock_cache(const char *cache, struct error *error)
{
	int fd = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, -errno, "%s", cache);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	progress("wait for another lab to finish its boot images");
	if (flock(fd, LOCK_EX) == 0)
		return fd;
	int r = error_set_errno(error, -errno, "lock %s", cache);
	close(fd);
	return r;
}

/* The boot images, made if they are not there, by one process at a time. */
static int get_image(struct arena *arena, const char *cache, struct lab_image *ret, struct error *error)
{
	progress_started = clock_ms();
	catch_signals();
	int r = file_make_directories(cache, 0755, error);
	if (r < 0)
		return r;
	AUTO_CLOSE int lock = lock_cache(cache, error);
	return lock < 0 ? lock : lab_get_image(arena, cache, progress, ret, error);
}

int lab_prepare(struct arena *arena, const char *cache, struct lab_boot_files *ret, struct error *error)
{
	struct lab_image image;
	int r = get_image(arena, cache, &image, error);
	if (r < 0)
		return r;
	ret->kernel = image.kernel;
	memcpy(ret->initrd, image.initrd, sizeof(ret->initrd));
	return 0;
}

int lab_run(struct arena *arena, const struct lab_options *options, struct lab_result *ret, struct error *error)
{
	*ret = (struct lab_result){ .facts = { .arena = arena } };
	struct run run = { .arena = arena, .options = options, .result = ret, .error = error, .log = -1 };
	story_start(&run.story, arena, ret, level_progress);
	struct lab_image image;
	int r = check_memory(&run);
	if (r == 0)
		r = get_image(arena, options->cache, &image, error);
	return r < 0 ? r : run_in_directory(&run, &image);
}
