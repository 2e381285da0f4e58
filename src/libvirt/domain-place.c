/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Under a vIOMMU each function has an address space of its own, by its bus and slot, but VFIO can attach a host group to
 * one only. Behind a PCIe-to-PCI bridge all have the bridge's requester id, so they share one (qemu/group-bridge.h tells
 * the same of command lines). A device that shares nothing belongs on a root port of its own, so that it is a PCI Express
 * device, and alone in its group, for the guest.
 */
#include <errno.h>

#include "libvirt/domain-edit.h"
#include "libvirt/domain-topology.h"

/* A bridge with a standard hot-plug controller has slots 1 to 31. */
#define FIRST_SLOT 1U
/* Where an integrated GPU of Intel's must be for its firmware and driver (QEMU docs/igd-assign.txt). */
#define IGD_SLOT 2U

struct group {
	struct topology_device **members;
	size_t count;
	const char *name;
};

static const char *find_group(const struct domain_wishes *wishes, const struct topology_device *device)
{
	for (size_t i = 0; device->assigned && device->host_known && i < wishes->member_count; i++)
		if (pci_address_equal(wishes->members[i].address, device->host))
			return wishes->members[i].group;
	return NULL;
}

static const char *name_of(struct domain_editor *editor, const struct topology_device *device)
{
	char address[PCI_ADDRESS_TEXT_MAX];
	if (!device->host_known)
		return "a device that its network chooses";
	return arena_strdup(editor->text.arena, pci_address_format(device->host, address));
}

static const char *names_of(struct domain_editor *editor, const struct group *group)
{
	struct buffer text = { .arena = editor->text.arena };
	for (size_t i = 0; i < group->count; i++)
		buffer_printf(&text, "%s%s", i ? ", " : "", name_of(editor, group->members[i]));
	return text.text;
}

static void warn_unknown(struct domain_editor *editor, const struct topology *topology)
{
	struct buffer text = { .arena = editor->text.arena };
	size_t assigned = 0;
	for (size_t i = 0; i < topology->device_count; i++) {
		const struct topology_device *device = &topology->devices[i];
		assigned += device->assigned;
		if (device->assigned && !find_group(editor->wishes, device))
			buffer_printf(&text, "%s%s", text.length ? ", " : "", name_of(editor, device));
	}
	if (text.length && assigned > 1)
		domain_warn(
			editor,
			"host group of %s not known: left where it is. If two devices share a group, QEMU stops with "
			"'group N used in multiple address spaces'",
			text.text);
}

/* 0: a space of its own. */
static unsigned int space_of(const struct topology *topology, const struct topology_device *device)
{
	return device->placed ? topology_shared_space(topology, device->place.bus) : 0;
}

static bool same_slot(const struct topology_device *a, const struct topology_device *b)
{
	return a->placed && b->placed && a->place.bus == b->place.bus && a->place.slot == b->place.slot;
}

static bool is_member(const struct group *group, const struct topology_device *device)
{
	for (size_t i = 0; i < group->count; i++)
		if (group->members[i] == device)
			return true;
	return false;
}

/* Is there something in its slot that is not of its group? */
static bool has_stranger(const struct topology *topology, const struct group *group,
			 const struct topology_device *device)
{
	for (size_t i = 0; i < topology->device_count; i++)
		if (!is_member(group, &topology->devices[i]) && same_slot(&topology->devices[i], device))
			return true;
	for (unsigned int i = 0; i < TOPOLOGY_BUSES; i++)
		if (device->placed && topology->buses[i].placed && topology->buses[i].place.bus == device->place.bus &&
		    topology->buses[i].place.slot == device->place.slot)
			return true;
	return false;
}

static const char *address_xml(struct arena *arena, struct topology_place place)
{
	return arena_printf(arena, "<address type='pci' domain='0x0000' bus='0x%02x' slot='0x%02x' function='0x%x'/>",
			    place.bus, place.slot, place.function);
}

static void move(struct domain_editor *editor, struct topology_device *device, struct topology_place place,
		 bool multifunction)
{
	struct xml_text *text = &editor->text;
	struct xml_element *address = device->address;
	device->place = place;
	device->placed = true;
	if (!address) {
		xml_edit_insert(text, device->element, NULL, address_xml(text->arena, place));
		return;
	}
	xml_edit_set(text, address, "domain", "0x0000");
	xml_edit_set(text, address, "bus", arena_printf(text->arena, "0x%02x", place.bus));
	xml_edit_set(text, address, "slot", arena_printf(text->arena, "0x%02x", place.slot));
	xml_edit_set(text, address, "function", arena_printf(text->arena, "0x%x", place.function));
	if (multifunction)
		xml_edit_set(text, address, "multifunction", "on");
	else
		xml_edit_remove_attribute(text, address, "multifunction");
}

/* A new controller behind the others. 0: there is no index left. */
static unsigned int add_controller(struct domain_editor *editor, struct topology *topology, const char *model,
				   const struct topology_place *place)
{
	struct xml_text *text = &editor->text;
	struct xml_element *devices = xml_child(text->root, "devices");
	struct xml_element *last = NULL;
	unsigned int index = topology->next_index;
	if (index >= TOPOLOGY_BUSES)
		return 0;
	for (struct xml_element *at = xml_child(devices, "controller"); at; at = xml_next(at))
		if (xml_has(at, "type", "pci") && !xml_edit_is_removed(at))
			last = at;
	const char *xml = arena_printf(text->arena, "<controller type='pci' index='%u' model='%s'%s%s%s", index, model,
				       place ? ">\n  " : "/>", place ? address_xml(text->arena, *place) : "",
				       place ? "\n</controller>" : "");
	xml_edit_insert(text, devices, last ? last->next : NULL, xml);
	topology->next_index++;
	topology->buses[index] = (struct topology_bus){ .model = model, .placed = place };
	if (place)
		topology->buses[index].place = *place;
	return index;
}

/* The place of a member that stands alone on a port: the bridge takes it over. */
static const struct topology_place *vacated_port(const struct topology *topology, const struct group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct topology_device *device = group->members[i];
		if (device->placed && device->place.bus != 0 &&
		    !topology_is_conventional(topology, device->place.bus) &&
		    topology->buses[device->place.bus].model && !has_stranger(topology, group, device))
			return &device->place;
	}
	return NULL;
}

static void mark_taken(const struct topology *topology, const struct group *moved, unsigned int bus,
		       bool taken[TOPOLOGY_SLOTS])
{
	for (size_t i = 0; i < topology->device_count; i++) {
		const struct topology_device *device = &topology->devices[i];
		if (device->placed && device->place.bus == bus && !is_member(moved, device))
			taken[device->place.slot] = true;
	}
	for (unsigned int i = 0; i < TOPOLOGY_BUSES; i++)
		if (topology->buses[i].placed && topology->buses[i].place.bus == bus)
			taken[topology->buses[i].place.slot] = true;
}

/* Members that were functions of one slot stay so, in their order: a guest looks for others only behind function 0. */
static void move_together(struct domain_editor *editor, const struct group *moved, size_t first, unsigned int bus,
			  unsigned int slot, bool done[])
{
	struct topology_device *lead = moved->members[first];
	struct topology_device *companions[8] = { lead };
	size_t count = 1;
	done[first] = true;
	if (lead->placed) {
		companions[0] = NULL;
		companions[lead->place.function] = lead;
	}
	for (size_t i = first + 1; i < moved->count; i++) {
		struct topology_device *other = moved->members[i];
		if (done[i] || !same_slot(other, lead) || companions[other->place.function])
			continue;
		companions[other->place.function] = other;
		done[i] = true;
		count++;
	}
	unsigned int function = 0;
	for (size_t i = 0; i < ARRAY_SIZE(companions); i++)
		if (companions[i]) {
			move(editor, companions[i], (struct topology_place){ bus, slot, function },
			     function == 0 && count > 1);
			function++;
		}
}

static int move_all(struct domain_editor *editor, const struct topology *topology, const struct group *moved,
		    unsigned int bus)
{
	bool taken[TOPOLOGY_SLOTS] = { false };
	bool *done = arena_alloc_array(editor->text.arena, moved->count, sizeof(*done));
	unsigned int slot = FIRST_SLOT;
	mark_taken(topology, moved, bus, taken);
	for (size_t i = 0; i < moved->count; i++) {
		if (done[i])
			continue;
		while (slot < TOPOLOGY_SLOTS && taken[slot])
			slot++;
		if (slot == TOPOLOGY_SLOTS)
			return error_set(
				editor->error, -ENOTSUP,
				"%s are of one host group, and there is no slot left for all of them on PCI bus "
				"%u; move something else away from it",
				names_of(editor, moved), bus);
		move_together(editor, moved, i, bus, slot++, done);
	}
	return 0;
}

static int put_behind_bridge(struct domain_editor *editor, struct topology *topology, const struct group *group)
{
	struct group moved = { arena_alloc_array(editor->text.arena, group->count, sizeof(void *)), 0, group->name };
	unsigned int bus = 0;
	for (size_t i = 0; i < group->count && !bus; i++)
		if (space_of(topology, group->members[i]))
			bus = group->members[i]->place.bus;
	for (size_t i = 0; i < group->count; i++) {
		struct topology_device *device = group->members[i];
		if (bus && space_of(topology, device) == topology_shared_space(topology, bus))
			continue;
		if (device->placed && device->place.function == 0 && has_stranger(topology, group, device))
			return error_set(
				editor->error, -ENOTSUP,
				"%s are of one host group and must share an address space, but the first function "
				"of a slot that another device is in cannot be moved away from it; give %s a slot "
				"of its own",
				names_of(editor, group), name_of(editor, device));
		moved.members[moved.count++] = device;
	}
	bool old = bus;
	if (!bus)
		bus = add_controller(editor, topology, "pcie-to-pci-bridge", vacated_port(topology, group));
	if (!bus)
		return error_set(editor->error, -ENOTSUP, "it has 255 PCI buses already; no bridge can be added");
	int r = move_all(editor, topology, &moved, bus);
	if (r == 0)
		domain_did(editor,
			   "%s (one host group) are behind one PCIe-to-PCI bridge%s, bus %u, to share an address space",
			   names_of(editor, group), old ? " that is there" : "", bus);
	return r;
}

/* All devices of a group, from its first one; false at another. */
static bool gather_group(struct domain_editor *editor, struct topology *topology, size_t first, struct group *ret)
{
	const char *name = find_group(editor->wishes, &topology->devices[first]);
	*ret = (struct group){ NULL, 0, name };
	if (!name)
		return false;
	ret->members = arena_alloc_array(editor->text.arena, topology->device_count, sizeof(*ret->members));
	for (size_t i = 0; i < topology->device_count; i++) {
		if (!text_equals(find_group(editor->wishes, &topology->devices[i]), name))
			continue;
		if (i < first)
			return false;
		ret->members[ret->count++] = &topology->devices[i];
	}
	return true;
}

static bool is_split(const struct topology *topology, const struct group *group)
{
	unsigned int space = space_of(topology, group->members[0]);
	for (size_t i = 1; i < group->count; i++)
		if (!space || space_of(topology, group->members[i]) != space)
			return true;
	return false;
}

static bool is_alone(struct domain_editor *editor, const struct topology *topology,
		     const struct topology_device *device)
{
	const char *group = find_group(editor->wishes, device);
	for (size_t i = 0; group && i < topology->device_count; i++)
		if (&topology->devices[i] != device &&
		    text_equals(find_group(editor->wishes, &topology->devices[i]), group))
			return false;
	return true;
}

/* On the root bus, or behind a bridge with a device of another host group, with which it would be one group in L1. */
static bool needs_port(struct domain_editor *editor, const struct topology *topology,
		       const struct topology_device *device)
{
	const char *group = find_group(editor->wishes, device);
	unsigned int space = space_of(topology, device);
	if (!device->assigned || !device->placed)
		return false;
	if (device->place.bus == 0)
		return device->place.slot != IGD_SLOT;
	for (size_t i = 0; space && group && i < topology->device_count; i++) {
		const struct topology_device *other = &topology->devices[i];
		const char *others = find_group(editor->wishes, other);
		if (others && !text_equals(others, group) && space_of(topology, other) == space)
			return true;
	}
	return false;
}

static int put_on_port(struct domain_editor *editor, struct topology *topology, struct topology_device *device)
{
	struct group alone = { &device, 1, NULL };
	if (has_stranger(topology, &alone, device)) {
		domain_warn(editor, "%s shares its slot with another device, so it is left there, on bus %u",
			    name_of(editor, device), device->place.bus);
		return 0;
	}
	unsigned int bus = add_controller(editor, topology, "pcie-root-port", NULL);
	if (!bus)
		return error_set(editor->error, -ENOTSUP, "it has 255 PCI buses already; no port can be added");
	move(editor, device, (struct topology_place){ bus, 0, 0 }, false);
	domain_did(editor, "%s is on a PCIe root port of its own, bus %u", name_of(editor, device), bus);
	return 0;
}

int domain_place_devices(struct domain_editor *editor)
{
	struct topology topology;
	struct group group;
	int r = topology_read(&editor->text, &topology, editor->error);
	if (r < 0)
		return r;
	warn_unknown(editor, &topology);
	for (size_t i = 0; i < topology.device_count; i++)
		if (gather_group(editor, &topology, i, &group) && is_split(&topology, &group)) {
			r = put_behind_bridge(editor, &topology, &group);
			if (r < 0)
				return r;
		}
	for (size_t i = 0; i < topology.device_count; i++)
		if (needs_port(editor, &topology, &topology.devices[i]) &&
		    is_alone(editor, &topology, &topology.devices[i])) {
			r = put_on_port(editor, &topology, &topology.devices[i]);
			if (r < 0)
				return r;
		}
	return 0;
}
