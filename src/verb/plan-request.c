/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/plan-request.h"

#include "base/say.h"
#include "change/makers.h"
#include "report/text.h"
#include "verb/subjects.h"
#include "vm/wrapper-conf.h"

enum {
	OPTION_JSON = 1,
	OPTION_SET_PARAMETER,
	OPTION_REMOVE_PARAMETER,
	OPTION_MODULE_OPTION,
	OPTION_LOAD_MODULE,
	OPTION_BIND,
	OPTION_WRAPPER,
	OPTION_WRAPPER_ONCE,
	OPTION_NO_WRAPPER,
	OPTION_FOR,
	OPTION_DEVICE,
	OPTION_VM,
	OPTION_CONTINUE,
};

#define FINDING_ROWS                                                                                    \
	{ OPTION_FOR, "for", "CHECK", "what mends this check ('nestpci check')" },                      \
		{ OPTION_DEVICE, "device", "ADDRESS", "what this device needs, too, to be passed on" }, \
	{                                                                                               \
		OPTION_VM, "vm", "VM", "what this VM needs, too, with its devices"                      \
	}

#define WISH_ROWS                                                                                                 \
	{ OPTION_SET_PARAMETER, "set-kernel-parameter", "NAME[=VALUE]",                                           \
	  "put it on the kernel's command line, in the place of\nanother value" },                                \
		{ OPTION_REMOVE_PARAMETER, "remove-kernel-parameter", "NAME[=VALUE]",                             \
		  "take it away; without a value, whatever it is" },                                              \
		{ OPTION_MODULE_OPTION, "set-module-option", "MODULE.NAME=VALUE", "by a file of modprobe.d" },    \
		{ OPTION_LOAD_MODULE, "load-module", "MODULE", "at every boot" },                                 \
		{ OPTION_BIND, "bind-at-boot", "ADDRESS",                                                         \
		  "give a device, with its group, to vfio-pci at every\nboot, before other drivers are loaded" }, \
		{ OPTION_WRAPPER, "wrapper", "'VM [SETTING...]'",                                                 \
		  "have the QEMU wrapper give this VM its vIOMMU at\nevery start (nestpci-wrapper(8))" },         \
		{ OPTION_WRAPPER_ONCE, "wrapper-once", "'VM [SETTING...]'", "the same, at one start" },           \
		{ OPTION_NO_WRAPPER, "no-wrapper", "VM", "no more; with the last VM the wrapper goes away" },     \
	{                                                                                                         \
		OPTION_PLACE_ROOT, "root", "DIR",                                                                 \
			"of the system below DIR, which is not running; its\nprograms are run by chroot"          \
	}

const struct verb_option plan_options[] = {
	FINDING_ROWS,
	WISH_ROWS,
	{ OPTION_PLACE_SNAPSHOT, "snapshot", "FILE", "of what 'nestpci capture' wrote of another system" },
	{ OPTION_JSON, "json", NULL, "print the plan as an object" },
	{ 0 },
};

const struct verb_option apply_options[] = {
	{ 'y', "yes", NULL, "do not ask" },
	{ OPTION_CONTINUE, "continue", NULL, "finish what a crash or a reboot cut off, and nothing\nelse" },
	FINDING_ROWS,
	WISH_ROWS,
	{ 0 },
};

static int note_device(struct plan_request *request, const char *value, struct error *error)
{
	request->devices = arena_grow(request->arena, request->devices, request->device_count,
				      request->device_count + 1, sizeof(*request->devices));
	return pci_address_parse(value, &request->devices[request->device_count++], error);
}

/* False: it is one of those that make a wish. */
static bool note_option(struct plan_request *request, int option, const char *value)
{
	if (place_option(&request->place, option, value))
		return true;
	if (option == OPTION_JSON)
		request->as_json = true;
	else if (option == 'y')
		request->yes = true;
	else if (option == OPTION_CONTINUE)
		request->only_continue = true;
	else if (option == OPTION_FOR)
		list_add(&request->checks, value);
	else if (option == OPTION_VM)
		request->vm = value;
	else
		return false;
	return true;
}

bool plan_request_parse(struct verb_args *args, struct plan_request *request, int *ret_status)
{
	const char *value;
	struct error error;
	int option;
	*ret_status = VERB_DONE;
	request->checks.arena = request->arena;
	request->wishes = arena_alloc_array(request->arena, (size_t)args->argc, sizeof(*request->wishes));
	while ((option = verb_next_option(args, &value, ret_status)) > 0) {
		if (option == OPTION_DEVICE && note_device(request, value, &error) < 0) {
			*ret_status = verb_usage(args, "%s", error.text);
			return false;
		}
		if (option != OPTION_DEVICE && !note_option(request, option, value))
			request->wishes[request->count++] = (struct plan_wish){ option, value };
	}
	if (option < 0)
		return false;
	if (args->next < args->argc)
		*ret_status = verb_usage(args, "unexpected argument '%s'", args->argv[args->next]);
	else if (text_equals(request->place.snapshot, "-"))
		*ret_status = verb_usage(args, "a snapshot is read more than once: give a file");
	else
		*ret_status = place_usage(args, &request->place);
	return *ret_status == VERB_DONE;
}

/* All parameters at once: each file is then edited once. */
static int make_parameters(const struct plan_request *request, struct plan *plan, const struct boot *boot,
			   struct error *error)
{
	size_t count = 0;
	struct parameter_change *changes = arena_alloc_array(plan->arena, request->count + 1, sizeof(*changes));
	for (size_t i = 0; i < request->count; i++) {
		const struct plan_wish *wish = &request->wishes[i];
		if (wish->option == OPTION_SET_PARAMETER || wish->option == OPTION_REMOVE_PARAMETER)
			changes[count++] = (struct parameter_change){ wish->value,
								      wish->option == OPTION_REMOVE_PARAMETER };
	}
	return count ? make_kernel_parameters(plan, boot, changes, count, error) : 0;
}

static int make_option(struct plan *plan, const struct boot *boot, const char *value, struct error *error)
{
	const char *dot = strchr(value, '.');
	if (!dot)
		return error_set(error, -EINVAL, "'%.60s' is not MODULE.NAME=VALUE", value);
	return make_module_option(plan, boot, arena_strndup(plan->arena, value, (size_t)(dot - value)), dot + 1, error);
}

/* "101 aw-bits=39": what stands behind "vm" in the wrapper's file. */
static int make_wrapped(struct plan *plan, const char *value, bool once, struct error *error)
{
	struct wrapper_line line;
	int r = wrapper_line_read(plan->arena, slice_of(arena_printf(plan->arena, "vm %s", value)), &line, error);
	if (r < 0)
		return error_prefix(error, r, "'%.80s'", value);
	const struct wrapper_wish wish = {
		.vm = line.name,
		.options = line.options,
		.groups = line.groups.items,
		.group_count = line.groups.count,
		.once = once,
	};
	return make_wrapper(plan, &wish, error);
}

static int make_wish(const struct plan_wish *wish, struct plan *plan, const struct boot *boot, struct error *error)
{
	struct pci_address address;
	int r;
	switch (wish->option) {
	case OPTION_MODULE_OPTION:
		return make_option(plan, boot, wish->value, error);
	case OPTION_LOAD_MODULE:
		return make_module_load(plan, boot, wish->value, error);
	case OPTION_BIND:
		r = pci_address_parse(wish->value, &address, error);
		return r < 0 ? r : make_bind_at_boot(plan, boot, address, error);
	case OPTION_WRAPPER:
	case OPTION_WRAPPER_ONCE:
		return make_wrapped(plan, wish->value, wish->option == OPTION_WRAPPER_ONCE, error);
	case OPTION_NO_WRAPPER:
		return make_no_wrapper(plan, wish->value, error);
	default:
		return 0;
	}
}

int plan_request_make(const struct plan_request *request, const struct root *root, struct plan *ret,
		      struct plan_findings *ret_findings, struct error *error)
{
	struct boot boot;
	char *release = NULL;
	const struct subjects_request subjects = {
		.place = request->place,
		.level = -1,
		.devices = request->devices,
		.device_count = request->device_count,
		.vm = request->vm,
	};
	bool finds = request->checks.count || request->device_count || request->vm || !request->count;
	*ret_findings = (struct plan_findings){ .others = NULL };
	if (root->kind != ROOT_OFFLINE)
		(void)!root_read_line(root, request->arena, "/proc/sys/kernel/osrelease", &release, NULL);
	plan_begin(ret, root, request->arena);
	boot_read(root, request->arena, release, &boot);
	int r = make_parameters(request, ret, &boot, error);
	for (size_t i = 0; i < request->count && r == 0; i++)
		r = make_wish(&request->wishes[i], ret, &boot, error);
	return r < 0 || !finds ? r : plan_findings_make(&subjects, &request->checks, ret, ret_findings, error);
}

static void print_other(struct arena *arena, const struct plan_other *other, size_t width)
{
	const struct finding *finding = other->finding;
	const char *remedy = finding->remedy ? finding->remedy : "see 'nestpci explain'";
	const char *subject = finding->check->scope == CHECK_HOST ? "" : arena_printf(arena, "%s, ", finding->subject);
	fputs("  ", stdout);
	say_wrapped(stdout,
		    report_printable(arena,
				     arena_printf(arena, "%s%s: %s", subject, finding->check->id, finding->summary)),
		    2, 2, width);
	fputs("    ", stdout);
	say_wrapped(stdout,
		    report_printable(arena, other->reason ?
						    other->reason :
						    arena_printf(arena, "%s: %s", actor_name(finding->actor), remedy)),
		    4, 4, width);
}

void plan_request_print_others(struct arena *arena, const struct plan_findings *findings)
{
	size_t width = say_width(stdout);
	if (findings->other_count)
		puts("What this does not mend, and who can:");
	for (size_t i = 0; i < findings->other_count; i++)
		print_other(arena, &findings->others[i], width && width < 100 ? width : 80);
	if (findings->other_count)
		putchar('\n');
}

void plan_request_say(const struct plan *plan, const struct plan_findings *findings)
{
	for (size_t i = 0; i < plan->notes.count; i++)
		say("note: %s", plan->notes.items[i]);
	if (findings->warnings)
		say("note: %zu warning%s not listed: 'nestpci check' shows them", findings->warnings,
		    findings->warnings == 1 ? " is" : "s are");
	if (findings->unknown)
		say("note: %zu check%s could not be made: 'nestpci check' says why", findings->unknown,
		    findings->unknown == 1 ? "" : "s");
	if (findings->restart)
		say("note: something is set already and waits for the next boot: reboot this host");
}
