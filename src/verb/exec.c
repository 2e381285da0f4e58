/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <unistd.h>

#include "base/say.h"
#include "verb/rewrite-request.h"

static const struct verb_option options[] = { REWRITE_OPTIONS, { 0 } };

static int execute(struct arena *arena, const struct viommu_result *result)
{
	struct list words = { .arena = arena };
	for (size_t i = 0; i < result->count; i++)
		list_add(&words, result->words[i].text);
	fflush(NULL);
	if (words.count == 0)
		return VERB_USAGE; /* a line without words has been refused before */
	execvp(words.items[0], (char *const *)words.items);
	int code = errno;
	if (code == ENOENT)
		say("exec: '%s' not found%s", words.items[0],
		    strchr(words.items[0], '/') ? "" : " in PATH; is QEMU installed?");
	else
		say("exec: '%s': %s", words.items[0], strerror(code));
	return VERB_FAILED;
}

static int run(struct verb_args *args)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct list groups = { .arena = &arena };
	struct vm_rewrite_request request = { 0 };
	const char *value;
	int status = VERB_DONE;
	int id;
	while ((id = verb_next_option(args, &value, &status)) > 0)
		if ((status = rewrite_take_option(args, &request, &groups, id, value)) != VERB_DONE)
			return status;
	if (id < 0)
		return status;
	struct error error;
	if (root_open(&root, NULL, &error) < 0) {
		say("exec: %s", error.text);
		return VERB_FAILED;
	}
	request.root = &root;
	request.words = (const char *const *)args->argv + args->next;
	request.count = (size_t)(args->argc - args->next);
	if (request.count && request.words[0][0] == '-')
		return verb_usage(args, "the first word must be QEMU's path, not '%s'", request.words[0]);
	struct viommu_result result;
	status = rewrite_run(&arena, args, &request, &result);
	return status == VERB_DONE ? execute(&arena, &result) : status;
}

const struct verb verb_exec = {
	.name = "exec",
	.summary = "run a QEMU command line with a correct vIOMMU",
	.synopsis = "[OPTIONS] -- QEMU ARGUMENTS",
	.help = "Rewrites the line as 'nestpci rewrite' does, says on stderr what it changed, and\n"
		"becomes that QEMU. A line that cannot get a correct vIOMMU is not executed.\n"
		"\n"
		"  nestpci exec -- qemu-system-x86_64 -machine q35 -accel kvm -m 4G \\\n"
		"      -device vfio-pci,host=0000:01:00.0",
	.options = options,
	.takes_words = true,
	.run = run,
};
