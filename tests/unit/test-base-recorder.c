/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/recorder.h"

#define HEAD "nestpci snapshot 1\npartial\noffline\n"

static void make_machine(void **state, struct root *root)
{
	put_directory(state, "root/sys/devices/pci0/00:02.0");
	put_directory(state, "root/sys/bus/pci/devices");
	put_directory(state, "root/etc");
	put_directory(state, "root/empty");
	put_link(state, "root/sys/bus/pci/devices/00:02.0", "../../../devices/pci0/00:02.0");
	put_file(state, "root/sys/devices/pci0/00:02.0/class", "0x010802\n");
	put_file(state, "root/sys/devices/pci0/00:02.0/config", "config");
	put_file(state, "root/etc/one", "first line \n");
	put_link(state, "root/etc/absolute", "/etc/one");
	put_link(state, "root/etc/nowhere", "none");
	put_link(state, "root/etc/loop", "loop");
	assert_int(mkfifo(in_folder(state, "root/etc/fifo"), 0600), 0);
	assert_int(root_open(root, in_folder(state, "root"), NULL), 0);
}

static void assert_recorded(const struct recorder *recorder, const char *wanted)
{
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	snapshot_write(&recorder->snapshot, &text);
	assert_string_equal(text.text, wanted);
}

static void notes_what_is_read_where_it_really_is(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	AUTO_RECORDER recorder = { 0 };
	char *line;
	make_machine(state, &root);
	recorder_start(&recorder, &root);
	assert_int(root_read_line(&root, &arena, "/sys/bus/pci/devices/00:02.0/class", &line, NULL), 0);
	assert_int(root_read_line(&root, &arena, "/etc/absolute", &line, NULL), 0);
	assert_recorded(&recorder, HEAD "\n[/etc]\nabsolute -> /etc/one\none: escaped\n\tfirst line \\n\n"
					"\n[/sys/bus/pci/devices]\n00:02.0 -> ../../../devices/pci0/00:02.0\n"
					"\n[/sys/devices/pci0/00:02.0]\nclass = 0x010802\n");
}

static void pick_second_lines(struct slice text, struct buffer *kept)
{
	struct slice line;
	while (slice_next_line(&text, &line))
		if (slice_starts_with(line, "second"))
			buffer_add_line(kept, line);
}

static void notes_of_a_long_file_what_was_picked(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	AUTO_RECORDER recorder = { 0 };
	struct slice text;
	make_machine(state, &root);
	put_file(state, "root/etc/two", "first\nsecond\nthird\nsecond again");
	recorder_start(&recorder, &root);
	assert_int(root_read_excerpt(&root, &arena, "/etc/two", pick_second_lines, &text, NULL), 0);
	assert_string_equal(text.start, "second\nsecond again\n");
	assert_int(text.length, strlen(text.start));
	/* Nothing picked is another thing than no file. */
	assert_int(root_read_excerpt(&root, &arena, "/etc/one", pick_second_lines, &text, NULL), 0);
	assert_string_equal(text.start, "");
	assert_int(root_read_excerpt(&root, &arena, "/etc/none", pick_second_lines, &text, NULL), -ENOENT);
	assert_recorded(&recorder, HEAD "\n[/etc]\none:\ntwo:\n\tsecond\n\tsecond again\n- none\n");
}

static void notes_what_is_not_there(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	AUTO_RECORDER recorder = { 0 };
	char *line;
	make_machine(state, &root);
	recorder_start(&recorder, &root);
	assert_int(root_read_line(&root, &arena, "/etc/two", &line, NULL), -ENOENT);
	assert_int(root_read_line(&root, &arena, "/none/deep/down", &line, NULL), -ENOENT);
	assert_int(root_read_line(&root, &arena, "/etc/one/x", &line, NULL), -ENOTDIR);
	assert_int(root_read_line(&root, &arena, "/etc/nowhere", &line, NULL), -ENOENT);
	assert_int(root_read_line(&root, &arena, "/etc/loop", &line, NULL), -ELOOP);
	assert_false(root_exists(&root, "/sys/bus/pci/devices/00:02.0/driver"));
	assert_recorded(&recorder, HEAD "\n[/]\n- none\n\n[/etc]\nloop -> loop\nnowhere -> none\none ?\n- none two\n"
					"\n[/sys/bus/pci/devices]\n00:02.0 -> ../../../devices/pci0/00:02.0\n"
					"\n[/sys/devices/pci0/00:02.0]\n- driver\n");
}

static void notes_lists_links_and_kinds(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	AUTO_RECORDER recorder = { 0 };
	struct list names = { 0 };
	char *target;
	struct stat status;
	make_machine(state, &root);
	recorder_start(&recorder, &root);
	assert_int(root_list(&root, &arena, "/etc", &names, NULL), 0);
	assert_int(names.count, 5);
	assert_int(root_list(&root, &arena, "/empty", &names, NULL), 0);
	assert_int(root_list_directories(&root, &arena, "/sys/devices", &names, NULL), 0);
	assert_int(root_read_link(&root, &arena, "/etc/nowhere", &target, NULL), 0);
	assert_int(root_real_path(&root, &arena, "/sys/bus/pci/devices/00:02.0", &target, NULL), 0);
	assert_int(root_stat(&root, "/etc/fifo", &status, NULL), 0);
	assert_recorded(&recorder,
			HEAD "\n[/empty]\n- *\n\n[/etc]\nabsolute ->\nfifo @ fifo\nloop ->\nnowhere -> none\n"
			     "one ?\n- *\n"
			     "\n[/sys/bus/pci/devices]\n00:02.0 -> ../../../devices/pci0/00:02.0\n"
			     "\n[/sys/devices]\n- *\n\n[/sys/devices/pci0]\n00:02.0/\n");
}

static void size_and_time_matter_outside_sysfs_only(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	AUTO_RECORDER recorder = { 0 };
	struct stat status;
	char *line;
	const struct timespec times[2] = { { 5, 0 }, { 7, 0 } };
	make_machine(state, &root);
	assert_int(utimensat(AT_FDCWD, in_folder(state, "root/etc/one"), times, 0), 0);
	recorder_start(&recorder, &root);
	assert_int(root_stat(&root, "/etc/absolute", &status, NULL), 0);
	assert_int(root_stat(&root, "/sys/devices/pci0/00:02.0/class", &status, NULL), 0);
	assert_true(root_exists(&root, "/sys/devices/pci0/00:02.0/config"));
	assert_int(root_read_line(&root, &arena, "/sys/devices/pci0/00:02.0/config", &line, NULL), 0);
	assert_recorded(&recorder, HEAD "\n[/etc]\nabsolute -> /etc/one\none @ regular 12 7\n"
					"\n[/sys/devices/pci0/00:02.0]\nclass ?\nconfig: escaped\n\tconfig\n");
}

/* What somebody who is not root is refused, he finds refused in the snapshot. */
static int record_as_somebody(const struct root *root)
{
	struct arena arena = { 0 };
	struct list names = { 0 };
	char *line;
	struct buffer text = { .arena = &arena };
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		return 255;
	if (root_read_line(root, &arena, "/etc/one", &line, NULL) != -EACCES ||
	    root_list(root, &arena, "/empty", &names, NULL) != -EACCES ||
	    root_read_line(root, &arena, "/sys/devices/pci0/x", &line, NULL) != -EACCES)
		return 1;
	snapshot_write(&root->recorder->snapshot, &text);
	int r = strcmp(text.text, HEAD "\n[/]\nempty/ ! EACCES\n\n[/etc]\none ! EACCES\n"
				       "\n[/sys/devices]\npci0/ ! EACCES\n");
	if (r)
		fputs(text.text, stderr);
	arena_release(&arena);
	return r ? 2 : 0;
}

static void notes_what_is_refused(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_RECORDER recorder = { 0 };
	int status = 0;
	make_machine(state, &root);
	assert_int(chmod((const char *)*state, 0755), 0);
	assert_int(chmod(in_folder(state, "root/etc/one"), 0), 0);
	assert_int(chmod(in_folder(state, "root/empty"), 0), 0);
	assert_int(chmod(in_folder(state, "root/sys/devices/pci0"), 0), 0);
	recorder_start(&recorder, &root);
	pid_t pid = fork();
	if (pid == 0) {
		int r = record_as_somebody(&root);
		recorder_release(&recorder);
		_exit(r);
	}
	assert_int(waitpid(pid, &status, 0), pid);
	assert_int(WEXITSTATUS(status), 0);
	assert_int(chmod(in_folder(state, "root/empty"), 0755), 0);
	assert_int(chmod(in_folder(state, "root/sys/devices/pci0"), 0755), 0);
}

static int ask_well(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	*ret = arena_printf(arena, "%s\nand more", (const char *)what);
	return error_set(error, 0, "unused");
}

static int ask_badly(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	(void)arena;
	(void)what;
	(void)ret;
	return error_set(error, -EBUSY, "held by\n\033[1msomebody");
}

static void notes_answers_and_refusals(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	AUTO_RECORDER recorder = { 0 };
	const char *answer;
	struct error error;
	(void)state;
	assert_int(root_open(&root, NULL, NULL), 0);
	recorder_start(&recorder, &root);
	assert_int(root_ask(&root, &arena, "kvm/api", ask_well, "12", &answer, NULL), 0);
	assert_string_equal(answer, "12\nand more");
	assert_int(root_ask(&root, &arena, "claimed/dev/a b", ask_badly, NULL, &answer, &error), -EBUSY);
	assert_recorded(&recorder, "nestpci snapshot 1\npartial\nask claimed/dev/a%20b ! EBUSY held by??[1msomebody\n"
				   "ask kvm/api: escaped\n\t12\\n\n\tand more\n");
}

static void proc_self_is_nobody(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	AUTO_RECORDER recorder = { 0 };
	struct slice text;
	struct snapshot_node *node;
	(void)state;
	assert_int(root_open(&root, NULL, NULL), 0);
	recorder_start(&recorder, &root);
	assert_int(root_read(&root, &arena, "/proc/mounts", &text, NULL), 0);
	assert_int(snapshot_walk(&recorder.snapshot, "/proc/mounts", true, &node), 0);
	assert_string_equal(snapshot_path(&arena, node), "/proc/self/mounts");
	assert_int(node->length, text.length);
}

/* The kernel does not follow such links by their text, and where that leads is nobody's business. */
static void what_a_process_has_open_is_noted_without_its_path(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ROOT replay = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	AUTO_RECORDER recorder = { 0 };
	struct buffer text = { .arena = &arena };
	struct stat status;
	char *target;
	put_file(state, "private", "x");
	AUTO_CLOSE int file = open(in_folder(state, "private"), O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int gone = memfd_create("memory", MFD_CLOEXEC);
	assert_int(root_open(&root, NULL, NULL), 0);
	recorder_start(&recorder, &root);
	const int fds[] = { file, null, gone };
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		const char *path = arena_printf(&arena, "/proc/self/fd/%d", fds[i]);
		assert_int(root_read_link(&root, &arena, path, &target, NULL), 0);
		assert_int(root_stat(&root, path, &status, NULL), 0);
	}
	snapshot_write(&recorder.snapshot, &text);
	struct snapshot_node *node;
	assert_int(snapshot_walk(&recorder.snapshot, in_folder(state, "private"), true, &node), -ENODATA);
	put_file(state, "machine.snap", text.text);
	assert_int(root_open_snapshot(&replay, in_folder(state, "machine.snap"), NULL), 0);
	assert_int(root_stat(&replay, arena_printf(&arena, "/proc/self/fd/%d", file), &status, NULL), 0);
	assert_true(S_ISREG(status.st_mode));
	assert_int(root_stat(&replay, arena_printf(&arena, "/proc/self/fd/%d", gone), &status, NULL), 0);
	assert_true(S_ISREG(status.st_mode));
	const char *path = arena_printf(&arena, "/proc/self/fd/%d", null);
	assert_int(root_stat(&replay, path, &status, NULL), 0);
	assert_true(S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3));
	assert_int(root_read_link(&replay, &arena, path, &target, NULL), 0);
	assert_string_equal(target, "/dev/null");
}

static void what_is_not_to_be_recorded_is_not(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	AUTO_RECORDER recorder = { 0 };
	char *line;
	make_machine(state, &root);
	recorder_start(&recorder, &root);
	const struct root quiet = root_unrecorded(&root);
	assert_int(root_read_line(&quiet, &arena, "/etc/one", &line, NULL), 0);
	assert_recorded(&recorder, HEAD);
	recorder_note_read(&root, "/etc/absolute", 0, &(struct slice){ "an excerpt\n", 11 });
	assert_recorded(&recorder, HEAD "\n[/etc]\nabsolute -> /etc/one\none = an excerpt\n");
	/* What was noted first stays. */
	assert_int(root_read_line(&root, &arena, "/etc/one", &line, NULL), 0);
	assert_recorded(&recorder, HEAD "\n[/etc]\nabsolute -> /etc/one\none = an excerpt\n");
}

/* Everything that a reader can be told, asked of a root and of what was recorded of it: the same. */
static void compare_readers(const struct root *left, const struct root *right, const char *path)
{
	AUTO_ARENA arena = { 0 };
	struct slice texts[2] = { { "", 0 }, { "", 0 } };
	char none[] = "";
	char *lines[2] = { none, none };
	struct list names[2] = { { 0 }, { 0 } };
	struct stat status[2] = { { 0 }, { 0 } };
	int r = root_read(left, &arena, path, &texts[0], NULL);
	assert_int(root_read(right, &arena, path, &texts[1], NULL), r);
	assert_int(texts[0].length, texts[1].length);
	assert_memory_equal(texts[0].start, texts[1].start, texts[0].length + 1);
	r = root_read_link(left, &arena, path, &lines[0], NULL);
	assert_int(root_read_link(right, &arena, path, &lines[1], NULL), r);
	assert_string_equal(lines[0], lines[1]);
	r = root_real_path(left, &arena, path, &lines[0], NULL);
	assert_int(root_real_path(right, &arena, path, &lines[1], NULL), r);
	assert_string_equal(lines[0], lines[1]);
	r = root_list(left, &arena, path, &names[0], NULL);
	assert_int(root_list(right, &arena, path, &names[1], NULL), r);
	r = root_list_directories(left, &arena, path, &names[0], NULL);
	assert_int(root_list_directories(right, &arena, path, &names[1], NULL), r);
	assert_int(names[0].count, names[1].count);
	for (size_t i = 0; i < names[0].count; i++)
		assert_string_equal(names[0].items[i], names[1].items[i]);
	r = root_stat(left, path, &status[0], NULL);
	assert_int(root_stat(right, path, &status[1], NULL), r);
	assert_int(status[0].st_mode & S_IFMT, status[1].st_mode & S_IFMT);
	assert_int(status[0].st_rdev, status[1].st_rdev);
	assert_int(root_exists(left, path), root_exists(right, path));
}

static const char *const paths[] = {
	"/",
	"/etc",
	"/etc/one",
	"/etc/one/",
	"/etc/one/x",
	"/etc/two",
	"/etc/fifo",
	"/etc/loop",
	"/etc/loop/x",
	"/etc/nowhere",
	"/etc/..",
	"/../etc",
	"/etc/absolute",
	"/etc/absolute/",
	"/sys/bus/pci/devices",
	"/sys/bus/pci/devices/00:02.0",
	"/sys/bus/pci/devices/00:02.0/..",
	"/sys/bus/pci/devices/00:02.0/class",
	"/empty",
	"/empty/",
	"",
	"etc/one",
	"/none/x",
};

static void a_replay_gives_what_was_read(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ROOT replay = ROOT_NONE;
	AUTO_ARENA arena = { 0 };
	AUTO_RECORDER recorder = { 0 };
	struct buffer text = { .arena = &arena };
	struct error error;
	make_machine(state, &root);
	recorder_start(&recorder, &root);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		compare_readers(&root, &root, paths[i]);
	snapshot_write(&recorder.snapshot, &text);
	put_file(state, "machine.snap", text.text);
	if (root_open_snapshot(&replay, in_folder(state, "machine.snap"), &error) < 0)
		fail_msg("%s", error.text);
	assert_int(replay.kind, ROOT_OFFLINE);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		compare_readers(&root, &replay, paths[i]);
	char *line;
	assert_int(root_read_line(&replay, &arena, "/sys/class/none", &line, &error), -ENODATA);
	assert_contains(error.text, "machine.snap:/sys/class/none: not known: this was not looked at");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(notes_what_is_read_where_it_really_is),
		test_in_folder(notes_of_a_long_file_what_was_picked),
		test_in_folder(notes_what_is_not_there),
		test_in_folder(notes_lists_links_and_kinds),
		test_in_folder(size_and_time_matter_outside_sysfs_only),
		test_in_folder(notes_what_is_refused),
		cmocka_unit_test(notes_answers_and_refusals),
		cmocka_unit_test(proc_self_is_nobody),
		test_in_folder(what_a_process_has_open_is_noted_without_its_path),
		test_in_folder(what_is_not_to_be_recorded_is_not),
		test_in_folder(a_replay_gives_what_was_read),
	};
	return cmocka_run_group_tests_name("base-recorder", tests, NULL, NULL);
}
