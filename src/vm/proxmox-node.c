/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/proxmox-node.h"

#include <string.h>

#include "base/json.h"
#include "host/versions.h"

#define FUNCTIONS "/sys/bus/pci/devices"
#define MAPPINGS "/etc/pve/mapping/pci.cfg"
#define RESOURCES "/etc/pve/ha/resources.cfg"
#define MANAGER_STATUS "/etc/pve/ha/manager_status"

/* ---- Name and version ---- */

/* pmxcfs makes /etc/pve/local a link to nodes/NAME; where it is not mounted, a node is called as its host is. */
static const char *read_name(const struct root *root, struct arena *arena)
{
	char *text;
	if (root_read_link(root, arena, "/etc/pve/local", &text, NULL) == 0)
		return text_basename(text);
	if (root_read_line(root, arena, "/etc/hostname", &text, NULL) < 0 || !*text)
		return NULL;
	return arena_strndup(arena, text, strcspn(text, "."));
}

/* "8.2.1", and "7.4-2" of old: there the part behind the dash counts as well. */
static struct release parse_release(const char *text)
{
	struct release release = { { 0 } };
	for (size_t part = 0; part < ARRAY_SIZE(release.parts); part++) {
		for (; *text >= '0' && *text <= '9'; text++)
			if (release.parts[part] < 100000)
				release.parts[part] = release.parts[part] * 10 + (unsigned int)(*text - '0');
		if (*text != '.' && *text != '-')
			break;
		text++;
	}
	return release;
}

static struct release read_release(const struct root *root, struct arena *arena)
{
	struct versions versions;
	versions_read(root, arena, &versions);
	const char *text = versions.qemu_server.fact.text;
	return text ? parse_release(text) : (struct release){ { 0 } };
}

void proxmox_node_open(const struct root *root, struct arena *arena, struct proxmox_node *ret)
{
	*ret = (struct proxmox_node){ .root = root, .arena = arena };
	if (!root)
		return;
	ret->name = read_name(root, arena);
	ret->release = read_release(root, arena);
}

/* ---- What is read when it is asked for ---- */

static const char *read_optional(struct proxmox_node *node, const char *path, struct slice *ret)
{
	struct error error;
	*ret = (struct slice){ "", 0 };
	if (!node->root)
		return "no host is known to look at";
	int r = root_read(node->root, node->arena, path, ret, &error);
	return r < 0 && !root_absent(r) ? arena_strdup(node->arena, error.text) : NULL;
}

const struct mapping *proxmox_node_mapping(struct proxmox_node *node, const char *name, const char **ret_problem)
{
	if (!node->mappings_read) {
		struct slice text;
		node->mappings_problem = read_optional(node, MAPPINGS, &text);
		mappings_parse(node->arena, text, &node->mappings);
		node->mappings_read = true;
	}
	const struct mapping *mapping = mappings_find(&node->mappings, name);
	*ret_problem = mapping ? NULL : node->mappings_problem;
	return mapping;
}

/* "vm: 100" of a heading, one word behind the colon; NULL: of anything else. */
static const char *managed_id(struct arena *arena, struct slice line)
{
	struct slice id;
	static const char kind[] = "vm:";
	if (!slice_starts_with(line, kind))
		return NULL;
	line = (struct slice){ line.start + strlen(kind), line.length - strlen(kind) };
	if (!slice_next_word(&line, &id) || slice_trim(line).length)
		return NULL;
	return arena_strndup(arena, id.start, id.length);
}

static struct proxmox_managed *add_managed(struct proxmox_node *node, const char *id)
{
	/* Room is for the next power of two. */
	size_t count = node->managed_count;
	if ((count & (count - 1)) == 0)
		node->managed = arena_grow(node->arena, node->managed, count, count ? count * 2 : 1,
					   sizeof(*node->managed));
	node->managed[count] = (struct proxmox_managed){ .id = id, .state = "started" };
	node->managed_count++;
	return &node->managed[count];
}

/* Headings at the left margin, properties indented. "enabled" is what "started" was once called (pve-ha-manager). */
static void read_resources(struct proxmox_node *node)
{
	struct slice text;
	struct slice line;
	struct proxmox_managed *managed = NULL;
	node->managed_problem = read_optional(node, RESOURCES, &text);
	while (slice_next_line(&text, &line)) {
		struct slice rest = line;
		struct slice word;
		if (!slice_next_word(&rest, &word))
			continue;
		struct slice value = slice_trim(rest);
		if (word.start == line.start) {
			const char *id = managed_id(node->arena, line);
			managed = id ? add_managed(node, id) : NULL;
		} else if (managed && slice_equals(word, "state") && value.length) {
			managed->state = slice_equals(value, "enabled") ?
						 "started" :
						 arena_strndup(node->arena, value.start, value.length);
		}
	}
}

/* {"service_status": {"vm:100": {"state": "started", "node": "pve1"}}}: for people only, so that nothing is lost without. */
static void read_manager_status(struct proxmox_node *node)
{
	struct slice text;
	AUTO_JSON *status = NULL;
	struct json_object *services;
	if (!node->managed_count || read_optional(node, MANAGER_STATUS, &text) || !text.length ||
	    json_read(text, &status, NULL) < 0 || !json_object_object_get_ex(status, "service_status", &services))
		return;
	for (size_t i = 0; i < node->managed_count; i++) {
		struct json_object *service;
		struct json_object *state;
		const char *key = arena_printf(node->arena, "vm:%s", node->managed[i].id);
		if (json_object_object_get_ex(services, key, &service) &&
		    json_object_object_get_ex(service, "state", &state) && json_object_is_type(state, json_type_string))
			node->managed[i].status = arena_strdup(node->arena, json_object_get_string(state));
	}
}

const struct proxmox_managed *proxmox_node_managed(struct proxmox_node *node, const char *id)
{
	if (!node->managed_read) {
		node->managed_read = true;
		read_resources(node);
		read_manager_status(node);
	}
	for (size_t i = 0; i < node->managed_count; i++)
		if (strcmp(node->managed[i].id, id) == 0)
			return &node->managed[i];
	return NULL;
}

bool proxmox_node_manages(struct proxmox_node *node, const char *id)
{
	const struct proxmox_managed *managed = proxmox_node_managed(node, id);
	return managed && strcmp(managed->state, "ignored") != 0;
}

static void read_functions(struct proxmox_node *node)
{
	struct error error;
	node->functions_read = true;
	int r = node->root ? root_list(node->root, node->arena, FUNCTIONS, &node->functions, &error) :
			     error_set(&error, -ENOENT, "no host is known to look at");
	if (r < 0)
		node->functions_problem = arena_strdup(node->arena, error.text);
}

/* All names that begin with `prefix`; they stand in one row. */
static void add_with_prefix(const struct list *names, const char *prefix, struct list *ret)
{
	size_t from = 0;
	size_t to = names->count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (strcmp(names->items[middle], prefix) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	for (; from < names->count && text_starts_with(names->items[from], prefix); from++)
		list_add(ret, names->items[from]);
}

const char *proxmox_node_find_functions(struct proxmox_node *node, const char *id, struct list *hosts)
{
	struct pci_address address;
	char text[PCI_ADDRESS_TEXT_MAX];
	if (!node->functions_read)
		read_functions(node);
	if (node->functions_problem) {
		/* A whole address is one function wherever it is. */
		if (pci_address_parse(id, &address, NULL) < 0)
			return arena_printf(node->arena, "which functions '%s' has is not known: %s", id,
					    node->functions_problem);
		list_add(hosts, arena_strdup(node->arena, pci_address_format(address, text)));
		return NULL;
	}
	size_t before = hosts->count;
	add_with_prefix(&node->functions, arena_printf(node->arena, "0000:%s", id), hosts);
	add_with_prefix(&node->functions, id, hosts);
	return hosts->count > before ? NULL : arena_printf(node->arena, "no PCI device found for '%s'", id);
}
