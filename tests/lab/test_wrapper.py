# SPDX-License-Identifier: GPL-2.0-or-later
"""
L0 is a node of Proxmox VE: L1 is started there by /usr/bin/kvm, in whose place nestpci's wrapper stands, with a line of qm
showcmd's. That L2, inside L1, has read and written the disk proves that L1 got its vIOMMU.
"""
import json
import os
import re
import subprocess
import threading
import time

import pytest

from test_guest import newc

PARAMETERS = ("mitigations=off nokaslr tsc=reliable no_timer_check cryptomgr.notests random.trust_cpu=on console=ttyS0 quiet "
              "loglevel=0 panic=-1 intel_iommu=on nestpci.fault=none nestpci.memory_l1=512 nestpci.memory_l2=128 "
              "nestpci.capture=0 nestpci.levels=3 nestpci.level=0")
NONCES = ("5ca1ab1e0123", "deadbea70456")
ANSWER_AT = 8 * 512
LIMIT_S = 900
TRIES = 3
STILL_S = 60


def file_entry(name, source, mode=0o100755):
    return newc(name, mode, source.read_bytes())


def entries(tree, tmp_path, line, settings):
    """What L0's boot image has besides the lab's own."""
    shim = tmp_path / "stock-qemu"
    subprocess.run(["gcc", "-O1", "-static", "-o", shim, tree / "tests/guest/stock-qemu.c"], check=True)
    result = [newc(name, 0o040755, b"") for name in (
        "var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/updates", "etc", "etc/dpkg", "etc/dpkg/dpkg.cfg.d", "usr",
        "usr/bin", "usr/share", "usr/share/qemu-server")]
    result += [
        file_entry("init", tree / "tests/guest/start-by-kvm.sh"),
        file_entry("line", tree / "tests/guest" / line, 0o100644),
        newc("settings", 0o100644, settings.encode()),
        newc("var/lib/dpkg/status", 0o100644, b""),
        newc("var/lib/dpkg/diversions", 0o100644, b""),
        newc("var/run", 0o120777, b"/run"),
        file_entry("usr/share/qemu-server/pve-q35-4.0.cfg", tree / "tests/bench/q35.cfg", 0o100644),
        file_entry("usr/bin/qemu-system-x86_64", shim),
        newc("usr/bin/kvm", 0o120777, b"qemu-system-x86_64"),
    ]
    for program, name in (("/usr/bin/dpkg-divert", "usr/bin/dpkg-divert"),
                          ("/usr/bin/qemu-system-x86_64", "usr/bin/qemu-system-x86_64.stock")):
        with open(program, "rb") as content:
            result.append(newc(name, 0o100755, content.read()))
    listed = subprocess.run(["ldd", "/usr/bin/dpkg-divert"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for library in re.findall(r"/\S+", listed):
        with open(library, "rb") as content:
            parts = library.strip("/").split("/")
            result += [newc("/".join(parts[:end]), 0o040755, b"") for end in range(2, len(parts))]
            result.append(newc(library.strip("/"), 0o100755, content.read()))
    return b"".join([*result, newc("TRAILER!!!", 0, b"")])


def boot_image(nestpci, build, tree, tmp_path, line, settings):
    done = subprocess.run([nestpci, "lab", "prepare", "--json", "--cache", build / "lab"], stdout=subprocess.PIPE,
                          check=True)
    files = json.loads(done.stdout)
    image = tmp_path / "initrd"
    with open(files["initrd"][0], "rb") as base, open(image, "wb") as out:
        while block := base.read(1 << 20):
            out.write(block)
        out.write(b"\0" * (-out.tell() % 4) + entries(tree, tmp_path, line, settings))
    return files["kernel"], image


def machine(kernel, image, disks):
    words = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-accel",
             "tcg,thread=multi", "-cpu", "max,+svm", "-machine", "q35,smbus=off,sata=off,hpet=off", "-smp", "1", "-m",
             "2304", "-device", "intel-iommu,intremap=on", "-device", "pcie-root-port,id=rp0,chassis=1,slot=1"]
    for number, disk in enumerate(disks):
        more = ",multifunction=on" if len(disks) > 1 and number == 0 else ""
        words += ["-drive", f"if=none,id=disk{number},format=raw,file={disk}", "-device",
                  f"nvme,id=nvme{number},serial=NESTPCI{number},drive=disk{number},bus=rp0,addr=0x0.{number}{more}"]
    device = "gpu-like" if len(disks) > 1 else "nvme"
    return [*words, "-serial", "stdio", "-kernel", kernel, "-initrd", image, "-append",
            f"{PARAMETERS} nestpci.device={device}"]


class Watch(threading.Thread):
    """
    Ends a QEMU that takes too long; and one that stands still: its virtual processor is halted for a minute, although a
    loop in L0 sleeps for a second only. Seen with QEMU 7.2's emulated AMD-V while L2 booted; why is not known.
    """

    def __init__(self, qemu):
        super().__init__(daemon=True)
        self.qemu = qemu
        self.stood_still = False

    def ticks(self):
        with open(f"/proc/{self.qemu.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def run(self):
        begin = still_since = time.monotonic()
        last = -1
        while self.qemu.poll() is None:
            now = time.monotonic()
            try:
                ticks = self.ticks()
            except OSError:
                return
            if ticks > last + 2:
                last, still_since = ticks, now
            self.stood_still = now - still_since > STILL_S
            if self.stood_still or now - begin > LIMIT_S:
                self.qemu.kill()
                return
            time.sleep(1)


def run(words, capsys):
    """What it said on its console; None: it stood still."""
    console = ""
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace") as qemu:
        watch = Watch(qemu)
        watch.start()
        try:
            for line in qemu.stdout:
                console += line
                if re.match("(not )?ok |@@L[12] (step|proved|failed)", line):
                    with capsys.disabled():
                        print(f"  {line.rstrip()}", flush=True)
            qemu.wait(timeout=60)
        finally:
            qemu.kill()
            watch.join()
    return None if watch.stood_still else console


def run_until_it_moves(words, disks, capsys):
    for _ in range(TRIES):
        for nonce, disk in zip(NONCES, disks):
            disk.write_text(f"nestpci nonce {nonce}\n")
            os.truncate(disk, 32 << 20)
        console = run(words, capsys)
        if console is not None:
            return console
        with capsys.disabled():
            print(f"  the emulator stood still for {STILL_S} s; once more", flush=True)
    pytest.fail(f"the emulator stood still {TRIES} times")
    return None


@pytest.mark.labfull
@pytest.mark.parametrize("line, functions, settings", [("showcmd-7.4.words", 1, " aw-bits=39"), ("showcmd-9.2.words", 2, "")],
                         ids=["7.4-without-viommu", "9.2-two-functions"])
def test_a_line_of_proxmox_s_by_the_diverted_kvm(nestpci, build, tree, tmp_path, capsys, line, functions, settings):
    """On 9.2 the line has a vIOMMU; but two functions of one host group on a root port under it stop QEMU."""
    disks = [tmp_path / f"disk{number}" for number in range(functions)]
    console = run_until_it_moves(machine(*boot_image(nestpci, build, tree, tmp_path, line, settings), disks), disks, capsys)
    (tmp_path / "console").write_text(console)
    assert not re.findall("^not ok .*", console, re.MULTILINE), console[-12000:]
    assert "# status 0" in console and len(re.findall("^ok ", console, re.MULTILINE)) >= 14, console[-12000:]
    for nonce, disk in zip(NONCES, disks):
        with open(disk, "rb") as content:
            content.seek(ANSWER_AT)
            assert content.read(64).decode(errors="replace").startswith(f"nestpci answer {nonce[::-1]} level 2\n")
    if functions == 2:
        assert "pcie-pci-bridge" in console, console[-12000:]
