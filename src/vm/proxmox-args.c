/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/proxmox-args.h"

#include <string.h>

#define BLANKS " \t\n\v\f\r"

/* A quoted part behind its opening quote. Returns the closing one, or NULL. */
static const char *read_quoted(struct buffer *word, const char *text, char quote)
{
	for (; *text != quote; text++) {
		if (*text == '\\') {
			if (quote == '\'')
				buffer_putc(word, *text);
			text++;
		}
		if (*text == '\0')
			return NULL;
		buffer_putc(word, *text);
	}
	return text;
}

bool proxmox_split_args(struct arena *arena, const char *text, struct list *ret)
{
	struct list words = { .arena = arena };
	text += strspn(text, BLANKS);
	while (*text) {
		struct buffer word = { .arena = arena };
		buffer_puts(&word, "");
		for (; *text && !strchr(BLANKS, *text); text++) {
			if (*text == '"' || *text == '\'') {
				text = read_quoted(&word, text + 1, *text);
				if (!text)
					return false;
				continue;
			}
			if (*text == '\\' && *++text == '\0')
				return false;
			buffer_putc(&word, *text);
		}
		list_add(&words, word.text);
		text += strspn(text, BLANKS);
	}
	*ret = words;
	return true;
}
