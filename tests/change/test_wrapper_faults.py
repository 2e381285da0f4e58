# SPDX-License-Identifier: GPL-2.0-or-later
"""
Putting the wrapper in QEMU's place, and taking it away, with every system call that writes failing or being the last one:
after each, /usr/bin/kvm can be executed and is right, and the next run finishes the job.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from node import FAKE_QEMU
from test_faults import WRITING, can_trace, points_of

FAULTS = ("error=ENOSPC:when={}", "error=EIO:when={}+", "error=EACCES:when={}", "signal=SIGKILL:when={}")
LINE = ["-id", "101", "-machine", "q35", "-device", "e1000"]
RIGHT = ["-id", "101", "-machine", "q35,kernel-irqchip=split", "-device", "intel-iommu,intremap=on,caching-mode=on",
         "-device", "e1000"]
CHROOT = """#!/bin/sh
root=$1
[ "$2" = dpkg-divert ] || { echo "fake chroot: unknown command: $*" >&2; exit 99; }
shift 2
exec dpkg-divert --root "$root" "$@"
"""

pytestmark = [pytest.mark.skipif(not can_trace(), reason="strace is not there, or may not trace here"),
              pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("dpkg-divert"),
                                 reason="dpkg-divert needs root, and dpkg")]


@pytest.fixture(scope="module")
def place():
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    here = pathlib.Path(tempfile.mkdtemp(prefix="nestpci-wrapper-", dir=memory))
    subprocess.run(["gcc", "-static", "-O1", "-s", "-DVERSION=1", "-x", "c", "-o", here / "qemu", "-"], check=True,
                   input=FAKE_QEMU, text=True)
    (here / "chroot").write_text(CHROOT)
    (here / "chroot").chmod(0o755)
    yield here
    shutil.rmtree(here)


class System:
    def __init__(self, place, nestpci):
        self.nestpci = nestpci
        self.root = pathlib.Path(tempfile.mkdtemp(dir=place))
        self.environment = {"PATH": f"{place}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                            "NESTPCI_WRAPPER_CONF": str(self.root / "etc/nestpci/wrapper.conf")}
        for name in ("usr/bin", "etc/dpkg/dpkg.cfg.d", "var/lib/dpkg"):
            (self.root / name).mkdir(parents=True)
        for name in ("status", "diversions"):
            (self.root / "var/lib/dpkg" / name).touch()
        (self.root / "usr/bin/dpkg-divert").touch()
        os.utime(self.root / "usr/bin/dpkg-divert", (0, 0))
        shutil.copy2(place / "qemu", self.root / "usr/bin/qemu-system-x86_64")
        (self.root / "usr/bin/kvm").symlink_to("qemu-system-x86_64")

    def run(self, *words, prefix=()):
        verb, *rest = words
        return subprocess.run([*prefix, self.nestpci, verb, "--root", self.root, "--yes", *rest], text=True,
                              env=self.environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)

    def kvm(self, *words):
        return subprocess.run([self.root / "usr/bin/kvm", *words], env=self.environment, text=True, capture_output=True,
                              timeout=60, check=False)

    def assert_kvm_works(self):
        done = self.kvm("--version")
        assert (done.returncode, done.stdout) == (0, "QEMU emulator version 1.0 (pve-qemu-kvm_1.0-1)\n"), done.stderr
        done = self.kvm(*LINE)
        assert (done.returncode, done.stdout.splitlines() in (LINE, RIGHT)) == (0, True), (done.stdout, done.stderr)

    def state(self):
        """All but the journal, and what dpkg-divert keeps of the last time."""
        result = {}
        for path in self.root.rglob("*"):
            name = str(path.relative_to(self.root))
            if name.startswith("var/lib/nestpci") or name.endswith("-old"):
                continue
            status = path.lstat()
            what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            times = status.st_mtime_ns if name.startswith("usr/") and what is not None and not path.is_symlink() else 0
            result[name] = (oct(status.st_mode), what, times)
        return result


GIVE = ("apply", "--wrapper", "101")
TAKE = ("apply", "--no-wrapper", "101")
UNDO = ("undo",)
# What is run before the run that is disturbed, and that run.
RUNS = {"give": ((), GIVE), "take": ((GIVE,), TAKE), "undo": ((GIVE,), UNDO)}


def make(place, nestpci, name):
    system = System(place, nestpci)
    for words in RUNS[name][0]:
        assert system.run(*words).returncode == 0
    return system


def try_point(place, nestpci, name, inject, finish, states):
    """`finish`: what is run after it."""
    system = make(place, nestpci, name)
    call = inject.split("=")[1].split(":")[0]
    done = system.run(*RUNS[name][1], prefix=["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject])
    what = (name, inject, finish, done.returncode, done.stderr)
    before, after = states[name]
    try:
        system.assert_kvm_works()
        now = system.state()
        if done.returncode == 0:
            assert now == after
        elif done.returncode == 3:
            assert now == before
        else:
            assert done.returncode in (4, -9, 137)
        done = system.run(*finish)
        assert done.returncode == 0, done.stderr
        system.assert_kvm_works()
        given, taken = states["give"][1], states["give"][0]
        if finish == UNDO:
            # It takes back what was cut off, or else what was done before it.
            assert system.state() in (given, taken)
        else:
            assert system.state() == (given if finish == GIVE else taken)
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from error
    shutil.rmtree(system.root)


@pytest.mark.parametrize("name", RUNS)
def test_kvm_works_whatever_fails(place, nestpci, tmp_path, record_property, name):
    states = {}
    for each in RUNS:
        system = make(place, nestpci, each)
        before = system.state()
        assert system.run(*RUNS[each][1]).returncode == 0
        states[each] = (before, system.state())
    assert states["give"] == states["take"][::-1] == states["undo"][::-1]
    trace = tmp_path / "trace"
    watched = "trace=" + ",".join(f"?{call}" for call in WRITING)
    system = make(place, nestpci, name)
    assert system.run(*RUNS[name][1], prefix=["strace", "-o", trace, "-e", watched]).returncode == 0
    points = points_of(trace.read_text())
    tried = 0
    for number, (call, when) in enumerate(points):
        for fault in FAULTS:
            finish = (GIVE, TAKE, UNDO)[(number + tried) % 3]
            try_point(place, nestpci, name, f"inject={call}:{fault.format(when)}", finish, states)
            tried += 1
    record_property("points", tried)
    print(f"\n{name}: {len(points)} system calls that write, {tried} faults tried")
    assert len(points) > 20
