/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makers of changes. Each adds to a plan what brings one thing about on this system, and nothing where it is so.
 * What they cannot do rightly they refuse (-ENOTSUP), with what a person is to do instead.
 */
#pragma once

#include "change/change.h"
#include "qemu/viommu.h"

/* One word of the kernel's command line. */
struct parameter_change {
	const char *word; /* "intel_iommu=on"; to be taken away also "intel_iommu", whatever its value */
	bool remove;
};

/*
 * The kernel's command line of every installed kernel. A parameter that is set to something else gets the new value;
 * but those that may be given several times (console=) are added.
 */
int make_kernel_parameters(struct plan *plan, const struct boot *boot, const struct parameter_change *changes,
			   size_t count, struct error *error) MUST_CHECK;

/* "options MODULE OPTION" for modprobe, in the initramfs as well. */
int make_module_option(struct plan *plan, const struct boot *boot, const char *module, const char *option,
		       struct error *error) MUST_CHECK;

/* A module that systemd-modules-load loads at boot. */
int make_module_load(struct plan *plan, const struct boot *boot, const char *module, struct error *error) MUST_CHECK;

/*
 * A device, with what must go along in its group, to vfio-pci at every boot, before any other driver is there. Refused
 * while this host needs one of them, as by `bind`.
 */
int make_bind_at_boot(struct plan *plan, const struct boot *boot, struct pci_address address, struct error *error)
	MUST_CHECK;

/* What the QEMU wrapper (vm/wrapper.h) is to do. */
struct wrapper_wish {
	const char *vm; /* the id of a VM of Proxmox VE */
	struct viommu_options options;
	const char *const *groups; /* "ADDRESS,ADDRESS...": devices of one host group, where the host does not tell */
	size_t group_count;
	bool once; /* at one start alone: the next that gets it */
};

/*
 * All that is needed so that the wrapper stands in the place of Proxmox VE's QEMU on this host and acts on this VM; what
 * is there already is left. -ENOTSUP: something else stands there; -EBUSY: dpkg is at work; -EINVAL: a line of its file
 * keeps it from acting.
 */
int make_wrapper(struct plan *plan, const struct wrapper_wish *wish, struct error *error) MUST_CHECK;

/* Takes this VM out, and with the last one the wrapper. What others wrote to its file is kept, and a note says so. */
int make_no_wrapper(struct plan *plan, const char *vm, struct error *error) MUST_CHECK;

/* Only its mark for one start, used up or not; what its line says of every start stays. */
int make_no_wrapper_once(struct plan *plan, const char *vm, struct error *error) MUST_CHECK;

/* What a VM is to get. */
struct viommu_wish {
	const struct subject_set *set; /* the host, as far as it is known */
	const struct vm *vm;           /* as its manager defines it */
	struct viommu_options options;
	bool convert;            /* the machine type and firmware of an installed guest may be changed */
	bool keep_firmware;      /* a q35 with SeaBIOS stays so */
	const char *efi_storage; /* where an EFI disk is made; NULL: where its first disk is */
	bool once;               /* for one start; the plan is marked so */
};

enum viommu_way {
	VIOMMU_NATIVE,     /* the manager's own setting */
	VIOMMU_BY_WRAPPER, /* the line is rewritten on its way to QEMU */
};

/*
 * All that a VM needs to be a hypervisor that passes devices on: its vIOMMU, and CPU, machine type, firmware and devices
 * in order. A note says why the wrapper is used where it is. -ENOTSUP: not like this; the text says what to do.
 */
int make_viommu(struct plan *plan, const struct viommu_wish *wish, enum viommu_way *ret, struct error *error)
	MUST_CHECK;

/* The vIOMMU away again, whoever gave it; not what else `make_viommu` put in order. */
int make_no_viommu(struct plan *plan, const struct vm *vm, struct error *error) MUST_CHECK;

/* What `purpose` a plan of the former for this VM has: by it the journal finds it again. */
const char *viommu_purpose(struct arena *arena, const struct vm *vm);

/*
 * What mends a finding. Nothing is added where it passes, and a note says so. -ENOTSUP: it is not known, does not
 * arise, or somebody else has to act; the text quotes the remedy. On failure the plan is as it was.
 */
int make_mend(struct plan *plan, const struct subject_set *set, const struct finding *finding, struct error *error)
	MUST_CHECK;

/* Looks at all that makers look at besides the models, so that a capture knows it. */
void makers_look(const struct root *root, struct arena *arena);

/* ---- For makers ---- */

/*
 * Whether a program is there. A snapshot that does not say, of a system with dpkg, is taken to have Debian's; nothing of
 * it is run.
 */
bool makers_have(const struct root *root, const char *program, bool is_debians);

/* The configuration of the boot loader in use is made anew, whatever it is made from. */
int make_boot(struct plan *plan, const struct boot *boot, struct error *error) MUST_CHECK;

/* All lines of /etc/kernel/cmdline become one. -ENOTSUP: they contradict each other. */
int make_one_line(struct plan *plan, const struct boot *boot, struct error *error) MUST_CHECK;

/* Takes line `number` out of a file in /etc; it must begin with the word `begins`, and hold, at most, its own words. */
int make_no_line(struct plan *plan, const char *path, unsigned int number, const char *begins, struct error *error)
	MUST_CHECK;

/* Every initramfs is made anew, by whatever makes them here. -ENOTSUP: that is not known. */
int make_initramfs(struct plan *plan, const char *why, struct error *error) MUST_CHECK;

/* A file of ours, and how it begins when it is made. */
struct own_file {
	const char *path;
	mode_t mode;
	const char *head;
};

/* Adds a line to such a file; nothing when the line is in it. */
int make_line(struct plan *plan, const struct own_file *file, const char *line, const char *why, struct error *error)
	MUST_CHECK;

/* The VM's line in the wrapper's file: written, and taken away with all of its lines; and its mark for one start. */
int make_wrapper_line(struct plan *plan, const struct wrapper_wish *wish, struct error *error) MUST_CHECK;
int make_no_wrapper_mark(struct plan *plan, const char *vm, struct error *error) MUST_CHECK;
int make_no_wrapper_line(struct plan *plan, const char *vm, struct error *error) MUST_CHECK;

/* VMs that the file and the plan name for the wrapper. */
int wrapper_count_vms(struct plan *plan, size_t *ret, struct error *error) MUST_CHECK;
