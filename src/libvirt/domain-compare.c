/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvirt/domain-compare.h"

#include "libvirt/xml-text.h"

struct comparison {
	struct arena *arena;
	const char *difference; /* NULL: none so far */
};

static bool is_named(const xmlNode *node, const char *name)
{
	return node && node->type == XML_ELEMENT_NODE && !node->ns && strcmp((const char *)node->name, name) == 0;
}

static bool same_kind(const xmlNode *a, const xmlNode *b)
{
	return b->type == XML_ELEMENT_NODE && xmlStrEqual(a->name, b->name) && !a->ns == !b->ns &&
	       (!a->ns || xmlStrEqual(a->ns->href, b->ns->href));
}

static const xmlNode *next_element(const xmlNode *node)
{
	while (node && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

static const xmlNode *find_child(const xmlNode *parent, const char *name)
{
	for (const xmlNode *child = parent->children; child; child = child->next)
		if (is_named(child, name))
			return child;
	return NULL;
}

static const char *take(struct arena *arena, xmlChar *text)
{
	const char *copy = text ? arena_strdup(arena, (const char *)text) : NULL;
	xmlFree(text);
	return copy;
}

/* Without white space around it; never NULL. */
static const char *take_trimmed(struct arena *arena, xmlChar *text)
{
	const char *all = take(arena, text);
	size_t length = all ? strlen(all) : 0;
	while (length && strchr(" \t\r\n", all[length - 1]))
		length--;
	size_t start = length ? strspn(all, " \t\r\n") : 0;
	return arena_strndup(arena, length ? all + start : "", length - start);
}

static const char *get(struct arena *arena, const xmlNode *node, const char *name)
{
	return take(arena, xmlGetNoNsProp((xmlNode *)node, BAD_CAST name));
}

/* "/domain/devices/iommu/driver" */
static const char *path_of(struct arena *arena, const xmlNode *node)
{
	const char *path = "";
	for (; node && node->type == XML_ELEMENT_NODE; node = node->parent)
		path = arena_printf(arena, "/%s%s", (const char *)node->name, path);
	return path;
}

/* What goes into a message: a password does not. */
static const char *shown(const xmlAttr *attribute, const char *value)
{
	return strstr((const char *)attribute->name, "passwd") ? "..." : value ? value : "";
}

/* "<driver intremap='on'>" */
static const char *tag_of(struct arena *arena, const xmlNode *node)
{
	struct buffer text = { .arena = arena };
	buffer_printf(&text, "<%s", (const char *)node->name);
	for (const xmlAttr *at = node->properties; at; at = at->next)
		buffer_printf(&text, " %s='%s'", (const char *)at->name,
			      shown(at, take(arena, xmlNodeListGetString(at->doc, at->children, 1))));
	buffer_puts(&text, ">");
	return text.text;
}

/* ---- What libvirt adds by itself ---- */

static bool may_add_attribute(const xmlNode *wanted, const char *name)
{
	/* Of a CPU that was asked for by its mode alone. */
	if (is_named(wanted, "cpu"))
		return strcmp(name, "check") == 0 || strcmp(name, "migratable") == 0;
	return is_named(wanted, "address") && strcmp(name, "multifunction") == 0;
}

static bool is_controller(const xmlNode *node, const char *type)
{
	xmlChar *there = is_named(node, "controller") ? xmlGetNoNsProp((xmlNode *)node, BAD_CAST "type") : NULL;
	bool is = there && strcmp((const char *)there, type) == 0;
	xmlFree(there);
	return is;
}

/*
 * Root ports for controllers that have no place yet; and what a machine has of itself, when all of that was taken away
 * to make another machine of it. Any other was added by somebody, who is not to lose it.
 */
static bool may_add_controller(const xmlNode *devices, const xmlNode *added)
{
	bool any = false;
	bool unplaced = false;
	for (const xmlNode *at = devices->children; at; at = at->next) {
		if (!is_controller(at, "pci"))
			continue;
		xmlChar *model = xmlGetNoNsProp((xmlNode *)at, BAD_CAST "model");
		unplaced |= model && !find_child(at, "address") && strcmp((const char *)model, "pcie-root") != 0;
		any = true;
		xmlFree(model);
	}
	if (is_controller(added, "pci"))
		return unplaced || !any;
	return !any && (is_controller(added, "usb") || is_controller(added, "sata"));
}

static bool may_add_element(const xmlNode *wanted, const xmlNode *added)
{
	if (is_named(added, "address"))
		return is_named(wanted->parent, "devices") && !find_child(wanted, "address");
	if (is_named(wanted, "controller"))
		return (is_named(added, "model") && !find_child(wanted, "model")) ||
		       (is_named(added, "target") && !find_child(wanted, "target"));
	/* With the firmware that was chosen. */
	if (is_named(wanted, "os"))
		return (is_named(added, "firmware") || is_named(added, "loader") || is_named(added, "nvram")) &&
		       xmlHasProp((xmlNode *)wanted, BAD_CAST "firmware") && !find_child(wanted, "loader");
	return is_named(wanted, "devices") && may_add_controller(wanted, added);
}

/* ---- Comparing ---- */

static bool covers(struct comparison *comparison, const xmlNode *wanted, const xmlNode *now);

static bool differs(struct comparison *comparison, const char *difference)
{
	if (!comparison->difference)
		comparison->difference = difference;
	return false;
}

static bool covers_attributes(struct comparison *comparison, const xmlNode *wanted, const xmlNode *now)
{
	struct arena *arena = comparison->arena;
	for (const xmlAttr *at = wanted->properties; at; at = at->next) {
		const char *name = (const char *)at->name;
		const char *value = take(arena, xmlNodeListGetString(at->doc, at->children, 1));
		xmlAttr *other = xmlHasNsProp((xmlNode *)now, at->name, at->ns ? at->ns->href : NULL);
		const char *there = other ? take(arena, xmlNodeListGetString(other->doc, other->children, 1)) : NULL;
		if (!other)
			return differs(comparison, arena_printf(arena, "%s has no %s='%s'", path_of(arena, wanted),
								name, shown(at, value)));
		if (!text_equals(value ? value : "", there ? there : ""))
			return differs(comparison,
				       arena_printf(arena, "%s has %s='%s' instead of '%s'", path_of(arena, wanted),
						    name, shown(at, there), shown(at, value)));
	}
	for (const xmlAttr *at = now->properties; at; at = at->next)
		if (!xmlHasNsProp((xmlNode *)wanted, at->name, at->ns ? at->ns->href : NULL) &&
		    !may_add_attribute(wanted, (const char *)at->name))
			return differs(comparison, arena_printf(arena, "%s has %s='%s' as well", path_of(arena, wanted),
								(const char *)at->name,
								shown(at, get(arena, now, (const char *)at->name))));
	return true;
}

static bool is_first_of_kind(const xmlNode *node)
{
	for (const xmlNode *at = node->prev; at; at = at->prev)
		if (same_kind(node, at))
			return false;
	return true;
}

/* Of those of one name, in their order. What is skipped must be something that libvirt adds. */
static bool covers_kind(struct comparison *comparison, const xmlNode *wanted, const xmlNode *now)
{
	struct arena *arena = comparison->arena;
	const xmlNode *parent = wanted->parent;
	const xmlNode *at = next_element(now->children);
	for (const xmlNode *one = wanted; one; one = next_element(one->next)) {
		struct comparison closest = { .arena = arena };
		if (!same_kind(wanted, one))
			continue;
		for (; at; at = next_element(at->next)) {
			if (!same_kind(wanted, at))
				continue;
			struct comparison trial = { .arena = arena };
			if (covers(&trial, one, at))
				break;
			if (!closest.difference)
				closest = trial;
			if (!may_add_element(parent, at))
				return differs(comparison, trial.difference);
		}
		if (!at)
			return differs(comparison, closest.difference ?
							   closest.difference :
							   arena_printf(arena, "%s has no %s", path_of(arena, parent),
									tag_of(arena, one)));
		at = next_element(at->next);
	}
	for (; at; at = next_element(at->next))
		if (same_kind(wanted, at) && !may_add_element(parent, at))
			return differs(comparison, arena_printf(arena, "%s has %s as well", path_of(arena, parent),
								tag_of(arena, at)));
	return true;
}

static bool covers_children(struct comparison *comparison, const xmlNode *wanted, const xmlNode *now)
{
	struct arena *arena = comparison->arena;
	for (const xmlNode *one = next_element(wanted->children); one; one = next_element(one->next))
		if (is_first_of_kind(one) && !covers_kind(comparison, one, now))
			return false;
	for (const xmlNode *at = next_element(now->children); at; at = next_element(at->next)) {
		bool known = false;
		for (const xmlNode *one = next_element(wanted->children); one && !known; one = next_element(one->next))
			known = same_kind(one, at);
		if (!known && !may_add_element(wanted, at))
			return differs(comparison, arena_printf(arena, "%s has %s as well", path_of(arena, wanted),
								tag_of(arena, at)));
	}
	return true;
}

/* An element with elements in it has no text that counts. */
static bool covers_text(struct comparison *comparison, const xmlNode *wanted, const xmlNode *now)
{
	struct arena *arena = comparison->arena;
	if (next_element(wanted->children) || next_element(now->children))
		return true;
	const char *a = take_trimmed(arena, xmlNodeGetContent((xmlNode *)wanted));
	const char *b = take_trimmed(arena, xmlNodeGetContent((xmlNode *)now));
	if (strcmp(a, b) == 0)
		return true;
	return differs(comparison,
		       arena_printf(arena, "%s is '%.80s' instead of '%.80s'", path_of(arena, wanted), b, a));
}

static bool covers(struct comparison *comparison, const xmlNode *wanted, const xmlNode *now)
{
	return covers_attributes(comparison, wanted, now) && covers_text(comparison, wanted, now) &&
	       covers_children(comparison, wanted, now);
}

static void doc_cleanup(xmlDoc **doc)
{
	xmlFreeDoc(*doc);
}

int domain_compare(struct arena *arena, struct slice wanted, struct slice now, const char **ret_difference,
		   struct error *error)
{
	CLEANUP(doc_cleanup) xmlDoc *one = NULL;
	CLEANUP(doc_cleanup) xmlDoc *other = NULL;
	struct comparison comparison = { .arena = arena };
	int r = xml_parse(wanted, &one, error);
	if (r == 0)
		r = xml_parse(now, &other, error);
	if (r < 0)
		return r;
	const xmlNode *wanted_root = xmlDocGetRootElement(one);
	const xmlNode *now_root = xmlDocGetRootElement(other);
	if (!same_kind(wanted_root, now_root))
		differs(&comparison, arena_printf(arena, "it is a %s", tag_of(arena, now_root)));
	else
		covers(&comparison, wanted_root, now_root);
	*ret_difference = comparison.difference;
	return 0;
}
