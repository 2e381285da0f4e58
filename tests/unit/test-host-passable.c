/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a device can be passed on: the judgement of models, and what is gathered for it. */
#include "host/passable-read.h"

#include "test-host-users.h"

#define FUNCTIONS_MAX 8

/* A host of a few functions, made by hand, in groups by number. */
struct model {
	struct arena arena;
	struct pci_function functions[FUNCTIONS_MAX];
	size_t count;
	struct use uses[FUNCTIONS_MAX];
	size_t use_count;
	struct passable_groups groups;
};

static struct pci_function *add(struct model *model, const char *address, int32_t class, const char *group,
				const char *driver)
{
	struct pci_function *function = &model->functions[model->count++];
	*function = (struct pci_function){ .address = address_of(address), .class = class, .group = group };
	function->driver = driver;
	function->is_bridge = class >> 8 == 0x0604;
	return function;
}

static void add_use(struct model *model, const char *address, enum use_kind kind, bool needed, const char *brief)
{
	model->uses[model->use_count++] = (struct use){
		.address = address_of(address),
		.kind = kind,
		.needed = needed,
		.unsure = kind == USE_UNKNOWN,
		.brief = brief,
		.text = brief,
	};
}

/* 1: a port, a GPU and its audio function. 2: an NVMe disk. None: a serial card. */
static void start(struct model *model)
{
	*model = (struct model){ 0 };
	add(model, "00:01.0", 0x060400, "1", "pcieport");
	add(model, "01:00.0", 0x030000, "1", "nouveau");
	add(model, "01:00.1", 0x040300, "1", "snd_hda_intel");
	add(model, "02:00.0", 0x010802, "2", "nvme");
	add(model, "03:00.0", 0x070002, NULL, "serial");
}

static int compare(const void *a, const void *b)
{
	return pci_address_compare(((const struct pci_function *)a)->address,
				   ((const struct pci_function *)b)->address);
}

static void sort(struct model *model)
{
	qsort(model->functions, model->count, sizeof(*model->functions), compare);
	struct pci_functions functions = { model->functions, model->count };
	passable_sort_groups(&model->arena, &functions, &model->groups);
}

static void judge(struct model *model, bool inactive_ok)
{
	struct uses uses = { model->uses, model->use_count, 0 };
	for (size_t i = 0; i < model->groups.count; i++)
		passable_judge_group(&model->arena, &model->groups.items[i], &uses, inactive_ok);
}

static struct passable verdict_of(struct model *model, const char *address)
{
	struct passable passable = { 0 };
	struct uses uses = { model->uses, model->use_count, 0 };
	for (size_t i = 0; i < model->count; i++)
		if (pci_address_equal(model->functions[i].address, address_of(address)))
			passable_judge(&model->arena, &model->functions[i], model->groups.of[i], 1, &uses, &passable);
	return passable;
}

static void expect_brief(struct model *model, const char *address, const char *wanted)
{
	struct uses uses = { model->uses, model->use_count, 0 };
	for (size_t i = 0; i < model->count; i++) {
		struct passable passable;
		if (!pci_address_equal(model->functions[i].address, address_of(address)))
			continue;
		passable_judge(&model->arena, &model->functions[i], model->groups.of[i], 1, &uses, &passable);
		assert_string_equal(passable_brief(&model->arena, &model->functions[i], &passable), wanted);
		bool yes = strncmp(wanted, "yes", 3) == 0;
		bool unknown = strncmp(wanted, "unknown", 7) == 0;
		assert_int(passable.verdict, yes ? PASSABLE_YES : unknown ? PASSABLE_UNKNOWN : PASSABLE_NO);
		assert_true(!passable.worst == yes);
	}
}

static void what_nobody_uses_can_be_passed_on(void **state)
{
	struct model model;
	(void)state;
	start(&model);
	sort(&model);
	judge(&model, false);
	assert_int(model.groups.count, 2);
	expect_brief(&model, "00:01.0", "no: bridge");
	expect_brief(&model, "01:00.0", "yes, with 1 other");
	expect_brief(&model, "01:00.1", "yes, with 1 other");
	expect_brief(&model, "02:00.0", "yes");
	expect_brief(&model, "03:00.0", "no group");
	arena_release(&model.arena);
}

static void what_one_member_is_used_for_holds_all(void **state)
{
	struct model model;
	(void)state;
	start(&model);
	add_use(&model, "01:00.0", USE_CONSOLE, true, "console");
	add_use(&model, "01:00.1", USE_PROCESS, true, "process 5 (x)");
	add_use(&model, "02:00.0", USE_NETWORK, false, "network");
	sort(&model);
	judge(&model, false);
	expect_brief(&model, "01:00.0", "no: console");
	/* Its own tells more than its neighbour's. */
	expect_brief(&model, "01:00.1", "no: process 5 (x)");
	/* What is not needed is a cost, and no obstacle. */
	expect_brief(&model, "02:00.0", "yes");
	arena_release(&model.arena);
}

static void the_neighbour_is_named(void **state)
{
	struct model model;
	(void)state;
	start(&model);
	add(&model, "0001:e1:00.0", 0x010802, "1", "nvme");
	add_use(&model, "01:00.0", USE_CONSOLE, true, "console");
	sort(&model);
	judge(&model, false);
	expect_brief(&model, "01:00.1", "no: console (01:00.0)");
	expect_brief(&model, "0001:e1:00.0", "no: console (0000:01:00.0)");
	arena_release(&model.arena);
}

static void what_is_behind_vmd_never_goes(void **state)
{
	struct model model;
	(void)state;
	start(&model);
	add(&model, "10000:e1:00.0", 0x010802, "1", "nvme");
	sort(&model);
	judge(&model, false);
	expect_brief(&model, "10000:e1:00.0", "no: behind VMD");
	arena_release(&model.arena);
}

static void what_nobody_uses_is_free(void **state)
{
	struct model model;
	(void)state;
	start(&model);
	add_use(&model, "01:00.0", USE_NETWORK, false, "network");
	add_use(&model, "01:00.1", USE_UNKNOWN, false, "data not known");
	add_use(&model, "02:00.0", USE_UNKNOWN, true, "processes");
	sort(&model);
	judge(&model, false);
	assert_false(verdict_of(&model, "00:01.0").free);
	assert_false(verdict_of(&model, "01:00.0").free);
	assert_true(verdict_of(&model, "01:00.1").free);
	assert_false(verdict_of(&model, "02:00.0").free);
	/* Free, though it cannot be passed on. */
	assert_true(verdict_of(&model, "03:00.0").free);
	arena_release(&model.arena);
}

static void a_bridge_holds_nobody(void **state)
{
	struct model model;
	(void)state;
	start(&model);
	add_use(&model, "00:01.0", USE_FILE_SYSTEM, true, "root file system");
	sort(&model);
	judge(&model, false);
	expect_brief(&model, "01:00.0", "yes, with 1 other");
	arena_release(&model.arena);
}

static void the_worst_is_told(void **state)
{
	struct model model;
	(void)state;
	start(&model);
	add_use(&model, "02:00.0", USE_UNKNOWN, true, "processes");
	sort(&model);
	judge(&model, false);
	expect_brief(&model, "02:00.0", "unknown: processes");
	arena_release(&model.arena);
	/* What is sure says more than what is not known, a file system more than an array, the root more than others. */
	static const struct {
		enum use_kind kind;
		const char *brief;
	} uses[] = {
		{ USE_UNKNOWN, "processes" },
		{ USE_PROCESS, "process 5 (x)" },
		{ USE_STACKED, "part of md0" },
		{ USE_FILE_SYSTEM, "mounted at /srv" },
		{ USE_FILE_SYSTEM, "root file system" },
	};
	for (size_t last = 1; last < ARRAY_SIZE(uses); last++) {
		start(&model);
		for (size_t i = 0; i <= last; i++)
			add_use(&model, "02:00.0", uses[i].kind, true, uses[i].brief);
		sort(&model);
		judge(&model, false);
		expect_brief(&model, "02:00.0", arena_printf(&model.arena, "no: %s", uses[last].brief));
		arena_release(&model.arena);
	}
}

static void an_unknown_of_ones_own_hides_no_refusal(void **state)
{
	struct model model;
	(void)state;
	start(&model);
	add_use(&model, "01:00.0", USE_UNKNOWN, true, "processes");
	add_use(&model, "01:00.1", USE_PROCESS, true, "process 5 (x)");
	sort(&model);
	judge(&model, false);
	expect_brief(&model, "01:00.0", "no: process 5 (x) (01:00.1)");
	arena_release(&model.arena);
}

static void inactive_data_may_be_allowed(void **state)
{
	static const bool allowed[] = { false, true };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		struct model model;
		start(&model);
		add_use(&model, "02:00.0", USE_MEMBER, true, "LVM2_member data");
		sort(&model);
		judge(&model, allowed[i]);
		expect_brief(&model, "02:00.0", allowed[i] ? "yes" : "no: LVM2_member data");
		arena_release(&model.arena);
	}
}

static void what_a_group_has_holds_all(void **state)
{
	struct model model;
	(void)state;
	start(&model);
	sort(&model);
	model.groups.items[0].reserved = "0x1000-0x1fff";
	list_add(&model.groups.items[1].others, "INT33C2:00");
	judge(&model, false);
	expect_brief(&model, "01:00.1", "no: reserved memory");
	expect_brief(&model, "02:00.0", "no: INT33C2:00 in its group");
	struct passable passable = verdict_of(&model, "01:00.1");
	assert_contains(passable.worst->text, "0x1000-0x1fff");
	assert_contains(passable.worst->text, "IOMMU group 1");
	arena_release(&model.arena);
	start(&model);
	sort(&model);
	list_add(&model.groups.items[1].problems, "not known who is in it");
	judge(&model, false);
	expect_brief(&model, "02:00.0", "unknown: not readable");
	arena_release(&model.arena);
}

static void virtual_functions_hold_what_vfio_pci_has_not_got(void **state)
{
	struct model model;
	(void)state;
	start(&model);
	sort(&model);
	model.groups.items[1].members[0].virtual_functions = "4";
	judge(&model, false);
	expect_brief(&model, "02:00.0", "no: has VFs");
	assert_contains(verdict_of(&model, "02:00.0").worst->text, "it has 4 SR-IOV virtual functions");
	arena_release(&model.arena);
	start(&model);
	model.functions[3].driver = "vfio-pci";
	sort(&model);
	model.groups.items[1].members[0].virtual_functions = "4";
	judge(&model, false);
	expect_brief(&model, "02:00.0", "yes");
	arena_release(&model.arena);
}

static void parts_of_the_host_go_only_when_they_are_named(void **state)
{
	struct model model;
	(void)state;
	start(&model);
	add(&model, "00:00.0", 0x060000, "1", NULL);
	add(&model, "00:1f.0", 0x060100, "1", NULL);
	add(&model, "00:1f.5", 0x068000, "1", NULL);
	add_use(&model, "00:1f.5", USE_PROCESS, true, "process 5 (x)");
	sort(&model);
	judge(&model, false);
	expect_brief(&model, "00:00.0", "no: host bridge");
	expect_brief(&model, "00:1f.0", "no: ISA bridge");
	/* It need not go along with the GPU, so nobody minds what it is used for; by itself it does. */
	expect_brief(&model, "01:00.0", "yes, with 1 other");
	expect_brief(&model, "00:1f.5", "no: process 5 (x)");
	assert_int(verdict_of(&model, "00:1f.5").along, 2);
	assert_string_equal(passable_left_alone(&model.functions[3]), "a part of the host (class 06) without a driver");
	arena_release(&model.arena);
}

static void what_could_not_be_read_is_not_judged(void **state)
{
	struct model model;
	(void)state;
	start(&model);
	struct pci_function *function = &model.functions[1];
	function->problems.arena = &model.arena;
	list_add(&function->problems, "class: Input/output error");
	sort(&model);
	judge(&model, false);
	expect_brief(&model, "01:00.0", "unknown: not readable");
	expect_brief(&model, "01:00.1", "unknown: not readable (01:00.0)");
	arena_release(&model.arena);
}

static void without_a_group_it_is_said_why(void **state)
{
	(void)state;
	assert_contains(passable_no_group(0), "no IOMMU is active on this host");
	assert_contains(passable_no_group(1), "does not cover this device");
	assert_contains(passable_no_group(-EACCES), "not known whether an IOMMU is active");
}

/* --- What is gathered --- */

static void expect_gathered(void *const *state, const char *address, const char *wanted)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct error error;
	struct passables all = { 0 };
	struct passables one = { 0 };
	size_t place = 0;
	open_fake(state, &root);
	if (passable_read_all(&root, &arena, &all, &error) < 0 ||
	    passable_read_device(&root, &arena, address_of(address), &one, &place, &error) < 0)
		fail_msg("%s", error.text);
	const struct pci_function *function = &all.functions.items[place];
	assert_true(pci_address_equal(function->address, address_of(address)));
	/* Both ways of looking see the same. */
	assert_string_equal(passable_brief(&arena, function, &all.items[place]), wanted);
	assert_string_equal(passable_brief(&arena, &one.functions.items[place], &one.items[place]), wanted);
}

static void fake_host(void *const *state)
{
	fake_disk(state);
	fake_pci(state, "0000:02:00.0", "0x020000\n", "16", "ice");
	fake_pci(state, "0000:03:00.0", "0x088000\n", NULL, NULL);
}

static void what_stands_in_the_way_is_gathered(void **state)
{
	fake_host(state);
	expect_gathered(state, "01:00.0", "yes");
	expect_gathered(state, "02:00.0", "yes");
	expect_gathered(state, "03:00.0", "no group");
	fake_file(state, "/proc/self/mountinfo", "25 1 259:2 / / rw - ext4 x rw\n");
	expect_gathered(state, "01:00.0", "no: root file system");
	put_directory(state, fake_path("0000:02:01.0", ""));
	fake_link(state, fake_path("0000:02:00.0", "virtfn0"), "../0000:02:01.0");
	expect_gathered(state, "02:00.0", "no: has VFs");
}

static void reserved_memory_is_gathered(void **state)
{
	fake_host(state);
	fake_file(
		state, "/sys/kernel/iommu_groups/16/reserved_regions",
		"0x00000000fee00000 0x00000000feefffff msi\n0x00000000000e0000 0x00000000000fffff direct-relaxable\n");
	expect_gathered(state, "02:00.0", "yes");
	fake_file(state, "/sys/kernel/iommu_groups/16/reserved_regions",
		  "0x00000000000e0000 0x00000000000fffff direct\n0x00000000fee00000 0x00000000feefffff msi\n");
	expect_gathered(state, "02:00.0", "no: reserved memory");
	fake_file(state, "/sys/kernel/iommu_groups/16/reserved_regions", "rubbish\n");
	expect_gathered(state, "02:00.0", "unknown: not readable");
	unlink(in_folder(state, "/sys/kernel/iommu_groups/16/reserved_regions"));
	put_directory(state, "/sys/kernel/iommu_groups/16/reserved_regions");
	expect_gathered(state, "02:00.0", "unknown: not readable");
}

static void members_that_are_no_pci_devices_are_gathered(void **state)
{
	fake_host(state);
	put_directory(state, "/sys/devices/platform/INT33C2:00");
	fake_link(state, "/sys/kernel/iommu_groups/16/devices/INT33C2:00", "/sys/devices/platform/INT33C2:00");
	fake_link(state, "/sys/bus/platform/devices/INT33C2:00", "../../../devices/platform/INT33C2:00");
	fake_link(state, "/sys/devices/platform/INT33C2:00/iommu_group", "/sys/kernel/iommu_groups/16");
	expect_gathered(state, "02:00.0", "yes");
	put_directory(state, "/sys/devices/platform/INT33C2:00/driver");
	expect_gathered(state, "02:00.0", "no: INT33C2:00 in its group");
	expect_gathered(state, "01:00.0", "yes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_uses_can_be_passed_on),
		cmocka_unit_test(what_one_member_is_used_for_holds_all),
		cmocka_unit_test(the_neighbour_is_named),
		cmocka_unit_test(what_is_behind_vmd_never_goes),
		cmocka_unit_test(what_nobody_uses_is_free),
		cmocka_unit_test(a_bridge_holds_nobody),
		cmocka_unit_test(the_worst_is_told),
		cmocka_unit_test(an_unknown_of_ones_own_hides_no_refusal),
		cmocka_unit_test(inactive_data_may_be_allowed),
		cmocka_unit_test(what_a_group_has_holds_all),
		cmocka_unit_test(virtual_functions_hold_what_vfio_pci_has_not_got),
		cmocka_unit_test(parts_of_the_host_go_only_when_they_are_named),
		cmocka_unit_test(what_could_not_be_read_is_not_judged),
		cmocka_unit_test(without_a_group_it_is_said_why),
		cmocka_unit_test_setup_teardown(what_stands_in_the_way_is_gathered, make_folder_with_dev,
						remove_folder),
		cmocka_unit_test_setup_teardown(reserved_memory_is_gathered, make_folder_with_dev, remove_folder),
		cmocka_unit_test_setup_teardown(members_that_are_no_pci_devices_are_gathered, make_folder_with_dev,
						remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
