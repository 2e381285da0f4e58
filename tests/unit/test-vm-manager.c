/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "vm/manager.h"

#define CONF "etc/pve/nodes/one/qemu-server/101.conf"

struct fixture {
	struct arena arena;
	struct root root;
	struct error error;
};

static void begin(struct fixture *fixture, void **state, const char *conf)
{
	*fixture = (struct fixture){ .root = ROOT_NONE };
	put_directory(state, "etc/pve/nodes/one/qemu-server");
	put_file(state, CONF, conf);
	put_link(state, "etc/pve/local", "nodes/one");
	assert_int(root_open(&fixture->root, *state, NULL), 0);
}

static void end(struct fixture *fixture)
{
	root_close(&fixture->root);
	arena_release(&fixture->arena);
}

static int read_key(struct fixture *fixture, const char *vm, const char *key, const char **ret)
{
	return proxmox_manager.read_setting(&fixture->root, &fixture->arena, vm, key, ret, &fixture->error);
}

static void a_setting_is_read_as_the_next_start_uses_it(void **state)
{
	struct fixture fixture;
	const char *value;
	begin(&fixture, state,
	      "bios: ovmf\nmachine: q35\ncores: 2\n\n[PENDING]\ndelete: cores\nmachine: q35,viommu=intel\n\n"
	      "[snap1]\ncpu: host\n");
	assert_int(read_key(&fixture, "101", "machine", &value), 0);
	assert_string_equal(value, "q35,viommu=intel");
	assert_int(read_key(&fixture, "101", "bios", &value), 0);
	assert_string_equal(value, "ovmf");
	assert_int(read_key(&fixture, "101", "cores", &value), 0);
	assert_null(value);
	assert_int(read_key(&fixture, "101", "cpu", &value), 0);
	assert_null(value);
	end(&fixture);
}

static void a_vm_of_another_node_is_named_with_its_node(void **state)
{
	struct fixture fixture;
	const char *value;
	begin(&fixture, state, "cores: 1\n");
	put_directory(state, "etc/pve/nodes/two/qemu-server");
	put_file(state, "etc/pve/nodes/two/qemu-server/102.conf", "cores: 1\n");
	assert_int(read_key(&fixture, "101", "cores", &value), 0);
	assert_int(read_key(&fixture, "102", "cores", &value), -EREMOTE);
	assert_contains(fixture.error.text, "node two");
	assert_int(read_key(&fixture, "103", "cores", &value), -ENOENT);
	assert_contains(fixture.error.text, "no VM 103");
	end(&fixture);
}

static void nothing_is_written_but_on_the_running_system(void **state)
{
	struct fixture fixture;
	begin(&fixture, state, "machine: q35\n");
	const struct manager *manager = manager_of(VM_PROXMOX);
	assert_ptr_equal(manager, manager_find("proxmox"));
	assert_null(manager_of(VM_PLAIN));
	assert_null(manager_find("xen"));
	assert_int(manager->write_setting(&fixture.root, &fixture.arena, "101", "machine", "q35", "pc", &fixture.error),
		   -EROFS);
	/* Done already; and what is neither. */
	assert_int(manager->write_setting(&fixture.root, &fixture.arena, "101", "machine", "pc", "q35", &fixture.error),
		   0);
	assert_int(manager->write_setting(&fixture.root, &fixture.arena, "101", "machine", "pc", NULL, &fixture.error),
		   -ESTALE);
	assert_contains(fixture.error.text, "neither 'pc' nor 'nothing'");
	end(&fixture);
}

static void a_volume_that_was_made_is_what_was_asked_for(void **state)
{
	static const struct {
		const char *wanted;
		const char *now;
		bool same;
	} cases[] = {
		{ "q35", "q35", true },
		{ "q35", "pc", false },
		{ "local-lvm:1,efitype=4m", "local-lvm:vm-101-disk-2,efitype=4m,size=4M", true },
		{ "local-lvm:1,efitype=4m", "local-lvm:vm-101-disk-2,size=4M,efitype=4m", true },
		{ "local-lvm:1,efitype=4m", "file=local-lvm:vm-101-disk-2,efitype=4m", true },
		{ "local-lvm:1,efitype=4m", "local-lvm:vm-101-disk-2,efitype=2m", false },
		{ "local-lvm:1,efitype=4m", "local-lvm:vm-101-disk-2,efitype=4mm", false },
		{ "local-lvm:1,efitype=4m,keys=0", "local-lvm:vm-101-disk-2,efitype=4m,keys=0,size=4M", true },
		{ "local-lvm:1,efitype=4m,keys=0", "local-lvm:vm-101-disk-2,efitype=4m,size=4M", true },
		{ "local-lvm:1,efitype=4m,keys=0", "local-lvm:vm-101-disk-2,efitype=4m,keys=1,size=4M", false },
		{ "local-lvm:1,efitype=4m", "local:101/vm-101-disk-2.raw,efitype=4m", false },
		{ "local-lvm:1,efitype=4m", "local-lvm:2,efitype=4m", false },
		{ "local-lvm:vm-101-disk-2,efitype=4m", "local-lvm:1,efitype=4m", false },
		{ "01:00", "01:00.0", false },
		{ NULL, "q35", false },
		{ "q35", NULL, false },
		{ NULL, NULL, true },
	};
	AUTO_ARENA arena = { 0 };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (manager_is_same(&proxmox_manager, &arena, "efidisk0", cases[i].wanted, cases[i].now) !=
		    cases[i].same)
			fail_msg("case %zu: %s", i, cases[i].wanted);
}

static void what_is_shown_can_be_typed(void **state)
{
	AUTO_ARENA arena = { 0 };
	(void)state;
	assert_string_equal(proxmox_manager.show(&arena, "101", "machine", "q35", "q35,viommu=intel"),
			    "qm set 101 --machine 'q35,viommu=intel'  # is 'q35'\n");
	assert_string_equal(proxmox_manager.show(&arena, "101", "cpu", NULL, "host"),
			    "qm set 101 --cpu host  # is not set\n");
	assert_string_equal(proxmox_manager.show(&arena, "101", "cpu", "host", NULL),
			    "qm set 101 --delete cpu  # is 'host'\n");
	assert_string_equal(proxmox_manager.show(&arena, "101", "efidisk0", "local:1,efitype=4m", NULL),
			    "qm set 101 --delete efidisk0 --force 1  # is 'local:1,efitype=4m'\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(a_setting_is_read_as_the_next_start_uses_it),
		test_in_folder(a_vm_of_another_node_is_named_with_its_node),
		test_in_folder(nothing_is_written_but_on_the_running_system),
		cmocka_unit_test(a_volume_that_was_made_is_what_was_asked_for),
		cmocka_unit_test(what_is_shown_can_be_typed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
