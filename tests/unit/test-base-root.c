/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/root.h"

#define NOBODY 65534
#define LARGE_SIZE ((off_t)65 * 1024 * 1024)

/* FOLDER/root is the root of a machine; FOLDER/secret lies outside. */
static void make_machine(void **state, struct root *root)
{
	put_directory(state, "root/sys/bus");
	put_directory(state, "root/etc");
	put_file(state, "root/etc/one", "  first line \n");
	put_file(state, "root/etc/empty", "");
	put_file(state, "secret", "SECRET");
	assert_int(root_open(root, in_folder(state, "root"), NULL), 0);
}

static void reads_files(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	struct slice text;
	char *line;
	make_machine(state, &root);
	assert_int(root.kind, ROOT_OFFLINE);
	assert_int(root_read(&root, &arena, "/etc/one", &text, NULL), 0);
	assert_slice(text, "  first line \n");
	assert_int(text.start[text.length], 0);
	assert_int(root_read(&root, &arena, "/etc/empty", &text, NULL), 0);
	assert_string_equal(text.start, "");
	assert_int(root_read_line(&root, &arena, "/etc/one", &line, NULL), 0);
	assert_string_equal(line, "first line");
}

static void tells_absent_from_wrong(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	struct slice text;
	struct error error;
	make_machine(state, &root);
	assert_int(root_read(&root, &arena, "/etc/none", &text, &error), -ENOENT);
	assert_contains(error.text, "/etc/none: No such file");
	assert_int(root_read(&root, &arena, "/etc/one/x", &text, &error), -ENOTDIR);
	assert_true(root_absent(-ENOENT) && root_absent(-ENOTDIR) && !root_absent(-EACCES));
	assert_int(root_read(&root, &arena, "/etc", &text, &error), -EISDIR);
	assert_int(root_open(&root, in_folder(state, "nowhere"), &error), -ENOENT);
	assert_contains(error.text, "nowhere: No such file");
	assert_int(root_open(&root, in_folder(state, "secret"), &error), -ENOTDIR);
}

/* What somebody who is not root gets, as a positive errno; 0 when the file could be read. */
static int read_as_somebody(const struct root *root, const char *path)
{
	struct arena arena = { 0 };
	struct slice text;
	struct error error;
	if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 255;
	int r = root_read(root, &arena, path, &text, &error);
	arena_release(&arena);
	return r < 0 && strstr(error.text, "Permission denied") ? -r : 0;
}

static void tells_unreadable(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	make_machine(state, &root);
	assert_int(chmod(in_folder(state, "root/etc/one"), 0), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(read_as_somebody(&root, "/etc/one"));
	int status = 0;
	assert_int(waitpid(pid, &status, 0), pid);
	assert_int(WEXITSTATUS(status), EACCES);
}

static void refuses_a_file_too_large(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	struct slice text;
	struct error error;
	make_machine(state, &root);
	put_file(state, "root/etc/large", "");
	assert_int(truncate(in_folder(state, "root/etc/large"), LARGE_SIZE), 0);
	assert_int(root_read(&root, &arena, "/etc/large", &text, &error), -EFBIG);
	assert_contains(error.text, "larger than 64 MiB");
}

/* Where a link that wants to leave the root leads instead: to the same path inside, which is not there. */
static void links_cannot_lead_outside(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	make_machine(state, &root);
	put_link(state, "root/absolute", in_folder(state, "secret"));
	put_link(state, "root/relative", "../secret");
	put_link(state, "root/etc/deep", "../../../../../../../../secret");
	put_link(state, "root/out", "..");
	put_link(state, "root/top", "/");
	put_link(state, "root/self", "/proc/self/root");
	static const char *const paths[] = { "/absolute",      "/relative",        "/etc/deep",
					     "/out/secret",    "/../secret",       "/etc/../../secret",
					     "/top/../secret", "/self/etc/passwd", "../secret" };
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct slice text;
		char *real = NULL;
		struct list names = { 0 };
		struct stat status;
		if (root_read(&root, &arena, paths[i], &text, NULL) != -ENOENT)
			fail_msg("%s leads outside", paths[i]);
		assert_int(root_real_path(&root, &arena, paths[i], &real, NULL), -ENOENT);
		assert_int(root_list(&root, &arena, paths[i], &names, NULL), -ENOENT);
		assert_int(root_stat(&root, paths[i], &status, NULL), -ENOENT);
		assert_false(root_exists(&root, paths[i]));
	}
	put_file(state, "root/secret", "inside");
	char *line;
	assert_int(root_read_line(&root, &arena, "/relative", &line, NULL), 0);
	assert_string_equal(line, "inside");
	assert_int(root_read_line(&root, &arena, "/out/secret", &line, NULL), 0);
	assert_string_equal(line, "inside");
}

/* What each reader gives for a path, as a text. */
static const char *all_answers(const struct root *root, struct arena *arena, const char *path)
{
	struct buffer text = { .arena = arena };
	struct slice content = { "", 0 };
	struct list names = { 0 };
	struct stat status = { 0 };
	struct error error = { 0 };
	char nothing[] = "";
	char *line = nothing;
	int r = root_read(root, arena, path, &content, &error);
	buffer_printf(&text, "%d %.*s %s;", r, (int)content.length, content.start, r < 0 ? error.text : "");
	r = root_read_link(root, arena, path, &line, &error);
	buffer_printf(&text, "%d %s %s;", r, line, r < 0 ? error.text : "");
	r = root_real_path(root, arena, path, &line, &error);
	buffer_printf(&text, "%d %s %s;", r, line, r < 0 ? error.text : "");
	r = root_list(root, arena, path, &names, &error);
	buffer_printf(&text, "%d %zu %s;", r, names.count, r < 0 ? error.text : "");
	r = root_stat(root, path, &status, &error);
	buffer_printf(&text, "%d %o %s;", r, status.st_mode, r < 0 ? error.text : "");
	return text.text;
}

static void a_directory_kept_open_changes_no_answer(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	make_machine(state, &root);
	put_directory(state, "root/etc/folder");
	put_file(state, "root/etc/folder/deep", "deep");
	put_file(state, "root/etcetera", "another");
	put_link(state, "root/etc/to-file", "/etc/one");
	put_link(state, "root/etc/to-folder", "folder");
	put_link(state, "root/etc/to-outside", in_folder(state, "secret"));
	put_link(state, "root/etc/up-outside", "../../../secret");
	put_link(state, "root/etc/to-itself", "to-itself");
	put_link(state, "root/way", "etc");
	static const char *const directories[] = { "/etc", "/way", "/etc/folder", "/none", "/etc/one", "/" };
	static const char *const paths[] = { "/etc/one",
					     "/etc/none",
					     "/etc/folder",
					     "/etc/to-file",
					     "/etc/to-folder",
					     "/etc/to-outside",
					     "/etc/up-outside",
					     "/etc/to-itself",
					     "/etc/folder/deep",
					     "/etc/..",
					     "/etc/.",
					     "/etc/",
					     "/etc",
					     "/etcetera",
					     "/way/to-file",
					     "/way/one",
					     "/way/../etcetera",
					     "//etc/one",
					     "/etc//one",
					     "/etc/one/" };
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		struct root inside = root_enter(&root, directories[i]);
		for (size_t j = 0; j < ARRAY_SIZE(paths); j++)
			assert_string_equal(all_answers(&inside, &arena, paths[j]),
					    all_answers(&root, &arena, paths[j]));
		root_leave(&inside);
		root_leave(&inside);
	}
}

static void a_loop_of_links_ends(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	struct slice text;
	char *real;
	make_machine(state, &root);
	put_link(state, "root/a", "/b");
	put_link(state, "root/b", "/a");
	assert_int(root_read(&root, &arena, "/a", &text, NULL), -ELOOP);
	assert_int(root_real_path(&root, &arena, "/a/c", &real, NULL), -ELOOP);
}

static void a_fifo_does_not_hold_us_up(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	struct slice text = { "", 0 };
	make_machine(state, &root);
	assert_int(mkfifo(in_folder(state, "root/etc/fifo"), 0600), 0);
	/* cmocka has no time limit; the alarm is the one. */
	alarm(10);
	assert_int(root_read(&root, &arena, "/etc/fifo", &text, NULL), -EINVAL);
	alarm(0);
}

static void reads_links_and_real_paths(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	char *target;
	struct error error;
	make_machine(state, &root);
	put_directory(state, "root/sys/devices/pci0000:00/0000:00:02.0");
	put_directory(state, "root/sys/bus/pci");
	put_link(state, "root/sys/bus/pci/0000:00:02.0", "../../devices/pci0000:00/0000:00:02.0");
	put_link(state, "root/lib", "/sys/bus");
	assert_int(root_read_link(&root, &arena, "/sys/bus/pci/0000:00:02.0", &target, NULL), 0);
	assert_string_equal(target, "../../devices/pci0000:00/0000:00:02.0");
	assert_int(root_real_path(&root, &arena, "/lib/pci/0000:00:02.0", &target, NULL), 0);
	assert_string_equal(target, "/sys/devices/pci0000:00/0000:00:02.0");
	assert_int(root_real_path(&root, &arena, "/", &target, NULL), 0);
	assert_string_equal(target, "/");
	assert_int(root_read_link(&root, &arena, "/etc/one", &target, &error), -EINVAL);
	assert_contains(error.text, "not a symbolic link");
	assert_int(root_read_link(&root, &arena, "/etc/none", &target, &error), -ENOENT);
}

static void lists_sorted(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	struct list names = { 0 };
	make_machine(state, &root);
	put_file(state, "root/sys/bus/b", "");
	put_file(state, "root/sys/bus/a", "");
	put_file(state, "root/sys/bus/.c", "");
	assert_int(root_list(&root, &arena, "/sys/bus", &names, NULL), 0);
	assert_int(names.count, 3);
	assert_string_equal(names.items[0], ".c");
	assert_string_equal(names.items[1], "a");
	assert_string_equal(names.items[2], "b");
	struct list none = { 0 };
	assert_int(root_list(&root, &arena, "/etc/one", &none, NULL), -ENOTDIR);
	put_directory(state, "root/bare");
	assert_int(root_list(&root, &arena, "/bare", &none, NULL), 0);
	assert_int(none.count, 0);
}

static void writes_nothing_offline(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	struct error error;
	char *line;
	make_machine(state, &root);
	assert_int(root_write_attribute(&root, "/etc/one", "changed", &error), -EROFS);
	assert_contains(error.text, "only a live system can be written to");
	assert_int(root_open_file(&root, "/etc/one", O_RDWR, &error), -EROFS);
	assert_int(root_read_line(&root, &arena, "/etc/one", &line, NULL), 0);
	assert_string_equal(line, "first line");
}

static void reads_and_writes_live(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	char *line;
	struct error error;
	assert_int(root_open(&root, "/", NULL), 0);
	assert_int(root.kind, ROOT_LIVE);
	assert_string_equal(root.name, "");
	put_file(state, "attribute", "old");
	const char *path = in_folder(state, "attribute");
	assert_int(root_write_attribute(&root, path, "new", NULL), 0);
	assert_int(root_read_line(&root, &arena, path, &line, NULL), 0);
	assert_string_equal(line, "new");
	assert_int(root_write_attribute(&root, in_folder(state, "none"), "x", &error), -ENOENT);
	assert_int(root_write_attribute(&root, "/dev/full", "two\nlines", &error), -ENOSPC);
	assert_string_equal(error.text, "write 'two' to /dev/full: No space left on device");
	assert_int(root_real_path(&root, &arena, "/proc/self/../self", &line, NULL), 0);
	assert_true(text_starts_with(line, "/proc/"));
	assert_int(root_read_line(&root, &arena, "/proc/self/cmdline", &line, &error), -EINVAL);
	assert_string_equal(error.text, "/proc/self/cmdline: not a line of text: it holds a NUL");
}

static void open_snapshot(void *const *state, const char *text, struct root *root)
{
	struct error error;
	put_file(state, "machine.snap", text);
	if (root_open_snapshot(root, in_folder(state, "machine.snap"), &error) < 0)
		fail_msg("%s", error.text);
}

static void reads_a_snapshot(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	struct list names = { 0 };
	struct stat status;
	char *line;
	open_snapshot(
		state,
		"nestpci snapshot 1\n[/]\nlink -> /sys/device\nsda @ block 8:16\n[/sys/device]\nclass = 0x010802 \n"
		"config: words\n\ta\nfolder/\nto -> class\ntimed @ regular 12 34\n",
		&root);
	assert_int(root.kind, ROOT_SNAPSHOT);
	assert_int(root_read_line(&root, &arena, "/link/class", &line, NULL), 0);
	assert_string_equal(line, "0x010802");
	assert_int(root_read_line(&root, &arena, "/link/config", &line, NULL), -EINVAL);
	assert_int(root_real_path(&root, &arena, "/link/to", &line, NULL), 0);
	assert_string_equal(line, "/sys/device/class");
	assert_int(root_read_link(&root, &arena, "/link/to", &line, NULL), 0);
	assert_string_equal(line, "class");
	assert_int(root_list(&root, &arena, "/link", &names, NULL), 0);
	assert_int(names.count, 5);
	assert_string_equal(names.items[1], "config");
	names.count = 0;
	assert_int(root_list_directories(&root, &arena, "/link", &names, NULL), 0);
	assert_int(names.count, 1);
	assert_string_equal(names.items[0], "folder");
	assert_int(root_stat(&root, "/sda", &status, NULL), 0);
	assert_true(S_ISBLK(status.st_mode) && status.st_rdev == makedev(8, 16));
	assert_int(root_stat(&root, "/link/timed", &status, NULL), 0);
	assert_true(S_ISREG(status.st_mode) && status.st_size == 12 && status.st_mtime == 34);
	assert_int(root_stat(&root, "/link", &status, NULL), 0);
	assert_true(S_ISDIR(status.st_mode));
}

static void says_what_a_snapshot_does_not_hold(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	struct list names = { 0 };
	struct error error;
	char *line;
	open_snapshot(state,
		      "nestpci snapshot 1\npartial\n[/a]\nunread ?\ndenied ! EACCES\nhidden/ ! EPERM\nlink ->\n"
		      "node @ char 1:3\n- gone\n",
		      &root);
	assert_int(root_read_line(&root, &arena, "/a/unread", &line, &error), -ENODATA);
	assert_contains(error.text, "machine.snap:/a/unread: is there; what it holds was not read");
	assert_true(root_exists(&root, "/a/unread"));
	assert_int(root_read_line(&root, &arena, "/a/denied", &line, &error), -EACCES);
	assert_contains(error.text, "machine.snap:/a/denied: Permission denied");
	assert_true(root_exists(&root, "/a/denied"));
	assert_int(root_list(&root, &arena, "/a/hidden", &names, &error), -EPERM);
	assert_int(root_list(&root, &arena, "/a", &names, &error), -ENODATA);
	assert_contains(error.text, "machine.snap:/a: not known");
	assert_int(root_list(&root, &arena, "/a/unread", &names, &error), -ENOTDIR);
	assert_int(root_read_link(&root, &arena, "/a/link", &line, &error), -ENODATA);
	assert_int(root_read_link(&root, &arena, "/a/unread", &line, &error), -EINVAL);
	assert_int(root_read_line(&root, &arena, "/a/node", &line, &error), -EINVAL);
	assert_contains(error.text, "not a regular file");
	assert_int(root_read_line(&root, &arena, "/a", &line, &error), -EISDIR);
	assert_int(root_read_line(&root, &arena, "/a/gone", &line, &error), -ENOENT);
	assert_int(root_read_line(&root, &arena, "/a/other", &line, &error), -ENODATA);
	assert_false(root_exists(&root, "/a/other"));
}

static int never_asked(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	(void)arena;
	(void)what;
	(void)ret;
	(void)error;
	fail_msg("a snapshot was asked");
	return 0;
}

static void a_snapshot_answers_as_it_was_answered(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	struct error error;
	const char *text;
	open_snapshot(state,
		      "nestpci snapshot 1\nask kvm/nested_state = 16\nask log:\n\tone\n\ttwo\n"
		      "ask claimed/dev/sda ! EBUSY taken\nask silent ! EIO\nask odd: words\n\ta\n",
		      &root);
	assert_int(root_ask(&root, &arena, "kvm/nested_state", never_asked, NULL, &text, &error), 0);
	assert_string_equal(text, "16");
	assert_int(root_ask(&root, &arena, "log", never_asked, NULL, &text, &error), 0);
	assert_string_equal(text, "one\ntwo\n");
	assert_int(root_ask(&root, &arena, "claimed/dev/sda", never_asked, NULL, &text, &error), -EBUSY);
	assert_string_equal(error.text, "taken");
	assert_int(root_ask(&root, &arena, "silent", never_asked, NULL, &text, &error), -EIO);
	assert_contains(error.text, "machine.snap: silent: Input/output error");
	assert_int(root_ask(&root, &arena, "odd", never_asked, NULL, &text, &error), -EINVAL);
	assert_int(root_ask(&root, &arena, "other", never_asked, NULL, &text, &error), -ENODATA);
	assert_contains(error.text, "machine.snap: other: not known: this was not asked");
}

static void a_snapshot_is_for_reading(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ROOT offline = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	struct error error;
	const char *text;
	open_snapshot(state, "nestpci snapshot 1\n[/etc]\none = 1\n", &root);
	assert_int(root_open_file(&root, "/etc/one", O_RDONLY, &error), -ENOTSUP);
	assert_contains(error.text, "machine.snap:/etc/one: a snapshot has no files that could be opened");
	assert_int(root_write_attribute(&root, "/etc/one", "2", &error), -EROFS);
	open_snapshot(state, "nestpci snapshot 1\noffline\nask x = 1\n", &offline);
	assert_int(offline.kind, ROOT_OFFLINE);
	assert_int(root_ask(&offline, &arena, "x", never_asked, NULL, &text, &error), -ENOTSUP);
}

/* openat2(2) gives up where something is renamed while it goes by "..". */
static void is_not_put_off_by_renames(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	char *line;
	make_machine(state, &root);
	assert_int(symlink("../../../../root/etc/../etc/../etc/one", in_folder(state, "root/sys/bus/link")), 0);
	put_directory(state, "root/root");
	assert_int(symlink("../etc", in_folder(state, "root/root/etc")), 0);
	char *from = strdup(in_folder(state, "a"));
	char *to = strdup(in_folder(state, "b"));
	put_directory(state, "a");
	pid_t pid = fork();
	if (pid == 0)
		for (;;) {
			(void)!rename(from, to);
			(void)!rename(to, from);
		}
	for (int i = 0; i < 20000; i++)
		if (root_read_line(&root, &arena, "/sys/bus/link", &line, NULL) < 0) {
			kill(pid, SIGKILL);
			fail_msg("look %d: %s", i, strerror(errno));
		}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	free(from);
	free(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(reads_files),
		test_in_folder(tells_absent_from_wrong),
		test_in_folder(tells_unreadable),
		test_in_folder(refuses_a_file_too_large),
		test_in_folder(links_cannot_lead_outside),
		test_in_folder(a_directory_kept_open_changes_no_answer),
		test_in_folder(a_loop_of_links_ends),
		test_in_folder(a_fifo_does_not_hold_us_up),
		test_in_folder(reads_links_and_real_paths),
		test_in_folder(lists_sorted),
		test_in_folder(writes_nothing_offline),
		test_in_folder(reads_and_writes_live),
		test_in_folder(reads_a_snapshot),
		test_in_folder(says_what_a_snapshot_does_not_hold),
		test_in_folder(a_snapshot_answers_as_it_was_answered),
		test_in_folder(is_not_put_off_by_renames),
		test_in_folder(a_snapshot_is_for_reading),
	};
	return cmocka_run_group_tests_name("base-root", tests, NULL, NULL);
}
