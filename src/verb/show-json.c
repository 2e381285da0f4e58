/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One device, for programs: docs/json.md. */
#include "verb/device-json.h"
#include "verb/show.h"

static void add_fact(struct json_object *object, const char *key, const struct fact *fact)
{
	json_add_text(object, key, fact_known(fact) ? fact->text : NULL);
}

static void add_fact_number(struct json_object *object, const char *key, const struct fact *fact)
{
	json_object_object_add(object, key, fact_known(fact) ? json_object_new_int64(fact->number) : NULL);
}

/* true and false; null where it is not known. */
static void add_presence(struct json_object *object, const char *key, const struct fact *fact)
{
	json_object_object_add(object, key, fact_unknown(fact) ? NULL : json_object_new_boolean(fact_known(fact)));
}

static void add_words(struct json_object *object, const char *key, const struct fact *fact)
{
	struct slice word;
	struct json_object *array = fact_unknown(fact) ? NULL : json_object_new_array();
	struct slice rest = fact_known(fact) ? slice_of(fact->text) : (struct slice){ "", 0 };
	while (array && slice_next_word(&rest, &word)) {
		char text[64];
		snprintf(text, sizeof(text), "%.*s", (int)word.length, word.start);
		json_object_array_add(array, json_new_text(text));
	}
	json_object_object_add(object, key, array);
}

/* What depends on the list of capabilities is null where that could not be read. */
static void add_capability(struct json_object *object, const char *key, bool known, bool value)
{
	json_object_object_add(object, key, known ? json_object_new_boolean(value) : NULL);
}

static struct json_object *step_to_json(struct arena *arena, const struct pci_detail *detail,
					struct pci_address address)
{
	const struct pci_caps *caps = &detail->caps;
	bool known = detail->function && fact_known(&detail->config) && caps->capabilities_known;
	bool extended = known && (!caps->pcie || caps->extended_known);
	struct json_object *object = json_object_new_object();
	json_object_object_add(object, "address", json_new_address(address));
	json_add_text(object, "type", known ? pci_caps_type_name(caps) : NULL);
	add_capability(object, "acs", extended, caps->acs);
	json_add_text(object, "acs_missing",
		      extended && caps->acs ?
			      pci_caps_acs_names(arena, pci_caps_acs_missing(caps, PCI_ACS_FOR_ISOLATION)) :
			      NULL);
	return object;
}

static struct json_object *path_to_json(struct arena *arena, const struct sight *sight)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < sight->detail.bridges.count; i++)
		json_object_array_add(array, step_to_json(arena, &sight->bridges[i], sight->detail.bridges.items[i]));
	json_object_array_add(array, step_to_json(arena, &sight->detail, sight->function->address));
	return array;
}

static struct json_object *member_to_json(const struct sight *sight, const struct pci_function *member)
{
	struct json_object *object = json_object_new_object();
	const char *left = passable_left_alone(member);
	if (left && !member->is_bridge && member == sight->function)
		left = NULL;
	json_object_object_add(object, "address", json_new_address(member->address));
	json_add_text(object, "driver", member->driver);
	json_add_bool(object, "goes", !left);
	json_add_text(object, "stays_because", left);
	return object;
}

static const char *reason_kind_name(enum group_reason_kind kind)
{
	static const char *const names[] = {
		[GROUP_BEHIND_PCI_BRIDGE] = "behind-pci-bridge",
		[GROUP_PORT_WITHOUT_ACS] = "port-without-acs",
		[GROUP_FUNCTIONS] = "functions",
		[GROUP_UNEXPLAINED] = "unexplained",
		[GROUP_NOT_KNOWN] = "not-known",
	};
	return names[kind];
}

static struct json_object *group_reasons_to_json(const struct group *group)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < group->reason_count; i++) {
		struct json_object *object = json_object_new_object();
		json_add_text(object, "kind", reason_kind_name(group->reasons[i].kind));
		json_object_object_add(object, "address", json_new_address(group->reasons[i].who));
		json_add_text(object, "text", group->reasons[i].text);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *regions_to_json(const struct group *group)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < group->region_count; i++) {
		struct json_object *object = json_object_new_object();
		json_add_hex(object, "start", group->regions[i].start);
		json_add_hex(object, "end", group->regions[i].end);
		json_add_text(object, "type", group->regions[i].type);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *group_to_json(const struct sight *sight)
{
	const struct group *group = &sight->group;
	const struct passable_group *members = sight->passable->group;
	if (!members)
		return NULL;
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();
	json_add_digits(object, "number", members->number);
	add_fact(object, "type", &group->type);
	for (size_t i = 0; i < members->count; i++)
		json_object_array_add(array, member_to_json(sight, members->members[i].function));
	json_object_object_add(object, "members", array);
	json_object_object_add(object, "other_members", json_new_texts(&group->others));
	json_object_object_add(object, "reasons", group_reasons_to_json(group));
	json_object_object_add(object, "reserved_regions",
			       fact_unknown(&group->reserved_regions) ? NULL : regions_to_json(group));
	return object;
}

static struct json_object *bars_to_json(const struct pci_detail *detail)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < detail->bar_count; i++) {
		const struct pci_bar *bar = &detail->bars[i];
		struct json_object *object = json_object_new_object();
		json_add_text(object, "kind", bar->number == PCI_BARS ? "rom" : bar->memory ? "memory" : "io");
		json_object_object_add(object, "number",
				       bar->number == PCI_BARS ? NULL : json_object_new_int((int)bar->number));
		json_add_hex(object, "start", bar->start);
		json_add_number(object, "size", (int64_t)bar->size);
		json_add_bool(object, "64bit", bar->is_64bit);
		json_add_bool(object, "prefetchable", bar->prefetchable);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *resizable_to_json(const struct pci_caps *caps)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < caps->rebar_count; i++) {
		struct json_object *object = json_object_new_object();
		struct json_object *sizes = json_object_new_array();
		json_add_number(object, "bar", caps->rebar[i].bar);
		json_add_number(object, "size", (int64_t)caps->rebar[i].current);
		for (unsigned int bit = 0; bit < 44; bit++)
			if (caps->rebar[i].sizes >> bit & 1)
				json_object_array_add(sizes, json_object_new_int64(INT64_C(1) << (bit + 20)));
		json_object_object_add(object, "possible_sizes", sizes);
		json_object_array_add(array, object);
	}
	return array;
}

static void add_detail(struct json_object *object, const struct pci_detail *detail)
{
	const struct pci_caps *caps = &detail->caps;
	bool known = fact_known(&detail->config) && caps->capabilities_known;
	bool extended = known && (!caps->pcie || caps->extended_known);
	add_fact(object, "driver_override", &detail->driver_override);
	add_fact(object, "power_state", &detail->power_state);
	add_presence(object, "reset", &detail->reset);
	add_words(object, "reset_methods", &detail->reset_method);
	json_object_object_add(object, "bars", fact_known(&detail->resource) ? bars_to_json(detail) : NULL);
	add_presence(object, "rom", &detail->rom);
	json_object_object_add(object, "resizable_bars", extended ? resizable_to_json(caps) : NULL);
	add_capability(object, "msi", known, caps->msi);
	json_object_object_add(object, "msix_vectors",
			       known ? json_object_new_int(caps->msix ? caps->msix_vectors : 0) : NULL);
	add_fact_number(object, "sriov_total", &detail->sriov_total);
	add_fact_number(object, "sriov_enabled", &detail->sriov_enabled);
	add_fact(object, "physical_function", &detail->physfn);
	add_presence(object, "mdev", &detail->mdev);
	add_fact(object, "iommu", &detail->unit);
	add_fact_number(object, "numa_node", &detail->numa_node);
}

static struct json_object *reasons_to_json(const struct passable_reasons *reasons)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < reasons->count; i++) {
		const struct passable_reason *reason = &reasons->items[i];
		struct json_object *object = json_object_new_object();
		json_add_text(object, "kind", passable_kind_name(reason->kind));
		json_object_object_add(object, "address",
				       reason->function ? json_new_address(reason->function->address) : NULL);
		json_add_bool(object, "sure", !reason->unsure);
		json_add_text(object, "text", reason->text);
		json_object_array_add(array, object);
	}
	return array;
}

void sight_print_json(struct arena *arena, const struct sight *sight)
{
	AUTO_JSON *object = device_to_json(arena, &sight->passables, sight->place);
	struct passable_reasons reasons = sight_reasons(arena, sight);
	struct list costs = sight_costs(arena, sight);
	struct list next = sight_next(arena, sight);
	struct list problems = sight_problems(arena, sight);
	json_object_object_add(object, "path", sight->detail.path ? path_to_json(arena, sight) : NULL);
	json_object_object_add(object, "group_detail", group_to_json(sight));
	add_detail(object, &sight->detail);
	json_object_object_add(object, "reasons", reasons_to_json(&reasons));
	json_object_object_add(object, "costs", json_new_texts(&costs));
	json_object_object_add(object, "next", json_new_texts(&next));
	json_object_object_add(object, "not_read", json_new_texts(&problems));
	json_print(object);
}
