/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree of a snapshot: finding, adding, removing, and following paths. */
#include "base/snapshot.h"

#include <errno.h>
#include <limits.h>

void snapshot_init(struct snapshot *snapshot)
{
	*snapshot = (struct snapshot){ .top = { .name = "", .kind = SNAPSHOT_DIRECTORY },
				       .questions = { .name = "", .kind = SNAPSHOT_DIRECTORY } };
	snapshot->comments.arena = &snapshot->arena;
}

void snapshot_release(struct snapshot *snapshot)
{
	arena_release(&snapshot->arena);
	snapshot->table = NULL;
}

/* FNV-1a, begun with an address: nobody who writes a file knows which names will meet. */
static size_t hash(const struct snapshot_node *directory, struct slice name)
{
	uint64_t value = 0xcbf29ce484222325U ^ (uint64_t)(uintptr_t)directory;
	for (size_t i = 0; i < name.length; i++)
		value = (value ^ (unsigned char)name.start[i]) * 0x100000001b3U;
	return (size_t)(value ^ value >> 29);
}

/* The place in the table where a node is, or belongs. */
static struct snapshot_node **place_of(const struct snapshot *snapshot, const struct snapshot_node *directory,
				       struct slice name)
{
	size_t at = hash(directory, name) & (snapshot->table_size - 1);
	while (snapshot->table[at] &&
	       (snapshot->table[at]->parent != directory || !slice_equals(name, snapshot->table[at]->name)))
		at = (at + 1) & (snapshot->table_size - 1);
	return &snapshot->table[at];
}

static void make_room(struct snapshot *snapshot)
{
	struct snapshot_node **old = snapshot->table;
	size_t old_size = snapshot->table_size;
	if ((snapshot->count + 1) * 2 <= old_size)
		return;
	snapshot->table_size = old_size ? old_size * 2 : 256;
	snapshot->table = arena_alloc_array(&snapshot->arena, snapshot->table_size, sizeof(struct snapshot_node *));
	for (size_t i = 0; i < old_size; i++)
		if (old[i])
			*place_of(snapshot, old[i]->parent, slice_of(old[i]->name)) = old[i];
}

struct snapshot_node *snapshot_find(const struct snapshot *snapshot, const struct snapshot_node *directory,
				    struct slice name)
{
	return snapshot->table_size ? *place_of(snapshot, directory, name) : NULL;
}

struct snapshot_node *snapshot_add(struct snapshot *snapshot, struct snapshot_node *directory, struct slice name)
{
	make_room(snapshot);
	struct snapshot_node **place = place_of(snapshot, directory, name);
	if (*place)
		return *place;
	struct snapshot_node *node = arena_alloc(&snapshot->arena, sizeof(*node));
	node->name = arena_strndup(&snapshot->arena, name.start, name.length);
	node->parent = directory;
	node->next = directory->first;
	directory->first = node;
	snapshot->count++;
	*place = node;
	return node;
}

static void forget(struct snapshot_node *node, enum snapshot_kind kind)
{
	/* The place in the tree stays, since the table knows it; what is in it goes along. */
	for (struct snapshot_node *child = node->first; child; child = child->next)
		forget(child, SNAPSHOT_NOTHING);
	*node = (struct snapshot_node){
		.parent = node->parent,
		.first = node->first,
		.next = node->next,
		.name = node->name,
		.kind = (uint8_t)kind,
	};
}

void snapshot_remove(struct snapshot_node *node)
{
	forget(node, SNAPSHOT_ABSENT);
}

void snapshot_set_text(struct snapshot *snapshot, struct snapshot_node *node, struct slice text)
{
	node->text = arena_strndup(&snapshot->arena, text.start, text.length);
	node->length = text.length;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(struct snapshot_node *const *)a)->name, (*(struct snapshot_node *const *)b)->name);
}

struct snapshot_node **snapshot_children(struct arena *arena, const struct snapshot_node *directory, size_t *ret_count)
{
	size_t count = 0;
	for (const struct snapshot_node *child = directory->first; child; child = child->next)
		count += child->kind != SNAPSHOT_NOTHING;
	struct snapshot_node **children = arena_alloc_array(arena, count + 1, sizeof(struct snapshot_node *));
	size_t at = 0;
	for (struct snapshot_node *child = directory->first; child; child = child->next)
		if (child->kind != SNAPSHOT_NOTHING)
			children[at++] = child;
	qsort(children, count, sizeof(struct snapshot_node *), compare_names);
	*ret_count = count;
	return children;
}

char *snapshot_path(struct arena *arena, const struct snapshot_node *node)
{
	size_t length = 0;
	for (const struct snapshot_node *at = node; at->parent; at = at->parent)
		length += strlen(at->name) + 1;
	if (length == 0)
		return arena_strdup(arena, "/");
	char *path = arena_alloc(arena, length + 1);
	for (const struct snapshot_node *at = node; at->parent; at = at->parent) {
		size_t part = strlen(at->name);
		length -= part + 1;
		path[length] = '/';
		memcpy(path + length + 1, at->name, part);
	}
	return path;
}

bool snapshot_is_complete(const struct snapshot *snapshot, const struct snapshot_node *directory)
{
	return !snapshot->partial || directory->listed;
}

struct walk {
	const struct snapshot *snapshot;
	struct snapshot_node *at;
	char rest[3 * PATH_MAX]; /* what is still to be followed */
	size_t start;            /* where in it */
	int links;
	snapshot_look *look; /* NULL: what is known is all there is */
	void *context;
};

/* What is in the directory at hand under this name, or why that is not to be had. */
static int look_up(const struct walk *walk, struct slice name, struct snapshot_node **ret)
{
	struct snapshot_node *node = walk->look ? walk->look(walk->context, walk->at, name) :
						  snapshot_find(walk->snapshot, walk->at, name);
	if (node && node->kind != SNAPSHOT_NOTHING) {
		*ret = node;
		return node->kind == SNAPSHOT_ABSENT ? -ENOENT : 0;
	}
	/* A directory that we may not read can still be searched for names that we know. */
	if (walk->at->error)
		return -walk->at->error;
	return snapshot_is_complete(walk->snapshot, walk->at) ? -ENOENT : -ENODATA;
}

/* Puts where a link leads in front of what is left. `last`: nothing is behind it, not even a slash. */
static int follow(struct walk *walk, const struct snapshot_node *link, bool last)
{
	if (++walk->links > SNAPSHOT_LINKS_MAX)
		return -ELOOP;
	if (link->error)
		return -link->error;
	if (!link->text)
		return -ENODATA;
	if (link->length == 0)
		return -ENOENT;
	const char *rest = walk->rest + walk->start;
	size_t length = strlen(rest);
	if (link->length + 1 + length >= sizeof(walk->rest))
		return -ENAMETOOLONG;
	memmove(walk->rest + link->length + !last, rest, length + 1);
	memcpy(walk->rest, link->text, link->length);
	if (!last)
		walk->rest[link->length] = '/';
	walk->start = 0;
	if (link->text[0] == '/')
		walk->at = (struct snapshot_node *)&walk->snapshot->top;
	return 0;
}

/* One component. */
static int step(struct walk *walk, struct slice name, bool last, bool follow_last)
{
	struct snapshot_node *node = NULL;
	if (walk->at->kind != SNAPSHOT_DIRECTORY)
		return -ENOTDIR;
	if (name.length == 0 || slice_equals(name, "."))
		return 0;
	if (slice_equals(name, "..")) {
		if (walk->at->parent)
			walk->at = walk->at->parent;
		return 0;
	}
	int r = look_up(walk, name, &node);
	if (r < 0 || !node)
		return r;
	if (node->kind == SNAPSHOT_LINK && (!last || follow_last))
		return follow(walk, node, last);
	walk->at = node;
	return 0;
}

int snapshot_walk(const struct snapshot *snapshot, const char *path, bool follow_last, struct snapshot_node **ret)
{
	return snapshot_walk_looking(snapshot, path, follow_last, NULL, NULL, ret);
}

int snapshot_walk_looking(const struct snapshot *snapshot, const char *path, bool follow_last, snapshot_look *look,
			  void *context, struct snapshot_node **ret)
{
	struct walk walk = { .snapshot = snapshot, .look = look, .context = context };
	walk.at = (struct snapshot_node *)&snapshot->top;
	size_t length = strlen(path);
	if (length == 0)
		return -ENOENT;
	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(walk.rest, path, length + 1);
	while (walk.rest[walk.start]) {
		struct slice name = { walk.rest + walk.start, strcspn(walk.rest + walk.start, "/") };
		bool last = name.start[name.length] == '\0';
		walk.start += name.length + !last;
		int r = name.length > SNAPSHOT_NAME_MAX ? -ENAMETOOLONG : step(&walk, name, last, follow_last);
		if (r < 0)
			return r;
		/* "file/" asks for a directory. */
		if (!last && walk.rest[walk.start] == '\0' && walk.at->kind != SNAPSHOT_DIRECTORY)
			return -ENOTDIR;
	}
	*ret = walk.at;
	return 0;
}
