/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/change.h"

void plan_begin(struct plan *plan, const struct root *root, struct arena *arena)
{
	*plan = (struct plan){ .root = root, .arena = arena, .notes = { .arena = arena } };
}

struct plan plan_copy(const struct plan *plan)
{
	struct plan copy = *plan;
	copy.items = arena_alloc_array(plan->arena, plan->count + 1, sizeof(*copy.items));
	copy.grounds = arena_alloc_array(plan->arena, plan->ground_count + 1, sizeof(*copy.grounds));
	if (plan->count)
		memcpy(copy.items, plan->items, plan->count * sizeof(*copy.items));
	if (plan->ground_count)
		memcpy(copy.grounds, plan->grounds, plan->ground_count * sizeof(*copy.grounds));
	copy.room = plan->count + 1;
	copy.ground_room = plan->ground_count + 1;
	return copy;
}

/* One change may mend several. */
static void note_check(const struct plan *plan, struct change *change)
{
	if (!plan->check || (change->check && strstr(change->check, plan->check)))
		return;
	change->check = change->check ? arena_printf(plan->arena, "%s, %s", change->check, plan->check) : plan->check;
}

static struct change *find_change(const struct plan *plan, enum change_kind kind, const char *path)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].kind == kind && strcmp(plan->items[i].path, path) == 0)
			return &plan->items[i];
	return NULL;
}

static struct change_ground *find_ground(const struct plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->ground_count; i++)
		if (strcmp(plan->grounds[i].path, path) == 0)
			return &plan->grounds[i];
	return NULL;
}

/* Before the first that generates something of a later rank: those stay last, and in order. */
static struct change *add(struct plan *plan, const struct change *change)
{
	size_t place = plan->count;
	while (place > 0 && plan->items[place - 1].generates > change->generates)
		place--;
	if (plan->count == plan->room) {
		plan->room = plan->room ? plan->room * 2 : 16;
		plan->items = arena_grow(plan->arena, plan->items, plan->count, plan->room, sizeof(*plan->items));
	}
	memmove(plan->items + place + 1, plan->items + place, (plan->count - place) * sizeof(*plan->items));
	plan->count++;
	plan->items[place] = *change;
	plan->items[place].check = plan->check;
	return &plan->items[place];
}

/* ---- Files ---- */

static void add_ground(struct plan *plan, const char *path, const struct file_state *state)
{
	if (plan->ground_count == plan->ground_room) {
		plan->ground_room = plan->ground_room ? plan->ground_room * 2 : 16;
		plan->grounds = arena_grow(plan->arena, plan->grounds, plan->ground_count, plan->ground_room,
					   sizeof(*plan->grounds));
	}
	plan->grounds[plan->ground_count++] = (struct change_ground){ path, *state };
}

int plan_read_place(struct plan *plan, const char *path, struct file_state *ret, struct error *error)
{
	const struct change *change = find_change(plan, CHANGE_FILE, path);
	const struct change_ground *ground = find_ground(plan, path);
	if (change) {
		*ret = change->after;
	} else if (ground) {
		*ret = ground->state;
	} else {
		int r = root_read_state(plan->root, plan->arena, path, ret, error);
		if (r < 0)
			return r;
		add_ground(plan, path, ret);
	}
	return 0;
}

int plan_read(struct plan *plan, const char **path, struct file_state *ret, struct error *error)
{
	char *real;
	struct file_state state;
	int r = root_real_path(plan->root, plan->arena, *path, &real, error);
	if (r < 0 && !root_absent(r))
		return r;
	const char *found = r < 0 ? *path : real;
	r = plan_read_place(plan, found, &state, error);
	if (r < 0)
		return r;
	if (state.link)
		return error_set(error, -ELOOP, "%s%s: a link to %s, which is not there", plan->root->name, found,
				 state.link);
	*ret = state;
	*path = found;
	return 0;
}

static void remove_change(struct plan *plan, const struct change *change)
{
	size_t place = (size_t)(change - plan->items);
	plan->count--;
	memmove(plan->items + place, plan->items + place + 1, (plan->count - place) * sizeof(*plan->items));
}

/* The file is in the plan, as ground or as a change, because it was read. */
static void set_file(struct plan *plan, const char *path, const struct file_state *after, enum restart restart,
		     const char *why)
{
	struct change *change = find_change(plan, CHANGE_FILE, path);
	struct change_ground *ground = find_ground(plan, path);
	if (!change) {
		struct change added = { .kind = CHANGE_FILE, .path = path, .before = ground->state, .why = why };
		*ground = plan->grounds[--plan->ground_count];
		change = add(plan, &added);
	} else {
		change->why = strstr(change->why, why) ? change->why :
							 arena_printf(plan->arena, "%s; %s", change->why, why);
	}
	note_check(plan, change);
	change->after = *after;
	if (restart > change->restart)
		change->restart = restart;
	if (change_same_state(&change->before, &change->after)) {
		add_ground(plan, path, &change->before);
		remove_change(plan, change);
	}
}

int plan_write_file(struct plan *plan, const char *path, struct slice content, mode_t mode, enum restart restart,
		    const char *why, struct error *error)
{
	struct file_state after;
	int r = plan_read(plan, &path, &after, error);
	if (r < 0)
		return r;
	if (!after.present)
		after = file_state_new(content, mode);
	after.content = (struct slice){ arena_strndup(plan->arena, content.start, content.length), content.length };
	after.mtime.tv_nsec = UTIME_OMIT;
	set_file(plan, path, &after, restart, arena_strdup(plan->arena, why));
	return 0;
}

int plan_remove_file(struct plan *plan, const char *path, enum restart restart, const char *why, struct error *error)
{
	struct file_state state;
	int r = plan_read(plan, &path, &state, error);
	if (r < 0)
		return r;
	state = (struct file_state){ 0 };
	set_file(plan, path, &state, restart, arena_strdup(plan->arena, why));
	return 0;
}

int plan_remove_own_file(struct plan *plan, const char *path, enum restart restart, const char *why,
			 struct error *error)
{
	int r = plan_remove_file(plan, path, restart, why, error);
	struct change *change = r == 0 ? find_change(plan, CHANGE_FILE, path) : NULL;
	if (change)
		change->folder = true;
	return r;
}

int plan_write_place(struct plan *plan, const char *path, const struct file_state *after, enum restart restart,
		     const char *why, struct error *error)
{
	struct file_state now;
	int r = plan_read_place(plan, path, &now, error);
	if (r < 0)
		return r;
	set_file(plan, path, after, restart, arena_strdup(plan->arena, why));
	return 0;
}

/* ---- Attributes ---- */

int plan_set_attribute(struct plan *plan, const char *path, const char *value, const char *why, struct error *error)
{
	char *now;
	struct change *change = find_change(plan, CHANGE_ATTRIBUTE, path);
	if (plan->root->kind == ROOT_OFFLINE)
		return error_set(error, -EROFS, "%s%s: only a running system has attributes to set", plan->root->name,
				 path);
	int r = root_read_line(plan->root, plan->arena, path, &now, error);
	if (r < 0 || (!change && strcmp(now, value) == 0))
		return r;
	if (!change) {
		struct change added = { .kind = CHANGE_ATTRIBUTE, .path = arena_strdup(plan->arena, path) };
		change = add(plan, &added);
	}
	change->why = arena_strdup(plan->arena, why);
	change->before = (struct file_state){ .present = true, .content = slice_of(now) };
	change->after = (struct file_state){ .present = true, .content = slice_of(arena_strdup(plan->arena, value)) };
	return 0;
}

/* ---- Settings of VMs ---- */

static struct change *find_setting(const struct plan *plan, const struct manager *manager, const char *vm,
				   const char *key)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct change *change = &plan->items[i];
		if (change->kind == CHANGE_SETTING && change->manager == manager && strcmp(change->vm, vm) == 0 &&
		    strcmp(change->key, key) == 0)
			return change;
	}
	return NULL;
}

int plan_get_setting(struct plan *plan, const struct manager *manager, const char *vm, const char *key,
		     const char **ret, struct error *error)
{
	const struct change *change = find_setting(plan, manager, vm, key);
	if (!change)
		return manager->read_setting(plan->root, plan->arena, vm, key, ret, error);
	*ret = change->value_after;
	return 0;
}

int plan_set(struct plan *plan, const struct manager *manager, const char *vm, const char *key, const char *value,
	     enum restart restart, const char *why, struct error *error)
{
	const char *now;
	struct change *change = find_setting(plan, manager, vm, key);
	int r = plan_get_setting(plan, manager, vm, key, &now, error);
	if (r < 0 || manager_is_same(manager, plan->arena, key, value, now))
		return r;
	if (!change) {
		struct change added = { .kind = CHANGE_SETTING,
					.why = arena_strdup(plan->arena, why),
					.manager = manager,
					.vm = arena_strdup(plan->arena, vm),
					.key = arena_strdup(plan->arena, key),
					.value_before = now };
		change = add(plan, &added);
	} else if (!strstr(change->why, why)) {
		change->why = arena_printf(plan->arena, "%s; %s", change->why, why);
	}
	change->value_after = value ? arena_strdup(plan->arena, value) : NULL;
	if (restart > change->restart)
		change->restart = restart;
	if (manager_is_same(manager, plan->arena, key, change->value_after, change->value_before))
		remove_change(plan, change);
	return 0;
}

/* ---- Commands ---- */

static const char *const *copy_argv(struct arena *arena, const char *const *argv)
{
	struct list copy = { .arena = arena };
	for (size_t i = 0; argv && argv[i]; i++)
		list_add(&copy, arena_strdup(arena, argv[i]));
	return copy.items;
}

static bool same_argv(const char *const *a, const char *const *b)
{
	size_t i = 0;
	while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
		i++;
	return !a[i] && !b[i];
}

static void run(struct plan *plan, const struct change *wanted)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct change *change = &plan->items[i];
		if (change->kind != CHANGE_COMMAND || !same_argv(change->argv, wanted->argv))
			continue;
		if (wanted->restart > change->restart)
			change->restart = wanted->restart;
		note_check(plan, change);
		return;
	}
	struct change added = *wanted;
	added.kind = CHANGE_COMMAND;
	added.why = arena_strdup(plan->arena, wanted->why);
	added.argv = copy_argv(plan->arena, wanted->argv);
	added.undo = copy_argv(plan->arena, wanted->undo);
	add(plan, &added);
}

void plan_run(struct plan *plan, const char *const *argv, const char *const *undo, enum change_generates generates,
	      enum restart restart, const char *why)
{
	const struct change wanted = {
		.argv = argv, .undo = undo, .generates = generates, .restart = restart, .why = why
	};
	run(plan, &wanted);
}

void plan_run_each(struct plan *plan, const char *each, const char *const *argv, enum change_generates generates,
		   enum restart restart, const char *why)
{
	const struct change wanted = {
		.argv = argv, .each = each, .generates = generates, .restart = restart, .why = why
	};
	run(plan, &wanted);
}

enum restart plan_restart(const struct plan *plan)
{
	enum restart most = RESTART_NONE;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].restart > most)
			most = plan->items[i].restart;
	return most;
}
