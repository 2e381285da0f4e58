/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/obstacle.h"

#define OBSTACLES_MAX 6

struct collector {
	struct arena *arena;
	const struct vm *vm;
	struct vm_obstacles found;
};

static void add(struct collector *collector, enum vm_obstacle_kind kind, const char *brief, const char *text)
{
	collector->found.items[collector->found.count++] = (struct vm_obstacle){ kind, brief, text };
}

static void add_elsewhere(struct collector *collector)
{
	const struct vm *vm = collector->vm;
	const char *node = vm->node ? vm->node : "another node";
	if (vm->elsewhere)
		add(collector, VM_OBSTACLE_ELSEWHERE, arena_printf(collector->arena, "node: %s", node),
		    arena_printf(collector->arena, "it belongs to node %s: only there it can be changed and started",
				 node));
}

static void add_lock(struct collector *collector)
{
	const struct vm *vm = collector->vm;
	/* Of a hibernated VM the lock is a part of that. */
	if (!vm->lock || (vm->hibernated && strcmp(vm->lock, "suspended") == 0))
		return;
	const char *unlock = vm->manager == VM_PROXMOX ?
				     arena_printf(collector->arena, " (if none is, 'qm unlock %s')", vm->id) :
				     "";
	add(collector, VM_OBSTACLE_LOCK, arena_printf(collector->arena, "lock: %s", vm->lock),
	    arena_printf(collector->arena, "it is locked by a %s: wait until that is over%s", vm->lock, unlock));
}

static void add_ha(struct collector *collector)
{
	const struct vm *vm = collector->vm;
	struct arena *arena = collector->arena;
	if (!vm->ha)
		return;
	const char *state = vm->ha_state ? vm->ha_state : "started";
	const char *now = vm->ha_status && strcmp(vm->ha_status, state) != 0 ?
				  arena_printf(arena, " (it says: %s)", vm->ha_status) :
				  "";
	add(collector, VM_OBSTACLE_HA, arena_printf(arena, "HA: %s", state),
	    arena_printf(
		    arena,
		    "HA manages it, and shall have it %s%s: starting and stopping go through HA, which can move it "
		    "to another node",
		    state, now));
}

struct vm_obstacles vm_obstacles(struct arena *arena, const struct vm *vm)
{
	struct collector collector = { .arena = arena, .vm = vm };
	collector.found.items = arena_alloc_array(arena, OBSTACLES_MAX, sizeof(*collector.found.items));
	add_elsewhere(&collector);
	if (vm->template)
		add(&collector, VM_OBSTACLE_TEMPLATE, "template", "it is a template, which is never started: clone it");
	add_lock(&collector);
	if (vm->hibernated)
		add(&collector, VM_OBSTACLE_HIBERNATED, "hibernated",
		    arena_printf(arena,
				 "it is hibernated (%s): its next start goes on from the saved state, which a changed "
				 "machine breaks; start it and shut it down first",
				 vm->hibernated));
	add_ha(&collector);
	if (vm->source == VM_FROM_PROCESS)
		add(&collector, VM_OBSTACLE_UNMANAGED, "no definition",
		    vm->manager == VM_PLAIN ?
			    "no manager has a definition of it: whoever wrote its command line must change that "
			    "('nestpci rewrite')" :
			    "its definition is gone: it cannot be changed, and not be started again");
	return collector.found;
}

const char *vm_obstacle_name(enum vm_obstacle_kind kind)
{
	static const char *const names[] = {
		[VM_OBSTACLE_ELSEWHERE] = "other-node",
		[VM_OBSTACLE_TEMPLATE] = "template",
		[VM_OBSTACLE_LOCK] = "lock",
		[VM_OBSTACLE_HIBERNATED] = "hibernated",
		[VM_OBSTACLE_HA] = "ha",
		[VM_OBSTACLE_UNMANAGED] = "no-definition",
	};
	return names[kind];
}
