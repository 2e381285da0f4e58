/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One device, for people. */
#include <inttypes.h>

#include "base/say.h"
#include "report/table.h"
#include "verb/show.h"

#define INDENT "  "
#define LABEL 16 /* width of the column of labels, with its indent */

struct page {
	struct arena *arena;
	const struct sight *sight;
	size_t width; /* of the terminal, 0: none */
};

static void heading(const char *format, ...) PRINTF_FORMAT(1, 2);

static void heading(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	putchar('\n');
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

/* "  reset         flr bus", the text broken where lines have an end. */
static void line(const struct page *page, const char *label, const char *text)
{
	printf(INDENT "%-*s", LABEL - (int)strlen(INDENT), label);
	say_wrapped(stdout, report_printable(page->arena, text), LABEL, LABEL, page->width);
}

static void item(const struct page *page, const char *text)
{
	fputs(INDENT "- ", stdout);
	say_wrapped(stdout, report_printable(page->arena, text), 4, 4, page->width);
}

static void items(const struct page *page, const struct list *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		item(page, texts->items[i]);
}

static const char *address_text(struct arena *arena, struct pci_address address)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	return arena_strdup(arena, pci_address_format(address, text));
}

/* "16 MiB" */
static const char *size_text(struct arena *arena, uint64_t size)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	size_t unit = 0;
	while (unit + 1 < ARRAY_SIZE(units) && size && size % 1024 == 0) {
		size /= 1024;
		unit++;
	}
	return arena_printf(arena, "%" PRIu64 " %s", size, units[unit]);
}

static const char *name_of(struct arena *arena, const struct pci_function *function)
{
	const char *vendor = function->vendor_name;
	const char *device = function->device_name;
	if (!device)
		device = function->class_name;
	return arena_printf(arena, "%s%s%s", vendor ? vendor : "", vendor && device ? " " : "", device ? device : "");
}

static const char *hex(struct arena *arena, int32_t number, int digits)
{
	return number == PCI_UNKNOWN ? "?" : arena_printf(arena, "%0*x", digits, (unsigned int)number);
}

/* What a fact says, or why it says nothing. */
static const char *fact_text(const struct fact *fact, const char *absent)
{
	if (fact_known(fact))
		return fact->text;
	return fact_absent(fact) ? absent : fact->denied ? "not known: only root may look" : "not known";
}

static void print_what(const struct page *page)
{
	struct arena *arena = page->arena;
	const struct pci_function *function = page->sight->function;
	const struct pci_detail *detail = &page->sight->detail;
	const char *name = name_of(arena, function);
	int used = printf("%s%s", address_text(arena, function->address), *name ? "  " : "");
	say_wrapped(stdout, report_printable(arena, name), (size_t)used, LABEL, page->width);
	line(page, "class",
	     arena_printf(arena, "%s (%s)", function->class_name ? function->class_name : "unnamed",
			  hex(arena, function->class, 6)));
	line(page, "ids",
	     arena_printf(arena, "%s:%s, subsystem %s:%s, revision %s", hex(arena, function->vendor, 4),
			  hex(arena, function->device, 4), hex(arena, function->subsystem_vendor, 4),
			  hex(arena, function->subsystem_device, 4), hex(arena, function->revision, 2)));
	const char *driver = function->driver ? function->driver : "none";
	line(page, "driver",
	     fact_known(&detail->driver_override) ?
		     arena_printf(arena, "%s (driver_override: %s)", driver, detail->driver_override.text) :
		     driver);
	line(page, "power", fact_text(&detail->power_state, "not told by this kernel"));
	if (detail->caps.dead)
		line(page, "", "it does not answer: its configuration space reads all ones");
	if (fact_known(&detail->numa_node) && detail->numa_node.number >= 0)
		line(page, "NUMA node", detail->numa_node.text);
	if (function->boot_vga)
		line(page, "display", "the one that the firmware used (boot_vga)");
}

/* --- Where it sits --- */

static const char *acs_text(struct arena *arena, const struct pci_detail *detail)
{
	const struct pci_caps *caps = &detail->caps;
	if (caps->pcie && caps->acs) {
		uint16_t missing = pci_caps_acs_missing(caps, PCI_ACS_FOR_ISOLATION);
		return missing ? arena_printf(arena, "off: %s", pci_caps_acs_names(arena, missing)) : "on";
	}
	if (!fact_known(&detail->config) || !caps->capabilities_known || (caps->pcie && !caps->extended_known))
		return "not known";
	return "none";
}

static void add_step(struct table *table, const struct page *page, const struct pci_detail *detail,
		     struct pci_address address)
{
	struct arena *arena = page->arena;
	bool known = detail->function && fact_known(&detail->config) && detail->caps.capabilities_known;
	table_add(table, address_text(arena, address));
	table_add(table, known ? pci_caps_type_name(&detail->caps) : "not known");
	table_add(table, detail->function ? acs_text(arena, detail) : "not known");
	table_add(table, detail->function ? name_of(arena, detail->function) : "");
}

static void print_path(const struct page *page)
{
	static const char *const headings[] = { "ADDRESS", "TYPE", "ACS", "NAME", NULL };
	const struct sight *sight = page->sight;
	const struct pci_addresses *bridges = &sight->detail.bridges;
	struct table table;
	heading("Path from the root");
	if (!sight->detail.path) {
		item(page, "not known");
		return;
	}
	table_start(&table, page->arena, headings);
	table.indent = INDENT;
	for (size_t i = 0; i < bridges->count; i++)
		add_step(&table, page, &sight->bridges[i], bridges->items[i]);
	add_step(&table, page, &sight->detail, sight->function->address);
	table_print(&table, stdout, page->width);
}

/* --- The group --- */

static const char *fate_of(const struct page *page, const struct pci_function *member)
{
	const char *left = passable_left_alone(member);
	if (member == page->sight->function && passable_never(member))
		return "stays";
	if (left && member != page->sight->function)
		return arena_printf(page->arena, "stays: %s", left);
	return text_equals(member->driver, "vfio-pci") ? "goes, is with vfio-pci" : "goes";
}

static void print_members(const struct page *page)
{
	static const char *const headings[] = { "ADDRESS", "DRIVER", "TO A VM", "NAME", NULL };
	static const size_t limits[] = { 0, 14, 28, 0 };
	const struct passable_group *group = page->sight->passable->group;
	struct table table;
	table_start(&table, page->arena, headings);
	table.limits = limits;
	table.indent = INDENT;
	for (size_t i = 0; i < group->count; i++) {
		const struct pci_function *member = group->members[i].function;
		table_add(&table, address_text(page->arena, member->address));
		table_add(&table, member->driver ? member->driver : "-");
		table_add(&table, fate_of(page, member));
		table_add(&table, name_of(page->arena, member));
	}
	table_print(&table, stdout, page->width);
}

static const char *meaning_of(enum reserved_kind kind)
{
	switch (kind) {
	case RESERVED_DIRECT:
		return ": the firmware demands a 1:1 mapping, so the kernel gives the group to no VM";
	case RESERVED_DIRECT_RELAXABLE:
		return ": the firmware wants it mapped until a driver takes over; no obstacle";
	case RESERVED_MSI:
		return ": where interrupts are written to";
	case RESERVED_OTHER:
		break;
	}
	return "";
}

static void print_group(const struct page *page)
{
	const struct group *group = &page->sight->group;
	struct arena *arena = page->arena;
	if (!page->sight->passable->group) {
		heading(page->sight->passable->verdict == PASSABLE_UNKNOWN ? "IOMMU group: not known" :
									     "IOMMU group: none");
		item(page, page->sight->passable->worst->kind == PASSABLE_BRIDGE ? "no IOMMU covers it" :
										   page->sight->passable->worst->text);
		return;
	}
	heading("IOMMU group %s", group->number);
	print_members(page);
	for (size_t i = 0; i < group->others.count; i++)
		line(page, "other member", group->others.items[i]);
	if (fact_known(&page->sight->detail.unit))
		line(page, "IOMMU", page->sight->detail.unit.text);
	line(page, "type", fact_text(&group->type, "not told by this kernel"));
	if (page->sight->passable->group->count == 1 && group->others.count == 0)
		line(page, "why", "it is alone: everything on its way to the root keeps it apart from others");
	for (size_t i = 0; i < group->reason_count; i++)
		line(page, i ? "" : "why", group->reasons[i].text);
	for (size_t i = 0; i < group->region_count; i++) {
		const struct reserved_region *region = &group->regions[i];
		line(page, i ? "" : "reserved",
		     arena_printf(arena, "0x%" PRIx64 "-0x%" PRIx64 " %s%s", region->start, region->end, region->type,
				  meaning_of(region->kind)));
	}
}

/* --- What it can --- */

/* Others on its bus: a reset of that is no reset of this function alone, so the kernel does not offer it. */
static bool has_neighbours(const struct page *page)
{
	const struct pci_functions *functions = &page->sight->passables.functions;
	const struct pci_function *own = page->sight->function;
	for (size_t i = 0; i < functions->count; i++) {
		const struct pci_function *other = &functions->items[i];
		if (other != own && other->address.domain == own->address.domain &&
		    other->address.bus == own->address.bus)
			return true;
	}
	return false;
}

static const char *no_reset_text(const struct page *page)
{
	if (passable_never(page->sight->function))
		return "none";
	if (page->sight->detail.bridges.count && has_neighbours(page))
		return "none for it alone; a VM that has all that is behind the same port resets them together";
	return "none: the kernel knows no way. A VM finds the device as the last one left it, and may not be able to "
	       "start it a second time before this host is restarted";
}

static void print_reset(const struct page *page)
{
	const struct pci_detail *detail = &page->sight->detail;
	if (fact_known(&detail->reset_method) && *detail->reset_method.text)
		line(page, "reset", detail->reset_method.text);
	else if (fact_known(&detail->reset))
		line(page, "reset", "possible; this kernel does not say how");
	else
		line(page, "reset", fact_text(&detail->reset, no_reset_text(page)));
}

static const char *bar_text(struct arena *arena, const struct pci_bar *bar)
{
	if (!bar->memory)
		return arena_printf(arena, "%s of I/O ports at 0x%" PRIx64, size_text(arena, bar->size), bar->start);
	return arena_printf(arena, "%s at 0x%" PRIx64 "%s%s", size_text(arena, bar->size), bar->start,
			    bar->is_64bit ? ", 64-bit" : "", bar->prefetchable ? ", prefetchable" : "");
}

static void print_bars(const struct page *page)
{
	const struct pci_detail *detail = &page->sight->detail;
	for (size_t i = 0; i < detail->bar_count; i++) {
		const struct pci_bar *bar = &detail->bars[i];
		line(page, bar->number == PCI_BARS ? "ROM" : arena_printf(page->arena, "BAR %u", bar->number),
		     bar_text(page->arena, bar));
	}
	if (detail->bar_count == 0)
		line(page, "BARs", fact_known(&detail->resource) ? "none" : fact_text(&detail->resource, "not known"));
	for (size_t i = 0; i < detail->caps.rebar_count; i++) {
		const struct pci_resizable_bar *bar = &detail->caps.rebar[i];
		struct buffer sizes = { .arena = page->arena };
		for (unsigned int bit = 0; bit < 44; bit++)
			if (bar->sizes >> bit & 1)
				buffer_printf(&sizes, "%s%s", sizes.length ? ", " : "",
					      size_text(page->arena, UINT64_C(1) << (bit + 20)));
		line(page, "resizable",
		     arena_printf(page->arena, "BAR %u is %s; it can be %s", bar->bar,
				  size_text(page->arena, bar->current), sizes.length ? sizes.text : "no other"));
	}
}

static void print_interrupts(const struct page *page)
{
	const struct pci_detail *detail = &page->sight->detail;
	const struct pci_caps *caps = &detail->caps;
	struct buffer text = { .arena = page->arena };
	if (!fact_known(&detail->config) || caps->dead) {
		line(page, "interrupts", "not known");
		return;
	}
	if (caps->msix)
		buffer_printf(&text, "MSI-X (%u vectors)", caps->msix_vectors);
	if (caps->msi)
		buffer_printf(&text, "%sMSI", text.length ? ", " : "");
	if (caps->interrupt_pin >= 1 && caps->interrupt_pin <= 4)
		buffer_printf(&text, "%sINT%c", text.length ? ", " : "", 'A' + caps->interrupt_pin - 1);
	if (!caps->capabilities_known)
		buffer_printf(&text, "%swhether MSI: not known", text.length ? ", " : "");
	if (fact_known(&detail->msi_irqs))
		buffer_printf(&text, "; %" PRId64 " vectors in use", detail->msi_irqs.number);
	line(page, "interrupts", text.length ? text.text : "none");
}

static void print_virtual_functions(const struct page *page)
{
	const struct pci_detail *detail = &page->sight->detail;
	if (fact_known(&detail->physfn))
		line(page, "SR-IOV", arena_printf(page->arena, "a virtual function of %s", detail->physfn.text));
	else if (fact_known(&detail->sriov_total))
		line(page, "SR-IOV",
		     arena_printf(page->arena, "%s of %s virtual functions", fact_text(&detail->sriov_enabled, "0"),
				  detail->sriov_total.text));
	if (fact_known(&detail->mdev))
		line(page, "mdev", "its driver can share it between VMs (mdev_supported_types)");
}

/* --- Who uses it, and what follows --- */

static void print_users(const struct page *page)
{
	size_t count;
	const struct pci_function *function = page->sight->function;
	const struct use *use = uses_of(&page->sight->passables.uses, function->address, &count);
	heading(function->is_bridge ? "What is behind it is used by" : "Used by");
	if (count == 0)
		item(page, "nobody");
	for (size_t i = 0; i < count; i++)
		item(page, use[i].text);
}

static void print_reasons(const struct page *page, const struct passable_reasons *reasons)
{
	for (size_t i = 0; i < reasons->count; i++) {
		const struct passable_reason *reason = &reasons->items[i];
		if (reason->function && reason->function != page->sight->function)
			item(page, arena_printf(page->arena, "%s: %s",
						address_text(page->arena, reason->function->address), reason->text));
		else
			item(page, reason->text);
	}
}

static void print_conclusion(const struct page *page)
{
	const struct passable *passable = page->sight->passable;
	struct passable_reasons reasons = sight_reasons(page->arena, page->sight);
	struct list costs = sight_costs(page->arena, page->sight);
	struct list next = sight_next(page->arena, page->sight);
	heading("Can it be passed to a VM? %s%s", passable_brief(page->arena, page->sight->function, passable),
		passable->worst ? "" : ".");
	print_reasons(page, &reasons);
	if (costs.count) {
		heading("What it costs this host");
		items(page, &costs);
	}
	if (next.count) {
		heading("What to do");
		items(page, &next);
	}
}

void sight_print(struct arena *arena, const struct sight *sight)
{
	struct page page = { arena, sight, say_width(stdout) };
	struct list problems = sight_problems(arena, sight);
	print_what(&page);
	print_path(&page);
	print_group(&page);
	heading("What it has");
	print_reset(&page);
	print_bars(&page);
	print_interrupts(&page);
	print_virtual_functions(&page);
	print_users(&page);
	print_conclusion(&page);
	if (problems.count) {
		heading("What could not be read");
		items(&page, &problems);
	}
}
