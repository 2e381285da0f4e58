/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM as JSON: docs/json-vm.md. */
#include "verb/device-json.h"
#include "verb/vm-view.h"

static void add_answer(struct json_object *object, const char *key, enum vm_answer answer)
{
	json_object_object_add(object, key, answer == VM_UNKNOWN ? NULL : json_object_new_boolean(answer == VM_YES));
}

static const char *manager_name(enum vm_manager manager)
{
	static const char *const names[] = {
		[VM_PLAIN] = NULL,
		[VM_PROXMOX] = "proxmox",
		[VM_LIBVIRT] = "libvirt",
	};
	return names[manager];
}

static const char *irqchip_name(enum vm_irqchip irqchip)
{
	static const char *const names[] = {
		[VM_IRQCHIP_DEFAULT] = NULL,
		[VM_IRQCHIP_ON] = "on",
		[VM_IRQCHIP_SPLIT] = "split",
		[VM_IRQCHIP_OFF] = "off",
	};
	return names[irqchip];
}

static struct json_object *viommu_to_json(const struct vm *vm, const struct vm_viommu *viommu)
{
	struct json_object *object = json_object_new_object();
	json_add_text(object, "model", vm_viommu_name(viommu->model));
	json_add_text(object, "source", vm_viommu_source(vm, viommu));
	json_add_text(object, "where", viommu->where);
	json_add_bool(object, "first", viommu->first);
	add_answer(object, "caching_mode", viommu->caching_mode);
	add_answer(object, "intremap", viommu->intremap);
	json_object_object_add(object, "aw_bits", viommu->aw_bits ? json_object_new_int((int)viommu->aw_bits) : NULL);
	return object;
}

static struct json_object *viommus_to_json(const struct vm *vm)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < vm->viommu_count; i++)
		json_object_array_add(array, viommu_to_json(vm, &vm->viommus[i]));
	return array;
}

static struct json_object *device_to_json_of_vm(const struct vm_device *device)
{
	struct json_object *object = json_object_new_object();
	struct json_object *addresses = json_object_new_array();
	json_add_text(object, "name", device->name);
	json_add_text(object, "where", device->where);
	for (size_t i = 0; i < device->host_count; i++)
		json_object_array_add(addresses, json_new_address(device->hosts[i]));
	json_object_object_add(object, "addresses", addresses);
	json_add_bool(object, "alternatives", device->any_of);
	json_add_text(object, "mapping", device->mapping);
	json_add_text(object, "mdev", device->mdev);
	json_add_bool(object, "native", device->native);
	json_object_object_add(object, "pcie", device->bus_known ? json_object_new_boolean(device->pcie) : NULL);
	json_add_text(object, "problem", device->problem);
	return object;
}

static struct json_object *devices_to_json(const struct vm *vm)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < vm->device_count; i++)
		json_object_array_add(array, device_to_json_of_vm(&vm->devices[i]));
	return array;
}

static struct json_object *obstacles_to_json(struct arena *arena, const struct vm *vm)
{
	struct json_object *array = json_object_new_array();
	struct vm_obstacles obstacles = vm_obstacles(arena, vm);
	for (size_t i = 0; i < obstacles.count; i++) {
		struct json_object *object = json_object_new_object();
		json_add_text(object, "kind", vm_obstacle_name(obstacles.items[i].kind));
		json_add_text(object, "text", obstacles.items[i].text);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *pending_to_json(const struct vm *vm)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < vm->pending_count; i++) {
		const struct vm_pending *change = &vm->pending[i];
		bool secret = strcmp(change->key, "cipassword") == 0;
		struct json_object *object = json_object_new_object();
		json_add_text(object, "key", change->key);
		json_add_text(object, "current", secret && change->current ? "**********" : change->current);
		json_add_text(object, "wanted", secret && change->wanted ? "**********" : change->wanted);
		json_object_array_add(array, object);
	}
	return array;
}

/* Of one sight: the definition, what is in force of it, or the running QEMU. */
static struct json_object *sight_to_json(const struct vm *vm)
{
	struct json_object *object = json_object_new_object();
	json_add_text(object, "machine", vm->machine);
	json_add_text(object, "chipset", vm_chipset(vm));
	json_add_text(object, "machine_version", vm->machine_version);
	json_add_text(object, "firmware", vm_firmware(vm));
	add_answer(object, "efi_disk", vm->efi_disk);
	json_add_text(object, "cpu", vm->cpu ? vm->cpu : vm->cpu_default);
	json_object_object_add(object, "cpus", vm->cpus ? json_object_new_int((int)vm->cpus) : NULL);
	add_answer(object, "nested_cpu", vm->nested_cpu);
	add_answer(object, "kvm", vm->kvm);
	json_object_object_add(object, "memory_mib",
			       vm->memory_mib ? json_object_new_int64((int64_t)vm->memory_mib) : NULL);
	add_answer(object, "balloon", vm->balloon);
	json_add_text(object, "hugepages", vm->hugepages);
	json_add_text(object, "irqchip", irqchip_name(vm->irqchip));
	json_object_object_add(object, "viommus", viommus_to_json(vm));
	json_object_object_add(object, "devices", devices_to_json(vm));
	return object;
}

static struct json_object *wrapper_to_json(const struct wrapper_vm *wrapper)
{
	struct json_object *object = json_object_new_object();
	json_add_bool(object, "once", wrapper->once);
	json_add_text(object, "where", wrapper->where);
	return object;
}

struct json_object *vm_view_to_json(struct arena *arena, const struct vm_view *view)
{
	const struct vm *vm = view->vm;
	struct json_object *object = json_object_new_object();
	json_add_text(object, "id", vm->id);
	json_add_text(object, "name", vm->name);
	json_add_text(object, "manager", manager_name(vm->manager));
	json_add_text(object, "node", vm->node);
	json_add_bool(object, "elsewhere", vm->elsewhere);
	json_add_text(object, "path", vm->path);
	json_add_text(object, "state", vm_view_state(view));
	json_object_object_add(object, "pid", vm->pid ? json_object_new_int(vm->pid) : NULL);
	json_add_bool(object, "defined", vm->source != VM_FROM_PROCESS);
	json_add_text(object, "viommu", vm_viommu_state_name(vm_view_viommu(view)));
	json_object_object_add(object, "wrapper", view->wrapper ? wrapper_to_json(view->wrapper) : NULL);
	json_object_object_add(object, "next_start", vm->source == VM_FROM_PROCESS ? NULL : sight_to_json(vm));
	json_object_object_add(object, "in_force", vm->source == VM_FROM_PROCESS ? NULL : sight_to_json(view->now));
	json_object_object_add(object, "running", view->running ? sight_to_json(view->running) : NULL);
	json_add_bool(object, "template", vm->template);
	json_add_text(object, "lock", vm->lock);
	json_add_bool(object, "onboot", vm->onboot);
	json_add_text(object, "ha_state", vm->ha_state);
	json_add_text(object, "ha_status", vm->ha_status);
	json_object_object_add(object, "in_the_way", obstacles_to_json(arena, vm));
	json_object_object_add(object, "pending", pending_to_json(vm));
	json_object_object_add(object, "problems", json_new_texts(&vm->problems));
	return object;
}
