/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVIDIA's own driver makes device nodes without telling sysfs: /dev/nvidia0 is character device 195:0, and which GPU
 * that is stands in /proc/driver/nvidia/gpus/ADDRESS/information as "Device Minor: \t 0".
 */
#include <sys/sysmacros.h>

#include "host/users-internal.h"

#define GPUS "/proc/driver/nvidia/gpus"
#define MAJOR 195
#define MINOR_CONTROL 255 /* /dev/nvidiactl: of all GPUs together */

static bool find_minor(const struct finding *finding, struct slice text, unsigned int *ret)
{
	static const char key[] = "Device Minor:";
	struct slice line;
	uint64_t number;
	while (slice_next_line(&text, &line)) {
		if (line.length < sizeof(key) - 1 || memcmp(line.start, key, sizeof(key) - 1) != 0)
			continue;
		line = slice_trim((struct slice){ line.start + sizeof(key) - 1, line.length - (sizeof(key) - 1) });
		if (text_to_number(arena_strndup(finding->arena, line.start, line.length), 10, MINOR_CONTROL - 1,
				   &number) < 0)
			return false;
		*ret = (unsigned int)number;
		return true;
	}
	return false;
}

static void add_node(struct finding *finding, size_t owner, const char *subsystem, const char *name, unsigned int minor)
{
	struct arena *arena = finding->arena;
	struct node *node = users_add_node(finding, &(struct node){
							    .name = name,
							    .device = arena_printf(arena, "/dev/%s", name),
							    .subsystem = subsystem,
							    .path = arena_printf(arena, GPUS "/%s", name),
							    .number = makedev(MAJOR, minor),
						    });
	users_add_stake(finding, node, owner, NULL);
}

void users_find_nvidia(struct finding *finding, size_t owner)
{
	struct arena *arena = finding->arena;
	struct error error;
	struct slice text;
	char address[PCI_ADDRESS_TEXT_MAX];
	unsigned int number;
	const struct pci_function *function = finding->owners[owner].function;
	if (!text_equals(function->driver, "nvidia"))
		return;
	const char *path = arena_printf(arena, GPUS "/%s/information", pci_address_format(function->address, address));
	if (root_read(finding->root, arena, path, &text, &error) < 0) {
		users_add(finding, owner, USE_UNKNOWN, true, "processes", "not known which processes use the GPU: %s",
			  error.text);
	} else if (!find_minor(finding, text, &number)) {
		users_add(finding, owner, USE_UNKNOWN, true, "processes",
			  "not known which processes use the GPU: %s names no 'Device Minor'", path);
	} else {
		add_node(finding, owner, "nvidia", arena_printf(arena, "nvidia%u", number), number);
		add_node(finding, owner, "nvidiactl", "nvidiactl", MINOR_CONTROL);
	}
}
