/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb/findings.h"

#include "base/say.h"
#include "report/table.h"
#include "report/text.h"
#include "verb/findings-fold.h"

#define WIDTH_MAX 100
#define WIDTH_DEFAULT 80
#define VERDICT_COLUMNS 9 /* "UNKNOWN" and two blanks */
#define LABEL_COLUMNS 18  /* the same, and "wanted:  " */
#define NAMED_MAX 8       /* of those that a finding speaks for; JSON has them all */

struct screen {
	struct arena *arena;
	size_t width;
	bool colour;
	bool gap; /* a blank line is due before what comes next */
};

static struct screen open_screen(struct arena *arena)
{
	size_t width = say_width(stdout);
	if (width == 0)
		width = WIDTH_DEFAULT;
	return (struct screen){ .arena = arena,
				.width = width < WIDTH_MAX ? width : WIDTH_MAX,
				.colour = say_in_colour(stdout) };
}

const char *findings_level_name(unsigned int level)
{
	static const char *const names[] = { "L0, the host at the bottom", "L1, a VM that is itself a hypervisor",
					     "L2, a VM inside a VM" };
	return level < ARRAY_SIZE(names) ? names[level] : "?";
}

size_t findings_count(const struct findings_report *report, enum verdict verdict)
{
	size_t count = 0;
	for (size_t i = 0; i < report->findings->count; i++)
		count += report->findings->items[i].verdict == verdict;
	for (size_t i = 0; report->log && i < report->log->count; i++)
		count += report->log->items[i].pattern->verdict == verdict;
	return count;
}

/* ---- One finding ---- */

static const char *verdict_colour(enum verdict verdict)
{
	static const char *const colours[] = {
		[VERDICT_PASS] = "\033[32m",    [VERDICT_WARN] = "\033[33m", [VERDICT_FAIL] = "\033[1;31m",
		[VERDICT_UNKNOWN] = "\033[35m", [VERDICT_NA] = "\033[2m",
	};
	return colours[verdict];
}

static void print_verdict(const struct screen *screen, enum verdict verdict)
{
	const char *name = verdict_name(verdict);
	printf("%s%s%s%*s", screen->colour ? verdict_colour(verdict) : "", name, screen->colour ? "\033[0m" : "",
	       (int)(VERDICT_COLUMNS - strlen(name)), "");
}

static void print_labelled(const struct screen *screen, const char *label, const char *text)
{
	printf("%*s%-*s", VERDICT_COLUMNS, "", LABEL_COLUMNS - VERDICT_COLUMNS, label);
	say_wrapped(stdout, report_printable(screen->arena, text), LABEL_COLUMNS, LABEL_COLUMNS, screen->width);
}

static void print_remedy(const struct screen *screen, const char *remedy, enum actor actor, enum restart restart)
{
	if (!remedy)
		return;
	print_labelled(screen, "do:", remedy);
	if (actor == ACTOR_NOBODY)
		return;
	if (restart == RESTART_NONE)
		print_labelled(screen, "who:", actor_name(actor));
	else
		print_labelled(screen, "who:",
			       arena_printf(screen->arena, "%s; then %s", actor_name(actor), restart_name(restart)));
}

const char *findings_command(struct arena *arena, const struct finding *finding)
{
	bool is_wrong = finding->verdict == VERDICT_WARN || finding->verdict == VERDICT_FAIL;
	if (!is_wrong || !finding->mend_count)
		return NULL;
	if (finding->check->scope == CHECK_DEVICE)
		return arena_printf(arena, "nestpci apply --device %s --for %s", finding->subject, finding->check->id);
	if (finding->check->scope == CHECK_VM)
		return arena_printf(arena, "nestpci apply --vm %s --for %s", finding->subject + strlen("VM "),
				    finding->check->id);
	return arena_printf(arena, "nestpci apply --for %s", finding->check->id);
}

static bool is_short(enum verdict verdict)
{
	return verdict == VERDICT_PASS || verdict == VERDICT_NA;
}

static bool same_evidence(const struct finding *a, const struct finding *b)
{
	if (a->evidence_count != b->evidence_count)
		return false;
	for (size_t i = 0; i < a->evidence_count; i++)
		if (!text_equals(a->evidence[i].where, b->evidence[i].where) ||
		    !text_equals(a->evidence[i].what, b->evidence[i].what))
			return false;
	return true;
}

/* What is unknown for one and the same reason is said once. */
static bool says_the_same(const struct finding *a, const struct finding *b)
{
	return a->verdict == VERDICT_UNKNOWN && b->verdict == VERDICT_UNKNOWN && !a->remedy && !b->remedy &&
	       text_equals(a->subject, b->subject) && text_equals(a->summary, b->summary) && same_evidence(a, b);
}

/* Findings that are shown as one. */
struct shown {
	const struct finding *finding;
	struct list checks;   /* their ids: one, or several that say the same of the host */
	struct list subjects; /* the first few that one check says the same of, without the finding's own */
	size_t alike;         /* how many there are of these */
};

static const char *join(const struct screen *screen, const struct list *list)
{
	struct buffer text = { .arena = screen->arena };
	for (size_t i = 0; i < list->count; i++)
		buffer_printf(&text, "%s%s", i ? ", " : "", list->items[i]);
	return text.text;
}

static void print_alike(const struct screen *screen, const struct shown *shown)
{
	size_t more = shown->alike - shown->subjects.count;
	if (!shown->alike)
		return;
	print_labelled(screen, "alike:",
		       arena_printf(screen->arena, "%s%s", join(screen, &shown->subjects),
				    more ? arena_printf(screen->arena, " and %zu more (--json has all)", more) : ""));
}

static void print_shown(const struct screen *screen, const struct shown *shown)
{
	const struct finding *finding = shown->finding;
	struct buffer text = { .arena = screen->arena };
	if (finding->check->scope != CHECK_HOST)
		buffer_printf(&text, "%s%s, ", finding->subject,
			      shown->alike ? arena_printf(screen->arena, " and %zu more", shown->alike) : "");
	buffer_printf(&text, "%s: %s", join(screen, &shown->checks), finding->summary);
	print_verdict(screen, finding->verdict);
	say_wrapped(stdout, report_printable(screen->arena, text.text), VERDICT_COLUMNS, VERDICT_COLUMNS,
		    screen->width);
	if (!is_short(finding->verdict)) {
		for (size_t i = 0; i < finding->evidence_count; i++)
			print_labelled(screen, i ? "" : "seen:",
				       arena_printf(screen->arena, "%s: %s", finding->evidence[i].where,
						    finding->evidence[i].what));
		if (finding->wanted)
			print_labelled(screen, "wanted:", finding->wanted);
		print_remedy(screen, finding->remedy, finding->actor, finding->restart);
		const char *command = findings_command(screen->arena, finding);
		if (command)
			print_labelled(screen, "or:", command);
	}
	print_alike(screen, shown);
}

/* ---- Families ---- */

static bool is_shown(const struct findings_report *report, enum verdict verdict)
{
	return report->all || !is_short(verdict);
}

static bool is_of(const struct finding *finding, const struct check_family *family)
{
	for (const struct check *check = family->checks; check->id; check++)
		if (check == finding->check)
			return true;
	return false;
}

static void print_heading(struct screen *screen, const char *title, size_t passed)
{
	if (screen->gap)
		putchar('\n');
	screen->gap = false;
	printf("%s%s%s", screen->colour ? "\033[1m" : "", title, screen->colour ? "\033[0m" : "");
	if (passed)
		printf(" (%zu passed)", passed);
	putchar('\n');
}

/* Checks of the host that say the same, from the first on; returns how many. */
static size_t print_host_findings(const struct screen *screen, const struct findings_report *report,
				  const struct finding *findings, size_t count)
{
	struct shown shown = { .finding = findings, .checks.arena = screen->arena };
	while (shown.checks.count < count &&
	       (!shown.checks.count || says_the_same(findings, &findings[shown.checks.count])))
		list_add(&shown.checks, findings[shown.checks.count].check->id);
	if (is_shown(report, findings->verdict))
		print_shown(screen, &shown);
	return shown.checks.count;
}

/* What the first one's check says of all its subjects; returns of how many. */
static size_t print_check(const struct screen *screen, const struct findings_report *report,
			  const struct finding *findings, size_t count)
{
	size_t end = 0;
	while (end < count && findings[end].check == findings->check)
		end++;
	size_t *speakers = arena_alloc_array(screen->arena, end, sizeof(*speakers));
	struct shown *shown = arena_alloc_array(screen->arena, end, sizeof(*shown));
	findings_fold(findings, end, screen->arena, speakers);
	for (size_t i = 0; i < end; i++) {
		struct shown *speaker = &shown[speakers[i]];
		if (speakers[i] == i) {
			*speaker = (struct shown){ .finding = &findings[i],
						   .checks.arena = screen->arena,
						   .subjects.arena = screen->arena };
			list_add(&speaker->checks, findings[i].check->id);
		} else if (++speaker->alike <= NAMED_MAX) {
			list_add(&speaker->subjects, findings[i].subject);
		}
	}
	for (size_t i = 0; i < end; i++)
		if (speakers[i] == i && is_shown(report, findings[i].verdict))
			print_shown(screen, &shown[i]);
	return end;
}

/* Findings of a family stand together, from `first` on; returns the index behind them. */
static size_t print_family(struct screen *screen, const struct findings_report *report,
			   const struct check_family *family, size_t first)
{
	const struct findings *findings = report->findings;
	size_t passed = 0;
	size_t shown = 0;
	size_t end = first;
	for (; end < findings->count && is_of(&findings->items[end], family); end++) {
		passed += findings->items[end].verdict == VERDICT_PASS;
		shown += is_shown(report, findings->items[end].verdict);
	}
	if (shown || passed)
		print_heading(screen, family->title, passed);
	for (size_t i = first; i < end;)
		i += findings->items[i].check->scope == CHECK_HOST ?
			     print_host_findings(screen, report, findings->items + i, end - i) :
			     print_check(screen, report, findings->items + i, end - i);
	screen->gap = screen->gap || shown;
	return end;
}

/* ---- The log ---- */

static void print_log_finding(const struct screen *screen, const struct log_finding *finding)
{
	const struct log_pattern *pattern = finding->pattern;
	print_verdict(screen, pattern->verdict);
	const char *text = arena_printf(screen->arena, "%s%s%s: %s", finding->device ? finding->device : "",
					finding->device ? ", " : "", pattern->id, pattern->means);
	say_wrapped(stdout, report_printable(screen->arena, text), VERDICT_COLUMNS, VERDICT_COLUMNS, screen->width);
	print_labelled(screen, "line:",
		       arena_printf(screen->arena, "%zu: %s%s", finding->line_number, finding->line,
				    finding->times > 1 ? arena_printf(screen->arena, " (%zu times)", finding->times) :
							 ""));
	if (finding->detail)
		print_labelled(screen, "is:", finding->detail);
	if (pattern->verdict != VERDICT_PASS && pattern->verdict != VERDICT_NA)
		print_remedy(screen, pattern->remedy, pattern->actor, pattern->restart);
}

static void print_log(struct screen *screen, const struct findings_report *report)
{
	if (!report->log)
		return;
	print_heading(screen,
		      arena_printf(screen->arena, "Log: %s, %zu lines",
				   report_printable(screen->arena, report->log_source->source.path),
				   report->log->lines),
		      0);
	size_t shown = 0;
	for (size_t i = 0; i < report->log->count; i++) {
		if (report->log->items[i].pattern->verdict == VERDICT_NA && !report->all)
			continue;
		print_log_finding(screen, &report->log->items[i]);
		shown++;
	}
	if (!shown)
		puts("         No line of it says anything that matters here.");
	if (!report->log_source->complete)
		puts("         It does not reach back to the start of the kernel: what it does not say\n"
		     "         may have been said.");
}

/* ---- Head and foot ---- */

static void print_machine(const struct screen *screen, const struct subject_set *set)
{
	const struct host *host = set->host;
	const struct machine *machine = &host->machine;
	struct buffer text = { .arena = screen->arena };
	buffer_puts(&text, fact_known(&machine->dmi_vendor) ? machine->dmi_vendor.text : "a machine without DMI");
	if (fact_known(&machine->dmi_product))
		buffer_printf(&text, " %s", machine->dmi_product.text);
	if (fact_known(&machine->container))
		buffer_printf(&text, ", in a container%s%s", machine->container.text ? ": " : "",
			      machine->container.text ? machine->container.text : "");
	if (machine->is_vm)
		buffer_printf(&text, ", a VM (%s)", machine->vm_evidence ? machine->vm_evidence : "?");
	if (host->cpu.model_name)
		buffer_printf(&text, "; %s", host->cpu.model_name);
	if (fact_known(&host->kernel.release))
		buffer_printf(&text, "; Linux %s", host->kernel.release.text);
	fputs("Machine: ", stdout);
	say_wrapped(stdout, report_printable(screen->arena, text.text), 9, 9, screen->width);
	printf("Judged:  as %s%s\n", findings_level_name(set->level),
	       host->root_user ? "" : ", seen by an ordinary user");
}

static void print_vm(const struct screen *screen, const struct vm *vm)
{
	static const char *const managers[] = { "plain QEMU", "Proxmox VE", "libvirt" };
	if (!vm)
		return;
	bool named = vm->name && !text_equals(vm->name, vm->id);
	const char *text = arena_printf(screen->arena, "VM:      %s%s%s%s, %s%s%s; devices: %zu", vm->id ? vm->id : "?",
					named ? " (" : "", named ? vm->name : "", named ? ")" : "",
					managers[vm->manager], vm->path ? ", " : "", vm->path ? vm->path : "",
					vm->device_count);
	say_wrapped(stdout, report_printable(screen->arena, text), 0, 9, screen->width);
}

static void print_sum(const struct screen *screen, const struct findings_report *report)
{
	printf("%zu passed, %zu warned of, %zu failed, %zu unknown; %zu do not arise here.\n",
	       findings_count(report, VERDICT_PASS), findings_count(report, VERDICT_WARN),
	       findings_count(report, VERDICT_FAIL), findings_count(report, VERDICT_UNKNOWN),
	       findings_count(report, VERDICT_NA));
	size_t denied = 0;
	for (size_t i = 0; i < report->findings->count; i++)
		denied += report->findings->items[i].denied;
	if (denied)
		printf("Root would know more: %zu of what is unknown.\n", denied);
}

/* On a machine that is not x86, say, an empty page is no good news. */
static void print_nothing_judged(const struct screen *screen, const struct findings_report *report)
{
	const struct findings *findings = report->findings;
	if (!findings->count || findings_count(report, VERDICT_NA) != findings->count)
		return;
	const char *text = arena_printf(screen->arena, "No verdict was reached: %s.", findings->items[0].summary);
	say_wrapped(stdout, report_printable(screen->arena, text), 0, 0, screen->width);
}

/* Causes stand before their consequences, so that the first failure is where to begin. */
static void print_next(const struct screen *screen, const struct findings_report *report)
{
	const struct finding *first = NULL;
	for (size_t i = 0; i < report->findings->count && !first; i++)
		if (report->findings->items[i].verdict == VERDICT_FAIL)
			first = &report->findings->items[i];
	if (!first)
		return;
	const char *text = arena_printf(screen->arena, "Begin with %s: %s", first->check->id,
					first->remedy ? first->remedy : first->summary);
	say_wrapped(stdout, report_printable(screen->arena, text), 0, 0, screen->width);
	printf("'nestpci explain %s' tells more.\n", first->check->id);
}

void findings_print(const struct findings_report *report, struct arena *arena)
{
	struct screen screen = open_screen(arena);
	size_t next = 0;
	print_machine(&screen, report->set);
	print_vm(&screen, report->set->vm);
	screen.gap = true;
	for (size_t i = 0; check_families[i]; i++)
		next = print_family(&screen, report, check_families[i], next);
	print_log(&screen, report);
	putchar('\n');
	print_sum(&screen, report);
	print_nothing_judged(&screen, report);
	print_next(&screen, report);
}

/* ---- The table of checks ---- */

static const char *level_cell(struct arena *arena, unsigned int levels)
{
	struct buffer text = { .arena = arena };
	for (unsigned int level = 0; level < 3; level++)
		if (levels & (1U << level))
			buffer_printf(&text, "%s%u", text.length ? " " : "", level);
	return text.text;
}

void findings_print_table(struct arena *arena)
{
	static const char *const headings[] = { "CHECK", "OF", "LEVELS", "TITLE", NULL };
	struct table table;
	table_start(&table, arena, headings);
	for (size_t i = 0; check_families[i]; i++)
		for (const struct check *check = check_families[i]->checks; check->id; check++) {
			table_add(&table, check->id);
			table_add(&table, check_scope_name(check->scope));
			table_add(&table, level_cell(arena, check->levels));
			table_add(&table, check->title);
		}
	table_print(&table, stdout, say_width(stdout));
}

void findings_print_brief(const struct findings_report *report)
{
	for (size_t i = 0; i < report->findings->count; i++) {
		const struct finding *finding = &report->findings->items[i];
		if (finding->verdict != VERDICT_NA)
			printf("%s %s %s: %s\n", verdict_name(finding->verdict), finding->check->id, finding->subject,
			       finding->summary);
	}
	for (size_t i = 0; report->log && i < report->log->count; i++) {
		const struct log_finding *finding = &report->log->items[i];
		printf("%s %s %s: %s\n", verdict_name(finding->pattern->verdict), finding->pattern->id,
		       finding->device ? finding->device : "log", finding->line);
	}
}
