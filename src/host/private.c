/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/private.h"

#include <ctype.h>

#include "host/private-internal.h"

void private_walk(struct private_state *state, const struct snapshot_node *directory, private_visit *visit)
{
	AUTO_ARENA scratch = { 0 };
	size_t count;
	struct snapshot_node **children = snapshot_children(&scratch, directory, &count);
	for (size_t i = 0; i < count; i++) {
		if (children[i]->kind == SNAPSHOT_ABSENT)
			continue;
		visit(state, snapshot_path(&scratch, children[i]), children[i]);
		private_walk(state, children[i], visit);
	}
}

/* --- Processes --- */

static bool is_number(const char *name)
{
	return *name && name[strspn(name, "0123456789")] == '\0';
}

static const struct snapshot_node *find(const struct private_state *state, const struct snapshot_node *directory,
					const char *name)
{
	const struct snapshot_node *node = snapshot_find(state->from, directory, slice_of(name));
	return node && node->kind > SNAPSHOT_ABSENT ? node : NULL;
}

/* A device node that a PCI device may be behind. */
static bool is_device(const char *target)
{
	static const char *const nobodys[] = { "/dev/null",    "/dev/zero", "/dev/full", "/dev/random",
					       "/dev/urandom", "/dev/tty",  "/dev/ptmx" };
	if (!text_starts_with(target, "/dev/") || text_starts_with(target, "/dev/pts/") ||
	    text_starts_with(target, "/dev/shm/"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(nobodys); i++)
		if (strcmp(target, nobodys[i]) == 0)
			return false;
	return true;
}

/* What a descriptor may stay for: a device node, or one of KVM's and VFIO's. */
static bool is_kept_descriptor(const struct snapshot_node *descriptor)
{
	if (descriptor->kind != SNAPSHOT_LINK || !descriptor->text)
		return descriptor->kind == SNAPSHOT_LINK && descriptor->error;
	/* A container's device nodes may be anywhere. */
	bool device = descriptor->behind == SNAPSHOT_BLOCK || descriptor->behind == SNAPSHOT_CHARACTER;
	return is_device(descriptor->text) || (device && !text_starts_with(descriptor->text, "/dev/")) ||
	       text_starts_with(descriptor->text, "anon_inode:kvm") ||
	       text_starts_with(descriptor->text, "anon_inode:[vfio");
}

static bool is_qemu(const struct private_state *state, const struct snapshot_node *process)
{
	static const char *const files[] = { "comm", "cmdline", "exe" };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const struct snapshot_node *file = find(state, process, files[i]);
		const char *name = file && file->text ? text_basename(file->text) : "";
		if (text_starts_with(name, "qemu") || strcmp(name, "kvm") == 0 || strcmp(name, "kvm\n") == 0)
			return true;
	}
	return false;
}

/* Whether a process has to do with devices, or may: what it holds open is not known. */
static bool is_kept_process(const struct private_state *state, const struct snapshot_node *process)
{
	const struct snapshot_node *descriptors = find(state, process, "fd");
	if (is_qemu(state, process))
		return true;
	if (!descriptors)
		return false;
	if (descriptors->error)
		return true;
	for (const struct snapshot_node *fd = descriptors->first; fd; fd = fd->next)
		if (is_kept_descriptor(fd))
			return true;
	return false;
}

/* The name of a process that holds nothing we know of says only what else this machine is used for. */
static bool holds_something(const struct private_state *state, const struct snapshot_node *process)
{
	const struct snapshot_node *descriptors = find(state, process, "fd");
	return is_qemu(state, process) || (descriptors && !descriptors->error);
}

/* --- Copying --- */

struct place {
	const char *path;                    /* of the original directory */
	bool processes;                      /* /proc */
	const struct snapshot_node *process; /* /proc/PID */
	bool descriptors;                    /* /proc/PID/fd */
};

static bool is_kept(struct private_state *state, const struct place *place, const struct snapshot_node *node)
{
	if (place->processes && is_number(node->name) && !is_kept_process(state, node)) {
		state->processes++;
		return false;
	}
	return !place->descriptors || is_kept_descriptor(node);
}

/* Paths that are the kernel's or a specification's, whatever they look like. */
static bool is_fixed(const char *path)
{
	return text_starts_with(path, "/sys/firmware/");
}

static const char *other_name(struct private_state *state, const struct place *place, const char *name)
{
	if (is_fixed(place->path))
		return name;
	if (strcmp(text_basename(place->path), "by-id") != 0)
		return private_replace(&state->map, state->arena, slice_of(name), false).start;
	/* The folder's name is a part of the form. */
	const char *path = private_replace(&state->map, state->arena,
					   slice_of(arena_printf(state->arena, "by-id/%s", name)), false)
				   .start;
	return path + strlen("by-id/");
}

static struct slice process_content(struct private_state *state, const struct place *place,
				    const struct snapshot_node *node)
{
	struct slice content = { node->text, node->length };
	if (strcmp(node->name, "comm") == 0 && !holds_something(state, place->process))
		return slice_of("process\n");
	/* The first word tells that it is no QEMU; the others are nobody's business. */
	if (strcmp(node->name, "cmdline") == 0 && !is_qemu(state, place->process)) {
		size_t length = strlen(node->text);
		content.length = length < content.length ? length + 1 : content.length;
		if (!holds_something(state, place->process))
			content = (struct slice){ "process", sizeof("process") };
	}
	return content;
}

static void copy_text(struct private_state *state, const struct place *place, const struct snapshot_node *node,
		      struct snapshot_node *copy)
{
	struct slice content = { node->text, node->length };
	const char *path = arena_printf(state->arena, "%s/%s", place->path, node->name);
	if (!node->text)
		return;
	if (node->kind == SNAPSHOT_LINK && !is_fixed(path))
		content = private_replace(&state->map, state->arena, content, false);
	else if (node->kind == SNAPSHOT_REGULAR) {
		if (place->process)
			content = process_content(state, place, node);
		content = private_content(state, path, content);
	}
	if (content.start)
		snapshot_set_text(state->to, copy, content);
}

static void copy_directory(struct private_state *state, const struct place *place, const struct snapshot_node *from,
			   struct snapshot_node *to);

static void copy_node(struct private_state *state, const struct place *place, const struct snapshot_node *node,
		      struct snapshot_node *into)
{
	struct snapshot_node *copy = snapshot_add(state->to, into, slice_of(other_name(state, place, node->name)));
	if (copy->kind > SNAPSHOT_ABSENT)
		return; /* two names became one: the first stays */
	copy->kind = node->kind;
	copy->number = node->number;
	copy->behind = node->behind;
	copy->listed = node->listed;
	copy->error = node->error;
	if (node->times) {
		struct snapshot_times *times = arena_alloc(&state->to->arena, sizeof(*times));
		*times = *node->times;
		copy->times = times;
	}
	copy_text(state, place, node, copy);
	if (node->kind != SNAPSHOT_DIRECTORY)
		return;
	struct place below = { .path = snapshot_path(state->arena, node) };
	below.processes = strcmp(below.path, "/proc") == 0;
	below.process = place->processes && is_number(node->name) ? node : NULL;
	below.descriptors = place->process && strcmp(node->name, "fd") == 0;
	copy_directory(state, &below, node, copy);
}

static void copy_directory(struct private_state *state, const struct place *place, const struct snapshot_node *from,
			   struct snapshot_node *to)
{
	AUTO_ARENA scratch = { 0 };
	size_t count;
	struct snapshot_node **children = snapshot_children(&scratch, from, &count);
	struct arena *outer = state->arena;
	state->arena = &scratch;
	for (size_t i = 0; i < count; i++)
		if (is_kept(state, place, children[i]))
			copy_node(state, place, children[i], to);
	state->arena = outer;
}

static void copy_questions(struct private_state *state)
{
	AUTO_ARENA scratch = { 0 };
	size_t count;
	struct snapshot_node **keys = snapshot_children(&scratch, &state->from->questions, &count);
	const struct place nowhere = { .path = "" };
	for (size_t i = 0; i < count; i++)
		copy_node(state, &nowhere, keys[i], &state->to->questions);
}

static void add_comments(struct private_state *state)
{
	static const struct {
		enum private_kind kind;
		const char *what;
	} rows[] = {
		{ PRIVATE_SERIAL, "serial numbers" },
		{ PRIVATE_MAC, "hardware addresses (MAC)" },
		{ PRIVATE_IPV4, "IPv4 addresses" },
		{ PRIVATE_IPV6, "IPv6 addresses" },
		{ PRIVATE_UUID, "UUIDs" },
		{ PRIVATE_DISK, "names in /dev/disk/by-id" },
		{ PRIVATE_HOST, "names of hosts" },
		{ PRIVATE_VM, "names of VMs" },
		{ PRIVATE_LABEL, "labels and ids of file systems" },
		{ PRIVATE_SERVER, "servers of file systems" },
	};
	struct list *comments = &state->to->comments;
	list_add(comments, "Private data are replaced, the same by the same everywhere. Found were:");
	size_t before = comments->count;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (state->map.found[rows[i].kind])
			list_printf(comments, "  %u %s", state->map.found[rows[i].kind], rows[i].what);
	if (state->passwords)
		list_printf(comments, "  %zu passwords", state->passwords);
	if (state->processes)
		list_printf(comments, "  %zu processes that hold no device open, which are left out", state->processes);
	if (comments->count == before)
		list_add(comments, "  none");
	list_add(comments, "Other names may remain: read this file before you give it to somebody.");
}

void private_copy(const struct snapshot *from, const struct list *host_names, struct snapshot *to)
{
	AUTO_ARENA arena = { 0 };
	struct private_state state = { .from = from, .to = to, .arena = &arena, .map = { .arena = &arena } };
	const struct place top = { .path = "" };
	to->by = from->by ? arena_strdup(&to->arena, from->by) : NULL;
	to->partial = from->partial;
	to->offline = from->offline;
	to->top.listed = from->top.listed;
	to->top.error = from->top.error;
	for (size_t i = 0; i < from->comments.count; i++)
		list_add(&to->comments, arena_strdup(&to->arena, from->comments.items[i]));
	private_find_words(&state, host_names);
	copy_directory(&state, &top, &from->top, &to->top);
	copy_questions(&state);
	add_comments(&state);
}
