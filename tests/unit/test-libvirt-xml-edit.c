/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Edits of XML that leave every other byte as it is. */
#include "unit.h"

#include <errno.h>

#include "libvirt/xml-edit.h"

static const char *read_error(const char *text, size_t length)
{
	static struct error error;
	AUTO_ARENA arena = { 0 };
	AUTO_XML_TEXT xml = { 0 };
	error.text[0] = '\0';
	assert_true(xml_text_read(&arena, (struct slice){ text, length }, &xml, &error) < 0);
	return error.text;
}

static const char *error_of(const char *text)
{
	return read_error(text, strlen(text));
}

static void refuses_what_is_not_well_formed(void **state)
{
	assert_contains(error_of(""), "no element");
	assert_contains(error_of("<a>\n<b></a>"), "line 2: </a> closes nothing that is open");
	assert_contains(error_of("<a b=c/>"), "line 1: the value of an attribute is not quoted");
	assert_contains(error_of("<a b='<'/>"), "line 1");
	assert_contains(error_of("<a/><a/>"), "second outermost");
	assert_contains(error_of("<a>&other;</a>"), "line 1: Entity 'other' not defined");
	assert_contains(error_of("<x:a/>"), "Namespace prefix x");
	assert_contains(error_of("<a><!-- no end </a>"), "line 1: a comment has no end");
	assert_contains(error_of("text <a/>"), "line 1");
}

static void refuses_entities_and_document_types(void **state)
{
	assert_contains(error_of("<!DOCTYPE a [<!ENTITY x SYSTEM '/etc/passwd'>]>\n<a>&x;</a>"), "line 1: a DOCTYPE");
	assert_contains(error_of("<?xml version='1.0'?>\n<!-- c -->\n<!DOCTYPE a>\n<a/>"), "line 3: a DOCTYPE");
}

static void refuses_bytes_that_are_no_text(void **state)
{
	assert_contains(error_of("<a>\n\xff</a>"), "line 2: not UTF-8 (byte 0xff)");
	assert_contains(error_of("<a>\xc3"), "not UTF-8");
	assert_contains(read_error("<a>\0</a>", 8), "line 1: a byte that is 0");
	assert_contains(error_of("<?xml version='1.0' encoding='latin1'?><a/>"), "encoding is");
}

static void refuses_more_than_libvirt_takes(void **state)
{
	size_t length = (size_t)10 << 20;
	char *text = malloc(length);
	memset(text, ' ', length);
	memcpy(text, "<domain>", 8);
	memcpy(text + length - 9, "</domain>", 9);
	assert_contains(read_error(text, length), "it has 10485760 bytes; libvirt takes at most 4194304");
	free(text);
}

static void refuses_elements_in_elements_without_end(void **state)
{
	size_t depth = 300000;
	char *text = malloc(7 * depth);
	for (size_t i = 0; i < depth; i++) {
		memcpy(text + 3 * i, "<a>", 3);
		memcpy(text + 3 * depth + 4 * i, "</a>", 4);
	}
	assert_contains(read_error(text, 7 * depth), "Excessive depth");
	free(text);
}

static const char *edited(const char *before, void (*edit)(struct xml_text *text))
{
	static char result[4096];
	AUTO_ARENA arena = { 0 };
	AUTO_XML_TEXT text = { 0 };
	struct slice after;
	struct error error;
	if (xml_text_read(&arena, slice_of(before), &text, &error) < 0)
		fail_msg("%s", error.text);
	edit(&text);
	if (xml_edit_apply(&text, &after, &error) < 0)
		fail_msg("%s", error.text);
	snprintf(result, sizeof(result), "%.*s", (int)after.length, after.start);
	return result;
}

static void set_some(struct xml_text *text)
{
	xml_edit_set(text, xml_child(text->root, "b"), "old", "it's <new> & \"more\"");
	xml_edit_set(text, xml_child(text->root, "b"), "added", "1");
	xml_edit_set(text, xml_child(text->root, "b"), "same", "as before");
}

static void sets_attributes_where_they_stand(void **state)
{
	assert_string_equal(edited("<a  x = \"1\" >\n\t<!-- b --><b same='as&#x20;before'\n\told=\"1\" ></b ></a>",
				   set_some),
			    "<a  x = \"1\" >\n\t<!-- b --><b same='as&#x20;before'\n\t"
			    "old=\"it&apos;s &lt;new&gt; &amp; &quot;more&quot;\" added=\"1\" ></b ></a>");
	assert_string_equal(
		edited("<a><b/></a>", set_some),
		"<a><b old='it&apos;s &lt;new&gt; &amp; &quot;more&quot;' added='1' same='as before'/></a>");
}

static void insert_some(struct xml_text *text)
{
	xml_edit_insert(text, text->root, xml_child(text->root, "c"), "<n1>\n  <in/>\n</n1>");
	xml_edit_insert(text, text->root, NULL, "<n2/>");
	xml_edit_insert(text, text->root, NULL, "<n3/>");
}

static void inserts_as_the_neighbours_stand(void **state)
{
	assert_string_equal(edited("<a>\n    <b/>\n    <c/>\n</a>\n", insert_some),
			    "<a>\n    <b/>\n    <n1>\n      <in/>\n    </n1>\n    <c/>\n    <n2/>\n    <n3/>\n</a>\n");
	assert_string_equal(edited("<a><b/><c/></a>", insert_some), "<a><b/><n1>\n  <in/>\n</n1><c/><n2/><n3/></a>");
	assert_string_equal(edited("<a>\n  <c/> <!-- why -->\n</a>", insert_some),
			    "<a>\n  <n1>\n    <in/>\n  </n1>\n  <c/>\n  <n2/>\n  <n3/> <!-- why -->\n</a>");
}

static void insert_into(struct xml_text *text)
{
	struct xml_element *b = xml_child(text->root, "b");
	xml_edit_insert(text, b, NULL, "<n1/>");
	xml_edit_insert(text, b, NULL, "<n2/>");
}

static void inserts_into_what_was_empty(void **state)
{
	assert_string_equal(edited("<a>\n\t<b x='1' />\n</a>", insert_into),
			    "<a>\n\t<b x='1' >\n\t  <n1/>\n\t  <n2/>\n\t</b>\n</a>");
	assert_string_equal(edited("<a>\n <b></b>\n</a>", insert_into), "<a>\n <b>\n   <n1/>\n   <n2/>\n </b>\n</a>");
	assert_string_equal(edited("<a><b><!-- c --></b></a>", insert_into), "<a><b><n1/><n2/><!-- c --></b></a>");
}

static void remove_some(struct xml_text *text)
{
	struct xml_element *b = xml_child(text->root, "b");
	xml_edit_set(text, b, "x", "lost with it");
	xml_edit_remove(text, b);
	xml_edit_insert(text, text->root, b, "<n1/>");
	xml_edit_remove_attribute(text, text->root, "gone");
	xml_edit_set_content(text, xml_child(text->root, "c"), "1 < 2");
}

static void removes_elements_with_the_blanks_before_them(void **state)
{
	assert_string_equal(edited("<a gone='' y='2'>\n  <!-- of b -->\n  <b><in/></b>\n  <c> old<i/> </c>\n</a>",
				   remove_some),
			    "<a y='2'>\n  <!-- of b -->\n  <n1/>\n  <c>1 &lt; 2</c>\n</a>");
	assert_string_equal(edited("<a>one<b/>two<c/></a>", remove_some), "<a>one<n1/>two<c>1 &lt; 2</c></a>");
}

static void do_nothing(struct xml_text *text)
{
	xml_edit_set(text, text->root, "x", "1");
	xml_edit_remove_attribute(text, text->root, "not there");
}

static void leaves_alone_what_is_so(void **state)
{
	const char *text =
		"<?xml version=\"1.0\"?>\r\n<!-- c -->\r\n<a x='1'\r\n  q:y='2' xmlns:q='urn:q'><![CDATA[<]]></a>\r\n<?end?>";
	assert_string_equal(edited(text, do_nothing), text);
}

static void verification_sees_what_was_not_meant(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_XML_TEXT text = { 0 };
	static const char *const others[] = {
		"<a><b x='1'/>t</a>",        "<a><b x='2'/>t<c/></a>",           "<a><b x='2' y=''/>t</a>",
		"<a><b x='2'/>u</a>",        "<a><b x='2'/>t<!-- c --></a>",     "<!-- c --><a><b x='2'/>t</a>",
		"<a><b x='2'><n/></b>t</a>", "<a xmlns='urn:a'><b x='2'/>t</a>", "<a><b x='2'/>t <?p q?></a>",
		"<a> <b x='2'/>t</a>",
	};
	assert_int(xml_text_read(&arena, slice_of("<a><b x='1'/>t</a>"), &text, NULL), 0);
	xml_edit_set(&text, text.root->first, "x", "2");
	xmlDoc *doc;
	assert_int(xml_parse(slice_of("<a><b x='2'/>t</a>"), &doc, NULL), 0);
	assert_true(xml_edit_verify(&text, doc));
	xmlFreeDoc(doc);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int(xml_parse(slice_of(others[i]), &doc, NULL), 0);
		if (xml_edit_verify(&text, doc))
			fail_msg("taken for what was meant: %s", others[i]);
		xmlFreeDoc(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_not_well_formed),
		cmocka_unit_test(refuses_entities_and_document_types),
		cmocka_unit_test(refuses_bytes_that_are_no_text),
		cmocka_unit_test(refuses_more_than_libvirt_takes),
		cmocka_unit_test(refuses_elements_in_elements_without_end),
		cmocka_unit_test(sets_attributes_where_they_stand),
		cmocka_unit_test(inserts_as_the_neighbours_stand),
		cmocka_unit_test(inserts_into_what_was_empty),
		cmocka_unit_test(removes_elements_with_the_blanks_before_them),
		cmocka_unit_test(leaves_alone_what_is_so),
		cmocka_unit_test(verification_sees_what_was_not_meant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
