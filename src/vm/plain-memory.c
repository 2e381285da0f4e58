/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of a QEMU line: how much, of what pages, and what takes it back. */
#include <stdlib.h>
#include <string.h>

#include "vm/plain-internal.h"

#define MIB_SHIFT 20

/* Memory that a machine has if nobody says (QEMU hw/core/machine.c, default_ram_size). */
#define DEFAULT_MIB 128

struct backend {
	const char *id;
	uint64_t bytes;
	const char *hugepages;
};

struct backends {
	struct backend *items; /* sorted by id */
	size_t count;
};

/* "4096", "4G", "1.5g"; `shift`: of a number without suffix. 0: not of that form, or too large. */
static uint64_t parse_size(const char *text, unsigned int shift)
{
	static const char suffixes[] = "bkmgtpe";
	char *end;
	if (!text || !(*text >= '0' && *text <= '9'))
		return 0;
	double value = strtod(text, &end);
	const char *suffix = *end ? strchr(suffixes, *end | 0x20) : NULL;
	if (*end && (!suffix || end[1]))
		return 0;
	if (suffix)
		shift = (unsigned int)(suffix - suffixes) * 10;
	double bytes = value * (double)(UINT64_C(1) << shift);
	/* 2^63: what a double holds exactly, and more than any machine has. */
	return bytes < 9223372036854775808.0 ? (uint64_t)bytes : 0;
}

/* Proxmox VE's and libvirt's mounts say the size in their names; others do not. */
static const char *pages_of_path(const char *path)
{
	if (!path || !(strstr(path, "hugepage") || strstr(path, "hugetlb")))
		return NULL;
	if (strstr(path, "2048kB") || strstr(path, "2M"))
		return "2";
	if (strstr(path, "1048576kB") || strstr(path, "1G"))
		return "1024";
	return path;
}

static const char *pages_of_memfd(struct arena *arena, const struct keyval *keys)
{
	const char *hugetlb = keyval_get(keys, "hugetlb");
	if (!hugetlb || keyval_boolean(hugetlb) != 1)
		return NULL;
	uint64_t bytes = parse_size(keyval_get(keys, "hugetlbsize"), 0);
	return bytes ? arena_printf(arena, "%llu", (unsigned long long)(bytes >> MIB_SHIFT)) : "any";
}

static int compare_backends(const void *a, const void *b)
{
	return strcmp(((const struct backend *)a)->id, ((const struct backend *)b)->id);
}

static struct backends gather_backends(struct plain *plain)
{
	const struct qemu_argv *argv = plain->argv;
	struct backends backends = { arena_alloc_array(plain->arena, argv->option_count + 1, sizeof(struct backend)),
				     0 };
	for (size_t i = 0; i < argv->option_count; i++) {
		struct keyval keys;
		if (!text_equals(argv->options[i].name, "object"))
			continue;
		plain_read_keys(plain->arena, qemu_argument(argv, &argv->options[i]), "qom-type", &keys);
		const char *type = keyval_get(&keys, "qom-type");
		const char *id = keyval_get(&keys, "id");
		if (!type || !id || !text_starts_with(type, "memory-backend-"))
			continue;
		backends.items[backends.count++] = (struct backend){
			.id = id,
			.bytes = parse_size(keyval_get(&keys, "size"), 0),
			.hugepages = strcmp(type, "memory-backend-memfd") == 0 ?
					     pages_of_memfd(plain->arena, &keys) :
					     pages_of_path(keyval_get(&keys, "mem-path")),
		};
	}
	qsort(backends.items, backends.count, sizeof(*backends.items), compare_backends);
	return backends;
}

static const struct backend *find_backend(const struct backends *backends, const char *id)
{
	struct backend key = { .id = id };
	if (!id || !backends->count)
		return NULL;
	return bsearch(&key, backends->items, backends->count, sizeof(key), compare_backends);
}

/* The backend of all memory, where there is but one. */
static const struct backend *main_backend(struct plain *plain, const struct backends *backends)
{
	struct keyval keys = { 0 };
	const char *id = NULL;
	for (size_t i = 0; i < plain->argv->option_count; i++) {
		const struct qemu_option *option = &plain->argv->options[i];
		if (!text_equals(option->name, "machine") && !text_equals(option->name, "M"))
			continue;
		keyval_parse(plain->arena, qemu_argument(plain->argv, option), "type", &keys);
		if (keyval_get(&keys, "memory-backend"))
			id = keyval_get(&keys, "memory-backend");
	}
	return find_backend(backends, id);
}

/* What is there at the start, and what is plugged in as devices. */
static void read_amount(struct plain *plain, const struct backends *backends)
{
	struct keyval keys = { 0 };
	const struct qemu_option *option = qemu_find_option(plain->argv, "m");
	const struct backend *all = main_backend(plain, backends);
	if (option)
		keyval_parse(plain->arena, qemu_argument(plain->argv, option), "size", &keys);
	const char *size = keyval_get(&keys, "size");
	uint64_t bytes = size ? parse_size(size, MIB_SHIFT) : all ? all->bytes : (uint64_t)DEFAULT_MIB << MIB_SHIFT;
	bool known = bytes != 0;
	for (size_t i = 0; i < plain->line->device_count; i++) {
		const struct qemu_device *device = &plain->line->devices[i];
		if (strcmp(device->driver, "pc-dimm") != 0 && !text_starts_with(device->driver, "virtio-mem-"))
			continue;
		const struct backend *backend = find_backend(backends, keyval_get(&device->properties, "memdev"));
		known = known && backend && backend->bytes;
		if (known && __builtin_add_overflow(bytes, backend->bytes, &bytes))
			known = false;
	}
	plain->vm->memory_mib = known ? bytes >> MIB_SHIFT : 0;
}

static void read_pages(struct plain *plain, const struct backends *backends)
{
	const struct qemu_option *option = qemu_find_option(plain->argv, "mem-path");
	if (option)
		plain->vm->hugepages = pages_of_path(qemu_argument(plain->argv, option));
	for (size_t i = 0; i < backends->count && !plain->vm->hugepages; i++)
		plain->vm->hugepages = backends->items[i].hugepages;
	static const struct {
		const char *option;
		const char *key;
	} locks[] = { { "overcommit", "mem-lock" }, { "realtime", "mlock" } };
	for (size_t i = 0; i < ARRAY_SIZE(locks); i++) {
		struct keyval keys = { 0 };
		option = qemu_find_option(plain->argv, locks[i].option);
		if (option)
			keyval_parse(plain->arena, qemu_argument(plain->argv, option), NULL, &keys);
		const char *value = keyval_get(&keys, locks[i].key);
		/* "on-fault" (QEMU 10.0) locks what is touched: with VFIO, all of it. */
		plain->vm->mem_lock |= value && keyval_boolean(value) != 0;
	}
}

/* A file that could not be read may bring a balloon. */
static enum vm_answer no_unless_hidden(const struct qemu_vm *line)
{
	for (size_t i = 0; i < line->config_count; i++)
		if (line->configs[i].problem && !line->configs[i].from_memory)
			return VM_UNKNOWN;
	return VM_NO;
}

static void read_balloon(struct plain *plain)
{
	struct vm *vm = plain->vm;
	vm->balloon = no_unless_hidden(plain->line);
	vm->free_page_reporting = vm->balloon;
	for (size_t i = 0; i < plain->line->device_count; i++) {
		const struct qemu_device *device = &plain->line->devices[i];
		if (text_starts_with(device->driver, "virtio-mem-"))
			vm->virtio_mem = true;
		if (!text_starts_with(device->driver, "virtio-balloon"))
			continue;
		vm->balloon = VM_YES;
		vm->free_page_reporting = plain_answer(qemu_device_property(plain->line, device, "free-page-reporting"),
						       VM_NO);
	}
}

void plain_read_memory(struct plain *plain)
{
	struct backends backends = gather_backends(plain);
	read_amount(plain, &backends);
	read_pages(plain, &backends);
	read_balloon(plain);
}
