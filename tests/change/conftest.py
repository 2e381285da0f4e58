# SPDX-License-Identifier: GPL-2.0-or-later
"""A system that does not run, for changes to be made to: a tree, and fakes of its programs that are strict."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

WISH = ["--set-kernel-parameter", "intel_iommu=on", "--set-module-option", "kvm_intel.nested=1"]

# Stands in the place of chroot(8), first on PATH. It knows exactly the commands that such a system needs, notes each
# call, and generates what the real program would from the files that it would read. FAIL holds the number of the call,
# counted from now, that fails.
FAKE_CHROOT = r"""#!/bin/bash
set -euo pipefail
here=%(here)s
[[ $1 == "$here/root" ]] || { echo "fake chroot: not the root: $1" >&2; exit 99; }
shift
printf '%%s\n' "$*" >>"$here/calls"
if [[ -e $here/FAIL ]]; then
	left=$(<"$here/FAIL")
	[[ $left != 1 ]] || { rm "$here/FAIL"; echo "fake $1: told to fail" >&2; exit 7; }
	echo $((left - 1)) >"$here/FAIL"
fi
cd "$here/root"
case "$*" in
update-grub) cat etc/default/grub etc/default/grub.d/*.cfg 2>/dev/null >boot/grub/grub.cfg || true ;;
"update-initramfs -u -k all") cat etc/modprobe.d/*.conf 2>/dev/null >boot/initrd.img || true ;;
*) echo "fake chroot: unknown command: $*" >&2; exit 99 ;;
esac
"""


class System:
    """Files below `root`; what stood there at first is remembered."""

    def __init__(self, here, nestpci):
        self.here = here
        self.root = here / "root"
        self.nestpci = nestpci
        self.calls_file = here / "calls"
        fakes = here / "fakes"
        fakes.mkdir(parents=True)
        (fakes / "chroot").write_text(FAKE_CHROOT % {"here": here})
        (fakes / "chroot").chmod(0o755)
        self.environment = {"PATH": f"{fakes}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}

    def put(self, path, text="", mode=0o644):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        os.utime(path, ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))

    def make_debian(self):
        self.put("etc/default/grub", 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off"\n', 0o640)
        self.put("etc/modprobe.d/kvm.conf", "options kvm ignore_msrs=1\n")
        self.put("usr/sbin/update-grub", mode=0o755)
        self.put("usr/sbin/update-initramfs", mode=0o755)
        self.put("boot/grub/grub.cfg", (self.root / "etc/default/grub").read_text())
        self.put("boot/initrd.img", "options kvm ignore_msrs=1\n")
        (self.root / "var/lib").mkdir(parents=True)
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
            if name.startswith("boot/") and path.is_file():
                result[name] = path.read_text()
            elif path.is_dir():
                result[name] = oct(status.st_mode)
            else:
                result[name] = (path.read_text(), oct(status.st_mode), status.st_uid, status.st_gid, xattrs_of(path))
        return result

    def times(self):
        return {path: path.stat().st_mtime_ns for path in sorted((self.root / "etc").rglob("*")) if path.is_file()}


def xattrs_of(path):
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


@pytest.fixture
def make_system(nestpci):
    """Makes as many systems as are asked for; in memory where that can be, because each run syncs dozens of times."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    here = pathlib.Path(tempfile.mkdtemp(prefix="nestpci-change-", dir=memory))
    count = 0

    def make(place=here):
        nonlocal count
        count += 1
        return System(pathlib.Path(place) / str(count), nestpci)
    yield make
    shutil.rmtree(here)


@pytest.fixture
def system(make_system):
    return make_system().make_debian()
