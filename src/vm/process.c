/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/process.h"

#include <string.h>

#include "vm/plain.h"

struct scan {
	const struct root *root;
	struct arena *arena;
	struct vms *vms;
	size_t hidden;
	const char *hidden_why; /* of one of them */
};

struct vm *vms_add(struct arena *arena, struct vms *vms)
{
	/* Room is for the next power of two. */
	if ((vms->count & (vms->count - 1)) == 0)
		vms->items = arena_grow(arena, vms->items, vms->count, vms->count ? vms->count * 2 : 1,
					sizeof(*vms->items));
	return &vms->items[vms->count++];
}

/*
 * The program that a process runs tells at once that most are none of ours; their command lines, which are nobody's
 * business, are not even read. Only root may see it of other users' processes: then the command line decides.
 */
static bool is_another_program(struct scan *scan, const char *pid, char **ret_program)
{
	*ret_program = NULL;
	int r = root_read_link(scan->root, scan->arena, arena_printf(scan->arena, "/proc/%s/exe", pid), ret_program,
			       NULL);
	if (r < 0)
		return root_absent(r); /* a thread of the kernel's has none */
	const char *name = text_basename(*ret_program);
	return !strstr(name, "qemu") && !strstr(name, "kvm");
}

/* "Max locked memory  8388608  8388608  bytes" (proc_pid_limits(5)): the first number is the one in force. */
static struct fact read_memlock(struct scan *scan, const char *pid)
{
	static const char name[] = "Max locked memory";
	struct error error;
	struct slice text = slice_of("");
	struct slice line;
	struct slice word;
	uint64_t bytes;
	const char *path = arena_printf(scan->arena, "/proc/%s/limits", pid);
	int r = root_read(scan->root, scan->arena, path, &text, &error);
	struct fact fact = fact_of(scan->arena, path, "", r, &error);
	if (!fact_known(&fact))
		return fact;
	while (slice_next_line(&text, &line)) {
		if (line.length < strlen(name) || memcmp(line.start, name, strlen(name)) != 0)
			continue;
		struct slice rest = { line.start + strlen(name), line.length - strlen(name) };
		if (!slice_next_word(&rest, &word))
			break;
		fact.text = arena_strndup(scan->arena, word.start, word.length);
		if (strcmp(fact.text, "unlimited") == 0)
			fact.number = -1;
		else if (text_to_number(fact.text, 10, INT64_MAX, &bytes) == 0)
			fact.number = (int64_t)bytes;
		else
			break;
		return fact;
	}
	fact.state = FACT_WRONG;
	fact.problem = arena_printf(scan->arena, "%s: no limit for locked memory in it", path);
	return fact;
}

static void read_vm(struct scan *scan, const char *pid, const char *path, const char *program, const struct list *words)
{
	struct error error;
	struct vm vm;
	uint64_t number = 0;
	struct plain_line line = { words->items, words->count, QEMU_NO_WORD };
	if (plain_read(scan->root, scan->arena, &line, &vm, &error) < 0) {
		list_printf(&scan->vms->problems, "%s: %s", path, error.text);
		return;
	}
	vm.source = VM_FROM_PROCESS;
	vm.running = VM_YES;
	vm.path = path;
	vm.pid = text_to_number(pid, 10, INT32_MAX, &number) == 0 ? (pid_t)number : 0;
	vm.id = vm.id ? vm.id : pid;
	vm.program = program;
	vm.memlock = read_memlock(scan, pid);
	*vms_add(scan->arena, scan->vms) = vm;
}

static void read_process(struct scan *scan, const char *pid)
{
	struct error error;
	struct slice text;
	const char *path = arena_printf(scan->arena, "/proc/%s/cmdline", pid);
	char *program;
	if (is_another_program(scan, pid, &program))
		return;
	int r = root_read(scan->root, scan->arena, path, &text, &error);
	/* It has ended meanwhile. */
	if (root_absent(r) || r == -ESRCH)
		return;
	if (r < 0) {
		scan->hidden++;
		scan->hidden_why = arena_strdup(scan->arena, error.text);
		return;
	}
	struct list words = { .arena = scan->arena };
	while (text.length) {
		size_t length = strnlen(text.start, text.length);
		list_add(&words, arena_strndup(scan->arena, text.start, length));
		length += length < text.length;
		text = (struct slice){ text.start + length, text.length - length };
	}
	/* Of one word is what asks nothing of QEMU, or has no line of its own left (a zombie). */
	if (words.count > 1 && qemu_is_program_name(words.items[0])) {
		struct qemu_argv argv;
		if (qemu_argv_parse(scan->arena, words.items, words.count, &argv, NULL) < 0 ||
		    !qemu_argv_is_query(&argv))
			read_vm(scan, pid, path, program, &words);
	}
}

bool process_read_all(const struct root *root, struct arena *arena, struct vms *ret)
{
	struct error error;
	struct list names = { .arena = arena };
	struct scan scan = { .root = root, .arena = arena, .vms = ret };
	int r = root_list(root, arena, "/proc", &names, &error);
	if (r < 0) {
		/* Nothing runs on an offline system. */
		if (root->kind == ROOT_LIVE || !root_absent(r))
			list_printf(&ret->problems, "not known which VMs run: %s", error.text);
		return false;
	}
	for (size_t i = 0; i < names.count; i++)
		if (names.items[i][0] >= '0' && names.items[i][0] <= '9')
			read_process(&scan, names.items[i]);
	if (scan.hidden)
		list_printf(&ret->problems, "not known whether %zu processes are VMs: %s", scan.hidden,
			    scan.hidden_why);
	return scan.hidden == 0;
}
