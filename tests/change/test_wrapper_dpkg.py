# SPDX-License-Identifier: GPL-2.0-or-later
"""The wrapper and real dpkg: it stays through upgrades, and goes away without a trace."""
import os
import shutil
import subprocess
import tempfile
import time

import pytest

from node import Node, make_package, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

LINE = ("-id", "101", "-machine", "type=q35+pve0", "-device", "e1000")
RIGHT = ["-id", "101", "-machine", "type=q35+pve0,kernel-irqchip=split", "-device",
         "intel-iommu,intremap=on,caching-mode=on", "-device", "e1000"]
GIVE = ("nestpci", "apply", "--yes", "--wrapper", "101")
TAKE = ("nestpci", "apply", "--yes", "--no-wrapper", "101")


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    return {1: make_package(folder, 1), 2: make_package(folder, 2), 3: make_package(folder, 3, "qemu-system-amd64")}


@pytest.fixture
def make_node(nestpci, packages):
    made = []

    def make():
        made.append(tempfile.mkdtemp(prefix="nestpci-node-"))
        node = Node(__import__("pathlib").Path(made[-1]), nestpci)
        node.install(packages[1])
        return node
    yield make
    for root in made:
        shutil.rmtree(root)


@pytest.fixture
def node(make_node):
    return make_node()


def diversions(node):
    return node.must("dpkg-divert", "--list")


def test_it_stands_in_the_place_of_qemu_and_goes_away_without_a_trace(node):
    before = node.tree()
    node.must(*GIVE)
    assert diversions(node) == "local diversion of /usr/bin/kvm to /usr/bin/kvm.distrib\n"
    assert (node.version(), node.kvm(*LINE).stdout.splitlines()) == ("1", RIGHT)
    assert node.kvm("-id", "102").stdout.splitlines() == ["-id", "102"]
    again = node.run(*GIVE)
    assert (again.returncode, again.stderr) == (0, "nestpci: apply: nothing to do: it is so already\n")
    node.must(*TAKE)
    assert (node.tree(), diversions(node)) == (before, "")
    again = node.run(*TAKE)
    assert (again.returncode, again.stderr) == (0, "nestpci: apply: nothing to do: it is so already\n")


def test_two_vms_in_one_plan(node):
    before = node.tree()
    node.must("nestpci", "apply", "--yes", "--wrapper", "101", "--wrapper", "102 aw-bits=39")
    for vm in ("101", "102"):
        assert "intel-iommu" in node.kvm("-id", vm, "-machine", "q35").stdout
    node.must("nestpci", "apply", "--yes", "--no-wrapper", "101", "--no-wrapper", "102")
    assert (node.tree(), diversions(node)) == (before, "")


def test_undo_gives_back_everything(node):
    before = node.tree()
    node.must(*GIVE)
    node.must("nestpci", "undo", "--yes")
    assert (node.tree(), diversions(node)) == (before, "")


def test_it_stays_through_upgrade_removal_and_installation(node, packages):
    node.must(*GIVE)
    # Proxmox VE's daemons ask for the version again when the time of the file is another (qemu-server).
    assert node.time() == node.time("usr/bin/qemu-system-x86_64") == 1_500_001_000
    node.install(packages[2])
    assert (node.version(), node.kvm(*LINE).stdout.splitlines()) == ("2", RIGHT)
    assert node.time() == node.time("usr/bin/qemu-system-x86_64") == 1_500_002_000
    node.must("dpkg", "-r", "pve-qemu-kvm")
    gone = node.kvm("--version")
    assert (gone.returncode, "kvm.distrib: No such file" in gone.stderr) == (127, True)
    node.install(packages[1])
    assert (node.version(), node.time()) == ("1", 1_500_001_000)
    node.install(packages[3])
    assert (node.version(), node.time()) == ("3", 1_500_003_000)


def test_what_an_upgrade_brought_is_there_when_it_goes_away(make_node, packages):
    plain, node = make_node(), make_node()
    node.must(*GIVE)
    for one in (plain, node):
        one.install(packages[3])
    # The link is another one now: that is no edit to be lost by going back.
    done = node.run("nestpci", "undo", "--yes")
    assert (done.returncode, "kvm.distrib was edited since" in done.stderr) == (3, True), done.stderr
    done = node.run("nestpci", "undo", "--yes", "--keep-edited")
    assert (done.returncode, "qemu-system-x86_64, which is not there any more" in done.stderr) == (3, True), done.stderr
    assert node.version() == "3"
    node.must(*TAKE)
    there, wanted = node.tree(), plain.tree()
    assert {name for name in there.keys() | wanted.keys() if there.get(name) != wanted.get(name)} == set()
    assert (node.version(), diversions(node)) == ("3", "")
    node.install(packages[2])
    assert node.version() == "2"


def test_it_goes_away_after_qemu_did(node):
    node.must(*GIVE)
    node.must("dpkg", "-r", "pve-qemu-kvm")
    assert node.run("nestpci", "undo", "--yes").returncode == 3
    node.must(*TAKE)
    assert not any("kvm" in name or name.endswith("dpkg.cfg.d/nestpci") for name in node.tree())
    assert diversions(node) == ""


def test_the_hook_cannot_make_dpkg_fail(node, packages):
    node.must(*GIVE)
    for name in ("usr/bin/kvm", "usr/bin/kvm.distrib", "usr/bin/touch"):
        (node.root / name).unlink()
        node.install(packages[2])
    # And nothing is made by it.
    assert not (node.root / "usr/bin/kvm").exists()


def test_a_diversion_that_was_removed_is_put_back_after_an_upgrade(node, packages):
    node.must(*GIVE)
    node.must("dpkg-divert", "--local", "--no-rename", "--remove", "/usr/bin/kvm")
    node.install(packages[3])
    assert node.kvm(*LINE).stdout.splitlines() == list(LINE)
    node.must(*GIVE)
    assert (node.version(), node.kvm(*LINE).stdout.splitlines()) == ("3", RIGHT)
    node.must(*TAKE)
    assert (node.version(), os.readlink(node.root / "usr/bin/kvm")) == ("3", "qemu-system-amd64")
    assert not (node.root / "usr/bin/kvm.distrib").is_symlink()


def test_other_people_s_doings_are_refused_by_name(node):
    node.must("dpkg-divert", "--package", "other", "--no-rename", "--divert", "/usr/bin/kvm.other", "--add", "/usr/bin/kvm")
    before = node.tree()
    for words in (GIVE, TAKE):
        done = node.run(*words)
        assert (done.returncode, "diverted to /usr/bin/kvm.other by package other" in done.stderr) == (3, True), done.stderr
    node.must("dpkg-divert", "--package", "other", "--no-rename", "--remove", "/usr/bin/kvm")
    assert node.tree() == before
    (node.root / "usr/bin/kvm").unlink()
    (node.root / "usr/bin/kvm").write_text("#!/bin/sh\n")
    done = node.run(*GIVE)
    assert (done.returncode, "a file that somebody put there" in done.stderr) == (3, True), done.stderr


def test_dpkg_at_work_is_waited_for(node):
    (node.root / "var/lib/dpkg/lock").touch()
    locker = subprocess.Popen(["python3", "-c", f"""
import fcntl, time
with open({str(node.root / 'var/lib/dpkg/lock')!r}, "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("locked", flush=True)
    time.sleep(60)
"""], stdout=subprocess.PIPE, text=True)
    try:
        assert locker.stdout.readline() == "locked\n"
        before = node.tree()
        done = node.run(*GIVE)
        assert (done.returncode, "dpkg is at work (process " in done.stderr) == (3, True), done.stderr
        assert node.tree() == before
    finally:
        locker.kill()
        locker.wait()
    node.must(*GIVE)


def test_the_file_keeps_what_people_wrote(node):
    (node.root / "etc/nestpci").mkdir()
    conf = node.root / "etc/nestpci/wrapper.conf"
    mine = "# mine\n\nqemu /usr/bin/kvm.distrib\n  vm   101\teim=on # the big one\nvm web  # by name"
    conf.write_text(mine)
    node.must("nestpci", "apply", "--yes", "--wrapper", "101 eim=on")
    assert conf.read_text() == mine
    node.must("nestpci", "apply", "--yes", "--wrapper", "101 aw-bits=39", "--wrapper", "7")
    assert conf.read_text() == mine.replace("  vm   101\teim=on #", "vm 101 aw-bits=39 #") + "\nvm 7\n"
    node.must("nestpci", "apply", "--yes", "--no-wrapper", "101", "--no-wrapper", "7")
    rest = "# mine\n\nqemu /usr/bin/kvm.distrib\nvm web  # by name\n"
    assert conf.read_text() == rest
    # Another VM still needs it.
    assert "kvm.distrib" in diversions(node)
    conf.write_text(rest.replace("vm web", "# vm web"))
    done = node.run(*TAKE)
    assert "wrapper.conf is kept: there is more in it" in done.stderr
    assert (conf.read_text(), diversions(node), node.version()) == (rest.replace("vm web", "# vm web"), "", "1")


def test_a_line_that_would_keep_it_from_acting_is_named(node):
    (node.root / "etc/nestpci").mkdir()
    conf = node.root / "etc/nestpci/wrapper.conf"
    conf.write_text("vm 101 bogus=1\nnonsense\n")
    before = node.tree()
    done = node.run(*GIVE)
    assert (done.returncode, "wrapper.conf, line 2: neither" in done.stderr) == (3, True), done.stderr
    assert node.tree() == before
    conf.write_text("vm 101 bogus=1\n")
    node.must(*GIVE)
    assert conf.read_text() == "vm 101\n"


def test_an_edit_meanwhile_is_not_lost_by_undo(node):
    node.must(*GIVE)
    conf = node.root / "etc/nestpci/wrapper.conf"
    conf.write_text(conf.read_text() + "# mine\n")
    done = node.run("nestpci", "undo", "--yes")
    assert (done.returncode, "+# mine" in done.stderr) == (3, True)
    assert node.kvm(*LINE).stdout.splitlines() == RIGHT
    done = node.run("nestpci", "undo", "--yes", "--keep-edited")
    assert (done.returncode, diversions(node)) == (0, "")
    assert conf.read_text().endswith("# mine\n")


def test_one_start_alone(node):
    before = node.tree()
    node.must("nestpci", "apply", "--yes", "--wrapper-once", "101 eim=on")
    once = node.root / "var/lib/nestpci/once-101"
    assert once.read_text() == "vm 101 eim=on\n"
    # What is no start of this VM does not use it up.
    assert node.version() == "1"
    assert node.kvm("-id", "102", "-machine", "q35").stdout.splitlines() == ["-id", "102", "-machine", "q35"]
    refused = node.kvm("-id", "101", "-machine", "pc")
    assert "is started as it is" in refused.stderr and once.exists()
    assert "intel-iommu,intremap=on,caching-mode=on,eim=on" in node.kvm(*LINE).stdout.splitlines()
    assert not once.exists()
    done = node.kvm(*LINE)
    assert (done.stdout.splitlines(), done.stderr) == (list(LINE), "")
    node.must(*TAKE)
    assert (node.tree(), diversions(node)) == (before, "")


def test_of_many_starts_at_once_one_gets_it(node):
    node.must("nestpci", "apply", "--yes", "--wrapper-once", "101")
    starts = [subprocess.Popen(node.command("/usr/bin/kvm", *LINE), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True) for _ in range(8)]
    lines = [start.communicate(timeout=30)[0].splitlines() for start in starts]
    assert sorted(lines) == sorted([RIGHT] + [list(LINE)] * 7)


def test_what_cannot_be_used_up_is_not_given(node):
    """It would be given at every start."""
    node.must("nestpci", "apply", "--yes", "--wrapper-once", "101")
    read_only = f"mount --bind '{node.root}/var/lib/nestpci' '{node.root}/var/lib/nestpci'; " \
        f"mount -o remount,bind,ro '{node.root}/var/lib/nestpci'; exec \"$@\""
    words = node.command("/usr/bin/kvm", *LINE, prefix=("sh", "-c", read_only, "sh"))
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout.splitlines() == list(LINE)
    assert "Read-only file system" in done.stderr
    assert node.kvm(*LINE).stdout.splitlines() == RIGHT


def test_every_start_includes_the_next(node):
    node.must("nestpci", "apply", "--yes", "--wrapper-once", "101")
    node.must(*GIVE)
    assert not (node.root / "var/lib/nestpci/once-101").exists()
    done = node.run("nestpci", "apply", "--yes", "--wrapper-once", "101")
    assert "names VM 101 already" in done.stderr and "nothing to do" in done.stderr
    for _ in range(2):
        assert node.kvm(*LINE).stdout.splitlines() == RIGHT


@pytest.mark.parametrize("words", [TAKE, ("nestpci", "undo", "--yes")])
def test_a_start_under_way_finds_qemu_when_the_wrapper_goes(node, words):
    """It reads its file from a FIFO here, so that it is held up where it is most in danger."""
    node.must(*GIVE)
    os.mkfifo(node.root / "tmp/fifo")
    start = subprocess.Popen(node.command("/usr/bin/kvm", *LINE, prefix=("env", "NESTPCI_WRAPPER_CONF=/tmp/fifo")),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with open(node.root / "tmp/fifo", "w", encoding="utf-8") as fifo:
        node.must(*words)
        fifo.write("")
    output, errors = start.communicate(timeout=30)
    assert (start.returncode, output.splitlines()) == (0, list(LINE)), errors


def test_at_no_instant_is_there_no_qemu(node):
    """Asked without a pause while the wrapper comes and goes."""
    asked = subprocess.Popen(node.command("sh", "-c", """
while [ ! -e /tmp/stop ]; do
	/usr/bin/kvm --version >/tmp/said 2>&1 || { echo "status $?"; cat /tmp/said; }
	echo asked
done"""), stdout=subprocess.PIPE, text=True)
    for _ in range(10):
        node.must(*GIVE)
        node.must(*TAKE)
    time.sleep(0.1)
    (node.root / "tmp/stop").touch()
    said = asked.communicate(timeout=30)[0].splitlines()
    assert set(said) == {"asked"}, [line for line in said if line != "asked"][:10]
    assert len(said) > 50
