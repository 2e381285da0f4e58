/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How names, errors and contents are spelled in a snapshot, both ways. */
#include <errno.h>
#include <stdio.h>

#include "base/snapshot-internal.h"

#define HEX_PER_LINE ((size_t)16)
#define HEX_RUN_LEAST (2 * HEX_PER_LINE)
#define HEX_RUN_MAX ((uint64_t)1024 * 1024)
/* A line of escaped text is broken where the text has a newline, or else here. */
#define ESCAPED_PER_LINE 4000

const char *const snapshot_form_names[FORM_COUNT] = {
	[FORM_TEXT] = "",
	[FORM_ESCAPED] = " escaped",
	[FORM_WORDS] = " words",
	[FORM_HEX] = " hex",
};

/* Those that files and questions have been seen to give; any other goes by its number. */
static const struct {
	const char *name;
	int number;
} errors[] = {
#define E(name)             \
	{                   \
#name, name \
	}
	E(EPERM),   E(ENOENT),       E(ESRCH),     E(EINTR),        E(EIO),         E(ENXIO),        E(E2BIG),
	E(EBADF),   E(EAGAIN),       E(ENOMEM),    E(EACCES),       E(EFAULT),      E(ENOTBLK),      E(EBUSY),
	E(EEXIST),  E(EXDEV),        E(ENODEV),    E(ENOTDIR),      E(EISDIR),      E(EINVAL),       E(ENFILE),
	E(EMFILE),  E(ENOTTY),       E(ETXTBSY),   E(EFBIG),        E(ENOSPC),      E(ESPIPE),       E(EROFS),
	E(EDOM),    E(ERANGE),       E(EDEADLK),   E(ENAMETOOLONG), E(ENOSYS),      E(ELOOP),        E(ENODATA),
	E(ETIME),   E(EPROTO),       E(EBADMSG),   E(ENOTSUP),      E(EOVERFLOW),   E(ECONNRESET),   E(ESTALE),
	E(EUCLEAN), E(ECONNREFUSED), E(ETIMEDOUT), E(ENOMEDIUM),    E(EILSEQ),      E(EHOSTUNREACH), E(EREMOTEIO),
	E(EDQUOT),  E(ENOKEY),       E(ECANCELED), E(ENOTCONN),     E(EMEDIUMTYPE), E(ENOLINK),
#undef E
};

const char *snapshot_errno_name(struct arena *arena, int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].number == number)
			return errors[i].name;
	return arena_printf(arena, "errno-%d", number);
}

int snapshot_errno_number(struct slice name)
{
	static const char prefix[] = "errno-";
	char digits[8] = "";
	uint64_t number;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (slice_equals(name, errors[i].name))
			return errors[i].number;
	if (name.length < sizeof(prefix) || name.length >= sizeof(prefix) + sizeof(digits) - 1 ||
	    memcmp(name.start, prefix, sizeof(prefix) - 1) != 0)
		return 0;
	memcpy(digits, name.start + sizeof(prefix) - 1, name.length - (sizeof(prefix) - 1));
	/* A node has a byte for it; Linux's own numbers end at 133 (EHWPOISON). */
	return text_to_number(digits, 10, UINT8_MAX, &number) < 0 ? 0 : (int)number;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 :
				      -1;
}

/* The byte that two hexadecimal digits make, or -1. */
static int hex_byte(struct slice text)
{
	int high = text.length < 2 ? -1 : hex_digit(text.start[0]);
	int low = text.length < 2 ? -1 : hex_digit(text.start[1]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

void snapshot_encode(struct buffer *out, const char *text)
{
	/* What means something at the start of a line or of what a link holds, or all by itself. */
	bool alone = strcmp(text, "-") == 0 || strcmp(text, "*") == 0;
	for (const char *c = text; *c; c++) {
		bool special = (unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || *c == '%' || alone ||
			       (c == text && strchr("[#!", *c)) || (*c == ':' && c[1] == '\0');
		if (special)
			buffer_printf(out, "%%%02X", (unsigned char)*c);
		else
			buffer_putc(out, *c);
	}
}

char *snapshot_decode(struct arena *arena, struct slice text)
{
	char *decoded = arena_alloc(arena, text.length + 1);
	size_t length = 0;
	while (text.length) {
		size_t cut = 1;
		int byte = (unsigned char)text.start[0];
		if (byte == '%') {
			byte = hex_byte((struct slice){ text.start + 1, text.length - 1 });
			cut = 3;
		}
		if (byte <= 0)
			return NULL;
		decoded[length++] = (char)byte;
		text = (struct slice){ text.start + cut, text.length - cut };
	}
	return decoded;
}

size_t snapshot_printable(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	if (snapshot_is_control(bytes[0]))
		return 0;
	if (bytes[0] == 0xc2 && bytes[1] < 0xa0)
		return 0;
	return text_character(text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Whether lines, each ended by `end`, can be written as they are. Blanks at the end of a line do not survive editors. */
static bool is_plain(struct slice content, char end)
{
	size_t line = 0;
	if (content.length == 0 || content.start[content.length - 1] != end)
		return content.length == 0;
	for (size_t i = 0; i < content.length;) {
		if (content.start[i] == end) {
			if (line && is_blank(content.start[i - 1]))
				return false;
			line = 0;
			i++;
			continue;
		}
		size_t length = snapshot_printable(content.start + i);
		line += length;
		i += length;
		if (length == 0 || line >= SNAPSHOT_LINE_MAX - 1)
			return false;
	}
	return true;
}

/* One line, which `=` can have behind it. */
static bool is_line(struct slice line)
{
	if (line.length == 0)
		return true;
	/* The limit is for the whole line, its name included. */
	if (line.length > SNAPSHOT_LINE_MAX / 2 || is_blank(line.start[0]) || is_blank(line.start[line.length - 1]))
		return false;
	for (size_t i = 0; i < line.length;) {
		size_t length = snapshot_printable(line.start + i);
		i += length;
		if (length == 0)
			return false;
	}
	return true;
}

/* Mostly text: one byte of eight is to be escaped at most, newlines apart. */
static bool is_nearly_text(struct slice content)
{
	size_t odd = 0;
	for (size_t i = 0; i < content.length;) {
		size_t length = content.start[i] == '\n' ? 1 : snapshot_printable(content.start + i);
		odd += length == 0;
		i += length ? length : 1;
	}
	return odd <= content.length / 8;
}

enum snapshot_form snapshot_choose_form(struct slice content, bool ends_line)
{
	bool ended = content.length && content.start[content.length - 1] == '\n';
	if (ends_line == ended && is_line((struct slice){ content.start, content.length - ended }))
		return FORM_LINE;
	if (is_plain(content, '\n'))
		return FORM_TEXT;
	if (is_plain(content, '\0'))
		return FORM_WORDS;
	return is_nearly_text(content) ? FORM_ESCAPED : FORM_HEX;
}

static void write_lines(struct buffer *out, struct slice content, char end)
{
	size_t from = 0;
	for (size_t i = 0; i < content.length; i++) {
		if (content.start[i] != end)
			continue;
		buffer_putc(out, '\t');
		buffer_add(out, content.start + from, i - from);
		buffer_putc(out, '\n');
		from = i + 1;
	}
}

/* Returns how many bytes of the content were taken. */
static size_t write_escape(struct buffer *out, const char *at, bool at_end)
{
	static const char *const names[] = { ['\n'] = "\\n", ['\t'] = "\\t", ['\r'] = "\\r", ['\\'] = "\\\\" };
	unsigned char byte = (unsigned char)*at;
	size_t length = snapshot_printable(at);
	if (byte < ARRAY_SIZE(names) && names[byte]) {
		buffer_puts(out, names[byte]);
	} else if (length == 0 || (byte == ' ' && at_end)) {
		buffer_printf(out, "\\x%02x", byte);
	} else {
		buffer_add(out, at, length);
		return length;
	}
	return 1;
}

static void write_escaped(struct buffer *out, struct slice content)
{
	size_t i = 0;
	while (i < content.length) {
		size_t end = i + ESCAPED_PER_LINE < content.length ? i + ESCAPED_PER_LINE : content.length;
		const char *newline = memchr(content.start + i, '\n', end - i);
		if (newline)
			end = (size_t)(newline - content.start) + 1;
		buffer_putc(out, '\t');
		while (i < end)
			i += write_escape(out, content.start + i, i + 1 >= end);
		buffer_putc(out, '\n');
	}
}

static size_t run_length(struct slice content)
{
	size_t run = 1;
	while (run < content.length && run < HEX_RUN_MAX && content.start[run] == content.start[0])
		run++;
	return run;
}

static void write_hex(struct buffer *out, struct slice content)
{
	for (size_t i = 0; i < content.length;) {
		size_t run = run_length((struct slice){ content.start + i, content.length - i });
		/* Whole lines only, so that what is behind them begins where one looks for it. */
		run -= run % HEX_PER_LINE;
		buffer_putc(out, '\t');
		if (run >= HEX_RUN_LEAST) {
			buffer_printf(out, "%02x * %zu", (unsigned char)content.start[i], run);
			i += run;
		}
		for (size_t j = 0; run < HEX_RUN_LEAST && j < HEX_PER_LINE && i < content.length; j++, i++)
			buffer_printf(out, "%s%02x", j ? " " : "", (unsigned char)content.start[i]);
		buffer_putc(out, '\n');
	}
}

void snapshot_write_block(struct buffer *out, enum snapshot_form form, struct slice content)
{
	if (form == FORM_HEX)
		write_hex(out, content);
	else if (form == FORM_ESCAPED)
		write_escaped(out, content);
	else
		write_lines(out, content, form == FORM_WORDS ? '\0' : '\n');
}

/* The byte that an escape stands for, behind its backslash, and how long it is there; -1: none. */
static int read_escape(struct slice text, size_t *ret_length)
{
	static const char letters[] = "ntr\\";
	static const char bytes[] = "\n\t\r\\";
	const char *letter = text.length && text.start[0] ? strchr(letters, text.start[0]) : NULL;
	*ret_length = letter ? 1 : 3;
	if (letter)
		return bytes[letter - letters];
	return text.length && text.start[0] == 'x' ? hex_byte((struct slice){ text.start + 1, text.length - 1 }) : -1;
}

static const char *read_escaped(struct buffer *out, struct slice line)
{
	while (line.length) {
		const char *escape = memchr(line.start, '\\', line.length);
		size_t plain = escape ? (size_t)(escape - line.start) : line.length;
		buffer_add(out, line.start, plain);
		if (!escape)
			break;
		size_t length;
		int byte = read_escape((struct slice){ escape + 1, line.length - plain - 1 }, &length);
		if (byte < 0)
			return "a '\\' is followed by n, t, r, another '\\', or x and two hexadecimal digits";
		buffer_add(out, (const char[]){ (char)byte }, 1);
		line = (struct slice){ escape + 1 + length, line.length - plain - 1 - length };
	}
	return NULL;
}

/* "00 * 4032" */
static const char *read_run(struct buffer *out, int byte, struct slice count)
{
	char digits[8] = "";
	uint64_t number = 0;
	if (count.length < sizeof(digits))
		memcpy(digits, count.start, count.length);
	if (text_to_number(digits, 10, HEX_RUN_MAX, &number) < 0)
		return "behind '*' stands how often, at most 1048576 times";
	char block[256];
	memset(block, byte, sizeof(block));
	for (size_t left = number; left;) {
		size_t part = left < sizeof(block) ? left : sizeof(block);
		buffer_add(out, block, part);
		left -= part;
	}
	return NULL;
}

static const char *read_hex(struct buffer *out, struct slice line)
{
	struct slice word;
	int byte = -1;
	size_t count = 0;
	while (slice_next_word(&line, &word)) {
		if (slice_equals(word, "*") && count == 1) {
			out->length--;
			return read_run(out, byte, slice_trim(line));
		}
		if (word.length % 2)
			return "bytes are pairs of hexadecimal digits";
		for (size_t i = 0; i < word.length; i += 2, count++) {
			byte = hex_byte((struct slice){ word.start + i, 2 });
			if (byte < 0)
				return "bytes are pairs of hexadecimal digits";
			buffer_putc(out, (char)byte);
		}
	}
	return NULL;
}

const char *snapshot_read_block_line(struct buffer *out, enum snapshot_form form, struct slice line)
{
	if (form == FORM_HEX)
		return read_hex(out, line);
	if (form == FORM_ESCAPED)
		return read_escaped(out, line);
	buffer_add(out, line.start, line.length);
	buffer_putc(out, form == FORM_WORDS ? '\0' : '\n');
	return NULL;
}
