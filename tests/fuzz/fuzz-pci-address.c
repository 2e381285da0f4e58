/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text is an address or is refused; an address, written and read again, is the same. */
#include "fuzz.h"

#include <errno.h>

#include "base/arena.h"
#include "base/pci-address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct pci_address address;
	struct pci_address again;
	struct error error = { "" };
	char written[PCI_ADDRESS_TEXT_MAX];
	int r = pci_address_parse(arena_strndup(&arena, (const char *)data, size), &address, &error);
	HOLDS(r == 0 || (r == -EINVAL && error.text[0]));
	if (r == 0) {
		HOLDS(address.device < 32 && address.function < 8);
		HOLDS(pci_address_parse(pci_address_format(address, written), &again, NULL) == 0);
		HOLDS(pci_address_equal(address, again));
	}
	return 0;
}
