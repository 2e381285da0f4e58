/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network interfaces: does the default route go out through one of a device, directly or through a bond, a bridge, a
 * VLAN on top of it?
 */
#include <linux/route.h>

#include "host/users-internal.h"

/* What was read of interfaces: bridges and bonds are come to from each of their ports. */
struct interfaces {
	struct finding *finding;
	struct index names;
	struct list *uppers; /* by the place that `names` gives */
	size_t count;
	size_t room;
};

/* An interface, and what can be reached from it upwards. */
struct climb {
	struct interfaces *interfaces;
	struct list seen; /* names, the interface itself first */
	struct index names;
};

/* Each interface once: there may be a default route for each of many next hops. */
static void add_route(struct finding *finding, struct slice interface, struct list *ret)
{
	const char *name = arena_strndup(finding->arena, interface.start, interface.length);
	if (!list_contains(ret, name))
		list_add(ret, name);
}

/*
 * /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask ...; the default route has destination and
 * mask 0 (net/ipv4/fib_trie.c, fib_route_seq_show). RTF_REJECT: "unreachable default" goes nowhere.
 */
static void read_routes_4(struct finding *finding, struct slice text, struct list *ret)
{
	struct slice line;
	while (slice_next_line(&text, &line)) {
		struct slice words[8];
		size_t count = 0;
		while (count < ARRAY_SIZE(words) && slice_next_word(&line, &words[count]))
			count++;
		uint64_t flags;
		if (count < ARRAY_SIZE(words) || !slice_equals(words[1], "00000000") ||
		    !slice_equals(words[7], "00000000"))
			continue;
		const char *text_flags = arena_strndup(finding->arena, words[3].start, words[3].length);
		if (text_to_number(text_flags, 16, UINT32_MAX, &flags) == 0 && (flags & RTF_UP) &&
		    !(flags & RTF_REJECT))
			add_route(finding, words[0], ret);
	}
}

/* /proc/net/ipv6_route: destination, its prefix length, source, its, next hop, metric, references, use, flags, interface. */
static void read_routes_6(struct finding *finding, struct slice text, struct list *ret)
{
	struct slice line;
	while (slice_next_line(&text, &line)) {
		struct slice words[10];
		size_t count = 0;
		while (count < ARRAY_SIZE(words) && slice_next_word(&line, &words[count]))
			count++;
		uint64_t flags;
		if (count < ARRAY_SIZE(words) || !slice_equals(words[0], "00000000000000000000000000000000") ||
		    !slice_equals(words[1], "00"))
			continue;
		const char *text_flags = arena_strndup(finding->arena, words[8].start, words[8].length);
		if (text_to_number(text_flags, 16, UINT32_MAX, &flags) == 0 && (flags & RTF_UP) &&
		    !(flags & RTF_REJECT))
			add_route(finding, words[9], ret);
	}
}

static void read_routes(struct finding *finding, const char *path,
			void (*read)(struct finding *finding, struct slice text, struct list *ret), struct list *ret)
{
	struct error error;
	struct slice text;
	int r = root_read(finding->root, finding->arena, path, &text, &error);
	if (r == 0)
		read(finding, text, ret);
	else if (!root_absent(r)) /* absent: a kernel without this protocol */
		users_add_unknown(finding, USERS_INTERFACES, true, "default route",
				  "not known where the default route goes: %s", error.text);
}

/* The names of the interfaces that stand directly on one: its links `master` and `upper_*`. */
static void read_uppers(struct finding *finding, const char *name, struct list *ret)
{
	struct arena *arena = finding->arena;
	struct list entries = { .arena = arena };
	const char *folder = arena_printf(arena, "/sys/class/net/%s", name);
	if (root_list(finding->root, arena, folder, &entries, NULL) < 0)
		return;
	for (size_t i = 0; i < entries.count; i++) {
		char *target;
		const char *entry = entries.items[i];
		if (strcmp(entry, "master") != 0 && !text_starts_with(entry, "upper_"))
			continue;
		if (root_read_link(finding->root, arena, arena_printf(arena, "%s/%s", folder, entry), &target, NULL) ==
		    0)
			list_add(ret, text_basename(target));
	}
}

static struct list uppers_of(struct interfaces *interfaces, const char *name)
{
	struct arena *arena = interfaces->finding->arena;
	size_t at = index_find_text(&interfaces->names, name);
	if (at != SIZE_MAX)
		return interfaces->uppers[at];
	if (interfaces->count == interfaces->room) {
		interfaces->room = interfaces->room ? interfaces->room * 2 : 32;
		interfaces->uppers = arena_grow(arena, interfaces->uppers, interfaces->count, interfaces->room,
						sizeof(*interfaces->uppers));
	}
	at = interfaces->count++;
	interfaces->uppers[at] = (struct list){ .arena = arena };
	read_uppers(interfaces->finding, name, &interfaces->uppers[at]);
	index_put_text(&interfaces->names, arena, name, at);
	return interfaces->uppers[at];
}

static bool is_seen(const struct climb *climb, const char *name)
{
	return index_find_text(&climb->names, name) != SIZE_MAX;
}

static void see(struct climb *climb, const char *name)
{
	if (is_seen(climb, name))
		return;
	index_put_text(&climb->names, climb->seen.arena, name, climb->seen.count);
	list_add(&climb->seen, name);
}

static struct climb climb_from(struct interfaces *interfaces, const char *name)
{
	struct climb climb = { interfaces, { .arena = interfaces->finding->arena }, { 0 } };
	see(&climb, name);
	for (size_t i = 0; i < climb.seen.count; i++) {
		struct list uppers = uppers_of(interfaces, climb.seen.items[i]);
		for (size_t j = 0; j < uppers.count; j++)
			see(&climb, uppers.items[j]);
	}
	return climb;
}

/*
 * The interface with a default route that is reached, or NULL. All ports of all Open vSwitch bridges have the one master
 * `ovs-system`, and nothing in sysfs says which port is in which bridge: any of them may lead to any.
 */
static const char *find_route(const struct climb *climb, const struct list *routes)
{
	for (size_t i = 0; i < routes->count; i++) {
		if (is_seen(climb, routes->items[i]))
			return routes->items[i];
		if (!is_seen(climb, "ovs-system"))
			continue;
		struct climb other = climb_from(climb->interfaces, routes->items[i]);
		if (is_seen(&other, "ovs-system"))
			return routes->items[i];
	}
	return NULL;
}

static bool report_route(const struct climb *climb, struct node *node, const struct list *routes, const char *protocol)
{
	const char *through = find_route(climb, routes);
	if (!through)
		return false;
	bool direct = strcmp(through, node->name) == 0;
	users_add_of(climb->interfaces->finding, node, USE_ROUTE, "default route", "carries the default route (%s)%s%s",
		     protocol, direct ? "" : " of ", direct ? "" : through);
	return true;
}

/* An interface that stands on no other and belongs to no device: where its packets go is for a program to know. */
static bool is_tunnel(struct finding *finding, const char *name)
{
	struct arena *arena = finding->arena;
	struct list entries = { .arena = arena };
	if (root_list(finding->root, arena, arena_printf(arena, "/sys/class/net/%s", name), &entries, NULL) < 0)
		return false;
	for (size_t i = 0; i < entries.count; i++) {
		const char *entry = entries.items[i];
		if (strcmp(entry, "device") == 0 || strcmp(entry, "master") == 0 || text_starts_with(entry, "lower_") ||
		    text_starts_with(entry, "upper_"))
			return false;
	}
	return true;
}

/* Of a PCI device that has several interfaces, one is named. */
static void report_tunnel(struct finding *finding, const char *route, const char *protocol)
{
	bool *told = arena_alloc_array(finding->arena, finding->count + 1, sizeof(*told));
	for (size_t i = 0; i < finding->node_count; i++) {
		const struct node *node = &finding->nodes[i];
		for (size_t j = 0; strcmp(node->subsystem, "net") == 0 && j < node->stake_count; j++) {
			size_t owner = node->stakes[j].owner;
			if (!told[owner])
				users_add(finding, owner, USE_NETWORK, false, "network",
					  "the default route (%s) goes through %s, a tunnel: not known whether that "
					  "runs over %s",
					  protocol, route, node->name);
			told[owner] = true;
		}
	}
}

static void report_tunnels(struct finding *finding, const struct list *routes, const char *protocol)
{
	for (size_t i = 0; i < routes->count; i++)
		if (is_tunnel(finding, routes->items[i]))
			report_tunnel(finding, routes->items[i], protocol);
}

static void report_interface(struct interfaces *interfaces, struct node *node, const struct list *routes_4,
			     const struct list *routes_6)
{
	struct climb climb = climb_from(interfaces, node->name);
	bool carries = report_route(&climb, node, routes_4, "IPv4");
	carries |= report_route(&climb, node, routes_6, "IPv6");
	if (!carries && climb.seen.count > 1)
		users_add_for(interfaces->finding, node, USE_NETWORK, false, "network",
			      arena_printf(interfaces->finding->arena, "%s is part of %s", node->name,
					   climb.seen.items[1]));
}

void users_find_routes(struct finding *finding)
{
	struct list routes_4 = { .arena = finding->arena };
	struct list routes_6 = { .arena = finding->arena };
	struct interfaces interfaces = { .finding = finding };
	if (!(finding->has & USERS_INTERFACES))
		return;
	read_routes(finding, "/proc/net/route", read_routes_4, &routes_4);
	read_routes(finding, "/proc/net/ipv6_route", read_routes_6, &routes_6);
	report_tunnels(finding, &routes_4, "IPv4");
	report_tunnels(finding, &routes_6, "IPv6");
	for (size_t i = 0; i < finding->node_count; i++)
		if (strcmp(finding->nodes[i].subsystem, "net") == 0)
			report_interface(&interfaces, &finding->nodes[i], &routes_4, &routes_6);
}
