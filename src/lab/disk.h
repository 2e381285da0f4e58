/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The "physical" disk, seen from outside. Layout, in bytes:
 *
 *   0        "nestpci nonce HEX\n", new in every run
 *   4096     L2's answer: "nestpci answer REVERSED-HEX level 2\n"
 *   65536    256 KiB of random data
 *   1048576  L2's copy of that data
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

struct lab_disk {
	const char *path;
	char nonce[65]; /* 64 hexadecimal digits */
	const char *data;
};

/* Writes a new image of 16 MiB, its space really allocated. On failure none is left. */
int lab_disk_make(struct arena *arena, const char *path, struct lab_disk *ret, struct error *error) MUST_CHECK;

/* 1: the answer and the copy are right. 0: not; `reason` says what is there instead. */
int lab_disk_verify(struct arena *arena, const struct lab_disk *disk, const char **reason, struct error *error)
	MUST_CHECK;
