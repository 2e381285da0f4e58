/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/viommu.h"

#include <errno.h>
#include <string.h>

#include "qemu/edit.h"
#include "qemu/group-bridge.h"
#include "qemu/viommu-limits.h"

/* What a vIOMMU must say to be of use for nesting, in the order in which it is written. */
static const struct {
	const char *name;
	const char *value;
	const char *reason;
	bool always; /* must stand there; the others only must not say the contrary */
} needed[] = {
	{ "intremap", "on", "VFIO in the guest needs interrupt remapping", true },
	{ "caching-mode", "on", "without it QEMU does not see what the guest maps", true },
	{ "dma-translation", "on", "without it the guest has no IOMMU groups", false },
	{ "snoop-control", "off", "QEMU refuses it together with VFIO", false },
};

/* ---- One vIOMMU, at the right place, saying the right things ---- */

static bool is_intel(const struct qemu_device *device)
{
	return strcmp(device->driver, "intel-iommu") == 0;
}

static int check_foreign(struct edit *edit)
{
	for (size_t i = 0; i < edit->vm->device_count; i++) {
		const char *driver = edit->vm->devices[i].driver;
		if (strcmp(driver, "amd-iommu") == 0)
			return error_set(
				edit->error, -EOPNOTSUPP,
				"the line has an amd-iommu; QEMU takes only one vIOMMU, and intel-iommu works on AMD "
				"hosts as well: remove amd-iommu");
		if (text_starts_with(driver, "virtio-iommu"))
			return error_set(
				edit->error, -EOPNOTSUPP,
				"the line has a virtio-iommu, which does not remap interrupts, so that VFIO in "
				"the guest refuses; QEMU takes only one vIOMMU: remove it (Proxmox VE: "
				"viommu=intel instead of viommu=virtio)");
	}
	return 0;
}

/* The option before which a vIOMMU is certainly early enough: the first that makes a PCI device. */
static const struct qemu_option *first_pci_option(const struct edit *edit)
{
	const struct qemu_vm *vm = edit->vm;
	const struct qemu_option *first = NULL;
	for (size_t i = 0; i < vm->device_count; i++) {
		const struct qemu_device *device = &vm->devices[i];
		if (qemu_device_is_pci(device->driver) && (!first || device->option->word < first->word))
			first = device->option;
	}
	for (size_t i = 0; i < vm->config_count; i++)
		if (vm->configs[i].problem && (!first || vm->configs[i].option->word < first->word))
			first = vm->configs[i].option;
	for (size_t i = 0; i < vm->argv->option_count; i++) {
		const struct qemu_option *option = &vm->argv->options[i];
		if (text_equals(option->name, "virtfs") && (!first || option->word < first->word))
			first = option;
	}
	return first;
}

const char *viommu_find_early_device(struct arena *arena, const struct qemu_vm *vm, const struct qemu_device *viommu)
{
	for (size_t i = 0; &vm->devices[i] != viommu; i++)
		if (qemu_device_is_vfio(&vm->devices[i])) {
			const char *host = keyval_get(&vm->devices[i].properties, "host");
			return arena_printf(arena, "%s%s%s", vm->devices[i].driver, host ? " " : "", host ? host : "");
		}
	for (size_t i = 0; i < vm->config_count; i++) {
		const struct qemu_config *config = &vm->configs[i];
		bool before = viommu->form == QEMU_JSON || config->option->word < viommu->option->word;
		if (before && config->problem && !config->from_memory)
			return arena_printf(arena, "-readconfig %s", qemu_argument(vm->argv, config->option));
	}
	return NULL;
}

static bool has_vfio(const struct qemu_vm *vm)
{
	for (size_t i = 0; i < vm->device_count; i++)
		if (qemu_device_is_vfio(&vm->devices[i]))
			return true;
	return false;
}

/*
 * The address width to write: the one asked for; or 39 where the host's IOMMU cannot do 48, which is QEMU's default since
 * 10.0 (QEMU then refuses the device: "aw-bits 48 > host aw-bits 39"). NULL: none, leave it to QEMU.
 */
static const char *wanted_address_width(struct edit *edit, const char *present)
{
	unsigned int host = edit->facts->host_address_width;
	unsigned int asked = edit->options->aw_bits;
	if (asked) {
		if (host && host < asked)
			list_printf(&edit->warnings,
				    "aw-bits=%u was asked for, but this host's IOMMU translates %u bits: QEMU 9.1 and "
				    "later refuses to start, older ones fail when the guest maps above that",
				    asked, host);
		return arena_printf(edit->arena, "%u", asked);
	}
	if (!host || host >= 48 || !has_vfio(edit->vm) || text_equals(present, "39"))
		return NULL;
	if (host < 39) {
		list_printf(&edit->warnings,
			    "this host's IOMMU translates only %u bits, and QEMU's vIOMMU has at least 39", host);
		return NULL;
	}
	return "39";
}

struct wish {
	const char *name;
	const char *value;
	const char *reason;
};

static const char *switch_text(enum viommu_switch value)
{
	return value == VIOMMU_ON ? "on" : "off";
}

static bool says(const char *present, const char *wanted)
{
	int truth = keyval_boolean(wanted);
	return truth >= 0 ? present && keyval_boolean(present) == truth : text_equals(present, wanted);
}

/* What must be written on the vIOMMU that is there (NULL: on a new one, for which a -global can speak, too). At most 8. */
static size_t gather_wishes(struct edit *edit, const struct qemu_device *viommu, struct wish wishes[8])
{
	static const struct qemu_device fresh = { .driver = "intel-iommu" };
	bool is_new = !viommu;
	size_t count = 0;
	if (is_new)
		viommu = &fresh;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		const char *present = qemu_device_property(edit->vm, viommu, needed[i].name);
		/* "auto" is on where the irqchip is split, which settle_irqchip sees to. */
		bool wrong = present && !says(present, needed[i].value) && strcmp(present, "auto") != 0;
		if (wrong || (needed[i].always && (is_new || !present)))
			wishes[count++] = (struct wish){ needed[i].name, needed[i].value, needed[i].reason };
	}
	const char *present = qemu_device_property(edit->vm, viommu, "aw-bits");
	const char *width = wanted_address_width(edit, present);
	if (width && !says(present, width))
		wishes[count++] = (struct wish){ "aw-bits", width,
						 edit->options->aw_bits ? "asked for" :
									  "this host's IOMMU translates no more" };
	const struct {
		const char *name;
		enum viommu_switch value;
	} asked[] = { { "eim", edit->options->eim }, { "device-iotlb", edit->options->device_iotlb } };
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		present = qemu_device_property(edit->vm, viommu, asked[i].name);
		if (asked[i].value && !says(present, switch_text(asked[i].value)))
			wishes[count++] = (struct wish){ asked[i].name, switch_text(asked[i].value), "asked for" };
	}
	return count;
}

static void add_viommu(struct edit *edit)
{
	struct buffer text = { .arena = edit->arena };
	struct wish wishes[8];
	size_t count = gather_wishes(edit, NULL, wishes);
	buffer_puts(&text, "intel-iommu");
	for (size_t i = 0; i < count; i++)
		buffer_printf(&text, ",%s=%s", wishes[i].name, wishes[i].value);
	const struct qemu_option *before = first_pci_option(edit);
	edit_insert_option(edit, before, "device", text.text);
	if (before)
		list_printf(&edit->changes, "-device %s added before '%s %.40s'", text.text,
			    edit->vm->argv->words[before->word], qemu_argument(edit->vm->argv, before));
	else
		list_printf(&edit->changes, "-device %s added", text.text);
}

/* The same device in key=value form, which QEMU creates at its place on the line. */
static const char *as_keyval(struct edit *edit, const struct qemu_device *device)
{
	if (device->form == QEMU_KEYVAL)
		return edit_argument(edit, device->option);
	struct buffer text = { .arena = edit->arena };
	buffer_puts(&text, device->driver);
	for (size_t i = 0; i < device->properties.count; i++) {
		if (strcmp(device->properties.items[i].key, "driver") == 0)
			continue;
		buffer_printf(&text, ",%s=", device->properties.items[i].key);
		keyval_escape(&text, device->properties.items[i].value);
	}
	return text.text;
}

static int mend_viommu(struct edit *edit, const struct qemu_device *viommu)
{
	struct wish wishes[8];
	size_t count = gather_wishes(edit, viommu, wishes);
	const char *early = viommu_find_early_device(edit->arena, edit->vm, viommu);
	if (count == 0 && !early)
		return 0;
	if (viommu->form == QEMU_CONFIG)
		return error_set(edit->error, -EOPNOTSUPP,
				 "the intel-iommu of the configuration file %s %s; correct it there",
				 qemu_argument(edit->vm->argv, viommu->option),
				 early ? arena_printf(edit->arena, "is created behind %s", early) :
					 arena_printf(edit->arena, "needs %s=%s", wishes[0].name, wishes[0].value));
	if (count && viommu->changed_by_set)
		return error_set(edit->error, -EOPNOTSUPP,
				 "the intel-iommu needs %s=%s, and a -set changes it; remove the -set", wishes[0].name,
				 wishes[0].value);
	for (size_t i = 0; i < viommu->properties.count; i++)
		if (viommu->form == QEMU_JSON && strpbrk(viommu->properties.items[i].key, ",="))
			return error_set(edit->error, -EOPNOTSUPP,
					 "the intel-iommu has a property that QEMU does not know: '%s'",
					 viommu->properties.items[i].key);
	const char *text = as_keyval(edit, viommu);
	for (size_t i = 0; i < count; i++) {
		const char *old = qemu_device_property(edit->vm, viommu, wishes[i].name);
		text = keyval_set(edit->arena, text, "driver", wishes[i].name, wishes[i].value);
		list_printf(&edit->changes, "intel-iommu: %s=%s (was %s): %s", wishes[i].name, wishes[i].value,
			    old ? old : "not given", wishes[i].reason);
	}
	if (!early) {
		/* It stands where it belongs. One in JSON form may only stay in it as long as nothing needs mending. */
		edit_set_argument(edit, viommu->option, text);
		return 0;
	}
	edit_drop_option(edit, viommu->option);
	edit_insert_option(edit, first_pci_option(edit), "device", text);
	list_printf(&edit->changes, "intel-iommu moved to the front: %s would be created before it, untranslated",
		    early);
	return 0;
}

/* Two of them: one too many for QEMU. Alike, or adding to each other, they become one; otherwise nobody can choose. */
static int merge_viommus(struct edit *edit, struct qemu_device *first, const struct qemu_device *other)
{
	if (first->form == QEMU_CONFIG || other->form == QEMU_CONFIG)
		return error_set(edit->error, -EOPNOTSUPP,
				 "there are two intel-iommu devices, one of them in a configuration file; remove one");
	for (size_t i = 0; i < other->properties.count; i++) {
		const struct keyval_item *item = &other->properties.items[i];
		const char *mine = keyval_get(&first->properties, item->key);
		bool is_needed = false;
		for (size_t j = 0; j < ARRAY_SIZE(needed); j++)
			is_needed |= strcmp(needed[j].name, item->key) == 0;
		if (strcmp(item->key, "driver") == 0 || strcmp(item->key, "id") == 0 || is_needed ||
		    (mine && says(mine, item->value)))
			continue;
		if (mine || first->form == QEMU_JSON)
			return error_set(
				edit->error, -EOPNOTSUPP,
				"there are two intel-iommu devices, and they differ: %s=%s and %s=%s; remove one",
				item->key, mine ? mine : "(not given)", item->key, item->value);
		edit_set_property(edit, first, item->key, item->value);
	}
	edit_drop_option(edit, other->option);
	list_printf(&edit->changes, "a second intel-iommu removed: QEMU takes only one");
	if (first->form == QEMU_KEYVAL)
		keyval_parse(edit->arena, edit_argument(edit, first->option), "driver", &first->properties);
	return 0;
}

static int settle_viommu(struct edit *edit)
{
	int r = check_foreign(edit);
	if (r < 0)
		return r;
	struct qemu_device *first = NULL;
	for (size_t i = 0; i < edit->vm->device_count; i++) {
		struct qemu_device *device = &edit->vm->devices[i];
		if (!is_intel(device))
			continue;
		if (!first) {
			first = device;
			continue;
		}
		r = merge_viommus(edit, first, device);
		if (r < 0)
			return r;
		device->id = NULL; /* it is gone, and with it its name */
	}
	if (first)
		return mend_viommu(edit, first);
	add_viommu(edit);
	return 0;
}

/* ---- The irqchip ---- */

static void settle_irqchip(struct edit *edit)
{
	const struct qemu_vm *vm = edit->vm;
	if (text_equals(vm->irqchip, "split"))
		return;
	bool in_file = vm->irqchip_option && text_equals(vm->irqchip_option->name, "readconfig");
	if (vm->irqchip_option && !in_file) {
		const char *implied = text_equals(vm->irqchip_option->name, "accel") ? "accel" : "type";
		edit_set_argument(edit, vm->irqchip_option,
				  keyval_set(edit->arena, edit_argument(edit, vm->irqchip_option), implied,
					     "kernel-irqchip", "split"));
		list_printf(&edit->changes, "-%s: kernel-irqchip=split (was %s): interrupt remapping needs it",
			    vm->irqchip_option->name, vm->irqchip);
	} else if (vm->machine && !in_file) {
		edit_set_argument(edit, vm->machine,
				  keyval_set(edit->arena, edit_argument(edit, vm->machine), "type", "kernel-irqchip",
					     "split"));
		list_printf(&edit->changes, "-%s: kernel-irqchip=split added: interrupt remapping needs it",
			    vm->machine->name);
	} else {
		/* Type or irqchip stand in a configuration file; QEMU merges this with it, and the last one wins. */
		edit_insert_option(edit, NULL, "machine", "kernel-irqchip=split");
		list_printf(&edit->changes, "-machine kernel-irqchip=split added: interrupt remapping needs it");
	}
}

/* ---- All of it ---- */

static void warn_unreadable(struct edit *edit)
{
	for (size_t i = 0; i < edit->vm->config_count; i++) {
		const struct qemu_config *config = &edit->vm->configs[i];
		if (config->problem && !config->from_memory)
			list_printf(&edit->warnings, "-readconfig: %s; what devices it brings is not known",
				    config->problem);
	}
}

int viommu_rewrite(struct arena *arena, const struct qemu_vm *vm, const struct viommu_options *options,
		   const struct viommu_facts *facts, struct viommu_result *ret, struct error *error)
{
	/* Merging two vIOMMUs changes what is known of the first: on a copy. */
	struct qemu_vm copy = *vm;
	copy.devices = arena_grow(arena, vm->devices, vm->device_count, vm->device_count + 1, sizeof(*vm->devices));
	struct edit edit;
	edit_start(&edit, arena, &copy, error);
	edit.options = options;
	edit.facts = facts;
	if (!qemu_argv_is_query(vm->argv)) {
		warn_unreadable(&edit);
		int r = viommu_check_possible(&edit);
		if (r == 0)
			r = settle_viommu(&edit);
		if (r == 0)
			r = bridge_groups(&edit);
		if (r < 0)
			return r;
		settle_irqchip(&edit);
	}
	edit_finish(&edit, ret);
	return ret->changed ? viommu_check_resumed(&edit) : 0;
}
