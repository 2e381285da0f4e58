/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configurations of Proxmox VE, and the VM that each of them defines. */
#include "unit.h"

#include "vm/proxmox-vm.h"

#define CONF "/etc/pve/nodes/pve1/qemu-server/100.conf"

struct host {
	struct arena arena;
	struct root root;
	void *const *state;
};

static void put_release(void *const *state, const char *release)
{
	char status[256];
	snprintf(status, sizeof(status),
		 "Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: qemu-server\nStatus: install ok "
		 "installed\nVersion: %s\n",
		 release);
	put_file(state, "var/lib/dpkg/status", status);
}

/* A node called pve1, with that release of qemu-server. */
static void make_host(struct host *host, void *const *state, const char *release)
{
	*host = (struct host){ .state = state };
	put_directory(state, "var/lib/dpkg");
	put_directory(state, "etc/pve/nodes/pve1/qemu-server");
	put_directory(state, "etc/pve/mapping");
	put_directory(state, "sys/bus/pci/devices");
	put_link(state, "etc/pve/local", "nodes/pve1");
	put_release(state, release);
	assert_int(root_open(&host->root, *state, NULL), 0);
}

static void put_function(const struct host *host, const char *address, const char *vendor, const char *device)
{
	char path[128];
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s", address);
	put_directory(host->state, path);
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/vendor", address);
	put_file(host->state, path, vendor);
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/device", address);
	put_file(host->state, path, device);
}

static void release_host(struct host *host)
{
	root_close(&host->root);
	arena_release(&host->arena);
}

static void define(struct host *host, const char *text, struct vm *ret)
{
	struct error error;
	const struct root *root = host->state ? &host->root : NULL;
	if (vm_read_text(root, &host->arena, slice_of(text), CONF, ret, &error) < 0)
		fail_msg("%s", error.text);
}

static void assert_problem(const struct vm *vm, const char *part)
{
	for (size_t i = 0; i < vm->problems.count; i++)
		if (strstr(vm->problems.items[i], part))
			return;
	fail_msg("no problem says '%s' (the first: %s)", part, vm->problems.count ? vm->problems.items[0] : "none");
}

static void assert_hosts(const struct vm_device *device, const char *wanted)
{
	char got[512] = "";
	char text[PCI_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < device->host_count; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "",
			 pci_address_format(device->hosts[i], text));
	assert_string_equal(got, wanted);
}

static void a_nesting_vm_of_today(void **state)
{
	struct host host;
	struct vm vm;
	make_host(&host, state, "9.2.6");
	put_function(&host, "0000:01:00.0", "0x10de\n", "0x2204\n");
	put_function(&host, "0000:01:00.1", "0x10de\n", "0x1aef\n");
	put_function(&host, "0000:02:00.0", "0x144d\n", "0xa80a\n");
	put_function(&host, "10000:01:00.0", "0x144d\n", "0xa80a\n");
	define(&host,
	       "balloon: 0\nbios: ovmf\ncores: 4\ncpu: host,flags=+pcid,guest-phys-bits=39\n"
	       "efidisk0: local:100/vm-100-disk-0.raw,efitype=4m\nhostpci0: 0000:01:00,pcie=1,x-vga=1,romfile=a.rom\n"
	       "hostpci1: 02:00.0,driver=keep\nmachine: q35,aw-bits=39,viommu=intel\nmemory: 8192\nname: l1\nnuma: 1\n"
	       "hugepages: 1024\nonboot: yes\nostype: l26\nsockets: 2\nstartup: order=1,up=30,down=120\nvga: none,memory=16\n",
	       &vm);
	assert_int(vm.problems.count, 0);
	assert_int(vm.manager, VM_PROXMOX);
	assert_int(vm.source, VM_FROM_CONFIGURATION);
	assert_string_equal(vm.id, "100");
	assert_string_equal(vm.name, "l1");
	assert_string_equal(vm.node, "pve1");
	assert_string_equal(vm.path, CONF);
	assert_false(vm.elsewhere || vm.template || vm.ha || vm.args_dropped);
	assert_true(vm.q35 && vm.machine_known && vm.onboot && vm.numa && vm.configuration);
	assert_string_equal(vm.machine, "q35");
	assert_null(vm.machine_version);
	assert_string_equal(vm.os, "linux");
	assert_string_equal(vm.cpu, "host");
	assert_int(vm.kvm, VM_YES);
	assert_int(vm.nested_cpu, VM_YES);
	assert_int(vm.guest_phys_bits, 39);
	assert_int(vm.cpus, 8);
	assert_int(vm.memory_mib, 8192);
	assert_string_equal(vm.hugepages, "1024");
	assert_int(vm.balloon, VM_NO);
	assert_int(vm.ovmf, VM_YES);
	assert_int(vm.efi_disk, VM_YES);
	assert_int(vm.shutdown_seconds, 120);
	assert_string_equal(vm.display, "none");
	assert_int(vm.irqchip, VM_IRQCHIP_SPLIT);
	assert_string_equal(vm.irqchip_where, "machine: q35,aw-bits=39,viommu=intel");
	assert_int(vm.viommu_count, 1);
	assert_true(vm.viommus[0].native && vm.viommus[0].first);
	assert_int(vm.viommus[0].aw_bits, 39);
	assert_int(vm.viommus[0].caching_mode, VM_YES);
	assert_string_equal(vm.viommus[0].where, "machine: q35,aw-bits=39,viommu=intel");
	assert_int(vm.device_count, 2);
	assert_string_equal(vm.devices[0].name, "hostpci0");
	assert_string_equal(vm.devices[0].where, "hostpci0: 0000:01:00,pcie=1,x-vga=1,romfile=a.rom");
	assert_hosts(&vm.devices[0], "0000:01:00.0 0000:01:00.1");
	assert_true(vm.devices[0].native && vm.devices[0].pcie && vm.devices[0].bootable_x_vga && vm.x_vga);
	assert_string_equal(vm.devices[0].romfile, "a.rom");
	assert_hosts(&vm.devices[1], "0000:02:00.0");
	assert_true(vm.devices[1].keep_driver && vm.devices[1].shares_bridge && !vm.devices[1].pcie);
	release_host(&host);
}

static void an_empty_configuration_is_a_vm(void **state)
{
	struct host host = { 0 };
	struct vm vm;
	(void)state;
	define(&host, "", &vm);
	assert_null(vm.machine);
	assert_true(!vm.q35 && vm.machine_known);
	assert_null(vm.cpu);
	assert_string_equal(vm.cpu_default, "kvm64");
	assert_int(vm.nested_cpu, VM_NO);
	assert_int(vm.cpus, 1);
	assert_int(vm.memory_mib, 512);
	assert_int(vm.balloon, VM_YES);
	assert_int(vm.free_page_reporting, VM_YES);
	assert_int(vm.ovmf, VM_NO);
	assert_int(vm.running, VM_UNKNOWN);
	assert_null(vm.name);
	assert_int(vm.problems.count, 0);
	arena_release(&host.arena);
}

/* Each line alone, and what becomes of the vIOMMU by it: "intel first", "virtio after X", "none". */
static void every_era_makes_of_machine_what_it_did(void **state)
{
	static const struct {
		const char *release;
		const char *machine;
		bool q35;
		const char *viommu;  /* NULL: none */
		const char *problem; /* NULL: none */
	} examples[] = {
		{ "7.4-2", "q35", true, NULL, NULL },
		{ "7.4-2", "pc-q35-6.1+pve0", true, NULL, NULL },
		{ "7.4-2", "q35,viommu=intel", true, NULL, "qemu-server 7.4-2 passes all of it" },
		{ "8.0.10", "q35,viommu=intel", true, NULL, "qemu-server 8.0.10 passes all of it to QEMU" },
		{ "8.2.4", "q35,viommu=intel", true, "intel-iommu", NULL },
		{ "8.2.4", "viommu=intel,type=pc-q35-8.1", true, "intel-iommu", NULL },
		{ "8.2.4", "q35,viommu=intel,aw-bits=48", false, NULL, "knows no 'aw-bits=' before 9.0.21" },
		{ "9.2.6", "q35,viommu=intel,aw-bits=48", true, "intel-iommu", NULL },
		{ "9.2.6", "q35,viommu=intel,aw-bits=40", true, "intel-iommu", "39 or 48 bits only" },
		{ "9.2.6", "q35,aw-bits=39", true, NULL, "aw-bits is given, but no viommu" },
		{ "9.2.6", "viommu=intel", false, "intel-iommu", "the Intel vIOMMU needs q35" },
		{ "9.2.6", "viommu=virtio", false, "virtio-iommu", NULL },
		{ "9.2.6", "q35,viommu=amd", false, NULL, "'amd' is no value for 'viommu'" },
		{ "9.2.6", "q35, viommu=intel", false, NULL, "there is no key ' viommu'" },
	};
	struct host host;
	make_host(&host, state, "0");
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct vm vm;
		char text[128];
		put_release(state, examples[i].release);
		snprintf(text, sizeof(text), "machine: %s\n", examples[i].machine);
		define(&host, text, &vm);
		if (vm.q35 != examples[i].q35)
			fail_msg("%s %s: q35 %d", examples[i].release, examples[i].machine, vm.q35);
		assert_int(vm.viommu_count, examples[i].viommu != NULL);
		if (examples[i].viommu)
			assert_string_equal(vm_viommu_name(vm.viommus[0].model), examples[i].viommu);
		if (examples[i].problem)
			assert_problem(&vm, examples[i].problem);
		else
			assert_int(vm.problems.count, 0);
	}
	release_host(&host);
}

static void the_order_of_the_line_decides(void **state)
{
	struct host host = { 0 };
	struct vm vm;
	(void)state;
	/* Native virtio is last. */
	define(&host, "machine: q35,viommu=virtio\nhostpci0: 03:00.0\n", &vm);
	assert_false(vm.viommus[0].first);
	assert_string_equal(vm.viommus[0].after, "vfio-pci 0000:03:00.0");
	assert_int(vm.irqchip, VM_IRQCHIP_DEFAULT);
	/* What args: bring comes behind all devices. */
	define(&host,
	       "args: -device intel-iommu,intremap=on -machine kernel_irqchip=split\nmachine: q35\nhostpci0: 03:00.0,pcie=1\n",
	       &vm);
	assert_int(vm.viommu_count, 1);
	assert_true(!vm.viommus[0].native && !vm.viommus[0].first);
	assert_string_equal(vm.viommus[0].where, "args: -device intel-iommu,intremap=on");
	assert_int(vm.viommus[0].caching_mode, VM_NO);
	assert_int(vm.irqchip, VM_IRQCHIP_SPLIT);
	assert_string_equal(vm.irqchip_where, "args: -machine kernel_irqchip=split");
	assert_string_equal(vm.machine, "q35");
	/* Both: two of them. */
	define(&host, "args: -device intel-iommu\nmachine: q35,viommu=intel\n", &vm);
	assert_int(vm.viommu_count, 2);
	assert_true(vm.viommus[0].native && !vm.viommus[1].native);
	/* A -global reaches the native one. */
	define(&host, "args: -global intel-iommu.aw-bits=39\nmachine: q35,viommu=intel\n", &vm);
	assert_int(vm.viommus[0].aw_bits, 39);
	arena_release(&host.arena);
}

static void args_change_what_they_say(void **state)
{
	struct host host = { 0 };
	struct vm vm;
	(void)state;
	define(&host,
	       "args: -cpu 'host,+vmx,kvm=off' -device vfio-pci,host=01:00.0,id=gpu -device pcie-root-port,id=p -device "
	       "vfio-pci,host=02:00.0,bus=p -m 16G -smp 8\nmachine: q35\ncpu: kvm64\nhostpci3: 05:00.0\n",
	       &vm);
	assert_string_equal(vm.cpu, "host");
	assert_int(vm.nested_cpu, VM_YES);
	assert_int(vm.memory_mib, 16384);
	assert_int(vm.cpus, 8);
	assert_int(vm.device_count, 3);
	assert_string_equal(vm.devices[0].name, "hostpci3");
	assert_string_equal(vm.devices[1].name, "gpu (args)");
	assert_string_equal(vm.devices[1].where, "args: -device vfio-pci,host=01:00.0,id=gpu");
	assert_true(!vm.devices[1].native && vm.devices[1].root_bus);
	assert_string_equal(vm.devices[2].name, "-device vfio-pci number 3 (args)");
	assert_true(vm.devices[2].pcie);
	/* An open quote: all of it is gone, and nothing but this says so. */
	define(&host, "args: -device intel-iommu -append 'open\nmachine: q35\n", &vm);
	assert_true(vm.args_dropped);
	assert_int(vm.viommu_count, 0);
	assert_problem(&vm, "leaves all of args out");
	/* QEMU would not start: the rest is read all the same. */
	define(&host, "args: -device\nmachine: q35,viommu=intel\n", &vm);
	assert_int(vm.viommu_count, 1);
	assert_problem(&vm, "args: option '-device' at the end of the line needs an argument");
	arena_release(&host.arena);
}

static void hostpci_stands_for_what_the_host_has(void **state)
{
	struct host host;
	struct vm vm;
	make_host(&host, state, "9.2.6");
	put_function(&host, "0000:01:00.0", "0x10de\n", "0x2204\n");
	put_function(&host, "0000:01:00.1", "0x10de\n", "0x1aef\n");
	put_function(&host, "0000:02:00.0", "0x144d\n", "0xa80a\n");
	put_function(&host, "10000:e1:00.0", "0x144d\n", "0xa80a\n");
	define(&host,
	       "hostpci0: 99:00\nhostpci1: 01:00.0;02:00.0,pcie=1\nhostpci2: 10000:e1:00.0,pcie=1\n"
	       "hostpci3: 02:00.0,mdev=i915-GVTg_V5_4\nhostpci5: pcie=1,01:00\nhostpci6: rombar=0\n"
	       "hostpci7: 02:00.0,mapping=gpu\nmachine: q35\n",
	       &vm);
	assert_int(vm.device_count, 7);
	assert_int(vm.devices[0].host_count, 0);
	assert_string_equal(vm.devices[0].problem, "no PCI device found for '99:00'");
	assert_hosts(&vm.devices[1], "0000:01:00.0 0000:02:00.0");
	assert_hosts(&vm.devices[2], "10000:e1:00.0");
	assert_string_equal(vm.devices[3].mdev, "i915-GVTg_V5_4");
	assert_int(vm.devices[3].host_count, 0);
	assert_null(vm.devices[3].problem);
	assert_hosts(&vm.devices[4], "0000:01:00.0 0000:01:00.1");
	assert_true(vm.devices[4].pcie && vm.devices[4].bus_known);
	assert_string_equal(vm.devices[4].bus, "ich9-pcie-port-6");
	assert_contains(vm.devices[5].problem, "neither an address nor a mapping");
	assert_contains(vm.devices[6].problem, "both an address and a mapping");
	/* NVIDIA's vGPUs of today are functions that are handed over whole. */
	put_directory(state, "sys/bus/pci/devices/0000:02:00.0/nvidia");
	define(&host, "hostpci0: 02:00.0,mdev=nvidia-63\n", &vm);
	assert_null(vm.devices[0].mdev);
	assert_hosts(&vm.devices[0], "0000:02:00.0");
	release_host(&host);
}

static void without_a_host_only_whole_addresses_are_known(void **state)
{
	struct host host = { 0 };
	struct vm vm;
	(void)state;
	define(&host, "hostpci0: 01:00.0\nhostpci1: 01:00\nhostpci2: mapping=gpu\nmachine: q35\n", &vm);
	assert_hosts(&vm.devices[0], "0000:01:00.0");
	assert_contains(vm.devices[1].problem, "which functions '01:00' has is not known");
	assert_contains(vm.devices[2].problem, "no host is known to look at");
	arena_release(&host.arena);
}

static void mappings_are_this_nodes(void **state)
{
	struct host host;
	struct vm vm;
	make_host(&host, state, "8.2.4");
	put_function(&host, "0000:01:00.0", "0x10de\n", "0x2204\n");
	put_function(&host, "0000:01:00.1", "0x10de\n", "0x1aef\n");
	put_function(&host, "0000:02:00.0", "0x8086\n", "0x1521\n");
	put_function(&host, "0000:03:00.0", "0x8086\n", "0x1521\n");
	put_directory(state, "sys/kernel/iommu_groups/15");
	put_link(state, "sys/bus/pci/devices/0000:01:00.0/iommu_group", "../../../../kernel/iommu_groups/15");
	put_link(state, "sys/bus/pci/devices/0000:02:00.0/iommu_group", "../../../../kernel/iommu_groups/15");
	put_file(
		state, "etc/pve/mapping/pci.cfg",
		"gpu\n\tmap id=10de:2204,iommugroup=15,node=pve1,path=0000:01:00\n\tmap "
		"id=10de:2204,node=pve2,path=0000:41:00\n\n"
		"nic\n\tmap id=8086:1521,node=pve1,path=0000:02:00.0\n\tmap id=8086:1521,node=pve1,path=0000:03:00.0\n\n"
		"changed\n\tmap id=8086:9999,node=pve1,path=0000:02:00.0\n\n"
		"moved\n\tmap id=8086:1521,iommugroup=16,node=pve1,path=0000:02:00.0\n\n"
		"other\n\tmap id=8086:1521,node=pve2,path=0000:02:00.0\n");
	define(&host,
	       "hostpci0: mapping=gpu,pcie=1\nhostpci1: mapping=nic\nhostpci2: mapping=changed\nhostpci3: mapping=moved\n"
	       "hostpci4: mapping=other\nhostpci5: mapping=none\nmachine: q35\n",
	       &vm);
	assert_hosts(&vm.devices[0], "0000:01:00.0 0000:01:00.1");
	assert_string_equal(vm.devices[0].mapping, "gpu");
	assert_false(vm.devices[0].any_of);
	assert_hosts(&vm.devices[1], "0000:02:00.0 0000:03:00.0");
	assert_true(vm.devices[1].any_of);
	assert_contains(vm.devices[2].problem, "expects 8086:9999 at 0000:02:00.0, and 8086:1521 is there");
	assert_contains(vm.devices[3].problem, "in IOMMU group 16, and it is in 15");
	assert_contains(vm.devices[4].problem, "has no device on node 'pve1'");
	assert_contains(vm.devices[5].problem, "there is no mapping 'none'");
	release_host(&host);
}

static void the_vm_of_another_node_has_none_of_our_devices(void **state)
{
	struct host host;
	struct vm vm;
	struct error error;
	make_host(&host, state, "9.2.6");
	put_function(&host, "0000:01:00.0", "0x10de\n", "0x2204\n");
	assert_int(vm_read_text(&host.root, &host.arena, slice_of("hostpci0: 01:00.0\n"),
				"/etc/pve/nodes/pve2/qemu-server/101.conf", &vm, &error),
		   0);
	assert_true(vm.elsewhere);
	assert_string_equal(vm.node, "pve2");
	assert_string_equal(vm.id, "101");
	assert_int(vm.devices[0].host_count, 0);
	assert_contains(vm.devices[0].problem, "another node's");
	release_host(&host);
}

static void pending_changes_are_made_and_told(void **state)
{
	struct host host = { 0 };
	struct vm vm;
	(void)state;
	define(&host,
	       "balloon: 512\ncores: 2\nmachine: q35\nname: a\n\n[PENDING]\ndelete: balloon\nmachine: q35,viommu=intel\ncores: "
	       "2\nhostpci0: 01:00.0,pcie=1\n\n[snap]\nmachine: pc\n",
	       &vm);
	/* As `qm config` shows it, and the next start has it. */
	assert_int(vm.viommu_count, 1);
	assert_int(vm.device_count, 1);
	assert_int(vm.pending_count, 3);
	assert_string_equal(vm.pending[0].key, "hostpci0");
	assert_null(vm.pending[0].current);
	assert_string_equal(vm.pending[0].wanted, "01:00.0,pcie=1");
	assert_string_equal(vm.pending[1].current, "q35");
	assert_string_equal(vm.pending[1].wanted, "q35,viommu=intel");
	assert_string_equal(vm.pending[2].key, "balloon");
	assert_string_equal(vm.pending[2].current, "512");
	assert_null(vm.pending[2].wanted);
	/* A snapshot is read as it is. */
	struct proxmox_node node;
	proxmox_node_open(NULL, &host.arena, &node);
	struct proxmox_definition definition = {
		.node = &node,
		.config = vm.configuration,
		.settings = proxmox_find_section(vm.configuration, PROXMOX_SNAPSHOT, "snap"),
		.id = "100",
		.path = CONF,
	};
	proxmox_vm_read(&host.arena, &definition, &vm);
	assert_int(vm.viommu_count, 0);
	assert_int(vm.pending_count, 0);
	assert_string_equal(vm.machine, "pc");
	arena_release(&host.arena);
}

static void windows_is_pinned(void **state)
{
	static const struct {
		const char *text;
		const char *version;
	} examples[] = {
		{ "ostype: win10\n", "5.1" },
		{ "ostype: win11\nmachine: q35\nmeta: creation-qemu=9.0.2,ctime=1\n", "5.1" },
		{ "ostype: win11\nmachine: q35\nmeta: ctime=1,creation-qemu=10.1.2\n", "10.1" },
		{ "ostype: win11\nmachine: pc-q35-8.1\n", "8.1" },
	};
	struct host host = { 0 };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct vm vm;
		define(&host, examples[i].text, &vm);
		assert_string_equal(vm.machine_version, examples[i].version);
		assert_string_equal(vm.os, "windows");
		/* Only machines of 6.2 and later have it. */
		assert_int(vm.free_page_reporting, examples[i].version[0] == '5' ? VM_NO : VM_YES);
	}
	arena_release(&host.arena);
}

static void knows_what_the_cpu_is_made_of(void **state)
{
	static const struct {
		const char *text;
		enum vm_answer nested;
		const char *cpu;
		enum vm_answer pdpe1gb;
		unsigned int phys_bits;
	} examples[] = {
		{ "cpu: host\n", VM_YES, "host", VM_UNKNOWN, UINT_MAX },
		{ "cpu: x86-64-v2-AES\n", VM_NO, "x86-64-v2-AES", VM_NO, 0 },
		{ "cpu: x86-64-v3,flags=+pdpe1gb,phys-bits=host\n", VM_NO, "x86-64-v3", VM_YES, UINT_MAX },
		{ "cpu: EPYC,flags=+nested-virt,phys-bits=43\n", VM_YES, "EPYC", VM_UNKNOWN, 43 },
		{ "cpu: host,flags=-nested-virt\n", VM_NO, "host", VM_UNKNOWN, UINT_MAX },
		{ "cpu: custom-l1\n", VM_UNKNOWN, "custom-l1", VM_UNKNOWN, 0 },
		{ "cpu: custom-l1,flags=+nested-virt\n", VM_YES, "custom-l1", VM_UNKNOWN, 0 },
		{ "kvm: 0\n", VM_UNKNOWN, NULL, VM_NO, 0 },
	};
	struct host host = { 0 };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct vm vm;
		define(&host, examples[i].text, &vm);
		if (vm.nested_cpu != examples[i].nested || vm.pdpe1gb != examples[i].pdpe1gb ||
		    vm.phys_bits != examples[i].phys_bits)
			fail_msg("%snested %d, pdpe1gb %d, phys-bits %u", examples[i].text, vm.nested_cpu, vm.pdpe1gb,
				 vm.phys_bits);
		if (examples[i].cpu)
			assert_string_equal(vm.cpu, examples[i].cpu);
		else
			assert_null(vm.cpu);
	}
	/* Refused by Proxmox VE, which then goes on with kvm64. */
	struct vm vm;
	define(&host, "cpu: host,flags=+vmx\n", &vm);
	assert_int(vm.nested_cpu, VM_NO);
	assert_problem(&vm, "line 1: 'cpu': Proxmox VE does not take its value");
	arena_release(&host.arena);
}

static void notes_what_stands_in_the_way(void **state)
{
	struct host host = { 0 };
	struct vm vm;
	(void)state;
	define(&host,
	       "lock: suspended\nvmstate: local:100/state.raw\nhugepages: 2\nhostpci0: 01:00.0,pcie=1\ntemplate: 1\nhostpc1: x\n"
	       "bios: ovmf\n",
	       &vm);
	assert_string_equal(vm.lock, "suspended");
	assert_string_equal(vm.hibernated, "vmstate: local:100/state.raw");
	assert_true(vm.template);
	assert_int(vm.efi_disk, VM_NO);
	assert_problem(&vm, "line 6: 'hostpc1': Proxmox VE knows no such setting");
	assert_problem(&vm, "hugepages: 2: they need numa: 1");
	assert_problem(&vm, "hostpci0: 01:00.0,pcie=1: pcie=1 needs q35");
	define(&host, "lock: suspended\n", &vm);
	assert_string_equal(vm.hibernated, "lock: suspended");
	define(&host, "lock: backup\nvga: type=virtio,memory=32\narch: aarch64\n", &vm);
	assert_null(vm.hibernated);
	assert_string_equal(vm.display, "virtio");
	assert_false(vm.machine_known);
	assert_int(vm.kvm, VM_NO);
	arena_release(&host.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_folder(a_nesting_vm_of_today),
		cmocka_unit_test(an_empty_configuration_is_a_vm),
		test_in_folder(every_era_makes_of_machine_what_it_did),
		cmocka_unit_test(the_order_of_the_line_decides),
		cmocka_unit_test(args_change_what_they_say),
		test_in_folder(hostpci_stands_for_what_the_host_has),
		cmocka_unit_test(without_a_host_only_whole_addresses_are_known),
		test_in_folder(mappings_are_this_nodes),
		test_in_folder(the_vm_of_another_node_has_none_of_our_devices),
		cmocka_unit_test(pending_changes_are_made_and_told),
		cmocka_unit_test(windows_is_pinned),
		cmocka_unit_test(knows_what_the_cpu_is_made_of),
		cmocka_unit_test(notes_what_stands_in_the_way),
	};
	return cmocka_run_group_tests_name("vm-definition", tests, NULL, NULL);
}
