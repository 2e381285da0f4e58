/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/recorder.h"
#include "base/say.h"
#include "host/private.h"
#include "verb/connect.h"
#include "verb/gather.h"
#include "verb/verb.h"
#include "version.h"

/* It is private until its owner has read it. */
#define FILE_MODE 0600

enum { OPTION_ROOT = 1, OPTION_KEEP_PRIVATE, OPTION_LOG, OPTION_FORCE };

/* A snapshot is made of a system, not of a snapshot: of the options of place.h only one is right here. */
static const struct verb_option options[] = {
	{ OPTION_ROOT, "root", "DIR", "capture the system in DIR instead of this one" },
	{ OPTION_KEEP_PRIVATE, "keep-private", NULL, "keep serial numbers, addresses, names, processes" },
	{ OPTION_LOG, "log", NULL, "the kernel's log as well: it is long, and private" },
	{ OPTION_FORCE, "force", NULL, "overwrite FILE" },
	CONNECT_OPTION,
	{ 0 },
};

struct request {
	const char *directory;
	const char *file; /* NULL: standard output */
	bool keep_private;
	bool force;
	struct gather_options gather;
};

/* What we were not allowed to read, and one example. */
struct denied {
	size_t count;
	const struct snapshot_node *example;
};

static void count_denied(const struct snapshot_node *directory, struct denied *denied)
{
	for (const struct snapshot_node *node = directory->first; node; node = node->next) {
		if (node->error == EACCES || node->error == EPERM) {
			denied->count++;
			if (!denied->example)
				denied->example = node;
		}
		count_denied(node, denied);
	}
}

/* Who is not root gets the first 64 bytes of configuration space, and that without an error (drivers/pci/pci-sysfs.c). */
static bool is_user_of_live(const struct root *root)
{
	return root->kind == ROOT_LIVE && geteuid() != 0;
}

static void say_denied(const struct root *root, struct arena *arena, const struct snapshot *snapshot)
{
	struct denied denied = { 0 };
	count_denied(&snapshot->top, &denied);
	if (denied.count)
		say("capture: %zu file%s could not be read, such as %s: %s", denied.count, denied.count == 1 ? "" : "s",
		    snapshot_path(arena, denied.example),
		    is_user_of_live(root) ? "as root there would be more in the snapshot" :
					    "the snapshot says so of each");
	if (is_user_of_live(root))
		say("capture: only root is shown capabilities of devices, addresses of their memory, and what other "
		    "users' processes hold open");
}

/* The head: what this is, and how much may be missing. */
static void add_head(const struct root *root, struct snapshot *snapshot)
{
	snapshot->by = "nestpci " NESTPCI_VERSION;
	if (is_user_of_live(root))
		list_add(&snapshot->comments, "Made by an ordinary user: root would have been shown more.");
}

static int refuse_to_overwrite(const struct request *request, struct error *error)
{
	struct stat ignored;
	if (request->file && !request->force && lstat(request->file, &ignored) == 0)
		return error_set(error, -EEXIST, "%s: is there already; --force overwrites it", request->file);
	return 0;
}

static int deliver(const struct request *request, struct slice text, struct error *error)
{
	if (!request->file) {
		/* Whether it arrived is found out at the end, for all verbs. */
		fwrite(text.start, 1, text.length, stdout);
		return 0;
	}
	int r = refuse_to_overwrite(request, error);
	return r < 0 ? r : file_replace(request->file, text, FILE_MODE, error);
}

static int write_snapshot(const struct request *request, const struct root *root, struct snapshot *snapshot,
			  struct error *error)
{
	AUTO_ARENA arena = { 0 };
	struct buffer text = { .arena = &arena };
	struct list names = { .arena = &arena };
	struct snapshot shared;
	if (request->keep_private) {
		list_add(&snapshot->comments, "Private data are kept: this is for nobody else.");
		snapshot_write(snapshot, &text);
		return deliver(request, (struct slice){ text.text, text.length }, error);
	}
	snapshot_init(&shared);
	private_find_names(root, &names);
	private_copy(snapshot, &names, &shared);
	snapshot_write(&shared, &text);
	snapshot_release(&shared);
	return deliver(request, (struct slice){ text.text, text.length }, error);
}

static int capture(const struct request *request)
{
	struct error error;
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	AUTO_RECORDER recorder = { 0 };
	struct list problems = { .arena = &arena };
	int r = refuse_to_overwrite(request, &error);
	if (r == 0)
		r = root_open(&root, request->directory, &error);
	if (r < 0) {
		say("capture: %s", error.text);
		return VERB_FAILED;
	}
	recorder_start(&recorder, &root);
	add_head(&root, &recorder.snapshot);
	gather_all(&root, &arena, &request->gather, &problems);
	for (size_t i = 0; i < problems.count; i++)
		say("capture: %s", problems.items[i]);
	r = write_snapshot(request, &root, &recorder.snapshot, &error);
	if (r < 0) {
		say("capture: %s", error.text);
		return VERB_FAILED;
	}
	say_denied(&root, &arena, &recorder.snapshot);
	return VERB_DONE;
}

static int run(struct verb_args *args)
{
	const char *value;
	struct request request = { 0 };
	int status;
	int option;
	while ((option = verb_next_option(args, &value, &status)) > 0) {
		if (option == OPTION_ROOT)
			request.directory = value;
		else if (option == OPTION_KEEP_PRIVATE)
			request.keep_private = true;
		else if (option == OPTION_LOG)
			request.gather.log = true;
		else if (option == OPTION_FORCE)
			request.force = true;
		else
			(void)connect_option(option, value);
	}
	if (option < 0)
		return status;
	if (args->next < args->argc)
		request.file = args->argv[args->next++];
	if (args->next < args->argc)
		return verb_usage(args, "'%.64s' is one argument too many", args->argv[args->next]);
	if (request.file && strcmp(request.file, "-") == 0)
		request.file = NULL;
	return capture(&request);
}

const struct verb verb_capture = {
	.name = "capture",
	.summary = "a snapshot of this machine, to look at elsewhere",
	.synopsis = "[--root DIR] [--keep-private] [--log] [--force] [FILE]",
	.help = "Writes what nestpci reads of this machine into one text file, or to standard\n"
		"output. Every verb that only reads can look at it later, on any machine:\n"
		"'nestpci list --snapshot FILE'. It holds exactly what was read, and what could\n"
		"not be.\n"
		"\n"
		"Serial numbers, hardware and IP addresses, UUIDs, names of hosts, VMs and file\n"
		"systems are replaced, the same by the same everywhere; processes that hold no\n"
		"device open are left out. What else may be private is for you to see: read the\n"
		"file before you give it to somebody. It is text for that reason.",
	.options = options,
	.run = run,
};
