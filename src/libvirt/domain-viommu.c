/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <iommu>, and the <features> that it needs. */
#include <errno.h>

#include "libvirt/domain-edit.h"
#include "libvirt/domain-topology.h"

/* driver aw_bits: libvirt 6.5.0. What an older one does not know it drops without a word. */
#define AW_BITS_SINCE 6005000UL
/* Local APIC ids of 255 and above need the extended interrupt mode; libvirt demands it as well. */
#define CPUS_WITHOUT_EIM 255U

static const char *switch_text(enum domain_switch value)
{
	return value == DOMAIN_ON ? "on" : "off";
}

/* What must be in <features>. New ones go in together, if it is not there. */
static void add_features(struct domain_editor *editor)
{
	struct xml_text *text = &editor->text;
	struct xml_element *features = xml_child(text->root, "features");
	struct xml_element *ioapic = xml_child(features, "ioapic");
	bool acpi = xml_child(features, "acpi");
	if (!features)
		domain_insert(editor, "<features>\n  <acpi/>\n  <ioapic driver='qemu'/>\n</features>");
	if (features && !acpi)
		xml_edit_insert(text, features, features->first, "<acpi/>");
	if (features && !ioapic)
		xml_edit_insert(text, features, NULL, "<ioapic driver='qemu'/>");
	if (!acpi)
		domain_did(editor, "ACPI is on: by its table the guest finds the vIOMMU");
	if (text_equals(xml_get(text->arena, ioapic, "driver"), "qemu"))
		return;
	if (ioapic)
		xml_edit_set(text, ioapic, "driver", "qemu");
	domain_did(editor, "the I/O interrupt controller is QEMU's (split irqchip), without which interrupts are not "
			   "remapped");
}

struct driver_wish {
	const char *name;
	const char *value;
	const char *why;
};

static bool knows_aw_bits(const struct domain_wishes *wishes)
{
	return wishes->libvirt_version == 0 || wishes->libvirt_version >= AW_BITS_SINCE;
}

static size_t gather_wishes(struct domain_editor *editor, struct driver_wish *ret)
{
	const struct domain_wishes *wishes = editor->wishes;
	struct arena *arena = editor->text.arena;
	size_t count = 0;
	ret[count++] = (struct driver_wish){ "intremap", "on", "VFIO in the guest refuses without it" };
	ret[count++] = (struct driver_wish){ "caching_mode", "on", "QEMU sees what the guest maps" };
	if (wishes->aw_bits && knows_aw_bits(wishes))
		ret[count++] = (struct driver_wish){ "aw_bits", arena_printf(arena, "%u", wishes->aw_bits),
						     "asked for, or as wide as this host's IOMMU" };
	else if (wishes->aw_bits)
		domain_warn(editor,
			    "this libvirt knows no aw_bits (since 6.5.0); QEMU's default is used: 39 up to 9.2, 48 "
			    "from 10.0");
	uint64_t cpus = 0;
	bool many = topology_number(xml_content(arena, xml_child(editor->text.root, "vcpu")), UINT32_MAX, &cpus) &&
		    cpus > CPUS_WITHOUT_EIM;
	if (wishes->eim || many)
		ret[count++] = (struct driver_wish){ "eim", many ? "on" : switch_text(wishes->eim),
						     many ? "more than 255 vCPUs need it" : "asked for" };
	if (wishes->iotlb)
		ret[count++] = (struct driver_wish){ "iotlb", switch_text(wishes->iotlb), "asked for" };
	return count;
}

static const char *driver_text(struct arena *arena, const struct driver_wish *wishes, size_t count)
{
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "<driver");
	for (size_t i = 0; i < count; i++)
		buffer_printf(&text, " %s='%s'", wishes[i].name, wishes[i].value);
	buffer_puts(&text, "/>");
	return text.text;
}

static void complete_iommu(struct domain_editor *editor, struct xml_element *iommu, const struct driver_wish *wishes,
			   size_t count)
{
	struct xml_text *text = &editor->text;
	struct xml_element *driver = xml_child(iommu, "driver");
	for (size_t i = 0; i < count; i++) {
		const char *old = xml_get(text->arena, driver, wishes[i].name);
		if (text_equals(old, wishes[i].value))
			continue;
		if (driver)
			xml_edit_set(text, driver, wishes[i].name, wishes[i].value);
		domain_did(editor, "the vIOMMU has %s='%s'%s%s%s: %s", wishes[i].name, wishes[i].value,
			   old ? " instead of '" : "", old ? old : "", old ? "'" : "", wishes[i].why);
	}
	if (!driver)
		xml_edit_insert(text, iommu, iommu->first, driver_text(text->arena, wishes, count));
}

static int check_viommus(struct domain_editor *editor, const struct xml_element *iommu)
{
	struct arena *arena = editor->text.arena;
	const char *model = xml_get(arena, iommu, "model");
	if (iommu && !text_equals(model, "intel"))
		return error_set(
			editor->error, -ENOTSUP,
			"it has a vIOMMU of another model, <iommu model='%.40s'>; take that away first: nested "
			"passthrough needs an Intel one",
			model ? model : "");
	if (xml_next(iommu))
		return error_set(editor->error, -ENOTSUP,
				 "it has more than one <iommu>; QEMU can have one for x86: take the others away");
	for (const struct xml_element *line = editor->text.root->first; line; line = line->next) {
		if (strcmp((const char *)line->node->name, "commandline") != 0)
			continue;
		for (const struct xml_element *word = line->first; word; word = word->next) {
			xmlChar *value = xmlGetNoNsProp(word->node, BAD_CAST "value");
			bool hidden = value && (strstr((const char *)value, "intel-iommu") ||
						strstr((const char *)value, "amd-iommu") ||
						strstr((const char *)value, "virtio-iommu"));
			const char *copy = arena_strdup(arena, value ? (const char *)value : "");
			xmlFree(value);
			if (hidden)
				return error_set(editor->error, -ENOTSUP,
						 "a vIOMMU is in its <qemu:commandline> already (%.80s), where libvirt "
						 "does not see it; take that away, then <iommu> can be added",
						 copy);
		}
	}
	return 0;
}

int domain_add_viommu(struct domain_editor *editor)
{
	struct xml_text *text = &editor->text;
	struct xml_element *devices = xml_child(text->root, "devices");
	struct xml_element *iommu = xml_child(devices, "iommu");
	struct driver_wish wishes[6];
	if (!domain_is_q35(editor))
		return error_set(
			editor->error, -ENOTSUP,
			"its machine type, %.60s, can have no Intel vIOMMU; q35 can. That is another machine for "
			"the guest, in which names of network interfaces change, so it must be asked for: --convert",
			domain_machine(editor));
	int r = check_viommus(editor, iommu);
	if (r < 0)
		return r;
	add_features(editor);
	size_t count = gather_wishes(editor, wishes);
	if (iommu)
		complete_iommu(editor, iommu, wishes, count);
	else
		xml_edit_insert(text, devices, NULL,
				arena_printf(text->arena, "<iommu model='intel'>\n  %s\n</iommu>",
					     driver_text(text->arena, wishes, count)));
	if (!iommu)
		domain_did(editor, "an Intel vIOMMU with caching mode and interrupt remapping");
	r = domain_place_devices(editor);
	return r == 0 ? domain_allow_locking(editor) : r;
}

int domain_remove_viommu(struct domain_editor *editor)
{
	struct xml_element *iommu = xml_child(xml_child(editor->text.root, "devices"), "iommu");
	for (struct xml_element *at = iommu; at; at = xml_next(at)) {
		const char *model = xml_get(editor->text.arena, at, "model");
		xml_edit_remove(&editor->text, at);
		domain_did(editor, "the %.40s vIOMMU is taken away", model ? model : "");
	}
	return 0;
}
