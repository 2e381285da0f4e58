/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the values of a Proxmox VE configuration are made of (qemu-server; pve-common, JSONSchema.pm). */
#include "vm/proxmox-formats.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define SINCE(a, b, c) { { a, b, c } }
#define OF_OLD { { 0 } }
/* clang-format on */

#define DIGITS "0123456789"
#define HEX DIGITS "abcdefABCDEF"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool is_between(const char *value, uint64_t least, uint64_t most)
{
	uint64_t number;
	return text_to_number(value, 10, most, &number) == 0 && number >= least;
}

static bool consists_of(const char *value, const char *characters)
{
	return *value && value[strspn(value, characters)] == '\0';
}

/* Whether each piece between separators (blanks, and commas and semicolons: split_list) passes; none will do. */
static bool all_pass(const char *value, const char *separators, bool (*is_valid)(const char *value))
{
	char piece[512];
	for (const char *rest = value + strspn(value, separators); *rest; rest += strspn(rest, separators)) {
		size_t length = strcspn(rest, separators);
		if (length >= sizeof(piece))
			return false;
		memcpy(piece, rest, length);
		piece[length] = '\0';
		if (!is_valid(piece))
			return false;
		rest += length;
	}
	return true;
}

#define LIST_SEPARATORS ",; \t\v\f\r"

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

bool proxmox_is_machine_type(const char *value)
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
	{ "type", proxmox_is_machine_type, { { 0 } } },
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
	{ "cputype", .required = true },          { "hidden", property_is_boolean, { { 0 } } },
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

bool proxmox_is_config_id(const char *value)
{
	return isalpha((unsigned char)value[0]) && value[1] && consists_of(value, LETTERS DIGITS "_-");
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
	return text_starts_with(value, "0x") && strlen(value) == 6 && strspn(value + 2, HEX) == 4;
}

static bool is_driver(const char *value)
{
	return strcmp(value, "vfio") == 0 || strcmp(value, "keep") == 0;
}

/* QemuServer/PCI.pm */
static const struct property_key hostpci_keys[] = {
	{ "host", is_host_list, { { 0 } } },
	{ "mapping", proxmox_is_config_id, SINCE(8, 0, 4) },
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

/* ---- Names ---- */

/* A letter or digit at both ends, dashes between. */
static bool is_label(const char *value, size_t length)
{
	if (!length || !isalnum((unsigned char)value[0]) || !isalnum((unsigned char)value[length - 1]))
		return false;
	return strspn(value, LETTERS DIGITS "-") >= length;
}

bool proxmox_is_dns_name(const char *value)
{
	for (const char *label = value;; label++) {
		size_t length = strcspn(label, ".");
		if (!is_label(label, length))
			return false;
		label += length;
		if (!*label)
			return true;
	}
}

static bool is_ipv4(const char *value)
{
	char octet[4];
	for (int i = 0; i < 4; i++) {
		size_t length = strspn(value, DIGITS);
		if (length < 1 || length > 3)
			return false;
		memcpy(octet, value, length);
		octet[length] = '\0';
		if (!is_between(octet, 0, 255) || (length > 1 && *octet == '0') ||
		    value[length] != (i < 3 ? '.' : '\0'))
			return false;
		value += length + 1;
	}
	return true;
}

/* Groups of hexadecimal digits, "::" once for any number of them, the last two perhaps as IPv4. */
static bool is_ipv6(const char *value)
{
	size_t groups = 0;
	bool gap = false;
	if (text_starts_with(value, "::")) {
		gap = true;
		value += 2;
	}
	while (*value) {
		size_t length = strspn(value, HEX);
		if (strchr(value, '.') && !strchr(value, ':'))
			return is_ipv4(value) && (gap ? groups + 2 < 8 : groups + 2 == 8);
		if (length < 1 || length > 4 || ++groups > 8)
			return false;
		value += length;
		if (!*value)
			break;
		if (*value++ != ':')
			return false;
		if (*value == ':') {
			if (gap)
				return false;
			gap = true;
			value++;
		} else if (!*value) {
			return false;
		}
	}
	return gap ? groups < 8 : groups == 8;
}

static bool is_address(const char *value)
{
	return is_ipv4(value) || is_ipv6(value) || proxmox_is_dns_name(value);
}

bool proxmox_is_address_list(const char *value)
{
	return all_pass(value, LIST_SEPARATORS, is_address);
}

bool proxmox_is_storage_id(const char *value)
{
	size_t length = strlen(value);
	return length >= 2 && isalpha((unsigned char)value[0]) && isalnum((unsigned char)value[length - 1]) &&
	       consists_of(value, LETTERS DIGITS "-_.");
}

bool proxmox_is_volume_id(const char *value)
{
	char storage[128];
	size_t length = strcspn(value, ":");
	if (length >= sizeof(storage) || !value[length] || !value[length + 1])
		return false;
	memcpy(storage, value, length);
	storage[length] = '\0';
	return proxmox_is_storage_id(storage);
}

static bool is_volume_or_path(const char *value)
{
	return strcmp(value, "none") == 0 || strcmp(value, "cdrom") == 0 || *value == '/' ||
	       proxmox_is_volume_id(value);
}

/* "32G", "1.5T"; "GiB" and the like since pve-common 9.0.9. */
static bool is_disk_size(const char *value)
{
	const char *rest = value + strspn(value, DIGITS);
	if (rest == value)
		return false;
	if (*rest == '.') {
		size_t digits = strspn(rest + 1, DIGITS);
		if (!digits)
			return false;
		rest += 1 + digits;
	}
	if (*rest && strchr("KMGT", *rest)) {
		rest++;
		rest += text_starts_with(rest, "iB") ? 2 : 0;
	}
	return !*rest;
}

static bool is_old_disk_size(const char *value)
{
	return is_disk_size(value) && !strchr(value, 'B');
}

bool proxmox_is_urlencoded(const char *value)
{
	return value[strspn(value, LETTERS DIGITS "-%_.!~*'()")] == '\0';
}

static bool is_tag(const char *value)
{
	return strspn(value, "+-.") == 0 && consists_of(value, LETTERS DIGITS "_-+.");
}

bool proxmox_is_tag_list(const char *value)
{
	return all_pass(value, LIST_SEPARATORS, is_tag);
}

/* "2", "0-3", "0-3;6": numbers and ranges, `separator` between. */
static bool is_ranges(const char *value, char separator)
{
	for (;; value++) {
		size_t digits = strspn(value, DIGITS);
		if (!digits)
			return false;
		value += digits;
		if (*value == '-') {
			digits = strspn(value + 1, DIGITS);
			if (!digits)
				return false;
			value += 1 + digits;
		}
		if (*value != separator)
			return !*value;
	}
}

static bool is_range_list(const char *value)
{
	return is_ranges(value, ';');
}

static bool is_mac(const char *value)
{
	for (int i = 0; i < 6; i++, value += 3)
		if (!isxdigit((unsigned char)value[0]) || !isxdigit((unsigned char)value[1]) ||
		    value[2] != (i < 5 ? ':' : '\0') || (i == 0 && !strchr("02468aceACE", value[1])))
			return false;
	return true;
}

/* ---- Disks ---- */

enum { IDE = 1, SATA = 2, SCSI = 4, VIRTIO = 8 };

static bool is_serial(const char *value)
{
	return strlen(value) <= 60 && proxmox_is_urlencoded(value);
}

static bool is_model(const char *value)
{
	return strlen(value) <= 120 && proxmox_is_urlencoded(value);
}

static bool is_wwn(const char *value)
{
	return text_starts_with(value, "0x") && strlen(value) == 18 && strspn(value + 2, HEX) == 16;
}

static bool is_scsi_text(const char *value, size_t most)
{
	return strlen(value) <= most && value[strspn(value, LETTERS DIGITS "-_ \t\v\f\r")] == '\0';
}

static bool is_product(const char *value)
{
	return is_scsi_text(value, 16);
}

static bool is_vendor(const char *value)
{
	return is_scsi_text(value, 8);
}

#define SECONDS(name)                                                         \
	{                                                                     \
		name, .kind = PROPERTY_INTEGER, .least = 1, .most = INT64_MAX \
	}
#define COUNT(name)                            \
	{                                      \
		name, .kind = PROPERTY_INTEGER \
	}
#define RATE(name)                            \
	{                                     \
		name, .kind = PROPERTY_NUMBER \
	}
#define SWITCH(name)                           \
	{                                      \
		name, .kind = PROPERTY_BOOLEAN \
	}
#define ALIAS(name, other)           \
	{                            \
		name, .alias = other \
	}
#define GEOMETRY(name)                                                  \
	{                                                               \
		name, .kind = PROPERTY_INTEGER, .until = SINCE(9, 0, 1) \
	}

/* clang-format off */

/* QemuServer/Drive.pm */
static const struct property_key drive_keys[] = {
	{ "file", is_volume_or_path, .required = true },
	ALIAS("volume", "file"),
	{ "media", .words = "cdrom disk" },
	GEOMETRY("cyls"), GEOMETRY("heads"), GEOMETRY("secs"),
	{ "trans", .words = "none lba auto", .until = SINCE(9, 0, 1) },
	SWITCH("snapshot"), SWITCH("backup"), SWITCH("replicate"), SWITCH("detect_zeroes"), SWITCH("shared"),
	{ "cache", .words = "none writethrough writeback unsafe directsync" },
	{ "format", .words = "raw qcow qed qcow2 vmdk cloop", .since = SINCE(8, 3, 10) },
	{ "format", .words = "raw cow qcow qed qcow2 vmdk cloop", .until = SINCE(8, 3, 10) },
	{ "size", is_disk_size, .since = SINCE(9, 0, 16) },
	{ "size", is_old_disk_size, .until = SINCE(9, 0, 16) },
	{ "rerror", .words = "ignore report stop" },
	{ "werror", .words = "enospc ignore report stop" },
	{ "aio", .words = "native threads io_uring" },
	{ "discard", .words = "ignore on" },
	{ "serial", is_serial },
	RATE("mbps"), RATE("mbps_rd"), RATE("mbps_wr"), RATE("mbps_max"), RATE("mbps_rd_max"), RATE("mbps_wr_max"),
	COUNT("bps"), COUNT("bps_rd"), COUNT("bps_wr"),
	COUNT("iops"), COUNT("iops_rd"), COUNT("iops_wr"), COUNT("iops_max"), COUNT("iops_rd_max"), COUNT("iops_wr_max"),
	SECONDS("bps_max_length"), SECONDS("bps_rd_max_length"), SECONDS("bps_wr_max_length"),
	SECONDS("iops_max_length"), SECONDS("iops_rd_max_length"), SECONDS("iops_wr_max_length"),
	ALIAS("bps_rd_length", "bps_rd_max_length"), ALIAS("bps_wr_length", "bps_wr_max_length"),
	ALIAS("iops_rd_length", "iops_rd_max_length"), ALIAS("iops_wr_length", "iops_wr_max_length"),
	{ "model", is_model, .only = IDE },
	{ "ssd", .kind = PROPERTY_BOOLEAN, .only = IDE | SATA | SCSI },
	{ "wwn", is_wwn, .only = IDE | SATA | SCSI },
	{ "iothread", .kind = PROPERTY_BOOLEAN, .only = SCSI | VIRTIO },
	{ "ro", .kind = PROPERTY_BOOLEAN, .only = SCSI | VIRTIO },
	{ "queues", .kind = PROPERTY_INTEGER, .least = 2, .most = INT64_MAX, .only = SCSI },
	{ "scsiblock", .kind = PROPERTY_BOOLEAN, .only = SCSI },
	{ "product", is_product, SINCE(8, 1, 0), .only = SCSI },
	{ "vendor", is_vendor, SINCE(8, 1, 0), .only = SCSI },
};

const struct property_format proxmox_ide_format = { drive_keys, ARRAY_SIZE(drive_keys), "file", IDE };
const struct property_format proxmox_sata_format = { drive_keys, ARRAY_SIZE(drive_keys), "file", SATA };
const struct property_format proxmox_scsi_format = { drive_keys, ARRAY_SIZE(drive_keys), "file", SCSI };
const struct property_format proxmox_virtio_format = { drive_keys, ARRAY_SIZE(drive_keys), "file", VIRTIO };

static const struct property_key efidisk_keys[] = {
	{ "file", is_volume_or_path, .required = true },
	ALIAS("volume", "file"),
	{ "format", .words = "raw qcow qed qcow2 vmdk cloop", .since = SINCE(8, 3, 10) },
	{ "format", .words = "raw cow qcow qed qcow2 vmdk cloop", .until = SINCE(8, 3, 10) },
	{ "size", is_disk_size, .since = SINCE(9, 0, 16) },
	{ "size", is_old_disk_size, .until = SINCE(9, 0, 16) },
	{ "efitype", .words = "2m 4m", .since = SINCE(7, 0, 16) },
	{ "pre-enrolled-keys", .kind = PROPERTY_BOOLEAN, .since = SINCE(7, 0, 16) },
	{ "ms-cert", .words = "2011 2023 2023w 2023k", .since = SINCE(9, 1, 4) },
	{ "ms-cert", .words = "2011 2023", .since = SINCE(9, 0, 27), .until = SINCE(9, 1, 4) },
};

static const struct property_key tpmstate_keys[] = {
	{ "file", is_volume_or_path, .required = true },
	ALIAS("volume", "file"),
	{ "size", is_disk_size, .since = SINCE(9, 0, 16) },
	{ "size", is_old_disk_size, .until = SINCE(9, 0, 16) },
	{ "version", .words = "v1.2 v2.0" },
	{ "format", .since = SINCE(9, 0, 22) },
};

static const struct property_key unused_keys[] = {
	{ "file", proxmox_is_volume_id, .required = true },
	ALIAS("volume", "file"),
};

const struct property_format proxmox_efidisk_format = { efidisk_keys, ARRAY_SIZE(efidisk_keys), "file", 0 };
const struct property_format proxmox_tpmstate_format = { tpmstate_keys, ARRAY_SIZE(tpmstate_keys), "file", 0 };
const struct property_format proxmox_unused_format = { unused_keys, ARRAY_SIZE(unused_keys), "file", 0 };

/* ---- Network ---- */

#define MODELS "e1000 e1000-82540em e1000-82544gc e1000-82545em e1000e i82551 i82557b i82559er ne2k_isa ne2k_pci " \
	"pcnet rtl8139 virtio vmxnet3"
#define MODEL(name) { name, .alias = "macaddr", .key_alias = "model" }

static bool is_bridge(const char *value)
{
	return consists_of(value, LETTERS DIGITS "-_.");
}

static const struct property_key net_keys[] = {
	{ "model", .words = MODELS, .required = true },
	{ "macaddr", is_mac },
	MODEL("e1000"), MODEL("e1000-82540em"), MODEL("e1000-82544gc"), MODEL("e1000-82545em"), MODEL("e1000e"),
	MODEL("i82551"), MODEL("i82557b"), MODEL("i82559er"), MODEL("ne2k_isa"), MODEL("ne2k_pci"), MODEL("pcnet"),
	MODEL("rtl8139"), MODEL("virtio"), MODEL("vmxnet3"),
	{ "bridge", is_bridge },
	{ "queues", .kind = PROPERTY_INTEGER, .least = 0, .most = 64, .since = SINCE(7, 1, 5) },
	{ "queues", .kind = PROPERTY_INTEGER, .least = 0, .most = 16, .until = SINCE(7, 1, 5) },
	{ "rate", .kind = PROPERTY_NUMBER, .least = 0, .most = INT64_MAX },
	{ "tag", .kind = PROPERTY_INTEGER, .least = 1, .most = 4094 },
	{ "trunks", is_range_list },
	SWITCH("firewall"), SWITCH("link_down"),
	{ "mtu", .kind = PROPERTY_INTEGER, .least = 1, .most = 65520 },
	{ "host-tunnel", .kind = PROPERTY_BOOLEAN, .since = SINCE(9, 1, 18) },
};

const struct property_format proxmox_net_format = { net_keys, ARRAY_SIZE(net_keys), "model", 0 };

/* clang-format on */

static bool is_ip_with_width(const char *value, bool (*is_ip)(const char *value), uint64_t least, uint64_t most)
{
	char address[64];
	size_t length = strcspn(value, "/");
	if (length >= sizeof(address) || value[length] != '/' || !is_between(value + length + 1, least, most))
		return false;
	memcpy(address, value, length);
	address[length] = '\0';
	return is_ip(address);
}

static bool is_ipv4_config(const char *value)
{
	return strcmp(value, "dhcp") == 0 || strcmp(value, "manual") == 0 || is_ip_with_width(value, is_ipv4, 8, 32);
}

static bool is_ipv6_config(const char *value)
{
	return property_is_word(value, "auto dhcp manual") || is_ip_with_width(value, is_ipv6, 8, 128);
}

static const struct property_key ipconfig_keys[] = {
	{ "ip", is_ipv4_config },
	{ "gw", is_ipv4, .needs = "ip" },
	{ "ip6", is_ipv6_config },
	{ "gw6", is_ipv6, .needs = "ip6" },
};

const struct property_format proxmox_ipconfig_format = { ipconfig_keys, ARRAY_SIZE(ipconfig_keys), NULL, 0 };

/* ---- The rest ---- */

static bool is_legacy_boot(const char *value)
{
	return strlen(value) <= 4 && consists_of(value, "acdn");
}

/* A disk, a card, a USB device or one that is passed on, with its number. */
static bool is_boot_device(const char *value)
{
	static const struct {
		const char *name;
		uint64_t count;
	} devices[] = { { "ide", 4 },  { "sata", 6 },     { "scsi", 31 }, { "virtio", 16 },
			{ "net", 32 }, { "hostpci", 16 }, { "usb", 14 } };
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		const char *number = value + strlen(devices[i].name);
		if (text_starts_with(value, devices[i].name) && (number[0] != '0' || !number[1]) &&
		    is_between(number, 0, devices[i].count - 1))
			return true;
	}
	return false;
}

static bool is_boot_order(const char *value)
{
	return all_pass(value, LIST_SEPARATORS, is_boot_device);
}

bool proxmox_is_boot_disk(const char *value)
{
	static const char *const kinds[] = { "ide", "sata", "scsi", "virtio" };
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (text_starts_with(value, kinds[i]))
			return consists_of(value + strlen(kinds[i]), DIGITS);
	return false;
}

bool proxmox_is_disk(const char *value)
{
	return (proxmox_is_boot_disk(value) && is_boot_device(value)) || strcmp(value, "efidisk0") == 0 ||
	       strcmp(value, "tpmstate0") == 0;
}

static bool is_usb_device(const char *value)
{
	size_t digits = strspn(value, DIGITS);
	if (strcasecmp(value, "spice") == 0)
		return true;
	if (digits && value[digits] == '-') {
		for (value += digits + 1;; value++) {
			digits = strspn(value, DIGITS);
			value += digits;
			if (!digits || *value != '.')
				return digits && !*value;
		}
	}
	for (int i = 0; i < 2; i++, value += 5) {
		value += text_starts_with(value, "0x") ? 2 : 0;
		if (strspn(value, HEX) < 4 || value[4] != (i ? '\0' : ':'))
			return false;
	}
	return true;
}

static bool is_base64(const char *value)
{
	size_t length = strspn(value, LETTERS DIGITS "+/");
	size_t padding = strspn(value + length, "=");
	return length && padding <= 2 && !value[length + padding];
}

static bool is_uuid(const char *value)
{
	static const size_t lengths[] = { 8, 4, 4, 4, 12 };
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		if (strspn(value, HEX) != lengths[i])
			return false;
		value += lengths[i];
		if (*value++ != (i + 1 < ARRAY_SIZE(lengths) ? '-' : '\0'))
			return false;
	}
	return true;
}

bool proxmox_is_vmgenid(const char *value)
{
	return strcmp(value, "0") == 0 || strcmp(value, "1") == 0 || is_uuid(value);
}

static bool is_shared_memory_name(const char *value)
{
	return consists_of(value, LETTERS DIGITS "-");
}

static bool is_dotted_version(const char *value)
{
	size_t digits = strspn(value, DIGITS);
	if (!digits || value[digits] != '.')
		return false;
	for (value += digits; *value == '.'; value += 1 + digits) {
		digits = strspn(value + 1, DIGITS);
		if (!digits)
			return false;
	}
	return !*value;
}

static bool is_hotplug_feature(const char *value)
{
	return property_is_word(value, "network disk cpu memory usb cloudinit");
}

bool proxmox_is_hotplug(const char *value)
{
	return strcmp(value, "0") == 0 || strcmp(value, "1") == 0 ||
	       all_pass(value, LIST_SEPARATORS, is_hotplug_feature);
}

/* "order=1,up=30", "1": pve_parse_startup_order. "0" is none, for Perl takes it for nothing. */
bool proxmox_is_startup(const char *value)
{
	static const char *const keys[] = { "order=", "up=", "down=", "" };
	if (!*value || strcmp(value, "0") == 0)
		return false;
	for (const char *part = value; *part;) {
		size_t length = strcspn(part, ",");
		bool good = strspn(part, " \t\v\f\r") >= length;
		for (size_t i = 0; !good && i < ARRAY_SIZE(keys); i++) {
			size_t key = strlen(keys[i]);
			good = length > key && memcmp(part, keys[i], key) == 0 &&
			       strspn(part + key, DIGITS) == length - key;
		}
		if (!good)
			return false;
		part += length + (part[length] == ',');
	}
	return true;
}

bool proxmox_is_cpu_set(const char *value)
{
	return is_ranges(value, ',');
}

/* clang-format off */

static const struct property_key boot_keys[] = {
	{ "legacy", is_legacy_boot },
	{ "order", is_boot_order },
};

static const struct property_key agent_keys[] = {
	{ "enabled", .kind = PROPERTY_BOOLEAN, .required = true },
	SWITCH("fstrim_cloned_disks"),
	{ "type", .words = "virtio isa" },
	{ "freeze-fs", .kind = PROPERTY_BOOLEAN, .since = SINCE(9, 1, 5) },
	{ "freeze-fs-on-backup", .alias = "freeze-fs", .since = SINCE(9, 1, 5) },
	{ "freeze-fs-on-backup", .kind = PROPERTY_BOOLEAN, .since = SINCE(7, 3, 4), .until = SINCE(9, 1, 5) },
	{ "guest-fsfreeze", .alias = "freeze-fs", .since = SINCE(9, 1, 5) },
};

static const struct property_key audio_keys[] = {
	{ "device", .words = "ich9-intel-hda intel-hda AC97", .required = true },
	{ "driver", .words = "spice none" },
};

static const struct property_key cicustom_keys[] = {
	{ "meta", proxmox_is_volume_id }, { "network", proxmox_is_volume_id }, { "user", proxmox_is_volume_id },
	{ "vendor", proxmox_is_volume_id, SINCE(7, 0, 18) },
};

static const struct property_key ivshmem_keys[] = {
	{ "size", .kind = PROPERTY_INTEGER, .least = 1, .most = INT64_MAX, .required = true },
	{ "name", is_shared_memory_name },
};

static const struct property_key meta_keys[] = {
	{ "ctime", .kind = PROPERTY_INTEGER, .least = 0, .most = INT64_MAX },
	{ "creation-qemu", is_dotted_version },
};

static const struct property_key numa_keys[] = {
	{ "cpus", is_range_list, .required = true },
	{ "memory", .kind = PROPERTY_NUMBER },
	{ "hostnodes", is_range_list },
	{ "policy", .words = "preferred bind interleave" },
};

static const struct property_key rng_keys[] = {
	{ "source", .words = "/dev/urandom /dev/random /dev/hwrng", .required = true },
	COUNT("max_bytes"), COUNT("period"),
};

static const struct property_key sev_keys[] = {
	{ "type", .words = "std es snp", .since = SINCE(8, 3, 10), .required = true },
	{ "type", .words = "std es", .until = SINCE(8, 3, 10), .required = true },
	SWITCH("no-debug"), SWITCH("no-key-sharing"), SWITCH("kernel-hashes"),
	{ "allow-smt", .kind = PROPERTY_BOOLEAN, .since = SINCE(8, 3, 10) },
};

static const struct property_key tdx_keys[] = {
	{ "type", .words = "tdx", .required = true },
	{ "attestation", .kind = PROPERTY_BOOLEAN, .required = true },
	{ "vsock-cid", .kind = PROPERTY_INTEGER, .least = 2, .most = INT64_MAX },
	{ "vsock-port", .kind = PROPERTY_INTEGER, .least = 0, .most = INT64_MAX },
};

static const struct property_key smbios_keys[] = {
	{ "uuid", is_uuid },
	{ "version", is_base64 }, { "serial", is_base64 }, { "manufacturer", is_base64 }, { "product", is_base64 },
	{ "sku", is_base64 }, { "family", is_base64 },
	SWITCH("base64"),
};

static const struct property_key spice_keys[] = {
	SWITCH("foldersharing"),
	{ "videostreaming", .words = "off all filter" },
};

static const struct property_key usb_keys[] = {
	{ "host", is_usb_device, .since = SINCE(8, 0, 4) },
	{ "host", is_usb_device, .until = SINCE(8, 0, 4), .required = true },
	{ "mapping", proxmox_is_config_id, SINCE(8, 0, 4) },
	SWITCH("usb3"),
};

#define DISPLAYS "cirrus qxl qxl2 qxl3 qxl4 none serial0 serial1 serial2 serial3 std virtio vmware"

static const struct property_key vga_keys[] = {
	{ "type", .words = DISPLAYS " virtio-gl", .since = SINCE(7, 1, 5) },
	{ "type", .words = DISPLAYS, .until = SINCE(7, 1, 5) },
	{ "memory", .kind = PROPERTY_INTEGER, .least = 4, .most = 512 },
	{ "clipboard", .words = "vnc", .since = SINCE(8, 0, 9) },
};

static const struct property_key virtiofs_keys[] = {
	{ "dirid", proxmox_is_config_id, .required = true },
	{ "cache", .words = "auto always metadata never" },
	SWITCH("direct-io"), SWITCH("expose-acl"), SWITCH("expose-xattr"),
};

static const struct property_key watchdog_keys[] = {
	{ "model", .words = "i6300esb ib700" },
	{ "action", .words = "reset shutdown poweroff pause debug none" },
};

static const struct property_key memory_keys[] = {
	{ "current", .kind = PROPERTY_INTEGER, .least = 16, .most = INT64_MAX, .required = true },
};

const struct property_format proxmox_agent_format = { agent_keys, ARRAY_SIZE(agent_keys), "enabled", 0 };
const struct property_format proxmox_audio_format = { audio_keys, ARRAY_SIZE(audio_keys), NULL, 0 };
const struct property_format proxmox_boot_format = { boot_keys, ARRAY_SIZE(boot_keys), "legacy", 0 };
const struct property_format proxmox_cicustom_format = { cicustom_keys, ARRAY_SIZE(cicustom_keys), NULL, 0 };
const struct property_format proxmox_ivshmem_format = { ivshmem_keys, ARRAY_SIZE(ivshmem_keys), NULL, 0 };
const struct property_format proxmox_memory_format = { memory_keys, ARRAY_SIZE(memory_keys), "current", 0 };
const struct property_format proxmox_meta_format = { meta_keys, ARRAY_SIZE(meta_keys), NULL, 0 };
const struct property_format proxmox_numa_format = { numa_keys, ARRAY_SIZE(numa_keys), NULL, 0 };
const struct property_format proxmox_rng_format = { rng_keys, ARRAY_SIZE(rng_keys), "source", 0 };
const struct property_format proxmox_sev_format = { sev_keys, ARRAY_SIZE(sev_keys), "type", 0 };
const struct property_format proxmox_smbios_format = { smbios_keys, ARRAY_SIZE(smbios_keys), NULL, 0 };
const struct property_format proxmox_spice_format = { spice_keys, ARRAY_SIZE(spice_keys), NULL, 0 };
const struct property_format proxmox_tdx_format = { tdx_keys, ARRAY_SIZE(tdx_keys), "type", 0 };
const struct property_format proxmox_usb_format = { usb_keys, ARRAY_SIZE(usb_keys), "host", 0 };
const struct property_format proxmox_vga_format = { vga_keys, ARRAY_SIZE(vga_keys), "type", 0 };
const struct property_format proxmox_virtiofs_format = { virtiofs_keys, ARRAY_SIZE(virtiofs_keys), "dirid", 0 };
const struct property_format proxmox_watchdog_format = { watchdog_keys, ARRAY_SIZE(watchdog_keys), "model", 0 };

/* clang-format on */
