/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>

#include "base/json.h"
#include "base/say.h"
#include "check/log.h"
#include "report/table.h"
#include "report/text.h"
#include "verb/verb.h"

#define LABEL 15
#define WIDTH_MAX 100
#define WIDTH_DEFAULT 80

enum { OPTION_JSON = 1 };

static const struct verb_option options[] = {
	{ OPTION_JSON, "json", NULL, "print an object instead of text" },
	{ 0 },
};

/* ---- Pages ---- */

static size_t page_width(void)
{
	size_t width = say_width(stdout);
	if (width == 0)
		return WIDTH_DEFAULT;
	return width < WIDTH_MAX ? width : WIDTH_MAX;
}

static void print_title(struct arena *arena, const char *id, const char *text)
{
	say_wrapped(stdout, arena_printf(arena, "%s: %s", id, text), 0, LABEL, page_width());
}

static void print_part(const char *label, const char *text)
{
	if (!text || !*text)
		return;
	printf("\n%-*s", LABEL, label);
	say_wrapped(stdout, text, LABEL, LABEL, page_width());
}

static const struct check_family *family_of(const struct check *wanted)
{
	for (size_t i = 0; check_families[i]; i++)
		for (const struct check *check = check_families[i]->checks; check->id; check++)
			if (check == wanted)
				return check_families[i];
	return NULL;
}

static const char *describe_scope(const struct check *check, struct arena *arena)
{
	static const char *const scopes[] = { "the host", "each device at hand", "the VM at hand",
					      "each device of the VM at hand" };
	struct buffer text = { .arena = arena };
	buffer_puts(&text, scopes[check->scope]);
	const char *joint = ", at level ";
	for (unsigned int level = 0; level < 3; level++)
		if (check->levels & (1U << level)) {
			buffer_printf(&text, "%s%u", joint, level);
			joint = " or ";
		}
	buffer_printf(&text, "; among: %s", family_of(check)->title);
	return text.text;
}

static void print_check(const struct check *check, struct arena *arena)
{
	print_title(arena, check->id, check->title);
	print_part("Judges", describe_scope(check, arena));
	print_part("Looks at", check->looks_at);
	print_part("Why", check->why);
	print_part("To mend it", check->mend);
	print_part("Verdicts",
		   "PASS: seen to be so. FAIL: seen not to be, and it will not work so. WARN: it works, or may, "
		   "at a cost or a risk. UNKNOWN: what it rests on could not be looked at. N/A: the question "
		   "does not arise.");
	if (check->needs)
		print_part("Follows", arena_printf(arena, "%s: where one of these fails, this is N/A", check->needs));
	print_part("See", check->see);
	print_part("Failure modes", check->rows);
}

static void print_pattern(const struct log_pattern *pattern, struct arena *arena)
{
	char *fragments = arena_strdup(arena, pattern->fragments);
	for (char *bar = strchr(fragments, '|'); bar; bar = strchr(bar, '|'))
		*bar = '~';
	print_title(arena, pattern->id,
		    arena_printf(arena, "a message of %s%s",
				 text_equals(pattern->speaker, "kernel") || text_equals(pattern->speaker, "driver") ?
					 "the " :
					 "",
				 pattern->speaker));
	print_part("Text", arena_printf(arena, "%s (~ stands for anything)", fragments));
	print_part("Verdict", verdict_name(pattern->verdict));
	print_part("Means", pattern->means);
	print_part("To mend it", pattern->remedy);
	if (pattern->remedy && pattern->actor != ACTOR_NOBODY)
		print_part("Who", actor_name(pattern->actor));
	print_part("Failure modes", pattern->rows);
}

static struct json_object *check_object(const struct check *check)
{
	struct json_object *object = json_object_new_object();
	json_add_text(object, "id", check->id);
	json_add_text(object, "family", family_of(check)->name);
	json_add_text(object, "scope", check_scope_name(check->scope));
	json_add_text(object, "title", check->title);
	json_add_text(object, "looks_at", check->looks_at);
	json_add_text(object, "why", check->why);
	json_add_text(object, "mend", check->mend);
	json_add_text(object, "needs", check->needs);
	json_add_text(object, "see", check->see);
	json_add_text(object, "rows", check->rows);
	return object;
}

static struct json_object *pattern_object(const struct log_pattern *pattern)
{
	struct json_object *object = json_object_new_object();
	json_add_text(object, "id", pattern->id);
	json_add_text(object, "speaker", pattern->speaker);
	json_add_text(object, "fragments", pattern->fragments);
	json_add_text(object, "verdict", verdict_name(pattern->verdict));
	json_add_text(object, "means", pattern->means);
	json_add_text(object, "mend", pattern->remedy);
	json_add_text(object, "rows", pattern->rows);
	return object;
}

/* ---- What there is ---- */

/* Calls back with the id, the title and the rows of every check and pattern. */
typedef void visitor(void *data, const char *id, const char *title, const char *rows);

static void visit_all(visitor *visit, void *data)
{
	for (size_t i = 0; check_families[i]; i++)
		for (const struct check *check = check_families[i]->checks; check->id; check++)
			visit(data, check->id, check->title, check->rows);
	for (size_t i = 0; log_pattern_tables[i]; i++)
		for (const struct log_pattern *pattern = log_pattern_tables[i]; pattern->id; pattern++)
			visit(data, pattern->id, pattern->means, pattern->rows);
}

static void list_one(void *data, const char *id, const char *title, const char *rows)
{
	table_add(data, id);
	table_add(data, title);
}

static const char *const headings[] = { "CHECK", "TITLE", NULL };

static void list_all(struct arena *arena)
{
	struct table table;
	table_start(&table, arena, headings);
	visit_all(list_one, &table);
	table_print(&table, stdout, say_width(stdout));
}

/* "F042": whatever covers this failure mode. */
struct row_search {
	const char *row;
	struct table table;
	size_t found;
};

static void list_if_covered(void *data, const char *id, const char *title, const char *rows)
{
	struct row_search *search = data;
	if (!rows || !strcasestr(rows, search->row))
		return;
	list_one(&search->table, id, title, rows);
	search->found++;
}

static bool is_row(const char *name)
{
	return (name[0] == 'F' || name[0] == 'f') && isdigit((unsigned char)name[1]) &&
	       isdigit((unsigned char)name[2]) && isdigit((unsigned char)name[3]) && !name[4];
}

static int explain_row(const char *name, struct arena *arena)
{
	struct row_search search = { .row = name };
	table_start(&search.table, arena, headings);
	visit_all(list_if_covered, &search);
	if (!search.found) {
		say("explain: no check covers the failure mode %s", name);
		return VERB_NO;
	}
	table_print(&search.table, stdout, say_width(stdout));
	return VERB_DONE;
}

struct suggestion {
	const char *wanted;
	const char *nearest;
	size_t distance;
	struct buffer containing;
	size_t count;
};

static void compare_name(void *data, const char *id, const char *title, const char *rows)
{
	struct suggestion *suggestion = data;
	size_t far = verb_distance(suggestion->wanted, id);
	if (far < suggestion->distance) {
		suggestion->distance = far;
		suggestion->nearest = id;
	}
	if (strstr(id, suggestion->wanted)) {
		buffer_printf(&suggestion->containing, "%s%s", suggestion->count ? ", " : "", id);
		suggestion->count++;
	}
}

static int unknown_name(const struct verb_args *args, const char *name, struct arena *arena)
{
	struct suggestion suggestion = { .wanted = name, .distance = 4, .containing.arena = arena };
	visit_all(compare_name, &suggestion);
	if (suggestion.nearest)
		return verb_usage(args, "there is no check '%.64s'; did you mean '%s'?", name, suggestion.nearest);
	if (*name && suggestion.count && suggestion.count <= 12)
		return verb_usage(args, "there is no check '%.64s'; there are: %s", name, suggestion.containing.text);
	return verb_usage(args, "there is no check '%.64s'; 'nestpci explain' lists them", name);
}

static int explain(const struct verb_args *args, const char *name, bool as_json, struct arena *arena)
{
	const struct check *check = check_find(name);
	const struct log_pattern *pattern = check ? NULL : log_pattern_find(name);
	if (!check && !pattern)
		return is_row(name) ? explain_row(name, arena) : unknown_name(args, name, arena);
	if (as_json) {
		AUTO_JSON *object = check ? check_object(check) : pattern_object(pattern);
		json_print(object);
	} else if (check) {
		print_check(check, arena);
	} else {
		print_pattern(pattern, arena);
	}
	return VERB_DONE;
}

static int run(struct verb_args *args)
{
	AUTO_ARENA arena = { 0 };
	const char *value;
	bool as_json = false;
	int status;
	int option;
	while ((option = verb_next_option(args, &value, &status)) > 0)
		as_json = as_json || option == OPTION_JSON;
	if (option < 0)
		return status;
	if (args->argc - args->next > 1)
		return verb_usage(args, "'%.64s' is one argument too many", args->argv[args->next + 1]);
	if (args->next < args->argc)
		return explain(args, args->argv[args->next], as_json, &arena);
	if (as_json)
		return verb_usage(args, "--json needs a check; 'nestpci check --list --json' has them all");
	list_all(&arena);
	return VERB_DONE;
}

const struct verb verb_explain = {
	.name = "explain",
	.summary = "what a check looks at, why it matters, how to mend it",
	.synopsis = "[--json] CHECK\n",
	.help = "Explains a check of 'nestpci check', or a message of a log, by its name: what is\n"
		"looked at, why, what to do, where it is documented. Without a name it lists all;\n"
		"with the number of a failure mode (F042) those that cover it.",
	.options = options,
	.run = run,
};
