/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pci-address.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

/* 1 to `max_digits` hexadecimal digits; -1 when there is none, or the value is above `max`. */
static int64_t read_hex(const char **rest, int max_digits, uint32_t max)
{
	uint64_t value = 0;
	int digits = 0;
	while (digits < max_digits && isxdigit((unsigned char)**rest)) {
		unsigned char digit = (unsigned char)*(*rest)++;
		value = value * 16 + (uint64_t)(isdigit(digit) ? digit - '0' : (tolower(digit) - 'a') + 10);
		digits++;
	}
	return digits == 0 || value > max ? -1 : (int64_t)value;
}

static bool take(const char **rest, char character)
{
	if (**rest != character)
		return false;
	(*rest)++;
	return true;
}

static bool parse(const char *rest, bool has_domain, struct pci_address *ret)
{
	int64_t domain = 0;
	if (has_domain) {
		domain = read_hex(&rest, 8, UINT32_MAX);
		if (domain < 0 || !take(&rest, ':'))
			return false;
	}
	int64_t bus = read_hex(&rest, 2, 0xff);
	if (bus < 0 || !take(&rest, ':'))
		return false;
	int64_t device = read_hex(&rest, 2, 31);
	if (device < 0 || !take(&rest, '.'))
		return false;
	int64_t function = read_hex(&rest, 1, 7);
	if (function < 0 || *rest != '\0')
		return false;
	*ret = (struct pci_address){ (uint32_t)domain, (uint8_t)bus, (uint8_t)device, (uint8_t)function };
	return true;
}

int pci_address_parse(const char *text, struct pci_address *ret, struct error *error)
{
	if (parse(text, true, ret) || parse(text, false, ret))
		return 0;
	return error_set(error, -EINVAL, "'%.64s' is no PCI address; one looks like 0000:01:00.0 or 01:00.0", text);
}

const char *pci_address_format(struct pci_address address, char text[PCI_ADDRESS_TEXT_MAX])
{
	snprintf(text, PCI_ADDRESS_TEXT_MAX, "%04x:%02x:%02x.%x", address.domain, address.bus, address.device & 31U,
		 address.function & 7U);
	return text;
}

int pci_address_compare(struct pci_address a, struct pci_address b)
{
	if (a.domain != b.domain)
		return a.domain < b.domain ? -1 : 1;
	if (a.bus != b.bus)
		return a.bus - b.bus;
	if (a.device != b.device)
		return a.device - b.device;
	return a.function - b.function;
}
