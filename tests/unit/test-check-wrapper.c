/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-judge.h"
#include "vm/wrapper.h"

/* clang-format off */
static struct reach reach[] = {
	{ "wrapper-place",     P | W | F | U | N, 0 },
	{ "vm-wrapper",        P | W | F | U | N, 0 },
	{ "vm-viommu-present", N,             0 },
	{ 0 },
};
/* clang-format on */

#define WORLD struct world *w = *state
#define EXPECT(id, verdict, part) expect(w, reach, id, VERDICT_##verdict, part)

/* A wrapper in its place, and whole, that acts on VM 100. */
struct installed {
	struct wrapper_vm vm;
	struct wrapper_state state;
};

static struct installed *install(struct world *world)
{
	struct installed *installed = arena_alloc(&world->m.arena, sizeof(*installed));
	installed->vm = (struct wrapper_vm){ .name = "100", .where = WRAPPER_CONF ", line 2" };
	installed->state = (struct wrapper_state){
		.program = KNOWN(WRAPPER_PLACE, "1.0"),
		.diversion = KNOWN(WRAPPER_DIVERSIONS, WRAPPER_REAL),
		.real = KNOWN(WRAPPER_REAL, WRAPPER_REAL),
		.conf = KNOWN(WRAPPER_CONF, NULL),
		.installed = true,
		.intact = true,
		.vms = &installed->vm,
		.vm_count = 1,
	};
	world->all.wrapper = &installed->state;
	world->vms[0].wrapper = &installed->vm;
	return installed;
}

static void break_it(struct wrapper_state *state, const char *problem)
{
	state->intact = false;
	state->problem = problem;
}

/* ---- The host ---- */

static void a_host_may_have_none(void **state)
{
	WORLD;
	EXPECT("wrapper-place", NA, "has no Proxmox VE");
	struct installed *installed = install(w);
	installed->state.installed = false;
	installed->state.vm_count = 0;
	installed->state.program = ABSENT(WRAPPER_PLACE);
	EXPECT("wrapper-place", NA, "not installed");
}

static void one_that_is_whole_passes(void **state)
{
	WORLD;
	struct installed *installed = install(w);
	EXPECT("wrapper-place", PASS, "for VM 100");
	installed->state.stale_time = true;
	EXPECT("wrapper-place", WARN, "another time than the QEMU behind it");
}

static void one_that_cannot_act_fails(void **state)
{
	WORLD;
	struct installed *installed = install(w);
	installed->state.program = ABSENT(WRAPPER_PLACE);
	break_it(&installed->state, "QEMU stands in its place");
	EXPECT("wrapper-place", FAIL, "gives no vIOMMU to VM 100: QEMU stands in its place");
}

static void one_that_an_upgrade_would_replace_is_warned_of(void **state)
{
	WORLD;
	struct installed *installed = install(w);
	installed->state.diversion = ABSENT(WRAPPER_DIVERSIONS);
	break_it(&installed->state, "dpkg does not know of it");
	EXPECT("wrapper-place", WARN, "dpkg does not know of it");
}

static void one_that_nobody_needs_is_warned_of(void **state)
{
	WORLD;
	struct installed *installed = install(w);
	installed->state.vm_count = 0;
	EXPECT("wrapper-place", WARN, "acts on no VM");
	installed->state.program = ABSENT(WRAPPER_PLACE);
	break_it(&installed->state, "QEMU stands in its place");
	EXPECT("wrapper-place", WARN, "still diverts");
}

static void what_cannot_be_read_is_unknown(void **state)
{
	WORLD;
	struct installed *installed = install(w);
	installed->state.real = UNREADABLE(WRAPPER_REAL);
	EXPECT("wrapper-place", UNKNOWN, WRAPPER_REAL);
	installed->state.program = UNREADABLE(WRAPPER_PLACE);
	EXPECT("wrapper-place", UNKNOWN, WRAPPER_PLACE);
}

/* ---- A VM ---- */

static void a_vm_gets_its_viommu(void **state)
{
	WORLD;
	struct installed *installed = install(w);
	EXPECT("vm-wrapper", PASS, "every start on this host");
	installed->vm.once = true;
	EXPECT("vm-wrapper", PASS, "its next start, and no other");
	w->vms[0].ha = true;
	EXPECT("vm-wrapper", WARN, "HA may start it on another");
}

static void a_vm_need_not_rely_on_it(void **state)
{
	WORLD;
	struct installed *installed = install(w);
	w->vms[0].q35 = false;
	EXPECT("vm-wrapper", NA, "is no q35");
	w->vms[0].wrapper = NULL;
	EXPECT("vm-wrapper", NA, "does not rely on");
	installed->state.conf = UNREADABLE(WRAPPER_CONF);
	EXPECT("vm-wrapper", UNKNOWN, WRAPPER_CONF);
}

static void a_vm_that_it_would_leave_alone_fails(void **state)
{
	WORLD;
	struct installed *installed = install(w);
	w->vms[0].viommu_count = 0;
	w->vms[0].wrapper_problem = "its line has a vIOMMU that is not the first";
	EXPECT("vm-wrapper", FAIL, "would start VM 100 as it is");
	EXPECT("vm-viommu-present", NA, "the QEMU wrapper is to give VM 100 its vIOMMU");
	installed->state.program = ABSENT(WRAPPER_PLACE);
	break_it(&installed->state, "QEMU stands in its place");
	EXPECT("vm-wrapper", UNKNOWN, "not known whether the QEMU wrapper acts on VM 100");
}

static void every_verdict_was_given(void **state)
{
	assert_reached(reach);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_world(a_host_may_have_none),
		test_in_world(one_that_is_whole_passes),
		test_in_world(one_that_cannot_act_fails),
		test_in_world(one_that_an_upgrade_would_replace_is_warned_of),
		test_in_world(one_that_nobody_needs_is_warned_of),
		test_in_world(what_cannot_be_read_is_unknown),
		test_in_world(a_vm_gets_its_viommu),
		test_in_world(a_vm_need_not_rely_on_it),
		test_in_world(a_vm_that_it_would_leave_alone_fails),
		cmocka_unit_test(every_verdict_was_given),
	};
	return cmocka_run_group_tests_name("check-wrapper", tests, NULL, NULL);
}
