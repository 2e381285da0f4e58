/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the values of a Proxmox VE configuration are made of (qemu-server; pve-common, JSONSchema.pm). */
#include "vm/proxmox-formats-internal.h"

#include <ctype.h>
#include <string.h>

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
	return proxmox_is_between(value, 32, 64);
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
	return strcmp(value, "host") == 0 || proxmox_is_between(value, 8, 64);
}

static bool is_guest_phys_bits(const char *value)
{
	return proxmox_is_between(value, 32, 64);
}

static bool is_level(const char *value)
{
	return proxmox_is_between(value, 0, UINT32_MAX);
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

/* ---- The rest ---- */

static bool is_legacy_boot(const char *value)
{
	return strlen(value) <= 4 && proxmox_consists_of(value, "acdn");
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

static bool is_shared_memory_name(const char *value)
{
	return proxmox_consists_of(value, LETTERS DIGITS "-");
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

/* clang-format off */

static const struct property_key boot_keys[] = {
	{ "legacy", is_legacy_boot },
	{ "order", proxmox_is_boot_order },
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
	{ "cpus", proxmox_is_range_list, .required = true },
	{ "memory", .kind = PROPERTY_NUMBER },
	{ "hostnodes", proxmox_is_range_list },
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
	{ "uuid", proxmox_is_uuid },
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
