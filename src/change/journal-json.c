/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/journal-json.h"

#include "base/json.h"

#define FORMAT 1

static const char *const state_names[] = { "planned", "applying", "applied", "undoing", "undone" };
static const char *const kind_names[] = { "file", "attribute", "command", "setting" };
static const char *const generates_names[] = { "nothing", "initramfs", "boot" };
static const char *const restart_names[] = { "none", "vm", "host" };

const char *journal_state_name(enum journal_state state)
{
	return state_names[state];
}

/* ---- Writing ---- */

static bool is_utf8(const char *text)
{
	while (*text) {
		size_t length = text_character(text);
		if (!length)
			return false;
		text += length;
	}
	return true;
}

static const char *to_hex(struct arena *arena, struct slice bytes)
{
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "");
	for (size_t i = 0; i < bytes.length; i++)
		buffer_printf(&text, "%02x", (unsigned char)bytes.start[i]);
	return text.text;
}

static struct json_object *state_to_json(struct arena *arena, const struct file_state *state)
{
	if (!state->present)
		return NULL;
	struct json_object *object = json_object_new_object();
	struct json_object *xattrs = json_object_new_object();
	if (state->link)
		json_add_text(object, "link", state->link);
	json_add_text(object, "mode", arena_printf(arena, "%04o", (unsigned int)state->mode));
	json_add_number(object, "owner", state->owner);
	json_add_number(object, "group", state->group);
	if (state->mtime.tv_nsec != UTIME_OMIT && state->mtime.tv_sec >= 0) {
		json_add_number(object, "mtime", state->mtime.tv_sec);
		json_add_number(object, "mtime_ns", state->mtime.tv_nsec);
	}
	for (size_t i = 0; i < state->xattr_count; i++)
		json_add_text(xattrs, state->xattrs[i].name, to_hex(arena, state->xattrs[i].value));
	json_object_object_add(object, "xattrs", xattrs);
	return object;
}

static struct json_object *texts_to_json(const char *const *texts)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; texts && texts[i]; i++)
		json_object_array_add(array, json_new_text(texts[i]));
	return array;
}

static struct json_object *change_to_json(struct arena *arena, const struct change *change)
{
	struct json_object *object = json_object_new_object();
	json_add_text(object, "kind", kind_names[change->kind]);
	json_add_text(object, "why", change->why);
	json_add_text(object, "check", change->check);
	json_add_text(object, "restart", restart_names[change->restart]);
	if (change->kind == CHANGE_COMMAND) {
		json_object_object_add(object, "command", texts_to_json(change->argv));
		json_object_object_add(object, "undo", change->undo ? texts_to_json(change->undo) : NULL);
		json_add_text(object, "generates", generates_names[change->generates]);
		if (change->each)
			json_add_text(object, "each", change->each);
		return object;
	}
	if (change->kind == CHANGE_SETTING) {
		json_add_text(object, "manager", change->manager->id);
		json_add_text(object, "vm", change->vm);
		json_add_text(object, "key", change->key);
		json_add_text(object, "before", change->value_before);
		json_add_text(object, "after", change->value_after);
		return object;
	}
	json_add_text(object, "path", change->path);
	json_object_object_add(object, "before", state_to_json(arena, &change->before));
	json_object_object_add(object, "after", state_to_json(arena, &change->after));
	if (change->folder)
		json_object_object_add(object, "folder", json_object_new_boolean(true));
	return object;
}

static bool all_utf8(const char *const *texts)
{
	for (size_t i = 0; texts && texts[i]; i++)
		if (!is_utf8(texts[i]))
			return false;
	return true;
}

static bool is_keepable(const struct change *change)
{
	const char *const values[] = { change->vm, change->key, change->value_before, change->value_after,
				       change->before.link };
	if (change->kind == CHANGE_COMMAND)
		return all_utf8(change->argv) && all_utf8(change->undo);
	if (change->kind != CHANGE_SETTING && !is_utf8(change->path))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (values[i] && !is_utf8(values[i]))
			return false;
	return true;
}

static int check_texts(struct arena *arena, const struct plan *plan, struct error *error)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct change *change = &plan->items[i];
		if (!is_keepable(change))
			return error_set(error, -EINVAL, "%s: not UTF-8, which the journal cannot keep",
					 change_title(arena, change));
	}
	return 0;
}

int journal_format(struct arena *arena, const struct journal_entry *entry, struct slice *ret, struct error *error)
{
	AUTO_JSON *object = json_object_new_object();
	struct json_object *changes = json_object_new_array();
	json_add_number(object, "format", FORMAT);
	json_add_text(object, "version", entry->version);
	json_add_number(object, "time", entry->time);
	json_add_text(object, "state", state_names[entry->state]);
	json_add_number(object, "step", (int64_t)entry->step);
	json_add_text(object, "problem", entry->problem);
	if (entry->plan.purpose)
		json_add_text(object, "purpose", entry->plan.purpose);
	if (entry->plan.once)
		json_add_bool(object, "once", true);
	json_object_object_add(object, "directories", texts_to_json(entry->directories.items));
	json_object_object_add(object, "changes", changes);
	int r = check_texts(arena, &entry->plan, error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < entry->plan.count; i++)
		json_object_array_add(changes, change_to_json(arena, &entry->plan.items[i]));
	const char *text = json_object_to_json_string_ext(object,
							  JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	*ret = slice_of(arena_printf(arena, "%s\n", text));
	return 0;
}

/* ---- Reading ---- */

/* What is wrong with the text is remembered once; readers go on with harmless values. */
struct reading {
	struct arena *arena;
	const char *wrong; /* the first key that is not what it should be, or NULL */
};

static struct json_object *get(struct reading *reading, struct json_object *object, const char *key,
			       enum json_type type)
{
	struct json_object *value = NULL;
	bool found = json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, key, &value);
	if (found && json_object_is_type(value, type))
		return value;
	if (!reading->wrong)
		reading->wrong = key;
	return NULL;
}

static bool is_null(struct json_object *object, const char *key)
{
	struct json_object *value;
	return json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, key, &value) &&
	       !value;
}

static const char *get_text(struct reading *reading, struct json_object *object, const char *key)
{
	struct json_object *value = get(reading, object, key, json_type_string);
	const char *text = value ? json_object_get_string(value) : "";
	bool whole = !value || strlen(text) == (size_t)json_object_get_string_len(value);
	if ((!whole || !is_utf8(text)) && !reading->wrong)
		reading->wrong = key;
	return arena_strdup(reading->arena, text);
}

static int64_t get_number(struct reading *reading, struct json_object *object, const char *key, int64_t max)
{
	struct json_object *value = get(reading, object, key, json_type_int);
	int64_t number = value ? json_object_get_int64(value) : 0;
	if ((number < 0 || number > max) && !reading->wrong)
		reading->wrong = key;
	return number;
}

static size_t get_word(struct reading *reading, struct json_object *object, const char *key, const char *const *words,
		       size_t count)
{
	const char *text = get_text(reading, object, key);
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	if (!reading->wrong)
		reading->wrong = key;
	return 0;
}

static struct list get_texts(struct reading *reading, struct json_object *object, const char *key)
{
	struct list list = { .arena = reading->arena };
	struct json_object *array = get(reading, object, key, json_type_array);
	for (size_t i = 0; array && i < json_object_array_length(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		if (json_object_is_type(item, json_type_string) && is_utf8(json_object_get_string(item)))
			list_add(&list, arena_strdup(reading->arena, json_object_get_string(item)));
		else if (!reading->wrong)
			reading->wrong = key;
	}
	return list;
}

static int digit_of(char character)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = character ? strchr(digits, character) : NULL;
	return found ? (int)(found - digits) : -1;
}

static struct slice from_hex(struct reading *reading, const char *hex)
{
	size_t length = strlen(hex);
	char *bytes = arena_alloc(reading->arena, length / 2 + 1);
	for (size_t i = 0; i + 1 < length; i += 2) {
		int high = digit_of(hex[i]);
		int low = digit_of(hex[i + 1]);
		if ((high < 0 || low < 0) && !reading->wrong)
			reading->wrong = "xattrs";
		bytes[i / 2] = (char)((unsigned int)high << 4 | (unsigned int)low);
	}
	if (length % 2 && !reading->wrong)
		reading->wrong = "xattrs";
	return (struct slice){ bytes, length / 2 };
}

static void read_xattrs(struct reading *reading, struct json_object *object, struct file_state *state)
{
	struct json_object *xattrs = get(reading, object, "xattrs", json_type_object);
	if (!xattrs)
		return;
	state->xattrs = arena_alloc_array(reading->arena, (size_t)json_object_object_length(xattrs),
					  sizeof(*state->xattrs));
	json_object_object_foreach(xattrs, name, value) {
		if (!json_object_is_type(value, json_type_string)) {
			reading->wrong = reading->wrong ? reading->wrong : "xattrs";
			continue;
		}
		state->xattrs[state->xattr_count++] = (struct file_xattr){
			arena_strdup(reading->arena, name), from_hex(reading, json_object_get_string(value))
		};
	}
}

static uint64_t get_octal(struct reading *reading, struct json_object *object, const char *key)
{
	uint64_t mode = 0;
	const char *text = get_text(reading, object, key);
	if ((strlen(text) != 4 || strspn(text, "01234567") != 4) && !reading->wrong)
		reading->wrong = key;
	else
		for (; *text; text++)
			mode = mode << 3 | (uint64_t)(*text - '0');
	return mode;
}

static struct file_state read_state(struct reading *reading, struct json_object *outer, const char *key)
{
	struct file_state state = { .present = false };
	if (is_null(outer, key))
		return state;
	struct json_object *object = get(reading, outer, key, json_type_object);
	if (!object)
		return state;
	state.present = true;
	if (json_object_object_get_ex(object, "link", NULL))
		state.link = get_text(reading, object, "link");
	state.mode = (mode_t)get_octal(reading, object, "mode");
	state.owner = (uid_t)get_number(reading, object, "owner", UINT32_MAX);
	state.group = (gid_t)get_number(reading, object, "group", UINT32_MAX);
	state.mtime.tv_nsec = UTIME_OMIT;
	if (json_object_object_get_ex(object, "mtime", NULL)) {
		state.mtime.tv_sec = get_number(reading, object, "mtime", INT64_MAX);
		state.mtime.tv_nsec = get_number(reading, object, "mtime_ns", 999999999);
	}
	read_xattrs(reading, object, &state);
	return state;
}

static const char *get_optional(struct reading *reading, struct json_object *object, const char *key)
{
	return is_null(object, key) ? NULL : get_text(reading, object, key);
}

static void read_setting(struct reading *reading, struct json_object *object, struct change *change)
{
	change->manager = manager_find(get_text(reading, object, "manager"));
	change->vm = get_text(reading, object, "vm");
	change->key = get_text(reading, object, "key");
	change->value_before = get_optional(reading, object, "before");
	change->value_after = get_optional(reading, object, "after");
	if (!change->manager && !reading->wrong)
		reading->wrong = "manager";
}

static void read_change(struct reading *reading, struct json_object *object, struct change *change)
{
	change->kind = get_word(reading, object, "kind", kind_names, ARRAY_SIZE(kind_names));
	change->why = get_text(reading, object, "why");
	change->check = get_optional(reading, object, "check");
	change->restart = get_word(reading, object, "restart", restart_names, ARRAY_SIZE(restart_names));
	if (change->kind == CHANGE_COMMAND) {
		change->argv = get_texts(reading, object, "command").items;
		change->undo = is_null(object, "undo") ? NULL : get_texts(reading, object, "undo").items;
		change->generates = get_word(reading, object, "generates", generates_names,
					     ARRAY_SIZE(generates_names));
		if (json_object_object_get_ex(object, "each", NULL))
			change->each = get_text(reading, object, "each");
		if (change->each && change->each[0] != '/' && !reading->wrong)
			reading->wrong = "each";
		if (!change->argv && !reading->wrong)
			reading->wrong = "command";
		return;
	}
	if (change->kind == CHANGE_SETTING) {
		read_setting(reading, object, change);
		return;
	}
	change->path = get_text(reading, object, "path");
	if (change->path[0] != '/' && !reading->wrong)
		reading->wrong = "path";
	change->before = read_state(reading, object, "before");
	change->after = read_state(reading, object, "after");
	if (json_object_object_get_ex(object, "folder", NULL))
		change->folder = json_object_get_boolean(get(reading, object, "folder", json_type_boolean));
}

int journal_parse(struct arena *arena, struct slice text, struct journal_entry *ret, struct error *error)
{
	struct reading reading = { .arena = arena };
	AUTO_JSON *object = NULL;
	int r = json_read(text, &object, error);
	if (r < 0)
		return r;
	struct journal_entry entry = { .directories = { .arena = arena }, .plan = { .arena = arena } };
	if (get_number(&reading, object, "format", INT64_MAX) != FORMAT)
		return error_set(error, -EINVAL, "'format' is not %d: another version of nestpci wrote it", FORMAT);
	entry.version = get_text(&reading, object, "version");
	entry.time = get_number(&reading, object, "time", INT64_MAX);
	entry.state = get_word(&reading, object, "state", state_names, ARRAY_SIZE(state_names));
	entry.problem = get_optional(&reading, object, "problem");
	entry.directories = get_texts(&reading, object, "directories");
	/* Entries of old have neither. */
	if (json_object_object_get_ex(object, "purpose", NULL))
		entry.plan.purpose = get_text(&reading, object, "purpose");
	if (json_object_object_get_ex(object, "once", NULL))
		entry.plan.once = json_object_get_boolean(get(&reading, object, "once", json_type_boolean));
	struct json_object *changes = get(&reading, object, "changes", json_type_array);
	entry.plan.count = entry.plan.room = changes ? json_object_array_length(changes) : 0;
	entry.plan.items = arena_alloc_array(arena, entry.plan.count + 1, sizeof(*entry.plan.items));
	for (size_t i = 0; i < entry.plan.count; i++)
		read_change(&reading, json_object_array_get_idx(changes, i), &entry.plan.items[i]);
	entry.step = (size_t)get_number(&reading, object, "step", (int64_t)entry.plan.count);
	if (reading.wrong)
		return error_set(error, -EINVAL, "'%s' is missing, or not what it should be", reading.wrong);
	*ret = entry;
	return 0;
}
