/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All block devices of the machine, each once: /sys/dev/block has a link "259:3" to the folder of each, and so has
 * /sys/class/block by name (Documentation/admin-guide/sysfs-rules.rst).
 */
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "host/users-internal.h"

#define DEV_BLOCK "/sys/dev/block"
#define CLASS_BLOCK "/sys/class/block"

bool users_parse_number(const char *text, dev_t *ret)
{
	uint64_t major;
	uint64_t minor;
	char left[16];
	size_t length = strcspn(text, ":");
	if (text[length] != ':' || length >= sizeof(left))
		return false;
	memcpy(left, text, length);
	left[length] = '\0';
	if (text_to_number(left, 10, UINT32_MAX, &major) < 0 ||
	    text_to_number(text + length + 1, 10, UINT32_MAX, &minor) < 0)
		return false;
	*ret = makedev((unsigned int)major, (unsigned int)minor);
	return true;
}

/* Whether a path has no "." and ".." in it: then nothing but a link could make it lead elsewhere. */
static bool is_plain(const char *path)
{
	return !strstr(path, "/./") && !strstr(path, "/../") && !strstr(path, "//") && !text_ends_with(path, "/..") &&
	       !text_ends_with(path, "/") && !text_ends_with(path, "/.");
}

/*
 * The links of sysfs are relative, go up first and then straight to a folder, without any other link on the way
 * (fs/kernfs/symlink.c, kernfs_get_target_path()). The kernel need not be asked where they lead.
 */
static const char *join(struct arena *arena, const char *folder, const char *target)
{
	if (target[0] == '/')
		return target;
	size_t length = strlen(folder);
	while (text_starts_with(target, "../")) {
		while (length && folder[length - 1] != '/')
			length--;
		if (length)
			length--;
		target += 3;
	}
	return arena_printf(arena, "%.*s/%s", (int)length, folder, target);
}

const char *users_follow(const struct finding *finding, const char *folder, const char *name)
{
	char *target;
	const char *link = arena_printf(finding->arena, "%s/%s", folder, name);
	if (root_read_link(finding->root, finding->arena, link, &target, NULL) == 0) {
		const char *path = join(finding->arena, folder, target);
		if (text_starts_with(path, "/sys/devices/") && is_plain(path))
			return path;
	}
	return root_real_path(finding->root, finding->arena, link, &target, NULL) < 0 ? NULL : target;
}

static bool read_block(const struct finding *finding, const char *folder, const char *entry, struct block *ret)
{
	char *number;
	const char *path = users_follow(finding, folder, entry);
	if (!path)
		return false;
	*ret = (struct block){ .name = text_basename(path), .path = path, .loops = { .arena = finding->arena } };
	if (users_parse_number(entry, &ret->number))
		return true;
	const char *file = arena_printf(finding->arena, "%s/dev", path);
	if (root_read_line(finding->root, finding->arena, file, &number, NULL) < 0 ||
	    !users_parse_number(number, &ret->number))
		ret->number = 0;
	return true;
}

static int compare_blocks(const void *a, const void *b)
{
	return strcmp(((const struct block *)a)->path, ((const struct block *)b)->path);
}

bool users_read_blocks(struct finding *finding)
{
	struct arena *arena = finding->arena;
	struct blocks *blocks = &finding->blocks;
	struct list entries = { .arena = arena };
	const char *folder = DEV_BLOCK;
	/* Containers hide the first behind an empty folder (Podman masks it), and trees made by hand may lack it. */
	bool complete = root_list(finding->root, arena, folder, &entries, NULL) == 0;
	if (entries.count == 0)
		folder = CLASS_BLOCK;
	if (entries.count == 0 && root_list(finding->root, arena, folder, &entries, NULL) < 0)
		return false;
	blocks->items = arena_alloc_array(arena, entries.count + 1, sizeof(*blocks->items));
	for (size_t i = 0; i < entries.count; i++)
		if (read_block(finding, folder, entries.items[i], &blocks->items[blocks->count]))
			blocks->count++;
	if (blocks->count)
		qsort(blocks->items, blocks->count, sizeof(*blocks->items), compare_blocks);
	for (size_t i = 0; i < blocks->count; i++) {
		index_put_text(&blocks->names, arena, blocks->items[i].name, i);
		if (blocks->items[i].number)
			index_put_number(&blocks->numbers, arena, blocks->items[i].number, i);
	}
	return complete;
}

struct block *users_block_by_name(struct finding *finding, const char *name)
{
	size_t at = index_find_text(&finding->blocks.names, name);
	return at == SIZE_MAX ? NULL : &finding->blocks.items[at];
}

struct block *users_block_by_number(struct finding *finding, dev_t number)
{
	size_t at = index_find_number(&finding->blocks.numbers, number);
	return at == SIZE_MAX ? NULL : &finding->blocks.items[at];
}

size_t users_partitions_of(const struct finding *finding, const struct block *disk, size_t *ret_count)
{
	const struct blocks *blocks = &finding->blocks;
	const char *prefix = arena_printf(finding->arena, "%s/", disk->path);
	size_t low = 0;
	size_t high = blocks->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(blocks->items[middle].path, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_count = 0;
	while (low + *ret_count < blocks->count && text_starts_with(blocks->items[low + *ret_count].path, prefix))
		++*ret_count;
	return low;
}
