/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/guard.h"

#include <fcntl.h>
#include <sys/fanotify.h>

#include "base/clock.h"
#include "base/recorder.h"
#include "test-host.h"

/* A FIFO that nobody reads holds up whoever opens it for writing, as a busy driver holds up a write to `unbind`. */
static void make_fifo(const char *path)
{
	if (mkfifo(path, 0600) < 0)
		fail_msg("cannot make %s", path);
}

static void reads_and_writes(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	char *text = NULL;
	put_file(state, "attribute", "(null)\n");
	assert_int(root_open(&root, NULL, &error), 0);
	const char *path = in_folder(state, "attribute");
	assert_int(guard_read_line(&root, &arena, path, 5000, &text, &error), 0);
	assert_string_equal(text, "(null)");
	assert_int(guard_write(&root, path, "vfio-pci\n", 5000, &error), 0);
	assert_int(guard_read_line(&root, &arena, path, 5000, &text, &error), 0);
	assert_string_equal(text, "vfio-pci");
}

static void passes_errors_on(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	char *text = NULL;
	assert_int(root_open(&root, NULL, &error), 0);
	const char *path = in_folder(state, "absent");
	assert_int(guard_read_line(&root, &arena, path, 5000, &text, &error), -ENOENT);
	assert_contains(error.text, path);
	assert_int(guard_write(&root, path, "1", 5000, &error), -ENOENT);
	assert_int(guard_is_claimed(&root, &arena, path, 5000, &error), -ENOENT);
	put_file(state, "plain", "");
	assert_int(guard_is_claimed(&root, &arena, in_folder(state, "plain"), 5000, &error), 0);
}

static void a_write_that_hangs_is_left(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	const char *path = in_folder(state, "unbind");
	make_fifo(path);
	assert_int(root_open(&root, NULL, &error), 0);
	uint64_t start = clock_ms();
	assert_int(guard_write(&root, path, "0000:01:00.0", 300, &error), -ETIMEDOUT);
	assert_true(clock_ms() - start < 5000);
	assert_contains(error.text, "unbind '0000:01:00.0': not done after 1 s");
}

/*
 * Whoever opens these files hangs: a watcher of permissions (fanotify(7)) says nothing. False where this kernel or our
 * rights do not allow that; closing `ret` lets all go on.
 */
static bool hold_up(const char *const *paths, size_t count, int *ret)
{
	*ret = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; *ret >= 0 && i < count; i++)
		if (fanotify_mark(*ret, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, paths[i]) < 0)
			return false;
	return *ret >= 0;
}

static void of_many_reads_only_those_that_hang_are_left(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	put_file(state, "first", "one\n");
	put_file(state, "hangs", "two\n");
	put_file(state, "between", "(null)\n");
	put_file(state, "hangs-too", "three\n");
	put_file(state, "last", "7\n");
	struct fact facts[] = {
		{ .path = in_folder(state, "first") },     { .path = in_folder(state, "hangs") },
		{ .path = in_folder(state, "between") },   { .path = in_folder(state, "absent") },
		{ .path = in_folder(state, "hangs-too") }, { .path = in_folder(state, "last") },
	};
	struct fact *const all[] = { &facts[0], &facts[1], &facts[2], &facts[3], &facts[4], &facts[5] };
	AUTO_CLOSE int held = -1;
	assert_int(root_open(&root, NULL, NULL), 0);
	if (!hold_up((const char *const[]){ facts[1].path, facts[4].path }, 2, &held))
		skip();
	uint64_t start = clock_ms();
	guard_read_facts(&root, &arena, all, ARRAY_SIZE(all), 300);
	assert_true(clock_ms() - start < 5000);
	assert_true(fact_is(&facts[0], "one") && fact_is(&facts[2], "(null)") && fact_is(&facts[5], "7"));
	assert_int(facts[3].state, FACT_ABSENT);
	assert_int(facts[1].state, FACT_UNREADABLE);
	assert_int(facts[4].state, FACT_UNREADABLE);
	assert_false(facts[1].denied);
	assert_contains(facts[1].problem, "hangs: not done after 1 s; the kernel is holding it up");
}

#define KIB ((off_t)1024)
#define MIB (1024 * KIB)

static void signatures_are_found(void **state)
{
	static const struct {
		off_t offset;
		const char *bytes;
		size_t length;
		const char *name;
	} cases[] = {
		{ 0, "LUKS\xba\xbe", 6, "LUKS" },
		{ 0, "LUKS..", 6, NULL },
		{ 512, "LABELONE", 8, "LVM2" },
		{ 1536, "LABELONE", 8, "LVM2" },
		{ 2048, "LABELONE", 8, NULL },
		{ 4096, "\xfc\x4e\x2b\xa9", 4, "MD RAID" },
		{ 0, "\xfc\x4e\x2b\xa9", 4, "MD RAID" },
		{ 3 * MIB - 65536, "\xfc\x4e\x2b\xa9", 4, "MD RAID" }, /* 0.90 */
		{ 3 * MIB, "\xfc\x4e\x2b\xa9", 4, "MD RAID" },         /* 1.0 */
		{ 2 * MIB, "\xfc\x4e\x2b\xa9", 4, NULL },
		{ 133 * KIB, "\x0c\xb1\xba\0\0\0\0\0", 8, "ZFS" },
		{ 128 * KIB, "\0\0\0\0\0\xba\xb1\x0c", 8, "ZFS" },
		{ 127 * KIB, "\0\0\0\0\0\xba\xb1\x0c", 8, NULL },
		{ 100, "nothing", 7, NULL },
	};
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	assert_int(root_open(&root, NULL, &error), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_ARENA arena = { 0 };
		const char *name = "?";
		put_file(state, "disk", "");
		const char *path = in_folder(state, "disk");
		AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
		assert_int(ftruncate(fd, 3 * MIB + 8192), 0);
		assert_int(pwrite(fd, cases[i].bytes, cases[i].length, cases[i].offset), (ssize_t)cases[i].length);
		if (guard_find_signature(&root, &arena, path, 5000, &name, &error) < 0)
			fail_msg("%s", error.text);
		if (cases[i].name ? !text_equals(name, cases[i].name) : name != NULL)
			fail_msg("case %zu: %s", i, name ? name : "nothing");
	}
}

static void signatures_of_small_and_absent_disks(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	const char *name = "?";
	put_file(state, "disk", "x");
	assert_int(root_open(&root, NULL, &error), 0);
	assert_int(guard_find_signature(&root, &arena, in_folder(state, "disk"), 5000, &name, &error), 0);
	assert_null(name);
	assert_int(guard_find_signature(&root, &arena, in_folder(state, "absent"), 5000, &name, &error), -ENOENT);
}

/* The reading is done in a child, whose memory is not ours. */
static void what_is_read_under_guard_is_recorded(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ROOT replay = ROOT_NONE;
	AUTO_RECORDER recorder = { 0 };
	struct buffer snapshot = { .arena = &arena };
	char *text = NULL;
	put_file(state, "attribute", "(null)\n");
	assert_int(root_open(&root, NULL, NULL), 0);
	recorder_start(&recorder, &root);
	const char *path = in_folder(state, "attribute");
	assert_int(guard_read_line(&root, &arena, path, 5000, &text, NULL), 0);
	assert_int(guard_read_line(&root, &arena, in_folder(state, "absent"), 5000, &text, NULL), -ENOENT);
	snapshot_write(&recorder.snapshot, &snapshot);
	put_file(state, "machine.snap", snapshot.text);
	assert_int(root_open_snapshot(&replay, in_folder(state, "machine.snap"), NULL), 0);
	text = NULL;
	assert_int(guard_read_line(&replay, &arena, path, 5000, &text, NULL), 0);
	assert_string_equal(text, "(null)");
	assert_int(guard_read_line(&replay, &arena, in_folder(state, "absent"), 5000, &text, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(reads_and_writes),
		test_in_folder(passes_errors_on),
		test_in_folder(a_write_that_hangs_is_left),
		test_in_folder(of_many_reads_only_those_that_hang_are_left),
		test_in_folder(signatures_are_found),
		test_in_folder(signatures_of_small_and_absent_disks),
		test_in_folder(what_is_read_under_guard_is_recorded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
