/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text is a whole uevent of a PCI function, or nothing is taken from it. */
#include "fuzz.h"

#include "host/pci.h"

#define ADDRESS "0000:01:00.0"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice text = { (const char *)data, size };
	const struct pci_function before = { .class = -7, .vendor = -7, .device = -7, .subsystem_vendor = -7 };
	struct pci_function function = before;
	struct slice driver = { NULL, 77 };
	if (!pci_parse_uevent(text, ADDRESS, &function, &driver)) {
		HOLDS(function.class == before.class && function.vendor == before.vendor &&
		      function.device == before.device && function.subsystem_vendor == before.subsystem_vendor &&
		      driver.length == 77);
		return 0;
	}
	HOLDS(function.class >= 0 && function.class <= 0xffffff);
	HOLDS(function.vendor >= 0 && function.vendor <= 0xffff && function.device >= 0 && function.device <= 0xffff);
	HOLDS(function.subsystem_vendor >= 0 && function.subsystem_vendor <= 0xffff);
	HOLDS(memmem(data, size, "PCI_SLOT_NAME=" ADDRESS, sizeof("PCI_SLOT_NAME=" ADDRESS) - 1));
	HOLDS(driver.length == 0 ||
	      (driver.start > text.start && driver.start + driver.length <= text.start + text.length &&
	       !memchr(driver.start, '\n', driver.length)));
	return 0;
}
