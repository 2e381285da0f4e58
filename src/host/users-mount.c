/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounted file systems (proc_pid_mountinfo(5)) and swap (proc(5)). */
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "host/users-internal.h"

/* One line: "36 35 98:0 /root /mount/point options optional... - type source options". Words as they stand, \040 and all. */
bool users_parse_mount(struct slice line, struct mount *ret)
{
	struct slice words[6];
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!slice_next_word(&line, &words[i]))
			return false;
	unsigned int numbers[2] = { 0, 0 };
	size_t at = 0;
	for (size_t i = 0; i < words[2].length; i++) {
		char c = words[2].start[i];
		if (c == ':' && at == 0)
			at = 1;
		else if (c >= '0' && c <= '9')
			numbers[at] = numbers[at] * 10 + (unsigned int)(c - '0');
		else
			return false;
	}
	*ret = (struct mount){ .number = makedev(numbers[0], numbers[1]), .point = words[4] };
	struct slice word;
	do {
		if (!slice_next_word(&line, &word))
			return false;
	} while (!slice_equals(word, "-"));
	if (!slice_next_word(&line, &ret->type) || !slice_next_word(&line, &ret->source))
		return false;
	ret->options = slice_trim(line);
	return true;
}

/* The node behind a path such as /dev/mapper/vg-root or /dev/disk/by-uuid/...: by its number, or by where links lead. */
static struct node *find_by_path(struct finding *finding, struct slice path)
{
	struct stat status;
	char *real;
	const char *text = arena_strndup(finding->arena, path.start, path.length);
	if (path.length == 0 || path.start[0] != '/')
		return NULL;
	if (root_stat(finding->root, text, &status, NULL) == 0 && S_ISBLK(status.st_mode))
		return users_node_by_number(finding, status.st_rdev, true);
	if (root_real_path(finding->root, finding->arena, text, &real, NULL) == 0)
		return users_node_by_device(finding, real);
	return users_node_by_device(finding, text);
}

/* Which disks a pool is on, the disks say (users-block.c). */
static void note_zfs(struct finding *finding, const struct mount *mount)
{
	if (!slice_equals(mount->type, "zfs"))
		return;
	finding->zfs_sources.arena = finding->zfs_points.arena = finding->arena;
	list_add(&finding->zfs_sources, arena_strndup(finding->arena, mount->source.start, mount->source.length));
	list_add(&finding->zfs_points, arena_strndup(finding->arena, mount->point.start, mount->point.length));
}

static void find_mount(struct finding *finding, const struct mount *mount)
{
	note_zfs(finding, mount);
	struct node *node = users_node_by_number(finding, mount->number, true);
	/* File systems that may have several devices have an anonymous number (major 0); the source names one device. */
	if (!node && major(mount->number) == 0)
		node = find_by_path(finding, mount->source);
	if (!node)
		return;
	const char *point = arena_strndup(finding->arena, mount->point.start, mount->point.length);
	bool is_root = strcmp(point, "/") == 0;
	users_add_of(finding, node, USE_FILE_SYSTEM,
		     is_root ? USE_ROOT_BRIEF : arena_printf(finding->arena, "mounted at %s", point),
		     "is mounted at %s (%.*s)", point, (int)mount->type.length, mount->type.start);
}

void users_find_mounts(struct finding *finding)
{
	struct error error;
	struct slice text;
	struct slice line;
	int r = root_read(finding->root, finding->arena, "/proc/self/mountinfo", &text, &error);
	if (r < 0)
		users_add_unknown(finding, USERS_DISKS | USERS_INTERFACES, true, "mounts",
				  "not known what is mounted: %s", error.text);
	while (r == 0 && slice_next_line(&text, &line)) {
		struct mount mount;
		if (users_parse_mount(line, &mount))
			find_mount(finding, &mount);
	}
}

void users_find_swap(struct finding *finding)
{
	struct error error;
	struct slice text;
	struct slice line;
	int r = root_read(finding->root, finding->arena, "/proc/swaps", &text, &error);
	/* A kernel without swap has no such file. */
	if (r < 0 && !root_absent(r))
		users_add_unknown(finding, USERS_DISKS, true, "swap", "not known what is swap: %s", error.text);
	while (r == 0 && slice_next_line(&text, &line)) {
		struct slice path;
		if (!slice_next_word(&line, &path))
			continue;
		struct node *node = find_by_path(finding, path);
		if (node)
			users_add_of(finding, node, USE_SWAP, "swap", "is swap space");
	}
}
