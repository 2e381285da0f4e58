/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of a Proxmox VE configuration: names, addresses, lists (pve-common, JSONSchema.pm). */
#include "vm/proxmox-formats-internal.h"

#include <ctype.h>
#include <string.h>

bool proxmox_is_between(const char *value, uint64_t least, uint64_t most)
{
	uint64_t number;
	return text_to_number(value, 10, most, &number) == 0 && number >= least;
}

bool proxmox_consists_of(const char *value, const char *characters)
{
	return *value && value[strspn(value, characters)] == '\0';
}

/* Whether each piece between separators (blanks, and commas and semicolons: split_list) passes; none will do. */
bool proxmox_all_pass(const char *value, const char *separators, bool (*is_valid)(const char *value))
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

bool proxmox_is_ipv4(const char *value)
{
	char octet[4];
	for (int i = 0; i < 4; i++) {
		size_t length = strspn(value, DIGITS);
		if (length < 1 || length > 3)
			return false;
		memcpy(octet, value, length);
		octet[length] = '\0';
		if (!proxmox_is_between(octet, 0, 255) || (length > 1 && *octet == '0') ||
		    value[length] != (i < 3 ? '.' : '\0'))
			return false;
		value += length + 1;
	}
	return true;
}

/* Groups of hexadecimal digits, "::" once for any number of them, the last two perhaps as IPv4. */
bool proxmox_is_ipv6(const char *value)
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
			return proxmox_is_ipv4(value) && (gap ? groups + 2 < 8 : groups + 2 == 8);
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
	return proxmox_is_ipv4(value) || proxmox_is_ipv6(value) || proxmox_is_dns_name(value);
}

bool proxmox_is_address_list(const char *value)
{
	return proxmox_all_pass(value, LIST_SEPARATORS, is_address);
}

bool proxmox_is_storage_id(const char *value)
{
	size_t length = strlen(value);
	return length >= 2 && isalpha((unsigned char)value[0]) && isalnum((unsigned char)value[length - 1]) &&
	       proxmox_consists_of(value, LETTERS DIGITS "-_.");
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

bool proxmox_is_urlencoded(const char *value)
{
	return value[strspn(value, LETTERS DIGITS "-%_.!~*'()")] == '\0';
}

static bool is_tag(const char *value)
{
	return strspn(value, "+-.") == 0 && proxmox_consists_of(value, LETTERS DIGITS "_-+.");
}

bool proxmox_is_tag_list(const char *value)
{
	return proxmox_all_pass(value, LIST_SEPARATORS, is_tag);
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

bool proxmox_is_range_list(const char *value)
{
	return is_ranges(value, ';');
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
		    proxmox_is_between(number, 0, devices[i].count - 1))
			return true;
	}
	return false;
}

bool proxmox_is_boot_order(const char *value)
{
	return proxmox_all_pass(value, LIST_SEPARATORS, is_boot_device);
}

bool proxmox_is_boot_disk(const char *value)
{
	static const char *const kinds[] = { "ide", "sata", "scsi", "virtio" };
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (text_starts_with(value, kinds[i]))
			return proxmox_consists_of(value + strlen(kinds[i]), DIGITS);
	return false;
}

bool proxmox_is_disk(const char *value)
{
	return (proxmox_is_boot_disk(value) && is_boot_device(value)) || strcmp(value, "efidisk0") == 0 ||
	       strcmp(value, "tpmstate0") == 0;
}

bool proxmox_is_uuid(const char *value)
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
	return strcmp(value, "0") == 0 || strcmp(value, "1") == 0 || proxmox_is_uuid(value);
}

static bool is_hotplug_feature(const char *value)
{
	return property_is_word(value, "network disk cpu memory usb cloudinit");
}

bool proxmox_is_hotplug(const char *value)
{
	return strcmp(value, "0") == 0 || strcmp(value, "1") == 0 ||
	       proxmox_all_pass(value, LIST_SEPARATORS, is_hotplug_feature);
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

bool proxmox_is_config_id(const char *value)
{
	return isalpha((unsigned char)value[0]) && value[1] && proxmox_consists_of(value, LETTERS DIGITS "_-");
}
