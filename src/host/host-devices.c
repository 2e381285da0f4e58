/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading all about the devices at hand: each group, each bridge once, and all users in one go. */
#include <stdlib.h>

#include "host/host.h"

struct reading {
	const struct root *root;
	struct arena *arena;
	struct host *host;
	struct host_device *devices; /* those that are new */
	size_t count;
};

static void read_details(struct reading *reading)
{
	struct pci_detail **details = arena_alloc_array(reading->arena, reading->count + 1,
							sizeof(struct pci_detail *));
	for (size_t i = 0; i < reading->count; i++) {
		struct host_device *device = &reading->devices[i];
		details[i] = &device->detail;
		if (device->function)
			pci_detail_read(reading->root, reading->arena, device->function, &device->detail);
	}
	pci_detail_read_locked(reading->root, reading->arena, details, reading->count);
}

/* ---- Bridges ---- */

static int compare_bridges(const void *a, const void *b)
{
	return pci_address_compare(((const struct host_bridge *)a)->address, ((const struct host_bridge *)b)->address);
}

static const struct host_bridge *find_bridge(const struct host *host, struct pci_address address)
{
	struct host_bridge key = { .address = address };
	if (!host->bridge_count)
		return NULL;
	return bsearch(&key, host->bridges, host->bridge_count, sizeof(*host->bridges), compare_bridges);
}

static int compare_addresses(const void *a, const void *b)
{
	return pci_address_compare(*(const struct pci_address *)a, *(const struct pci_address *)b);
}

/* Sorted, each once; returns how many are left. */
static size_t sort_unique(struct pci_address *addresses, size_t count)
{
	size_t kept = 0;
	if (count)
		qsort(addresses, count, sizeof(*addresses), compare_addresses);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !pci_address_equal(addresses[kept - 1], addresses[i]))
			addresses[kept++] = addresses[i];
	return kept;
}

static void read_bridges(struct reading *reading)
{
	struct host *host = reading->host;
	size_t room = 0;
	for (size_t i = 0; i < reading->count; i++)
		room += reading->devices[i].detail.bridges.count;
	struct pci_address *wanted = arena_alloc_array(reading->arena, room + 1, sizeof(*wanted));
	size_t count = 0;
	for (size_t i = 0; i < reading->count; i++) {
		const struct pci_addresses *bridges = &reading->devices[i].detail.bridges;
		for (size_t j = 0; j < bridges->count; j++)
			if (!find_bridge(host, bridges->items[j]))
				wanted[count++] = bridges->items[j];
	}
	count = sort_unique(wanted, count);
	host->bridges = arena_grow(reading->arena, host->bridges, host->bridge_count, host->bridge_count + count + 1,
				   sizeof(*host->bridges));
	for (size_t i = 0; i < count; i++) {
		struct host_bridge *bridge = &host->bridges[host->bridge_count + i];
		const struct pci_function *function = host_find_function(host, wanted[i]);
		bridge->address = wanted[i];
		if (function)
			pci_detail_read(reading->root, reading->arena, function, &bridge->detail);
	}
	host->bridge_count += count;
	if (host->bridge_count)
		qsort(host->bridges, host->bridge_count, sizeof(*host->bridges), compare_bridges);
}

static bool same_bridges(const struct pci_addresses *a, const struct pci_addresses *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!pci_address_equal(a->items[i], b->items[i]))
			return false;
	return true;
}

/* Neighbours, as the hundreds of functions of one card, share what they have in common. */
static void give_bridges(struct reading *reading)
{
	const struct host_device *before = NULL;
	for (size_t i = 0; i < reading->count; i++) {
		struct host_device *device = &reading->devices[i];
		const struct pci_addresses *bridges = &device->detail.bridges;
		if (!device->function)
			continue;
		if (before && same_bridges(bridges, &before->detail.bridges)) {
			device->bridge_details = before->bridge_details;
			continue;
		}
		device->bridge_details = arena_alloc_array(reading->arena, bridges->count + 1,
							   sizeof(*device->bridge_details));
		for (size_t j = 0; j < bridges->count; j++)
			device->bridge_details[j] = find_bridge(reading->host, bridges->items[j])->detail;
		before = device;
	}
}

/* ---- Groups ---- */

static int compare_groups(const void *a, const void *b)
{
	return strcmp((*(struct group *const *)a)->number, (*(struct group *const *)b)->number);
}

static int compare_group_number(const void *key, const void *item)
{
	return strcmp(key, (*(struct group *const *)item)->number);
}

static struct group *find_group(const struct host *host, const char *number)
{
	if (!host->group_count)
		return NULL;
	struct group **found = bsearch(number, host->groups, host->group_count, sizeof(struct group *),
				       compare_group_number);
	return found ? *found : NULL;
}

static void read_groups(struct reading *reading)
{
	struct host *host = reading->host;
	struct list numbers = { .arena = reading->arena };
	for (size_t i = 0; i < reading->count; i++) {
		const struct pci_function *function = reading->devices[i].function;
		if (function && function->group && !find_group(host, function->group))
			list_add(&numbers, function->group);
	}
	list_sort(&numbers);
	host->groups = arena_grow(reading->arena, host->groups, host->group_count,
				  host->group_count + numbers.count + 1, sizeof(struct group *));
	size_t known = host->group_count;
	for (size_t i = 0; i < numbers.count; i++) {
		if (i > 0 && strcmp(numbers.items[i - 1], numbers.items[i]) == 0)
			continue;
		struct group *group = arena_alloc(reading->arena, sizeof(*group));
		group_read(reading->root, reading->arena, &host->functions, numbers.items[i], group);
		host->groups[known++] = group;
	}
	host->group_count = known;
	if (known)
		qsort(host->groups, known, sizeof(struct group *), compare_groups);
	for (size_t i = 0; i < reading->count; i++) {
		struct host_device *device = &reading->devices[i];
		if (device->function && device->function->group)
			device->group = find_group(host, device->function->group);
	}
}

/* ---- Users ---- */

/* A function whose users are looked for, and the device that has what was found. */
struct member {
	struct pci_address address;
	size_t holder; /* index of a device: the first one of its group */
};

static int compare_members(const void *a, const void *b)
{
	return pci_address_compare(((const struct member *)a)->address, ((const struct member *)b)->address);
}

struct members {
	struct arena *arena;
	struct member *items;
	size_t count;
	size_t room;
};

static void add_member(struct members *members, struct pci_address address, size_t holder)
{
	if (members->count == members->room) {
		members->room = members->room ? members->room * 2 : 64;
		members->items = arena_grow(members->arena, members->items, members->count, members->room,
					    sizeof(*members->items));
	}
	members->items[members->count++] = (struct member){ address, holder };
}

/* Bridges have no users: what is behind them has. */
static void add_members_of(struct members *members, const struct group *group, size_t holder)
{
	for (size_t i = 0; i < group->count; i++)
		if (!group->members[i]->is_bridge)
			add_member(members, group->members[i]->address, holder);
}

static int compare_function(const void *key, const void *item)
{
	return pci_address_compare(*(const struct pci_address *)key,
				   (*(const struct pci_function *const *)item)->address);
}

/* False also where the group's members could not be listed: then each device is asked for by itself. */
static bool is_listed(const struct host_device *device)
{
	const struct group *group = device->group;
	return group && group->count &&
	       bsearch(&device->address, group->members, group->count, sizeof(const struct pci_function *),
		       compare_function);
}

/* By index of device: the first of the same group, which is asked for all of them. */
static size_t *find_holders(struct reading *reading)
{
	struct host *host = reading->host;
	size_t *holders = arena_alloc_array(reading->arena, reading->count + 1, sizeof(*holders));
	size_t *first = arena_alloc_array(reading->arena, host->group_count + 1, sizeof(*first)); /* plus one */
	for (size_t i = 0; i < reading->count; i++) {
		const struct host_device *device = &reading->devices[i];
		holders[i] = i;
		if (!device->group)
			continue;
		struct group **place = bsearch(device->group->number, host->groups, host->group_count,
					       sizeof(struct group *), compare_group_number);
		size_t *holder = &first[place - host->groups];
		if (!*holder)
			*holder = i + 1;
		holders[i] = *holder - 1;
	}
	return holders;
}

static void add_use(struct arena *arena, struct uses *uses, const struct use *use)
{
	if (uses->count == uses->room) {
		uses->room = uses->room ? uses->room * 2 : 4;
		uses->items = arena_grow(arena, uses->items, uses->count, uses->room, sizeof(*uses->items));
	}
	uses->items[uses->count++] = *use;
}

static void read_users(struct reading *reading)
{
	struct members members = { .arena = reading->arena };
	struct uses uses = { 0 };
	struct error error;
	size_t *holders = find_holders(reading);
	for (size_t i = 0; i < reading->count; i++) {
		const struct host_device *device = &reading->devices[i];
		if (holders[i] == i && device->group)
			add_members_of(&members, device->group, i);
		if (device->function && !device->function->is_bridge && !is_listed(device))
			add_member(&members, device->address, holders[i]);
	}
	if (!members.count)
		return;
	qsort(members.items, members.count, sizeof(*members.items), compare_members);
	struct pci_address *addresses = arena_alloc_array(reading->arena, members.count, sizeof(*addresses));
	for (size_t i = 0; i < members.count; i++)
		addresses[i] = members.items[i].address;
	int r = users_find(reading->root, reading->arena, addresses, members.count, &uses, &error);
	for (size_t i = 0; r == 0 && i < uses.count; i++) {
		struct member key = { .address = uses.items[i].address };
		const struct member *member = bsearch(&key, members.items, members.count, sizeof(*members.items),
						      compare_members);
		if (member)
			add_use(reading->arena, &reading->devices[member->holder].uses, &uses.items[i]);
	}
	for (size_t i = 0; i < reading->count; i++) {
		struct host_device *device = &reading->devices[i];
		if (!device->function)
			continue;
		device->users_found = fact_of(reading->arena, pci_path(reading->arena, device->address, ""), NULL, r,
					      &error);
		device->uses = reading->devices[holders[i]].uses;
	}
}

void host_read_devices(const struct root *root, struct arena *arena, struct host *host)
{
	struct reading reading = {
		.root = root,
		.arena = arena,
		.host = host,
		.devices = host->devices + host->device_read_count,
		.count = host->device_count - host->device_read_count,
	};
	if (!reading.count)
		return;
	read_details(&reading);
	read_bridges(&reading);
	give_bridges(&reading);
	read_groups(&reading);
	read_users(&reading);
	host->device_read_count = host->device_count;
}
