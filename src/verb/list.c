/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/say.h"
#include "host/pci-ids.h"
#include "report/table.h"
#include "verb/device-filter.h"
#include "verb/device-json.h"
#include "verb/place.h"
#include "verb/verb.h"

#define NARROW 120

/* What fits beside the rest, and leaves something for the name, where lines are short. */
#define DRIVER_WIDTH 14
#define PASSABLE_WIDTH 24

enum {
	OPTION_JSON = 1,
	OPTION_CLASS,
	OPTION_DRIVER,
	OPTION_GROUP,
	OPTION_VENDOR,
	OPTION_PASSABLE,
	OPTION_FREE,
};

static const struct verb_option options[] = {
	{ OPTION_CLASS, "class", "CLASS",
	  "of this class: a name ('display'), or hexadecimal\ndigits that it begins with ('03', '0302')" },
	{ OPTION_DRIVER, "driver", "NAME", "with this driver; 'none': without one" },
	{ OPTION_GROUP, "group", "NUMBER", "in this IOMMU group; 'none': in none" },
	{ OPTION_VENDOR, "vendor", "VENDOR", "of this vendor: its id ('10de'), or part of its name" },
	{ OPTION_PASSABLE, "passable", NULL, "that can be passed to a VM now" },
	{ OPTION_FREE, "free", NULL, "that nobody uses" },
	{ OPTION_JSON, "json", NULL, "print an array of objects instead of a table" },
	PLACE_OPTIONS,
	{ 0 },
};

/* The functions to be shown: places in `passables->functions`. */
struct selection {
	const struct passables *passables;
	size_t *items;
	size_t count;
};

static const struct pci_function *function_of(const struct selection *selection, size_t i)
{
	return &selection->passables->functions.items[selection->items[i]];
}

static void print_json(struct arena *arena, const struct selection *selection)
{
	AUTO_JSON *array = json_object_new_array();
	for (size_t i = 0; i < selection->count; i++)
		json_object_array_add(array, device_to_json(arena, selection->passables, selection->items[i]));
	json_print(array);
}

/* "USB controller" is "USB": the column is narrow, and nothing is lost. */
static const char *class_cell(struct arena *arena, const struct pci_function *function)
{
	static const char tail[] = " controller";
	const char *name = function->class_name;
	if (!name)
		return function->class == PCI_UNKNOWN ? "?" :
							arena_printf(arena, "%04x", (unsigned int)function->class >> 8);
	if (text_ends_with(name, tail) && strlen(name) > sizeof(tail) - 1)
		return arena_strndup(arena, name, strlen(name) - (sizeof(tail) - 1));
	return name;
}

static const char *ids_cell(struct arena *arena, const struct pci_function *function)
{
	char vendor[8] = "????";
	char device[8] = "????";
	if (function->vendor != PCI_UNKNOWN)
		snprintf(vendor, sizeof(vendor), "%04x", (unsigned int)function->vendor & 0xffff);
	if (function->device != PCI_UNKNOWN)
		snprintf(device, sizeof(device), "%04x", (unsigned int)function->device & 0xffff);
	return arena_printf(arena, "%s:%s", vendor, device);
}

static const char *name_cell(struct arena *arena, const struct pci_function *function)
{
	const char *vendor = function->vendor_name;
	const char *device = function->device_name;
	return arena_printf(arena, "%s%s%s", vendor ? vendor : "", vendor && device ? " " : "", device ? device : "");
}

/* Where little is left of it: the device's own, or what it is. */
static const char *short_name_cell(struct arena *arena, const struct pci_function *function)
{
	return function->device_name ? function->device_name : class_cell(arena, function);
}

static const char *address_cell(struct arena *arena, const struct pci_function *function)
{
	char address[PCI_ADDRESS_TEXT_MAX];
	return arena_strdup(arena, pci_address_format(function->address, address));
}

static void print_table(struct arena *arena, const struct selection *selection)
{
	static const char *const wide[] = { "GROUP", "ADDRESS", "CLASS", "IDS", "DRIVER", "PASSABLE", "NAME", NULL };
	static const char *const narrow[] = { "GROUP", "ADDRESS", "DRIVER", "PASSABLE", "NAME", NULL };
	static const size_t limits[] = { 0, 0, DRIVER_WIDTH, PASSABLE_WIDTH, 0 };
	struct table table;
	size_t width = say_width(stdout);
	bool is_narrow = width && width < NARROW;
	table_start(&table, arena, is_narrow ? narrow : wide);
	table.limits = is_narrow ? limits : NULL;
	for (size_t i = 0; i < selection->count; i++) {
		const struct pci_function *function = function_of(selection, i);
		table_add(&table, arena_printf(arena, "%5s", function->group ? function->group : "-"));
		table_add(&table, address_cell(arena, function));
		if (!is_narrow) {
			table_add(&table, class_cell(arena, function));
			table_add(&table, ids_cell(arena, function));
		}
		table_add(&table, function->driver ? function->driver : "-");
		table_add(&table, passable_brief(arena, function, &selection->passables->items[selection->items[i]]));
		table_add(&table, is_narrow ? short_name_cell(arena, function) : name_cell(arena, function));
	}
	if (selection->count)
		table_print(&table, stdout, width);
}

static void say_problems(const struct selection *selection)
{
	char address[PCI_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < selection->count; i++) {
		const struct pci_function *function = function_of(selection, i);
		for (size_t j = 0; j < function->problems.count; j++)
			say("list: %s: %s", pci_address_format(function->address, address),
			    function->problems.items[j]);
	}
}

/* By group as numbers, then by address, as the groups and their members are; without a group last. */
static void select_by_group(struct arena *arena, const struct passables *passables, const struct device_filter *filter,
			    struct selection *ret)
{
	const struct pci_functions *functions = &passables->functions;
	*ret = (struct selection){ .passables = passables };
	ret->items = arena_alloc_array(arena, functions->count + 1, sizeof(*ret->items));
	for (size_t i = 0; i < passables->groups.count; i++) {
		const struct passable_group *group = &passables->groups.items[i];
		for (size_t j = 0; j < group->count; j++) {
			size_t at = (size_t)(group->members[j].function - functions->items);
			if (device_filter_takes(filter, passables, at))
				ret->items[ret->count++] = at;
		}
	}
	for (size_t i = 0; i < functions->count; i++)
		if (!passables->groups.of[i] && device_filter_takes(filter, passables, i))
			ret->items[ret->count++] = i;
}

static void select_by_address(struct arena *arena, const struct passables *passables,
			      const struct device_filter *filter, struct selection *ret)
{
	*ret = (struct selection){ .passables = passables };
	ret->items = arena_alloc_array(arena, passables->functions.count + 1, sizeof(*ret->items));
	for (size_t i = 0; i < passables->functions.count; i++)
		if (device_filter_takes(filter, passables, i))
			ret->items[ret->count++] = i;
}

static void say_what_is_not_there(const struct root *root, const struct selection *selection)
{
	bool unknown = false;
	for (size_t i = 0; i < selection->count && !unknown; i++)
		unknown = selection->passables->items[selection->items[i]].verdict == PASSABLE_UNKNOWN;
	if (selection->passables->functions.count == 0)
		say("list: there are no PCI devices here (%s/sys/bus/pci/devices)", root->name);
	else if (selection->count == 0)
		say("list: no device is like that");
	else if (unknown)
		say("list: 'unknown': something could not be looked at; 'nestpci show ADDRESS' says what");
}

static int list(const struct place *place, const struct device_filter *filter, bool as_json)
{
	struct error error;
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct passables passables = { 0 };
	struct selection selection;
	int r = place_open(place, &root, &error);
	if (r == 0)
		r = passable_read_all(&root, &arena, &passables, &error);
	if (r < 0) {
		say("list: %s", error.text);
		return VERB_FAILED;
	}
	/* Without pci.ids there are no names; the ids say the same. */
	r = pci_ids_fill(&root, &arena, &passables.functions, &error);
	if (r < 0 && (r != -ENOENT || filter->vendor))
		say("list: no names: %s", error.text);
	if (as_json) {
		pci_read_revisions(&root, &arena, &passables.functions);
		select_by_address(&arena, &passables, filter, &selection);
	} else {
		select_by_group(&arena, &passables, filter, &selection);
	}
	say_what_is_not_there(&root, &selection);
	say_problems(&selection);
	if (as_json)
		print_json(&arena, &selection);
	else
		print_table(&arena, &selection);
	return VERB_DONE;
}

static int run(struct verb_args *args)
{
	const char *value;
	struct place place = { 0 };
	struct device_filter filter = { 0 };
	struct error error;
	bool as_json = false;
	int status;
	int option;
	while ((option = verb_next_option(args, &value, &status)) > 0) {
		if (place_option(&place, option, value))
			continue;
		if (option == OPTION_JSON)
			as_json = true;
		else if (option == OPTION_DRIVER)
			filter.driver = value;
		else if (option == OPTION_VENDOR)
			filter.vendor = value;
		else if (option == OPTION_PASSABLE)
			filter.passable = true;
		else if (option == OPTION_FREE)
			filter.free = true;
		else if (option == OPTION_CLASS && device_filter_class(value, &filter.class, &error) < 0)
			return verb_usage(args, "--class: %s", error.text);
		else if (option == OPTION_GROUP && device_filter_group(value, &filter.group, &error) < 0)
			return verb_usage(args, "--group: %s", error.text);
	}
	if (option < 0)
		return status;
	if (args->next < args->argc)
		return verb_usage(args, "'%.64s' is one argument too many", args->argv[args->next]);
	if (place_usage(args, &place))
		return VERB_USAGE;
	return list(&place, &filter, as_json);
}

const struct verb verb_list = {
	.name = "list",
	.summary = "PCI devices by IOMMU group, and which can be passed on",
	.synopsis = "[OPTIONS]",
	.help = "Lists the PCI devices of this machine by IOMMU group, and says of each whether\n"
		"it can be passed to a VM now:\n"
		"\n"
		"  yes, with 2 others         its group goes as a whole, bridges excepted\n"
		"  no: root file system       this host would lose that\n"
		"  no: console (01:00.0)      the same, by another member of its group\n"
		"  no group                   no IOMMU covers it ('-')\n"
		"  unknown: processes         could not be found out, mostly for want of root\n"
		"\n"
		"'nestpci show ADDRESS' says why, and what to do. Options choose devices; with\n"
		"several, those that are like all of them.\n"
		"\n"
		"Example: nestpci list --class display --passable",
	.options = options,
	.run = run,
};
