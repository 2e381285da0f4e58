/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a function's configuration space says: header, capabilities, extended capabilities. A pure function of bytes.
 *
 * Names and numbers are those of <linux/pci_regs.h>, which names the PCI specifications. The kernel shows 64 bytes to
 * whoever is not root: then `capabilities_known` is false, and nothing below it says anything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* ACS bits, the same in the capability and the control register (PCI_ACS_*). */
#define PCI_ACS_SOURCE_VALIDATION 0x01
#define PCI_ACS_REQUEST_REDIRECT 0x04
#define PCI_ACS_COMPLETION_REDIRECT 0x08
#define PCI_ACS_UPSTREAM_FORWARDING 0x10
/* What the kernel asks of a port before it puts what is below into groups of their own (REQ_ACS_FLAGS, iommu.c). */
#define PCI_ACS_FOR_ISOLATION 0x1d

/* Device/port type (PCI_EXP_TYPE_*). */
enum pcie_type {
	PCIE_ENDPOINT = 0,
	PCIE_LEGACY_ENDPOINT = 1,
	PCIE_ROOT_PORT = 4,
	PCIE_UPSTREAM_PORT = 5,
	PCIE_DOWNSTREAM_PORT = 6,
	PCIE_TO_PCI_BRIDGE = 7,
	PCI_TO_PCIE_BRIDGE = 8,
	PCIE_INTEGRATED_ENDPOINT = 9,
	PCIE_EVENT_COLLECTOR = 10,
};

#define PCI_BARS 6

struct pci_resizable_bar {
	uint8_t bar;
	uint64_t sizes;   /* bit n: 2^(n + 20) bytes are supported */
	uint64_t current; /* bytes */
};

struct pci_caps {
	size_t length;       /* bytes of configuration space that there were */
	bool dead;           /* it reads all ones, or its header type is 7f: the device does not answer */
	uint8_t header_type; /* without the multifunction bit */
	bool multifunction;
	uint8_t interrupt_pin; /* 0: none; 1 is INTA */
	uint8_t secondary_bus; /* of bridges: the first bus behind it, and the last; 0: none, or not set up */
	uint8_t subordinate_bus;
	bool capabilities_known; /* the list was there to be read: not when length is 64 */
	bool extended_known;     /* the same for extended capabilities: length is 4096 */

	bool pcie;
	enum pcie_type pcie_type;
	bool flr;    /* PCI_EXP_DEVCAP_FLR */
	bool af_flr; /* Advanced Features: TP and FLR */
	bool pm;
	bool pm_no_soft_reset; /* leaving D3hot does not reset it */
	uint8_t pm_state;      /* 0 to 3 */
	bool msi;
	bool msix;
	uint16_t msix_vectors;
	bool acs;
	uint16_t acs_capability;
	uint16_t acs_control;
	bool ari;
	bool ats;
	bool sriov;
	uint16_t sriov_total;
	uint16_t sriov_enabled;
	bool serial_known;
	uint64_t serial;
	struct pci_resizable_bar rebar[PCI_BARS];
	size_t rebar_count;
	struct list problems; /* lists that are circular or lead out of the space, ...: as sentences */
};

/* Any bytes at all give an answer. */
void pci_caps_parse(struct slice config, struct arena *arena, struct pci_caps *ret);

/* "root port", "endpoint", ...; "conventional PCI" without a PCI Express capability. */
const char *pci_caps_type_name(const struct pci_caps *caps);

/*
 * What an ACS capability lacks of `wanted`, as the kernel reads it (pci_acs_flags_enabled()): bits that the capability
 * does not have count as fine, those that it has must be enabled. All of `wanted` where there is no capability at all.
 */
uint16_t pci_caps_acs_missing(const struct pci_caps *caps, uint16_t wanted);

/*
 * Whether the kernel takes a function as isolated from its peers: pci_acs_enabled() with PCI_ACS_FOR_ISOLATION, without
 * its quirks, which are not to be seen from here. `multifunction` as the kernel has it, not the header's bit alone: set
 * also for functions 1 and up (pci_scan_slot()), never for virtual ones (pci_iov_add_virtfn()).
 */
bool pci_caps_isolates(const struct pci_caps *caps, bool multifunction);

/* "SV, RR": short names as lspci prints them. */
const char *pci_caps_acs_names(struct arena *arena, uint16_t bits);
