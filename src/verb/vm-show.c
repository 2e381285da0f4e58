/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 'nestpci vm show' */
#include "verb/vm-show.h"

#include <errno.h>
#include <time.h>

#include "base/say.h"
#include "host/pci-ids.h"
#include "verb/vm-verb.h"
#include "vm/proxmox-print.h"

const char *vm_time_text(struct arena *arena, const char *seconds)
{
	uint64_t number;
	struct tm parts;
	char text[64];
	if (!seconds || text_to_number(seconds, 10, INT32_MAX * UINT64_C(100), &number) < 0)
		return seconds;
	time_t time = (time_t)number;
	if (!gmtime_r(&time, &parts) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts))
		return seconds;
	return arena_strdup(arena, text);
}

/* ---- Who else claims what it is given ---- */

const struct pci_function *vm_page_function(const struct vm_page *page, struct pci_address address)
{
	return pci_find(&page->functions, address);
}

static bool is_same_group(const struct vm_page *page, struct pci_address a, struct pci_address b)
{
	const struct pci_function *one = vm_page_function(page, a);
	const struct pci_function *other = vm_page_function(page, b);
	return one && other && text_equals(one->group, other->group);
}

static const struct vm_device *find_claim(const struct vm_page *page, const struct vm *vm, struct pci_address address,
					  bool *ret_same)
{
	const struct vm_device *found = NULL;
	for (size_t i = 0; i < vm->device_count; i++) {
		const struct vm_device *device = &vm->devices[i];
		for (size_t j = 0; !device->mdev && j < device->host_count; j++) {
			*ret_same = pci_address_equal(device->hosts[j], address);
			if (*ret_same)
				return device;
			if (is_same_group(page, device->hosts[j], address))
				found = device;
		}
	}
	return found;
}

/* A definition, and not its process as well. */
static bool is_counted(const struct vm_page *page, const struct vm *vm)
{
	for (size_t i = 0; vm->source == VM_FROM_PROCESS && i < page->sources.vms.count; i++)
		if (page->sources.vms.items[i].source == VM_FROM_CONFIGURATION &&
		    vm_find_running(&page->sources.vms, &page->sources.vms.items[i]) == vm)
			return false;
	return !vm->template && !vm->elsewhere;
}

struct vm_claims vm_claims_of(const struct vm_page *page, struct pci_address address)
{
	struct vm_claims claims = {
		arena_alloc_array(page->arena, page->sources.vms.count + 1, sizeof(struct vm_claim)), 0
	};
	for (size_t i = 0; i < page->sources.vms.count; i++) {
		const struct vm *vm = &page->sources.vms.items[i];
		bool same = false;
		if (vm_is_same(vm, page->view.vm) || !is_counted(page, vm))
			continue;
		const struct vm_device *device = find_claim(page, vm, address, &same);
		if (device)
			claims.items[claims.count++] = (struct vm_claim){ vm, device, same };
	}
	return claims;
}

/* ---- Gathering ---- */

/* A program that was replaced since has another version than the one that is installed; which one, only QMP tells. */
static const char *read_qemu(const struct root *root, struct arena *arena, const struct vm *vm)
{
	static const char deleted[] = " (deleted)";
	struct versions versions;
	if (!vm || !vm->program)
		return NULL;
	versions_read(root, arena, &versions);
	const char *installed = fact_known(&versions.qemu.fact) ? versions.qemu.fact.text : NULL;
	if (text_ends_with(vm->program, deleted)) {
		const char *program = arena_strndup(arena, vm->program, strlen(vm->program) - strlen(deleted));
		return installed ? arena_printf(arena, "%s, replaced since by %s: not known which version runs",
						program, installed) :
				   arena_printf(arena, "%s, replaced since: not known which version runs", program);
	}
	return installed ? arena_printf(arena, "%s, version %s", vm->program, installed) : vm->program;
}

static void gather(const struct root *root, const struct vm *vm, struct vm_page *page)
{
	struct error error;
	page->view = vm_view_of(&page->sources, vm);
	if (pci_read_all(root, page->arena, &page->functions, &error) < 0)
		say("vm: devices of this host: %s", error.text);
	int r = pci_ids_fill(root, page->arena, &page->functions, &error);
	if (r < 0 && r != -ENOENT)
		say("vm: no names of devices: %s", error.text);
	page->qemu = read_qemu(root, page->arena, page->view.running);
	if (page->view.running && page->view.running != vm)
		page->differences = vm_compare(page->arena, page->view.now, page->view.running);
}

/* ---- As the manager prints it ---- */

static int print_as_manager(const struct vm *vm, struct arena *arena, const struct vm_show_request *request)
{
	struct error error;
	struct buffer text = { .arena = arena };
	int r = 0;
	if (!vm->configuration) {
		say("vm: VM %s has no configuration of Proxmox VE: only such can be printed as it prints them", vm->id);
		return VERB_FAILED;
	}
	if (request->pending)
		proxmox_print_pending(arena, vm->configuration, &text);
	else if (request->snapshot)
		r = proxmox_print_snapshot(arena, vm->configuration, request->snapshot, &text, &error);
	else
		r = proxmox_print_config(arena, vm->configuration, request->current, &text, &error);
	if (r < 0) {
		say("vm: VM %s: %s", vm->id, error.text);
		return VERB_FAILED;
	}
	fwrite(text.text ? text.text : "", 1, text.length, stdout);
	return VERB_DONE;
}

static int choose(const struct root *root, const struct vm_show_request *request, struct vm_page *page,
		  struct vm *from_file, const struct vm **ret, struct error *error)
{
	if (!request->file) {
		vm_sources_read(root, page->arena, &page->sources);
		return vm_choose(&page->sources.vms, page->arena, request->vm, ret, error);
	}
	int r = vm_read_file(root, page->arena, request->file, from_file, error);
	*ret = from_file;
	return r;
}

int vm_show(const struct root *root, struct arena *arena, const struct vm_show_request *request)
{
	struct error error;
	struct vm from_file;
	const struct vm *vm;
	struct vm_page page = { .arena = arena, .sources = { .root = root, .arena = arena } };
	int r = choose(root, request, &page, &from_file, &vm, &error);
	if (r < 0) {
		say("vm: %s", error.text);
		return VERB_FAILED;
	}
	if (request->config || request->pending)
		return print_as_manager(vm, arena, request);
	gather(root, vm, &page);
	if (request->as_json)
		vm_page_print_json(&page);
	else
		vm_page_print(&page);
	return VERB_DONE;
}
