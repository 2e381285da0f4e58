/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"
#include "base/say.h"
#include "verb/changing.h"
#include "verb/plan-request.h"

static struct json_object *change_to_json(struct arena *arena, const struct change *change)
{
	static const char *const kinds[] = { "file", "attribute", "command", "setting" };
	static const char *const restarts[] = { "none", "vm", "host" };
	struct json_object *object = json_object_new_object();
	json_add_text(object, "kind", kinds[change->kind]);
	json_add_text(object, "why", change->why);
	json_add_text(object, "check", change->check);
	json_add_text(object, "restart", restarts[change->restart]);
	json_add_text(object, "path", change->path);
	json_add_text(object, "diff", change->kind == CHANGE_FILE ? change_text(arena, change) : NULL);
	json_add_text(object, "command", change->argv ? change_command(arena, change->argv) : NULL);
	json_add_text(object, "manager", change->manager ? change->manager->id : NULL);
	json_add_text(object, "vm", change->vm);
	json_add_text(object, "key", change->key);
	json_add_text(object, "before", change_shown_value(arena, change, change->value_before));
	json_add_text(object, "after", change_shown_value(arena, change, change->value_after));
	return object;
}

static struct json_object *other_to_json(const struct plan_other *other)
{
	struct json_object *object = json_object_new_object();
	json_add_text(object, "check", other->finding->check->id);
	json_add_text(object, "subject", other->finding->subject);
	json_add_text(object, "summary", other->finding->summary);
	json_add_text(object, "actor", other->reason ? NULL : actor_name(other->finding->actor));
	json_add_text(object, "remedy", other->finding->remedy);
	json_add_text(object, "reason", other->reason);
	return object;
}

static void print_json(struct arena *arena, const struct plan *plan, const struct plan_findings *found)
{
	AUTO_JSON *object = json_object_new_object();
	struct json_object *changes = json_object_new_array();
	struct json_object *notes = json_object_new_array();
	for (size_t i = 0; i < plan->count; i++)
		json_object_array_add(changes, change_to_json(arena, &plan->items[i]));
	for (size_t i = 0; i < plan->notes.count; i++)
		json_object_array_add(notes, json_new_text(plan->notes.items[i]));
	json_object_object_add(object, "changes", changes);
	json_object_object_add(object, "notes", notes);
	struct json_object *others = json_object_new_array();
	for (size_t i = 0; i < found->other_count; i++)
		json_object_array_add(others, other_to_json(&found->others[i]));
	json_object_object_add(object, "others", others);
	json_print(object);
}

static int run(struct verb_args *args)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct plan_request request = { .arena = &arena };
	struct plan plan;
	struct plan_findings found;
	struct error error;
	int status;
	if (!plan_request_parse(args, &request, &status))
		return status;
	if (place_open(&request.place, &root, &error) < 0 ||
	    plan_request_make(&request, &root, &plan, &found, &error) < 0) {
		say("plan: %s", error.text);
		return VERB_FAILED;
	}
	if (request.as_json) {
		print_json(&arena, &plan, &found);
		return VERB_DONE;
	}
	plan_request_say(&plan, &found);
	if (!plan.count)
		say(request.count && !found.other_count && !found.restart ?
			    "plan: nothing to do: it is so already" :
			    "plan: there is nothing for nestpci to change");
	plan_request_print_others(&arena, &found);
	changing_show(stdout, &arena, &plan);
	return VERB_DONE;
}

const struct verb verb_plan = {
	.name = "plan",
	.summary = "show what would be changed, and change nothing",
	.synopsis = "[OPTIONS]",
	.help = "Shows, in order, what 'nestpci apply' with the same options would do: files as\n"
		"differences, and the commands that make a boot loader or an initramfs take them\n"
		"up. Nothing is written and nothing is run.\n"
		"\n"
		"Without options: all that 'nestpci check' finds wrong with this host and nestpci\n"
		"can mend, and whose it is to mend the rest. With --device and --vm: what these\n"
		"need, too.\n"
		"\n"
		"Example: nestpci plan --set-kernel-parameter intel_iommu=on",
	.options = plan_options,
	.run = run,
};
