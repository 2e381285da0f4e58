/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of verbs, and the way to them. */
#include <stdio.h>
#include <string.h>

#include "base/say.h"
#include "verb/verb.h"
#include "version.h"

extern const struct verb verb_list, verb_show, verb_vm, verb_check, verb_explain, verb_capture, verb_bind, verb_unbind,
	verb_rewrite, verb_exec, verb_viommu, verb_plan, verb_apply, verb_undo, verb_log, verb_lab;

const struct verb *const verbs[] = {
	&verb_list,  &verb_show,   &verb_vm,      &verb_check, &verb_explain, &verb_capture,
	&verb_bind,  &verb_unbind, &verb_rewrite, &verb_exec,  &verb_viommu,  &verb_plan,
	&verb_apply, &verb_undo,   &verb_log,     &verb_lab,   NULL,
};

static void print_help(void)
{
	puts("Usage: nestpci VERB [OPTIONS] [ARGUMENTS]\n"
	     "\n"
	     "Takes a PCIe device from a bare-metal host (L0) through a VM that is itself a\n"
	     "hypervisor (L1) to a VM inside that (L2).\n"
	     "\n"
	     "Verbs:");
	for (size_t i = 0; verbs[i]; i++)
		printf("  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	puts("\n"
	     "'nestpci VERB --help' tells more of one. To see the whole way without hardware:\n"
	     "'nestpci lab run'. 'nestpci --version' prints the version.");
}

static int unknown_verb(const char *name)
{
	const struct verb *nearest = NULL;
	size_t best = 3;
	for (size_t i = 0; verbs[i]; i++) {
		size_t far = verb_distance(name, verbs[i]->name);
		/* Of a word of two letters nothing may be left of what was typed. */
		if (far < best && far < strlen(name)) {
			best = far;
			nearest = verbs[i];
		}
	}
	if (nearest)
		say("unknown verb '%s'; did you mean '%s'? (see 'nestpci --help')", name, nearest->name);
	else
		say("unknown verb '%s' (see 'nestpci --help')", name);
	return VERB_USAGE;
}

static int finish(int status)
{
	if (say_flush() < 0) {
		say("could not write to standard output");
		return status == VERB_DONE ? VERB_FAILED : status;
	}
	return status;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help();
		finish(VERB_DONE);
		return VERB_USAGE;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		print_help();
		return finish(VERB_DONE);
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		puts("nestpci " NESTPCI_VERSION);
		return finish(VERB_DONE);
	}
	for (size_t i = 0; verbs[i]; i++) {
		if (strcmp(name, verbs[i]->name) != 0)
			continue;
		struct verb_args args = { .verb = verbs[i], .argc = argc - 1, .argv = argv + 1 };
		return finish(verbs[i]->run(&args));
	}
	return unknown_verb(name);
}
