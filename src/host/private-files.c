/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What single files hold that is private, by what they are. */
#include <ctype.h>

#include "host/private-internal.h"

/* <linux/pci_regs.h>: where extended capabilities begin, and the one with the device's serial number. */
#define PCI_EXTENDED_START 0x100
#define PCI_CONFIG_SIZE 0x1000
#define PCI_CAPABILITY_SERIAL 0x0003
#define PCI_SERIAL_OFFSET 4
#define PCI_SERIAL_SIZE 8

static uint32_t little_32(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

const char *private_name(struct private_state *state, enum private_kind kind, struct slice name)
{
	const char *text = arena_strndup(state->arena, name.start, name.length);
	return private_is_invented(text) ? text : private_replacement(&state->map, kind, name);
}

/* Puts another serial number into configuration space; the functions of one device keep having the same. */
static struct slice without_serial(struct private_state *state, struct slice config)
{
	unsigned char *bytes = (unsigned char *)arena_strndup(state->arena, config.start, config.length);
	uint32_t at = PCI_EXTENDED_START;
	/* No more capabilities than have room: a list that goes round in circles ends as well. */
	for (size_t i = 0; i < PCI_CONFIG_SIZE / 8 && at >= PCI_EXTENDED_START && at + 12 <= config.length; i++) {
		uint32_t header = little_32(bytes + at);
		if ((header & 0xffff) == PCI_CAPABILITY_SERIAL) {
			char text[2 * PCI_SERIAL_SIZE + 1];
			unsigned char *serial = bytes + at + PCI_SERIAL_OFFSET;
			for (size_t j = 0; j < PCI_SERIAL_SIZE; j++)
				snprintf(text + 2 * j, 3, "%02x", serial[j]);
			const char *other = private_replacement(&state->map, PRIVATE_SERIAL, slice_of(text));
			unsigned long number = strtoul(other + strcspn(other, "0123456789"), NULL, 10);
			for (size_t j = 0; j < PCI_SERIAL_SIZE; j++)
				serial[j] = j < sizeof(number) ? (unsigned char)(number >> 8 * j) : 0;
		}
		at = header >> 20 & 0xffc;
	}
	return (struct slice){ (char *)bytes, config.length };
}

/* Of udev's database: what a device holds. The rest names it in ten ways. */
static struct slice udev_database(struct private_state *state, struct slice text)
{
	static const char *const kept[] = { "E:ID_FS_TYPE", "E:ID_FS_USAGE", "E:ID_FS_VERSION", "E:ID_FS_LABEL",
					    "E:ID_FS_UUID" };
	struct buffer out = { .arena = state->arena };
	struct slice line;
	struct slice value;
	buffer_add(&out, "", 0);
	while (slice_next_line(&text, &line)) {
		bool keep = false;
		for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
			keep |= private_value(line, kept[i], &value);
		if (keep) {
			buffer_add(&out, line.start, line.length);
			buffer_putc(&out, '\n');
		}
	}
	return (struct slice){ out.text, out.length };
}

/* Words of each line of /proc/net/route or ipv6_route; numbers of 8 or 32 digits are addresses, but for masks. */
static struct slice routes(struct private_state *state, struct slice text)
{
	struct buffer out = { .arena = state->arena };
	struct slice line;
	buffer_add(&out, "", 0);
	while (slice_next_line(&text, &line)) {
		size_t column = 0;
		for (size_t i = 0; i < line.length;) {
			size_t length = 0;
			while (i + length < line.length && !isspace((unsigned char)line.start[i + length]))
				length++;
			struct slice word = { line.start + i, length };
			/* The eighth of route is the mask; the last four of ipv6_route are no addresses. */
			if (column++ < 5 && (length == 8 || length == 32))
				word = private_replace_digits(&state->map, state->arena, word);
			else if (length)
				word = private_replace(&state->map, state->arena, word, false);
			buffer_add(&out, word.start, word.length);
			i += length;
			if (i < line.length)
				buffer_putc(&out, line.start[i++]);
		}
		buffer_putc(&out, '\n');
	}
	return (struct slice){ out.text, out.length };
}

static bool is_remote(struct slice type)
{
	static const char *const types[] = { "nfs", "nfs4", "cifs", "smb3", "ceph", "fuse.sshfs", "fuse.glusterfs" };
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (slice_equals(type, types[i]))
			return true;
	return false;
}

/* mountinfo: of file systems that come over the network, who serves them and as whom we ask. */
static struct slice mounts(struct private_state *state, struct slice text)
{
	struct buffer out = { .arena = state->arena };
	struct slice line;
	buffer_add(&out, "", 0);
	while (slice_next_line(&text, &line)) {
		struct slice rest = line;
		struct slice word = { "", 0 };
		struct slice source = { "", 0 };
		while (!slice_equals(word, "-") && slice_next_word(&rest, &word))
			;
		bool remote = slice_next_word(&rest, &word) && is_remote(word) && slice_next_word(&rest, &source);
		buffer_add(&out, line.start, remote ? (size_t)(source.start - line.start) : line.length);
		if (remote)
			buffer_printf(&out, "%s:/share rw", private_replacement(&state->map, PRIVATE_SERVER, source));
		buffer_putc(&out, '\n');
	}
	return (struct slice){ out.text, out.length };
}

/* A VM's configuration: its owner's notes and its secrets go, its name becomes another. */
static struct slice pve_config(struct private_state *state, struct slice text)
{
	static const char *const dropped[] = { "description", "tags",    "ciuser",       "cipassword", "sshkeys",
					       "cicustom",    "smbios1", "searchdomain", "vmgenid" };
	struct buffer out = { .arena = state->arena };
	struct slice line;
	struct slice value;
	buffer_add(&out, "", 0);
	while (slice_next_line(&text, &line)) {
		bool drop = line.length && line.start[0] == '#';
		for (size_t i = 0; i < ARRAY_SIZE(dropped); i++)
			drop |= private_value(line, dropped[i], &value);
		if (drop)
			continue;
		if (private_value(line, "name", &value))
			buffer_printf(&out, "name: %s", private_name(state, PRIVATE_VM, value));
		else
			buffer_add(&out, line.start, line.length);
		buffer_putc(&out, '\n');
	}
	return (struct slice){ out.text, out.length };
}

/* Of dpkg's list of packages: which, whether installed, and which version. */
static struct slice packages(struct private_state *state, struct slice text)
{
	static const char *const kept[] = { "Package", "Status", "Version", "Architecture" };
	struct buffer out = { .arena = state->arena };
	struct slice line;
	struct slice value;
	buffer_add(&out, "", 0);
	while (slice_next_line(&text, &line)) {
		bool keep = line.length == 0;
		for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
			keep |= private_value(line, kept[i], &value);
		if (keep) {
			buffer_add(&out, line.start, line.length);
			buffer_putc(&out, '\n');
		}
	}
	return (struct slice){ out.text, out.length };
}

/* QEMU's command line: the name of the VM, wherever it is an ordinary word, too. */
static struct slice command(struct private_state *state, struct slice words)
{
	struct buffer out = { .arena = state->arena };
	bool is_name = false;
	buffer_add(&out, "", 0);
	while (words.length) {
		const char *end = memchr(words.start, '\0', words.length);
		struct slice word = { words.start, end ? (size_t)(end - words.start) : words.length };
		struct slice name = is_name ? private_vm_of_option(word) : (struct slice){ word.start, 0 };
		buffer_add(&out, word.start, (size_t)(name.start - word.start));
		if (is_name)
			buffer_puts(&out, private_name(state, PRIVATE_VM, name));
		size_t cut = (size_t)(name.start - word.start) + name.length;
		buffer_add(&out, word.start + cut, word.length - cut);
		is_name = slice_equals(word, "-name");
		if (end)
			buffer_putc(&out, '\0');
		words.start += word.length + (end != NULL);
		words.length -= word.length + (end != NULL);
	}
	return (struct slice){ out.text, out.length };
}

/* Bytes of a word that a password follows, at the start of a text; 0: it is none. */
static size_t password_key(struct slice text)
{
	static const char *const keys[] = { "password", "passwd", "secret,id=" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t length = strlen(keys[i]);
		if (text.length <= length || strncasecmp(text.start, keys[i], length) != 0)
			continue;
		/* "password_pbkdf2", "password-secret": up to the end of the word; "secret,id=a,data=": up to its data */
		bool secret = strchr(keys[i], ',') != NULL;
		while (length < text.length && text.start[length] &&
		       (isalnum((unsigned char)text.start[length]) ||
			strchr(secret ? "_-,.=/" : "_-", text.start[length])) &&
		       !(secret && text_starts_with(text.start + length, "data=")))
			length++;
		if (secret)
			length += text_starts_with(text.start + length, "data=") ? strlen("data") : 0;
		return length < text.length && text.start[length] && strchr("=: \t", text.start[length]) ? length : 0;
	}
	return 0;
}

/* What follows such a word, on its line or, behind "=", up to the next comma or blank, goes. */
static struct slice without_passwords(struct private_state *state, struct slice text)
{
	struct buffer out = { .arena = state->arena };
	size_t done = 0;
	for (size_t i = 0; i < text.length; i++) {
		size_t key = strchr("pPsS", text.start[i]) && text.start[i] ?
				     password_key((struct slice){ text.start + i, text.length - i }) :
				     0;
		if (!key)
			continue;
		bool word = text.start[i + key] == '=';
		i += key + 1;
		buffer_add(&out, text.start + done, i - done);
		buffer_puts(&out, "removed");
		state->passwords++;
		while (i < text.length && text.start[i] != '\n' && text.start[i] != '\0' &&
		       !(word && strchr(", \t\"'", text.start[i])))
			i++;
		done = i;
		i--;
	}
	if (!done)
		return text;
	buffer_add(&out, text.start + done, text.length - done);
	return (struct slice){ out.text, out.length };
}

/* Names in sysfs that hold what a maker gave a device to tell it from all others. */
static bool is_serial(const char *path)
{
	static const char *const names[] = {
		"serial",         "wwid",         "nguid",          "eui",          "unique_id",
		"product_serial", "board_serial", "chassis_serial", "product_uuid", "chassis_asset_tag",
		"board_asset_tag"
	};
	if (!text_starts_with(path, "/sys/"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(text_basename(path), names[i]) == 0)
			return true;
	return false;
}

/* What text there is can be gone through; other bytes have lengths and sums that a change would spoil. */
static bool is_binary(struct slice content)
{
	bool ends = content.length && content.start[content.length - 1] == '\0';
	for (size_t i = 0; i < content.length; i++) {
		unsigned char byte = (unsigned char)content.start[i];
		if ((byte == 0 && !ends) || (byte && byte < ' ' && !isspace(byte) && byte != 0x1b))
			return true;
	}
	return false;
}

static struct slice by_file(struct private_state *state, const char *path, struct slice content)
{
	const char *name = text_basename(path);
	bool process = text_starts_with(path, "/proc/");
	if (is_serial(path))
		return slice_of(arena_printf(state->arena, "%s\n",
					     private_replacement(&state->map, PRIVATE_SERIAL, slice_trim(content))));
	if (text_starts_with(path, "/run/udev/data/"))
		return udev_database(state, content);
	if (strcmp(path, "/var/lib/dpkg/status") == 0)
		return packages(state, content);
	if (private_is_pve_config(path))
		return pve_config(state, content);
	if (private_is_libvirt_answer(path))
		return private_libvirt_answer(state, content);
	if (strcmp(path, "/etc/hostname") == 0 || strcmp(path, "/proc/sys/kernel/hostname") == 0)
		return slice_of(
			arena_printf(state->arena, "%s\n", private_name(state, PRIVATE_HOST, slice_trim(content))));
	if (process && text_ends_with(path, "/net/route"))
		return routes(state, content);
	if (process && text_ends_with(path, "/net/ipv6_route"))
		return routes(state, content);
	if (process && strcmp(name, "mountinfo") == 0)
		return mounts(state, content);
	if (process && strcmp(name, "cmdline") == 0 && strcmp(path, "/proc/cmdline") != 0)
		return command(state, content);
	return content;
}

struct slice private_content(struct private_state *state, const char *path, struct slice content)
{
	const char *name = text_basename(path);
	if (text_starts_with(path, "/sys/") && strcmp(name, "config") == 0)
		return without_serial(state, content);
	/* Vital product data, whole DMI tables: serial numbers in a form of their own. */
	if (text_starts_with(path, "/sys/") && (strcmp(name, "vpd") == 0 || strstr(path, "/dmi/tables/")))
		return (struct slice){ NULL, 0 };
	if (is_binary(content))
		return content;
	/* Names of EFI variables and versions of packages look like UUIDs and addresses. */
	bool versions = text_starts_with(path, "/var/lib/dpkg/") || text_ends_with(path, "/os-release");
	content = by_file(state, path, content);
	bool addresses_done = text_ends_with(path, "/net/route") || text_ends_with(path, "/net/ipv6_route");
	content = without_passwords(state, content);
	return addresses_done ? content : private_replace(&state->map, state->arena, content, versions);
}
