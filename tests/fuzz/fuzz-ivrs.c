/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes are an IVRS table or are refused; no more is read than there is room for. */
#include "fuzz.h"

#include <errno.h>

#include "host/acpi-ivrs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct ivrs ivrs;
	struct error error = { "" };
	int r = ivrs_parse((struct slice){ (const char *)data, size }, &arena, &ivrs, &error);
	HOLDS(r == 0 || (r == -EINVAL && error.text[0]));
	if (r < 0)
		return 0;
	size_t bytes = 32 * ivrs.memory_count;
	for (size_t i = 0; i < ivrs.unit_count; i++)
		bytes += 24 + 4 * ivrs.units[i].count;
	HOLDS(bytes <= size);
	return 0;
}
