/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/pci-detail.h"

#include "host/guard.h"

/* include/linux/ioport.h, as /sys/bus/pci/devices/ADDRESS/resource shows them. */
#define RESOURCE_IO 0x100
#define RESOURCE_MEMORY 0x200
#define RESOURCE_PREFETCH 0x2000
#define RESOURCE_64BIT 0x100000

/* The first lines of `resource`: six BARs and the expansion ROM; windows of bridges and of VFs follow. */
#define BARS_AND_ROM 7

struct reading {
	const struct root *root;
	struct arena *arena;
	struct pci_address address;
};

static const char *path_of(const struct reading *reading, const char *name)
{
	return pci_path(reading->arena, reading->address, name);
}

static struct fact line_of(const struct reading *reading, const char *name)
{
	return fact_read_line(reading->root, reading->arena, path_of(reading, name));
}

static struct fact number_of(const struct reading *reading, const char *name)
{
	return fact_read_number(reading->root, reading->arena, path_of(reading, name), 10);
}

static struct fact link_of(const struct reading *reading, const char *name)
{
	return fact_read_link_name(reading->root, reading->arena, path_of(reading, name));
}

static struct fact presence_of(const struct reading *reading, const char *name)
{
	return fact_exists(reading->root, reading->arena, path_of(reading, name));
}

static struct fact wrong(const struct reading *reading, struct fact fact, const char *problem)
{
	fact.state = FACT_WRONG;
	fact.problem = arena_printf(reading->arena, "%s%s: %s", reading->root->name, fact.path, problem);
	return fact;
}

/* --- Where it sits --- */

/*
 * "pci0000:00", "pci10000:e0": a root bus. Intel's VMD is a PCI function with a root bus of a domain of its own below
 * it, so there may be two on a path; the last is the one that counts.
 */
static bool is_root_bus(struct arena *arena, const char *name)
{
	struct pci_address ignored;
	return text_starts_with(name, "pci") &&
	       pci_address_parse(arena_printf(arena, "%s:00.0", name + strlen("pci")), &ignored, NULL) == 0;
}

/* The functions on the path behind the last root bus, but the last, which is the function itself. */
static bool find_bridges(struct arena *arena, const char *path, struct pci_addresses *ret)
{
	enum { SHORTEST = sizeof("0:0.0") }; /* address, with a slash */
	bool found = false;
	*ret = (struct pci_addresses){ arena_alloc_array(arena, strlen(path) / SHORTEST + 1, sizeof(*ret->items)), 0 };
	for (const char *next = path + strspn(path, "/"); *next;) {
		size_t length = strcspn(next, "/");
		const char *name = arena_strndup(arena, next, length);
		next += length;
		next += strspn(next, "/");
		if (is_root_bus(arena, name)) {
			found = true;
			ret->count = 0;
		} else if (*next && pci_address_parse(name, &ret->items[ret->count], NULL) == 0) {
			ret->count++;
		}
	}
	return found;
}

void pci_place_read(const struct root *root, struct arena *arena, struct pci_address address, const char **ret_path,
		    struct pci_addresses *ret_bridges)
{
	char *path;
	*ret_path = NULL;
	*ret_bridges = (struct pci_addresses){ 0 };
	if (root_real_path(root, arena, pci_path(arena, address, ""), &path, NULL) < 0)
		return;
	struct pci_addresses bridges;
	if (find_bridges(arena, path, &bridges)) {
		*ret_path = path;
		*ret_bridges = bridges;
	}
}

/* --- Configuration space --- */

struct fact pci_config_read(const struct root *root, struct arena *arena, struct pci_address address,
			    struct pci_caps *ret)
{
	struct error error;
	struct slice config = { 0 };
	const char *path = pci_path(arena, address, "config");
	int r = root_read(root, arena, path, &config, &error);
	pci_caps_parse(r < 0 ? (struct slice){ 0 } : config, arena, ret);
	struct fact fact = fact_of(arena, path, NULL, r, &error);
	if (fact_known(&fact) && config.length < PCI_HEADER_SIZE) {
		fact.state = FACT_WRONG;
		fact.text = arena_printf(arena, "%zu bytes", config.length);
		fact.problem = arena_printf(arena, "%s: %zu bytes are no configuration space", path, config.length);
	}
	return fact;
}

/* --- Facts --- */

/* A link physfn that does not lead to a PCI function is none of the kernel's. */
static struct fact read_physfn(const struct reading *reading)
{
	struct pci_address address;
	struct fact fact = link_of(reading, "physfn");
	if (fact_known(&fact) && pci_address_parse(fact.text, &address, NULL) < 0)
		return wrong(reading, fact, "leads to no PCI function");
	return fact;
}

/* Since Linux 5.17 the folder is there as soon as a driver could have vectors: it is its files that say it has. */
static struct fact read_msi_irqs(const struct reading *reading)
{
	struct error error;
	struct list names = { .arena = reading->arena };
	const char *path = path_of(reading, "msi_irqs");
	int r = root_list(reading->root, reading->arena, path, &names, &error);
	struct fact fact = fact_of(reading->arena, path, NULL, r, &error);
	if (fact_known(&fact) && names.count == 0)
		fact.state = FACT_ABSENT;
	fact.number = (int64_t)names.count;
	return fact;
}

/* --- BARs --- */

struct region {
	uint64_t start;
	uint64_t end;
	uint64_t flags;
};

bool pci_next_hex(struct slice *line, uint64_t *ret)
{
	char text[20];
	struct slice word;
	if (!slice_next_word(line, &word) || word.length >= sizeof(text))
		return false;
	memcpy(text, word.start, word.length);
	text[word.length] = '\0';
	return text_starts_with(text, "0x") && text_to_number(text + 2, 16, UINT64_MAX, ret) == 0;
}

/* "0x00000000fe000000 0x00000000fe003fff 0x0000000000040200" */
static bool parse_region(struct slice line, struct region *ret)
{
	struct slice behind;
	return pci_next_hex(&line, &ret->start) && pci_next_hex(&line, &ret->end) && pci_next_hex(&line, &ret->flags) &&
	       !slice_next_word(&line, &behind);
}

/* A region that is not used may end at 0, before it starts, or be all of 64 bits (resource_set_range() with size 0). */
static bool is_there(const struct region *region)
{
	return region->flags & (RESOURCE_MEMORY | RESOURCE_IO) && region->end != 0 && region->end != UINT64_MAX &&
	       region->start <= region->end;
}

static void add_bar(struct pci_detail *detail, unsigned int number, const struct region *region)
{
	detail->bars[detail->bar_count++] = (struct pci_bar){
		.number = number,
		.start = region->start,
		.size = region->end - region->start + 1,
		.memory = region->flags & RESOURCE_MEMORY,
		.prefetchable = region->flags & RESOURCE_PREFETCH,
		.is_64bit = region->flags & RESOURCE_64BIT,
	};
}

static struct fact parse_resource(const struct reading *reading, struct fact fact, struct slice text,
				  struct pci_detail *detail)
{
	struct slice line;
	bool zeros = true;
	detail->bars = arena_alloc_array(reading->arena, BARS_AND_ROM, sizeof(*detail->bars));
	for (unsigned int number = 0; slice_next_line(&text, &line); number++) {
		struct region region;
		if (!parse_region(line, &region)) {
			detail->bar_count = 0;
			fact.text = arena_strndup(reading->arena, line.start, line.length);
			return wrong(reading, fact,
				     "not lines of three numbers: where a region starts, ends, its flags");
		}
		zeros = zeros && !region.start && !region.end && !region.flags;
		if (number < BARS_AND_ROM && is_there(&region))
			add_bar(detail, number, &region);
	}
	/* Some kernels show zeros to whoever is not root; who that is, the length of the configuration space tells. */
	bool cut = fact_known(&detail->config) && !detail->caps.capabilities_known && !detail->caps.dead;
	if (zeros && cut) {
		fact.state = FACT_UNREADABLE;
		fact.denied = true;
		fact.problem = arena_printf(reading->arena, "%s%s: shows zeros, as to anybody but root",
					    reading->root->name, fact.path);
	}
	return fact;
}

static void read_resource(const struct reading *reading, struct pci_detail *detail)
{
	struct error error;
	struct slice text = { "", 0 };
	const char *path = path_of(reading, "resource");
	int r = root_read(reading->root, reading->arena, path, &text, &error);
	detail->resource = fact_of(reading->arena, path, NULL, r, &error);
	if (fact_known(&detail->resource))
		detail->resource = parse_resource(reading, detail->resource, text, detail);
}

void pci_detail_read(const struct root *root, struct arena *arena, const struct pci_function *function,
		     struct pci_detail *ret)
{
	struct root inside = root_enter(root, pci_path(arena, function->address, ""));
	struct reading reading = { &inside, arena, function->address };
	*ret = (struct pci_detail){ .function = function };
	pci_place_read(root, arena, function->address, &ret->path, &ret->bridges);
	/* Before the configuration space, reading which wakes a sleeping device (pci_config_pm_runtime_get()). */
	ret->power_state = line_of(&reading, "power_state");
	ret->config = pci_config_read(&inside, arena, function->address, &ret->caps);
	ret->d3cold_allowed = fact_read_switch(&inside, arena, path_of(&reading, "d3cold_allowed"));
	ret->reset = presence_of(&reading, "reset");
	ret->reset_method = line_of(&reading, "reset_method");
	ret->rom = presence_of(&reading, "rom");
	ret->numa_node = number_of(&reading, "numa_node");
	ret->enable = number_of(&reading, "enable");
	ret->sriov_total = number_of(&reading, "sriov_totalvfs");
	ret->physfn = read_physfn(&reading);
	ret->mdev = presence_of(&reading, "mdev_supported_types");
	ret->unit = link_of(&reading, "iommu");
	ret->msi_irqs = read_msi_irqs(&reading);
	read_resource(&reading, ret);
	root_leave(&inside);
}

void pci_detail_read_locked(const struct root *root, struct arena *arena, struct pci_detail *const *details,
			    size_t count)
{
	struct fact **facts = arena_alloc_array(arena, 2 * count + 1, sizeof(struct fact *));
	size_t wanted = 0;
	for (size_t i = 0; i < count; i++) {
		struct pci_detail *detail = details[i];
		if (!detail->function)
			continue;
		struct reading reading = { root, arena, detail->function->address };
		detail->driver_override.path = path_of(&reading, "driver_override");
		detail->sriov_enabled.path = path_of(&reading, "sriov_numvfs");
		facts[wanted++] = &detail->driver_override;
		/* The kernel makes both files or none (sriov_dev_attr_group in drivers/pci/iov.c). */
		if (fact_absent(&detail->sriov_total))
			detail->sriov_enabled.state = FACT_ABSENT;
		else
			facts[wanted++] = &detail->sriov_enabled;
	}
	guard_read_facts(root, arena, facts, wanted, GUARD_LOOK_MS);
	for (size_t i = 0; i < count; i++) {
		struct fact *override = &details[i]->driver_override;
		/* What driver_override_show() in drivers/pci/pci-sysfs.c prints for NULL. */
		if (fact_is(override, "(null)") || fact_is(override, ""))
			*override = (struct fact){ .state = FACT_ABSENT, .path = override->path };
		fact_parse_number(arena, &details[i]->sriov_enabled, 10);
	}
}
