/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds for every check of the table, whoever wrote it. */
#include "check-model.h"

#include <ctype.h>

#define for_each_check(each_)                                        \
	for (size_t family_ = 0; check_families[family_]; family_++) \
		for (const struct check *each_ = check_families[family_]->checks; each_->id; each_++)

static void every_check_says_what_it_is(void **state)
{
	for_each_check(check)
	{
		const char *const texts[] = { check->title, check->looks_at, check->why,
					      check->mend,  check->see,      check->rows };
		for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
			if (!texts[i])
				fail_msg("%s lacks text number %zu", check->id, i);
		assert_true(check->judge && check->levels && !(check->levels & ~CHECK_ALL_LEVELS));
		assert_true(strlen(check->title) <= 70);
		for (const char *c = check->id; *c; c++)
			assert_true(islower(*c) || isdigit(*c) || *c == '-');
	}
}

static void every_id_is_there_once(void **state)
{
	for_each_check(check)
	{
		if (check_find(check->id) != check)
			fail_msg("%s is there twice", check->id);
	}
}

static void rows_are_numbers_of_failure_modes(void **state)
{
	for_each_check(check)
	{
		struct slice rest = slice_of(check->rows);
		struct slice row;
		while (slice_next_word(&rest, &row)) {
			uint64_t number = 0;
			char digits[8] = "";
			assert_true(row.length == 4 && row.start[0] == 'F');
			memcpy(digits, row.start + 1, 3);
			assert_int(text_to_number(digits, 10, 215, &number), 0);
			assert_true(number >= 1);
		}
	}
}

/* Whether `id` is a check of the host that stands before `check`. */
static bool stands_before(struct slice id, const struct check *check)
{
	for_each_check(other)
	{
		if (other == check)
			return false;
		if (slice_equals(id, other->id))
			return other->scope == CHECK_HOST;
	}
	return false;
}

static void causes_stand_before_their_consequences(void **state)
{
	for_each_check(check)
	{
		struct slice rest = slice_of(check->needs ? check->needs : "");
		struct slice id;
		while (slice_next_word(&rest, &id))
			if (!stands_before(id, check))
				fail_msg("%s needs %.*s, which is no check of the host before it", check->id,
					 (int)id.length, id.start);
	}
}

static void assert_knows_nothing(struct model *m, const char *what)
{
	for_each_check(check)
	{
		if (check->scope != CHECK_HOST)
			continue;
		struct finding finding = { .check = check, .verdict = VERDICT_UNKNOWN };
		check->judge(&m->set, NULL, &finding, &m->arena);
		if (!finding.summary)
			fail_msg("%s gives no verdict (%s)", check->id, what);
		if (finding.verdict != VERDICT_UNKNOWN && finding.verdict != VERDICT_NA)
			fail_msg("%s says %s (%s): %s", check->id, verdict_name(finding.verdict), what,
				 finding.summary);
	}
}

/* The judges themselves, without what the engine asks beforehand. */
static void who_knows_nothing_says_unknown(void **state)
{
	struct model *m = *state;
	m->set = (struct subject_set){ .host = &m->host };
	for (m->set.level = 0; m->set.level < 2; m->set.level++) {
		m->set.boot = NULL;
		assert_knows_nothing(m, "nothing");
		m->set.boot = &m->boot;
		assert_knows_nothing(m, "an empty boot set-up");
		m->set.vm = &m->vm;
		assert_knows_nothing(m, "an empty VM");
		m->vm.hugepages = "2";
		m->vm.devices = m->devices;
		m->vm.device_count = 1;
		m->devices[0].iommufd = true;
		assert_knows_nothing(m, "a VM of which little is known");
		memset(&m->vm, 0, sizeof(m->vm));
		m->set.vm = NULL;
	}
}

/* An ordinary user's view when nothing at all may be read. */
static void who_may_read_nothing_says_unknown(void **state)
{
	struct model *m = *state;
	m->set = (struct subject_set){ .host = &m->host, .boot = &m->boot };
	struct fact denied = fact_denied("/somewhere");
	struct host *host = &m->host;
	host->cpu.cpuinfo = host->pci_folder = host->iommus.class = host->iommus.tables = denied;
	host->iommus.dmar_file = host->iommus.ivrs_file = host->iommus.viot_file = denied;
	host->iommus.groups_folder = host->kernel.cmdline_file = host->kernel.config_file = denied;
	host->kernel.release = host->kernel.lockdown = denied;
	host->machine.interrupts = host->machine.transparent_hugepages = denied;
	host->kvm.device = host->kvm.api = host->kvm.nested = host->kvm.nested_state = denied;
	host->modules.allow_unsafe_interrupts = host->modules.dma_entry_limit = denied;
	m->boot.initramfs = m->boot.pinned_kernel = m->boot.grub.file = m->boot.kernel_cmdline.file = denied;
	for (m->set.level = 0; m->set.level < 2; m->set.level++)
		for_each_check(check)
		{
			struct finding finding = { .check = check };
			if (check->scope != CHECK_HOST)
				continue;
			check->judge(&m->set, NULL, &finding, &m->arena);
			bool by_files = text_starts_with(check->id, "boot-");
			if (finding.verdict == VERDICT_FAIL || (finding.verdict == VERDICT_PASS && !by_files))
				fail_msg("%s says %s: %s", check->id, verdict_name(finding.verdict), finding.summary);
		}
}

static void assert_all_well(struct model *m)
{
	check_run(&m->set, NULL, &m->arena, &m->findings);
	for (size_t i = 0; i < m->findings.count; i++) {
		const struct finding *finding = &m->findings.items[i];
		if (finding->verdict != VERDICT_PASS && finding->verdict != VERDICT_NA)
			fail_msg("%s is %s: %s", finding->check->id, verdict_name(finding->verdict), finding->summary);
		if (finding->remedy)
			fail_msg("%s passes and wants: %s", finding->check->id, finding->remedy);
	}
	assert_true(m->findings.count >= 50);
	assert_true(count_verdicts(m, VERDICT_PASS) >= 30);
}

static void finds_nothing_wrong_where_nothing_is(void **state)
{
	struct model *m = *state;
	make_l0(m);
	assert_all_well(m);
}

static void finds_nothing_wrong_in_l1_either(void **state)
{
	struct model *m = *state;
	make_l1(m);
	assert_all_well(m);
}

static void has_nothing_to_say_of_the_host_in_l2(void **state)
{
	struct model *m = *state;
	make_l1(m);
	m->set.level = 2;
	m->host.iommus.count = 0;
	check_run(&m->set, NULL, &m->arena, &m->findings);
	for (size_t i = 0; i < m->findings.count; i++)
		if (m->findings.items[i].check->scope == CHECK_HOST)
			assert_int(m->findings.items[i].verdict, VERDICT_NA);
}

static void does_not_judge_other_processors(void **state)
{
	struct model *m = *state;
	memset(m, 0, sizeof(*m));
	m->set = (struct subject_set){ .host = &m->host, .boot = &m->boot };
	m->host.cpu = (struct cpu){ .cpuinfo = fact_with("/proc/cpuinfo", NULL, 0),
				    .vendor = CPU_NOT_X86,
				    .architecture = "aarch64" };
	check_run(&m->set, NULL, &m->arena, &m->findings);
	for (size_t i = 0; i < m->findings.count; i++) {
		const struct finding *finding = &m->findings.items[i];
		assert_int(finding->verdict, VERDICT_NA);
		if (finding->check->levels & CHECK_L0)
			assert_contains(finding->summary, "not judged on aarch64");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_model(every_check_says_what_it_is),
		test_with_model(every_id_is_there_once),
		test_with_model(rows_are_numbers_of_failure_modes),
		test_with_model(causes_stand_before_their_consequences),
		test_with_model(who_knows_nothing_says_unknown),
		test_with_model(who_may_read_nothing_says_unknown),
		test_with_model(finds_nothing_wrong_where_nothing_is),
		test_with_model(finds_nothing_wrong_in_l1_either),
		test_with_model(has_nothing_to_say_of_the_host_in_l2),
		test_with_model(does_not_judge_other_processors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
