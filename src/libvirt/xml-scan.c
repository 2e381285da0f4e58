/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Positions of elements and attributes (Extensible Markup Language 1.0, fifth edition: productions are named below).
 * Lenient where leniency does no harm: what this takes and libxml2 does not is refused afterwards.
 */
#include "libvirt/xml-text.h"

#include <errno.h>

struct scanner {
	struct arena *arena;
	struct slice text;
	size_t at;
	struct xml_element *root;
	struct xml_element *open; /* the innermost element that is not closed yet */
	struct error *error;
};

static size_t line_of(const struct scanner *scanner, size_t position)
{
	size_t line = 1;
	for (size_t i = 0; i < position && i < scanner->text.length; i++)
		line += scanner->text.start[i] == '\n';
	return line;
}

static bool is_space(char character)
{
	return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

/* What cannot stand in a name and ends it; what else may not be in one, libxml2 says. */
static bool ends_name(char character)
{
	return is_space(character) || strchr("=<>/\"'&", character);
}

static bool looking_at(const struct scanner *scanner, const char *token)
{
	struct slice rest = { scanner->text.start + scanner->at, scanner->text.length - scanner->at };
	return slice_starts_with(rest, token);
}

static bool at_end(const struct scanner *scanner)
{
	return scanner->at >= scanner->text.length;
}

static char current(const struct scanner *scanner)
{
	return at_end(scanner) ? '\0' : scanner->text.start[scanner->at];
}

static void skip_space(struct scanner *scanner)
{
	while (!at_end(scanner) && is_space(current(scanner)))
		scanner->at++;
}

/* Behind the next `token`. */
static int skip_past(struct scanner *scanner, const char *token, const char *what)
{
	size_t start = scanner->at;
	const char *found = memmem(scanner->text.start + start, scanner->text.length - start, token, strlen(token));
	if (!found)
		return error_set(scanner->error, -EINVAL, "line %zu: %s has no end", line_of(scanner, start), what);
	scanner->at = (size_t)(found - scanner->text.start) + strlen(token);
	return 0;
}

static int scan_name(struct scanner *scanner, struct xml_span *ret)
{
	size_t start = scanner->at;
	while (!at_end(scanner) && !ends_name(current(scanner)))
		scanner->at++;
	if (scanner->at == start)
		return error_set(scanner->error, -EINVAL, "line %zu: a name is missing", line_of(scanner, start));
	*ret = (struct xml_span){ start, scanner->at };
	return 0;
}

/* Attribute ::= Name Eq AttValue */
static int scan_attribute(struct scanner *scanner, struct xml_attribute *attribute)
{
	int r = scan_name(scanner, &attribute->name);
	if (r < 0)
		return r;
	skip_space(scanner);
	if (current(scanner) != '=')
		return error_set(scanner->error, -EINVAL, "line %zu: an attribute has no value",
				 line_of(scanner, scanner->at));
	scanner->at++;
	skip_space(scanner);
	char quote = current(scanner);
	if (quote != '"' && quote != '\'')
		return error_set(scanner->error, -EINVAL, "line %zu: the value of an attribute is not quoted",
				 line_of(scanner, scanner->at));
	size_t start = ++scanner->at;
	r = skip_past(scanner, quote == '"' ? "\"" : "'", "the value of an attribute");
	if (r < 0)
		return r;
	attribute->value = (struct xml_span){ start, scanner->at - 1 };
	return 0;
}

static void link_element(struct scanner *scanner, struct xml_element *element)
{
	struct xml_element *parent = scanner->open;
	element->parent = parent;
	if (!parent) {
		scanner->root = element;
		return;
	}
	element->previous = parent->last;
	if (parent->last)
		parent->last->next = element;
	else
		parent->first = element;
	parent->last = element;
}

/* STag, EmptyElemTag */
static int scan_open_tag(struct scanner *scanner)
{
	struct xml_element *element = arena_alloc(scanner->arena, sizeof(*element));
	struct xml_attribute **tail = &element->attributes;
	if (!scanner->open && scanner->root)
		return error_set(scanner->error, -EINVAL, "line %zu: a second outermost element",
				 line_of(scanner, scanner->at));
	element->open.start = scanner->at++;
	int r = scan_name(scanner, &element->name);
	if (r < 0)
		return r;
	for (;;) {
		skip_space(scanner);
		if (current(scanner) == '>' || current(scanner) == '/' || at_end(scanner))
			break;
		*tail = arena_alloc(scanner->arena, sizeof(**tail));
		r = scan_attribute(scanner, *tail);
		if (r < 0)
			return r;
		tail = &(*tail)->next;
	}
	bool empty = looking_at(scanner, "/>");
	if (!empty && current(scanner) != '>')
		return error_set(scanner->error, -EINVAL, "line %zu: a tag has no end",
				 line_of(scanner, element->open.start));
	scanner->at += empty ? 2 : 1;
	element->open.end = scanner->at;
	element->close = (struct xml_span){ scanner->at, scanner->at };
	link_element(scanner, element);
	if (!empty)
		scanner->open = element;
	return 0;
}

/* ETag */
static int scan_close_tag(struct scanner *scanner)
{
	struct xml_element *element = scanner->open;
	struct xml_span name;
	size_t start = scanner->at;
	scanner->at += strlen("</");
	int r = scan_name(scanner, &name);
	if (r < 0)
		return r;
	if (!element || name.end - name.start != element->name.end - element->name.start ||
	    memcmp(scanner->text.start + name.start, scanner->text.start + element->name.start,
		   name.end - name.start) != 0)
		return error_set(scanner->error, -EINVAL, "line %zu: </%.*s> closes nothing that is open",
				 line_of(scanner, start),
				 (int)(name.end - name.start > 80 ? 80 : name.end - name.start),
				 scanner->text.start + name.start);
	r = skip_past(scanner, ">", "a closing tag");
	if (r < 0)
		return r;
	element->close = (struct xml_span){ start, scanner->at };
	scanner->open = element->parent;
	return 0;
}

static int scan_markup(struct scanner *scanner)
{
	if (looking_at(scanner, "<!--"))
		return skip_past(scanner, "-->", "a comment");
	if (looking_at(scanner, "<![CDATA["))
		return skip_past(scanner, "]]>", "a CDATA section");
	if (looking_at(scanner, "<?"))
		return skip_past(scanner, "?>", "a processing instruction");
	if (looking_at(scanner, "<!"))
		return error_set(scanner->error, -EINVAL,
				 "line %zu: a DOCTYPE or other declaration; the definition of a domain needs none, and "
				 "it could name other files",
				 line_of(scanner, scanner->at));
	return looking_at(scanner, "</") ? scan_close_tag(scanner) : scan_open_tag(scanner);
}

int xml_scan(struct arena *arena, struct slice text, struct xml_element **ret, struct error *error)
{
	struct scanner scanner = { .arena = arena, .text = text, .error = error };
	for (;;) {
		const char *next = memchr(text.start + scanner.at, '<', text.length - scanner.at);
		if (!next)
			break;
		scanner.at = (size_t)(next - text.start);
		int r = scan_markup(&scanner);
		if (r < 0)
			return r;
	}
	if (scanner.open)
		return error_set(error, -EINVAL, "line %zu: an element has no end",
				 line_of(&scanner, scanner.open->open.start));
	if (!scanner.root)
		return error_set(error, -EINVAL, "there is no element in it");
	*ret = scanner.root;
	return 0;
}
