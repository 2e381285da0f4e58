/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loop devices. One on a disk is no holder of it, and does not claim it (drivers/block/loop.c opens the backing file
 * like any program). One on a file needs no look: the file system that the file is on is mounted.
 */
#include "host/users-internal.h"

struct loop {
	const char *name;
	const char *backing; /* the path, as the kernel shows it */
};

static struct block *by_name(struct finding *finding, const char *name)
{
	char *copy = arena_strdup(finding->arena, name);
	for (char *c = copy; *c; c++)
		if (*c == '/')
			*c = '!';
	return users_block_by_name(finding, copy);
}

/* Of another namespace, such as a container's /dev: the name must do. */
static struct block *guess(struct finding *finding, const struct loop *loop)
{
	static const char deleted[] = " (deleted)";
	const char *name = text_basename(loop->backing);
	if (text_ends_with(name, deleted))
		name = arena_strndup(finding->arena, name, strlen(name) - (sizeof(deleted) - 1));
	return users_block_by_name(finding, name);
}

/* The path is that of whoever set the loop device up: it may lead elsewhere, or nowhere, in our mount namespace. */
static struct block *find_below(struct finding *finding, const struct loop *loop)
{
	struct error error;
	struct stat status;
	char *real;
	int r = root_stat(finding->root, loop->backing, &status, &error);
	if (r == 0 && S_ISBLK(status.st_mode))
		return users_block_by_number(finding, status.st_rdev);
	if (root_absent(r))
		users_add_unknown(finding, USERS_DISKS, false, "a loop device",
				  "%s stands on %s, which is not to be found: not known what that is", loop->name,
				  loop->backing);
	else if (r < 0)
		users_add_unknown(finding, USERS_DISKS, true, "a loop device", "not known what %s stands on: %s",
				  loop->name, error.text);
	if (root_real_path(finding->root, finding->arena, loop->backing, &real, NULL) < 0)
		return guess(finding, loop);
	return text_starts_with(real, "/dev/") ? by_name(finding, real + strlen("/dev/")) : NULL;
}

static void read_loop(struct finding *finding, const char *name)
{
	struct error error;
	char *backing;
	const char *path = arena_printf(finding->arena, "/sys/class/block/%s/loop/backing_file", name);
	int r = root_read_line(finding->root, finding->arena, path, &backing, &error);
	if (r < 0 && !root_absent(r))
		users_add_unknown(finding, USERS_DISKS, true, "a loop device", "not known what %s stands on: %s", name,
				  error.text);
	/* Absent: not set up, or a partition of a loop device. */
	if (r < 0 || !*backing)
		return;
	struct block *below = find_below(finding, &(struct loop){ name, backing });
	if (below)
		list_add(&below->loops, name);
}

void users_read_loops(struct finding *finding)
{
	struct error error;
	struct list names = { .arena = finding->arena };
	if (!(finding->has & USERS_DISKS))
		return;
	int r = root_list(finding->root, finding->arena, "/sys/class/block", &names, &error);
	if (r < 0 && !root_absent(r))
		users_add_unknown(finding, USERS_DISKS, true, "loop devices",
				  "not known which loop devices there are: %s", error.text);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		if (text_starts_with(names.items[i], "loop"))
			read_loop(finding, names.items[i]);
}
