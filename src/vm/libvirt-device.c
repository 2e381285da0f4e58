/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/libvirt-device.h"

#include <limits.h>

/* ---- One -device ---- */

/* JSON has types: numbers and true/false are none of QEMU's texts. */
enum type { TEXT, SWITCH /* on, off */, BOOLEAN, NUMBER };

struct property {
	const char *name;
	enum type type;
	const char *value; /* NULL: not given */
};

static void add_json(struct libvirt_maker *maker, const char *driver, const struct property *properties, size_t count)
{
	AUTO_JSON *object = json_object_new_object();
	json_add_text(object, "driver", driver);
	for (size_t i = 0; i < count; i++) {
		const char *value = properties[i].value;
		if (!value)
			continue;
		if (properties[i].type == BOOLEAN)
			json_add_bool(object, properties[i].name,
				      strcmp(value, "on") == 0 || strcmp(value, "yes") == 0);
		else if (properties[i].type == NUMBER)
			json_add_digits(object, properties[i].name, value);
		else
			json_add_text(object, properties[i].name, value);
	}
	libvirt_add(maker, "-device",
		    arena_strdup(maker->arena,
				 json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
										JSON_C_TO_STRING_NOSLASHESCAPE)));
}

static void add_keys(struct libvirt_maker *maker, const char *driver, const struct property *properties, size_t count)
{
	struct buffer text = { .arena = maker->arena };
	buffer_puts(&text, driver);
	for (size_t i = 0; i < count; i++) {
		if (!properties[i].value)
			continue;
		buffer_printf(&text, ",%s=", properties[i].name);
		for (const char *c = properties[i].value; *c; c++) {
			buffer_putc(&text, *c);
			if (*c == ',')
				buffer_putc(&text, ',');
		}
	}
	libvirt_add(maker, "-device", text.text);
}

static void add_device(struct libvirt_maker *maker, const char *driver, const struct property *properties, size_t count)
{
	(maker->json ? add_json : add_keys)(maker, driver, properties, count);
}

/* ---- Where it sits ---- */

static bool is_q35(const struct libvirt_maker *maker)
{
	const char *type = element_get_at(maker->domain, "os/type", "machine");
	return type && strstr(type, "q35");
}

static const char *root_bus(const struct libvirt_maker *maker)
{
	return is_q35(maker) ? "pcie.0" : "pci.0";
}

struct place {
	const char *bus;  /* NULL: QEMU chooses */
	const char *addr; /* likewise */
};

/* <address type='pci' bus='0x01' slot='0x00' function='0x0'/> among an element's own. */
static bool read_place(const struct libvirt_maker *maker, const struct element *element, struct place *ret)
{
	const struct element *address = element_find(element, "address");
	const char *type = element_get(address, "type");
	uint64_t bus;
	uint64_t slot;
	uint64_t function = 0;
	if (!address || (type && strcmp(type, "pci") != 0) || !element_number(element_get(address, "bus"), 255, &bus) ||
	    !element_number(element_get(address, "slot"), 31, &slot))
		return false;
	if (element_get(address, "function") && !element_number(element_get(address, "function"), 7, &function))
		return false;
	ret->bus = bus ? arena_printf(maker->arena, "pci.%u", (unsigned int)bus) : root_bus(maker);
	ret->addr = arena_printf(maker->arena, "0x%x.0x%x", (unsigned int)slot, (unsigned int)function);
	return true;
}

/* ---- Controllers ---- */

static const char *controller_driver(const struct element *controller)
{
	static const struct {
		const char *model;
		const char *driver;
	} drivers[] = {
		{ "pcie-root-port", "pcie-root-port" },
		{ "pcie-to-pci-bridge", "pcie-pci-bridge" },
		{ "pci-bridge", "pci-bridge" },
		{ "dmi-to-pci-bridge", "i82801b11-bridge" },
		{ "pcie-switch-upstream-port", "x3130-upstream" },
		{ "pcie-switch-downstream-port", "xio3130-downstream" },
		{ "pci-expander-bus", "pxb" },
		{ "pcie-expander-bus", "pxb-pcie" },
	};
	const char *model = element_get(controller, "model");
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (text_equals(model, drivers[i].model))
			return drivers[i].driver;
	return NULL;
}

/* Which indexes there are: one that a device names, and that is missing, libvirt adds as a pcie-root-port. */
struct buses {
	bool known[UCHAR_MAX + 1];
};

static void add_controllers(struct libvirt_maker *maker, struct buses *buses)
{
	const struct element *devices = element_find(maker->domain, "devices");
	const struct element *controller = NULL;
	uint64_t index;
	buses->known[0] = true;
	while ((controller = element_next(devices, "controller", controller))) {
		const char *driver = controller_driver(controller);
		struct place place = { .bus = root_bus(maker) };
		if (!text_equals(element_get(controller, "type"), "pci") ||
		    !element_number(element_get(controller, "index"), UCHAR_MAX, &index))
			continue;
		buses->known[index] = true;
		if (!driver)
			continue;
		(void)read_place(maker, controller, &place);
		const struct property properties[] = {
			{ "id", TEXT, arena_printf(maker->arena, "pci.%u", (unsigned int)index) },
			{ "bus", TEXT, place.bus },
			{ "addr", TEXT, place.addr },
		};
		add_device(maker, driver, properties, ARRAY_SIZE(properties));
	}
}

static void add_missing_bus(struct libvirt_maker *maker, struct buses *buses, const char *bus)
{
	uint64_t index;
	if (!bus || !text_starts_with(bus, "pci.") || text_to_number(bus + 4, 10, UCHAR_MAX, &index) < 0 ||
	    buses->known[index])
		return;
	buses->known[index] = true;
	const struct property properties[] = { { "id", TEXT, bus }, { "bus", TEXT, root_bus(maker) } };
	add_device(maker, is_q35(maker) ? "pcie-root-port" : "pci-bridge", properties, ARRAY_SIZE(properties));
}

/* ---- vIOMMUs ---- */

static void add_viommu(struct libvirt_maker *maker, const struct element *iommu, size_t number)
{
	const char *model = element_get(iommu, "model");
	const struct element *driver = element_find(iommu, "driver");
	struct place place = { .bus = root_bus(maker) };
	const char *id = arena_printf(maker->arena, "iommu%zu", number);
	if (text_equals(model, "intel")) {
		const struct property properties[] = {
			{ "id", TEXT, id },
			{ "intremap", SWITCH, element_get(driver, "intremap") },
			{ "caching-mode", BOOLEAN, element_get(driver, "caching_mode") },
			{ "eim", SWITCH, element_get(driver, "eim") },
			{ "device-iotlb", BOOLEAN, element_get(driver, "iotlb") },
			{ "aw-bits", NUMBER, element_get(driver, "aw_bits") },
			{ "dma-translation", BOOLEAN, element_get(driver, "dma_translation") },
		};
		add_device(maker, "intel-iommu", properties, ARRAY_SIZE(properties));
	} else if (text_equals(model, "amd")) {
		const struct property properties[] = {
			{ "id", TEXT, id },
			{ "intremap", SWITCH, element_get(driver, "intremap") },
			{ "device-iotlb", BOOLEAN, element_get(driver, "iotlb") },
			{ "xtsup", BOOLEAN, element_get(driver, "xtsup") },
			{ "pt", BOOLEAN, element_get(driver, "passthrough") },
		};
		add_device(maker, "amd-iommu", properties, ARRAY_SIZE(properties));
	} else if (text_equals(model, "virtio")) {
		(void)read_place(maker, iommu, &place);
		const struct property properties[] = {
			{ "id", TEXT, id },
			{ "bus", TEXT, place.bus },
			{ "addr", TEXT, place.addr },
		};
		add_device(maker, "virtio-iommu", properties, ARRAY_SIZE(properties));
	}
}

static void add_viommus(struct libvirt_maker *maker)
{
	const struct element *devices = element_find(maker->domain, "devices");
	const struct element *iommu = NULL;
	size_t number = 0;
	while ((iommu = element_next(devices, "iommu", iommu)))
		add_viommu(maker, iommu, number++);
}

/* ---- Devices of the host ---- */

/* "0000:01:00.0"; NULL: the source is no PCI address. */
static const char *source_address(struct arena *arena, const struct element *element)
{
	const struct element *address = element_find(element, "source/address");
	uint64_t domain = 0;
	uint64_t bus;
	uint64_t slot;
	uint64_t function;
	if (element_get(address, "domain") && !element_number(element_get(address, "domain"), UINT32_MAX, &domain))
		return NULL;
	if (!element_number(element_get(address, "bus"), 255, &bus) ||
	    !element_number(element_get(address, "slot"), 31, &slot) ||
	    !element_number(element_get(address, "function"), 7, &function))
		return NULL;
	return arena_printf(arena, "%04x:%02x:%02x.%x", (unsigned int)domain, (unsigned int)bus, (unsigned int)slot,
			    (unsigned int)function);
}

/* Where no address is given, libvirt makes a port. */
static void find_place(struct libvirt_maker *maker, const struct element *element, struct buses *buses,
		       struct place *place)
{
	if (!read_place(maker, element, place)) {
		*place = (struct place){ .bus = root_bus(maker) };
		for (unsigned int index = 1; is_q35(maker) && index <= UCHAR_MAX; index++) {
			if (buses->known[index])
				continue;
			*place = (struct place){ .bus = arena_printf(maker->arena, "pci.%u", index), .addr = "0x0" };
			break;
		}
	}
	add_missing_bus(maker, buses, place->bus);
}

static void add_vfio(struct libvirt_maker *maker, const struct libvirt_device *device, struct buses *buses)
{
	const struct element *element = device->element;
	const char *uuid = element_get_at(element, "source/address", "uuid");
	const char *host = uuid ? NULL : source_address(maker->arena, element);
	const char *rom = element_get_at(element, "rom", "file");
	bool iommufd = text_equals(element_get_at(element, "driver", "iommufd"), "yes");
	struct place place;
	find_place(maker, element, buses, &place);
	const struct property properties[] = {
		{ "host", TEXT,
		  uuid ? NULL :
		  host ? host :
			 "" },
		{ "sysfsdev", TEXT, uuid ? arena_printf(maker->arena, "/sys/bus/mdev/devices/%s", uuid) : NULL },
		{ "id", TEXT, device->id },
		{ "iommufd", TEXT, iommufd ? "iommufd0" : NULL },
		{ "bus", TEXT, place.bus },
		{ "addr", TEXT, place.addr },
		{ "romfile", TEXT, rom && *rom ? rom : NULL },
	};
	add_device(maker, "vfio-pci", properties, ARRAY_SIZE(properties));
}

static bool is_vfio(const struct element *element)
{
	const char *type = element_get(element, "type");
	if (strcmp(element->name, "interface") == 0)
		return text_equals(type, "hostdev");
	return strcmp(element->name, "hostdev") == 0 && text_equals(element_get(element, "mode"), "subsystem") &&
	       (text_equals(type, "pci") ||
		(text_equals(type, "mdev") && !text_equals(element_get(element, "model"), "vfio-ccw") &&
		 !text_equals(element_get(element, "model"), "vfio-ap")));
}

/* libvirt numbers all <hostdev>, whatever they are, behind the interfaces that are such devices. */
static void gather_devices(struct libvirt_maker *maker, const char *name, size_t *number)
{
	struct libvirt_line *line = maker->line;
	const struct element *devices = element_find(maker->domain, "devices");
	const struct element *element = NULL;
	while ((element = element_next(devices, name, element))) {
		bool counts = strcmp(name, "hostdev") == 0 || is_vfio(element);
		const char *alias = element_get_at(element, "alias", "name");
		if (is_vfio(element))
			line->devices[line->device_count++] = (struct libvirt_device){
				.element = element,
				.id = alias && *alias ? alias : arena_printf(maker->arena, "hostdev%zu", *number),
			};
		*number += counts;
	}
}

static void add_host_devices(struct libvirt_maker *maker, struct buses *buses)
{
	struct libvirt_line *line = maker->line;
	const struct element *devices = element_find(maker->domain, "devices");
	size_t number = 0;
	line->devices = arena_alloc_array(maker->arena, (devices ? devices->count : 0) + 1, sizeof(*line->devices));
	gather_devices(maker, "interface", &number);
	gather_devices(maker, "hostdev", &number);
	for (size_t i = 0; i < line->device_count; i++)
		add_vfio(maker, &line->devices[i], buses);
}

/* One is there unless it is said that there is none. */
static void add_balloon(struct libvirt_maker *maker)
{
	const struct element *balloon = element_find(maker->domain, "devices/memballoon");
	if (text_equals(element_get(balloon, "model"), "none"))
		return;
	const struct property properties[] = {
		{ "id", TEXT, "balloon0" },
		{ "free-page-reporting", BOOLEAN, element_get(balloon, "freePageReporting") },
	};
	add_device(maker, "virtio-balloon-pci", properties, ARRAY_SIZE(properties));
}

void libvirt_add_devices(struct libvirt_maker *maker)
{
	struct buses buses = { 0 };
	add_viommus(maker);
	add_controllers(maker, &buses);
	add_host_devices(maker, &buses);
	add_balloon(maker);
}
