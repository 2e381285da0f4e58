/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The firmware of a QEMU line: -bios, and flash in all its forms. */
#include <string.h>
#include <strings.h>

#include "vm/plain-internal.h"

struct flash {
	bool present;
	const char *file; /* or NULL: not known */
};

/* A throttle filter on a format on a file: nobody stacks more. */
#define BLOCK_DEPTH_MAX 8

static bool names_uefi(const char *file)
{
	static const char *const signs[] = { "ovmf", "edk2", "uefi", "aavmf", "efi" };
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (strcasestr(file, signs[i]))
			return true;
	return false;
}

/* Where Proxmox VE puts variables that nobody keeps, in all its releases. */
static bool is_temporary(const char *file)
{
	return text_starts_with(file, "/tmp/") || text_starts_with(file, "/run/qemu-server/efidisk/");
}

static const char *find_blockdev(struct plain *plain, const char *node)
{
	const struct qemu_argv *argv = plain->argv;
	for (size_t i = 0; i < argv->option_count; i++) {
		struct keyval keys;
		if (!text_equals(argv->options[i].name, "blockdev"))
			continue;
		const char *text = qemu_argument(argv, &argv->options[i]);
		plain_read_keys(plain->arena, text, NULL, &keys);
		if (text_equals(keyval_get(&keys, "node-name"), node))
			return text;
	}
	return NULL;
}

/* Formats and filters stand on a "file", which is nested in JSON, or the name of another node. */
static const char *file_of_node(struct plain *plain, const char *node)
{
	const char *text = find_blockdev(plain, node);
	for (int depth = 0; text && depth < BLOCK_DEPTH_MAX; depth++) {
		struct keyval keys;
		plain_read_keys(plain->arena, text, NULL, &keys);
		const char *name = keyval_get(&keys, "filename");
		const char *below = keyval_get(&keys, "file");
		name = name ? name : keyval_get(&keys, "file.filename");
		if (name || !below)
			return name;
		text = below[0] == '{' ? below : find_blockdev(plain, below);
	}
	return NULL;
}

static void read_drive(struct plain *plain, const char *text, struct flash flashes[2], size_t *next)
{
	struct keyval keys;
	keyval_parse(plain->arena, text, "file", &keys);
	if (!text_equals(keyval_get(&keys, "if"), "pflash"))
		return;
	const char *unit = keyval_get(&keys, "unit");
	size_t index = unit ? (size_t)(strcmp(unit, "1") == 0) : *next;
	if (index < 2)
		flashes[index] = (struct flash){ true, keyval_get(&keys, "file") };
	*next = index + 1;
}

static void gather_flashes(struct plain *plain, struct flash flashes[2])
{
	static const char *const properties[] = { "pflash0", "pflash1" };
	const struct qemu_argv *argv = plain->argv;
	size_t next = 0;
	for (size_t i = 0; i < argv->option_count; i++) {
		const char *name = argv->options[i].name;
		const char *text = qemu_argument(argv, &argv->options[i]);
		struct keyval keys;
		if (text_equals(name, "pflash") && next < 2)
			flashes[next++] = (struct flash){ true, text };
		if (text_equals(name, "drive"))
			read_drive(plain, text, flashes, &next);
		if (!text_equals(name, "machine") && !text_equals(name, "M"))
			continue;
		keyval_parse(plain->arena, text, "type", &keys);
		for (size_t j = 0; j < ARRAY_SIZE(properties); j++) {
			const char *node = keyval_get(&keys, properties[j]);
			if (node)
				flashes[j] = (struct flash){ true, file_of_node(plain, node) };
		}
	}
}

void plain_read_firmware(struct plain *plain)
{
	struct vm *vm = plain->vm;
	struct flash flashes[2] = { 0 };
	const struct qemu_option *bios = qemu_find_option(plain->argv, "bios");
	gather_flashes(plain, flashes);
	if (flashes[0].present || flashes[1].present) {
		/* Flash on x86 is UEFI's; only a name that says something else leaves a doubt. */
		bool known = flashes[0].file && names_uefi(flashes[0].file);
		vm->ovmf = known ? VM_YES : VM_UNKNOWN;
		vm->efi_disk = !flashes[1].present           ? VM_NO :
			       !flashes[1].file              ? VM_YES :
			       is_temporary(flashes[1].file) ? VM_NO :
							       VM_YES;
	} else if (bios && names_uefi(qemu_argument(plain->argv, bios))) {
		vm->ovmf = VM_YES;
		vm->efi_disk = VM_NO;
	} else {
		vm->ovmf = bios && !strstr(qemu_argument(plain->argv, bios), "bios") ? VM_UNKNOWN : VM_NO;
	}
}
