/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/say.h"
#include "verb/changing.h"

enum { OPTION_ROOT = 1, OPTION_KEEP, OPTION_SKIP };

static const struct verb_option options[] = {
	{ 'y', "yes", NULL, "do not ask" },
	{ OPTION_KEEP, "keep-edited", NULL, "leave files as they are that somebody edited since,\nand undo the rest" },
	{ OPTION_SKIP, "skip-failed", NULL,
	  "pass over programs that fail (update-grub, ...): the\nfiles become what they were; run those programs\n"
	  "yourself once they work again" },
	{ OPTION_ROOT, "root", "DIR",
	  "of the system below DIR, which is not running; its\nprograms are run by chroot" },
	{ 0 },
};

struct job {
	struct arena *arena;
	const struct root *root;
	uint64_t number; /* 0: the last that is not undone */
	bool yes;
	struct change_undo_options options;
	struct list skipped;
	struct journal_entry entry;
	struct error error;
};

static int fail(const struct job *job)
{
	say("undo: %s", job->error.text);
	return VERB_FAILED;
}

/* Which entry is meant; VERB_DONE with number 0: there is none. */
static int find_entry(struct job *job)
{
	bool found = true;
	int r = job->number ? journal_read(job->root, job->arena, job->number, &job->entry, &job->error) :
			      journal_find_last(job->root, job->arena, &job->entry, &found, &job->error);
	if (r < 0)
		return fail(job);
	job->number = found ? job->entry.number : 0;
	return VERB_DONE;
}

static int undo(struct job *job)
{
	enum change_end end;
	const char *difference = NULL;
	changing_catch_signals();
	int r = change_undo(job->arena, &job->entry, &job->options, &changing_watch, &difference, &end, &job->error);
	if (r == 0)
		changing_say_restart(&job->entry.plan);
	const char *what = arena_printf(job->arena, "undo %llu", (unsigned long long)job->number);
	for (size_t i = 0; r == 0 && i < job->skipped.count; i++)
		say("%s: taken back, but for this, which is yours to do once it works: %s", what,
		    job->skipped.items[i]);
	int status = changing_end(what, end, difference, &job->error);
	if (r == -ESTALE && difference && end == CHANGE_NOTHING)
		say("%s: take that edit back first, or give --keep-edited", what);
	return status == VERB_DONE && job->skipped.count ? VERB_PARTLY : status;
}

static int look_and_undo(struct job *job)
{
	AUTO_CLOSE int lock = changing_lock(job->root, job->arena, &job->error);
	if (lock < 0)
		return fail(job);
	int status = find_entry(job);
	if (status != VERB_DONE)
		return status;
	if (!job->number || job->entry.state == JOURNAL_UNDONE) {
		say("undo: nothing to do: %s", job->number ? "that entry of the journal is undone already" :
							     "the journal has nothing that is not undone");
		return VERB_DONE;
	}
	say("entry %llu of the journal, which is to be taken back:", (unsigned long long)job->number);
	changing_show(stderr, job->arena, &job->entry.plan);
	if (!job->yes && !changing_ask("Take it back"))
		return VERB_NO;
	return undo(job);
}

static int run(struct verb_args *args)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct job job = { .arena = &arena, .root = &root, .skipped = { .arena = &arena } };
	const char *directory = NULL;
	const char *value;
	int status = VERB_DONE;
	int option;
	while ((option = verb_next_option(args, &value, &status)) > 0) {
		if (option == 'y')
			job.yes = true;
		else if (option == OPTION_KEEP)
			job.options.keep_edited = true;
		else if (option == OPTION_SKIP)
			job.options.skipped = &job.skipped;
		else
			directory = value;
	}
	if (option < 0)
		return status;
	if (args->argc - args->next > 1)
		return verb_usage(args, "one entry at a time");
	value = args->next < args->argc ? args->argv[args->next] : NULL;
	if (value && (text_to_number(value, 10, UINT32_MAX, &job.number) < 0 || !job.number))
		return verb_usage(args, "'%.40s' is no number of an entry ('nestpci log' shows them)", value);
	if (!job.yes && !changing_can_ask())
		return verb_usage(args, "standard input is no terminal to ask on; --yes does it without asking");
	if (root_open(&root, directory, &job.error) < 0)
		return fail(&job);
	return look_and_undo(&job);
}

const struct verb verb_undo = {
	.name = "undo",
	.summary = "take back what 'apply' did",
	.synopsis = "[OPTIONS] [ENTRY]",
	.help = "Takes back an entry of the journal ('nestpci log'), by default the last: files\n"
		"become exactly what they were, with owner, permissions and times, and what is\n"
		"made out of them is made again.\n"
		"\n"
		"Where somebody edited such a file since, that is shown, and nothing is done.\n"
		"A program that fails (update-grub, ...) stops it, and until it is taken back\n"
		"nothing else is changed: run it again, or with --skip-failed.\n"
		"\n"
		"Example: nestpci undo",
	.options = options,
	.run = run,
};
