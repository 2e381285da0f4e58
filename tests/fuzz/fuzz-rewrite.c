/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any words: they are refused with a text, or rewritten; what was rewritten needs nothing more; words that are said to be
 * the old ones are; the facts vary with the first byte. Words are separated by newlines.
 */
#include "fuzz.h"

#include <errno.h>

#include "base/json.h"
#include "qemu/config-file.h"
#include "qemu/viommu.h"

static void split(struct list *words, struct slice text)
{
	struct slice line;
	while (slice_next_line(&text, &line)) {
		const char *nul = memchr(line.start, '\0', line.length);
		size_t length = nul ? (size_t)(nul - line.start) : line.length;
		list_add(words, arena_strndup(words->arena, line.start, length));
	}
}

static int rewrite(struct arena *arena, const struct list *words, uint8_t facts_byte, struct viommu_result *ret)
{
	static const struct viommu_group_member members[] = {
		{ { 0, 1, 0, 0 }, "1" },
		{ { 0, 1, 0, 1 }, "1" },
		{ { 0, 2, 0, 0 }, "1" },
		{ { 0, 3, 0, 0 }, "2" },
	};
	struct viommu_facts facts = {
		.members = members,
		.member_count = facts_byte & 7,
		.host_address_width = facts_byte & 8 ? 39 : 0,
	};
	if (facts.member_count > ARRAY_SIZE(members))
		facts.member_count = ARRAY_SIZE(members);
	struct viommu_options options = { .eim = (enum viommu_switch)((facts_byte >> 4) % 3) };
	struct error error = { "" };
	struct qemu_argv argv;
	struct qemu_vm vm;
	int r = qemu_argv_parse(arena, words->items, words->count, &argv, &error);
	if (r == 0)
		r = qemu_vm_read(arena, &argv, NULL, &vm, &error);
	if (r == 0)
		r = viommu_rewrite(arena, &vm, &options, &facts, ret, &error);
	HOLDS(r == 0 || ((r == -EINVAL || r == -EOPNOTSUPP) && error.text[0]));
	return r;
}

static void keyval_holds(struct arena *arena, const char *text)
{
	struct keyval list;
	const char *changed = keyval_set(arena, text, "type", "k", "a,b");
	keyval_parse(arena, changed, "type", &list);
	HOLDS(text_equals(keyval_get(&list, "k"), "a,b"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	AUTO_ARENA arena = { 0 };
	struct slice text = { (const char *)data + 1, size - 1 };
	struct list words = { .arena = &arena };
	struct list again = { .arena = &arena };
	struct viommu_result result;
	struct viommu_result second;
	struct config_file file;
	(void)!config_file_parse(&arena, text, &file, NULL);
	split(&words, text);
	for (size_t i = 0; i < words.count; i++)
		keyval_holds(&arena, words.items[i]);
	if (words.count == 0 || rewrite(&arena, &words, data[0], &result) < 0)
		return 0;
	for (size_t i = 0; i < result.count; i++) {
		if (result.words[i].origin != QEMU_NO_WORD)
			HOLDS(text_equals(result.words[i].text, words.items[result.words[i].origin]));
		list_add(&again, result.words[i].text);
	}
	HOLDS(rewrite(&arena, &again, data[0], &second) == 0);
	HOLDS(!second.changed);
	return 0;
}
