# SPDX-License-Identifier: GPL-2.0-or-later
"""
Every system call that writes fails, or is the last one: after each, every file stands whole, as it was or as it was to
be, and the next apply or undo finishes the job.
"""
import collections
import re
import shutil
import subprocess

import pytest

# All that this program could write by. A trace of a run tells which it uses, and how often.
WRITING = ("openat", "openat2", "write", "pwrite64", "writev", "fsync", "fdatasync", "rename", "renameat", "renameat2",
           "unlink", "unlinkat", "link", "linkat", "symlinkat", "mkdir", "mkdirat", "rmdir", "fchmod", "fchmodat",
           "fchown", "fchownat", "utimensat", "fsetxattr", "ftruncate")
FAULTS = ("error=ENOSPC:when={}", "error=ENOSPC:when={}+", "signal=SIGKILL:when={}")
CALL = re.compile(r"^(?:\d+ +)?([a-z0-9_]+)\((.*)")


def can_trace():
    if not shutil.which("strace"):
        return False
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return done.returncode == 0


pytestmark = pytest.mark.skipif(not can_trace(), reason="strace is not there, or may not trace here")


def writes(call, arguments):
    """Whether a call of that name writes: opening only where it makes a file, and not what is said to people."""
    if call in ("openat", "openat2"):
        return "O_CREAT" in arguments
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

    def __init__(self, make_system, verb):
        self.system = make_system().make_debian()
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


def new_state(make_system):
    system = make_system().make_debian()
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


def check_point(make_system, verb, point, fault, then, new):
    trial = Trial(make_system, verb)
    call, number = point
    inject = f"inject={call}:{fault.format(number)}"
    done = trial.run(prefix=["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject])
    what = (verb, inject, then, done.returncode, done.stderr)
    assert_each_whole(trial.system.state(), trial.old, new)
    try:
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


@pytest.mark.parametrize("verb", ["apply", "undo"])
def test_every_write_may_fail(make_system, verb, tmp_path, record_property):
    new = new_state(make_system)
    trial = Trial(make_system, verb)
    trace = tmp_path / "trace"
    watched = "trace=" + ",".join(f"?{call}" for call in WRITING)
    assert trial.run(prefix=["strace", "-o", trace, "-e", watched]).returncode == 0
    points = points_of(trace.read_text())
    calls = {call for call, _ in points}
    assert {"openat", "write", "fsync", "renameat", "unlinkat"} <= calls, calls
    tried = 0
    for point in points:
        for fault in FAULTS:
            for then in ("apply", "undo"):
                check_point(make_system, verb, point, fault, then, new)
                tried += 1
    record_property("points", tried)
    print(f"\n{verb}: {len(points)} system calls that write ({', '.join(sorted(calls))}), {tried} faults tried")
    assert len(points) > 20
