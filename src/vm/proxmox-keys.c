/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/proxmox-keys.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define SINCE(a, b, c) { { a, b, c } }
/* clang-format on */

static bool is_between(const char *value, uint64_t least, uint64_t most)
{
	uint64_t number;
	return text_to_number(value, 10, most, &number) == 0 && number >= least;
}

/* ---- machine ---- */

/* "8.1", "4.0.1": at least two numbers. Returns its length, or 0. */
static size_t version_length(const char *text)
{
	size_t length = strspn(text, "0123456789");
	if (length == 0 || text[length] != '.')
		return 0;
	while (text[length] == '.' && isdigit((unsigned char)text[length + 1]))
		length += 1 + strspn(text + length + 1, "0123456789");
	return text[length] == '.' && !text_starts_with(text + length, ".pxe") ? 0 : length;
}

/* "+pve1", ".pxe": what may stand behind a version. */
static bool is_version_tail(const char *text, bool pxe)
{
	if (text_starts_with(text, "+pve")) {
		size_t digits = strspn(text + 4, "0123456789");
		if (digits == 0)
			return false;
		text += 4 + digits;
	}
	return *text == '\0' || (pxe && strcmp(text, ".pxe") == 0);
}

static bool is_machine_type(const char *value)
{
	static const char *const families[] = { "pc-i440fx-", "pc-q35-", "pc-" };
	if (strlen(value) > 40)
		return false;
	if (strcmp(value, "pc") == 0 || strcmp(value, "q35") == 0)
		return true;
	if (text_starts_with(value, "virt")) {
		const char *rest = value + strlen("virt");
		size_t version = *rest == '-' ? version_length(rest + 1) : 0;
		return (*rest != '-' || version) && is_version_tail(rest + (version ? version + 1 : 0), false);
	}
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (!text_starts_with(value, families[i]))
			continue;
		const char *rest = value + strlen(families[i]);
		size_t version = version_length(rest);
		return version && is_version_tail(rest + version, true);
	}
	return false;
}

static bool is_viommu(const char *value)
{
	return strcmp(value, "intel") == 0 || strcmp(value, "virtio") == 0;
}

static bool is_aw_bits(const char *value)
{
	return is_between(value, 32, 64);
}

/* QemuServer/Machine.pm */
static const struct property_key machine_keys[] = {
	{ "type", is_machine_type, { { 0 } } },
	{ "viommu", is_viommu, SINCE(8, 1, 2) },
	{ "aw-bits", is_aw_bits, SINCE(9, 0, 21) },
	{ "enable-s3", property_is_boolean, SINCE(8, 3, 10) },
	{ "enable-s4", property_is_boolean, SINCE(8, 3, 10) },
};

const struct property_format proxmox_machine_format = { machine_keys, ARRAY_SIZE(machine_keys), "type" };

/* ---- cpu ---- */

static bool is_phys_bits(const char *value)
{
	return strcmp(value, "host") == 0 || is_between(value, 8, 64);
}

static bool is_guest_phys_bits(const char *value)
{
	return is_between(value, 32, 64);
}

static bool is_level(const char *value)
{
	return is_between(value, 0, UINT32_MAX);
}

/*
 * "+aes;-pcid". Which flags a VM may have changes with each release, so that only the two are looked at that every
 * release refuses, and that matter here: those for nesting, which "nested-virt" stands for since 9.0.27.
 */
static bool is_flag_list(const char *value)
{
	for (const char *flag = value;; flag++) {
		size_t length = strcspn(flag, ";");
		struct slice name = { flag + 1, length ? length - 1 : 0 };
		if (length < 2 || (*flag != '+' && *flag != '-') || slice_equals(name, "vmx") ||
		    slice_equals(name, "svm"))
			return false;
		flag += length;
		if (*flag == '\0')
			return true;
	}
}

/* QemuServer/CPUConfig.pm; "reported-model" is for the models of cpu-models.conf only. */
static const struct property_key cpu_keys[] = {
	{ "cputype", NULL, { { 0 } } },           { "hidden", property_is_boolean, { { 0 } } },
	{ "hv-vendor-id", NULL, { { 0 } } },      { "flags", is_flag_list, { { 0 } } },
	{ "phys-bits", is_phys_bits, { { 0 } } }, { "guest-phys-bits", is_guest_phys_bits, SINCE(9, 0, 18) },
	{ "level", is_level, SINCE(9, 1, 14) },
};

const struct property_format proxmox_cpu_format = { cpu_keys, ARRAY_SIZE(cpu_keys), "cputype" };

/* ---- hostpciN ---- */

static size_t count_hex(const char *text)
{
	return strspn(text, "0123456789abcdef");
}

/* "[DDDD:]BB:SS[.F]", lower case; several with ';' between. */
static bool is_host_list(const char *value)
{
	for (const char *text = value;; text++) {
		size_t first = count_hex(text);
		if (first >= 4 && text[first] == ':')
			text += first + 1;
		if (count_hex(text) != 2 || text[2] != ':' || count_hex(text + 3) != 2)
			return false;
		text += 5;
		if (*text == '.' && count_hex(text + 1) == 1)
			text += 2;
		if (*text != ';')
			return *text == '\0';
	}
}

static bool is_config_id(const char *value)
{
	return isalpha((unsigned char)value[0]) && value[1] &&
	       strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(value);
}

static bool is_romfile(const char *value)
{
	return !strchr(value, ';');
}

static bool is_mdev(const char *value)
{
	return !strpbrk(value, "/.:");
}

static bool is_hex_id(const char *value)
{
	return text_starts_with(value, "0x") && strlen(value) == 6 && strspn(value + 2, "0123456789abcdefABCDEF") == 4;
}

static bool is_driver(const char *value)
{
	return strcmp(value, "vfio") == 0 || strcmp(value, "keep") == 0;
}

/* QemuServer/PCI.pm */
static const struct property_key hostpci_keys[] = {
	{ "host", is_host_list, { { 0 } } },
	{ "mapping", is_config_id, SINCE(8, 0, 4) },
	{ "pcie", property_is_boolean, { { 0 } } },
	{ "rombar", property_is_boolean, { { 0 } } },
	{ "romfile", is_romfile, { { 0 } } },
	{ "x-vga", property_is_boolean, { { 0 } } },
	{ "legacy-igd", property_is_boolean, { { 0 } } },
	{ "mdev", is_mdev, { { 0 } } },
	{ "vendor-id", is_hex_id, SINCE(7, 1, 5) },
	{ "device-id", is_hex_id, SINCE(7, 1, 5) },
	{ "sub-vendor-id", is_hex_id, SINCE(7, 1, 5) },
	{ "sub-device-id", is_hex_id, SINCE(7, 1, 5) },
	{ "driver", is_driver, SINCE(9, 0, 25) },
};

const struct property_format proxmox_hostpci_format = { hostpci_keys, ARRAY_SIZE(hostpci_keys), "host" };

/* ---- memory: a number of old, a property string since 8.0.8 ---- */

static bool is_memory(const char *value)
{
	return is_between(value, 16, UINT32_MAX);
}

static const struct property_key memory_keys[] = { { "current", is_memory, { { 0 } } } };
static const struct property_format memory_format = { memory_keys, ARRAY_SIZE(memory_keys), "current" };

/* ---- All of them ---- */

/* clang-format off */

/* Sorted by strcmp, for bsearch; those with a number by the name before it. */
static const struct proxmox_key keys[] = {
	{ "acpi",                 PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "affinity",             PROXMOX_TEXT,    0,   NULL, SINCE(7, 2, 7) },
	{ "agent",                PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "allow-ksm",            PROXMOX_BOOLEAN, 0,   NULL, SINCE(9, 0, 27) },
	{ "amd-sev",              PROXMOX_TEXT,    0,   NULL, SINCE(8, 3, 0) },
	{ "arch",                 PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "args",                 PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "audio0",               PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "autostart",            PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "balloon",              PROXMOX_INTEGER, 0,   NULL, { { 0 } } },
	{ "bios",                 PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "boot",                 PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "bootdisk",             PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "cdrom",                PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "cicustom",             PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "cipassword",           PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "citype",               PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "ciupgrade",            PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "ciuser",               PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "cores",                PROXMOX_INTEGER, 0,   NULL, { { 0 } } },
	{ "cpu",                  PROXMOX_TEXT,    0,   &proxmox_cpu_format, { { 0 } } },
	{ "cpulimit",             PROXMOX_NUMBER,  0,   NULL, { { 0 } } },
	{ "cpuunits",             PROXMOX_INTEGER, 0,   NULL, { { 0 } } },
	{ "description",          PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "efidisk0",             PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "freeze",               PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "hookscript",           PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "hostpci",              PROXMOX_TEXT,    16,  &proxmox_hostpci_format, { { 0 } } },
	{ "hotplug",              PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "hugepages",            PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "ide",                  PROXMOX_TEXT,    4,   NULL, { { 0 } } },
	{ "intel-tdx",            PROXMOX_TEXT,    0,   NULL, SINCE(9, 0, 25) },
	{ "ipconfig",             PROXMOX_TEXT,    32,  NULL, { { 0 } } },
	{ "ivshmem",              PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "keephugepages",        PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "keyboard",             PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "kvm",                  PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "localtime",            PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "lock",                 PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "machine",              PROXMOX_TEXT,    0,   &proxmox_machine_format, { { 0 } } },
	{ "memory",               PROXMOX_TEXT,    0,   &memory_format, { { 0 } } },
	{ "meta",                 PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "migrate_downtime",     PROXMOX_NUMBER,  0,   NULL, { { 0 } } },
	{ "migrate_speed",        PROXMOX_INTEGER, 0,   NULL, { { 0 } } },
	{ "name",                 PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "nameserver",           PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "net",                  PROXMOX_TEXT,    32,  NULL, { { 0 } } },
	{ "numa",                 PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "onboot",               PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "ostype",               PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "parallel",             PROXMOX_TEXT,    3,   NULL, { { 0 } } },
	{ "parent",               PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "protection",           PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "reboot",               PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "rng0",                 PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "running-nets-host-mtu", PROXMOX_TEXT,   0,   NULL, { { 0 } } },
	{ "runningcpu",           PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "runningmachine",       PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "sata",                 PROXMOX_TEXT,    6,   NULL, { { 0 } } },
	{ "scsi",                 PROXMOX_TEXT,    31,  NULL, { { 0 } } },
	{ "scsihw",               PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "searchdomain",         PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "serial",               PROXMOX_TEXT,    4,   NULL, { { 0 } } },
	{ "shares",               PROXMOX_INTEGER, 0,   NULL, { { 0 } } },
	{ "smbios1",              PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "smp",                  PROXMOX_INTEGER, 0,   NULL, { { 0 } } },
	{ "snaptime",             PROXMOX_INTEGER, 0,   NULL, { { 0 } } },
	{ "sockets",              PROXMOX_INTEGER, 0,   NULL, { { 0 } } },
	{ "spice_enhancements",   PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "sshkeys",              PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "startdate",            PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "startup",              PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "tablet",               PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "tags",                 PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "tdf",                  PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "template",             PROXMOX_BOOLEAN, 0,   NULL, { { 0 } } },
	{ "tpmstate0",            PROXMOX_TEXT,    0,   NULL, SINCE(7, 0, 15) },
	{ "unused",               PROXMOX_TEXT,    256, NULL, { { 0 } } },
	{ "usb",                  PROXMOX_TEXT,    14,  NULL, { { 0 } } },
	{ "vcpus",                PROXMOX_INTEGER, 0,   NULL, { { 0 } } },
	{ "vga",                  PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "virtio",               PROXMOX_TEXT,    16,  NULL, { { 0 } } },
	{ "virtiofs",             PROXMOX_TEXT,    10,  NULL, SINCE(8, 3, 11) },
	{ "vmgenid",              PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "vmstate",              PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "vmstatestorage",       PROXMOX_TEXT,    0,   NULL, { { 0 } } },
	{ "watchdog",             PROXMOX_TEXT,    0,   NULL, { { 0 } } },
};

/* clang-format on */

/* "numa" is a switch, and "numa0" a node: the only name of both kinds. */
static const struct proxmox_key numa_node = { "numa", PROXMOX_TEXT, 8, NULL, { { 0 } } };

static int compare_name(const void *name, const void *key)
{
	return strcmp(name, ((const struct proxmox_key *)key)->name);
}

const struct proxmox_key *proxmox_find_key(const char *name)
{
	char stem[32];
	size_t length = strlen(name);
	size_t digits = length;
	while (digits && isdigit((unsigned char)name[digits - 1]))
		digits--;
	const struct proxmox_key *key = bsearch(name, keys, ARRAY_SIZE(keys), sizeof(*keys), compare_name);
	if (key || digits == length || digits >= sizeof(stem))
		return key && !key->count ? key : NULL;
	memcpy(stem, name, digits);
	stem[digits] = '\0';
	key = bsearch(stem, keys, ARRAY_SIZE(keys), sizeof(*keys), compare_name);
	if (strcmp(stem, numa_node.name) == 0)
		key = &numa_node;
	uint64_t number;
	bool leading_zero = name[digits] == '0' && name[digits + 1] != '\0';
	if (!key || !key->count || leading_zero || text_to_number(name + digits, 10, key->count - 1, &number) < 0)
		return NULL;
	return key;
}

/* Before that, the machine was a plain text, and the memory a number (8.0.8; the numbers are the same). */
static const struct release machine_properties = { { 8, 1, 2 } };

static int check_text(struct arena *arena, const struct proxmox_key *key, const char *value, struct release release,
		      const char **ret, struct error *error)
{
	bool plain = key->format == &proxmox_machine_format && !release_has(release, machine_properties);
	struct property_string ignored;
	size_t length = strlen(value);
	if (key->format && !plain) {
		*ret = value;
		return property_string_parse(arena, value, key->format, release, &ignored, error);
	}
	/* args: alone is taken as it stands (parse_vm_config): its quotes are for the words. */
	bool quoted = strcmp(key->name, "args") != 0 && length >= 2 && value[0] == '"' && value[length - 1] == '"';
	*ret = quoted ? arena_strndup(arena, value + 1, length - 2) : value;
	return 0;
}

int proxmox_check_value(struct arena *arena, const struct proxmox_key *key, const char *value, struct release release,
			const char **ret, struct error *error)
{
	if (!release_has(release, key->since))
		return error_set(error, -EINVAL, "qemu-server knows it since " RELEASE_FORMAT " only",
				 RELEASE_PARTS(key->since));
	if (strchr(value, '\r'))
		return error_set(error, -EINVAL, "a carriage return stands in it");
	size_t digits = strspn(value, "0123456789");
	switch (key->type) {
	case PROXMOX_TEXT:
		return check_text(arena, key, value, release, ret, error);
	case PROXMOX_BOOLEAN:
		if (property_boolean(value) < 0)
			return error_set(error, -EINVAL, "'%s' is neither 0 nor 1", value);
		*ret = property_boolean(value) ? "1" : "0";
		return 0;
	case PROXMOX_INTEGER:
		if (!*value || value[digits])
			return error_set(error, -EINVAL, "'%s' is no whole number", value);
		while (value[0] == '0' && value[1])
			value++;
		*ret = value;
		return 0;
	case PROXMOX_NUMBER:
		*ret = value;
		if (digits && value[digits] == '.' && value[digits + 1])
			digits += 1 + strspn(value + digits + 1, "0123456789");
		return *value && !value[digits] ? 0 : error_set(error, -EINVAL, "'%s' is no number", value);
	}
	return 0;
}

int proxmox_verify_value(struct arena *arena, const struct proxmox_key *key, const char *value, struct release release,
			 struct error *error)
{
	if (key->format == &proxmox_machine_format && !release_has(release, machine_properties) &&
	    !is_machine_type(value))
		return error_set(error, -EINVAL, "'%s' is no machine type", value);
	return 0;
}
