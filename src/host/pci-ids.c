/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file, some 1.4 MB, is passed over once; only lines that somebody wants are looked at beyond their first bytes.
 * Its grammar, from its own head:
 *
 *   vendor  vendor_name
 *   <tab>device  device_name
 *   <tab><tab>subvendor subdevice  subsystem_name
 *   C class  class_name
 *   <tab>subclass  subclass_name
 *   <tab><tab>prog-if  prog-if_name
 */
#include "host/pci-ids.h"

#include <stdlib.h>

#include "base/recorder.h"

static const char *const places[] = {
	"/usr/share/misc/pci.ids",   /* Debian, Arch (a link to hwdata's) */
	"/usr/share/hwdata/pci.ids", /* Fedora, SUSE, Alpine */
	"/usr/share/pci.ids",        "/usr/local/share/pci.ids",
	"/var/lib/pciutils/pci.ids", /* where update-pciids writes in newer versions */
};

/* A name that is wanted: of a vendor, a device, or a class. */
struct wanted {
	const char **place;
	int32_t key; /* vendor << 16 | device, vendor, or class >> 8 */
};

struct index {
	struct wanted *items;
	size_t count;
};

struct indexes {
	struct index vendors;
	struct index devices;
	struct index classes;
};

static int compare_keys(const void *a, const void *b)
{
	uint32_t left = (uint32_t)((const struct wanted *)a)->key;
	uint32_t right = (uint32_t)((const struct wanted *)b)->key;
	return left < right ? -1 : left > right;
}

static void want(struct index *index, int32_t key, const char **place)
{
	index->items[index->count++] = (struct wanted){ place, key };
}

static struct indexes make_indexes(struct arena *arena, struct pci_functions *functions)
{
	size_t size = sizeof(struct wanted);
	struct indexes all = {
		.vendors = { arena_alloc_array(arena, functions->count + 1, size), 0 },
		.devices = { arena_alloc_array(arena, functions->count + 1, size), 0 },
		.classes = { arena_alloc_array(arena, functions->count + 1, size), 0 },
	};
	for (size_t i = 0; i < functions->count; i++) {
		struct pci_function *function = &functions->items[i];
		if (function->vendor != PCI_UNKNOWN)
			want(&all.vendors, function->vendor, &function->vendor_name);
		if (function->vendor != PCI_UNKNOWN && function->device != PCI_UNKNOWN)
			want(&all.devices, (int32_t)((uint32_t)function->vendor << 16 | (uint32_t)function->device),
			     &function->device_name);
		if (function->class != PCI_UNKNOWN)
			want(&all.classes, function->class >> 8, &function->class_name);
	}
	qsort(all.vendors.items, all.vendors.count, size, compare_keys);
	qsort(all.devices.items, all.devices.count, size, compare_keys);
	qsort(all.classes.items, all.classes.count, size, compare_keys);
	return all;
}

/* The first that wants this key, or NULL; those after it with the same key want it as well. */
static struct wanted *find(const struct index *index, int32_t key)
{
	size_t low = 0;
	size_t high = index->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if ((uint32_t)index->items[middle].key < (uint32_t)key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->count && index->items[low].key == key ? &index->items[low] : NULL;
}

/* Returns whether anybody wanted it. */
static bool give(const struct index *index, int32_t key, struct slice name, struct arena *arena)
{
	struct wanted *wanted = find(index, key);
	name = slice_trim(name);
	if (!wanted || name.length == 0)
		return false;
	const char *copy = arena_strndup(arena, name.start, name.length);
	for (; wanted < index->items + index->count && wanted->key == key; wanted++)
		*wanted->place = copy;
	return true;
}

/* The `digits` hexadecimal digits at the start of a line, cut off it; -1 when they are none. */
static int32_t take_hex(struct slice *line, size_t digits)
{
	int32_t value = 0;
	if (line->length < digits)
		return -1;
	for (size_t i = 0; i < digits; i++) {
		char c = line->start[i];
		int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	*line = (struct slice){ line->start + digits, line->length - digits };
	return value;
}

/* Where in the file we are: below a vendor or a class that somebody wants, or below one that nobody does. */
struct position {
	int32_t vendor; /* or -1 */
	int32_t class;  /* or -1 */
	struct slice class_line;
};

struct reading {
	const struct indexes *indexes;
	struct arena *arena;
	struct position position;
	struct buffer kept; /* the lines that somebody wanted */
};

static void keep(struct reading *reading, struct slice line)
{
	buffer_add(&reading->kept, line.start, line.length);
	buffer_putc(&reading->kept, '\n');
}

static void read_top_line(struct reading *reading, struct slice line)
{
	const struct slice whole = line;
	reading->position = (struct position){ -1, -1, line };
	if (line.length > 2 && line.start[0] == 'C' && line.start[1] == ' ') {
		line = (struct slice){ line.start + 2, line.length - 2 };
		reading->position.class = take_hex(&line, 2);
		return;
	}
	int32_t vendor = take_hex(&line, 4);
	if (vendor < 0 || !find(&reading->indexes->vendors, vendor))
		return;
	reading->position.vendor = vendor;
	give(&reading->indexes->vendors, vendor, line, reading->arena);
	keep(reading, whole);
}

static void read_second_line(struct reading *reading, struct slice line)
{
	struct position *position = &reading->position;
	struct slice name = { line.start + 1, line.length - 1 };
	bool is_device = position->vendor >= 0;
	int32_t id = take_hex(&name, is_device ? 4 : 2);
	if (id < 0)
		return;
	const struct index *index = is_device ? &reading->indexes->devices : &reading->indexes->classes;
	int32_t key = is_device ? (int32_t)((uint32_t)position->vendor << 16 | (uint32_t)id) :
				  position->class << 8 | id;
	if (!give(index, key, name, reading->arena))
		return;
	if (!is_device && position->class_line.length)
		keep(reading, position->class_line);
	position->class_line.length = 0;
	keep(reading, line);
}

static void read_file(struct reading *reading, struct slice text)
{
	struct slice line;
	reading->position = (struct position){ -1, -1, { "", 0 } };
	while (slice_next_line(&text, &line)) {
		if (line.length < 4 || line.start[0] == '#')
			continue;
		if (line.start[0] != '\t')
			read_top_line(reading, line);
		else if (line.start[1] != '\t' && (reading->position.vendor >= 0 || reading->position.class >= 0))
			read_second_line(reading, line);
	}
}

/* Of the file itself, a recorder is shown only what belongs to these functions: see pci_ids_fill(). */
static int read_installed(const struct root *root, struct arena *arena, const char **ret_path, struct slice *ret,
			  struct error *error)
{
	const struct root quiet = root_unrecorded(root);
	int r = -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(places) && root_absent(r); i++) {
		*ret_path = places[i];
		r = root_read(&quiet, arena, places[i], ret, error);
		if (r < 0)
			recorder_note_read(root, places[i], r, NULL);
	}
	return r;
}

int pci_ids_fill(const struct root *root, struct arena *arena, struct pci_functions *functions, struct error *error)
{
	AUTO_ARENA scratch = { 0 };
	struct slice text;
	const char *path;
	int r = read_installed(root, &scratch, &path, &text, error);
	if (root_absent(r))
		return error_set(error, -ENOENT, "%s/usr/share/misc/pci.ids: not installed", root->name);
	if (r < 0)
		return r;
	struct indexes indexes = make_indexes(&scratch, functions);
	struct reading reading = { .indexes = &indexes, .arena = arena, .kept = { .arena = &scratch } };
	buffer_add(&reading.kept, "", 0);
	read_file(&reading, text);
	recorder_note_read(root, path, 0, &(struct slice){ reading.kept.text, reading.kept.length });
	return 0;
}
