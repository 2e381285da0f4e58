/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one check says alike of many subjects: hundreds of virtual functions have one fault, and people want to read it
 * once. Alike: the same verdict, summary and advice, but for addresses and numbers. For people only; JSON has them all.
 */
#pragma once

#include "check/check.h"

/* Fewer are shown one by one. */
#define FINDINGS_FOLD_FROM 5

/*
 * `findings` are `count` of one check. Fills, for each, the index of the one that speaks for it, which is its own where it is
 * shown itself.
 */
void findings_fold(const struct finding *findings, size_t count, struct arena *arena, size_t *ret_speaker);
