/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One VM as JSON: docs/json-vm.md. */
#include "verb/device-json.h"
#include "verb/vm-show.h"

static struct json_object *settings_to_json(const struct proxmox_section *section)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < section->in_force_count; i++) {
		const struct proxmox_entry *entry = &section->in_force[i];
		struct json_object *object = json_object_new_object();
		json_add_text(object, "key", entry->key);
		json_add_text(object, "value", strcmp(entry->key, "cipassword") == 0 ? "**********" : entry->value);
		json_add_number(object, "line", (int64_t)entry->line);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *snapshot_to_json(const struct proxmox_section *section)
{
	struct json_object *object = json_object_new_object();
	json_add_text(object, "name", section->name);
	json_add_digits(object, "time", proxmox_get(section, "snaptime"));
	json_add_text(object, "parent", proxmox_get(section, "parent"));
	json_add_bool(object, "memory", proxmox_get(section, "vmstate"));
	json_add_text(object, "state", proxmox_get(section, "snapstate"));
	json_add_text(object, "description", section->description);
	return object;
}

static void add_definition(struct json_object *object, const struct proxmox_config *config)
{
	struct json_object *snapshots = config ? json_object_new_array() : NULL;
	for (size_t i = 0; config && i < config->count; i++)
		if (config->sections[i].kind == PROXMOX_SNAPSHOT && !config->sections[i].replaced)
			json_object_array_add(snapshots, snapshot_to_json(&config->sections[i]));
	json_object_object_add(object, "settings", config ? settings_to_json(&config->sections[0]) : NULL);
	json_object_object_add(object, "snapshots", snapshots);
	json_add_text(object, "description", config ? config->sections[0].description : NULL);
}

static struct json_object *claims_to_json(const struct vm_page *page, struct pci_address address)
{
	struct json_object *array = json_object_new_array();
	struct vm_claims claims = vm_claims_of(page, address);
	for (size_t i = 0; i < claims.count; i++) {
		const struct vm_claim *claim = &claims.items[i];
		struct json_object *object = json_object_new_object();
		json_add_text(object, "vm", claim->vm->id);
		json_add_text(object, "device", claim->device->name);
		json_add_bool(object, "running", claim->vm->running == VM_YES);
		json_add_text(object, "what", claim->same_device ? "device" : "group");
		json_object_array_add(array, object);
	}
	return array;
}

/* What the host has at each address that the VM is given. */
static struct json_object *hosts_to_json(const struct vm_page *page)
{
	struct json_object *array = json_object_new_array();
	const struct vm *vm = page->view.vm;
	for (size_t i = 0; i < vm->device_count; i++)
		for (size_t j = 0; j < vm->devices[i].host_count; j++) {
			struct pci_address address = vm->devices[i].hosts[j];
			const struct pci_function *function = vm_page_function(page, address);
			struct json_object *object = json_object_new_object();
			json_object_object_add(object, "address", json_new_address(address));
			json_add_text(object, "device", vm->devices[i].name);
			json_add_bool(object, "exists", function);
			json_add_digits(object, "group", function ? function->group : NULL);
			json_add_text(object, "driver", function ? function->driver : NULL);
			json_object_object_add(object, "claimed_by", claims_to_json(page, address));
			json_object_array_add(array, object);
		}
	return array;
}

static struct json_object *differences_to_json(const struct vm_page *page)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < page->differences.count; i++) {
		struct json_object *object = json_object_new_object();
		json_add_text(object, "what", page->differences.items[i].what);
		json_add_text(object, "in_force", page->differences.items[i].one);
		json_add_text(object, "running", page->differences.items[i].other);
		json_object_array_add(array, object);
	}
	return array;
}

void vm_page_print_json(const struct vm_page *page)
{
	AUTO_JSON *object = vm_view_to_json(page->arena, &page->view);
	json_add_text(object, "qemu", page->qemu);
	json_object_object_add(object, "host_devices", hosts_to_json(page));
	json_object_object_add(object, "differences", page->view.running ? differences_to_json(page) : NULL);
	add_definition(object, page->view.vm->configuration);
	json_print(object);
}
