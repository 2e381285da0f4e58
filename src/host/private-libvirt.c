/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libvirt said of its domains (vm/libvirt.c): names of VMs, and the host that a connection leads to. UUIDs, MAC
 * addresses and passwords in it are found as everywhere; disks, networks and descriptions are not in it at all.
 */
#include "base/json.h"
#include "host/private-internal.h"

bool private_is_libvirt_answer(const char *path)
{
	return text_starts_with(path, "/libvirt/");
}

static struct json_object *member(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *value;
	if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, type))
		return NULL;
	return value;
}

static struct slice text_of(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key, json_type_string);
	if (!value)
		return (struct slice){ "", 0 };
	return (struct slice){ json_object_get_string(value), (size_t)json_object_get_string_len(value) };
}

void private_find_domains(struct private_state *state, struct slice answer, private_found *found)
{
	AUTO_JSON *object = NULL;
	if (json_read(answer, &object, NULL) < 0)
		return;
	struct json_object *domains = member(object, "domains", json_type_array);
	for (size_t i = 0; domains && i < json_object_array_length(domains); i++)
		found(state, PRIVATE_VM, text_of(json_object_array_get_idx(domains, i), "name"));
}

static void rename_member(struct private_state *state, struct json_object *object, const char *key)
{
	struct slice name = text_of(object, key);
	if (name.length)
		json_add_text(object, key, private_name(state, PRIVATE_VM, name));
}

/* <name> of the tree of a domain. */
static void rename_in_tree(struct private_state *state, struct json_object *tree)
{
	struct json_object *children = member(tree, "children", json_type_array);
	for (size_t i = 0; children && i < json_object_array_length(children); i++) {
		struct json_object *child = json_object_array_get_idx(children, i);
		if (slice_equals(text_of(child, "name"), "name"))
			rename_member(state, child, "text");
	}
}

/* "qemu+ssh://root@host/system" */
static void rename_host(struct private_state *state, struct json_object *object)
{
	static const char mark[] = "://";
	struct slice uri = text_of(object, "uri");
	const char *start = memmem(uri.start, uri.length, mark, strlen(mark));
	if (!start)
		return;
	start += strlen(mark);
	struct slice host = { start, strcspn(start, "/?") };
	if (!host.length)
		return;
	const char *text = arena_printf(state->arena, "%.*s%s%s", (int)(start - uri.start), uri.start,
					private_name(state, PRIVATE_HOST, host), start + host.length);
	json_add_text(object, "uri", text);
}

struct slice private_libvirt_answer(struct private_state *state, struct slice answer)
{
	AUTO_JSON *object = NULL;
	if (json_read(answer, &object, NULL) < 0)
		return answer;
	struct json_object *domains = member(object, "domains", json_type_array);
	for (size_t i = 0; domains && i < json_object_array_length(domains); i++) {
		struct json_object *domain = json_object_array_get_idx(domains, i);
		rename_member(state, domain, "name");
		rename_in_tree(state, member(domain, "definition", json_type_object));
		rename_in_tree(state, member(domain, "live", json_type_object));
	}
	rename_host(state, object);
	const char *text = json_object_to_json_string_ext(object,
							  JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	return slice_of(arena_printf(state->arena, "%s\n", text));
}
