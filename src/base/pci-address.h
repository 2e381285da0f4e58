/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PCI address as Linux and QEMU write it: DDDD:BB:DD.F in hexadecimal digits. The domain may be longer than four
 * digits (Intel VMD's begin at 10000), and may be left out, which means 0000.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define PCI_ADDRESS_TEXT_MAX 20

struct pci_address {
	uint32_t domain;
	uint8_t bus;
	uint8_t device;   /* 0 to 31 */
	uint8_t function; /* 0 to 7 */
};

/* -EINVAL, with a text that quotes `text` and says how an address looks, when it is none. */
int pci_address_parse(const char *text, struct pci_address *ret, struct error *error) MUST_CHECK;

/* Writes "0000:01:00.0" into `text`, which it returns. */
const char *pci_address_format(struct pci_address address, char text[PCI_ADDRESS_TEXT_MAX]);

/* Order by domain, bus, device, function: <0, 0, >0. */
int pci_address_compare(struct pci_address a, struct pci_address b);

static inline bool pci_address_equal(struct pci_address a, struct pci_address b)
{
	return pci_address_compare(a, b) == 0;
}
