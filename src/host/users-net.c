/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network interfaces: does the default route go out through one of a device, directly or through a bond, a bridge, a
 * VLAN on top of it?
 */
#include <linux/route.h>

#include "host/users-internal.h"

/* An interface, what can be reached from it upwards, and whether one of these has a default route. */
struct climb {
	struct finding *finding;
	struct list seen; /* names, the interface itself first */
};

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
			list_add(ret, arena_strndup(finding->arena, words[0].start, words[0].length));
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
			list_add(ret, arena_strndup(finding->arena, words[9].start, words[9].length));
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
		users_add_unknown(finding, true,
				  arena_printf(finding->arena, "not known where the default route goes: %s",
					       error.text));
}

/* Adds the names of the interfaces that stand directly on one: its links `master` and `upper_*`. */
static void add_uppers(struct climb *climb, const char *name)
{
	struct arena *arena = climb->finding->arena;
	struct list entries = { .arena = arena };
	const char *folder = arena_printf(arena, "/sys/class/net/%s", name);
	if (root_list(climb->finding->root, arena, folder, &entries, NULL) < 0)
		return;
	for (size_t i = 0; i < entries.count; i++) {
		char *target;
		const char *entry = entries.items[i];
		if (strcmp(entry, "master") != 0 && !text_starts_with(entry, "upper_"))
			continue;
		if (root_read_link(climb->finding->root, arena, arena_printf(arena, "%s/%s", folder, entry), &target,
				   NULL) == 0 &&
		    !list_contains(&climb->seen, text_basename(target)))
			list_add(&climb->seen, text_basename(target));
	}
}

static void climb_from(struct climb *climb, const char *name)
{
	list_add(&climb->seen, name);
	for (size_t i = 0; i < climb->seen.count; i++)
		add_uppers(climb, climb->seen.items[i]);
}

/*
 * The interface with a default route that is reached, or NULL. All ports of all Open vSwitch bridges have the one master
 * `ovs-system`, and nothing in sysfs says which port is in which bridge: any of them may lead to any.
 */
static const char *find_route(struct climb *climb, const struct list *routes)
{
	for (size_t i = 0; i < routes->count; i++) {
		if (list_contains(&climb->seen, routes->items[i]))
			return routes->items[i];
		if (!list_contains(&climb->seen, "ovs-system"))
			continue;
		struct climb other = { climb->finding, { .arena = climb->finding->arena } };
		climb_from(&other, routes->items[i]);
		if (list_contains(&other.seen, "ovs-system"))
			return routes->items[i];
	}
	return NULL;
}

static bool report_route(struct climb *climb, struct node *node, const struct list *routes, const char *protocol)
{
	const char *through = find_route(climb, routes);
	if (!through)
		return false;
	bool direct = strcmp(through, node->name) == 0;
	users_add_of(climb->finding, node, USE_ROUTE, "carries the default route (%s)%s%s", protocol,
		     direct ? "" : " of ", direct ? "" : through);
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

static void report_tunnels(struct finding *finding, const struct list *routes, const char *protocol)
{
	for (size_t i = 0; i < routes->count; i++) {
		size_t told = SIZE_MAX;
		if (!is_tunnel(finding, routes->items[i]))
			continue;
		for (size_t j = 0; j < finding->node_count; j++) {
			const struct node *node = &finding->nodes[j];
			if (strcmp(node->subsystem, "net") != 0 || node->owner == told)
				continue;
			told = node->owner;
			users_add(finding, node->owner, USE_NETWORK, false,
				  "the default route (%s) goes through %s, a tunnel: not known whether that runs over "
				  "%s",
				  protocol, routes->items[i], node->name);
		}
	}
}

void users_find_routes(struct finding *finding)
{
	struct list routes_4 = { .arena = finding->arena };
	struct list routes_6 = { .arena = finding->arena };
	bool has_network = false;
	for (size_t i = 0; i < finding->node_count; i++)
		has_network |= strcmp(finding->nodes[i].subsystem, "net") == 0;
	if (!has_network)
		return;
	read_routes(finding, "/proc/net/route", read_routes_4, &routes_4);
	read_routes(finding, "/proc/net/ipv6_route", read_routes_6, &routes_6);
	report_tunnels(finding, &routes_4, "IPv4");
	report_tunnels(finding, &routes_6, "IPv6");
	for (size_t i = 0; i < finding->node_count; i++) {
		struct node *node = &finding->nodes[i];
		if (strcmp(node->subsystem, "net") != 0)
			continue;
		struct climb climb = { finding, { .arena = finding->arena } };
		climb_from(&climb, node->name);
		bool carries = report_route(&climb, node, &routes_4, "IPv4");
		carries |= report_route(&climb, node, &routes_6, "IPv6");
		if (!carries && climb.seen.count > 1)
			users_add(finding, node->owner, USE_NETWORK, false, "%s is part of %s", node->name,
				  climb.seen.items[1]);
	}
}
