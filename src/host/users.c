/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/users.h"

#include <stdarg.h>

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

static void add(struct finding *finding, const struct use *use)
{
	struct uses *uses = &finding->uses;
	if (uses->count == uses->room) {
		uses->room = uses->room ? uses->room * 2 : 8;
		uses->items = arena_grow(finding->arena, uses->items, uses->count, uses->room, sizeof(*uses->items));
	}
	uses->items[uses->count++] = *use;
}

void users_add(struct finding *finding, size_t owner, enum use_kind kind, bool needed, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const char *text = arena_vprintf(finding->arena, format, args);
	va_end(args);
	add(finding, &(struct use){ finding->addresses[owner], kind, needed, text });
}

/* "dm-0 (vg-root)": device mapper names are what people know. */
static const char *title(struct finding *finding, const struct node *node)
{
	char *mapper;
	if (!node->is_block || !text_starts_with(node->name, "dm-") ||
	    root_read_line(finding->root, finding->arena, arena_printf(finding->arena, "%s/dm/name", node->path),
			   &mapper, NULL) < 0)
		return node->name;
	return arena_printf(finding->arena, "%s (%s)", node->name, mapper);
}

void users_add_of(struct finding *finding, struct node *node, enum use_kind kind, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const char *text = arena_vprintf(finding->arena, format, args);
	va_end(args);
	/* That nothing has activated it says nothing of who else may have it: the kernel is still to be asked. */
	if (kind != USE_MEMBER)
		node->explained = true;
	users_add(finding, node->owner, kind, true, "%s%s%s%s %s", title(finding, node), node->base ? ", on " : "",
		  node->base ? node->base : "", node->base ? "," : "", text);
}

void users_add_unknown(struct finding *finding, bool needed, const char *text)
{
	for (size_t i = 0; i < finding->count; i++)
		users_add(finding, i, USE_UNKNOWN, needed, "%s", text);
}

size_t users_add_node(struct finding *finding, const struct node *node)
{
	for (size_t i = 0; i < finding->node_count; i++)
		if (strcmp(finding->nodes[i].path, node->path) == 0)
			return i;
	if (finding->node_count == finding->node_room) {
		finding->node_room = finding->node_room ? finding->node_room * 2 : 32;
		finding->nodes = arena_grow(finding->arena, finding->nodes, finding->node_count, finding->node_room,
					    sizeof(*finding->nodes));
	}
	finding->nodes[finding->node_count] = *node;
	return finding->node_count++;
}

struct node *users_node_by_number(struct finding *finding, dev_t number, bool is_block)
{
	for (size_t i = 0; i < finding->node_count; i++) {
		struct node *node = &finding->nodes[i];
		if (node->device && node->number == number && node->is_block == is_block)
			return node;
	}
	return NULL;
}

struct node *users_node_by_device(struct finding *finding, const char *device)
{
	for (size_t i = 0; i < finding->node_count; i++)
		if (text_equals(finding->nodes[i].device, device))
			return &finding->nodes[i];
	return NULL;
}

int users_find(const struct root *root, struct arena *arena, const struct pci_address *addresses, size_t count,
	       struct uses *ret, struct error *error)
{
	struct finding finding = { .root = root, .arena = arena, .addresses = addresses, .count = count };
	int r = users_find_nodes(&finding, error);
	if (r < 0)
		return r;
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
	*ret = finding.uses;
	return 0;
}
