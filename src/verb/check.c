/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/say.h"
#include "verb/connect.h"
#include "verb/findings.h"
#include "verb/subjects.h"
#include "verb/verb.h"

enum {
	OPTION_LEVEL = 1,
	OPTION_DEVICE,
	OPTION_VM,
	OPTION_VM_FILE,
	OPTION_ONLY,
	OPTION_LOG,
	OPTION_JOURNAL,
	OPTION_LIST,
	OPTION_ALL,
	OPTION_BRIEF,
	OPTION_JSON,
};

static const struct verb_option options[] = {
	{ OPTION_LEVEL, "level", "N", "judge this machine as level 0, 1 or 2" },
	{ OPTION_DEVICE, "device", "ADDRESS", "judge this device, too; may be given again" },
	{ OPTION_VM, "vm", "VM", "judge this VM, too: its id, name, UUID, or\nQEMU's pid" },
	{ OPTION_VM_FILE, "vm-file", "FILE",
	  "the VM of a Proxmox VE configuration, of\nlibvirt's XML, or of a QEMU command line" },
	{ OPTION_ONLY, "only", "CHECK", "this check only; may be given again" },
	{ OPTION_LOG, "log", "FILE", "read a saved kernel or QEMU log; '-' is stdin" },
	{ OPTION_JOURNAL, "journal", NULL, "read the kernel's log of this boot" },
	{ OPTION_LIST, "list", NULL, "print the table of checks, and judge nothing" },
	{ OPTION_ALL, "all", NULL, "show what passes and what does not arise, too" },
	{ OPTION_BRIEF, "brief", NULL, "print one line for each finding" },
	{ OPTION_JSON, "json", NULL, "print an object instead of text" },
	CONNECT_OPTION,
	PLACE_OPTIONS,
	{ 0 },
};

struct request {
	struct subjects_request subjects;
	struct pci_address *devices;
	struct list only;
	const char *log_file;
	bool journal;
	bool list;
	bool all;
	bool brief;
	bool json;
};

static int judge_log(const struct request *request, const struct root *root, struct arena *arena,
		     struct findings_report *report, struct error *error)
{
	struct kernel_log *log = arena_alloc(arena, sizeof(*log));
	struct log_findings *findings = arena_alloc(arena, sizeof(*findings));
	if (request->log_file) {
		int r = kernel_log_read_file(arena, request->log_file, log, error);
		if (r < 0)
			return r;
	} else if (request->journal) {
		kernel_log_read(root, arena, log);
		if (!fact_known(&log->source))
			return error_set(error, -ENOENT, "the kernel's log cannot be read: %s",
					 log->source.problem ? log->source.problem : "there is none");
	} else {
		return 0;
	}
	log_classify(log->text, arena, findings);
	report->log = findings;
	report->log_source = log;
	return 0;
}

static void say_problems(const struct subjects *subjects)
{
	const struct list *lists[] = { &subjects->vms.problems, &subjects->boot.problems,
				       subjects->set.vm ? &subjects->set.vm->problems : NULL };
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (size_t j = 0; lists[i] && j < lists[i]->count; j++)
			say("check: %s", lists[i]->items[j]);
}

static int check(const struct request *request, struct arena *arena)
{
	struct error error;
	AUTO_SUBJECTS subjects = SUBJECTS_NONE;
	struct findings findings;
	int r = subjects_gather(&request->subjects, arena, &subjects, &error);
	struct findings_report report = { .set = &subjects.set, .findings = &findings, .all = request->all };
	if (r == 0)
		r = judge_log(request, &subjects.root, arena, &report, &error);
	if (r < 0) {
		say("check: %s", error.text);
		return VERB_FAILED;
	}
	say_problems(&subjects);
	if (place_other_version(&subjects.root))
		say("check: the snapshot was made by %s, which may not have looked at all that is judged here",
		    place_other_version(&subjects.root));
	check_run(&subjects.set, &request->only, arena, &findings);
	if (request->json) {
		AUTO_JSON *object = findings_json(arena, &report);
		json_print(object);
	} else if (request->brief) {
		findings_print_brief(&report);
	} else {
		findings_print(&report, arena);
	}
	return findings_count(&report, VERDICT_FAIL) ? VERB_NO : VERB_DONE;
}

static int list_checks(const struct request *request, struct arena *arena)
{
	if (request->json) {
		AUTO_JSON *object = findings_table_json();
		json_print(object);
	} else {
		findings_print_table(arena);
	}
	return VERB_DONE;
}

/* Returns 0, or the status that the verb must return. */
static int take_device(const struct verb_args *args, const char *value, struct request *request, struct arena *arena)
{
	struct error error;
	struct pci_address address;
	struct subjects_request *subjects = &request->subjects;
	if (pci_address_parse(value, &address, &error) < 0)
		return verb_usage(args, "%s", error.text);
	request->devices = arena_grow(arena, request->devices, subjects->device_count, subjects->device_count + 1,
				      sizeof(*request->devices));
	request->devices[subjects->device_count++] = address;
	subjects->devices = request->devices;
	return 0;
}

static int take_option(const struct verb_args *args, int option, const char *value, struct request *request,
		       struct arena *arena)
{
	uint64_t level;
	switch (option) {
	case OPTION_LEVEL:
		if (text_to_number(value, 10, 2, &level) < 0)
			return verb_usage(args, "--level is 0, 1 or 2, not '%.64s'", value);
		request->subjects.level = (int)level;
		break;
	case OPTION_DEVICE:
		return take_device(args, value, request, arena);
	case OPTION_VM:
		request->subjects.vm = value;
		break;
	case OPTION_VM_FILE:
		request->subjects.vm_file = value;
		break;
	case OPTION_ONLY:
		if (!check_find(value))
			return verb_usage(args, "there is no check '%.64s'; 'nestpci check --list' names them", value);
		list_add(&request->only, value);
		break;
	case OPTION_LOG:
		request->log_file = value;
		break;
	default:
		request->journal = request->journal || option == OPTION_JOURNAL;
		request->list = request->list || option == OPTION_LIST;
		request->all = request->all || option == OPTION_ALL;
		request->brief = request->brief || option == OPTION_BRIEF;
		request->json = request->json || option == OPTION_JSON;
	}
	return 0;
}

static int run(struct verb_args *args)
{
	AUTO_ARENA arena = { 0 };
	const char *value;
	struct request request = { .subjects.level = -1, .only.arena = &arena };
	int status;
	int option;
	while ((option = verb_next_option(args, &value, &status)) > 0) {
		if (place_option(&request.subjects.place, option, value) || connect_option(option, value))
			continue;
		status = take_option(args, option, value, &request, &arena);
		if (status)
			return status;
	}
	if (option < 0)
		return status;
	if (args->next < args->argc)
		return verb_usage(args, "'%.64s' is one argument too many", args->argv[args->next]);
	if (place_usage(args, &request.subjects.place))
		return VERB_USAGE;
	if (request.subjects.vm && request.subjects.vm_file)
		return verb_usage(args, "--vm and --vm-file: one VM at a time");
	if (request.log_file && request.journal)
		return verb_usage(args, "--log and --journal: one log at a time");
	if (request.brief && request.json)
		return verb_usage(args, "--brief and --json: one form at a time");
	return request.list ? list_checks(&request, &arena) : check(&request, &arena);
}

const struct verb verb_check = {
	.name = "check",
	.summary = "what is wrong with this machine, a device, a VM; what to do",
	.synopsis = "[--device ADDRESS]... [--vm VM | --vm-file FILE] [OPTIONS]\n"
		    "--list [--json]",
	.help = "Judges whether a PCIe device can be passed on from here to a VM, and from that\n"
		"to a VM inside it, and says what stands in the way, what was seen, what to do,\n"
		"and who can do it. Changes nothing, and loads no module.\n"
		"\n"
		"This machine is taken for level 1 if it is a VM, else for level 0. Devices at\n"
		"hand are those of --device, or those that the VM is given, or those that are\n"
		"bound to vfio-pci. What only root may read is unknown to others, and said so.\n"
		"\n"
		"Exit status 1: something failed. Neither WARN nor UNKNOWN is a failure.\n"
		"'nestpci explain CHECK' tells what a check looks at, and why.",
	.options = options,
	.run = run,
};
