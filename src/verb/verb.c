/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/verb.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/say.h"

#define OPTIONS_MAX 32
#define ID_HELP 0x10000
#define HELP_COLUMN 28
#define WORD_MAX 64

struct getopt_table {
	struct option options[OPTIONS_MAX + 2];
	char letters[2 * OPTIONS_MAX + 8];
};

static void make_table(const struct verb *verb, struct getopt_table *table)
{
	size_t count = 0;
	char *letter = table->letters;
	/* '+': the first argument ends the options; ':': a missing argument is told apart; errors are ours to print. */
	if (verb->takes_words)
		*letter++ = '+';
	*letter++ = ':';
	*letter++ = 'h';
	table->options[count++] = (struct option){ "help", no_argument, NULL, ID_HELP };
	for (const struct verb_option *row = verb->options; row && row->id && count <= OPTIONS_MAX; row++) {
		int has_argument = row->argument ? required_argument : no_argument;
		table->options[count++] = (struct option){ row->name, has_argument, NULL, row->id };
		if (row->id < 128 && isalpha(row->id)) {
			*letter++ = (char)row->id;
			if (row->argument)
				*letter++ = ':';
		}
	}
	*letter = '\0';
	table->options[count] = (struct option){ 0 };
}

static bool is_option_id(const struct verb *verb, int id)
{
	for (const struct verb_option *row = verb->options; row && row->id; row++)
		if (row->id == id)
			return true;
	return false;
}

int verb_next_option(struct verb_args *args, const char **value, int *ret_status)
{
	struct getopt_table table;
	make_table(args->verb, &table);
	if (args->next == 0) {
		optind = 0; /* glibc: start afresh */
		args->next = 1;
	}
	opterr = 0;
	int id = getopt_long(args->argc, args->argv, table.letters, table.options, NULL);
	args->next = optind;
	*value = optarg;
	switch (id) {
	case -1:
		return 0;
	case ID_HELP:
	case 'h':
		verb_print_help(args->verb);
		*ret_status = say_flush() < 0 ? VERB_FAILED : VERB_DONE;
		return -1;
	case ':':
		*ret_status = verb_usage(args, "option '%s' needs an argument", args->argv[optind - 1]);
		return -1;
	case '?':
		/* In a word of letters ("-ab") optind is not past the word yet; optopt is the letter. */
		if (optopt > 0 && optopt < 128 && !is_option_id(args->verb, optopt))
			*ret_status = verb_usage(args, "unknown option '-%c'", optopt);
		else
			*ret_status = verb_usage(args, "unknown option '%s'", args->argv[optind - 1]);
		return -1;
	default:
		return id;
	}
}

int verb_usage(const struct verb_args *args, const char *format, ...)
{
	char text[1024];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	say("%s: %s (see 'nestpci %s --help')", args->verb->name, text, args->verb->name);
	return VERB_USAGE;
}

static void print_option(const struct verb_option *row)
{
	char left[80];
	bool has_letter = row->id < 128 && isalpha(row->id);
	char letter[8] = "    ";
	if (has_letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->id);
	int width = snprintf(left, sizeof(left), "  %s--%s%s%s", letter, row->name, row->argument ? " " : "",
			     row->argument ? row->argument : "");
	if (width >= HELP_COLUMN)
		printf("%s\n%*s", left, HELP_COLUMN, "");
	else
		printf("%-*s", HELP_COLUMN, left);
	for (const char *line = row->help; *line;) {
		int length = (int)strcspn(line, "\n");
		printf("%.*s\n", length, line);
		line += length + (line[length] == '\n');
		if (*line)
			printf("%*s", HELP_COLUMN, "");
	}
}

void verb_print_help(const struct verb *verb)
{
	const char *lead = "Usage:";
	for (const char *line = verb->synopsis; *line;) {
		int length = (int)strcspn(line, "\n");
		printf("%s nestpci %s %.*s\n", lead, verb->name, length, line);
		lead = "      ";
		line += length + (line[length] == '\n');
	}
	if (!*verb->synopsis)
		printf("%s nestpci %s\n", lead, verb->name);
	printf("\n%s\n\nOptions:\n", verb->help);
	for (const struct verb_option *row = verb->options; row && row->id; row++)
		print_option(row);
	print_option(&(struct verb_option){ 'h', "help", NULL, "this text" });
	printf("\nExit status: 0 done, 1 the answer is no, 2 called wrongly, 3 could not be done,\n"
	       "4 done in part.\n");
}

size_t verb_distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	size_t width = strlen(b);
	if (width >= WORD_MAX || strlen(a) >= WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= width; i++)
		row[i] = i;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= width; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			size_t least = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
			row[j] = least < change ? least : change;
		}
	}
	return row[width];
}
