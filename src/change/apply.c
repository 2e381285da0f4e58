/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/apply.h"

#include "base/child.h"
#include "change/step.h"

struct engine {
	const struct root *root;
	struct arena *arena;
	struct journal_entry *entry;
	const struct change_watch *watch;
	const struct change_undo_options *back;
};

static void tell(const struct engine *engine, const char *text)
{
	if (engine->watch && engine->watch->step)
		engine->watch->step(engine->watch->data, text);
}

static int save(const struct engine *engine, enum journal_state state, struct error *error)
{
	enum journal_state old = engine->entry->state;
	engine->entry->state = state;
	int r = journal_save(engine->root, engine->arena, engine->entry, error);
	if (r < 0)
		engine->entry->state = old;
	return r;
}

/* ---- Looking at the ground ---- */

static int check_state(struct arena *arena, const struct root *root, const char *path, const struct file_state *wanted,
		       const char **ret_difference, struct error *error)
{
	struct file_state now;
	int r = root_read_state(root, arena, path, &now, error);
	if (r < 0 || change_same_state(&now, wanted))
		return r;
	*ret_difference = change_difference(arena, path, wanted, &now);
	return error_set(error, -ESTALE, "%s%s was edited since the plan was made", root->name, path);
}

int change_check_ground(struct arena *arena, const struct plan *plan, const char **ret_difference, struct error *error)
{
	int r = 0;
	for (size_t i = 0; i < plan->ground_count && r == 0; i++)
		r = check_state(arena, plan->root, plan->grounds[i].path, &plan->grounds[i].state, ret_difference,
				error);
	for (size_t i = 0; i < plan->count && r == 0; i++) {
		const struct change *change = &plan->items[i];
		enum change_seen seen = SEEN_BEFORE;
		if (change->kind == CHANGE_FILE)
			r = check_state(arena, plan->root, change->path, &change->before, ret_difference, error);
		else if (change->kind != CHANGE_COMMAND)
			r = change_look(plan->root, arena, change, &seen, error);
		if (r == 0 && seen != SEEN_BEFORE) {
			*ret_difference = change_edited(plan->root, arena, change, SEEN_BEFORE);
			r = error_set(error, -ESTALE, "%s was changed since the plan was made",
				      change_object(arena, change));
		}
	}
	return r;
}

/* Every file and setting of the first `count` changes is as it was before, or as it shall be. An attribute lives until a reboot. */
static int check_edits(const struct engine *engine, size_t count, const char **ret_difference, struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		const struct change *change = &engine->entry->plan.items[i];
		enum change_seen seen;
		if (change->kind != CHANGE_FILE && change->kind != CHANGE_SETTING)
			continue;
		int r = change_look(engine->root, engine->arena, change, &seen, error);
		bool passed = r < 0 && engine->back && engine->back->skipped;
		if (change->kind == CHANGE_SETTING && (root_absent(r) || passed))
			continue;
		if (r < 0)
			return r;
		if (seen != SEEN_OTHER)
			continue;
		*ret_difference = change_edited(engine->root, engine->arena, change, SEEN_AFTER);
		return error_set(error, -ESTALE, "%s%s was edited since entry %llu of the journal changed it",
				 engine->root->name, change_object(engine->arena, change),
				 (unsigned long long)engine->entry->number);
	}
	return 0;
}

/* A link that led somewhere and would lead nowhere now is no way back: what it led to went meanwhile. */
static int check_links(const struct engine *engine, size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		const struct change *change = &engine->entry->plan.items[i];
		const char *link = change->kind == CHANGE_FILE ? change->before.link : NULL;
		const char *folder = !link || link[0] == '/' ? "" : change->path;
		if (!link ||
		    root_exists(engine->root, arena_printf(engine->arena, "%.*s%s",
							   (int)(text_basename(folder) - folder), folder, link)))
			continue;
		return error_set(error, -ESTALE,
				 "%s%s was a link to %s, which is not there any more: only a new plan can take this "
				 "back",
				 engine->root->name, change->path, link);
	}
	return 0;
}

static int clear_leftovers(const struct engine *engine, struct error *error)
{
	int r = 0;
	for (size_t i = 0; i < engine->entry->plan.count && r == 0; i++)
		if (engine->entry->plan.items[i].kind == CHANGE_FILE)
			r = root_remove_beside(engine->root, engine->entry->plan.items[i].path, error);
	return r;
}

/* ---- Backwards ---- */

/* What a program returned that was to take something back. An interruption is no failure of its own. */
static int passed_over(const struct engine *engine, int r, struct error *error)
{
	if (r >= 0 || !engine->back->skipped || r == -EINTR)
		return r;
	tell(engine, arena_printf(engine->arena, "passed over: %s", error->text));
	list_add(engine->back->skipped, arena_strdup(engine->arena, error->text));
	return 0;
}

static int take_back(const struct engine *engine, size_t index, struct error *error)
{
	const struct change *change = &engine->entry->plan.items[index];
	enum change_seen seen = SEEN_AFTER;
	int r = 0;
	if (change->kind != CHANGE_COMMAND)
		r = change_look(engine->root, engine->arena, change, &seen, error);
	/* An attribute goes with its device or module, a setting with its VM. */
	if ((change->kind == CHANGE_ATTRIBUTE || change->kind == CHANGE_SETTING) && root_absent(r))
		return 0;
	/* A setting is its manager's to change; one whose VM moved to another node is out of reach for good. */
	bool by_program = change->kind == CHANGE_COMMAND || change->kind == CHANGE_SETTING;
	if (r < 0 && by_program)
		return passed_over(engine, r, error);
	/* An attribute that is neither was lost in a reboot, or is somebody else's now. */
	bool leave = seen == SEEN_OTHER && (engine->back->keep_edited || change->kind == CHANGE_ATTRIBUTE);
	if (r < 0 || leave || seen == SEEN_BEFORE)
		return r;
	if (change->kind != CHANGE_COMMAND)
		tell(engine, arena_printf(engine->arena, "take back: %s", change_title(engine->arena, change)));
	else if (change->undo)
		tell(engine, arena_printf(engine->arena, "run %s", change_command(engine->arena, change->undo)));
	r = change_take_back(engine->root, engine->arena, change, error);
	return by_program ? passed_over(engine, r, error) : r;
}

static int remove_directories(const struct engine *engine, struct error *error)
{
	int r = 0;
	for (size_t i = engine->entry->directories.count; i-- > 0 && r == 0;)
		r = root_remove_directory(engine->root, engine->entry->directories.items[i], error);
	return r;
}

/* Once the files are as they were, what is made out of them is made again. */
static int generate_again(const struct engine *engine, size_t reached, struct error *error)
{
	int r = 0;
	for (size_t i = 0; i < reached && r == 0; i++) {
		const struct change *change = &engine->entry->plan.items[i];
		if (change->generates == GENERATES_NOTHING)
			continue;
		tell(engine, arena_printf(engine->arena, "%s, again", change_title(engine->arena, change)));
		r = passed_over(engine, change_run(engine->root, engine->arena, change, error), error);
	}
	return r;
}

/* All that may have begun. */
static size_t reached_by(const struct journal_entry *entry)
{
	if (entry->state == JOURNAL_PLANNED)
		return 0;
	return entry->step < entry->plan.count ? entry->step + 1 : entry->plan.count;
}

/* The journal tells of what was passed over for good. */
static void keep_skipped(const struct engine *engine)
{
	const struct list *skipped = engine->back->skipped;
	if (!skipped || !skipped->count)
		return;
	struct buffer text = { .arena = engine->arena };
	if (engine->entry->problem)
		buffer_printf(&text, "%s; ", engine->entry->problem);
	buffer_puts(&text, "passed over while it was taken back: ");
	for (size_t i = 0; i < skipped->count; i++)
		buffer_printf(&text, "%s%s", i ? "; " : "", skipped->items[i]);
	engine->entry->problem = text.text;
}

static int go_back(const struct engine *engine, size_t reached, struct error *error)
{
	int r = clear_leftovers(engine, error);
	for (size_t i = reached; i-- > 0 && r == 0;)
		r = take_back(engine, i, error);
	if (r == 0)
		r = remove_directories(engine, error);
	if (r == 0)
		r = generate_again(engine, reached, error);
	if (r < 0)
		return r;
	keep_skipped(engine);
	return save(engine, JOURNAL_UNDONE, error);
}

/* After a failure: `error` becomes the whole story. */
static enum change_end roll_back(const struct engine *forwards, struct error *error)
{
	/* Files are changed at once or not at all: one that is neither is not of our making. */
	static const struct change_undo_options options = { .keep_edited = true };
	const struct engine back = { forwards->root, forwards->arena, forwards->entry, forwards->watch, &options };
	const struct engine *engine = &back;
	struct error why;
	size_t reached = reached_by(engine->entry);
	/* What interrupted us is dealt with by going back; a second time stops that, too. */
	child_interrupted = 0;
	tell(engine, arena_printf(engine->arena, "that failed: %s; taking back what was done", error->text));
	engine->entry->problem = arena_strdup(engine->arena, error->text);
	/* Should the disk be full, the files that are there already can be put back all the same. */
	(void)!save(engine, JOURNAL_UNDOING, NULL);
	if (go_back(engine, reached, &why) == 0)
		return CHANGE_NOTHING;
	error_set(error, 0, "%s; and taking back what was done failed as well: %s", engine->entry->problem, why.text);
	return CHANGE_PARTLY;
}

/* ---- Forwards ---- */

/*
 * From the first change on, even where an earlier run came further: that one may have begun to take changes back and
 * have failed to say so. What is done already is seen, or does no harm twice; `step` never goes back.
 */
static int go_on(const struct engine *engine, bool *ret_all_done, struct error *error)
{
	struct journal_entry *entry = engine->entry;
	int r = save(engine, JOURNAL_APPLYING, error);
	for (size_t i = 0; i < entry->plan.count && r == 0; i++) {
		const struct change *change = &entry->plan.items[i];
		if (child_interrupted)
			return error_set(error, -EINTR, "interrupted before it could %s",
					 change_title(engine->arena, change));
		tell(engine, change_title(engine->arena, change));
		r = change_do(engine->root, engine->arena, change, error);
		if (r < 0)
			return r;
		if (i + 1 > entry->step)
			entry->step = i + 1;
		*ret_all_done = i + 1 == entry->plan.count;
		r = save(engine, *ret_all_done ? JOURNAL_APPLIED : JOURNAL_APPLYING, error);
	}
	return r;
}

static int forwards(const struct engine *engine, enum change_end *ret_end, struct error *error)
{
	bool all_done = false;
	*ret_end = CHANGE_DONE;
	int r = go_on(engine, &all_done, error);
	/*
	 * The journal may say "applied" already, and only not be synced. Going back without being able to say so would
	 * leave it wrong; as it is, going on finds all done.
	 */
	if (r < 0 && all_done) {
		*ret_end = CHANGE_PARTLY;
		return error_prefix(error, r, "all is done, but the journal could not be told");
	}
	if (r < 0)
		*ret_end = roll_back(engine, error);
	return r;
}

int change_apply_entry(struct arena *arena, const struct plan *plan, const struct change_watch *watch,
		       struct journal_entry *ret_entry, enum change_end *ret_end, struct error *error)
{
	*ret_end = CHANGE_NOTHING;
	int r = journal_add(plan->root, arena, plan, ret_entry, error);
	if (r < 0)
		return r;
	struct engine engine = { plan->root, arena, ret_entry, watch, NULL };
	return forwards(&engine, ret_end, error);
}

int change_apply(struct arena *arena, const struct plan *plan, const struct change_watch *watch,
		 enum change_end *ret_end, struct error *error)
{
	struct journal_entry entry;
	return change_apply_entry(arena, plan, watch, &entry, ret_end, error);
}

int change_resume(struct arena *arena, struct journal_entry *entry, const struct change_watch *watch,
		  const char **ret_difference, enum change_end *ret_end, struct error *error)
{
	static const struct change_undo_options back = { .keep_edited = false };
	struct engine engine = { entry->plan.root, arena, entry, watch, &back };
	/* What was for one start: that start may have been, and nobody knows. */
	if (entry->state == JOURNAL_UNDOING || entry->plan.once)
		return change_undo(arena, entry, &back, watch, ret_difference, ret_end, error);
	*ret_end = CHANGE_PARTLY;
	int r = check_edits(&engine, entry->plan.count, ret_difference, error);
	if (r == 0)
		r = clear_leftovers(&engine, error);
	return r < 0 ? r : forwards(&engine, ret_end, error);
}

int change_undo(struct arena *arena, struct journal_entry *entry, const struct change_undo_options *options,
		const struct change_watch *watch, const char **ret_difference, enum change_end *ret_end,
		struct error *error)
{
	struct engine engine = { entry->plan.root, arena, entry, watch, options };
	size_t reached = reached_by(entry);
	int r = 0;
	*ret_end = journal_unfinished(entry) ? CHANGE_PARTLY : CHANGE_NOTHING;
	if (!options->keep_edited)
		r = check_edits(&engine, reached, ret_difference, error);
	if (r == 0 && entry->state != JOURNAL_UNDOING)
		r = check_links(&engine, reached, error);
	if (r == 0)
		r = save(&engine, JOURNAL_UNDOING, error);
	if (r < 0)
		return r;
	*ret_end = CHANGE_PARTLY;
	r = go_back(&engine, reached, error);
	if (r == 0)
		*ret_end = CHANGE_DONE;
	return r;
}
