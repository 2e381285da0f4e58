/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All VMs of a host: Proxmox VE's configurations, libvirt's domains, and the QEMUs that run. */
#include <string.h>

#include "vm/libvirt.h"
#include "vm/process.h"
#include "vm/proxmox-vm.h"
#include "vm/wrapper.h"

#define NODES "/etc/pve/nodes"

struct gathering {
	const struct root *root;
	struct arena *arena;
	struct vms *vms;
	struct proxmox_node node;
};

/* "100" of "100.conf"; NULL: the file is no VM's (a temporary name ends otherwise). */
static const char *id_of(struct arena *arena, const char *name)
{
	size_t digits = strspn(name, "0123456789");
	return digits && strcmp(name + digits, ".conf") == 0 ? arena_strndup(arena, name, digits) : NULL;
}

static void read_definition(struct gathering *gathering, const char *node, const char *folder, const char *name)
{
	struct error error;
	struct slice text;
	struct arena *arena = gathering->arena;
	const char *id = id_of(arena, name);
	const char *path = arena_printf(arena, "%s/%s", folder, name);
	if (!id)
		return;
	int r = root_read(gathering->root, arena, path, &text, &error);
	if (r < 0) {
		/* It was moved to another node, or destroyed, meanwhile. */
		if (!root_absent(r))
			list_printf(&gathering->vms->problems, "VM %s: %s", id, error.text);
		return;
	}
	struct proxmox_config *config = arena_alloc(arena, sizeof(*config));
	proxmox_config_parse(arena, text, gathering->node.release, config);
	struct proxmox_definition definition = {
		.node = &gathering->node,
		.config = config,
		.id = id,
		.path = path,
		.node_name = node,
		.wrapper = gathering->vms->wrapper,
	};
	proxmox_vm_read(arena, &definition, vms_add(arena, gathering->vms));
}

static void read_node(struct gathering *gathering, const char *node)
{
	struct error error;
	struct list names = { .arena = gathering->arena };
	const char *folder = arena_printf(gathering->arena, NODES "/%s/qemu-server", node);
	int r = root_list(gathering->root, gathering->arena, folder, &names, &error);
	if (r < 0 && !root_absent(r))
		list_printf(&gathering->vms->problems, "VMs of node %s: %s", node, error.text);
	for (size_t i = 0; i < names.count; i++)
		read_definition(gathering, node, folder, names.items[i]);
}

static void read_proxmox(struct gathering *gathering)
{
	struct error error;
	struct list nodes = { .arena = gathering->arena };
	int r = root_list(gathering->root, gathering->arena, NODES, &nodes, &error);
	if (root_absent(r))
		return;
	if (r < 0) {
		list_printf(&gathering->vms->problems, "VMs of Proxmox VE: %s", error.text);
		return;
	}
	proxmox_node_open(gathering->root, gathering->arena, &gathering->node);
	struct wrapper_state *wrapper = arena_alloc(gathering->arena, sizeof(*wrapper));
	wrapper_state_read(gathering->root, gathering->arena, wrapper);
	gathering->vms->wrapper = wrapper;
	/* Of a single node there is no doubt, whatever the host is called. */
	if (nodes.count == 1)
		gathering->node.name = nodes.items[0];
	gathering->vms->node = gathering->node.name;
	gathering->vms->nodes = nodes;
	for (size_t i = 0; i < nodes.count; i++)
		read_node(gathering, nodes.items[i]);
	if (gathering->node.managed_problem)
		list_printf(&gathering->vms->problems, "not known which VMs HA manages: %s",
			    gathering->node.managed_problem);
	if (gathering->node.mappings_problem)
		list_printf(&gathering->vms->problems, "not known what resource mappings stand for: %s",
			    gathering->node.mappings_problem);
	for (size_t i = 0; i < gathering->node.mappings.problems.count; i++)
		list_printf(&gathering->vms->problems, "/etc/pve/mapping/pci.cfg: %s",
			    gathering->node.mappings.problems.items[i]);
}

/* Whether Proxmox VE itself has it for running: its pid file holds the pid of such a process. */
static bool is_of_pid_file(struct gathering *gathering, const struct vm *process)
{
	char *text;
	uint64_t pid;
	const char *path = arena_printf(gathering->arena, "/run/qemu-server/%s.pid", process->id);
	if (process->manager != VM_PROXMOX)
		return true;
	if (root_read_line(gathering->root, gathering->arena, path, &text, NULL) < 0 ||
	    text_to_number(text, 10, INT32_MAX, &pid) < 0)
		return true; /* nothing says otherwise */
	return process->pid == (pid_t)pid;
}

static void mark_running(struct gathering *gathering, bool all_seen)
{
	struct vms *vms = gathering->vms;
	for (size_t i = 0; i < vms->count; i++) {
		struct vm *vm = &vms->items[i];
		if (vm->source != VM_FROM_CONFIGURATION || vm->elsewhere)
			continue;
		const struct vm *process = vm_find_running(vms, vm);
		/* libvirt has said whether it runs; a process of another user's may be hidden from us. */
		if (vm->manager != VM_LIBVIRT || process)
			vm->running = process ? VM_YES : all_seen ? VM_NO : VM_UNKNOWN;
		if (!process)
			continue;
		vm->pid = process->pid;
		vm->memlock = process->memlock;
		vm->program = process->program;
		if (!is_of_pid_file(gathering, process))
			list_printf(
				&vm->problems,
				"process %d has its id, and /run/qemu-server/%s.pid names another: Proxmox VE does not "
				"take it for its own",
				(int)process->pid, vm->id);
	}
}

void vm_read_all(const struct root *root, struct arena *arena, struct vms *ret)
{
	*ret = (struct vms){ .problems = { .arena = arena } };
	struct gathering gathering = { .root = root, .arena = arena, .vms = ret };
	read_proxmox(&gathering);
	libvirt_read_all(root, arena, ret);
	bool all_seen = process_read_all(root, arena, ret);
	mark_running(&gathering, all_seen);
}
