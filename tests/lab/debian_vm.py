# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that boots from a disk (debian_disk.py), and does what it is told by its second serial port."""
import os
import pathlib
import select
import shlex
import subprocess
import tarfile
import time

OVMF = pathlib.Path("/usr/share/OVMF")


def overlay(base, path, base_format="raw"):
    """A disk that begins as `base`, which is not written to."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", base_format, path], check=True)
    return path


def pack(folder, files):
    """The second disk: {name: path}."""
    path = pathlib.Path(folder) / "brought.tar"
    with tarfile.open(path, "w") as archive:
        for name, source in files.items():
            info = archive.gettarinfo(source, name)
            info.mode, info.uid, info.gid = 0o755, 0, 0
            with open(source, "rb") as content:
                archive.addfile(info, content)
    return path


class Machine:
    """Emulated, with an IOMMU. `firmware`: "bios" or "uefi". The disk is written through to the host's memory at once."""

    def __init__(self, folder, disk, *, disk_format="qcow2", brought=None, firmware="bios", options=(), drive=None):
        self.folder = pathlib.Path(folder)
        self.disk, self.disk_format, self.drive = disk, disk_format, drive
        self.brought = brought or pack(folder, {})
        self.firmware, self.options = firmware, options
        self.console = self.folder / "console"
        self.qemu = None
        self.received = b""

    def line(self):
        words = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-machine", "q35,smbus=off,sata=off,hpet=off", "-cpu", "max",
                 "-smp", "1", "-m", "512", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
                 "-device", "intel-iommu,intremap=on,caching-mode=on"]
        if self.firmware == "uefi":
            variables = self.folder / "variables.fd"
            if not variables.exists():
                variables.write_bytes((OVMF / "OVMF_VARS_4M.fd").read_bytes())
            words += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF}/OVMF_CODE_4M.fd",
                      "-drive", f"if=pflash,format=raw,file={variables}"]
        drive = self.drive or ["-drive", f"if=none,id=disk,file={self.disk},format={self.disk_format},cache=unsafe"]
        words += [*drive, "-device", "nvme,serial=D0,drive=disk,bootindex=1",
                  "-drive", f"if=none,id=brought,file={self.brought},format=raw,readonly=on",
                  "-device", "nvme,serial=D1,drive=brought",
                  "-chardev", f"file,id=console,append=on,path={self.console}", "-serial", "chardev:console", "-serial", "stdio"]
        return [*map(str, words), *map(str, self.options)]

    def __enter__(self):
        return self.start()

    def start(self):
        self.qemu = subprocess.Popen(self.line(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=open(self.folder / "qemu.log", "ab"))
        self.received = b""
        return self

    def __exit__(self, *unused):
        self.kill()

    def kill(self):
        """As when the power fails: whatever the machine had not given to its disk is lost."""
        if self.qemu:
            self.qemu.kill()
            self.qemu.wait()
            self.qemu.stdin.close()
            self.qemu.stdout.close()
        self.qemu = None

    def story(self):
        console = self.console.read_text(errors="replace") if self.console.exists() else ""
        return f"{console[-4000:]}\n{(self.folder / 'qemu.log').read_text()[-2000:]}"

    def receive(self, until, what):
        """More bytes; never waits past `until`, nor for a kernel that has given up."""
        ready = []
        while not ready and time.monotonic() < until and "Kernel panic" not in self.story():
            ready, _, _ = select.select([self.qemu.stdout], [], [], 1)
        more = os.read(self.qemu.stdout.fileno(), 1 << 16) if ready else b""
        assert more, f"{what}: {'the machine ended' if ready else 'no answer'}; its console:\n{self.story()}"
        self.received += more

    def receive_line(self, until, what):
        while b"\n" not in self.received:
            self.receive(until, what)
        line, self.received = self.received.split(b"\n", 1)
        return line.decode(errors="replace").strip()

    def wait_ready(self, timeout=900):
        """Until init asks for the first command. What firmware and boot loaders may print there is passed over."""
        until = time.monotonic() + timeout
        while not self.receive_line(until, "boot").endswith("ready"):
            pass
        return self

    def send(self, line):
        assert "\n" not in line
        self.qemu.stdin.write(line.encode() + b"\n")
        self.qemu.stdin.flush()

    def answer(self, what, timeout=900):
        """(exit status, what was printed) of the command that was sent."""
        until = time.monotonic() + timeout
        words = self.receive_line(until, what).split()
        assert len(words) == 3 and words[0] == "end", words
        length = int(words[2])
        while len(self.received) < length:
            self.receive(until, what)
        text, self.received = self.received[:length], self.received[length:]
        return int(words[1]), text.decode(errors="replace")

    def run(self, line, timeout=900):
        self.send(line)
        return self.answer(line, timeout)

    def ok(self, line, timeout=900):
        status, text = self.run(line, timeout)
        assert status == 0, f"'{line}' gave {status}:\n{text}"
        return text

    def power_off(self, how="poweroff", timeout=600):
        self.send(how)
        self.qemu.wait(timeout)
        self.kill()

    def reboot(self, timeout=900):
        """A new QEMU comes up faster than a reset: firmware's waiting costs an emulated processor much."""
        self.power_off("reboot")
        return self.start().wait_ready(timeout)

    # ---- What tests ask often ----

    def cmdline(self):
        return self.ok("cat /proc/cmdline").split()

    def release(self):
        return self.ok("uname -r").strip()

    def read(self, path):
        return self.ok(f"cat {shlex.quote(path)}")
