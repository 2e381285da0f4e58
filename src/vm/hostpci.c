/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/hostpci.h"

#include <string.h>

#include "host/pci.h"
#include "vm/proxmox-keys.h"

/* A list of addresses with ';' between: functions of one device. */
static const char *find_path(struct proxmox_node *node, const char *path, struct list *ids)
{
	for (const char *rest = path; *rest;) {
		size_t length = strcspn(rest, ";");
		const char *problem = proxmox_node_find_functions(node, arena_strndup(node->arena, rest, length), ids);
		if (problem)
			return problem;
		rest += length;
		rest += *rest == ';';
	}
	return NULL;
}

static bool same_ids(struct arena *arena, const char *wanted, int32_t vendor, int32_t device)
{
	return strcasecmp(wanted, arena_printf(arena, "%04x:%04x", (unsigned int)vendor, (unsigned int)device)) == 0;
}

/* Proxmox VE starts no VM when the hardware is not what the mapping was made for (assert_valid). */
static const char *compare_hardware(struct proxmox_node *node, const struct mapping *mapping,
				    const struct mapping_place *place, const char *id)
{
	struct pci_address address;
	struct pci_function function;
	struct arena *arena = node->arena;
	if (!node->root || pci_address_parse(id, &address, NULL) < 0 ||
	    pci_read_function(node->root, arena, address, &function, NULL) < 0)
		return NULL;
	if (function.vendor != PCI_UNKNOWN && function.device != PCI_UNKNOWN &&
	    !same_ids(arena, place->id, function.vendor, function.device))
		return arena_printf(
			arena,
			"mapping '%s' expects %s at %s, and %04x:%04x is there: Proxmox VE refuses to start "
			"the VM",
			mapping->name, place->id, id, (unsigned int)function.vendor, (unsigned int)function.device);
	if (place->group && !text_equals(place->group, function.group))
		return arena_printf(arena,
				    "mapping '%s' expects %s in IOMMU group %s, and it is in %s: Proxmox VE refuses to "
				    "start the VM",
				    mapping->name, id, place->group, function.group ? function.group : "none");
	return NULL;
}

static const char *find_mapping(struct proxmox_node *node, const char *name, struct hostpci *device)
{
	const char *problem;
	const struct mapping *mapping = proxmox_node_mapping(node, name, &problem);
	if (!mapping)
		return problem ? arena_printf(node->arena, "mapping '%s': %s", name, problem) :
				 arena_printf(node->arena, "there is no mapping '%s'", name);
	if (!node->name)
		return arena_printf(node->arena, "mapping '%s': which node this is is not known", name);
	size_t found = 0;
	for (size_t i = 0; i < mapping->count; i++) {
		const struct mapping_place *place = &mapping->places[i];
		size_t before = device->ids.count;
		if (strcmp(place->node, node->name) != 0)
			continue;
		problem = find_path(node, place->path, &device->ids);
		if (!problem && device->ids.count > before)
			problem = compare_hardware(node, mapping, place, device->ids.items[before]);
		if (problem)
			return problem;
		if (found++ == 0)
			device->first_count = device->ids.count;
	}
	device->any_of = found > 1;
	return found ? NULL : arena_printf(node->arena, "mapping '%s' has no device on node '%s'", name, node->name);
}

/* Since Linux 6.8, NVIDIA's vGPUs are virtual functions of their own, which are passed on whole. */
static bool is_nvidia_function(struct proxmox_node *node, const struct hostpci *device)
{
	const char *mdev = property_get(&device->keys, "mdev");
	return mdev && text_starts_with(mdev, "nvidia-") && device->ids.count == 1 && node->root &&
	       root_exists(node->root,
			   arena_printf(node->arena, "/sys/bus/pci/devices/%s/nvidia", device->ids.items[0]));
}

const char *hostpci_mdev(const struct hostpci *device)
{
	return property_get(&device->keys, "mdev");
}

static void drop_mdev(struct hostpci *device)
{
	for (size_t i = 0; i < device->keys.count; i++)
		if (strcmp(device->keys.items[i].key, "mdev") == 0)
			device->keys.items[i].key = "nvidia";
}

static void read_one(struct proxmox_node *node, bool elsewhere, struct hostpci *device)
{
	const char *host = property_get(&device->keys, "host");
	const char *mapping = property_get(&device->keys, "mapping");
	device->ids.arena = node->arena;
	if (host && mapping)
		device->problem = "both an address and a mapping are given: Proxmox VE refuses to start the VM";
	else if (!host && !mapping)
		device->problem = "neither an address nor a mapping is given: Proxmox VE refuses to start the VM";
	else if (elsewhere)
		device->problem = "the VM is another node's: its devices are not of this host";
	else if (mapping)
		device->problem = find_mapping(node, mapping, device);
	else
		device->problem = find_path(node, host, &device->ids);
	if (device->problem)
		device->ids.count = 0;
	if (!device->any_of)
		device->first_count = device->ids.count;
	if (is_nvidia_function(node, device))
		drop_mdev(device);
}

void hostpci_read(struct proxmox_node *node, const struct proxmox_section *settings, bool elsewhere,
		  struct hostpci ret[HOSTPCI_MAX])
{
	struct release newest = { { 0 } };
	for (unsigned int i = 0; i < HOSTPCI_MAX; i++) {
		ret[i] = (struct hostpci){ .entry = proxmox_find(settings, arena_printf(node->arena, "hostpci%u", i)) };
		/* It was taken once (proxmox_check_value), or it would not be in force. */
		if (ret[i].entry && property_string_parse(node->arena, ret[i].entry->value, &proxmox_hostpci_format,
							  newest, &ret[i].keys, NULL) == 0)
			read_one(node, elsewhere, &ret[i]);
	}
}
