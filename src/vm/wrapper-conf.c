/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/wrapper-conf.h"

#include <errno.h>

#include "vm/rewrite.h"

static int read_setting(struct wrapper_line *line, const char *setting, struct error *error)
{
	const char *value = strchr(setting, '=');
	value = value ? value + 1 : "";
	if (text_starts_with(setting, "aw-bits="))
		return vm_parse_aw_bits(value, &line->options.aw_bits, error);
	if (text_starts_with(setting, "eim="))
		return vm_parse_switch("eim", value, &line->options.eim, error);
	if (text_starts_with(setting, "device-iotlb="))
		return vm_parse_switch("device-iotlb", value, &line->options.device_iotlb, error);
	if (text_starts_with(setting, "group=")) {
		list_add(&line->groups, value);
		return 0;
	}
	return error_set(error, -EINVAL, "'%s' is no setting of a VM", setting);
}

int wrapper_line_read(struct arena *arena, struct slice line, struct wrapper_line *ret, struct error *error)
{
	struct list words = { .arena = arena };
	struct slice rest = line;
	struct slice word;
	*ret = (struct wrapper_line){ .groups = { .arena = arena } };
	if (line.length && memchr(line.start, '\0', line.length))
		return error_set(error, -EINVAL, "it holds a NUL");
	while (slice_next_word(&rest, &word) && word.start[0] != '#') {
		list_add(&words, arena_strndup(arena, word.start, word.length));
		ret->length = (size_t)(word.start - line.start) + word.length;
	}
	if (words.count == 0)
		return 0;
	if (words.count == 2 && text_equals(words.items[0], "qemu")) {
		ret->kind = WRAPPER_LINE_QEMU;
		ret->name = words.items[1];
		return 0;
	}
	if (words.count < 2 || !text_equals(words.items[0], "vm"))
		return error_set(error, -EINVAL, "neither 'qemu PATH' nor 'vm NAME [SETTING...]'");
	ret->kind = WRAPPER_LINE_VM;
	ret->name = words.items[1];
	int r = 0;
	for (size_t i = 2; i < words.count && r == 0; i++)
		r = read_setting(ret, words.items[i], error);
	return r;
}

static void add_switch(struct buffer *text, const char *name, enum viommu_switch value)
{
	if (value != VIOMMU_UNSET)
		buffer_printf(text, " %s=%s", name, value == VIOMMU_ON ? "on" : "off");
}

const char *wrapper_line_format(struct arena *arena, const char *vm, const struct viommu_options *options,
				const struct list *groups)
{
	struct buffer text = { .arena = arena };
	buffer_printf(&text, "vm %s", vm);
	if (options->aw_bits)
		buffer_printf(&text, " aw-bits=%u", options->aw_bits);
	add_switch(&text, "eim", options->eim);
	add_switch(&text, "device-iotlb", options->device_iotlb);
	for (size_t i = 0; i < groups->count; i++)
		buffer_printf(&text, " group=%s", groups->items[i]);
	return text.text;
}
