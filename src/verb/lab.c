/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <unistd.h>

#include "base/json.h"
#include "base/say.h"
#include "lab/lab.h"
#include "lab/predict.h"
#include "report/table.h"
#include "verb/verb.h"

/* Least: a kernel with its initramfs in L2. Most: an address space that QEMU's levels here can map in a sane time. */
#define MEMORY_L2_LEAST 96U
#define MEMORY_L2_MOST 16384U
#define MEMORY_L2_DEFAULT 128U
#define TIMEOUT_DEFAULT 900U
#define TIMEOUT_MOST 86400U

enum {
	OPTION_LEVELS = 'l',
	OPTION_DEVICE = 'd',
	OPTION_JSON = 'j',
	OPTION_WITHOUT = 0x100,
	OPTION_MISPLACE,
	OPTION_MEMORY_L2,
	OPTION_TIMEOUT,
	OPTION_KEEP,
	OPTION_CACHE,
};

static const struct verb_option options[] = {
	{ OPTION_LEVELS, "levels", "2|3",
	  "machines in each other (default: 3). With 2 the\n"
	  "device is emulated in L1" },
	{ OPTION_DEVICE, "device", "KIND", "nvme (default), or gpu-like (two functions)" },
	{ OPTION_WITHOUT, "without", "THING",
	  "leave something out of L1's command line: viommu,\n"
	  "caching-mode or irqchip. The run must then fail" },
	{ OPTION_MISPLACE, "misplace", "viommu", "put the vIOMMU behind the device: likewise" },
	{ OPTION_MEMORY_L2, "memory-l2", "MIB", "memory of L2 (default: 128)" },
	{ OPTION_TIMEOUT, "timeout", "SECONDS", "give up after that time (default: 900)" },
	{ OPTION_KEEP, "keep", "DIR",
	  "keep logs, disks and a snapshot of each level in\n"
	  "this new directory" },
	{ OPTION_CACHE, "cache", "DIR",
	  "packages and boot images (default: nestpci/lab in\n"
	  "$XDG_CACHE_HOME or ~/.cache)" },
	{ OPTION_JSON, "json", NULL, "print the result as JSON" },
	{ 0 },
};

static bool take_fault(struct lab_options *lab, const char *value)
{
	static const struct {
		const char *name;
		enum lab_fault fault;
	} faults[] = {
		{ "viommu", LAB_WITHOUT_VIOMMU },
		{ "caching-mode", LAB_WITHOUT_CACHING_MODE },
		{ "irqchip", LAB_WITHOUT_IRQCHIP },
	};
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (text_equals(value, faults[i].name)) {
			lab->fault = faults[i].fault;
			return true;
		}
	return false;
}

static int take_number(const struct verb_args *args, const char *name, const char *value, unsigned int least,
		       unsigned int most, unsigned int *ret)
{
	uint64_t number;
	if (text_to_number(value, 10, most, &number) < 0 || number < least)
		return verb_usage(args, "--%s is a number from %u to %u, not '%s'", name, least, most, value);
	*ret = (unsigned int)number;
	return VERB_DONE;
}

static int take_option(const struct verb_args *args, struct lab_options *lab, bool *json, int id, const char *value)
{
	switch (id) {
	case OPTION_LEVELS:
		return take_number(args, "levels", value, 2, 3, &lab->levels);
	case OPTION_MEMORY_L2:
		return take_number(args, "memory-l2", value, MEMORY_L2_LEAST, MEMORY_L2_MOST, &lab->memory_l2);
	case OPTION_TIMEOUT:
		return take_number(args, "timeout", value, 1, TIMEOUT_MOST, &lab->timeout);
	case OPTION_DEVICE:
		if (!text_equals(value, "nvme") && !text_equals(value, "gpu-like"))
			return verb_usage(args, "--device is nvme or gpu-like, not '%s'", value);
		lab->device = text_equals(value, "nvme") ? LAB_NVME : LAB_GPU_LIKE;
		break;
	case OPTION_WITHOUT:
		if (lab->fault != LAB_NO_FAULT)
			return verb_usage(args, "one fault at a time");
		if (!take_fault(lab, value))
			return verb_usage(args, "--without is viommu, caching-mode or irqchip, not '%s'", value);
		break;
	case OPTION_MISPLACE:
		if (lab->fault != LAB_NO_FAULT)
			return verb_usage(args, "one fault at a time");
		if (!text_equals(value, "viommu"))
			return verb_usage(args, "--misplace is viommu, not '%s'", value);
		lab->fault = LAB_MISPLACED_VIOMMU;
		break;
	case OPTION_KEEP:
		lab->keep = value;
		break;
	case OPTION_CACHE:
		lab->cache = value;
		break;
	case OPTION_JSON:
		*json = true;
		break;
	default:
		break;
	}
	return VERB_DONE;
}

static const char *default_cache(struct arena *arena)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	if (cache && cache[0] == '/')
		return arena_printf(arena, "%s/nestpci/lab", cache);
	if (home && home[0] == '/')
		return arena_printf(arena, "%s/.cache/nestpci/lab", home);
	return arena_printf(arena, "/var/tmp/nestpci-lab-%u", (unsigned int)getuid());
}

static int check_options(const struct verb_args *args, const struct lab_options *lab)
{
	const struct prediction *prediction = predict(lab->fault);
	if (prediction && lab->device != LAB_NVME)
		return verb_usage(args, "faults are shown with --device nvme");
	if (prediction && lab->levels < prediction->least_levels)
		return verb_usage(args,
				  "this fault needs %u levels to show: only a device that was itself passed on is "
				  "subject to it",
				  prediction->least_levels);
	return VERB_DONE;
}

static const char *verdict_name(enum lab_verdict verdict)
{
	static const char *const names[] = {
		[LAB_PROVED] = "proved",
		[LAB_FAILED_AS_PREDICTED] = "failed as predicted",
		[LAB_FAILED] = "failed",
	};
	return names[verdict];
}

static struct json_object *findings_json(const struct lab_result *result)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < result->finding_count; i++) {
		const struct lab_finding *finding = &result->findings[i];
		struct json_object *object = json_object_new_object();
		json_add_number(object, "level", finding->level);
		json_add_text(object, "verdict", finding->verdict);
		json_add_text(object, "check", finding->check);
		json_add_text(object, "summary", finding->summary);
		json_object_array_add(array, object);
	}
	return array;
}

static void print_json(const struct lab_result *result)
{
	AUTO_JSON *object = json_object_new_object();
	struct json_object *rows = json_object_new_array();
	struct json_object *facts = json_object_new_array();
	json_add_text(object, "verdict", verdict_name(result->verdict));
	json_add_text(object, "reason", result->reason);
	char seconds[32];
	snprintf(seconds, sizeof(seconds), "%.1f", result->seconds);
	json_object_object_add(object, "seconds", json_object_new_double_s(result->seconds, seconds));
	json_add_text(object, "accelerator", result->kvm ? "kvm" : "tcg");
	json_add_text(object, "logs", result->logs);
	json_object_object_add(object, "facts", facts);
	json_object_object_add(object, "device", rows);
	for (size_t i = 0; i < result->facts.count; i++)
		json_object_array_add(facts, json_object_new_string(result->facts.items[i]));
	for (size_t i = 0; i < result->row_count; i++) {
		struct json_object *row = json_object_new_object();
		json_add_number(row, "level", result->rows[i].level);
		json_add_text(row, "address", result->rows[i].address);
		json_add_text(row, "ids", result->rows[i].ids);
		json_add_text(row, "group", result->rows[i].group);
		json_add_text(row, "driver", result->rows[i].driver);
		json_object_array_add(rows, row);
	}
	json_object_object_add(object, "checks", findings_json(result));
	json_print(object);
}

static size_t count_findings(const struct lab_result *result, unsigned int level, const char *verdict)
{
	size_t count = 0;
	for (size_t i = 0; i < result->finding_count; i++)
		count += result->findings[i].level == level && strcmp(result->findings[i].verdict, verdict) == 0;
	return count;
}

static void print_checks(struct arena *arena, const struct lab_result *result)
{
	static const char *const headings[] = { "CHECK", "PASS", "WARN", "FAIL", "UNKNOWN", NULL };
	struct table table;
	table_start(&table, arena, headings);
	for (unsigned int level = 0; level <= 2; level++) {
		bool spoke = false;
		for (size_t i = 0; i < result->finding_count; i++)
			spoke = spoke || result->findings[i].level == level;
		if (!spoke)
			continue;
		table_add(&table, arena_printf(arena, "L%u", level));
		for (size_t i = 1; headings[i]; i++)
			table_add(&table, arena_printf(arena, "%zu", count_findings(result, level, headings[i])));
	}
	if (result->finding_count) {
		putchar('\n');
		table_print(&table, stdout, 0);
	}
}

static void print_text(struct arena *arena, const struct lab_result *result)
{
	static const char *const headings[] = { "LEVEL", "ADDRESS", "IDS", "GROUP", "DRIVER", NULL };
	struct table table;
	table_start(&table, arena, headings);
	for (size_t i = 0; i < result->row_count; i++) {
		table_add(&table, arena_printf(arena, "L%u", result->rows[i].level));
		table_add(&table, result->rows[i].address);
		table_add(&table, result->rows[i].ids);
		table_add(&table, result->rows[i].group);
		table_add(&table, result->rows[i].driver);
	}
	if (result->row_count) {
		putchar('\n');
		table_print(&table, stdout, 0);
	}
	print_checks(arena, result);
	bool colour = say_in_colour(stdout);
	const char *start = !colour ? "" : result->verdict == LAB_FAILED ? "\033[1;31m" : "\033[1;32m";
	printf("\n%s%s%s in %.1f s: ", start,
	       result->verdict == LAB_PROVED              ? "PROVED" :
	       result->verdict == LAB_FAILED_AS_PREDICTED ? "FAILED AS PREDICTED" :
							    "FAILED",
	       colour ? "\033[0m" : "", result->seconds);
	say_wrapped(stdout, arena_printf(arena, "%s.", result->reason), 20, 2, say_width(stdout));
	for (size_t i = 0; i < result->facts.count; i++) {
		printf("  ");
		say_wrapped(stdout, result->facts.items[i], 2, 6, say_width(stdout));
	}
	if (result->logs)
		printf("Logs are in %s\n", result->logs);
}

static int run_lab(struct arena *arena, const struct lab_options *lab, bool json)
{
	struct lab_result result;
	struct error error;
	int r = lab_run(arena, lab, &result, &error);
	if (r < 0) {
		say("lab: %s", error.text);
		return VERB_FAILED;
	}
	if (json)
		print_json(&result);
	else
		print_text(arena, &result);
	return result.verdict == LAB_FAILED ? VERB_NO : VERB_DONE;
}

static int run_prepare(struct arena *arena, const struct lab_options *lab, bool json)
{
	struct lab_boot_files files;
	struct error error;
	if (lab_prepare(arena, lab->cache, &files, &error) < 0) {
		say("lab: %s", error.text);
		return VERB_FAILED;
	}
	if (!json) {
		printf("kernel %s\n", files.kernel);
		for (size_t i = 0; i < ARRAY_SIZE(files.initrd); i++)
			printf("L%zu     %s\n", i, files.initrd[i]);
		return VERB_DONE;
	}
	AUTO_JSON *object = json_object_new_object();
	struct json_object *initrds = json_object_new_array();
	json_add_text(object, "kernel", files.kernel);
	json_object_object_add(object, "initrd", initrds);
	for (size_t i = 0; i < ARRAY_SIZE(files.initrd); i++)
		json_object_array_add(initrds, json_object_new_string(files.initrd[i]));
	json_print(object);
	return VERB_DONE;
}

/* "run" and "prepare" stand before the options, as any other program's sub-commands do. */
static const char *take_subcommand(struct verb_args *args)
{
	static const char *const names[] = { "run", "prepare" };
	for (size_t i = 0; i < ARRAY_SIZE(names) && args->argc > 1; i++)
		if (text_equals(args->argv[1], names[i])) {
			args->argc--;
			args->argv++;
			return names[i];
		}
	return NULL;
}

static int run(struct verb_args *args)
{
	AUTO_ARENA arena = { 0 };
	struct lab_options lab = {
		.levels = 3,
		.memory_l2 = MEMORY_L2_DEFAULT,
		.timeout = TIMEOUT_DEFAULT,
		.cache = default_cache(&arena),
	};
	bool json = false;
	const char *value;
	int status = VERB_DONE;
	const char *subcommand = take_subcommand(args);
	int id;
	while ((id = verb_next_option(args, &value, &status)) > 0)
		if ((status = take_option(args, &lab, &json, id, value)) != VERB_DONE)
			return status;
	if (id < 0)
		return status;
	if (!subcommand)
		return verb_usage(args, "say what to do: run, or prepare");
	if (args->next < args->argc)
		return verb_usage(args, "what is '%s'?", args->argv[args->next]);
	if (text_equals(subcommand, "prepare"))
		return run_prepare(&arena, &lab, json);
	status = check_options(args, &lab);
	return status == VERB_DONE ? run_lab(&arena, &lab, json) : status;
}

const struct verb verb_lab = {
	.name = "lab",
	.summary = "the whole way on emulated hardware, with proof",
	.synopsis = "run [OPTIONS]\nprepare [--cache DIR] [--json]",
	.help = "Boots L0, L1 and L2 as machines in each other, passes a disk from L0 to L1 to\n"
		"L2, and judges from outside whether L2 has read and written it. Needs no\n"
		"hardware and no root, but Debian's QEMU and its package tools. With --without\n"
		"or --misplace it shows how that fault looks: the run must fail at the right\n"
		"place, with the fact that tells the cause. 'prepare' only downloads packages\n"
		"and builds the boot images, and prints where they are.\n"
		"\n"
		"  nestpci lab run\n"
		"  nestpci lab run --levels 2\n"
		"  nestpci lab run --misplace viommu",
	.options = options,
	.run = run,
};
