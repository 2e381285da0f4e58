/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/device-json.h"

static void add_digits_of(struct arena *arena, struct json_object *object, const char *key, int32_t number, int digits)
{
	const char *text = number == PCI_UNKNOWN ? NULL : arena_printf(arena, "%0*x", digits, (unsigned int)number);
	json_add_text(object, key, text);
}

void json_add_hex(struct json_object *object, const char *key, uint64_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)number);
	json_add_text(object, key, text);
}

struct json_object *json_new_texts(const struct list *texts)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < texts->count; i++)
		json_object_array_add(array, json_new_text(texts->items[i]));
	return array;
}

struct json_object *json_new_address(struct pci_address address)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	return json_new_text(pci_address_format(address, text));
}

static struct json_object *uses_to_json(const struct passables *passables, const struct pci_function *function)
{
	size_t count;
	const struct use *use = uses_of(&passables->uses, function->address, &count);
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < count; i++, use++) {
		struct json_object *object = json_object_new_object();
		json_add_text(object, "kind", use_kind_name(use->kind));
		json_add_bool(object, "needed", use->needed);
		json_add_bool(object, "sure", !use->unsure);
		json_add_text(object, "text", use->text);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *passable_to_json(struct arena *arena, const struct pci_function *function,
					    const struct passable *passable)
{
	struct json_object *object = json_object_new_object();
	const struct passable_reason *worst = passable->worst;
	json_add_text(object, "verdict", passable_verdict_name(passable->verdict));
	json_add_text(object, "summary", passable_brief(arena, function, passable));
	json_add_text(object, "reason", worst ? passable_kind_name(worst->kind) : NULL);
	json_object_object_add(object, "reason_address",
			       worst && worst->function ? json_new_address(worst->function->address) : NULL);
	json_add_text(object, "reason_text", worst ? worst->text : NULL);
	json_add_number(object, "others", (int64_t)passable->along);
	return object;
}

struct json_object *device_to_json(struct arena *arena, const struct passables *passables, size_t place)
{
	const struct pci_function *function = &passables->functions.items[place];
	struct json_object *object = json_object_new_object();
	json_object_object_add(object, "address", json_new_address(function->address));
	add_digits_of(arena, object, "class", function->class, 6);
	json_add_text(object, "class_name", function->class_name);
	add_digits_of(arena, object, "vendor", function->vendor, 4);
	add_digits_of(arena, object, "device", function->device, 4);
	json_add_text(object, "vendor_name", function->vendor_name);
	json_add_text(object, "device_name", function->device_name);
	add_digits_of(arena, object, "subsystem_vendor", function->subsystem_vendor, 4);
	add_digits_of(arena, object, "subsystem_device", function->subsystem_device, 4);
	add_digits_of(arena, object, "revision", function->revision, 2);
	json_add_text(object, "driver", function->driver);
	json_add_digits(object, "group", function->group);
	json_add_bool(object, "bridge", function->is_bridge);
	json_add_bool(object, "boot_vga", function->boot_vga);
	json_object_object_add(object, "problems",
			       function->problems.count ? json_new_texts(&function->problems) : NULL);
	json_object_object_add(object, "passable", passable_to_json(arena, function, &passables->items[place]));
	json_object_object_add(object, "used_by", uses_to_json(passables, function));
	json_add_bool(object, "free", passables->items[place].free);
	return object;
}
