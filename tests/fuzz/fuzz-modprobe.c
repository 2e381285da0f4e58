/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text can be read as a file of modprobe.d: lines are in order, and each has a command and a module. */
#include "fuzz.h"

#include "boot/boot-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct slice text = { (const char *)data, size };
	struct boot boot = { .problems = { .arena = &arena } };
	struct boot_reading reading = { .arena = &arena, .boot = &boot };
	size_t lines = 1;
	modprobe_parse(&reading, "/f", text);
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	for (size_t i = 0; i < boot.modprobe_count; i++) {
		const struct boot_modprobe *line = &boot.modprobe[i];
		HOLDS(line->command[0] && line->rest);
		HOLDS(line->line >= 1 && line->line <= lines);
		HOLDS(i == 0 || boot.modprobe[i - 1].line < line->line);
	}
	HOLDS(boot.modprobe_count + boot.problems.count <= lines);
	return 0;
}
