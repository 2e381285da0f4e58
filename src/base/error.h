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

/*
 * Macros, so that compilers and analyzers see that what comes back is `code`: a function that returns it has failed.
 *
 * error_set(error, code, format, ...)        fills `error`: return error_set(error, -EINVAL, "...", ...);
 * error_set_errno(error, code, format, ...)  the same, with ": " and the text of errno `-code` behind it
 * error_prefix(error, code, format, ...)     puts a prefix and ": " before the text that is there
 */
#define error_set(error, code, ...) ERROR_RETURN(code, error_fill(error, __VA_ARGS__))
#define error_set_errno(error, code, ...) ERROR_RETURN(code, error_fill_errno(error, error_code_, __VA_ARGS__))
#define error_prefix(error, code, ...) ERROR_RETURN(code, error_fill_prefix(error, __VA_ARGS__))

#define ERROR_RETURN(code, fill)          \
	({                                \
		int error_code_ = (code); \
		fill;                     \
		error_code_;              \
	})

void error_fill(struct error *error, const char *format, ...) PRINTF_FORMAT(2, 3);
void error_fill_errno(struct error *error, int code, const char *format, ...) PRINTF_FORMAT(3, 4);
void error_fill_prefix(struct error *error, const char *format, ...) PRINTF_FORMAT(2, 3);
