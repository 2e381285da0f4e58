/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which libvirt is meant: --connect URI, as virsh has it. It is LIBVIRT_DEFAULT_URI for this run, so that all who ask
 * libvirt (vm/libvirt.h), and libvirt's own library, see the same.
 *
 *	static const struct verb_option options[] = {
 *		CONNECT_OPTION,
 *	...
 *		if (connect_option(option, value))
 *			continue;
 */
#pragma once

#include "verb/verb.h"

enum { OPTION_CONNECT = 0x8011 };

#define CONNECT_OPTION                                                                            \
	{                                                                                         \
		OPTION_CONNECT, "connect", "URI", "the libvirt at this URI, not those found here" \
	}

/* Whether the option is this one; then it is noted. */
bool connect_option(int option, const char *value);
