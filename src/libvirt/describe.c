/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvirt/describe.h"

#include <errno.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"

/* Elements of a domain that are read, with all that is in them; "/" leads to one inside. */
static const char *const wanted[] = {
	"name",
	"uuid",
	"memory",
	"currentMemory",
	"maxMemory",
	"memoryBacking",
	"memtune",
	"vcpu",
	"os/type",
	"os/loader",
	"os/nvram",
	"features",
	"cpu",
	"launchSecurity",
	"iommufd",
	"devices/emulator",
	"devices/hostdev",
	"devices/controller",
	"devices/iommu",
	"devices/memballoon",
	"devices/memory",
	"devices/video/model",
	"devices/interface/source/address",
	"devices/interface/address",
	"devices/interface/alias",
	"devices/interface/driver",
	"devices/interface/rom",
	"devices/disk/source/address",
	"devices/disk/alias",
	"qemu:commandline/qemu:arg",
	"qemu:override",
};

/* Elements on the way to a wanted one have all their attributes, but those that say too much. */
static const char *const unwanted[] = {
	"devices/disk/source", /* NVMe of the host has type, managed, namespace; others have file names */
	"devices/interface/source",
};

struct describing {
	xmlParserCtxtPtr parser;
	bool has_dtd;
};

static void parser_cleanup(xmlParserCtxtPtr *parser)
{
	if (*parser) {
		xmlFreeDoc((*parser)->myDoc);
		xmlFreeParserCtxt(*parser);
	}
}

/* ---- Which ---- */

static const char *prefix_of(const xmlNs *namespace)
{
	if (!namespace || !namespace->href)
		return "";
	return strcmp((const char *)namespace->href, QEMU_NAMESPACE) == 0 ? "qemu:" : NULL;
}

static bool is_path(const char *path, const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(paths[i], path) == 0)
			return true;
	return false;
}

/* Whether something that is wanted may be below. */
static bool leads_on(const char *path)
{
	size_t length = strlen(path);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (strncmp(wanted[i], path, length) == 0 && wanted[i][length] == '/')
			return true;
	return false;
}

/* ---- The tree ---- */

static void add_attributes(struct json_object *element, const xmlNode *node)
{
	struct json_object *attributes = NULL;
	for (xmlAttrPtr attribute = node->properties; attribute; attribute = attribute->next) {
		/* No attribute that libvirt knows has a namespace. */
		if (attribute->ns)
			continue;
		xmlChar *value = xmlNodeListGetString(node->doc, attribute->children, 1);
		if (!attributes)
			attributes = json_object_new_object();
		json_add_text(attributes, (const char *)attribute->name, value ? (const char *)value : "");
		xmlFree(value);
	}
	if (attributes)
		json_object_object_add(element, "attributes", attributes);
}

static void add_text(struct json_object *element, const xmlNode *node)
{
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	for (const xmlNode *child = node->children; child; child = child->next)
		if ((child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) && child->content)
			buffer_puts(&text, (const char *)child->content);
	struct slice trimmed = text.length ? slice_trim((struct slice){ text.text, text.length }) : slice_of("");
	if (trimmed.length)
		json_add_text(element, "text", arena_strndup(&arena, trimmed.start, trimmed.length));
}

/*
 * Nothing that libvirt knows is deeper than six elements in one another; and json-c reads no more than 32 levels of JSON,
 * of which an element takes two, so that one strange domain would hide all others of a list.
 */
#define DEPTH_MAX 10

/* `path`: from the domain on; NULL: all below is wanted. */
static struct json_object *convert(const xmlNode *node, const char *path, unsigned int depth)
{
	AUTO_ARENA arena = { 0 };
	struct json_object *element = json_object_new_object();
	struct json_object *children = json_object_new_array();
	json_object_object_add(element, "name",
			       json_new_text(
				       arena_printf(&arena, "%s%s", prefix_of(node->ns), (const char *)node->name)));
	if (!path || !is_path(path, unwanted, ARRAY_SIZE(unwanted)))
		add_attributes(element, node);
	if (!path)
		add_text(element, node);
	for (const xmlNode *child = depth < DEPTH_MAX ? node->children : NULL; child; child = child->next) {
		const char *prefix = child->type == XML_ELEMENT_NODE ? prefix_of(child->ns) : NULL;
		if (!prefix)
			continue;
		const char *below = NULL;
		if (path) {
			below = arena_printf(&arena, "%s%s%s%s", path, *path ? "/" : "", prefix,
					     (const char *)child->name);
			if (is_path(below, wanted, ARRAY_SIZE(wanted)))
				below = NULL;
			else if (!leads_on(below))
				continue;
		}
		json_object_array_add(children, convert(child, below, depth + 1));
	}
	if (json_object_array_length(children))
		json_object_object_add(element, "children", children);
	else
		json_object_put(children);
	return element;
}

/* ---- The text ---- */

/* No domain has a document type, and entities are declared in one. */
static void refuse_dtd(void *context, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	xmlParserCtxtPtr parser = context;
	struct describing *describing = parser->_private;
	describing->has_dtd = true;
	xmlStopParser(parser);
}

static int refuse(const struct describing *describing, struct error *error)
{
	AUTO_ARENA arena = { 0 };
	const xmlError *last = xmlCtxtGetLastError(describing->parser);
	if (describing->has_dtd)
		return error_set(error, -EINVAL, "it has a DOCTYPE: a domain's XML has none, and none is read");
	if (!last || !last->message)
		return error_set(error, -EINVAL, "no XML");
	struct slice message = slice_trim(slice_of(last->message));
	char *text = arena_strndup(&arena, message.start, message.length < 300 ? message.length : 300);
	for (char *c = strchr(text, '\n'); c; c = strchr(c, '\n'))
		*c = ' ';
	return error_set(error, -EINVAL, "no XML: line %d: %s", last->line, text);
}

int describe_domain(struct slice xml, struct json_object **ret, struct error *error)
{
	if (xml.length > DESCRIBE_XML_MAX)
		return error_set(error, -EFBIG, "the XML is of %zu bytes; libvirt takes at most %zu MiB", xml.length,
				 DESCRIBE_XML_MAX >> 20);
	CLEANUP(parser_cleanup) xmlParserCtxtPtr parser = xmlNewParserCtxt();
	if (!parser)
		return error_set(error, -ENOMEM, "out of memory");
	struct describing describing = { .parser = parser };
	parser->_private = &describing;
	parser->sax->internalSubset = refuse_dtd;
	xmlDocPtr document = xmlCtxtReadMemory(parser, xml.start, (int)xml.length, NULL, NULL,
					       XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	parser->myDoc = document;
	if (!document || describing.has_dtd)
		return refuse(&describing, error);
	const xmlNode *top = xmlDocGetRootElement(document);
	if (!top || prefix_of(top->ns) == NULL || strcmp((const char *)top->name, "domain") != 0)
		return error_set(error, -EINVAL, "it is the XML of a <%.60s>, not of a <domain>",
				 top ? (const char *)top->name : "");
	*ret = convert(top, "", 1);
	return 0;
}
