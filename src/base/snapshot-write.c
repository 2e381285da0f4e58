/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing a snapshot: sorted, so that two of them can be compared line by line. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "base/snapshot-internal.h"

#define ABSENT_COLUMNS 100

struct writer {
	const struct snapshot *snapshot;
	struct buffer *out;
};

static void write_content(struct writer *writer, const struct snapshot_node *node, bool ends_line)
{
	struct slice content = { node->text, node->length };
	enum snapshot_form form = snapshot_choose_form(content, ends_line);
	if (form != FORM_LINE) {
		buffer_printf(writer->out, ":%s\n", snapshot_form_names[form]);
		snapshot_write_block(writer->out, form, content);
		return;
	}
	size_t length = content.length - ends_line;
	buffer_printf(writer->out, " =%s", length ? " " : "");
	buffer_add(writer->out, content.start, length);
	buffer_putc(writer->out, '\n');
}

static void write_error(struct writer *writer, int number)
{
	AUTO_ARENA scratch = { 0 };
	buffer_printf(writer->out, " ! %s\n", snapshot_errno_name(&scratch, number));
}

static void write_regular(struct writer *writer, const struct snapshot_node *node)
{
	if (node->times) {
		buffer_printf(writer->out, " @ regular %llu %lld\n", (unsigned long long)node->times->size,
			      (long long)node->times->mtime);
		if (!node->text && !node->error)
			return;
		snapshot_encode(writer->out, node->name);
	}
	if (node->text)
		write_content(writer, node, true);
	else if (node->error)
		write_error(writer, node->error);
	else
		buffer_puts(writer->out, " ?\n");
}

/* "@ block 8:0"; what is neither a device nor text has a word for it. */
static void write_status(struct writer *writer, enum snapshot_kind kind, dev_t number)
{
	static const char *const words[] = {
		[SNAPSHOT_DIRECTORY] = "directory", [SNAPSHOT_REGULAR] = "regular", [SNAPSHOT_BLOCK] = "block",
		[SNAPSHOT_CHARACTER] = "char",      [SNAPSHOT_FIFO] = "fifo",       [SNAPSHOT_SOCKET] = "socket",
	};
	buffer_printf(writer->out, " @ %s", words[kind]);
	if (kind == SNAPSHOT_BLOCK || kind == SNAPSHOT_CHARACTER)
		buffer_printf(writer->out, " %u:%u", major(number), minor(number));
}

static void write_link(struct writer *writer, const struct snapshot_node *node)
{
	buffer_puts(writer->out, " ->");
	if (node->error) {
		write_error(writer, node->error);
		return;
	}
	if (node->text) {
		buffer_putc(writer->out, ' ');
		snapshot_encode(writer->out, node->text);
	}
	if (node->text && node->behind)
		write_status(writer, node->behind, node->number);
	buffer_putc(writer->out, '\n');
}

static void write_entry(struct writer *writer, const struct snapshot_node *node)
{
	snapshot_encode(writer->out, node->name);
	switch (node->kind) {
	case SNAPSHOT_REGULAR:
		write_regular(writer, node);
		break;
	case SNAPSHOT_LINK:
		write_link(writer, node);
		break;
	default:
		write_status(writer, node->kind, node->number);
		buffer_putc(writer->out, '\n');
		break;
	}
}

/* Whether absence needs to be said: nothing else makes it known. */
static bool absence_matters(const struct writer *writer, const struct snapshot_node *directory)
{
	return !snapshot_is_complete(writer->snapshot, directory);
}

/* Whether a directory has lines of its own, in a section. */
static bool has_section(const struct writer *writer, const struct snapshot_node *directory)
{
	bool absence = absence_matters(writer, directory);
	for (const struct snapshot_node *child = directory->first; child; child = child->next)
		if (child->kind > SNAPSHOT_ABSENT || (child->kind == SNAPSHOT_ABSENT && absence))
			return true;
	return writer->snapshot->partial && directory->listed;
}

static void write_directory_entry(struct writer *writer, const struct snapshot_node *node)
{
	if (has_section(writer, node) && !node->error)
		return;
	snapshot_encode(writer->out, node->name);
	buffer_putc(writer->out, '/');
	if (node->error)
		write_error(writer, node->error);
	else
		buffer_putc(writer->out, '\n');
}

/* "- boot_vga driver", in as many lines as it takes. */
static void write_absent(struct writer *writer, struct snapshot_node *const *children, const struct snapshot_node *of)
{
	bool listed = writer->snapshot->partial && of->listed;
	size_t start = 0;
	for (; *children && absence_matters(writer, of); children++) {
		if ((*children)->kind != SNAPSHOT_ABSENT)
			continue;
		if (start && writer->out->length - start > ABSENT_COLUMNS) {
			buffer_putc(writer->out, '\n');
			start = 0;
		}
		if (!start) {
			start = writer->out->length;
			buffer_putc(writer->out, '-');
		}
		buffer_putc(writer->out, ' ');
		snapshot_encode(writer->out, (*children)->name);
	}
	if (start)
		buffer_putc(writer->out, '\n');
	if (listed)
		buffer_puts(writer->out, "- *\n");
}

static void write_path(struct writer *writer, const struct snapshot_node *directory)
{
	if (!directory->parent)
		return;
	write_path(writer, directory->parent);
	buffer_putc(writer->out, '/');
	snapshot_encode(writer->out, directory->name);
}

/* Whether a section would say anything that its subdirectories' sections do not. */
static bool has_lines(const struct writer *writer, const struct snapshot_node *directory)
{
	bool absence = absence_matters(writer, directory);
	for (const struct snapshot_node *child = directory->first; child; child = child->next) {
		if (child->kind == SNAPSHOT_DIRECTORY && (child->error || !has_section(writer, child)))
			return true;
		if (child->kind > SNAPSHOT_DIRECTORY || (child->kind == SNAPSHOT_ABSENT && absence))
			return true;
	}
	return writer->snapshot->partial && directory->listed;
}

static void write_section(struct writer *writer, const struct snapshot_node *directory)
{
	AUTO_ARENA scratch = { 0 };
	size_t count;
	struct snapshot_node **children = snapshot_children(&scratch, directory, &count);
	if (has_lines(writer, directory)) {
		buffer_puts(writer->out, "\n[");
		write_path(writer, directory);
		buffer_puts(writer->out, directory->parent ? "]\n" : "/]\n");
		for (size_t i = 0; i < count; i++) {
			if (children[i]->kind == SNAPSHOT_DIRECTORY)
				write_directory_entry(writer, children[i]);
			else if (children[i]->kind != SNAPSHOT_ABSENT)
				write_entry(writer, children[i]);
		}
		write_absent(writer, children, directory);
	}
	for (size_t i = 0; i < count; i++)
		if (children[i]->kind == SNAPSHOT_DIRECTORY)
			write_section(writer, children[i]);
}

static void write_questions(struct writer *writer)
{
	AUTO_ARENA scratch = { 0 };
	size_t count;
	struct snapshot_node **keys = snapshot_children(&scratch, &writer->snapshot->questions, &count);
	for (size_t i = 0; i < count; i++) {
		if (keys[i]->kind != SNAPSHOT_REGULAR)
			continue;
		buffer_puts(writer->out, "ask ");
		snapshot_encode(writer->out, keys[i]->name);
		if (keys[i]->error)
			buffer_printf(writer->out, " ! %s%s%s\n", snapshot_errno_name(&scratch, keys[i]->error),
				      keys[i]->length ? " " : "", keys[i]->length ? keys[i]->text : "");
		else
			write_content(writer, keys[i], false);
	}
}

void snapshot_write(const struct snapshot *snapshot, struct buffer *out)
{
	struct writer writer = { snapshot, out };
	buffer_puts(out, "nestpci snapshot 1\n");
	if (snapshot->by)
		buffer_printf(out, "by %s\n", snapshot->by);
	if (snapshot->partial)
		buffer_puts(out, "partial\n");
	if (snapshot->offline)
		buffer_puts(out, "offline\n");
	for (size_t i = 0; i < snapshot->comments.count; i++)
		buffer_printf(out, "#%s%s\n", *snapshot->comments.items[i] ? " " : "", snapshot->comments.items[i]);
	write_questions(&writer);
	write_section(&writer, &snapshot->top);
}
