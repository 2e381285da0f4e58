# SPDX-License-Identifier: GPL-2.0-or-later
"""File systems that lose what was not synced, or that keep less than ext4 does."""
import contextlib
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import pytest

from conftest import System

TESTFS = pathlib.Path(__file__).with_name("testfs.py")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/fuse") or importlib.util.find_spec("fusepy") is None,
    reason="a file system of its own needs root, /dev/fuse and python3-fusepy")


@contextlib.contextmanager
def served(kind, place, source, cuts):
    with subprocess.Popen([sys.executable, "-B", TESTFS, kind, place, source, cuts]) as server:
        try:
            while not os.path.ismount(place):
                assert server.poll() is None, "the test's file system did not start"
                time.sleep(0.01)
            yield
        finally:
            subprocess.run(["umount", place], check=True)
            server.wait(timeout=30)


@contextlib.contextmanager
def mounted(kind, system):
    """The tree of a system moves onto such a file system."""
    source, cuts = system.here / "source", system.here / "cuts"
    system.root.rename(source)
    system.root.mkdir()
    cuts.mkdir()
    with served(kind, system.root, source, cuts):
        yield cuts


def etc_of(state):
    """Files of /etc, but for what a crash leaves beside them."""
    return {name: value for name, value in state.items() if name.startswith("etc/") and isinstance(value, tuple)
            and not re.search(r"/\.[^/]*\.nestpci$", name)}


def after_cut(cut, here, nestpci):
    system = System(here, nestpci)
    cut.rename(system.root)
    return system


def check_cut(cut, here, nestpci, old, new, verb):
    """Whatever the power failure left: each file is whole, and both ways lead to an end from there."""
    system = after_cut(cut, here, nestpci)
    for name, value in etc_of(system.state()).items():
        assert value in (old.get(name), new.get(name)), name
    for name in {*old, *new} - etc_of(system.state()).keys():
        assert name not in old or name not in new, f"{name} is gone"
    if verb == "apply":
        done = system.apply()
        assert (done.returncode, etc_of(system.state())) == (0, new), done.stderr
    done = system.undo()
    assert (done.returncode, etc_of(system.state())) == (0, old), done.stderr
    assert "nothing to do" in system.undo().stderr
    shutil.rmtree(system.here)


@pytest.mark.parametrize("verb", ["apply", "undo"])
def test_the_power_fails_after_each_change(make_system, nestpci, verb):
    system = make_system().make_debian()
    old = etc_of(system.state())
    if verb == "undo":
        assert system.apply().returncode == 0
    with mounted("power", system) as cuts:
        done = system.apply() if verb == "apply" else system.undo()
        assert done.returncode == 0, done.stderr
        end = etc_of(system.state())
    new = end
    if verb == "undo":
        assert end == old
        other = make_system().make_debian()
        assert other.apply().returncode == 0
        new = etc_of(other.state())
    states = sorted(cuts.iterdir())
    for i, cut in enumerate(states):
        then = "apply" if i % 2 else "undo"
        name = cut.name
        try:
            check_cut(cut, system.here / f"cut-{i}", nestpci, old, new, then)
        except AssertionError as error:
            raise AssertionError(f"power failure at {name} of {verb}, then {then}: {error}") from error
    print(f"\n{verb}: {len(states)} states that a power failure can leave, each gone on from")
    assert len(states) > 25


def test_a_cluster_file_system_gives_permissions_of_its_own(make_system):
    system = make_system().make_debian()
    with mounted("pmxcfs", system) as cuts:
        before, times = system.state(), system.times()
        assert system.apply().returncode == 0
        assert 'intel_iommu=on" # nestpci\n' in system.state()["etc/default/grub.d/zz-nestpci.cfg"][0]
        assert "nothing to do" in system.apply().stderr
        assert system.undo().returncode == 0
        assert (system.state(), system.times()) == (before, times)
        # Without quorum nothing can be written: that is said, and nothing is half there.
        (cuts / "no-quorum").touch()
        done = system.apply()
        assert (done.returncode, "Permission denied" in done.stderr) == (3, True), done.stderr
        (cuts / "no-quorum").unlink()
        assert system.state() == before


def test_quorum_is_lost_half_way(make_system):
    """While the initramfs is made: what was written cannot be taken back then, and is, once there is quorum again."""
    system = make_system().make_debian()
    with mounted("pmxcfs", system) as cuts:
        before = system.state()
        script = system.here / "fakes" / "chroot"
        script.rename(script.with_name("real"))
        script.write_text(f'#!/bin/sh\n: >{cuts}/no-quorum\nexec "${{0%/*}}/real" "$@"\n')
        script.chmod(0o755)
        done = system.apply()
        assert (done.returncode, "done in part" in done.stderr) == (4, True), done.stderr
        (cuts / "no-quorum").unlink()
        script.with_name("real").rename(script)
        assert system.undo().returncode == 0
        assert system.state() == before
