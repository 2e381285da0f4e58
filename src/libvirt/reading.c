/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is: versions, domains, their XML. */
#include <errno.h>

#include <libvirt/virterror.h>
#include <libxml/xmlversion.h>

#include "libvirt/describe.h"
#include "libvirt/operation.h"
#include "version.h"

static void domains_cleanup(virDomainPtr **domains)
{
	for (size_t i = 0; *domains && (*domains)[i]; i++)
		virDomainFree((*domains)[i]);
	free(*domains);
}

static int read_version(struct call *call, struct json_object *result, struct error *error)
{
	unsigned long library;
	if (virGetVersion(&library, NULL, NULL) < 0)
		return call_failed(error, "the version of libvirt");
	json_add_text(result, "helper", NESTPCI_VERSION);
	json_add_number(result, "libvirt", (int64_t)library);
	json_add_text(result, "libxml2", LIBXML_DOTTED_VERSION);
	return 0;
}

/* ---- Domains ---- */

static const char *state_name(int state)
{
	/* virsh's words. */
	static const char *const names[] = {
		[VIR_DOMAIN_NOSTATE] = "no state",     [VIR_DOMAIN_RUNNING] = "running",
		[VIR_DOMAIN_BLOCKED] = "idle",         [VIR_DOMAIN_PAUSED] = "paused",
		[VIR_DOMAIN_SHUTDOWN] = "in shutdown", [VIR_DOMAIN_SHUTOFF] = "shut off",
		[VIR_DOMAIN_CRASHED] = "crashed",      [VIR_DOMAIN_PMSUSPENDED] = "pmsuspended",
	};
	return state >= 0 && (size_t)state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

/* An answer that may not be given is left out. */
static void add_answer(struct json_object *object, const char *key, int answer)
{
	if (answer >= 0)
		json_add_bool(object, key, answer != 0);
}

static int add_domain(virDomainPtr domain, struct json_object *object, struct error *error)
{
	char uuid[VIR_UUID_STRING_BUFLEN];
	int state;
	int autostart;
	unsigned int id = virDomainGetID(domain);
	const char *name = virDomainGetName(domain);
	if (virDomainGetUUIDString(domain, uuid) < 0 || virDomainGetState(domain, &state, NULL, 0) < 0)
		return call_failed(error, "domain '%s'", name);
	json_add_text(object, "name", name);
	json_add_text(object, "uuid", uuid);
	json_add_text(object, "state", state_name(state));
	json_add_bool(object, "active", id != (unsigned int)-1);
	add_answer(object, "persistent", virDomainIsPersistent(domain));
	add_answer(object, "autostart", virDomainGetAutostart(domain, &autostart) < 0 ? -1 : autostart);
	add_answer(object, "managed_save", virDomainHasManagedSaveImage(domain, 0));
	return 0;
}

static int add_tree(virDomainPtr domain, unsigned int flags, const char *key, struct json_object *object,
		    struct error *error)
{
	struct json_object *tree;
	AUTO_FREE char *xml = virDomainGetXMLDesc(domain, flags);
	if (!xml)
		return call_failed(error, "domain '%s': its XML", virDomainGetName(domain));
	int r = describe_domain(slice_of(xml), &tree, error);
	if (r < 0)
		return error_prefix(error, r, "domain '%s': its XML", virDomainGetName(domain));
	json_object_object_add(object, key, tree);
	return 0;
}

/* "live": as it runs, "definition": as it starts the next time; a transient one has none of these. */
static int add_trees(virDomainPtr domain, struct json_object *object, struct error *error)
{
	int r = 0;
	if (virDomainIsPersistent(domain) != 0)
		r = add_tree(domain, VIR_DOMAIN_XML_INACTIVE, "definition", object, error);
	if (r == 0 && virDomainIsActive(domain) != 0)
		r = add_tree(domain, 0, "live", object, error);
	return r;
}

static void add_versions(struct call *call, struct json_object *result)
{
	unsigned long version;
	AUTO_FREE char *uri = virConnectGetURI(call->connection);
	json_add_text(result, "uri", uri);
	if (virConnectGetLibVersion(call->connection, &version) == 0)
		json_add_number(result, "libvirt", (int64_t)version);
	if (virConnectGetVersion(call->connection, &version) == 0 && version)
		json_add_number(result, "qemu", (int64_t)version);
}

/* {"operation": "list", "trees": true} */
static int list_domains(struct call *call, struct json_object *result, struct error *error)
{
	CLEANUP(domains_cleanup) virDomainPtr *domains = NULL;
	struct json_object *list = json_object_new_array();
	bool trees = call_flag(call, "trees");
	add_versions(call, result);
	json_object_object_add(result, "domains", list);
	if (virConnectListAllDomains(call->connection, &domains, 0) < 0)
		return call_failed(error, "list the domains");
	for (size_t i = 0; domains[i]; i++) {
		struct error why;
		AUTO_JSON *object = json_object_new_object();
		int r = add_domain(domains[i], object, &why);
		/* It was undefined meanwhile. */
		if (r == -ENOENT)
			continue;
		if (r == 0 && trees)
			r = add_trees(domains[i], object, &why);
		if (r == -ENOENT)
			continue;
		/* One that cannot be read keeps nobody from reading the others. */
		if (r < 0)
			json_add_text(object, "problem", why.text);
		json_object_array_add(list, json_object_get(object));
	}
	return 0;
}

/* {"operation": "xml", "domain": UUID, "live": false, "secure": false} */
static int read_xml(struct call *call, struct json_object *result, struct error *error)
{
	AUTO_DOMAIN domain = NULL;
	int r = call_domain(call, &domain, error);
	if (r < 0)
		return r;
	unsigned int flags = call_flag(call, "live") ? 0 : VIR_DOMAIN_XML_INACTIVE;
	/* Passwords and keys, which a definition that is to be stored again must have. */
	flags |= call_flag(call, "secure") ? VIR_DOMAIN_XML_SECURE : 0;
	AUTO_FREE char *xml = virDomainGetXMLDesc(domain, flags);
	if (!xml)
		return call_failed(error, "domain '%s': its XML", virDomainGetName(domain));
	json_add_text(result, "xml", xml);
	return add_domain(domain, result, error);
}

static const struct operation operations[] = {
	{ "version", ACCESS_NONE, read_version },
	{ "list", ACCESS_READ, list_domains },
	{ "xml", ACCESS_READ, read_xml },
	{ "secure-xml", ACCESS_WRITE, read_xml },
};

const struct family family_reading = { operations, ARRAY_SIZE(operations) };
