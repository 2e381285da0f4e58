/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/say.h"
#include "verb/place.h"
#include "verb/vm-verb.h"

enum {
	OPTION_JSON = 1,
	OPTION_NODE,
	OPTION_FILE,
	OPTION_CONFIG,
	OPTION_CURRENT,
	OPTION_PENDING,
	OPTION_OF_SNAPSHOT,
};

static const struct verb_option options[] = {
	{ OPTION_NODE, "node", "NAME", "list: the VMs of that node only" },
	{ OPTION_FILE, "file", "FILE",
	  "show: of this file, a configuration of Proxmox VE,\n"
	  "a domain's XML or a QEMU command line" },
	{ OPTION_CONFIG, "config", NULL, "show: print exactly what 'qm config' prints" },
	{ OPTION_CURRENT, "current", NULL, "with --config: without pending changes" },
	{ OPTION_OF_SNAPSHOT, "of-snapshot", "NAME", "with --config: of that snapshot of the VM" },
	{ OPTION_PENDING, "pending", NULL, "show: print exactly what 'qm pending' prints" },
	{ OPTION_JSON, "json", NULL, "print JSON instead of text" },
	PLACE_OPTIONS,
	{ 0 },
};

enum action { ACTION_NONE, ACTION_LIST, ACTION_SHOW };

static const struct {
	const char *name;
	enum action action;
} actions[] = { { "list", ACTION_LIST }, { "show", ACTION_SHOW } };

struct request {
	enum action action;
	const char *node;
	struct place place;
	struct vm_show_request show;
};

/* "list" and "show" stand before the options, as any other program's sub-commands do. */
static enum action take_action(struct verb_args *args)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions) && args->argc > 1; i++)
		if (text_equals(args->argv[1], actions[i].name)) {
			args->argc--;
			args->argv++;
			return actions[i].action;
		}
	return ACTION_NONE;
}

static int what_to_do(const struct verb_args *args)
{
	const char *word = args->next < args->argc ? args->argv[args->next] : NULL;
	for (size_t i = 0; word && i < ARRAY_SIZE(actions); i++) {
		if (strcmp(word, actions[i].name) == 0)
			return verb_usage(args, "'%s' stands before the options", word);
		if (verb_distance(word, actions[i].name) < 3)
			return verb_usage(args, "what is '%.64s'? did you mean '%s'?", word, actions[i].name);
	}
	return word ? verb_usage(args, "say what to do: list, or show; '%.64s' is neither", word) :
		      verb_usage(args, "say what to do: list, or show");
}

static void take_option(struct request *request, int option, const char *value)
{
	struct vm_show_request *show = &request->show;
	if (place_option(&request->place, option, value))
		return;
	if (option == OPTION_JSON)
		show->as_json = true;
	else if (option == OPTION_NODE)
		request->node = value;
	else if (option == OPTION_FILE)
		show->file = value;
	else if (option == OPTION_CONFIG)
		show->config = true;
	else if (option == OPTION_CURRENT)
		show->current = true;
	else if (option == OPTION_PENDING)
		show->pending = true;
	else if (option == OPTION_OF_SNAPSHOT)
		show->snapshot = value;
}

static int check_list(const struct verb_args *args, const struct request *request)
{
	const struct vm_show_request *show = &request->show;
	if (show->file || show->config || show->current || show->pending || show->snapshot)
		return verb_usage(args, "--file, --config, --current, --pending and --of-snapshot are for 'vm show'");
	if (args->next < args->argc)
		return verb_usage(args, "'%.64s' is one argument too many; 'vm show' shows one VM",
				  args->argv[args->next]);
	return VERB_DONE;
}

static int check_show(const struct verb_args *args, struct request *request)
{
	struct vm_show_request *show = &request->show;
	int count = args->argc - args->next;
	if (request->node)
		return verb_usage(args, "--node is for 'vm list'");
	if (count + (show->file ? 1 : 0) != 1)
		return verb_usage(args, "one VM is needed: its id, its name or its pid, or --file");
	if ((show->current || show->snapshot) && !show->config)
		return verb_usage(args, "--current and --of-snapshot go with --config");
	if (show->current && show->snapshot)
		return verb_usage(args, "--current and --of-snapshot: one at a time");
	if (show->config + show->pending + show->as_json > 1)
		return verb_usage(args, "--config, --pending and --json: one at a time");
	show->vm = count ? args->argv[args->next] : NULL;
	return VERB_DONE;
}

static int run(struct verb_args *args)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct request request = { .action = take_action(args) };
	struct error error;
	const char *value;
	int status;
	int option;
	while ((option = verb_next_option(args, &value, &status)) > 0)
		take_option(&request, option, value);
	if (option < 0)
		return status;
	if (request.action == ACTION_NONE)
		return what_to_do(args);
	status = request.action == ACTION_LIST ? check_list(args, &request) : check_show(args, &request);
	if (status == VERB_DONE)
		status = place_usage(args, &request.place);
	if (status != VERB_DONE)
		return status;
	if (place_open(&request.place, &root, &error) < 0) {
		say("vm: %s", error.text);
		return VERB_FAILED;
	}
	return request.action == ACTION_LIST ? vm_list(&root, &arena, request.node, request.show.as_json) :
					       vm_show(&root, &arena, &request.show);
}

const struct verb verb_vm = {
	.name = "vm",
	.summary = "the VMs of this host and its cluster, and what they are given",
	.synopsis = "list [--node NAME] [--json] " PLACE_SYNOPSIS "\n"
		    "show [OPTIONS] VM\n"
		    "show [OPTIONS] --file FILE",
	.help = "'list' lists all VMs: those that a manager defines here or on another node of\n"
		"its cluster, and QEMUs that run without a definition. Of each: its vIOMMU, and\n"
		"where that comes from; the devices of the host that it is given; and what stands\n"
		"in the way of touching it (a lock, HA, another node, ...).\n"
		"\n"
		"  intel native    the manager's own setting\n"
		"  intel args      words for QEMU in the definition ('args:')\n"
		"  intel wrapper   nestpci's QEMU wrapper, at its starts on this host\n"
		"  intel line      only on the command line of the running QEMU\n"
		"  behind it: * pending, ! the VM runs without it, + it runs with it only\n"
		"\n"
		"'show' shows all about one VM, called by its id, its name or its pid: what is in\n"
		"force and what is pending, its devices with their groups and who else claims\n"
		"them, how the running QEMU differs, and what of the definition is not taken, by\n"
		"line. Nothing is changed.\n"
		"\n"
		"  nestpci vm show 101\n"
		"  nestpci vm show --config --current 101",
	.options = options,
	.run = run,
};
