/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU wrapper on a host of Proxmox VE: does it stand where it should, and do VMs get from it what they rely on?
 *
 * One cause, one FAIL: what keeps it from acting at all is of the host, what keeps it from acting on a VM is of the VM.
 */
#include "check/judge.h"
#include "vm/wrapper.h"

static const char *count_vms(struct arena *arena, const struct wrapper_state *wrapper)
{
	const char *first = wrapper->vms[0].name;
	return wrapper->vm_count == 1 ?
		       arena_printf(arena, "VM %s", first) :
		       arena_printf(arena, "VM %s and %s", first, judge_count(arena, wrapper->vm_count - 1, "other"));
}

/* "nestpci apply --wrapper '100 aw-bits=39'": the first VM's line as it is; all that is shared is put right by it. */
static const char *install(struct arena *arena, const struct wrapper_state *wrapper)
{
	const struct wrapper_vm *vm = &wrapper->vms[0];
	const char *line = wrapper_line_format(arena, vm->name, &vm->options, &vm->groups) + strlen("vm ");
	const char *quote = strchr(line, ' ') ? "'" : "";
	return arena_printf(arena, "nestpci apply --wrapper%s %s%s%s", vm->once ? "-once" : "", quote, line, quote);
}

/* Those of the wrapper's file may be called by name, which only a person can turn into an id. */
static void remedy_install(struct finding *finding, struct arena *arena, const struct wrapper_state *wrapper)
{
	if (wrapper->diversion.state == FACT_WRONG)
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			     "take that diversion away first "
			     "(dpkg-divert --no-rename --remove %s), then: %s",
			     WRAPPER_PLACE, install(arena, wrapper));
	else
		judge_remedy(finding, ACTOR_US, RESTART_VM, arena, "%s", install(arena, wrapper));
}

static void remedy_remove(struct finding *finding, struct arena *arena)
{
	judge_remedy(finding, ACTOR_US, RESTART_NONE, arena,
		     "nestpci apply --no-wrapper VM, whichever VM, takes it away");
}

/* ---- The host ---- */

/* VMs rely on it, and it does nothing for them. */
static void judge_idle(const struct wrapper_state *wrapper, struct finding *finding, struct arena *arena)
{
	judge_fail(finding, arena, "the QEMU wrapper gives no vIOMMU to %s: %s", count_vms(arena, wrapper),
		   wrapper->problem);
	judge_evidence(finding, arena, wrapper->vms[0].where, "vm %s", wrapper->vms[0].name);
	if (fact_known(&wrapper->program) && !fact_known(&wrapper->real))
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			     "install QEMU again: apt-get install --reinstall pve-qemu-kvm");
	else if (wrapper->conf.state == FACT_WRONG && fact_known(&wrapper->program))
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena, "correct that line");
	else
		remedy_install(finding, arena, wrapper);
}

/* It is in QEMU's place, or was. */
static void judge_unused(const struct wrapper_state *wrapper, struct finding *finding, struct arena *arena)
{
	if (fact_known(&wrapper->program))
		judge_warn(finding, arena, "the wrapper stands in the place of QEMU, and acts on no VM%s%s",
			   wrapper->problem ? "; " : "", wrapper->problem ? wrapper->problem : "");
	else
		judge_warn(finding, arena, "dpkg still diverts %s for the wrapper: %s", WRAPPER_PLACE,
			   wrapper->problem);
	judge_evidence_fact(finding, arena, fact_known(&wrapper->program) ? &wrapper->program : &wrapper->diversion);
	remedy_remove(finding, arena);
}

static void judge_unsafe(const struct wrapper_state *wrapper, struct finding *finding, struct arena *arena)
{
	judge_warn(finding, arena, "%s", wrapper->problem);
	if (fact_absent(&wrapper->diversion))
		judge_evidence(finding, arena, WRAPPER_DIVERSIONS, "no line for %s", WRAPPER_PLACE);
	else
		judge_evidence_fact(finding, arena,
				    fact_known(&wrapper->diversion) ? &wrapper->program : &wrapper->diversion);
	remedy_install(finding, arena, wrapper);
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

static bool is_unreadable(const struct fact *fact)
{
	return fact->state == FACT_UNREADABLE;
}

static void judge_place(const struct subject_set *set, const void *subject, struct finding *finding,
			struct arena *arena)
{
	const struct wrapper_state *wrapper = set->vms ? set->vms->wrapper : NULL;
	if (!wrapper)
		judge_na(finding, arena, "this host has no Proxmox VE");
	else if (is_unreadable(&wrapper->program) || is_unreadable(&wrapper->conf))
		judge_unknown_fact(finding, arena,
				   is_unreadable(&wrapper->program) ? &wrapper->program : &wrapper->conf);
	else if (!wrapper->installed && !wrapper->vm_count)
		judge_na(finding, arena, "nestpci's QEMU wrapper is not installed on this host");
	else if (!wrapper->vm_count)
		judge_unused(wrapper, finding, arena);
	else if (is_unreadable(&wrapper->real) || is_unreadable(&wrapper->diversion))
		judge_unknown_fact(finding, arena,
				   is_unreadable(&wrapper->real) ? &wrapper->real : &wrapper->diversion);
	else if (wrapper_why_idle(wrapper))
		judge_idle(wrapper, finding, arena);
	else if (wrapper->problem)
		judge_unsafe(wrapper, finding, arena);
	else if (wrapper->stale_time)
		judge_stale_time(finding, arena);
	else {
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

static void judge_relies(const struct subject_set *set, const void *subject, struct finding *finding,
			 struct arena *arena)
{
	const struct vm *vm = subject;
	const char *name = judge_vm_name(arena, vm);
	if (!is_relied_on(set, vm, finding, arena))
		return;
	if (vm->machine_known && !vm->q35) {
		judge_na(finding, arena, "%s is no q35, which a vIOMMU needs first (vm-machine-q35)", name);
	} else if (vm->wrapper_problem && wrapper_why_idle(set->vms->wrapper)) {
		judge_unknown(finding, arena, "not known whether the QEMU wrapper acts on %s: %s", name,
			      vm->wrapper_problem);
	} else if (vm->wrapper_problem) {
		judge_fail(finding, arena, "the QEMU wrapper would start %s as it is: %s", name, vm->wrapper_problem);
		judge_evidence(finding, arena, vm->wrapper->where, "vm %s", vm->wrapper->name);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_VM, arena,
			     "correct the VM's definition, or its line for the wrapper");
	} else if (vm->ha) {
		judge_warn(finding, arena,
			   "%s gets its vIOMMU from the QEMU wrapper of this host, and HA may start it on another",
			   name);
		judge_evidence(finding, arena, vm->wrapper->where, "vm %s", vm->wrapper->name);
		judge_remedy(finding, ACTOR_ADMINISTRATOR, RESTART_NONE, arena,
			     "nestpci apply --wrapper on every node that HA may choose, too; or viommu=intel in its "
			     "machine setting where every node has qemu-server 8.1.2");
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
		.needs = "wrapper-place",
		.judge = judge_relies,
	},
	{ 0 },
};

const struct check_family check_family_wrapper = { "wrapper", "The QEMU wrapper", checks };
