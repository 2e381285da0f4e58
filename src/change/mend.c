/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a finding to the changes that mend it: its judge said which (check/check.h), here they are made. */
#include "change/cmdline-edit.h"
#include "change/makers.h"

typedef int mend_maker(struct plan *plan, const struct subject_set *set, const struct mend *mend, struct error *error);

static int make_parameters(struct plan *plan, const struct subject_set *set, const struct mend *mend,
			   struct error *error)
{
	struct slice rest = slice_of(mend->what);
	struct slice word;
	size_t count = 0;
	struct parameter_change *changes = arena_alloc_array(plan->arena, rest.length + 1, sizeof(*changes));
	while (slice_next_word(&rest, &word))
		changes[count++] = (struct parameter_change){ arena_strndup(plan->arena, word.start, word.length),
							      mend->kind == MEND_REMOVE_PARAMETER };
	return make_kernel_parameters(plan, set->boot, changes, count, error);
}

static int make_option(struct plan *plan, const struct subject_set *set, const struct mend *mend, struct error *error)
{
	return make_module_option(plan, set->boot, mend->where, mend->what, error);
}

static int take_line_out(struct plan *plan, const struct subject_set *set, const struct mend *mend, struct error *error)
{
	(void)set;
	int r = make_no_line(plan, mend->where, mend->line, mend->what, error);
	return r < 0 ? r : make_initramfs(plan, "the initramfs has a copy of that file", error);
}

static int one_line(struct plan *plan, const struct subject_set *set, const struct mend *mend, struct error *error)
{
	(void)mend;
	return make_one_line(plan, set->boot, error);
}

static int boot_anew(struct plan *plan, const struct subject_set *set, const struct mend *mend, struct error *error)
{
	(void)mend;
	return make_boot(plan, set->boot, error);
}

static int initramfs_anew(struct plan *plan, const struct subject_set *set, const struct mend *mend,
			  struct error *error)
{
	(void)set;
	(void)mend;
	return make_initramfs(plan, "the initramfs is older than what it is made from", error);
}

static int set_attribute(struct plan *plan, const struct subject_set *set, const struct mend *mend, struct error *error)
{
	(void)set;
	return plan_set_attribute(plan, mend->where, mend->what,
				  arena_printf(plan->arena, "until the next boot: '%s'", mend->what), error);
}

static int bind_at_boot(struct plan *plan, const struct subject_set *set, const struct mend *mend, struct error *error)
{
	struct pci_address address;
	int r = pci_address_parse(mend->what, &address, error);
	return r < 0 ? r : make_bind_at_boot(plan, set->boot, address, error);
}

static int give_viommu(struct plan *plan, const struct subject_set *set, const struct mend *mend, struct error *error)
{
	const struct viommu_wish wish = { .set = set, .vm = set->vm };
	const char *purpose = plan->purpose;
	enum viommu_way way;
	(void)mend;
	int r = make_viommu(plan, &wish, &way, error);
	/* This plan is not only that. */
	plan->purpose = purpose;
	return r;
}

static mend_maker *const makers[] = {
	[MEND_SET_PARAMETER] = make_parameters,
	[MEND_REMOVE_PARAMETER] = make_parameters,
	[MEND_MODULE_OPTION] = make_option,
	[MEND_LINE] = take_line_out,
	[MEND_ONE_LINE] = one_line,
	[MEND_BOOT] = boot_anew,
	[MEND_INITRAMFS] = initramfs_anew,
	[MEND_ATTRIBUTE] = set_attribute,
	[MEND_BIND_AT_BOOT] = bind_at_boot,
	[MEND_VIOMMU] = give_viommu,
};

static int make_all(struct plan *plan, const struct subject_set *set, const struct finding *finding,
		    struct error *error)
{
	int r = 0;
	plan->check = finding->check->id;
	for (size_t i = 0; i < finding->mend_count && r == 0; i++)
		r = makers[finding->mends[i].kind](plan, set, &finding->mends[i], error);
	plan->check = NULL;
	return r;
}

/* Whether somebody who acts is to be waited for: what we could do would not help before. */
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
	if (!finding->mend_count || !is_ours(finding))
		return error_set(error, -ENOTSUP, "%s: %s: nestpci has no change for it; %s: %s", id, finding->summary,
				 actor_name(finding->actor), remedy);
	struct plan before = plan_copy(plan);
	int r = make_all(plan, set, finding, error);
	if (r == 0)
		return 0;
	*plan = before;
	return r;
}
