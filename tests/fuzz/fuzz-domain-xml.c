/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text is a domain's XML, of which a VM comes whose devices and vIOMMUs make sense, or it is refused with a text. The
 * tree is the same after it went through JSON as text, as it does from the helper to the core. The XML is taken for the
 * definition and for the running domain: there is no difference between them. Versions vary with the first byte.
 */
#include "fuzz.h"

#include <errno.h>

#include "libvirt/describe.h"
#include "vm/libvirt-vm.h"

static size_t count(const struct element *element)
{
	size_t sum = 1 + element->attribute_count;
	HOLDS(element->name && element->text);
	for (size_t i = 0; i < element->attribute_count; i++)
		HOLDS(element->attributes[i].name && element->attributes[i].value);
	for (size_t i = 0; i < element->count; i++)
		sum += count(&element->children[i]);
	return sum;
}

static void vm_holds(const struct vm *vm)
{
	HOLDS(vm->id && vm->path && vm->manager == VM_LIBVIRT && !vm->pending_count);
	for (size_t i = 0; i < vm->viommu_count; i++)
		HOLDS(vm->viommus[i].where && vm->viommus[i].first == !vm->viommus[i].after);
	for (size_t i = 0; i < vm->device_count; i++) {
		const struct vm_device *device = &vm->devices[i];
		HOLDS(device->name && device->where);
		HOLDS(device->host_count || device->mdev || device->problem);
		HOLDS(!(device->pcie && device->root_bus) && !(device->pcie && device->shares_bridge));
	}
}

static void domain_holds(struct arena *arena, struct json_object *tree, uint8_t versions)
{
	struct element *element = arena_alloc(arena, sizeof(*element));
	struct element again;
	struct error error;
	struct vm vm;
	AUTO_JSON *copy = NULL;
	const char *text = json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN);
	HOLDS(element_read(arena, tree, element, &error) == 0);
	HOLDS(json_read(slice_of(text), &copy, &error) == 0);
	HOLDS(element_read(arena, copy, &again, &error) == 0);
	HOLDS(count(element) == count(&again));
	HOLDS(strcmp(element_xml(arena, element, NULL), element_xml(arena, &again, NULL)) == 0);
	struct libvirt_domain domain = {
		.uri = "qemu:///system",
		.path = "domain",
		.definition = element,
		.live = element,
		.libvirt = versions & 1 ? 7000000 : 9000000,
		.qemu = versions & 2 ? 0 : 7002000,
	};
	libvirt_vm_read(NULL, arena, &domain, &vm);
	vm_holds(&vm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	AUTO_JSON *tree = NULL;
	struct error error = { "" };
	if (size == 0)
		return 0;
	int r = describe_domain((struct slice){ (const char *)data + 1, size - 1 }, &tree, &error);
	HOLDS(r == 0 || ((r == -EINVAL || r == -EFBIG) && error.text[0]));
	if (r == 0)
		domain_holds(&arena, tree, data[0]);
	return 0;
}
