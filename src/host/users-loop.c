/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loop devices. One on a disk is no holder of it, and does not claim it (drivers/block/loop.c opens the backing file
 * like any program). One on a file needs no look: the file system that the file is on is mounted.
 */
#include "host/users-internal.h"

static bool has_blocks(const struct finding *finding)
{
	for (size_t i = 0; i < finding->node_count; i++)
		if (finding->nodes[i].is_block)
			return true;
	return false;
}

/* The path is that of whoever set the loop device up: it may lead elsewhere, or nowhere, in our mount namespace. */
static void resolve(struct finding *finding, struct loop *loop)
{
	struct error error;
	struct stat status;
	char *real;
	if (root_real_path(finding->root, finding->arena, loop->backing, &real, NULL) == 0)
		loop->real = real;
	int r = root_stat(finding->root, loop->backing, &status, &error);
	if (r == 0 && S_ISBLK(status.st_mode))
		loop->number = status.st_rdev;
	else if (root_absent(r))
		users_add_unknown(finding, false,
				  arena_printf(finding->arena,
					       "%s stands on %s, which is not to be found: not known what that is",
					       loop->name, loop->backing));
	else if (r < 0)
		users_add_unknown(finding, true,
				  arena_printf(finding->arena, "not known what %s stands on: %s", loop->name,
					       error.text));
}

static bool read_loop(struct finding *finding, const char *name, struct loop *ret)
{
	struct error error;
	char *backing;
	const char *path = arena_printf(finding->arena, "/sys/class/block/%s/loop/backing_file", name);
	int r = root_read_line(finding->root, finding->arena, path, &backing, &error);
	if (r < 0 && !root_absent(r))
		users_add_unknown(finding, true,
				  arena_printf(finding->arena, "not known what %s stands on: %s", name, error.text));
	/* Absent: not set up, or a partition of a loop device. */
	if (r < 0 || !*backing)
		return false;
	*ret = (struct loop){ .name = name, .backing = backing };
	resolve(finding, ret);
	return true;
}

void users_read_loops(struct finding *finding, struct loops *ret)
{
	struct error error;
	struct list names = { .arena = finding->arena };
	if (!has_blocks(finding))
		return;
	int r = root_list(finding->root, finding->arena, "/sys/class/block", &names, &error);
	if (r < 0 && !root_absent(r))
		users_add_unknown(finding, true,
				  arena_printf(finding->arena, "not known which loop devices there are: %s",
					       error.text));
	ret->items = arena_alloc_array(finding->arena, names.count + 1, sizeof(*ret->items));
	for (size_t i = 0; r == 0 && i < names.count; i++)
		if (text_starts_with(names.items[i], "loop") &&
		    read_loop(finding, names.items[i], &ret->items[ret->count]))
			ret->count++;
}

bool users_loop_is_on(const struct finding *finding, const struct loop *loop, const struct node *node)
{
	static const char deleted[] = " (deleted)";
	if (!node->device)
		return false;
	if (loop->number)
		return loop->number == node->number;
	if (loop->real)
		return strcmp(loop->real, node->device) == 0;
	/* Of another namespace, such as a container's /dev: the name must do. */
	const char *name = text_basename(loop->backing);
	if (text_ends_with(name, deleted))
		name = arena_strndup(finding->arena, name, strlen(name) - (sizeof(deleted) - 1));
	return strcmp(name, node->name) == 0;
}
