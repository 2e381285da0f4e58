/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/proxmox-keys.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define SINCE(a, b, c) { { a, b, c } }
/* clang-format on */

static bool is_parallel(const char *value)
{
	static const char *const devices[] = { "/dev/parport", "/dev/usb/lp" };
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		const char *number = value + strlen(devices[i]);
		if (text_starts_with(value, devices[i]) && *number && !number[strspn(number, "0123456789")])
			return true;
	}
	return false;
}

static bool is_serial_port(const char *value)
{
	return strcmp(value, "socket") == 0 || (text_starts_with(value, "/dev/") && value[strlen("/dev/")]);
}

/* "now", "2026-01-31", "2026-1-31T08:00:00" */
static bool is_start_date(const char *value)
{
	static const struct {
		size_t least;
		size_t most;
		char behind;
	} parts[] = { { 4, 4, '-' }, { 1, 2, '-' }, { 1, 2, 'T' }, { 1, 2, ':' }, { 1, 2, ':' }, { 1, 2, '\0' } };
	if (strcmp(value, "now") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t digits = strspn(value, "0123456789");
		value += digits;
		if (digits < parts[i].least || digits > parts[i].most)
			return false;
		if (i == 2 && !*value)
			return true;
		if (*value != parts[i].behind)
			return false;
		value++;
	}
	return true;
}

/* clang-format off */

/* Sorted by strcmp, for bsearch; those with a number by the name before it. */
static const struct proxmox_key keys[] = {
	{ "acpi", PROXMOX_BOOLEAN },
	{ "affinity", PROXMOX_TEXT, .is_taken = proxmox_is_cpu_set, .since = SINCE(7, 2, 7) },
	{ "agent", PROXMOX_TEXT, .format = &proxmox_agent_format },
	{ "allow-ksm", PROXMOX_BOOLEAN, .since = SINCE(9, 0, 27) },
	{ "amd-sev", PROXMOX_TEXT, .format = &proxmox_sev_format, .since = SINCE(8, 2, 7) },
	{ "arch", PROXMOX_TEXT, .words = "x86_64 aarch64" },
	{ "args", PROXMOX_TEXT },
	{ "audio0", PROXMOX_TEXT, .format = &proxmox_audio_format },
	{ "autostart", PROXMOX_BOOLEAN },
	{ "balloon", PROXMOX_INTEGER, .least = 0, .most = INT64_MAX },
	{ "bios", PROXMOX_TEXT, .words = "seabios ovmf" },
	{ "boot", PROXMOX_TEXT, .format = &proxmox_boot_format },
	{ "bootdisk", PROXMOX_TEXT, .is_taken = proxmox_is_disk, .is_allowed = proxmox_is_boot_disk },
	{ "cdrom", PROXMOX_TEXT, .format = &proxmox_ide_format },
	{ "cicustom", PROXMOX_TEXT, .format = &proxmox_cicustom_format },
	{ "cipassword", PROXMOX_TEXT },
	{ "citype", PROXMOX_TEXT, .words = "configdrive2 nocloud opennebula" },
	{ "ciupgrade", PROXMOX_BOOLEAN, .since = SINCE(8, 0, 2) },
	{ "ciuser", PROXMOX_TEXT },
	{ "cores", PROXMOX_INTEGER, .least = 1, .most = INT64_MAX },
	{ "cpu", PROXMOX_TEXT, .format = &proxmox_cpu_format },
	{ "cpulimit", PROXMOX_NUMBER, .least = 0, .most = 128 },
	{ "cpuunits", PROXMOX_INTEGER, .least = 1, .most = 262144 },
	{ "description", PROXMOX_TEXT, .length = 8192 },
	{ "efidisk0", PROXMOX_TEXT, .format = &proxmox_efidisk_format },
	{ "freeze", PROXMOX_BOOLEAN },
	{ "hookscript", PROXMOX_TEXT, .is_taken = proxmox_is_volume_id },
	{ "hostpci", PROXMOX_TEXT, .count = 16, .format = &proxmox_hostpci_format },
	{ "hotplug", PROXMOX_TEXT, .is_taken = proxmox_is_hotplug },
	{ "hugepages", PROXMOX_TEXT, .words = "any 2 1024" },
	{ "ide", PROXMOX_TEXT, .count = 4, .format = &proxmox_ide_format },
	{ "intel-tdx", PROXMOX_TEXT, .format = &proxmox_tdx_format, .since = SINCE(9, 0, 25) },
	{ "ipconfig", PROXMOX_TEXT, .count = 32, .format = &proxmox_ipconfig_format },
	{ "ivshmem", PROXMOX_TEXT, .format = &proxmox_ivshmem_format },
	{ "keephugepages", PROXMOX_BOOLEAN },
	{ "keyboard", PROXMOX_TEXT,
	  .words = "de de-ch da en-gb en-us es fi fr fr-be fr-ca fr-ch hu is it ja lt mk nl no pl pt pt-br sv sl tr" },
	{ "kvm", PROXMOX_BOOLEAN },
	{ "localtime", PROXMOX_BOOLEAN },
	{ "lock", PROXMOX_TEXT,
	  .words = "backup clone create migrate rollback snapshot snapshot-delete suspending suspended" },
	{ "machine", PROXMOX_TEXT, .format = &proxmox_machine_format },
	{ "memory", PROXMOX_TEXT, .format = &proxmox_memory_format },
	{ "meta", PROXMOX_TEXT, .format = &proxmox_meta_format, .since = SINCE(7, 0, 18) },
	{ "migrate_downtime", PROXMOX_NUMBER, .least = 0, .most = INT64_MAX },
	{ "migrate_speed", PROXMOX_INTEGER, .least = 0, .most = INT64_MAX },
	{ "name", PROXMOX_TEXT, .is_taken = proxmox_is_dns_name },
	{ "nameserver", PROXMOX_TEXT, .is_taken = proxmox_is_address_list },
	{ "net", PROXMOX_TEXT, .count = 32, .format = &proxmox_net_format },
	{ "numa", PROXMOX_BOOLEAN },
	{ "onboot", PROXMOX_BOOLEAN },
	{ "ostype", PROXMOX_TEXT, .words = "other wxp w2k w2k3 w2k8 wvista win7 win8 win10 win11 l24 l26 solaris" },
	{ "parallel", PROXMOX_TEXT, .count = 3, .is_allowed = is_parallel },
	{ "parent", PROXMOX_TEXT, .is_taken = proxmox_is_config_id, .length = 40, .of_snapshot = true },
	{ "protection", PROXMOX_BOOLEAN },
	{ "reboot", PROXMOX_BOOLEAN },
	{ "rng0", PROXMOX_TEXT, .format = &proxmox_rng_format },
	{ "running-nets-host-mtu", PROXMOX_TEXT },
	{ "runningcpu", PROXMOX_TEXT },
	{ "runningmachine", PROXMOX_TEXT, .format = &proxmox_machine_format, .of_snapshot = true },
	{ "sata", PROXMOX_TEXT, .count = 6, .format = &proxmox_sata_format },
	{ "scsi", PROXMOX_TEXT, .count = 31, .format = &proxmox_scsi_format },
	{ "scsihw", PROXMOX_TEXT, .words = "lsi lsi53c810 virtio-scsi-pci virtio-scsi-single megasas pvscsi" },
	{ "searchdomain", PROXMOX_TEXT },
	{ "serial", PROXMOX_TEXT, .count = 4, .is_allowed = is_serial_port },
	{ "shares", PROXMOX_INTEGER, .least = 0, .most = 50000 },
	{ "smbios1", PROXMOX_TEXT, .format = &proxmox_smbios_format, .length = 512 },
	{ "smp", PROXMOX_INTEGER, .least = 1, .most = INT64_MAX },
	{ "snaptime", PROXMOX_INTEGER, .least = 0, .most = INT64_MAX, .of_snapshot = true },
	{ "sockets", PROXMOX_INTEGER, .least = 1, .most = INT64_MAX },
	{ "spice_enhancements", PROXMOX_TEXT, .format = &proxmox_spice_format },
	{ "sshkeys", PROXMOX_TEXT, .is_taken = proxmox_is_urlencoded },
	{ "startdate", PROXMOX_TEXT, .is_allowed = is_start_date },
	{ "startup", PROXMOX_TEXT, .is_taken = proxmox_is_startup },
	{ "tablet", PROXMOX_BOOLEAN },
	{ "tags", PROXMOX_TEXT, .is_taken = proxmox_is_tag_list },
	{ "tdf", PROXMOX_BOOLEAN },
	{ "template", PROXMOX_BOOLEAN },
	{ "tpmstate0", PROXMOX_TEXT, .format = &proxmox_tpmstate_format, .since = SINCE(7, 0, 15) },
	{ "unused", PROXMOX_TEXT, .count = 256, .format = &proxmox_unused_format },
	{ "usb", PROXMOX_TEXT, .count = 14, .format = &proxmox_usb_format },
	{ "vcpus", PROXMOX_INTEGER, .least = 1, .most = INT64_MAX },
	{ "vga", PROXMOX_TEXT, .format = &proxmox_vga_format },
	{ "virtio", PROXMOX_TEXT, .count = 16, .format = &proxmox_virtio_format },
	{ "virtiofs", PROXMOX_TEXT, .count = 10, .format = &proxmox_virtiofs_format, .since = SINCE(8, 3, 11) },
	{ "vmgenid", PROXMOX_TEXT, .is_allowed = proxmox_is_vmgenid },
	{ "vmstate", PROXMOX_TEXT, .is_taken = proxmox_is_volume_id },
	{ "vmstatestorage", PROXMOX_TEXT, .is_taken = proxmox_is_storage_id },
	{ "watchdog", PROXMOX_TEXT, .format = &proxmox_watchdog_format },
};

/* clang-format on */

/* "numa" is a switch, and "numa0" a node: the only name of both kinds. */
static const struct proxmox_key numa_node = { "numa", PROXMOX_TEXT, .count = 8, .format = &proxmox_numa_format };

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

struct release proxmox_key_since(const struct proxmox_key *key, const char *name)
{
	static const struct release more_usb = { { 7, 2, 7 } };
	uint64_t number;
	if (strcmp(key->name, "usb") == 0 && text_to_number(name + strlen("usb"), 10, UINT16_MAX, &number) == 0 &&
	    number >= 5)
		return more_usb;
	return key->since;
}

static int check_text(struct arena *arena, const struct proxmox_key *key, const char *value, struct release release,
		      const char **ret, struct error *error)
{
	/* The machine was a plain text once. */
	static const struct release machine_properties = { { 8, 1, 2 } };
	bool plain = key->format == &proxmox_machine_format && !release_has(release, machine_properties);
	struct property_string ignored;
	size_t length = strlen(value);
	*ret = value;
	if (key->format && !plain)
		return property_string_parse(arena, value, key->format, release, &ignored, error);
	static const struct release cloudinit_features = { { 7, 2, 7 } };
	bool unknown_feature = strcmp(key->name, "hotplug") == 0 && !release_has(release, cloudinit_features) &&
			       strstr(value, "cloudinit");
	if (key->is_taken)
		return key->is_taken(value) && !unknown_feature ?
			       0 :
			       error_set(error, -EINVAL, "'%s' is no value for it", value);
	/* args: alone is taken as it stands (parse_vm_config): its quotes are for the words. */
	if (strcmp(key->name, "args") != 0 && length >= 2 && value[0] == '"' && value[length - 1] == '"')
		*ret = arena_strndup(arena, value + 1, length - 2);
	return 0;
}

/* Perl's int(): no leading zeros; what 64 bits cannot hold becomes a fraction, which prints so. */
static const char *whole_number(struct arena *arena, const char *value)
{
	uint64_t number;
	if (text_to_number(value, 10, UINT64_MAX, &number) == 0)
		return arena_printf(arena, "%llu", (unsigned long long)number);
	return arena_printf(arena, "%.15g", strtod(value, NULL));
}

int proxmox_check_value(struct arena *arena, const struct proxmox_key *key, const char *value, struct release release,
			const char **ret, struct error *error)
{
	/* The memory was a number once. */
	static const struct release memory_properties = { { 8, 0, 8 } };
	bool number = key->format == &proxmox_memory_format && !release_has(release, memory_properties);
	if (strchr(value, '\r'))
		return error_set(error, -EINVAL, "a carriage return stands in it");
	size_t digits = strspn(value, "0123456789");
	switch (number ? PROXMOX_INTEGER : key->type) {
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
		*ret = whole_number(arena, value);
		return 0;
	case PROXMOX_NUMBER:
		*ret = value;
		if (digits && value[digits] == '.' && value[digits + 1])
			digits += 1 + strspn(value + digits + 1, "0123456789");
		return *value && !value[digits] ? 0 : error_set(error, -EINVAL, "'%s' is no number", value);
	}
	return 0;
}

/* What changed between releases in what is checked when it is printed. */
static bool is_allowed_then(const struct proxmox_key *key, const char *value, struct release release)
{
	static const struct release machine_properties = { { 8, 1, 2 } };
	static const struct release memory_properties = { { 8, 0, 8 } };
	static const struct release least_units = { { 7, 1, 5 } };
	static const struct release no_commas = { { 9, 1, 10 } };
	static const struct release windows_11 = { { 7, 0, 17 } };
	if (key->format == &proxmox_machine_format)
		return release_has(release, machine_properties) || proxmox_is_machine_type(value);
	if (key->format == &proxmox_memory_format)
		return release_has(release, memory_properties) || property_is_integer(value, 16, INT64_MAX);
	if (strcmp(key->name, "cpuunits") == 0)
		return release_has(release, least_units) || strcmp(value, "1") != 0;
	if (strcmp(key->name, "serial") == 0)
		return !release_has(release, no_commas) || !strchr(value, ',');
	if (strcmp(key->name, "ostype") == 0)
		return release_has(release, windows_11) || strcmp(value, "win11") != 0;
	return true;
}

int proxmox_verify_value(struct arena *arena, const struct proxmox_key *key, const char *value, struct release release,
			 struct error *error)
{
	static const struct release snapshots_too = { { 9, 0, 23 } };
	bool ranged = key->type == PROXMOX_INTEGER || key->type == PROXMOX_NUMBER;
	if (key->of_snapshot && !release_has(release, snapshots_too))
		return 0;
	if (key->words && !property_is_word(value, key->words))
		return error_set(error, -EINVAL, "'%s' is none of: %s", value, key->words);
	if (key->length && strlen(value) > key->length)
		return error_set(error, -EINVAL, "it has more than %zu characters", key->length);
	if ((key->is_allowed && !key->is_allowed(value)) || !is_allowed_then(key, value, release) ||
	    (ranged && !property_is_number(value, key->least, key->most)))
		return error_set(error, -EINVAL, "'%s' is no value for it", value);
	return 0;
}
