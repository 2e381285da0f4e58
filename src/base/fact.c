/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fact.h"

#include <strings.h>

struct fact fact_of(struct arena *arena, const char *path, const char *text, int code, const struct error *error)
{
	struct fact fact = { .path = path };
	if (code >= 0) {
		fact.state = FACT_KNOWN;
		fact.text = text;
	} else if (root_absent(code)) {
		fact.state = FACT_ABSENT;
	} else {
		fact.state = FACT_UNREADABLE;
		fact.denied = code == -EACCES || code == -EPERM;
		fact.problem = arena_strdup(arena, error->text);
	}
	return fact;
}

bool fact_is(const struct fact *fact, const char *text)
{
	return fact->state == FACT_KNOWN && text_equals(fact->text, text);
}

struct fact fact_read_line(const struct root *root, struct arena *arena, const char *path)
{
	struct error error;
	char *text = NULL;
	int r = root_read_line(root, arena, path, &text, &error);
	return fact_of(arena, path, text, r, &error);
}

static void wrong(struct arena *arena, struct fact *fact, const char *wanted)
{
	fact->state = FACT_WRONG;
	fact->problem = arena_printf(arena, "%s: '%.64s' is not %s", fact->path, fact->text, wanted);
}

void fact_parse_number(struct arena *arena, struct fact *fact, int base)
{
	if (fact->state != FACT_KNOWN)
		return;
	const char *digits = fact->text;
	bool negative = base == 10 && *digits == '-';
	if (negative)
		digits++;
	if (base == 16 && text_starts_with(digits, "0x"))
		digits += 2;
	uint64_t value;
	if (text_to_number(digits, base, negative ? INT64_MAX : UINT64_MAX, &value) < 0)
		wrong(arena, fact, "a number");
	else
		fact->number = negative ? -(int64_t)value : (int64_t)value;
}

struct fact fact_read_number(const struct root *root, struct arena *arena, const char *path, int base)
{
	struct fact fact = fact_read_line(root, arena, path);
	fact_parse_number(arena, &fact, base);
	return fact;
}

struct fact fact_read_switch(const struct root *root, struct arena *arena, const char *path)
{
	struct fact fact = fact_read_line(root, arena, path);
	if (fact.state != FACT_KNOWN)
		return fact;
	uint64_t value;
	if (strcasecmp(fact.text, "y") == 0 || strcasecmp(fact.text, "on") == 0)
		fact.number = 1;
	else if (strcasecmp(fact.text, "n") == 0 || strcasecmp(fact.text, "off") == 0)
		fact.number = 0;
	else if (text_to_number(fact.text, 10, UINT32_MAX, &value) == 0)
		fact.number = value > 0;
	else
		wrong(arena, &fact, "a switch (Y or N)");
	return fact;
}

struct fact fact_read_link_name(const struct root *root, struct arena *arena, const char *path)
{
	struct error error;
	char *text = NULL;
	int r = root_read_link(root, arena, path, &text, &error);
	return fact_of(arena, path, r == 0 ? text_basename(text) : NULL, r, &error);
}

struct fact fact_exists(const struct root *root, struct arena *arena, const char *path)
{
	struct error error;
	struct stat ignored;
	return fact_of(arena, path, NULL, root_stat(root, path, &ignored, &error), &error);
}
