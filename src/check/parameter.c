/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/parameter.h"

#include <strings.h>

bool parameter_next_item(struct slice *rest, struct slice *item)
{
	while (rest->length && *rest->start == ',') {
		rest->start++;
		rest->length--;
	}
	if (rest->length == 0)
		return false;
	const char *comma = memchr(rest->start, ',', rest->length);
	size_t length = comma ? (size_t)(comma - rest->start) : rest->length;
	*item = (struct slice){ rest->start, length };
	*rest = (struct slice){ rest->start + length, rest->length - length };
	return true;
}

static bool begins(struct slice item, const char *beginning)
{
	size_t length = strlen(beginning);
	return item.length >= length && memcmp(item.start, beginning, length) == 0;
}

const struct cmdline_word *parameter_item(const struct cmdline *cmdline, const char *name, const char *beginning)
{
	const struct cmdline_word *found = NULL;
	for (size_t i = 0; i < cmdline->count; i++) {
		const struct cmdline_word *word = &cmdline->words[i];
		if (!text_equals(word->name, name) || !word->value)
			continue;
		struct slice rest = slice_of(word->value);
		struct slice item;
		while (parameter_next_item(&rest, &item))
			if (begins(item, beginning))
				found = word;
	}
	return found;
}

enum parameter_switch parameter_on_off(const struct cmdline *cmdline, const char *name,
				       const struct cmdline_word **ret_word)
{
	enum parameter_switch state = PARAMETER_NOT_SET;
	for (size_t i = 0; i < cmdline->count; i++) {
		const struct cmdline_word *word = &cmdline->words[i];
		if (!text_equals(word->name, name) || !word->value)
			continue;
		struct slice rest = slice_of(word->value);
		struct slice item;
		while (parameter_next_item(&rest, &item)) {
			if (!begins(item, "on") && !begins(item, "off"))
				continue;
			state = begins(item, "on") ? PARAMETER_ON : PARAMETER_OFF;
			if (ret_word)
				*ret_word = word;
		}
	}
	return state;
}

bool parameter_is_true(const struct cmdline_word *word)
{
	if (!word)
		return false;
	const char *value = word->value;
	return !value || strchr("yYtT1", *value) || strcasecmp(value, "on") == 0;
}

struct known_items {
	const char *name;
	const char *const *items;
};

/*
 * What each parameter takes: drivers/iommu/intel/iommu.c (intel_iommu_setup), drivers/iommu/amd/init.c
 * (parse_amd_iommu_options), drivers/iommu/irq_remapping.c, Documentation/admin-guide/kernel-parameters.txt for iommu=.
 * igfx_off and intgpu_off, relax_rmrr: of Debian's and Proxmox VE's kernels too.
 */
static const char *const intel_items[] = { "on",      "off",     "igfx_off",   "intgpu_off", "forcedac",
					   "strict",  "sp_off",  "sm_on",      "sm_off",     "tboot_noforce",
					   "ecs_off", "pasid28", "relax_rmrr", "nobounce",   NULL };
static const char *const amd_items[] = { "fullflush",       "off",         "force_enable", "force_isolation",
					 "pgtbl_v1",        "pgtbl_v2",    "irtcachedis",  "nohugepages",
					 "v2_pgsizes_only", "relax_unity", "on",           NULL };
static const char *const iommu_items[] = { "off",        "force",    "noforce",   "biomerge",    "panic",
					   "nopanic",    "merge",    "nomerge",   "forcesac",    "allowdac",
					   "nodac",      "usedac",   "soft",      "pt",          "nopt",
					   "memaper",    "allowed",  "fullflush", "nofullflush", "noagp",
					   "noaperture", "group_mf", "calgary",   "strict",      NULL };
static const char *const intremap_items[] = { "on", "off", "nosid", "no_x2apic_optout", "nopost", "posted_msi", NULL };

static const struct known_items known[] = {
	{ "intel_iommu", intel_items },
	{ "amd_iommu", amd_items },
	{ "iommu", iommu_items },
	{ "intremap", intremap_items },
};

static bool is_known_item(const char *const *items, struct slice item)
{
	for (size_t i = 0; items[i]; i++) {
		size_t length = strlen(items[i]);
		/* The kernel compares the beginning; a longer word is a mistake all the same, but memaper=2 is not. */
		if (item.length >= length && memcmp(item.start, items[i], length) == 0 &&
		    (item.length == length || item.start[length] == '='))
			return true;
	}
	return false;
}

/* iommu=SIZE is the old GART's (gart_parse_options() in arch/x86/kernel/amd_gart_64.c). */
static bool is_gart_size(const struct cmdline_word *word, struct slice item)
{
	return text_equals(word->name, "iommu") && item.start[0] >= '0' && item.start[0] <= '9';
}

struct slice parameter_wrong_item(const struct cmdline_word *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!text_equals(word->name, known[i].name) || !word->value)
			continue;
		struct slice rest = slice_of(word->value);
		struct slice item;
		while (parameter_next_item(&rest, &item))
			if (!is_known_item(known[i].items, item) && !is_gart_size(word, item))
				return item;
	}
	return (struct slice){ "", 0 };
}

bool parameter_matters(const char *name)
{
	static const char *const names[] = {
		"intel_iommu",
		"amd_iommu",
		"iommu",
		"intremap",
		"nointremap",
		"pcie_acs_override",
		"initcall_blacklist",
		"module_blacklist",
		"hugepages",
		"hugepagesz",
		"default_hugepagesz",
		"transparent_hugepage",
		"nox2apic",
		"pci",
		"video",
	};
	static const char *const beginnings[] = {
		"iommu.", "vfio", "kvm.", "kvm_", "ivrs_", "efifb.", "modprobe.blacklist", "amd_iommu_", "nohugeiomap"
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (text_equals(name, names[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
		if (name && text_starts_with(name, beginnings[i]))
			return true;
	return false;
}

bool parameter_has_word(const struct cmdline *cmdline, const struct cmdline_word *word)
{
	for (size_t i = 0; i < cmdline->count; i++) {
		const struct cmdline_word *other = &cmdline->words[i];
		bool same_value = word->value && other->value ? text_equals(word->value, other->value) :
								word->value == other->value;
		if (text_equals(word->name, other->name) && same_value)
			return true;
	}
	return false;
}

bool judged_as_container(const struct subject_set *set, struct finding *finding, struct arena *arena)
{
	const struct fact *container = &set->host->machine.container;
	if (!fact_known(container))
		return false;
	judge_na(finding, arena, "this is a container: it has no boot loader and loads no modules; ask its host");
	judge_evidence_fact(finding, arena, container);
	return true;
}
