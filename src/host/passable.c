/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/passable.h"

const char *passable_verdict_name(enum passable_verdict verdict)
{
	static const char *const names[] = {
		[PASSABLE_YES] = "yes",
		[PASSABLE_NO] = "no",
		[PASSABLE_UNKNOWN] = "unknown",
	};
	return names[verdict];
}

const char *passable_kind_name(enum passable_kind kind)
{
	static const char *const names[] = {
		[PASSABLE_BRIDGE] = "bridge",
		[PASSABLE_VMD] = "vmd",
		[PASSABLE_NO_GROUP] = "no-group",
		[PASSABLE_RESERVED] = "reserved-memory",
		[PASSABLE_OTHER_MEMBER] = "other-member",
		[PASSABLE_VIRTUAL_FUNCTIONS] = "virtual-functions",
		[PASSABLE_USED] = "used",
		[PASSABLE_NOT_JUDGED] = "not-judged",
	};
	return names[kind];
}

const char *passable_never(const struct pci_function *function)
{
	if (function->is_bridge)
		return "it is a bridge; vfio-pci takes none, and none is needed: give the devices behind it";
	if (pci_is_host_bridge(function))
		return "it is the host bridge; this machine cannot do without it";
	if (pci_is_isa_bridge(function))
		return "it is the ISA bridge (LPC); this machine cannot do without what is behind it";
	if (pci_is_behind_vmd(function->address))
		return "it is behind Intel VMD, in whose name it reaches memory; with VMD off in the firmware's set-up "
		       "it has an address of its own";
	return NULL;
}

const char *passable_left_alone(const struct pci_function *function)
{
	if (function->is_bridge)
		return "a bridge";
	if (!pci_is_part_of_host(function) || function->driver)
		return NULL;
	return pci_is_host_bridge(function) ? "a host bridge without a driver" :
					      "a part of the host (class 06) without a driver";
}

const char *passable_no_group(int active)
{
	if (active < 0)
		return "device has no IOMMU group, and it is not known whether an IOMMU is active on this host "
		       "(/sys/class/iommu cannot be read)";
	if (!active)
		return "device has no IOMMU group: no IOMMU is active on this host (/sys/class/iommu is empty). "
		       "On bare metal switch it on in the firmware (VT-d, AMD-Vi) and, for Intel's, on the "
		       "kernel's command line (intel_iommu=on); a VM needs a vIOMMU ('nestpci rewrite --help')";
	return "device has no IOMMU group: an IOMMU is active on this host (/sys/class/iommu), but does not "
	       "cover this device. It may be excluded on purpose (intel_iommu=igfx_off or intgpu_off), by the "
	       "firmware's table, or in a VM by bypass_iommu; 'nestpci list' shows which devices have a group";
}

bool passable_is_obstacle(const struct use *use, bool inactive_ok)
{
	return use->needed && !(use->kind == USE_MEMBER && inactive_ok);
}

static void add(struct passable_reasons *reasons, struct arena *arena, const struct passable_reason *reason)
{
	if (reasons->count == reasons->room) {
		reasons->room = reasons->room ? reasons->room * 2 : 2;
		reasons->items = arena_grow(arena, reasons->items, reasons->count, reasons->room,
					    sizeof(*reasons->items));
	}
	reasons->items[reasons->count++] = *reason;
}

/* What people must hear first comes first. */
static int weight_of(const struct passable_reason *reason)
{
	static const enum use_kind uses[] = { USE_FILE_SYSTEM, USE_SWAP,   USE_STACKED, USE_ROUTE,   USE_CONSOLE,
					      USE_CLAIMED,     USE_MEMBER, USE_PROCESS, USE_NETWORK, USE_UNKNOWN };
	int weight = reason->unsure ? 100 : 0;
	if (reason->kind != PASSABLE_USED)
		return weight + (int)reason->kind;
	weight += PASSABLE_USED;
	for (size_t i = 0; i < ARRAY_SIZE(uses) && reason->use->kind != uses[i]; i++)
		weight += 2;
	/* Of all file systems the root's. */
	return weight + (reason->use->kind == USE_FILE_SYSTEM && strcmp(reason->brief, USE_ROOT_BRIEF) != 0);
}

static const struct passable_reason *worse(const struct passable_reason *a, const struct passable_reason *b)
{
	return !a || (b && weight_of(b) < weight_of(a)) ? b : a;
}

static const struct passable_reason *worst_of(const struct passable_reasons *reasons)
{
	const struct passable_reason *worst = NULL;
	for (size_t i = 0; i < reasons->count; i++)
		worst = worse(worst, &reasons->items[i]);
	return worst;
}

static void judge_uses(struct arena *arena, struct passable_member *member, const struct uses *uses, bool inactive_ok)
{
	size_t count;
	const struct use *use = uses_of(uses, member->function->address, &count);
	for (size_t i = 0; i < count; i++, use++)
		if (passable_is_obstacle(use, inactive_ok))
			add(&member->reasons, arena,
			    &(struct passable_reason){ PASSABLE_USED, member->function, use->unsure, use->brief,
						       use->text, use });
}

static void judge_member(struct arena *arena, struct passable_member *member, const struct uses *uses, bool inactive_ok)
{
	const struct pci_function *function = member->function;
	for (size_t i = 0; i < function->problems.count; i++)
		add(&member->reasons, arena,
		    &(struct passable_reason){
			    PASSABLE_NOT_JUDGED, function, true, "not readable",
			    arena_printf(arena, "it cannot be judged: %s", function->problems.items[i]), NULL });
	if (function->is_bridge)
		return;
	/* vfio-pci takes no physical function with virtual ones, but lets them be made while it has it. */
	if (member->virtual_functions && !text_equals(function->driver, "vfio-pci"))
		add(&member->reasons, arena,
		    &(struct passable_reason){
			    PASSABLE_VIRTUAL_FUNCTIONS, function, false, "has VFs",
			    arena_printf(arena,
					 "it has %s SR-IOV virtual functions, and vfio-pci takes no such device; write "
					 "0 to %s first",
					 member->virtual_functions, pci_path(arena, function->address, "sriov_numvfs")),
			    NULL });
	judge_uses(arena, member, uses, inactive_ok);
}

static void judge_group_alone(struct arena *arena, struct passable_group *group)
{
	if (group->reserved)
		add(&group->reasons, arena,
		    &(struct passable_reason){
			    PASSABLE_RESERVED, NULL, false, "reserved memory",
			    arena_printf(arena,
					 "the firmware demands that %s stays mapped for its IOMMU group %s "
					 "(reserved_regions: direct), so the kernel gives it to no VM",
					 group->reserved, group->number),
			    NULL });
	for (size_t i = 0; i < group->others.count; i++)
		add(&group->reasons, arena,
		    &(struct passable_reason){
			    PASSABLE_OTHER_MEMBER, NULL, false,
			    arena_printf(arena, "%s in its group", group->others.items[i]),
			    arena_printf(arena,
					 "its IOMMU group %s has a member that is no PCI device, and has a driver: %s",
					 group->number, group->others.items[i]),
			    NULL });
	for (size_t i = 0; i < group->problems.count; i++)
		add(&group->reasons, arena,
		    &(struct passable_reason){ PASSABLE_NOT_JUDGED, NULL, true, "not readable",
					       group->problems.items[i], NULL });
}

static bool is_blocked(const struct passable_reasons *reasons)
{
	for (size_t i = 0; i < reasons->count; i++)
		if (!reasons->items[i].unsure)
			return true;
	return false;
}

void passable_judge_group(struct arena *arena, struct passable_group *group, const struct uses *uses, bool inactive_ok)
{
	judge_group_alone(arena, group);
	group->worst = worst_of(&group->reasons);
	group->blocked = is_blocked(&group->reasons);
	for (size_t i = 0; i < group->count; i++) {
		struct passable_member *member = &group->members[i];
		judge_member(arena, member, uses, inactive_ok);
		if (passable_left_alone(member->function) && !member->function->problems.count)
			continue;
		group->going += !passable_left_alone(member->function);
		group->worst = worse(group->worst, worst_of(&member->reasons));
		group->blocked |= is_blocked(&member->reasons);
	}
}

bool passable_counts(const struct passable_member *member, struct pci_address address)
{
	return pci_address_equal(member->function->address, address) || !passable_left_alone(member->function) ||
	       member->function->problems.count;
}

static const struct passable_member *find_member(const struct passable_group *group, struct pci_address address)
{
	size_t low = 0;
	size_t high = group->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = pci_address_compare(group->members[middle].function->address, address);
		if (order == 0)
			return &group->members[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const struct passable_reason *new_reason(struct arena *arena, enum passable_kind kind,
						const struct pci_function *function, const char *brief,
						const char *text)
{
	struct passable_reason *reason = arena_alloc(arena, sizeof(*reason));
	*reason = (struct passable_reason){ .kind = kind, .function = function, .brief = brief, .text = text };
	return reason;
}

/* What could not be found out is no use, unless it stands in the way. */
static bool is_free(const struct pci_function *function, const struct uses *uses)
{
	size_t count;
	const struct use *use = uses_of(uses, function->address, &count);
	if (passable_never(function) || function->problems.count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (use[i].needed || use[i].kind != USE_UNKNOWN)
			return false;
	return true;
}

/* It may have a group that could not be read. */
static const struct passable_reason *unread(struct arena *arena, const struct pci_function *function)
{
	struct passable_member alone = { .function = function };
	judge_member(arena, &alone, &(struct uses){ 0 }, false);
	return &alone.reasons.items[0];
}

static const char *name_of_part(const struct pci_function *function)
{
	return function->is_bridge          ? "bridge" :
	       pci_is_host_bridge(function) ? "host bridge" :
	       pci_is_isa_bridge(function)  ? "ISA bridge" :
					      "behind VMD";
}

void passable_judge(struct arena *arena, const struct pci_function *function, const struct passable_group *group,
		    int iommu_active, const struct uses *uses, struct passable *ret)
{
	*ret = (struct passable){ .verdict = PASSABLE_NO, .group = group, .free = is_free(function, uses) };
	const char *never = passable_never(function);
	bool is_part = function->is_bridge || pci_is_part_of_host(function);
	if (never)
		ret->worst = new_reason(arena, is_part ? PASSABLE_BRIDGE : PASSABLE_VMD, function,
					name_of_part(function), never);
	else if (!group && function->problems.count)
		ret->worst = unread(arena, function);
	else if (!group)
		ret->worst = new_reason(arena, PASSABLE_NO_GROUP, function, "no group",
					passable_no_group(iommu_active));
	if (ret->worst && ret->worst->unsure)
		ret->verdict = PASSABLE_UNKNOWN;
	if (group)
		ret->member = find_member(group, function->address);
	if (ret->worst || !group)
		return;
	const struct passable_reason *own = ret->member ? worst_of(&ret->member->reasons) : NULL;
	bool blocked = group->blocked || (ret->member && is_blocked(&ret->member->reasons));
	/* Its own tells most, where it decides. */
	ret->worst = own && own->unsure != blocked ? own : worse(own, group->worst);
	ret->verdict = blocked ? PASSABLE_NO : ret->worst ? PASSABLE_UNKNOWN : PASSABLE_YES;
	ret->along = group->going - (ret->member && !passable_left_alone(function));
}

const char *passable_brief(struct arena *arena, const struct pci_function *function, const struct passable *passable)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	const struct passable_reason *worst = passable->worst;
	if (!worst && passable->along == 0)
		return "yes";
	if (!worst)
		return arena_printf(arena, "yes, with %zu other%s", passable->along, passable->along > 1 ? "s" : "");
	if (worst->kind == PASSABLE_NO_GROUP)
		return worst->brief;
	const char *verdict = passable_verdict_name(passable->verdict);
	if (!worst->function || pci_address_equal(worst->function->address, function->address))
		return arena_printf(arena, "%s: %s", verdict, worst->brief);
	/* The domain is of interest where it is another one. */
	pci_address_format(worst->function->address, text);
	bool same = worst->function->address.domain == function->address.domain;
	return arena_printf(arena, "%s: %s (%s)", verdict, worst->brief, same ? strchr(text, ':') + 1 : text);
}
