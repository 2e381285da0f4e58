/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By libxml2's trees alone, which know nothing of positions: did an edit do what was meant, and nothing else? */
#include "libvirt/xml-edit.h"

static bool same_text(const xmlChar *a, const xmlChar *b)
{
	return xmlStrEqual(a, b) == 1;
}

static bool same_namespace(const xmlNs *a, const xmlNs *b)
{
	return (!a && !b) || (a && b && same_text(a->href, b->href) && same_text(a->prefix, b->prefix));
}

static bool same_declarations(const xmlNs *a, const xmlNs *b)
{
	for (; a && b; a = a->next, b = b->next)
		if (!same_namespace(a, b))
			return false;
	return !a && !b;
}

static bool is_text(const xmlNode *node)
{
	return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE || node->type == XML_ENTITY_REF_NODE;
}

/* The text right below a node, without any white space. */
static void gather_text(const xmlNode *parent, struct buffer *text)
{
	buffer_puts(text, "");
	for (const xmlNode *node = parent->children; node; node = node->next)
		for (const xmlChar *at = is_text(node) ? node->content : NULL; at && *at; at++)
			if (!strchr(" \t\r\n", *at))
				buffer_putc(text, (char)*at);
}

static bool same_loose_text(struct arena *arena, const xmlNode *a, const xmlNode *b)
{
	struct buffer left = { .arena = arena };
	struct buffer right = { .arena = arena };
	gather_text(a, &left);
	gather_text(b, &right);
	return strcmp(left.text, right.text) == 0;
}

static const xmlNode *skip_text(const xmlNode *node)
{
	while (node && is_text(node))
		node = node->next;
	return node;
}

static const struct xml_op *find_attribute_op(const struct xml_element *element, const xmlAttr *attribute)
{
	for (const struct xml_op *op = element ? element->ops : NULL; op; op = op->next)
		if ((op->kind == XML_SET_ATTRIBUTE || op->kind == XML_REMOVE_ATTRIBUTE) && !attribute->ns &&
		    strcmp(op->name, (const char *)attribute->name) == 0)
			return op;
	return NULL;
}

static bool has_value(const xmlAttr *attribute, const xmlChar *value)
{
	xmlChar *there = xmlNodeListGetString(attribute->doc, attribute->children, 1);
	bool has = same_text(there ? there : BAD_CAST "", value ? value : BAD_CAST "");
	xmlFree(there);
	return has;
}

static bool same_value(const xmlAttr *a, const xmlAttr *b)
{
	xmlChar *value = xmlNodeListGetString(a->doc, a->children, 1);
	bool same = same_text(a->name, b->name) && same_namespace(a->ns, b->ns) && has_value(b, value);
	xmlFree(value);
	return same;
}

/* The old ones in their order, then the new ones in theirs. */
static bool attributes_as_meant(const xmlNode *before, const xmlNode *after)
{
	const struct xml_element *element = before->_private;
	const xmlAttr *now = after->properties;
	for (const xmlAttr *old = before->properties; old; old = old->next) {
		const struct xml_op *op = find_attribute_op(element, old);
		if (op && op->kind == XML_REMOVE_ATTRIBUTE)
			continue;
		if (!now || (op ? !same_text(now->name, old->name) || now->ns || !has_value(now, BAD_CAST op->value) :
				  !same_value(old, now)))
			return false;
		now = now->next;
	}
	for (const struct xml_op *op = element ? element->ops : NULL; op; op = op->next) {
		if (op->kind != XML_SET_ATTRIBUTE || xmlHasNsProp((xmlNode *)before, BAD_CAST op->name, NULL))
			continue;
		if (!now || now->ns || strcmp((const char *)now->name, op->name) != 0 ||
		    !has_value(now, BAD_CAST op->value))
			return false;
		now = now->next;
	}
	return !now;
}

static bool has_op(const xmlNode *node, enum xml_op_kind kind)
{
	const struct xml_element *element = node->type == XML_ELEMENT_NODE ? node->_private : NULL;
	for (const struct xml_op *op = element ? element->ops : NULL; op; op = op->next)
		if (op->kind == kind)
			return true;
	return false;
}

static bool node_as_meant(struct arena *arena, const xmlNode *before, const xmlNode *after);

/* `at` goes past the new children that are meant to stand before `before`; false where they are not there. */
static bool new_children_as_meant(struct arena *arena, const xmlNode *parent, const struct xml_element *before,
				  const xmlNode **at)
{
	const struct xml_element *element = parent->_private;
	for (const struct xml_op *op = element ? element->ops : NULL; op; op = op->next) {
		if (op->kind != XML_INSERT || op->before != before)
			continue;
		xmlDoc *doc;
		*at = skip_text(*at);
		if (!*at || xml_parse(slice_of(op->value), &doc, NULL) < 0)
			return false;
		bool same = node_as_meant(arena, xmlDocGetRootElement(doc), *at);
		xmlFreeDoc(doc);
		if (!same)
			return false;
		*at = (*at)->next;
	}
	return true;
}

static bool edited_children_as_meant(struct arena *arena, const xmlNode *before, const xmlNode *after)
{
	const struct xml_element *element = before->_private;
	const xmlNode *at = after->children;
	if (!same_loose_text(arena, before, after))
		return false;
	if (element && !element->first && !new_children_as_meant(arena, before, NULL, &at))
		return false;
	for (const xmlNode *old = skip_text(before->children); old; old = skip_text(old->next)) {
		const struct xml_element *child = old->type == XML_ELEMENT_NODE ? old->_private : NULL;
		if (child && !new_children_as_meant(arena, before, child, &at))
			return false;
		if (!has_op(old, XML_REMOVE)) {
			at = skip_text(at);
			if (!at || !node_as_meant(arena, old, at))
				return false;
			at = at->next;
		}
		if (child && !child->next && !new_children_as_meant(arena, before, NULL, &at))
			return false;
	}
	return !skip_text(at);
}

static bool children_as_meant(struct arena *arena, const xmlNode *before, const xmlNode *after)
{
	const struct xml_element *element = before->_private;
	/* What we put in ourselves has no element, and its white space is as its place wants it. */
	bool edited = !element || has_op(before, XML_INSERT);
	for (const xmlNode *child = before->children; child && !edited; child = child->next)
		edited = has_op(child, XML_REMOVE);
	if (edited)
		return edited_children_as_meant(arena, before, after);
	const xmlNode *at = after->children;
	for (const xmlNode *old = before->children; old; old = old->next, at = at->next)
		if (!at || !node_as_meant(arena, old, at))
			return false;
	return !at;
}

static bool content_as_meant(const xmlNode *before, const xmlNode *after)
{
	const struct xml_element *element = before->_private;
	const struct xml_op *op = element->ops;
	while (op->kind != XML_SET_CONTENT)
		op = op->next;
	xmlChar *content = xmlNodeGetContent(after);
	bool same = same_text(content ? content : BAD_CAST "", BAD_CAST op->value);
	xmlFree(content);
	for (const xmlNode *child = after->children; child; child = child->next)
		same &= is_text(child);
	return same;
}

static bool node_as_meant(struct arena *arena, const xmlNode *before, const xmlNode *after)
{
	if (before->type != after->type || !same_text(before->name, after->name))
		return false;
	if (before->type != XML_ELEMENT_NODE)
		return same_text(before->content, after->content);
	if (!same_namespace(before->ns, after->ns) || !same_declarations(before->nsDef, after->nsDef) ||
	    !attributes_as_meant(before, after))
		return false;
	return has_op(before, XML_SET_CONTENT) ? content_as_meant(before, after) :
						 children_as_meant(arena, before, after);
}

bool xml_edit_verify(const struct xml_text *text, const xmlDoc *doc)
{
	const xmlNode *now = doc->children;
	for (const xmlNode *old = text->doc->children; old; old = old->next, now = now->next)
		if (!now || !node_as_meant(text->arena, old, now))
			return false;
	return !now;
}
