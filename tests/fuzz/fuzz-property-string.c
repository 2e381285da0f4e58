/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text is a property string or is refused with a text: what was read stands in it, each key once and of the format;
 * written again from what was read, it reads as the same.
 */
#include "fuzz.h"

#include <errno.h>

#include "vm/property-string.h"
#include "vm/proxmox-keys.h"

static void holds(struct arena *arena, const char *text, const struct property_format *format)
{
	struct error error = { "" };
	struct property_string string;
	struct property_string again;
	struct buffer written = { .arena = arena };
	const struct release newest = { { 0 } };
	int r = property_string_parse(arena, text, format, newest, &string, &error);
	HOLDS(r == 0 || (r == -EINVAL && error.text[0]));
	if (r < 0)
		return;
	HOLDS(string.count <= format->count);
	buffer_puts(&written, "");
	for (size_t i = 0; i < string.count; i++) {
		const struct property *item = &string.items[i];
		HOLDS(item->spelling.start >= text);
		HOLDS(item->spelling.start + item->spelling.length <= text + strlen(text));
		HOLDS(text_equals(property_get(&string, item->key), item->value));
		buffer_printf(&written, "%s%s=%s", i ? "," : "", item->key, item->value);
	}
	HOLDS(property_string_parse(arena, written.text, format, newest, &again, &error) == 0);
	HOLDS(again.count == string.count);
	for (size_t i = 0; i < again.count; i++)
		HOLDS(text_equals(again.items[i].value, string.items[i].value) && !again.items[i].bare);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	const char *text = arena_strndup(&arena, (const char *)data, strnlen((const char *)data, size));
	holds(&arena, text, &proxmox_machine_format);
	holds(&arena, text, &proxmox_hostpci_format);
	holds(&arena, text, &proxmox_cpu_format);
	holds(&arena, text, &proxmox_net_format);
	holds(&arena, text, &proxmox_scsi_format);
	holds(&arena, text, &proxmox_agent_format);
	holds(&arena, text, &proxmox_ipconfig_format);
	return 0;
}
