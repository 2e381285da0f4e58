/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvirt/xml-edit.h"

#include <errno.h>

static struct xml_op *find_op(const struct xml_element *element, enum xml_op_kind kind, const char *name)
{
	for (struct xml_op *op = element->ops; op; op = op->next)
		if (op->kind == kind && (!name || text_equals(op->name, name)))
			return op;
	return NULL;
}

static struct xml_op *add_op(struct xml_text *text, struct xml_element *element, enum xml_op_kind kind)
{
	struct xml_op **tail = &element->ops;
	while (*tail)
		tail = &(*tail)->next;
	*tail = arena_alloc(text->arena, sizeof(**tail));
	(*tail)->kind = kind;
	return *tail;
}

/* One edit for each attribute: the last one. */
static struct xml_op *attribute_op(struct xml_text *text, struct xml_element *element, const char *name)
{
	struct xml_op *op = find_op(element, XML_SET_ATTRIBUTE, name);
	if (!op)
		op = find_op(element, XML_REMOVE_ATTRIBUTE, name);
	if (!op)
		op = add_op(text, element, XML_SET_ATTRIBUTE);
	op->name = arena_strdup(text->arena, name);
	return op;
}

void xml_edit_set(struct xml_text *text, struct xml_element *element, const char *name, const char *value)
{
	if (text_equals(xml_edit_get(text, element, name), value))
		return;
	struct xml_op *op = attribute_op(text, element, name);
	op->kind = XML_SET_ATTRIBUTE;
	op->value = arena_strdup(text->arena, value);
}

void xml_edit_remove_attribute(struct xml_text *text, struct xml_element *element, const char *name)
{
	if (!xml_get(text->arena, element, name))
		return;
	struct xml_op *op = attribute_op(text, element, name);
	op->kind = XML_REMOVE_ATTRIBUTE;
	op->value = NULL;
}

void xml_edit_insert(struct xml_text *text, struct xml_element *parent, const struct xml_element *before,
		     const char *xml)
{
	struct xml_op *op = add_op(text, parent, XML_INSERT);
	op->value = arena_strdup(text->arena, xml);
	op->before = before;
}

void xml_edit_remove(struct xml_text *text, struct xml_element *element)
{
	if (!xml_edit_is_removed(element))
		add_op(text, element, XML_REMOVE);
}

void xml_edit_set_content(struct xml_text *text, struct xml_element *element, const char *content)
{
	struct xml_op *op = find_op(element, XML_SET_CONTENT, NULL);
	if (!op)
		op = add_op(text, element, XML_SET_CONTENT);
	op->value = arena_strdup(text->arena, content);
}

const char *xml_edit_get(const struct xml_text *text, const struct xml_element *element, const char *name)
{
	if (!element || find_op(element, XML_REMOVE_ATTRIBUTE, name))
		return NULL;
	const struct xml_op *op = find_op(element, XML_SET_ATTRIBUTE, name);
	return op ? op->value : xml_get(text->arena, element, name);
}

bool xml_edit_is_removed(const struct xml_element *element)
{
	for (; element; element = element->parent)
		if (find_op(element, XML_REMOVE, NULL))
			return true;
	return false;
}

const char *xml_escape(struct arena *arena, const char *text)
{
	struct buffer escaped = { .arena = arena };
	buffer_puts(&escaped, "");
	for (; *text; text++) {
		switch (*text) {
		case '&':
			buffer_puts(&escaped, "&amp;");
			break;
		case '<':
			buffer_puts(&escaped, "&lt;");
			break;
		case '>':
			buffer_puts(&escaped, "&gt;");
			break;
		case '"':
			buffer_puts(&escaped, "&quot;");
			break;
		case '\'':
			buffer_puts(&escaped, "&apos;");
			break;
		case '\t':
		case '\n':
		case '\r':
			buffer_printf(&escaped, "&#%d;", *text);
			break;
		default:
			buffer_putc(&escaped, *text);
		}
	}
	return escaped.text;
}
