/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/plan-request.h"

#include "change/makers.h"
#include "verb/subjects.h"
#include "vm/wrapper-conf.h"

enum {
	OPTION_JSON = 1,
	OPTION_ROOT,
	OPTION_SET_PARAMETER,
	OPTION_REMOVE_PARAMETER,
	OPTION_MODULE_OPTION,
	OPTION_LOAD_MODULE,
	OPTION_BIND,
	OPTION_WRAPPER,
	OPTION_WRAPPER_ONCE,
	OPTION_NO_WRAPPER,
	OPTION_FOR,
};

#define FOR_ROW                                                                       \
	{                                                                             \
		OPTION_FOR, "for", "CHECK", "what mends this check ('nestpci check')" \
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
		OPTION_ROOT, "root", "DIR",                                                                       \
			"of the system below DIR, which is not running; its\nprograms are run by chroot"          \
	}

const struct verb_option plan_options[] = {
	FOR_ROW,
	WISH_ROWS,
	{ OPTION_JSON, "json", NULL, "print the plan as an object" },
	{ 0 },
};

const struct verb_option apply_options[] = {
	{ 'y', "yes", NULL, "do not ask" },
	FOR_ROW,
	WISH_ROWS,
	{ 0 },
};

bool plan_request_parse(struct verb_args *args, struct plan_request *request, int *ret_status)
{
	const char *value;
	int option;
	*ret_status = VERB_DONE;
	request->wishes = arena_alloc_array(request->arena, (size_t)args->argc, sizeof(*request->wishes));
	while ((option = verb_next_option(args, &value, ret_status)) > 0) {
		if (option == OPTION_JSON)
			request->as_json = true;
		else if (option == 'y')
			request->yes = true;
		else if (option == OPTION_ROOT)
			request->root = value;
		else
			request->wishes[request->count++] = (struct plan_wish){ option, value };
	}
	if (option < 0)
		return false;
	if (args->next < args->argc)
		*ret_status = verb_usage(args, "unexpected argument '%s'", args->argv[args->next]);
	return args->next >= args->argc;
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

/* Judges this one check, of this host, anew. */
static int make_for_check(const struct plan_request *request, struct plan *plan, const char *id, struct error *error)
{
	AUTO_SUBJECTS subjects = SUBJECTS_NONE;
	const struct subjects_request wanted = { .place = { .directory = request->root }, .level = -1 };
	struct list only = { .arena = plan->arena };
	struct findings findings;
	const struct check *check = check_find(id);
	if (!check)
		return error_set(error, -EINVAL, "there is no check '%.60s' ('nestpci explain' lists them)", id);
	if (check->scope != CHECK_HOST)
		return error_set(error, -ENOTSUP, "%s is no check of the host: only those have changes", id);
	int r = subjects_gather(&wanted, plan->arena, &subjects, error);
	if (r < 0)
		return r;
	list_add(&only, check->id);
	check_run(&subjects.set, &only, plan->arena, &findings);
	for (size_t i = 0; i < findings.count && r == 0; i++)
		if (findings.items[i].check == check)
			r = make_mend(plan, &subjects.set, &findings.items[i], error);
	return r;
}

static int make_wish(const struct plan_request *request, const struct plan_wish *wish, struct plan *plan,
		     const struct boot *boot, struct error *error)
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
	case OPTION_FOR:
		return make_for_check(request, plan, wish->value, error);
	default:
		return 0;
	}
}

int plan_request_make(const struct plan_request *request, const struct root *root, struct plan *ret,
		      struct error *error)
{
	struct boot boot;
	char *release = NULL;
	if (root->kind != ROOT_OFFLINE)
		(void)!root_read_line(root, request->arena, "/proc/sys/kernel/osrelease", &release, NULL);
	plan_begin(ret, root, request->arena);
	boot_read(root, request->arena, release, &boot);
	int r = make_parameters(request, ret, &boot, error);
	for (size_t i = 0; i < request->count && r == 0; i++)
		r = make_wish(request, &request->wishes[i], ret, &boot, error);
	return r;
}
