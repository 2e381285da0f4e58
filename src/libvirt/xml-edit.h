/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Edits of an XML text: noted at its elements first, then made all at once, as edits of the text: every byte that is not
 * meant stays, be it a comment, the order and quoting of attributes, or white space. What is added stands as what is
 * beside it does.
 *
 * The result is read again, and compared with the old tree and what was meant: it is given out only if nothing else
 * differs.
 */
#pragma once

#include "libvirt/xml-text.h"

enum xml_op_kind { XML_SET_ATTRIBUTE, XML_REMOVE_ATTRIBUTE, XML_INSERT, XML_REMOVE, XML_SET_CONTENT };

struct xml_op {
	enum xml_op_kind kind;
	const char *name;                 /* of the attribute */
	const char *value;                /* not escaped; for XML_INSERT an element as XML */
	const struct xml_element *before; /* for XML_INSERT: this child; NULL: behind the last one */
	struct xml_op *next;              /* in the order in which they were noted */
};

/* Sets it, or adds it behind the other attributes. Nothing is noted when it has that value. */
void xml_edit_set(struct xml_text *text, struct xml_element *element, const char *name, const char *value);
void xml_edit_remove_attribute(struct xml_text *text, struct xml_element *element, const char *name);

/* A new child. Lines of `xml` are indented by two spaces for each level, from none. */
void xml_edit_insert(struct xml_text *text, struct xml_element *parent, const struct xml_element *before,
		     const char *xml);

/* The element with all that is in it, and the white space before it. */
void xml_edit_remove(struct xml_text *text, struct xml_element *element);

/* In place of all that is in it. */
void xml_edit_set_content(struct xml_text *text, struct xml_element *element, const char *content);

/* As they will be; NULL: not there. */
const char *xml_edit_get(const struct xml_text *text, const struct xml_element *element, const char *name);
bool xml_edit_is_removed(const struct xml_element *element);

/* For text that goes into what is inserted: between quotes of either kind, or as content. */
const char *xml_escape(struct arena *arena, const char *text);

/* The new text; the old one, when nothing was noted. -EIO: it is not what was meant, a mistake of ours. */
int xml_edit_apply(struct xml_text *text, struct slice *ret, struct error *error) MUST_CHECK;

/* For xml_edit_apply(): is `doc` the old tree, changed as noted, and nothing else? */
bool xml_edit_verify(const struct xml_text *text, const xmlDoc *doc);
