/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *error, int code, const char *format, ...)
{
	if (!error)
		return code;
	va_list args;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return code;
}

int error_set_errno(struct error *error, int code, const char *format, ...)
{
	if (!error)
		return code;
	va_list args;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	size_t used = strlen(error->text);
	snprintf(error->text + used, sizeof(error->text) - used, ": %s", strerror(-code));
	return code;
}

int error_prefix(struct error *error, int code, const char *format, ...)
{
	if (!error)
		return code;
	struct error inner = *error;
	va_list args;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	size_t used = strlen(error->text);
	snprintf(error->text + used, sizeof(error->text) - used, ": %s", inner.text);
	return code;
}
