/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wrapper's file, edited line by line: what people wrote stays as they wrote it. */
#include "change/makers.h"
#include "vm/wrapper.h"

#define HEAD                                                                               \
	"# VMs that get a virtual IOMMU from nestpci's wrapper: see nestpci-wrapper(8).\n" \
	"# Written by nestpci; lines may be added and edited.\n"

/* The file as it will be, cut where the VM's last line begins and ends; without one both are at the end. */
struct conf {
	const char *path;
	struct file_state state;
	size_t before;
	size_t behind;
	struct slice line; /* without its newline; empty: there is none */
	struct wrapper_line read;
	bool wrong; /* the line cannot be read, and is no reason for others not to be acted on once it is replaced */
};

static bool is_of(const struct wrapper_line *line, const char *vm)
{
	return line->kind == WRAPPER_LINE_VM && strcmp(line->name, vm) == 0;
}

static int read_conf(struct plan *plan, const char *vm, struct conf *conf, struct error *error)
{
	struct slice line;
	*conf = (struct conf){ .path = WRAPPER_CONF };
	int r = plan_read(plan, &conf->path, &conf->state, error);
	if (r < 0)
		return r;
	struct slice rest = conf->state.present ? conf->state.content : slice_of("");
	conf->before = conf->behind = rest.length;
	for (size_t number = 1; slice_next_line(&rest, &line); number++) {
		struct wrapper_line read;
		struct error wrong;
		r = wrapper_line_read(plan->arena, line, &read, &wrong);
		if (is_of(&read, vm)) {
			conf->before = (size_t)(line.start - conf->state.content.start);
			conf->behind = (size_t)(rest.start - conf->state.content.start);
			conf->line = line;
			conf->read = read;
			conf->wrong = r < 0;
		} else if (r < 0) {
			return error_set(error, -EINVAL,
					 "%s%s, line %zu: %s: the wrapper acts on no VM while it stands there; correct "
					 "it first",
					 plan->root->name, conf->path, number, wrong.text);
		}
	}
	return 0;
}

/* The line as it is wanted; one that says the same already stays as it is written, and so does a comment behind it. */
static bool format_line(struct arena *arena, const struct conf *conf, const struct wrapper_wish *wish, const char **ret)
{
	struct list groups = { .arena = arena };
	for (size_t i = 0; i < wish->group_count; i++)
		list_add(&groups, wish->groups[i]);
	const char *wanted = wrapper_line_format(arena, wish->vm, &wish->options, &groups);
	if (conf->line.length && !conf->wrong &&
	    strcmp(wrapper_line_format(arena, wish->vm, &conf->read.options, &conf->read.groups), wanted) == 0)
		return false;
	size_t from = conf->line.length ? conf->read.length : 0;
	*ret = arena_printf(arena, "%s%.*s", wanted, (int)(conf->line.length - from), conf->line.start + from);
	return true;
}

static int write_conf(struct plan *plan, const struct conf *conf, const char *line, const char *why,
		      struct error *error)
{
	struct buffer text = { .arena = plan->arena };
	struct slice content = conf->state.present ? conf->state.content : slice_of(HEAD);
	size_t before = conf->state.present ? conf->before : content.length;
	size_t behind = conf->state.present ? conf->behind : content.length;
	buffer_add(&text, content.start, before);
	if (text.length && text.text[text.length - 1] != '\n')
		buffer_putc(&text, '\n');
	buffer_printf(&text, "%s\n", line);
	buffer_add(&text, content.start + behind, content.length - behind);
	return plan_write_file(plan, conf->path, (struct slice){ text.text, text.length }, 0644, RESTART_VM, why,
			       error);
}

int make_wrapper_line(struct plan *plan, const struct wrapper_wish *wish, struct error *error)
{
	struct conf conf;
	const char *line = NULL;
	const char *once = arena_printf(plan->arena, WRAPPER_ONCE "%s", wish->vm);
	const char *why = arena_printf(plan->arena, "have the wrapper give VM %s a vIOMMU at %s", wish->vm,
				       wish->once ? "one start" : "every start");
	int r = read_conf(plan, wish->vm, &conf, error);
	if (r < 0)
		return r;
	if (wish->once && conf.line.length) {
		list_printf(&plan->notes, "%s names VM %s already: it gets its vIOMMU at every start", conf.path,
			    wish->vm);
		return 0;
	}
	struct conf none = { 0 };
	bool differs = format_line(plan->arena, wish->once ? &none : &conf, wish, &line);
	if (wish->once)
		return plan_write_file(plan, once, slice_of(arena_printf(plan->arena, "%s\n", line)), 0644, RESTART_VM,
				       why, error);
	if (differs)
		r = write_conf(plan, &conf, line, why, error);
	return r < 0 ? r : plan_remove_file(plan, once, RESTART_NONE, "every start includes the next", error);
}

/* What people wrote, and not we. */
static bool has_more(struct slice text)
{
	struct slice line;
	while (slice_next_line(&text, &line))
		if (slice_trim(line).length && !memmem(HEAD, strlen(HEAD), line.start, line.length))
			return true;
	return false;
}

static const char *why_alone(const struct plan *plan, const char *vm)
{
	return arena_printf(plan->arena, "the wrapper is to leave VM %s alone", vm);
}

int make_no_wrapper_mark(struct plan *plan, const char *vm, struct error *error)
{
	return plan_remove_file(plan, arena_printf(plan->arena, WRAPPER_ONCE "%s", vm), RESTART_NONE,
				why_alone(plan, vm), error);
}

int make_no_wrapper_line(struct plan *plan, const char *vm, struct error *error)
{
	struct file_state state;
	struct slice line;
	struct buffer kept = { .arena = plan->arena };
	const char *path = WRAPPER_CONF;
	const char *why = why_alone(plan, vm);
	int r = plan_read(plan, &path, &state, error);
	if (r < 0 || !state.present)
		return r;
	buffer_puts(&kept, "");
	for (struct slice rest = state.content; slice_next_line(&rest, &line);) {
		struct wrapper_line read;
		bool wrong = wrapper_line_read(plan->arena, line, &read, NULL) < 0;
		(void)wrong;
		if (!is_of(&read, vm))
			buffer_add(&kept, line.start, (size_t)(rest.start - line.start));
	}
	struct slice text = { kept.text, kept.length };
	if (!has_more(text))
		return plan_remove_own_file(plan, path, RESTART_VM, why, error);
	return plan_write_file(plan, path, text, 0644, RESTART_VM, why, error);
}

static int count_once(struct plan *plan, size_t *ret, struct error *error)
{
	const char *prefix = text_basename(WRAPPER_ONCE);
	const char *folder = arena_strndup(plan->arena, WRAPPER_ONCE, (size_t)(prefix - WRAPPER_ONCE));
	struct list names = { .arena = plan->arena };
	int r = root_list(plan->root, plan->arena, folder, &names, error);
	if (root_absent(r))
		return 0;
	for (size_t i = 0; i < names.count && r == 0; i++) {
		struct file_state state = { 0 };
		const char *path = arena_printf(plan->arena, "%s%s", folder, names.items[i]);
		if (text_starts_with(names.items[i], prefix))
			r = plan_read(plan, &path, &state, error);
		*ret += state.present;
	}
	return r;
}

int wrapper_count_vms(struct plan *plan, size_t *ret, struct error *error)
{
	struct file_state state;
	struct slice line;
	const char *path = WRAPPER_CONF;
	*ret = 0;
	int r = plan_read(plan, &path, &state, error);
	if (r < 0)
		return r;
	struct slice rest = state.present ? state.content : slice_of("");
	while (slice_next_line(&rest, &line)) {
		struct wrapper_line read;
		bool wrong = wrapper_line_read(plan->arena, line, &read, NULL) < 0;
		(void)wrong;
		*ret += read.kind == WRAPPER_LINE_VM;
	}
	return count_once(plan, ret, error);
}
