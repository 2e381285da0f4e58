/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From edits of elements to edits of the text. */
#include <errno.h>
#include <stdlib.h>

#include "libvirt/xml-edit.h"

/* Bytes that go, and what comes instead. None overlaps another. */
struct splice {
	struct xml_span gone;
	const char *text;
	size_t order; /* among those at one place */
};

struct splices {
	struct arena *arena;
	struct slice text;
	struct splice *items;
	size_t count;
	size_t room;
};

static void add_splice(struct splices *splices, size_t start, size_t end, const char *text)
{
	if (splices->count == splices->room) {
		splices->room = splices->room ? 2 * splices->room : 16;
		splices->items = arena_grow(splices->arena, splices->items, splices->count, splices->room,
					    sizeof(*splices->items));
	}
	splices->items[splices->count] = (struct splice){ { start, end }, text, splices->count };
	splices->count++;
}

static int compare_splices(const void *a, const void *b)
{
	const struct splice *left = a;
	const struct splice *right = b;
	if (left->gone.start != right->gone.start)
		return left->gone.start < right->gone.start ? -1 : 1;
	/* What is only put in comes before what is taken out at the same place. */
	bool left_empty = left->gone.start == left->gone.end;
	bool right_empty = right->gone.start == right->gone.end;
	if (left_empty != right_empty)
		return left_empty ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

static bool is_blank(char character)
{
	return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

/* Where the white space before a position begins, if it has a line's end in it; else the position. */
static size_t blank_before(struct slice text, size_t position)
{
	size_t start = position;
	bool newline = false;
	while (start > 0 && is_blank(text.start[start - 1]))
		newline |= text.start[--start] == '\n';
	return newline ? start : position;
}

/* The white space that an element's line begins with; NULL: it does not begin a line. */
static const char *indent_of(const struct splices *splices, const struct xml_element *element)
{
	size_t start = element->open.start;
	while (start > 0 && (splices->text.start[start - 1] == ' ' || splices->text.start[start - 1] == '\t'))
		start--;
	if (start > 0 && splices->text.start[start - 1] != '\n')
		return NULL;
	return arena_strndup(splices->arena, splices->text.start + start, element->open.start - start);
}

/* The XML of a new child, on lines of its own; in line with its sibling, where that is not on a line of its own. */
static const char *new_child(const struct splices *splices, const char *xml, const char *indent)
{
	if (!indent)
		return xml;
	struct buffer text = { .arena = splices->arena };
	struct slice rest = slice_of(xml);
	struct slice line;
	while (slice_next_line(&rest, &line)) {
		buffer_printf(&text, "\n%s", indent);
		buffer_add(&text, line.start, line.length);
	}
	return text.text;
}

/* All new children of an element that has none. */
static void insert_first(struct splices *splices, const struct xml_element *parent)
{
	const char *outer = indent_of(splices, parent);
	const char *inner = outer ? arena_printf(splices->arena, "%s  ", outer) : NULL;
	size_t end = parent->open.end;
	bool empty_tag = parent->close.start == parent->close.end;
	struct buffer text = { .arena = splices->arena };
	buffer_puts(&text, empty_tag ? ">" : "");
	for (const struct xml_op *op = parent->ops; op; op = op->next)
		if (op->kind == XML_INSERT)
			buffer_puts(&text, new_child(splices, op->value, inner));
	if (outer && parent->close.start == end)
		buffer_printf(&text, "\n%s", outer);
	if (empty_tag)
		buffer_printf(&text, "</%.*s>", (int)(parent->name.end - parent->name.start),
			      splices->text.start + parent->name.start);
	add_splice(splices, empty_tag ? end - strlen("/>") : end, end, text.text);
}

static void insert(struct splices *splices, const struct xml_element *parent, const struct xml_op *op)
{
	const struct xml_element *beside = op->before ? op->before : parent->last;
	size_t place = op->before ? blank_before(splices->text, beside->open.start) : beside->close.end;
	add_splice(splices, place, place, new_child(splices, op->value, indent_of(splices, beside)));
}

static const struct xml_attribute *find_attribute(const struct splices *splices, const struct xml_element *element,
						  const char *name)
{
	for (const struct xml_attribute *at = element->attributes; at; at = at->next)
		if (slice_equals((struct slice){ splices->text.start + at->name.start, at->name.end - at->name.start },
				 name))
			return at;
	return NULL;
}

static void set_attribute(struct splices *splices, const struct xml_element *element, const struct xml_op *op)
{
	const char *value = xml_escape(splices->arena, op->value);
	const struct xml_attribute *attribute = find_attribute(splices, element, op->name);
	if (attribute) {
		add_splice(splices, attribute->value.start, attribute->value.end, value);
		return;
	}
	size_t place = element->name.end;
	char quote = '\'';
	for (attribute = element->attributes; attribute; attribute = attribute->next) {
		place = attribute->value.end + 1;
		quote = splices->text.start[attribute->value.end];
	}
	add_splice(splices, place, place, arena_printf(splices->arena, " %s=%c%s%c", op->name, quote, value, quote));
}

static void remove_attribute(struct splices *splices, const struct xml_element *element, const struct xml_op *op)
{
	const struct xml_attribute *attribute = find_attribute(splices, element, op->name);
	if (!attribute)
		return;
	size_t start = attribute->name.start;
	while (is_blank(splices->text.start[start - 1]))
		start--;
	add_splice(splices, start, attribute->value.end + 1, "");
}

static void set_content(struct splices *splices, const struct xml_element *element, const struct xml_op *op)
{
	const char *content = xml_escape(splices->arena, op->value);
	if (element->close.start != element->close.end) {
		add_splice(splices, element->open.end, element->close.start, content);
		return;
	}
	add_splice(splices, element->open.end - strlen("/>"), element->open.end,
		   arena_printf(splices->arena, ">%s</%.*s>", content, (int)(element->name.end - element->name.start),
				splices->text.start + element->name.start));
}

static void gather(struct splices *splices, const struct xml_element *element)
{
	bool inserts = false;
	bool content = false;
	if (xml_edit_is_removed(element)) {
		add_splice(splices, blank_before(splices->text, element->open.start), element->close.end, "");
		return;
	}
	for (const struct xml_op *op = element->ops; op; op = op->next) {
		if (op->kind == XML_SET_ATTRIBUTE)
			set_attribute(splices, element, op);
		else if (op->kind == XML_REMOVE_ATTRIBUTE)
			remove_attribute(splices, element, op);
		else if (op->kind == XML_SET_CONTENT)
			set_content(splices, element, op);
		else if (op->kind == XML_INSERT && element->first)
			insert(splices, element, op);
		content |= op->kind == XML_SET_CONTENT;
		inserts |= op->kind == XML_INSERT;
	}
	if (inserts && !element->first)
		insert_first(splices, element);
	for (const struct xml_element *child = content ? NULL : element->first; child; child = child->next)
		gather(splices, child);
}

static struct slice splice_all(struct splices *splices)
{
	struct buffer text = { .arena = splices->arena };
	size_t at = 0;
	buffer_puts(&text, "");
	qsort(splices->items, splices->count, sizeof(*splices->items), compare_splices);
	for (size_t i = 0; i < splices->count; i++) {
		const struct splice *splice = &splices->items[i];
		buffer_add(&text, splices->text.start + at, splice->gone.start - at);
		buffer_puts(&text, splice->text);
		at = splice->gone.end;
	}
	buffer_add(&text, splices->text.start + at, splices->text.length - at);
	return (struct slice){ text.text, text.length };
}

int xml_edit_apply(struct xml_text *text, struct slice *ret, struct error *error)
{
	struct splices splices = { .arena = text->arena, .text = text->text };
	gather(&splices, text->root);
	if (splices.count == 0) {
		*ret = text->text;
		return 0;
	}
	struct slice result = splice_all(&splices);
	AUTO_XML_TEXT check = { 0 };
	int r = xml_text_read(text->arena, result, &check, error);
	if (r < 0)
		return error_prefix(error, r == -EFBIG ? r : -EIO, "after editing");
	if (!xml_edit_verify(text, check.doc))
		return error_set(error, -EIO, "after editing, more than was meant is different; nothing was changed");
	*ret = result;
	return 0;
}
