/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/proxmox-vm.h"

#include <string.h>

#include "vm/plain.h"
#include "vm/proxmox-keys.h"
#include "vm/proxmox-line.h"
#include "vm/rewrite.h"
#include "vm/wrapper.h"

struct reading {
	struct arena *arena;
	const struct proxmox_definition *definition;
	const struct proxmox_section *settings;
	struct hostpci devices[HOSTPCI_MAX];
	struct proxmox_line line;
	const struct wrapper_vm *wrapper; /* what the QEMU wrapper is told of it; NULL: nothing */
	const char *wrapper_problem;
	bool wrapped; /* it changes the line */
	struct vm *vm;
};

static const char *get(const struct reading *reading, const char *key)
{
	return proxmox_get(reading->settings, key);
}

/* "machine: q35,viommu=intel" */
static const char *spelled(const struct reading *reading, const struct proxmox_entry *entry)
{
	return arena_printf(reading->arena, "%s: %.*s", entry->key, (int)entry->spelling.length, entry->spelling.start);
}

static const char *where_is(const struct reading *reading, const char *key)
{
	const struct proxmox_entry *entry = proxmox_find(reading->settings, key);
	return entry ? spelled(reading, entry) : NULL;
}

/* ---- The line ---- */

/* The first word of args: on the new line; words that are put before it are not of args:. */
static size_t new_args_from(const struct viommu_result *result, size_t old)
{
	size_t i = 0;
	while (i < result->count &&
	       (result->words[i].place < old || (result->words[i].place == old && result->words[i].origin != old)))
		i++;
	return i;
}

/* The QEMU wrapper stands between qemu-server and QEMU: what it would make of the line is what QEMU gets. */
static void wrap_line(struct reading *reading)
{
	struct error error;
	struct viommu_result result;
	struct proxmox_line *line = &reading->line;
	const struct wrapper_state *state = reading->definition->wrapper;
	const struct vm_rewrite_request request = {
		.words = line->words.items,
		.count = line->words.count,
		.options = reading->wrapper->options,
		.groups = reading->wrapper->groups.items,
		.group_count = reading->wrapper->groups.count,
		.root = reading->definition->node->root,
	};
	reading->wrapper_problem = wrapper_why_idle(state);
	if (reading->wrapper_problem)
		return;
	if (vm_rewrite(reading->arena, &request, &result, &error) < 0) {
		reading->wrapper_problem = arena_strdup(reading->arena, error.text);
		return;
	}
	if (!result.changed)
		return;
	struct list words = { .arena = reading->arena };
	for (size_t i = 0; i < result.count; i++)
		list_add(&words, result.words[i].text);
	line->args_from = new_args_from(&result, line->args_from);
	line->words = words;
	reading->wrapped = true;
}

static void read_line(struct reading *reading)
{
	struct plain_line line = {
		.words = reading->line.words.items,
		.count = reading->line.words.count,
		.args_from = reading->line.args_from,
	};
	plain_read_definition(reading->definition->node->root, reading->arena, &line, "args", reading->vm);
}

/* Whether an option's last word on the line is one of args:. */
static bool args_say(const struct reading *reading, const char *name)
{
	const struct vm *vm = reading->vm;
	const struct qemu_option *option = vm->line ? qemu_find_option(vm->line->argv, name) : NULL;
	return option && option->word >= reading->line.args_from;
}

/* ---- What the line cannot say ---- */

static void describe_device(struct reading *reading, struct vm_device *device)
{
	for (unsigned int i = 0; i < HOSTPCI_MAX; i++) {
		const struct hostpci *source = &reading->devices[i];
		if (!source->entry || strcmp(source->entry->key, device->name) != 0)
			continue;
		device->where = spelled(reading, source->entry);
		device->mapping = property_get(&source->keys, "mapping");
		device->mdev = hostpci_mdev(source);
		device->any_of = source->any_of;
		device->problem = source->problem;
		device->keep_driver = text_equals(property_get(&source->keys, "driver"), "keep");
		device->romfile = property_get(&source->keys, "romfile");
		device->hosts = arena_alloc_array(reading->arena, source->ids.count + 1, sizeof(*device->hosts));
		device->host_count = 0;
		for (size_t j = 0; j < source->ids.count && !device->mdev; j++)
			if (pci_address_parse(source->ids.items[j], &device->hosts[device->host_count], NULL) == 0)
				device->host_count++;
	}
}

static void describe_viommus(struct reading *reading)
{
	struct vm *vm = reading->vm;
	bool by_wrapper = reading->wrapped && !property_get(&reading->line.machine, "viommu");
	for (size_t i = 0; i < vm->viommu_count; i++) {
		struct vm_viommu *viommu = &vm->viommus[i];
		if (viommu->native && by_wrapper) {
			viommu->where = arena_printf(reading->arena, "%s: %s", reading->wrapper->where, viommu->where);
			viommu->native = false;
			viommu->by_wrapper = true;
		} else if (viommu->native) {
			viommu->where = where_is(reading, "machine");
		}
	}
	if (vm->irqchip_where && !text_starts_with(vm->irqchip_where, "args: ")) {
		const char *where = where_is(reading, "machine");
		vm->irqchip_where = where ? where : where_is(reading, "intel-tdx");
	}
}

static void describe_machine(struct reading *reading)
{
	struct vm *vm = reading->vm;
	const char *bios = get(reading, "bios");
	if (text_equals(vm->machine, reading->line.type))
		vm->machine = reading->line.machine_type;
	vm->cpu_default = reading->line.cpu_default;
	if (!args_say(reading, "cpu")) {
		const char *type = property_get(&reading->line.cpu, "cputype");
		const char *flags = property_get(&reading->line.cpu, "flags");
		bool custom = type && text_starts_with(type, "custom-");
		vm->cpu = type;
		/* What a model of cpu-models.conf is made of is not looked up. */
		if (custom && !(flags && strstr(flags, "nested-virt")))
			vm->nested_cpu = VM_UNKNOWN;
	}
	if (!text_equals(bios, "ovmf"))
		return;
	vm->efi_disk = proxmox_find(reading->settings, "efidisk0") ? VM_YES : VM_NO;
}

/* startup: order=1,up=30,down=120 */
static unsigned int shutdown_seconds(struct arena *arena, const char *startup)
{
	static const char key[] = "down=";
	uint64_t seconds;
	for (const char *part = startup; part && *part;) {
		size_t length = strcspn(part, ",");
		const char *value = part + strlen(key);
		if (length > strlen(key) && text_starts_with(part, key) &&
		    text_to_number(arena_strndup(arena, value, length - strlen(key)), 10, UINT32_MAX, &seconds) == 0)
			return (unsigned int)seconds;
		part += length;
		part += *part == ',';
	}
	return 0;
}

/* The type of vga: "virtio", "none" of "none,memory=16", of "type=none". */
static const char *display(struct arena *arena, const char *vga)
{
	for (const char *part = vga; part && *part;) {
		size_t length = strcspn(part, ",");
		const char *text = arena_strndup(arena, part, length);
		if (text_starts_with(text, "type="))
			return text + strlen("type=");
		if (!strchr(text, '='))
			return text;
		part += length;
		part += *part == ',';
	}
	return NULL;
}

static void describe_rest(struct reading *reading)
{
	struct vm *vm = reading->vm;
	const char *lock = get(reading, "lock");
	const char *hugepages = get(reading, "hugepages");
	vm->name = get(reading, "name");
	vm->template = text_equals(get(reading, "template"), "1");
	vm->onboot = text_equals(get(reading, "onboot"), "1");
	vm->lock = lock;
	vm->os = proxmox_os(get(reading, "ostype"));
	vm->numa |= text_equals(get(reading, "numa"), "1");
	vm->hugepages = hugepages ? hugepages : vm->hugepages;
	vm->shutdown_seconds = shutdown_seconds(reading->arena, get(reading, "startup"));
	vm->display = display(reading->arena, get(reading, "vga"));
	vm->args = get(reading, "args");
	vm->args_dropped = reading->line.args_dropped;
	if (proxmox_find(reading->settings, "vmstate"))
		vm->hibernated = where_is(reading, "vmstate");
	else if (text_equals(lock, "suspended"))
		vm->hibernated = where_is(reading, "lock");
}

/* ---- Pending changes ---- */

static void find_pending(struct reading *reading)
{
	struct vm *vm = reading->vm;
	const struct proxmox_config *config = reading->definition->config;
	const struct proxmox_section *now = &config->sections[0];
	const struct proxmox_section *pending = proxmox_find_section(config, PROXMOX_PENDING, "");
	if (!pending)
		return;
	size_t room = pending->in_force_count + now->in_force_count;
	vm->pending = arena_alloc_array(reading->arena, room + 1, sizeof(*vm->pending));
	for (size_t i = 0; i < pending->in_force_count; i++) {
		const char *key = pending->in_force[i].key;
		const char *current = proxmox_get(now, key);
		const char *wanted = proxmox_get(reading->settings, key);
		if (wanted && !text_equals(current, wanted))
			vm->pending[vm->pending_count++] = (struct vm_pending){ key, current, wanted };
	}
	for (size_t i = 0; i < now->in_force_count; i++)
		if (proxmox_deletes(pending, now->in_force[i].key))
			vm->pending[vm->pending_count++] = (struct vm_pending){ now->in_force[i].key,
										now->in_force[i].value, NULL };
}

/* ---- What keeps Proxmox VE from starting it ---- */

static void refuse(struct reading *reading, const char *key, const char *why)
{
	const char *where = where_is(reading, key);
	list_printf(&reading->vm->problems, "%s: %s: Proxmox VE refuses to start the VM", where ? where : key, why);
	if (strcmp(key, "machine") == 0)
		reading->vm->refused = reading->vm->problems.items[reading->vm->problems.count - 1];
}

static void check_machine(struct reading *reading)
{
	static const struct release properties = { { 8, 1, 2 } };
	const struct proxmox_line *line = &reading->line;
	struct release release = reading->definition->config->release;
	const char *viommu = property_get(&line->machine, "viommu");
	const char *width = property_get(&line->machine, "aw-bits");
	bool intel = text_equals(viommu, "intel");
	if (intel && !line->q35)
		refuse(reading, "machine", "the Intel vIOMMU needs q35");
	if (intel && width && strcmp(width, "39") != 0 && strcmp(width, "48") != 0)
		refuse(reading, "machine", "the Intel vIOMMU has 39 or 48 bits only");
	if (width && !viommu)
		refuse(reading, "machine", "aw-bits is given, but no viommu");
	if (!release_has(release, properties) && line->machine_type && strchr(line->machine_type, ','))
		list_printf(&reading->vm->problems,
			    "%s: qemu-server " RELEASE_FORMAT
			    " passes all of it to QEMU as the machine's name, and QEMU refuses to "
			    "start; properties such as viommu= are known since 8.1.2",
			    where_is(reading, "machine"), RELEASE_PARTS(release));
	if (get(reading, "hugepages") && !text_equals(get(reading, "numa"), "1"))
		refuse(reading, "hugepages", "they need numa: 1");
}

static void check_devices(struct reading *reading)
{
	for (unsigned int i = 0; i < HOSTPCI_MAX; i++) {
		const struct hostpci *device = &reading->devices[i];
		if (device->entry && property_is_on(&device->keys, "pcie") && !reading->line.q35)
			refuse(reading, device->entry->key, "pcie=1 needs q35");
	}
}

static void take_problems(struct reading *reading)
{
	const struct list *problems = &reading->definition->config->problems;
	for (size_t i = 0; i < problems->count; i++)
		list_add(&reading->vm->problems, problems->items[i]);
	if (reading->line.args_dropped)
		list_printf(&reading->vm->problems,
			    "args: a quote is never closed, or a backslash stands at the end: Proxmox VE leaves all of "
			    "args out, without a word");
}

static void read_managed(struct proxmox_node *node, struct vm *vm)
{
	const struct proxmox_managed *managed = proxmox_node_managed(node, vm->id);
	vm->ha_state = managed ? managed->state : NULL;
	vm->ha_status = managed ? managed->status : NULL;
	vm->ha = proxmox_node_manages(node, vm->id);
}

void proxmox_vm_read(struct arena *arena, const struct proxmox_definition *definition, struct vm *ret)
{
	struct reading reading = {
		.arena = arena, .definition = definition, .settings = definition->settings, .vm = ret
	};
	struct proxmox_node *node = definition->node;
	struct proxmox_section merged;
	bool elsewhere = definition->node_name && node->name && strcmp(definition->node_name, node->name) != 0;
	if (!reading.settings) {
		proxmox_apply_pending(arena, definition->config, &merged);
		reading.settings = &merged;
	}
	hostpci_read(node, reading.settings, elsewhere, reading.devices);
	proxmox_line_make(arena, reading.settings, definition->config->release, definition->id, reading.devices,
			  &reading.line);
	if (definition->wrapper && !elsewhere && !definition->settings)
		reading.wrapper = wrapper_find_vm(definition->wrapper, definition->id);
	if (reading.wrapper)
		wrap_line(&reading);
	read_line(&reading);
	ret->wrapper = reading.wrapper;
	ret->wrapper_problem = reading.wrapper_problem;
	ret->manager = VM_PROXMOX;
	ret->source = VM_FROM_CONFIGURATION;
	ret->id = definition->id;
	ret->path = definition->path;
	ret->node = definition->node_name;
	ret->elsewhere = elsewhere;
	ret->configuration = definition->config;
	for (size_t i = 0; i < ret->device_count; i++)
		if (ret->devices[i].native)
			describe_device(&reading, &ret->devices[i]);
	describe_viommus(&reading);
	describe_machine(&reading);
	describe_rest(&reading);
	if (!definition->settings)
		find_pending(&reading);
	take_problems(&reading);
	check_machine(&reading);
	check_devices(&reading);
	read_managed(node, ret);
	/* The line was made for reading only: nobody runs it. */
	ret->line = NULL;
}
