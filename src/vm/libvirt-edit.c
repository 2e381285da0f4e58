/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/libvirt-edit.h"

#include <errno.h>

#include "vm/libvirt-helper.h"
#include "vm/libvirt-manager.h"

static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value;
	return json_object_object_get_ex(object, key, &value) ? value : NULL;
}

static uint64_t number(struct json_object *object, const char *key)
{
	int64_t value = json_object_get_int64(member(object, key));
	return value > 0 ? (uint64_t)value : 0;
}

int libvirt_read_stakes(const struct root *root, struct arena *arena, const char *vm, struct libvirt_stakes *ret,
			struct error *error)
{
	AUTO_JSON *request = NULL;
	AUTO_JSON *result = NULL;
	int r = libvirt_request_about(root, arena, "stakes", vm, &request, error);
	if (r == 0)
		r = libvirt_ask(arena, request, LIBVIRT_TIMEOUT_MS, &result, error);
	if (r == 0)
		*ret = (struct libvirt_stakes){ number(result, "libvirt"), number(result, "snapshots") };
	return r;
}

static void add_switch(struct json_object *object, const char *key, enum viommu_switch value)
{
	if (value != VIOMMU_UNSET)
		json_add_bool(object, key, value == VIOMMU_ON);
}

static struct json_object *wishes_json(const struct libvirt_wishes *wishes)
{
	struct json_object *object = json_object_new_object();
	struct json_object *groups = json_object_new_object();
	char address[PCI_ADDRESS_TEXT_MAX];
	json_add_bool(object, "viommu", wishes->viommu);
	json_add_bool(object, "no_viommu", wishes->no_viommu);
	json_add_bool(object, "q35", wishes->q35);
	json_add_bool(object, "host_cpu", wishes->host_cpu);
	json_add_number(object, "aw_bits", wishes->options.aw_bits);
	add_switch(object, "eim", wishes->options.eim);
	add_switch(object, "iotlb", wishes->options.device_iotlb);
	json_add_number(object, "libvirt", (int64_t)wishes->version);
	for (size_t i = 0; i < wishes->member_count; i++)
		json_add_text(groups, pci_address_format(wishes->members[i].address, address),
			      wishes->members[i].group);
	json_object_object_add(object, "groups", groups);
	return object;
}

static void take_list(struct arena *arena, struct json_object *result, const char *key, struct list *ret)
{
	struct json_object *array = member(result, key);
	size_t count = json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
	*ret = (struct list){ .arena = arena };
	for (size_t i = 0; i < count; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(array, i));
		list_add(ret, arena_strdup(arena, text ? text : ""));
	}
}

int libvirt_edit(struct arena *arena, const char *xml, const struct libvirt_wishes *wishes, struct libvirt_edited *ret,
		 struct error *error)
{
	AUTO_JSON *request = libvirt_request("edit", NULL);
	AUTO_JSON *result = NULL;
	json_add_text(request, "xml", xml);
	json_object_object_add(request, "wishes", wishes_json(wishes));
	int r = libvirt_ask(arena, request, LIBVIRT_TIMEOUT_MS, &result, error);
	if (r < 0)
		return r;
	const char *edited = json_object_get_string(member(result, "xml"));
	if (!edited)
		return error_set(error, -EIO, "nestpci-libvirt: its reply lacks 'xml'");
	ret->xml = arena_strdup(arena, edited);
	ret->changed = json_object_get_boolean(member(result, "changed"));
	take_list(arena, result, "done", &ret->done);
	take_list(arena, result, "warnings", &ret->warnings);
	return 0;
}

int libvirt_try(const struct root *root, struct arena *arena, const char *vm, const char *xml, struct error *error)
{
	AUTO_JSON *request = NULL;
	AUTO_JSON *result = NULL;
	int r = libvirt_request_about(root, arena, "line", vm, &request, error);
	if (r < 0)
		return r;
	json_add_text(request, "xml", xml);
	return libvirt_ask(arena, request, LIBVIRT_TIMEOUT_MS, &result, error);
}
