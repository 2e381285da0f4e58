/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a check that failed to the change that mends it. */
#include "change/makers.h"

/* The IOMMU of a processor of Intel's is off unless asked for, before CONFIG_INTEL_IOMMU_DEFAULT_ON; AMD's is on. */
static int switch_iommu_on(struct plan *plan, const struct subject_set *set, const struct finding *finding,
			   struct error *error)
{
	static const struct parameter_change on = { "intel_iommu=on", false };
	(void)finding;
	if (set->host->cpu.vendor != CPU_INTEL)
		return error_set(error, -ENOTSUP, "only an IOMMU of Intel's is switched on by a kernel parameter");
	return make_kernel_parameters(plan, set->boot, &on, 1, error);
}

/* The words of the running kernel's line that the judge found at fault. */
static int take_words_out(struct plan *plan, const struct subject_set *set, const struct finding *finding,
			  struct error *error)
{
	size_t count = 0;
	struct parameter_change *changes = arena_alloc_array(plan->arena, finding->evidence_count + 1,
							     sizeof(*changes));
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (text_equals(finding->evidence[i].where, set->host->kernel.cmdline_file.path))
			changes[count++] = (struct parameter_change){ finding->evidence[i].what, true };
	if (!count)
		return error_set(error, -ENOTSUP, "the finding names no kernel parameter");
	return make_kernel_parameters(plan, set->boot, changes, count, error);
}

static int let_kvm_nest(struct plan *plan, const struct subject_set *set, const struct finding *finding,
			struct error *error)
{
	enum cpu_vendor vendor = set->host->cpu.vendor;
	(void)finding;
	if (vendor != CPU_INTEL && vendor != CPU_AMD)
		return error_set(error, -ENOTSUP, "it is not known which module of KVM this processor needs");
	return make_module_option(plan, set->boot, vendor == CPU_INTEL ? "kvm_intel" : "kvm_amd", "nested=1", error);
}

static const struct {
	const char *check;
	int (*make)(struct plan *plan, const struct subject_set *set, const struct finding *finding,
		    struct error *error);
} mends[] = {
	{ "iommu-active", switch_iommu_on },
	{ "iommu-not-disabled", take_words_out },
	{ "interrupt-remapping-not-disabled", take_words_out },
	{ "kvm-nested", let_kvm_nest },
};

/* Somebody else has to act first, and what we could do would not help. */
static bool is_ours(const struct finding *finding)
{
	return finding->actor == ACTOR_US || finding->actor == ACTOR_ADMINISTRATOR;
}

int make_mend(struct plan *plan, const struct subject_set *set, const struct finding *finding, struct error *error)
{
	const char *id = finding->check->id;
	const char *remedy = finding->remedy ? finding->remedy : "see 'nestpci explain'";
	if (finding->verdict == VERDICT_PASS) {
		list_printf(&plan->notes, "%s: %s: %s", id, verdict_name(finding->verdict), finding->summary);
		return 0;
	}
	if (finding->verdict == VERDICT_NA || finding->verdict == VERDICT_UNKNOWN)
		return error_set(error, -ENOTSUP, "%s: %s: %s", id, verdict_name(finding->verdict), finding->summary);
	for (size_t i = 0; i < ARRAY_SIZE(mends) && is_ours(finding); i++) {
		if (strcmp(mends[i].check, id) != 0)
			continue;
		plan->check = id;
		int r = mends[i].make(plan, set, finding, error);
		plan->check = NULL;
		return r < 0 ? error_prefix(error, r, "%s: %s", id, finding->summary) : 0;
	}
	return error_set(error, -ENOTSUP, "%s: %s: nestpci has no change for it; %s: %s", id, finding->summary,
			 actor_name(finding->actor), remedy);
}
