/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/root.h"

static size_t count_entries(const char *path)
{
	AUTO_CLOSEDIR DIR *directory = opendir(path);
	size_t count = 0;
	if (!directory) {
		fail_msg("cannot list %s", path);
		return 0;
	}
	while (readdir(directory))
		count++;
	return count - 2;
}

static const char *content_of(struct arena *arena, const char *path)
{
	AUTO_ROOT root = ROOT_NONE;
	struct slice text;
	if (root_open(&root, NULL, NULL) < 0 || root_read(&root, arena, path, &text, NULL) < 0)
		return NULL;
	return text.start;
}

static void makes_and_replaces_a_file(void **state)
{
	AUTO_ARENA arena = { 0 };
	const char *path = in_folder(state, "a.conf");
	struct stat made;
	assert_int(file_replace(path, slice_of("one"), 0600, NULL), 0);
	assert_string_equal(content_of(&arena, path), "one");
	assert_int(stat(path, &made), 0);
	assert_int(made.st_mode & 07777, 0600);
	assert_int(file_replace(path, slice_of("the second"), 0644, NULL), 0);
	assert_string_equal(content_of(&arena, path), "the second");
	assert_int(file_replace(path, slice_of(""), 0644, NULL), 0);
	assert_string_equal(content_of(&arena, path), "");
	assert_int(count_entries(*state), 1);
}

static void makes_a_file_in_the_working_directory(void **state)
{
	AUTO_CLOSE int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int(chdir(*state), 0);
	int r = file_replace("plain-name", slice_of("x"), 0644, NULL);
	assert_int(fchdir(here), 0);
	assert_int(r, 0);
	assert_int(access(in_folder(state, "plain-name"), R_OK), 0);
}

static void a_reader_keeps_the_old_file_whole(void **state)
{
	const char *path = in_folder(state, "a.conf");
	char text[8] = "";
	assert_int(file_replace(path, slice_of("old"), 0644, NULL), 0);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int(file_replace(path, slice_of("new"), 0644, NULL), 0);
	assert_int(read(fd, text, sizeof(text)), 3);
	assert_string_equal(text, "old");
}

static void leaves_nothing_behind_on_failure(void **state)
{
	struct error error;
	put_directory(state, "folder/inner");
	assert_int(file_replace(in_folder(state, "folder"), slice_of("x"), 0644, &error), -EISDIR);
	assert_contains(error.text, "rename ");
	assert_int(count_entries(*state), 1);
	assert_int(file_replace(in_folder(state, "none/a"), slice_of("x"), 0644, &error), -ENOENT);
	assert_contains(error.text, in_folder(state, "none/a"));
}

static void refuses_a_path_too_long(void **state)
{
	char path[PATH_MAX + 10];
	struct error error;
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int(file_replace(path, slice_of("x"), 0644, &error), -ENAMETOOLONG);
	assert_int(file_make_directories(path, 0755, &error), -ENAMETOOLONG);
}

static bool write_to(const char *path, const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && file_write_all(fd, slice_of(text)) == 0;
}

/* Mounts that only this process sees; who is not root becomes it for that, where that is allowed. */
static bool become_root_of_name_space(void)
{
	char users[32];
	char groups[32];
	if (geteuid() == 0)
		return unshare(CLONE_NEWNS) == 0;
	snprintf(users, sizeof(users), "0 %u 1", geteuid());
	snprintf(groups, sizeof(groups), "0 %u 1", getegid());
	return unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0 && write_to("/proc/self/uid_map", users) &&
	       write_to("/proc/self/setgroups", "deny") && write_to("/proc/self/gid_map", groups);
}

/* On a file system of 64 KiB: 0 when the old file survived a replacement by 256 KiB, and nothing else is there. */
static int replace_on_a_full_disk(const char *path)
{
	static char large[(size_t)256 * 1024];
	char file[PATH_MAX];
	struct error error;
	struct arena arena = { 0 };
	if (!become_root_of_name_space() || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", path, "tmpfs", 0, "size=64k") < 0)
		return 77;
	snprintf(file, sizeof(file), "%s/a.conf", path);
	memset(large, 'x', sizeof(large));
	if (file_replace(file, slice_of("old"), 0644, &error) < 0)
		return 1;
	if (file_replace(file, (struct slice){ large, sizeof(large) }, 0644, &error) != -ENOSPC)
		return 2;
	if (!strstr(error.text, "No space left on device") || !strstr(error.text, file))
		return 3;
	const char *content = content_of(&arena, file);
	bool kept = content && strcmp(content, "old") == 0;
	arena_release(&arena);
	if (!kept)
		return 4;
	return count_entries(path) == 1 ? 0 : 5;
}

static void a_full_disk_costs_nothing(void **state)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(replace_on_a_full_disk(*state));
	int status = 0;
	assert_int(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("cannot mount a small file system: needs root, or user name spaces\n");
		skip();
	}
	assert_int(WEXITSTATUS(status), 0);
}

static void makes_directories(void **state)
{
	struct error error;
	const char *path = in_folder(state, "a/b/c");
	assert_int(file_make_directories(path, 0755, NULL), 0);
	assert_int(file_make_directories(path, 0755, NULL), 0);
	assert_int(file_make_directories(in_folder(state, "d//e/"), 0755, NULL), 0);
	assert_int(access(in_folder(state, "d/e"), X_OK), 0);
	assert_int(file_make_directories("/", 0755, NULL), 0);
	put_file(state, "file", "x");
	assert_int(file_make_directories(in_folder(state, "file"), 0755, &error), -ENOTDIR);
	assert_int(file_make_directories(in_folder(state, "file/x"), 0755, &error), -ENOTDIR);
	assert_contains(error.text, in_folder(state, "file"));
}

static void removes_files(void **state)
{
	struct error error;
	put_file(state, "a", "x");
	assert_int(file_remove(in_folder(state, "a"), NULL), 0);
	assert_int(file_remove(in_folder(state, "a"), NULL), 0);
	put_directory(state, "folder");
	assert_int(file_remove(in_folder(state, "folder"), &error), -EISDIR);
	assert_contains(error.text, "remove ");
}

static void removes_trees_and_follows_no_link(void **state)
{
	put_directory(state, "kept");
	put_file(state, "kept/file", "x");
	put_directory(state, "tree/a/b");
	put_file(state, "tree/a/b/c", "x");
	put_link(state, "tree/a/link", in_folder(state, "kept"));
	put_link(state, "tree/dangling", "/nowhere");
	assert_int(file_remove_tree(in_folder(state, "tree"), NULL), 0);
	assert_int(file_remove_tree(in_folder(state, "tree"), NULL), 0);
	assert_int(access(in_folder(state, "kept/file"), R_OK), 0);
	assert_int(count_entries(*state), 1);
}

static void writes_to_a_closed_pipe_fail(void **state)
{
	int ends[2];
	assert_int(pipe(ends), 0);
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	assert_int(file_write_all(ends[1], slice_of("x")), -EPIPE);
	signal(SIGPIPE, SIG_DFL);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(makes_and_replaces_a_file),
		test_in_folder(makes_a_file_in_the_working_directory),
		test_in_folder(a_reader_keeps_the_old_file_whole),
		test_in_folder(leaves_nothing_behind_on_failure),
		cmocka_unit_test(refuses_a_path_too_long),
		test_in_folder(a_full_disk_costs_nothing),
		test_in_folder(makes_directories),
		test_in_folder(removes_files),
		test_in_folder(removes_trees_and_follows_no_link),
		cmocka_unit_test(writes_to_a_closed_pipe_fail),
	};
	return cmocka_run_group_tests_name("base-file", tests, NULL, NULL);
}
