/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/kernel-log.h"

#include <fcntl.h>

#include "base/child.h"

#define JOURNAL "journalctl -k -b"
#define KMSG "/dev/kmsg"
#define JOURNAL_LIMIT_MS 20000
#define JOURNAL_MAX ((size_t)16 * 1024 * 1024) /* as much as base/child.h takes of an output */
#define FILE_SIZE_MAX ((size_t)256 * 1024 * 1024)

/* One message of /dev/kmsg comes with each read(2): CONSOLE_EXT_LOG_MAX and PRINTKRB_RECORD_MAX (kernel/printk). */
#define RECORD_MAX 8192

/*
 * The first message of every boot, with what stands before it in the output of dmesg, journalctl and of syslog. It must
 * begin the message: programs can write into the log as well.
 */
static bool reaches_the_start(struct slice text)
{
	static const char first[] = "Linux version ";
	static const char *const before[] = { "] ", "kernel: ", "\n" };
	const char *end = text.start + text.length;
	const char *at = text.start;
	while (at && (at = memmem(at, (size_t)(end - at), first, strlen(first))) != NULL) {
		if (at == text.start)
			return true;
		for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
			size_t length = strlen(before[i]);
			if ((size_t)(at - text.start) >= length && memcmp(at - length, before[i], length) == 0)
				return true;
		}
		at++;
	}
	return false;
}

static int ask_journal(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	static const char *const argv[] = { "journalctl", "-k", "-b", "-o", "short-monotonic", "--no-pager", NULL };
	struct child_request request = { .argv = argv, .timeout_ms = JOURNAL_LIMIT_MS };
	struct child_result result;
	int r = child_run_ok(arena, &request, &result, error);
	if (r < 0)
		return r;
	/* What child_run() cut off would be missing unseen. */
	if (result.output.length >= JOURNAL_MAX)
		return error_set(error, -EFBIG, "%s: larger than %zu MiB", JOURNAL, JOURNAL_MAX >> 20);
	/* "-- No entries --": there is no journal, or none that we may read. */
	if (!result.output.length || result.output.start[0] == '-')
		return error_set(error, -ENODATA, "%s: no entries", JOURNAL);
	*ret = result.output.start;
	return 0;
}

/*
 * "6,1234,5678901,-;text" and lines of properties that begin with a blank (Documentation/ABI/testing/dev-kmsg): the text
 * as dmesg shows it. What programs wrote has a facility above the kernel's (bits 3 and up of the first number).
 */
static void add_record(struct buffer *text, const char *record)
{
	char *end;
	const char *message = strchr(record, ';');
	unsigned long long priority = strtoull(record, &end, 10);
	bool whole = *end == ',';
	(void)strtoull(end + whole, &end, 10);
	whole = whole && *end == ',';
	unsigned long long microseconds = strtoull(end + whole, &end, 10);
	if (!message || !whole || priority >= 8)
		return;
	message++;
	buffer_printf(text, "[%5llu.%06llu] %.*s\n", microseconds / 1000000, microseconds % 1000000,
		      (int)strcspn(message, "\n"), message);
}

static int ask_kmsg(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	const struct root *root = what;
	AUTO_CLOSE int fd = root_open_file(root, KMSG, O_RDONLY | O_NONBLOCK | O_NOCTTY, error);
	if (fd < 0)
		return fd;
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "");
	for (;;) {
		char record[RECORD_MAX + 1];
		ssize_t got = read(fd, record, RECORD_MAX);
		/* What came next was overwritten meanwhile, and what follows is not the log from its start. */
		if (got < 0 && errno == EPIPE) {
			text.length = 0;
			buffer_puts(&text, "");
			continue;
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			break;
		if (got < 0)
			return error_set_errno(error, -errno, "%s", KMSG);
		if (got == 0)
			break;
		record[got] = '\0';
		add_record(&text, record);
	}
	*ret = text.text;
	return 0;
}

static struct kernel_log ask(const struct root *root, struct arena *arena, const char *key, root_question *question,
			     const char *path)
{
	struct error error;
	const char *text = "";
	int r = root_ask(root, arena, key, question, root, &text, &error);
	struct kernel_log log = { .source = fact_of(arena, path, NULL, r, &error), .text = slice_of(text) };
	log.complete = fact_known(&log.source) && reaches_the_start(log.text);
	return log;
}

void kernel_log_read(const struct root *root, struct arena *arena, struct kernel_log *ret)
{
	*ret = ask(root, arena, "log/journal", ask_journal, JOURNAL);
	if (ret->complete)
		return;
	struct kernel_log ring = ask(root, arena, "log/kmsg", ask_kmsg, KMSG);
	/* A journal that is there but not whole holds more than a ring that is not whole either. */
	if (ring.complete || !fact_known(&ret->source))
		*ret = ring;
}

static int read_all(struct arena *arena, int fd, const char *name, struct slice *ret, struct error *error)
{
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "");
	for (;;) {
		char block[65536];
		ssize_t got = read(fd, block, sizeof(block));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(error, -errno, "%s", name);
		if (got == 0)
			break;
		if (text.length + (size_t)got > FILE_SIZE_MAX)
			return error_set(error, -EFBIG, "%s: larger than %zu MiB", name, FILE_SIZE_MAX >> 20);
		buffer_add(&text, block, (size_t)got);
	}
	*ret = (struct slice){ text.text, text.length };
	return 0;
}

int kernel_log_read_file(struct arena *arena, const char *path, struct kernel_log *ret, struct error *error)
{
	struct slice text = slice_of("");
	int r;
	if (strcmp(path, "-") == 0) {
		path = "standard input";
		r = read_all(arena, STDIN_FILENO, path, &text, error);
	} else {
		AUTO_ROOT root = ROOT_NONE;
		r = root_open(&root, NULL, error);
		if (r < 0)
			return r;
		AUTO_CLOSE int fd = root_open_file(&root, path, O_RDONLY | O_NOCTTY, error);
		r = fd < 0 ? fd : read_all(arena, fd, path, &text, error);
	}
	if (r < 0)
		return r;
	*ret = (struct kernel_log){ .source = { .state = FACT_KNOWN, .path = path },
				    .text = text,
				    .complete = reaches_the_start(text) };
	return 0;
}
