/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/connect.h"

#include <stdlib.h>

bool connect_option(int option, const char *value)
{
	if (option != OPTION_CONNECT)
		return false;
	/* Out of memory, as arenas say it (base/arena.h). */
	if (setenv("LIBVIRT_DEFAULT_URI", value, 1) < 0)
		exit(VERB_FAILED);
	return true;
}
