/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pci_device_group() in the kernel's drivers/iommu/iommu.c does, done again from the registers, for each member:
 *
 *   1. Up to the topmost bridge on its way whose requester id it borrows (pci_for_each_dma_alias()).
 *   2. From there up to the topmost port that does not isolate (pci_acs_path_enabled()).
 *   3. From there to the functions beside it, where neither isolates (get_pci_function_alias_group()).
 *
 * What the kernel knows besides, its quirks, is not to be seen from here, and pcie_acs_override= is not either. So a
 * bridge is only named where the group bears it out: the bridge is a member itself, and so is everything behind it.
 * The members that these steps connect are explained; when that leaves more than one island, the rest is said to be
 * unexplained.
 */
#include "host/group-reasons.h"

/* One member. */
struct node {
	const struct pci_function *function;
	const char *path; /* NULL: not known where it sits */
	struct pci_addresses bridges;
	struct pci_caps caps;
	bool known;         /* its capabilities and its place */
	bool multifunction; /* as the kernel has it */
	bool isolates;
	bool aliases;   /* what is behind it borrows its requester id */
	bool borne_out; /* everything behind it is in the group */
	bool is_reason;
	bool below;    /* another member stands for it */
	size_t island; /* index of another node of the same island, or its own: a disjoint-set forest */
};

struct explaining {
	const struct root *root;
	struct arena *arena;
	struct arena *scratch;
	const struct pci_functions *functions;
	struct group *group;
	struct node *nodes; /* as group->members */
	size_t count;
	size_t room; /* of the reasons */
};

/* --- Islands --- */

static size_t island_of(struct explaining *explaining, size_t i)
{
	struct node *nodes = explaining->nodes;
	while (nodes[i].island != i) {
		nodes[i].island = nodes[nodes[i].island].island;
		i = nodes[i].island;
	}
	return i;
}

static void connect(struct explaining *explaining, size_t a, size_t b)
{
	size_t left = island_of(explaining, a);
	size_t right = island_of(explaining, b);
	/* The lower index stays, so that the first member of an island stands for it. */
	if (left < right)
		explaining->nodes[right].island = left;
	else
		explaining->nodes[left].island = right;
}

/* --- Members --- */

static struct node *find_node(const struct explaining *explaining, struct pci_address address)
{
	size_t low = 0;
	size_t high = explaining->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = pci_address_compare(explaining->nodes[middle].function->address, address);
		if (order == 0)
			return &explaining->nodes[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/*
 * pci_for_each_dma_alias(): PCI Express ports hand requester ids on, bridges between PCI Express and conventional PCI
 * put their own in their place, and so does every conventional bridge. Of other functions with a bus behind them the
 * kernel expects none.
 */
static bool does_alias(const struct pci_caps *caps)
{
	if (!caps->pcie)
		return true;
	return caps->pcie_type == PCIE_TO_PCI_BRIDGE || caps->pcie_type == PCI_TO_PCIE_BRIDGE;
}

/* The bus numbers of a bridge tell what is behind it: neighbours in the sorted list of functions. */
static bool all_behind_are_in(const struct explaining *explaining, const struct node *bridge)
{
	const struct pci_functions *functions = explaining->functions;
	struct pci_address first = { bridge->function->address.domain, bridge->caps.secondary_bus, 0, 0 };
	size_t low = 0;
	size_t high = functions->count;
	if (bridge->caps.secondary_bus == 0) /* no bridge, or not set up */
		return false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (pci_address_compare(functions->items[middle].address, first) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < functions->count; low++) {
		const struct pci_function *function = &functions->items[low];
		if (function->address.domain != first.domain || function->address.bus > bridge->caps.subordinate_bus)
			break;
		/* What no IOMMU covers is in no group. */
		if (function->group && !text_equals(function->group, explaining->group->number))
			return false;
	}
	return true;
}

static void read_node(struct explaining *explaining, size_t index)
{
	struct node *node = &explaining->nodes[index];
	const struct root *root = explaining->root;
	AUTO_ARENA local = { 0 };
	struct pci_address address = explaining->group->members[index]->address;
	*node = (struct node){ .function = explaining->group->members[index], .island = index };
	pci_place_read(root, explaining->scratch, address, &node->path, &node->bridges);
	struct fact config = pci_config_read(root, &local, address, &node->caps);
	node->caps.problems = (struct list){ 0 }; /* they are in `local` */
	struct fact physfn = fact_read_link_name(root, &local, pci_path(&local, address, "physfn"));
	bool is_virtual = !fact_absent(&physfn);
	node->known = node->path && fact_known(&config) && node->caps.capabilities_known &&
		      physfn.state != FACT_UNREADABLE;
	node->multifunction = !is_virtual && (node->caps.multifunction || address.function > 0);
	node->isolates = pci_caps_isolates(&node->caps, node->multifunction);
	node->aliases = does_alias(&node->caps);
	if (node->known && (node->aliases || !node->isolates))
		node->borne_out = all_behind_are_in(explaining, node);
}

/* --- The three steps --- */

/* The topmost bridge above a member that is a member itself and of which the group bears out `wanted`, or NULL. */
static struct node *topmost(const struct explaining *explaining, const struct node *node, bool aliasing)
{
	for (size_t i = 0; i < node->bridges.count; i++) {
		struct node *bridge = find_node(explaining, node->bridges.items[i]);
		if (bridge && bridge->borne_out && (aliasing ? bridge->aliases : !bridge->aliases && !bridge->isolates))
			return bridge;
	}
	return NULL;
}

static void connect_upwards(struct explaining *explaining, size_t index)
{
	struct node *node = &explaining->nodes[index];
	for (int aliasing = 0; aliasing < 2; aliasing++) {
		struct node *bridge = topmost(explaining, node, aliasing);
		if (!bridge)
			continue;
		bridge->is_reason = true;
		node->below = true;
		connect(explaining, index, (size_t)(bridge - explaining->nodes));
	}
}

static bool same_device(const struct node *a, const struct node *b)
{
	struct pci_address left = a->function->address;
	struct pci_address right = b->function->address;
	return left.domain == right.domain && left.bus == right.bus && left.device == right.device;
}

/* Whether the kernel comes to this member by its third step, and goes on to its neighbours. */
static bool meets_neighbours(const struct node *node)
{
	return node->known && !node->below && !node->isolates;
}

/* --- Reasons --- */

static void add_reason(struct explaining *explaining, struct group_reason reason)
{
	struct group *group = explaining->group;
	if (group->reason_count == explaining->room) {
		explaining->room = explaining->room ? explaining->room * 2 : 4;
		group->reasons = arena_grow(explaining->arena, group->reasons, group->reason_count, explaining->room,
					    sizeof(*group->reasons));
	}
	group->reasons[group->reason_count++] = reason;
}

/* "Request Redirect and Completion Redirect are off" */
static const char *off_text(struct arena *arena, uint16_t bits)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} names[] = {
		{ PCI_ACS_SOURCE_VALIDATION, "Source Validation" },
		{ PCI_ACS_REQUEST_REDIRECT, "Request Redirect" },
		{ PCI_ACS_COMPLETION_REDIRECT, "Completion Redirect" },
		{ PCI_ACS_UPSTREAM_FORWARDING, "Upstream Forwarding" },
	};
	struct buffer text = { .arena = arena };
	size_t left = (size_t)__builtin_popcount(bits);
	bool several = left > 1;
	buffer_puts(&text, "");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (bits & names[i].bit) {
			left--;
			buffer_printf(&text, "%s%s", names[i].name, left > 1 ? ", " : left == 1 ? " and " : "");
		}
	buffer_puts(&text, several ? " are off" : " is off");
	return text.text;
}

/* What a function that does not isolate lacks: all of it where ACS does not count for its type. */
static uint16_t missing_of(const struct node *node, bool *ret_has_acs)
{
	uint16_t missing = pci_caps_acs_missing(&node->caps, PCI_ACS_FOR_ISOLATION);
	*ret_has_acs = node->caps.acs && missing != 0;
	return missing ? missing : PCI_ACS_FOR_ISOLATION;
}

static const char *lack_text(struct arena *arena, const struct node *node, uint16_t missing, bool has_acs)
{
	if (has_acs)
		return arena_printf(arena, "has ACS, but %s", off_text(arena, missing));
	if (node->caps.pcie && !node->caps.extended_known)
		return "has no extended configuration space that can be reached, so no ACS";
	return "has no ACS capability";
}

static const char *type_text(const struct node *node)
{
	return node->caps.pcie ? pci_caps_type_name(&node->caps) : "conventional PCI bridge";
}

static void add_bridge(struct explaining *explaining, const struct node *node)
{
	struct arena *arena = explaining->arena;
	char address[PCI_ADDRESS_TEXT_MAX];
	struct group_reason reason = { .kind = GROUP_BEHIND_PCI_BRIDGE, .who = node->function->address };
	pci_address_format(reason.who, address);
	if (node->aliases) {
		reason.text = arena_printf(arena,
					   "%s (%s) puts its own id on all that comes from behind it: the IOMMU cannot "
					   "tell it apart",
					   address, type_text(node));
	} else {
		reason.kind = GROUP_PORT_WITHOUT_ACS;
		reason.missing = missing_of(node, &reason.has_acs);
		reason.text = arena_printf(arena, "%s (%s) %s: what is below it shares its group", address,
					   type_text(node), lack_text(arena, node, reason.missing, reason.has_acs));
	}
	add_reason(explaining, reason);
}

/* "0000:00:1f.0, .3 and .4" */
static const char *names_of_functions(struct arena *arena, struct node *const *nodes, size_t count)
{
	char address[PCI_ADDRESS_TEXT_MAX];
	struct buffer text = { .arena = arena };
	buffer_puts(&text, pci_address_format(nodes[0]->function->address, address));
	for (size_t i = 1; i < count; i++)
		buffer_printf(&text, "%s.%x", i + 1 < count ? ", " : " and ", nodes[i]->function->address.function);
	return text.text;
}

static void add_functions(struct explaining *explaining, struct node *const *nodes, size_t count)
{
	struct arena *arena = explaining->arena;
	char address[PCI_ADDRESS_TEXT_MAX];
	struct group_reason reason = { .kind = GROUP_FUNCTIONS, .who = nodes[0]->function->address };
	reason.missing = missing_of(nodes[0], &reason.has_acs);
	const char *lack = lack_text(arena, nodes[0], reason.missing, reason.has_acs);
	reason.text = arena_printf(arena, "%s are functions of one device that nothing keeps apart: %s %s",
				   names_of_functions(arena, nodes, count), pci_address_format(reason.who, address),
				   lack);
	add_reason(explaining, reason);
}

/* Members are sorted: the functions of a device are neighbours, eight at most. */
static void connect_functions(struct explaining *explaining)
{
	for (size_t i = 0; i < explaining->count;) {
		struct node *found[8];
		size_t count = 0;
		bool multifunction = false;
		struct node *first = &explaining->nodes[i];
		for (; i < explaining->count && same_device(first, &explaining->nodes[i]); i++) {
			struct node *node = &explaining->nodes[i];
			if (!meets_neighbours(node) || count == ARRAY_SIZE(found))
				continue;
			found[count++] = node;
			multifunction = multifunction || node->multifunction;
		}
		if (count < 2 || !multifunction)
			continue;
		for (size_t j = 1; j < count; j++)
			connect(explaining, (size_t)(found[0] - explaining->nodes),
				(size_t)(found[j] - explaining->nodes));
		add_functions(explaining, found, count);
	}
}

/* The first that its capabilities or its place are not known of, or NULL. */
static const struct node *first_unknown(const struct explaining *explaining)
{
	for (size_t i = 0; i < explaining->count; i++)
		if (!explaining->nodes[i].known)
			return &explaining->nodes[i];
	return NULL;
}

static const char *unknown_text(struct arena *arena, const struct node *node)
{
	char address[PCI_ADDRESS_TEXT_MAX];
	pci_address_format(node->function->address, address);
	if (!node->path)
		return arena_printf(arena, "it is not known where %s sits", address);
	if (node->caps.dead)
		return arena_printf(arena, "%s does not answer", address);
	if (node->caps.length && !node->caps.capabilities_known)
		return arena_printf(
			arena,
			"%s shows %zu bytes of its configuration space, without the capabilities (root sees "
			"them)",
			address, node->caps.length);
	return arena_printf(arena, "the configuration space of %s could not be read", address);
}

/* The island that most members are on; the first of equals. */
static size_t main_island(struct explaining *explaining)
{
	size_t *sizes = arena_alloc_array(explaining->scratch, explaining->count, sizeof(*sizes));
	size_t best = 0;
	for (size_t i = 0; i < explaining->count; i++)
		sizes[island_of(explaining, i)]++;
	for (size_t i = 1; i < explaining->count; i++)
		if (sizes[i] > sizes[best])
			best = i;
	return best;
}

/* Members that the three steps leave apart from most of the others. */
static void add_apart(struct explaining *explaining)
{
	struct arena *arena = explaining->arena;
	char address[PCI_ADDRESS_TEXT_MAX];
	const struct node *first = NULL;
	size_t count = 0;
	size_t most = explaining->count ? main_island(explaining) : 0;
	for (size_t i = 0; i < explaining->count; i++) {
		if (island_of(explaining, i) == most)
			continue;
		first = first ? first : &explaining->nodes[i];
		count++;
	}
	if (!first)
		return;
	const struct node *unknown = first_unknown(explaining);
	struct group_reason reason = { .kind = GROUP_UNEXPLAINED, .who = first->function->address };
	const char *more = count > 1 ? arena_printf(arena, " and %zu more", count - 1) : "";
	if (unknown) {
		reason = (struct group_reason){ .kind = GROUP_NOT_KNOWN, .who = unknown->function->address };
		reason.text = arena_printf(arena, "not known why all of it is one group: %s",
					   unknown_text(arena, unknown));
	} else {
		reason.text = arena_printf(arena,
					   "no register says why %s%s %s in this group: a quirk or DMA alias of the "
					   "kernel's",
					   pci_address_format(reason.who, address), more, count > 1 ? "are" : "is");
	}
	add_reason(explaining, reason);
}

static void add_others(struct explaining *explaining)
{
	const struct list *others = &explaining->group->others;
	for (size_t i = 0; i < others->count; i++) {
		struct group_reason reason = { .kind = GROUP_UNEXPLAINED };
		if (explaining->count)
			reason.who = explaining->nodes[0].function->address;
		reason.text = arena_printf(explaining->arena,
					   "why %s is in this group is not known: it is no PCI function",
					   others->items[i]);
		add_reason(explaining, reason);
	}
}

void group_explain(const struct root *root, struct arena *arena, const struct pci_functions *functions,
		   struct group *group)
{
	AUTO_ARENA scratch = { 0 };
	struct explaining explaining = {
		.root = root,
		.arena = arena,
		.scratch = &scratch,
		.functions = functions,
		.group = group,
		.nodes = arena_alloc_array(&scratch, group->count + 1, sizeof(struct node)),
		.count = group->count,
	};
	for (size_t i = 0; i < group->count; i++)
		read_node(&explaining, i);
	for (size_t i = 0; i < group->count; i++)
		connect_upwards(&explaining, i);
	for (size_t i = 0; i < group->count; i++)
		if (explaining.nodes[i].is_reason)
			add_bridge(&explaining, &explaining.nodes[i]);
	connect_functions(&explaining);
	add_apart(&explaining);
	add_others(&explaining);
}
