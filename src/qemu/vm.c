/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/vm.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "qemu/config-file.h"

struct device_array {
	struct qemu_device *items;
	size_t count;
	size_t room;
};

struct reader {
	struct arena *arena;
	const struct root *root;
	struct qemu_vm *vm;
	struct device_array early;
	struct device_array late; /* JSON devices: created after the others */
	const char *machine_accelerator;
	const char *accel_options;
	bool irqchip_by_accel;
	bool kvm_seen;
	struct error *error;
};

static void append(struct arena *arena, struct device_array *array, const struct qemu_device *device)
{
	if (array->count == array->room) {
		array->room = array->room ? array->room * 2 : 32;
		array->items = arena_grow(arena, array->items, array->count, array->room, sizeof(*array->items));
	}
	array->items[array->count++] = *device;
}

static void add_device(struct reader *reader, const struct qemu_device *device)
{
	append(reader->arena, device->form == QEMU_JSON ? &reader->late : &reader->early, device);
}

/* A value as -device key=value would spell it. */
static const char *json_value(struct arena *arena, const char *key, struct json_object *value)
{
	/* An address that is a number is a devfn; one that is text is slot.function (QEMU hw/core/qdev-properties-system.c). */
	if (strcmp(key, "addr") == 0 && json_object_is_type(value, json_type_int)) {
		int64_t devfn = json_object_get_int64(value);
		return arena_printf(arena, "0x%x.%u", (unsigned int)(devfn >> 3) & 0x1fU, (unsigned int)devfn & 7U);
	}
	if (json_object_is_type(value, json_type_boolean))
		return json_object_get_boolean(value) ? "on" : "off";
	return arena_strdup(arena, value ? json_object_get_string(value) : "null");
}

static int read_json_device(struct reader *reader, const struct qemu_option *option, const char *text)
{
	AUTO_JSON *object = NULL;
	int r = json_read(slice_of(text), &object, reader->error);
	if (r == 0 && !json_object_is_type(object, json_type_object))
		r = error_set(reader->error, -EINVAL, "not a JSON object");
	if (r < 0)
		return error_prefix(reader->error, r, "-device %.60s%s", text, strlen(text) > 60 ? "..." : "");
	struct qemu_device device = { .driver = "", .form = QEMU_JSON, .option = option };
	size_t count = (size_t)json_object_object_length(object);
	device.properties.items = arena_alloc_array(reader->arena, count + 1, sizeof(*device.properties.items));
	json_object_object_foreach(object, key, value) {
		device.properties.items[device.properties.count++] = (struct keyval_item){
			.key = arena_strdup(reader->arena, key),
			.value = json_value(reader->arena, key, value),
		};
	}
	const char *driver = keyval_get(&device.properties, "driver");
	device.driver = driver ? driver : "";
	device.id = keyval_get(&device.properties, "id");
	add_device(reader, &device);
	return 0;
}

static int read_device(struct reader *reader, const struct qemu_option *option)
{
	const char *text = qemu_argument(reader->vm->argv, option);
	/* QEMU tells the forms apart by the first character, too (qdev device_init_func and its caller). */
	if (text[0] == '{')
		return read_json_device(reader, option, text);
	struct qemu_device device = { .form = QEMU_KEYVAL, .option = option };
	keyval_parse(reader->arena, text, "driver", &device.properties);
	const char *driver = keyval_get(&device.properties, "driver");
	device.driver = driver ? driver : "";
	device.id = keyval_get(&device.properties, "id");
	add_device(reader, &device);
	return 0;
}

static void read_machine_keys(struct reader *reader, const struct qemu_option *option, const struct keyval *keys)
{
	struct qemu_vm *vm = reader->vm;
	const char *type = keyval_get(keys, "type");
	const char *accelerator = keyval_get(keys, "accel");
	const char *irqchip = keyval_get(keys, "kernel-irqchip");
	const char *bypass = keyval_get(keys, "default-bus-bypass-iommu");
	if (bypass)
		vm->bypasses_iommu = keyval_boolean(bypass) == 1;
	if (type)
		vm->type = type;
	if (accelerator)
		reader->machine_accelerator = accelerator;
	if (irqchip && !reader->irqchip_by_accel) {
		vm->irqchip = irqchip;
		vm->irqchip_option = option;
	}
}

static void read_machine(struct reader *reader, const struct qemu_option *option)
{
	struct keyval keys;
	keyval_parse(reader->arena, qemu_argument(reader->vm->argv, option), "type", &keys);
	reader->vm->machine = option;
	read_machine_keys(reader, option, &keys);
}

static void read_accel_keys(struct reader *reader, const struct qemu_option *option, const struct keyval *keys)
{
	const char *name = keyval_get(keys, "accel");
	if (!name)
		return;
	reader->accel_options = reader->accel_options ?
					arena_printf(reader->arena, "%s:%s", reader->accel_options, name) :
					name;
	/* Of several, the first that works is taken: what a second kvm would say is never heard. */
	const char *irqchip = keyval_get(keys, "kernel-irqchip");
	bool first_kvm = strcmp(name, "kvm") == 0 && !reader->kvm_seen;
	reader->kvm_seen |= first_kvm;
	if (irqchip && first_kvm) {
		/* A property given to the accelerator itself outweighs the one that -machine passes on to it. */
		reader->irqchip_by_accel = true;
		reader->vm->irqchip = irqchip;
		reader->vm->irqchip_option = option;
	}
}

static void read_accel(struct reader *reader, const struct qemu_option *option)
{
	struct keyval keys;
	keyval_parse(reader->arena, qemu_argument(reader->vm->argv, option), "accel", &keys);
	read_accel_keys(reader, option, &keys);
}

static void add_property(struct arena *arena, struct qemu_device *device, const char *key, const char *value)
{
	struct keyval *list = &device->properties;
	list->items = arena_grow(arena, list->items, list->count, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = (struct keyval_item){ .key = key, .value = value };
	device->changed_by_set = true;
}

/* device.ID.KEY=VALUE changes a key=value device that stands before it (QEMU system/vl.c, qemu_set_option). */
static void read_set(struct reader *reader, const char *text)
{
	static const char device[] = "device.";
	if (!text_starts_with(text, device))
		return;
	const char *id = text + strlen(device);
	const char *equals = strchr(id, '=');
	const char *dot = equals ? memrchr(id, '.', (size_t)(equals - id)) : NULL;
	if (!dot)
		return;
	const char *name = arena_strndup(reader->arena, id, (size_t)(dot - id));
	for (size_t i = 0; i < reader->early.count; i++)
		if (text_equals(reader->early.items[i].id, name))
			add_property(reader->arena, &reader->early.items[i],
				     arena_strndup(reader->arena, dot + 1, (size_t)(equals - dot - 1)), equals + 1);
}

/* driver.property=value, or driver=,property=,value= (QEMU qdev-monitor.c, qemu_global_option). */
static void read_global(struct reader *reader, const char *text)
{
	struct qemu_vm *vm = reader->vm;
	struct qemu_global global = { 0 };
	size_t dot = strcspn(text, ".=,");
	const char *equals = strchr(text, '=');
	if (text[dot] == '.' && equals) {
		global.driver = arena_strndup(reader->arena, text, dot);
		global.property = arena_strndup(reader->arena, text + dot + 1, (size_t)(equals - text) - dot - 1);
		global.value = equals + 1;
	} else {
		struct keyval keys;
		keyval_parse(reader->arena, text, NULL, &keys);
		global.driver = keyval_get(&keys, "driver");
		global.property = keyval_get(&keys, "property");
		global.value = keyval_get(&keys, "value");
	}
	if (!global.driver || !global.property || !global.value)
		return;
	vm->globals = arena_grow(reader->arena, vm->globals, vm->global_count, vm->global_count + 1,
				 sizeof(*vm->globals));
	vm->globals[vm->global_count++] = global;
}

/*
 * The buses in the files that Proxmox VE ships for q35 (qemu-server; the same in 7.0 and 9.2), for the case that the file
 * is not at hand: judging a line from another machine.
 */
static const struct {
	const char *id;
	const char *driver;
	const char *bus;
	const char *address;
} proxmox_buses[] = {
	{ "ich9-pcie-port-1", "pcie-root-port", "pcie.0", "1c.0" },
	{ "ich9-pcie-port-2", "pcie-root-port", "pcie.0", "1c.1" },
	{ "ich9-pcie-port-3", "pcie-root-port", "pcie.0", "1c.2" },
	{ "ich9-pcie-port-4", "pcie-root-port", "pcie.0", "1c.3" },
	{ "pcidmi", "i82801b11-bridge", "pcie.0", "1e.0" },
	{ "pci.0", "pci-bridge", "pcidmi", "1.0" },
	{ "pci.1", "pci-bridge", "pcidmi", "2.0" },
	{ "pci.2", "pci-bridge", "pcidmi", "3.0" },
	{ "pci.3", "pci-bridge", "pcidmi", "4.0" },
};

static bool is_proxmox_q35_file(const char *path)
{
	const char *name = text_basename(path);
	return text_equals(name, "pve-q35-4.0.cfg") || text_equals(name, "pve-q35.cfg");
}

static void remember_proxmox_buses(struct reader *reader, struct qemu_config *config)
{
	config->from_memory = true;
	for (size_t i = 0; i < ARRAY_SIZE(proxmox_buses); i++) {
		struct keyval_item *items = arena_alloc_array(reader->arena, 3, sizeof(*items));
		items[0] = (struct keyval_item){ .key = "driver", .value = proxmox_buses[i].driver };
		items[1] = (struct keyval_item){ .key = "bus", .value = proxmox_buses[i].bus };
		items[2] = (struct keyval_item){ .key = "addr", .value = proxmox_buses[i].address };
		add_device(reader, &(struct qemu_device){
					   .driver = proxmox_buses[i].driver,
					   .id = proxmox_buses[i].id,
					   .form = QEMU_CONFIG,
					   .option = config->option,
					   .properties = { items, 3 },
				   });
		config->device_count++;
	}
}

static void take_config(struct reader *reader, struct qemu_config *config, const struct config_file *file)
{
	config->readable = true;
	for (size_t i = 0; i < file->count; i++) {
		const struct config_section *section = &file->sections[i];
		if (strcmp(section->group, "machine") == 0)
			read_machine_keys(reader, config->option, &section->entries);
		if (strcmp(section->group, "accel") == 0)
			read_accel_keys(reader, config->option, &section->entries);
		if (strcmp(section->group, "device") != 0)
			continue;
		const char *driver = keyval_get(&section->entries, "driver");
		add_device(reader, &(struct qemu_device){
					   .driver = driver ? driver : "",
					   .id = section->id,
					   .form = QEMU_CONFIG,
					   .option = config->option,
					   .properties = section->entries,
				   });
		config->device_count++;
	}
}

static void read_config(struct reader *reader, const struct qemu_option *option)
{
	struct qemu_vm *vm = reader->vm;
	const char *path = qemu_argument(vm->argv, option);
	vm->configs = arena_grow(reader->arena, vm->configs, vm->config_count, vm->config_count + 1,
				 sizeof(*vm->configs));
	struct qemu_config *config = &vm->configs[vm->config_count++];
	*config = (struct qemu_config){ .option = option };

	/* Only a regular file is read: what comes out of a pipe is QEMU's, and there only once. */
	struct error why;
	struct stat status;
	struct slice text;
	struct config_file file;
	int r = reader->root ? root_stat(reader->root, path, &status, &why) :
			       error_set(&why, -ENOENT, "%s: not looked at", path);
	if (r == 0 && !S_ISREG(status.st_mode))
		r = error_set(&why, -EINVAL, "%s: not a regular file", path);
	if (r == 0)
		r = root_read(reader->root, reader->arena, path, &text, &why);
	if (r == 0 && (r = config_file_parse(reader->arena, text, &file, &why)) < 0)
		error_prefix(&why, r, "%s", path);
	if (r == 0) {
		take_config(reader, config, &file);
		return;
	}
	config->problem = arena_strdup(reader->arena, why.text);
	if (is_proxmox_q35_file(path))
		remember_proxmox_buses(reader, config);
}

static int read_option(struct reader *reader, const struct qemu_option *option)
{
	const char *name = option->name ? option->name : "";
	if (strcmp(name, "device") == 0)
		return read_device(reader, option);
	if (strcmp(name, "machine") == 0 || strcmp(name, "M") == 0)
		read_machine(reader, option);
	else if (strcmp(name, "accel") == 0)
		read_accel(reader, option);
	else if (strcmp(name, "enable-kvm") == 0)
		reader->machine_accelerator = "kvm";
	else if (strcmp(name, "readconfig") == 0)
		read_config(reader, option);
	else if (strcmp(name, "set") == 0)
		read_set(reader, qemu_argument(reader->vm->argv, option));
	else if (strcmp(name, "global") == 0)
		read_global(reader, qemu_argument(reader->vm->argv, option));
	return 0;
}

int qemu_vm_read(struct arena *arena, const struct qemu_argv *argv, const struct root *root, struct qemu_vm *ret,
		 struct error *error)
{
	*ret = (struct qemu_vm){ .argv = argv };
	ret->program = argv->program == QEMU_NO_WORD ? "" : argv->words[argv->program];
	struct reader reader = { .arena = arena, .root = root, .vm = ret, .error = error };
	for (size_t i = 0; i < argv->option_count; i++) {
		int r = read_option(&reader, &argv->options[i]);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < reader.late.count; i++)
		append(arena, &reader.early, &reader.late.items[i]);
	ret->devices = reader.early.items;
	ret->device_count = reader.early.count;
	ret->accelerator = reader.accel_options ? reader.accel_options : reader.machine_accelerator;
	return 0;
}

const char *qemu_device_property(const struct qemu_vm *vm, const struct qemu_device *device, const char *property)
{
	const char *own = keyval_get(&device->properties, property);
	if (own)
		return own;
	for (size_t i = vm->global_count; i-- > 0;)
		if (strcmp(vm->globals[i].driver, device->driver) == 0 &&
		    strcmp(vm->globals[i].property, property) == 0)
			return vm->globals[i].value;
	return NULL;
}

bool qemu_device_is_vfio(const struct qemu_device *device)
{
	return text_starts_with(device->driver, "vfio-");
}

/*
 * Devices that plug into something else than a PCI bus. What is not listed counts as PCI: a vIOMMU that comes a little
 * earlier than it must does no harm, one that comes late does.
 */
bool qemu_device_is_pci(const char *driver)
{
	/* clang-format off */
	static const char *const families[] = {
		"usb-", "scsi-", "ide-", "isa-", "i2c-", "hda-", "tpm-", "smbus-", "sysbus-", "nvdimm", "pc-dimm",
		"ccid-", "spapr-", "sd-",
	};
	static const char *const singles[] = {
		"vmgenid",  "vmcoreinfo", "pvpanic",  "loader",	  "guest-loader", "virtserialport", "virtconsole",
		"nvme-ns",  "floppy",	  "ib700",    "adlib",	  "cs4231a",	  "gus",	    "sb16",
		"pcspk",    "i8042",	  "vmmouse",  "vmport",	  "sga",	  "tpm_tis",	    "debugcon",
		"emulated-smartcard",	  "passthrough-smartcard", "intel-iommu", "amd-iommu",
	};
	/* clang-format on */
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (text_starts_with(driver, families[i]))
			return strcmp(driver, "usb-ehci") == 0; /* a controller on PCI, unlike its family */
	for (size_t i = 0; i < ARRAY_SIZE(singles); i++)
		if (strcmp(driver, singles[i]) == 0)
			return false;
	/* host-x86_64-cpu and its like: CPUs that can be plugged. */
	return text_starts_with(driver, "vfio-") || !text_ends_with(driver, "-cpu");
}

bool qemu_device_host(const struct qemu_device *device, struct pci_address *ret)
{
	const char *host = keyval_get(&device->properties, "host");
	if (host && pci_address_parse(host, ret, NULL) == 0)
		return true;
	const char *sysfs = keyval_get(&device->properties, "sysfsdev");
	if (!sysfs)
		return false;
	/* The last part of the path, behind which slashes may stand. */
	char name[PCI_ADDRESS_TEXT_MAX] = "";
	size_t end = strlen(sysfs);
	while (end && sysfs[end - 1] == '/')
		end--;
	size_t start = end;
	while (start && sysfs[start - 1] != '/')
		start--;
	if (end - start >= sizeof(name))
		return false;
	memcpy(name, sysfs + start, end - start);
	return pci_address_parse(name, ret, NULL) == 0;
}

const struct qemu_device *qemu_find_bus(const struct qemu_vm *vm, const char *bus)
{
	for (size_t i = 0; i < vm->device_count; i++)
		if (text_equals(vm->devices[i].id, bus))
			return &vm->devices[i];
	return NULL;
}

const struct qemu_device *qemu_parent_bridge(const struct qemu_vm *vm, const struct qemu_device *device)
{
	const char *bus = keyval_get(&device->properties, "bus");
	return bus ? qemu_find_bus(vm, bus) : NULL;
}

bool qemu_parse_slot(const char *text, unsigned int *slot, unsigned int *function)
{
	char *end;
	if (!text || !*text)
		return false;
	unsigned long value = strtoul(text, &end, 16);
	unsigned long part = 0;
	if (end == text || (*end != '.' && *end != '\0'))
		return false;
	if (*end == '.') {
		const char *behind = end + 1;
		part = strtoul(behind, &end, 16);
		if (end == behind || *end != '\0')
			return false;
	}
	if (value > 31 || part > 7)
		return false;
	*slot = (unsigned int)value;
	*function = (unsigned int)part;
	return true;
}
