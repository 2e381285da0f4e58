/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/subjects.h"

#include "verb/vm-view.h"

/*
 * The revision decides of these three I/O hubs whether the kernel remaps interrupts (check/interrupts.c); of all others it
 * is not read, because it is a file of its own for each function.
 */
static void read_revisions(const struct root *root, struct arena *arena, struct host *host)
{
	for (size_t i = 0; i < host->functions.count; i++) {
		struct pci_function *function = &host->functions.items[i];
		bool is_hub = function->vendor == 0x8086 &&
			      (function->device == 0x3403 || function->device == 0x3405 || function->device == 0x3406);
		if (is_hub)
			pci_read_revisions(root, arena, &(struct pci_functions){ function, 1 });
	}
}

/* A VM of a file is called after the file: "100" of .../qemu-server/100.conf, as Proxmox VE does. */
static const char *name_of_file(const char *path, struct arena *arena)
{
	const char *name = text_basename(path);
	size_t digits = strspn(name, "0123456789");
	if (digits && strcmp(name + digits, ".conf") == 0)
		return arena_strndup(arena, name, digits);
	return name;
}

static int choose_vm(const struct subjects_request *request, struct arena *arena, struct subjects *subjects,
		     struct error *error)
{
	struct subject_set *set = &subjects->set;
	if (request->vm_file) {
		int r = vm_read_file(&subjects->root, arena, request->vm_file, &subjects->from_file, error);
		if (r < 0)
			return r;
		if (!subjects->from_file.id || strchr(subjects->from_file.id, '/'))
			subjects->from_file.id = name_of_file(request->vm_file, arena);
		set->vm = &subjects->from_file;
		return 0;
	}
	if (!request->vm)
		return 0;
	int r = vm_choose(&subjects->vms, arena, request->vm, &set->vm, error);
	if (r < 0)
		return r;
	set->running = set->vm->source == VM_FROM_PROCESS ? set->vm : vm_find_running(&subjects->vms, set->vm);
	return 0;
}

static void add_vm_devices(struct arena *arena, struct host *host, const struct vm *vm)
{
	for (size_t i = 0; i < vm->device_count; i++) {
		const struct vm_device *device = &vm->devices[i];
		const char *reason = arena_printf(arena, "%s of VM %s", device->name, vm->id ? vm->id : "?");
		for (size_t j = 0; j < device->host_count; j++)
			host_add_device(arena, host, device->hosts[j], reason);
	}
}

static void choose_devices(const struct subjects_request *request, struct arena *arena, struct subjects *subjects)
{
	struct host *host = &subjects->host;
	for (size_t i = 0; i < request->device_count; i++)
		host_add_device(arena, host, request->devices[i], "--device");
	if (subjects->set.vm)
		add_vm_devices(arena, host, subjects->set.vm);
	else if (request->device_count == 0)
		host_add_meant_devices(&subjects->root, arena, host);
	host_read_devices(&subjects->root, arena, host);
}

int subjects_gather(const struct subjects_request *request, struct arena *arena, struct subjects *ret,
		    struct error *error)
{
	int r = place_open(&request->place, &ret->root, error);
	if (r < 0)
		return r;
	r = host_read(&ret->root, arena, &ret->host, error);
	if (r < 0)
		return error_prefix(error, r, "devices");
	read_revisions(&ret->root, arena, &ret->host);
	const struct fact *release = &ret->host.kernel.release;
	boot_read(&ret->root, arena, fact_known(release) ? release->text : NULL, &ret->boot);
	vm_read_all(&ret->root, arena, &ret->vms);
	ret->set = (struct subject_set){ .host = &ret->host, .boot = &ret->boot, .vms = &ret->vms };
	ret->set.level = request->level >= 0 ? (unsigned int)request->level : ret->host.machine.is_vm;
	r = choose_vm(request, arena, ret, error);
	if (r < 0)
		return r;
	choose_devices(request, arena, ret);
	return 0;
}

void subjects_release(struct subjects *subjects)
{
	root_close(&subjects->root);
}
