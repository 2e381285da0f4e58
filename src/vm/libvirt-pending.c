/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/libvirt-pending.h"

struct comparing {
	struct arena *arena;
	const struct element *live;
	const struct element *definition;
	struct vm *vm;
	size_t room;
};

static void add(struct comparing *comparing, const char *key, const char *current, const char *wanted)
{
	struct vm *vm = comparing->vm;
	if (vm->pending_count == comparing->room) {
		comparing->room = comparing->room ? comparing->room * 2 : 8;
		vm->pending = arena_grow(comparing->arena, vm->pending, vm->pending_count, comparing->room,
					 sizeof(*vm->pending));
	}
	vm->pending[vm->pending_count++] = (struct vm_pending){ key, current, wanted };
}

static void compare(struct comparing *comparing, const char *key, const char *current, const char *wanted)
{
	bool same = current && wanted ? strcmp(current, wanted) == 0 : current == wanted;
	if (!same)
		add(comparing, key, current, wanted);
}

static const char *xml_of(struct comparing *comparing, const struct element *tree, const char *path)
{
	const struct element *element = element_find(tree, path);
	return element ? element_xml(comparing->arena, element, NULL) : NULL;
}

/* ---- CPU ---- */

static bool has_feature(const struct element *cpu, const char *name)
{
	const struct element *feature = NULL;
	while ((feature = element_next(cpu, "feature", feature)))
		if (text_equals(element_get(feature, "name"), name))
			return !text_equals(element_get(feature, "policy"), "disable") &&
			       !text_equals(element_get(feature, "policy"), "forbid");
	return false;
}

/* Mode, model, widths, and what makes it a hypervisor: libvirt adds many other features when it starts a domain. */
static const char *cpu_of(struct comparing *comparing, const struct element *tree)
{
	const struct element *cpu = element_find(tree, "cpu");
	const struct element *model = element_find(cpu, "model");
	const struct element *bits = element_find(cpu, "maxphysaddr");
	const char *mode = element_get(cpu, "mode");
	if (!cpu)
		return NULL;
	return arena_printf(comparing->arena, "<cpu mode='%s'>%s%s%s%s%s</cpu>", mode ? mode : "custom",
			    model ? "<model>" : "", model ? model->text : "", model ? "</model>" : "",
			    bits ? element_xml(comparing->arena, bits, NULL) : "",
			    has_feature(cpu, "vmx") ? "<feature name='vmx'/>" :
			    has_feature(cpu, "svm") ? "<feature name='svm'/>" :
						      "");
}

static void compare_cpus(struct comparing *comparing)
{
	/* What that becomes is written into the running one. */
	if (text_equals(element_get_at(comparing->definition, "cpu", "mode"), "host-model"))
		return;
	compare(comparing, "cpu", cpu_of(comparing, comparing->live), cpu_of(comparing, comparing->definition));
}

/* ---- Devices ---- */

/* One of a kind, without what libvirt fills in. */
static const char *device_text(struct comparing *comparing, const struct element *device)
{
	static const char *const filled_in[] = { "alias", NULL };
	static const char *const filled_in_hostdev[] = { "alias", "driver", NULL };
	bool is_hostdev = strcmp(device->name, "hostdev") == 0;
	return element_xml(comparing->arena, device, is_hostdev ? filled_in_hostdev : filled_in);
}

static struct list texts_of(struct comparing *comparing, const struct element *tree, const char *name)
{
	struct list texts = { .arena = comparing->arena };
	const struct element *devices = element_find(tree, "devices");
	const struct element *device = NULL;
	while ((device = element_next(devices, name, device)))
		list_add(&texts, device_text(comparing, device));
	return texts;
}

static void compare_devices(struct comparing *comparing, const char *name)
{
	struct list live = texts_of(comparing, comparing->live, name);
	struct list wanted = texts_of(comparing, comparing->definition, name);
	/* One changed is one change. */
	if (live.count == 1 && wanted.count == 1) {
		compare(comparing, name, live.items[0], wanted.items[0]);
		return;
	}
	for (size_t i = 0; i < live.count; i++)
		if (!list_contains(&wanted, live.items[i]))
			add(comparing, name, live.items[i], NULL);
	for (size_t i = 0; i < wanted.count; i++)
		if (!list_contains(&live, wanted.items[i]))
			add(comparing, name, NULL, wanted.items[i]);
}

void libvirt_find_pending(struct arena *arena, const struct libvirt_domain *domain, struct vm *vm)
{
	/* <currentMemory> is what the balloon gives: no start is needed for it. */
	static const char *const paths[] = { "os/type", "os/loader", "features/ioapic", "memory",
					     "vcpu",    "memtune",   "memoryBacking",   "qemu:commandline" };
	static const char *const devices[] = { "iommu", "hostdev", "memballoon" };
	struct comparing comparing = { arena, domain->live, domain->definition, vm, 0 };
	if (!domain->live || !domain->definition)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		compare(&comparing, paths[i], xml_of(&comparing, domain->live, paths[i]),
			xml_of(&comparing, domain->definition, paths[i]));
	compare_cpus(&comparing);
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		compare_devices(&comparing, devices[i]);
}
