/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rewrite as a table: a line, what is known of the host, and the line or the refusal that must come of it. Every
 * line that comes out goes in again and must not change.
 */
#include "unit.h"

#include <errno.h>

#include "base/shell.h"
#include "qemu/viommu.h"

#define VIOMMU "-device intel-iommu,intremap=on,caching-mode=on "
#define S "kvm -M q35,kernel-irqchip=split " VIOMMU
#define AT1 "host=01:00.0"
#define AT2 "host=01:00.1"
#define AT3 "host=02:00.0"

struct example {
	const char *name;
	const char *line;
	const char *wanted; /* NULL: refused */
	const char *said;   /* in the refusal, or in a change or warning; NULL: not looked at */
	struct viommu_options options;
	unsigned int width;
	const char *groups; /* "1 1 2": of 01:00.0, 01:00.1, 02:00.0; '-': not known */
};

/* clang-format off */
static const struct example examples[] = {
	{ .name = "added before the first PCI device",
	  .line = "kvm -machine q35 -device e1000",
	  .wanted = "kvm -machine q35,kernel-irqchip=split " VIOMMU "-device e1000" },
	{ .name = "devices of other buses do not count",
	  .line = "kvm -M q35 -device vmgenid,guid=1 -device pc-dimm,id=d -device host-x86_64-cpu,id=c -device usb-tablet "
		  "-device scsi-hd -device isa-serial -device virtserialport -device vfio-pci," AT1,
	  .wanted = "kvm -M q35,kernel-irqchip=split -device vmgenid,guid=1 -device pc-dimm,id=d -device "
		    "host-x86_64-cpu,id=c -device usb-tablet -device scsi-hd -device isa-serial -device virtserialport "
		    VIOMMU "-device vfio-pci," AT1 },
	{ .name = "a controller of such a bus counts",
	  .line = "kvm -M q35 -device usb-ehci -device e1000",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device usb-ehci -device e1000" },
	{ .name = "-readconfig counts",
	  .line = "kvm -M q35 -device vmgenid -readconfig /nowhere.cfg -device e1000",
	  .wanted = "kvm -M q35,kernel-irqchip=split -device vmgenid " VIOMMU "-readconfig /nowhere.cfg -device e1000" },
	{ .name = "-virtfs counts",
	  .line = "kvm -M q35 -virtfs local,path=/x -device e1000",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-virtfs local,path=/x -device e1000" },
	{ .name = "a JSON device counts",
	  .line = "kvm -M q35 -device '{\"driver\":\"e1000\"}'",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device '{\"driver\":\"e1000\"}'" },
	{ .name = "no device at all: at the end",
	  .line = "kvm -M q35 disk.img",
	  .wanted = "kvm -M q35,kernel-irqchip=split disk.img -device intel-iommu,intremap=on,caching-mode=on" },
	{ .name = "driver= anywhere",
	  .line = "kvm -M q35 -device id=a,driver=vfio-pci," AT1,
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device id=a,driver=vfio-pci," AT1 },
	{ .name = "double dashes",
	  .line = "kvm --machine q35 --device e1000",
	  .wanted = "kvm --machine q35,kernel-irqchip=split " VIOMMU "--device e1000" },

	{ .name = "correct: left alone",
	  .line = "kvm -M q35,kernel_irqchip=split -device intel-iommu,caching-mode=on,intremap=on -device vfio-pci," AT1,
	  .wanted = "kvm -M q35,kernel_irqchip=split -device intel-iommu,caching-mode=on,intremap=on -device vfio-pci," AT1 },
	{ .name = "correct: behind what is not vfio",
	  .line = "kvm -M q35,kernel-irqchip=split -device pcie-root-port,id=p " VIOMMU "-device vfio-pci,bus=p," AT1,
	  .wanted = "kvm -M q35,kernel-irqchip=split -device pcie-root-port,id=p " VIOMMU "-device vfio-pci,bus=p," AT1 },
	{ .name = "correct: JSON before JSON",
	  .line = "kvm -M q35,kernel-irqchip=split -device '{\"driver\":\"intel-iommu\",\"intremap\":\"on\",\"caching-mode\":"
		  "true}' -device '{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\"}'",
	  .wanted = "kvm -M q35,kernel-irqchip=split -device '{\"driver\":\"intel-iommu\",\"intremap\":\"on\",\"caching-mode\":"
		    "true}' -device '{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\"}'" },
	{ .name = "correct: by -global",
	  .line = "kvm -M q35,kernel-irqchip=split -global intel-iommu.caching-mode=on -device intel-iommu,intremap=on "
		  "-global driver=intel-iommu,property=intremap,value=on",
	  .wanted = "kvm -M q35,kernel-irqchip=split -global intel-iommu.caching-mode=on -device intel-iommu,intremap=on "
		    "-global driver=intel-iommu,property=intremap,value=on" },
	{ .name = "a -global that is in the way of a new one",
	  .line = "kvm -M q35,kernel-irqchip=split -global intel-iommu.snoop-control=on -global intel-iommu.intremap=off",
	  .wanted = "kvm -M q35,kernel-irqchip=split -global intel-iommu.snoop-control=on -global intel-iommu.intremap=off "
		    "-device intel-iommu,intremap=on,caching-mode=on,snoop-control=off" },
	{ .name = "wrong place: moved, with what it says",
	  .line = "kvm -M q35,kernel-irqchip=split -device vfio-pci," AT1 " -device intel-iommu,intremap=on,caching-mode=on,aw-bits=48",
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on,aw-bits=48 -device vfio-pci," AT1,
	  .said = "would be created before it" },
	{ .name = "wrong place: behind a file that cannot be read",
	  .line = "kvm -M q35,kernel-irqchip=split -readconfig /nowhere.cfg -device intel-iommu,intremap=on,caching-mode=on",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-readconfig /nowhere.cfg" },
	{ .name = "wrong place: JSON is created after key=value",
	  .line = "kvm -M q35,kernel-irqchip=split -device '{\"driver\":\"intel-iommu\",\"id\":\"i\",\"intremap\":\"on\","
		  "\"caching-mode\":true,\"aw-bits\":48}' -device vfio-pci," AT1,
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,id=i,intremap=on,caching-mode=on,aw-bits=48 "
		    "-device vfio-pci," AT1 },
	{ .name = "missing properties",
	  .line = "kvm -M q35,kernel-irqchip=split -device intel-iommu,aw-bits=39 -device vfio-pci," AT1,
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,aw-bits=39,intremap=on,caching-mode=on -device vfio-pci," AT1,
	  .said = "was not given" },
	{ .name = "wrong properties",
	  .line = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=off,caching-mode=off,dma-translation=off,"
		  "snoop-control=on -device vfio-pci," AT1,
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on,dma-translation=on,"
		    "snoop-control=off -device vfio-pci," AT1 },
	{ .name = "two alike become one",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device vfio-pci," AT1
		  " -device intel-iommu,caching-mode=on,intremap=on,device-iotlb=on",
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on,device-iotlb=on "
		    "-device vfio-pci," AT1,
	  .said = "a second intel-iommu removed" },
	{ .name = "two that differ",
	  .line = "kvm -M q35 -device intel-iommu,aw-bits=39 -device intel-iommu,aw-bits=48",
	  .said = "aw-bits=39 and aw-bits=48" },
	{ .name = "virtio-iommu", .line = "kvm -M q35 -device virtio-iommu-pci", .said = "does not remap interrupts" },
	{ .name = "amd-iommu", .line = "kvm -M q35 -device amd-iommu", .said = "remove amd-iommu" },

	{ .name = "irqchip: the -machine that wins",
	  .line = "kvm -machine type=pc -machine hpet=off,type=q35 -device e1000",
	  .wanted = "kvm -machine type=pc -machine hpet=off,type=q35,kernel-irqchip=split " VIOMMU "-device e1000" },
	{ .name = "irqchip: where it stands already",
	  .line = "kvm -machine q35,kernel_irqchip=on -machine hpet=off -device e1000",
	  .wanted = "kvm -machine q35,kernel_irqchip=split -machine hpet=off " VIOMMU "-device e1000",
	  .said = "was on" },
	{ .name = "irqchip: the last one counts",
	  .line = "kvm -machine q35,kernel-irqchip=on -machine kernel_irqchip=split " VIOMMU,
	  .wanted = "kvm -machine q35,kernel-irqchip=on -machine kernel_irqchip=split -device "
		    "intel-iommu,intremap=on,caching-mode=on" },
	{ .name = "irqchip: in -accel",
	  .line = "qemu-system-x86_64 -machine q35 -accel kvm,kernel-irqchip=on -device e1000",
	  .wanted = "qemu-system-x86_64 -machine q35 -accel kvm,kernel-irqchip=split " VIOMMU "-device e1000" },
	{ .name = "irqchip: -accel outweighs -machine",
	  .line = "qemu-system-x86_64 -accel kvm,kernel-irqchip=split -machine q35,kernel-irqchip=on -device e1000",
	  .wanted = "qemu-system-x86_64 -accel kvm,kernel-irqchip=split -machine q35,kernel-irqchip=on " VIOMMU
		    "-device e1000" },
	{ .name = "irqchip: off is no choice",
	  .line = "kvm -machine q35,kernel-irqchip=off -device e1000",
	  .wanted = "kvm -machine q35,kernel-irqchip=split " VIOMMU "-device e1000" },

	{ .name = "refused: no machine type", .line = "kvm -m 1", .said = "i440fx" },
	{ .name = "refused: i440fx", .line = "kvm -M pc-i440fx-9.0+pve0", .said = "use q35" },
	{ .name = "refused: pc", .line = "kvm -M accel=kvm,type=pc", .said = "'pc' is i440fx" },
	{ .name = "refused: microvm", .line = "kvm -M microvm", .said = "only q35" },
	{ .name = "refused: another architecture", .line = "qemu-system-aarch64 -M virt", .said = "another architecture" },
	{ .name = "refused: TCG that nobody asked for", .line = "qemu-system-x86_64 -M q35", .said = "-accel kvm" },
	{ .name = "refused: an accelerator without VFIO", .line = "kvm -M q35 -accel xen", .said = "'xen'" },
	{ .name = "refused: bypass", .line = "kvm -M q35,default_bus_bypass_iommu=on", .said = "remove it" },
	{ .name = "refused: a saved state", .line = "kvm -M q35 -incoming tcp:0:1 -device e1000", .said = "-incoming" },
	{ .name = "a saved state that was right",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-loadstate /x",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-loadstate /x" },
	{ .name = "TCG that was asked for",
	  .line = "qemu-system-x86_64 -M q35,accel=tcg",
	  .wanted = "qemu-system-x86_64 -M q35,accel=tcg,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on" },
	{ .name = "-enable-kvm",
	  .line = "qemu-system-x86_64 -enable-kvm -M pc-q35-7.2",
	  .wanted = "qemu-system-x86_64 -enable-kvm -M pc-q35-7.2,kernel-irqchip=split -device "
		    "intel-iommu,intremap=on,caching-mode=on" },
	{ .name = "a launcher in front",
	  .line = "/usr/bin/taskset --cpu-list --all-tasks 0-3 /usr/bin/kvm -machine type=q35+pve0 -device e1000",
	  .wanted = "/usr/bin/taskset --cpu-list --all-tasks 0-3 /usr/bin/kvm -machine type=q35+pve0,kernel-irqchip=split "
		    VIOMMU "-device e1000" },
	{ .name = "questions are passed on", .line = "kvm --version", .wanted = "kvm --version" },
	{ .name = "what is not understood is passed on",
	  .line = "kvm -M q35,kernel-irqchip=split -vendor 'a  b' " VIOMMU "-x '{\"' -device e1000,x=,,",
	  .wanted = "kvm -M q35,kernel-irqchip=split -vendor 'a  b' " VIOMMU "-x '{\"' -device e1000,x=,," },

	{ .name = "options",
	  .line = "kvm -M q35,kernel-irqchip=split -device e1000",
	  .options = { .aw_bits = 39, .eim = VIOMMU_ON, .device_iotlb = VIOMMU_ON },
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on,aw-bits=39,eim=on,"
		    "device-iotlb=on -device e1000" },
	{ .name = "options on a vIOMMU that is there",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device e1000",
	  .options = { .eim = VIOMMU_OFF },
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on,eim=off -device e1000" },
	{ .name = "a host of 39 bits", .width = 39,
	  .line = "kvm -M q35,kernel-irqchip=split -device vfio-pci," AT1,
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on,aw-bits=39 -device vfio-pci," AT1 },
	{ .name = "a host of 46 bits cannot do 48", .width = 46,
	  .line = "kvm -M q35,kernel-irqchip=split -device vfio-pci," AT1,
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on,aw-bits=39 -device vfio-pci," AT1 },
	{ .name = "a host of 48 bits", .width = 48,
	  .line = "kvm -M q35,kernel-irqchip=split -device vfio-pci," AT1,
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device vfio-pci," AT1 },
	{ .name = "a host of 39 bits, and nothing that reaches it", .width = 39,
	  .line = "kvm -M q35,kernel-irqchip=split -device e1000",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device e1000" },
	{ .name = "48 on a host of 39 bits", .width = 39,
	  .line = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on,aw-bits=48 -device vfio-pci," AT1,
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on,aw-bits=39 -device vfio-pci," AT1,
	  .said = "was 48" },
	{ .name = "48 asked for on a host of 39 bits", .width = 39, .options = { .aw_bits = 48 },
	  .line = "kvm -M q35,kernel-irqchip=split -device vfio-pci," AT1,
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on,aw-bits=48 -device vfio-pci," AT1,
	  .said = "39 bits" },

	{ .name = "one group on a root port: a bridge", .groups = "1 1 2",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device pcie-root-port,id=p -device vfio-pci," AT1
		  ",bus=p,addr=0x0.0,multifunction=on,rombar=0 -device vfio-pci," AT2 ",bus=p,addr=0x0.1",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device pcie-root-port,id=p -device "
		    "pcie-pci-bridge,id=nestpci-bridge0,bus=p,addr=0x0 -device vfio-pci," AT1
		    ",bus=nestpci-bridge0,addr=0x1.0,multifunction=on,rombar=0 -device vfio-pci," AT2
		    ",bus=nestpci-bridge0,addr=0x1.1" },
	{ .name = "one group on two root ports", .groups = "1 - 1",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device ioh3420,id=p -device ioh3420,id=q -device vfio-pci," AT1
		  ",bus=p -device vfio-pci," AT3 ",bus=q",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device ioh3420,id=p -device ioh3420,id=q -device "
		    "pcie-pci-bridge,id=nestpci-bridge0,bus=p -device vfio-pci," AT1 ",bus=nestpci-bridge0,addr=0x1 -device "
		    "vfio-pci," AT3 ",bus=nestpci-bridge0,addr=0x2" },
	{ .name = "one group on the root bus", .groups = "1 1 2",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device vfio-pci," AT1 " -device vfio-pci," AT2,
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device pcie-pci-bridge,id=nestpci-bridge0 -device vfio-pci," AT1
		    ",bus=nestpci-bridge0,addr=0x1 -device vfio-pci," AT2 ",bus=nestpci-bridge0,addr=0x2" },
	{ .name = "one group behind one conventional bridge: nothing to do", .groups = "1 1 2",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device i82801b11-bridge,id=d -device pci-bridge,id=b,bus=d,addr=1 "
		  "-device pci-bridge,id=c,bus=d,addr=2 -device vfio-pci," AT1 ",bus=b,addr=1 -device vfio-pci," AT2
		  ",bus=c,addr=2",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device i82801b11-bridge,id=d -device "
		    "pci-bridge,id=b,bus=d,addr=1 -device pci-bridge,id=c,bus=d,addr=2 -device vfio-pci," AT1
		    ",bus=b,addr=1 -device vfio-pci," AT2 ",bus=c,addr=2" },
	{ .name = "two groups: nothing to do", .groups = "1 2 3",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device vfio-pci," AT1 " -device vfio-pci," AT2,
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device vfio-pci," AT1 " -device vfio-pci," AT2 },
	{ .name = "groups not known: said, and left",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device vfio-pci," AT1 " -device vfio-pci," AT2,
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device vfio-pci," AT1 " -device vfio-pci," AT2,
	  .said = "0000:01:00.0, 0000:01:00.1 not known" },
	{ .name = "a bus that nobody knows: said, and left", .groups = "1 1 2",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device vfio-pci," AT1 ",bus=x -device vfio-pci," AT2 ",bus=x",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device vfio-pci," AT1 ",bus=x -device vfio-pci," AT2 ",bus=x",
	  .said = "topology left" },
	{ .name = "Proxmox VE's ports are known by name", .groups = "1 1 2",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-readconfig /nowhere/pve-q35-4.0.cfg -device vfio-pci," AT1
		  ",bus=ich9-pcie-port-1,addr=0x0.0,multifunction=on -device vfio-pci," AT2 ",bus=ich9-pcie-port-1,addr=0x0.1",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-readconfig /nowhere/pve-q35-4.0.cfg -device "
		    "pcie-pci-bridge,id=nestpci-bridge0,bus=ich9-pcie-port-1,addr=0x0 -device vfio-pci," AT1
		    ",bus=nestpci-bridge0,addr=0x1.0,multifunction=on -device vfio-pci," AT2 ",bus=nestpci-bridge0,addr=0x1.1" },
	{ .name = "Proxmox VE's pci.0 is one space", .groups = "1 1 2",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-readconfig /nowhere/pve-q35-4.0.cfg -device vfio-pci," AT1
		  ",bus=pci.0,addr=0x10.0 -device vfio-pci," AT2 ",bus=pci.2,addr=0x10.1",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-readconfig /nowhere/pve-q35-4.0.cfg -device vfio-pci," AT1
		    ",bus=pci.0,addr=0x10.0 -device vfio-pci," AT2 ",bus=pci.2,addr=0x10.1" },
	{ .name = "a stranger in the slot keeps it", .groups = "2 1 1",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device pcie-root-port,id=p -device vfio-pci," AT1
		  ",bus=p,addr=0.0,multifunction=on -device vfio-pci," AT2 ",bus=p,addr=0.1 -device vfio-pci," AT3 ",bus=p,addr=0.2",
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device pcie-root-port,id=p -device vfio-pci," AT1
		    ",bus=p,addr=0.0,multifunction=on -device pcie-pci-bridge,id=nestpci-bridge0,bus=p,addr=0x0.1 -device vfio-pci,"
		    AT2 ",bus=nestpci-bridge0,addr=0x1.0,multifunction=on -device vfio-pci," AT3
		    ",bus=nestpci-bridge0,addr=0x1.1" },
	{ .name = "a name that is taken", .groups = "1 1 2",
	  .line = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device pcie-root-port,id=nestpci-bridge0 -device vfio-pci," AT1
		  " -device vfio-pci," AT2,
	  .wanted = "kvm -M q35,kernel-irqchip=split " VIOMMU "-device pcie-root-port,id=nestpci-bridge0 -device "
		    "pcie-pci-bridge,id=nestpci-bridge1 -device vfio-pci," AT1
		    ",bus=nestpci-bridge1,addr=0x1 -device vfio-pci," AT2 ",bus=nestpci-bridge1,addr=0x2" },
	{ .name = "libvirt's JSON", .groups = "1 1 2",
	  .line = "kvm -M q35,kernel_irqchip=split -device '{\"driver\":\"intel-iommu\",\"id\":\"iommu0\",\"intremap\":\"on\","
		  "\"caching-mode\":true}' -device '{\"driver\":\"pcie-root-port\",\"id\":\"pci.5\"}' -device "
		  "'{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\",\"bus\":\"pci.5\",\"addr\":\"0x0\"}' -device "
		  "'{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.1\",\"bus\":\"pci.5\",\"addr\":\"0x0.1\"}'",
	  .wanted = "kvm -M q35,kernel_irqchip=split -device '{\"driver\":\"intel-iommu\",\"id\":\"iommu0\",\"intremap\":\"on\","
		    "\"caching-mode\":true}' -device '{\"driver\":\"pcie-root-port\",\"id\":\"pci.5\"}' -device "
		    "'{\"driver\":\"pcie-pci-bridge\",\"id\":\"nestpci-bridge0\",\"bus\":\"pci.5\",\"addr\":\"0x0\"}' -device "
		    "'{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\",\"bus\":\"nestpci-bridge0\",\"addr\":\"0x1.0\","
		    "\"multifunction\":true}' -device "
		    "'{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.1\",\"bus\":\"nestpci-bridge0\",\"addr\":\"0x1.1\"}'" },
	{ .name = "the bridge comes behind the port it sits on", .groups = "1 - 1",
	  .line = S "-device i82801b11-bridge,id=d -device pci-bridge,id=b,bus=d,addr=1 -device vfio-pci," AT1
		  ",bus=b,addr=1 -device pcie-root-port,id=p -device vfio-pci," AT3 ",bus=p",
	  .said = "no PCIe slot" },
	{ .name = "the bridge takes function 0, whichever member comes first", .groups = "1 1 2",
	  .line = S "-device pcie-root-port,id=p -device vfio-pci," AT2 ",bus=p,addr=0x0.1 -device vfio-pci," AT1
		  ",bus=p,addr=0x0.0,multifunction=on",
	  .wanted = S "-device pcie-root-port,id=p -device pcie-pci-bridge,id=nestpci-bridge0,bus=p,addr=0x0 -device vfio-pci," AT2
		    ",bus=nestpci-bridge0,addr=0x1.1 -device vfio-pci," AT1
		    ",bus=nestpci-bridge0,addr=0x1.0,multifunction=on" },
	{ .name = "a slot with strangers keeps a function 0", .groups = "1 - 1",
	  .line = S "-device pcie-root-port,id=p -device pcie-root-port,id=q -device vfio-pci," AT3
		  ",bus=q,addr=0 -device vfio-pci," AT1 ",bus=p,addr=0.0,multifunction=on -device e1000,bus=p,addr=0.1",
	  .wanted = S "-device pcie-root-port,id=p -device pcie-root-port,id=q -device "
		    "pcie-pci-bridge,id=nestpci-bridge0,bus=p,addr=0x0.0,multifunction=on -device vfio-pci," AT3
		    ",bus=nestpci-bridge0,addr=0x1 -device vfio-pci," AT1
		    ",bus=nestpci-bridge0,addr=0x2,multifunction=on -device e1000,bus=p,addr=0.1" },
	{ .name = "bypass: the last value counts",
	  .line = "kvm -M q35,default_bus_bypass_iommu=on,kernel-irqchip=split -M default_bus_bypass_iommu=off " VIOMMU,
	  .wanted = "kvm -M q35,default_bus_bypass_iommu=on,kernel-irqchip=split -M default_bus_bypass_iommu=off -device "
		    "intel-iommu,intremap=on,caching-mode=on" },
	{ .name = "refused: behind an expander that bypasses",
	  .line = S "-device pxb-pcie,id=x,bus_nr=8,bypass_iommu=true -device pcie-root-port,id=p,bus=x -device vfio-pci,"
		  AT1 ",bus=p",
	  .said = "bypass_iommu=on" },
	{ .name = "refused: -set takes it back",
	  .line = "kvm -M q35,kernel-irqchip=split -device intel-iommu,id=i,intremap=on,caching-mode=on -set "
		  "device.i.caching-mode=off",
	  .said = "remove the -set" },
	{ .name = "-set gives what is needed",
	  .line = "kvm -M q35,kernel-irqchip=split -device intel-iommu,id=i,intremap=on -set device.i.caching-mode=on",
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,id=i,intremap=on -set device.i.caching-mode=on" },
	{ .name = "intremap=auto is on where the irqchip is split",
	  .line = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=auto,caching-mode=on",
	  .wanted = "kvm -M q35,kernel-irqchip=split -device intel-iommu,intremap=auto,caching-mode=on" },
	{ .name = "the first of several accelerators counts",
	  .line = "kvm -M q35 -accel kvm -accel kvm,kernel-irqchip=split " VIOMMU,
	  .wanted = "kvm -M q35,kernel-irqchip=split -accel kvm -accel kvm,kernel-irqchip=split -device "
		    "intel-iommu,intremap=on,caching-mode=on" },
	{ .name = "sysfsdev with a slash behind it", .groups = "1 1 2",
	  .line = S "-device vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:01:00.0/ -device vfio-pci," AT2,
	  .wanted = S "-device pcie-pci-bridge,id=nestpci-bridge0 -device "
		    "vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:01:00.0/,bus=nestpci-bridge0,addr=0x1 -device vfio-pci," AT2
		    ",bus=nestpci-bridge0,addr=0x2" },
	{ .name = "a vfio device without a host that can be read is said",
	  .line = S "-device vfio-pci,host=zz", .wanted = S "-device vfio-pci,host=zz", .said = "cannot be read" },
	{ .name = "a file that cannot be read is said",
	  .line = S "-readconfig /nowhere.cfg", .wanted = S "-readconfig /nowhere.cfg", .said = "/nowhere.cfg" },
	{ .name = "a name is no question",
	  .line = "kvm -M q35 -name help -device e1000",
	  .wanted = "kvm -M q35,kernel-irqchip=split -name help " VIOMMU "-device e1000" },
	{ .name = "a user called kvm is no program",
	  .line = "sudo -g kvm qemu-system-x86_64 -M q35", .said = "'qemu-system-x86_64' then emulates" },
};
/* clang-format on */

struct run {
	struct arena arena;
	struct viommu_result result;
	struct error error;
	int code;
};

static void rewrite(struct run *run, const struct example *example, const char *const *words, size_t count)
{
	static const struct pci_address addresses[] = { { 0, 1, 0, 0 }, { 0, 1, 0, 1 }, { 0, 2, 0, 0 } };
	struct viommu_group_member members[3];
	struct viommu_facts facts = { .members = members, .host_address_width = example->width };
	for (size_t i = 0; example->groups && i < 3; i++)
		if (example->groups[2 * i] != '-')
			members[facts.member_count++] = (struct viommu_group_member){
				addresses[i], arena_strndup(&run->arena, &example->groups[2 * i], 1)
			};
	AUTO_ROOT root = ROOT_NONE;
	struct qemu_argv argv;
	struct qemu_vm vm;
	assert_int(root_open(&root, NULL, NULL), 0);
	assert_int(qemu_argv_parse(&run->arena, words, count, &argv, NULL), 0);
	assert_int(qemu_vm_read(&run->arena, &argv, &root, &vm, NULL), 0);
	run->code = viommu_rewrite(&run->arena, &vm, &example->options, &facts, &run->result, &run->error);
}

static const char *joined(struct arena *arena, const struct viommu_result *result, struct list *words)
{
	struct buffer text = { .arena = arena };
	*words = (struct list){ .arena = arena };
	for (size_t i = 0; i < result->count; i++) {
		buffer_printf(&text, "%s%s", i ? " | " : "", result->words[i].text);
		list_add(words, result->words[i].text);
	}
	return text.text;
}

static const char *joined_line(struct arena *arena, const char *line, struct shell_line *ret)
{
	struct buffer text = { .arena = arena };
	assert_int(shell_read_line(arena, slice_of(line), ret, NULL), 0);
	for (size_t i = 0; i < ret->words.count; i++)
		buffer_printf(&text, "%s%s", i ? " | " : "", ret->words.items[i]);
	return text.text;
}

static bool is_said(const struct run *run, const char *text)
{
	if (run->code < 0)
		return strstr(run->error.text, text) != NULL;
	for (size_t i = 0; i < run->result.changes.count; i++)
		if (strstr(run->result.changes.items[i], text))
			return true;
	for (size_t i = 0; i < run->result.warnings.count; i++)
		if (strstr(run->result.warnings.items[i], text))
			return true;
	return false;
}

static void one_example(void **state)
{
	const struct example *example = *state;
	struct run run = { 0 };
	struct shell_line line;
	struct shell_line wanted;
	joined_line(&run.arena, example->line, &line);
	rewrite(&run, example, line.words.items, line.words.count);
	if (example->said && !is_said(&run, example->said))
		fail_msg("'%s' is not said (error: %s)", example->said, run.code < 0 ? run.error.text : "none");
	if (!example->wanted) {
		assert_int(run.code, -EOPNOTSUPP);
		arena_release(&run.arena);
		return;
	}
	if (run.code < 0)
		fail_msg("refused: %s", run.error.text);
	struct list words;
	const char *got = joined(&run.arena, &run.result, &words);
	assert_string_equal(got, joined_line(&run.arena, example->wanted, &wanted));
	assert_int(run.result.changed, strcmp(got, joined_line(&run.arena, example->line, &line)) != 0);

	struct run again = { 0 };
	rewrite(&again, example, words.items, words.count);
	assert_int(again.code, 0);
	assert_false(again.result.changed);
	arena_release(&again.arena);
	arena_release(&run.arena);
}

static void refuses_what_qemu_would(void **state)
{
	(void)state;
	AUTO_ARENA arena = { 0 };
	struct error error;
	struct qemu_argv argv;
	struct qemu_vm vm;
	const char *const words[] = { "kvm", "-device", "{\"driver\":" };
	const char *const list[] = { "kvm", "-device", "{} x" };
	assert_int(qemu_argv_parse(&arena, words, 3, &argv, NULL), 0);
	assert_int(qemu_vm_read(&arena, &argv, NULL, &vm, &error), -EINVAL);
	assert_contains(error.text, "-device {\"driver\":");
	assert_int(qemu_argv_parse(&arena, list, 3, &argv, NULL), 0);
	assert_int(qemu_vm_read(&arena, &argv, NULL, &vm, &error), -EINVAL);
	assert_contains(error.text, "not JSON");
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(examples) + 1];
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		tests[i] = (struct CMUnitTest){ examples[i].name, one_example, NULL, NULL, (void *)&examples[i] };
	tests[ARRAY_SIZE(examples)] = (struct CMUnitTest)cmocka_unit_test(refuses_what_qemu_would);
	return cmocka_run_group_tests_name("qemu-viommu", tests, NULL, NULL);
}
