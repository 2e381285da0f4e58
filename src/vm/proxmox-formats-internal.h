/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the formats share: spellings of tables, and words that several of them are made of. */
#pragma once

#include "vm/proxmox-formats.h"

/* clang-format off */
#define SINCE(a, b, c) { { a, b, c } }
#define OF_OLD { { 0 } }
/* clang-format on */

#define COUNT(name)                            \
	{                                      \
		name, .kind = PROPERTY_INTEGER \
	}
#define SWITCH(name)                           \
	{                                      \
		name, .kind = PROPERTY_BOOLEAN \
	}
#define ALIAS(name, other)           \
	{                            \
		name, .alias = other \
	}

#define DIGITS "0123456789"
#define HEX DIGITS "abcdefABCDEF"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LIST_SEPARATORS ",; \t\v\f\r"

bool proxmox_is_between(const char *value, uint64_t least, uint64_t most);
bool proxmox_consists_of(const char *value, const char *characters);

/* Whether each piece between separators (LIST_SEPARATORS: split_list) passes; none will do. */
bool proxmox_all_pass(const char *value, const char *separators, bool (*is_valid)(const char *value));

bool proxmox_is_boot_order(const char *value);
bool proxmox_is_ipv4(const char *value);
bool proxmox_is_ipv6(const char *value);
bool proxmox_is_range_list(const char *value);
bool proxmox_is_uuid(const char *value);
