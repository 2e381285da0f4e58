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

/* Names that are wanted, each once however many functions want it: so a hostile file costs its own length at most. */
struct index {
	uint32_t *keys; /* sorted: vendor, vendor << 16 | device, or class >> 8 */
	const char **names;
	size_t count;
};

struct indexes {
	struct index vendors;
	struct index devices;
	struct index classes;
};

static uint32_t device_key(int32_t vendor, int32_t device)
{
	return (uint32_t)vendor << 16 | (uint32_t)device;
}

static int compare_keys(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a;
	uint32_t right = *(const uint32_t *)b;
	return left < right ? -1 : left > right;
}

/* Neighbours are often alike: what was added last is not added again. */
static void want(struct index *index, uint32_t key)
{
	if (index->count == 0 || index->keys[index->count - 1] != key)
		index->keys[index->count++] = key;
}

static void make_unique(struct index *index, struct arena *arena)
{
	size_t count = 0;
	if (index->count)
		qsort(index->keys, index->count, sizeof(*index->keys), compare_keys);
	for (size_t i = 0; i < index->count; i++)
		if (i == 0 || index->keys[i] != index->keys[i - 1])
			index->keys[count++] = index->keys[i];
	index->count = count;
	index->names = arena_alloc_array(arena, count + 1, sizeof(*index->names));
}

static struct indexes make_indexes(struct arena *arena, const struct pci_functions *functions)
{
	size_t size = sizeof(uint32_t);
	struct indexes all = {
		.vendors = { .keys = arena_alloc_array(arena, functions->count + 1, size) },
		.devices = { .keys = arena_alloc_array(arena, functions->count + 1, size) },
		.classes = { .keys = arena_alloc_array(arena, functions->count + 1, size) },
	};
	for (size_t i = 0; i < functions->count; i++) {
		const struct pci_function *function = &functions->items[i];
		if (function->vendor != PCI_UNKNOWN)
			want(&all.vendors, (uint32_t)function->vendor);
		if (function->vendor != PCI_UNKNOWN && function->device != PCI_UNKNOWN)
			want(&all.devices, device_key(function->vendor, function->device));
		if (function->class != PCI_UNKNOWN)
			want(&all.classes, (uint32_t)function->class >> 8);
	}
	make_unique(&all.vendors, arena);
	make_unique(&all.devices, arena);
	make_unique(&all.classes, arena);
	return all;
}

/* The place of the name with this key; NULL: nobody wants it. */
static const char **find(const struct index *index, uint32_t key)
{
	const uint32_t *found = index->count ? bsearch(&key, index->keys, index->count, sizeof(key), compare_keys) :
					       NULL;
	return found ? &index->names[found - index->keys] : NULL;
}

/* Returns whether anybody wanted it, and did not have it yet. */
static bool give(const struct index *index, uint32_t key, struct slice name, struct arena *arena)
{
	const char **place = find(index, key);
	name = slice_trim(name);
	if (!place || *place || !name.length)
		return false;
	*place = arena_strndup(arena, name.start, name.length);
	return true;
}

static const char *name_of(const struct index *index, uint32_t key)
{
	const char **place = find(index, key);
	return place ? *place : NULL;
}

static void give_names(const struct indexes *indexes, struct pci_functions *functions)
{
	for (size_t i = 0; i < functions->count; i++) {
		struct pci_function *function = &functions->items[i];
		if (function->vendor != PCI_UNKNOWN)
			function->vendor_name = name_of(&indexes->vendors, (uint32_t)function->vendor);
		if (function->vendor != PCI_UNKNOWN && function->device != PCI_UNKNOWN)
			function->device_name = name_of(&indexes->devices,
							device_key(function->vendor, function->device));
		if (function->class != PCI_UNKNOWN)
			function->class_name = name_of(&indexes->classes, (uint32_t)function->class >> 8);
	}
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
	if (vendor < 0 || !find(&reading->indexes->vendors, (uint32_t)vendor))
		return;
	reading->position.vendor = vendor;
	give(&reading->indexes->vendors, (uint32_t)vendor, line, reading->arena);
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
	uint32_t key = is_device ? device_key(position->vendor, id) : (uint32_t)position->class << 8 | (uint32_t)id;
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
	give_names(&indexes, functions);
	recorder_note_read(root, path, 0, &(struct slice){ reading.kept.text, reading.kept.length });
	return 0;
}
