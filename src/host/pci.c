/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/pci.h"

#include <stdio.h>
#include <stdlib.h>

#define DEVICES "/sys/bus/pci/devices"
#define ATTRIBUTE_NAME_MAX 32

/* Functions whose reading shares one scratch arena: little memory, and few calls of malloc. */
#define BATCH 16

const char *pci_path(struct arena *arena, struct pci_address address, const char *name)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	return arena_printf(arena, DEVICES "/%s%s%s", pci_address_format(address, text), *name ? "/" : "", name);
}

/* Reading one function. Paths are put together in place: 50000 functions have many. */
struct reading {
	const struct root *root;
	struct root inside;    /* the same, with the function's folder open */
	struct arena *arena;   /* of the model */
	struct arena *scratch; /* of what nobody needs later */
	struct pci_function *function;
	char address[PCI_ADDRESS_TEXT_MAX];
	char folder[sizeof(DEVICES) + PCI_ADDRESS_TEXT_MAX];
	size_t length; /* of the folder's path, with a slash behind it */
	char path[sizeof(DEVICES) + PCI_ADDRESS_TEXT_MAX + ATTRIBUTE_NAME_MAX];
};

enum presence { REQUIRED, OPTIONAL };

static void start_reading(struct reading *reading, struct pci_function *function)
{
	reading->function = function;
	pci_address_format(function->address, reading->address);
	stpcpy(stpcpy(reading->folder, DEVICES "/"), reading->address);
	char *end = stpcpy(stpcpy(reading->path, reading->folder), "/");
	reading->length = (size_t)(end - reading->path);
	reading->inside = root_enter(reading->root, reading->folder);
}

static void end_reading(struct reading *reading)
{
	root_leave(&reading->inside);
}

/* Good until the next call. `name` is one of ours, shorter than ATTRIBUTE_NAME_MAX. */
static const char *path_of(struct reading *reading, const char *name)
{
	memccpy(reading->path + reading->length, name, '\0', ATTRIBUTE_NAME_MAX);
	return reading->path;
}

static void problem(const struct reading *reading, const char *text)
{
	reading->function->problems.arena = reading->arena;
	list_add(&reading->function->problems, arena_strdup(reading->arena, text));
}

/* A hexadecimal attribute, "0x010802". */
static int32_t read_number(struct reading *reading, const char *name, uint32_t max, enum presence presence)
{
	struct error error;
	char *text;
	int r = root_read_line(&reading->inside, reading->scratch, path_of(reading, name), &text, &error);
	if (r < 0) {
		if (presence == REQUIRED || !root_absent(r))
			problem(reading, error.text);
		return PCI_UNKNOWN;
	}
	uint64_t value;
	bool prefixed = text_starts_with(text, "0x");
	if (!prefixed || text_to_number(text + 2, 16, max, &value) < 0) {
		error_set(&error, -EINVAL, "%s%s: '%.40s' is not a number like 0x%0*x", reading->root->name,
			  path_of(reading, name), text,
			  max > 0xffff ? 6 :
			  max > 0xff   ? 4 :
					 2,
			  0);
		problem(reading, error.text);
		return PCI_UNKNOWN;
	}
	return (int32_t)value;
}

static const char *read_driver(struct reading *reading)
{
	struct error error;
	char *target;
	int r = root_read_link(&reading->inside, reading->scratch, path_of(reading, "driver"), &target, &error);
	if (r == 0)
		return arena_strdup(reading->arena, text_basename(target));
	if (!root_absent(r))
		problem(reading, error.text);
	return NULL;
}

static void read_attributes(struct reading *reading)
{
	struct pci_function *function = reading->function;
	function->class = read_number(reading, "class", 0xffffff, REQUIRED);
	function->vendor = read_number(reading, "vendor", 0xffff, REQUIRED);
	function->device = read_number(reading, "device", 0xffff, REQUIRED);
	function->subsystem_vendor = read_number(reading, "subsystem_vendor", 0xffff, OPTIONAL);
	function->subsystem_device = read_number(reading, "subsystem_device", 0xffff, OPTIONAL);
	function->driver = read_driver(reading);
}

/* "KEY=VALUE": the value. */
static bool take_value(struct slice line, const char *key, struct slice *ret)
{
	size_t skip = strlen(key);
	if (line.length < skip || memcmp(line.start, key, skip) != 0)
		return false;
	*ret = (struct slice){ line.start + skip, line.length - skip };
	return true;
}

/* A hexadecimal number of at most `max`, all of `digits`. */
static bool is_hex(struct slice digits, uint32_t max, int32_t *ret)
{
	char text[9];
	uint64_t value;
	if (digits.length >= sizeof(text))
		return false;
	memcpy(text, digits.start, digits.length);
	text[digits.length] = '\0';
	if (text_to_number(text, 16, max, &value) < 0)
		return false;
	*ret = (int32_t)value;
	return true;
}

/* "8086:100E" */
static bool is_pair(struct slice text, int32_t *first, int32_t *second)
{
	const char *colon = memchr(text.start, ':', text.length);
	if (!colon)
		return false;
	size_t before = (size_t)(colon - text.start);
	return is_hex((struct slice){ text.start, before }, 0xffff, first) &&
	       is_hex((struct slice){ colon + 1, text.length - before - 1 }, 0xffff, second);
}

/* Which lines of a uevent were there, and right. */
struct uevent {
	bool class, ids, subsystem, slot;
	struct slice driver; /* empty: none */
};

static void parse_uevent_line(struct slice line, const char *address, struct uevent *uevent,
			      struct pci_function *function)
{
	struct slice value;
	if (take_value(line, "DRIVER=", &value))
		uevent->driver = value;
	else if (take_value(line, "PCI_CLASS=", &value))
		uevent->class = is_hex(value, 0xffffff, &function->class);
	else if (take_value(line, "PCI_ID=", &value))
		uevent->ids = is_pair(value, &function->vendor, &function->device);
	else if (take_value(line, "PCI_SUBSYS_ID=", &value))
		uevent->subsystem = is_pair(value, &function->subsystem_vendor, &function->subsystem_device);
	else if (take_value(line, "PCI_SLOT_NAME=", &value))
		uevent->slot = slice_equals(value, address);
}

bool pci_parse_uevent(struct slice text, const char *address, struct pci_function *ret, struct slice *ret_driver)
{
	struct slice line;
	struct uevent uevent = { 0 };
	struct pci_function taken = *ret;
	while (slice_next_line(&text, &line))
		parse_uevent_line(line, address, &uevent, &taken);
	if (!uevent.class || !uevent.ids || !uevent.subsystem || !uevent.slot)
		return false;
	*ret = taken;
	*ret_driver = uevent.driver;
	return true;
}

/*
 * One file with nearly all of it: of files only. A running kernel may hold up whoever reads it while it takes a driver
 * away (uevent_show() takes the device's lock since Linux 6.10, and in stable kernels from 6.1.95 on), and nothing that
 * only looks may hang on that.
 */
static bool read_uevent(struct reading *reading, const char *last_driver)
{
	struct slice text;
	struct slice driver;
	struct pci_function *function = reading->function;
	if (reading->root->kind == ROOT_LIVE ||
	    root_read(&reading->inside, reading->scratch, path_of(reading, "uevent"), &text, NULL) < 0 ||
	    !pci_parse_uevent(text, reading->address, function, &driver))
		return false;
	/* Neighbours, above all virtual functions, mostly have the same one. */
	if (driver.length && last_driver && slice_equals(driver, last_driver))
		function->driver = last_driver;
	else if (driver.length)
		function->driver = arena_strndup(reading->arena, driver.start, driver.length);
	return true;
}

/* iommu_group_of() says what is wrong where something is; here its care for one function would be paid by all. */
static const char *read_group(struct reading *reading)
{
	struct error error;
	char *target;
	const char *group;
	uint64_t ignored;
	int r = root_read_link(&reading->inside, reading->scratch, path_of(reading, "iommu_group"), &target, NULL);
	if (r == 0 && text_to_number(text_basename(target), 10, UINT32_MAX, &ignored) == 0)
		return arena_strdup(reading->arena, text_basename(target));
	if (root_absent(r))
		return NULL;
	r = iommu_group_of(reading->root, reading->scratch, reading->function->address, &group, &error);
	if (r == 0)
		return arena_strdup(reading->arena, group);
	if (r != -ENOENT && r != -ENODEV)
		problem(reading, error.text);
	return NULL;
}

/*
 * The kernel makes these attributes for header types 1 and 2 only (pci_is_bridge() in drivers/pci/pci-sysfs.c), and
 * vfio-pci refuses exactly these (vfio_pci_core_register_device(): hdr_type != PCI_HEADER_TYPE_NORMAL). The class alone
 * would not do: 0600 (host bridge), 0601 (ISA bridge) and others of base class 06 have header type 0, and count like
 * any device. Config space is not read: that would wake a sleeping device.
 */
static bool read_is_bridge(struct reading *reading)
{
	int32_t class = reading->function->class;
	if (class != PCI_UNKNOWN && class >> 16 != 0x06)
		return false;
	return class >> 8 == 0x0604 || class >> 8 == 0x0607 ||
	       root_exists(&reading->inside, path_of(reading, "secondary_bus_number"));
}

static bool read_boot_vga(struct reading *reading)
{
	struct error error;
	char *text;
	/* The kernel makes this attribute for displays only (base class 03). */
	if (reading->function->class >> 16 != 0x03)
		return false;
	int r = root_read_line(&reading->inside, reading->scratch, path_of(reading, "boot_vga"), &text, &error);
	if (r < 0 && !root_absent(r))
		problem(reading, error.text);
	return r == 0 && text_equals(text, "1");
}

/* To be ended with end_reading(). */
static void read_function(struct reading *reading, struct pci_address address, const char *last_driver,
			  struct pci_function *function)
{
	*function = (struct pci_function){ .address = address, .revision = PCI_UNKNOWN };
	start_reading(reading, function);
	if (!read_uevent(reading, last_driver))
		read_attributes(reading);
	function->group = read_group(reading);
	function->is_bridge = read_is_bridge(reading);
	function->boot_vga = read_boot_vga(reading);
}

/* Since Linux 4.10. */
static void read_revision(struct reading *reading)
{
	reading->function->revision = read_number(reading, "revision", 0xff, OPTIONAL);
}

int pci_read_function(const struct root *root, struct arena *arena, struct pci_address address,
		      struct pci_function *ret, struct error *error)
{
	AUTO_ARENA scratch = { 0 };
	char text[PCI_ADDRESS_TEXT_MAX];
	struct stat ignored;
	int r = root_stat(root, pci_path(&scratch, address, ""), &ignored, error);
	if (root_absent(r))
		return error_set(error, -ENODEV, "there is no PCI device %s", pci_address_format(address, text));
	if (r < 0)
		return r;
	struct reading reading = { .root = root, .arena = arena, .scratch = &scratch };
	read_function(&reading, address, NULL, ret);
	read_revision(&reading);
	end_reading(&reading);
	return 0;
}

static int compare_functions(const void *a, const void *b)
{
	return pci_address_compare(((const struct pci_function *)a)->address,
				   ((const struct pci_function *)b)->address);
}

/* Text order is that of the addresses but where domains have more than four digits. */
static void sort(struct pci_functions *functions)
{
	for (size_t i = 1; i < functions->count; i++)
		if (compare_functions(&functions->items[i - 1], &functions->items[i]) > 0) {
			qsort(functions->items, functions->count, sizeof(*functions->items), compare_functions);
			return;
		}
}

int pci_read_all(const struct root *root, struct arena *arena, struct pci_functions *ret, struct error *error)
{
	AUTO_ARENA listing = { 0 };
	AUTO_ARENA scratch = { 0 };
	struct list names = { .arena = &listing };
	int r = root_list(root, &listing, DEVICES, &names, error);
	if (r < 0 && !root_absent(r))
		return r;
	struct reading reading = { .root = root, .arena = arena, .scratch = &scratch };
	struct pci_functions functions = { arena_alloc_array(arena, names.count + 1, sizeof(*functions.items)), 0 };
	const char *last_driver = NULL;
	for (size_t i = 0; i < names.count; i++) {
		struct pci_address address;
		if (i % BATCH == 0)
			arena_release(&scratch);
		if (pci_address_parse(names.items[i], &address, NULL) < 0)
			continue;
		struct pci_function *function = &functions.items[functions.count++];
		read_function(&reading, address, last_driver, function);
		end_reading(&reading);
		if (function->driver)
			last_driver = function->driver;
	}
	sort(&functions);
	*ret = functions;
	return 0;
}

void pci_read_revisions(const struct root *root, struct arena *arena, struct pci_functions *functions)
{
	AUTO_ARENA scratch = { 0 };
	struct reading reading = { .root = root, .arena = arena, .scratch = &scratch };
	for (size_t i = 0; i < functions->count; i++) {
		if (i % BATCH == 0)
			arena_release(&scratch);
		start_reading(&reading, &functions->items[i]);
		read_revision(&reading);
		end_reading(&reading);
	}
}

struct pci_function *pci_find(const struct pci_functions *functions, struct pci_address address)
{
	struct pci_function wanted = { .address = address };
	return functions->count == 0 ? NULL :
				       bsearch(&wanted, functions->items, functions->count, sizeof(*functions->items),
					       compare_functions);
}
