/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any line is read or refused; what was read of a VM's, written again, says the same, and comes back as it is. */
#include "fuzz.h"

#include "vm/wrapper-conf.h"

static void same(struct arena *arena, const struct wrapper_line *a)
{
	struct wrapper_line b;
	const char *text = wrapper_line_format(arena, a->name, &a->options, &a->groups);
	HOLDS(wrapper_line_read(arena, slice_of(text), &b, NULL) == 0);
	HOLDS(b.kind == WRAPPER_LINE_VM && strcmp(a->name, b.name) == 0);
	HOLDS(a->options.aw_bits == b.options.aw_bits && a->options.eim == b.options.eim);
	HOLDS(a->options.device_iotlb == b.options.device_iotlb && a->groups.count == b.groups.count);
	HOLDS(b.length == strlen(text));
	HOLDS(strcmp(wrapper_line_format(arena, b.name, &b.options, &b.groups), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct slice text = { (const char *)data, size };
	struct slice line;
	while (slice_next_line(&text, &line)) {
		struct wrapper_line read;
		struct error error;
		int r = wrapper_line_read(&arena, line, &read, &error);
		HOLDS(read.length <= line.length);
		HOLDS(read.kind == WRAPPER_LINE_EMPTY || *read.name);
		if (r == 0 && read.kind == WRAPPER_LINE_VM)
			same(&arena, &read);
	}
	return 0;
}
