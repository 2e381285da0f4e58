/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A world to judge: a host (L0) with one disk controller, 0000:01:00.0, alone in its group and bound to vfio-pci, and VM
 * 100 of Proxmox VE, which is given it and is right in every way. Tests spoil one thing and look at the verdict.
 */
#pragma once

#include "check-model.h"

#include <limits.h>

#include "vm/proxmox.h"

#define KNOWN(where, what) fact_with(where, what, 0)
#define NUMBER(where, value) fact_with(where, #value, value)
#define ABSENT(where) fact_gone(where)
#define UNREADABLE(where) ((struct fact){ .state = FACT_UNREADABLE, .path = (where), .problem = "Input/output error" })

#define AT(b, d, f) ((struct pci_address){ .bus = (b), .device = (d), .function = (f) })

enum { WORLD_FUNCTIONS = 8 };

struct world {
	struct model m;
	struct pci_function functions[WORLD_FUNCTIONS]; /* [0] is the root port 00:01.0, [1] the device */
	struct host_device device;
	struct group group;
	const struct pci_function *members[WORLD_FUNCTIONS];
	struct pci_detail port;
	struct pci_address ports[1];
	struct use uses[4];
	struct vm vms[3]; /* [0] is VM 100 */
	struct vm_viommu viommus[2];
	struct vm_device devices[3];
	struct pci_address hosts[3][4];
	struct vms all;
};

/* ---- Which verdicts were reached ---- */

enum {
	P = 1 << VERDICT_PASS,
	W = 1 << VERDICT_WARN,
	F = 1 << VERDICT_FAIL,
	U = 1 << VERDICT_UNKNOWN,
	N = 1 << VERDICT_NA
};

struct reach {
	const char *id;
	unsigned int wanted;
	unsigned int reached;
};

static void note_verdict(struct reach *table, const char *id, enum verdict verdict)
{
	for (; table->id; table++)
		if (strcmp(table->id, id) == 0) {
			table->reached |= 1U << verdict;
			return;
		}
	fail_msg("%s is not in the table of verdicts", id);
}

/* Each check can give exactly the verdicts of the table, and some test has had each of them. */
static inline void assert_reached(const struct reach *table)
{
	for (; table->id; table++)
		for (unsigned int verdict = VERDICT_PASS; verdict <= VERDICT_NA; verdict++)
			if ((table->wanted ^ table->reached) >> verdict & 1)
				fail_msg("%s: %s was %s", table->id, verdict_name(verdict),
					 table->reached >> verdict & 1 ? "given, and is not in the table" :
									 "never given");
}

/* ---- The world ---- */

static inline void make_host(struct world *world)
{
	make_l0(&world->m);
	struct host *host = &world->m.host;
	host->versions.qemu_server = (struct version){ KNOWN("/var/lib/dpkg/status", "9.2.6"), { 9, 2, 6 } };
	host->versions.qemu = (struct version){ KNOWN("/var/lib/dpkg/status", "11.0.0-2"), { 11, 0, 0 } };
	host->versions.libvirt.fact = ABSENT("/var/lib/dpkg/status");
	host->functions = (struct pci_functions){ world->functions, 2 };
	host->devices = &world->device;
	host->device_count = 1;
}

static inline struct pci_function a_function(struct pci_address address, int32_t class, const char *driver,
					     const char *group)
{
	return (struct pci_function){ .address = address,
				      .class = class,
				      .vendor = 0x144d,
				      .device = 0xa80a,
				      .subsystem_vendor = PCI_UNKNOWN,
				      .subsystem_device = PCI_UNKNOWN,
				      .revision = 0,
				      .driver = driver,
				      .group = group };
}

/* One more, behind those that are there: give them in the order of their addresses. */
static inline struct pci_function *add_function(struct world *world, struct pci_address address, int32_t class,
						const char *driver, const char *group)
{
	struct pci_function *function = &world->functions[world->m.host.functions.count++];
	*function = a_function(address, class, driver, group);
	if (group && strcmp(group, world->group.number) == 0)
		world->members[world->group.count++] = function;
	return function;
}

static inline struct pci_detail a_detail(const struct pci_function *function)
{
	return (struct pci_detail){
		.function = function,
		.config = KNOWN("config", NULL),
		.caps = { .length = 4096,
			  .capabilities_known = true,
			  .extended_known = true,
			  .pcie = true,
			  .flr = true,
			  .msix = true,
			  .interrupt_pin = 1 },
		.driver_override = ABSENT("driver_override"),
		.power_state = KNOWN("power_state", "D0"),
		.d3cold_allowed = NUMBER("d3cold_allowed", 1),
		.reset = KNOWN("reset", NULL),
		.reset_method = KNOWN("reset_method", "flr bus"),
		.rom = ABSENT("rom"),
		.sriov_total = ABSENT("sriov_totalvfs"),
		.sriov_enabled = ABSENT("sriov_numvfs"),
		.physfn = ABSENT("physfn"),
		.mdev = ABSENT("mdev_supported_types"),
		.unit = KNOWN("iommu", "dmar0"),
		.resource = KNOWN("resource", NULL),
	};
}

static inline void make_device(struct world *world)
{
	world->functions[0] = a_function(AT(0, 1, 0), 0x060400, "pcieport", "1");
	world->functions[0].is_bridge = true;
	world->functions[1] = a_function(AT(1, 0, 0), 0x010802, "vfio-pci", "12");
	world->members[0] = &world->functions[1];
	world->group = (struct group){ .number = "12",
				       .devices = KNOWN("devices", NULL),
				       .members = world->members,
				       .count = 1,
				       .type = KNOWN("type", "DMA"),
				       .reserved_regions = KNOWN("reserved_regions", NULL) };
	world->device = (struct host_device){ .address = AT(1, 0, 0),
					      .meant_by = "hostpci0 of VM 100",
					      .function = &world->functions[1],
					      .detail = a_detail(&world->functions[1]),
					      .group = &world->group,
					      .users_found = KNOWN("/proc", NULL),
					      .uses = { .items = world->uses } };
	world->ports[0] = AT(0, 1, 0);
	world->port = a_detail(&world->functions[0]);
	world->port.caps.acs = true;
	world->port.caps.acs_capability = world->port.caps.acs_control = PCI_ACS_FOR_ISOLATION;
	world->device.detail.bridges = (struct pci_addresses){ world->ports, 1 };
	world->device.bridge_details = &world->port;
}

static inline struct vm_device a_vm_device(const char *name, struct pci_address *hosts, size_t count)
{
	return (struct vm_device){ .name = name,
				   .where = "hostpci0: 0000:01:00.0,pcie=1",
				   .hosts = hosts,
				   .host_count = count,
				   .native = true,
				   .bus_known = true,
				   .pcie = true,
				   .bus = "ich9-pcie-port-1",
				   .address_space = "ich9-pcie-port-1 00.0" };
}

static inline void make_vm(struct world *world)
{
	world->viommus[0] = (struct vm_viommu){
		.model = VM_VIOMMU_INTEL,
		.where = "machine: q35,viommu=intel",
		.native = true,
		.first = true,
		.caching_mode = VM_YES,
		.intremap = VM_YES,
		.device_iotlb = VM_NO,
		.snoop_control = VM_NO,
		.scalable = VM_NO,
		.first_level = VM_NO,
		.dma_remap = VM_NO,
		.xtsup = VM_NO,
		.dma_translation = VM_YES,
	};
	world->hosts[0][0] = AT(1, 0, 0);
	world->devices[0] = a_vm_device("hostpci0", world->hosts[0], 1);
	world->vms[0] = (struct vm){
		.manager = VM_PROXMOX,
		.source = VM_FROM_CONFIGURATION,
		.id = "100",
		.name = "l1",
		.path = "/etc/pve/qemu-server/100.conf",
		.running = VM_NO,
		.kvm = VM_YES,
		.cpu = "host",
		.cpu_default = "kvm64",
		.nested_cpu = VM_YES,
		.phys_bits = UINT_MAX,
		.pdpe1gb = VM_YES,
		.cpus = 4,
		.machine = "pc-q35-10.1",
		.q35 = true,
		.machine_known = true,
		.machine_version = "10.1",
		.irqchip = VM_IRQCHIP_SPLIT,
		.ovmf = VM_YES,
		.efi_disk = VM_YES,
		.os = "linux",
		.memory_mib = 8192,
		.balloon = VM_NO,
		.free_page_reporting = VM_NO,
		.shutdown_seconds = 240,
		.viommus = world->viommus,
		.viommu_count = 1,
		.devices = world->devices,
		.device_count = 1,
	};
	world->all = (struct vms){ .items = world->vms, .count = 1 };
}

static inline struct world *make_world(void)
{
	struct world *world = test_calloc(1, sizeof(*world));
	make_host(world);
	make_device(world);
	make_vm(world);
	world->m.set.vms = &world->all;
	world->m.set.vm = &world->vms[0];
	return world;
}

static inline void end_world(struct world *world)
{
	arena_release(&world->m.arena);
	test_free(world);
}

static inline int set_up_world(void **state)
{
	*state = make_world();
	return 0;
}

static inline int tear_down_world(void **state)
{
	end_world(*state);
	return 0;
}

#define test_in_world(function) cmocka_unit_test_setup_teardown(function, set_up_world, tear_down_world)

/* The configuration that VM 100 is said to come from. */
static inline void configure(struct world *world, const char *text, unsigned int major, unsigned int minor,
			     unsigned int patch)
{
	struct proxmox_config *config = arena_alloc(&world->m.arena, sizeof(*config));
	proxmox_config_parse(&world->m.arena, slice_of(text), (struct release){ { major, minor, patch } }, config);
	world->vms[0].configuration = config;
}

static inline void start(struct world *world)
{
	world->vms[0].running = VM_YES;
	world->vms[1] = world->vms[0];
	world->vms[1].source = VM_FROM_PROCESS;
	world->vms[1].pid = 4711;
	world->all.count = 2;
	world->m.set.running = &world->vms[1];
}

/* ---- Judging ---- */

static inline struct finding judge_one_check(struct world *world, const char *id)
{
	const struct check *check = check_find(id);
	if (!check)
		fail_msg("there is no check %s", id);
	const void *subject = check->scope == CHECK_DEVICE ? (const void *)&world->device :
			      check->scope == CHECK_VM     ? (const void *)world->m.set.vm :
							     (const void *)&world->m.set.vm->devices[0];
	struct finding finding = { .check = check, .verdict = VERDICT_NA };
	check->judge(&world->m.set, subject, &finding, &world->m.arena);
	return finding;
}

/* A FAIL says what to do and who must; nothing else is worth a FAIL. */
static inline struct finding expect(struct world *world, struct reach *table, const char *id, enum verdict verdict,
				    const char *part)
{
	struct finding finding = judge_one_check(world, id);
	if (!finding.summary)
		fail_msg("%s came to no verdict", id);
	if (finding.verdict != verdict)
		fail_msg("%s: %s, wanted %s: %s", id, verdict_name(finding.verdict), verdict_name(verdict),
			 finding.summary);
	if (part)
		assert_contains(finding.summary, part);
	if (finding.verdict == VERDICT_FAIL && (!finding.remedy || finding.actor == ACTOR_NOBODY))
		fail_msg("%s fails, and says not what to do: %s", id, finding.summary);
	note_verdict(table, id, verdict);
	return finding;
}

/* All checks there are, as `nestpci check` applies them: which ones fail? "" for none. */
static inline const char *all_failures(struct world *world)
{
	struct buffer text = { .arena = &world->m.arena };
	check_run(&world->m.set, NULL, &world->m.arena, &world->m.findings);
	buffer_puts(&text, "");
	for (size_t i = 0; i < world->m.findings.count; i++)
		if (world->m.findings.items[i].verdict == VERDICT_FAIL)
			buffer_printf(&text, "%s%s", text.length ? " " : "", world->m.findings.items[i].check->id);
	return text.text;
}

/* ---- What every table must keep ---- */

static inline void make_display(struct world *world, bool boot)
{
	world->functions[1].class = 0x030000;
	world->functions[1].boot_vga = boot;
}

static inline void take_device_away(struct world *world)
{
	world->device.function = NULL;
	world->device.group = NULL;
	memset(&world->device.detail, 0, sizeof(world->device.detail));
}

/* Of a device that is not there, device-exists speaks alone. */
static inline void assert_missing_is_said_once(struct world *world, struct reach *table)
{
	take_device_away(world);
	for (const struct reach *row = table; row->id; row++)
		if (strcmp(row->id, "device-exists") != 0 && strcmp(row->id, "device-vmd") != 0)
			expect(world, table, row->id, VERDICT_NA, "no device is known");
}

static inline void assert_judges_nothing(struct world *world, const struct reach *table,
					 const struct host_device *device)
{
	struct host host = { 0 };
	struct subject_set set = { .host = &host };
	for (; table->id; table++) {
		struct finding finding = { .check = check_find(table->id), .verdict = VERDICT_NA };
		finding.check->judge(&set, device, &finding, &world->m.arena);
		bool seen = device->function && strcmp(table->id, "device-exists") == 0;
		if ((finding.verdict == VERDICT_PASS && !seen) || finding.verdict == VERDICT_FAIL || !finding.summary)
			fail_msg("%s: %s: %s", table->id, verdict_name(finding.verdict), finding.summary);
	}
}

/* A device of which nothing could be read: neither PASS nor FAIL. */
static inline void assert_unknown_stays_unknown(struct world *world, const struct reach *table)
{
	struct group group = { .number = "12" };
	struct pci_function blank = { .address = AT(1, 0, 0),
				      .class = PCI_UNKNOWN,
				      .vendor = PCI_UNKNOWN,
				      .device = PCI_UNKNOWN,
				      .subsystem_vendor = PCI_UNKNOWN,
				      .subsystem_device = PCI_UNKNOWN,
				      .revision = PCI_UNKNOWN,
				      .problems = { .arena = &world->m.arena } };
	list_add(&blank.problems, "/sys/bus/pci/devices/0000:01:00.0/driver: Input/output error");
	list_add(&blank.problems, "/sys/bus/pci/devices/0000:01:00.0/iommu_group: Input/output error");
	struct host_device device = { .address = AT(1, 0, 0), .function = &blank };
	assert_judges_nothing(world, table, &device);
	device.group = &group;
	assert_judges_nothing(world, table, &device);
	device = (struct host_device){ .address = AT(1, 0, 0) };
	assert_judges_nothing(world, table, &device);
}
