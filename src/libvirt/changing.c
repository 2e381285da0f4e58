/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Definitions: edited, compared, stored. */
#include <errno.h>

#include "libvirt/domain-compare.h"
#include "libvirt/domain-edit.h"
#include "libvirt/operation.h"

static struct json_object *member(struct json_object *object, const char *key, json_type type)
{
	struct json_object *value;
	return json_object_object_get_ex(object, key, &value) && json_object_is_type(value, type) ? value : NULL;
}

static bool flag(struct json_object *wishes, const char *key)
{
	return json_object_get_boolean(member(wishes, key, json_type_boolean));
}

static uint64_t number(struct json_object *wishes, const char *key)
{
	int64_t value = json_object_get_int64(member(wishes, key, json_type_int));
	return value > 0 ? (uint64_t)value : 0;
}

static enum domain_switch get_switch(struct json_object *wishes, const char *key)
{
	struct json_object *value = member(wishes, key, json_type_boolean);
	return !value ? DOMAIN_UNSET : json_object_get_boolean(value) ? DOMAIN_ON : DOMAIN_OFF;
}

/* "groups": {"0000:01:00.0": "14", ...} */
static int read_groups(struct arena *arena, struct json_object *groups, struct domain_wishes *wishes,
		       struct error *error)
{
	size_t room = groups ? (size_t)json_object_object_length(groups) : 0;
	struct domain_host_device *members = arena_alloc_array(arena, room + 1, sizeof(*members));
	wishes->members = members;
	if (!groups)
		return 0;
	json_object_object_foreach(groups, key, value) {
		struct domain_host_device *device = &members[wishes->member_count++];
		int r = pci_address_parse(key, &device->address, error);
		if (r < 0)
			return error_prefix(error, r, "the request: groups");
		const char *name = json_object_get_string(value);
		device->group = arena_strdup(arena, name ? name : "");
	}
	return 0;
}

static int read_wishes(struct call *call, struct domain_wishes *ret, struct error *error)
{
	struct json_object *wishes = member(call->request, "wishes", json_type_object);
	if (!wishes)
		return error_set(error, -EINVAL, "the request lacks the object 'wishes'");
	*ret = (struct domain_wishes){
		.viommu = flag(wishes, "viommu"),
		.no_viommu = flag(wishes, "no_viommu"),
		.q35 = flag(wishes, "q35"),
		.host_cpu = flag(wishes, "host_cpu"),
		.efi = flag(wishes, "efi"),
		.aw_bits = (unsigned int)number(wishes, "aw_bits"),
		.eim = get_switch(wishes, "eim"),
		.iotlb = get_switch(wishes, "iotlb"),
		.libvirt_version = number(wishes, "libvirt"),
	};
	return read_groups(call->arena, member(wishes, "groups", json_type_object), ret, error);
}

static struct json_object *sentences(const struct list *list)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < list->count; i++)
		json_object_array_add(array, json_new_text(list->items[i]));
	return array;
}

/* {"operation": "edit", "xml": TEXT, "wishes": {"viommu": true, ...}} */
static int edit(struct call *call, struct json_object *result, struct error *error)
{
	struct domain_wishes wishes;
	struct domain_result edited;
	const char *xml;
	int r = call_need_text(call, "xml", &xml, error);
	if (r == 0)
		r = read_wishes(call, &wishes, error);
	if (r == 0)
		r = domain_edit(call->arena, slice_of(xml), &wishes, &edited, error);
	if (r < 0)
		return r;
	json_add_text(result, "xml", arena_strndup(call->arena, edited.xml.start, edited.xml.length));
	json_add_bool(result, "changed", edited.changed);
	json_object_object_add(result, "done", sentences(&edited.done));
	json_object_object_add(result, "warnings", sentences(&edited.warnings));
	return 0;
}

/* {"operation": "compare", "wanted": TEXT, "now": TEXT} */
static int compare(struct call *call, struct json_object *result, struct error *error)
{
	const char *wanted;
	const char *now;
	const char *difference;
	int r = call_need_text(call, "wanted", &wanted, error);
	if (r == 0)
		r = call_need_text(call, "now", &now, error);
	if (r == 0)
		r = domain_compare(call->arena, slice_of(wanted), slice_of(now), &difference, error);
	if (r == 0)
		json_add_text(result, "difference", difference);
	return r;
}

/* With what is secret in it: it may have to be stored again. */
static int read_definition(struct call *call, virDomainPtr domain, const char **ret, struct error *error)
{
	AUTO_FREE char *xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
	if (!xml)
		return call_failed(error, "domain '%s': its definition", virDomainGetName(domain));
	*ret = arena_strdup(call->arena, xml);
	return 0;
}

static int define(struct call *call, virDomainPtr domain, const char *xml, unsigned int flags, struct error *error)
{
	AUTO_DOMAIN defined = virDomainDefineXMLFlags(call->connection, xml, flags);
	if (!defined)
		return call_failed(error, "domain '%s': libvirt refuses the new definition", virDomainGetName(domain));
	return 0;
}

static int refuse_where_it_would_not_last(virDomainPtr domain, struct error *error)
{
	const char *name = virDomainGetName(domain);
	if (virDomainIsPersistent(domain) == 0)
		return error_set(
			error, -ENOTSUP,
			"domain '%s' is transient: it has no definition that a next start would use. Define it "
			"(virsh define), or change what creates it",
			name);
	if (virDomainHasManagedSaveImage(domain, 0) > 0)
		return error_set(
			error, -EBUSY,
			"domain '%s' has a saved state, with which its next start would go on as it was: start it "
			"and shut it down, or give the state up: virsh managedsave-remove %s",
			name, name);
	return 0;
}

/* Is it `wanted` already? */
static int is_stored(struct call *call, const char *wanted, const char *now, const char **ret_difference,
		     struct error *error)
{
	*ret_difference = NULL;
	if (strcmp(wanted, now) == 0)
		return 0;
	return domain_compare(call->arena, slice_of(wanted), slice_of(now), ret_difference, error);
}

/* libvirt drops what it does not know: then the old definition is put back. */
static int check_kept(struct call *call, virDomainPtr domain, const char *before, const char *after,
		      const char **ret_now, struct error *error)
{
	const char *difference = NULL;
	unsigned long version = 0;
	int r = read_definition(call, domain, ret_now, error);
	if (r == 0)
		r = is_stored(call, after, *ret_now, &difference, error);
	if (r < 0 || !difference)
		return r;
	virConnectGetLibVersion(call->connection, &version);
	struct error why;
	r = define(call, domain, before, 0, &why);
	if (r < 0)
		return error_set(
			error, -EIO,
			"domain '%s': libvirt %lu.%lu.%lu did not keep the new definition (%s), and the old one "
			"could not be put back: %s",
			virDomainGetName(domain), version / 1000000, version / 1000 % 1000, version % 1000, difference,
			why.text);
	return error_set(error, -ENOTSUP,
			 "domain '%s': libvirt %lu.%lu.%lu did not keep the new definition: %s. The old one is back",
			 virDomainGetName(domain), version / 1000000, version / 1000 % 1000, version % 1000,
			 difference);
}

/*
 * {"operation": "store", "domain": UUID, "before": TEXT, "after": TEXT}: from one definition to another. -ESTALE: what is
 * stored is neither of them.
 */
static int store(struct call *call, struct json_object *result, struct error *error)
{
	AUTO_DOMAIN domain = NULL;
	const char *before;
	const char *after;
	const char *now;
	const char *difference;
	int r = call_need_text(call, "before", &before, error);
	if (r == 0)
		r = call_need_text(call, "after", &after, error);
	if (r == 0)
		r = call_domain(call, &domain, error);
	if (r == 0)
		r = refuse_where_it_would_not_last(domain, error);
	if (r == 0)
		r = read_definition(call, domain, &now, error);
	if (r == 0)
		r = is_stored(call, after, now, &difference, error);
	if (r < 0)
		return r;
	if (difference) {
		r = is_stored(call, before, now, &difference, error);
		if (r == 0 && difference)
			return error_set(error, -ESTALE, "domain '%s' was edited since: %s", virDomainGetName(domain),
					 difference);
		if (r == 0)
			r = define(call, domain, after, VIR_DOMAIN_DEFINE_VALIDATE, error);
		if (r == 0)
			r = check_kept(call, domain, now, after, &now, error);
	}
	if (r == 0)
		json_add_text(result, "xml", now);
	return r;
}

/* Without it, libvirt asks the host whether VFIO is there, which is of no matter to what is looked at here. */
static int name_vfio(struct call *call, const char *xml, const char **ret, struct error *error)
{
	AUTO_XML_TEXT text = { 0 };
	struct slice named;
	int r = xml_text_read(call->arena, slice_of(xml), &text, error);
	if (r < 0)
		return r;
	struct xml_element *device = xml_child(xml_child(text.root, "devices"), "hostdev");
	for (; device; device = xml_next(device))
		if (xml_has(device, "type", "pci") && !xml_child(device, "driver"))
			xml_edit_insert(&text, device, NULL, "<driver name='vfio'/>");
	r = xml_edit_apply(&text, &named, error);
	if (r == 0)
		*ret = arena_strndup(call->arena, named.start, named.length);
	return r;
}

/*
 * {"operation": "line", "xml": TEXT}: the QEMU command line that libvirt would make of a definition, which it checks as
 * for a start, but stores nowhere.
 */
static int make_line(struct call *call, struct json_object *result, struct error *error)
{
	const char *xml;
	const char *named = NULL;
	int r = call_need_text(call, "xml", &xml, error);
	if (r == 0)
		r = name_vfio(call, xml, &named, error);
	if (r < 0)
		return r;
	AUTO_FREE char *line = virConnectDomainXMLToNative(call->connection, "qemu-argv", named, 0);
	if (!line)
		return call_failed(error, "libvirt refuses the new definition");
	json_add_text(result, "line", line);
	return 0;
}

/* {"operation": "stakes", "domain": UUID}: what else a change of the definition has to do with. */
static int read_stakes(struct call *call, struct json_object *result, struct error *error)
{
	AUTO_DOMAIN domain = NULL;
	unsigned long version;
	int r = call_domain(call, &domain, error);
	if (r == 0)
		r = refuse_where_it_would_not_last(domain, error);
	if (r < 0)
		return r;
	AUTO_FREE char *uri = virConnectGetURI(call->connection);
	json_add_text(result, "name", virDomainGetName(domain));
	json_add_text(result, "uri", uri);
	json_add_bool(result, "active", virDomainIsActive(domain) > 0);
	json_add_number(result, "snapshots", virDomainSnapshotNum(domain, 0));
	if (virConnectGetLibVersion(call->connection, &version) == 0)
		json_add_number(result, "libvirt", (int64_t)version);
	return 0;
}

static const struct operation operations[] = {
	{ "edit", ACCESS_NONE, edit },       { "compare", ACCESS_NONE, compare },
	{ "line", ACCESS_WRITE, make_line }, { "stakes", ACCESS_READ, read_stakes },
	{ "store", ACCESS_WRITE, store },
};

const struct family family_changing = { operations, ARRAY_SIZE(operations) };
