/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

void say(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fflush(stdout);
	fputs("nestpci: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

bool say_in_colour(FILE *stream)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	bool dumb = !term || (term[0] == 'd' && term[1] == 'u');
	return !(no_color && *no_color) && !dumb && isatty(fileno(stream));
}

int say_flush(void)
{
	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout))
		return errno ? -errno : -EIO;
	return 0;
}
