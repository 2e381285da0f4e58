/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/proxmox-text.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Bytes of a character that begins so; 1 for what begins none. Perl's own UTF-8 goes on to 7 and 13. */
static size_t expected_length(unsigned char lead)
{
	static const unsigned char firsts[] = { 0xc0, 0xe0, 0xf0, 0xf8, 0xfc, 0xfe, 0xff };
	static const size_t lengths[] = { 2, 3, 4, 5, 6, 7, 13 };
	size_t length = 1;
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++)
		if (lead >= firsts[i])
			length = lengths[i];
	return length;
}

/* A form that is longer than it must be stands for nothing. */
static bool is_overlong(const unsigned char *bytes)
{
	/* Of 0xf0 0x80, 0xf8 0x80 and so on: the first bits of the value that a shorter form could not hold. */
	static const struct {
		unsigned char lead;
		unsigned char least;
	} rules[] = { { 0xe0, 0xa0 }, { 0xf0, 0x90 }, { 0xf8, 0x88 }, { 0xfc, 0x84 }, { 0xfe, 0x82 } };
	if (bytes[0] == 0xc0 || bytes[0] == 0xc1)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (bytes[0] == rules[i].lead)
			return bytes[1] < rules[i].least;
	return false;
}

static void add_characters(struct buffer *buffer, const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		const unsigned char *bytes = (const unsigned char *)text + at;
		size_t wanted = bytes[0] < 0x80 ? 1 : expected_length(bytes[0]);
		size_t have = 1;
		while (have < wanted && at + have < length && (bytes[have] & 0xc0) == 0x80)
			have++;
		bool good = bytes[0] < 0x80 || (wanted > 1 && have == wanted && !is_overlong(bytes));
		if (good)
			buffer_add(buffer, text + at, have);
		else
			buffer_puts(buffer, REPLACEMENT);
		at += have;
	}
}

/* -1: no hexadecimal digit. */
static int digit(char character)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = character ?
				 strchr(digits, character >= 'A' && character <= 'F' ? character | 0x20 : character) :
				 NULL;
	return at ? (int)(at - digits) : -1;
}

void proxmox_decode(struct buffer *buffer, struct slice line)
{
	struct buffer bytes = { .arena = buffer->arena };
	for (size_t i = 0; i < line.length; i++) {
		char character = line.start[i];
		if (character == '%' && i + 2 < line.length && digit(line.start[i + 1]) >= 0 &&
		    digit(line.start[i + 2]) >= 0) {
			character = (char)(digit(line.start[i + 1]) << 4 | digit(line.start[i + 2]));
			i += 2;
		}
		buffer_putc(&bytes, character);
	}
	add_characters(buffer, bytes.text, bytes.length);
}

/* Length of the blank (White_Space of Unicode) at the end of a text of UTF-8, or 0. */
static size_t blank_at_end(struct slice text)
{
	static const char *const blanks[] = {
		" ",
		"\t",
		"\n",
		"\v",
		"\f",
		"\r",
		"\xc2\x85",
		"\xc2\xa0",
		"\xe1\x9a\x80",
		"\xe2\x80\x80",
		"\xe2\x80\x81",
		"\xe2\x80\x82",
		"\xe2\x80\x83",
		"\xe2\x80\x84",
		"\xe2\x80\x85",
		"\xe2\x80\x86",
		"\xe2\x80\x87",
		"\xe2\x80\x88",
		"\xe2\x80\x89",
		"\xe2\x80\x8a",
		"\xe2\x80\xa8",
		"\xe2\x80\xa9",
		"\xe2\x80\xaf",
		"\xe2\x81\x9f",
		"\xe3\x80\x80",
	};
	for (size_t i = 0; i < ARRAY_SIZE(blanks); i++) {
		size_t length = strlen(blanks[i]);
		if (length <= text.length && memcmp(text.start + text.length - length, blanks[i], length) == 0)
			return length;
	}
	return 0;
}

/* All but printable ASCII, and ':' of that, too. */
static bool is_encoded(unsigned char byte, bool percent)
{
	return byte < 0x20 || byte > 0x7e || byte == ':' || (percent && byte == '%');
}

void proxmox_describe(struct arena *arena, struct slice decoded, bool percent, const char **ret_text,
		      const char **ret_encoded)
{
	struct buffer text = { .arena = arena };
	struct buffer encoded = { .arena = arena };
	for (size_t blank = 1; decoded.length && blank; decoded.length -= blank)
		blank = blank_at_end(decoded);
	buffer_puts(&text, "");
	buffer_puts(&encoded, "");
	for (size_t i = 0; i < decoded.length; i++) {
		unsigned char byte = (unsigned char)decoded.start[i];
		if (byte)
			buffer_putc(&text, (char)byte);
		else
			buffer_puts(&text, REPLACEMENT);
		if (is_encoded(byte, percent))
			buffer_printf(&encoded, "%%%02X", byte);
		else
			buffer_putc(&encoded, (char)byte);
	}
	*ret_text = text.text;
	*ret_encoded = encoded.text;
}
