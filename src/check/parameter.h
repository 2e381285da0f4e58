/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel parameters as judges need them: what the kernel makes of a value, and how this host is told another one.
 *
 * The parsers of intel_iommu=, iommu= and intremap= go from comma to comma and compare the beginning of each item only
 * (strncmp() in drivers/iommu/intel/iommu.c, arch/x86/kernel/pci-dma.c, drivers/iommu/irq_remapping.c): "on_please" is
 * "on". They are called for each word of that name in turn, so that the last one that says on or off wins.
 */
#pragma once

#include "check/check.h"

enum parameter_switch { PARAMETER_NOT_SET, PARAMETER_ON, PARAMETER_OFF };

/* The next item of a value between commas; false when none is left. Empty ones are passed over. */
bool parameter_next_item(struct slice *rest, struct slice *item);

/* The last word of that name with an item that begins so, or NULL. */
const struct cmdline_word *parameter_item(const struct cmdline *cmdline, const char *name, const char *beginning);

/* Whether "on" or "off" came last; `ret_word`, which may be NULL, is the word that says so. */
enum parameter_switch parameter_on_off(const struct cmdline *cmdline, const char *name,
				       const struct cmdline_word **ret_word);

/* A boolean (kstrtobool()): y, Y, 1, on, or no value at all. */
bool parameter_is_true(const struct cmdline_word *word);

/* The first item of intel_iommu=, amd_iommu=, iommu= or intremap= that no kernel knows; empty: none. */
struct slice parameter_wrong_item(const struct cmdline_word *word);

/* Whether a parameter has to do with what nestpci looks at: IOMMU, VFIO, KVM, huge pages, ... */
bool parameter_matters(const char *name);

/* Whether a command line has this word, however its name is spelled. */
bool parameter_has_word(const struct cmdline *cmdline, const struct cmdline_word *word);

/*
 * What to do to have a parameter in the kernel's command line, or out of it: which file, which command, by the boot
 * loader that this host uses.
 */
void judge_remedy_parameter(struct finding *finding, const struct subject_set *set, struct arena *arena, bool add,
			    const char *parameter);

/*
 * The same for one item of a value between commas: `with` is put there, what begins as `without` goes (either may be
 * NULL), and so does what no kernel knows; the other items stay.
 */
void judge_remedy_item(struct finding *finding, const struct subject_set *set, struct arena *arena, const char *name,
		       const char *with, const char *without);

/* The command that puts a changed configuration in force, "update-grub"; NULL: not known. */
const char *boot_apply_command(const struct subject_set *set);
/* The command that makes the initramfs anew. */
const char *boot_initramfs_command(const struct subject_set *set);

/* This is a container: what it boots, and its module options, say nothing of the kernel. N/A then, and true. */
bool judged_as_container(const struct subject_set *set, struct finding *finding, struct arena *arena);

/* This machine is a VM, or is looked at as one: what its firmware gives comes of another machine. */
static inline bool is_inside(const struct subject_set *set)
{
	return set->level > 0 || set->host->machine.is_vm;
}

/* A module whose state is known. (What nobody has filled in says "absent", without evidence.) */
static inline bool module_known(const struct module *module)
{
	return module->state != MODULE_UNKNOWN && (module->state != MODULE_ABSENT || module->evidence);
}
