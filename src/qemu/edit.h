/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Edits of a command line, gathered first and applied at once. Shared by the parts of the rewrite. */
#pragma once

#include "qemu/viommu.h"

struct edit_slot {
	const char *replacement; /* the word instead, or NULL */
	bool dropped;
	struct list before; /* new words in front of it */
};

struct edit {
	struct arena *arena;
	const struct qemu_vm *vm;
	const struct viommu_options *options;
	const struct viommu_facts *facts;
	struct edit_slot *slots; /* one for each word of the line, and one for its end */
	struct list changes;
	struct list warnings;
	struct error *error;
};

void edit_start(struct edit *edit, struct arena *arena, const struct qemu_vm *vm, struct error *error);

/* The option's argument as it stands now: edited before, or as it came. */
const char *edit_argument(const struct edit *edit, const struct qemu_option *option);
void edit_set_argument(struct edit *edit, const struct qemu_option *option, const char *text);
void edit_drop_option(struct edit *edit, const struct qemu_option *option);

/* "-NAME TEXT" before an option; NULL: at the end of the line. */
void edit_insert_option(struct edit *edit, const struct qemu_option *before, const char *name, const char *text);

/* A property of a device on the line, in whichever form it is written. Not for devices of a configuration file. */
void edit_set_property(struct edit *edit, const struct qemu_device *device, const char *key, const char *value);

void edit_finish(struct edit *edit, struct viommu_result *ret);
