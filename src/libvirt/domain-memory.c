/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much memory QEMU may lock. Under a vIOMMU each device of the host has an address space of its own, in each of
 * which all of the guest's memory can be pinned. libvirt reckons with that since 8.7.0, unless <hard_limit> says
 * otherwise.
 */
#include <errno.h>
#include <strings.h>

#include "libvirt/domain-edit.h"
#include "libvirt/domain-topology.h"

#define RECKONS_SINCE 8007000UL
/* What libvirt itself adds for the rest of QEMU's address space (qemuDomainGetMemLockLimitBytes). */
#define OVERHEAD_KIB ((uint64_t)1 << 20)
/* More than any machine has; keeps sums from overflowing. */
#define MEMORY_MAX_KIB ((uint64_t)1 << 40)

/* Scaled as in libvirt's virScaleInteger: KiB where no unit is given. */
static bool unit_bytes(const char *unit, uint64_t *ret)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {
		{ "b", 1 },
		{ "bytes", 1 },
		{ "KB", 1000 },
		{ "k", 1 << 10 },
		{ "KiB", 1 << 10 },
		{ "MB", 1000000 },
		{ "M", 1 << 20 },
		{ "MiB", 1 << 20 },
		{ "GB", 1000000000 },
		{ "G", 1 << 30 },
		{ "GiB", 1 << 30 },
		{ "TB", 1000000000000 },
		{ "T", (uint64_t)1 << 40 },
		{ "TiB", (uint64_t)1 << 40 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcasecmp(unit ? unit : "KiB", units[i].name) == 0) {
			*ret = units[i].bytes;
			return true;
		}
	return false;
}

/* False: not there, or not to be understood. */
static bool read_kib(const struct xml_text *text, const struct xml_element *element, uint64_t *ret)
{
	uint64_t number;
	uint64_t bytes;
	if (!element || !unit_bytes(xml_get(text->arena, element, "unit"), &bytes) ||
	    text_to_number(xml_content(text->arena, element), 10, UINT64_MAX, &number) < 0 ||
	    number > MEMORY_MAX_KIB * 1024 / bytes)
		return false;
	*ret = number * bytes / 1024;
	return true;
}

static void set_limit(struct domain_editor *editor, struct xml_element *limit, uint64_t kib)
{
	struct xml_text *text = &editor->text;
	struct xml_element *memtune = xml_child(text->root, "memtune");
	const char *number = arena_printf(text->arena, "%llu", (unsigned long long)kib);
	const char *xml = arena_printf(text->arena, "<hard_limit unit='KiB'>%s</hard_limit>", number);
	if (limit) {
		xml_edit_set(text, limit, "unit", "KiB");
		xml_edit_set_content(text, limit, number);
	} else if (memtune) {
		xml_edit_insert(text, memtune, memtune->first, xml);
	} else {
		domain_insert(editor, arena_printf(text->arena, "<memtune>\n  %s\n</memtune>", xml));
	}
}

int domain_allow_locking(struct domain_editor *editor)
{
	const struct xml_text *text = &editor->text;
	struct xml_element *limit = xml_child(xml_child(text->root, "memtune"), "hard_limit");
	const struct xml_element *most = xml_child(text->root, "maxMemory");
	struct topology topology;
	uint64_t memory;
	uint64_t present;
	unsigned long version = editor->wishes->libvirt_version;
	int r = topology_read(text, &topology, editor->error);
	if (r < 0)
		return r;
	size_t count = topology_count_vfio(text, &topology);
	if (xml_child(xml_child(text->root, "memoryBacking"), "locked") && !limit)
		return 0; /* no limit at all */
	if (count == 0 || (!limit && (count == 1 || !version || version >= RECKONS_SINCE)))
		return 0;
	if (!read_kib(text, most ? most : xml_child(text->root, "memory"), &memory) ||
	    (limit && !read_kib(text, limit, &present))) {
		domain_warn(editor, "how much memory the domain has, or may lock, cannot be read: <memory>, "
				    "<memtune><hard_limit>");
		return 0;
	}
	uint64_t wanted = count * memory + OVERHEAD_KIB;
	if (limit && present >= wanted)
		return 0;
	set_limit(editor, limit, wanted);
	domain_did(editor, "QEMU may lock %llu MiB: %zu devices under a vIOMMU can each pin the memory of the guest",
		   (unsigned long long)(wanted >> 10), count);
	return 0;
}
