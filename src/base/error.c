/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static PRINTF_FORMAT(2, 0) void fill(struct error *error, const char *format, va_list args)
{
	vsnprintf(error->text, sizeof(error->text), format, args);
}

static void append(struct error *error, const char *text)
{
	size_t used = strlen(error->text);
	snprintf(error->text + used, sizeof(error->text) - used, ": %s", text);
}

void error_fill(struct error *error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (error)
		fill(error, format, args);
	va_end(args);
}

void error_fill_errno(struct error *error, int code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (error) {
		fill(error, format, args);
		append(error, strerror(-code));
	}
	va_end(args);
}

void error_fill_prefix(struct error *error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (error) {
		struct error inner = *error;
		fill(error, format, args);
		append(error, inner.text);
	}
	va_end(args);
}
