/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first byte is what is wished for, the rest a domain's XML. What comes out is well-formed; editing it again changes
 * nothing; and when what was added is taken out of it again, byte by byte, what is left was there before.
 */
#include "fuzz.h"

#include <errno.h>

#include "libvirt/domain-edit.h"

/* An <iommu> alone, beside other devices, is taken away again without a trace. */
static bool can_be_taken_back(struct arena *arena, const struct domain_wishes *wishes, struct slice xml,
			      const struct domain_result *result)
{
	AUTO_XML_TEXT text = { 0 };
	if (wishes->q35 || wishes->host_cpu || wishes->efi || !wishes->viommu || result->done.count != 1 ||
	    xml_text_read(arena, xml, &text, NULL) < 0)
		return false;
	const struct xml_element *devices = xml_child(text.root, "devices");
	return devices->first && !xml_child(devices, "iommu");
}

static size_t count_comments(struct slice text)
{
	size_t count = 0;
	for (size_t i = 0; i + 4 <= text.length; i++)
		count += memcmp(text.start + i, "<!--", 4) == 0;
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	static const struct domain_host_device members[] = {
		{ { 0, 1, 0, 0 }, "1" }, { { 0, 1, 0, 1 }, "1" }, { { 0, 2, 0, 0 }, "2" },
		{ { 0, 3, 0, 0 }, "3" }, { { 0, 3, 0, 1 }, "3" }, { { 0, 3, 0, 2 }, "3" },
	};
	if (size == 0)
		return 0;
	struct domain_wishes wishes = {
		.viommu = !(data[0] & 1),
		.no_viommu = data[0] & 1,
		.q35 = data[0] & 2,
		.host_cpu = data[0] & 4,
		.efi = data[0] & 8,
		.eim = data[0] & 16 ? DOMAIN_ON : DOMAIN_UNSET,
		.libvirt_version = data[0] & 32 ? 7000000 : 9000000,
		.aw_bits = data[0] & 64  ? 39 :
			   data[0] & 128 ? 48 :
					   0,
		.members = members,
		.member_count = ARRAY_SIZE(members),
	};
	struct slice xml = { (const char *)data + 1, size - 1 };
	struct domain_result result;
	struct domain_result again;
	struct error error = { "" };
	int r = domain_edit(&arena, xml, &wishes, &result, &error);
	HOLDS(r == 0 || ((r == -EINVAL || r == -ENOTSUP || r == -EFBIG) && error.text[0]));
	if (r < 0)
		return 0;
	bool same = result.xml.length == xml.length && memcmp(result.xml.start, xml.start, xml.length) == 0;
	HOLDS(result.changed == !same);
	HOLDS(domain_edit(&arena, result.xml, &wishes, &again, &error) == 0);
	HOLDS(!again.changed && again.xml.length == result.xml.length);
	/* Only these two take whole elements away, and comments in them. */
	if (!wishes.q35 && !wishes.no_viommu && !wishes.host_cpu)
		HOLDS(count_comments(result.xml) == count_comments(xml));
	if (can_be_taken_back(&arena, &wishes, xml, &result)) {
		wishes = (struct domain_wishes){ .no_viommu = true };
		HOLDS(domain_edit(&arena, result.xml, &wishes, &again, &error) == 0);
		HOLDS(again.xml.length == xml.length && memcmp(again.xml.start, xml.start, xml.length) == 0);
	}
	return 0;
}
