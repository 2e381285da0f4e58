/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes for people. */
#include "base/shell.h"
#include "change/change.h"
#include "change/diff.h"

static bool same_permissions(const struct file_state *a, const struct file_state *b)
{
	return a->of_mount || b->of_mount || a->mode == b->mode;
}

static bool same_owner(const struct file_state *a, const struct file_state *b)
{
	return a->of_mount || b->of_mount || (a->owner == b->owner && a->group == b->group);
}

bool change_same_state(const struct file_state *a, const struct file_state *b)
{
	if (!a->present || !b->present)
		return a->present == b->present;
	if (a->link || b->link)
		return text_equals(a->link, b->link) && a->owner == b->owner && a->group == b->group;
	return same_permissions(a, b) && same_owner(a, b) && a->content.length == b->content.length &&
	       (a->content.length == 0 || memcmp(a->content.start, b->content.start, a->content.length) == 0);
}

/* What a diff of lines cannot show. */
static bool is_no_text(const struct file_state *state)
{
	return state->link || (state->content.length && memchr(state->content.start, '\0', state->content.length));
}

static const char *kind_of(struct arena *arena, const struct file_state *state)
{
	if (!state->present)
		return "absent";
	return state->link ? arena_printf(arena, "a link to %s", state->link) :
			     arena_printf(arena, "a file of %zu bytes, permissions %04o", state->content.length,
					  (unsigned int)state->mode);
}

const char *change_difference(struct arena *arena, const char *path, const struct file_state *before,
			      const struct file_state *after)
{
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "");
	if (is_no_text(before) || is_no_text(after))
		return arena_printf(arena, "# %s:\n# - %s\n# + %s\n", path, kind_of(arena, before),
				    kind_of(arena, after));
	diff_unified(&text, before->present ? path : "/dev/null", before->content, after->present ? path : "/dev/null",
		     after->content);
	if (before->present != after->present && !text.length)
		buffer_printf(&text, "# %s: %s, and empty\n", path, after->present ? "made" : "removed");
	if (!before->present && after->present && after->mode != 0644)
		buffer_printf(&text, "# %s: permissions %04o\n", path, (unsigned int)after->mode);
	if (!before->present || !after->present)
		return text.text;
	if (!same_permissions(before, after))
		buffer_printf(&text, "# %s: permissions %04o, were %04o\n", path, (unsigned int)after->mode,
			      (unsigned int)before->mode);
	if (!same_owner(before, after))
		buffer_printf(&text, "# %s: owner %u:%u, was %u:%u\n", path, after->owner, after->group, before->owner,
			      before->group);
	return text.text;
}

const char *change_command(struct arena *arena, const char *const *argv)
{
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "");
	for (size_t i = 0; argv && argv[i]; i++) {
		if (i)
			buffer_putc(&text, ' ');
		shell_quote(&text, argv[i]);
	}
	return text.text;
}

/* '*' becomes what the shell makes of the rest of the file's name. */
static const char *word_of_loop(struct arena *arena, const char *word, const char *each)
{
	struct buffer text = { .arena = arena };
	const char *star = strchr(word, '*');
	if (!star) {
		shell_quote(&text, word);
		return text.text;
	}
	if (strncmp(word, each, (size_t)(star - word)) == 0 && each[star - word] == '\0' && !star[1])
		return "\"$file\"";
	return arena_printf(arena, "\"%.*s${file#%s}%s\"", (int)(star - word), word, each, star + 1);
}

const char *change_commands(struct arena *arena, const struct change *change)
{
	struct buffer text = { .arena = arena };
	if (!change->each)
		return change_command(arena, change->argv);
	buffer_printf(&text, "for file in %s*; do", change->each);
	for (size_t i = 0; change->argv[i]; i++)
		buffer_printf(&text, " %s", word_of_loop(arena, change->argv[i], change->each));
	buffer_puts(&text, "; done");
	return text.text;
}

static const char *attribute_text(struct arena *arena, const struct change *change)
{
	struct buffer text = { .arena = arena };
	struct slice before = change->before.content;
	struct slice after = change->after.content;
	buffer_puts(&text, "echo ");
	shell_quote(&text, arena_strndup(arena, after.start, after.length));
	buffer_puts(&text, " > ");
	shell_quote(&text, change->path);
	buffer_printf(&text, "  # is '%.*s'\n", (int)before.length, before.start);
	return text.text;
}

const char *change_shown_value(struct arena *arena, const struct change *change, const char *value)
{
	const struct manager *manager = change->manager;
	return value && manager->veil ? manager->veil(arena, change->key, value) : value;
}

const char *change_setting_difference(struct arena *arena, const struct change *change, const char *before,
				      const char *after)
{
	struct buffer text = { .arena = arena };
	const char *name = change_object(arena, change);
	before = change_shown_value(arena, change, before);
	after = change_shown_value(arena, change, after);
	buffer_puts(&text, "");
	diff_unified(&text, before ? name : "/dev/null", slice_of(before ? arena_printf(arena, "%s\n", before) : ""),
		     after ? name : "/dev/null", slice_of(after ? arena_printf(arena, "%s\n", after) : ""));
	return text.text;
}

static const char *setting_text(struct arena *arena, const struct change *change)
{
	const struct manager *manager = change->manager;
	if (manager->show)
		return manager->show(arena, change->vm, change->key, change->value_before, change->value_after);
	return change_setting_difference(arena, change, change->value_before, change->value_after);
}

const char *change_object(struct arena *arena, const struct change *change)
{
	if (change->kind == CHANGE_SETTING)
		return arena_printf(arena, "%s of VM %s", change->key, change->vm);
	return change->path;
}

const char *change_text(struct arena *arena, const struct change *change)
{
	switch (change->kind) {
	case CHANGE_FILE:
		return arena_printf(arena, "%s%s",
				    change_difference(arena, change->path, &change->before, &change->after),
				    change->folder ? "# and its folder, when nothing else is in it\n" : "");
	case CHANGE_ATTRIBUTE:
		return attribute_text(arena, change);
	case CHANGE_SETTING:
		return setting_text(arena, change);
	case CHANGE_COMMAND:
		break;
	}
	return arena_printf(arena, "%s\n", change_commands(arena, change));
}

const char *change_title(struct arena *arena, const struct change *change)
{
	if (change->kind == CHANGE_COMMAND)
		return arena_printf(arena, "run %s", change_commands(arena, change));
	if (change->kind == CHANGE_ATTRIBUTE)
		return arena_printf(arena, "write '%.*s' to %s", (int)change->after.content.length,
				    change->after.content.start, change->path);
	if (change->kind == CHANGE_SETTING)
		return arena_printf(arena, "%s %s", change->value_after ? "set" : "delete",
				    change_object(arena, change));
	const char *verb = !change->after.present ? "remove" : change->before.present ? "edit" : "make";
	return arena_printf(arena, "%s %s", verb, change->path);
}
