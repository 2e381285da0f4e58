#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""make-pci-tree.py COUNT DIRECTORY

Makes a root directory with the sysfs of a machine that has COUNT PCI functions: root ports, switches, a PCIe-to-PCI
bridge, NVMe disks, GPUs, network cards with virtual functions, spread over as many PCI domains as it takes; with
drivers, IOMMU groups as Linux makes them, configuration space, block and network devices. Deterministic: the same
COUNT gives the same tree. nestpci reads it with --root DIRECTORY, and lspci with -O sysfs.path=DIRECTORY/sys/bus/pci.

Files with the same content are one file with many names, where the file system allows it: 50000 functions have more
than a million attributes.
"""
import errno
import os
import struct
import sys

VFS_PER_CARD = 63

# Capability ids and offsets: the kernel's include/uapi/linux/pci_regs.h.
PM, MSI, PCIE, MSIX = 0x01, 0x05, 0x10, 0x11
SERIAL, ACS, ARI, SRIOV = 0x03, 0x0D, 0x0E, 0x10
ENDPOINT, ROOT_PORT, UPSTREAM, DOWNSTREAM, TO_PCI = 0, 4, 5, 6, 7
ACS_BITS = 0x1D

MEM32, MEM64, IO = 0x40200, 0x14220C, 0x40101


class Kind:
    """What functions of one sort have in common."""

    def __init__(self, name, class_, ids, driver=None, pcie=None, acs=None, bars=(), more=()):
        self.name, self.class_, self.driver, self.pcie, self.acs = name, class_, driver, pcie, acs
        self.vendor, self.device, self.sub_vendor, self.sub_device = ids
        self.bars = bars
        self.more = set(more)

    @property
    def is_bridge(self):
        return self.class_ >> 8 == 0x0604


KINDS = {kind.name: kind for kind in (
    Kind("host", 0x060000, (0x8086, 0x2020, 0x15D9, 0x095D), "skx_uncore"),
    Kind("isa", 0x060100, (0x8086, 0xA1C1, 0x15D9, 0x095D), "lpc_ich", more=("multi",)),
    Kind("memory", 0x058000, (0x8086, 0xA1A1, 0x15D9, 0x095D), None, bars=((0x4000, MEM32),), more=("multi",)),
    Kind("smbus", 0x0C0500, (0x8086, 0xA1A3, 0x15D9, 0x095D), "i801_smbus", bars=((0x100, MEM64),), more=("multi",)),
    Kind("bmc", 0x030000, (0x1A03, 0x2000, 0x15D9, 0x095D), "ast", bars=((0x1000000, MEM32),), more=("vga", "boot")),
    Kind("port", 0x060400, (0x8086, 0x2030, 0x8086, 0x0000), "pcieport", ROOT_PORT, ACS_BITS),
    Kind("port-no-acs", 0x060400, (0x8086, 0x1901, 0x8086, 0x2015), "pcieport", ROOT_PORT),
    Kind("upstream", 0x060400, (0x10B5, 0x8747, 0x10B5, 0x8747), "pcieport", UPSTREAM),
    Kind("downstream", 0x060400, (0x10B5, 0x8747, 0x10B5, 0x8747), "pcieport", DOWNSTREAM, ACS_BITS),
    Kind("to-pci", 0x060400, (0x1A03, 0x1150, 0x0000, 0x0000), None, TO_PCI),
    Kind("serial", 0x070002, (0x9710, 0x9835, 0x1000, 0x0012), "serial", bars=((0x8, IO),)),
    Kind("nvme", 0x010802, (0x144D, 0xA808, 0x144D, 0xA801), "nvme", ENDPOINT, bars=((0x4000, MEM64),), more=("flr",)),
    Kind("gpu", 0x030000, (0x10DE, 0x2204, 0x10DE, 0x1454), "nvidia", ENDPOINT,
         bars=((0x1000000, MEM32), (0x10000000, MEM64)), more=("multi", "vga")),
    Kind("gpu-audio", 0x040300, (0x10DE, 0x1AEF, 0x10DE, 0x1454), "snd_hda_intel", ENDPOINT,
         bars=((0x4000, MEM32),), more=("multi",)),
    Kind("nic", 0x020000, (0x8086, 0x1592, 0x8086, 0x0002), "ice", ENDPOINT,
         bars=((0x2000000, MEM64),), more=("sriov", "ari", "flr")),
    Kind("nic-vf", 0x020000, (0x8086, 0x1889, 0x8086, 0x0000), "iavf", ENDPOINT,
         bars=((0x20000, MEM64),), more=("vf", "ari", "flr")),
)}


class Enough(Exception):
    """All functions that were asked for are there."""


class Function:
    def __init__(self, kind, address, parent, group):
        self.kind, self.address, self.parent, self.group = KINDS[kind], address, parent, group
        self.secondary = self.subordinate = 0
        self.physfn, self.vfs = None, []

    @property
    def name(self):
        domain, bus, device, function = self.address
        return f"{domain:04x}:{bus:02x}:{device:02x}.{function:x}"

    @property
    def path(self):
        above = self.parent.path if self.parent else f"sys/devices/pci{self.address[0]:04x}:00"
        return f"{above}/{self.name}"


class Machine:
    """Functions, as many as asked for, in the order in which the kernel finds them."""

    def __init__(self, count):
        self.count, self.functions, self.groups, self.bus = count, [], 0, 0
        domain = 0
        try:
            while True:
                self.add_domain(domain)
                domain += 1
        except Enough:
            pass

    def new_group(self):
        self.groups += 1
        return self.groups - 1

    def add(self, kind, address, parent=None, group=None):
        if len(self.functions) == self.count:
            raise Enough
        function = Function(kind, address, parent, self.new_group() if group is None else group)
        self.functions.append(function)
        return function

    def add_bridge(self, kind, address, parent=None, group=None):
        bridge = self.add(kind, address, parent, group)
        self.bus += 1
        bridge.secondary = self.bus
        while bridge:
            bridge.subordinate = self.bus
            bridge = bridge.parent
        return self.functions[-1]

    def add_domain(self, domain):
        self.bus = 0
        self.add("host", (domain, 0, 0, 0))
        for device in range(1, 26):
            (self.add_nvme, self.add_nic, self.add_gpu, self.add_switch, self.add_conventional)[device % 5](
                domain, device)
        group = self.new_group()
        for function, kind in enumerate(("isa", "memory", "smbus")):
            self.add(kind, (domain, 0, 0x1F, function), None, group)

    def add_nvme(self, domain, device):
        port = self.add_bridge("port", (domain, 0, device, 0))
        self.add("nvme", (domain, port.secondary, 0, 0), port)

    def add_nic(self, domain, device):
        port = self.add_bridge("port", (domain, 0, device, 0))
        card = self.add("nic", (domain, port.secondary, 0, 0), port)
        for number in range(1, VFS_PER_CARD + 1):
            virtual = self.add("nic-vf", (domain, port.secondary, number >> 3, number & 7), port)
            virtual.physfn = card
            card.vfs.append(virtual)

    def add_gpu(self, domain, device):
        """Every second one is behind a port without ACS, which is in the same group then."""
        has_acs = device % 2 == 0
        port = self.add_bridge("port" if has_acs else "port-no-acs", (domain, 0, device, 0))
        group = self.new_group() if has_acs else port.group
        for function, kind in enumerate(("gpu", "gpu-audio")):
            self.add(kind, (domain, port.secondary, 0, function), port, group)

    def add_switch(self, domain, device):
        port = self.add_bridge("port", (domain, 0, device, 0))
        upstream = self.add_bridge("upstream", (domain, port.secondary, 0, 0), port)
        for number in range(4):
            downstream = self.add_bridge("downstream", (domain, upstream.secondary, number, 0), upstream)
            self.add("nvme", (domain, downstream.secondary, 0, 0), downstream)

    def add_conventional(self, domain, device):
        port = self.add_bridge("port", (domain, 0, device, 0))
        bridge = self.add_bridge("to-pci", (domain, port.secondary, 0, 0), port)
        if domain == 0 and device == 9:
            self.add("bmc", (domain, bridge.secondary, 0, 0), bridge, bridge.group)
        self.add("serial", (domain, bridge.secondary, 1, 0), bridge, bridge.group)


def config_space(function):
    """Configuration space by the specifications: header, capabilities, and for PCI Express the extended ones."""
    kind = function.kind
    space = bytearray(4096 if kind.pcie is not None else 256)
    ids = (0xFFFF, 0xFFFF) if "vf" in kind.more else (kind.vendor, kind.device)
    struct.pack_into("<HHHH", space, 0x00, *ids, 0x0406, 0x0010)
    struct.pack_into("<I", space, 0x08, kind.class_ << 8 | 0x02)
    space[0x0E] = (1 if kind.is_bridge else 0) | (0x80 if "multi" in kind.more else 0)
    if kind.is_bridge:
        space[0x18:0x1B] = bytes((function.address[1], function.secondary, function.subordinate))
    else:
        struct.pack_into("<HH", space, 0x2C, kind.sub_vendor, kind.sub_device)
    space[0x3D] = 0 if kind.class_ >> 8 == 0x0600 or "vf" in kind.more else 1

    capabilities = [(PM, struct.pack("<HH", 0xC803, 0x0008))]
    if kind.pcie is not None:
        flags = kind.pcie << 4 | 2
        capabilities.append((PCIE, struct.pack("<HI", flags, 0x10008000 if "flr" in kind.more else 0x8000) + bytes(52)))
        capabilities.append((MSIX, struct.pack("<HII", 63, 0x2000, 0x3000)) if not kind.is_bridge else
                            (MSI, bytes(8)))
    place, link = 0x40, 0x34
    for number, body in capabilities:
        space[link] = place
        space[place], link = number, place + 1
        space[place + 2:place + 2 + len(body)] = body
        place = (place + 2 + len(body) + 3) & ~3

    extended = []
    if kind.acs is not None:
        extended.append((ACS, struct.pack("<HH", kind.acs, kind.acs)))
    if "ari" in kind.more:
        extended.append((ARI, bytes(4)))
    if "sriov" in kind.more:
        extended.append((SRIOV, struct.pack("<IIHHHH", 0, 0x19, VFS_PER_CARD, VFS_PER_CARD, len(function.vfs), 0) +
                         bytes(44)))
    if kind.name == "nvme":
        domain, bus, device, _ = function.address
        extended.append((SERIAL, struct.pack("<II", 0x38250000 | domain << 8 | bus, 0x00253800 | device)))
    place = 0x100
    for index, (number, body) in enumerate(extended):
        following = place + 4 + (len(body) + 3 & ~3) if index + 1 < len(extended) else 0
        struct.pack_into("<I", space, place, number | 1 << 16 | following << 20)
        space[place + 4:place + 4 + len(body)] = body
        place = following
    return bytes(space)


class Writer:
    """Writes files and links below one folder; folders that are missing are made."""

    def __init__(self, folder):
        self.folder, self.known, self.pool, self.made = folder, {}, {}, set()

    def make_folder(self, path):
        if path not in self.made:
            os.makedirs(f"{self.folder}/{path}", exist_ok=True)
            self.made.add(path)

    def file(self, path, content):
        full = f"{self.folder}/{path}"
        content = content if isinstance(content, bytes) else f"{content}\n".encode()
        same = self.pool.get(content)
        if same:
            try:
                os.link(same, full)
                return
            except OSError as error:
                if error.errno not in (errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP):
                    raise
        descriptor = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(descriptor, content)
        os.close(descriptor)
        self.pool[content] = full

    def link(self, path, target):
        """A relative link, as sysfs has them; both below the folder."""
        os.symlink("../" * path.count("/") + target, f"{self.folder}/{path}")


def resource_text(function, start):
    lines = []
    for number in range(13):
        size, flags = function.kind.bars[number] if number < len(function.kind.bars) else (0, 0)
        end = start + size - 1 if size else 0
        lines.append(f"0x{start if size else 0:016x} 0x{end:016x} 0x{flags:016x}")
        start += size
    return "\n".join(lines)


def write_function(writer, function, number):
    kind, path = function.kind, function.path
    writer.make_folder(path)
    modalias = (f"pci:v{kind.vendor:08X}d{kind.device:08X}sv{kind.sub_vendor:08X}sd{kind.sub_device:08X}"
                f"bc{kind.class_ >> 16:02X}sc{kind.class_ >> 8 & 255:02X}i{kind.class_ & 255:02X}")
    driver = f"DRIVER={kind.driver}\n" if kind.driver else ""
    attributes = {
        "uevent": f"{driver}PCI_CLASS={kind.class_:04X}\nPCI_ID={kind.vendor:04X}:{kind.device:04X}\n"
                  f"PCI_SUBSYS_ID={kind.sub_vendor:04X}:{kind.sub_device:04X}\nPCI_SLOT_NAME={function.name}\n"
                  f"MODALIAS={modalias}",
        "class": f"0x{kind.class_:06x}", "vendor": f"0x{kind.vendor:04x}", "device": f"0x{kind.device:04x}",
        "subsystem_vendor": f"0x{kind.sub_vendor:04x}", "subsystem_device": f"0x{kind.sub_device:04x}",
        "revision": "0x02", "irq": 16 + number % 200, "modalias": modalias, "enable": 1 if kind.driver else 0,
        "numa_node": function.address[0] % 2, "driver_override": "(null)", "power_state": "D0",
        "resource": resource_text(function, 0x100000000 + number * 0x20000000),
        "config": config_space(function), "d3cold_allowed": 1,
    }
    if kind.is_bridge:
        attributes |= {"secondary_bus_number": function.secondary, "subordinate_bus_number": function.subordinate}
    if "vga" in kind.more:
        attributes["boot_vga"] = 1 if "boot" in kind.more else 0
    if "flr" in kind.more:
        attributes |= {"reset": "", "reset_method": "flr bus" if kind.name == "nvme" else "flr"}
    if "sriov" in kind.more:
        attributes |= {"sriov_totalvfs": VFS_PER_CARD, "sriov_numvfs": len(function.vfs)}
    for name, content in attributes.items():
        writer.file(f"{path}/{name}", content)

    if kind.driver:
        writer.link(f"{path}/driver", f"sys/bus/pci/drivers/{kind.driver}")
        writer.make_folder(f"sys/bus/pci/drivers/{kind.driver}")
        writer.link(f"sys/bus/pci/drivers/{kind.driver}/{function.name}", path)
    writer.link(f"{path}/iommu_group", f"sys/kernel/iommu_groups/{function.group}")
    writer.link(f"{path}/iommu", f"sys/devices/virtual/iommu/dmar{function.address[0]}")
    writer.link(f"{path}/subsystem", "sys/bus/pci")
    writer.link(f"sys/bus/pci/devices/{function.name}", path)
    for index, virtual in enumerate(function.vfs):
        writer.link(f"{path}/virtfn{index}", virtual.path)
    if function.physfn:
        writer.link(f"{path}/physfn", function.physfn.path)


def write_group(writer, function):
    folder = f"sys/kernel/iommu_groups/{function.group}"
    if folder not in writer.made:
        writer.make_folder(f"{folder}/devices")
        writer.made.add(folder)
        writer.file(f"{folder}/type", "DMA-FQ")
        writer.file(f"{folder}/reserved_regions", "0x00000000fee00000 0x00000000feefffff msi")
    writer.link(f"{folder}/devices/{function.name}", function.path)


def write_iommu(writer, function):
    unit = f"dmar{function.address[0]}"
    folder = f"sys/devices/virtual/iommu/{unit}"
    if folder not in writer.made:
        writer.make_folder(f"{folder}/intel-iommu")
        writer.make_folder(f"{folder}/devices")
        writer.made.add(folder)
        for name, content in (("cap", "8d2078c106f0466"), ("ecap", "f020df"), ("version", "1:0"),
                              ("address", f"{0xFED90000 + function.address[0] * 0x1000:x}"),
                              ("domains_supported", "65536"), ("domains_used", "64")):
            writer.file(f"{folder}/intel-iommu/{name}", content)
        writer.link(f"sys/class/iommu/{unit}", folder)
    writer.link(f"{folder}/devices/{function.name}", function.path)


def write_kernel_device(writer, path, subsystem, device=None, attributes=()):
    """A device of a class, with a device number ("block", 259, 3) or without."""
    name = path.rsplit("/", 1)[1]
    uevent = f"MAJOR={device[1]}\nMINOR={device[2]}\nDEVNAME={name}" if device else f"INTERFACE={name}"
    writer.make_folder(path)
    writer.file(f"{path}/uevent", uevent)
    writer.make_folder(f"sys/class/{subsystem}")
    writer.link(f"{path}/subsystem", f"sys/class/{subsystem}")
    writer.link(f"sys/class/{subsystem}/{name}", path)
    for key, content in attributes:
        writer.file(f"{path}/{key}", content)
    if device:
        number = f"{device[1]}:{device[2]}"
        writer.file(f"{path}/dev", number)
        writer.link(f"sys/dev/{device[0]}/{number}", path)


def write_disk(writer, function, number):
    controller = f"{function.path}/nvme/nvme{number}"
    disk = f"{controller}/nvme{number}n1"
    write_kernel_device(writer, controller, "nvme", ("char", 240, number), [("model", "Disk of a benchmark")])
    write_kernel_device(writer, disk, "block", ("block", 259, 4 * number), [("size", 2000409264), ("ro", 0)])
    writer.make_folder(f"{disk}/holders")
    partition = f"{disk}/nvme{number}n1p1"
    write_kernel_device(writer, partition, "block", ("block", 259, 4 * number + 1),
                        [("partition", 1), ("size", 2000407216), ("start", 2048)])
    writer.make_folder(f"{partition}/holders")
    writer.link(f"sys/block/nvme{number}n1", disk)


def write_interface(writer, function, number):
    write_kernel_device(writer, f"{function.path}/net/eth{number}", "net", None, [
        ("address", f"02:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"),
        ("ifindex", number + 2), ("operstate", "up" if number % 8 == 0 else "down"), ("flags", "0x1003")])


def main(arguments):
    if len(arguments) != 2 or not arguments[0].isdigit() or int(arguments[0]) < 1:
        print("Usage: make-pci-tree.py COUNT DIRECTORY", file=sys.stderr)
        return 2
    writer = Writer(arguments[1])
    for folder in ("bus/pci/devices", "bus/pci/drivers", "class/iommu", "block", "dev/block", "dev/char",
                   "kernel/iommu_groups"):
        writer.make_folder(f"sys/{folder}")
    disks = interfaces = 0
    for number, function in enumerate(Machine(int(arguments[0])).functions):
        write_function(writer, function, number)
        write_group(writer, function)
        write_iommu(writer, function)
        if function.kind.name == "nvme":
            write_disk(writer, function, disks)
            disks += 1
        elif function.kind.name == "nic" or function.kind.name == "nic-vf" and number % 8 == 0:
            write_interface(writer, function, interfaces)
            interfaces += 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
