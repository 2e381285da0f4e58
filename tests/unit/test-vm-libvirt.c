/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "vm/libvirt-line.h"
#include "vm/libvirt-vm.h"

/* ---- Trees by hand: as the helper gives them ---- */

#define ELEMENT(name, attributes, text, children) \
	"{\"name\":\"" name "\",\"attributes\":{" attributes "},\"text\":\"" text "\",\"children\":[" children "]}"
#define A(name, value) "\"" name "\":\"" value "\""

#define HEAD(machine)                                                             \
	ELEMENT("name", "", "l1", "")                                             \
	"," ELEMENT("uuid", "", "11111111-2222-4333-8444-555555555555",           \
		    "") "," ELEMENT("memory", A("unit", "GiB"), "4",              \
				    "") "," ELEMENT("vcpu", "", "4",              \
						    "") "," ELEMENT("os", "", "", \
								    ELEMENT("type", A("machine", machine), "hvm", ""))

#define INTEL                                     \
	ELEMENT("iommu", A("model", "intel"), "", \
		ELEMENT("driver", A("intremap", "on") "," A("caching_mode", "on"), "", ""))

#define SPLIT \
	ELEMENT("features", "", "", ELEMENT("acpi", "", "", "") "," ELEMENT("ioapic", A("driver", "qemu"), "", ""))

#define SOURCE(bus, function)                                                                                          \
	ELEMENT("source", "", "",                                                                                      \
		ELEMENT("address",                                                                                     \
			A("domain", "0x0000") "," A("bus", bus) "," A("slot", "0x00") "," A("function", function), "", \
			""))

#define HOSTDEV(bus, function, more)                                                                \
	ELEMENT("hostdev", A("mode", "subsystem") "," A("type", "pci") "," A("managed", "yes"), "", \
		SOURCE(bus, function) more)

#define PLACE(bus, slot) \
	"," ELEMENT("address", A("type", "pci") "," A("bus", bus) "," A("slot", slot) "," A("function", "0x0"), "", "")

#define CONTROLLER(index, model) \
	ELEMENT("controller", A("type", "pci") "," A("index", index) "," A("model", model), "", "")

#define DOMAIN(inside) ELEMENT("domain", A("type", "kvm"), "", inside)
#define DEVICES(inside) ELEMENT("devices", "", "", inside)

static const struct element *tree_of(struct arena *arena, const char *text)
{
	AUTO_JSON *object = NULL;
	struct error error;
	struct element *element = arena_alloc(arena, sizeof(*element));
	if (json_read(slice_of(text), &object, &error) < 0 || element_read(arena, object, element, &error) < 0)
		fail_msg("%s", error.text);
	return element;
}

static struct vm read_vm(struct arena *arena, const char *text)
{
	struct vm vm;
	struct libvirt_domain *domain = arena_alloc(arena, sizeof(*domain));
	*domain = (struct libvirt_domain){
		.uri = "qemu:///system",
		.path = "qemu:///system, l1",
		.definition = tree_of(arena, text),
		.libvirt = 9000000,
		.qemu = 7002000,
		.active = VM_NO,
	};
	libvirt_vm_read(NULL, arena, domain, &vm);
	return vm;
}

/* ---- Trees ---- */

static void reads_trees_and_refuses_what_is_none(void **state)
{
	AUTO_ARENA arena = { 0 };
	static const char *const wrong[] = {
		"[]",
		"{}",
		"{\"name\":7}",
		"{\"name\":\"network\"}",
		"{\"name\":\"domain\",\"children\":7}",
		"{\"name\":\"domain\",\"children\":[7]}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		AUTO_JSON *object = NULL;
		struct element element;
		struct error error;
		assert_int(json_read(slice_of(wrong[i]), &object, &error), 0);
		assert_int(element_read(&arena, object, &element, &error), -EINVAL);
	}
	const struct element *domain = tree_of(&arena, DOMAIN(HEAD("q35") "," DEVICES(INTEL)));
	assert_string_equal(element_get_at(domain, "os/type", "machine"), "q35");
	assert_string_equal(element_text_at(domain, "name"), "l1");
	assert_null(element_find(domain, "os/nothing"));
	assert_null(element_get_at(domain, "nothing/at/all", "x"));
	assert_string_equal(element_xml(&arena, element_find(domain, "devices/iommu"), NULL),
			    "<iommu model='intel'><driver intremap='on' caching_mode='on'/></iommu>");
}

static void numbers_are_libvirts(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
	} rows[] = { { "0x1f", true, 31 }, { "31", true, 31 }, { "037", true, 31 }, { "0", true, 0 },
		     { "0x", false, 0 },   { "08", false, 0 }, { "256", false, 0 }, { "x", false, 0 },
		     { "", false, 0 },     { "-1", false, 0 }, { NULL, false, 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value = 0;
		assert_int(element_number(rows[i].text, 255, &value), rows[i].good);
		assert_int(value, rows[i].value);
	}
}

static void sizes_have_units(void **state)
{
	static const struct {
		const char *unit;
		const char *text;
		uint64_t kib;
	} rows[] = { { "KiB", "7", 7 },      { "MiB", "1", 1024 }, { "GiB", "2", 2097152 },     { "bytes", "1", 1 },
		     { "KB", "1024", 1000 }, { "parsec", "1", 0 }, { "TiB", "99999999999", 0 }, { "KiB", "many", 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct element_attribute unit = { "unit", rows[i].unit };
		struct element memory = {
			.name = "memory", .text = rows[i].text, .attributes = &unit, .attribute_count = 1
		};
		assert_int(element_kib(&memory), rows[i].kib);
	}
	assert_int(element_kib(NULL), 0);
}

/* ---- The VM ---- */

static void a_definition_becomes_a_vm(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct vm vm = read_vm(
		&arena, DOMAIN(HEAD("pc-q35-9.0") "," SPLIT
						  "," ELEMENT("cpu", A("mode", "host-passthrough"), "", "") "," DEVICES(
							  CONTROLLER("1", "pcie-root-port") "," INTEL "," HOSTDEV(
								  "0x01", "0x0", PLACE("0x01", "0x00")))));
	assert_string_equal(vm.id, "l1");
	assert_string_equal(vm.uuid, "11111111-2222-4333-8444-555555555555");
	assert_int(vm.manager, VM_LIBVIRT);
	assert_int(vm.memory_mib, 4096);
	assert_int(vm.cpus, 4);
	assert_int(vm.kvm, VM_YES);
	assert_int(vm.nested_cpu, VM_YES);
	assert_true(vm.q35);
	assert_int(vm.irqchip, VM_IRQCHIP_SPLIT);
	assert_string_equal(vm.irqchip_where, "<ioapic driver='qemu'/>");
	assert_int(vm.viommu_count, 1);
	assert_true(vm.viommus[0].native && vm.viommus[0].first);
	assert_int(vm.viommus[0].caching_mode, VM_YES);
	assert_int(vm.device_count, 1);
	assert_string_equal(vm.devices[0].name, "hostdev0");
	assert_true(vm.devices[0].native && vm.devices[0].pcie);
	assert_int(vm.devices[0].managed, VM_YES);
	assert_int(vm.devices[0].hosts[0].bus, 1);
	assert_int(vm.balloon, VM_YES);
	assert_int(vm.problems.count, 0);
}

static void devices_sit_where_the_xml_says(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct vm vm = read_vm(
		&arena,
		DOMAIN(HEAD("q35") "," DEVICES(CONTROLLER("1", "pcie-root-port") "," CONTROLLER("2", "pcie-to-pci-bridge") "," HOSTDEV(
			"0x01",
			"0x0",
			PLACE("0x02",
			      "0x01")) "," HOSTDEV("0x01", "0x1",
						   PLACE("0x02",
							 "0x02")) "," HOSTDEV("0x02", "0x0",
									      PLACE("0x00",
										    "0x05")) "," HOSTDEV("0x03", "0x0",
													 "") "," HOSTDEV("0x04",
															 "0x0",
															 PLACE("0x09",
															       "0x00")))));
	assert_int(vm.device_count, 5);
	assert_true(vm.devices[0].shares_bridge && vm.devices[1].shares_bridge);
	assert_string_equal(vm.devices[0].address_space, vm.devices[1].address_space);
	assert_true(vm.devices[2].root_bus);
	/* Without an address, and behind a controller that is not there yet: libvirt makes a port. */
	assert_true(vm.devices[3].pcie && vm.devices[4].pcie);
	assert_string_not_equal(vm.devices[3].bus, vm.devices[4].bus);
}

static void versions_decide_what_is_created_first(void **state)
{
	static const char text[] = DOMAIN(HEAD("q35") "," DEVICES(HOSTDEV("0x01", "0x0", "")) "," ELEMENT(
		"qemu:commandline", "", "",
		ELEMENT("qemu:arg", A("value", "-device"), "",
			"") "," ELEMENT("qemu:arg", A("value", "intel-iommu,caching-mode=on"), "", "")));
	static const struct {
		uint32_t libvirt;
		uint32_t qemu;
		bool first;
		bool guess;
	} rows[] = {
		{ 7000000, 5002000, false, false },
		{ 8000000, 6001000, false, false },
		{ 8000000, 6002000, true, false },
		{ 12000000, 11000000, true, false },
		{ 0, 0, true, true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ARENA arena = { 0 };
		struct vm vm;
		struct libvirt_domain domain = { .path = "x",
						 .definition = tree_of(&arena, text),
						 .libvirt = rows[i].libvirt,
						 .qemu = rows[i].qemu };
		libvirt_vm_read(NULL, &arena, &domain, &vm);
		assert_int(vm.viommu_count, 1);
		assert_false(vm.viommus[0].native);
		assert_int(vm.viommus[0].first, rows[i].first);
		assert_int(vm.viommus[0].doubt != NULL, rows[i].guess);
		assert_string_equal(vm.args, "-device intel-iommu,caching-mode=on");
	}
}

static void what_differs_waits_for_the_next_start(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct vm vm;
	struct libvirt_domain domain = {
		.path = "x",
		.live = tree_of(&arena, DOMAIN(HEAD("q35") "," DEVICES(
						ELEMENT("hostdev", A("mode", "subsystem") "," A("type", "pci"), "",
							ELEMENT("alias", A("name", "hostdev0"), "",
								"") "," SOURCE("0x01", "0x0"))))),
		.definition = tree_of(&arena,
				      DOMAIN(HEAD("q35") "," SPLIT "," DEVICES(
					      INTEL "," ELEMENT("hostdev", A("mode", "subsystem") "," A("type", "pci"),
								"", SOURCE("0x01", "0x0"))))),
	};
	libvirt_vm_read(NULL, &arena, &domain, &vm);
	assert_int(vm.pending_count, 2);
	assert_string_equal(vm.pending[0].key, "features/ioapic");
	assert_string_equal(vm.pending[1].key, "iommu");
	assert_null(vm.pending[1].current);
	assert_string_equal(vm.pending[1].wanted,
			    "<iommu model='intel'><driver intremap='on' caching_mode='on'/></iommu>");
}

static void devices_of_another_machine_are_not_this_ones(void **state)
{
	AUTO_ARENA arena = { 0 };
	struct vm vm;
	struct libvirt_domain domain = {
		.path = "x",
		.elsewhere = true,
		.definition = tree_of(&arena, DOMAIN(HEAD("q35") "," DEVICES(HOSTDEV("0x01", "0x0", "")))),
	};
	libvirt_vm_read(NULL, &arena, &domain, &vm);
	assert_true(vm.elsewhere);
	assert_int(vm.devices[0].host_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_trees_and_refuses_what_is_none),
		cmocka_unit_test(numbers_are_libvirts),
		cmocka_unit_test(sizes_have_units),
		cmocka_unit_test(a_definition_becomes_a_vm),
		cmocka_unit_test(devices_sit_where_the_xml_says),
		cmocka_unit_test(versions_decide_what_is_created_first),
		cmocka_unit_test(what_differs_waits_for_the_next_start),
		cmocka_unit_test(devices_of_another_machine_are_not_this_ones),
	};
	return cmocka_run_group_tests_name("vm-libvirt", tests, NULL, NULL);
}
