/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/rewrite.h"

#include <errno.h>

#include "host/iommu.h"

struct facts {
	struct arena *arena;
	struct viommu_group_member *members;
	size_t count;
	size_t room;
};

static void add_member(struct facts *facts, struct pci_address address, const char *group)
{
	if (facts->count == facts->room) {
		facts->room = facts->room ? facts->room * 2 : 16;
		facts->members = arena_grow(facts->arena, facts->members, facts->count, facts->room,
					    sizeof(*facts->members));
	}
	facts->members[facts->count++] = (struct viommu_group_member){ address, group };
}

static const char *known_group(const struct facts *facts, struct pci_address address)
{
	for (size_t i = 0; i < facts->count; i++)
		if (pci_address_equal(facts->members[i].address, address))
			return facts->members[i].group;
	return NULL;
}

/* Groups that share a device are one. */
static void join_groups(struct facts *facts, const char *a, const char *b)
{
	for (size_t i = 0; i < facts->count; i++)
		if (text_equals(facts->members[i].group, b))
			facts->members[i].group = a;
}

static int add_given_group(struct facts *facts, const char *text, struct error *error)
{
	const char *group = arena_printf(facts->arena, "given as %s", text);
	size_t addresses = 0;
	for (const char *rest = text; *rest;) {
		size_t length = strcspn(rest, ",");
		struct pci_address address;
		int r = pci_address_parse(arena_strndup(facts->arena, rest, length), &address, error);
		if (r < 0)
			return error_prefix(error, r, "group '%s'", text);
		const char *known = known_group(facts, address);
		addresses += !text_equals(known, group);
		if (known)
			join_groups(facts, group, known);
		else
			add_member(facts, address, group);
		rest += length;
		rest += *rest == ',';
	}
	if (addresses < 2)
		return error_set(error, -EINVAL, "group '%s' needs at least two addresses, separated by a comma", text);
	return 0;
}

/* Looks up the groups of the line's devices. Returns whether there is any device to look up. */
static bool look_up_groups(struct facts *facts, const struct root *root, const struct qemu_vm *vm)
{
	bool any = false;
	for (size_t i = 0; i < vm->device_count; i++) {
		struct pci_address address;
		if (!qemu_device_is_vfio(&vm->devices[i]) || !qemu_device_host(&vm->devices[i], &address))
			continue;
		any = true;
		const char *group;
		if (iommu_group_of(root, facts->arena, address, &group, NULL) < 0)
			continue;
		const char *known = known_group(facts, address);
		if (known)
			join_groups(facts, group, known);
		else
			add_member(facts, address, group);
	}
	return any;
}

int vm_rewrite(struct arena *arena, const struct vm_rewrite_request *request, struct viommu_result *ret,
	       struct error *error)
{
	struct qemu_argv argv = { 0 };
	struct qemu_vm vm = { 0 };
	int r = qemu_argv_parse(arena, request->words, request->count, &argv, error);
	if (r == 0)
		r = qemu_vm_read(arena, &argv, request->root, &vm, error);
	if (r < 0)
		return r;
	struct facts facts = { .arena = arena };
	for (size_t i = 0; i < request->group_count; i++) {
		r = add_given_group(&facts, request->groups[i], error);
		if (r < 0)
			return r;
	}
	struct viommu_facts known = { 0 };
	unsigned int width;
	if (look_up_groups(&facts, request->root, &vm) && iommu_address_width(request->root, arena, &width, NULL) == 0)
		known.host_address_width = width;
	known.members = facts.members;
	known.member_count = facts.count;
	return viommu_rewrite(arena, &vm, &request->options, &known, ret, error);
}

int vm_parse_switch(const char *name, const char *text, enum viommu_switch *ret, struct error *error)
{
	if (!text_equals(text, "on") && !text_equals(text, "off"))
		return error_set(error, -EINVAL, "%s is 'on' or 'off', not '%s'", name, text);
	*ret = text_equals(text, "on") ? VIOMMU_ON : VIOMMU_OFF;
	return 0;
}

int vm_parse_aw_bits(const char *text, unsigned int *ret, struct error *error)
{
	if (!text_equals(text, "39") && !text_equals(text, "48"))
		return error_set(error, -EINVAL, "aw-bits is 39 or 48 (QEMU's intel-iommu knows no other), not '%s'",
				 text);
	*ret = text_equals(text, "39") ? 39 : 48;
	return 0;
}
