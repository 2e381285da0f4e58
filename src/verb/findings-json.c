/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/findings.h"

static struct json_object *words_array(const char *text)
{
	struct json_object *array = json_object_new_array();
	struct slice rest = slice_of(text ? text : "");
	struct slice word;
	while (slice_next_word(&rest, &word))
		json_object_array_add(array, json_object_new_string_len(word.start, (int)word.length));
	return array;
}

static const char *actor_key(enum actor actor)
{
	static const char *const keys[] = {
		[ACTOR_NOBODY] = NULL,   [ACTOR_US] = "nestpci",        [ACTOR_ADMINISTRATOR] = "administrator",
		[ACTOR_OUTER] = "outer", [ACTOR_FIRMWARE] = "firmware", [ACTOR_VENDOR] = "vendor",
	};
	return keys[actor];
}

static const char *restart_key(enum restart restart)
{
	static const char *const keys[] = { "none", "vm", "host" };
	return keys[restart];
}

static void add_remedy(struct json_object *object, const char *remedy, enum actor actor, enum restart restart)
{
	json_add_text(object, "remedy", remedy);
	json_add_text(object, "actor", remedy ? actor_key(actor) : NULL);
	json_add_text(object, "restart", remedy ? restart_key(restart) : NULL);
}

static struct json_object *evidence_array(const struct finding *finding)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < finding->evidence_count; i++) {
		struct json_object *evidence = json_object_new_object();
		json_add_text(evidence, "where", finding->evidence[i].where);
		json_add_text(evidence, "what", finding->evidence[i].what);
		json_object_array_add(array, evidence);
	}
	return array;
}

static struct json_object *finding_object(struct arena *arena, const struct finding *finding)
{
	struct json_object *object = json_object_new_object();
	json_add_text(object, "check", finding->check->id);
	json_add_text(object, "scope", check_scope_name(finding->check->scope));
	json_add_text(object, "subject", finding->subject);
	json_add_text(object, "verdict", verdict_name(finding->verdict));
	json_add_text(object, "summary", finding->summary);
	json_object_object_add(object, "evidence", evidence_array(finding));
	json_add_text(object, "wanted", finding->wanted);
	add_remedy(object, finding->remedy, finding->actor, finding->restart);
	json_add_text(object, "change", findings_command(arena, finding));
	json_add_bool(object, "denied", finding->denied);
	return object;
}

static struct json_object *log_object(const struct findings_report *report)
{
	if (!report->log)
		return NULL;
	struct json_object *log = json_object_new_object();
	struct json_object *array = json_object_new_array();
	json_add_text(log, "source", report->log_source->source.path);
	json_add_bool(log, "complete", report->log_source->complete);
	json_add_number(log, "lines", (int64_t)report->log->lines);
	for (size_t i = 0; i < report->log->count; i++) {
		const struct log_finding *finding = &report->log->items[i];
		struct json_object *object = json_object_new_object();
		json_add_text(object, "pattern", finding->pattern->id);
		json_add_text(object, "verdict", verdict_name(finding->pattern->verdict));
		json_add_text(object, "device", finding->device);
		json_add_text(object, "means", finding->pattern->means);
		json_add_text(object, "detail", finding->detail);
		json_add_text(object, "line", finding->line);
		json_add_number(object, "line_number", (int64_t)finding->line_number);
		json_add_number(object, "times", (int64_t)finding->times);
		add_remedy(object, finding->pattern->remedy, finding->pattern->actor, finding->pattern->restart);
		json_object_array_add(array, object);
	}
	json_object_object_add(log, "findings", array);
	return log;
}

static struct json_object *sum_object(const struct findings_report *report)
{
	static const enum verdict verdicts[] = { VERDICT_PASS, VERDICT_WARN, VERDICT_FAIL, VERDICT_UNKNOWN,
						 VERDICT_NA };
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
		json_add_number(object, verdict_name(verdicts[i]), (int64_t)findings_count(report, verdicts[i]));
	return object;
}

static struct json_object *machine_object(const struct host *host)
{
	struct json_object *object = json_object_new_object();
	const struct machine *machine = &host->machine;
	const struct fact *vendor = &machine->dmi_vendor;
	const struct fact *product = &machine->dmi_product;
	json_add_text(object, "vendor", fact_known(vendor) ? vendor->text : NULL);
	json_add_text(object, "product", fact_known(product) ? product->text : NULL);
	json_add_text(object, "cpu", host->cpu.model_name);
	json_add_text(object, "kernel", fact_known(&host->kernel.release) ? host->kernel.release.text : NULL);
	json_add_bool(object, "vm", machine->is_vm);
	json_add_bool(object, "container", fact_known(&machine->container));
	json_add_bool(object, "root", host->root_user);
	return object;
}

struct json_object *findings_json(struct arena *arena, const struct findings_report *report)
{
	struct json_object *object = json_object_new_object();
	struct json_object *findings = json_object_new_array();
	json_object_object_add(object, "machine", machine_object(report->set->host));
	json_add_number(object, "level", report->set->level);
	json_add_text(object, "vm", report->set->vm ? report->set->vm->id : NULL);
	for (size_t i = 0; i < report->findings->count; i++)
		json_object_array_add(findings, finding_object(arena, &report->findings->items[i]));
	json_object_object_add(object, "findings", findings);
	json_object_object_add(object, "log", log_object(report));
	json_object_object_add(object, "sum", sum_object(report));
	return object;
}

static struct json_object *check_object(const struct check_family *family, const struct check *check)
{
	struct json_object *object = json_object_new_object();
	struct json_object *levels = json_object_new_array();
	json_add_text(object, "id", check->id);
	json_add_text(object, "family", family->name);
	json_add_text(object, "family_title", family->title);
	json_add_text(object, "scope", check_scope_name(check->scope));
	for (int level = 0; level < 3; level++)
		if (check->levels & (1U << level))
			json_object_array_add(levels, json_object_new_int(level));
	json_object_object_add(object, "levels", levels);
	json_add_text(object, "title", check->title);
	json_object_object_add(object, "rows", words_array(check->rows));
	json_object_object_add(object, "needs", words_array(check->needs));
	return object;
}

struct json_object *findings_table_json(void)
{
	struct json_object *object = json_object_new_object();
	struct json_object *checks = json_object_new_array();
	struct json_object *patterns = json_object_new_array();
	for (size_t i = 0; check_families[i]; i++)
		for (const struct check *check = check_families[i]->checks; check->id; check++)
			json_object_array_add(checks, check_object(check_families[i], check));
	for (size_t i = 0; log_pattern_tables[i]; i++)
		for (const struct log_pattern *pattern = log_pattern_tables[i]; pattern->id; pattern++) {
			struct json_object *row = json_object_new_object();
			json_add_text(row, "id", pattern->id);
			json_add_text(row, "speaker", pattern->speaker);
			json_add_text(row, "verdict", verdict_name(pattern->verdict));
			json_add_text(row, "means", pattern->means);
			json_object_object_add(row, "rows", words_array(pattern->rows));
			json_object_array_add(patterns, row);
		}
	json_object_object_add(object, "checks", checks);
	json_object_object_add(object, "log_patterns", patterns);
	return object;
}
