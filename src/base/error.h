/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors are values.
 *
 * A function that can fail returns 0 (or a count) on success and a negative errno on failure, and then has filled
 * the caller's `struct error` with one sentence that names the thing at hand and what is wrong with it, without a
 * final full stop or newline. The errno says which kind of failure it is; the text is for people.
 *
 * Each level may put a prefix in front (error_prefix), so that a message reads from the intention to the cause:
 * "bind 0000:01:00.0: unbind from nvme: /sys/bus/...: Permission denied".
 *
 * The caller owns the struct, usually on its stack; it needs no initialization and no release. `NULL` is allowed
 * wherever the text is not wanted. On success it is left alone. Only verbs print.
 */
#pragma once

#include "base/cleanup.h"

struct error {
	char text[2048];
};

/* Fills `error` and returns `code`, so that one can write: return error_set(error, -EINVAL, "...", ...); */
int error_set(struct error *error, int code, const char *format, ...) PRINTF_FORMAT(3, 4);

/* The same, with ": " and the text of errno `-code` behind it. */
int error_set_errno(struct error *error, int code, const char *format, ...) PRINTF_FORMAT(3, 4);

/* Puts a prefix and ": " before the text that is there, and returns `code`. */
int error_prefix(struct error *error, int code, const char *format, ...) PRINTF_FORMAT(3, 4);
