/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/libvirt-line.h"

#include "vm/libvirt-device.h"

static const char *get_at(const struct libvirt_maker *maker, const char *path, const char *attribute)
{
	return element_get_at(maker->domain, path, attribute);
}

void libvirt_add(struct libvirt_maker *maker, const char *option, const char *argument)
{
	list_add(&maker->line->words, option);
	list_add(&maker->line->words, argument);
}

/* ---- The machine ---- */

static void add_machine(struct libvirt_maker *maker)
{
	static const struct {
		const char *driver;
		const char *irqchip;
	} irqchips[] = { { "qemu", "split" }, { "kvm", "on" } };
	struct buffer text = { .arena = maker->arena };
	const char *type = get_at(maker, "os/type", "machine");
	const char *driver = get_at(maker, "features/ioapic", "driver");
	buffer_puts(&text, type ? type : "pc");
	for (size_t i = 0; i < ARRAY_SIZE(irqchips); i++)
		if (text_equals(driver, irqchips[i].driver))
			buffer_printf(&text, ",kernel_irqchip=%s", irqchips[i].irqchip);
	libvirt_add(maker, "-machine", text.text);
	libvirt_add(maker, "-accel", text_equals(element_get(maker->domain, "type"), "kvm") ? "kvm" : "tcg");
}

/* A comma in a value is doubled. */
static void add_value(struct buffer *buffer, const char *text)
{
	for (; *text; text++) {
		buffer_putc(buffer, *text);
		if (*text == ',')
			buffer_putc(buffer, ',');
	}
}

/* UEFI is two flash chips; where libvirt chooses the files, it takes some that are UEFI's, and keeps variables. */
static void add_firmware(struct libvirt_maker *maker)
{
	const char *file = element_text_at(maker->domain, "os/loader");
	const char *type = get_at(maker, "os/loader", "type");
	const char *choice = get_at(maker, "os", "firmware");
	bool is_flash = text_equals(type, "pflash") || (!type && text_equals(choice, "efi"));
	struct buffer code = { .arena = maker->arena };
	struct buffer variables = { .arena = maker->arena };
	if (!is_flash) {
		if (file && *file)
			libvirt_add(maker, "-bios", file);
		return;
	}
	buffer_puts(&code, "if=pflash,unit=0,readonly=on,file=");
	add_value(&code, file && *file ? file : "OVMF_CODE.fd");
	libvirt_add(maker, "-drive", code.text);
	if (text_equals(get_at(maker, "os/loader", "stateless"), "yes"))
		return;
	const char *kept = element_text_at(maker->domain, "os/nvram");
	buffer_puts(&variables, "if=pflash,unit=1,file=");
	add_value(&variables, kept && *kept ? kept : "/var/lib/libvirt/qemu/nvram/VARS.fd");
	libvirt_add(maker, "-drive", variables.text);
}

/* ---- CPUs ---- */

static void add_features(struct buffer *text, const struct element *cpu)
{
	const struct element *feature = NULL;
	while ((feature = element_next(cpu, "feature", feature))) {
		const char *name = element_get(feature, "name");
		const char *policy = element_get(feature, "policy");
		if (!name || strpbrk(name, ",="))
			continue;
		bool off = text_equals(policy, "disable") || text_equals(policy, "forbid");
		buffer_printf(text, ",%s=%s", name, off ? "off" : "on");
	}
}

static void add_physical_bits(struct buffer *text, const struct element *bits)
{
	uint64_t number;
	if (text_equals(element_get(bits, "mode"), "emulate")) {
		if (element_number(element_get(bits, "bits"), 64, &number))
			buffer_printf(text, ",phys-bits=%u", (unsigned int)number);
	} else if (text_equals(element_get(bits, "mode"), "passthrough")) {
		buffer_puts(text, ",host-phys-bits=on");
		if (element_number(element_get(bits, "limit"), 64, &number))
			buffer_printf(text, ",host-phys-bits-limit=%u", (unsigned int)number);
	}
}

/* What "host-model" becomes, the host decides when the VM starts: libvirt-vm.c says what follows from that. */
static void add_cpu(struct libvirt_maker *maker)
{
	struct buffer text = { .arena = maker->arena };
	const struct element *cpu = element_find(maker->domain, "cpu");
	const char *mode = element_get(cpu, "mode");
	const char *model = element_text_at(cpu, "model");
	if (text_equals(mode, "host-passthrough"))
		model = "host";
	else if (text_equals(mode, "maximum"))
		model = "max";
	else if (text_equals(mode, "host-model"))
		model = "host-model";
	if (model && *model && !strchr(model, ',')) {
		buffer_puts(&text, model);
		add_features(&text, cpu);
		add_physical_bits(&text, element_find(cpu, "maxphysaddr"));
		libvirt_add(maker, "-cpu", text.text);
	}
	const char *count = element_text_at(maker->domain, "vcpu");
	uint64_t cpus = 1;
	if (count && text_to_number(count, 10, UINT16_MAX, &cpus) < 0)
		cpus = 1;
	libvirt_add(maker, "-smp", arena_printf(maker->arena, "%u", (unsigned int)cpus));
}

/* ---- The rest ---- */

static void add_name(struct libvirt_maker *maker)
{
	struct buffer text = { .arena = maker->arena };
	const char *name = element_text_at(maker->domain, "name");
	const char *uuid = element_text_at(maker->domain, "uuid");
	buffer_puts(&text, "guest=");
	add_value(&text, name ? name : "");
	buffer_puts(&text, ",debug-threads=on");
	libvirt_add(maker, "-name", text.text);
	if (uuid && *uuid)
		libvirt_add(maker, "-uuid", uuid);
}

static void add_memory(struct libvirt_maker *maker)
{
	uint64_t kib = element_kib(element_find(maker->domain, "memory"));
	if (kib)
		libvirt_add(maker, "-m", arena_printf(maker->arena, "%lluk", (unsigned long long)kib));
	if (element_find(maker->domain, "memoryBacking/locked"))
		libvirt_add(maker, "-overcommit", "mem-lock=on");
}

static void add_own_words(struct libvirt_maker *maker)
{
	const struct element *commandline = element_find(maker->domain, "qemu:commandline");
	const struct element *word = NULL;
	maker->line->args_from = maker->line->words.count;
	while ((word = element_next(commandline, "qemu:arg", word)))
		list_add(&maker->line->words, element_get(word, "value") ? element_get(word, "value") : "");
}

void libvirt_line_make(struct arena *arena, const struct element *domain, bool json, struct libvirt_line *ret)
{
	*ret = (struct libvirt_line){ .words = { .arena = arena } };
	struct libvirt_maker maker = { .arena = arena, .domain = domain, .json = json, .line = ret };
	const char *emulator = element_text_at(domain, "devices/emulator");
	const char *arch = element_get_at(domain, "os/type", "arch");
	list_add(&ret->words, emulator && *emulator ?
				      emulator :
				      arena_printf(arena, "/usr/bin/qemu-system-%s", arch ? arch : "x86_64"));
	add_name(&maker);
	add_machine(&maker);
	add_firmware(&maker);
	add_cpu(&maker);
	add_memory(&maker);
	list_add(&ret->words, "-no-user-config");
	list_add(&ret->words, "-nodefaults");
	libvirt_add_devices(&maker);
	add_own_words(&maker);
}
