/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes are a DMAR table or are refused; what was read lies inside them. */
#include "fuzz.h"

#include <errno.h>

#include "host/acpi-dmar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	struct dmar dmar;
	struct error error = { "" };
	int r = dmar_parse((struct slice){ (const char *)data, size }, &arena, &dmar, &error);
	HOLDS(r == 0 || (r == -EINVAL && error.text[0]));
	if (r < 0)
		return 0;
	HOLDS(dmar.count + dmar.unknown <= size / 4);
	for (size_t i = 0; i < dmar.count; i++) {
		const struct dmar_structure *structure = &dmar.structures[i];
		HOLDS(structure->scope_count <= size / 6);
		HOLDS((structure->name != NULL) == (structure->kind == DMAR_ANDD));
		for (size_t j = 0; j < structure->scope_count; j++)
			HOLDS(structure->scopes[j].path >= data &&
			      structure->scopes[j].path + 2 * structure->scopes[j].hops <= data + size);
	}
	return 0;
}
