/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/wrapper.h"

#include <ctype.h>

#include "version.h"

/* ---- What stands in QEMU's place ---- */

static void pick_mark(struct slice text, struct buffer *kept)
{
	const char *mark = memmem(text.start, text.length, WRAPPER_MARK, strlen(WRAPPER_MARK));
	if (!mark)
		return;
	size_t room = text.length - (size_t)(mark - text.start);
	size_t length = strlen(WRAPPER_MARK);
	while (length < room && isgraph((unsigned char)mark[length]))
		length++;
	buffer_add(kept, mark, length);
	buffer_putc(kept, '\n');
}

static struct fact read_program(const struct root *root, struct arena *arena)
{
	struct error error;
	struct slice mark;
	char *target;
	/* A link is not the wrapper. What cannot be read as one is a file, or is not there. */
	if (root_read_link(root, arena, WRAPPER_PLACE, &target, &error) == 0)
		return fact_of(arena, WRAPPER_PLACE, NULL, -ENOENT, &error);
	int r = root_read_excerpt(root, arena, WRAPPER_PLACE, pick_mark, &mark, &error);
	/* Larger than any wrapper is QEMU itself. */
	if (r == -EFBIG || (r == 0 && mark.length == 0))
		r = -ENOENT;
	const char *version = "";
	if (r == 0) {
		struct slice line = slice_trim(mark);
		version = arena_strndup(arena, line.start + strlen(WRAPPER_MARK), line.length - strlen(WRAPPER_MARK));
	}
	return fact_of(arena, WRAPPER_PLACE, version, r, &error);
}

/* Three lines each: the file, where it is put instead, and for which package; ":" for a diversion that is local. */
static bool next_diversion(struct slice *rest, struct slice ret[3])
{
	for (size_t i = 0; i < 3; i++)
		if (!slice_next_line(rest, &ret[i]))
			return false;
	return true;
}

static void pick_diversion(struct slice text, struct buffer *kept)
{
	struct slice lines[3];
	while (next_diversion(&text, lines))
		for (size_t i = 0; i < 3 && slice_equals(lines[0], WRAPPER_PLACE); i++)
			buffer_add_line(kept, lines[i]);
}

static struct fact read_diversion(const struct root *root, struct arena *arena)
{
	struct error error;
	struct slice text;
	struct slice lines[3];
	int r = root_read_excerpt(root, arena, WRAPPER_DIVERSIONS, pick_diversion, &text, &error);
	if (r < 0 || !next_diversion(&text, lines))
		return fact_of(arena, WRAPPER_DIVERSIONS, NULL, r < 0 ? r : -ENOENT, &error);
	const char *where = arena_strndup(arena, lines[1].start, lines[1].length);
	struct fact fact = fact_of(arena, WRAPPER_DIVERSIONS, where, 0, NULL);
	if (slice_equals(lines[2], ":") && strcmp(where, WRAPPER_REAL) == 0)
		return fact;
	fact.state = FACT_WRONG;
	fact.problem = arena_printf(arena, "%s is diverted to %s%s%.*s, not for the wrapper", WRAPPER_PLACE, where,
				    slice_equals(lines[2], ":") ? "" : " by package ",
				    slice_equals(lines[2], ":") ? 0 : (int)lines[2].length, lines[2].start);
	return fact;
}

static struct fact read_real(const struct root *root, struct arena *arena, const char *path)
{
	struct error error;
	struct stat status;
	char *real;
	int r = root_real_path(root, arena, path, &real, &error);
	if (r == 0)
		r = root_stat(root, real, &status, &error);
	struct fact fact = fact_of(arena, path, r == 0 ? real : NULL, r, &error);
	/* Of a snapshot the permissions are not known. */
	bool fine = r < 0 || root->snapshot || (S_ISREG(status.st_mode) && status.st_mode & 0111);
	if (!fine) {
		fact.state = FACT_WRONG;
		fact.problem = arena_printf(arena, "%s is no program that can be executed", real);
	}
	return fact;
}

static bool is_stale(const struct root *root, const struct wrapper_state *state)
{
	struct stat place;
	struct stat real;
	return fact_known(&state->program) && fact_known(&state->real) &&
	       root_stat(root, WRAPPER_PLACE, &place, NULL) == 0 &&
	       root_stat(root, state->real.text, &real, NULL) == 0 && place.st_mtim.tv_sec != real.st_mtim.tv_sec;
}

/* ---- What it is told ---- */

static void add_vm(struct arena *arena, struct wrapper_state *state, const struct wrapper_line *line, bool once,
		   const char *where)
{
	for (size_t i = 0; i < state->vm_count; i++)
		if (strcmp(state->vms[i].name, line->name) == 0) {
			/* Of several lines the last counts; and every start includes the next. */
			if (!once)
				state->vms[i] = (struct wrapper_vm){ line->name, false, where, line->options,
								     line->groups };
			return;
		}
	state->vms = arena_grow(arena, state->vms, state->vm_count, state->vm_count + 1, sizeof(*state->vms));
	state->vms[state->vm_count++] = (struct wrapper_vm){ line->name, once, where, line->options, line->groups };
}

/* Returns the real QEMU that it names, or NULL. */
static const char *read_conf(const struct root *root, struct arena *arena, struct wrapper_state *state)
{
	struct error error;
	struct slice text;
	struct slice line;
	const char *qemu = NULL;
	int r = root_read(root, arena, WRAPPER_CONF, &text, &error);
	state->conf = fact_of(arena, WRAPPER_CONF, NULL, r, &error);
	for (size_t number = 1; r == 0 && slice_next_line(&text, &line); number++) {
		struct wrapper_line read;
		int wrong = wrapper_line_read(arena, line, &read, &error);
		if (wrong < 0 && state->conf.state == FACT_KNOWN) {
			state->conf.state = FACT_WRONG;
			state->conf.problem = arena_printf(arena, "%s, line %zu: %s", WRAPPER_CONF, number, error.text);
		}
		if (read.kind == WRAPPER_LINE_QEMU)
			qemu = read.name;
		if (read.kind == WRAPPER_LINE_VM)
			add_vm(arena, state, &read, false, arena_printf(arena, "%s, line %zu", WRAPPER_CONF, number));
	}
	return qemu;
}

static void read_once(const struct root *root, struct arena *arena, struct wrapper_state *state)
{
	const char *prefix = text_basename(WRAPPER_ONCE);
	const char *folder = arena_strndup(arena, WRAPPER_ONCE, (size_t)(prefix - WRAPPER_ONCE));
	struct list names = { .arena = arena };
	(void)!root_list(root, arena, folder, &names, NULL);
	for (size_t i = 0; i < names.count; i++) {
		struct slice text;
		struct slice line;
		struct wrapper_line read;
		const char *path = arena_printf(arena, "%s%s", folder, names.items[i]);
		if (text_starts_with(names.items[i], prefix) && root_read(root, arena, path, &text, NULL) == 0 &&
		    slice_next_line(&text, &line) && wrapper_line_read(arena, line, &read, NULL) == 0 &&
		    read.kind == WRAPPER_LINE_VM)
			add_vm(arena, state, &read, true, path);
	}
}

/* ---- All of it ---- */

/* The worst first. */
static const char *find_problem(const struct root *root, struct arena *arena, const struct wrapper_state *state)
{
	char *target;
	const struct fact *facts[] = { &state->program, &state->real, &state->conf, &state->diversion };
	if (fact_absent(&state->program)) {
		if (root_read_link(root, arena, WRAPPER_PLACE, &target, NULL) == 0)
			return arena_printf(arena, "%s is not the wrapper but a link to %s", WRAPPER_PLACE, target);
		return arena_printf(arena, "%s is not the wrapper", WRAPPER_PLACE);
	}
	if (fact_absent(&state->real))
		return arena_printf(arena, "%s, the real QEMU, is not there: no VM can be started", state->real.path);
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		if (fact_unknown(facts[i]))
			return facts[i]->problem;
	if (fact_absent(&state->diversion))
		return "dpkg does not divert " WRAPPER_PLACE ": the next upgrade of QEMU puts its own there";
	if (!fact_is(&state->program, NESTPCI_VERSION))
		return arena_printf(arena, "%s is the wrapper of nestpci %s, and this is nestpci %s", WRAPPER_PLACE,
				    state->program.text, NESTPCI_VERSION);
	return NULL;
}

void wrapper_state_read(const struct root *root, struct arena *arena, struct wrapper_state *ret)
{
	*ret = (struct wrapper_state){ .program = read_program(root, arena) };
	ret->diversion = read_diversion(root, arena);
	const char *qemu = read_conf(root, arena, ret);
	ret->real = read_real(root, arena, qemu ? qemu : WRAPPER_REAL);
	read_once(root, arena, ret);
	ret->installed = fact_known(&ret->program) || fact_known(&ret->diversion);
	ret->problem = find_problem(root, arena, ret);
	ret->intact = !ret->problem;
	ret->stale_time = is_stale(root, ret);
}

const struct wrapper_vm *wrapper_find_vm(const struct wrapper_state *state, const char *id)
{
	for (size_t i = 0; i < state->vm_count; i++)
		if (text_equals(state->vms[i].name, id))
			return &state->vms[i];
	return NULL;
}

const char *wrapper_why_idle(const struct wrapper_state *state)
{
	/* Without a diversion, or of another version, it still acts. */
	bool acts = fact_known(&state->program) && fact_known(&state->real) && state->conf.state != FACT_WRONG &&
		    state->conf.state != FACT_UNREADABLE;
	return acts ? NULL : state->problem;
}
