/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration spaces put together byte by byte, by the layouts of the PCI specifications. */
#pragma once

#include "host/pci-caps.h"
#include "unit.h"

struct config {
	uint8_t bytes[4096];
	size_t length;   /* what a reader gets */
	size_t link;     /* where the next capability's place goes */
	size_t extended; /* where the next extended capability goes */
	size_t last;     /* the one before; 0: none */
};

static inline void put8(struct config *config, size_t at, unsigned int value)
{
	config->bytes[at] = (uint8_t)value;
}

static inline void put16(struct config *config, size_t at, unsigned int value)
{
	put8(config, at, value & 0xff);
	put8(config, at + 1, value >> 8 & 0xff);
}

static inline void put32(struct config *config, size_t at, uint32_t value)
{
	put16(config, at, value & 0xffff);
	put16(config, at + 2, value >> 16);
}

/* A header of type 0 or 1, with bit 7 for "multifunction", and an empty list of capabilities. */
static inline struct config config_header(unsigned int header_type)
{
	struct config config = { .length = 4096, .link = 0x34, .extended = 0x100 };
	put16(&config, 0x00, 0x8086);
	put16(&config, 0x02, 0x1234);
	put16(&config, 0x06, 0x0010); /* status: there is a list */
	put8(&config, 0x0e, header_type);
	put8(&config, 0x3d, 1);
	return config;
}

/* A capability at `at`, behind those before. */
static inline void add_capability(struct config *config, size_t at, unsigned int id)
{
	put8(config, config->link, (unsigned int)at);
	put8(config, at, id);
	config->link = at + 1;
}

/* PCI Express, at 0x40: type by 7.5.3.2 (endpoint 0, root port 4, upstream 5, downstream 6, to PCI 7). */
static inline void add_pcie(struct config *config, unsigned int type)
{
	add_capability(config, 0x40, 0x10);
	put16(config, 0x42, type << 4 | 2);
}

/* An extended capability of this many bytes; returns where it is. */
static inline size_t add_extended(struct config *config, unsigned int id, size_t size)
{
	size_t at = config->extended;
	put32(config, at, id | 1U << 16);
	if (config->last) {
		unsigned int header = config->bytes[config->last + 2] & 0x0fU;
		put16(config, config->last + 2, header | (unsigned int)at << 4);
	}
	config->last = at;
	config->extended += size;
	return at;
}

static inline void add_acs(struct config *config, unsigned int capability, unsigned int control)
{
	size_t at = add_extended(config, 0x0d, 8);
	put16(config, at + 4, capability);
	put16(config, at + 6, control);
}

static inline void set_buses(struct config *config, unsigned int secondary, unsigned int subordinate)
{
	put8(config, 0x19, secondary);
	put8(config, 0x1a, subordinate);
}
