# SPDX-License-Identifier: GPL-2.0-or-later
"""
A running system, made of a tree in a mount namespace of its own: an attribute of sysfs is set beside a file. Every
system call that writes fails or is the last one; and a reboot loses what was set.
"""
import contextlib
import subprocess

import pytest

import test_faults
from test_file_systems import pytestmark, served  # noqa: F401: the same needs

ATTRIBUTE = "kernel/mm/transparent_hugepage/enabled"
OFF, ON = "always madvise [never]\n", "always [madvise] never\n"
WISH = ["--load-module", "vfio-pci", "--for", "transparent-hugepages"]
FILE = "modules-load.d/nestpci.conf"

INSIDE = """
mount --make-rprivate / && mount --bind "$1/etc" /etc && mount --bind "$1/lib" /var/lib && mount --bind "$1/sys" /sys ||
	exit 98
shift
exec "$@"
"""


class Live:
    def __init__(self, here, nestpci):
        self.here, self.nestpci = here, nestpci
        for folder in ("etc/modules-load.d", "lib", "sys", "source/kernel/mm/transparent_hugepage", "cuts"):
            (here / folder).mkdir(parents=True)
        (here / "source" / ATTRIBUTE).write_text(OFF)

    def booted(self):
        """Each time anew: what was written before is lost."""
        return served("sysfs", self.here / "sys", self.here / "source", self.here / "cuts")

    def run(self, verb, *words, prefix=()):
        command = ["unshare", "-m", "sh", "-c", INSIDE, "sh", self.here, *prefix, self.nestpci, verb, *words]
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"})

    def apply(self, **more):
        return self.run("apply", "--yes", *WISH, **more)

    def undo(self, **more):
        return self.run("undo", "--yes", **more)

    def state(self):
        file = self.here / "etc" / FILE
        return (file.read_text() if file.exists() else None, (self.here / "sys" / ATTRIBUTE).read_text())


@pytest.fixture
def make_live(nestpci, make_system):
    with contextlib.ExitStack() as stack:
        def make():
            live = Live(make_system().here / "live", nestpci)
            stack.enter_context(live.booted())
            return live
        yield make


def test_attribute_and_file_are_set_and_given_back(make_live):
    live = make_live()
    old = live.state()
    assert old == (None, OFF)
    done = live.apply()
    assert done.returncode == 0, done.stderr
    text, attribute = live.state()
    assert text.endswith("\nvfio-pci\n") and attribute == ON
    again = live.apply()
    assert (again.returncode, live.state()) == (0, (text, ON)), again.stderr
    assert live.undo().returncode == 0
    assert live.state() == old


def test_a_reboot_loses_the_attribute_alone(nestpci, make_system):
    live = Live(make_system().here / "live", nestpci)
    with live.booted():
        assert live.apply().returncode == 0
        text = live.state()[0]
    with live.booted():
        assert live.state() == (text, OFF)
        done = live.apply()
        assert (done.returncode, live.state()) == (0, (text, ON)), done.stderr
    with live.booted():
        # Both entries are taken back, and what the reboot lost is no edit of somebody's.
        assert live.undo().returncode == 0
        assert live.undo().returncode == 0
        assert live.state() == (None, OFF)


def test_a_reboot_in_the_middle_is_gone_on_from(nestpci, make_system, tmp_path):
    """Killed after the attribute was set, before that was noted; then a reboot."""
    live = Live(make_system().here / "live", nestpci)
    with live.booted():
        inject = "inject=write:signal=SIGKILL:when={}"
        trace = tmp_path / "trace"
        trial = Live(make_system().here / "trial", nestpci)
        with trial.booted():
            assert trial.apply(prefix=["strace", "-o", trace, "-e", "trace=write,openat"]).returncode == 0
        writes = [line for line in trace.read_text().splitlines() if line.startswith("write(")]
        number = next(i for i, line in enumerate(writes, 1) if '"madvise\\n"' in line) + 1
        live.apply(prefix=["strace", "-o", "/dev/null", "-e", "trace=write", "-e", inject.format(number)])
        assert live.state()[1] == ON
    with live.booted():
        assert live.state()[1] == OFF
        done = live.run("apply", "--yes", "--continue")
        assert (done.returncode, live.state()[1]) == (0, ON), done.stderr
        assert live.undo().returncode == 0
        assert live.state() == (None, OFF)


@pytest.mark.parametrize("verb", ["apply", "undo"])
def test_every_write_may_fail(make_live, verb, tmp_path):
    trial = make_live()
    old = trial.state()
    if verb == "undo":
        assert trial.apply().returncode == 0
    trace = tmp_path / "trace"
    watched = "trace=" + ",".join(f"?{call}" for call in test_faults.WRITING)
    run = trial.apply if verb == "apply" else trial.undo
    assert run(prefix=["strace", "-o", trace, "-e", watched]).returncode == 0
    points = test_faults.points_of(trace.read_text())
    trial.undo()
    trial.apply()
    new = trial.state()
    trial.undo()
    tried = 0
    for call, number in points:
        for fault in ("error=EIO:when={}", "signal=SIGKILL:when={}"):
            assert trial.state() == old
            if verb == "undo":
                assert trial.apply().returncode == 0
            inject = f"inject={call}:{fault.format(number)}"
            done = run(prefix=["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject])
            now = trial.state()
            assert now[0] in (old[0], new[0]) and now[1] in (OFF, ON), (inject, done.stderr)
            if tried % 2 and verb == "apply":
                assert (trial.apply().returncode, trial.state()) == (0, new), inject
            undone = trial.undo()
            assert (undone.returncode, trial.state()) == (0, old), (inject, done.stderr, undone.stderr)
            tried += 1
    print(f"\n{verb} with an attribute: {len(points)} system calls that write, {tried} faults tried")
    assert any(call.startswith("open") for call, _ in points)
