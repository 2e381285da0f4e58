/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which words are names that somebody chose: of hosts, of VMs, of file systems. */
#include <ctype.h>

#include "base/recorder.h"
#include "host/private-internal.h"
#include "host/private.h"

#define NODES "/etc/pve/nodes/"

/* What everybody calls such things: says nothing of anybody, and stands in much that is not a name. */
static const char *const common[] = {
	"alpine", "arch", "boot",   "cdrom",   "centos",    "cloud",       "data",    "debian", "default",  "desktop",
	"dev",    "disk", "efi",    "esp",     "fedora",    "guest",       "home",    "host",   "image",    "iso",
	"kernel", "kvm",  "linux",  "local",   "localhost", "localdomain", "lvm",     "mapper", "nixos",    "node",
	"none",   "opt",  "proc",   "proxmox", "pve",       "qemu",        "raid",    "redhat", "recovery", "root",
	"rpool",  "run",  "server", "srv",     "suse",      "swap",        "sys",     "system", "test",     "tmp",
	"ubuntu", "usr",  "var",    "vfio",    "virtual",   "vmbr",        "windows", "zfs",
};

/* Whether a name is told apart from ordinary words, so that it can be replaced wherever it stands. */
static bool is_distinct(struct private_state *state, const char *name)
{
	static const char *const folders[] = { "/sys/bus", "/sys/class", "/sys/module", "/sys/bus/pci/drivers", "/" };
	bool letter = false;
	for (const char *c = name; *c; c++)
		letter |= isalpha((unsigned char)*c) != 0;
	if (strlen(name) < 3 || !letter || private_is_invented(name))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		if (strcasecmp(name, common[i]) == 0)
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		struct snapshot_node *folder;
		if (snapshot_walk(state->from, folders[i], true, &folder) == 0 &&
		    snapshot_find(state->from, folder, slice_of(name)))
			return false;
	}
	return true;
}

static void add_name(struct private_state *state, enum private_kind kind, struct slice name)
{
	name = slice_trim(name);
	const char *text = arena_strndup(state->arena, name.start, name.length);
	/* UUIDs and addresses are found by their form. */
	if (slice_equals(private_replace(&state->map, state->arena, name, false), text) && is_distinct(state, text))
		private_add_word(&state->map, kind, text);
}

bool private_value(struct slice line, const char *key, struct slice *ret)
{
	size_t length = strlen(key);
	if (line.length <= length || memcmp(line.start, key, length) != 0 ||
	    (line.start[length] != ':' && line.start[length] != '='))
		return false;
	*ret = slice_trim((struct slice){ line.start + length + 1, line.length - length - 1 });
	return true;
}

bool private_is_pve_config(const char *path)
{
	const char *folder = strstr(path, "/qemu-server/");
	return text_starts_with(path, "/etc/pve/") && folder && text_ends_with(path, ".conf");
}

struct slice private_vm_of_option(struct slice value)
{
	static const char key[] = "guest=";
	if (value.length >= sizeof(key) - 1 && memcmp(value.start, key, sizeof(key) - 1) == 0)
		value = (struct slice){ value.start + sizeof(key) - 1, value.length - (sizeof(key) - 1) };
	const char *comma = memchr(value.start, ',', value.length);
	return (struct slice){ value.start, comma ? (size_t)(comma - value.start) : value.length };
}

static void find_in_lines(struct private_state *state, struct slice text, const char *key, enum private_kind kind)
{
	struct slice line;
	struct slice value;
	while (slice_next_line(&text, &line))
		if (private_value(line, key, &value))
			add_name(state, kind, value);
}

/* The word behind "-name" of a QEMU. */
static void find_in_command(struct private_state *state, struct slice words)
{
	bool is_name = false;
	while (words.length) {
		const char *end = memchr(words.start, '\0', words.length);
		struct slice word = { words.start, end ? (size_t)(end - words.start) : words.length };
		if (is_name)
			add_name(state, PRIVATE_VM, private_vm_of_option(word));
		is_name = slice_equals(word, "-name");
		size_t cut = word.length + (end != NULL);
		words = (struct slice){ words.start + cut, words.length - cut };
	}
}

/* libvirt's XML: <name>web</name>. */
static void find_in_xml(struct private_state *state, struct slice text)
{
	static const char tag[] = "<name>";
	const char *start = memmem(text.start, text.length, tag, sizeof(tag) - 1);
	if (!start)
		return;
	start += sizeof(tag) - 1;
	const char *end = memchr(start, '<', text.length - (size_t)(start - text.start));
	if (end)
		add_name(state, PRIVATE_VM, (struct slice){ start, (size_t)(end - start) });
}

static void visit(struct private_state *state, const char *path, const struct snapshot_node *node)
{
	struct slice text = { node->text, node->length };
	if (text_starts_with(path, NODES) && !strchr(path + strlen(NODES), '/'))
		add_name(state, PRIVATE_HOST, slice_of(node->name));
	if (node->kind != SNAPSHOT_REGULAR || !node->text)
		return;
	if (private_is_libvirt_answer(path)) {
		private_find_domains(state, text, add_name);
	} else if (private_is_pve_config(path)) {
		find_in_lines(state, text, "name", PRIVATE_VM);
	} else if (text_starts_with(path, "/run/udev/data/")) {
		find_in_lines(state, text, "E:ID_FS_LABEL", PRIVATE_LABEL);
		find_in_lines(state, text, "E:ID_FS_UUID", PRIVATE_LABEL);
		find_in_lines(state, text, "E:ID_PART_ENTRY_UUID", PRIVATE_LABEL);
	} else if (text_starts_with(path, "/proc/") && text_ends_with(path, "/cmdline") &&
		   strcmp(path, "/proc/cmdline") != 0) {
		find_in_command(state, text);
	} else if (strstr(path, "/libvirt/") && text_ends_with(path, ".xml")) {
		find_in_xml(state, text);
	}
}

void private_find_words(struct private_state *state, const struct list *host_names)
{
	for (size_t i = 0; host_names && i < host_names->count; i++)
		add_name(state, PRIVATE_HOST, slice_of(host_names->items[i]));
	private_walk(state, &state->from->top, visit);
	private_walk(state, &state->from->questions, visit);
}

static void add_once(struct list *ret, const char *name)
{
	if (*name && !list_contains(ret, name))
		list_add(ret, name);
}

/* "pve1.example.com" is also called pve1, and says whose it is; a domain of one word ("lan") is anybody's. */
static void add_host(struct list *ret, struct slice name)
{
	name = slice_trim(name);
	const char *text = arena_strndup(ret->arena, name.start, name.length);
	const char *dot = strchr(text, '.');
	add_once(ret, text);
	if (!dot)
		return;
	add_once(ret, arena_strndup(ret->arena, text, (size_t)(dot - text)));
	if (strchr(dot + 1, '.'))
		add_once(ret, dot + 1);
}

/* All that /etc/hosts calls this host by: the words of lines that name it. */
static void find_aliases(struct slice text, struct list *ret)
{
	struct slice line;
	size_t known = ret->count;
	while (slice_next_line(&text, &line)) {
		struct slice words = line;
		struct slice word;
		bool own = false;
		while (slice_next_word(&words, &word))
			for (size_t i = 0; i < known; i++)
				own |= slice_equals(word, ret->items[i]);
		for (bool first = true; own && slice_next_word(&line, &word); first = false)
			if (!first)
				add_host(ret, word);
	}
}

void private_find_names(const struct root *root, struct list *ret)
{
	static const char *const paths[] = { "/proc/sys/kernel/hostname", "/etc/hostname" };
	const struct root quiet = root_unrecorded(root);
	struct slice text;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (root_read(&quiet, ret->arena, paths[i], &text, NULL) == 0 && !memchr(text.start, '\0', text.length))
			add_host(ret, text);
	if (root_read(&quiet, ret->arena, "/etc/hosts", &text, NULL) == 0)
		find_aliases(text, ret);
}
