/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of plain_read() share. */
#pragma once

#include "vm/plain.h"

struct plain {
	struct arena *arena;
	const struct qemu_argv *argv;
	const struct qemu_vm *line;
	size_t args_from; /* QEMU_NO_WORD: no word is known to come of args: or <qemu:commandline> */
	struct vm *vm;
};

/* Whether what an option says comes of args: or <qemu:commandline>. */
static inline bool plain_is_in_args(const struct plain *plain, const struct qemu_option *option)
{
	return plain->args_from != QEMU_NO_WORD && option->word >= plain->args_from;
}

/* Whether the manager itself put a device there. */
bool plain_is_managers(const struct plain *plain, const struct qemu_device *device);

/* "-device intel-iommu,...", with "args: " or "<qemu:commandline>: " before it where it comes of them. */
const char *plain_where(const struct plain *plain, const struct qemu_option *option);

/* An option's argument as key=value, whichever way it is written. NULL and "": there is nothing to read. */
void plain_read_keys(struct arena *arena, const char *text, const char *implied, struct keyval *ret);

/* The answer that a switch gives; `absent` where it is not given, UNKNOWN where it is "auto" or no switch. */
enum vm_answer plain_answer(const char *value, enum vm_answer absent);

void plain_read_cpu(struct plain *plain);
void plain_read_memory(struct plain *plain);
void plain_read_firmware(struct plain *plain);
void plain_read_viommus(struct plain *plain);
void plain_read_devices(struct plain *plain);
