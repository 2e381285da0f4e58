/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/bind.h"

#include <errno.h>
#include <unistd.h>

#include "base/json.h"
#include "base/say.h"
#include "host/pci.h"
#include "verb/bind-keeper.h"
#include "verb/verb.h"

enum { OPTION_JSON = 1, OPTION_INACTIVE_OK, OPTION_TIMEOUT };

#define OPTION_ROWS                                                                                              \
	{ 'n', "dry-run", NULL, "show what would be done, and do nothing" },                                     \
		{ OPTION_JSON, "json", NULL, "print the result as an object" },                                  \
	{                                                                                                        \
		OPTION_TIMEOUT, "timeout", "SECONDS", "for each step that the kernel may hold up\n(default: 60)" \
	}

static const struct verb_option bind_options[] = {
	OPTION_ROWS,
	{ OPTION_INACTIVE_OK, "inactive-ok", NULL,
	  "also take a disk that carries data of LVM, RAID,\nZFS or LUKS which nothing has activated" },
	{ 0 },
};

static const struct verb_option unbind_options[] = { OPTION_ROWS, { 0 } };

/* What was asked for, and what came of it. */
struct job {
	const char *verb; /* "bind" */
	struct pci_address address;
	char name[PCI_ADDRESS_TEXT_MAX];
	bool to_vfio;
	bool dry_run;
	bool as_json;
	struct bind_options options;
	struct libvirt_keeper keeper;
	struct bind_plan plan;
	bool has_plan;
	struct error error;
	bool failed; /* `error` says why */
	bool partly;
};

static const char *driver_text(const struct bind_state *state, bool probe)
{
	return probe ? "what the kernel finds for it" : state->driver ? state->driver : "no driver";
}

static const char *member_text(struct arena *arena, const struct bind_member *member)
{
	char name[PCI_ADDRESS_TEXT_MAX];
	pci_address_format(member->address, name);
	if (member->stays)
		return arena_printf(arena, "%s: stays with %s: %s", name, driver_text(&member->before, false),
				    member->stays);
	return arena_printf(arena, "%s: %s -> %s", name, driver_text(&member->before, false),
			    driver_text(&member->after, member->probe));
}

static struct json_object *texts_to_json(const struct list *texts)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < texts->count; i++)
		json_object_array_add(array, json_new_text(texts->items[i]));
	return array;
}

static void add_state(struct json_object *object, const char *key, const struct bind_state *state)
{
	struct json_object *inner = json_object_new_object();
	json_add_text(inner, "driver", state->driver);
	json_add_text(inner, "driver_override", *state->override ? state->override : NULL);
	json_object_object_add(object, key, inner);
}

static struct json_object *members_to_json(const struct bind_plan *plan)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < plan->count; i++) {
		char name[PCI_ADDRESS_TEXT_MAX];
		struct json_object *object = json_object_new_object();
		json_add_text(object, "address", pci_address_format(plan->members[i].address, name));
		json_add_bool(object, "moves", !plan->members[i].stays);
		json_add_text(object, "stays_because", plan->members[i].stays);
		add_state(object, "before", &plan->members[i].before);
		add_state(object, "after", &plan->members[i].after);
		json_object_array_add(array, object);
	}
	return array;
}

static void print_json(const struct job *job, int status)
{
	AUTO_JSON *object = json_object_new_object();
	json_add_text(object, "address", job->name);
	json_add_digits(object, "group", job->has_plan ? job->plan.group : NULL);
	json_add_bool(object, "dry_run", job->dry_run);
	json_add_bool(object, "changed", status == VERB_DONE && !job->dry_run && job->plan.moving > 0);
	json_add_bool(object, "partly", job->partly);
	json_add_text(object, "error", job->failed ? job->error.text : NULL);
	json_object_object_add(object, "refused", texts_to_json(&job->plan.refusals));
	json_object_object_add(object, "notes", texts_to_json(&job->plan.notes));
	json_object_object_add(object, "members", members_to_json(&job->plan));
	json_print(object);
}

static int fail(struct job *job)
{
	job->failed = true;
	say("%s %s: %s", job->verb, job->name, job->error.text);
	return job->partly ? VERB_PARTLY : VERB_FAILED;
}

static int refuse(const struct job *job)
{
	const struct list *refusals = &job->plan.refusals;
	for (size_t i = 0; i < refusals->count; i++)
		say("%s %s: refused: %s", job->verb, job->name, refusals->items[i]);
	return VERB_FAILED;
}

static void show_kept(const struct job *job)
{
	for (size_t i = 0; i < job->keeper.vms.problems.count; i++)
		say("note: %s", job->keeper.vms.problems.items[i]);
	for (size_t i = 0; i < job->plan.count; i++) {
		const struct bind_member *member = &job->plan.members[i];
		char name[PCI_ADDRESS_TEXT_MAX];
		const char *domain = member->stays ? NULL : libvirt_keeper_domain(&job->keeper, member->address);
		if (domain)
			say("note: libvirt moves %s, because domain %s has it with managed='yes'",
			    pci_address_format(member->address, name), domain);
	}
}

static void show_plan(struct arena *arena, const struct job *job)
{
	const struct bind_plan *plan = &job->plan;
	show_kept(job);
	for (size_t i = 0; i < plan->notes.count; i++)
		say("note: %s", plan->notes.items[i]);
	if (plan->loads_driver && !job->dry_run)
		say("loading vfio-pci (modprobe vfio-pci)");
	for (size_t i = 0; i < plan->count; i++) {
		const char *text = member_text(arena, &plan->members[i]);
		if (job->dry_run && !job->as_json)
			puts(text);
		else
			say("%s", text);
	}
}

/*
 * What the kernel found for the devices that were left to it. With vfio-pci again nothing was gained: `driver_override` is
 * not what gives it to that one.
 */
static int show_found(const struct root *root, struct arena *arena, struct job *job)
{
	int status = VERB_DONE;
	for (size_t i = 0; i < job->plan.count; i++) {
		struct bind_member *member = &job->plan.members[i];
		struct pci_function function;
		char name[PCI_ADDRESS_TEXT_MAX];
		if (member->stays || !member->probe ||
		    pci_read_function(root, arena, member->address, &function, NULL) < 0)
			continue;
		member->after.driver = function.driver;
		say("%s: now with %s", pci_address_format(member->address, name), driver_text(&member->after, false));
		if (!text_equals(function.driver, "vfio-pci"))
			continue;
		error_set(&job->error, -EIO,
			  "%s is with vfio-pci again: another setting gives it to vfio-pci (ids= of the module, as "
			  "vfio-pci.ids= on the kernel's command line, or its new_id); remove that first",
			  name);
		status = fail(job);
	}
	return status;
}

static int carry_out(const struct root *root, struct arena *arena, struct job *job)
{
	if (job->plan.loads_driver && bind_load_driver(root, arena, &job->error) < 0)
		return fail(job);
	if (bind_apply(root, arena, &job->plan, &job->options, &job->partly, &job->error) < 0)
		return fail(job);
	return show_found(root, arena, job);
}

static int plan_and_do(const struct root *root, struct arena *arena, struct job *job)
{
	int (*make_plan)(const struct root *, struct arena *, struct pci_address, const struct bind_options *,
			 struct bind_plan *, struct error *) = job->to_vfio ? bind_plan : bind_plan_back;
	if (make_plan(root, arena, job->address, &job->options, &job->plan, &job->error) < 0)
		return fail(job);
	job->has_plan = true;
	if (job->plan.moving && !job->plan.refusals.count)
		job->options.keeper = libvirt_keeper_open(root, arena, &job->keeper);
	if (job->plan.refusals.count)
		return refuse(job);
	if (job->plan.moving == 0)
		say("%s %s: nothing to do: %s", job->verb, job->name,
		    job->to_vfio ? "it is with vfio-pci already" : "it is not with vfio-pci");
	else
		show_plan(arena, job);
	/* A record of devices that have what they had is of no use any more; bind_apply() removes it. */
	bool nothing = job->plan.moving == 0 && (job->to_vfio || !job->plan.record.path);
	return nothing || job->dry_run ? VERB_DONE : carry_out(root, arena, job);
}

static int check_and_do(const struct root *root, struct arena *arena, struct job *job)
{
	AUTO_CLOSE int lock = -1;
	if (job->to_vfio && bind_check(root, arena, job->address, &job->error) < 0)
		return fail(job);
	if (!job->dry_run && root_exists(root, pci_path(arena, job->address, "")) &&
	    bind_check_rights(arena, job->address, &job->error) < 0)
		return fail(job);
	if (!job->dry_run)
		lock = bind_lock(&job->error);
	if (!job->dry_run && lock < 0)
		return fail(job);
	return plan_and_do(root, arena, job);
}

static int do_job(struct job *job)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	int status = root_open(&root, NULL, &job->error) < 0 ? fail(job) : check_and_do(&root, &arena, job);
	if (job->as_json)
		print_json(job, status);
	return status;
}

static int read_timeout(const struct verb_args *args, const char *value, struct job *job)
{
	uint64_t seconds;
	if (text_to_number(value, 10, 86400, &seconds) < 0 || seconds == 0)
		return verb_usage(args, "--timeout: '%.40s' is no number of seconds", value);
	job->options.timeout_ms = (unsigned int)seconds * 1000;
	return VERB_DONE;
}

static int run(struct verb_args *args, bool to_vfio)
{
	const char *value;
	int status = VERB_DONE;
	int option;
	struct job job = { .verb = args->verb->name, .to_vfio = to_vfio, .options = { BIND_LIMIT_MS, false } };
	while ((option = verb_next_option(args, &value, &status)) > 0) {
		if (option == 'n')
			job.dry_run = true;
		else if (option == OPTION_JSON)
			job.as_json = true;
		else if (option == OPTION_INACTIVE_OK)
			job.options.inactive_ok = true;
		else if (option == OPTION_TIMEOUT && (status = read_timeout(args, value, &job)) != VERB_DONE)
			return status;
	}
	if (option < 0)
		return status;
	if (args->argc - args->next != 1)
		return verb_usage(args, "one ADDRESS is needed");
	if (pci_address_parse(args->argv[args->next], &job.address, &job.error) < 0)
		return verb_usage(args, "%s", job.error.text);
	pci_address_format(job.address, job.name);
	return do_job(&job);
}

static int run_bind(struct verb_args *args)
{
	return run(args, true);
}

static int run_unbind(struct verb_args *args)
{
	return run(args, false);
}

const struct verb verb_bind = {
	.name = "bind",
	.summary = "give a device, with its IOMMU group, to vfio-pci",
	.synopsis = "[OPTIONS] ADDRESS",
	.help = "Gives a PCI device to the driver vfio-pci, so that it can be passed to a VM, and\n"
		"with it every other member of its IOMMU group but bridges: all or nothing. What\n"
		"they had before is kept under /run/nestpci/bind, for 'nestpci unbind'.\n"
		"\n"
		"It is refused while this host needs one of them (a mounted file system, swap, an\n"
		"array or a pool, the default route, the console) or a process holds it open; the\n"
		"message says what and who. Other devices with the same ids are left alone.\n"
		"\n"
		"Example: nestpci bind 0000:01:00.0",
	.options = bind_options,
	.run = run_bind,
};

const struct verb verb_unbind = {
	.name = "unbind",
	.summary = "give it back to what it had",
	.synopsis = "[OPTIONS] ADDRESS",
	.help = "Gives a device, and what was bound together with it, back to exactly the\n"
		"driver and driver_override that it had before 'nestpci bind'. Where nothing is\n"
		"known of that, driver_override is cleared and the kernel looks for a driver.\n"
		"\n"
		"It is refused while a process holds the group open, as a running VM does.\n"
		"\n"
		"Example: nestpci unbind 0000:01:00.0",
	.options = unbind_options,
	.run = run_unbind,
};
