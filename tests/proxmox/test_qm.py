# SPDX-License-Identifier: GPL-2.0-or-later
"""What `qm` prints of configurations, `vm show --config` and `--pending` print byte for byte.

Of what the real one printed, where that is at hand beside the tree: folders called captures-RELEASE; of each VM there are
ID.conf and ID.config.out, perhaps ID.pending.out, ID.current.out and ID.SNAPSHOT.snapshot.out. And of configurations/,
which are our own, in what the releases differ: expected-RELEASE has all that is printed of them. NESTPCI_REGENERATE=1
writes these anew."""
import json
import os
import pathlib
import subprocess

import pytest

DATA = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" / "qm"
CAPTURES = sorted(DATA.glob("captures-*"))
CONFIGURATIONS = [path for folder in CAPTURES for path in sorted(folder.glob("*.conf"))]
NODE = "pve1"

needs_data = pytest.mark.skipif(not CONFIGURATIONS, reason="the captures of qm are not at hand")


def name(path):
    """A test's name: for no file at all, pytest asks with something that is no path."""
    return f"{path.parent.name}-{path.stem}" if isinstance(path, pathlib.Path) else "none"


HERE = pathlib.Path(__file__).resolve().parent
OWN = sorted((HERE / "configurations").glob("*.conf"))
EXPECTED = sorted(HERE.glob("expected-*"))
ASPECTS = {
    "config": ["--config"],
    "config --current": ["--config", "--current"],
    "config --snapshot snap1": ["--config", "--of-snapshot", "snap1"],
    "pending": ["--pending"],
}


def make_node(root, release, configurations):
    """A Proxmox VE node with that qemu-server, on which nothing runs."""
    folder = root / "etc/pve/nodes" / NODE / "qemu-server"
    folder.mkdir(parents=True)
    (root / "proc").mkdir()
    (root / "etc/pve/local").symlink_to(f"nodes/{NODE}")
    for path in configurations:
        (folder / path.name).write_bytes(path.read_bytes())
    status = root / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(f"Package: qemu-server\nStatus: install ok installed\nVersion: {release}\n\n"
                      f"Package: pve-manager\nStatus: install ok installed\nVersion: {release}\n")
    return root


def release_of(folder):
    return folder.name.removeprefix("captures-")


def run(nestpci, *words):
    return subprocess.run([nestpci, "vm", *words], capture_output=True, check=False)


@needs_data
@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=name)
def test_it_is_what_qm_printed(nestpci, configuration, tmp_path):
    root = make_node(tmp_path, release_of(configuration.parent), [configuration])
    number = configuration.stem
    wanted = {(): configuration.with_suffix(".config.out")}
    wanted[("--current",)] = configuration.with_suffix(".current.out")
    for path in configuration.parent.glob(f"{number}.*.snapshot.out"):
        wanted[("--of-snapshot", path.name.split(".")[1])] = path
    for words, path in wanted.items():
        if not path.exists():
            continue
        done = run(nestpci, "show", "--config", *words, "--root", root, number)
        assert done.stdout == path.read_bytes()
        assert done.returncode == (0 if done.stdout else 3), done.stderr
    pending = configuration.with_suffix(".pending.out")
    if pending.exists():
        done = run(nestpci, "show", "--pending", "--root", root, number)
        assert (done.returncode, done.stdout) == (0, pending.read_bytes())


def rows_of(text):
    """(id, name, state, MiB) of each line behind the heading; a name can be longer than its column."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return [(row[0], " ".join(row[1:-4]), row[-4], int(row[-3])) for row in rows]


@needs_data
@pytest.mark.parametrize("folder", CAPTURES, ids=lambda path: getattr(path, "name", "none"))
def test_it_lists_what_qm_listed(nestpci, folder, tmp_path):
    wanted = folder / "list.out"
    if not wanted.exists():
        pytest.skip("no list was captured")
    root = make_node(tmp_path, release_of(folder), sorted(folder.glob("*.conf")))
    done = run(nestpci, "list", "--json", "--root", root)
    assert done.returncode == 0, done.stderr
    got = [(vm["id"], vm["name"] or f"VM {vm['id']}", vm["state"], vm["in_force"]["memory_mib"])
           for vm in json.loads(done.stdout)]
    assert got == rows_of(wanted.read_text())


def transcript(nestpci, root):
    """All that is printed of our own configurations, or why nothing is."""
    text = ""
    for path in OWN:
        for aspect, words in ASPECTS.items():
            done = run(nestpci, "show", *words, "--root", root, path.stem)
            assert done.returncode in (0, 3)
            if b"there is no snapshot" not in done.stderr:
                text += f"== {path.stem}: {aspect}\n" + (done.stdout + done.stderr).decode()
    return text


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.name)
def test_releases_differ_as_they_do(nestpci, expected, tmp_path):
    got = transcript(nestpci, make_node(tmp_path, expected.name.removeprefix("expected-"), OWN))
    if os.environ.get("NESTPCI_REGENERATE") == "1":
        expected.write_text(got)
    assert got == expected.read_text()
