/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <poll.h>

#include "host/bind-move.h"
#include "host/bind.h"
#include "host/guard.h"
#include "host/passable-read.h"

#define VFIO_PCI "vfio-pci"

/* udev and its like open new disks for a moment: not worth a refusal. */
#define PROCESS_TRIES 5
#define PROCESS_WAIT_MS 200

struct planning {
	const struct root *root;
	struct arena *arena;
	const struct bind_options *options;
	struct bind_plan *plan;
};

static void refuse(const struct planning *planning, struct pci_address address, const char *text)
{
	char name[PCI_ADDRESS_TEXT_MAX];
	list_printf(&planning->plan->refusals, "%s: %s", pci_address_format(address, name), text);
}

static void note(const struct planning *planning, struct pci_address address, const char *text)
{
	char name[PCI_ADDRESS_TEXT_MAX];
	list_printf(&planning->plan->notes, "%s: %s", pci_address_format(address, name), text);
}

static void start(struct planning *planning, struct pci_address address, bool to_vfio)
{
	*planning->plan = (struct bind_plan){
		.address = address,
		.to_vfio = to_vfio,
		.refusals = { .arena = planning->arena },
		.notes = { .arena = planning->arena },
	};
}

/* How many virtual functions it has; NULL: none. The kernel holds readers up while it takes a driver away. */
static int read_virtual_functions(const struct planning *planning, struct pci_address address, const char **ret,
				  struct error *error)
{
	char *text;
	const char *path = pci_path(planning->arena, address, "sriov_numvfs");
	if (!root_exists(planning->root, path))
		return 0;
	int r = guard_read_line(planning->root, planning->arena, path, planning->options->timeout_ms, &text, error);
	if (r == 0 && strcmp(text, "0") != 0)
		*ret = text;
	return r;
}

static int plan_member(const struct planning *planning, struct bind_member *member, struct passable_member *judged,
		       struct error *error)
{
	struct pci_function *function = arena_alloc(planning->arena, sizeof(*function));
	int r = pci_read_function(planning->root, planning->arena, member->address, function, error);
	if (r < 0)
		return r;
	judged->function = function;
	r = bind_state_read(planning->root, planning->arena, member->address, planning->options->timeout_ms,
			    &member->before, error);
	if (r < 0)
		return r;
	member->after = member->before;
	/* A part of the host goes when it is the one that was named. */
	if (function->is_bridge || !pci_address_equal(member->address, planning->plan->address))
		member->stays = passable_left_alone(function);
	if (!member->stays && text_equals(member->before.driver, VFIO_PCI))
		member->stays = "vfio-pci already";
	if (member->stays)
		return 0;
	member->after = (struct bind_state){ VFIO_PCI, VFIO_PCI };
	planning->plan->moving++;
	return read_virtual_functions(planning, member->address, &judged->virtual_functions, error);
}

static int plan_members(const struct planning *planning, const struct iommu_group *group, struct passable_group *judged,
			struct error *error)
{
	struct bind_plan *plan = planning->plan;
	plan->members = arena_alloc_array(planning->arena, group->count + 1, sizeof(*plan->members));
	plan->count = group->count;
	judged->members = arena_alloc_array(planning->arena, group->count + 1, sizeof(*judged->members));
	judged->count = group->count;
	for (size_t i = 0; i < group->count; i++) {
		plan->members[i].address = group->members[i];
		int r = plan_member(planning, &plan->members[i], &judged->members[i], error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int find_users(const struct planning *planning, struct uses *ret, struct error *error)
{
	const struct bind_plan *plan = planning->plan;
	struct pci_address *moving = arena_alloc_array(planning->arena, plan->count + 1, sizeof(*moving));
	size_t count = 0;
	for (size_t i = 0; i < plan->count; i++)
		if (!plan->members[i].stays)
			moving[count++] = plan->members[i].address;
	for (int try = 1;; try++) {
		int r = users_find(planning->root, planning->arena, moving, count, ret, error);
		size_t processes = 0;
		size_t needed = 0;
		for (size_t i = 0; r == 0 && i < ret->count; i++) {
			needed += ret->items[i].needed;
			processes += ret->items[i].needed && ret->items[i].kind == USE_PROCESS;
		}
		if (r < 0 || processes == 0 || processes < needed || try == PROCESS_TRIES)
			return r;
		poll(NULL, 0, PROCESS_WAIT_MS);
	}
}

/* What need not stop us is told all the same. */
static void note_uses(const struct planning *planning, const struct uses *uses)
{
	for (size_t i = 0; i < uses->count; i++)
		if (!passable_is_obstacle(&uses->items[i], planning->options->inactive_ok))
			note(planning, uses->items[i].address, uses->items[i].text);
}

static void refuse_reasons(const struct planning *planning, const struct passable_reasons *reasons)
{
	for (size_t i = 0; i < reasons->count; i++) {
		const struct passable_reason *reason = &reasons->items[i];
		refuse(planning, reason->function ? reason->function->address : planning->plan->address, reason->text);
	}
}

/* Everything that the judgement of the device rests on. What stands in the way, though it is not sure, does so too. */
static int judge(const struct planning *planning, struct passable_group *group, struct error *error)
{
	struct uses uses = { 0 };
	int r = planning->plan->moving ? find_users(planning, &uses, error) : 0;
	if (r < 0)
		return r;
	passable_judge_group(planning->arena, group, &uses, planning->options->inactive_ok);
	for (size_t i = 0; i < group->count; i++)
		if (passable_counts(&group->members[i], planning->plan->address))
			refuse_reasons(planning, &group->members[i].reasons);
	refuse_reasons(planning, &group->reasons);
	note_uses(planning, &uses);
	return 0;
}

static int check_users(const struct planning *planning, struct error *error)
{
	struct uses uses = { 0 };
	int r = planning->plan->moving ? find_users(planning, &uses, error) : 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < uses.count; i++)
		if (passable_is_obstacle(&uses.items[i], planning->options->inactive_ok))
			refuse(planning, uses.items[i].address, uses.items[i].text);
	note_uses(planning, &uses);
	return 0;
}

static bool is_ours(const struct bind_state *state)
{
	return text_equals(state->driver, VFIO_PCI) || text_equals(state->override, VFIO_PCI);
}

/*
 * What is to be given back one day: what a device has now, unless it has what an earlier nestpci gave it, or nothing at
 * all, as when that one was interrupted; then what it wrote down.
 */
static void plan_record(struct bind_plan *plan, struct arena *arena)
{
	struct bind_record *record = &plan->record;
	*record = (struct bind_record){
		.path = plan->has_old_record ? plan->old_record.path : bind_record_path(arena, plan->address),
		.members = arena_alloc_array(arena, plan->count + 1, sizeof(*record->members)),
	};
	for (size_t i = 0; i < plan->count; i++) {
		const struct bind_member *member = &plan->members[i];
		const struct bind_state *earlier = NULL;
		if (plan->has_old_record && (is_ours(&member->before) || !member->before.driver))
			earlier = bind_record_of(&plan->old_record, member->address);
		if (!member->stays || text_equals(member->before.driver, VFIO_PCI))
			record->members[record->count++] = (struct bind_recorded){ member->address,
										   earlier ? *earlier :
											     member->before };
	}
}

/* Else the plan would move others, or nothing, and call that done. */
static int check_membership(const struct bind_plan *plan, const struct iommu_group *group, struct error *error)
{
	char name[PCI_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < group->count; i++)
		if (pci_address_equal(group->members[i], plan->address))
			return 0;
	return error_set(error, -EIO,
			 "it is said to be in IOMMU group %s, which does not list it: "
			 "/sys/kernel/iommu_groups/%s/devices/%s is not there",
			 group->number, group->number, pci_address_format(plan->address, name));
}

int bind_plan(const struct root *root, struct arena *arena, struct pci_address address,
	      const struct bind_options *options, struct bind_plan *ret, struct error *error)
{
	struct planning planning = { root, arena, options, ret };
	struct iommu_group group = { 0 };
	struct passable_group judged = { 0 };
	start(&planning, address, true);
	int r = iommu_group_of(root, arena, address, &ret->group, error);
	if (r == 0)
		r = iommu_read_group(root, arena, ret->group, &group, error);
	if (r == 0)
		r = check_membership(ret, &group, error);
	if (r == 0)
		r = plan_members(&planning, &group, &judged, error);
	if (r == 0) {
		judged.number = ret->group;
		passable_read_rest(root, arena, &group.others, &judged);
		r = judge(&planning, &judged, error);
	}
	if (r < 0)
		return r;
	r = bind_record_find(root, arena, address, &ret->old_record, &ret->notes, error);
	if (r < 0 && r != -ENOENT)
		return r;
	ret->has_old_record = r == 0;
	plan_record(ret, arena);
	ret->loads_driver = ret->moving && !root_exists(root, "/sys/bus/pci/drivers/" VFIO_PCI);
	return 0;
}

static bool has(const struct bind_state *now, const struct bind_state *recorded)
{
	return text_equals(now->override, recorded->override) &&
	       (now->driver == recorded->driver || text_equals(now->driver, recorded->driver));
}

/* Then the record stays as well: it is the only thing that says what the device had. */
static void refuse_foreign(const struct planning *planning, const struct bind_member *member)
{
	const char *driver = member->before.driver;
	refuse(planning, member->address,
	       arena_printf(planning->arena,
			    "somebody else has decided about it since 'nestpci bind': it has %s%s and driver_override "
			    "'%s'; undo that, or remove the record of what it had (%s), then try again",
			    driver ? "driver " : "no driver", driver ? driver : "", member->before.override,
			    planning->plan->record.path));
}

/* What a member goes back to, and whether it does. */
static void plan_return(const struct planning *planning, struct bind_member *member, const struct bind_state *recorded)
{
	const struct bind_state *now = &member->before;
	/* An unbind that was interrupted: neither vfio-pci nor what it had. */
	bool half_way = recorded && recorded->driver && !now->driver;
	member->probe = !recorded;
	member->after = recorded ? *recorded : (struct bind_state){ NULL, "" };
	if (recorded && has(now, recorded))
		member->stays = "has what it had";
	else if (!is_ours(now) && !half_way)
		member->stays = "not with vfio-pci";
	if (recorded && member->stays && !has(now, recorded))
		refuse_foreign(planning, member);
	if (member->stays)
		member->after = *now;
	else
		planning->plan->moving++;
}

static int plan_return_of(const struct planning *planning, struct pci_address address,
			  const struct bind_state *recorded, struct error *error)
{
	struct bind_plan *plan = planning->plan;
	struct bind_member *member = &plan->members[plan->count];
	if (!root_exists(planning->root, pci_path(planning->arena, address, ""))) {
		note(planning, address, "it is gone");
		return 0;
	}
	*member = (struct bind_member){ .address = address };
	int r = bind_state_read(planning->root, planning->arena, address, planning->options->timeout_ms,
				&member->before, error);
	if (r < 0)
		return r;
	plan_return(planning, member, recorded);
	/* Of the others in a group there is nothing to tell. */
	if (recorded || !member->stays)
		plan->count++;
	return 0;
}

static int plan_returns_of_record(const struct planning *planning, struct error *error)
{
	struct bind_plan *plan = planning->plan;
	int r = 0;
	plan->members = arena_alloc_array(planning->arena, plan->record.count + 1, sizeof(*plan->members));
	for (size_t i = 0; r == 0 && i < plan->record.count; i++)
		r = plan_return_of(planning, plan->record.members[i].address, &plan->record.members[i].state, error);
	return r;
}

/* Nothing is known of what they had: all of the group that is with vfio-pci; without a group, the device alone. */
static int plan_returns_of_group(const struct planning *planning, struct error *error)
{
	struct bind_plan *plan = planning->plan;
	struct iommu_group group = { .members = &plan->address, .count = 1 };
	int r = 0;
	if (plan->group)
		r = iommu_read_group(planning->root, planning->arena, plan->group, &group, error);
	plan->members = arena_alloc_array(planning->arena, group.count + 1, sizeof(*plan->members));
	for (size_t i = 0; r == 0 && i < group.count; i++)
		r = plan_return_of(planning, group.members[i], NULL, error);
	return r;
}

int bind_plan_back(const struct root *root, struct arena *arena, struct pci_address address,
		   const struct bind_options *options, struct bind_plan *ret, struct error *error)
{
	struct planning planning = { root, arena, options, ret };
	start(&planning, address, false);
	int r = bind_record_find(root, arena, address, &ret->record, &ret->notes, error);
	if (r < 0 && r != -ENOENT)
		return r;
	r = iommu_group_of(root, arena, address, &ret->group, error);
	/* A device without a group cannot have been bound by us, but may have been by force; one may be gone. */
	if (r < 0 && r != -ENOENT && !(r == -ENODEV && ret->record.path))
		return r;
	r = ret->record.path ? plan_returns_of_record(&planning, error) : plan_returns_of_group(&planning, error);
	return r < 0 ? r : check_users(&planning, error);
}
