/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/say.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

void say(const char *format, ...)
{
	va_list args;
	/*
	 * A reader of stderr that has gone must not end us, least of all just before QEMU is executed. The signal is held back
	 * and taken off, so that what the program that follows inherits is as it was.
	 */
	sigset_t pipe_only;
	sigset_t before;
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigprocmask(SIG_BLOCK, &pipe_only, &before);
	va_start(args, format);
	fflush(stdout);
	fputs("nestpci: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	if (!sigismember(&before, SIGPIPE))
		while (sigtimedwait(&pipe_only, NULL, &(struct timespec){ 0 }) == SIGPIPE)
			;
	sigprocmask(SIG_SETMASK, &before, NULL);
}

bool say_in_colour(FILE *stream)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	bool dumb = !term || (term[0] == 'd' && term[1] == 'u');
	return !(no_color && *no_color) && !dumb && isatty(fileno(stream));
}

size_t say_width(FILE *stream)
{
	struct winsize size;
	if (!isatty(fileno(stream)) || ioctl(fileno(stream), TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

void say_wrapped(FILE *stream, const char *text, size_t used, size_t indent, size_t width)
{
	bool first = true;
	while (*text) {
		size_t word = strcspn(text, " ");
		size_t columns = text_columns(text, word);
		if (!first && width && used + 1 + columns > width) {
			fprintf(stream, "\n%*s", (int)indent, "");
			used = indent;
		} else if (!first) {
			fputc(' ', stream);
			used++;
		}
		fprintf(stream, "%.*s", (int)word, text);
		used += columns;
		text += word;
		text += *text == ' ';
		first = false;
	}
	fputc('\n', stream);
}

int say_flush(void)
{
	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout))
		return errno ? -errno : -EIO;
	return 0;
}
