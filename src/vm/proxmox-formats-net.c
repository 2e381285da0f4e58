/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network cards, and what cloud-init gives them (qemu-server, QemuServer.pm). */
#include "vm/proxmox-formats-internal.h"

#include <ctype.h>
#include <string.h>

/* clang-format off */

#define MODELS "e1000 e1000-82540em e1000-82544gc e1000-82545em e1000e i82551 i82557b i82559er ne2k_isa ne2k_pci " \
	"pcnet rtl8139 virtio vmxnet3"
#define MODEL(name) { name, .alias = "macaddr", .key_alias = "model" }

/* clang-format on */

static bool is_bridge(const char *value)
{
	return proxmox_consists_of(value, LETTERS DIGITS "-_.");
}

static bool is_mac(const char *value)
{
	for (int i = 0; i < 6; i++, value += 3)
		if (!isxdigit((unsigned char)value[0]) || !isxdigit((unsigned char)value[1]) ||
		    value[2] != (i < 5 ? ':' : '\0') || (i == 0 && !strchr("02468aceACE", value[1])))
			return false;
	return true;
}

/* clang-format off */

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
	{ "trunks", proxmox_is_range_list },
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
	if (length >= sizeof(address) || value[length] != '/' || !proxmox_is_between(value + length + 1, least, most))
		return false;
	memcpy(address, value, length);
	address[length] = '\0';
	return is_ip(address);
}

static bool is_ipv4_config(const char *value)
{
	return strcmp(value, "dhcp") == 0 || strcmp(value, "manual") == 0 ||
	       is_ip_with_width(value, proxmox_is_ipv4, 8, 32);
}

static bool is_ipv6_config(const char *value)
{
	return property_is_word(value, "auto dhcp manual") || is_ip_with_width(value, proxmox_is_ipv6, 8, 128);
}

static const struct property_key ipconfig_keys[] = {
	{ "ip", is_ipv4_config },
	{ "gw", proxmox_is_ipv4, .needs = "ip" },
	{ "ip6", is_ipv6_config },
	{ "gw6", proxmox_is_ipv6, .needs = "ip6" },
};

const struct property_format proxmox_ipconfig_format = { ipconfig_keys, ARRAY_SIZE(ipconfig_keys), NULL, 0 };
