/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All operations. A new family is a file, an extern, and a line. */
#include "libvirt/operation.h"

extern const struct family family_reading, family_describing, family_changing, family_running, family_nodes;

static const struct family *const families[] = {
	&family_reading, &family_describing, &family_changing, &family_running, &family_nodes,
};

const struct operation *operation_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		for (size_t j = 0; j < families[i]->count; j++)
			if (strcmp(families[i]->operations[j].name, name) == 0)
				return &families[i]->operations[j];
	return NULL;
}
