/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/private-text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#define UUID_LENGTH 36
#define LVM_LENGTH 38 /* aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg */

struct scan {
	struct private_map *map;
	struct slice text;
	size_t at;
	bool versions;
	struct buffer out;
};

static bool is_alnum(char c)
{
	return isalnum((unsigned char)c);
}

static char at(const struct scan *scan, size_t ahead)
{
	static const char end;
	return *(scan->at + ahead < scan->text.length ? &scan->text.start[scan->at + ahead] : &end);
}

static size_t run_of(const struct scan *scan, size_t from, int (*is)(int), const char *also)
{
	size_t length = 0;
	while (at(scan, from + length) &&
	       (is((unsigned char)at(scan, from + length)) || strchr(also, at(scan, from + length))))
		length++;
	return length;
}

static struct slice ahead(const struct scan *scan, size_t length)
{
	return (struct slice){ scan->text.start + scan->at, length };
}

static void replace(struct scan *scan, enum private_kind kind, size_t length)
{
	buffer_puts(&scan->out, private_replacement(scan->map, kind, ahead(scan, length)));
	scan->at += length;
}

static void leave(struct scan *scan, size_t length)
{
	buffer_add(&scan->out, scan->text.start + scan->at, length);
	scan->at += length;
}

/* Groups of letters and digits with these lengths, a hyphen between each two. */
static bool has_groups(const struct scan *scan, const size_t *lengths, size_t count, int (*is)(int))
{
	size_t from = 0;
	for (size_t i = 0; i < count; i++) {
		if (run_of(scan, from, is, "") != lengths[i])
			return false;
		from += lengths[i];
		if (i + 1 < count && at(scan, from++) != '-')
			return false;
	}
	return !is_alnum(at(scan, from));
}

/* The same on every machine: they name EFI variables (UEFI specification, shim, systemd's boot loader interface). */
static bool is_everybodys_uuid(struct slice uuid)
{
	static const char *const uuids[] = {
		"8be4df61-93ca-11d2-aa0d-00e098032b8c",
		"d719b2cb-3d3a-4596-a3bc-dad00e67656f",
		"605dab50-e046-4300-abb6-3dd810dd8b23",
		"4a67b082-0a4c-41cf-b6c7-440b29bb8c4f",
	};
	for (size_t i = 0; i < ARRAY_SIZE(uuids); i++)
		if (strncasecmp(uuid.start, uuids[i], UUID_LENGTH) == 0)
			return true;
	return false;
}

/* UUIDs, LVM's own, and the same without hyphens (machine ids, LVM's in device mapper's names). */
static bool take_uuid(struct scan *scan)
{
	static const size_t uuid[] = { 8, 4, 4, 4, 12 };
	static const size_t lvm[] = { 6, 4, 4, 4, 4, 4, 6 };
	if (has_groups(scan, uuid, ARRAY_SIZE(uuid), isxdigit)) {
		if (is_everybodys_uuid(ahead(scan, UUID_LENGTH)))
			leave(scan, UUID_LENGTH);
		else
			replace(scan, PRIVATE_UUID, UUID_LENGTH);
		return true;
	}
	if (has_groups(scan, lvm, ARRAY_SIZE(lvm), isalnum)) {
		replace(scan, PRIVATE_UUID, LVM_LENGTH);
		return true;
	}
	size_t length = run_of(scan, 0, isalnum, "");
	if ((length == 32 && run_of(scan, 0, isxdigit, "") == 32) || length == 64) {
		replace(scan, PRIVATE_UUID, length);
		return true;
	}
	return false;
}

/* "enx020000000001": the name of a network interface that udev makes of its address. */
static bool take_interface(struct scan *scan)
{
	static const char *const prefixes[] = { "enx", "wlx", "wwx" };
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (!text_starts_with((char[]){ at(scan, 0), at(scan, 1), at(scan, 2), '\0' }, prefixes[i]) ||
		    run_of(scan, 3, isxdigit, "") != 12 || is_alnum(at(scan, 15)))
			continue;
		char address[18];
		leave(scan, 3);
		const char *digits = scan->text.start + scan->at;
		for (size_t j = 0; j < 6; j++)
			snprintf(address + 3 * j, 4, "%.2s%s", digits + 2 * j, j < 5 ? ":" : "");
		const char *other = private_replacement(scan->map, PRIVATE_MAC, slice_of(address));
		for (; *other; other++)
			if (*other != ':')
				buffer_putc(&scan->out, *other);
		scan->at += 12;
		return true;
	}
	return false;
}

/* All digits 0, or all f: no address of anybody's. */
static bool is_uniform(struct slice text)
{
	size_t zeros = 0;
	size_t ones = 0;
	for (size_t i = 0; i < text.length; i++) {
		zeros += text.start[i] == '0' || text.start[i] == ':';
		ones += text.start[i] == 'f' || text.start[i] == 'F' || text.start[i] == ':';
	}
	return zeros == text.length || ones == text.length;
}

/* Six groups of two digits, or eight, or 20. */
static bool is_mac(struct slice text)
{
	if (text.length % 3 != 2 || text.length < 17)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if ((text.start[i] == ':') != (i % 3 == 2))
			return false;
	return true;
}

static bool read_ipv6(struct slice text, struct in6_addr *ret)
{
	char copy[INET6_ADDRSTRLEN] = "";
	if (text.length >= sizeof(copy))
		return false;
	memcpy(copy, text.start, text.length);
	return inet_pton(AF_INET6, copy, ret) == 1;
}

/* Said by every machine: any, loopback, multicast, the prefix of link-local addresses. */
static bool is_everybodys(const struct in6_addr *address)
{
	struct in6_addr prefix = { .s6_addr = { 0xfe, 0x80 } };
	return IN6_IS_ADDR_UNSPECIFIED(address) || IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_MULTICAST(address) ||
	       IN6_ARE_ADDR_EQUAL(address, &prefix);
}

/* However it was written. */
static const char *replace_ipv6(struct private_map *map, const struct in6_addr *address)
{
	char text[INET6_ADDRSTRLEN];
	inet_ntop(AF_INET6, address, text, sizeof(text));
	return private_replacement(map, PRIVATE_IPV6, slice_of(text));
}

/* A run of hexadecimal digits and colons: a hardware address, an IPv6 address, or neither, like a PCI address. */
static bool take_colons(struct scan *scan)
{
	size_t length = run_of(scan, 0, isxdigit, ":");
	struct slice run = ahead(scan, length);
	/* "::ffff:192.0.2.1", "0000:00:1f.3": the last part belongs to what follows. */
	if (at(scan, length) == '.' || is_alnum(at(scan, length)))
		while (length && run.start[length - 1] != ':')
			length--;
	if (!memchr(run.start, ':', run.length) || length == 0)
		return false;
	/* "address:" at the end of a word */
	if (length > 2 && run.start[length - 1] == ':' && run.start[length - 2] != ':')
		length--;
	run.length = length;
	struct in6_addr address;
	if (is_mac(run) && !is_uniform(run)) {
		replace(scan, PRIVATE_MAC, length);
	} else if (!is_mac(run) && read_ipv6(run, &address) && !is_everybodys(&address)) {
		buffer_puts(&scan->out, replace_ipv6(scan->map, &address));
		scan->at += length;
	} else {
		leave(scan, length);
	}
	return true;
}

/* Four numbers up to 255. Not loopback, not "any", no masks, no multicast. */
static bool is_ipv4(struct slice text, struct in_addr *ret)
{
	char copy[INET_ADDRSTRLEN] = "";
	if (text.length >= sizeof(copy))
		return false;
	memcpy(copy, text.start, text.length);
	if (inet_pton(AF_INET, copy, ret) != 1)
		return false;
	uint32_t first = ntohl(ret->s_addr) >> 24;
	return first != 0 && first != 127 && first < 224;
}

static bool take_ipv4(struct scan *scan)
{
	struct in_addr address;
	size_t length = run_of(scan, 0, isdigit, ".");
	while (length && at(scan, length - 1) == '.')
		length--;
	struct slice run = ahead(scan, length);
	if (!memchr(run.start, '.', run.length))
		return false;
	if (!scan->versions && !is_alnum(at(scan, length)) && is_ipv4(run, &address))
		replace(scan, PRIVATE_IPV4, length);
	else
		leave(scan, length);
	return true;
}

/* "by-id/nvme-Vendor_Model_SERIAL-part1": the part stays. */
static bool take_disk(struct scan *scan)
{
	static const char prefix[] = "by-id/";
	if (scan->text.length - scan->at < sizeof(prefix) ||
	    memcmp(scan->text.start + scan->at, prefix, sizeof(prefix) - 1) != 0)
		return false;
	leave(scan, sizeof(prefix) - 1);
	size_t length = run_of(scan, 0, isalnum, "._-:+@#=");
	size_t part = length;
	while (part && isdigit((unsigned char)at(scan, part - 1)))
		part--;
	if (part > 5 && part < length && memcmp(scan->text.start + scan->at + part - 5, "-part", 5) == 0)
		length = part - 5;
	if (length)
		replace(scan, PRIVATE_DISK, length);
	return true;
}

static bool take_word(struct scan *scan)
{
	size_t left = scan->text.length - scan->at;
	for (const struct private_entry *word = scan->map->words[(unsigned char)at(scan, 0)]; word; word = word->next) {
		if (word->length > left || memcmp(word->original, scan->text.start + scan->at, word->length) != 0 ||
		    is_alnum(at(scan, word->length)))
			continue;
		replace(scan, word->kind, word->length);
		return true;
	}
	return false;
}

struct slice private_replace(struct private_map *map, struct arena *arena, struct slice text, bool versions)
{
	struct scan scan = { .map = map, .text = text, .versions = versions, .out = { .arena = arena } };
	buffer_add(&scan.out, "", 0);
	while (scan.at < text.length) {
		/* Everything begins where letters and digits do, or with a colon; what has begun is left to its end. */
		bool inside = scan.at && is_alnum(text.start[scan.at - 1]);
		bool begins = is_alnum(at(&scan, 0)) || (at(&scan, 0) == ':' && at(&scan, 1) == ':');
		if (inside || !begins ||
		    !(take_word(&scan) || take_disk(&scan) || take_uuid(&scan) || take_interface(&scan) ||
		      take_ipv4(&scan) || take_colons(&scan)))
			leave(&scan, 1);
	}
	return (struct slice){ scan.out.text, scan.out.length };
}

static struct slice replace_digits_4(struct private_map *map, struct arena *arena, struct slice digits)
{
	uint64_t number;
	char text[INET_ADDRSTRLEN];
	struct in_addr address;
	/* As it lies in memory, printed as a number of this machine's (net/ipv4/fib_trie.c, fib_route_seq_show). */
	if (text_to_number(arena_strndup(arena, digits.start, digits.length), 16, UINT32_MAX, &number) < 0)
		return digits;
	address.s_addr = (in_addr_t)number;
	inet_ntop(AF_INET, &address, text, sizeof(text));
	if (!is_ipv4(slice_of(text), &address) ||
	    inet_pton(AF_INET, private_replacement(map, PRIVATE_IPV4, slice_of(text)), &address) != 1)
		return digits;
	return slice_of(arena_printf(arena, "%08X", address.s_addr));
}

static struct slice replace_digits_6(struct private_map *map, struct arena *arena, struct slice digits)
{
	struct in6_addr address;
	struct buffer out = { .arena = arena };
	for (size_t i = 0; i < 16; i++) {
		uint64_t byte;
		if (text_to_number(arena_strndup(arena, digits.start + 2 * i, 2), 16, UINT8_MAX, &byte) < 0)
			return digits;
		address.s6_addr[i] = (uint8_t)byte;
	}
	if (is_everybodys(&address) || inet_pton(AF_INET6, replace_ipv6(map, &address), &address) != 1)
		return digits;
	for (size_t i = 0; i < 16; i++)
		buffer_printf(&out, "%02x", address.s6_addr[i]);
	return (struct slice){ out.text, out.length };
}

struct slice private_replace_digits(struct private_map *map, struct arena *arena, struct slice digits)
{
	for (size_t i = 0; i < digits.length; i++)
		if (!isxdigit((unsigned char)digits.start[i]))
			return digits;
	return digits.length == 8  ? replace_digits_4(map, arena, digits) :
	       digits.length == 32 ? replace_digits_6(map, arena, digits) :
				     digits;
}
