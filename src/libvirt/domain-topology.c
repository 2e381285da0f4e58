/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvirt/domain-topology.h"

#include <errno.h>

bool topology_number(const char *text, uint64_t max, uint64_t *ret)
{
	if (!text)
		return false;
	bool hex = text_starts_with(text, "0x") || text_starts_with(text, "0X");
	return text_to_number(hex ? text + 2 : text, hex ? 16 : 10, max, ret) == 0;
}

/* One number of an address; not there is 0. */
static int read_part(const struct xml_text *text, const struct xml_element *address, const char *name, uint64_t max,
		     uint64_t *ret, struct error *error)
{
	const char *value = xml_edit_get(text, address, name);
	*ret = 0;
	if (value && !topology_number(value, max, ret))
		return error_set(error, -EINVAL, "<address %s='%.40s'>: not a number up to %llu", name, value,
				 (unsigned long long)max);
	return 0;
}

static int read_place(const struct xml_text *text, const struct xml_element *address, struct topology_place *ret,
		      struct error *error)
{
	uint64_t bus;
	uint64_t slot;
	uint64_t function;
	int r = read_part(text, address, "bus", TOPOLOGY_BUSES - 1, &bus, error);
	if (r == 0)
		r = read_part(text, address, "slot", TOPOLOGY_SLOTS - 1, &slot, error);
	if (r == 0)
		r = read_part(text, address, "function", 7, &function, error);
	if (r == 0)
		*ret = (struct topology_place){ (unsigned int)bus, (unsigned int)slot, (unsigned int)function };
	return r;
}

static int read_host_address(const struct xml_text *text, const struct xml_element *address, struct pci_address *ret,
			     struct error *error)
{
	struct topology_place place;
	uint64_t domain;
	int r = read_part(text, address, "domain", UINT32_MAX, &domain, error);
	if (r == 0)
		r = read_place(text, address, &place, error);
	if (r == 0)
		*ret = (struct pci_address){ (uint32_t)domain, (uint8_t)place.bus, (uint8_t)place.slot,
					     (uint8_t)place.function };
	return r;
}

/* <address type='pci'>, unless it was taken away. */
static struct xml_element *pci_address_of(const struct xml_element *device)
{
	for (struct xml_element *child = xml_child(device, "address"); child; child = xml_next(child))
		if (xml_has(child, "type", "pci") && !xml_edit_is_removed(child))
			return child;
	return NULL;
}

static bool is_unassigned(const struct xml_element *device)
{
	for (const struct xml_element *child = xml_child(device, "address"); child; child = xml_next(child))
		if (xml_has(child, "type", "unassigned"))
			return true;
	return false;
}

static int read_controller(const struct xml_text *text, struct topology *topology, struct xml_element *controller,
			   size_t *unnumbered, struct error *error)
{
	uint64_t index;
	const char *value = xml_get(text->arena, controller, "index");
	if (!value) {
		++*unnumbered;
		return 0;
	}
	if (!topology_number(value, TOPOLOGY_BUSES - 1, &index))
		return error_set(error, -EINVAL, "<controller type='pci' index='%.40s'>: not a number up to %u", value,
				 TOPOLOGY_BUSES - 1);
	struct topology_bus *bus = &topology->buses[index];
	if (bus->controller)
		return error_set(error, -EINVAL, "two <controller type='pci'> have the index %u", (unsigned int)index);
	bus->controller = controller;
	bus->model = xml_get(text->arena, controller, "model");
	const struct xml_element *address = pci_address_of(controller);
	bus->placed = address;
	if (index >= topology->next_index)
		topology->next_index = (unsigned int)index + 1;
	return address ? read_place(text, address, &bus->place, error) : 0;
}

static int read_device(const struct xml_text *text, struct xml_element *element, struct topology_device *ret,
		       struct error *error)
{
	struct topology_device device = { .element = element, .address = pci_address_of(element) };
	bool network = xml_is(element, "interface") && xml_has(element, "type", "hostdev");
	bool subsystem = xml_is(element, "hostdev") && xml_has(element, "type", "pci") &&
			 !xml_has(element, "mode", "capabilities");
	int r = device.address ? read_place(text, device.address, &device.place, error) : 0;
	if (r < 0)
		return r;
	device.placed = device.address;
	device.assigned = (network || subsystem) && !is_unassigned(element);
	const struct xml_element *source = xml_child(xml_child(element, "source"), "address");
	if (device.assigned && source) {
		device.host_known = true;
		r = read_host_address(text, source, &device.host, error);
		if (r < 0)
			return r;
	}
	*ret = device;
	return 0;
}

int topology_read(const struct xml_text *text, struct topology *ret, struct error *error)
{
	const struct xml_element *devices = xml_child(text->root, "devices");
	size_t count = 0;
	size_t unnumbered = 0;
	*ret = (struct topology){ .next_index = 1 };
	for (struct xml_element *at = devices ? devices->first : NULL; at; at = at->next)
		count++;
	ret->devices = arena_alloc_array(text->arena, count + 1, sizeof(*ret->devices));
	for (struct xml_element *at = devices ? devices->first : NULL; at; at = at->next) {
		if (xml_edit_is_removed(at))
			continue;
		bool pci_controller = xml_is(at, "controller") && xml_has(at, "type", "pci");
		int r = pci_controller ? read_controller(text, ret, at, &unnumbered, error) :
					 read_device(text, at, &ret->devices[ret->device_count], error);
		if (r < 0)
			return r;
		if (pci_controller)
			continue;
		const struct topology_device *device = &ret->devices[ret->device_count++];
		if (device->placed && device->place.bus >= ret->next_index)
			ret->next_index = device->place.bus + 1;
	}
	for (unsigned int i = 0; i < TOPOLOGY_BUSES; i++)
		if (ret->buses[i].placed && ret->buses[i].place.bus >= ret->next_index)
			ret->next_index = ret->buses[i].place.bus + 1;
	ret->next_index += (unsigned int)(unnumbered < TOPOLOGY_BUSES ? unnumbered : TOPOLOGY_BUSES);
	return 0;
}

bool topology_is_conventional(const struct topology *topology, unsigned int bus)
{
	const char *model = topology->buses[bus].model;
	return text_equals(model, "pci-bridge") || text_equals(model, "pcie-to-pci-bridge") ||
	       text_equals(model, "dmi-to-pci-bridge") || text_equals(model, "pci-root");
}

unsigned int topology_shared_space(const struct topology *topology, unsigned int bus)
{
	unsigned int space = 0;
	/* A bus can be above itself in a definition that somebody wrote. */
	for (unsigned int steps = 0; steps < TOPOLOGY_BUSES && topology_is_conventional(topology, bus); steps++) {
		space = bus;
		if (!topology->buses[bus].placed)
			break;
		bus = topology->buses[bus].place.bus;
	}
	return space;
}

size_t topology_count_vfio(const struct xml_text *text, const struct topology *topology)
{
	size_t count = 0;
	for (size_t i = 0; i < topology->device_count; i++) {
		const struct topology_device *device = &topology->devices[i];
		count += device->assigned ||
			 (xml_is(device->element, "hostdev") && xml_has(device->element, "type", "mdev") &&
			  !is_unassigned(device->element));
	}
	return count;
}
