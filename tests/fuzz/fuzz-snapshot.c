/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text is a snapshot or is refused with file and line. What was read and written is the same tree when it is read
 * again; every path in it leads somewhere, or to an error; and what is private can be taken out of any.
 */
#include "fuzz.h"

#include <errno.h>

#include "base/snapshot.h"
#include "host/private.h"

static void read_again(struct snapshot *snapshot, const struct buffer *text)
{
	struct error error;
	int r = snapshot_read_text((struct slice){ text->text, text->length }, "written", snapshot, &error);
	if (r < 0)
		fprintf(stderr, "%s\n%s\n", error.text, text->text);
	HOLDS(r == 0);
}

static void compare(const struct snapshot *left_snapshot, const struct snapshot_node *left,
		    const struct snapshot *right_snapshot, const struct snapshot_node *right)
{
	HOLDS(left->kind == right->kind && left->number == right->number && left->error == right->error);
	HOLDS(!left->text || left->behind == right->behind);
	HOLDS(!left->text == !right->text && left->length == right->length);
	HOLDS(!left->text || memcmp(left->text, right->text, left->length) == 0);
	HOLDS(!left->times == !right->times);
	HOLDS(!left->times || (left->times->size == right->times->size && left->times->mtime == right->times->mtime));
	HOLDS(!left_snapshot->partial || left->listed == right->listed);
	for (const struct snapshot_node *child = left->first; child; child = child->next) {
		const struct snapshot_node *other = snapshot_find(right_snapshot, right, slice_of(child->name));
		bool known = child->kind > SNAPSHOT_ABSENT ||
			     (child->kind == SNAPSHOT_ABSENT && !snapshot_is_complete(left_snapshot, left));
		HOLDS(!known || other);
		if (known)
			compare(left_snapshot, child, right_snapshot, other);
	}
}

/* Following any name in the tree ends, and where it ends is somewhere in the tree. */
static void follow_all(const struct snapshot *snapshot, const struct snapshot_node *directory)
{
	AUTO_ARENA scratch = { 0 };
	for (const struct snapshot_node *child = directory->first; child; child = child->next) {
		struct snapshot_node *end = NULL;
		int r = snapshot_walk(snapshot, snapshot_path(&scratch, child), true, &end);
		HOLDS(r < 0 || (end && end->kind > SNAPSHOT_ABSENT && end->kind != SNAPSHOT_LINK));
		while (r == 0 && end->parent)
			end = end->parent;
		HOLDS(r < 0 || end == &snapshot->top);
		HOLDS(child->kind != SNAPSHOT_REGULAR || r == 0 || r == -ENAMETOOLONG);
		follow_all(snapshot, child);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA arena = { 0 };
	AUTO_SNAPSHOT first;
	AUTO_SNAPSHOT second;
	AUTO_SNAPSHOT public;
	AUTO_SNAPSHOT third;
	struct error error = { "" };
	struct buffer text = { .arena = &arena };
	struct buffer again = { .arena = &arena };
	struct buffer shared = { .arena = &arena };
	snapshot_init(&first);
	snapshot_init(&second);
	snapshot_init(&public);
	snapshot_init(&third);
	int r = snapshot_read_text((struct slice){ (const char *)data, size }, "input", &first, &error);
	HOLDS(r == 0 || (r == -EINVAL && strncmp(error.text, "input:", 6) == 0));
	if (r < 0)
		return 0;
	snapshot_write(&first, &text);
	read_again(&second, &text);
	compare(&first, &first.top, &second, &second.top);
	compare(&second, &second.top, &first, &first.top);
	compare(&first, &first.questions, &second, &second.questions);
	snapshot_write(&second, &again);
	HOLDS(text.length == again.length && memcmp(text.text, again.text, text.length) == 0);
	follow_all(&first, &first.top);
	private_copy(&first, NULL, &public);
	snapshot_write(&public, &shared);
	read_again(&third, &shared);
	return 0;
}
