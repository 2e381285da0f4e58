/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <sys/xattr.h>

#include "base/root-write.h"

static struct file_state read_state(struct root *root, struct arena *arena, const char *path)
{
	struct file_state state;
	struct error error;
	if (root_read_state(root, arena, path, &state, &error) < 0)
		fail_msg("%s", error.text);
	return state;
}

static void makes_a_file_with_permissions_whatever_the_mask_is(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	assert_int(root_open(&root, *state, NULL), 0);
	mode_t mask = umask(077);
	struct file_state wanted = file_state_new(slice_of("text\n"), 0755);
	assert_int(root_write_state(&root, "/a", &wanted, NULL), 0);
	umask(mask);
	struct file_state now = read_state(&root, &arena, "/a");
	assert_true(now.present);
	assert_slice(now.content, "text\n");
	assert_int(now.mode, 0755);
	assert_int(now.owner, geteuid());
}

static void gives_back_everything_that_a_file_was(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	const struct timespec times[] = { { 1600000000, 5 }, { 1500000000, 123456789 } };
	assert_int(root_open(&root, *state, NULL), 0);
	put_file(state, "a", "old");
	assert_int(chmod(in_folder(state, "a"), 0640), 0);
	bool root_user = geteuid() == 0 && chown(in_folder(state, "a"), 12, 34) == 0;
	bool xattrs = setxattr(in_folder(state, "a"), "user.nestpci", "\0x", 2, 0) == 0;
	assert_int(utimensat(AT_FDCWD, in_folder(state, "a"), times, 0), 0);
	struct file_state old = read_state(&root, &arena, "/a");
	struct file_state changed = file_state_new(slice_of("new"), 0600);
	assert_int(root_write_state(&root, "/a", &changed, NULL), 0);
	assert_int(root_write_state(&root, "/a", &old, NULL), 0);
	struct file_state now = read_state(&root, &arena, "/a");
	assert_slice(now.content, "old");
	assert_int(now.mode, 0640);
	assert_int(now.mtime.tv_sec, 1500000000);
	assert_int(now.mtime.tv_nsec, 123456789);
	if (root_user)
		assert_int(now.owner * 100 + now.group, 1234);
	assert_int(now.xattr_count, xattrs ? 1 : 0);
	if (xattrs)
		assert_int(now.xattrs[0].value.length, 2);
}

static void takes_a_file_away_once_and_twice(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	const struct file_state nothing = { .present = false };
	assert_int(root_open(&root, *state, NULL), 0);
	put_file(state, "a", "x");
	assert_int(root_write_state(&root, "/a", &nothing, NULL), 0);
	assert_false(read_state(&root, &arena, "/a").present);
	assert_int(root_write_state(&root, "/a", &nothing, NULL), 0);
	assert_int(root_write_state(&root, "/no/folder/a", &nothing, NULL), 0);
	assert_false(read_state(&root, &arena, "/no/folder/a").present);
}

static void follows_no_link_and_reads_no_fifo(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct file_state now;
	struct error error;
	assert_int(root_open(&root, *state, NULL), 0);
	put_link(state, "link", "/etc/passwd");
	assert_int(mkfifo(in_folder(state, "fifo"), 0600), 0);
	assert_int(root_read_state(&root, &arena, "/link", &now, &error), 0);
	assert_string_equal(now.link, "/etc/passwd");
	assert_int(now.content.length, 0);
	assert_int(root_read_state(&root, &arena, "/fifo", &now, &error), -EINVAL);
	assert_contains(error.text, "not a regular file");
	assert_int(root_read_state(&root, &arena, "relative", &now, &error), -EINVAL);
	assert_int(root_read_state(&root, &arena, "/a/..", &now, &error), -EINVAL);
}

static void a_link_becomes_a_file_and_a_link_again(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct stat now;
	const struct timespec times[] = { { 1600000000, 5 }, { 1500000000, 123456789 } };
	assert_int(root_open(&root, *state, NULL), 0);
	put_file(state, "target", "real");
	put_link(state, "kvm", "target");
	bool root_user = geteuid() == 0 && lchown(in_folder(state, "kvm"), 12, 34) == 0;
	assert_int(utimensat(AT_FDCWD, in_folder(state, "kvm"), times, AT_SYMLINK_NOFOLLOW), 0);
	put_link(state, ".kvm.nestpci", "left by a crash");
	struct file_state old = read_state(&root, &arena, "/kvm");
	struct file_state file = file_state_new(slice_of("in its place"), 0755);
	assert_int(root_write_state(&root, "/kvm", &file, NULL), 0);
	assert_int(lstat(in_folder(state, "kvm"), &now), 0);
	assert_true(S_ISREG(now.st_mode));
	assert_slice(read_state(&root, &arena, "/target").content, "real");
	assert_int(root_write_state(&root, "/kvm", &old, NULL), 0);
	assert_int(lstat(in_folder(state, "kvm"), &now), 0);
	assert_true(S_ISLNK(now.st_mode));
	assert_int(now.st_mtim.tv_sec, 1500000000);
	assert_int(now.st_mtim.tv_nsec, 123456789);
	if (root_user)
		assert_int(now.st_uid * 100 + now.st_gid, 1234);
	struct file_state made = file_state_link("elsewhere");
	assert_int(root_write_state(&root, "/made", &made, NULL), 0);
	assert_string_equal(read_state(&root, &arena, "/made").link, "elsewhere");
	assert_true(lstat(in_folder(state, ".kvm.nestpci"), &now) < 0);
}

static void stays_inside_an_offline_root(void **state)
{
	AUTO_ROOT root = ROOT_NONE;
	struct stat ignored;
	put_directory(state, "root/inside");
	put_directory(state, "outside");
	put_link(state, "root/way", "../../outside");
	assert_int(root_open(&root, in_folder(state, "root"), NULL), 0);
	struct file_state wanted = file_state_new(slice_of("x"), 0644);
	assert_true(root_write_state(&root, "/way/file", &wanted, NULL) < 0);
	assert_int(stat(in_folder(state, "outside/file"), &ignored), -1);
}

static void overwrites_and_removes_what_a_crash_left(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct stat ignored;
	assert_int(root_open(&root, *state, NULL), 0);
	put_file(state, ".a.nestpci", "half");
	struct file_state wanted = file_state_new(slice_of("x"), 0644);
	assert_int(root_write_state(&root, "/a", &wanted, NULL), 0);
	assert_slice(read_state(&root, &arena, "/a").content, "x");
	assert_int(stat(in_folder(state, ".a.nestpci"), &ignored), -1);
	put_file(state, ".a.nestpci", "half");
	assert_int(root_remove_beside(&root, "/a", NULL), 0);
	assert_int(stat(in_folder(state, ".a.nestpci"), &ignored), -1);
	assert_true(read_state(&root, &arena, "/a").present);
	assert_int(root_remove_beside(&root, "/none/a", NULL), 0);
}

static void makes_directories_and_says_which(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct list made = { .arena = &arena };
	struct stat ignored;
	assert_int(root_open(&root, *state, NULL), 0);
	put_directory(state, "a");
	assert_int(root_make_directories(&root, &arena, "/a/b/c", 0755, &made, NULL), 0);
	assert_int(made.count, 2);
	assert_string_equal(made.items[0], "/a/b");
	assert_string_equal(made.items[1], "/a/b/c");
	assert_int(root_remove_directory(&root, "/a/b", NULL), 0);
	assert_int(stat(in_folder(state, "a/b"), &ignored), 0);
	assert_int(root_remove_directory(&root, "/a/b/c", NULL), 0);
	assert_int(root_remove_directory(&root, "/a/b", NULL), 0);
	assert_int(root_remove_directory(&root, "/a/b", NULL), 0);
	assert_int(stat(in_folder(state, "a/b"), &ignored), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(makes_a_file_with_permissions_whatever_the_mask_is),
		test_in_folder(gives_back_everything_that_a_file_was),
		test_in_folder(takes_a_file_away_once_and_twice),
		test_in_folder(follows_no_link_and_reads_no_fifo),
		test_in_folder(a_link_becomes_a_file_and_a_link_again),
		test_in_folder(stays_inside_an_offline_root),
		test_in_folder(overwrites_and_removes_what_a_crash_left),
		test_in_folder(makes_directories_and_says_which),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
