/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU wrapper: stands in the place of a QEMU binary, gives the VMs that its file names their vIOMMU, and becomes
 * QEMU. It never makes things worse: for any other VM, for -version and the like, and whenever it is in doubt, it
 * executes the line as it came, and says why on stderr. Nothing goes to stdout; argv[0], descriptors, environment and
 * signals are QEMU's.
 *
 * What it is told: vm/wrapper-conf.h. It may be put in its place, and taken away, while it runs: see become_qemu().
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/root.h"
#include "base/say.h"
#include "version.h"
#include "vm/rewrite.h"
#include "vm/wrapper.h"

#define DIVERTED ".distrib"
#define DELETED " (deleted)" /* proc(5): what the kernel adds to a file that was replaced meanwhile */

/* What a shell says of a program that it cannot start. */
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND 127

/* By this it is known (vm/wrapper.h). */
static const char mark[] = WRAPPER_MARK NESTPCI_VERSION " \n";

struct configuration {
	const char *qemu;
	bool acts; /* on this VM */
	struct wrapper_line line;
	const char *once; /* the file that allows this one start; NULL: every start */
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

static bool is_meant(const struct names *names, const char *vm)
{
	/* A number is what -id says, where there is one: another VM may be called like it. */
	bool by_id = names->id && vm[strspn(vm, "0123456789")] == '\0';
	return text_equals(names->id, vm) || (!by_id && (text_equals(names->uuid, vm) || text_equals(names->name, vm)));
}

static int read_line(struct arena *arena, struct slice text, const struct names *names,
		     struct configuration *configuration, struct error *error)
{
	struct wrapper_line line;
	int r = wrapper_line_read(arena, text, &line, error);
	if (r < 0)
		return r;
	if (line.kind == WRAPPER_LINE_QEMU)
		configuration->qemu = line.name;
	if (line.kind == WRAPPER_LINE_VM && is_meant(names, line.name)) {
		configuration->acts = true;
		configuration->line = line;
	}
	return 0;
}

/* On failure `acts` is false, and whatever could be read of the rest is kept: the real QEMU must be found in any case. */
static int read_configuration(struct arena *arena, const struct root *root, const struct names *names,
			      struct configuration *configuration, struct error *error)
{
	const char *path = getenv("NESTPCI_WRAPPER_CONF");
	if (!path)
		path = WRAPPER_CONF;
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

/* ---- Once ---- */

/* A VM that is to get its vIOMMU at one start has a file of its own (vm/wrapper-conf.h). Silent where there is none. */
static int read_once(struct arena *arena, const struct root *root, const struct names *names,
		     struct configuration *configuration, struct error *error)
{
	struct slice text;
	struct slice line;
	if (configuration->acts || !names->id || !*names->id || names->id[strspn(names->id, "0123456789")])
		return 0;
	const char *path = arena_printf(arena, WRAPPER_ONCE "%s", names->id);
	int r = root_read(root, arena, path, &text, error);
	if (r < 0)
		return root_absent(r) ? 0 : r;
	if (!slice_next_line(&text, &line))
		return error_set(error, -EINVAL, "%s: empty", path);
	r = read_line(arena, line, names, configuration, error);
	if (r < 0)
		return error_prefix(error, r, "%s", path);
	configuration->once = path;
	return 0;
}

/*
 * Of two starts at once one gets it. Where it cannot be used up (a file system that is read only), this one does not: it
 * would get it every time.
 */
static bool use_up(const char *path)
{
	if (unlink(path) < 0) {
		say("wrapper: %s: %s: the line is executed as it came, because this must hold for one start only", path,
		    strerror(errno));
		return false;
	}
	/* A crash of the host must not bring it back. */
	AUTO_CLOSE int folder = open("/var/lib/nestpci", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder >= 0)
		(void)!fsync(folder);
	return true;
}

/* ---- Becoming QEMU ---- */

/* Where this program stands, or stood before it was replaced; without /proc, as it was called. */
static const char *own_path(struct arena *arena)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length < 0)
		return (const char *)getauxval(AT_EXECFN);
	self[length] = '\0';
	if (text_ends_with(self, DELETED))
		length -= (ssize_t)strlen(DELETED);
	return arena_strndup(arena, self, (size_t)length);
}

static bool is_self(const char *path)
{
	struct stat self;
	struct stat other;
	return stat("/proc/self/exe", &self) == 0 && stat(path, &other) == 0 && self.st_dev == other.st_dev &&
	       self.st_ino == other.st_ino;
}

/*
 * Where the wrapper is taken away while it runs, the diverted file goes last, and QEMU, or another wrapper, stands in our
 * place before that: so that is executed then.
 */
static int become_qemu(struct arena *arena, const char *qemu, char *const *words)
{
	const char *own = own_path(arena);
	if (!qemu)
		qemu = arena_printf(arena, "%s" DIVERTED, own);
	if (is_self(qemu)) {
		say("wrapper: %s is this wrapper itself; name the real QEMU in " WRAPPER_CONF ": qemu PATH", qemu);
		return EXIT_CANNOT_EXECUTE;
	}
	execv(qemu, words);
	int code = errno;
	if (code == ENOENT && !is_self(own))
		execv(own, words);
	say("wrapper: %s: %s", qemu, strerror(code));
	return code == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

/* ---- The line ---- */

/* The words of the new line, or NULL where the line must stay as it is. */
static char *const *rewrite(struct arena *arena, const struct root *root, const struct configuration *configuration,
			    const char *vm, char **words, size_t count)
{
	struct vm_rewrite_request request = {
		.words = (const char *const *)words,
		.count = count,
		.options = configuration->line.options,
		.groups = configuration->line.groups.items,
		.group_count = configuration->line.groups.count,
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
	if (!result.changed || (configuration->once && !use_up(configuration->once)))
		return NULL;
	for (size_t i = 0; i < result.changes.count; i++)
		say("wrapper: VM %s: %s", vm, result.changes.items[i]);
	struct list new_words = { .arena = arena };
	for (size_t i = 0; i < result.count; i++)
		list_add(&new_words, result.words[i].text);
	return (char *const *)new_words.items;
}

/* On failure there is no VM to act on, and `error` says why. */
static int read_all(struct arena *arena, const struct root *root, const struct names *names,
		    struct configuration *configuration, struct error *error)
{
	int r = read_configuration(arena, root, names, configuration, error);
	return r < 0 ? r : read_once(arena, root, names, configuration, error);
}

int main(int argc, char **argv)
{
	struct arena arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	struct configuration configuration = { 0 };
	struct qemu_argv line = { 0 };
	struct names names = { 0 };
	char *const *words = argv;
	/* Else the linker would leave it out. */
	__asm__ volatile("" : : "r"(mark));
	bool readable = argc > 0 &&
			qemu_argv_parse(&arena, (const char *const *)argv, (size_t)argc, &line, &error) == 0;
	if (readable)
		names = names_of(&arena, &line);
	bool query = readable && qemu_argv_is_query(&line);
	if ((root_open(&root, NULL, &error) < 0 || read_all(&arena, &root, &names, &configuration, &error) < 0) &&
	    !query)
		say("wrapper: the line is executed as it is: %s", error.text);
	if (configuration.acts && !query) {
		const char *vm = names.id ? names.id : names.name ? names.name : names.uuid;
		char *const *better = rewrite(&arena, &root, &configuration, vm, argv, (size_t)argc);
		if (better)
			words = better;
	}
	int status = become_qemu(&arena, configuration.qemu, words);
	arena_release(&arena);
	return status;
}
