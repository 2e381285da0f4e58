# SPDX-License-Identifier: GPL-2.0-or-later
"""A snapshot shows what the machine showed, is written as asked, and is all that is looked at."""
import json
import os
import pathlib
import random
import re
import shutil
import stat
import subprocess
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
HOSTS = sorted(path for path in HERE.glob("*/hosts/*") if path.is_dir())
NOBODY = 65534


def run(*words, **more):
    return subprocess.run(words, capture_output=True, timeout=60, check=False, **more)


def listed(nestpci, *place, cwd=None):
    """What 'list --json' prints; in problems, the place is taken out: it is another one each time."""
    done = run(nestpci, "list", "--json", *place, cwd=cwd)
    assert done.returncode == 0, done.stderr
    devices = json.loads(done.stdout)
    # Processes come and go between two looks.
    for device in devices:
        device["used_by"] = [use for use in device["used_by"] or [] if use["kind"] not in ("process", "unknown")]
    prefixes = [str(place[1]), str(place[1]) + ":"] if place else []
    for device in devices:
        for prefix in sorted(prefixes, key=len, reverse=True):
            device["problems"] = [text.replace(prefix, "") for text in device["problems"] or []]
            reason = device["passable"]["reason_text"]
            device["passable"]["reason_text"] = reason and reason.replace(prefix, "")
    return devices


def capture(nestpci, *words, **more):
    done = run(nestpci, "capture", *words, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_replays(nestpci, tmp_path, *root):
    for options in ([], ["--keep-private"]):
        snapshot = tmp_path / "machine.snap"
        snapshot.write_bytes(capture(nestpci, *options, *root))
        before = listed(nestpci, *root)
        after = listed(nestpci, "--snapshot", snapshot)
        for device in before + after:
            device["problems"] = device["problems"] or []
        assert after == before


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: f"{host.parent.parent.name}-{host.name}")
def test_a_snapshot_lists_what_its_machine_lists(nestpci, tmp_path, host):
    assert_replays(nestpci, tmp_path, "--root", host)


def test_a_snapshot_of_this_machine_lists_what_it_lists(nestpci, tmp_path):
    devices = pathlib.Path("/sys/bus/pci/devices")
    if not devices.is_dir() or not any(devices.iterdir()):
        pytest.skip("no PCI devices here")
    assert_replays(nestpci, tmp_path)


# What can stand where a line of text should be.
CONTENTS = [b"0x8086\n", b"0x8086", b"", b"\n", b"0x1b36 \n", b" 0x1b36\n", b"two\nlines\n", b"\t\n", b"NUL\0here\n", b"\xff\xfe\n",
            b"words\0words\0", bytes(range(256)), b"\x1b[31mred\n", "gr\u00fcn\n".encode(), "\u009b31m\n".encode(), b"\\x41\n",
            b"trailing \n\n", b"a" * 70000 + b"\n", b"\0" * 5000, b"-\n", b"# no comment\n", b"[/sys]\n"]
NAMES = ["class", "vendor", "device", "subsystem_vendor", "subsystem_device", "revision", "boot_vga", "driver",
         "iommu_group", "secondary_bus_number"]
TARGETS = ["../../../../kernel/iommu_groups/5", "../drivers/e1000e", "/etc/passwd", "self", "nowhere", "../../../../../../x",
           "with blank", "%41", "-", "! EACCES", "?", "gr\u00fcn", "..", "/"]


def make_machine(root, seed):
    """A machine whose attributes are anything at all."""
    chance = random.Random(seed)
    devices = root / "sys/bus/pci/devices"
    devices.mkdir(parents=True)
    for number in range(chance.randrange(1, 6)):
        device = devices / f"0000:{number:02x}:00.0"
        device.mkdir()
        for name in NAMES:
            kind = chance.randrange(10)
            if kind < 5:
                (device / name).write_bytes(chance.choice(CONTENTS))
            elif kind < 8:
                (device / name).symlink_to(chance.choice([*TARGETS, name]))
            elif kind == 8:
                (device / name).mkdir()
            elif chance.randrange(4) == 0:
                os.mkfifo(device / name)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_stands_in_a_machine_is_replayed(nestpci, tmp_path, seed):
    make_machine(tmp_path / "root", seed)
    assert_replays(nestpci, tmp_path, "--root", tmp_path / "root")


def test_the_same_machine_gives_the_same_snapshot(nestpci):
    first, second = (capture(nestpci, "--root", HERE / "capture/hosts/private") for _ in range(2))
    assert first == second


def test_nothing_private_is_in_a_snapshot(nestpci):
    text = capture(nestpci, "--root", HERE / "capture/hosts/private").decode()
    kept = capture(nestpci, "--keep-private", "--root", HERE / "capture/hosts/private").decode()
    for word in ("S1234", "payroll", "example.com", "12345678-9abc", "10.20.30.41", "01021E0A"):
        assert word in kept
        assert word not in text


def opened_files(log):
    """The paths that were opened after the program was started."""
    lines = log.read_text().splitlines()
    assert any("execve(" in line for line in lines)
    calls = [line for line in lines if re.search(r"\b(open|openat|openat2|creat)\(", line)]
    return [re.search(r'"([^"]*)"', line).group(1) for line in calls if " = -1 " not in line]


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace")
@pytest.mark.parametrize("snapshot, wanted", [
    ("hosts/two-devices.snap", [".", "two-devices.snap"]),
    ("hosts/no-group.snap", [".", "no-group.snap", "two-devices.snap"]),
    ("links/host.snap", [".", "host.snap"]),
    ("hostile-base/host.snap", [".", "host.snap"]),
    ("base-is-a-link/host.snap", [".", "host.snap"]),
    ("cycle/host.snap", [".", "host.snap", "other.snap", "host.snap"]),
])
def test_nothing_is_opened_but_the_snapshot_and_its_bases(nestpci, tmp_path, snapshot, wanted):
    """By what the kernel saw: every way to a file, not only the one that we use."""
    log = tmp_path / "log"
    place = HERE / "capture" / snapshot
    calls = "execve,open,openat,openat2,creat,readlink,readlinkat,stat,lstat,newfstatat,statx,access,faccessat,faccessat2"
    run("strace", "-f", "-o", log, "-e", f"trace={calls}", nestpci, "list", "--snapshot", place.name, cwd=place.parent)
    assert opened_files(log) == wanted
    others = [line for line in log.read_text().splitlines()
              if re.search(r'\b(readlink|readlinkat|stat|lstat|newfstatat|statx|access|faccessat2?)\([^"]*"[^"]', line)]
    # A static program asks for itself when it starts.
    assert [line for line in others if "/proc/self/exe" not in line] == []


def test_writes_a_file_that_is_its_owners(nestpci, tmp_path):
    path = tmp_path / "machine.snap"
    root = ["--root", HERE / "list/hosts/workstation"]
    assert capture(nestpci, *root, path) == b""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = path.read_bytes()
    assert first.startswith(b"nestpci snapshot 1\n") and first == capture(nestpci, *root, "-")
    path.write_bytes(b"mine")
    done = run(nestpci, "capture", *root, path)
    assert (done.returncode, path.read_bytes()) == (3, b"mine")
    assert b"is there already; --force overwrites it" in done.stderr
    capture(nestpci, "--force", *root, path)
    assert path.read_bytes() == first
    assert os.listdir(tmp_path) == ["machine.snap"]


def test_a_link_in_the_way_is_not_followed(nestpci, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    done = run(nestpci, "capture", "--root", HERE / "list/hosts/workstation", tmp_path / "link")
    assert done.returncode == 3
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_cannot_be_written_to_is_a_failure(nestpci, tmp_path):
    done = run(nestpci, "capture", "--root", HERE / "list/hosts/workstation", tmp_path / "none" / "machine.snap")
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"No such file or directory" in done.stderr


def test_an_ordinary_user_is_told_what_root_would_add(nestpci):
    more = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    # Neither the tree nor pytest's folders need to be open to everybody.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(nestpci, folder)
        done = subprocess.run([program, "capture"], capture_output=True, timeout=60, check=False, cwd="/", **more)
    assert done.returncode == 0
    assert b"only root is shown capabilities of devices" in done.stderr
    assert b"# Made by an ordinary user: root would have been shown more.\n" in done.stdout


def test_a_snapshot_of_a_snapshot_is_not_made(nestpci):
    done = run(nestpci, "capture", "--snapshot", "x.snap")
    assert done.returncode == 2
    assert b"unknown option '--snapshot'" in done.stderr
