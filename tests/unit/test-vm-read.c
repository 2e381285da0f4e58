/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that somebody names, told apart by what is in them; and all VMs of a host. */
#include "unit.h"

#include <errno.h>

#include "vm/vm.h"

/* ---- Texts ---- */

#define SHOWCMD "/usr/bin/kvm -id 100 -name 'a b' -m 1024 -machine 'type=q35+pve0'\n"

/* A text, and the id, name and memory of the VM that it is. */
static void tells_texts_apart(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		const char *text;
		size_t length; /* 0: up to its NUL */
		enum vm_source source;
		const char *id;
		const char *vm_name;
		unsigned int mib;
	} examples[] = {
		{ "what qm showcmd prints", SHOWCMD, 0, VM_FROM_COMMAND_LINE, "100", "a b", 1024 },
		{ "with a sentence before it", "vIOMMU 'aw-bits' set to 48. It's so.\n" SHOWCMD, 0,
		  VM_FROM_COMMAND_LINE, "100", "a b", 1024 },
		{ "pretty, with a dash in quotes", "/usr/bin/kvm \\\n  -id 100 \\\n  -name 'a \\\n  -b' \\\n  -m 2G\n",
		  0, VM_FROM_COMMAND_LINE, "100", "a -b", 2048 },
		{ "with a launcher", "/usr/bin/taskset --cpu-list --all-tasks 0-3 /usr/bin/kvm -id 100 -m 512\n", 0,
		  VM_FROM_COMMAND_LINE, "100", NULL, 512 },
		{ "a script",
		  "#!/bin/sh\n# qemu-system-x86_64 -m 1\nset -e\nmodprobe kvm\nexec qemu-system-x86_64 -name s \\\n"
		  "\t-m 4G \\\n\t-M q35\n",
		  0, VM_FROM_COMMAND_LINE, "file", "s", 4096 },
		{ "one word on each line", "qemu-system-x86_64\n-name\nit's \"mine\"\n-m\n3G\n", 0,
		  VM_FROM_COMMAND_LINE, "file", "it's \"mine\"", 3072 },
		{ "one word on each line of DOS", "kvm\r\n-m\r\n256\r\n", 0, VM_FROM_COMMAND_LINE, "file", NULL, 256 },
		{ "words ended by NUL",
		  "qemu-kvm\0-name\0a b\0-m\0"
		  "64\0",
		  25, VM_FROM_COMMAND_LINE, "file", "a b", 64 },
		{ "a line of ps",
		  "root 1234 99.0 0.1 ? Sl 10:00 1:23 /usr/bin/kvm -id 100 -name a -m 128 -blockdev "
		  "{\"driver\":\"raw\"}\n",
		  0, VM_FROM_COMMAND_LINE, "100", "a", 128 },
		{ "ps with a heading", "  PID CMD\n 1234 /usr/bin/qemu-system-x86_64 -name 'b -m 32\n", 0,
		  VM_FROM_COMMAND_LINE, "file", "'b", 32 },
		{ "a configuration", "name: a\nmemory: 1024\n", 0, VM_FROM_CONFIGURATION, "file", "a", 1024 },
		{ "a configuration whose args speak of QEMU",
		  "#/usr/bin/kvm -id 1\nargs: /usr/bin/kvm -m 99\nmemory: 16\n", 0, VM_FROM_CONFIGURATION, "file", NULL,
		  0 },
		{ "a configuration with a line that is none", "bogus\nmemory: 32\n", 0, VM_FROM_CONFIGURATION, "file",
		  NULL, 32 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		AUTO_ARENA arena = { 0 };
		struct vm vm;
		struct error error;
		struct slice text = slice_of(examples[i].text);
		if (examples[i].length)
			text.length = examples[i].length;
		if (vm_read_text(NULL, &arena, text, "file", &vm, &error) < 0)
			fail_msg("%s: %s", examples[i].name, error.text);
		if (vm.source != examples[i].source || !text_equals(vm.id, examples[i].id))
			fail_msg("%s: source %d, id %s", examples[i].name, vm.source, vm.id);
		if (examples[i].vm_name ? !text_equals(vm.name, examples[i].vm_name) : vm.name != NULL)
			fail_msg("%s: name %s", examples[i].name, vm.name);
		if (examples[i].mib && vm.memory_mib != examples[i].mib)
			fail_msg("%s: %llu MiB", examples[i].name, (unsigned long long)vm.memory_mib);
		assert_string_equal(vm.path, "file");
	}
}

static void refuses_what_is_neither(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *why;
	} examples[] = {
		{ "", "file: empty" },
		{ " \n\n", "file: empty" },
		{ "# a comment\n\nhello world\n", "file: line 3 is neither" },
		{ "# a comment only\n", "is neither" },
		{ "colour: red\n", "is neither" },
		{ "\n/usr/bin/kvm -name 'open\n", "the command at line 2: column 20: single quote" },
		{ "kvm -m $MEMORY\n", "the command at line 1: column 8: '$'" },
		{ "set -e\nkvm -m 1 -M\n", "the command at line 2: the last option needs an argument" },
		{ SHOWCMD "\n" SHOWCMD, "lines 1 and 3: there are two command lines" },
		{ "1 a kvm -m 1\n2 b kvm -m 2\n", "lines 1 and 2: there are two command lines" },
		{ "kvm -M q35 -device {\n", "file: -device {: " },
	};
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		AUTO_ARENA arena = { 0 };
		struct vm vm;
		struct error error = { "" };
		assert_int(vm_read_text(NULL, &arena, slice_of(examples[i].text), "file", &vm, &error), -EINVAL);
		assert_contains(error.text, examples[i].why);
	}
	AUTO_ARENA arena = { 0 };
	struct vm vm;
	struct error error;
	assert_int(vm_read_text(NULL, &arena, (struct slice){ "a\0b\0", 4 }, "file", &vm, &error), -EINVAL);
	assert_contains(error.text, "ended by NUL");
	/* Where Proxmox VE keeps its own, everything is one, even nothing. */
	assert_int(vm_read_text(NULL, &arena, slice_of("hello\n"), "/x/nodes/a/qemu-server/7.conf", &vm, &error), 0);
	assert_string_equal(vm.id, "7");
	assert_string_equal(vm.node, "a");
	assert_contains(vm.problems.items[0], "line 1: 'hello' is no setting");
	assert_int(vm_read_text(NULL, &arena, slice_of(""), "/etc/pve/qemu-server/8.conf", &vm, &error), 0);
	assert_string_equal(vm.id, "8");
	assert_null(vm.node);
}

static void reads_files_of_the_host_and_of_its_own(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct vm vm;
	struct error error;
	put_directory(state, "root/etc");
	put_file(state, "root/etc/vm", SHOWCMD);
	put_file(state, "100.conf", "name: mine\n");
	assert_int(root_open(&root, in_folder(state, "root"), NULL), 0);
	assert_int(vm_read_file(&root, &arena, "/etc/vm", &vm, &error), 0);
	assert_string_equal(vm.name, "a b");
	const char *path = arena_strdup(&arena, in_folder(state, "100.conf"));
	assert_int(vm_read_file(&root, &arena, path, &vm, &error), 0);
	assert_string_equal(vm.name, "mine");
	assert_string_equal(vm.id, "100");
	assert_null(vm.node);
	assert_int(vm_read_file(NULL, &arena, path, &vm, &error), 0);
	assert_int(vm_read_file(&root, &arena, "/nowhere", &vm, &error), -ENOENT);
	assert_contains(error.text, "/nowhere");
}

/* ---- Whole hosts ---- */

static void put_process(void **state, const char *pid, const char *program, const char *words, size_t length,
			const char *limit)
{
	char path[128];
	snprintf(path, sizeof(path), "proc/%s", pid);
	put_directory(state, path);
	snprintf(path, sizeof(path), "proc/%s/exe", pid);
	if (program)
		put_link(state, path, program);
	snprintf(path, sizeof(path), "proc/%s/cmdline", pid);
	int fd = open(in_folder(state, path), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int(file_write_all(fd, (struct slice){ words, length }), 0);
	close(fd);
	snprintf(path, sizeof(path), "proc/%s/limits", pid);
	if (limit)
		put_file(state, path, limit);
}

#define PROCESS(pid, program, words, limit) put_process(state, pid, program, words, sizeof(words) - 1, limit)
#define LIMIT "Limit                     Soft Limit           Hard Limit           Units\nMax locked memory         "

static void make_cluster(void **state)
{
	put_directory(state, "etc/pve/nodes/pve1/qemu-server");
	put_directory(state, "etc/pve/nodes/pve2/qemu-server");
	put_directory(state, "etc/pve/nodes/empty");
	put_directory(state, "etc/pve/ha");
	put_directory(state, "etc/pve/mapping");
	put_directory(state, "run/qemu-server");
	put_directory(state, "sys/bus/pci/devices/0000:01:00.0");
	put_link(state, "etc/pve/local", "nodes/pve1");
	put_file(state, "etc/pve/nodes/pve1/qemu-server/100.conf", "name: web\nhostpci0: 01:00.0\n");
	put_file(state, "etc/pve/nodes/pve1/qemu-server/101.conf", "name: 100\nhostpci0: mapping=aa\n");
	put_file(state, "etc/pve/nodes/pve1/qemu-server/102.conf", "");
	put_file(state, "etc/pve/nodes/pve1/qemu-server/100.conf.tmp.1234", "name: half\n");
	put_file(state, "etc/pve/nodes/pve2/qemu-server/200.conf", "name: web\nhostpci0: 01:00.0\n");
	put_file(
		state, "etc/pve/ha/resources.cfg",
		"vm: 100\n\tgroup a\n\tstate started\n\nct: 101\n\tstate started\n\nvm: 102\n\tstate ignored\n\nvm: 200\n");
	put_file(state, "etc/pve/mapping/pci.cfg", "aa\n\tmap bogus\n");
	put_file(state, "run/qemu-server/100.pid", "4000\n");
	put_file(state, "run/qemu-server/102.pid", "1\n");
	PROCESS("4000", "/usr/bin/qemu-system-x86_64",
		"/usr/bin/kvm\0-id\0"
		"100\0-name\0web,debug-threads=on\0-m\0"
		"1024\0",
		LIMIT "8388608 16777216 bytes\n");
	PROCESS("4002", "/usr/bin/qemu-system-x86_64 (deleted)",
		"/usr/bin/kvm\0-id\0"
		"102\0-m\0"
		"16\0",
		LIMIT "unlimited unlimited bytes\n");
	PROCESS("5000", "/usr/bin/qemu-system-x86_64",
		"qemu-system-x86_64\0-name\0plain\0-m\0"
		"2048\0",
		"nothing\n");
	PROCESS("6000", "/usr/sbin/sshd",
		"kvm\0-m\0"
		"1\0",
		NULL);
	PROCESS("6001", "/usr/bin/qemu-img", "qemu-img\0convert\0", NULL);
	PROCESS("6002", "/usr/bin/qemu-system-x86_64", "kvm\0-version\0", NULL);
	PROCESS("6003", NULL, "", NULL);
	PROCESS("6004", "/usr/bin/qemu-system-x86_64", "kvm\0-M\0q35\0-device\0{\0", NULL);
	put_directory(state, "proc/self");
}

static const struct vm *find(const struct vms *vms, const char *what)
{
	const struct vm *vm = vm_find(vms, what);
	if (!vm)
		fail_msg("no VM is called %s", what);
	return vm;
}

static void reads_all_of_a_cluster(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct vms vms;
	make_cluster(state);
	assert_int(root_open(&root, *state, NULL), 0);
	vm_read_all(&root, &arena, &vms);
	assert_int(vms.count, 7);

	const struct vm *web = find(&vms, "100");
	assert_int(web->source, VM_FROM_CONFIGURATION);
	assert_string_equal(web->node, "pve1");
	assert_true(web->ha && !web->elsewhere);
	assert_int(web->running, VM_YES);
	assert_int(web->pid, 4000);
	assert_int(web->memlock.number, 8388608);
	assert_int(web->devices[0].host_count, 1);
	assert_int(web->problems.count, 0);
	const struct vm *process = vm_find_running(&vms, web);
	assert_int(process->source, VM_FROM_PROCESS);
	assert_int(process->pid, 4000);
	assert_string_equal(process->path, "/proc/4000/cmdline");
	assert_int(process->memory_mib, 1024);
	assert_ptr_equal(vm_find_running(&vms, process), process);

	/* An id says more than a name; a VM of this node is nearer than one of another. */
	assert_ptr_equal(find(&vms, "web"), web);
	assert_ptr_equal(find(&vms, "4000"), web);
	const struct vm *other = find(&vms, "101");
	assert_false(other->ha);
	assert_int(other->running, VM_NO);
	assert_null(vm_find_running(&vms, other));
	const struct vm *ignored = find(&vms, "102");
	assert_false(ignored->ha);
	assert_int(ignored->memlock.number, -1);
	assert_contains(ignored->problems.items[0], "/run/qemu-server/102.pid names another");

	const struct vm *away = find(&vms, "200");
	assert_true(away->elsewhere && away->ha);
	assert_int(away->running, VM_UNKNOWN);
	assert_int(away->devices[0].host_count, 0);
	assert_null(vm_find_running(&vms, away));

	const struct vm *plain = find(&vms, "plain");
	assert_int(plain->manager, VM_PLAIN);
	assert_string_equal(plain->id, "5000");
	assert_ptr_equal(find(&vms, "5000"), plain);
	assert_int(plain->memlock.state, FACT_WRONG);
	assert_null(vm_find(&vms, "half"));
	assert_null(vm_find(&vms, "6000"));

	assert_int(vms.problems.count, 2);
	assert_contains(vms.problems.items[0], "/etc/pve/mapping/pci.cfg: line 2");
	assert_contains(vms.problems.items[1], "/proc/6004/cmdline: -device {");
}

static void a_single_node_is_this_host(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct vms vms;
	put_directory(state, "etc/pve/nodes/pve9/qemu-server");
	put_file(state, "etc/pve/nodes/pve9/qemu-server/100.conf", "");
	put_file(state, "etc/hostname", "other.example.com\n");
	assert_int(root_open(&root, *state, NULL), 0);
	vm_read_all(&root, &arena, &vms);
	assert_int(vms.count, 1);
	assert_false(vms.items[0].elsewhere);
	/* Nobody knows what ran on a system that is only looked at. */
	assert_int(vms.items[0].running, VM_UNKNOWN);
	assert_int(vms.problems.count, 0);
}

static void the_host_s_name_tells_its_node(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct vms vms;
	put_directory(state, "etc/pve/nodes/a/qemu-server");
	put_directory(state, "etc/pve/nodes/b/qemu-server");
	put_file(state, "etc/pve/nodes/a/qemu-server/100.conf", "");
	put_file(state, "etc/pve/nodes/b/qemu-server/101.conf", "");
	put_file(state, "etc/hostname", "b.example.com\n");
	assert_int(root_open(&root, *state, NULL), 0);
	vm_read_all(&root, &arena, &vms);
	assert_int(vms.count, 2);
	assert_true(vms.items[0].elsewhere && !vms.items[1].elsewhere);
}

static void a_host_without_vms_has_none(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct vms vms;
	assert_int(root_open(&root, *state, NULL), 0);
	vm_read_all(&root, &arena, &vms);
	assert_int(vms.count, 0);
	assert_int(vms.problems.count, 0);
	assert_null(vm_find(&vms, "100"));
}

static void what_cannot_be_read_is_told(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct vms vms;
	/* Folders where files should be: reading them fails for everybody. */
	put_directory(state, "etc/pve/nodes/a/qemu-server/100.conf");
	put_file(state, "etc/pve/nodes/a/qemu-server/101.conf", "hostpci0: mapping=xx\n");
	put_directory(state, "etc/pve/ha/resources.cfg");
	put_directory(state, "etc/pve/mapping/pci.cfg");
	put_directory(state, "proc/77/cmdline");
	put_link(state, "proc/77/exe", "/usr/bin/qemu-system-x86_64");
	assert_int(root_open(&root, *state, NULL), 0);
	vm_read_all(&root, &arena, &vms);
	assert_int(vms.count, 1);
	assert_int(vms.items[0].running, VM_UNKNOWN);
	assert_contains(vms.items[0].devices[0].problem, "mapping 'xx': ");
	assert_int(vms.problems.count, 4);
	assert_contains(vms.problems.items[0], "VM 100: ");
	assert_contains(vms.problems.items[1], "not known which VMs HA manages");
	assert_contains(vms.problems.items[2], "not known what resource mappings stand for");
	assert_contains(vms.problems.items[3], "not known whether 1 processes are VMs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_texts_apart),
		cmocka_unit_test(refuses_what_is_neither),
		test_in_folder(reads_files_of_the_host_and_of_its_own),
		test_in_folder(reads_all_of_a_cluster),
		test_in_folder(a_single_node_is_this_host),
		test_in_folder(the_host_s_name_tells_its_node),
		test_in_folder(a_host_without_vms_has_none),
		test_in_folder(what_cannot_be_read_is_told),
	};
	return cmocka_run_group_tests_name("vm-read", tests, NULL, NULL);
}
