/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A verb is one file that exports one of these. The table of verbs is in main.c; help, dispatch and "did you mean"
 * walk the same table.
 *
 * Options are rows: parsing and --help both come from them. Every verb has --help; it need not be listed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum verb_exit {
	VERB_DONE = 0,   /* done, or all is well */
	VERB_NO = 1,     /* the answer is no: a check or a proof failed */
	VERB_USAGE = 2,  /* called wrongly */
	VERB_FAILED = 3, /* could not be done; nothing was changed */
	VERB_PARTLY = 4, /* done in part; the message says which */
};

struct verb_option {
	int id;               /* what verb_next_option returns; > 0; a letter makes it a short option, too */
	const char *name;     /* the long name, without dashes */
	const char *argument; /* what its argument is called in help, or NULL for none */
	const char *help;     /* one line; "\n" begins another */
};

struct verb_args {
	const struct verb *verb;
	int argc;
	char **argv; /* argv[0] is the verb */
	int next;    /* index of the first argument that is no option, once verb_next_option has returned 0 */
};

struct verb {
	const char *name;
	const char *summary;               /* for the list of verbs */
	const char *synopsis;              /* behind the name; lines begin with another form */
	const char *help;                  /* a paragraph or two: what it does, and examples */
	const struct verb_option *options; /* ended by { 0 } */
	bool takes_words;                  /* from the first argument on all is another program's, its options too */
	int (*run)(struct verb_args *args);
};

/*
 * The next option, wherever it stands among the arguments: its id, with `value` set where it has an argument; 0 when only arguments are left; -1 when the
 * verb is over and must return `ret_status`: --help was printed, or the option is wrong and that was said.
 */
int verb_next_option(struct verb_args *args, const char **value, int *ret_status);

/* Says what is wrong and where help is. Returns VERB_USAGE. */
int verb_usage(const struct verb_args *args, const char *format, ...) __attribute__((format(printf, 2, 3)));

void verb_print_help(const struct verb *verb);

/*
 * How many letters must be changed, added or taken away to get from one word to the other (Levenshtein's distance); a
 * large number for words that are too long to be typed by mistake.
 */
size_t verb_distance(const char *a, const char *b);

extern const struct verb *const verbs[]; /* ended by NULL; in main.c */
