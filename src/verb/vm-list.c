/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 'nestpci vm list' */
#include "verb/vm-verb.h"

#include "base/say.h"
#include "report/table.h"

#define NARROW 120

/* What fits beside the rest, and leaves something for what stands in the way, where lines are short. */
#define NAME_WIDTH 14
#define DEVICES_WIDTH 14

/* Behind the vIOMMU's source; the legend explains those that occur. */
static const char *mark_of(enum vm_viommu_state state)
{
	switch (state) {
	case VM_VIOMMU_PENDING:
		return "*";
	case VM_VIOMMU_RUNNING_WITHOUT:
		return "!";
	case VM_VIOMMU_RUNNING_ONLY:
		return "+";
	case VM_VIOMMU_NONE:
	case VM_VIOMMU_THERE:
		break;
	}
	return "";
}

static const char *viommu_cell(struct arena *arena, const struct vm_view *view)
{
	enum vm_viommu_state state = vm_view_viommu(view);
	const struct vm *vm = view->vm->viommu_count                       ? view->vm :
			      view->running && view->running->viommu_count ? view->running :
									     view->now;
	if (state == VM_VIOMMU_NONE)
		return "-";
	if (view->wrapper && !view->vm->viommu_count)
		return arena_printf(arena, "intel wrapper%s", mark_of(state));
	if (vm->viommu_count > 1)
		return arena_printf(arena, "%zu: refused%s", vm->viommu_count, mark_of(state));
	static const char *const models[] = {
		[VM_VIOMMU_INTEL] = "intel",
		[VM_VIOMMU_AMD] = "amd",
		[VM_VIOMMU_VIRTIO] = "virtio",
	};
	return arena_printf(arena, "%s %s%s", models[vm->viommus[0].model], vm_viommu_source(vm, &vm->viommus[0]),
			    mark_of(state));
}

static const char *machine_cell(struct arena *arena, const struct vm *vm, bool with_firmware)
{
	const char *chipset = vm_chipset(vm);
	const char *machine = chipset ? chipset : vm->machine ? vm->machine : "?";
	return with_firmware && vm->ovmf == VM_YES ? arena_printf(arena, "%s ovmf", machine) : machine;
}

static const char *devices_cell(struct arena *arena, const struct vm *vm)
{
	struct buffer text = { .arena = arena };
	for (size_t i = 0; i < vm->device_count; i++)
		buffer_printf(&text, "%s%s", i ? " " : "", vm_device_brief(arena, &vm->devices[i]));
	return text.length ? text.text : "-";
}

static const char *obstacles_cell(struct arena *arena, const struct vm *vm)
{
	struct buffer text = { .arena = arena };
	struct vm_obstacles obstacles = vm_obstacles(arena, vm);
	for (size_t i = 0; i < obstacles.count; i++)
		buffer_printf(&text, "%s%s", i ? ", " : "", obstacles.items[i].brief);
	return text.length ? text.text : "-";
}

static void print_table(struct arena *arena, const struct vm_view *views, size_t count)
{
	static const char *const wide[] = { "VM",       "NAME",   "NODE",    "STATE",      "MACHINE",
					    "FIRMWARE", "VIOMMU", "DEVICES", "IN THE WAY", NULL };
	static const char *const narrow[] = {
		"VM", "NAME", "STATE", "MACHINE", "VIOMMU", "DEVICES", "IN THE WAY", NULL
	};
	static const size_t limits[] = { 0, NAME_WIDTH, 0, 0, 0, DEVICES_WIDTH, 0 };
	struct table table;
	size_t width = say_width(stdout);
	bool is_narrow = width && width < NARROW;
	table_start(&table, arena, is_narrow ? narrow : wide);
	table.limits = is_narrow ? limits : NULL;
	for (size_t i = 0; i < count; i++) {
		const struct vm *vm = views[i].vm;
		const char *firmware = vm_firmware(vm);
		table_add(&table, vm->id ? vm->id : "?");
		table_add(&table, vm->name ? vm->name : "-");
		if (!is_narrow)
			table_add(&table, vm->node ? vm->node : "-");
		table_add(&table, vm_view_state(&views[i]));
		table_add(&table, machine_cell(arena, vm, is_narrow));
		if (!is_narrow)
			table_add(&table, firmware ? firmware : "?");
		table_add(&table, viommu_cell(arena, &views[i]));
		table_add(&table, devices_cell(arena, vm));
		table_add(&table, obstacles_cell(arena, vm));
	}
	if (count)
		table_print(&table, stdout, width);
}

static void say_legend(const struct vm_view *views, size_t count)
{
	static const struct {
		enum vm_viommu_state state;
		const char *text;
	} rows[] = {
		{ VM_VIOMMU_PENDING, "'*': the vIOMMU is pending: it comes with the VM's next start" },
		{ VM_VIOMMU_RUNNING_WITHOUT, "'!': the vIOMMU is defined, and the VM runs without it" },
		{ VM_VIOMMU_RUNNING_ONLY,
		  "'+': the vIOMMU is there, and the VM's next start has none by its definition" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t j = 0; j < count; j++)
			if (vm_view_viommu(&views[j]) == rows[i].state) {
				say("vm: %s", rows[i].text);
				break;
			}
}

static void print_json(struct arena *arena, const struct vm_view *views, size_t count)
{
	AUTO_JSON *array = json_object_new_array();
	for (size_t i = 0; i < count; i++)
		json_object_array_add(array, vm_view_to_json(arena, &views[i]));
	json_print(array);
}

/* Those of one node: a QEMU that nobody manages is this host's. */
static size_t keep_node(const struct vms *vms, const char *node, struct vm_view *views, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		const char *own = views[i].vm->node ? views[i].vm->node : vms->node;
		if (text_equals(own, node))
			views[kept++] = views[i];
	}
	return kept;
}

static int no_such_node(struct arena *arena, const struct vms *vms, const char *node)
{
	struct buffer names = { .arena = arena };
	for (size_t i = 0; i < vms->nodes.count; i++)
		buffer_printf(&names, "%s%s", i ? ", " : "", vms->nodes.items[i]);
	if (names.length)
		say("vm: there is no node '%.64s' (there are: %s)", node, names.text);
	else
		say("vm: there is no node '%.64s': this host is in no cluster", node);
	return VERB_FAILED;
}

int vm_list(const struct root *root, struct arena *arena, const char *node, bool as_json)
{
	struct vm_sources sources;
	struct vm_view *views;
	size_t count;
	vm_sources_read(root, arena, &sources);
	if (node && !list_contains(&sources.vms.nodes, node))
		return no_such_node(arena, &sources.vms, node);
	vm_views_of(&sources, &views, &count);
	if (node)
		count = keep_node(&sources.vms, node, views, count);
	if (!count)
		say("vm: there is no VM %s", node ? "on that node" : "here");
	if (as_json) {
		print_json(arena, views, count);
		return VERB_DONE;
	}
	print_table(arena, views, count);
	say_legend(views, count);
	return VERB_DONE;
}
