/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "change/apply.h"
#include "change/journal-json.h"

struct fixture {
	struct arena arena;
	struct root root;
	struct plan plan;
};

static void begin(struct fixture *fixture, void **state)
{
	*fixture = (struct fixture){ .root = ROOT_NONE };
	assert_int(root_open(&fixture->root, *state, NULL), 0);
	plan_begin(&fixture->plan, &fixture->root, &fixture->arena);
}

static void end(struct fixture *fixture)
{
	root_close(&fixture->root);
	arena_release(&fixture->arena);
}

static void write_in_plan(struct fixture *fixture, const char *path, const char *text)
{
	struct error error;
	if (plan_write_file(&fixture->plan, path, slice_of(text), 0644, RESTART_NONE, "test", &error) < 0)
		fail_msg("%s", error.text);
}

static void one_file_that_two_change_is_one_change(void **state)
{
	struct fixture fixture;
	struct file_state now;
	const char *path = "/a";
	begin(&fixture, state);
	put_file(state, "a", "old\n");
	write_in_plan(&fixture, "/a", "one\n");
	assert_int(plan_read(&fixture.plan, &path, &now, NULL), 0);
	assert_slice(now.content, "one\n");
	write_in_plan(&fixture, "/a", "two\n");
	assert_int(fixture.plan.count, 1);
	assert_slice(fixture.plan.items[0].before.content, "old\n");
	assert_slice(fixture.plan.items[0].after.content, "two\n");
	/* And none when it comes back to what it was; but then the plan rests on it. */
	write_in_plan(&fixture, "/a", "old\n");
	assert_int(fixture.plan.count, 0);
	assert_int(fixture.plan.ground_count, 1);
	end(&fixture);
}

static void what_is_generated_comes_last_and_once(void **state)
{
	static const char *const boot[] = { "update-grub", NULL };
	static const char *const initramfs[] = { "update-initramfs", NULL };
	struct fixture fixture;
	begin(&fixture, state);
	plan_run(&fixture.plan, boot, NULL, GENERATES_BOOT, RESTART_HOST, "b");
	plan_run(&fixture.plan, initramfs, NULL, GENERATES_INITRAMFS, RESTART_HOST, "i");
	plan_run(&fixture.plan, boot, NULL, GENERATES_BOOT, RESTART_HOST, "b");
	write_in_plan(&fixture, "/a", "x");
	assert_int(fixture.plan.count, 3);
	assert_int(fixture.plan.items[0].kind, CHANGE_FILE);
	assert_string_equal(fixture.plan.items[1].argv[0], "update-initramfs");
	assert_string_equal(fixture.plan.items[2].argv[0], "update-grub");
	assert_int(plan_restart(&fixture.plan), RESTART_HOST);
	end(&fixture);
}

static void a_link_is_followed_when_planning(void **state)
{
	struct fixture fixture;
	begin(&fixture, state);
	put_file(state, "real", "old\n");
	put_link(state, "link", "/real");
	write_in_plan(&fixture, "/link", "new\n");
	assert_string_equal(fixture.plan.items[0].path, "/real");
	end(&fixture);
}

static void a_link_is_changed_as_such_where_its_place_is_meant(void **state)
{
	struct fixture fixture;
	struct file_state now;
	struct error error;
	struct journal_entry written;
	struct journal_entry read;
	const char *path = "/kvm";
	struct file_state program = file_state_new(slice_of("x"), 0755);
	begin(&fixture, state);
	put_link(state, "kvm", "qemu");
	assert_int(plan_read(&fixture.plan, &path, &now, &error), -ELOOP);
	assert_contains(error.text, "a link to qemu, which is not there");
	assert_int(plan_write_place(&fixture.plan, path, &program, RESTART_VM, "test", &error), 0);
	assert_contains(change_text(&fixture.arena, &fixture.plan.items[0]),
			"# - a link to qemu\n# + a file of 1 bytes, permissions 0755\n");
	assert_int(journal_add(&fixture.root, &fixture.arena, &fixture.plan, &written, NULL), 0);
	assert_int(journal_read(&fixture.root, &fixture.arena, 1, &read, NULL), 0);
	assert_string_equal(read.plan.items[0].before.link, "qemu");
	assert_null(read.plan.items[0].after.link);
	assert_true(change_same_state(&read.plan.items[0].before, &fixture.plan.items[0].before));
	assert_false(change_same_state(&read.plan.items[0].before, &read.plan.items[0].after));
	end(&fixture);
}

static void an_own_folder_goes_with_its_last_file(void **state)
{
	struct fixture fixture;
	struct journal_entry read;
	struct error error;
	enum change_end end_of;
	struct stat ignored;
	begin(&fixture, state);
	put_directory(state, "own");
	put_file(state, "own/a", "a");
	put_directory(state, "shared");
	put_file(state, "shared/a", "a");
	put_file(state, "shared/b", "b");
	assert_int(plan_remove_own_file(&fixture.plan, "/own/a", RESTART_NONE, "test", &error), 0);
	assert_int(plan_remove_own_file(&fixture.plan, "/shared/a", RESTART_NONE, "test", &error), 0);
	assert_int(change_apply(&fixture.arena, &fixture.plan, NULL, &end_of, &error), 0);
	assert_int(stat(in_folder(state, "own"), &ignored), -1);
	assert_int(stat(in_folder(state, "shared/b"), &ignored), 0);
	assert_int(journal_read(&fixture.root, &fixture.arena, 1, &read, NULL), 0);
	assert_true(read.plan.items[0].folder);
	const struct change_undo_options options = { 0 };
	const char *difference = NULL;
	assert_int(change_undo(&fixture.arena, &read, &options, NULL, &difference, &end_of, &error), 0);
	assert_int(stat(in_folder(state, "own/a"), &ignored), 0);
	end(&fixture);
}

static void ground_that_moved_is_shown(void **state)
{
	struct fixture fixture;
	struct file_state now;
	struct error error;
	const char *difference = NULL;
	const char *path = "/ground";
	begin(&fixture, state);
	put_file(state, "ground", "old\n");
	assert_int(plan_read(&fixture.plan, &path, &now, NULL), 0);
	assert_int(change_check_ground(&fixture.arena, &fixture.plan, &difference, &error), 0);
	put_file(state, "ground", "new\n");
	assert_int(change_check_ground(&fixture.arena, &fixture.plan, &difference, &error), -ESTALE);
	assert_contains(difference, "-old\n+new\n");
	assert_int(unlink(in_folder(state, "ground")), 0);
	assert_int(change_check_ground(&fixture.arena, &fixture.plan, &difference, &error), -ESTALE);
	end(&fixture);
}

static void an_entry_is_read_as_it_was_written(void **state)
{
	static const char *const argv[] = { "qm", "set", "100", "--machine", "q35,viommu=intel", NULL };
	static const char *const undo[] = { "qm", "set", "100", "--delete", "machine", NULL };
	struct fixture fixture;
	struct journal_entry written;
	struct journal_entry read;
	begin(&fixture, state);
	put_file(state, "a", "o\0ld");
	write_in_plan(&fixture, "/a", "new \377\n");
	write_in_plan(&fixture, "/made/deep/b", "");
	fixture.plan.check = "viommu-present";
	plan_run(&fixture.plan, argv, undo, GENERATES_NOTHING, RESTART_VM, "give it a vIOMMU");
	assert_int(journal_add(&fixture.root, &fixture.arena, &fixture.plan, &written, NULL), 0);
	assert_int(written.number, 1);
	assert_int(journal_read(&fixture.root, &fixture.arena, 1, &read, NULL), 0);
	assert_int(read.state, JOURNAL_PLANNED);
	assert_int(read.plan.count, 3);
	assert_int(read.directories.count, 2);
	assert_string_equal(read.directories.items[1], "/made/deep");
	assert_true(change_same_state(&read.plan.items[0].before, &written.plan.items[0].before));
	assert_true(change_same_state(&read.plan.items[0].after, &written.plan.items[0].after));
	assert_int(read.plan.items[0].before.mtime.tv_nsec, written.plan.items[0].before.mtime.tv_nsec);
	assert_true(read.plan.items[1].after.present);
	assert_false(read.plan.items[1].before.present);
	assert_string_equal(change_command(&fixture.arena, read.plan.items[2].argv),
			    "qm set 100 --machine 'q35,viommu=intel'");
	assert_string_equal(change_command(&fixture.arena, read.plan.items[2].undo), "qm set 100 --delete machine");
	assert_string_equal(read.plan.items[2].check, "viommu-present");
	assert_int(read.plan.items[2].restart, RESTART_VM);
	end(&fixture);
}

static void set_in_plan(struct fixture *fixture, const char *key, const char *value)
{
	struct error error;
	if (plan_set(&fixture->plan, &proxmox_manager, "101", key, value, RESTART_VM, "test", &error) < 0)
		fail_msg("%s", error.text);
}

static void put_vm(void **state)
{
	put_directory(state, "etc/pve/nodes/one/qemu-server");
	put_file(state, "etc/pve/nodes/one/qemu-server/101.conf", "cpu: host\nmachine: q35\n");
}

static void settings_are_planned_and_kept(void **state)
{
	struct fixture fixture;
	struct journal_entry written;
	struct journal_entry read;
	const char *value;
	begin(&fixture, state);
	put_vm(state);
	set_in_plan(&fixture, "cpu", "host");
	assert_int(fixture.plan.count, 0);
	set_in_plan(&fixture, "machine", "q35,viommu=intel");
	set_in_plan(&fixture, "machine", "q35,aw-bits=39,viommu=intel");
	set_in_plan(&fixture, "bios", "ovmf");
	set_in_plan(&fixture, "cpu", NULL);
	assert_int(fixture.plan.count, 3);
	assert_int(plan_restart(&fixture.plan), RESTART_VM);
	assert_int(plan_get_setting(&fixture.plan, &proxmox_manager, "101", "machine", &value, NULL), 0);
	assert_string_equal(value, "q35,aw-bits=39,viommu=intel");
	assert_int(journal_add(&fixture.root, &fixture.arena, &fixture.plan, &written, NULL), 0);
	assert_int(journal_read(&fixture.root, &fixture.arena, written.number, &read, NULL), 0);
	const struct change *items = read.plan.items;
	assert_int(read.plan.count, 3);
	assert_ptr_equal(items[0].manager, &proxmox_manager);
	assert_string_equal(change_title(&fixture.arena, &items[0]), "set machine of VM 101");
	assert_string_equal(items[0].value_before, "q35");
	assert_string_equal(items[0].value_after, "q35,aw-bits=39,viommu=intel");
	assert_null(items[1].value_before);
	assert_null(items[2].value_after);
	assert_string_equal(change_text(&fixture.arena, &items[2]), "qm set 101 --delete cpu  # is 'host'\n");
	/* Back to what it is: nothing is left to do. */
	set_in_plan(&fixture, "machine", "q35");
	assert_int(fixture.plan.count, 2);
	end(&fixture);
}

static void what_is_for_one_start_is_unfinished_until_it_is_taken_back(void **state)
{
	struct fixture fixture;
	struct journal_entry entry;
	struct journal_entry found_entry;
	struct error error;
	bool found;
	begin(&fixture, state);
	put_vm(state);
	set_in_plan(&fixture, "machine", "q35,viommu=intel");
	fixture.plan.once = true;
	fixture.plan.purpose = "viommu 101";
	assert_int(journal_add(&fixture.root, &fixture.arena, &fixture.plan, &entry, NULL), 0);
	entry.state = JOURNAL_APPLIED;
	entry.step = 1;
	assert_int(journal_save(&fixture.root, &fixture.arena, &entry, NULL), 0);
	assert_int(journal_find_unfinished(&fixture.root, &fixture.arena, &found_entry, &found, &error), 0);
	assert_true(found && found_entry.plan.once);
	assert_string_equal(found_entry.plan.purpose, "viommu 101");
	/* Somebody waits for that start: it is his. */
	int claim = journal_claim(&fixture.root, &fixture.arena, entry.number, &error);
	assert_true(claim >= 0);
	assert_int(journal_find_unfinished(&fixture.root, &fixture.arena, &found_entry, &found, &error), 0);
	assert_false(found);
	close(claim);
	entry.state = JOURNAL_UNDONE;
	assert_int(journal_save(&fixture.root, &fixture.arena, &entry, NULL), 0);
	assert_int(journal_find_unfinished(&fixture.root, &fixture.arena, &found_entry, &found, &error), 0);
	assert_false(found);
	end(&fixture);
}

static void a_setting_that_somebody_else_made_stops_all(void **state)
{
	struct fixture fixture;
	struct error error;
	const char *difference = NULL;
	begin(&fixture, state);
	put_vm(state);
	set_in_plan(&fixture, "machine", "q35,viommu=intel");
	assert_int(change_check_ground(&fixture.arena, &fixture.plan, &difference, &error), 0);
	put_file(state, "etc/pve/nodes/one/qemu-server/101.conf", "machine: pc\n");
	assert_int(change_check_ground(&fixture.arena, &fixture.plan, &difference, &error), -ESTALE);
	assert_contains(error.text, "machine of VM 101");
	assert_contains(difference, "-q35\n+pc\n");
	end(&fixture);
}

static void a_damaged_entry_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"{}",
		"[]",
		"null",
		"{\"format\":2}",
		"{\"format\":1,\"version\":\"\",\"time\":1,\"state\":\"applied\",\"step\":1,\"problem\":null,"
		"\"directories\":[],\"changes\":[]}",
		"{\"format\":1,\"version\":\"\",\"time\":1,\"state\":\"done\",\"step\":0,\"problem\":null,"
		"\"directories\":[],\"changes\":[]}",
		"{\"format\":1,\"version\":\"\",\"time\":1,\"state\":\"applied\",\"step\":0,\"problem\":null,"
		"\"directories\":[],\"changes\":[{\"kind\":\"command\",\"why\":\"\",\"check\":null,"
		"\"restart\":\"none\",\"command\":[],\"undo\":null,\"generates\":\"boot\"}]}",
		"{\"format\":1,\"version\":\"\",\"time\":1,\"state\":\"applied\",\"step\":0,\"problem\":null,"
		"\"directories\":[],\"changes\":[{\"kind\":\"file\",\"why\":\"\",\"check\":null,"
		"\"restart\":\"none\",\"path\":\"relative\",\"before\":null,\"after\":null}]}",
		"{\"format\":1,\"version\":\"\",\"time\":1,\"state\":\"applied\",\"step\":0,\"problem\":null,"
		"\"directories\":[],\"changes\":[{\"kind\":\"setting\",\"why\":\"\",\"check\":null,"
		"\"restart\":\"vm\",\"manager\":\"xen\",\"vm\":\"1\",\"key\":\"a\",\"before\":null,\"after\":\"b\"}]}",
	};
	AUTO_ARENA arena = { 0 };
	struct journal_entry entry;
	struct error error;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int(journal_parse(&arena, slice_of(wrong[i]), &entry, &error), -EINVAL);
}

static void a_second_lock_is_refused(void **state)
{
	struct fixture fixture;
	struct error error;
	begin(&fixture, state);
	AUTO_CLOSE int first = journal_lock(&fixture.root, &fixture.arena, 0, &error);
	assert_true(first >= 0);
	assert_int(journal_lock(&fixture.root, &fixture.arena, 0, &error), -EBUSY);
	assert_contains(error.text, "another nestpci");
	end(&fixture);
}

static void nothing_is_changed_when_an_edit_came_in_between(void **state)
{
	struct fixture fixture;
	struct error error;
	enum change_end how;
	begin(&fixture, state);
	put_file(state, "a", "old\n");
	put_file(state, "b", "old\n");
	write_in_plan(&fixture, "/a", "new\n");
	write_in_plan(&fixture, "/b", "new\n");
	put_file(state, "b", "edited\n");
	assert_int(change_apply(&fixture.arena, &fixture.plan, NULL, &how, &error), -ESTALE);
	assert_int(how, CHANGE_NOTHING);
	struct file_state now;
	assert_int(root_read_state(&fixture.root, &fixture.arena, "/a", &now, NULL), 0);
	assert_slice(now.content, "old\n");
	assert_int(root_read_state(&fixture.root, &fixture.arena, "/b", &now, NULL), 0);
	assert_slice(now.content, "edited\n");
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(one_file_that_two_change_is_one_change),
		test_in_folder(what_is_generated_comes_last_and_once),
		test_in_folder(a_link_is_followed_when_planning),
		test_in_folder(a_link_is_changed_as_such_where_its_place_is_meant),
		test_in_folder(an_own_folder_goes_with_its_last_file),
		test_in_folder(ground_that_moved_is_shown),
		test_in_folder(an_entry_is_read_as_it_was_written),
		test_in_folder(settings_are_planned_and_kept),
		test_in_folder(what_is_for_one_start_is_unfinished_until_it_is_taken_back),
		test_in_folder(a_setting_that_somebody_else_made_stops_all),
		cmocka_unit_test(a_damaged_entry_is_refused),
		test_in_folder(a_second_lock_is_refused),
		test_in_folder(nothing_is_changed_when_an_edit_came_in_between),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
