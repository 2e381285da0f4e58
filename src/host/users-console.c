/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine talks to its people with: displays and kernel consoles. */
#include "host/users-internal.h"

/* Text consoles draw on the first framebuffer, fb0, unless told otherwise (Documentation/fb/fbcon.rst). */
static void find_framebuffer(struct finding *finding, struct node *node)
{
	if (strcmp(node->name, "fb0") != 0) {
		users_add_for(finding, node, USE_CONSOLE, false, "framebuffer",
			      arena_printf(finding->arena, "%s is a framebuffer (/proc/fb)", node->name));
		return;
	}
	users_add_of(finding, node, USE_CONSOLE, "console", "is the framebuffer that the console is on (/proc/fb)");
	for (size_t i = 0; i < node->stake_count; i++)
		finding->owners[node->stakes[i].owner].has_console = true;
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
	const struct pci_function *function = finding->owners[owner].function;
	if (finding->owners[owner].has_console || !function->boot_vga || text_equals(function->driver, "vfio-pci"))
		return;
	const char *firmware = firmware_framebuffer(finding);
	const char *how = NULL;
	if (firmware)
		how = arena_printf(finding->arena, "framebuffer '%s'", firmware);
	else if (function->driver)
		how = arena_printf(finding->arena, "driver %s", function->driver);
	else if (has_vga_console(finding))
		how = "in VGA text mode (/sys/class/vtconsole)";
	if (how)
		users_add(finding, owner, USE_CONSOLE, true, "console",
			  "the console is on it: the display that the firmware started with (boot_vga), %s", how);
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
			users_add_of(finding, node, USE_CONSOLE, "kernel console",
				     "is a console of the kernel (/proc/consoles)");
	}
}

void users_find_consoles(struct finding *finding)
{
	for (size_t i = 0; i < finding->node_count; i++)
		if (strcmp(finding->nodes[i].subsystem, "graphics") == 0 && finding->nodes[i].device)
			find_framebuffer(finding, &finding->nodes[i]);
	for (size_t i = 0; i < finding->count; i++)
		find_display(finding, i);
	find_kernel_consoles(finding);
}
