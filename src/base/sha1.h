/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-1 (FIPS 180-4): what Proxmox VE calls the digest of a configuration. It tells edits apart, and protects nothing. */
#pragma once

#include "base/text.h"

#define SHA1_TEXT_MAX 41

/* Lower-case hexadecimal. Returns `text`. */
const char *sha1_hex(struct slice bytes, char text[SHA1_TEXT_MAX]);
