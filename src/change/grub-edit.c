/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/grub-edit.h"

#include "change/cmdline-edit.h"

#define DEFAULTS "/etc/default/grub"

/* Our line: whatever others set stays, and comes first. */
#define LINE_BEGIN "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT "
#define LINE_END "\" # nestpci"

static const char head[] =
	"# Written by nestpci; 'nestpci undo' takes it back. Not GRUB_CMDLINE_LINUX: recovery entries, which take that\n"
	"# alone, stay as they were, as a way out. Sorted last, because each file here may set the variable anew.\n";

/* The words between LINE_BEGIN and LINE_END; false: another line. */
static bool is_ours(struct slice line, struct slice *ret_words)
{
	size_t begin = strlen(LINE_BEGIN);
	size_t end = strlen(LINE_END);
	if (line.length < begin + end || memcmp(line.start, LINE_BEGIN, begin) != 0 ||
	    memcmp(line.start + line.length - end, LINE_END, end) != 0)
		return false;
	*ret_words = (struct slice){ line.start + begin, line.length - begin - end };
	return true;
}

static void add_line(struct buffer *text, const char *words)
{
	if (!*words)
		return;
	if (text->length && text->text[text->length - 1] != '\n')
		buffer_putc(text, '\n');
	buffer_printf(text, LINE_BEGIN "%s" LINE_END "\n", words);
}

/* The text with our line changed, made, or removed. */
static const char *edit_our_line(struct arena *arena, struct slice text, const struct parameter_change *changes,
				 size_t count, bool add)
{
	struct buffer result = { .arena = arena };
	bool found = false;
	buffer_puts(&result, "");
	while (text.length) {
		struct slice words;
		const char *newline = memchr(text.start, '\n', text.length);
		size_t length = newline ? (size_t)(newline - text.start) : text.length;
		if (is_ours((struct slice){ text.start, length }, &words) && !found) {
			add_line(&result, cmdline_edit(arena, words, changes, count, add));
			found = true;
		} else {
			buffer_add(&result, text.start, length + (newline != NULL));
		}
		text.start += length + (newline != NULL);
		text.length -= length + (newline != NULL);
	}
	if (!found)
		add_line(&result, cmdline_edit(arena, slice_of(""), changes, count, add));
	return result.text;
}

static int edit_drop_in(struct plan *plan, const struct parameter_change *changes, size_t count, bool add,
			const char *why, struct error *error)
{
	struct file_state state;
	const char *path = GRUB_DROP_IN;
	int r = plan_read(plan, &path, &state, error);
	if (r < 0)
		return r;
	struct slice old = state.present ? state.content : slice_of(head);
	const char *text = edit_our_line(plan->arena, old, changes, count, add);
	if (strcmp(text, head) == 0)
		return plan_remove_file(plan, path, RESTART_HOST, why, error);
	return plan_write_file(plan, path, slice_of(text), 0644, RESTART_HOST, why, error);
}

static int edit_defaults(struct plan *plan, const struct parameter_change *changes, size_t count, bool add,
			 const char *why, struct error *error)
{
	struct file_state state;
	const char *path = DEFAULTS;
	int r = plan_read(plan, &path, &state, error);
	if (r < 0)
		return r;
	const char *text = edit_our_line(plan->arena, state.present ? state.content : slice_of(""), changes, count,
					 add);
	return plan_write_file(plan, path, slice_of(text), 0644, RESTART_HOST, why, error);
}

/* ---- Words that others set ---- */

/* Where a word of a value may end. */
static bool is_edge(char character)
{
	return strchr(" \t\"'=\n", character) != NULL;
}

/* The only place of a word in a line, between edges; NULL: none, or several. */
static const char *find_word(struct slice line, const char *word)
{
	const char *found = NULL;
	size_t length = strlen(word);
	for (size_t i = 1; i + length <= line.length; i++) {
		bool ends = i + length == line.length || is_edge(line.start[i + length]);
		if (memcmp(line.start + i, word, length) != 0 || !is_edge(line.start[i - 1]) || !ends)
			continue;
		if (found)
			return NULL;
		found = line.start + i;
	}
	return found;
}

static struct slice line_of(struct slice text, unsigned int number)
{
	struct slice line = { "", 0 };
	while (number-- > 0 && slice_next_line(&text, &line))
		;
	return line;
}

/* By a maker before us: what GRUB is told was read before both. */
static bool is_taken_out(const struct plan *plan, const char *path, unsigned int line, const char *word)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct change *change = &plan->items[i];
		if (change->kind == CHANGE_FILE && change->before.present && text_equals(change->path, path))
			return find_word(line_of(change->before.content, line), word);
	}
	return false;
}

/* Takes a word out of the line of an assignment. `ret_found`: it stands there as plain text. */
static int take_out(struct plan *plan, const struct assignment *setting, const char *word, const char *why,
		    bool *ret_found, struct error *error)
{
	struct file_state state;
	struct slice ours;
	const char *path = setting->path;
	int r = plan_read(plan, &path, &state, error);
	if (r < 0 || !state.present)
		return r;
	struct slice line = line_of(state.content, setting->line);
	const char *begin = find_word(line, word);
	*ret_found |= begin || is_ours(line, &ours) || is_taken_out(plan, path, setting->line, word);
	if (!begin || is_ours(line, &ours))
		return 0;
	const char *end = begin + strlen(word);
	/* With the blank before it, or, where it is the first, behind it. */
	if (begin[-1] == ' ')
		begin--;
	else if (*end == ' ')
		end++;
	struct buffer text = { .arena = plan->arena };
	const char *content = state.content.start;
	buffer_add(&text, content, (size_t)(begin - content));
	buffer_add(&text, end, state.content.length - (size_t)(end - content));
	return plan_write_file(plan, path, (struct slice){ text.text, text.length }, 0644, RESTART_HOST, why, error);
}

static bool is_repeated(const struct cmdline *cmdline, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(cmdline->words[i].word, cmdline->words[index].word) == 0)
			return true;
	return false;
}

/* What an assignment takes over from an earlier one stands there as a variable, and is taken out at its source. */
static int take_out_others(struct plan *plan, const struct boot *boot, const struct parameter_change *changes,
			   size_t count, const char *why, struct error *error)
{
	const struct boot_cmdline *grub = &boot->grub;
	for (size_t i = 0; i < grub->cmdline.count; i++) {
		const struct cmdline_word *word = &grub->cmdline.words[i];
		bool found = false;
		int r = 0;
		if (!cmdline_replaced(word, changes, count) || is_repeated(&grub->cmdline, i))
			continue;
		for (size_t j = 0; j < grub->setting_count && r == 0; j++)
			r = take_out(plan, &grub->settings[j], word->word, why, &found, error);
		if (r < 0)
			return r;
		if (!found)
			return error_set(error, -ENOTSUP,
					 "%s, or a file of /etc/default/grub.d, gives '%s', but not as plain text that "
					 "can be taken out safely: do that yourself first",
					 grub->path, word->word);
	}
	return 0;
}

/* A file that is read after ours and sets the variable anew would undo it in silence. */
static int check_later(struct plan *plan, const struct boot_cmdline *grub, struct error *error)
{
	for (size_t i = 0; i < grub->setting_count; i++) {
		const struct assignment *setting = &grub->settings[i];
		struct file_state state;
		const char *path = setting->path;
		if (strcmp(setting->path, DEFAULTS) == 0 || setting->append ||
		    strcmp(setting->name, "GRUB_CMDLINE_LINUX_DEFAULT") != 0 ||
		    strcmp(text_basename(setting->path), text_basename(GRUB_DROP_IN)) <= 0)
			continue;
		int r = plan_read(plan, &path, &state, error);
		if (r < 0)
			return r;
		struct slice line = line_of(state.content, setting->line);
		if (memmem(line.start, line.length, "$GRUB_CMDLINE_LINUX_DEFAULT", 27) ||
		    memmem(line.start, line.length, "${GRUB_CMDLINE_LINUX_DEFAULT", 28))
			continue;
		return error_set(error, -ENOTSUP,
				 "%s:%u sets GRUB_CMDLINE_LINUX_DEFAULT anew, and is read after " GRUB_DROP_IN
				 ": have it begin with $GRUB_CMDLINE_LINUX_DEFAULT, or give the file a name that comes "
				 "earlier",
				 setting->path, setting->line);
	}
	return 0;
}

int grub_set_parameters(struct plan *plan, const struct boot *boot, const struct parameter_change *changes,
			size_t count, const char *why, struct error *error)
{
	const char *script;
	const struct boot_cmdline *grub = &boot->grub;
	for (size_t i = 0; i < count && grub->problem; i++)
		if (changes[i].remove)
			return error_set(
				error, -ENOTSUP,
				"what GRUB is told is not wholly known (%s), so that '%s' may stand anywhere: mend "
				"that, or take it away yourself",
				grub->problem, changes[i].word);
	if (grub->problem)
		list_printf(&plan->notes, "what GRUB is told already is not wholly known: %s", grub->problem);
	if (grub->line && cmdline_is_so(&grub->cmdline, changes, count))
		return 0;
	int r = take_out_others(plan, boot, changes, count, why, error);
	bool drop_in = boot_grub_reads_drop_ins(plan->root, plan->arena, &script);
	if (r == 0 && drop_in)
		r = check_later(plan, grub, error);
	if (r < 0)
		return r;
	if (drop_in)
		return edit_drop_in(plan, changes, count, true, why, error);
	return edit_defaults(plan, changes, count, true, why, error);
}

int grub_generate(struct plan *plan, struct error *error)
{
	static const char why[] = "write it to grub.cfg";
	static const char *const update[] = { "update-grub", NULL };
	static const char *const kinds[] = { "grub", "grub2" };
	if (makers_have(plan->root, "/usr/sbin/update-grub", true) ||
	    makers_have(plan->root, "/sbin/update-grub", true)) {
		plan_run(plan, update, NULL, GENERATES_BOOT, RESTART_HOST, why);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *config = arena_printf(plan->arena, "/boot/%s/grub.cfg", kinds[i]);
		const char *program = arena_printf(plan->arena, "%s-mkconfig", kinds[i]);
		const char *const make[] = { program, "-o", config, NULL };
		if (!root_exists(plan->root, config) ||
		    (!root_exists(plan->root, arena_printf(plan->arena, "/usr/sbin/%s", program)) &&
		     !root_exists(plan->root, arena_printf(plan->arena, "/usr/bin/%s", program))))
			continue;
		plan_run(plan, make, NULL, GENERATES_BOOT, RESTART_HOST, why);
		return 0;
	}
	return error_set(error, -ENOTSUP,
			 "%s: neither update-grub, nor grub-mkconfig with /boot/grub/grub.cfg, nor grub2-mkconfig with "
			 "/boot/grub2/grub.cfg is there: how grub.cfg is made here is not known",
			 *plan->root->name && !plan->root->snapshot ? plan->root->name : "/");
}
