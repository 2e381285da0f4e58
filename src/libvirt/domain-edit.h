/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The definition of a libvirt domain, made fit for nesting. Pure: text and wishes in; text, and what was done, out. What
 * is so already is left alone, so that editing again changes nothing.
 */
#pragma once

#include "base/pci-address.h"
#include "libvirt/xml-edit.h"

/* Which host group a device is in; `group` is any name that members share. */
struct domain_host_device {
	struct pci_address address;
	const char *group;
};

enum domain_switch { DOMAIN_UNSET = 0, DOMAIN_ON, DOMAIN_OFF };

struct domain_wishes {
	/*
	 * A vIOMMU with caching mode and interrupt remapping, and what it needs: ACPI, a split interrupt controller,
	 * devices of one host group in one address space, enough memory that may be locked.
	 */
	bool viommu;
	bool no_viommu; /* takes <iommu> away */
	bool q35;       /* makes another machine of it: all addresses go, and the guest sees other hardware */
	bool host_cpu;  /* the host's own CPU, with VMX or SVM */
	bool efi;

	unsigned int aw_bits; /* 39 or 48; 0: QEMU's default, or what is set */
	enum domain_switch eim;
	enum domain_switch iotlb;

	/* What is known. */
	unsigned long libvirt_version; /* major * 1,000,000 + minor * 1,000 + release, of the daemon; 0: not known */
	const struct domain_host_device *members;
	size_t member_count;
};

struct domain_result {
	struct slice xml;
	bool changed;
	struct list done;     /* a sentence each */
	struct list warnings; /* what could not be judged, or is worth knowing */
};

/*
 * -EINVAL: no definition of a domain, or not to be understood; -EFBIG; -ENOTSUP: cannot be had by editing, `error` has
 * the reason and the remedy.
 */
int domain_edit(struct arena *arena, struct slice xml, const struct domain_wishes *wishes, struct domain_result *ret,
		struct error *error) MUST_CHECK;

/* ---- Between the parts of the editor ---- */

struct domain_editor {
	struct xml_text text;
	const struct domain_wishes *wishes;
	struct domain_result *result;
	struct error *error;
};

/* domain-place.c: host groups behind one bridge, other devices of the host on ports of their own. */
int domain_place_devices(struct domain_editor *editor) MUST_CHECK;

/* domain-q35.c */
int domain_make_q35(struct domain_editor *editor) MUST_CHECK;
bool domain_is_q35(const struct domain_editor *editor);
/* The machine type as it will be; never NULL. */
const char *domain_machine(const struct domain_editor *editor);

/* domain-memory.c: the limit of locked memory. */
int domain_allow_locking(struct domain_editor *editor) MUST_CHECK;

/* domain-viommu.c */
int domain_add_viommu(struct domain_editor *editor) MUST_CHECK;
int domain_remove_viommu(struct domain_editor *editor) MUST_CHECK;

/* A child of the domain itself, before <devices>; or, where it is there, into it. */
void domain_insert(struct domain_editor *editor, const char *xml);

#define domain_did(editor, ...) list_printf(&(editor)->result->done, __VA_ARGS__)
#define domain_warn(editor, ...) list_printf(&(editor)->result->warnings, __VA_ARGS__)
