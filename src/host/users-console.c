/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine talks to its people with: displays and kernel consoles. */
#include <sys/sysmacros.h>

#include "host/pci.h"
#include "host/users-internal.h"

/* Text consoles draw on the first framebuffer, fb0, unless told otherwise (Documentation/fb/fbcon.rst). */
static bool find_framebuffer(struct finding *finding, size_t owner)
{
	bool found = false;
	for (size_t i = 0; i < finding->node_count; i++) {
		struct node *node = &finding->nodes[i];
		if (node->owner != owner || strcmp(node->subsystem, "graphics") != 0 || !node->device)
			continue;
		bool first = strcmp(node->name, "fb0") == 0;
		if (first)
			users_add_of(finding, node, USE_CONSOLE,
				     "is the framebuffer that the console is on (/proc/fb)");
		else
			users_add(finding, owner, USE_CONSOLE, false, "%s is a framebuffer (/proc/fb)", node->name);
		found |= first;
	}
	return found;
}

/*
 * The framebuffer that the firmware set up ("EFI VGA", "simple") has no PCI device as its parent, but lies in the memory
 * of the display that the firmware used. "0 EFI VGA" is one line of /proc/fb.
 */
static const char *firmware_framebuffer(struct finding *finding)
{
	static const char *const names[] = { "EFI VGA", "simple", "VESA VGA", "VGA16 VGA", "simpledrm" };
	struct slice text;
	struct slice line;
	if (root_read(finding->root, finding->arena, "/proc/fb", &text, NULL) < 0)
		return NULL;
	while (slice_next_line(&text, &line)) {
		struct slice number;
		if (!slice_next_word(&line, &number))
			continue;
		line = slice_trim(line);
		const char *name = arena_strndup(finding->arena, line.start, line.length);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (text_starts_with(name, names[i]))
				return name;
	}
	return NULL;
}

/* A text console in the display's VGA text mode, without any framebuffer: "(S) VGA+" (drivers/video/console/vgacon.c). */
static bool has_vga_console(struct finding *finding)
{
	struct arena *arena = finding->arena;
	struct list names = { .arena = arena };
	if (root_list(finding->root, arena, "/sys/class/vtconsole", &names, NULL) < 0)
		return false;
	for (size_t i = 0; i < names.count; i++) {
		char *name;
		char *bound;
		const char *folder = arena_printf(arena, "/sys/class/vtconsole/%s", names.items[i]);
		if (root_read_line(finding->root, arena, arena_printf(arena, "%s/name", folder), &name, NULL) == 0 &&
		    root_read_line(finding->root, arena, arena_printf(arena, "%s/bind", folder), &bound, NULL) == 0 &&
		    strstr(name, "VGA+") && strcmp(bound, "1") == 0)
			return true;
	}
	return false;
}

static void find_display(struct finding *finding, size_t owner)
{
	struct pci_function function;
	if (find_framebuffer(finding, owner) ||
	    pci_read_function(finding->root, finding->arena, finding->addresses[owner], &function, NULL) < 0 ||
	    !function.boot_vga || text_equals(function.driver, "vfio-pci"))
		return;
	const char *firmware = firmware_framebuffer(finding);
	if (firmware)
		users_add(
			finding, owner, USE_CONSOLE, true,
			"the console is on it: the display that the firmware started with (boot_vga), framebuffer '%s'",
			firmware);
	else if (function.driver)
		users_add(finding, owner, USE_CONSOLE, true,
			  "the console is on it: the display that the firmware started with (boot_vga), driver %s",
			  function.driver);
	else if (has_vga_console(finding))
		users_add(finding, owner, USE_CONSOLE, true,
			  "the console is on it: the display that the firmware started with (boot_vga), in VGA text "
			  "mode (/sys/class/vtconsole)");
}

/* /proc/consoles: "ttyS4  -W- (EC p a)  4:68" (fs/proc/consoles.c). */
static void find_kernel_consoles(struct finding *finding)
{
	struct slice text;
	struct slice line;
	if (root_read(finding->root, finding->arena, "/proc/consoles", &text, NULL) < 0)
		return;
	while (slice_next_line(&text, &line)) {
		struct slice name;
		if (!slice_next_word(&line, &name))
			continue;
		const char *device = arena_printf(finding->arena, "/dev/%.*s", (int)name.length, name.start);
		struct node *node = users_node_by_device(finding, device);
		if (node)
			users_add_of(finding, node, USE_CONSOLE, "is a console of the kernel (/proc/consoles)");
	}
}

void users_find_consoles(struct finding *finding)
{
	for (size_t i = 0; i < finding->count; i++)
		find_display(finding, i);
	find_kernel_consoles(finding);
}
