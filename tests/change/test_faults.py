# SPDX-License-Identifier: GPL-2.0-or-later
"""
Every system call that writes fails, or is the last one: after each, every file stands whole, as it was or as it was to
be, and the next apply or undo finishes the job. LAB=full tries each fault with both ways on, and on more systems.
"""
import collections
import concurrent.futures
import os
import re
import shutil
import subprocess

import pytest

from conftest import System

# All that a program could write by, and what starts another. A trace of a run tells which this one uses, and how often.
WRITING = ("open", "creat", "openat", "openat2", "write", "pwrite64", "writev", "pwritev", "pwritev2", "fsync",
           "fdatasync", "syncfs", "sync_file_range", "rename", "renameat", "renameat2", "unlink", "unlinkat", "link",
           "linkat", "symlink", "symlinkat", "mkdir", "mkdirat", "rmdir", "mknodat", "chmod", "fchmod", "fchmodat",
           "chown", "lchown", "fchown", "fchownat", "utimensat", "utimes", "setxattr", "lsetxattr", "fsetxattr",
           "removexattr", "fremovexattr", "truncate", "ftruncate", "fallocate", "copy_file_range", "sendfile",
           "fork", "vfork", "clone", "clone3")
ONCE = ("error=ENOSPC:when={}", "error=EIO:when={}", "signal=SIGKILL:when={}")
FAULTS = (*ONCE, "error=EACCES:when={}", "error=ENOSPC:when={}+", "error=EACCES:when={}+")
FULL = os.environ.get("FAULTS") == "all"
CALL = re.compile(r"^(?:\d+ +)?([a-z0-9_]+)\((.*)")


def can_trace():
    if not shutil.which("strace"):
        return False
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return done.returncode == 0


pytestmark = pytest.mark.skipif(not can_trace(), reason="strace is not there, or may not trace here")


def writes(call, arguments):
    """Whether a call of that name writes: opening only for that, and not what is said to people."""
    if call.startswith("open"):
        return any(flag in arguments for flag in ("O_CREAT", "O_WRONLY", "O_RDWR")) and "/dev/null" not in arguments
    if call in ("write", "writev"):
        return int(arguments.split(",")[0]) > 2
    return True


def points_of(trace):
    """(call, its number among the calls of that name) of all that write."""
    counts = collections.Counter()
    points = []
    for line in trace.splitlines():
        match = CALL.match(line)
        if not match or match[1] not in WRITING:
            continue
        counts[match[1]] += 1
        if writes(match[1], match[2]):
            points.append((match[1], counts[match[1]]))
    return points


class Trial:
    """One system, brought to where the run under test begins."""

    def __init__(self, make_system, verb, make=System.make_debian):
        self.system = make(make_system())
        self.verb = verb
        self.old = self.system.state()
        self.old_times = self.system.times()
        if verb == "undo":
            assert self.system.apply().returncode == 0

    def run(self, prefix=()):
        return self.system.apply(prefix=prefix) if self.verb == "apply" else self.system.undo(prefix=prefix)

    def assert_old(self):
        assert self.system.state() == self.old
        assert self.system.times() == self.old_times


def new_state(make_system, make):
    system = make(make_system())
    assert system.apply().returncode == 0
    return system.state()


def without_leftovers(state):
    """What a crash leaves is hidden beside its file; folders come before the files in them."""
    return {name: value for name, value in state.items() if not re.search(r"/\.[^/]*\.nestpci$", name)
            and not isinstance(value, str)}


def assert_each_whole(now, old, new):
    now = without_leftovers(now)
    for name, value in now.items():
        assert value in (old.get(name), new.get(name)), name
    for name in {*without_leftovers(old), *without_leftovers(new)} - now.keys():
        assert name not in old or name not in new, f"{name} is gone"


def assert_as_told(status, trial, new):
    """What was said is true: 0 all is done, 3 nothing was changed."""
    done, untouched = (new, trial.old) if trial.verb == "apply" else (trial.old, new)
    if status == 0:
        assert trial.system.state() == done
    elif status == 3 and trial.verb == "apply":
        # What is generated was generated again, out of the old files.
        trial.assert_old()
    elif status == 3:
        assert trial.system.state() == untouched
    else:
        assert status in (4, -9, 137)


def check_point(make_system, make, verb, point, fault, then, new):
    trial = Trial(make_system, verb, make)
    call, number = point
    inject = f"inject={call}:{fault.format(number)}"
    done = trial.run(prefix=["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject])
    what = (verb, inject, then, done.returncode, done.stderr)
    try:
        assert_each_whole(trial.system.state(), trial.old, new)
        assert_as_told(done.returncode, trial, new)
        if then == "apply":
            again = trial.system.apply()
            assert (again.returncode, trial.system.state()) == (0, new), again.stderr
        again = trial.system.undo()
        assert again.returncode == 0, again.stderr
        trial.assert_old()
        last = trial.system.undo()
        assert (last.returncode, "nothing to do" in last.stderr) == (0, True), last.stderr
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from error
    shutil.rmtree(trial.system.here)


def try_all(make_system, make, verb, trace, faults):
    """Returns the points, and how many faults were tried."""
    new = new_state(make_system, make)
    watched = "trace=" + ",".join(f"?{call}" for call in WRITING)
    assert Trial(make_system, verb, make).run(prefix=["strace", "-o", trace, "-e", watched]).returncode == 0
    points = points_of(trace.read_text())
    jobs = []
    for i, point in enumerate(points):
        for j, fault in enumerate(faults):
            ways = ("apply", "undo") if FULL else (("apply", "undo")[(i + j) % 2],)
            jobs += [(point, fault, then) for then in ways]
    # Mostly waiting for the disk and for programs.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for tried in [pool.submit(check_point, make_system, make, verb, *job, new) for job in jobs]:
            tried.result()
    calls = collections.Counter(call for call, _ in points)
    print(f"\n{verb}: {len(points)} system calls that write or start programs "
          f"({', '.join(f'{count} {call}' for call, count in sorted(calls.items()))}), {len(jobs)} faults tried")
    return points


@pytest.mark.parametrize("verb", ["apply", "undo"])
def test_every_write_may_fail(make_system, verb, tmp_path):
    points = try_all(make_system, System.make_debian, verb, tmp_path / "trace", FAULTS)
    calls = {call for call, _ in points}
    assert {"openat", "write", "fsync", "renameat", "unlinkat", "syncfs"} <= calls, calls
    assert calls & {"fork", "vfork", "clone", "clone3"}, calls
    assert len(points) > 20


@pytest.mark.skipif(not FULL, reason="FAULTS=all tries the other boot set-ups, too")
@pytest.mark.parametrize("verb", ["apply", "undo"])
@pytest.mark.parametrize("kind", ["proxmox", "systemd-boot"])
def test_every_write_may_fail_on_other_set_ups(make_system, kind, verb, tmp_path):
    makes = {"proxmox": lambda system: system.make_proxmox("systemd", "grub"), "systemd-boot": System.make_systemd_boot}
    try_all(make_system, makes[kind], verb, tmp_path / "trace", ONCE)


def test_what_was_generated_is_on_the_disk_before_it_is_called_done(make_system, tmp_path):
    """After each program the file systems are synced, and only then the journal goes on."""
    trial = Trial(make_system, "apply")
    trace = tmp_path / "trace"
    calls = "syncfs,renameat,wait4,waitid"
    done = trial.run(prefix=["strace", "-o", trace, "-e", "trace=" + ",".join(f"?{call}" for call in calls.split(","))])
    assert done.returncode == 0
    text = trace.read_text()
    ends = [match.start() for match in re.finditer(r"^wait\w+\(.*(WIFEXITED|CLD_EXITED)", text, re.M)]
    assert len(ends) >= 2
    for end in ends:
        assert "syncfs(" in text[end:text.index('"entry.json")', end)]
