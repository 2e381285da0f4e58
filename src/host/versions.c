/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/versions.h"

#include <ctype.h>

#define STATUS "/var/lib/dpkg/status"
#define PVECFG "/usr/share/perl5/PVE/pvecfg.pm"

/* dpkg's packages, the better ones for a program first: Proxmox VE's own QEMU and firmware replace Debian's. */
static const struct {
	const char *name;
	size_t offset;
} packages[] = {
	{ "pve-manager", offsetof(struct versions, pve_manager) },
	{ "qemu-server", offsetof(struct versions, qemu_server) },
	{ "pve-qemu-kvm", offsetof(struct versions, qemu) },
	{ "qemu-system-x86", offsetof(struct versions, qemu) },
	{ "libvirt-daemon", offsetof(struct versions, libvirt) },
	{ "pve-edk2-firmware-ovmf", offsetof(struct versions, ovmf) },
	{ "pve-edk2-firmware", offsetof(struct versions, ovmf) },
	{ "ovmf", offsetof(struct versions, ovmf) },
};

static struct version *version_of(struct versions *versions, size_t offset)
{
	return (struct version *)((char *)versions + offset);
}

/* "1:7.2+dfsg-7+deb12u18" is 7.2: behind the epoch, up to what is neither digit nor dot. */
static void parse_version(struct version *version)
{
	const char *colon = strchr(version->fact.text, ':');
	const char *at = colon ? colon + 1 : version->fact.text;
	for (size_t i = 0; i < ARRAY_SIZE(version->parts) && isdigit((unsigned char)*at); i++) {
		unsigned int number = 0;
		for (; isdigit((unsigned char)*at); at++)
			number = number < 100000000 ? number * 10 + (unsigned int)(*at - '0') : number;
		version->parts[i] = number;
		if (*at != '.')
			break;
		at++;
	}
}

/* The value of a field "NAME: value" that a line is; false: it is another. */
static bool field_value(struct slice line, const char *name, struct slice *ret)
{
	size_t length = strlen(name);
	if (line.length <= length || memcmp(line.start, name, length) != 0 || line.start[length] != ':')
		return false;
	*ret = slice_trim((struct slice){ line.start + length + 1, line.length - length - 1 });
	return true;
}

struct paragraph {
	struct slice package;
	struct slice status; /* "install ok installed" (dpkg(1), package states) */
	struct slice version;
};

static struct slice last_word(struct slice text)
{
	struct slice word = slice_of("");
	struct slice next;
	while (slice_next_word(&text, &next))
		word = next;
	return word;
}

static void note_package(struct arena *arena, const struct paragraph *paragraph, struct versions *versions)
{
	static const char *const gone[] = { "not-installed", "config-files" };
	static const char *const there[] = { "installed", "triggers-awaited", "triggers-pending" };
	struct slice state = last_word(paragraph->status);
	size_t which = 0;
	if (!paragraph->package.length)
		return;
	while (which < ARRAY_SIZE(packages) && !slice_equals(paragraph->package, packages[which].name))
		which++;
	if (which == ARRAY_SIZE(packages) || slice_equals(state, gone[0]) || slice_equals(state, gone[1]))
		return;
	/* The better package may come later in the file: what was found so far must not be better. */
	struct version *version = version_of(versions, packages[which].offset);
	for (size_t i = 0; i < which; i++)
		if (packages[i].offset == packages[which].offset && version->fact.path &&
		    text_equals(version->package, packages[i].name))
			return;
	*version = (struct version){ .package = packages[which].name,
				     .fact = { .state = FACT_KNOWN,
					       .path = STATUS,
					       .text = arena_strndup(arena, paragraph->version.start,
								     paragraph->version.length) } };
	parse_version(version);
	for (size_t i = 0; i < ARRAY_SIZE(there); i++)
		if (slice_equals(state, there[i]))
			return;
	version->fact.state = FACT_WRONG;
	version->fact.problem = arena_printf(arena, "%s: package %s is not installed completely: %.*s", STATUS,
					     packages[which].name, state.length < 64 ? (int)state.length : 64,
					     state.start);
}

static bool is_wanted(struct slice name)
{
	for (size_t i = 0; i < ARRAY_SIZE(packages); i++)
		if (slice_equals(name, packages[i].name))
			return true;
	return false;
}

static void parse_field(struct slice line, struct paragraph *paragraph)
{
	if (!field_value(line, "Package", &paragraph->package) && !field_value(line, "Status", &paragraph->status))
		field_value(line, "Version", &paragraph->version);
}

static void pick_paragraph(const struct paragraph *paragraph, struct buffer *kept)
{
	if (is_wanted(paragraph->package))
		buffer_printf(kept, "Package: %.*s\nStatus: %.*s\nVersion: %.*s\n\n", (int)paragraph->package.length,
			      paragraph->package.start, (int)paragraph->status.length, paragraph->status.start,
			      (int)paragraph->version.length, paragraph->version.start);
}

/* Of the packages that are asked for, what is: the file is long, and names all that is installed. */
static void pick_packages(struct slice text, struct buffer *kept)
{
	struct slice line;
	struct paragraph paragraph = { 0 };
	while (slice_next_line(&text, &line)) {
		if (slice_trim(line).length) {
			parse_field(line, &paragraph);
			continue;
		}
		pick_paragraph(&paragraph, kept);
		paragraph = (struct paragraph){ 0 };
	}
	pick_paragraph(&paragraph, kept);
}

static void read_status(const struct root *root, struct arena *arena, struct versions *versions)
{
	struct error error;
	struct slice text = slice_of("");
	struct slice line;
	int r = root_read_excerpt(root, arena, STATUS, pick_packages, &text, &error);
	versions->dpkg_status = fact_of(arena, STATUS, NULL, r, &error);
	struct paragraph paragraph = { 0 };
	while (slice_next_line(&text, &line)) {
		if (!slice_trim(line).length) {
			note_package(arena, &paragraph, versions);
			paragraph = (struct paragraph){ 0 };
		} else {
			parse_field(line, &paragraph);
		}
	}
	note_package(arena, &paragraph, versions);
}

/* What dpkg did not name: absent where dpkg keeps the packages; else only what the program's own file tells. */
static void fill_in(const struct root *root, struct arena *arena, const struct fact *status, struct version *version,
		    const char *const *programs, const char *what)
{
	if (version->fact.state != FACT_UNASKED)
		return;
	version->fact.path = STATUS;
	version->fact.state = FACT_ABSENT;
	/* A list that is there and cannot be read might name it. */
	if (fact_unknown(status)) {
		version->fact = *status;
		return;
	}
	for (; *programs; programs++) {
		if (!root_exists(root, *programs))
			continue;
		version->fact.path = *programs;
		version->fact.state = FACT_UNREADABLE;
		version->fact.problem = arena_printf(
			arena, "%s: %s is there, but only dpkg's list of packages is read, and that does not name it",
			*programs, what);
		return;
	}
}

/* The literal that `sub version` returns: pvecfg.pm holds nothing but such. */
static const char *find_literal(struct arena *arena, struct slice text)
{
	static const char sub[] = "sub version";
	const char *end = text.start + text.length;
	for (const char *at = text.start; (at = memmem(at, (size_t)(end - at), sub, strlen(sub))) != NULL;) {
		at += strlen(sub);
		/* Not version_text, version_info. */
		if (at == end || (*at != ' ' && *at != '\n' && *at != '\t' && *at != '{'))
			continue;
		const char *close = memchr(at, '}', (size_t)(end - at));
		const char *open = memchr(at, '\'', (size_t)(end - at));
		const char *last = open && open + 1 < end ? memchr(open + 1, '\'', (size_t)(end - open - 1)) : NULL;
		if (last && close && last < close)
			return arena_strndup(arena, open + 1, (size_t)(last - open) - 1);
	}
	return NULL;
}

static void read_pvecfg(const struct root *root, struct arena *arena, struct version *version)
{
	struct error error;
	struct slice text;
	int r = root_read(root, arena, PVECFG, &text, &error);
	if (root_absent(r))
		return;
	*version = (struct version){ .package = "pve-manager" };
	version->fact = fact_of(arena, PVECFG, NULL, r, &error);
	if (r < 0)
		return;
	version->fact.text = find_literal(arena, text);
	if (version->fact.text) {
		parse_version(version);
		return;
	}
	version->fact.state = FACT_WRONG;
	version->fact.problem = PVECFG ": no version in it";
}

/* PRETTY_NAME="Debian GNU/Linux 12 (bookworm)" (os-release(5)). */
static struct fact read_os(const struct root *root, struct arena *arena)
{
	static const char *const paths[] = { "/etc/os-release", "/usr/lib/os-release" };
	static const char key[] = "PRETTY_NAME=";
	struct error error;
	struct slice text = slice_of("");
	struct slice line;
	int r = root_read(root, arena, paths[0], &text, &error);
	const char *path = paths[0];
	if (root_absent(r)) {
		path = paths[1];
		r = root_read(root, arena, path, &text, &error);
	}
	struct fact fact = fact_of(arena, path, NULL, r, &error);
	if (!fact_known(&fact))
		return fact;
	while (slice_next_line(&text, &line)) {
		if (line.length <= strlen(key) || memcmp(line.start, key, strlen(key)) != 0)
			continue;
		struct slice value = slice_trim((struct slice){ line.start + strlen(key), line.length - strlen(key) });
		if (value.length >= 2 && (*value.start == '"' || *value.start == '\'') &&
		    value.start[value.length - 1] == *value.start)
			value = (struct slice){ value.start + 1, value.length - 2 };
		fact.text = arena_strndup(arena, value.start, value.length);
		return fact;
	}
	/* os-release(5): what it is by default. */
	fact.text = "Linux";
	return fact;
}

static struct fact read_pve_mount(const struct root *root, struct arena *arena)
{
	struct error error;
	char *target = NULL;
	int r = root_read_link(root, arena, "/etc/pve/local", &target, &error);
	/* No link: the folder without the file system of pmxcfs on it. */
	if (r == -EINVAL)
		r = -ENOENT;
	return fact_of(arena, "/etc/pve/local", target, r, &error);
}

void versions_read(const struct root *root, struct arena *arena, struct versions *ret)
{
	static const char *const none[] = { NULL };
	static const char *const qemu[] = { "/usr/bin/qemu-system-x86_64",
					    "/usr/libexec/qemu-kvm",
					    "/usr/bin/qemu-kvm",
					    "/usr/local/bin/qemu-system-x86_64",
					    "/run/current-system/sw/bin/qemu-system-x86_64",
					    NULL };
	static const char *const libvirt[] = { "/usr/sbin/libvirtd",
					       "/usr/sbin/virtqemud",
					       "/usr/bin/libvirtd",
					       "/usr/bin/virtqemud",
					       "/run/current-system/sw/bin/libvirtd",
					       NULL };
	static const char *const ovmf[] = {
		"/usr/share/OVMF/OVMF_CODE.fd",         "/usr/share/OVMF/OVMF_CODE_4M.fd",
		"/usr/share/edk2/ovmf/OVMF_CODE.fd",    "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
		"/usr/share/qemu/ovmf-x86_64-code.bin", NULL
	};
	*ret = (struct versions){ .os = read_os(root, arena), .pve_mounted = read_pve_mount(root, arena) };
	read_status(root, arena, ret);
	read_pvecfg(root, arena, &ret->pve_manager);
	fill_in(root, arena, &ret->dpkg_status, &ret->pve_manager, none, "Proxmox VE");
	fill_in(root, arena, &ret->dpkg_status, &ret->qemu_server, none, "qemu-server");
	fill_in(root, arena, &ret->dpkg_status, &ret->qemu, qemu, "QEMU");
	fill_in(root, arena, &ret->dpkg_status, &ret->libvirt, libvirt, "libvirt");
	fill_in(root, arena, &ret->dpkg_status, &ret->ovmf, ovmf, "OVMF");
}

bool version_at_least(const struct version *version, unsigned int a, unsigned int b, unsigned int c)
{
	const unsigned int least[] = { a, b, c };
	if (!fact_known(&version->fact))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(least); i++)
		if (version->parts[i] != least[i])
			return version->parts[i] > least[i];
	return true;
}
