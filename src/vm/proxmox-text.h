/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The description in a Proxmox VE configuration: each line percent-encoded UTF-8 (pve-common, encode_text and
 * decode_text). Bytes that are no UTF-8 become U+FFFD, as Perl's decode("utf8") does; its UTF-8 is a lax one, which has
 * surrogates and what lies beyond U+10FFFF.
 */
#pragma once

#include "base/text.h"

/* Adds one line of it, as it stands in the file, decoded: any bytes, NUL among them. */
void proxmox_decode(struct buffer *buffer, struct slice line);

/*
 * What comes of all its lines, without the blanks at its end: for people (a NUL in it is U+FFFD), and encoded in one line,
 * as `qm config` prints it; `percent`: '%' is encoded as well.
 */
void proxmox_describe(struct arena *arena, struct slice decoded, bool percent, const char **ret_text,
		      const char **ret_encoded);
