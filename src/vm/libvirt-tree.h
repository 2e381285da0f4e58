/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain's XML as a tree of elements: what the helper makes of it (docs/libvirt-helper.md), in an arena. What it holds
 * is foreign: any JSON at all is a tree, or an error.
 */
#pragma once

#include "base/json.h"

struct element_attribute {
	const char *name;
	const char *value;
};

struct element {
	const char *name; /* "hostdev", "qemu:commandline" */
	const char *text; /* without blanks around it; "" where there is none */
	struct element_attribute *attributes;
	size_t attribute_count;
	struct element *children;
	size_t count;
};

/* -EINVAL: it is no tree, or none of a domain. */
int element_read(struct arena *arena, struct json_object *tree, struct element *ret, struct error *error) MUST_CHECK;

/* The first element that a path leads to ("os/type", one name or more), or NULL; also for NULL. */
const struct element *element_find(const struct element *element, const char *path);

/* The next child of this name behind `after` (NULL: the first), or NULL. */
const struct element *element_next(const struct element *element, const char *name, const struct element *after);

/* The value of an attribute, or NULL; also for NULL. */
const char *element_get(const struct element *element, const char *attribute);

/* The same of the first element that a path leads to. */
const char *element_get_at(const struct element *element, const char *path, const char *attribute);
const char *element_text_at(const struct element *element, const char *path);

/*
 * A number with or without 0x, as addresses have it (virStrToLong_uip with base 0: "010" is octal); false: it is none, or
 * larger than `max`.
 */
bool element_number(const char *text, uint64_t max, uint64_t *ret);

/* A size with its unit ("KiB" where none is given) in KiB, rounded up; 0: none, or none that is understood. */
uint64_t element_kib(const struct element *element);

/* As XML, on one line: <iommu model='intel'><driver intremap='on'/></iommu>. Without the elements named `without` (NULL). */
const char *element_xml(struct arena *arena, const struct element *element, const char *const *without);
