# SPDX-License-Identifier: GPL-2.0-or-later
"""A device through libvirt, with managed='yes': tests/guest/libvirt.sh inside an emulated machine with an IOMMU."""
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import threading

import pytest

from test_guest import newc

# It takes one to four minutes. A libvirtd that hangs must not hang the whole suite.
LIMIT_S = 1800

PLUGINS = pathlib.Path("/usr/lib/x86_64-linux-gnu/libvirt/connection-driver")
PROGRAMS = ["/usr/sbin/libvirtd", "/usr/sbin/virtlogd", "/usr/bin/virsh"]
DRIVERS = [PLUGINS / "libvirt_driver_qemu.so", PLUGINS / "libvirt_driver_nodedev.so"]

INIT = """#!/bin/sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp; mount -t tmpfs tmpfs /run
mkdir -p /var; ln -s /run /var/run
exec </dev/console >/dev/console 2>&1
ip link set lo up
echo always >/sys/kernel/mm/transparent_hugepage/enabled
echo "# clock: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
modprobe kvm-amd; modprobe kvm-intel; modprobe vfio_iommu_type1; modprobe vfio-pci
sh /libvirt.sh
echo "# status $?"
poweroff -f
"""
QEMU_CONF = """
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = [ ]
cgroup_controllers = [ ]
"""
LIBVIRTD_CONF = 'auth_unix_ro = "none"\nauth_unix_rw = "none"\nlog_outputs = "3:stderr"\n'

PARAMETERS = ("quiet mitigations=off nokaslr tsc=reliable no_timer_check cryptomgr.notests intel_iommu=on console=ttyS0 "
              "panic=-1")
# The outermost kernel measures how fast its emulated TSC runs. Where the processors were busy it once got a seventh of the
# truth, and every limit of time was over too early. HPET's rate need not be measured.
OUTER_CLOCK = "clocksource=hpet"


def hostdev(function):
    return (f"<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x01' slot='0x00' "
            f"function='{function}'/></source></hostdev>")


DOMAIN = f"""<domain type='kvm'>
  <name>l1</name>
  <memory unit='MiB'>256</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>/boot/kernel</kernel>
    <initrd>/boot/initrd</initrd>
    <cmdline>{PARAMETERS} nestpci.device=gpu-like nestpci.level=2</cmdline>
  </os>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='file'><source path='/tmp/l1.log'/></serial>
    {hostdev(0)}
    {hostdev(1)}
  </devices>
</domain>
"""


def libraries(program):
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", listed)


class Archive:
    """An initramfs that is laid over another."""

    def __init__(self):
        self.parts = []
        self.known = set()

    def folder(self, path):
        for parent in [*reversed(pathlib.PurePath(path).parents), pathlib.PurePath(path)]:
            name = str(parent).lstrip("/.")
            if name and name not in self.known:
                self.known.add(name)
                self.parts.append(newc(name, 0o040755, b""))

    def add(self, path, content, mode=0o100644):
        self.folder(pathlib.PurePath(path).parent)
        self.parts.append(newc(str(path).lstrip("/"), mode, content))

    def copy(self, path, to=None):
        if str(path) not in self.known:
            self.known.add(str(path))
            mode = 0o100755 if os.access(path, os.X_OK) else 0o100644
            self.add(to or path, pathlib.Path(path).read_bytes(), mode)

    def program(self, path, to=None):
        self.copy(path, to)
        for library in libraries(path):
            self.copy(library)


@pytest.fixture
def image(nestpci, build, tree, tmp_path):
    if not all(pathlib.Path(program).exists() for program in [*PROGRAMS, *DRIVERS]):
        pytest.skip("libvirtd is not installed")
    files = json.loads(subprocess.run([nestpci, "lab", "prepare", "--json", "--cache", build / "lab"],
                                      stdout=subprocess.PIPE, check=True).stdout)
    archive = Archive()
    archive.add("init", INIT.encode(), 0o100755)
    archive.add("libvirt.sh", (tree / "tests/guest/libvirt.sh").read_bytes())
    archive.add("l1.xml", DOMAIN.encode())
    # libvirt asks for the accounts it was built with even where qemu.conf names others.
    archive.add("etc/passwd", b"root:x:0:0::/:/bin/sh\nlibvirt-qemu:x:64055:64055::/:/bin/false\n")
    archive.add("etc/group", b"root:x:0:\nkvm:x:104:\nlibvirt-qemu:x:64055:\n")
    archive.add("etc/libvirt/qemu.conf", QEMU_CONF.encode())
    archive.add("etc/libvirt/libvirtd.conf", LIBVIRTD_CONF.encode())
    for folder in ("var/lib/libvirt/qemu", "var/log/libvirt/qemu", "var/cache/libvirt/qemu", "var/lib/nestpci"):
        archive.folder(folder)
    for path in [*PROGRAMS, *DRIVERS]:
        archive.program(path)
    archive.program(build / "nestpci-libvirt", "bin/nestpci-libvirt")
    for path in sorted([*pathlib.Path("/usr/share/libvirt").rglob("*.xml"), *pathlib.Path("/usr/share/libvirt").rglob("*.rng")]):
        archive.copy(path)
    path = tmp_path / "initrd"
    with open(files["initrd"][1], "rb") as base, open(path, "wb") as out:
        shutil.copyfileobj(base, out)
        out.write(b"\0" * (-out.tell() % 4) + b"".join(archive.parts) + newc("TRAILER!!!", 0, b""))
    return files["kernel"], path


def machine(kernel, image, disks):
    line = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-machine", "q35", "-cpu", "max,+svm", "-smp", "1", "-m",
            "1536", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-device",
            "intel-iommu,intremap=on", "-device", "pcie-root-port,id=rp0,chassis=1,slot=1"]
    for number, disk in enumerate(disks):
        line += ["-drive", f"if=none,id=d{number},file={disk},format=raw", "-device",
                 f"nvme,serial=D{number},drive=d{number},bus=rp0,addr=0x0.{number}{',multifunction=on' if not number else ''}"]
    return line + ["-serial", "stdio", "-kernel", kernel, "-initrd", image, "-append",
                   f"{PARAMETERS} {OUTER_CLOCK}"]


@pytest.mark.labfull
def test_a_device_through_libvirt(image, tmp_path, capsys):
    disks, nonces = [tmp_path / "disk0", tmp_path / "disk1"], [secrets.token_hex(8), secrets.token_hex(8)]
    for disk, nonce in zip(disks, nonces):
        disk.write_bytes(f"nestpci nonce {nonce}\n".encode())
        os.truncate(disk, 32 << 20)
    console = ""
    with open(tmp_path / "console.log", "w", buffering=1) as log, \
         subprocess.Popen(machine(*image, disks), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as qemu:
        limit = threading.Timer(LIMIT_S, qemu.kill)
        limit.start()
        try:
            for line in qemu.stdout:
                console += line
                log.write(line)
                if re.match("(not )?ok ", line):
                    with capsys.disabled():
                        print(f"  {line.rstrip()}", flush=True)
            qemu.wait(timeout=60)
        finally:
            limit.cancel()
            qemu.kill()
    assert "# status 0" in console, console[-12000:]
    # Seen from outside: the innermost guest has read what stands there, and answered where only it can write.
    for disk, nonce in zip(disks, nonces):
        with open(disk, "rb") as file:
            file.seek(8 * 512)
            assert file.read(64).startswith(f"nestpci answer {nonce[::-1]} level 2\n".encode())
