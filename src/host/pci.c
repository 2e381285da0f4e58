/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/pci.h"

#include <stdlib.h>

#define DEVICES "/sys/bus/pci/devices"

const char *pci_path(struct arena *arena, struct pci_address address, const char *name)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	return arena_printf(arena, DEVICES "/%s%s%s", pci_address_format(address, text), *name ? "/" : "", name);
}

struct reading {
	const struct root *root;
	struct arena *arena;
	struct pci_function *function;
	const char *directory;
};

enum presence { REQUIRED, OPTIONAL };

static const char *path_of(const struct reading *reading, const char *name)
{
	return arena_printf(reading->arena, "%s/%s", reading->directory, name);
}

static void problem(const struct reading *reading, const char *text)
{
	reading->function->problems.arena = reading->arena;
	list_add(&reading->function->problems, arena_strdup(reading->arena, text));
}

/* A hexadecimal attribute, "0x010802". */
static int32_t read_number(const struct reading *reading, const char *name, uint32_t max, enum presence presence)
{
	struct error error;
	char *text;
	int r = root_read_line(reading->root, reading->arena, path_of(reading, name), &text, &error);
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

static const char *read_driver(const struct reading *reading)
{
	struct error error;
	char *target;
	int r = root_read_link(reading->root, reading->arena, path_of(reading, "driver"), &target, &error);
	if (r == 0)
		return text_basename(target);
	if (!root_absent(r))
		problem(reading, error.text);
	return NULL;
}

static const char *read_group(const struct reading *reading)
{
	struct error error;
	const char *group;
	int r = iommu_group_of(reading->root, reading->arena, reading->function->address, &group, &error);
	if (r == 0)
		return group;
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
static bool read_is_bridge(const struct reading *reading)
{
	int32_t class = reading->function->class;
	if (class != PCI_UNKNOWN && class >> 16 != 0x06)
		return false;
	return class >> 8 == 0x0604 || class >> 8 == 0x0607 ||
	       root_exists(reading->root, path_of(reading, "secondary_bus_number"));
}

static bool read_boot_vga(const struct reading *reading)
{
	struct error error;
	char *text;
	/* The kernel makes this attribute for displays only (base class 03). */
	if (reading->function->class >> 16 != 0x03)
		return false;
	int r = root_read_line(reading->root, reading->arena, path_of(reading, "boot_vga"), &text, &error);
	if (r < 0 && !root_absent(r))
		problem(reading, error.text);
	return r == 0 && text_equals(text, "1");
}

static void read_function(const struct root *root, struct arena *arena, struct pci_address address,
			  struct pci_function *function)
{
	*function = (struct pci_function){ .address = address };
	struct reading reading = { root, arena, function, pci_path(arena, address, "") };
	function->class = read_number(&reading, "class", 0xffffff, REQUIRED);
	function->vendor = read_number(&reading, "vendor", 0xffff, REQUIRED);
	function->device = read_number(&reading, "device", 0xffff, REQUIRED);
	function->subsystem_vendor = read_number(&reading, "subsystem_vendor", 0xffff, OPTIONAL);
	function->subsystem_device = read_number(&reading, "subsystem_device", 0xffff, OPTIONAL);
	/* Since Linux 4.10. */
	function->revision = read_number(&reading, "revision", 0xff, OPTIONAL);
	function->driver = read_driver(&reading);
	function->group = read_group(&reading);
	function->is_bridge = read_is_bridge(&reading);
	function->boot_vga = read_boot_vga(&reading);
}

int pci_read_function(const struct root *root, struct arena *arena, struct pci_address address,
		      struct pci_function *ret, struct error *error)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	struct stat ignored;
	int r = root_stat(root, pci_path(arena, address, ""), &ignored, error);
	if (root_absent(r))
		return error_set(error, -ENODEV, "there is no PCI device %s", pci_address_format(address, text));
	if (r < 0)
		return r;
	read_function(root, arena, address, ret);
	return 0;
}

static int compare_functions(const void *a, const void *b)
{
	return pci_address_compare(((const struct pci_function *)a)->address,
				   ((const struct pci_function *)b)->address);
}

int pci_read_all(const struct root *root, struct arena *arena, struct pci_functions *ret, struct error *error)
{
	struct list names = { .arena = arena };
	int r = root_list(root, arena, DEVICES, &names, error);
	if (r < 0 && !root_absent(r))
		return r;
	struct pci_function *functions = arena_alloc_array(arena, names.count + 1, sizeof(*functions));
	size_t count = 0;
	for (size_t i = 0; i < names.count; i++) {
		struct pci_address address;
		if (pci_address_parse(names.items[i], &address, NULL) == 0)
			read_function(root, arena, address, &functions[count++]);
	}
	qsort(functions, count, sizeof(*functions), compare_functions);
	*ret = (struct pci_functions){ functions, count };
	return 0;
}
