/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sections are those of the PCI Express Base Specification 5.0, but where another one is named. The lists are walked as
 * the kernel does (pci_find_capability() and pci_find_ext_capability() in drivers/pci/pci.c): the first of two
 * capabilities with the same id counts.
 */
#include "host/pci-caps.h"

#include <linux/pci_regs.h>

#define HEADER_SIZE 64
#define CONFIG_SIZE 256
#define CONFIG_EXTENDED_SIZE 4096

/* 7.5.1.1.9: what a function whose configuration space cannot be read shows as its header type. */
#define HEADER_TYPE_DEAD 0x7f

/* 7.8.6.3 Resizable BAR Control Register: bits 13:8. Linux' headers had five bits of them for long. */
#define REBAR_CTRL_SIZE(ctrl) ((ctrl) >> 8 & 0x3f)
#define REBAR_SIZE_MAX 43 /* 2^(43 + 20): the largest that 7.8.6.3 knows */

struct parsing {
	const uint8_t *bytes;
	size_t length;
	struct arena *arena;
	struct pci_caps *caps;
};

/* Zero where there is nothing. */
static uint8_t byte_at(const struct parsing *parsing, size_t offset)
{
	return offset < parsing->length ? parsing->bytes[offset] : 0;
}

static uint16_t word_at(const struct parsing *parsing, size_t offset)
{
	return (uint16_t)(byte_at(parsing, offset) | byte_at(parsing, offset + 1) << 8);
}

static uint32_t dword_at(const struct parsing *parsing, size_t offset)
{
	return word_at(parsing, offset) | (uint32_t)word_at(parsing, offset + 2) << 16;
}

/* --- Capabilities in the first 256 bytes --- */

/* PCI Bus Power Management Interface Specification 1.2, section 3.2. */
static void parse_pm(struct parsing *parsing, size_t at)
{
	uint16_t control = word_at(parsing, at + PCI_PM_CTRL);
	parsing->caps->pm = true;
	parsing->caps->pm_no_soft_reset = control & PCI_PM_CTRL_NO_SOFT_RESET;
	parsing->caps->pm_state = control & PCI_PM_CTRL_STATE_MASK;
}

static void parse_msi(struct parsing *parsing, size_t at)
{
	(void)at;
	parsing->caps->msi = true;
}

/* 7.7.2.2: the size is one less than the number of vectors. */
static void parse_msix(struct parsing *parsing, size_t at)
{
	parsing->caps->msix = true;
	parsing->caps->msix_vectors = (uint16_t)((word_at(parsing, at + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE) + 1);
}

/* 7.5.3.2 and 7.5.3.3. */
static void parse_pcie(struct parsing *parsing, size_t at)
{
	parsing->caps->pcie = true;
	parsing->caps->pcie_type = (word_at(parsing, at + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_TYPE) >> 4;
	parsing->caps->flr = dword_at(parsing, at + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR;
}

/* Conventional PCI ECN "Advanced Capabilities": both bits are what the kernel asks for (pci_af_flr()). */
static void parse_af(struct parsing *parsing, size_t at)
{
	const uint8_t both = PCI_AF_CAP_TP | PCI_AF_CAP_FLR;
	parsing->caps->af_flr = (byte_at(parsing, at + PCI_AF_CAP) & both) == both;
}

/* --- Extended capabilities --- */

/* 7.9.3 */
static void parse_serial(struct parsing *parsing, size_t at)
{
	parsing->caps->serial_known = true;
	parsing->caps->serial = (uint64_t)dword_at(parsing, at + 8) << 32 | dword_at(parsing, at + 4);
}

/* 7.7.8 */
static void parse_acs(struct parsing *parsing, size_t at)
{
	parsing->caps->acs = true;
	parsing->caps->acs_capability = word_at(parsing, at + PCI_ACS_CAP);
	parsing->caps->acs_control = word_at(parsing, at + PCI_ACS_CTRL);
}

static void parse_ari(struct parsing *parsing, size_t at)
{
	(void)at;
	parsing->caps->ari = true;
}

static void parse_ats(struct parsing *parsing, size_t at)
{
	(void)at;
	parsing->caps->ats = true;
}

/* 9.3.3: NumVFs says something only while VF Enable is set. */
static void parse_sriov(struct parsing *parsing, size_t at)
{
	bool enabled = word_at(parsing, at + PCI_SRIOV_CTRL) & PCI_SRIOV_CTRL_VFE;
	parsing->caps->sriov = true;
	parsing->caps->sriov_total = word_at(parsing, at + PCI_SRIOV_TOTAL_VF);
	parsing->caps->sriov_enabled = enabled ? word_at(parsing, at + PCI_SRIOV_NUM_VF) : 0;
}

/* 7.8.6.2 and 7.8.6.3: sizes from 2^20 up are in bits 31:4 of one register, and go on in bits 31:16 of the other. */
static void parse_rebar(struct parsing *parsing, size_t at)
{
	struct pci_caps *caps = parsing->caps;
	uint32_t count = (dword_at(parsing, at + PCI_REBAR_CTRL) & PCI_REBAR_CTRL_NBAR_MASK) >>
			 PCI_REBAR_CTRL_NBAR_SHIFT;
	for (uint32_t i = 0; i < count && caps->rebar_count < PCI_BARS; i++) {
		uint32_t capability = dword_at(parsing, at + PCI_REBAR_CAP + (size_t)i * 8);
		uint32_t control = dword_at(parsing, at + PCI_REBAR_CTRL + (size_t)i * 8);
		uint32_t bar = control & PCI_REBAR_CTRL_BAR_IDX;
		uint32_t size = REBAR_CTRL_SIZE(control);
		if (bar >= PCI_BARS || size > REBAR_SIZE_MAX) {
			list_printf(&caps->problems, "its resizable BAR number %u is said to be BAR %u of 2^%u bytes",
				    i + 1, bar, size + 20);
			continue;
		}
		caps->rebar[caps->rebar_count++] = (struct pci_resizable_bar){
			.bar = (uint8_t)bar,
			.sizes = capability >> 4 | (uint64_t)(control >> 16) << 28,
			.current = UINT64_C(1) << (size + 20),
		};
	}
}

/* --- The lists --- */

struct row {
	uint16_t id;
	uint16_t size; /* that all of them have; what we look at is in it */
	void (*parse)(struct parsing *parsing, size_t at);
};

static const struct row standard[] = {
	{ PCI_CAP_ID_PM, 8, parse_pm },      { PCI_CAP_ID_MSI, 10, parse_msi }, { PCI_CAP_ID_EXP, 8, parse_pcie },
	{ PCI_CAP_ID_MSIX, 12, parse_msix }, { PCI_CAP_ID_AF, 6, parse_af },
};

static const struct row extended[] = {
	{ PCI_EXT_CAP_ID_DSN, 12, parse_serial },  { PCI_EXT_CAP_ID_ACS, 8, parse_acs },
	{ PCI_EXT_CAP_ID_ARI, 8, parse_ari },      { PCI_EXT_CAP_ID_ATS, 8, parse_ats },
	{ PCI_EXT_CAP_ID_SRIOV, 64, parse_sriov }, { PCI_EXT_CAP_ID_REBAR, 12, parse_rebar },
};

/* Looks at one capability, if it is one that we know and the first of its kind (`seen` has a bit for each row). */
static void parse_one(struct parsing *parsing, const struct row *rows, size_t count, uint32_t id, size_t at,
		      size_t limit, uint32_t *seen)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].id != id || *seen & 1U << i)
			continue;
		*seen |= 1U << i;
		if (at + rows[i].size > limit)
			list_printf(&parsing->caps->problems,
				    "its capability 0x%02x at 0x%02zx leads out of its configuration space", id, at);
		else
			rows[i].parse(parsing, at);
	}
}

static size_t first_capability(const struct parsing *parsing)
{
	if (!(word_at(parsing, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return 0;
	switch (parsing->caps->header_type) {
	case PCI_HEADER_TYPE_NORMAL:
	case PCI_HEADER_TYPE_BRIDGE:
		return byte_at(parsing, PCI_CAPABILITY_LIST);
	case PCI_HEADER_TYPE_CARDBUS:
		return byte_at(parsing, PCI_CB_CAPABILITY_LIST);
	default:
		return 0;
	}
}

/* Whether a list may go on at `at`: not in what comes before its `start`, and not where it has been. */
static bool may_go_on(struct parsing *parsing, size_t at, size_t start, uint8_t *been)
{
	size_t slot = at / 4;
	if (at < start) {
		list_printf(&parsing->caps->problems, "its list of capabilities leads to 0x%02zx, where none can be",
			    at);
		return false;
	}
	if (been[slot / 8] & 1U << slot % 8) {
		list_printf(&parsing->caps->problems, "its list of capabilities is circular: it comes back to 0x%02zx",
			    at);
		return false;
	}
	been[slot / 8] |= (uint8_t)(1U << slot % 8);
	return true;
}

/* 7.5.1.1.11 and PCI Local Bus Specification 3.0, section 6.7: the two lowest bits of a pointer mean nothing. */
static void parse_standard(struct parsing *parsing)
{
	uint8_t been[CONFIG_SIZE / 4 / 8] = { 0 };
	uint32_t seen = 0;
	size_t at = first_capability(parsing) & ~(size_t)3;
	while (at && may_go_on(parsing, at, HEADER_SIZE, been)) {
		uint8_t id = byte_at(parsing, at + PCI_CAP_LIST_ID);
		if (id == 0xff)
			break;
		parse_one(parsing, standard, ARRAY_SIZE(standard), id, at, CONFIG_SIZE, &seen);
		at = byte_at(parsing, at + PCI_CAP_LIST_NEXT) & ~(size_t)3;
	}
}

/* 7.6.3: a function without extended capabilities has zeros at 0x100. */
static void parse_extended(struct parsing *parsing)
{
	uint8_t been[CONFIG_EXTENDED_SIZE / 4 / 8] = { 0 };
	uint32_t seen = 0;
	size_t at = CONFIG_SIZE;
	while (at && may_go_on(parsing, at, CONFIG_SIZE, been)) {
		uint32_t header = dword_at(parsing, at);
		if (header == 0 || header == UINT32_MAX)
			break;
		parse_one(parsing, extended, ARRAY_SIZE(extended), PCI_EXT_CAP_ID(header), at, CONFIG_EXTENDED_SIZE,
			  &seen);
		at = PCI_EXT_CAP_NEXT(header);
	}
}

/*
 * A virtual function has all ones for its vendor and device (9.3.4.1.1), and is not dead: only all ones all over the
 * header, or a header type that no function has, say so.
 */
static bool is_dead(const struct parsing *parsing)
{
	size_t ones = 0;
	while (ones < parsing->length && ones < HEADER_SIZE && parsing->bytes[ones] == 0xff)
		ones++;
	return (ones && ones == parsing->length) || ones == HEADER_SIZE ||
	       (byte_at(parsing, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_MASK) == HEADER_TYPE_DEAD;
}

void pci_caps_parse(struct slice config, struct arena *arena, struct pci_caps *ret)
{
	*ret = (struct pci_caps){ .length = config.length, .problems = { .arena = arena } };
	struct parsing parsing = { (const uint8_t *)config.start, config.length, arena, ret };
	uint8_t header_type = byte_at(&parsing, PCI_HEADER_TYPE);
	ret->dead = is_dead(&parsing);
	ret->header_type = header_type & PCI_HEADER_TYPE_MASK;
	if (ret->dead)
		return;
	ret->multifunction = header_type & ~PCI_HEADER_TYPE_MASK;
	ret->interrupt_pin = byte_at(&parsing, PCI_INTERRUPT_PIN);
	if (ret->header_type == PCI_HEADER_TYPE_BRIDGE || ret->header_type == PCI_HEADER_TYPE_CARDBUS) {
		ret->secondary_bus = byte_at(&parsing, PCI_SECONDARY_BUS);
		ret->subordinate_bus = byte_at(&parsing, PCI_SUBORDINATE_BUS);
	}
	ret->capabilities_known = config.length >= CONFIG_SIZE;
	ret->extended_known = config.length >= CONFIG_EXTENDED_SIZE && dword_at(&parsing, CONFIG_SIZE) != UINT32_MAX;
	if (ret->capabilities_known)
		parse_standard(&parsing);
	if (ret->extended_known)
		parse_extended(&parsing);
}

const char *pci_caps_type_name(const struct pci_caps *caps)
{
	static const char *const names[] = {
		[PCIE_ENDPOINT] = "endpoint",
		[PCIE_LEGACY_ENDPOINT] = "legacy endpoint",
		[PCIE_ROOT_PORT] = "root port",
		[PCIE_UPSTREAM_PORT] = "upstream port of a switch",
		[PCIE_DOWNSTREAM_PORT] = "downstream port of a switch",
		[PCIE_TO_PCI_BRIDGE] = "PCI Express to PCI bridge",
		[PCI_TO_PCIE_BRIDGE] = "PCI to PCI Express bridge",
		[PCIE_INTEGRATED_ENDPOINT] = "integrated endpoint",
		[PCIE_EVENT_COLLECTOR] = "event collector",
	};
	if (!caps->pcie)
		return "conventional PCI";
	const char *name = caps->pcie_type < ARRAY_SIZE(names) ? names[caps->pcie_type] : NULL;
	return name ? name : "PCI Express function of an unknown type";
}

uint16_t pci_caps_acs_missing(const struct pci_caps *caps, uint16_t wanted)
{
	if (!caps->acs)
		return wanted;
	return (uint16_t)(wanted & (caps->acs_capability | PCI_ACS_EC) & ~caps->acs_control);
}

bool pci_caps_isolates(const struct pci_caps *caps, bool multifunction)
{
	if (!caps->pcie)
		return false;
	switch (caps->pcie_type) {
	case PCIE_TO_PCI_BRIDGE:
	case PCI_TO_PCIE_BRIDGE:
	case PCIE_EVENT_COLLECTOR:
		return false;
	case PCIE_ROOT_PORT:
	case PCIE_DOWNSTREAM_PORT:
		return pci_caps_acs_missing(caps, PCI_ACS_FOR_ISOLATION) == 0;
	case PCIE_ENDPOINT:
	case PCIE_LEGACY_ENDPOINT:
	case PCIE_UPSTREAM_PORT:
	case PCIE_INTEGRATED_ENDPOINT:
		return !multifunction || pci_caps_acs_missing(caps, PCI_ACS_FOR_ISOLATION) == 0;
	}
	return true;
}

const char *pci_caps_acs_names(struct arena *arena, uint16_t bits)
{
	static const char *const names[] = { "SV", "TB", "RR", "CR", "UF", "EC", "DT" };
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (bits & 1U << i)
			buffer_printf(&text, "%s%s", text.length ? ", " : "", names[i]);
	return text.text;
}
