/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/group-bridge.h"

#include <errno.h>
#include <string.h>

#include "qemu/topology.h"

/* A bridge with a standard hot-plug controller, as pcie-pci-bridge is, has slots 1 to 31. */
#define FIRST_SLOT 1U
#define LAST_SLOT 31U

struct member {
	const struct qemu_device *device;
	struct pci_address address;
	const char *group; /* NULL: not known */
	const char *space; /* NULL: not known */
};

struct members {
	struct member *items;
	size_t count;
};

static const char *find_group(const struct viommu_facts *facts, struct pci_address address)
{
	for (size_t i = 0; i < facts->member_count; i++)
		if (pci_address_equal(facts->members[i].address, address))
			return facts->members[i].group;
	return NULL;
}

static struct members gather_members(struct edit *edit)
{
	struct members members = { arena_alloc_array(edit->arena, edit->vm->device_count + 1, sizeof(struct member)),
				   0 };
	for (size_t i = 0; i < edit->vm->device_count; i++) {
		const struct qemu_device *device = &edit->vm->devices[i];
		struct member *member = &members.items[members.count];
		if (!qemu_device_is_vfio(device))
			continue;
		if (!qemu_device_host(device, &member->address)) {
			const char *sysfs = keyval_get(&device->properties, "sysfsdev");
			/* A mediated device has a group of its own. */
			if (!sysfs || !strstr(sysfs, "/mdev/"))
				list_printf(&edit->warnings, "'%.80s': which host device that is cannot be read",
					    edit_argument(edit, device->option));
			continue;
		}
		member->device = device;
		member->group = find_group(edit->facts, member->address);
		member->space = qemu_address_space(edit->arena, edit->vm, device, true);
		members.count++;
	}
	return members;
}

static void warn_unknown(struct edit *edit, const struct members *members)
{
	struct buffer text = { .arena = edit->arena };
	char address[PCI_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < members->count; i++)
		if (!members->items[i].group)
			buffer_printf(&text, "%s%s", text.length ? ", " : "",
				      pci_address_format(members->items[i].address, address));
	if (text.length && members->count > 1)
		list_printf(
			&edit->warnings,
			"host group of %s not known: topology left as it is. If two devices of this line share a group, "
			"QEMU stops with 'group N used in multiple address spaces'; say which: --group ADDRESS,ADDRESS",
			text.text);
}

static bool same_place(const struct qemu_device *a, const struct qemu_device *b)
{
	unsigned int slot_a;
	unsigned int slot_b;
	unsigned int ignored;
	const char *bus_a = keyval_get(&a->properties, "bus");
	const char *bus_b = keyval_get(&b->properties, "bus");
	return text_equals(bus_a ? bus_a : "pcie.0", bus_b ? bus_b : "pcie.0") &&
	       qemu_parse_slot(keyval_get(&a->properties, "addr"), &slot_a, &ignored) &&
	       qemu_parse_slot(keyval_get(&b->properties, "addr"), &slot_b, &ignored) && slot_a == slot_b;
}

static bool is_on_express_bus(const struct edit *edit, const struct qemu_device *device)
{
	if (qemu_is_on_root_bus(device))
		return true;
	const struct qemu_device *bridge = qemu_parent_bridge(edit->vm, device);
	return bridge && qemu_makes_express_bus(bridge->driver);
}

static unsigned int function_of(const struct qemu_device *device)
{
	unsigned int slot;
	unsigned int function = 0;
	qemu_parse_slot(keyval_get(&device->properties, "addr"), &slot, &function);
	return function;
}

static bool is_member(const struct members *group, const struct qemu_device *device)
{
	for (size_t i = 0; i < group->count; i++)
		if (group->items[i].device == device)
			return true;
	return false;
}

/* Does a device that is not in the group share the slot that the bridge takes over? */
static bool slot_is_shared(const struct edit *edit, const struct members *group, const struct qemu_device *first)
{
	for (size_t i = 0; i < edit->vm->device_count; i++) {
		const struct qemu_device *device = &edit->vm->devices[i];
		if (!is_member(group, device) && qemu_device_is_pci(device->driver) && same_place(device, first))
			return true;
	}
	return false;
}

/* The lowest function that members hold in a slot. */
static unsigned int lowest_function(const struct members *group, const struct qemu_device *first)
{
	unsigned int lowest = function_of(first);
	for (size_t i = 0; i < group->count; i++)
		if (same_place(group->items[i].device, first) && function_of(group->items[i].device) < lowest)
			lowest = function_of(group->items[i].device);
	return lowest;
}

/*
 * A bridge in this member's place: the bus is a PCIe bus, and is there when the first member is created (QEMU creates
 * JSON devices last).
 */
static bool can_stand_here(const struct edit *edit, const struct members *group, const struct qemu_device *device)
{
	if (!is_on_express_bus(edit, device))
		return false;
	if (device->form == QEMU_JSON && group->items[0].device->form != QEMU_JSON)
		return false;
	const struct qemu_device *parent = qemu_parent_bridge(edit->vm, device);
	return qemu_is_on_root_bus(device) || (parent && parent < group->items[0].device);
}

/*
 * The member whose place the bridge takes. One that leaves strangers behind in its slot without a function 0 must be it:
 * a guest looks for further functions only behind function 0. NULL: there is no such place, or there are two.
 */
static const struct qemu_device *choose_place(const struct edit *edit, const struct members *group)
{
	const struct qemu_device *chosen = NULL;
	bool needed = false;
	for (size_t i = 0; i < group->count; i++) {
		const struct qemu_device *device = group->items[i].device;
		bool leaves_gap = slot_is_shared(edit, group, device) && function_of(device) == 0;
		if (leaves_gap && (needed || !can_stand_here(edit, group, device)))
			return NULL;
		if (leaves_gap || (!chosen && can_stand_here(edit, group, device)))
			chosen = device;
		needed |= leaves_gap;
	}
	return chosen;
}

static const char *new_bridge_id(struct edit *edit, size_t index)
{
	for (;; index++) {
		const char *id = arena_printf(edit->arena, "nestpci-bridge%zu", index);
		if (!qemu_find_bus(edit->vm, id))
			return id;
	}
}

static const char *bridge_text(struct edit *edit, const struct members *group, const struct qemu_device *first,
			       const char *id)
{
	const char *bus = keyval_get(&first->properties, "bus");
	unsigned int slot;
	unsigned int function;
	bool placed = qemu_parse_slot(keyval_get(&first->properties, "addr"), &slot, &function);
	bool shared = placed && slot_is_shared(edit, group, first);
	function = shared ? lowest_function(group, first) : 0;
	struct buffer text = { .arena = edit->arena };
	bool json = first->form == QEMU_JSON;
	buffer_printf(&text, json ? "{\"driver\":\"pcie-pci-bridge\",\"id\":\"%s\"" : "pcie-pci-bridge,id=%s", id);
	if (bus) {
		buffer_puts(&text, json ? ",\"bus\":\"" : ",bus=");
		/* An id of QEMU's has no character that either form would escape, commas apart. */
		if (json)
			buffer_puts(&text, bus);
		else
			keyval_escape(&text, bus);
		buffer_puts(&text, json ? "\"" : "");
	}
	if (placed && (shared || function))
		buffer_printf(&text, json ? ",\"addr\":\"0x%x.%u\"" : ",addr=0x%x.%u", slot, function);
	else if (placed)
		buffer_printf(&text, json ? ",\"addr\":\"0x%x\"" : ",addr=0x%x", slot);
	if (shared && function == 0)
		buffer_puts(&text, json ? ",\"multifunction\":true" : ",multifunction=on");
	buffer_puts(&text, json ? "}" : "");
	return text.text;
}

/*
 * Members that were functions of one slot stay functions of one, in their order and without gaps: a guest looks for
 * further functions only behind function 0.
 */
static void place_behind(struct edit *edit, const struct members *group, size_t index, const char *bridge,
			 unsigned int slots[])
{
	const struct qemu_device *device = group->items[index].device;
	unsigned int rank = 0;
	size_t companions = 0;
	unsigned int slot = FIRST_SLOT - 1;
	for (size_t i = 0; i < group->count; i++) {
		const struct qemu_device *other = group->items[i].device;
		if (i < index && slots[i] > slot)
			slot = slots[i];
		if (i == index || !same_place(other, device))
			continue;
		companions++;
		rank += function_of(other) < function_of(device);
	}
	slot++;
	for (size_t i = 0; i < index; i++)
		if (same_place(group->items[i].device, device))
			slot = slots[i];
	slots[index] = slot;
	edit_set_property(edit, device, "bus", bridge);
	if (companions)
		edit_set_property(edit, device, "addr", arena_printf(edit->arena, "0x%x.%u", slot, rank));
	else
		edit_set_property(edit, device, "addr", arena_printf(edit->arena, "0x%x", slot));
	const char *multifunction = keyval_get(&device->properties, "multifunction");
	if (companions && rank == 0 && (!multifunction || keyval_boolean(multifunction) != 1))
		edit_set_property(edit, device, "multifunction", "on");
}

static void describe_members(const struct members *group, struct buffer *text)
{
	char address[PCI_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < group->count; i++)
		buffer_printf(text, "%s%s", i ? ", " : "", pci_address_format(group->items[i].address, address));
}

static int put_behind_bridge(struct edit *edit, const struct members *group, size_t bridge_index)
{
	struct buffer names = { .arena = edit->arena };
	describe_members(group, &names);
	for (size_t i = 0; i < group->count; i++) {
		const struct qemu_device *device = group->items[i].device;
		if (device->form == QEMU_CONFIG || device->changed_by_set)
			return error_set(
				edit->error, -EOPNOTSUPP,
				"%s share a host group, and one of them is described by a %s; put them behind one "
				"pcie-pci-bridge there",
				names.text, device->changed_by_set ? "-set" : "-readconfig file");
	}
	const struct qemu_device *first = choose_place(edit, group);
	if (!first || group->count > LAST_SLOT)
		return error_set(
			edit->error, -EOPNOTSUPP,
			"%s share a host group and would land in different address spaces, and there is no PCIe slot "
			"among theirs for a bridge; give the first of them a pcie-root-port of its own",
			names.text);
	const char *id = new_bridge_id(edit, bridge_index);
	const char *text = bridge_text(edit, group, first, id);
	unsigned int slots[LAST_SLOT];
	for (size_t i = 0; i < group->count; i++)
		place_behind(edit, group, i, id, slots);
	/* Before the member that is created first, so that the bus is there. */
	edit_insert_option(edit, group->items[0].device->option, "device", text);
	list_printf(&edit->changes,
		    "%s (one host group) put behind one pcie-pci-bridge, '%s', to share an address space", names.text,
		    id);
	return 0;
}

/* The members of one group, if they would not all land in one address space. */
static bool gather_split_group(struct edit *edit, const struct members *all, size_t from, struct members *ret)
{
	const struct member *first = &all->items[from];
	*ret = (struct members){ arena_alloc_array(edit->arena, all->count, sizeof(struct member)), 0 };
	bool split = false;
	for (size_t i = 0; i < all->count; i++) {
		const struct member *member = &all->items[i];
		if (!text_equals(member->group, first->group))
			continue;
		if (i < from)
			return false; /* looked at before */
		ret->items[ret->count++] = *member;
		split |= !text_equals(member->space, first->space);
	}
	if (!split || ret->count < 2)
		return false;
	for (size_t i = 0; i < ret->count; i++)
		if (!ret->items[i].space) {
			char address[PCI_ADDRESS_TEXT_MAX];
			list_printf(
				&edit->warnings,
				"%s shares its host group with another device of this line, but what its bus is (%s) is "
				"not known: topology left as it is",
				pci_address_format(ret->items[i].address, address),
				keyval_get(&ret->items[i].device->properties, "bus"));
			return false;
		}
	return true;
}

int bridge_groups(struct edit *edit)
{
	struct members all = gather_members(edit);
	size_t bridges = 0;
	warn_unknown(edit, &all);
	for (size_t i = 0; i < all.count; i++) {
		struct members group;
		if (!all.items[i].group || !gather_split_group(edit, &all, i, &group))
			continue;
		int r = put_behind_bridge(edit, &group, bridges++);
		if (r < 0)
			return r;
	}
	return 0;
}
