/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/libvirt.h"

#include <errno.h>
#include <stdlib.h>

#include "vm/libvirt-helper.h"
#include "vm/libvirt-vm.h"
#include "vm/process.h"

struct gathering {
	const struct root *root;
	struct arena *arena;
	struct vms *vms;
};

/* ---- Which libvirt ---- */

struct source {
	const char *key; /* of base/root.h's root_ask() */
	const char *uri; /* NULL: as the environment says */
};

/* The monolithic daemon's and the modular one's, for reading only and for all. */
static bool has_socket(struct gathering *gathering, const char *folder)
{
	static const char *const names[] = { "libvirt-sock-ro", "libvirt-sock", "virtqemud-sock-ro", "virtqemud-sock" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (root_exists(gathering->root, arena_printf(gathering->arena, "%s/libvirt/%s", folder, names[i])))
			return true;
	return false;
}

/*
 * Whether a URI leads to another machine: by a transport that does, or by naming it ("qemu+ssh://host/system",
 * "qemu://host/system").
 */
static bool is_remote(const char *uri)
{
	static const char local[] = "+unix";
	size_t scheme = strcspn(uri, ":");
	const char *plus = memchr(uri, '+', scheme);
	if (plus && (size_t)(uri + scheme - plus) == strlen(local) && memcmp(plus, local, strlen(local)) == 0)
		return false;
	return plus || (strncmp(uri + scheme, "://", 3) == 0 && uri[scheme + 3] && uri[scheme + 3] != '/');
}

/* ---- Asking ---- */

static int ask_domains(struct arena *arena, const void *what, const char **ret, struct error *error)
{
	const struct source *source = what;
	AUTO_JSON *request = libvirt_request("list", source->uri);
	AUTO_JSON *result = NULL;
	json_add_bool(request, "trees", true);
	/* Who did not name a session does not want a daemon started for it. */
	json_add_bool(request, "no_start", text_equals(source->uri, LIBVIRT_SESSION));
	int r = libvirt_ask(arena, request, LIBVIRT_TIMEOUT_MS, &result, error);
	if (r < 0)
		return r;
	/* One value on a line: so it can be read, and compared, in a snapshot. */
	*ret = arena_printf(arena, "%s\n",
			    json_object_to_json_string_ext(result,
							   JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	return 0;
}

/* ---- The answer ---- */

static const char *text_of(struct arena *arena, struct json_object *object, const char *key)
{
	struct json_object *value;
	if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_string))
		return NULL;
	return arena_strdup(arena, json_object_get_string(value));
}

static uint32_t number_of(struct json_object *object, const char *key)
{
	struct json_object *value;
	if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_int))
		return 0;
	int64_t number = json_object_get_int64(value);
	return number > 0 && number <= INT32_MAX ? (uint32_t)number : 0;
}

static enum vm_answer answer_of(struct json_object *object, const char *key)
{
	struct json_object *value;
	if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_boolean))
		return VM_UNKNOWN;
	return json_object_get_boolean(value) ? VM_YES : VM_NO;
}

/* NULL: it has none; `problem`: why one that is there is of no use. */
static const struct element *tree_of(struct arena *arena, struct json_object *object, const char *key,
				     const char **problem)
{
	struct error error;
	struct json_object *value;
	struct element *tree = arena_alloc(arena, sizeof(*tree));
	if (!json_object_object_get_ex(object, key, &value))
		return NULL;
	if (element_read(arena, value, tree, &error) == 0)
		return tree;
	*problem = arena_strdup(arena, error.text);
	return NULL;
}

static void read_domain(struct gathering *gathering, const struct libvirt_domain *common, struct json_object *object)
{
	struct arena *arena = gathering->arena;
	struct libvirt_domain *domain = arena_alloc(arena, sizeof(*domain));
	const char *name = text_of(arena, object, "name");
	const char *problem = text_of(arena, object, "problem");
	*domain = *common;
	domain->path = arena_printf(arena, "%s, %s", common->uri, name ? name : "a domain without a name");
	domain->definition = tree_of(arena, object, "definition", &problem);
	domain->live = tree_of(arena, object, "live", &problem);
	domain->state = text_of(arena, object, "state");
	domain->active = answer_of(object, "active");
	domain->autostart = answer_of(object, "autostart");
	domain->managed_save = answer_of(object, "managed_save");
	if (problem || (!domain->definition && !domain->live)) {
		list_printf(&gathering->vms->problems, "%s: %s", domain->path,
			    problem ? problem : "libvirt gives no definition of it");
		return;
	}
	libvirt_vm_read(gathering->root, arena, domain, vms_add(arena, gathering->vms));
}

static int read_answer(struct gathering *gathering, const char *text, struct error *error)
{
	AUTO_JSON *answer = NULL;
	struct json_object *domains;
	int r = json_read(slice_of(text), &answer, error);
	if (r < 0)
		return r;
	if (!json_object_object_get_ex(answer, "domains", &domains) || !json_object_is_type(domains, json_type_array))
		return error_set(error, -EINVAL, "no domains in the answer");
	const char *uri = text_of(gathering->arena, answer, "uri");
	struct libvirt_domain common = {
		.uri = uri ? uri : "libvirt",
		.elsewhere = uri && is_remote(uri),
		.libvirt = number_of(answer, "libvirt"),
		.qemu = number_of(answer, "qemu"),
	};
	for (size_t i = 0; i < json_object_array_length(domains); i++)
		read_domain(gathering, &common, json_object_array_get_idx(domains, i));
	return 0;
}

static void read_source(struct gathering *gathering, const struct source *source)
{
	struct error error;
	const char *text;
	int r = root_ask(gathering->root, gathering->arena, source->key, ask_domains, source, &text, &error);
	if (r == 0)
		r = read_answer(gathering, text, &error);
	if (r < 0)
		list_printf(&gathering->vms->problems, "VMs of libvirt%s%s: %s", source->uri ? ", " : "",
			    source->uri ? source->uri : "", error.text);
}

void libvirt_read_all(const struct root *root, struct arena *arena, struct vms *ret)
{
	struct gathering gathering = { .root = root, .arena = arena, .vms = ret };
	const struct source named = { "libvirt/named", NULL };
	const struct source system = { "libvirt/system", LIBVIRT_SYSTEM };
	const struct source session = { "libvirt/session", LIBVIRT_SESSION };
	/* Nothing runs there that could be asked; and whose session, a snapshot does not tell. */
	if (root->kind == ROOT_OFFLINE)
		return;
	if (root->snapshot) {
		const struct source *sources[] = { &named, &system, &session };
		for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
			if (root_was_asked(root, sources[i]->key))
				read_source(&gathering, sources[i]);
		return;
	}
	const char *uri = getenv("LIBVIRT_DEFAULT_URI");
	const char *folder = getenv("XDG_RUNTIME_DIR");
	if (uri && *uri) {
		read_source(&gathering, &named);
		return;
	}
	if (has_socket(&gathering, "/run"))
		read_source(&gathering, &system);
	if (folder && folder[0] == '/' && has_socket(&gathering, folder))
		read_source(&gathering, &session);
}

/* ---- A file ---- */

bool libvirt_is_xml(struct slice text)
{
	struct slice trimmed = slice_trim(text);
	/* A byte order mark (U+FEFF) may be before it. */
	if (slice_starts_with(trimmed, "\xef\xbb\xbf"))
		trimmed = (struct slice){ trimmed.start + 3, trimmed.length - 3 };
	return trimmed.length && trimmed.start[0] == '<';
}

int libvirt_read_text(const struct root *root, struct arena *arena, struct slice text, const char *path, struct vm *ret,
		      struct error *error)
{
	AUTO_JSON *request = libvirt_request("describe", NULL);
	AUTO_JSON *result = NULL;
	struct json_object *tree;
	struct element *element = arena_alloc(arena, sizeof(*element));
	struct libvirt_domain *domain = arena_alloc(arena, sizeof(*domain));
	if (memchr(text.start, '\0', text.length))
		return error_set(error, -EINVAL, "%s: no XML: there is a NUL byte in it", path);
	json_object_object_add(request, "xml", json_object_new_string_len(text.start, (int)text.length));
	int r = libvirt_ask(arena, request, LIBVIRT_TIMEOUT_MS, &result, error);
	if (r == 0 && !json_object_object_get_ex(result, "domain", &tree))
		r = error_set(error, -EIO, "the helper says nothing of it");
	if (r == 0)
		r = element_read(arena, tree, element, error);
	if (r < 0)
		return error_prefix(error, r, "%s", path);
	*domain = (struct libvirt_domain){ .path = path, .definition = element };
	libvirt_vm_read(root, arena, domain, ret);
	return 0;
}
