/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/manager.h"

#include "vm/libvirt-manager.h"

static const struct manager *const managers[] = { &proxmox_manager, &libvirt_manager };

const struct manager *manager_of(enum vm_manager kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(managers); i++)
		if (managers[i]->kind == kind)
			return managers[i];
	return NULL;
}

const char *manager_handle(struct arena *arena, const struct vm *vm)
{
	return vm->manager == VM_LIBVIRT && vm->uri && vm->uuid ? libvirt_handle(arena, vm->uri, vm->name, vm->uuid) :
								  vm->id;
}

const struct manager *manager_find(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(managers); i++)
		if (strcmp(managers[i]->id, id) == 0)
			return managers[i];
	return NULL;
}

bool manager_is_same(const struct manager *manager, struct arena *arena, const char *key, const char *wanted,
		     const char *now)
{
	if (!wanted || !now)
		return !wanted && !now;
	if (strcmp(wanted, now) == 0)
		return true;
	return manager->is_same && manager->is_same(arena, key, wanted, now);
}
