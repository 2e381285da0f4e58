/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/proxmox-print.h"

#include <errno.h>
#include <stdlib.h>

#include "vm/proxmox-keys.h"

/* That the API's description of it allows. */
#define DESCRIPTION_MAX 8192

struct item {
	const char *key;
	const char *value;
};

struct items {
	struct item *items; /* sorted by key, each once */
	size_t count;
};

/* What Perl takes for false: such a value is not deleted by `qm config`, and not masked. */
static bool is_false(const char *value)
{
	return !*value || strcmp(value, "0") == 0;
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->key, ((const struct item *)b)->key);
}

static const struct item *find_item(const struct items *items, const char *key)
{
	const struct item wanted = { .key = key };
	return items->count ? bsearch(&wanted, items->items, items->count, sizeof(wanted), compare_items) : NULL;
}

/* What a section sets, the description among it; "snapstate" is none of the VM's own settings. */
static struct items items_of(struct arena *arena, const struct proxmox_section *section)
{
	struct items items = {
		arena_alloc_array(arena, (section ? section->in_force_count : 0) + 1, sizeof(struct item)), 0
	};
	for (size_t i = 0; section && i < section->in_force_count; i++) {
		const struct proxmox_entry *entry = &section->in_force[i];
		bool skipped = section->kind == PROXMOX_PENDING ? strcmp(entry->key, "delete") == 0 :
			       section->kind == PROXMOX_MAIN    ? strcmp(entry->key, "snapstate") == 0 :
								  false;
		if (!skipped)
			items.items[items.count++] = (struct item){ entry->key, entry->value };
	}
	if (section && section->description)
		items.items[items.count++] = (struct item){ "description", section->description_encoded };
	qsort(items.items, items.count, sizeof(*items.items), compare_items);
	return items;
}

/* ---- qm config ---- */

/* Characters of what is percent-encoded UTF-8. */
static size_t count_characters(const char *encoded)
{
	size_t count = 0;
	for (; *encoded; encoded++) {
		/* %80 to %BF go on with a character that began before. */
		bool goes_on = *encoded == '%' && strchr("89AB", encoded[1]);
		count += !goes_on;
		encoded += *encoded == '%' ? 2 : 0;
	}
	return count;
}

/*
 * `qm config` checks what it is about to print against the API's description, and prints nothing when one value is not
 * as it should be, though Proxmox VE itself goes by it.
 */
static int verify(struct arena *arena, const struct proxmox_config *config, const struct items *items,
		  struct error *error)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct item *item = &items->items[i];
		const struct proxmox_key *key = proxmox_find_key(item->key);
		bool described = strcmp(item->key, "description") == 0;
		if (described && count_characters(item->value) > DESCRIPTION_MAX)
			return error_set(
				error, -EINVAL,
				"'qm config' prints nothing of it: the description has more than %d characters",
				DESCRIPTION_MAX);
		int r = key && !described ? proxmox_verify_value(arena, key, item->value, config->release, error) : 0;
		if (r < 0)
			return error_prefix(error, r, "'qm config' prints nothing of it: %s", item->key);
	}
	return 0;
}

static void print(const struct items *items, struct buffer *ret)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct item *item = &items->items[i];
		bool masked = strcmp(item->key, "cipassword") == 0 && !is_false(item->value);
		buffer_printf(ret, "%s: %s\n", item->key, masked ? "**********" : item->value);
	}
}

/*
 * As `qm config` has it, which is not always what the next start does: that deletes a setting of value 0, too, and takes
 * what is both set and deleted (proxmox_apply_pending).
 */
static struct items merge(struct arena *arena, const struct proxmox_config *config)
{
	const struct proxmox_section *section = proxmox_find_section(config, PROXMOX_PENDING, "");
	struct items now = items_of(arena, &config->sections[0]);
	struct items pending = items_of(arena, section);
	struct items merged = { arena_alloc_array(arena, now.count + pending.count + 1, sizeof(struct item)), 0 };
	for (size_t i = 0; i < now.count; i++)
		if (!find_item(&pending, now.items[i].key))
			merged.items[merged.count++] = now.items[i];
	for (size_t i = 0; i < pending.count; i++)
		merged.items[merged.count++] = pending.items[i];
	qsort(merged.items, merged.count, sizeof(*merged.items), compare_items);
	size_t kept = 0;
	for (size_t i = 0; i < merged.count; i++)
		if (is_false(merged.items[i].value) || !proxmox_deletes(section, merged.items[i].key))
			merged.items[kept++] = merged.items[i];
	merged.count = kept;
	return merged;
}

int proxmox_print_config(struct arena *arena, const struct proxmox_config *config, bool current, struct buffer *ret,
			 struct error *error)
{
	struct items items = current ? items_of(arena, &config->sections[0]) : merge(arena, config);
	int r = verify(arena, config, &items, error);
	if (r == 0)
		print(&items, ret);
	return r;
}

int proxmox_print_snapshot(struct arena *arena, const struct proxmox_config *config, const char *name,
			   struct buffer *ret, struct error *error)
{
	const struct proxmox_section *section = proxmox_find_section(config, PROXMOX_SNAPSHOT, name);
	if (!section)
		return error_set(error, -ENOENT, "there is no snapshot '%.64s'", name);
	struct items items = items_of(arena, section);
	int r = verify(arena, config, &items, error);
	if (r == 0)
		print(&items, ret);
	return r;
}

/* ---- qm pending ---- */

static const char *masked_current(const struct item *item)
{
	return strcmp(item->key, "cipassword") == 0 ? "**********" : item->value;
}

/* The blank behind it is Proxmox VE's: whoever compares shall see that something changes. */
static const char *masked_new(const struct item *item)
{
	return strcmp(item->key, "cipassword") == 0 ? "********** " : item->value;
}

void proxmox_print_pending(struct arena *arena, const struct proxmox_config *config, struct buffer *ret)
{
	const struct proxmox_section *section = proxmox_find_section(config, PROXMOX_PENDING, "");
	struct items now = items_of(arena, &config->sections[0]);
	struct items pending = items_of(arena, section);
	size_t i = 0;
	size_t j = 0;
	while (i < now.count || j < pending.count) {
		int order = i == now.count     ? 1 :
			    j == pending.count ? -1 :
						 compare_items(&now.items[i], &pending.items[j]);
		const struct item *current = order <= 0 ? &now.items[i++] : NULL;
		const struct item *wanted = order >= 0 ? &pending.items[j++] : NULL;
		bool deleted = current && proxmox_deletes(section, current->key);
		if (current)
			buffer_printf(ret, "%s %s: %s\n", deleted ? "del" : "cur", current->key,
				      masked_current(current));
		if (wanted && !deleted)
			buffer_printf(ret, "new %s: %s\n", wanted->key, masked_new(wanted));
	}
}
