/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One VM, for people. */
#include "base/say.h"
#include "report/text.h"
#include "verb/vm-show.h"

#define INDENT "  "
#define LABEL 16 /* width of the column of labels, with its indent */

struct printer {
	const struct vm_page *page;
	struct arena *arena;
	size_t width; /* of the terminal, 0: none */
};

static void heading(const char *text)
{
	printf("\n%s\n", text);
}

/* "  firmware      OVMF", the text broken where lines have an end. */
static void line(const struct printer *printer, const char *label, const char *text)
{
	printf(INDENT "%-*s", LABEL - (int)strlen(INDENT), label);
	say_wrapped(stdout, report_printable(printer->arena, text), LABEL, LABEL, printer->width);
}

static void indented(const struct printer *printer, size_t indent, const char *text)
{
	printf("%*s", (int)indent, "");
	say_wrapped(stdout, report_printable(printer->arena, text), indent, indent + 2, printer->width);
}

static void item(const struct printer *printer, const char *text)
{
	fputs(INDENT "- ", stdout);
	say_wrapped(stdout, report_printable(printer->arena, text), 4, 4, printer->width);
}

/* ---- What it is ---- */

static const char *owner_text(struct arena *arena, const struct vm *vm)
{
	static const char *const names[] = {
		[VM_PLAIN] = "nobody",
		[VM_PROXMOX] = "Proxmox VE",
		[VM_LIBVIRT] = "libvirt",
	};
	const char *name = names[vm->manager];
	return vm->node ? arena_printf(arena, "%s, node %s%s", name, vm->node, vm->elsewhere ? " (not this one)" : "") :
			  name;
}

static const char *state_text(struct arena *arena, const struct vm_view *view)
{
	const char *state = vm_view_state(view);
	return view->vm->pid ? arena_printf(arena, "%s, pid %d", state, (int)view->vm->pid) : state;
}

static void print_obstacles(const struct printer *printer)
{
	const char *label = "in the way";
	struct vm_obstacles obstacles = vm_obstacles(printer->arena, printer->page->view.vm);
	for (size_t i = 0; i < obstacles.count; i++) {
		line(printer, label, obstacles.items[i].text);
		label = "";
	}
	if (!obstacles.count)
		line(printer, label, "nothing");
}

static const char *ha_text(struct arena *arena, const struct vm *vm)
{
	if (!vm->ha)
		return arena_printf(arena, "%s: it leaves the VM alone", vm->ha_state);
	return vm->ha_status ? arena_printf(arena, "shall be %s, is %s", vm->ha_state, vm->ha_status) :
			       arena_printf(arena, "shall be %s", vm->ha_state);
}

static void print_what(const struct printer *printer)
{
	struct arena *arena = printer->arena;
	const struct vm_view *view = &printer->page->view;
	const struct vm *vm = view->vm;
	int used = printf("VM %s", report_printable(arena, vm->id ? vm->id : "?"));
	printf("%s", vm->name ? "  " : "");
	say_wrapped(stdout, report_printable(arena, vm->name ? vm->name : ""), (size_t)used + 2, LABEL, printer->width);
	line(printer, "manager", owner_text(arena, vm));
	line(printer, vm->source == VM_FROM_PROCESS ? "command line" : "definition", vm->path ? vm->path : "-");
	line(printer, "state", state_text(arena, view));
	if (printer->page->qemu)
		line(printer, "QEMU", printer->page->qemu);
	if (vm->onboot)
		line(printer, "at boot", "started");
	if (vm->ha_state)
		line(printer, "HA", ha_text(arena, vm));
	print_obstacles(printer);
}

/* ---- The machine ---- */

static const char *machine_text(struct arena *arena, const struct vm *vm)
{
	const char *chipset = vm_chipset(vm);
	const char *given = vm->machine ? vm->machine : "by default";
	if (!chipset)
		return arena_printf(arena, "%s: neither q35 nor i440fx", given);
	const char *version = vm->machine_version ? arena_printf(arena, "version %s", vm->machine_version) :
						    "of the newest version";
	return strcmp(given, chipset) == 0 ? arena_printf(arena, "%s, %s", chipset, version) :
					     arena_printf(arena, "%s, %s (%s)", chipset, version, given);
}

static const char *firmware_text(const struct vm *vm)
{
	if (vm->ovmf == VM_UNKNOWN)
		return "not known";
	if (vm->ovmf == VM_NO)
		return "SeaBIOS";
	return vm->efi_disk == VM_NO ? "OVMF without an EFI disk: boot entries are lost at each start" : "OVMF";
}

static const char *cpu_text(struct arena *arena, const struct vm *vm)
{
	static const char *const nested[] = {
		[VM_UNKNOWN] = "whether it can run VMs itself is not known",
		[VM_YES] = "it can run VMs itself",
		[VM_NO] = "it cannot run VMs itself",
	};
	const char *model = vm->cpu ? vm->cpu : vm->cpu_default ? vm->cpu_default : "not known";
	const char *count = vm->cpus ? arena_printf(arena, ", %u CPU%s", vm->cpus, vm->cpus == 1 ? "" : "s") : "";
	return arena_printf(arena, "%s%s; %s", model, count, nested[vm->nested_cpu]);
}

static const char *memory_text(struct arena *arena, const struct vm *vm)
{
	struct buffer text = { .arena = arena };
	if (vm->memory_mib)
		buffer_printf(&text, "%llu MiB", (unsigned long long)vm->memory_mib);
	else
		buffer_puts(&text, "not known");
	if (vm->balloon != VM_UNKNOWN)
		buffer_printf(&text, ", %s", vm->balloon == VM_YES ? "with a balloon" : "no balloon");
	if (vm->hugepages)
		buffer_printf(&text, ", hugepages: %s", vm->hugepages);
	return text.text;
}

static const char *viommu_of(struct arena *arena, const struct vm *vm)
{
	struct buffer text = { .arena = arena };
	if (!vm->viommu_count)
		return "none";
	buffer_printf(&text, "%s", vm_viommus_text(arena, vm));
	for (size_t i = 0; i < vm->viommu_count; i++)
		buffer_printf(&text, "; %s: %s", vm_viommu_source(vm, &vm->viommus[i]), vm->viommus[i].where);
	if (vm->viommu_count > 1)
		buffer_puts(&text, "; QEMU refuses more than one");
	return text.text;
}

static const char *viommu_note(const struct vm_view *view)
{
	switch (vm_view_viommu(view)) {
	case VM_VIOMMU_PENDING:
		return "pending: it comes with the next start";
	case VM_VIOMMU_RUNNING_WITHOUT:
		return "the VM runs without it: it was not started since";
	case VM_VIOMMU_RUNNING_ONLY:
		return view->running ? "the running QEMU has one, and the next start has none by the definition" :
				       "a pending change takes the present one away";
	case VM_VIOMMU_NONE:
	case VM_VIOMMU_THERE:
		break;
	}
	return NULL;
}

static void print_machine(const struct printer *printer)
{
	struct arena *arena = printer->arena;
	const struct vm_view *view = &printer->page->view;
	const struct vm *vm = view->vm;
	const char *note = viommu_note(view);
	heading(vm->source == VM_FROM_PROCESS ? "As it runs" : "As it is defined, pending changes made");
	line(printer, "machine", machine_text(arena, vm));
	line(printer, "firmware", firmware_text(vm));
	line(printer, "cpu", cpu_text(arena, vm));
	line(printer, "memory", memory_text(arena, vm));
	line(printer, "vIOMMU", viommu_of(arena, vm));
	if (view->wrapper)
		line(printer, "wrapper",
		     arena_printf(arena, "gives it an intel-iommu at %s (%s)",
				  view->wrapper->once ? "one start" : "every start here", view->wrapper->where));
	if (note)
		line(printer, "", note);
}

/* ---- Devices ---- */

static void print_claims(const struct printer *printer, struct pci_address address)
{
	struct vm_claims claims = vm_claims_of(printer->page, address);
	for (size_t i = 0; i < claims.count; i++) {
		const struct vm_claim *claim = &claims.items[i];
		indented(printer, 6,
			 arena_printf(printer->arena, "%sVM %s has %s: %s",
				      claim->vm->running == VM_YES ? "running " : "", claim->vm->id,
				      claim->same_device ? "it, too" : "another device of its IOMMU group",
				      claim->device->name));
	}
}

static void print_host(const struct printer *printer, struct pci_address address)
{
	char text[PCI_ADDRESS_TEXT_MAX];
	struct buffer what = { .arena = printer->arena };
	const struct pci_function *function = vm_page_function(printer->page, address);
	buffer_puts(&what, pci_address_format(address, text));
	if (!function) {
		buffer_puts(&what, ": this host has no such device");
	} else {
		buffer_printf(&what, "  %s%s, driver %s", function->group ? "group " : "no group",
			      function->group ? function->group : "", function->driver ? function->driver : "none");
		if (function->device_name || function->class_name)
			buffer_printf(&what, ", %s",
				      function->device_name ? function->device_name : function->class_name);
	}
	indented(printer, 4, what.text);
	print_claims(printer, address);
}

static void print_device(const struct printer *printer, const struct vm_device *device)
{
	struct buffer text = { .arena = printer->arena };
	buffer_printf(&text, "%s%s%s", device->name, device->where ? " = " : "", device->where ? device->where : "");
	/* "hostpci0 = hostpci0: ..." says it twice. */
	if (device->where && text_starts_with(device->where, device->name))
		text = (struct buffer){ .arena = printer->arena };
	if (!text.length)
		buffer_puts(&text, device->where);
	indented(printer, 2, text.text);
	if (device->mapping)
		indented(printer, 4,
			 arena_printf(printer->arena, "mapping '%s'%s", device->mapping,
				      device->any_of ? ": one of these, the first that is free" : ""));
	if (device->mdev)
		indented(printer, 4, arena_printf(printer->arena, "mediated: %s", device->mdev));
	if (device->problem)
		indented(printer, 4, device->problem);
	for (size_t i = 0; i < device->host_count; i++)
		print_host(printer, device->hosts[i]);
}

static void print_devices(const struct printer *printer)
{
	const struct vm *vm = printer->page->view.vm;
	heading("Devices of the host");
	for (size_t i = 0; i < vm->device_count; i++)
		print_device(printer, &vm->devices[i]);
	if (!vm->device_count)
		indented(printer, 2, "none");
}

/* ---- The definition ---- */

static void print_settings(const struct printer *printer)
{
	const struct proxmox_config *config = printer->page->view.vm->configuration;
	if (!config)
		return;
	heading("Settings in force");
	for (size_t i = 0; i < config->sections[0].in_force_count; i++) {
		const struct proxmox_entry *entry = &config->sections[0].in_force[i];
		bool secret = strcmp(entry->key, "cipassword") == 0;
		if (strcmp(entry->key, "snapstate") != 0)
			indented(printer, 2,
				 arena_printf(printer->arena, "%s: %s", entry->key,
					      secret ? "**********" : entry->value));
	}
}

static void print_pending(const struct printer *printer)
{
	const struct vm *vm = printer->page->view.vm;
	const struct proxmox_section *section = vm->configuration ?
							proxmox_find_section(vm->configuration, PROXMOX_PENDING, "") :
							NULL;
	bool described = section && section->description;
	if (!vm->pending_count && !described)
		return;
	heading("Pending: made by the next start");
	if (described)
		indented(printer, 2, "description: changes");
	for (size_t i = 0; i < vm->pending_count; i++) {
		const struct vm_pending *change = &vm->pending[i];
		const char *current = change->current ? change->current : "not set";
		if (strcmp(change->key, "cipassword") == 0)
			indented(printer, 2, "cipassword: changes");
		else
			indented(printer, 2,
				 arena_printf(printer->arena, "%s: %s -> %s", change->key, current,
					      change->wanted ? change->wanted : "not set"));
	}
}

static void print_text_lines(const struct printer *printer, size_t indent, const char *text)
{
	struct slice rest = slice_of(text);
	struct slice one;
	while (slice_next_line(&rest, &one))
		indented(printer, indent, arena_strndup(printer->arena, one.start, one.length));
}

static void print_snapshots(const struct printer *printer)
{
	const struct proxmox_config *config = printer->page->view.vm->configuration;
	bool any = false;
	for (size_t i = 0; config && i < config->count; i++) {
		const struct proxmox_section *section = &config->sections[i];
		if (section->kind != PROXMOX_SNAPSHOT || section->replaced)
			continue;
		const char *time = vm_time_text(printer->arena, proxmox_get(section, "snaptime"));
		const char *parent = proxmox_get(section, "parent");
		const char *state = proxmox_get(section, "snapstate");
		if (!any)
			heading("Snapshots");
		any = true;
		indented(printer, 2,
			 arena_printf(printer->arena, "%s%s%s%s%s%s%s%s", section->name, time ? ", " : "",
				      time ? time : "", proxmox_get(section, "vmstate") ? ", with its memory" : "",
				      parent ? ", after " : "", parent ? parent : "", state ? ", not complete: " : "",
				      state ? state : ""));
		if (section->description)
			print_text_lines(printer, 4, section->description);
	}
}

static void print_description(const struct printer *printer)
{
	const struct proxmox_config *config = printer->page->view.vm->configuration;
	const char *text = config ? config->sections[0].description : NULL;
	if (!text || !*text)
		return;
	heading("Description");
	print_text_lines(printer, 2, text);
}

/* ---- What does not fit ---- */

static void print_differences(const struct printer *printer)
{
	const struct vm_differences *differences = &printer->page->differences;
	if (!differences->count)
		return;
	heading("The running QEMU is not as the settings in force say");
	for (size_t i = 0; i < differences->count; i++) {
		const struct vm_difference *difference = &differences->items[i];
		item(printer, arena_printf(printer->arena, "%s: defined: %s; running: %s", difference->what,
					   difference->one, difference->other));
	}
}

static void print_problems(const struct printer *printer)
{
	const struct vm_view *view = &printer->page->view;
	const struct list *lists[] = { &view->vm->problems,
				       view->running && view->running != view->vm ? &view->running->problems : NULL };
	bool any = false;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (size_t j = 0; lists[i] && j < lists[i]->count; j++) {
			if (!any)
				heading("Not understood, ignored or refused");
			any = true;
			item(printer,
			     i ? arena_printf(printer->arena, "running: %s", lists[i]->items[j]) : lists[i]->items[j]);
		}
}

void vm_page_print(const struct vm_page *page)
{
	struct printer printer = { .page = page, .arena = page->arena, .width = say_width(stdout) };
	print_what(&printer);
	print_machine(&printer);
	print_devices(&printer);
	print_differences(&printer);
	print_problems(&printer);
	print_pending(&printer);
	print_settings(&printer);
	print_snapshots(&printer);
	print_description(&printer);
}
