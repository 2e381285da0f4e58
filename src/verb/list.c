/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/say.h"
#include "host/pci-ids.h"
#include "host/pci.h"
#include "report/table.h"
#include "verb/place.h"
#include "verb/verb.h"

#define NARROW 120

enum { OPTION_JSON = 1 };

static const struct verb_option options[] = {
	PLACE_OPTIONS,
	{ OPTION_JSON, "json", NULL, "print an array of objects instead of a table" },
	{ 0 },
};

static const char *hex(struct arena *arena, int32_t number, int digits)
{
	return number == PCI_UNKNOWN ? NULL : arena_printf(arena, "%0*x", digits, (unsigned int)number);
}

static struct json_object *to_json(struct arena *arena, const struct pci_function *function)
{
	char address[PCI_ADDRESS_TEXT_MAX];
	struct json_object *object = json_object_new_object();
	json_add_text(object, "address", pci_address_format(function->address, address));
	json_add_text(object, "class", hex(arena, function->class, 6));
	json_add_text(object, "class_name", function->class_name);
	json_add_text(object, "vendor", hex(arena, function->vendor, 4));
	json_add_text(object, "device", hex(arena, function->device, 4));
	json_add_text(object, "vendor_name", function->vendor_name);
	json_add_text(object, "device_name", function->device_name);
	json_add_text(object, "subsystem_vendor", hex(arena, function->subsystem_vendor, 4));
	json_add_text(object, "subsystem_device", hex(arena, function->subsystem_device, 4));
	json_add_text(object, "revision", hex(arena, function->revision, 2));
	json_add_text(object, "driver", function->driver);
	json_add_digits(object, "group", function->group);
	json_add_bool(object, "bridge", function->is_bridge);
	json_add_bool(object, "boot_vga", function->boot_vga);
	struct json_object *problems = function->problems.count ? json_object_new_array() : NULL;
	for (size_t i = 0; i < function->problems.count; i++)
		json_object_array_add(problems, json_new_text(function->problems.items[i]));
	json_object_object_add(object, "problems", problems);
	return object;
}

static void print_json(struct arena *arena, const struct pci_functions *functions)
{
	AUTO_JSON *array = json_object_new_array();
	for (size_t i = 0; i < functions->count; i++)
		json_object_array_add(array, to_json(arena, &functions->items[i]));
	json_print(array);
}

/* "USB controller" is "USB": the column is narrow, and nothing is lost. */
static const char *class_cell(struct arena *arena, const struct pci_function *function)
{
	static const char tail[] = " controller";
	const char *name = function->class_name;
	if (!name)
		return function->class == PCI_UNKNOWN ? "?" : hex(arena, function->class >> 8, 4);
	if (text_ends_with(name, tail) && strlen(name) > sizeof(tail) - 1)
		return arena_strndup(arena, name, strlen(name) - (sizeof(tail) - 1));
	return name;
}

static const char *ids_cell(struct arena *arena, const struct pci_function *function)
{
	const char *vendor = hex(arena, function->vendor, 4);
	const char *device = hex(arena, function->device, 4);
	return arena_printf(arena, "%s:%s", vendor ? vendor : "????", device ? device : "????");
}

/* On a narrow terminal little is left of the name: then the device's own, which the vendor's would push out. */
static const char *name_cell(struct arena *arena, const struct pci_function *function, bool narrow)
{
	const char *vendor = function->vendor_name;
	const char *device = function->device_name;
	if (narrow && device)
		vendor = NULL;
	return arena_printf(arena, "%s%s%s", vendor ? vendor : "", vendor && device ? " " : "", device ? device : "");
}

/* By group as numbers, then by address; without a group last. */
static int compare_by_group(const void *a, const void *b)
{
	const struct pci_function *left = a;
	const struct pci_function *right = b;
	uint64_t numbers[2] = { UINT64_MAX, UINT64_MAX };
	if (left->group)
		(void)!text_to_number(left->group, 10, UINT32_MAX, &numbers[0]);
	if (right->group)
		(void)!text_to_number(right->group, 10, UINT32_MAX, &numbers[1]);
	if (numbers[0] != numbers[1])
		return numbers[0] < numbers[1] ? -1 : 1;
	return pci_address_compare(left->address, right->address);
}

static void print_table(struct arena *arena, struct pci_functions *functions)
{
	static const char *const headings[] = { "GROUP", "ADDRESS", "CLASS", "IDS", "DRIVER", "NAME", NULL };
	struct table table;
	size_t width = say_width(stdout);
	table_start(&table, arena, headings);
	if (functions->count)
		qsort(functions->items, functions->count, sizeof(*functions->items), compare_by_group);
	for (size_t i = 0; i < functions->count; i++) {
		const struct pci_function *function = &functions->items[i];
		char address[PCI_ADDRESS_TEXT_MAX];
		table_add(&table, arena_printf(arena, "%5s", function->group ? function->group : "-"));
		table_add(&table, arena_strdup(arena, pci_address_format(function->address, address)));
		table_add(&table, class_cell(arena, function));
		table_add(&table, ids_cell(arena, function));
		table_add(&table, function->driver ? function->driver : "-");
		table_add(&table, name_cell(arena, function, width && width < NARROW));
	}
	if (functions->count)
		table_print(&table, stdout, width);
}

static void say_problems(const struct pci_functions *functions)
{
	char address[PCI_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < functions->count; i++)
		for (size_t j = 0; j < functions->items[i].problems.count; j++)
			say("list: %s: %s", pci_address_format(functions->items[i].address, address),
			    functions->items[i].problems.items[j]);
}

static int list(const struct place *place, bool as_json)
{
	struct error error;
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct pci_functions functions = { 0 };
	int r = place_open(place, &root, &error);
	if (r == 0)
		r = pci_read_all(&root, &arena, &functions, &error);
	if (r < 0) {
		say("list: %s", error.text);
		return VERB_FAILED;
	}
	if (functions.count == 0)
		say("list: there are no PCI devices here (%s/sys/bus/pci/devices)", root.name);
	/* Without pci.ids there are no names; the ids say the same. */
	r = pci_ids_fill(&root, &arena, &functions, &error);
	if (r < 0 && r != -ENOENT)
		say("list: no names: %s", error.text);
	say_problems(&functions);
	if (as_json)
		print_json(&arena, &functions);
	else
		print_table(&arena, &functions);
	return VERB_DONE;
}

static int run(struct verb_args *args)
{
	const char *value;
	struct place place = { 0 };
	bool as_json = false;
	int status;
	int option;
	while ((option = verb_next_option(args, &value, &status)) > 0) {
		if (place_option(&place, option, value))
			continue;
		if (option == OPTION_JSON)
			as_json = true;
	}
	if (option < 0)
		return status;
	if (args->next < args->argc)
		return verb_usage(args, "'%.64s' is one argument too many", args->argv[args->next]);
	if (place_usage(args, &place))
		return VERB_USAGE;
	return list(&place, as_json);
}

const struct verb verb_list = {
	.name = "list",
	.summary = "PCI devices by IOMMU group",
	.synopsis = "[--json] " PLACE_SYNOPSIS,
	.help = "Lists the PCI devices of this machine, by IOMMU group: address, class, ids,\n"
		"driver, names. A group goes to a VM as a whole; a device without a group ('-')\n"
		"cannot be passed on.\n"
		"\n"
		"With --json, each object has: address, class (6 hexadecimal digits), class_name,\n"
		"vendor, device, vendor_name, device_name, subsystem_vendor, subsystem_device,\n"
		"revision, driver, group (a number), bridge, boot_vga (true or false), problems\n"
		"(what could not be read, as texts). What is unknown or absent is null.",
	.options = options,
	.run = run,
};
