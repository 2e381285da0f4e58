/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes are a log; what is found is clean, in order, and found again in its own line. */
#include "fuzz.h"

#include "check/log.h"

static bool is_clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct log_findings findings;
	log_classify((struct slice){ (const char *)data, size }, &arena, &findings);
	HOLDS(findings.lines <= size);
	size_t before = 1;
	for (size_t i = 0; i < findings.count; i++) {
		const struct log_finding *finding = &findings.items[i];
		struct pci_address address;
		HOLDS(is_clean(finding->line));
		HOLDS(finding->line_number >= before && finding->line_number <= findings.lines);
		HOLDS(finding->times >= 1 && finding->times <= findings.lines);
		HOLDS(!finding->device || pci_address_parse(finding->device, &address, NULL) == 0);
		HOLDS(log_pattern_find(finding->pattern->id) == finding->pattern);
		before = finding->line_number;
	}
	return 0;
}
