/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes are a configuration space, and nothing is claimed of what is not there; any text is a list of regions. */
#include "fuzz.h"

#include <errno.h>

#include "host/groups.h"

static void check_caps(const struct pci_caps *caps, size_t size, struct arena *arena)
{
	HOLDS(caps->length == size);
	HOLDS(!caps->capabilities_known || (size >= 256 && !caps->dead));
	HOLDS(!caps->extended_known || (size >= 4096 && caps->capabilities_known));
	bool any = caps->pcie || caps->pm || caps->msi || caps->msix || caps->af_flr;
	bool any_extended = caps->acs || caps->ari || caps->ats || caps->sriov || caps->serial_known ||
			    caps->rebar_count;
	HOLDS(caps->capabilities_known || (!any && caps->problems.count == 0));
	HOLDS(caps->extended_known || !any_extended);
	HOLDS(caps->msix == (caps->msix_vectors > 0) && caps->msix_vectors <= 2048);
	HOLDS(caps->pm_state <= 3 && caps->header_type <= 0x7f);
	HOLDS(caps->rebar_count <= PCI_BARS);
	for (size_t i = 0; i < caps->rebar_count; i++)
		HOLDS(caps->rebar[i].bar < PCI_BARS && caps->rebar[i].current >= 1U << 20);
	HOLDS(pci_caps_type_name(caps)[0]);
	uint16_t missing = pci_caps_acs_missing(caps, PCI_ACS_FOR_ISOLATION);
	HOLDS((missing & ~PCI_ACS_FOR_ISOLATION) == 0);
	HOLDS((pci_caps_acs_names(arena, missing)[0] == '\0') == (missing == 0));
	/* Being one of several functions never makes it safer. */
	HOLDS(pci_caps_isolates(caps, false) || !pci_caps_isolates(caps, true));
}

static void check_regions(struct slice text, struct arena *arena)
{
	struct reserved_region *regions = NULL;
	size_t count = 0;
	struct error error = { "" };
	int r = group_parse_regions(arena, text, &regions, &count, &error);
	HOLDS(r == 0 || (r == -EINVAL && error.text[0]));
	for (size_t i = 0; i < count; i++)
		HOLDS(regions[i].start <= regions[i].end && regions[i].type[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct pci_caps caps;
	struct slice bytes = { (const char *)data, size };
	pci_caps_parse(bytes, &arena, &caps);
	check_caps(&caps, size, &arena);
	check_regions(bytes, &arena);
	return 0;
}
