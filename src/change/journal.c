/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/journal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "change/journal-json.h"
#include "version.h"

/* Where an entry is put together. */
#define NEW JOURNAL "/.new"

int journal_lock(const struct root *root, struct arena *arena, unsigned int wait_ms, struct error *error)
{
	int r = root_make_directories(root, arena, JOURNAL, 0700, NULL, error);
	if (r < 0)
		return error_prefix(error, r, "a journal is needed");
	AUTO_CLOSE int fd = root_open_file(root, JOURNAL, O_RDONLY | O_DIRECTORY, error);
	if (fd < 0)
		return fd;
	uint64_t end = clock_ms() + wait_ms;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set_errno(error, -errno, "lock %s%s", root->name, JOURNAL);
		if (clock_ms() >= end)
			return error_set(error, -EBUSY,
					 "another nestpci, or a program that it started, is changing this system (it "
					 "holds %s%s)",
					 root->name, JOURNAL);
		poll(NULL, 0, 50);
	}
	if (fcntl(fd, F_SETFD, 0) < 0)
		return error_set_errno(error, -errno, "%s%s", root->name, JOURNAL);
	return TAKE_FD(fd);
}

static const char *file_of(struct arena *arena, uint64_t number, const char *name)
{
	return arena_printf(arena, JOURNAL "/%llu/%s", (unsigned long long)number, name);
}

/* ---- Reading ---- */

static int compare_numbers(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

int journal_list(const struct root *root, struct arena *arena, uint64_t **ret, size_t *ret_count, struct error *error)
{
	struct list names = { .arena = arena };
	int r = root_list(root, arena, JOURNAL, &names, error);
	if (r < 0 && !root_absent(r))
		return r;
	size_t count = 0;
	uint64_t *numbers = arena_alloc_array(arena, names.count + 1, sizeof(*numbers));
	for (size_t i = 0; i < names.count; i++)
		if (text_to_number(names.items[i], 10, UINT32_MAX, &numbers[count]) == 0)
			count++;
	if (count)
		qsort(numbers, count, sizeof(*numbers), compare_numbers);
	*ret = numbers;
	*ret_count = count;
	return 0;
}

static int read_content(const struct root *root, struct arena *arena, uint64_t number, const char *kind, size_t index,
			struct file_state *state, struct error *error)
{
	struct file_state kept;
	const char *path = file_of(arena, number, arena_printf(arena, "%s-%zu", kind, index + 1));
	if (!state->present)
		return 0;
	int r = root_read_state(root, arena, path, &kept, error);
	if (r < 0)
		return r;
	if (!kept.present || kept.link)
		return error_set(error, -EINVAL, "%s%s is missing", root->name, path);
	state->content = kept.content;
	return 0;
}

static int read_contents(const struct root *root, struct arena *arena, struct journal_entry *entry, struct error *error)
{
	int r = 0;
	for (size_t i = 0; i < entry->plan.count && r == 0; i++) {
		struct change *change = &entry->plan.items[i];
		if (change->kind != CHANGE_FILE && change->kind != CHANGE_ATTRIBUTE)
			continue;
		r = read_content(root, arena, entry->number, "before", i, &change->before, error);
		if (r == 0)
			r = read_content(root, arena, entry->number, "after", i, &change->after, error);
	}
	return r;
}

int journal_read(const struct root *root, struct arena *arena, uint64_t number, struct journal_entry *ret,
		 struct error *error)
{
	struct file_state kept;
	struct journal_entry entry;
	const char *path = file_of(arena, number, "entry.json");
	int r = root_read_state(root, arena, path, &kept, error);
	if (r < 0)
		return r;
	if (!kept.present)
		return error_set(error, -ENOENT, "the journal has no entry %llu", (unsigned long long)number);
	struct error wrong;
	r = journal_parse(arena, kept.content, &entry, &wrong);
	if (r < 0)
		return error_set(error, r, "%s%s: %s; to do without this entry for good, move its folder elsewhere",
				 root->name, path, wrong.text);
	entry.number = number;
	entry.plan.root = root;
	r = read_contents(root, arena, &entry, error);
	if (r == 0)
		*ret = entry;
	return r;
}

int journal_claim(const struct root *root, struct arena *arena, uint64_t number, struct error *error)
{
	const char *path = arena_printf(arena, JOURNAL "/%llu", (unsigned long long)number);
	AUTO_CLOSE int fd = root_open_file(root, path, O_RDONLY | O_DIRECTORY, error);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return error_set_errno(error, -errno, "%s%s", root->name, path);
	return TAKE_FD(fd);
}

static bool is_claimed(const struct root *root, struct arena *arena, const struct journal_entry *entry)
{
	if (!entry->plan.once || entry->state != JOURNAL_APPLIED)
		return false;
	AUTO_CLOSE int fd = journal_claim(root, arena, entry->number, NULL);
	return fd == -EWOULDBLOCK;
}

/* The newest entry of which `wanted` holds. One that cannot be read is an error: it may be the one. */
static int find(const struct root *root, struct arena *arena, bool (*wanted)(const struct journal_entry *),
		struct journal_entry *ret, bool *ret_found, struct error *error)
{
	uint64_t *numbers;
	size_t count;
	*ret_found = false;
	int r = journal_list(root, arena, &numbers, &count, error);
	while (r == 0 && count-- > 0) {
		struct journal_entry entry;
		r = journal_read(root, arena, numbers[count], &entry, error);
		if (r < 0 || !wanted(&entry) || (wanted == journal_unfinished && is_claimed(root, arena, &entry)))
			continue;
		*ret = entry;
		*ret_found = true;
		break;
	}
	return r;
}

int journal_find_unfinished(const struct root *root, struct arena *arena, struct journal_entry *ret, bool *ret_found,
			    struct error *error)
{
	return find(root, arena, journal_unfinished, ret, ret_found, error);
}

static bool is_not_undone(const struct journal_entry *entry)
{
	return entry->state != JOURNAL_UNDONE;
}

int journal_find_last(const struct root *root, struct arena *arena, struct journal_entry *ret, bool *ret_found,
		      struct error *error)
{
	return find(root, arena, is_not_undone, ret, ret_found, error);
}

/* ---- Writing ---- */

static int write_text(const struct root *root, const char *path, struct slice text, struct error *error)
{
	struct file_state state = file_state_new(text, 0600);
	return root_write_state(root, path, &state, error);
}

int journal_save(const struct root *root, struct arena *arena, const struct journal_entry *entry, struct error *error)
{
	struct slice text;
	int r = journal_format(arena, entry, &text, error);
	return r < 0 ? r : write_text(root, file_of(arena, entry->number, "entry.json"), text, error);
}

/* What a crash, or a failure, left of an entry that was put together. */
static int remove_entry(const struct root *root, struct arena *arena, const char *folder, struct error *error)
{
	struct list names = { .arena = arena };
	const struct file_state nothing = { .present = false };
	int r = root_list(root, arena, folder, &names, error);
	if (r < 0)
		return root_absent(r) ? 0 : r;
	for (size_t i = 0; i < names.count; i++) {
		r = root_write_state(root, arena_printf(arena, "%s/%s", folder, names.items[i]), &nothing, error);
		if (r < 0)
			return r;
	}
	return root_remove_directory(root, folder, error);
}

/* The parents of its files that are not there, outermost first. */
static struct list missing_directories(const struct root *root, struct arena *arena, const struct plan *plan)
{
	struct list missing = { .arena = arena };
	for (size_t i = 0; i < plan->count; i++) {
		const struct change *change = &plan->items[i];
		if (change->kind != CHANGE_FILE || !change->after.present)
			continue;
		for (const char *slash = strchr(change->path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
			const char *parent = arena_strndup(arena, change->path, (size_t)(slash - change->path));
			if (!root_exists(root, parent) && !list_contains(&missing, parent))
				list_add(&missing, parent);
		}
	}
	return missing;
}

static int write_contents(const struct root *root, struct arena *arena, const struct plan *plan, struct error *error)
{
	int r = 0;
	for (size_t i = 0; i < plan->count && r == 0; i++) {
		const struct change *change = &plan->items[i];
		if (change->before.present)
			r = write_text(root, arena_printf(arena, NEW "/before-%zu", i + 1), change->before.content,
				       error);
		if (r == 0 && change->after.present)
			r = write_text(root, arena_printf(arena, NEW "/after-%zu", i + 1), change->after.content,
				       error);
	}
	return r;
}

static int write_entry(const struct root *root, struct arena *arena, const struct journal_entry *entry,
		       const char *folder, struct error *error)
{
	struct slice text;
	int r = journal_format(arena, entry, &text, error);
	if (r == 0)
		r = root_make_directories(root, arena, NEW, 0700, NULL, error);
	if (r == 0)
		r = write_contents(root, arena, &entry->plan, error);
	if (r == 0)
		r = write_text(root, NEW "/entry.json", text, error);
	if (r == 0)
		r = root_rename(root, NEW, folder, error);
	return r;
}

int journal_add(const struct root *root, struct arena *arena, const struct plan *plan, struct journal_entry *ret,
		struct error *error)
{
	uint64_t *numbers;
	size_t count;
	int r = journal_list(root, arena, &numbers, &count, error);
	if (r < 0)
		return r;
	struct journal_entry entry = {
		.number = count ? numbers[count - 1] + 1 : 1,
		.state = JOURNAL_PLANNED,
		.time = time(NULL),
		.version = NESTPCI_VERSION,
		.directories = missing_directories(root, arena, plan),
		.plan = *plan,
	};
	const char *folder = arena_printf(arena, JOURNAL "/%llu", (unsigned long long)entry.number);
	r = remove_entry(root, arena, NEW, error);
	if (r == 0)
		r = write_entry(root, arena, &entry, folder, error);
	if (r < 0) {
		/* By one rename, too: half an entry must never be there. */
		(void)!root_rename(root, folder, NEW, NULL);
		(void)!remove_entry(root, arena, NEW, NULL);
		return error_prefix(error, r, "keep a journal");
	}
	*ret = entry;
	return 0;
}
