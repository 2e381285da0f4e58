/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvirt/domain-edit.h"

#include <errno.h>

void domain_insert(struct domain_editor *editor, const char *xml)
{
	xml_edit_insert(&editor->text, editor->text.root, xml_child(editor->text.root, "devices"), xml);
}

static int check_domain(struct domain_editor *editor)
{
	const struct xml_element *root = editor->text.root;
	const char *type = xml_get(editor->text.arena, root, "type");
	const struct xml_element *os = xml_child(xml_child(root, "os"), "type");
	const char *arch = xml_get(editor->text.arena, os, "arch");
	if (!xml_is(root, "domain"))
		return error_set(editor->error, -EINVAL, "<%.80s>: this is no definition of a domain",
				 (const char *)root->node->name);
	if (!text_equals(type, "kvm") && !text_equals(type, "qemu"))
		return error_set(editor->error, -ENOTSUP,
				 "a domain of type '%.40s'; only those of QEMU (kvm, qemu) can be given a vIOMMU",
				 type ? type : "");
	if (arch && !text_equals(arch, "x86_64") && !text_equals(arch, "i686"))
		return error_set(editor->error, -ENOTSUP, "the guest's architecture is %.40s; this is for x86", arch);
	if (!xml_child(root, "devices"))
		return error_set(editor->error, -EINVAL, "there is no <devices> in it");
	if (xml_next(xml_child(root, "devices")))
		return error_set(editor->error, -EINVAL, "there is more than one <devices> in it");
	return 0;
}

static void remove_children(struct domain_editor *editor, struct xml_element *parent, const char *name)
{
	for (struct xml_element *child = xml_child(parent, name); child; child = xml_next(child))
		xml_edit_remove(&editor->text, child);
}

/* A <cpu> of another mode: what belongs to a model that was chosen goes, topology and cache stay. */
static void change_cpu(struct domain_editor *editor, struct xml_element *cpu, const char *mode)
{
	const char *old = xml_get(editor->text.arena, cpu, "mode");
	if (text_equals(old, "host-passthrough") || text_equals(old, "maximum"))
		return;
	xml_edit_remove_attribute(&editor->text, cpu, "match");
	xml_edit_set(&editor->text, cpu, "mode", mode);
	remove_children(editor, cpu, "model");
	remove_children(editor, cpu, "vendor");
	domain_did(editor, "the CPU is '%s' instead of '%.40s', so that the guest sees VMX or SVM", mode,
		   old ? old : "custom");
}

static void make_host_cpu(struct domain_editor *editor)
{
	/* The host's own CPU is KVM's to give; the most that emulation has (libvirt 7.1) is "maximum". */
	bool emulated = xml_has(editor->text.root, "type", "qemu");
	const char *mode = emulated ? "maximum" : "host-passthrough";
	struct xml_element *cpu = xml_child(editor->text.root, "cpu");
	if (!cpu) {
		domain_insert(editor, arena_printf(editor->text.arena, "<cpu mode='%s'/>", mode));
		domain_did(editor, "the CPU is '%s', so that the guest sees VMX or SVM", mode);
		return;
	}
	change_cpu(editor, cpu, mode);
	for (struct xml_element *at = xml_child(cpu, "feature"); at; at = xml_next(at)) {
		const char *name = xml_get(editor->text.arena, at, "name");
		bool denied = xml_has(at, "policy", "disable") || xml_has(at, "policy", "forbid");
		if (!denied || (!text_equals(name, "vmx") && !text_equals(name, "svm")))
			continue;
		xml_edit_remove(&editor->text, at);
		domain_did(editor, "the CPU feature %s is not taken away any more", name);
	}
}

static int make_efi(struct domain_editor *editor)
{
	struct xml_element *os = xml_child(editor->text.root, "os");
	const struct xml_element *loader = xml_child(os, "loader");
	if (text_equals(xml_get(editor->text.arena, os, "firmware"), "efi") || xml_has(loader, "type", "pflash"))
		return 0;
	if (!os)
		return error_set(editor->error, -EINVAL, "there is no <os> in it");
	if (loader)
		return error_set(
			editor->error, -ENOTSUP,
			"<loader> names a firmware of its own; take it away to let libvirt choose one for UEFI");
	xml_edit_set(&editor->text, os, "firmware", "efi");
	domain_did(editor, "the firmware is UEFI");
	domain_warn(editor,
		    "a guest that was installed under BIOS does not boot under UEFI unless it has a boot loader "
		    "for it");
	return 0;
}

static int edit(struct domain_editor *editor)
{
	const struct domain_wishes *wishes = editor->wishes;
	int r = check_domain(editor);
	if (r == 0 && wishes->q35)
		r = domain_make_q35(editor);
	if (r == 0 && wishes->host_cpu)
		make_host_cpu(editor);
	if (r == 0 && wishes->efi)
		r = make_efi(editor);
	if (r == 0 && wishes->no_viommu)
		r = domain_remove_viommu(editor);
	if (r == 0 && wishes->viommu)
		r = domain_add_viommu(editor);
	return r;
}

int domain_edit(struct arena *arena, struct slice xml, const struct domain_wishes *wishes, struct domain_result *ret,
		struct error *error)
{
	AUTO_XML_TEXT text = { 0 };
	struct domain_result result = { .done = { .arena = arena }, .warnings = { .arena = arena } };
	int r = xml_text_read(arena, xml, &text, error);
	if (r < 0)
		return r;
	struct domain_editor editor = { .text = text, .wishes = wishes, .result = &result, .error = error };
	r = edit(&editor);
	if (r == 0)
		r = xml_edit_apply(&editor.text, &result.xml, error);
	if (r < 0)
		return r;
	result.changed = result.done.count > 0;
	*ret = result;
	return 0;
}
