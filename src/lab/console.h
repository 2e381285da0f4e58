/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the levels say on the outermost console (see init.sh), line by line. */
#pragma once

#include "base/text.h"
#include "lab/lab.h"

enum console_kind {
	CONSOLE_OTHER,
	CONSOLE_STEP,
	CONSOLE_DEVICE,
	CONSOLE_CHECK,
	CONSOLE_SNAPSHOT,
	CONSOLE_LOG,
	CONSOLE_FAILED,
	CONSOLE_PROVED,
	CONSOLE_END
};

struct console_event {
	enum console_kind kind;
	unsigned int level; /* not set for CONSOLE_OTHER */
	const char *text;   /* behind the kind; printable characters only */
};

/* A line may begin with a piece of another one: the mark counts wherever it stands. */
void console_parse(struct arena *arena, struct slice line, struct console_event *ret);

/*
 * A function of the device from the text of a CONSOLE_DEVICE. False when it is none that can be read. `row->level` is
 * left to the caller.
 */
bool console_parse_device(struct arena *arena, const char *text, struct lab_row *row);

/* A finding from the text of a CONSOLE_CHECK, "FAIL iommu-active SUBJECT: SUMMARY"; likewise. */
bool console_parse_finding(struct arena *arena, const char *text, struct lab_finding *ret);

/* Adds the line of a snapshot that the text of a CONSOLE_SNAPSHOT stands for: "|" and the line, "\t" and "\\" escaped. */
void console_parse_snapshot(struct buffer *snapshot, const char *text);
