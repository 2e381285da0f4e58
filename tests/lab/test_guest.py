# SPDX-License-Identifier: GPL-2.0-or-later
"""bind, unbind and list against a real kernel: tests/guest/bind.sh inside an emulated machine with an IOMMU."""
import json
import os
import re
import subprocess

import pytest

INIT = """#!/bin/sh
export PATH=/bin:/sbin:/usr/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp; mount -t tmpfs tmpfs /run
exec </dev/console >/dev/console 2>&1
modprobe virtio_pci; modprobe virtio_net
sh /bind.sh
echo "# status $?"
poweroff -f
"""
USERS = "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"


def newc(name, mode, content):
    """An entry of an initramfs; a later archive's entries replace those of an earlier one."""
    fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


@pytest.fixture
def initrd(nestpci, build, tree, tmp_path):
    """L1's boot image with the test in it. Returns kernel and image."""
    done = subprocess.run([nestpci, "lab", "prepare", "--json", "--cache", build / "lab"], stdout=subprocess.PIPE,
                          check=True)
    files = json.loads(done.stdout)
    hold = tmp_path / "hold-vfio"
    subprocess.run(["gcc", "-static", "-o", hold, tree / "tests/guest/hold-vfio.c"], check=True)
    added = b"".join([
        newc("init", 0o100755, INIT.encode()),
        newc("bind.sh", 0o100755, (tree / "tests/guest/bind.sh").read_bytes()),
        newc("bin/hold-vfio", 0o100755, hold.read_bytes()),
        newc("etc/passwd", 0o100644, USERS.encode()),
        newc("TRAILER!!!", 0, b""),
    ])
    image = tmp_path / "initrd"
    with open(files["initrd"][1], "rb") as base, open(image, "wb") as out:
        while block := base.read(1 << 20):
            out.write(block)
        out.write(b"\0" * (-out.tell() % 4) + added)
    return files["kernel"], image


def machine(kernel, image, folder):
    line = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-machine", "q35", "-cpu", "max", "-smp", "1", "-m", "768",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-device",
            "intel-iommu,intremap=on,caching-mode=on"]
    for port in range(3):
        line += ["-device", f"pcie-root-port,id=rp{port},chassis={port},slot={port}"]
    for disk, place in enumerate(("rp0", "rp1,addr=0.0,multifunction=on", "rp1,addr=0.1")):
        path = folder / f"disk{disk}"
        path.touch()
        os.truncate(path, 32 << 20)
        line += ["-drive", f"if=none,id=d{disk},file={path},format=raw", "-device",
                 f"nvme,serial=D{disk},drive=d{disk},bus={place}"]
    # Without IPv6: its router would become a default route, sooner or later.
    return line + ["-netdev", "user,id=n0,restrict=on,ipv6=off", "-device", "virtio-net-pci,netdev=n0,bus=rp2", "-serial", "stdio",
                   "-kernel", kernel, "-initrd", image, "-append",
                   "quiet mitigations=off nokaslr tsc=reliable no_timer_check cryptomgr.notests intel_iommu=on "
                   "console=ttyS0 panic=-1"]


@pytest.mark.lab
def test_bind_against_a_real_kernel(initrd, tmp_path, capsys):
    console = ""
    with subprocess.Popen(machine(*initrd, tmp_path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as qemu:
        try:
            for line in qemu.stdout:
                console += line
                if re.match("(not )?ok ", line):
                    with capsys.disabled():
                        print(f"  {line.rstrip()}", flush=True)
            qemu.wait(timeout=400)
        finally:
            qemu.kill()
    wrong = re.findall("^not ok .*", console, re.MULTILINE)
    assert not wrong, console[-8000:]
    assert len(re.findall("^ok ", console, re.MULTILINE)) >= 29, console[-8000:]
    assert "# status 0" in console
