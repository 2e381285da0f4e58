/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU wrapper on a host of Proxmox VE: does it stand where it should, and do VMs get from it what they rely on?
 *
 * One cause, one finding: what keeps it from acting on a VM is a FAIL of that VM; what will only later, or does harm
 * without any VM, is of the host.
 */
#include "check/judge.h"
#include "vm/wrapper.h"

static const char *count_vms(struct arena *arena, const struct wrapper_state *wrapper)
{
	return judge_count(arena, wrapper->vm_count, "VM");
}

static void remedy_install(struct finding *finding, struct arena *arena, const struct wrapper_state *wrapper)
{
	judge_remedy(finding, ACTOR_US, RESTART_VM, arena, "nestpci apply --wrapper %s puts it in its place again",
		     wrapper->vm_count ? wrapper->vms[0].name : "VM");
}

/* ---- The host ---- */

/* What stands in QEMU's place is not the wrapper. */
static void judge_absent(const struct wrapper_state *wrapper, struct finding *finding, struct arena *arena)
{
	if (!fact_known(&wrapper->diversion)) {
		judge_na(finding, arena, "nestpci's QEMU wrapper is not installed on this host");
		return;
	}
	judge_warn(finding, arena, "dpkg diverts %s for the wrapper, which is not there: %s", WRAPPER_PLACE,
		   wrapper->problem);
	judge_evidence_fact(finding, arena, &wrapper->diversion);
	if (wrapper->vm_count)
		remedy_install(finding, arena, wrapper);
	else
		judge_remedy(finding, ACTOR_US, RESTART_NONE, arena,
			     "nestpci apply --no-wrapper VM, whichever VM, takes away what is left of it");
}

static void judge_stale_time(struct finding *finding, struct arena *arena)
{
	judge_warn(finding, arena,
		   "%s, the wrapper, has another time than the QEMU behind it: Proxmox VE's services may go on with "
		   "the version that they saw before",
		   WRAPPER_PLACE);
	judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena, "touch -c -r %s %s", WRAPPER_REAL,
		     WRAPPER_PLACE);
}

static void judge_place(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct wrapper_state *wrapper = set->vms ? set->vms->wrapper : NULL;
	if (!wrapper) {
		judge_na(finding, arena, "this host has no Proxmox VE");
	} else if (fact_unknown(&wrapper->program)) {
		judge_unknown_fact(finding, arena, &wrapper->program);
	} else if (fact_absent(&wrapper->program)) {
		judge_absent(wrapper, finding, arena);
	} else if (!fact_known(&wrapper->real)) {
		judge_fail(finding, arena, "%s", wrapper->problem);
		judge_evidence_fact(finding, arena, &wrapper->real);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "install QEMU again (apt-get install --reinstall pve-qemu-kvm)");
	} else if (wrapper->vm_count == 0) {
		judge_warn(finding, arena, "the wrapper stands in the place of QEMU, and acts on no VM");
		judge_evidence_fact(finding, arena, &wrapper->conf);
		judge_remedy(finding, ACTOR_US, RESTART_NONE, arena,
			     "nestpci apply --no-wrapper VM, whichever VM, takes it away");
	} else if (wrapper->problem) {
		judge_warn(finding, arena, "%s", wrapper->problem);
		judge_evidence_fact(finding, arena,
				    fact_known(&wrapper->diversion) ? &wrapper->program : &wrapper->diversion);
		remedy_install(finding, arena, wrapper);
	} else if (wrapper->stale_time) {
		judge_stale_time(finding, arena);
	} else {
		judge_pass(finding, arena, "the wrapper stands in the place of %s for %s, and dpkg keeps it there",
			   wrapper->real.text, count_vms(arena, wrapper));
		judge_evidence_fact(finding, arena, &wrapper->program);
		judge_evidence_fact(finding, arena, &wrapper->diversion);
	}
}

/* ---- A VM ---- */

static bool is_relied_on(const struct subject_set *set, const struct vm *vm, struct finding *finding,
			 struct arena *arena)
{
	const char *name = judge_vm_name(arena, vm);
	const struct wrapper_state *wrapper = set->vms ? set->vms->wrapper : NULL;
	if (!judge_is_proxmox(vm, finding, arena))
		return false;
	if (vm->wrapper)
		return true;
	if (wrapper && fact_unknown(&wrapper->conf) && wrapper->conf.state != FACT_WRONG)
		judge_unknown_fact(finding, arena, &wrapper->conf);
	else
		judge_na(finding, arena, "%s does not rely on the QEMU wrapper of this host", name);
	return false;
}

static void judge_idle(const struct subject_set *set, const struct vm *vm, struct finding *finding, struct arena *arena)
{
	const struct wrapper_state *wrapper = set->vms->wrapper;
	if (fact_unknown(&wrapper->program) || wrapper->real.state == FACT_UNREADABLE) {
		judge_unknown_fact(finding, arena,
				   fact_unknown(&wrapper->program) ? &wrapper->program : &wrapper->real);
		return;
	}
	judge_fail(finding, arena, "the QEMU wrapper is to give %s its vIOMMU, and does not: %s",
		   judge_vm_name(arena, vm), vm->wrapper_problem);
	judge_evidence(finding, arena, vm->wrapper->where, "vm %s", vm->wrapper->name);
	if (wrapper->conf.state == FACT_WRONG || !wrapper_why_idle(wrapper))
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena, "correct %s",
			     wrapper_why_idle(wrapper) ? "that line" :
							 "the VM's definition, or its line for the wrapper");
	else
		remedy_install(finding, arena, wrapper);
}

static void judge_relies(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	if (!is_relied_on(set, vm, finding, arena))
		return;
	if (vm->machine_known && !vm->q35) {
		judge_na(finding, arena, "%s is no q35, which a vIOMMU needs first (vm-machine-q35)", name);
	} else if (vm->wrapper_problem) {
		judge_idle(set, vm, finding, arena);
	} else if (vm->ha) {
		judge_warn(finding, arena,
			   "%s gets its vIOMMU from the QEMU wrapper of this host, and HA may start it on another",
			   name);
		judge_evidence(finding, arena, vm->wrapper->where, "vm %s", vm->wrapper->name);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "nestpci apply --wrapper %s on every node that HA may choose, too; or viommu=intel in "
			     "its machine setting where every node has qemu-server 8.1.2",
			     vm->wrapper->name);
	} else {
		judge_pass(finding, arena, "the QEMU wrapper gives %s its vIOMMU at %s", name,
			   vm->wrapper->once ? "its next start, and no other" : "every start on this host");
		judge_evidence(finding, arena, vm->wrapper->where, "vm %s", vm->wrapper->name);
	}
}

static const struct check checks[] = {
	{
		.id = "wrapper-place",
		.scope = CHECK_HOST,
		.levels = CHECK_HYPERVISORS,
		.title = "the QEMU wrapper is whole, or not there at all",
		.looks_at = WRAPPER_PLACE ", " WRAPPER_REAL ", dpkg's diversions, " WRAPPER_CONF,
		.why = "Proxmox VE starts every VM by " WRAPPER_PLACE
		       ". Where nestpci's wrapper stands there, dpkg must know, or "
		       "an upgrade takes its place; and its time must be QEMU's, by which Proxmox VE notices a new version.",
		.mend = "nestpci apply --wrapper VM puts it in its place, --no-wrapper VM takes it away.",
		.see = "nestpci-wrapper(8); dpkg-divert(1)",
		.rows = "",
		.at_rest = true,
		.judge = judge_place,
	},
	{
		.id = "vm-wrapper",
		.scope = CHECK_VM,
		.levels = CHECK_HYPERVISORS,
		.title = "a VM that relies on the QEMU wrapper gets its vIOMMU from it",
		.looks_at = WRAPPER_CONF ", " WRAPPER_ONCE "VM, what stands in QEMU's place, what the wrapper would do",
		.why = "Without it the VM starts as ever, but without IOMMU groups: nothing says so before L2 is started. It "
		       "belongs to one host: another node needs its own.",
		.mend = "nestpci apply --wrapper VM, on each node that may start the VM.",
		.see = "nestpci-wrapper(8)",
		.rows = "F196",
		.judge = judge_relies,
	},
	{ 0 },
};

const struct check_family check_family_wrapper = { "wrapper", "The QEMU wrapper", checks };
