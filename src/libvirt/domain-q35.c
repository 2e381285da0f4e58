/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From i440fx to q35: another chipset, with other buses. Every address of the old machine goes, and libvirt gives new
 * ones; so do controllers that the new one does not have.
 */
#include <errno.h>

#include "libvirt/domain-edit.h"

#define OLD_PREFIX "pc-i440fx-"

const char *domain_machine(const struct domain_editor *editor)
{
	const struct xml_element *type = xml_child(xml_child(editor->text.root, "os"), "type");
	const char *machine = xml_edit_get(&editor->text, type, "machine");
	return machine ? machine : "the default (pc)";
}

bool domain_is_q35(const struct domain_editor *editor)
{
	const char *machine = domain_machine(editor);
	return text_equals(machine, "q35") || text_starts_with(machine, "pc-q35-");
}

static void remove_address(struct domain_editor *editor, struct xml_element *device, const char *type)
{
	for (struct xml_element *child = xml_child(device, "address"); child; child = xml_next(child))
		if (xml_has(child, "type", type))
			xml_edit_remove(&editor->text, child);
}

static bool is_old_controller(const struct domain_editor *editor, const struct xml_element *device)
{
	const char *model = xml_get(editor->text.arena, device, "model");
	if (!xml_is(device, "controller"))
		return false;
	return xml_has(device, "type", "pci") || xml_has(device, "type", "ide") ||
	       (xml_has(device, "type", "usb") && model && text_starts_with(model, "piix"));
}

static void convert_device(struct domain_editor *editor, struct xml_element *device)
{
	if (is_old_controller(editor, device)) {
		xml_edit_remove(&editor->text, device);
		return;
	}
	remove_address(editor, device, "pci");
	struct xml_element *target = xml_child(device, "target");
	if (!xml_is(device, "disk") || !xml_has(target, "bus", "ide"))
		return;
	remove_address(editor, device, "drive");
	xml_edit_set(&editor->text, target, "bus", "sata");
	const char *name = xml_get(editor->text.arena, target, "dev");
	domain_did(editor, "the disk %.40s is on SATA instead of IDE, which q35 does not have", name ? name : "");
}

int domain_make_q35(struct domain_editor *editor)
{
	struct xml_element *type = xml_child(xml_child(editor->text.root, "os"), "type");
	const struct xml_element *devices = xml_child(editor->text.root, "devices");
	const char *machine = domain_machine(editor);
	const char *wanted = "q35";
	if (domain_is_q35(editor))
		return 0;
	if (!type)
		return error_set(editor->error, -EINVAL, "there is no <os><type> in it");
	if (text_starts_with(machine, OLD_PREFIX))
		wanted = arena_printf(editor->text.arena, "pc-q35-%s", machine + strlen(OLD_PREFIX));
	else if (xml_get(editor->text.arena, type, "machine") && !text_equals(machine, "pc"))
		return error_set(editor->error, -ENOTSUP, "a machine of type %.60s cannot be made a q35", machine);
	domain_did(editor, "the machine is %.60s instead of %.60s; the addresses of its devices are given anew", wanted,
		   machine);
	domain_warn(editor, "the guest finds other hardware: names of its network interfaces change, and Windows may "
			    "want its drivers again");
	xml_edit_set(&editor->text, type, "machine", wanted);
	for (struct xml_element *device = devices->first; device; device = device->next)
		convert_device(editor, device);
	return 0;
}
