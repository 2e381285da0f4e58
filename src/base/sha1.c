/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sha1.h"

#include <stdio.h>

#define BLOCK ((size_t)64)

static uint32_t rotate(uint32_t word, unsigned int bits)
{
	return word << bits | word >> (32 - bits);
}

/* FIPS 180-4, 4.1.1 and 4.2.1. */
static uint32_t mix(unsigned int round, uint32_t b, uint32_t c, uint32_t d)
{
	if (round < 20)
		return ((b & c) | (~b & d)) + 0x5a827999;
	if (round < 40)
		return (b ^ c ^ d) + 0x6ed9eba1;
	if (round < 60)
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	return (b ^ c ^ d) + 0xca62c1d6;
}

static void add_block(uint32_t state[5], const unsigned char *block)
{
	uint32_t words[80];
	uint32_t a = state[0];
	uint32_t b = state[1];
	uint32_t c = state[2];
	uint32_t d = state[3];
	uint32_t e = state[4];
	for (size_t i = 0; i < 16; i++)
		words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
			   (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (unsigned int i = 16; i < 80; i++)
		words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
	for (unsigned int i = 0; i < 80; i++) {
		uint32_t next = rotate(a, 5) + mix(i, b, c, d) + e + words[i];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

const char *sha1_hex(struct slice bytes, char text[SHA1_TEXT_MAX])
{
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	unsigned char last[2 * BLOCK] = { 0 };
	size_t whole = bytes.length / BLOCK * BLOCK;
	size_t rest = bytes.length - whole;
	size_t length = rest + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
	uint64_t bits = (uint64_t)bytes.length * 8;
	for (size_t i = 0; i < whole; i += BLOCK)
		add_block(state, (const unsigned char *)bytes.start + i);
	if (rest)
		memcpy(last, bytes.start + whole, rest);
	last[rest] = 0x80;
	for (unsigned int i = 0; i < 8; i++)
		last[length - 1 - i] = (unsigned char)(bits >> (8 * i));
	for (size_t i = 0; i < length; i += BLOCK)
		add_block(state, last + i);
	for (size_t i = 0; i < 5; i++)
		snprintf(text + 8 * i, 9, "%08x", (unsigned int)state[i]);
	return text;
}
