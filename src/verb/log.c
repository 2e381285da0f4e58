/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <time.h>

#include "base/json.h"
#include "base/say.h"
#include "verb/changing.h"

enum { OPTION_JSON = 1, OPTION_ROOT };

static const struct verb_option options[] = {
	{ OPTION_JSON, "json", NULL, "print the entries as an array" },
	{ OPTION_ROOT, "root", "DIR", "of the system below DIR" },
	{ 0 },
};

static const char *time_text(struct arena *arena, int64_t seconds)
{
	char text[64] = "";
	struct tm parts;
	time_t when = (time_t)seconds;
	if (gmtime_r(&when, &parts))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return arena_strdup(arena, text);
}

static struct json_object *entry_to_json(struct arena *arena, const struct journal_entry *entry)
{
	struct json_object *object = json_object_new_object();
	struct json_object *changes = json_object_new_array();
	json_add_number(object, "entry", (int64_t)entry->number);
	json_add_text(object, "time", time_text(arena, entry->time));
	json_add_text(object, "state", journal_state_name(entry->state));
	json_add_text(object, "problem", entry->problem);
	for (size_t i = 0; i < entry->plan.count; i++) {
		struct json_object *change = json_object_new_object();
		json_add_text(change, "title", change_title(arena, &entry->plan.items[i]));
		json_add_text(change, "why", entry->plan.items[i].why);
		json_object_array_add(changes, change);
	}
	json_object_object_add(object, "changes", changes);
	return object;
}

static void print_entry(struct arena *arena, const struct journal_entry *entry, bool whole)
{
	changing_print(stdout, arena_printf(arena, "%llu  %s  %s%s%s\n", (unsigned long long)entry->number,
					    time_text(arena, entry->time), journal_state_name(entry->state),
					    entry->problem ? ": " : "", entry->problem ? entry->problem : ""));
	if (whole) {
		changing_show(stdout, arena, &entry->plan);
		return;
	}
	for (size_t i = 0; i < entry->plan.count; i++)
		changing_print(stdout, arena_printf(arena, "   %s\n", change_title(arena, &entry->plan.items[i])));
}

struct job {
	const struct root *root;
	struct arena *arena;
	uint64_t number; /* 0: all */
	bool as_json;
	struct json_object *array;
};

/* One that is damaged hides no other. */
static int show(struct job *job, uint64_t number)
{
	struct journal_entry entry;
	struct error error;
	if (journal_read(job->root, job->arena, number, &entry, &error) < 0) {
		say("log: %s", error.text);
		return VERB_FAILED;
	}
	if (job->as_json)
		json_object_array_add(job->array, entry_to_json(job->arena, &entry));
	else
		print_entry(job->arena, &entry, job->number != 0);
	return VERB_DONE;
}

static int show_all(struct job *job)
{
	struct error error;
	uint64_t *numbers;
	size_t count;
	int status = VERB_DONE;
	if (journal_list(job->root, job->arena, &numbers, &count, &error) < 0) {
		say("log: %s", error.text);
		return VERB_FAILED;
	}
	for (size_t i = 0; i < count; i++)
		if (show(job, numbers[i]) != VERB_DONE)
			status = VERB_FAILED;
	if (!count && !job->as_json)
		say("log: the journal is empty: nestpci has changed nothing here");
	return status;
}

static int run(struct verb_args *args)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	struct job job = { .root = &root, .arena = &arena };
	const char *directory = NULL;
	const char *value;
	int status = VERB_DONE;
	int option;
	while ((option = verb_next_option(args, &value, &status)) > 0) {
		if (option == OPTION_JSON)
			job.as_json = true;
		else
			directory = value;
	}
	if (option < 0)
		return status;
	if (args->argc - args->next > 1)
		return verb_usage(args, "one entry at a time, or all");
	value = args->next < args->argc ? args->argv[args->next] : NULL;
	if (value && (text_to_number(value, 10, UINT32_MAX, &job.number) < 0 || !job.number))
		return verb_usage(args, "'%.40s' is no number of an entry", value);
	if (root_open(&root, directory, &error) < 0) {
		say("log: %s", error.text);
		return VERB_FAILED;
	}
	AUTO_JSON *array = json_object_new_array();
	job.array = array;
	status = job.number ? show(&job, job.number) : show_all(&job);
	if (job.as_json)
		json_print(array);
	return status;
}

const struct verb verb_log = {
	.name = "log",
	.summary = "show what was changed",
	.synopsis = "[OPTIONS] [ENTRY]",
	.help = "Shows the journal: what 'nestpci apply' did, when, and how far it came. With the\n"
		"number of an entry, all of it: the differences and the commands.\n"
		"\n"
		"Example: nestpci log 3",
	.options = options,
	.run = run,
};
