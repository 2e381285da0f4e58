/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/verify.h"

#include <errno.h>

#define ITEMS_MAX 16

struct object {
	const char *path;
	const char *type;
};

struct verifying {
	struct arena *arena;
	const struct qmp *qmp;
	const struct vm_verify_wish *wish;
	struct vm_verification *result;
	struct object *viommus;
	size_t viommu_count;
	size_t vfio_count;
	size_t room;
};

static void say_item(struct verifying *verifying, const char *check, enum vm_answered verdict, const char *format, ...)
	PRINTF_FORMAT(4, 5);
static void say_item(struct verifying *verifying, const char *check, enum vm_answered verdict, const char *format, ...)
{
	struct vm_verification *result = verifying->result;
	va_list args;
	if (result->count == ITEMS_MAX)
		return;
	va_start(args, format);
	const char *summary = arena_vprintf(verifying->arena, format, args);
	va_end(args);
	result->items[result->count++] = (struct vm_verified){ check, verdict, summary };
}

/* ---- What is there ---- */

/* "child<intel-iommu>" */
static bool is_viommu(const char *type)
{
	static const char *const types[] = { "intel-iommu", "amd-iommu", "virtio-iommu-pci", "virtio-iommu-device" };
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

static void take_object(struct verifying *verifying, const char *folder, struct json_object *entry)
{
	struct json_object *name;
	struct json_object *kind;
	static const char prefix[] = "child<";
	if (!json_object_object_get_ex(entry, "name", &name) || !json_object_object_get_ex(entry, "type", &kind))
		return;
	const char *text = json_object_get_string(kind);
	if (!text || !text_starts_with(text, prefix))
		return;
	text += strlen(prefix);
	const char *type = arena_strndup(verifying->arena, text, strcspn(text, ">"));
	verifying->vfio_count += text_starts_with(type, "vfio-");
	if (!is_viommu(type))
		return;
	if (verifying->viommu_count == verifying->room) {
		verifying->room = verifying->room ? verifying->room * 2 : 4;
		verifying->viommus = arena_grow(verifying->arena, verifying->viommus, verifying->viommu_count,
						verifying->room, sizeof(*verifying->viommus));
	}
	verifying->viommus[verifying->viommu_count++] = (struct object){
		arena_printf(verifying->arena, "%s/%s", folder, json_object_get_string(name)), type
	};
}

/* Devices are in one folder with an id, and in the other without (qdev_set_id in QEMU). */
static int list_devices(struct verifying *verifying, struct error *error)
{
	static const char *const folders[] = { "/machine/peripheral", "/machine/peripheral-anon" };
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++) {
		AUTO_JSON *arguments = json_object_new_object();
		AUTO_JSON *entries = NULL;
		json_add_text(arguments, "path", folders[i]);
		r = qmp_execute(verifying->qmp, "qom-list", arguments, &entries, error);
		if (r == 0 && !json_object_is_type(entries, json_type_array))
			r = error_set(error, -EBADMSG, "QEMU's answer to qom-list is no list");
		for (size_t j = 0; r == 0 && j < json_object_array_length(entries); j++)
			take_object(verifying, folders[i], json_object_array_get_idx(entries, j));
	}
	return r;
}

static bool judge_count(struct verifying *verifying)
{
	struct buffer types = { .arena = verifying->arena };
	for (size_t i = 0; i < verifying->viommu_count; i++)
		buffer_printf(&types, "%s%s", i ? ", " : "", verifying->viommus[i].type);
	if (verifying->viommu_count == 0) {
		say_item(verifying, "vm-viommu-present", VM_FAIL, "the running QEMU has no vIOMMU");
		return false;
	}
	say_item(verifying, "vm-viommu-present", VM_PASS, "the running QEMU has a vIOMMU");
	bool one = verifying->viommu_count == 1;
	say_item(verifying, "vm-viommu-one", one ? VM_PASS : VM_FAIL, "it has %zu: %s", verifying->viommu_count,
		 types.text);
	bool intel = strcmp(verifying->viommus[0].type, "intel-iommu") == 0;
	say_item(verifying, "vm-viommu-model", intel ? VM_PASS : VM_FAIL, "it is %s%s", verifying->viommus[0].type,
		 intel ? "" : "; nesting needs intel-iommu");
	return intel;
}

/* ---- Its properties ---- */

static struct json_object *get_property(struct verifying *verifying, const char *check, const char *property)
{
	struct error error;
	struct json_object *value = NULL;
	int r = qmp_get(verifying->qmp, verifying->viommus[0].path, property, &value, &error);
	if (r < 0)
		say_item(verifying, check, VM_UNSURE, "not known: %s", error.text);
	return r < 0 ? NULL : value;
}

/* Some versions answer a switch with a truth value, others, where it has "auto", with a word. */
static bool is_on(struct json_object *value)
{
	if (json_object_is_type(value, json_type_boolean))
		return json_object_get_boolean(value);
	return text_equals(json_object_get_string(value), "on");
}

static void judge_switch(struct verifying *verifying, const char *check, const char *property, bool wanted,
			 const char *needed)
{
	AUTO_JSON *value = get_property(verifying, check, property);
	if (!value)
		return;
	bool on = is_on(value);
	if (on == wanted)
		say_item(verifying, check, VM_PASS, "%s is %s", property, on ? "on" : "off");
	else
		say_item(verifying, check, VM_FAIL, "%s is %s: %s", property, on ? "on" : "off", needed);
}

static void judge_width(struct verifying *verifying)
{
	unsigned int wanted = verifying->wish->options.aw_bits;
	AUTO_JSON *value = get_property(verifying, "vm-viommu-width", "aw-bits");
	if (!value)
		return;
	unsigned int width = (unsigned int)json_object_get_int(value);
	if (!wanted || width == wanted)
		say_item(verifying, "vm-viommu-width", VM_PASS, "it has %u bits", width);
	else
		say_item(verifying, "vm-viommu-width", VM_FAIL, "it has %u bits, and %u were asked for", width, wanted);
}

static void judge_asked(struct verifying *verifying)
{
	const struct viommu_options *options = &verifying->wish->options;
	static const char other[] = "the other was asked for";
	judge_switch(verifying, "vm-viommu-caching-mode", "caching-mode", true,
		     "devices of the host do not work behind it");
	judge_switch(verifying, "vm-viommu-interrupt-remapping", "intremap", true, "VFIO in L1 refuses");
	judge_width(verifying);
	if (options->eim != VIOMMU_UNSET)
		judge_switch(verifying, "vm-viommu-eim", "eim", options->eim == VIOMMU_ON, other);
	if (options->device_iotlb != VIOMMU_UNSET)
		judge_switch(verifying, "vm-viommu-options", "device-iotlb", options->device_iotlb == VIOMMU_ON, other);
}

/* ---- What is around it ---- */

/* -1: not known. */
static int is_kvm(struct verifying *verifying)
{
	AUTO_JSON *answer = NULL;
	struct json_object *enabled = NULL;
	if (qmp_execute(verifying->qmp, "query-kvm", NULL, &answer, NULL) < 0 ||
	    !json_object_object_get_ex(answer, "enabled", &enabled))
		return -1;
	return json_object_get_boolean(enabled);
}

/* Of a split irqchip QEMU itself emulates the IOAPIC, of one in the kernel KVM does (hw/i386/x86-common.c). */
static void judge_irqchip(struct verifying *verifying)
{
	static const char check[] = "vm-irqchip-split";
	struct error error;
	AUTO_JSON *type = NULL;
	int kvm = is_kvm(verifying);
	if (kvm == 0) {
		say_item(verifying, check, VM_PASS, "QEMU emulates the CPU (TCG), and all interrupt controllers");
		return;
	}
	if (qmp_get(verifying->qmp, "/machine/q35/ioapic", "type", &type, &error) < 0) {
		say_item(verifying, check, VM_UNSURE, "not known: %s", error.text);
		return;
	}
	const char *text = json_object_get_string(type);
	if (text_equals(text, "ioapic"))
		say_item(verifying, check, kvm == 1 ? VM_PASS : VM_UNSURE, "QEMU emulates the IOAPIC%s",
			 kvm == 1 ? "" : ", and whether KVM is in use is not known");
	else
		say_item(verifying, check, VM_FAIL,
			 "the irqchip is all in the kernel (%s): interrupts are not remapped for L1",
			 text ? text : "?");
}

static void judge_bypass(struct verifying *verifying)
{
	AUTO_JSON *value = NULL;
	/* Before 6.1 there was no such property. */
	if (qmp_get(verifying->qmp, "/machine", "default-bus-bypass-iommu", &value, NULL) < 0)
		return;
	if (is_on(value))
		say_item(verifying, "vm-bypass", VM_FAIL,
			 "default_bus_bypass_iommu is on: every device bypasses the vIOMMU");
	else
		say_item(verifying, "vm-bypass", VM_PASS, "no device of the root bus bypasses it");
}

static void judge_order(struct verifying *verifying)
{
	static const char check[] = "vm-viommu-first";
	const struct vm *process = verifying->wish->process;
	if (verifying->vfio_count == 0) {
		say_item(verifying, check, VM_PASS, "no device of the host is there that could come before it");
		return;
	}
	if (!process || process->viommu_count != 1) {
		say_item(verifying, check, VM_UNSURE,
			 "whether it was created before %zu vfio devices is not known: QMP does not tell, and the "
			 "command line of the process could not be read",
			 verifying->vfio_count);
		return;
	}
	const struct vm_viommu *viommu = &process->viommus[0];
	if (viommu->first)
		say_item(verifying, check, VM_PASS, "it was created before all %zu vfio devices",
			 verifying->vfio_count);
	else
		say_item(verifying, check, VM_FAIL, "%s was created before it, and does not go through it",
			 viommu->after ? viommu->after : "a vfio device");
}

void vm_verify(struct arena *arena, const struct qmp *qmp, const struct vm_verify_wish *wish,
	       struct vm_verification *ret)
{
	struct error error;
	struct verifying verifying = { .arena = arena, .qmp = qmp, .wish = wish, .result = ret };
	*ret = (struct vm_verification){ .items = arena_alloc_array(arena, ITEMS_MAX, sizeof(*ret->items)) };
	if (list_devices(&verifying, &error) < 0) {
		say_item(&verifying, "vm-viommu-present", VM_UNSURE, "not known: %s", error.text);
		return;
	}
	if (!judge_count(&verifying))
		return;
	judge_asked(&verifying);
	judge_irqchip(&verifying);
	judge_bypass(&verifying);
	judge_order(&verifying);
}

enum vm_answered vm_verified_worst(const struct vm_verification *verification)
{
	enum vm_answered worst = VM_PASS;
	for (size_t i = 0; i < verification->count; i++)
		if (verification->items[i].verdict == VM_FAIL || worst == VM_PASS)
			worst = verification->items[i].verdict;
	return worst;
}
