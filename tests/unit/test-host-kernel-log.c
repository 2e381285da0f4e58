/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/kernel-log.h"

#include "test-host.h"

#define FIRST "[    0.000000] host kernel: Linux version 6.8.12-4-pve (build@proxmox)\n"
#define SECOND "[    0.100000] host kernel: DMAR: IOMMU enabled\n"

/* A journalctl of our own, first on PATH, that prints the rest of its script. */
static void fake_journal(void *const *state, const char *output)
{
	char script[1024];
	snprintf(script, sizeof(script), "#!/bin/sh\n[ \"$*\" = '-k -b -o short-monotonic --no-pager' ] || exit 9\n%s",
		 output);
	fake_file(state, "/bin/journalctl", script);
	assert_int(chmod(in_folder(state, "/bin/journalctl"), 0755), 0);
	char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", in_folder(state, "/bin"));
	setenv("PATH", path, 1);
}

static void read_live(struct arena *arena, struct kernel_log *ret)
{
	AUTO_ROOT root = ROOT_NONE;
	assert_int(root_open(&root, NULL, NULL), 0);
	kernel_log_read(&root, arena, ret);
}

static void takes_a_whole_journal(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct kernel_log log;
	fake_journal(state, "printf '%s\\n' '" FIRST SECOND "'\n");
	read_live(&arena, &log);
	assert_true(fact_known(&log.source));
	assert_string_equal(log.source.path, "journalctl -k -b");
	assert_true(log.complete);
	assert_contains(log.text.start, "DMAR: IOMMU enabled");
}

/* The ring buffer may have the start (it is this machine's: who knows), or else the journal stays. */
static void a_journal_without_the_start_is_not_whole(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct kernel_log log;
	fake_journal(state, "printf '%s\\n' '" SECOND "'\n");
	read_live(&arena, &log);
	assert_true(fact_known(&log.source));
	assert_string_equal(log.source.path, log.complete ? "/dev/kmsg" : "journalctl -k -b");
}

static void without_a_journal_the_ring_is_read(void **state)
{
	static const char *const scripts[] = { "echo '-- No entries --'\n", "exit 1\n" };
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		AUTO_ARENA arena = { 0 };
		struct kernel_log log;
		fake_journal(state, scripts[i]);
		read_live(&arena, &log);
		assert_string_equal(log.source.path, "/dev/kmsg");
		if (fact_known(&log.source) && log.text.length)
			assert_int(log.text.start[0], '[');
		if (!fact_known(&log.source))
			assert_false(log.complete);
	}
}

static void a_system_that_does_not_run_has_no_log(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct kernel_log log;
	open_fake(state, &root);
	kernel_log_read(&root, &arena, &log);
	assert_int(log.source.state, FACT_UNREADABLE);
	assert_false(log.complete);
	assert_int(log.text.length, 0);
}

static struct kernel_log read_file(void *const *state, struct arena *arena, const char *content)
{
	struct kernel_log log;
	struct error error;
	put_file(state, "log", content);
	if (kernel_log_read_file(arena, in_folder(state, "log"), &log, &error) < 0)
		fail_msg("%s", error.text);
	return log;
}

static void a_file_is_whole_when_the_first_message_is_in_it(void **state)
{
	AUTO_ARENA arena = { 0 };
	assert_true(read_file(state, &arena, FIRST SECOND).complete);
	assert_true(read_file(state, &arena, "[    0.000000] Linux version 6.1\n").complete);
	assert_true(read_file(state, &arena, "Linux version 6.1\n").complete);
	assert_true(read_file(state, &arena, "x\nLinux version 6.1\n").complete);
	assert_true(read_file(state, &arena, "Nov 1 10:00:00 pve kernel: [    0.000000] Linux version 6.1\n").complete);
	assert_false(read_file(state, &arena, SECOND).complete);
	assert_false(read_file(state, &arena, "").complete);
	/* Somebody speaks of it. */
	assert_false(read_file(state, &arena, "[ 9.0] x: on Linux version 6.1\n").complete);
	struct kernel_log log = read_file(state, &arena, SECOND);
	assert_slice(log.text, SECOND);
	assert_contains(log.source.path, "/log");
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct kernel_log log;
	struct error error;
	assert_int(kernel_log_read_file(&arena, in_folder(state, "none"), &log, &error), -ENOENT);
	assert_contains(error.text, "/none: No such file");
	assert_int(kernel_log_read_file(&arena, in_folder(state, ""), &log, &error), -EISDIR);
}

static void reads_standard_input(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct kernel_log log;
	put_file(state, "log", FIRST);
	int saved = dup(STDIN_FILENO);
	AUTO_CLOSE int fd = open(in_folder(state, "log"), O_RDONLY | O_CLOEXEC);
	assert_int(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	int r = kernel_log_read_file(&arena, "-", &log, NULL);
	if (saved >= 0) {
		(void)dup2(saved, STDIN_FILENO);
		close(saved);
	}
	assert_int(r, 0);
	assert_string_equal(log.source.path, "standard input");
	assert_true(log.complete);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(takes_a_whole_journal),
		test_in_folder(a_journal_without_the_start_is_not_whole),
		test_in_folder(without_a_journal_the_ring_is_read),
		test_in_folder(a_system_that_does_not_run_has_no_log),
		test_in_folder(a_file_is_whole_when_the_first_message_is_in_it),
		test_in_folder(a_file_that_is_not_there_is_an_error),
		test_in_folder(reads_standard_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
