/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/plain.h"

#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "vm/plain-internal.h"

/* ---- For all parts ---- */

const char *plain_where(const struct plain *plain, const struct qemu_option *option)
{
	const char *before = plain->vm->manager == VM_LIBVIRT ? "<qemu:commandline>: " : "args: ";
	return arena_printf(plain->arena, "%s-%s %s", plain_is_in_args(plain, option) ? before : "", option->name,
			    qemu_argument(plain->argv, option));
}

/* On a line that runs, libvirt's are those in JSON; in older ones, those with ids as libvirt gives them. */
static bool is_libvirts(const struct qemu_device *device)
{
	static const char *const prefixes[] = { "hostdev", "iommu", "ua-" };
	if (device->form == QEMU_JSON)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (device->id && text_starts_with(device->id, prefixes[i]))
			return true;
	return false;
}

bool plain_is_managers(const struct plain *plain, const struct qemu_device *device)
{
	if (plain->vm->manager == VM_PLAIN)
		return false;
	if (plain->args_from != QEMU_NO_WORD)
		return !plain_is_in_args(plain, device->option);
	return plain->vm->manager == VM_LIBVIRT && is_libvirts(device);
}

void plain_read_keys(struct arena *arena, const char *text, const char *implied, struct keyval *ret)
{
	AUTO_JSON *object = NULL;
	*ret = (struct keyval){ 0 };
	if (!text)
		return;
	if (text[0] != '{') {
		keyval_parse(arena, text, implied, ret);
		return;
	}
	if (json_read(slice_of(text), &object, NULL) < 0 || !json_object_is_type(object, json_type_object))
		return;
	ret->items = arena_alloc_array(arena, (size_t)json_object_object_length(object) + 1, sizeof(*ret->items));
	json_object_object_foreach(object, key, value) {
		const char *said = json_object_is_type(value, json_type_boolean) ?
					   (json_object_get_boolean(value) ? "on" : "off") :
					   json_object_get_string(value);
		ret->items[ret->count++] = (struct keyval_item){
			.key = arena_strdup(arena, key),
			.value = arena_strdup(arena, said ? said : ""),
		};
	}
}

enum vm_answer plain_answer(const char *value, enum vm_answer absent)
{
	int truth = value ? keyval_boolean(value) : -1;
	if (!value)
		return absent;
	return truth < 0 ? VM_UNKNOWN : truth ? VM_YES : VM_NO;
}

/* ---- Whose VM it is ---- */

static const char *option_argument(const struct plain *plain, const char *name)
{
	const struct qemu_option *option = qemu_find_option(plain->argv, name);
	return option ? qemu_argument(plain->argv, option) : NULL;
}

/* libvirt alone calls its monitor so, and says so of every VM (qemuBuildMonitorCommandLine). */
static bool is_of_libvirt(const struct plain *plain)
{
	const struct qemu_argv *argv = plain->argv;
	for (size_t i = 0; i < argv->option_count; i++) {
		struct keyval keys;
		if (!text_equals(argv->options[i].name, "chardev"))
			continue;
		plain_read_keys(plain->arena, qemu_argument(argv, &argv->options[i]), "backend", &keys);
		if (text_equals(keyval_get(&keys, "id"), "charmonitor"))
			return option_argument(plain, "uuid") != NULL;
	}
	return false;
}

/*
 * Proxmox VE's build alone has -id, and ends its own words with -machine; the words of args: come behind it. Those of
 * <qemu:commandline> cannot be told from libvirt's own on the line.
 */
static void find_manager(struct plain *plain, const struct plain_line *line)
{
	const struct qemu_argv *argv = plain->argv;
	const char *id = option_argument(plain, "id");
	plain->args_from = line->args_from;
	plain->vm->manager = line->manager;
	plain->vm->uuid = option_argument(plain, "uuid");
	if (line->manager != VM_PLAIN)
		return;
	if (!id) {
		plain->vm->manager = is_of_libvirt(plain) ? VM_LIBVIRT : VM_PLAIN;
		return;
	}
	plain->vm->manager = VM_PROXMOX;
	plain->vm->id = id;
	for (size_t i = 0; i < argv->option_count && plain->args_from == QEMU_NO_WORD; i++)
		if (text_equals(argv->options[i].name, "machine"))
			plain->args_from = argv->options[i].word + 2;
}

static void read_name(struct plain *plain)
{
	struct keyval keys;
	plain_read_keys(plain->arena, option_argument(plain, "name"), "guest", &keys);
	plain->vm->name = keyval_get(&keys, "guest");
	if (plain->vm->manager == VM_LIBVIRT)
		plain->vm->id = plain->vm->name;
}

/* ---- The machine ---- */

/* The version in "pc-q35-8.1+pve0": what is pinned; NULL: nothing. */
static const char *version_of(struct arena *arena, const char *type)
{
	static const char *const families[] = { "pc-q35-", "pc-i440fx-", "pc-" };
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (!text_starts_with(type, families[i]))
			continue;
		const char *version = type + strlen(families[i]);
		size_t length = strcspn(version, "+");
		if (length >= 4 && memcmp(version + length - 4, ".pxe", 4) == 0)
			length -= 4;
		return length ? arena_strndup(arena, version, length) : NULL;
	}
	return NULL;
}

static bool config_is_missing(const struct qemu_vm *line)
{
	for (size_t i = 0; i < line->config_count; i++)
		if (line->configs[i].problem && !line->configs[i].from_memory)
			return true;
	return false;
}

static const char *architecture_of(const char *program)
{
	static const char prefix[] = "qemu-system-";
	const char *name = text_basename(program);
	return text_starts_with(name, prefix) ? name + strlen(prefix) : NULL;
}

static void read_machine(struct plain *plain)
{
	struct vm *vm = plain->vm;
	const char *type = plain->line->type;
	vm->machine = type;
	vm->architecture = architecture_of(plain->line->program);
	bool x86 = !vm->architecture || text_starts_with(vm->architecture, "x86_64") ||
		   text_starts_with(vm->architecture, "i386");
	vm->bypass_iommu = plain->line->bypasses_iommu;
	if (!type) {
		/* QEMU's own choice is i440fx, unless a file says otherwise. */
		vm->machine_known = x86 && !config_is_missing(plain->line);
		return;
	}
	vm->q35 = text_equals(type, "q35") || text_starts_with(type, "q35+") || text_starts_with(type, "pc-q35-");
	bool i440fx = text_equals(type, "pc") || text_starts_with(type, "pc+") || text_starts_with(type, "pc-");
	vm->machine_known = x86 && (vm->q35 || i440fx);
	vm->machine_version = version_of(plain->arena, type);
}

static void read_irqchip(struct plain *plain)
{
	static const struct {
		const char *name;
		enum vm_irqchip irqchip;
	} names[] = { { "split", VM_IRQCHIP_SPLIT }, { "on", VM_IRQCHIP_ON }, { "off", VM_IRQCHIP_OFF } };
	struct vm *vm = plain->vm;
	const struct qemu_vm *line = plain->line;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (text_equals(line->irqchip, names[i].name))
			vm->irqchip = names[i].irqchip;
	if (line->irqchip_option)
		vm->irqchip_where = plain_where(plain, line->irqchip_option);
	/* The only version of q35 that is split by itself (QEMU hw/i386/pc_q35.c). */
	if (!line->irqchip && vm->q35 && text_equals(vm->machine_version, "4.0")) {
		vm->irqchip = VM_IRQCHIP_SPLIT;
		vm->irqchip_where = "the default of pc-q35-4.0";
	}
}

/*
 * Where none is named, QEMU goes by its own name: ending in "kvm", it tries KVM first, otherwise TCG (system/vl.c,
 * configure_accelerators).
 */
static void read_accelerator(struct plain *plain)
{
	struct vm *vm = plain->vm;
	const char *accelerator = plain->line->accelerator;
	vm->accelerator = accelerator;
	if (accelerator) {
		struct slice first = { accelerator, strcspn(accelerator, ":") };
		vm->kvm = slice_equals(first, "kvm") ? VM_YES : VM_NO;
		return;
	}
	const char *program = text_basename(plain->line->program);
	if (*program)
		vm->kvm = text_ends_with(program, "kvm") ? VM_YES : VM_NO;
}

/* ---- The rest ---- */

static void read_display(struct plain *plain)
{
	static const char *const drivers[] = { "VGA",         "secondary-vga", "bochs-display", "cirrus-vga", "qxl",
					       "vmware-svga", "virtio-vga",    "virtio-gpu",    "ramfb" };
	const char *vga = option_argument(plain, "vga");
	if (vga && strcmp(vga, "none") != 0) {
		plain->vm->display = vga;
		return;
	}
	for (size_t i = 0; i < plain->line->device_count; i++)
		for (size_t j = 0; j < ARRAY_SIZE(drivers); j++)
			if (text_starts_with(plain->line->devices[i].driver, drivers[j])) {
				plain->vm->display = plain->line->devices[i].driver;
				return;
			}
	plain->vm->display = vga;
}

static void read_saved_state(struct plain *plain)
{
	static const char *const resuming[] = { "loadstate", "loadvm", "incoming" };
	for (size_t i = 0; i < ARRAY_SIZE(resuming); i++) {
		const struct qemu_option *option = qemu_find_option(plain->argv, resuming[i]);
		if (option)
			plain->vm->hibernated = plain_where(plain, option);
	}
}

static void note_unreadable(struct plain *plain)
{
	for (size_t i = 0; i < plain->line->config_count; i++) {
		const struct qemu_config *config = &plain->line->configs[i];
		if (config->problem && !config->from_memory)
			list_printf(&plain->vm->problems, "-readconfig: %s; what it brings is not known",
				    config->problem);
	}
	for (size_t i = 0; i < plain->argv->option_count; i++)
		if (!plain->argv->options[i].known)
			list_printf(&plain->vm->problems, "'-%.60s' is no option that QEMU is known to have",
				    plain->argv->options[i].name);
}

int plain_read(const struct root *root, struct arena *arena, const struct plain_line *line, struct vm *ret,
	       struct error *error)
{
	struct qemu_argv *argv = arena_alloc(arena, sizeof(*argv));
	struct qemu_vm *qemu = arena_alloc(arena, sizeof(*qemu));
	int r = qemu_argv_parse(arena, line->words, line->count, argv, error);
	if (r == 0)
		r = qemu_vm_read(arena, argv, root, qemu, error);
	if (r < 0)
		return r;
	*ret = (struct vm){
		.manager = VM_PLAIN, .source = VM_FROM_COMMAND_LINE, .line = qemu, .problems = { .arena = arena }
	};
	struct plain plain = { .arena = arena, .argv = argv, .line = qemu, .vm = ret };
	find_manager(&plain, line);
	read_name(&plain);
	read_machine(&plain);
	read_irqchip(&plain);
	read_accelerator(&plain);
	plain_read_cpu(&plain);
	plain_read_memory(&plain);
	plain_read_firmware(&plain);
	plain_read_viommus(&plain);
	plain_read_devices(&plain);
	read_display(&plain);
	read_saved_state(&plain);
	ret->numa = qemu_find_option(argv, "numa") != NULL;
	note_unreadable(&plain);
	return 0;
}

void plain_read_definition(const struct root *root, struct arena *arena, const struct plain_line *line,
			   const char *args, struct vm *ret)
{
	struct error error;
	struct plain_line without = *line;
	if (plain_read(root, arena, line, ret, &error) == 0)
		return;
	/* What a manager itself writes is no such thing. */
	const char *problem = arena_printf(arena, "%s: %s: QEMU does not start with that", args, error.text);
	without.count = line->args_from;
	if (plain_read(root, arena, &without, ret, &error) < 0)
		*ret = (struct vm){ .problems = { .arena = arena } };
	list_add(&ret->problems, problem);
}
