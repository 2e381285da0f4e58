/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of the QEMU wrapper: each state of it once. */
#include "test-judge.h"

#include "vm/wrapper.h"

struct trial {
	struct world *world;
	struct wrapper_state state;
	struct wrapper_vm vms[2];
};

/* All is well: it acts on VM 100, and on another. */
static void begin(struct trial *trial, struct world *world)
{
	*trial = (struct trial){
		.world = world,
		.vms = { { .name = "100", .where = "/etc/nestpci/wrapper.conf, line 3", .options.aw_bits = 39 },
			 { .name = "web", .where = "/etc/nestpci/wrapper.conf, line 4" } },
		.state = { .program = KNOWN(WRAPPER_PLACE, "0.1.0"),
			   .diversion = KNOWN(WRAPPER_DIVERSIONS, WRAPPER_REAL),
			   .real = KNOWN(WRAPPER_REAL, "/usr/bin/qemu-system-x86_64"),
			   .conf = KNOWN(WRAPPER_CONF, NULL),
			   .installed = true,
			   .vm_count = 2 },
	};
	trial->state.vms = trial->vms;
	world->all.wrapper = &trial->state;
	world->vms[0].wrapper = &trial->vms[0];
}

static void whole(struct trial *trial)
{
	(void)trial;
}

static void no_proxmox(struct trial *trial)
{
	trial->world->all.wrapper = NULL;
	trial->world->vms[0].wrapper = NULL;
}

static void plain_qemu(struct trial *trial)
{
	trial->world->vms[0].manager = VM_PLAIN;
}

static void not_there(struct trial *trial)
{
	trial->state = (struct wrapper_state){ .program = ABSENT(WRAPPER_PLACE),
					       .diversion = ABSENT(WRAPPER_DIVERSIONS),
					       .real = ABSENT(WRAPPER_REAL),
					       .conf = ABSENT(WRAPPER_CONF),
					       .problem = "it is not the wrapper" };
	trial->world->vms[0].wrapper = NULL;
}

static void denied(struct trial *trial)
{
	trial->state.conf = fact_denied(WRAPPER_CONF);
	trial->state.problem = "Permission denied";
	trial->world->vms[0].wrapper = NULL;
}

static void program_denied(struct trial *trial)
{
	trial->state.program = fact_denied(WRAPPER_PLACE);
	trial->state.problem = trial->world->vms[0].wrapper_problem = "Permission denied";
}

static void diversions_denied(struct trial *trial)
{
	trial->state.diversion = fact_denied(WRAPPER_DIVERSIONS);
	trial->state.problem = "Permission denied";
}

static void replaced(struct trial *trial)
{
	trial->state.program = ABSENT(WRAPPER_PLACE);
	trial->state.problem = trial->world->vms[0].wrapper_problem = "it is a link to qemu-system-x86_64";
}

static void no_qemu(struct trial *trial)
{
	trial->state.real = ABSENT(WRAPPER_REAL);
	trial->state.problem = trial->world->vms[0].wrapper_problem = "the real QEMU is not there";
}

static void wrong_line(struct trial *trial)
{
	trial->state.conf.state = FACT_WRONG;
	trial->state.problem = trial->state.conf.problem = "line 2: nonsense";
	trial->world->vms[0].wrapper_problem = trial->state.problem;
}

static void needed_by_nobody(struct trial *trial)
{
	trial->state.vm_count = 0;
	trial->world->vms[0].wrapper = NULL;
}

static void diversion_left(struct trial *trial)
{
	needed_by_nobody(trial);
	replaced(trial);
}

static void no_diversion(struct trial *trial)
{
	trial->state.diversion = ABSENT(WRAPPER_DIVERSIONS);
	trial->state.problem = "the next upgrade takes its place";
}

static void diverted_by_others(struct trial *trial)
{
	trial->state.diversion.state = FACT_WRONG;
	trial->state.problem = trial->state.diversion.problem = "is diverted to another place";
}

static void stale(struct trial *trial)
{
	trial->state.stale_time = true;
}

static void once(struct trial *trial)
{
	trial->vms[0].once = true;
	trial->state.vm_count = 1;
}

static void once_and_replaced(struct trial *trial)
{
	once(trial);
	replaced(trial);
}

static void i440fx(struct trial *trial)
{
	trial->world->vms[0].q35 = false;
}

static void refused(struct trial *trial)
{
	trial->world->vms[0].wrapper_problem = "the line has an amd-iommu";
}

static void ha(struct trial *trial)
{
	trial->world->vms[0].ha = true;
}

/* clang-format off */
static const struct row {
	const char *id;
	enum verdict verdict;
	const char *part;   /* of the summary */
	const char *remedy; /* part of it, or NULL */
	void (*change)(struct trial *trial);
} rows[] = {
	{ "wrapper-place", VERDICT_PASS,    "for VM 100 and 1 other",           NULL, whole },
	{ "wrapper-place", VERDICT_NA,      "no Proxmox VE",                    NULL, no_proxmox },
	{ "wrapper-place", VERDICT_NA,      "is not installed",                 NULL, not_there },
	{ "wrapper-place", VERDICT_UNKNOWN, "wrapper.conf",                     NULL, denied },
	{ "wrapper-place", VERDICT_UNKNOWN, "/usr/bin/kvm",                     NULL, program_denied },
	{ "wrapper-place", VERDICT_UNKNOWN, "/var/lib/dpkg/diversions",         NULL, diversions_denied },
	{ "wrapper-place", VERDICT_FAIL,    "is a link to qemu-system-x86_64",  "apply --wrapper '100 aw-bits=39'", replaced },
	{ "wrapper-place", VERDICT_FAIL,    "to VM 100: it is a link",          "apply --wrapper-once '100 aw", once_and_replaced },
	{ "wrapper-place", VERDICT_FAIL,    "the real QEMU is not there",       "--reinstall pve-qemu-kvm", no_qemu },
	{ "wrapper-place", VERDICT_FAIL,    "line 2: nonsense",                 "correct that line", wrong_line },
	{ "wrapper-place", VERDICT_WARN,    "acts on no VM",                    "apply --no-wrapper", needed_by_nobody },
	{ "wrapper-place", VERDICT_WARN,    "dpkg still diverts",               "apply --no-wrapper", diversion_left },
	{ "wrapper-place", VERDICT_WARN,    "next upgrade takes its place",     "apply --wrapper", no_diversion },
	{ "wrapper-place", VERDICT_WARN,    "diverted to another place",        "dpkg-divert --no-rename --remove", diverted_by_others },
	{ "wrapper-place", VERDICT_WARN,    "another time",                     "touch -c -r", stale },
	{ "vm-wrapper",    VERDICT_PASS,    "at every start on this host",      NULL, whole },
	{ "vm-wrapper",    VERDICT_PASS,    "at its next start, and no other",  NULL, once },
	{ "vm-wrapper",    VERDICT_NA,      "",                                 NULL, plain_qemu },
	{ "vm-wrapper",    VERDICT_NA,      "does not rely on",                 NULL, not_there },
	{ "vm-wrapper",    VERDICT_NA,      "does not rely on",                 NULL, no_proxmox },
	{ "vm-wrapper",    VERDICT_UNKNOWN, "wrapper.conf",                     NULL, denied },
	{ "vm-wrapper",    VERDICT_UNKNOWN, "whether the QEMU wrapper acts",    NULL, program_denied },
	{ "vm-wrapper",    VERDICT_NA,      "no q35",                           NULL, i440fx },
	{ "vm-wrapper",    VERDICT_FAIL,    "the line has an amd-iommu",        "correct the VM's definition", refused },
	{ "vm-wrapper",    VERDICT_WARN,    "HA may start it on another",       "every node", ha },
};
/* clang-format on */

static void each_state_has_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		const struct check *check = check_find(row->id);
		struct world *world = make_world();
		struct trial trial;
		begin(&trial, world);
		row->change(&trial);
		struct finding finding = { .check = check, .subject = "test" };
		check->judge(&world->m.set, check->scope == CHECK_VM ? &world->vms[0] : NULL, &finding,
			     &world->m.arena);
		if (!finding.summary || finding.verdict != row->verdict || !strstr(finding.summary, row->part) ||
		    (row->remedy && (!finding.remedy || !strstr(finding.remedy, row->remedy))))
			fail_msg("row %zu: %s is %s: %s (%s); wanted %s: %s (%s)", i, row->id,
				 verdict_name(finding.verdict), finding.summary ? finding.summary : "nothing",
				 finding.remedy ? finding.remedy : "-", verdict_name(row->verdict), row->part,
				 row->remedy ? row->remedy : "-");
		end_world(world);
	}
}

/* One cause, one FAIL: the VM has none because the wrapper gives it none. */
static void what_the_wrapper_withholds_is_not_missed_twice(void **state)
{
	(void)state;
	struct world *world = make_world();
	struct trial trial;
	begin(&trial, world);
	replaced(&trial);
	world->vms[0].viommu_count = 0;
	const struct check *check = check_find("vm-viommu-present");
	struct finding finding = { .check = check, .subject = "test" };
	check->judge(&world->m.set, &world->vms[0], &finding, &world->m.arena);
	assert_int(finding.verdict, VERDICT_NA);
	assert_contains(finding.summary, "wrapper-place");
	end_world(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_has_its_verdict),
		cmocka_unit_test(what_the_wrapper_withholds_is_not_missed_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
