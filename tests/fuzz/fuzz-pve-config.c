/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text is a Proxmox VE configuration: no line of it is lost, what is in force is sorted and each key there once, and
 * a VM comes of it whose devices and vIOMMUs make sense. The same text, as a file that somebody names, is read as a VM
 * or refused with a text. The release of qemu-server varies with the first byte.
 */
#include "fuzz.h"

#include <errno.h>

#include "vm/libvirt.h"
#include "vm/mapping.h"
#include "vm/proxmox-args.h"
#include "vm/proxmox-print.h"
#include "vm/proxmox-vm.h"

static bool is_inside(struct slice piece, struct slice text)
{
	return piece.start >= text.start && piece.start + piece.length <= text.start + text.length;
}

static void section_holds(const struct proxmox_section *section, struct slice text)
{
	size_t line = section->line;
	for (size_t i = 0; i < section->count; i++) {
		const struct proxmox_entry *entry = &section->entries[i];
		HOLDS(entry->key[0] && entry->spelling.length && is_inside(entry->spelling, text));
		HOLDS(entry->line > line);
		line = entry->line;
		if (!entry->problem)
			HOLDS(proxmox_find(section, entry->key));
	}
	for (size_t i = 0; i < section->in_force_count; i++) {
		HOLDS(!section->in_force[i].problem);
		HOLDS(proxmox_find(section, section->in_force[i].key) == &section->in_force[i]);
		if (i)
			HOLDS(strcmp(section->in_force[i - 1].key, section->in_force[i].key) < 0);
	}
}

static void config_holds(struct arena *arena, const struct proxmox_config *config, struct slice text)
{
	struct proxmox_section merged;
	const struct proxmox_section *pending = proxmox_find_section(config, PROXMOX_PENDING, "");
	HOLDS(config->count > 0 && config->sections[0].kind == PROXMOX_MAIN);
	for (size_t i = 0; i < config->count; i++)
		section_holds(&config->sections[i], text);
	proxmox_apply_pending(arena, config, &merged);
	for (size_t i = 0; i < merged.in_force_count; i++)
		HOLDS(!proxmox_deletes(pending, merged.in_force[i].key));
}

/* Reading takes off what printing does not put on again: quotes, blanks before the description, digits of large numbers. */
static bool prints_as_it_reads(const struct proxmox_config *config)
{
	static const struct release encodes_percent = { { 8, 2, 4 } };
	const struct proxmox_section *section = &config->sections[0];
	const char *text = section->description;
	for (size_t i = 0; i < section->in_force_count; i++)
		if (section->in_force[i].value[0] == '"' || strstr(section->in_force[i].value, "e+"))
			return false;
	return release_has(config->release, encodes_percent) && (!text || (text[0] && !strchr(" \t\r\v\f\n", text[0])));
}

/* What is printed as `qm config --current` is a configuration that prints the same; the rest ends, and is text. */
static void print_holds(struct arena *arena, const struct proxmox_config *config)
{
	struct error error = { "" };
	struct buffer merged = { .arena = arena };
	struct buffer pending = { .arena = arena };
	struct buffer first = { .arena = arena };
	struct buffer second = { .arena = arena };
	struct proxmox_config again;
	int r = proxmox_print_config(arena, config, false, &merged, &error);
	HOLDS(r == 0 || (r == -EINVAL && error.text[0] && !merged.length));
	proxmox_print_pending(arena, config, &pending);
	if (proxmox_print_config(arena, config, true, &first, &error) < 0 || !prints_as_it_reads(config))
		return;
	proxmox_config_parse(arena, (struct slice){ first.text ? first.text : "", first.length }, config->release,
			     &again);
	HOLDS(again.problems.count == 0);
	HOLDS(proxmox_print_config(arena, &again, true, &second, &error) == 0);
	HOLDS(first.length == second.length && (!first.length || memcmp(first.text, second.text, first.length) == 0));
}

static void vm_holds(const struct vm *vm)
{
	HOLDS(vm->id && vm->path);
	HOLDS(!vm->q35 || vm->machine_known || vm->architecture);
	for (size_t i = 0; i < vm->viommu_count; i++) {
		const struct vm_viommu *viommu = &vm->viommus[i];
		HOLDS(viommu->where && viommu->first == !viommu->after);
	}
	for (size_t i = 0; i < vm->device_count; i++) {
		const struct vm_device *device = &vm->devices[i];
		HOLDS(device->name && device->where);
		HOLDS(device->host_count || device->mdev || device->problem);
		HOLDS(!(device->pcie && device->root_bus) && !(device->pcie && device->shares_bridge));
	}
	for (size_t i = 0; i < vm->pending_count; i++)
		HOLDS(vm->pending[i].key && (vm->pending[i].current || vm->pending[i].wanted));
}

static void definition_holds(struct arena *arena, const struct proxmox_config *config)
{
	struct proxmox_node node;
	struct vm vm;
	proxmox_node_open(NULL, arena, &node);
	struct proxmox_definition definition = {
		.node = &node, .config = config, .id = "100", .path = "/100.conf", .node_name = "pve1"
	};
	proxmox_vm_read(arena, &definition, &vm);
	vm_holds(&vm);
	for (size_t i = 1; i < config->count; i++)
		if (config->sections[i].kind == PROXMOX_SNAPSHOT) {
			definition.settings = &config->sections[i];
			proxmox_vm_read(arena, &definition, &vm);
			vm_holds(&vm);
			return;
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct release releases[] = { { { 0 } },        { { 7, 0, 7 } }, { { 7, 4, 2 } },
						   { { 8, 0, 10 } }, { { 8, 2, 4 } }, { { 8, 3, 12 } },
						   { { 9, 0, 30 } }, { { 9, 2, 6 } } };
	if (size == 0)
		return 0;
	AUTO_ARENA arena = { 0 };
	struct error error = { "" };
	struct slice text = { (const char *)data + 1, size - 1 };
	struct proxmox_config config;
	struct mappings mappings;
	struct vm vm;
	proxmox_config_parse(&arena, text, releases[data[0] % ARRAY_SIZE(releases)], &config);
	config_holds(&arena, &config, text);
	print_holds(&arena, &config);
	definition_holds(&arena, &config);
	mappings_parse(&arena, text, &mappings);
	/* XML is the helper's: fuzz-domain-xml. */
	if (libvirt_is_xml(text))
		return 0;
	int r = vm_read_text(NULL, &arena, text, "file", &vm, &error);
	HOLDS(r == 0 || (r == -EINVAL && error.text[0]));
	if (r == 0)
		vm_holds(&vm);
	return 0;
}
