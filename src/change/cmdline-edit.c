/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/cmdline-edit.h"

#include <ctype.h>

static char fold(char character)
{
	return character == '-' ? '_' : character;
}

/* In names "-" and "_" are alike (parameqn() of kernel/params.c). */
static bool same_name(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (fold(a[i]) != fold(b[i]) || !a[i])
			return false;
	return a[length] == '\0' || a[length] == '=';
}

static bool has_value(const char *word)
{
	return strchr(word, '=') != NULL;
}

/*
 * Given several times, each counts (Documentation/admin-guide/kernel-parameters.txt; man 7 dracut.cmdline, of whose
 * "rd." some name the disks that the root is on; man 7 kernel-command-line of systemd).
 */
static bool is_repeatable(const char *word)
{
	static const char *const names[] = { "console",
					     "earlycon",
					     "hugepages",
					     "hugepagesz",
					     "memmap",
					     "module_blacklist",
					     "video",
					     "modprobe.blacklist",
					     "pci",
					     "acpi_osi",
					     "initcall_blacklist",
					     "ip",
					     "ifname",
					     "nameserver",
					     "luks.uuid",
					     "luks.name",
					     "luks.options",
					     "systemd.mask",
					     "systemd.wants" };
	if (text_starts_with(word, "rd."))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (same_name(word, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Whether `word` is what the change puts there: the value's letters count, the name's kind of dash does not. */
static bool is_wanted(const char *word, const char *wanted)
{
	size_t length = strcspn(wanted, "=");
	return same_name(word, wanted, length) && strcmp(word + strcspn(word, "="), wanted + length) == 0;
}

static bool is_replaced(const char *word, const struct parameter_change *change)
{
	if (!same_name(word, change->word, strcspn(change->word, "=")))
		return false;
	if (is_wanted(word, change->word))
		return change->remove;
	return change->remove ? !has_value(change->word) : !is_repeatable(word);
}

bool cmdline_replaced(const struct cmdline_word *word, const struct parameter_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_replaced(word->word, &changes[i]))
			return true;
	return false;
}

int cmdline_check_changes(const struct parameter_change *changes, size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count && !changes[i].remove; j++)
			if (is_replaced(changes[i].word, &changes[j]))
				return error_set(error, -EINVAL,
						 "to set '%.60s' and%s '%.60s' contradict each other: ask for one",
						 changes[i].word, changes[j].remove ? " to take away" : "",
						 changes[j].word);
	return 0;
}

static bool has_word(const struct cmdline *cmdline, const char *wanted)
{
	for (size_t i = 0; i < cmdline->count; i++)
		if (is_wanted(cmdline->words[i].word, wanted))
			return true;
	return false;
}

bool cmdline_is_so(const struct cmdline *cmdline, const struct parameter_change *changes, size_t count)
{
	for (size_t i = 0; i < cmdline->count; i++)
		if (cmdline_replaced(&cmdline->words[i], changes, count))
			return false;
	for (size_t i = 0; i < count; i++)
		if (!changes[i].remove && !has_word(cmdline, changes[i].word))
			return false;
	return true;
}

static bool is_asked_before(const struct parameter_change *changes, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (!changes[i].remove && is_wanted(changes[i].word, changes[index].word))
			return true;
	return false;
}

static size_t count_blanks(struct slice text)
{
	size_t length = 0;
	while (length < text.length && isspace((unsigned char)text.start[length]))
		length++;
	return length;
}

const char *cmdline_edit(struct arena *arena, struct slice line, const struct parameter_change *changes, size_t count,
			 bool add)
{
	struct cmdline cmdline;
	struct buffer text = { .arena = arena };
	buffer_puts(&text, "");
	cmdline_parse(line, arena, &cmdline);
	for (size_t i = 0; i < cmdline.count; i++) {
		/* Words come as they stand, one behind the other: each begins behind the blanks. */
		size_t blanks = count_blanks(line);
		size_t length = strlen(cmdline.words[i].word);
		if (!cmdline_replaced(&cmdline.words[i], changes, count))
			buffer_add(&text, line.start + (text.length ? 0 : blanks), length + (text.length ? blanks : 0));
		line.start += blanks + length;
		line.length -= blanks + length;
	}
	for (size_t i = 0; add && i < count; i++)
		if (!changes[i].remove && !has_word(&cmdline, changes[i].word) && !is_asked_before(changes, i))
			buffer_printf(&text, "%s%s", text.length ? " " : "", changes[i].word);
	/* "-- init's words", or blanks. */
	buffer_add(&text, line.start, line.length);
	return text.text;
}

int cmdline_check_word(const char *word, struct error *error)
{
	static const char harmless[] = "_.,:=+@%/-";
	if (!isalnum((unsigned char)word[0]))
		return error_set(error, -EINVAL, "'%.60s' is no kernel parameter: it does not begin with a name", word);
	for (const char *at = word; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr(harmless, *at))
			return error_set(error, -EINVAL,
					 "kernel parameter '%.60s': '%c' would need quotes that differ between boot "
					 "loaders; set it by hand",
					 word, isprint((unsigned char)*at) ? *at : '?');
	return 0;
}
