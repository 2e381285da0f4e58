/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/proxmox-line.h"

#include <string.h>

#include "vm/proxmox-args.h"
#include "vm/proxmox-keys.h"

struct maker {
	struct arena *arena;
	const struct proxmox_section *settings;
	struct release release;
	const char *id;
	struct proxmox_line *line;
};

static const char *get(const struct maker *maker, const char *key)
{
	return proxmox_get(maker->settings, key);
}

static bool is(const struct maker *maker, const char *key, const char *value)
{
	return text_equals(get(maker, key), value);
}

static void add(struct maker *maker, const char *option, const char *argument)
{
	list_add(&maker->line->words, option);
	list_add(&maker->line->words, argument);
}

static void add_printf(struct maker *maker, const char *option, const char *format, ...) PRINTF_FORMAT(3, 4);
static void add_printf(struct maker *maker, const char *option, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(maker, option, arena_vprintf(maker->arena, format, args));
	va_end(args);
}

/* ---- The machine ---- */

const char *proxmox_os(const char *ostype)
{
	if (!ostype)
		return NULL;
	if (text_starts_with(ostype, "w"))
		return "windows";
	return text_equals(ostype, "l24") || text_equals(ostype, "l26") ? "linux" : NULL;
}

/*
 * A Windows VM without a version is pinned: to 5.1, or, since 8.3.4, to the QEMU that it was made with where that was 9.1
 * or later (QemuServer/Machine.pm, get_vm_machine).
 */
static const char *windows_version(const struct maker *maker)
{
	static const char made_with[] = "creation-qemu=";
	static const struct release since = { { 8, 3, 4 } };
	const char *meta = get(maker, "meta");
	const char *version = meta ? strstr(meta, made_with) : NULL;
	if (!version || !release_has(maker->release, since))
		return "5.1";
	version += strlen(made_with);
	size_t major = strspn(version, "0123456789");
	size_t minor = version[major] == '.' ? strspn(version + major + 1, "0123456789") : 0;
	uint64_t first;
	uint64_t second;
	if (text_to_number(arena_strndup(maker->arena, version, major), 10, 1000, &first) < 0 || minor == 0 ||
	    text_to_number(arena_strndup(maker->arena, version + major + 1, minor), 10, 1000, &second) < 0 ||
	    first < 9 || (first == 9 && second < 1))
		return "5.1";
	return arena_strndup(maker->arena, version, major + 1 + minor);
}

static void read_machine(struct maker *maker)
{
	static const struct release properties = { { 8, 1, 2 } };
	const struct release newest = { { 0 } };
	struct proxmox_line *line = maker->line;
	const char *text = get(maker, "machine");
	bool arm = is(maker, "arch", "aarch64");
	if (text && release_has(maker->release, properties)) {
		/* Taken once (proxmox_check_value), or it would not be in force. */
		if (property_string_parse(maker->arena, text, &proxmox_machine_format, newest, &line->machine, NULL) ==
		    0)
			line->machine_type = property_get(&line->machine, "type");
	} else {
		line->machine_type = text;
	}
	line->q35 = line->machine_type && strstr(line->machine_type, "q35");
	maker->line->type = line->machine_type ? line->machine_type : arm ? "virt" : "pc";
	bool windows = text_equals(proxmox_os(get(maker, "ostype")), "windows");
	if (windows && strcmp(maker->line->type, "q35") == 0)
		maker->line->type = arena_printf(maker->arena, "pc-q35-%s", windows_version(maker));
	else if (windows && strcmp(maker->line->type, "pc") == 0)
		maker->line->type = arena_printf(maker->arena, "pc-i440fx-%s", windows_version(maker));
}

/* Whether the machine has at least this version; one that is not pinned is the newest of its QEMU. */
static bool machine_has(const struct maker *maker, unsigned int major, unsigned int minor)
{
	const char *digits = strpbrk(maker->line->type, "-") ? strrchr(maker->line->type, '-') + 1 : "";
	char *end;
	unsigned long first = strtoul(digits, &end, 10);
	unsigned long second = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	if (end == digits)
		return true;
	return first > major || (first == major && second >= minor);
}

static void add_machine(struct maker *maker)
{
	struct buffer text = { .arena = maker->arena };
	bool intel = text_equals(property_get(&maker->line->machine, "viommu"), "intel");
	/* Of another architecture than the host, which is x86 here, Proxmox VE emulates by itself. */
	if (is(maker, "kvm", "0") || (!get(maker, "kvm") && is(maker, "arch", "aarch64")))
		buffer_puts(&text, "accel=tcg,");
	buffer_printf(&text, "type=%s", maker->line->type);
	if (intel || get(maker, "intel-tdx"))
		buffer_puts(&text, ",kernel-irqchip=split");
	add(maker, "-machine", text.text);
}

/* ---- CPUs and memory ---- */

/* Numbers of a configuration have no bound; no machine has more CPUs than this. */
static unsigned int number(const struct maker *maker, const char *key, unsigned int absent)
{
	uint64_t value;
	const char *text = get(maker, key);
	if (!text)
		return absent;
	if (text_to_number(text, 10, UINT16_MAX, &value) < 0)
		return UINT16_MAX;
	return value ? (unsigned int)value : absent;
}

static void add_count(struct maker *maker)
{
	unsigned int sockets = number(maker, "sockets", number(maker, "smp", 1));
	unsigned int cores = number(maker, "cores", 1);
	unsigned int most = sockets > UINT16_MAX / cores ? UINT16_MAX : sockets * cores;
	add_printf(maker, "-smp", "%u,sockets=%u,cores=%u,maxcpus=%u", number(maker, "vcpus", most), sockets, cores,
		   most);
}

/* "+aes;-pcid" */
static void add_flags(struct buffer *text, const char *flags)
{
	for (const char *flag = flags; *flag;) {
		size_t length = strcspn(flag, ";");
		struct slice name = { flag + 1, length ? length - 1 : 0 };
		/* Stands for vmx or svm, whichever the host has. */
		if (slice_equals(name, "nested-virt"))
			buffer_puts(text, *flag == '-' ? ",-vmx,-svm" : ",+vmx");
		else
			buffer_printf(text, ",%.*s", (int)length, flag);
		flag += length;
		flag += *flag == ';';
	}
}

static void add_cpu(struct maker *maker)
{
	const struct release newest = { { 0 } };
	struct proxmox_line *line = maker->line;
	struct buffer text = { .arena = maker->arena };
	const char *value = get(maker, "cpu");
	line->cpu_default = is(maker, "kvm", "0") ? "qemu64" : "kvm64";
	if (value)
		(void)!property_string_parse(maker->arena, value, &proxmox_cpu_format, newest, &line->cpu, NULL);
	const char *type = property_get(&line->cpu, "cputype");
	const char *flags = property_get(&line->cpu, "flags");
	const char *width = property_get(&line->cpu, "phys-bits");
	const char *guest_width = property_get(&line->cpu, "guest-phys-bits");
	if (!type)
		type = line->cpu_default;
	/* Proxmox VE's own models are QEMU's simplest with flags added. */
	buffer_puts(&text, text_starts_with(type, "x86-64-v") ? "qemu64" : type);
	if (property_is_on(&line->cpu, "hidden"))
		buffer_puts(&text, ",kvm=off");
	if (flags)
		add_flags(&text, flags);
	if (text_equals(width, "host"))
		buffer_puts(&text, ",host-phys-bits=on");
	else if (width)
		buffer_printf(&text, ",phys-bits=%s", width);
	if (guest_width)
		buffer_printf(&text, ",guest-phys-bits=%s", guest_width);
	add(maker, "-cpu", text.text);
}

static void add_memory(struct maker *maker)
{
	const char *text = get(maker, "memory");
	text = text && text_starts_with(text, "current=") ? text + strlen("current=") : text;
	/* Memory that is plugged in at the start counts as the rest of it does. */
	add(maker, "-m", text ? text : "512");
}

static void add_balloon(struct maker *maker)
{
	/* With the package that brought QEMU 6.2 (7.2-1), for machines of that version. */
	static const struct release reporting = { { 7, 2, 1 } };
	if (is(maker, "balloon", "0"))
		return;
	bool reports = release_has(maker->release, reporting) && machine_has(maker, 6, 2);
	add_printf(maker, "-device", "virtio-balloon-pci,id=balloon0,bus=pci.0,addr=0x3%s",
		   reports ? ",free-page-reporting=on" : "");
}

static void add_firmware(struct maker *maker)
{
	const char *volume = get(maker, "efidisk0");
	if (!is(maker, "bios", "ovmf"))
		return;
	add(maker, "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/pve-edk2-firmware//OVMF_CODE.fd");
	if (volume)
		add_printf(maker, "-drive", "if=pflash,unit=1,id=drive-efidisk0,file=%.*s", (int)strcspn(volume, ","),
			   volume);
	else
		add_printf(maker, "-drive", "if=pflash,unit=1,id=drive-efidisk0,file=/tmp/%s-ovmf.fd", maker->id);
}

/* ---- Devices ---- */

/* Where hostpciN sits without pcie=1 (QemuServer/PCI.pm, get_pci_addr_map). */
static const char *conventional_place(struct maker *maker, unsigned int index, bool legacy_igd)
{
	static const unsigned int first_slots[] = { 0x10, 0x11, 0x1b, 0x1c };
	if (legacy_igd)
		return "bus=pci.0,addr=0x2";
	if (index < ARRAY_SIZE(first_slots))
		return arena_printf(maker->arena, "bus=pci.0,addr=0x%x", first_slots[index]);
	return arena_printf(maker->arena, "bus=pci.2,addr=0x%x", 0xd + index - 4);
}

/* Likewise with it (get_pcie_addr_map). Windows 7 has its devices on the root bus. */
static const char *express_place(struct maker *maker, unsigned int index)
{
	static const unsigned int windows7_slots[HOSTPCI_MAX] = { 0x10, 0x11, 0x12, 0x13, 0x9,  0xa,  0xb,  0xc,
								  0xd,  0xe,  0xf,  0x15, 0x16, 0x17, 0x18, 0x19 };
	if (is(maker, "ostype", "win7"))
		return arena_printf(maker->arena, "bus=pcie.0,addr=0x%x", windows7_slots[index]);
	return arena_printf(maker->arena, "bus=ich9-pcie-port-%u,addr=0x0", index + 1);
}

static void add_function(struct maker *maker, const struct hostpci *device, unsigned int index, size_t function,
			 const char *place)
{
	const char *number = device->first_count > 1 ? arena_printf(maker->arena, ".%zu", function) : "";
	const char *rom = property_get(&device->keys, "romfile");
	struct buffer text = { .arena = maker->arena };
	buffer_puts(&text, "vfio-pci");
	if (hostpci_mdev(device))
		/* As Proxmox VE names it: by number and VM (QemuServer/PCI/Mdev.pm). */
		buffer_printf(&text, ",sysfsdev=/sys/bus/mdev/devices/%08u-0000-0000-0000-%012llu", index,
			      strtoull(maker->id, NULL, 10) % 1000000000000ULL);
	else if (function < device->first_count)
		buffer_printf(&text, ",host=%s", device->ids.items[function]);
	buffer_printf(&text, ",id=hostpci%u%s,%s%s", index, number, place, number);
	if (function == 0 && property_is_on(&device->keys, "x-vga"))
		buffer_puts(&text, ",x-vga=on");
	if (function == 0 && device->first_count > 1)
		buffer_puts(&text, ",multifunction=on");
	if (function == 0 && rom)
		buffer_printf(&text, ",romfile=/usr/share/kvm/%s", rom);
	add(maker, "-device", text.text);
}

static void add_hostpci(struct maker *maker, const struct hostpci *device, unsigned int index)
{
	bool express = property_is_on(&device->keys, "pcie");
	/* Four ports are in the configuration file; further ones come with their device. */
	if (express && index > 3 && !is(maker, "ostype", "win7"))
		add_printf(maker, "-device",
			   "pcie-root-port,id=ich9-pcie-port-%u,addr=%x.%u,bus=pcie.0,multifunction=on", index + 1,
			   0x10 + (index - 4) / 8, (index - 4) % 8);
	const char *place = express ? express_place(maker, index) :
				      conventional_place(maker, index, property_is_on(&device->keys, "legacy-igd"));
	size_t count = hostpci_mdev(device) || !device->first_count ? 1 : device->first_count;
	for (size_t i = 0; i < count; i++)
		add_function(maker, device, index, i, place);
}

static void add_viommu(struct maker *maker, const char *model, const char *device)
{
	const struct property_string *machine = &maker->line->machine;
	const char *width = property_get(machine, "aw-bits");
	if (text_equals(property_get(machine, "viommu"), model))
		add_printf(maker, "-device", "%s%s%s", device, width ? ",aw-bits=" : "", width ? width : "");
}

static void add_devices(struct maker *maker, const struct hostpci devices[HOSTPCI_MAX])
{
	add_viommu(maker, "intel", "intel-iommu,intremap=on,caching-mode=on");
	if (maker->line->q35)
		add(maker, "-readconfig",
		    machine_has(maker, 4, 0) ? "/usr/share/qemu-server/pve-q35-4.0.cfg" :
					       "/usr/share/qemu-server/pve-q35.cfg");
	else
		add(maker, "-device", "pci-bridge,id=pci.2,chassis_nr=2,bus=pci.0,addr=0x1f");
	for (unsigned int i = 0; i < HOSTPCI_MAX; i++)
		if (devices[i].entry)
			add_hostpci(maker, &devices[i], i);
	add_balloon(maker);
	add_viommu(maker, "virtio", "virtio-iommu-pci");
}

void proxmox_line_make(struct arena *arena, const struct proxmox_section *settings, struct release release,
		       const char *id, const struct hostpci devices[HOSTPCI_MAX], struct proxmox_line *ret)
{
	*ret = (struct proxmox_line){ .words = { .arena = arena } };
	struct maker maker = { .arena = arena, .settings = settings, .release = release, .id = id, .line = ret };
	const char *arch = get(&maker, "arch");
	const char *args = get(&maker, "args");
	struct list words = { .arena = arena };
	list_add(&ret->words, !arch || text_equals(arch, "x86_64") ? "/usr/bin/kvm" : "/usr/bin/qemu-system-aarch64");
	read_machine(&maker);
	add(&maker, "-id", id);
	add(&maker, "-name", get(&maker, "name") ? get(&maker, "name") : arena_printf(arena, "vm%s", id));
	add_firmware(&maker);
	add_count(&maker);
	add_cpu(&maker);
	add_memory(&maker);
	add_devices(&maker, devices);
	add_machine(&maker);
	ret->args_from = ret->words.count;
	ret->args_dropped = args && !proxmox_split_args(arena, args, &words);
	for (size_t i = 0; i < words.count; i++)
		list_add(&ret->words, words.items[i]);
}
