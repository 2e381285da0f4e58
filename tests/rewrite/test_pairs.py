# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of the real `qm showcmd`, where they are at hand beside the tree: what a rewrite of NAME.plain gives is
NAME.intel, word by word, the VM's name apart."""
import pathlib
import shlex
import subprocess

import pytest

DATA = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"
PAIRS = sorted((DATA / "qm" / "pairs-9.2.6").glob("*.plain"))
NATIVE = sorted((DATA / "qm" / "pairs-9.2.6").glob("*.intel"))
COMMANDS = sorted(DATA.glob("qm/captures-*/*.showcmd.out")) + sorted(DATA.glob("qemu-server/*.cmd"))

# Its `args:` bring an intel-iommu of their own, behind the devices: the native line then has two, which QEMU refuses
# ("QEMU does not support multiple vIOMMUs for x86 yet."). The rewrite makes one of them.
TWO_VIOMMUS = ("vm105-",)


def name(path):
    """A test's name: for no file at all, pytest asks with something that is no path."""
    return f"{path.parent.name}-{path.name}" if isinstance(path, pathlib.Path) else "none"


needs_data = pytest.mark.skipif(not PAIRS, reason="the captured lines are not at hand")


def rewrite(nestpci, text):
    return subprocess.run([nestpci, "rewrite", "--shell", "-"], input=text, capture_output=True, text=True, check=False)


def words(text):
    return shlex.split(text.strip().splitlines()[-1] if "\\\n" not in text else text)


@needs_data
@pytest.mark.parametrize("plain", PAIRS, ids=name)
def test_the_rewrite_equals_the_native_line(nestpci, plain):
    run = rewrite(nestpci, plain.read_text())
    assert run.returncode == 0, run.stderr
    got = [word.replace("-plain", "-intel") for word in words(run.stdout)]
    native = words(plain.with_suffix(".intel").read_text())
    if plain.name.startswith(TWO_VIOMMUS):
        assert sum(word.startswith("intel-iommu") for word in native) == 2
        assert [word for word in got if word.startswith("intel-iommu")] == [
            "intel-iommu,intremap=on,caching-mode=on,device-iotlb=on"]
        return
    assert got == native


@needs_data
@pytest.mark.parametrize("native", NATIVE, ids=name)
def test_a_native_line_needs_nothing(nestpci, native):
    text = native.read_text()
    run = rewrite(nestpci, text)
    assert run.returncode == 0, run.stderr
    if native.name.startswith(TWO_VIOMMUS):
        assert "a second intel-iommu removed" in run.stderr
        return
    assert run.stdout == text


@needs_data
@pytest.mark.parametrize("command", COMMANDS, ids=name)
def test_every_captured_line_is_taken_or_refused_with_a_reason(nestpci, command):
    run = rewrite(nestpci, command.read_text())
    if run.returncode == 0:
        again = rewrite(nestpci, run.stdout)
        assert again.stdout == run.stdout, "doing it twice changes something"
        assert sum(word.startswith("intel-iommu") for word in words(run.stdout)) == 1
        return
    assert run.stdout == ""
    if run.returncode == 2:
        assert not command.read_text().strip() or "none of the" in run.stderr or "input is empty" in run.stderr
        return
    assert run.returncode == 3
    assert "refused: " in run.stderr
