/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/libvirt-vm.h"

#include "vm/libvirt-line.h"
#include "vm/libvirt-pending.h"
#include "vm/plain.h"

struct reading {
	const struct root *root;
	struct arena *arena;
	const struct libvirt_domain *domain;
	const struct element *tree;
	struct libvirt_line line;
	struct vm *vm;
};

/* ---- The line ---- */

/* Devices stand as JSON from libvirt 8.0 and QEMU 6.2 on (virQEMUCapsInitQMPVersionCaps). Not known: as new ones do. */
static bool writes_json(const struct libvirt_domain *domain)
{
	return (!domain->libvirt || domain->libvirt >= 8000000) && (!domain->qemu || domain->qemu >= 6002000);
}

static void read_line(struct reading *reading)
{
	struct plain_line line = {
		.words = reading->line.words.items,
		.count = reading->line.words.count,
		.args_from = reading->line.args_from,
		.manager = VM_LIBVIRT,
	};
	plain_read_definition(reading->root, reading->arena, &line, "<qemu:commandline>", reading->vm);
}

/* ---- What the line cannot say ---- */

static void describe_device(struct reading *reading, const struct libvirt_device *source, struct vm_device *device)
{
	static const char *const without[] = { "alias", NULL };
	const char *managed = element_get(source->element, "managed");
	device->where = element_xml(reading->arena, source->element, without);
	/* Nobody binds what is mediated. libvirt's default is no. */
	device->managed = text_equals(managed, "yes") ? VM_YES : VM_NO;
	/* The host that the address is of is another one. */
	if (reading->domain->elsewhere)
		device->host_count = 0;
}

static void describe_devices(struct reading *reading)
{
	struct vm *vm = reading->vm;
	for (size_t i = 0; i < vm->device_count; i++)
		for (size_t j = 0; j < reading->line.device_count; j++)
			if (vm->devices[i].native && strcmp(vm->devices[i].name, reading->line.devices[j].id) == 0)
				describe_device(reading, &reading->line.devices[j], &vm->devices[i]);
}

/* Between libvirt's own devices and those of <qemu:commandline> the order depends on versions. */
static bool is_order_a_guess(const struct reading *reading, const struct vm_viommu *viommu)
{
	const struct vm *vm = reading->vm;
	if (reading->domain->libvirt && reading->domain->qemu)
		return false;
	for (size_t i = 0; i < vm->device_count; i++)
		if (vm->devices[i].native != viommu->native)
			return true;
	return false;
}

static void describe_viommus(struct reading *reading)
{
	static const char *const without[] = { "alias", NULL };
	struct vm *vm = reading->vm;
	const struct element *devices = element_find(reading->tree, "devices");
	const struct element *ioapic = element_find(reading->tree, "features/ioapic");
	const struct element *iommu = NULL;
	for (size_t i = 0; i < vm->viommu_count; i++) {
		if (!vm->viommus[i].native)
			continue;
		iommu = element_next(devices, "iommu", iommu);
		if (iommu)
			vm->viommus[i].where = element_xml(reading->arena, iommu, without);
	}
	for (size_t i = 0; i < vm->viommu_count; i++)
		if (is_order_a_guess(reading, &vm->viommus[i]))
			vm->viommus[i]
				.doubt = "libvirt 8.0 and later has QEMU 6.2 and later create what stands in "
					 "<qemu:commandline> first, older ones last; which these are is not known";
	if (vm->irqchip_where && text_starts_with(vm->irqchip_where, "-machine") && ioapic)
		vm->irqchip_where = element_xml(reading->arena, ioapic, NULL);
}

/* Of "host-model" only the host knows what it is made of: vmx and svm come with it where KVM has them to give. */
static void describe_cpu(struct reading *reading)
{
	struct vm *vm = reading->vm;
	vm->cpu_default = "qemu64";
	if (text_equals(vm->cpu, "host-model") && vm->nested_cpu == VM_NO)
		vm->nested_cpu = VM_UNKNOWN;
	if (!text_equals(vm->cpu, "host-model"))
		return;
	const struct element *cpu = element_find(reading->tree, "cpu");
	const struct element *feature = NULL;
	while ((feature = element_next(cpu, "feature", feature))) {
		const char *name = element_get(feature, "name");
		const char *policy = element_get(feature, "policy");
		bool off = text_equals(policy, "disable") || text_equals(policy, "forbid");
		if (off && (text_equals(name, "vmx") || text_equals(name, "svm")))
			vm->nested_cpu = VM_NO;
	}
}

/* "2", "1024": MiB of a page; "any": the host's default size. */
static const char *hugepages(struct reading *reading)
{
	const struct element *pages = element_find(reading->tree, "memoryBacking/hugepages");
	const char *size = element_get_at(pages, "page", "size");
	if (!pages)
		return NULL;
	if (!size)
		return "any";
	struct element page = *element_find(pages, "page");
	page.text = size;
	uint64_t kib = element_kib(&page);
	return kib >= 1024 ? arena_printf(reading->arena, "%llu", (unsigned long long)kib / 1024) : "any";
}

static void describe_memory(struct reading *reading)
{
	struct vm *vm = reading->vm;
	const struct element *devices = element_find(reading->tree, "devices");
	const struct element *memory = NULL;
	uint64_t kib = element_kib(element_find(reading->tree, "memory"));
	uint64_t limit = element_kib(element_find(reading->tree, "memtune/hard_limit"));
	const char *pages = hugepages(reading);
	if (!kib && element_find(reading->tree, "memory"))
		list_printf(&vm->problems, "%s: no size that is understood",
			    element_xml(reading->arena, element_find(reading->tree, "memory"), NULL));
	/* With the pluggable devices that are there (virDomainDefGetMemoryTotal). */
	vm->memory_mib = kib / 1024;
	vm->hard_limit_mib = limit / 1024;
	vm->hugepages = pages ? pages : vm->hugepages;
	vm->numa |= element_find(reading->tree, "cpu/numa/cell") != NULL;
	while ((memory = element_next(devices, "memory", memory)))
		vm->virtio_mem |= text_equals(element_get(memory, "model"), "virtio-mem");
}

static const char *display(const struct reading *reading)
{
	const char *model = element_get_at(reading->tree, "devices/video/model", "type");
	return model ? model : reading->vm->display;
}

/* The words of <qemu:commandline>, for people. */
static const char *own_words(const struct reading *reading)
{
	struct buffer text = { .arena = reading->arena };
	const struct libvirt_line *line = &reading->line;
	for (size_t i = line->args_from; i < line->words.count; i++)
		buffer_printf(&text, "%s%s", i > line->args_from ? " " : "", line->words.items[i]);
	return text.text;
}

static void describe_rest(struct reading *reading)
{
	struct vm *vm = reading->vm;
	const struct libvirt_domain *domain = reading->domain;
	vm->uuid = element_text_at(reading->tree, "uuid");
	vm->name = element_text_at(reading->tree, "name");
	vm->id = vm->name && *vm->name ? vm->name : vm->uuid ? vm->uuid : domain->path;
	vm->uri = domain->uri;
	vm->path = domain->path;
	vm->elsewhere = domain->elsewhere;
	vm->running = domain->active;
	vm->onboot = domain->autostart == VM_YES;
	vm->display = display(reading);
	vm->args = own_words(reading);
	vm->domain = domain;
	if (domain->managed_save == VM_YES)
		vm->hibernated = "a managed save (virsh managedsave)";
}

/* ---- What keeps libvirt from starting it ---- */

static void refuse_viommu(struct reading *reading)
{
	const struct element *iommu = element_find(reading->tree, "devices/iommu");
	const struct element *driver = element_find(iommu, "driver");
	struct list *problems = &reading->vm->problems;
	if (!iommu)
		return;
	if (text_equals(element_get(driver, "eim"), "on") && !text_equals(element_get(driver, "intremap"), "on"))
		list_printf(problems,
			    "%s: eim='on' without intremap='on': libvirt refuses (\"requires interrupt remapping\")",
			    element_xml(reading->arena, iommu, NULL));
	if (text_equals(element_get(driver, "intremap"), "on") && !element_find(reading->tree, "features/ioapic") &&
	    reading->domain->libvirt && reading->domain->libvirt < 10010000 && reading->vm->kvm == VM_NO)
		list_printf(problems,
			    "%s: intremap='on' without <ioapic driver='qemu'/> among the features: libvirt refuses "
			    "(\"requires split I/O APIC\")",
			    element_xml(reading->arena, iommu, NULL));
	/* Not so of model intel up to 9.0, which leaves it to QEMU. */
	if (!text_equals(element_get(iommu, "model"), "smmuv3") && !element_find(reading->tree, "features/acpi"))
		list_printf(problems,
			    "%s: without <acpi/> among the features the guest does not find its vIOMMU, and newer "
			    "libvirt refuses (\"requires ACPI\")",
			    element_xml(reading->arena, iommu, NULL));
}

void libvirt_vm_read(const struct root *root, struct arena *arena, const struct libvirt_domain *domain, struct vm *ret)
{
	struct reading reading = {
		.root = root,
		.arena = arena,
		.domain = domain,
		.tree = domain->definition ? domain->definition : domain->live,
		.vm = ret,
	};
	libvirt_line_make(arena, reading.tree, writes_json(domain), &reading.line);
	read_line(&reading);
	ret->manager = VM_LIBVIRT;
	ret->source = VM_FROM_CONFIGURATION;
	describe_devices(&reading);
	describe_viommus(&reading);
	describe_cpu(&reading);
	describe_memory(&reading);
	describe_rest(&reading);
	refuse_viommu(&reading);
	libvirt_find_pending(arena, domain, ret);
	/* The line was made for reading only: nobody runs it. */
	ret->line = NULL;
}
