/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real configurations and lines of Proxmox VE, where they are at hand beside the tree: what is read of a configuration
 * is what `qm config` prints, and the VM that it defines is the one that its line describes.
 */
#include "unit.h"

#include <dirent.h>

#include "vm/proxmox.h"
#include "vm/vm.h"

static const char *data_folder(struct arena *arena)
{
	const char *source = getenv("NESTPCI_SOURCE");
	return arena_printf(arena, "%s/../shared/data", source ? source : ".");
}

/* Names in a folder that end so; none where the data are not at hand. */
static struct list files_of(struct arena *arena, const char *folder, const char *ending)
{
	struct list names = { .arena = arena };
	AUTO_CLOSEDIR DIR *directory = opendir(folder);
	const struct dirent *entry;
	while (directory && (entry = readdir(directory)))
		if (text_ends_with(entry->d_name, ending))
			list_printf(&names, "%s/%.*s", folder, (int)(strlen(entry->d_name) - strlen(ending)),
				    entry->d_name);
	list_sort(&names);
	return names;
}

static struct slice read_whole(struct arena *arena, const struct root *root, const char *path)
{
	struct slice text;
	struct error error;
	if (root_read(root, arena, path, &text, &error) < 0)
		fail_msg("%s", error.text);
	return text;
}

/* As uri_escape of Proxmox VE's encode_text writes it. */
static void encode(struct buffer *buffer, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c > 0x7e || c == '%' || c == ':')
			buffer_printf(buffer, "%%%02X", c);
		else
			buffer_putc(buffer, *text);
	}
}

static void add_description(struct buffer *buffer, const struct proxmox_section *section, bool *done)
{
	if (!*done && section->description) {
		buffer_puts(buffer, "description: ");
		encode(buffer, section->description);
		buffer_putc(buffer, '\n');
	}
	*done = true;
}

static const char *as_qm_config(struct arena *arena, const struct proxmox_section *section)
{
	struct buffer text = { .arena = arena };
	bool described = false;
	buffer_puts(&text, "");
	for (size_t i = 0; i < section->in_force_count; i++) {
		if (strcmp(section->in_force[i].key, "description") > 0)
			add_description(&text, section, &described);
		buffer_printf(&text, "%s: %s\n", section->in_force[i].key, section->in_force[i].value);
	}
	add_description(&text, section, &described);
	return text.text;
}

static void reads_what_qm_config_prints(void **state)
{
	(void)state;
	static const struct {
		const char *folder;
		struct release release;
	} eras[] = { { "qm/captures-7.4-2", { { 7, 4, 2 } } }, { "qm/captures-9.2.6", { { 9, 2, 6 } } } };
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	size_t compared = 0;
	assert_int(root_open(&root, NULL, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(eras); i++) {
		const char *folder = arena_printf(&arena, "%s/%s", data_folder(&arena), eras[i].folder);
		struct list names = files_of(&arena, folder, ".conf");
		for (size_t j = 0; j < names.count; j++) {
			struct proxmox_config config;
			struct proxmox_section merged;
			struct slice text = read_whole(&arena, &root, arena_printf(&arena, "%s.conf", names.items[j]));
			struct slice wanted = read_whole(&arena, &root,
							 arena_printf(&arena, "%s.config.out", names.items[j]));
			/* `qm config` of 7.4 failed for a machine that only later releases know. */
			if (wanted.length == 0)
				continue;
			proxmox_config_parse(&arena, text, eras[i].release, &config);
			proxmox_apply_pending(&arena, &config, &merged);
			if (!slice_equals(wanted, as_qm_config(&arena, &merged)))
				fail_msg("%s:\n%s\nwanted:\n%.*s", names.items[j], as_qm_config(&arena, &merged),
					 (int)wanted.length, wanted.start);
			assert_int(config.problems.count, 0);
			compared++;
		}
	}
	if (!compared)
		skip();
}

static void read_vm(struct arena *arena, const struct root *root, const char *name, const char *ending, struct vm *ret)
{
	struct error error;
	const char *path = arena_printf(arena, "%s%s", name, ending);
	if (vm_read_text(NULL, arena, read_whole(arena, root, path), path, ret, &error) < 0)
		fail_msg("%s", error.text);
}

/* A whole slot has functions on a host only: of these, the first must be there. */
static void compare_devices(const char *name, const struct vm *defined, const struct vm *line)
{
	assert_int(defined->device_count, line->device_count);
	for (size_t i = 0; i < defined->device_count; i++) {
		const struct vm_device *a = &defined->devices[i];
		const struct vm_device *b = &line->devices[i];
		if (!text_equals(a->name, b->name) || a->pcie != b->pcie || a->root_bus != b->root_bus ||
		    a->shares_bridge != b->shares_bridge || a->native != b->native || !a->bus_known || !b->bus_known ||
		    !text_equals(a->bus, b->bus))
			fail_msg("%s: device %s differs from %s", name, a->name, b->name);
		if (!a->problem && !text_equals(a->address_space, b->address_space))
			fail_msg("%s: %s: address space %s, on the line %s", name, a->name, a->address_space,
				 b->address_space);
		if (a->problem) {
			assert_contains(a->problem, "which functions");
			continue;
		}
		assert_int(a->host_count, b->host_count);
		for (size_t j = 0; j < a->host_count; j++)
			assert_true(pci_address_equal(a->hosts[j], b->hosts[j]));
	}
}

static void compare_viommus(const char *name, const struct vm *defined, const struct vm *line)
{
	if (defined->viommu_count != line->viommu_count)
		fail_msg("%s: %zu vIOMMUs, on the line %zu", name, defined->viommu_count, line->viommu_count);
	for (size_t i = 0; i < defined->viommu_count; i++) {
		const struct vm_viommu *a = &defined->viommus[i];
		const struct vm_viommu *b = &line->viommus[i];
		if (a->model != b->model || a->first != b->first || a->native != b->native ||
		    a->caching_mode != b->caching_mode || a->intremap != b->intremap || a->aw_bits != b->aw_bits ||
		    a->device_iotlb != b->device_iotlb)
			fail_msg("%s: vIOMMU %zu differs: %s, on the line %s", name, i, a->where, b->where);
	}
}

static void compare(const char *name, const struct vm *defined, const struct vm *line)
{
	assert_int(line->manager, VM_PROXMOX);
	assert_int(defined->manager, VM_PROXMOX);
	compare_viommus(name, defined, line);
	compare_devices(name, defined, line);
#define SAME(field)                                              \
	if ((long long)defined->field != (long long)line->field) \
	fail_msg("%s: " #field " is %lld, on the line %lld", name, (long long)defined->field, (long long)line->field)
	SAME(q35);
	SAME(machine_known);
	SAME(irqchip);
	SAME(kvm);
	SAME(cpus);
	SAME(memory_mib);
	SAME(ovmf);
	SAME(balloon);
	SAME(free_page_reporting);
	SAME(numa);
	SAME(nested_cpu);
	SAME(phys_bits);
	SAME(guest_phys_bits);
	SAME(pdpe1gb);
	SAME(bypass_iommu);
	SAME(args_dropped);
	if (line->ovmf == VM_YES)
		SAME(efi_disk);
#undef SAME
	const char *version = defined->machine_version ? defined->machine_version : "";
	assert_string_equal(version, line->machine_version ? line->machine_version : "");
}

static void a_definition_is_what_its_line_says(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	assert_int(root_open(&root, NULL, NULL), 0);
	struct list names = files_of(&arena, arena_printf(&arena, "%s/qm/pairs-9.2.6", data_folder(&arena)), ".conf");
	for (size_t i = 0; i < names.count; i++) {
		struct vm defined;
		struct vm line;
		struct error error;
		const char *path = arena_printf(&arena, "%s.conf", names.items[i]);
		struct slice text = read_whole(&arena, &root, path);
		read_vm(&arena, &root, names.items[i], ".plain", &line);
		assert_int(vm_read_text(NULL, &arena, text, path, &defined, &error), 0);
		compare(path, &defined, &line);
		/* The same with the vIOMMU of Proxmox VE's own. The machine stands on the last line. */
		struct slice trimmed = slice_trim(text);
		const char *native = arena_printf(&arena, "%.*s,viommu=intel\n", (int)trimmed.length, trimmed.start);
		read_vm(&arena, &root, names.items[i], ".intel", &line);
		assert_int(vm_read_text(NULL, &arena, slice_of(native), path, &defined, &error), 0);
		compare(path, &defined, &line);
		assert_true(defined.viommus[0].native && defined.viommus[0].first);
		assert_int(defined.irqchip, VM_IRQCHIP_SPLIT);
	}
	if (!names.count)
		skip();
}

/* What is read of a VM whose line could not be made: why, as `qm showcmd` says. */
static const struct {
	const char *name;
	const char *problem;
} refused[] = {
	{ "110", "the Intel vIOMMU needs q35" },
	{ "204", "properties such as viommu= are known since 8.1.2" },
	{ "q35-no-viommu-with-aw-bits", "aw-bits is given, but no viommu" },
	{ "i440fx-viommu-intel", "the Intel vIOMMU needs q35" },
};

static void says_why_there_is_no_line(const char *name, const struct vm *vm)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		if (!text_equals(text_basename(name), refused[i].name))
			continue;
		for (size_t j = 0; j < vm->problems.count; j++)
			if (strstr(vm->problems.items[j], refused[i].problem))
				return;
	}
	fail_msg("%s: nothing says why it has no line", name);
}

/* `node`: a host with that release of qemu-server and no devices. */
static void compare_folder(struct arena *arena, const struct root *root, const struct root *node, const char *folder,
			   const char *ending, size_t *compared)
{
	struct list names = files_of(arena, arena_printf(arena, "%s/%s", data_folder(arena), folder), ".conf");
	for (size_t i = 0; i < names.count; i++) {
		struct vm defined;
		struct vm line;
		struct error error;
		const char *path = arena_printf(arena, "%s.conf", names.items[i]);
		struct slice text = slice_of("");
		assert_int(vm_read_text(node, arena, read_whole(arena, root, path), path, &defined, &error), 0);
		const char *line_path = arena_printf(arena, "%s%s", names.items[i], ending);
		if (root_read(root, arena, line_path, &text, NULL) < 0 || text.length == 0) {
			says_why_there_is_no_line(names.items[i], &defined);
			continue;
		}
		read_vm(arena, root, names.items[i], ending, &line);
		/* showcmd leaves out what is pending, and prints a custom CPU model as what it is made of. */
		if (defined.pending_count || (defined.cpu && text_starts_with(defined.cpu, "custom-")))
			continue;
		/* Some slots of the test suite are none (0x43), and one of its hosts is not x86. */
		if (strstr(path, "multifunction") || strstr(path, "-hostpci.") || strstr(path, "on-arm-host"))
			continue;
		compare(path, &defined, &line);
		(*compared)++;
	}
}

static void captured_lines_agree(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	AUTO_ROOT node = ROOT_NONE;
	size_t compared = 0;
	assert_int(root_open(&root, NULL, NULL), 0);
	assert_int(root_open(&node, *state, NULL), 0);
	put_directory(state, "var/lib/dpkg");
	put_file(state, "var/lib/dpkg/status", "Package: qemu-server\nStatus: install ok installed\nVersion: 7.4-2\n");
	compare_folder(&arena, &root, &node, "qm/captures-7.4-2", ".showcmd.out", &compared);
	put_file(state, "var/lib/dpkg/status", "Package: qemu-server\nStatus: install ok installed\nVersion: 9.2.6\n");
	compare_folder(&arena, &root, &node, "qm/captures-9.2.6", ".showcmd.out", &compared);
	compare_folder(&arena, &root, &node, "qemu-server", ".conf.cmd", &compared);
	if (!compared)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_qm_config_prints),
		cmocka_unit_test(a_definition_is_what_its_line_says),
		test_in_folder(captured_lines_agree),
	};
	return cmocka_run_group_tests_name("vm-captures", tests, NULL, NULL);
}
