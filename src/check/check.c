/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check.h"

/* What came of a check of the host, for those that need it. */
struct outcome {
	const struct check *check;
	const struct check *cause; /* which failed: itself, or one that it needs; NULL: none */
};

struct run {
	const struct subject_set *set;
	const struct list *only;
	struct arena *arena;
	struct findings *ret;
	size_t room;
	struct outcome *outcomes;
	size_t outcome_count;
	struct wish *wishes;
	size_t wish_count;
};

const struct check *check_find(const char *id)
{
	for (size_t i = 0; check_families[i]; i++)
		for (const struct check *check = check_families[i]->checks; check->id; check++)
			if (text_equals(check->id, id))
				return check;
	return NULL;
}

static size_t count_checks(void)
{
	size_t count = 0;
	for (size_t i = 0; check_families[i]; i++)
		for (const struct check *check = check_families[i]->checks; check->id; check++)
			count++;
	return count;
}

/* The check that failed and that this one needs, directly or by way of others; NULL: none. */
static const struct check *cause_of(const struct run *run, const struct check *check)
{
	struct slice rest = slice_of(check->needs ? check->needs : "");
	struct slice id;
	while (slice_next_word(&rest, &id))
		for (size_t i = 0; i < run->outcome_count; i++)
			if (run->outcomes[i].cause && slice_equals(id, run->outcomes[i].check->id))
				return run->outcomes[i].cause;
	return NULL;
}

static bool is_x86(const struct cpu *cpu)
{
	const char *name = cpu->architecture;
	if (name)
		return text_equals(name, "x86_64") || (name[0] == 'i' && text_ends_with(name, "86"));
	return !fact_known(&cpu->cpuinfo) || cpu->vendor != CPU_NOT_X86;
}

/* Whether anything was seen that only a running kernel shows. */
static bool runs(const struct host *host)
{
	return fact_known(&host->cpu.cpuinfo) || fact_known(&host->kernel.cmdline_file) ||
	       fact_known(&host->machine.memory_total) || fact_known(&host->pci_folder) ||
	       fact_known(&host->iommus.class);
}

/* What needs no judge: true when a verdict was given. */
static bool judged_beforehand(const struct run *run, const struct check *check, const struct check *cause,
			      struct finding *finding)
{
	const struct host *host = run->set->host;
	if (!(check->levels & (1U << run->set->level))) {
		judge_na(finding, run->arena, "not asked at level %u", run->set->level);
		return true;
	}
	if (cause) {
		judge_na(finding, run->arena, "follows from %s", cause->id);
		return true;
	}
	if (check->scope != CHECK_HOST)
		return false;
	if (!is_x86(&host->cpu)) {
		judge_na(finding, run->arena, "not judged on %s",
			 host->cpu.architecture ? host->cpu.architecture : "processors other than x86");
		return true;
	}
	if (!check->at_rest && !runs(host)) {
		judge_unknown(finding, run->arena, "this system does not run: nothing of /proc and /sys is here");
		return true;
	}
	return false;
}

static struct finding judge(const struct run *run, const struct check *check, const struct check *cause,
			    const char *name, const void *subject)
{
	struct finding finding = { .check = check, .subject = name, .verdict = VERDICT_UNKNOWN };
	if (!judged_beforehand(run, check, cause, &finding))
		check->judge(run->set, subject, &finding, run->arena);
	if (!finding.summary)
		judge_unknown(&finding, run->arena, "the check came to no verdict: a defect of nestpci");
	return finding;
}

static void add(struct run *run, struct finding finding)
{
	struct findings *ret = run->ret;
	if (run->only && run->only->count && !list_contains(run->only, finding.check->id))
		return;
	if (ret->count == run->room) {
		run->room = run->room ? 2 * run->room : 128;
		ret->items = arena_grow(run->arena, ret->items, ret->count, run->room, sizeof(*ret->items));
	}
	ret->items[ret->count++] = finding;
}

/* What becomes of a finding. */
typedef void taker(struct run *run, struct finding finding);

static void take_wish(struct run *run, struct finding finding)
{
	if (!finding.wish.setting || (finding.verdict != VERDICT_WARN && finding.verdict != VERDICT_FAIL))
		return;
	run->wishes = arena_grow(run->arena, run->wishes, run->wish_count, run->wish_count + 1, sizeof(*run->wishes));
	run->wishes[run->wish_count++] = finding.wish;
}

static void run_devices(struct run *run, const struct check *check, const struct check *cause)
{
	const struct host *host = run->set->host;
	for (size_t i = 0; i < host->device_count; i++) {
		char address[PCI_ADDRESS_TEXT_MAX];
		pci_address_format(host->devices[i].address, address);
		add(run, judge(run, check, cause, arena_strdup(run->arena, address), &host->devices[i]));
	}
}

static void run_vm(struct run *run, const struct check *check, const struct check *cause, taker *take)
{
	const struct vm *vm = run->set->vm;
	if (!vm)
		return;
	const char *name = arena_printf(run->arena, "VM %s", vm->id ? vm->id : "without a name");
	if (check->scope == CHECK_VM) {
		take(run, judge(run, check, cause, name, vm));
		return;
	}
	for (size_t i = 0; i < vm->device_count; i++) {
		const struct vm_device *device = &vm->devices[i];
		const char *whole = arena_printf(run->arena, "%s %s", name, device->name ? device->name : "device");
		take(run, judge(run, check, cause, whole, device));
	}
}

static void run_check(struct run *run, const struct check *check)
{
	const struct check *cause = cause_of(run, check);
	if (check->scope == CHECK_DEVICE) {
		run_devices(run, check, cause);
	} else if (check->scope == CHECK_VM || check->scope == CHECK_VM_DEVICE) {
		run_vm(run, check, cause, add);
	} else {
		struct finding finding = judge(run, check, cause, "host", NULL);
		if (finding.verdict == VERDICT_FAIL)
			cause = check;
		run->outcomes[run->outcome_count++] = (struct outcome){ check, cause };
		add(run, finding);
	}
}

/*
 * Two remedies for one setting must give one value, with both: so those of a VM are judged once for what they wish. What a
 * check of the host that failed makes of them is not known by then; it takes wishes away, and adds none.
 */
static void collect_wishes(struct run *run)
{
	for (size_t i = 0; run->set->vm && check_families[i]; i++)
		for (const struct check *check = check_families[i]->checks; check->id; check++)
			if (check->scope == CHECK_VM || check->scope == CHECK_VM_DEVICE)
				run_vm(run, check, NULL, take_wish);
}

void check_run(const struct subject_set *set, const struct list *only, struct arena *arena, struct findings *ret)
{
	*ret = (struct findings){ 0 };
	struct run run = { .set = set, .only = only, .arena = arena, .ret = ret };
	run.outcomes = arena_alloc_array(arena, count_checks(), sizeof(*run.outcomes));
	collect_wishes(&run);
	struct subject_set wished = *set;
	wished.wishes = run.wishes;
	wished.wish_count = run.wish_count;
	run.set = &wished;
	for (size_t i = 0; check_families[i]; i++)
		for (const struct check *check = check_families[i]->checks; check->id; check++)
			run_check(&run, check);
}

const char *check_scope_name(enum check_scope scope)
{
	static const char *const names[] = { "host", "device", "vm", "vm-device" };
	return names[scope];
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = { "PASS", "WARN", "FAIL", "UNKNOWN", "N/A" };
	return names[verdict];
}

const char *actor_name(enum actor actor)
{
	static const char *const names[] = {
		[ACTOR_NOBODY] = "nobody",
		[ACTOR_US] = "nestpci",
		[ACTOR_ADMINISTRATOR] = "the administrator of this machine",
		[ACTOR_OUTER] = "whoever runs the machine that this VM runs on",
		[ACTOR_FIRMWARE] = "the firmware's set-up",
		[ACTOR_VENDOR] = "the vendor",
	};
	return names[actor];
}

const char *restart_name(enum restart restart)
{
	static const char *const names[] = {
		[RESTART_NONE] = "none",
		[RESTART_VM] = "stop and start the VM",
		[RESTART_HOST] = "reboot",
	};
	return names[restart];
}
