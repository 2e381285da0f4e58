/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU wrapper: stands in the place of a QEMU binary, gives the VMs that its file names their vIOMMU, and becomes
 * QEMU. It never makes things worse: for any other VM, for -version and the like, and whenever it is in doubt, it
 * executes the line as it came, and says why on stderr. Nothing goes to stdout; argv[0], descriptors, environment and
 * signals are QEMU's.
 *
 * The file (/etc/nestpci/wrapper.conf, or what NESTPCI_WRAPPER_CONF names):
 *
 *   # comment
 *   qemu /usr/bin/kvm.distrib      the real QEMU; by default this program's own path with ".distrib" behind it, where
 *                                  dpkg-divert puts a diverted file
 *   vm 101                         a VM: what -id (Proxmox VE), -uuid or -name says of it
 *   vm 102 aw-bits=39 eim=on device-iotlb=on group=0000:01:00.0,0000:01:00.1
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/root.h"
#include "base/say.h"
#include "vm/rewrite.h"

#define CONFIGURATION "/etc/nestpci/wrapper.conf"
#define DIVERTED ".distrib"

/* What a shell says of a program that it cannot start. */
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND 127

struct configuration {
	const char *qemu;
	bool acts; /* on this VM */
	struct viommu_options options;
	struct list groups;
};

/* The words by which a line names its VM. */
struct names {
	const char *id;
	const char *uuid;
	const char *name;
};

static struct names names_of(struct arena *arena, const struct qemu_argv *argv)
{
	struct names names = { 0 };
	const struct qemu_option *id = qemu_find_option(argv, "id");
	const struct qemu_option *uuid = qemu_find_option(argv, "uuid");
	const struct qemu_option *name = qemu_find_option(argv, "name");
	if (id)
		names.id = qemu_argument(argv, id);
	if (uuid)
		names.uuid = qemu_argument(argv, uuid);
	if (name) {
		struct keyval keys;
		keyval_parse(arena, qemu_argument(argv, name), "guest", &keys);
		names.name = keyval_get(&keys, "guest");
	}
	return names;
}

static int read_vm_setting(struct configuration *configuration, const char *setting, struct error *error)
{
	const char *value = strchr(setting, '=');
	value = value ? value + 1 : "";
	if (text_starts_with(setting, "aw-bits="))
		return vm_parse_aw_bits(value, &configuration->options.aw_bits, error);
	if (text_starts_with(setting, "eim="))
		return vm_parse_switch("eim", value, &configuration->options.eim, error);
	if (text_starts_with(setting, "device-iotlb="))
		return vm_parse_switch("device-iotlb", value, &configuration->options.device_iotlb, error);
	if (text_starts_with(setting, "group=")) {
		list_add(&configuration->groups, value);
		return 0;
	}
	return error_set(error, -EINVAL, "'%s' is no setting of a VM", setting);
}

static int read_line(struct arena *arena, struct slice line, const struct names *names,
		     struct configuration *configuration, struct error *error)
{
	struct list words = { .arena = arena };
	struct slice word;
	while (slice_next_word(&line, &word) && word.start[0] != '#')
		list_add(&words, arena_strndup(arena, word.start, word.length));
	if (words.count == 0)
		return 0;
	if (words.count == 2 && text_equals(words.items[0], "qemu")) {
		configuration->qemu = words.items[1];
		return 0;
	}
	if (words.count < 2 || !text_equals(words.items[0], "vm"))
		return error_set(error, -EINVAL, "neither 'qemu PATH' nor 'vm NAME [SETTING...]'");
	const char *vm = words.items[1];
	/* A number is what -id says, where there is one: another VM may be called like it. */
	bool by_id = names->id && vm[strspn(vm, "0123456789")] == '\0';
	bool is_meant = text_equals(names->id, vm) ||
			(!by_id && (text_equals(names->uuid, vm) || text_equals(names->name, vm)));
	if (!is_meant)
		return 0;
	configuration->acts = true;
	for (size_t i = 2; i < words.count; i++) {
		int r = read_vm_setting(configuration, words.items[i], error);
		if (r < 0)
			return r;
	}
	return 0;
}

/* On failure `acts` is false, and whatever could be read of the rest is kept: the real QEMU must be found in any case. */
static int read_configuration(struct arena *arena, const struct root *root, const struct names *names,
			      struct configuration *configuration, struct error *error)
{
	const char *path = getenv("NESTPCI_WRAPPER_CONF");
	if (!path)
		path = CONFIGURATION;
	struct slice text;
	int result = root_read(root, arena, path, &text, error);
	if (result < 0)
		return root_absent(result) ? 0 : result; /* no file: no VM to act on, nothing to say */
	struct slice line;
	for (size_t number = 1; slice_next_line(&text, &line); number++) {
		struct error wrong;
		int r = read_line(arena, line, names, configuration, &wrong);
		if (r < 0)
			result = error_set(error, r, "%s: line %zu: %s", path, number, wrong.text);
	}
	if (result < 0)
		configuration->acts = false;
	return result;
}

static const char *diverted_path(struct arena *arena)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	return length < 0 ? NULL : arena_printf(arena, "%.*s" DIVERTED, (int)length, self);
}

static bool is_self(const char *path)
{
	struct stat self;
	struct stat other;
	return stat("/proc/self/exe", &self) == 0 && stat(path, &other) == 0 && self.st_dev == other.st_dev &&
	       self.st_ino == other.st_ino;
}

static int become_qemu(const char *qemu, char *const *words)
{
	if (!qemu) {
		say("wrapper: /proc/self/exe cannot be read, so the real QEMU is not known; name it in " CONFIGURATION);
		return EXIT_NOT_FOUND;
	}
	if (is_self(qemu)) {
		say("wrapper: %s is this wrapper itself; name the real QEMU in " CONFIGURATION ": qemu PATH", qemu);
		return EXIT_CANNOT_EXECUTE;
	}
	execv(qemu, words);
	int code = errno;
	say("wrapper: %s: %s", qemu, strerror(code));
	return code == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

/* The words of the new line, or NULL where the line must stay as it is. */
static char *const *rewrite(struct arena *arena, const struct root *root, const struct configuration *configuration,
			    const char *vm, char **words, size_t count)
{
	struct vm_rewrite_request request = {
		.words = (const char *const *)words,
		.count = count,
		.options = configuration->options,
		.groups = configuration->groups.items,
		.group_count = configuration->groups.count,
		.root = root,
	};
	struct viommu_result result;
	struct error error;
	if (vm_rewrite(arena, &request, &result, &error) < 0) {
		say("wrapper: VM %s is started as it is: %s", vm, error.text);
		return NULL;
	}
	for (size_t i = 0; i < result.warnings.count; i++)
		say("wrapper: VM %s: %s", vm, result.warnings.items[i]);
	if (!result.changed)
		return NULL;
	for (size_t i = 0; i < result.changes.count; i++)
		say("wrapper: VM %s: %s", vm, result.changes.items[i]);
	struct list new_words = { .arena = arena };
	for (size_t i = 0; i < result.count; i++)
		list_add(&new_words, result.words[i].text);
	return (char *const *)new_words.items;
}

int main(int argc, char **argv)
{
	struct arena arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	struct configuration configuration = { .groups = { .arena = &arena } };
	struct qemu_argv line = { 0 };
	struct names names = { 0 };
	char *const *words = argv;
	bool readable = argc > 0 &&
			qemu_argv_parse(&arena, (const char *const *)argv, (size_t)argc, &line, &error) == 0;
	if (readable)
		names = names_of(&arena, &line);
	bool query = readable && qemu_argv_is_query(&line);
	if ((root_open(&root, NULL, &error) < 0 ||
	     read_configuration(&arena, &root, &names, &configuration, &error) < 0) &&
	    !query)
		say("wrapper: the line is executed as it is: %s", error.text);
	if (configuration.acts && !query) {
		const char *vm = names.id ? names.id : names.name ? names.name : names.uuid;
		char *const *better = rewrite(&arena, &root, &configuration, vm, argv, (size_t)argc);
		if (better)
			words = better;
	}
	int status = become_qemu(configuration.qemu ? configuration.qemu : diverted_path(&arena), words);
	arena_release(&arena);
	return status;
}
