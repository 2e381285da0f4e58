/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/users.h"

#include <stdarg.h>
#include <stdlib.h>

#include "host/users-internal.h"

const char *use_kind_name(enum use_kind kind)
{
	static const char *const names[] = {
		[USE_FILE_SYSTEM] = "file-system", [USE_SWAP] = "swap",       [USE_STACKED] = "stacked",
		[USE_MEMBER] = "member",           [USE_CLAIMED] = "claimed", [USE_ROUTE] = "default-route",
		[USE_NETWORK] = "network",         [USE_CONSOLE] = "console", [USE_PROCESS] = "process",
		[USE_UNKNOWN] = "unknown",
	};
	return names[kind];
}

static void add(struct finding *finding, size_t owner, const struct use *use)
{
	struct uses *uses = &finding->owners[owner].uses;
	if (uses->count == uses->room) {
		uses->room = uses->room ? uses->room * 2 : 2;
		uses->items = arena_grow(finding->arena, uses->items, uses->count, uses->room, sizeof(*uses->items));
	}
	struct use *added = &uses->items[uses->count++];
	*added = *use;
	added->address = finding->owners[owner].function->address;
	added->unsure = use->unsure || use->kind == USE_UNKNOWN;
}

void users_add(struct finding *finding, size_t owner, enum use_kind kind, bool needed, const char *brief,
	       const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const char *text = arena_vprintf(finding->arena, format, args);
	va_end(args);
	add(finding, owner, &(struct use){ .kind = kind, .needed = needed, .brief = brief, .text = text });
}

/* "dm-0 (vg-root)": device mapper names are what people know. */
static const char *title(const struct finding *finding, struct node *node)
{
	char *mapper;
	const char *path = arena_printf(finding->arena, "%s/dm/name", node->path);
	if (!node->title && node->is_block && text_starts_with(node->name, "dm-") &&
	    root_read_line(finding->root, finding->arena, path, &mapper, NULL) == 0)
		node->title = arena_printf(finding->arena, "%s (%s)", node->name, mapper);
	if (!node->title)
		node->title = node->name;
	return node->title;
}

static void add_for(struct finding *finding, const struct node *node, const struct use *use)
{
	for (size_t i = 0; i < node->stake_count; i++)
		add(finding, node->stakes[i].owner, use);
}

static void add_of(struct finding *finding, struct node *node, const struct use *use)
{
	const char *name = title(finding, node);
	for (size_t i = 0; i < node->stake_count; i++) {
		const struct stake *stake = &node->stakes[i];
		struct use own = *use;
		own.text = arena_printf(finding->arena, "%s%s%s%s %s", name, stake->base ? ", on " : "",
					stake->base ? stake->base : "", stake->base ? "," : "", use->text);
		add(finding, stake->owner, &own);
	}
}

void users_add_of(struct finding *finding, struct node *node, enum use_kind kind, const char *brief, const char *format,
		  ...)
{
	va_list args;
	va_start(args, format);
	const char *text = arena_vprintf(finding->arena, format, args);
	va_end(args);
	/* That nothing has activated it says nothing of who else may have it: the kernel is still to be asked. */
	if (kind != USE_MEMBER)
		node->explained = true;
	add_of(finding, node, &(struct use){ .kind = kind, .needed = true, .brief = brief, .text = text });
}

void users_add_guess_of(struct finding *finding, struct node *node, enum use_kind kind, const char *brief,
			const char *text)
{
	add_of(finding, node,
	       &(struct use){ .kind = kind, .needed = true, .unsure = true, .brief = brief, .text = text });
}

void users_add_for(struct finding *finding, const struct node *node, enum use_kind kind, bool needed, const char *brief,
		   const char *text)
{
	add_for(finding, node, &(struct use){ .kind = kind, .needed = needed, .brief = brief, .text = text });
}

void users_add_unknown(struct finding *finding, unsigned int concerns, bool needed, const char *brief,
		       const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const char *text = arena_vprintf(finding->arena, format, args);
	va_end(args);
	for (size_t i = 0; i < finding->count; i++)
		if (finding->owners[i].has & concerns)
			users_add(finding, i, USE_UNKNOWN, needed, brief, "%s", text);
}

static void collect(const struct finding *finding, struct uses *ret)
{
	size_t count = 0;
	for (size_t i = 0; i < finding->count; i++)
		count += finding->owners[i].uses.count;
	*ret = (struct uses){ arena_alloc_array(finding->arena, count + 1, sizeof(*ret->items)), 0, count + 1 };
	for (size_t i = 0; i < finding->count; i++) {
		const struct uses *uses = &finding->owners[i].uses;
		if (uses->count)
			memcpy(ret->items + ret->count, uses->items, uses->count * sizeof(*ret->items));
		ret->count += uses->count;
	}
}

void users_find_all(const struct root *root, struct arena *arena, const struct pci_function *functions, size_t count,
		    struct uses *ret)
{
	struct finding finding = { .root = root, .arena = arena, .count = count };
	finding.owners = arena_alloc_array(arena, count + 1, sizeof(*finding.owners));
	for (size_t i = 0; i < count; i++)
		finding.owners[i].function = &functions[i];
	users_find_nodes(&finding);
	users_find_stacks(&finding);
	users_find_mounts(&finding);
	users_find_swap(&finding);
	users_find_members(&finding);
	users_find_routes(&finding);
	users_find_remote(&finding);
	users_find_consoles(&finding);
	users_find_processes(&finding);
	/* Last: a claim is worth telling only where nothing else explains it. */
	users_find_claims(&finding);
	collect(&finding, ret);
}

static int compare_functions(const void *a, const void *b)
{
	return pci_address_compare(((const struct pci_function *)a)->address,
				   ((const struct pci_function *)b)->address);
}

int users_find(const struct root *root, struct arena *arena, const struct pci_address *addresses, size_t count,
	       struct uses *ret, struct error *error)
{
	struct pci_function *functions = arena_alloc_array(arena, count + 1, sizeof(*functions));
	for (size_t i = 0; i < count; i++) {
		int r = pci_read_function(root, arena, addresses[i], &functions[i], error);
		if (r < 0)
			return r;
	}
	if (count)
		qsort(functions, count, sizeof(*functions), compare_functions);
	users_find_all(root, arena, functions, count, ret);
	return 0;
}

const struct use *uses_of(const struct uses *uses, struct pci_address address, size_t *ret_count)
{
	size_t low = 0;
	size_t high = uses->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (pci_address_compare(uses->items[middle].address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_count = 0;
	while (low + *ret_count < uses->count && pci_address_equal(uses->items[low + *ret_count].address, address))
		++*ret_count;
	return *ret_count ? &uses->items[low] : NULL;
}
