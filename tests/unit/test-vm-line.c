/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU command lines, as somebody writes them, and the VM that each of them is. */
#include "unit.h"

#include <errno.h>

#include "base/shell.h"
#include "vm/plain.h"

static void read_line(struct arena *arena, const struct root *root, const char *text, struct vm *ret)
{
	struct shell_line shell;
	struct error error;
	if (shell_read_line(arena, slice_of(text), &shell, &error) < 0)
		fail_msg("%s", error.text);
	struct plain_line line = { shell.words.items, shell.words.count, QEMU_NO_WORD };
	if (plain_read(root, arena, &line, ret, &error) < 0)
		fail_msg("%s: %s", text, error.text);
}

#define READ(text)                \
	AUTO_ARENA arena = { 0 }; \
	struct vm vm;             \
	(void)state;              \
	read_line(&arena, NULL, text, &vm)

static void a_line_says_all_of_its_vm(void **state)
{
	READ("qemu-system-x86_64 -name guest=l1,debug-threads=on -machine q35,accel=kvm,kernel-irqchip=split -cpu "
	     "host,-pdpe1gb,guest-phys-bits=39 -smp 4,maxcpus=8 -m 4G -overcommit mem-lock=on -numa node "
	     "-device intel-iommu,intremap=on,caching-mode=on,aw-bits=48,eim=off,device-iotlb=on "
	     "-device pcie-root-port,id=p1,bus=pcie.0 -device vfio-pci,host=01:00.0,bus=p1,x-vga=on,romfile=/rom "
	     "-vga none -pflash /usr/share/OVMF/OVMF_CODE.fd -pflash vars.fd");
	assert_int(vm.manager, VM_PLAIN);
	assert_int(vm.source, VM_FROM_COMMAND_LINE);
	assert_string_equal(vm.name, "l1");
	assert_true(vm.q35 && vm.machine_known && vm.mem_lock && vm.numa && vm.x_vga);
	assert_null(vm.machine_version);
	assert_string_equal(vm.architecture, "x86_64");
	assert_int(vm.kvm, VM_YES);
	assert_int(vm.irqchip, VM_IRQCHIP_SPLIT);
	assert_string_equal(vm.irqchip_where, "-machine q35,accel=kvm,kernel-irqchip=split");
	assert_string_equal(vm.cpu, "host");
	assert_int(vm.nested_cpu, VM_YES);
	assert_int(vm.pdpe1gb, VM_NO);
	assert_int(vm.guest_phys_bits, 39);
	assert_int(vm.phys_bits, UINT_MAX);
	assert_int(vm.cpus, 8);
	assert_int(vm.memory_mib, 4096);
	assert_int(vm.ovmf, VM_YES);
	assert_int(vm.efi_disk, VM_YES);
	assert_int(vm.balloon, VM_NO);
	assert_string_equal(vm.display, "none");
	assert_int(vm.viommu_count, 1);
	const struct vm_viommu *viommu = &vm.viommus[0];
	assert_int(viommu->model, VM_VIOMMU_INTEL);
	assert_true(viommu->first && !viommu->native);
	assert_int(viommu->aw_bits, 48);
	assert_int(viommu->caching_mode, VM_YES);
	assert_int(viommu->intremap, VM_YES);
	assert_int(viommu->eim, VM_NO);
	assert_int(viommu->device_iotlb, VM_YES);
	assert_int(viommu->snoop_control, VM_NO);
	assert_int(viommu->dma_translation, VM_YES);
	assert_int(vm.device_count, 1);
	const struct vm_device *device = &vm.devices[0];
	assert_string_equal(device->name, "-device vfio-pci number 1");
	assert_string_equal(device->where, "-device vfio-pci,host=01:00.0,bus=p1,x-vga=on,romfile=/rom");
	assert_true(device->pcie && device->bus_known && !device->root_bus && !device->shares_bridge);
	assert_string_equal(device->bus, "p1");
	assert_string_equal(device->romfile, "/rom");
	assert_int(device->host_count, 1);
	assert_int(device->hosts[0].bus, 1);
	assert_int(vm.problems.count, 0);
}

static void says_what_stands_before_the_viommu(void **state)
{
	READ("kvm -M q35 -device vfio-pci,host=01:00.0 -device intel-iommu,caching-mode=off -device amd-iommu,dma-remap=on "
	     "-device virtio-iommu-pci -global intel-iommu.intremap=off");
	assert_int(vm.viommu_count, 3);
	assert_false(vm.viommus[0].first);
	assert_string_equal(vm.viommus[0].after, "vfio-pci 01:00.0");
	assert_int(vm.viommus[0].caching_mode, VM_NO);
	assert_int(vm.viommus[0].intremap, VM_NO);
	assert_int(vm.viommus[1].model, VM_VIOMMU_AMD);
	assert_int(vm.viommus[1].dma_remap, VM_YES);
	assert_int(vm.viommus[1].intremap, VM_UNKNOWN);
	assert_int(vm.viommus[2].model, VM_VIOMMU_VIRTIO);
	assert_int(vm.irqchip, VM_IRQCHIP_DEFAULT);
}

static void a_json_viommu_comes_last(void **state)
{
	READ("kvm -M q35 -device '{\"driver\":\"intel-iommu\",\"caching-mode\":true,\"aw-bits\":39}' -device "
	     "vfio-pci,id=gpu,host=01:00.0 -device '{\"driver\":\"vfio-pci\",\"host\":\"0000:02:00.0\",\"id\":\"nic\","
	     "\"iommufd\":\"iommufd0\"}' -set device.gpu.x-vga=on");
	assert_false(vm.viommus[0].first);
	assert_int(vm.viommus[0].aw_bits, 39);
	assert_int(vm.viommus[0].caching_mode, VM_YES);
	assert_int(vm.device_count, 2);
	assert_string_equal(vm.devices[0].name, "gpu");
	assert_true(vm.devices[0].bootable_x_vga && !vm.devices[0].iommufd);
	assert_string_equal(vm.devices[1].name, "nic");
	assert_true(vm.devices[1].iommufd);
}

static void knows_what_devices_sit_on(void **state)
{
	READ("kvm -M q35 -device vfio-pci,id=root,host=01:00.0 -device pcie-root-port,id=p -device "
	     "vfio-pci,id=port,bus=p,host=02:00.0 -device pcie-pci-bridge,id=b -device vfio-pci,id=a,bus=b,addr=1,host=03:00.0 "
	     "-device pci-bridge,id=c,bus=b,addr=2 -device vfio-pci,id=d,bus=c,addr=1,host=03:00.1 "
	     "-device pxb-pcie,id=x,bus_nr=10 -device vfio-pci,id=e,bus=x,host=04:00.0 -device vfio-pci,id=f,bus=gone,host=05:00.0");
	static const struct {
		const char *name;
		bool known;
		bool pcie;
		bool root;
		bool shares;
	} wanted[] = {
		{ "root", true, false, true, false }, { "port", true, true, false, false },
		{ "a", true, false, false, true },    { "d", true, false, false, true },
		{ "e", true, false, true, false },    { "f", false, false, false, false },
	};
	assert_int(vm.device_count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const struct vm_device *device = &vm.devices[i];
		assert_string_equal(device->name, wanted[i].name);
		assert_int(device->bus_known, wanted[i].known);
		assert_int(device->pcie, wanted[i].pcie);
		assert_int(device->root_bus, wanted[i].root);
		assert_int(device->shares_bridge, wanted[i].shares);
	}
	/* Two bridges deep, they have the requester id of the first. */
	assert_string_equal(vm.devices[2].address_space, vm.devices[3].address_space);
	assert_string_not_equal(vm.devices[0].address_space, vm.devices[1].address_space);
	assert_null(vm.devices[5].address_space);
}

static void on_i440fx_the_root_bus_is_conventional(void **state)
{
	READ("kvm -M pc -device vfio-pci,host=01:00.0,bus=pci.0,addr=0x10 -device pci-bridge,id=pci.2,bus=pci.0,addr=0x1f -device "
	     "vfio-pci,host=02:00.0,bus=pci.2,addr=1 -device vfio-pci,host=03:00.0,bus=pci.2,addr=2");
	assert_true(!vm.q35 && vm.machine_known);
	assert_true(vm.devices[0].bus_known && !vm.devices[0].shares_bridge && !vm.devices[0].pcie);
	assert_true(vm.devices[1].shares_bridge);
	assert_string_equal(vm.devices[1].address_space, vm.devices[2].address_space);
	assert_string_not_equal(vm.devices[0].address_space, vm.devices[1].address_space);
}

static void tells_devices_of_the_host_from_others(void **state)
{
	READ("kvm -M q35 -device vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:01:00.0/ -device "
	     "vfio-pci,sysfsdev=/sys/bus/mdev/devices/00000000-0000-0000-0000-000000000100 -device vfio-pci,host=nowhere -device "
	     "vfio-pci,fd=9 -device vfio-pci -device vfio-user-pci,socket=/x -device vfio-ap,sysfsdev=/y -device vfio-pci,sysfsdev=/z");
	assert_int(vm.device_count, 6);
	assert_int(vm.devices[0].hosts[0].bus, 1);
	assert_null(vm.devices[0].mdev);
	assert_string_equal(vm.devices[1].mdev, "00000000-0000-0000-0000-000000000100");
	assert_int(vm.devices[1].host_count, 0);
	assert_null(vm.devices[1].problem);
	assert_contains(vm.devices[2].problem, "host=nowhere is no PCI address");
	assert_contains(vm.devices[3].problem, "open file");
	assert_contains(vm.devices[4].problem, "neither host= nor sysfsdev=");
	assert_contains(vm.devices[5].problem, "sysfsdev=/z names no PCI device");
}

static void proxmox_lines_tell_what_is_the_managers(void **state)
{
	READ("/usr/bin/taskset --cpu-list --all-tasks 0-3 /usr/bin/kvm -id 105 -name a,debug-threads=on -readconfig "
	     "/usr/share/qemu-server/pve-q35-4.0.cfg -device "
	     "vfio-pci,host=0000:01:00.0,id=hostpci0.0,bus=ich9-pcie-port-1,addr=0x0.0,multifunction=on -device "
	     "vfio-pci,host=0000:01:00.1,id=hostpci0.1,bus=ich9-pcie-port-1,addr=0x0.1 -device "
	     "vfio-pci,host=0000:02:00.0,id=hostpci1,bus=pci.0,addr=0x11 -device "
	     "vfio-pci,host=0000:03:00.0,id=hostpci5,bus=pci.2,addr=0xe -machine type=q35+pve0 -device "
	     "intel-iommu,intremap=on -device vfio-pci,host=04:00.0,id=hostpci0 -device vfio-pci,host=05:00.0 -machine kernel_irqchip=split");
	assert_int(vm.manager, VM_PROXMOX);
	assert_string_equal(vm.id, "105");
	assert_string_equal(vm.name, "a");
	assert_int(vm.device_count, 5);
	assert_string_equal(vm.devices[0].name, "hostpci0");
	assert_int(vm.devices[0].host_count, 2);
	assert_true(vm.devices[0].native && vm.devices[0].pcie);
	/* pci.0 and pci.2 are both behind one bridge. */
	assert_true(vm.devices[1].shares_bridge && vm.devices[2].shares_bridge);
	assert_string_equal(vm.devices[1].address_space, vm.devices[2].address_space);
	assert_string_equal(vm.devices[3].name, "hostpci0 (args)");
	assert_false(vm.devices[3].native);
	assert_string_equal(vm.devices[4].name, "-device vfio-pci number 6 (args)");
	assert_false(vm.viommus[0].native);
	assert_string_equal(vm.viommus[0].where, "args: -device intel-iommu,intremap=on");
	assert_string_equal(vm.viommus[0].after, "vfio-pci 0000:01:00.0");
	assert_string_equal(vm.irqchip_where, "args: -machine kernel_irqchip=split");
	assert_string_equal(vm.machine, "q35+pve0");
	assert_int(vm.problems.count, 0);
}

static void knows_machines(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		bool q35;
		bool known;
		const char *version;
	} examples[] = {
		{ "kvm", false, true, NULL },
		{ "kvm -M pc-q35-7.2", true, true, "7.2" },
		{ "kvm -M pc-q35-8.1+pve0.pxe", true, true, "8.1" },
		{ "kvm -M pc-q35-rhel9.2.0", true, true, "rhel9.2.0" },
		{ "kvm -M pc-i440fx-5.1.pxe", false, true, "5.1" },
		{ "kvm -M pc-1.0", false, true, "1.0" },
		{ "kvm -M microvm", false, false, NULL },
		{ "qemu-system-aarch64 -M virt", false, false, NULL },
		{ "qemu-system-aarch64", false, false, NULL },
		{ "kvm -readconfig /nowhere.cfg", false, false, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		AUTO_ARENA arena = { 0 };
		struct vm vm;
		read_line(&arena, NULL, examples[i].line, &vm);
		if (vm.q35 != examples[i].q35 || vm.machine_known != examples[i].known)
			fail_msg("%s", examples[i].line);
		if (examples[i].version)
			assert_string_equal(vm.machine_version, examples[i].version);
		else
			assert_null(vm.machine_version);
	}
}

static void knows_accelerators_and_irqchips(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum vm_answer kvm;
		enum vm_irqchip irqchip;
	} examples[] = {
		{ "kvm -M q35", VM_YES, VM_IRQCHIP_DEFAULT },
		{ "qemu-system-x86_64 -M q35", VM_NO, VM_IRQCHIP_DEFAULT },
		{ "qemu-system-x86_64 -enable-kvm -M q35", VM_YES, VM_IRQCHIP_DEFAULT },
		{ "qemu-system-x86_64 -accel tcg -M q35", VM_NO, VM_IRQCHIP_DEFAULT },
		{ "qemu-system-x86_64 -M q35,accel=kvm:tcg", VM_YES, VM_IRQCHIP_DEFAULT },
		{ "kvm -accel kvm,kernel-irqchip=split", VM_YES, VM_IRQCHIP_SPLIT },
		{ "kvm -M q35,kernel_irqchip=on", VM_YES, VM_IRQCHIP_ON },
		{ "kvm -M q35,kernel-irqchip=off", VM_YES, VM_IRQCHIP_OFF },
		{ "kvm -M pc-q35-4.0", VM_YES, VM_IRQCHIP_SPLIT },
		{ "kvm -M pc-q35-4.0.1", VM_YES, VM_IRQCHIP_DEFAULT },
		{ "-M q35", VM_UNKNOWN, VM_IRQCHIP_DEFAULT },
	};
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		AUTO_ARENA arena = { 0 };
		struct vm vm;
		read_line(&arena, NULL, examples[i].line, &vm);
		if (vm.kvm != examples[i].kvm || vm.irqchip != examples[i].irqchip)
			fail_msg("%s: kvm %d, irqchip %d", examples[i].line, vm.kvm, vm.irqchip);
	}
}

static void knows_cpus(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum vm_answer nested;
		unsigned int phys_bits;
		unsigned int cpus;
	} examples[] = {
		{ "kvm", VM_NO, 0, 1 },
		{ "kvm -cpu host", VM_YES, UINT_MAX, 1 },
		{ "kvm -cpu host,-vmx", VM_NO, UINT_MAX, 1 },
		{ "kvm -cpu host,vmx=off", VM_NO, UINT_MAX, 1 },
		{ "kvm -cpu Skylake-Server,+vmx", VM_YES, 0, 1 },
		{ "kvm -cpu Skylake-Server,vmx=on,-vmx", VM_NO, 0, 1 },
		{ "kvm -cpu EPYC", VM_NO, 0, 1 },
		{ "kvm -cpu EPYC,svm", VM_YES, 0, 1 },
		{ "kvm -accel tcg -cpu max", VM_YES, 0, 1 },
		{ "kvm -accel tcg -cpu EPYC", VM_UNKNOWN, 0, 1 },
		{ "kvm -cpu kvm64 -cpu host,phys-bits=40,host-phys-bits=off", VM_YES, 40, 1 },
		{ "kvm -cpu host,host-phys-bits=on,host-phys-bits-limit=39", VM_YES, 39, 1 },
		{ "kvm -cpu EPYC,host_phys_bits=true", VM_NO, UINT_MAX, 1 },
		{ "kvm -smp 4", VM_NO, 0, 4 },
		{ "kvm -smp sockets=2,cores=3,threads=2", VM_NO, 0, 12 },
		{ "kvm -smp 2,maxcpus=16", VM_NO, 0, 16 },
		{ "kvm -smp 1,sockets=2,cores=2", VM_NO, 0, 4 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		AUTO_ARENA arena = { 0 };
		struct vm vm;
		read_line(&arena, NULL, examples[i].line, &vm);
		if (vm.nested_cpu != examples[i].nested || vm.phys_bits != examples[i].phys_bits ||
		    vm.cpus != examples[i].cpus)
			fail_msg("%s: nested %d, phys-bits %u, %u CPUs", examples[i].line, vm.nested_cpu, vm.phys_bits,
				 vm.cpus);
	}
}

static void knows_memory(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		uint64_t mib;
		const char *hugepages;
	} examples[] = {
		{ "kvm", 128, NULL },
		{ "kvm -m 2048", 2048, NULL },
		{ "kvm -m size=1.5g", 1536, NULL },
		{ "kvm -m 1T", 1048576, NULL },
		{ "kvm -m bogus", 0, NULL },
		{ "kvm -m 99999999999999999999999999", 0, NULL },
		{ "kvm -m 1G,slots=4,maxmem=8G -object memory-backend-ram,id=a,size=512M -device pc-dimm,memdev=a",
		  1536, NULL },
		{ "kvm -m 1G -device pc-dimm,memdev=gone", 0, NULL },
		{ "kvm -m 1G -mem-path /dev/hugepages", 1024, "/dev/hugepages" },
		{ "kvm -m 1G -mem-path /tmp", 1024, NULL },
		{ "kvm -object memory-backend-file,id=a,size=4096M,mem-path=/run/hugepages/kvm/2048kB -M q35,memory-backend=a",
		  4096, "2" },
		{ "kvm -m 8G -object memory-backend-file,id=a,size=8G,mem-path=/run/hugepages/kvm/1048576kB", 8192,
		  "1024" },
		{ "kvm -m 4G -object "
		  "'{\"qom-type\":\"memory-backend-memfd\",\"id\":\"a\",\"hugetlb\":true,\"hugetlbsize\":2097152,\"size\":1}'",
		  4096, "2" },
		{ "kvm -m 4G -object memory-backend-memfd,id=a,size=4G,hugetlb=on", 4096, "any" },
		{ "kvm -m 4G -object memory-backend-memfd,id=a,size=4G", 4096, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		AUTO_ARENA arena = { 0 };
		struct vm vm;
		read_line(&arena, NULL, examples[i].line, &vm);
		if (vm.memory_mib != examples[i].mib)
			fail_msg("%s: %llu MiB", examples[i].line, (unsigned long long)vm.memory_mib);
		if (examples[i].hugepages ? !text_equals(vm.hugepages, examples[i].hugepages) : vm.hugepages != NULL)
			fail_msg("%s: pages %s", examples[i].line, vm.hugepages);
	}
}

static void knows_what_takes_memory_back(void **state)
{
	READ("kvm -m 1G -object memory-backend-ram,id=m,size=2G -device virtio-mem-pci,memdev=m -device "
	     "virtio-balloon-pci,free-page-reporting=on");
	assert_int(vm.memory_mib, 3072);
	assert_true(vm.virtio_mem);
	assert_int(vm.balloon, VM_YES);
	assert_int(vm.free_page_reporting, VM_YES);
	read_line(&arena, NULL, "kvm -device virtio-balloon-pci", &vm);
	assert_int(vm.free_page_reporting, VM_NO);
	/* A file that is not at hand may have one. */
	read_line(&arena, NULL, "kvm -readconfig /nowhere.cfg", &vm);
	assert_int(vm.balloon, VM_UNKNOWN);
	assert_contains(vm.problems.items[0], "what it brings is not known");
}

static void knows_firmware(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum vm_answer ovmf;
		enum vm_answer disk;
	} examples[] = {
		{ "kvm", VM_NO, VM_UNKNOWN },
		{ "kvm -bios /usr/share/ovmf/OVMF.fd", VM_YES, VM_NO },
		{ "kvm -bios bios-256k.bin", VM_NO, VM_UNKNOWN },
		{ "kvm -bios mine.rom", VM_UNKNOWN, VM_UNKNOWN },
		{ "kvm -drive if=pflash,unit=0,file=OVMF_CODE.fd -drive if=pflash,unit=1,file=vars.fd", VM_YES,
		  VM_YES },
		{ "kvm -drive if=pflash,file=OVMF_CODE.fd", VM_YES, VM_NO },
		{ "kvm -drive if=pflash,unit=1,file=/tmp/100-ovmf.fd -drive if=pflash,unit=0,file=OVMF_CODE.fd", VM_YES,
		  VM_NO },
		{ "kvm -pflash a.fd -pflash b.fd", VM_UNKNOWN, VM_YES },
		{ "kvm -M q35,pflash0=a,pflash1=b -blockdev driver=file,filename=/usr/share/edk2/x.fd,node-name=f -blockdev "
		  "driver=raw,file=f,node-name=a -blockdev driver=raw,file.filename=/run/qemu-server/efidisk/1-ovmf.fd,node-name=b",
		  VM_YES, VM_NO },
		{ "kvm -M q35,pflash0=a -blockdev '{\"node-name\":\"a\",\"driver\":\"raw\",\"file\":{\"driver\":\"file\","
		  "\"filename\":\"/OVMF.fd\"}}'",
		  VM_YES, VM_NO },
		{ "kvm -M q35,pflash0=a,pflash1=b -blockdev driver=raw,file=a,node-name=a", VM_UNKNOWN, VM_YES },
	};
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		AUTO_ARENA arena = { 0 };
		struct vm vm;
		read_line(&arena, NULL, examples[i].line, &vm);
		if (vm.ovmf != examples[i].ovmf || vm.efi_disk != examples[i].disk)
			fail_msg("%s: ovmf %d, disk %d", examples[i].line, vm.ovmf, vm.efi_disk);
	}
}

static void reads_configuration_files_of_the_host(void **state)
{
	AUTO_ARENA arena = { 0 };
	AUTO_ROOT root = ROOT_NONE;
	struct vm vm;
	put_file(
		state, "vm.cfg",
		"[machine]\n  type = \"pc-q35-8.0\"\n[device \"iommu\"]\n  driver = \"intel-iommu\"\n  caching-mode = \"on\"\n"
		"[device \"gpu\"]\n  driver = \"vfio-pci\"\n  host = \"01:00.0\"\n");
	assert_int(root_open(&root, *state, NULL), 0);
	read_line(&arena, &root, "kvm -readconfig /vm.cfg -device vfio-pci,host=02:00.0", &vm);
	assert_true(vm.q35);
	assert_string_equal(vm.machine_version, "8.0");
	assert_true(vm.viommus[0].first);
	assert_int(vm.viommus[0].caching_mode, VM_YES);
	assert_string_equal(vm.viommus[0].where, "-readconfig /vm.cfg [device \"iommu\"]");
	assert_int(vm.device_count, 2);
	assert_string_equal(vm.devices[0].name, "gpu");
	assert_int(vm.problems.count, 0);
}

static void notes_what_is_saved_and_what_is_strange(void **state)
{
	READ("kvm -M q35,default_bus_bypass_iommu=on -loadstate /dev/pve/state -bogus x -device virtio-vga");
	assert_string_equal(vm.hibernated, "-loadstate /dev/pve/state");
	assert_true(vm.bypass_iommu);
	assert_string_equal(vm.display, "virtio-vga");
	assert_int(vm.problems.count, 1);
	assert_contains(vm.problems.items[0], "'-bogus'");
}

static void refuses_what_qemu_would(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct vm vm;
	struct error error;
	static const char *const words[] = { "kvm", "-device", "{" };
	assert_int(plain_read(NULL, &arena, &(struct plain_line){ words, 2, QEMU_NO_WORD }, &vm, &error), -EINVAL);
	assert_contains(error.text, "needs an argument");
	assert_int(plain_read(NULL, &arena, &(struct plain_line){ words, 3, QEMU_NO_WORD }, &vm, &error), -EINVAL);
	assert_int(plain_read(NULL, &arena, &(struct plain_line){ words, 0, QEMU_NO_WORD }, &vm, &error), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_all_of_its_vm),
		cmocka_unit_test(says_what_stands_before_the_viommu),
		cmocka_unit_test(a_json_viommu_comes_last),
		cmocka_unit_test(knows_what_devices_sit_on),
		cmocka_unit_test(on_i440fx_the_root_bus_is_conventional),
		cmocka_unit_test(tells_devices_of_the_host_from_others),
		cmocka_unit_test(proxmox_lines_tell_what_is_the_managers),
		cmocka_unit_test(knows_machines),
		cmocka_unit_test(knows_accelerators_and_irqchips),
		cmocka_unit_test(knows_cpus),
		cmocka_unit_test(knows_memory),
		cmocka_unit_test(knows_what_takes_memory_back),
		cmocka_unit_test(knows_firmware),
		test_in_folder(reads_configuration_files_of_the_host),
		cmocka_unit_test(notes_what_is_saved_and_what_is_strange),
		cmocka_unit_test(refuses_what_qemu_would),
	};
	return cmocka_run_group_tests_name("vm-line", tests, NULL, NULL);
}
