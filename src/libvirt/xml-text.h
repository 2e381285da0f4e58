/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An XML text, and where its elements and attributes stand in it, so that it can be edited without touching the rest.
 *
 * Two readers see every text: libxml2, whose word on what is well-formed and on what a value is counts, and a scanner of
 * ours for the positions, which libxml2 does not tell. A text in which they do not see the same is refused.
 *
 * Refused as well, with the line: what is not UTF-8, holds a NUL or is longer than libvirt takes; and a DOCTYPE: a
 * definition of a domain needs none, and entities can make much out of little or read other files.
 */
#pragma once

#include <libxml/tree.h>

#include "base/error.h"
#include "base/text.h"

/* REMOTE_STRING_MAX of libvirt's protocol (src/remote/remote_protocol.x): no longer text reaches the daemon. */
#define XML_TEXT_MAX ((size_t)4 << 20)

/* Positions are offsets of bytes. */
struct xml_span {
	size_t start;
	size_t end;
};

struct xml_attribute {
	struct xml_span name;
	struct xml_span value; /* between the quotes */
	struct xml_attribute *next;
};

struct xml_op; /* libvirt/xml-edit.h */

struct xml_element {
	struct xml_span open;  /* from '<' to behind its '>' */
	struct xml_span close; /* the closing tag; empty, at the end of `open`, for <name/> */
	struct xml_span name;
	struct xml_attribute *attributes; /* declarations of namespaces among them */
	struct xml_element *parent;
	struct xml_element *first;
	struct xml_element *last;
	struct xml_element *next;
	struct xml_element *previous;
	xmlNode *node;      /* its `_private` points back here */
	struct xml_op *ops; /* what shall be changed about it */
};

struct xml_text {
	struct arena *arena;
	struct slice text;
	xmlDoc *doc;
	struct xml_element *root;
};

/* -EINVAL: not what it should be; -EFBIG: too long. Start with { 0 }; `ret` must be released after both. */
int xml_text_read(struct arena *arena, struct slice text, struct xml_text *ret, struct error *error) MUST_CHECK;
void xml_text_release(struct xml_text *text);

#define AUTO_XML_TEXT CLEANUP(xml_text_release) struct xml_text

/* libxml2's reading of a text alone: refuses what is not well-formed. To be freed by xmlFreeDoc(). */
int xml_parse(struct slice text, xmlDoc **ret, struct error *error) MUST_CHECK;

/* The scanner alone, without libxml2's word: for xml_text_read(). */
int xml_scan(struct arena *arena, struct slice text, struct xml_element **ret, struct error *error) MUST_CHECK;

/* ---- Finding; all take NULL for "not there", and see only what is in no namespace ---- */

/* The first child called so, and the next sibling of the same name. */
struct xml_element *xml_child(const struct xml_element *parent, const char *name);
struct xml_element *xml_next(const struct xml_element *element);

bool xml_is(const struct xml_element *element, const char *name);

/* Unescaped; NULL: not there. */
const char *xml_get(struct arena *arena, const struct xml_element *element, const char *name);
bool xml_has(const struct xml_element *element, const char *name, const char *value);

/* All its text, without white space around; never NULL. */
const char *xml_content(struct arena *arena, const struct xml_element *element);
