# SPDX-License-Identifier: GPL-2.0-or-later
"""A system that does not run, for changes to be made to: a tree, and fakes of its programs that are strict."""
import errno
import itertools
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

WISH = ["--set-kernel-parameter", "intel_iommu=on", "--set-module-option", "kvm_intel.nested=1"]

FAKES = pathlib.Path(__file__).resolve().parent / "fakes"
KERNELS = ("6.1.0-18-amd64", "6.1.0-21-amd64")


class System:
    """Files below `root`; what stood there at first is remembered."""

    def __init__(self, here, nestpci):
        self.here = here
        self.root = here / "root"
        self.nestpci = nestpci
        self.calls_file = here / "calls"
        fakes = here / "fakes"
        fakes.mkdir(parents=True)
        (fakes / "chroot").symlink_to(FAKES / "chroot")
        self.environment = {"PATH": f"{fakes}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}

    def put(self, path, text="", mode=0o644):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        os.utime(path, ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))

    def generate(self, *command):
        """What the system's own program makes of its files, before anything is changed."""
        subprocess.run([FAKES / command[0], *command[1:]], cwd=self.root, check=True)

    def put_kernels(self, *versions):
        for version in versions or KERNELS:
            self.put(f"boot/vmlinuz-{version}", "kernel\n")
        (self.root / "var/lib").mkdir(parents=True, exist_ok=True)

    def put_initramfs(self):
        self.put("etc/modprobe.d/kvm.conf", "options kvm ignore_msrs=1\n")
        self.put("usr/sbin/update-initramfs", mode=0o755)
        self.generate("update-initramfs", "-u", "-k", "all")

    def make_debian(self):
        self.put_kernels()
        self.put("etc/default/grub", 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off"\n', 0o640)
        self.put("usr/sbin/update-grub", mode=0o755)
        self.generate("update-grub")
        self.put_initramfs()
        return self

    def make_proxmox(self, *loaders):
        """ESPs of these loaders, kept by proxmox-boot-tool: "grub", "systemd"."""
        self.put_kernels("6.8.12-9-pve")
        self.put("etc/kernel/proxmox-boot-uuids", "".join(f"AAAA-000{i}\n" for i, _ in enumerate(loaders)))
        for i, loader in enumerate(loaders):
            self.put(f"esp/AAAA-000{i}/EFI/proxmox/{'grubx64.efi' if loader == 'grub' else '6.8.12-9-pve/vmlinuz'}")
        self.put("etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off"\n')
        self.put("etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=off\n")
        self.generate("proxmox-boot-tool", "refresh")
        self.put_initramfs()
        return self

    def make_systemd_boot(self):
        self.put_kernels()
        self.put("etc/kernel/cmdline", "# by hand\nroot=/dev/sda2 ro\nquiet intel_iommu=off\n", 0o600)
        self.put("boot/efi/loader/loader.conf", "timeout 3\n")
        for version in KERNELS:
            self.generate("kernel-install", "add", version, f"/boot/vmlinuz-{version}")
        self.put_initramfs()
        return self

    def make_fedora(self):
        self.put_kernels("6.8.5-301.fc40.x86_64")
        self.put("boot/grub2/grub.cfg", "insmod blscfg\nblscfg\n")
        self.put("boot/loader/entries/0123-6.8.5-301.fc40.x86_64.conf",
                 "title Fedora\nversion 6.8.5-301.fc40.x86_64\nlinux /vmlinuz-6.8.5-301.fc40.x86_64\n"
                 "options root=/dev/sda2 ro rhgb quiet intel_iommu=off\n")
        self.put("usr/sbin/grubby", mode=0o755)
        return self

    def run(self, verb, *words, prefix=()):
        return subprocess.run([*prefix, self.nestpci, verb, "--root", self.root, *words], env=self.environment,
                              text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)

    def apply(self, *words, **more):
        return self.run("apply", "--yes", *(words or WISH), **more)

    def undo(self, *words, **more):
        return self.run("undo", "--yes", *words, **more)

    def calls(self):
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []

    def entries(self):
        journal = self.root / "var/lib/nestpci/journal"
        return sorted(path.name for path in journal.iterdir()) if journal.exists() else []

    def state(self):
        """All that a file is, of all files but the journal; of what is generated the content alone."""
        result = {}
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if name.startswith("var/lib/nestpci"):
                continue
            status = path.lstat()
            if name.startswith(("boot/", "esp/")) and path.is_file():
                result[name] = path.read_text()
            elif path.is_dir():
                result[name] = oct(status.st_mode)
            else:
                result[name] = (path.read_text(), oct(status.st_mode), status.st_uid, status.st_gid, xattrs_of(path))
        return result

    def times(self):
        return {path: path.stat().st_mtime_ns for path in sorted((self.root / "etc").rglob("*")) if path.is_file()}


def xattrs_of(path):
    try:
        return {name: os.getxattr(path, name) for name in os.listxattr(path)}
    except OSError as error:
        assert error.errno == errno.ENOTSUP
        return {}


@pytest.fixture
def make_system(nestpci):
    """Makes as many systems as are asked for; in memory where that can be, because each run syncs dozens of times."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    here = pathlib.Path(tempfile.mkdtemp(prefix="nestpci-change-", dir=memory))
    numbers = itertools.count(1)

    def make(place=here):
        return System(pathlib.Path(place) / str(next(numbers)), nestpci)
    yield make
    shutil.rmtree(here)


@pytest.fixture
def system(make_system):
    return make_system().make_debian()
