/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvirt/xml-text.h"

#include <errno.h>
#include <libxml/parser.h>

static size_t line_at(struct slice text, size_t position)
{
	size_t line = 1;
	for (size_t i = 0; i < position; i++)
		line += text.start[i] == '\n';
	return line;
}

static int check_bytes(struct slice text, struct error *error)
{
	if (text.length > XML_TEXT_MAX)
		return error_set(error, -EFBIG, "it has %zu bytes; libvirt takes at most %zu", text.length,
				 XML_TEXT_MAX);
	const char *nul = memchr(text.start, '\0', text.length);
	if (nul)
		return error_set(error, -EINVAL, "line %zu: a byte that is 0",
				 line_at(text, (size_t)(nul - text.start)));
	/* text_character() stops at the NUL behind a text. A slice has none: the last characters are read from a copy. */
	for (size_t i = 0; i < text.length;) {
		char rest[8] = { 0 };
		memcpy(rest, text.start + i, text.length - i < 4 ? text.length - i : 4);
		size_t length = text_character(rest);
		if (length == 0)
			return error_set(error, -EINVAL, "line %zu: not UTF-8 (byte 0x%02x)", line_at(text, i),
					 (unsigned char)text.start[i]);
		i += length;
	}
	return 0;
}

static void keep_quiet(void *context, xmlErrorPtr problem)
{
}

int xml_parse(struct slice text, xmlDoc **ret, struct error *error)
{
	xmlParserCtxt *parser = xmlNewParserCtxt();
	if (!parser)
		return error_set(error, -ENOMEM, "no memory left to read XML");
	/* Else it writes to stderr. */
	parser->sax->serror = keep_quiet;
	xmlDoc *doc = xmlCtxtReadMemory(parser, text.start, (int)text.length, NULL, NULL, XML_PARSE_NONET);
	const xmlError *problem = xmlCtxtGetLastError(parser);
	int r = 0;
	/* A document may come with errors that libxml2 puts up with: a namespace that was not declared. */
	if (!doc || !parser->wellFormed || !parser->nsWellFormed) {
		const char *message = problem && problem->message ? problem->message : "not well-formed";
		r = error_set(error, -EINVAL, "line %d: %.*s", problem ? problem->line : 1, (int)strcspn(message, "\n"),
			      message);
	} else if (doc->encoding && xmlStrcasecmp(doc->encoding, BAD_CAST "UTF-8") != 0 &&
		   xmlStrcasecmp(doc->encoding, BAD_CAST "US-ASCII") != 0) {
		r = error_set(error, -EINVAL, "it says that its encoding is %.40s; only UTF-8 is understood",
			      (const char *)doc->encoding);
	} else if (doc->intSubset || doc->extSubset) {
		r = error_set(error, -EINVAL, "a DOCTYPE; the definition of a domain needs none");
	}
	xmlFreeParserCtxt(parser);
	if (r < 0) {
		xmlFreeDoc(doc);
		return r;
	}
	*ret = doc;
	return 0;
}

static bool same_name(const struct xml_text *text, struct xml_span span, const xmlNs *namespace, const xmlChar *name)
{
	const char *prefix = namespace && namespace->prefix ? (const char *)namespace->prefix : "";
	size_t prefix_length = *prefix ? strlen(prefix) + 1 : 0;
	const char *at = text->text.start + span.start;
	size_t length = span.end - span.start;
	if (length < prefix_length ||
	    (*prefix && (strncmp(at, prefix, prefix_length - 1) != 0 || at[prefix_length - 1] != ':')))
		return false;
	return slice_equals((struct slice){ at + prefix_length, length - prefix_length }, (const char *)name);
}

static size_t count_attributes(const struct xml_element *element)
{
	size_t count = 0;
	for (const struct xml_attribute *attribute = element->attributes; attribute; attribute = attribute->next)
		count++;
	return count;
}

static size_t count_node_attributes(const xmlNode *node)
{
	size_t count = 0;
	for (const xmlNs *namespace = node->nsDef; namespace; namespace = namespace->next)
		count++;
	for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next)
		count++;
	return count;
}

/* Ties our elements to libxml2's; false where they are not the same. libxml2 limits the depth. */
static bool match(const struct xml_text *text, struct xml_element *element, xmlNode *node)
{
	if (!same_name(text, element->name, node->ns, node->name) ||
	    count_attributes(element) != count_node_attributes(node))
		return false;
	element->node = node;
	node->_private = element;
	struct xml_element *child = element->first;
	for (xmlNode *at = node->children; at; at = at->next) {
		if (at->type != XML_ELEMENT_NODE)
			continue;
		if (!child || !match(text, child, at))
			return false;
		child = child->next;
	}
	return !child;
}

int xml_text_read(struct arena *arena, struct slice text, struct xml_text *ret, struct error *error)
{
	*ret = (struct xml_text){ .arena = arena, .text = text };
	int r = check_bytes(text, error);
	if (r < 0)
		return r;
	r = xml_scan(arena, text, &ret->root, error);
	if (r < 0)
		return r;
	r = xml_parse(text, &ret->doc, error);
	if (r < 0)
		return r;
	xmlNode *root = xmlDocGetRootElement(ret->doc);
	if (!root || !match(ret, ret->root, root))
		return error_set(error, -EINVAL, "its elements cannot be told apart for certain");
	return 0;
}

void xml_text_release(struct xml_text *text)
{
	xmlFreeDoc(text->doc);
	text->doc = NULL;
}

bool xml_is(const struct xml_element *element, const char *name)
{
	return element && !element->node->ns && strcmp((const char *)element->node->name, name) == 0;
}

struct xml_element *xml_child(const struct xml_element *parent, const char *name)
{
	for (struct xml_element *child = parent ? parent->first : NULL; child; child = child->next)
		if (xml_is(child, name))
			return child;
	return NULL;
}

struct xml_element *xml_next(const struct xml_element *element)
{
	for (struct xml_element *next = element ? element->next : NULL; next; next = next->next)
		if (xml_is(next, (const char *)element->node->name))
			return next;
	return NULL;
}

const char *xml_get(struct arena *arena, const struct xml_element *element, const char *name)
{
	xmlChar *value = element ? xmlGetNoNsProp(element->node, BAD_CAST name) : NULL;
	const char *copy = value ? arena_strdup(arena, (const char *)value) : NULL;
	xmlFree(value);
	return copy;
}

bool xml_has(const struct xml_element *element, const char *name, const char *value)
{
	xmlChar *there = element ? xmlGetNoNsProp(element->node, BAD_CAST name) : NULL;
	bool has = there && strcmp((const char *)there, value) == 0;
	xmlFree(there);
	return has;
}

const char *xml_content(struct arena *arena, const struct xml_element *element)
{
	xmlChar *content = element ? xmlNodeGetContent(element->node) : NULL;
	struct slice trimmed = slice_of(content ? (const char *)content : "");
	while (trimmed.length && strchr(" \t\r\n", trimmed.start[0])) {
		trimmed.start++;
		trimmed.length--;
	}
	while (trimmed.length && strchr(" \t\r\n", trimmed.start[trimmed.length - 1]))
		trimmed.length--;
	const char *copy = arena_strndup(arena, trimmed.start, trimmed.length);
	xmlFree(content);
	return copy;
}
