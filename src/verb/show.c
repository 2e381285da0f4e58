/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/show.h"

#include <errno.h>

#include "base/say.h"
#include "host/pci-ids.h"
#include "verb/place.h"
#include "verb/verb.h"

enum { OPTION_JSON = 1 };

static const struct verb_option options[] = {
	{ OPTION_JSON, "json", NULL, "print an object instead of text" },
	PLACE_OPTIONS,
	{ 0 },
};

static void add_uses(struct list *list, const struct sight *sight, const struct pci_function *function)
{
	size_t count;
	char address[PCI_ADDRESS_TEXT_MAX];
	const struct use *use = uses_of(&sight->passables.uses, function->address, &count);
	pci_address_format(function->address, address);
	for (size_t i = 0; i < count; i++, use++)
		if (!passable_is_obstacle(use, false) && use->kind != USE_UNKNOWN)
			list_printf(list, "%s: %s", address, use->text);
}

static bool is_given_already(const struct pci_function *function)
{
	return text_equals(function->driver, "vfio-pci");
}

/* Of members that go along; the device itself does, where any may. */
static bool goes(const struct sight *sight, const struct pci_function *function)
{
	return function == sight->function || !passable_left_alone(function);
}

struct list sight_costs(struct arena *arena, const struct sight *sight)
{
	struct list costs = { .arena = arena };
	const struct passable_group *group = sight->passable->group;
	char address[PCI_ADDRESS_TEXT_MAX];
	for (size_t i = 0; group && !passable_never(sight->function) && i < group->count; i++) {
		const struct pci_function *member = group->members[i].function;
		if (!goes(sight, member))
			continue;
		if (member->driver && !is_given_already(member))
			list_printf(&costs, "%s is taken from driver %s", pci_address_format(member->address, address),
				    member->driver);
		add_uses(&costs, sight, member);
	}
	if (costs.count == 0 && sight->passable->verdict == PASSABLE_YES)
		list_add(&costs, "nothing: this host has no driver on it");
	return costs;
}

static bool all_given(const struct sight *sight)
{
	const struct passable_group *group = sight->passable->group;
	for (size_t i = 0; group && i < group->count; i++)
		if (goes(sight, group->members[i].function) && !is_given_already(group->members[i].function))
			return false;
	return group;
}

static const char *advice_for_use(const struct use *use)
{
	switch (use->kind) {
	case USE_FILE_SYSTEM:
		return "unmount what is mounted from it (umount)";
	case USE_SWAP:
		return "switch the swap space off (swapoff)";
	case USE_STACKED:
		return "deactivate what stands on it (vgchange -an, mdadm --stop, zpool export, losetup -d)";
	case USE_MEMBER:
		return "if nothing on it is needed: 'nestpci bind --inactive-ok'";
	case USE_CLAIMED:
	case USE_PROCESS:
		return "end what holds it";
	case USE_ROUTE:
	case USE_NETWORK:
		return "give the default route to another network card";
	case USE_CONSOLE:
		return "have the console on another display or line, or do without one";
	case USE_UNKNOWN:
		break;
	}
	return "look again as root; what is still unknown then is named above";
}

static const char *advice_for(const struct passable_reason *reason)
{
	switch (reason->kind) {
	case PASSABLE_USED:
		return reason->use ? advice_for_use(reason->use) : NULL;
	case PASSABLE_VIRTUAL_FUNCTIONS:
		return "remove its virtual functions (write 0 to sriov_numvfs), or pass on one of them instead";
	case PASSABLE_RESERVED:
		return "see whether the firmware has a setting for it, or an update; Proxmox VE's kernel knows "
		       "intel_iommu=relax_rmrr, which is a risk of its own";
	case PASSABLE_OTHER_MEMBER:
		return "take the driver from that member (its `unbind` in /sys), or put the device into another slot";
	case PASSABLE_NOT_JUDGED:
		return "look again as root; what is still unknown then is named above";
	case PASSABLE_BRIDGE:
	case PASSABLE_VMD:
	case PASSABLE_NO_GROUP:
		break;
	}
	return NULL;
}

struct passable_reasons sight_reasons(struct arena *arena, const struct sight *sight)
{
	const struct passable_group *group = sight->passable->group;
	const struct passable_reason *worst = sight->passable->worst;
	/* Where it is about the device itself, the rest does not matter. */
	if (worst && (!group || passable_never(sight->function))) {
		struct passable_reason *one = arena_alloc(arena, sizeof(*one));
		*one = *worst;
		return (struct passable_reasons){ one, 1, 1 };
	}
	struct passable_reasons all = { .room = group->reasons.count };
	for (size_t i = 0; i < group->count; i++)
		all.room += group->members[i].reasons.count;
	all.items = arena_alloc_array(arena, all.room + 1, sizeof(*all.items));
	for (size_t i = 0; i < group->reasons.count; i++)
		all.items[all.count++] = group->reasons.items[i];
	for (size_t i = 0; i < group->count; i++) {
		const struct passable_member *member = &group->members[i];
		for (size_t j = 0; passable_counts(member, sight->function->address) && j < member->reasons.count; j++)
			all.items[all.count++] = member->reasons.items[j];
	}
	return all;
}

/* What stands upon something goes before it. */
static void add_advice(struct list *list, const struct passable_reasons *reasons)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < reasons->count; i++) {
			const struct passable_reason *reason = &reasons->items[i];
			bool upper = reason->use &&
				     (reason->use->kind == USE_FILE_SYSTEM || reason->use->kind == USE_SWAP);
			const char *advice = advice_for(reason);
			if (advice && upper == (pass == 0) && !list_contains(list, advice))
				list_add(list, advice);
		}
}

static bool has_root(const struct passable_reasons *reasons)
{
	for (size_t i = 0; i < reasons->count; i++)
		if (strcmp(reasons->items[i].brief, USE_ROOT_BRIEF) == 0)
			return true;
	return false;
}

struct list sight_next(struct arena *arena, const struct sight *sight)
{
	struct list next = { .arena = arena };
	char address[PCI_ADDRESS_TEXT_MAX];
	const struct passable_group *group = sight->passable->group;
	pci_address_format(sight->function->address, address);
	if (passable_never(sight->function) || !group)
		return next;
	struct passable_reasons reasons = sight_reasons(arena, sight);
	if (has_root(&reasons)) {
		list_add(&next, "this host runs from it: give another device, or start this host from another disk");
		return next;
	}
	add_advice(&next, &reasons);
	if (!all_given(sight))
		list_printf(&next, "%snestpci bind %s", next.count ? "then: " : "", address);
	else if (sight->passable->verdict == PASSABLE_YES)
		list_printf(&next, "give it to a VM, or back: nestpci unbind %s", address);
	return next;
}

static void add_problem(struct list *list, const struct fact *fact)
{
	if (fact->problem && !list_contains(list, fact->problem))
		list_add(list, fact->problem);
}

struct list sight_problems(struct arena *arena, const struct sight *sight)
{
	struct list problems = { .arena = arena };
	const struct pci_detail *detail = &sight->detail;
	const struct fact *const facts[] = {
		&detail->config,
		&detail->driver_override,
		&detail->power_state,
		&detail->d3cold_allowed,
		&detail->reset,
		&detail->reset_method,
		&detail->rom,
		&detail->numa_node,
		&detail->enable,
		&detail->sriov_total,
		&detail->sriov_enabled,
		&detail->physfn,
		&detail->mdev,
		&detail->unit,
		&detail->msi_irqs,
		&detail->resource,
		&sight->group.devices,
		&sight->group.type,
		&sight->group.reserved_regions,
	};
	for (size_t i = 0; i < sight->function->problems.count; i++)
		list_add(&problems, sight->function->problems.items[i]);
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		add_problem(&problems, facts[i]);
	for (size_t i = 0; i < detail->caps.problems.count; i++)
		list_add(&problems, detail->caps.problems.items[i]);
	if (fact_known(&detail->config) && !detail->caps.capabilities_known && !detail->caps.dead)
		list_printf(&problems, "%s: %zu bytes, without the capabilities; root sees them", detail->config.path,
			    detail->caps.length);
	return problems;
}

static void read_bridges(const struct root *root, struct arena *arena, struct sight *sight)
{
	const struct pci_addresses *bridges = &sight->detail.bridges;
	sight->bridges = arena_alloc_array(arena, bridges->count + 1, sizeof(*sight->bridges));
	for (size_t i = 0; i < bridges->count; i++) {
		const struct pci_function *bridge = pci_find(&sight->passables.functions, bridges->items[i]);
		if (bridge)
			pci_detail_read(root, arena, bridge, &sight->bridges[i]);
	}
}

static int gather(const struct root *root, struct arena *arena, struct pci_address address, struct sight *ret,
		  struct error *error)
{
	*ret = (struct sight){ 0 };
	int r = passable_read_device(root, arena, address, &ret->passables, &ret->place, error);
	if (r < 0)
		return r;
	ret->function = &ret->passables.functions.items[ret->place];
	ret->passable = &ret->passables.items[ret->place];
	pci_detail_read(root, arena, ret->function, &ret->detail);
	pci_detail_read_locked(root, arena, &(struct pci_detail *){ &ret->detail }, 1);
	read_bridges(root, arena, ret);
	if (ret->function->group)
		group_read(root, arena, &ret->passables.functions, ret->function->group, &ret->group);
	return 0;
}

static int show(const struct place *place, struct pci_address address, bool as_json)
{
	struct error error;
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct sight sight = { 0 };
	int r = place_open(place, &root, &error);
	if (r == 0)
		r = gather(&root, &arena, address, &sight, &error);
	if (r < 0) {
		say("show: %s", error.text);
		return VERB_FAILED;
	}
	pci_read_revisions(&root, &arena, &(struct pci_functions){ &sight.passables.functions.items[sight.place], 1 });
	r = pci_ids_fill(&root, &arena, &sight.passables.functions, &error);
	if (r < 0 && r != -ENOENT)
		say("show: no names: %s", error.text);
	if (as_json)
		sight_print_json(&arena, &sight);
	else
		sight_print(&arena, &sight);
	return VERB_DONE;
}

static int run(struct verb_args *args)
{
	const char *value;
	struct place place = { 0 };
	struct pci_address address;
	struct error error;
	bool as_json = false;
	int status;
	int option;
	while ((option = verb_next_option(args, &value, &status)) > 0) {
		if (place_option(&place, option, value))
			continue;
		if (option == OPTION_JSON)
			as_json = true;
	}
	if (option < 0)
		return status;
	if (args->argc - args->next != 1)
		return verb_usage(args, "one ADDRESS is needed");
	if (pci_address_parse(args->argv[args->next], &address, &error) < 0)
		return verb_usage(args, "%s", error.text);
	if (place_usage(args, &place))
		return VERB_USAGE;
	return show(&place, address, as_json);
}

const struct verb verb_show = {
	.name = "show",
	.summary = "all about one device, and whether it can be passed on",
	.synopsis = "[--json] " PLACE_SYNOPSIS " ADDRESS",
	.help = "Shows one PCI device: where it sits, each bridge up to the root and whether it\n"
		"keeps devices apart (ACS); its IOMMU group, and why it is what it is; reset,\n"
		"power, BARs, interrupts, virtual functions; who uses it. Then whether it can be\n"
		"passed to a VM, what that costs this host, what stands in the way, and what to\n"
		"do. Nothing is changed. Root sees more than others do.\n"
		"\n"
		"Example: nestpci show 01:00.0",
	.options = options,
	.run = run,
};
