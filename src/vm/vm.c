/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/vm.h"

#include <errno.h>
#include <string.h>

#include "vm/command-text.h"
#include "vm/libvirt-vm.h"
#include "vm/libvirt.h"
#include "vm/plain.h"
#include "vm/proxmox-vm.h"

/* ---- What a text is ---- */

/* "/etc/pve/nodes/NODE/qemu-server/ID.conf", "/etc/pve/qemu-server/ID.conf" (of the node itself) and others. */
struct proxmox_path {
	const char *id;   /* NULL: the file's name has none */
	const char *node; /* NULL: the path has none */
	bool is_proxmox;  /* where Proxmox VE has its own: whatever stands in it is one */
};

static struct proxmox_path split_path(struct arena *arena, const char *path)
{
	static const char folder[] = "/qemu-server/";
	static const char nodes[] = "/nodes/";
	struct proxmox_path parts = { 0 };
	const char *name = text_basename(path);
	size_t digits = strspn(name, "0123456789");
	size_t before = (size_t)(name - path);
	if (digits && strcmp(name + digits, ".conf") == 0)
		parts.id = arena_strndup(arena, name, digits);
	if (!parts.id || before < strlen(folder) || memcmp(name - strlen(folder), folder, strlen(folder)) != 0)
		return parts;
	parts.is_proxmox = true;
	const char *end = name - strlen(folder);
	const char *slash = memrchr(path, '/', (size_t)(end - path));
	size_t up = slash ? (size_t)(slash - path) + 1 : 0;
	if (up >= strlen(nodes) && memcmp(slash + 1 - strlen(nodes), nodes, strlen(nodes)) == 0)
		parts.node = arena_strndup(arena, slash + 1, (size_t)(end - slash - 1));
	return parts;
}

static void read_proxmox(struct proxmox_node *node, struct slice text, const char *path, struct vm *ret)
{
	struct proxmox_path parts = split_path(node->arena, path);
	struct proxmox_config *config = arena_alloc(node->arena, sizeof(*config));
	proxmox_config_parse(node->arena, text, node->release, config);
	struct proxmox_definition definition = {
		.node = node,
		.config = config,
		.id = parts.id ? parts.id : path,
		.path = path,
		.node_name = parts.node       ? parts.node :
			     parts.is_proxmox ? node->name :
						NULL,
	};
	proxmox_vm_read(node->arena, &definition, ret);
}

static int read_command(const struct root *root, struct arena *arena, const struct list *words, const char *path,
			struct vm *ret, struct error *error)
{
	struct plain_line line = { words->items, words->count, QEMU_NO_WORD };
	int r = plain_read(root, arena, &line, ret, error);
	if (r < 0)
		return error_prefix(error, r, "%s", path);
	ret->path = path;
	if (!ret->id)
		ret->id = path;
	return 0;
}

/* Neither: says at what line that shows. */
static int refuse(struct slice text, const char *path, size_t line, struct error *error)
{
	if (slice_trim(text).length == 0)
		return error_set(error, -EINVAL, "%s: empty: no VM configuration, XML or QEMU command line", path);
	return error_set(
		error, -EINVAL,
		"%s: line %zu is neither a setting of a Proxmox VE configuration ('cores: 4') nor a QEMU command "
		"line, and the file is no XML",
		path, line ? line : 1);
}

int vm_read_text(const struct root *root, struct arena *arena, struct slice text, const char *path, struct vm *ret,
		 struct error *error)
{
	struct list words;
	struct proxmox_node node;
	struct proxmox_config config;
	if (split_path(arena, path).is_proxmox) {
		proxmox_node_open(root, arena, &node);
		read_proxmox(&node, text, path, ret);
		return 0;
	}
	if (libvirt_is_xml(text))
		return libvirt_read_text(root, arena, text, path, ret, error);
	int r = command_text_read(arena, text, &words, error);
	if (r < 0 && r != -ENODATA)
		return error_prefix(error, r, "%s", path);
	if (r == 0)
		return read_command(root, arena, &words, path, ret, error);
	/* The newest release has the most settings. */
	proxmox_config_parse(arena, text, (struct release){ { 0 } }, &config);
	if (config.settings) {
		proxmox_node_open(root, arena, &node);
		read_proxmox(&node, text, path, ret);
		return 0;
	}
	r = command_text_read_unquoted(arena, text, &words, error);
	if (r == 0)
		return read_command(root, arena, &words, path, ret, error);
	return r == -ENODATA ? refuse(text, path, config.strange_line, error) : error_prefix(error, r, "%s", path);
}

int vm_read_file(const struct root *root, struct arena *arena, const char *path, struct vm *ret, struct error *error)
{
	struct slice text = slice_of("");
	AUTO_ROOT here = ROOT_NONE;
	bool inside = root && path[0] == '/' && root_exists(root, path);
	/* Who names a file means his own, unless the host that is looked at has it. */
	int r = inside ? 0 : root_open(&here, NULL, error);
	if (r == 0)
		r = root_read(inside ? root : &here, arena, path, &text, error);
	return r < 0 ? r : vm_read_text(root, arena, text, path, ret, error);
}

/* ---- Now, and at the next start ---- */

static void read_proxmox_now(const struct root *root, struct arena *arena, const struct vm *vm, struct vm *now)
{
	struct proxmox_node node;
	proxmox_node_open(root, arena, &node);
	/* Whose node this is was judged before, with more to go by. */
	if (!vm->elsewhere && vm->node)
		node.name = vm->node;
	struct proxmox_definition definition = {
		.node = &node,
		.config = vm->configuration,
		.settings = &vm->configuration->sections[0],
		.id = vm->id,
		.path = vm->path,
		.node_name = vm->node,
	};
	proxmox_vm_read(arena, &definition, now);
}

/* What runs is what was defined when it was started. */
static void read_libvirt_now(const struct root *root, struct arena *arena, const struct vm *vm, struct vm *now)
{
	struct libvirt_domain *domain = arena_alloc(arena, sizeof(*domain));
	*domain = *vm->domain;
	domain->definition = NULL;
	libvirt_vm_read(root, arena, domain, now);
}

const struct vm *vm_without_pending(const struct root *root, struct arena *arena, const struct vm *vm)
{
	if (!vm->pending_count || !(vm->configuration || vm->domain))
		return vm;
	struct vm *now = arena_alloc(arena, sizeof(*now));
	if (vm->domain)
		read_libvirt_now(root, arena, vm, now);
	else
		read_proxmox_now(root, arena, vm, now);
	now->running = vm->running;
	now->pid = vm->pid;
	now->memlock = vm->memlock;
	now->program = vm->program;
	return now;
}

/* ---- Finding one ---- */

static bool is_called(const struct vm *vm, const char *what)
{
	uint64_t pid;
	return text_equals(vm->id, what) || text_equals(vm->name, what) || text_equals(vm->uuid, what) ||
	       (vm->pid && text_to_number(what, 10, INT32_MAX, &pid) == 0 && vm->pid == (pid_t)pid);
}

/* An id says more than a name, a definition more than its process, and this host's VMs are nearer than others'. */
static unsigned int rank(const struct vm *vm, const char *what)
{
	return (text_equals(vm->id, what) ? 4U : 0U) + (vm->source == VM_FROM_CONFIGURATION ? 2U : 0U) +
	       (vm->elsewhere ? 0U : 1U);
}

const struct vm *vm_find(const struct vms *vms, const char *what)
{
	const struct vm *found = NULL;
	for (size_t i = 0; i < vms->count; i++) {
		const struct vm *vm = &vms->items[i];
		if (is_called(vm, what) && (!found || rank(vm, what) > rank(found, what)))
			found = vm;
	}
	return found;
}

bool vm_is_same(const struct vm *a, const struct vm *b)
{
	if (a == b || (a->pid && a->pid == b->pid))
		return true;
	if (a->manager != b->manager || a->elsewhere || b->elsewhere)
		return false;
	if (a->manager == VM_LIBVIRT && a->uuid && b->uuid && strcmp(a->uuid, b->uuid) != 0)
		return false;
	return text_equals(a->id, b->id);
}

const struct vm *vm_find_running(const struct vms *vms, const struct vm *vm)
{
	if (vm->source == VM_FROM_PROCESS)
		return vm;
	for (size_t i = 0; i < vms->count; i++) {
		const struct vm *other = &vms->items[i];
		if (other->source == VM_FROM_PROCESS && !vm->elsewhere && vm_is_same(vm, other))
			return other;
	}
	return NULL;
}

const char *vm_viommu_name(enum vm_viommu_model model)
{
	switch (model) {
	case VM_VIOMMU_INTEL:
		return "intel-iommu";
	case VM_VIOMMU_AMD:
		return "amd-iommu";
	case VM_VIOMMU_VIRTIO:
		return "virtio-iommu";
	}
	return "vIOMMU";
}
