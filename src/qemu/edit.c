/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/edit.h"

#include <string.h>

#include "base/json.h"

void edit_start(struct edit *edit, struct arena *arena, const struct qemu_vm *vm, struct error *error)
{
	size_t count = vm->argv->word_count + 1;
	*edit = (struct edit){
		.arena = arena,
		.vm = vm,
		.slots = arena_alloc_array(arena, count, sizeof(*edit->slots)),
		.changes = { .arena = arena },
		.warnings = { .arena = arena },
		.error = error,
	};
	for (size_t i = 0; i < count; i++)
		edit->slots[i].before.arena = arena;
}

const char *edit_argument(const struct edit *edit, const struct qemu_option *option)
{
	const char *replacement = edit->slots[option->argument].replacement;
	return replacement ? replacement : qemu_argument(edit->vm->argv, option);
}

void edit_set_argument(struct edit *edit, const struct qemu_option *option, const char *text)
{
	edit->slots[option->argument].replacement = text;
}

void edit_drop_option(struct edit *edit, const struct qemu_option *option)
{
	edit->slots[option->word].dropped = true;
	edit->slots[option->argument].dropped = true;
}

void edit_insert_option(struct edit *edit, const struct qemu_option *before, const char *name, const char *text)
{
	struct list *list = &edit->slots[before ? before->word : edit->vm->argv->word_count].before;
	list_printf(list, "-%s", name);
	list_add(list, text);
}

static const char *set_json_member(struct arena *arena, const char *text, const char *key, const char *value)
{
	AUTO_JSON *object = NULL;
	/* It was read before (vm.c), so it is an object. */
	if (json_read(slice_of(text), &object, NULL) < 0)
		return text;
	/* JSON devices are strict about types (QEMU 6.2 and later); of what we set, only this one is a boolean. */
	if (strcmp(key, "multifunction") == 0)
		json_add_bool(object, key, keyval_boolean(value) == 1);
	else
		json_add_text(object, key, value);
	return arena_strdup(arena, json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
										  JSON_C_TO_STRING_NOSLASHESCAPE));
}

void edit_set_property(struct edit *edit, const struct qemu_device *device, const char *key, const char *value)
{
	const char *text = edit_argument(edit, device->option);
	if (device->form == QEMU_JSON)
		text = set_json_member(edit->arena, text, key, value);
	else
		text = keyval_set(edit->arena, text, "driver", key, value);
	edit_set_argument(edit, device->option, text);
}

static void add_word(struct viommu_result *result, const char *text, size_t origin, size_t place)
{
	result->words[result->count++] = (struct viommu_word){ text, origin, place };
}

void edit_finish(struct edit *edit, struct viommu_result *ret)
{
	const struct qemu_argv *argv = edit->vm->argv;
	size_t room = 0;
	for (size_t i = 0; i <= argv->word_count; i++)
		room += edit->slots[i].before.count + 1;
	*ret = (struct viommu_result){
		.words = arena_alloc_array(edit->arena, room, sizeof(*ret->words)),
		.changes = edit->changes,
		.warnings = edit->warnings,
	};
	for (size_t i = 0; i <= argv->word_count; i++) {
		const struct edit_slot *slot = &edit->slots[i];
		for (size_t j = 0; j < slot->before.count; j++)
			add_word(ret, slot->before.items[j], QEMU_NO_WORD, i);
		if (i == argv->word_count || slot->dropped)
			continue;
		bool same = !slot->replacement || strcmp(slot->replacement, argv->words[i]) == 0;
		add_word(ret, same ? argv->words[i] : slot->replacement, same ? i : QEMU_NO_WORD, i);
	}
	ret->changed = ret->count != argv->word_count;
	for (size_t i = 0; i < ret->count && !ret->changed; i++)
		ret->changed = ret->words[i].origin != i;
}
