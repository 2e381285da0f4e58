/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/step.h"

#include <stdlib.h>

#include "base/child.h"

/* Making every initramfs anew on a slow disk takes many minutes. */
#define COMMAND_LIMIT_MS (60u * 60 * 1000)

/* ---- Looking ---- */

/* "always [madvise] never": of several words one is chosen. */
static struct slice chosen_word(struct slice text)
{
	const char *open = memchr(text.start, '[', text.length);
	const char *close = open ? memchr(open, ']', text.length - (size_t)(open - text.start)) : NULL;
	return close ? (struct slice){ open + 1, (size_t)(close - open) - 1 } : text;
}

static bool reads_as(struct slice now, struct slice wanted)
{
	struct slice a = chosen_word(now);
	struct slice b = chosen_word(wanted);
	return a.length == b.length && memcmp(a.start, b.start, a.length) == 0;
}

static int look_at_attribute(const struct root *root, struct arena *arena, const struct change *change,
			     enum change_seen *ret, struct error *error)
{
	char *now;
	int r = root_read_line(root, arena, change->path, &now, error);
	if (r < 0)
		return r;
	*ret = reads_as(slice_of(now), change->after.content)  ? SEEN_AFTER :
	       reads_as(slice_of(now), change->before.content) ? SEEN_BEFORE :
								 SEEN_OTHER;
	return 0;
}

/* A file that we made has the owner and permissions that its file system gave it. */
static bool is_after(const struct change *change, const struct file_state *now)
{
	struct file_state wanted = change->after;
	if (!change->before.present && wanted.present && now->present && !wanted.link) {
		wanted.mode = now->mode;
		wanted.owner = now->owner;
		wanted.group = now->group;
	}
	return change_same_state(now, &wanted);
}

static int look_at_setting(const struct root *root, struct arena *arena, const struct change *change,
			   enum change_seen *ret, struct error *error)
{
	const char *now;
	int r = change->manager->read_setting(root, arena, change->vm, change->key, &now, error);
	if (r < 0)
		return r;
	*ret = manager_is_same(change->manager, arena, change->key, change->value_after, now)  ? SEEN_AFTER :
	       manager_is_same(change->manager, arena, change->key, change->value_before, now) ? SEEN_BEFORE :
												 SEEN_OTHER;
	return 0;
}

int change_look(const struct root *root, struct arena *arena, const struct change *change, enum change_seen *ret,
		struct error *error)
{
	struct file_state now;
	if (change->kind == CHANGE_ATTRIBUTE)
		return look_at_attribute(root, arena, change, ret, error);
	if (change->kind == CHANGE_SETTING)
		return look_at_setting(root, arena, change, ret, error);
	int r = root_read_state(root, arena, change->path, &now, error);
	if (r < 0)
		return r;
	*ret = is_after(change, &now)                   ? SEEN_AFTER :
	       change_same_state(&now, &change->before) ? SEEN_BEFORE :
							  SEEN_OTHER;
	return 0;
}

const char *change_edited(const struct root *root, struct arena *arena, const struct change *change,
			  enum change_seen wanted)
{
	struct file_state now;
	const char *value;
	if (change->kind == CHANGE_SETTING &&
	    change->manager->read_setting(root, arena, change->vm, change->key, &value, NULL) == 0)
		return change_setting_difference(arena, change,
						 wanted == SEEN_AFTER ? change->value_after : change->value_before,
						 value);
	if (change->kind != CHANGE_FILE || root_read_state(root, arena, change->path, &now, NULL) < 0)
		return "";
	return change_difference(arena, change->path, wanted == SEEN_AFTER ? &change->after : &change->before, &now);
}

/* ---- Doing ---- */

/* A login's PATH may lack the system's folders, and the scripts that we start look their programs up in it. */
static void complete_path(struct arena *arena)
{
	static const char *const folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };
	const char *path = getenv("PATH");
	const char *framed = arena_printf(arena, ":%s:", path ? path : "");
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (!strstr(framed, arena_printf(arena, ":%s:", folders[i])))
			framed = arena_printf(arena, "%s%s:", framed, folders[i]);
	framed += strspn(framed, ":");
	setenv("PATH", arena_strndup(arena, framed, strlen(framed) - 1), 1);
}

/* Such programs rename and do not sync: the journal must not call done what a power failure would take back. */
static int sync_made(const struct root *root, struct error *error)
{
	static const char *const places[] = { "/etc", "/boot", "/boot/efi", "/efi" };
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(places) && r == 0; i++)
		r = root_sync(root, places[i], error);
	return r;
}

static int run(const struct root *root, struct arena *arena, const char *const *argv, struct error *error)
{
	struct list words = { .arena = arena };
	if (root->kind != ROOT_LIVE) {
		list_add(&words, "chroot");
		list_add(&words, root->name);
	}
	for (size_t i = 0; argv[i]; i++)
		list_add(&words, argv[i]);
	struct child_request request = { .argv = words.items, .timeout_ms = COMMAND_LIMIT_MS };
	struct child_result result;
	complete_path(arena);
	int r = child_run_ok(arena, &request, &result, error);
	if (r == 0)
		r = sync_made(root, error);
	return r < 0 ? error_prefix(error, r, "run %s", change_command(arena, words.items)) : 0;
}

static const char *parent_of(struct arena *arena, const char *path)
{
	return arena_strndup(arena, path, (size_t)(text_basename(path) - path));
}

static const char *put_in(struct arena *arena, const char *word, const char *rest)
{
	const char *star = strchr(word, '*');
	return star ? arena_printf(arena, "%.*s%s%s", (int)(star - word), word, rest, star + 1) : word;
}

static int run_each(const struct root *root, struct arena *arena, const struct change *change, struct error *error)
{
	const char *prefix = text_basename(change->each);
	struct list names = { .arena = arena };
	int r = root_list(root, arena, parent_of(arena, change->each), &names, error);
	for (size_t i = 0; i < names.count && r == 0; i++) {
		struct list words = { .arena = arena };
		/* A rescue kernel has an entry of its own, which stays as it is. */
		if (!text_starts_with(names.items[i], prefix) || strstr(names.items[i], "rescue"))
			continue;
		for (size_t j = 0; change->argv[j]; j++)
			list_add(&words, put_in(arena, change->argv[j], names.items[i] + strlen(prefix)));
		r = run(root, arena, words.items, error);
	}
	return r;
}

int change_run(const struct root *root, struct arena *arena, const struct change *change, struct error *error)
{
	return change->each ? run_each(root, arena, change, error) : run(root, arena, change->argv, error);
}

static int write_file(const struct root *root, struct arena *arena, const char *path, const struct file_state *state,
		      struct error *error)
{
	int r = 0;
	if (state->present)
		r = root_make_directories(root, arena, parent_of(arena, path), 0755, NULL, error);
	return r < 0 ? r : root_write_state(root, path, state, error);
}

static int write_attribute(const struct root *root, struct arena *arena, const struct change *change,
			   const struct file_state *state, struct error *error)
{
	struct slice word = chosen_word(state->content);
	return root_write_attribute(root, change->path, arena_printf(arena, "%.*s\n", (int)word.length, word.start),
				    error);
}

static int remove_folder(const struct root *root, struct arena *arena, const struct change *change, struct error *error)
{
	const char *folder = parent_of(arena, change->path);
	return root_remove_directory(root, arena_strndup(arena, folder, strlen(folder) - 1), error);
}

/* Brings a file or an attribute to `wanted`, from what it is when `from` is seen. */
static int bring(const struct root *root, struct arena *arena, const struct change *change, enum change_seen from,
		 struct error *error)
{
	enum change_seen seen;
	const struct file_state *wanted = from == SEEN_BEFORE ? &change->after : &change->before;
	int r = change_look(root, arena, change, &seen, error);
	if (r < 0)
		return r;
	if (seen == SEEN_OTHER)
		return error_set(error, -ESTALE, "%s%s was edited by somebody else meanwhile", root->name,
				 change->path);
	if (seen != from)
		return 0;
	return change->kind == CHANGE_FILE ? write_file(root, arena, change->path, wanted, error) :
					     write_attribute(root, arena, change, wanted, error);
}

static int set(const struct root *root, struct arena *arena, const struct change *change, const char *from,
	       const char *to, struct error *error)
{
	return change->manager->write_setting(root, arena, change->vm, change->key, from, to, error);
}

int change_do(const struct root *root, struct arena *arena, const struct change *change, struct error *error)
{
	if (change->kind == CHANGE_SETTING)
		return set(root, arena, change, change->value_before, change->value_after, error);
	if (change->kind == CHANGE_COMMAND)
		return change_run(root, arena, change, error);
	int r = bring(root, arena, change, SEEN_BEFORE, error);
	return r == 0 && change->folder ? remove_folder(root, arena, change, error) : r;
}

int change_take_back(const struct root *root, struct arena *arena, const struct change *change, struct error *error)
{
	if (change->kind == CHANGE_SETTING)
		return set(root, arena, change, change->value_after, change->value_before, error);
	if (change->kind == CHANGE_COMMAND)
		return change->undo ? run(root, arena, change->undo, error) : 0;
	return bring(root, arena, change, SEEN_AFTER, error);
}
