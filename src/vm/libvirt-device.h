/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The -device words of a domain, for libvirt-line.c. */
#pragma once

#include "vm/libvirt-line.h"

struct libvirt_maker {
	struct arena *arena;
	const struct element *domain;
	bool json;
	struct libvirt_line *line;
};

void libvirt_add(struct libvirt_maker *maker, const char *option, const char *argument);

void libvirt_add_devices(struct libvirt_maker *maker);
