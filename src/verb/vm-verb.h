/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the verb 'vm'. Each returns an exit status, and has said what is wrong. */
#pragma once

#include "verb/verb.h"
#include "verb/vm-view.h"

/* `node`: only that one's; NULL: all. */
int vm_list(const struct root *root, struct arena *arena, const char *node, bool as_json);

struct vm_show_request {
	const char *vm;   /* an id, a name or a pid; NULL: `file` */
	const char *file; /* of a definition or a line */
	bool as_json;
	/* Print what the manager itself prints of the definition: */
	bool config;
	bool current;         /* without pending changes */
	bool pending;         /* changes beside what is in force */
	const char *snapshot; /* of that one; NULL: of the VM itself */
};

int vm_show(const struct root *root, struct arena *arena, const struct vm_show_request *request);
