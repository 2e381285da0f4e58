/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU wrapper itself, carried inside this program: whoever copies nestpci to a node has copied the wrapper, and the
 * two are always of one version.
 */
#pragma once

#include "base/text.h"

extern const char wrapper_program[];
extern const char wrapper_program_end[];

static inline struct slice wrapper_program_text(void)
{
	return (struct slice){ wrapper_program, (size_t)(wrapper_program_end - wrapper_program) };
}
