# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab, for real: emulated machines in each other, real kernels, real VFIO, real I/O."""
import json
import os
import signal
import subprocess
import time

import pytest


@pytest.fixture
def lab(nestpci, build, tmp_path):
    """Runs the lab; progress goes to the terminal, the result comes back. Nothing may be left behind."""

    def run(*options, status=0, timeout=900):
        env = dict(os.environ, TMPDIR=str(tmp_path))
        done = subprocess.run([nestpci, "lab", "run", "--json", "--cache", build / "lab", *options],
                              stdout=subprocess.PIPE, env=env, timeout=timeout, check=False)
        assert done.returncode == status, done.stdout.decode()
        if status == 0:
            assert not list(tmp_path.glob("nestpci-lab-*")), "the run's folder is still there"
        return json.loads(done.stdout)

    return run


def rows(result, level):
    return [row for row in result["device"] if row["level"] == level]


@pytest.mark.lab
def test_two_levels(lab):
    result = lab("--levels", "2")
    assert result["verdict"] == "proved"
    assert [row["driver"] for row in rows(result, 1)] == ["nvme -> vfio-pci"]
    assert [row["driver"] for row in rows(result, 2)] == ["nvme"]
    assert rows(result, 1)[0]["group"] not in ("-", None)


@pytest.mark.lab
def test_two_levels_without_a_viommu(lab):
    result = lab("--levels", "2", "--without", "viommu")
    assert result["verdict"] == "failed as predicted"
    assert "no IOMMU group" in result["facts"][0]
    assert not rows(result, 2)


@pytest.mark.labfull
def test_three_levels(lab):
    result = lab()
    assert result["verdict"] == "proved"
    for level in (0, 1):
        assert [row["driver"] for row in rows(result, level)] == ["nvme -> vfio-pci"]
    assert [row["driver"] for row in rows(result, 2)] == ["nvme"]
    assert len({row["ids"] for row in result["device"]}) == 1


@pytest.mark.labfull
def test_two_functions_of_one_group(lab):
    result = lab("--device", "gpu-like")
    assert result["verdict"] == "proved"
    for level in (0, 1):
        functions = rows(result, level)
        assert len(functions) == 2
        assert len({row["group"] for row in functions}) == 1
    assert len(rows(result, 2)) == 2


@pytest.mark.labfull
@pytest.mark.parametrize("options, fact", [
    (["--without", "viommu"], "L1: nestpci: bind 0000:01:00.0: device has no IOMMU group"),
    (["--without", "caching-mode"], "caching-mode=on"),
    (["--without", "irqchip"], "Interrupt Remapping cannot work with kernel-irqchip=on"),
    (["--misplace", "viommu"], "DMAR: [DMA Write"),
])
def test_faults_fail_as_predicted(lab, options, fact):
    result = lab(*options)
    assert result["verdict"] == "failed as predicted"
    assert fact in result["facts"][0]
    assert not rows(result, 2)


@pytest.mark.lab
def test_time_is_limited_and_logs_are_kept(lab):
    result = lab("--levels", "2", "--timeout", "3", status=1)
    assert result["verdict"] == "failed"
    assert "not done after 3 s" in result["reason"]
    assert os.path.exists(f"{result['logs']}/console.log")
    assert not os.path.exists(f"{result['logs']}/disk0.img")


@pytest.mark.lab
def test_keep(lab, tmp_path):
    result = lab("--levels", "2", "--keep", str(tmp_path / "kept"))
    assert result["logs"] == str(tmp_path / "kept")
    disk = (tmp_path / "kept" / "disk0.img").read_bytes()
    nonce = disk[:78].decode().removeprefix("nestpci nonce ").strip()
    assert disk[4096:].startswith(f"nestpci answer {nonce[::-1]} level 2\n".encode())


def processes_with(text):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
                if text.encode() in cmdline.read():
                    found.append(pid)
        except OSError:
            pass
    return found


@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing(nestpci, build, tmp_path, number):
    env = dict(os.environ, TMPDIR=str(tmp_path))
    with subprocess.Popen([nestpci, "lab", "run", "--levels", "2", "--cache", build / "lab"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True) as run:
        for _ in range(600):
            if processes_with(f"file={tmp_path}"):
                break
            time.sleep(0.1)
        else:
            pytest.fail("no QEMU has been started")
        time.sleep(1)
        run.send_signal(number)
        _, said = run.communicate(timeout=20)
    assert run.returncode == 3
    assert "nestpci: lab: interrupted" in said
    assert not processes_with(str(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.lab
def test_killed_it_leaves_no_process(nestpci, build, tmp_path):
    env = dict(os.environ, TMPDIR=str(tmp_path))
    with subprocess.Popen([nestpci, "lab", "run", "--levels", "2", "--cache", build / "lab"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env) as run:
        for _ in range(600):
            if processes_with(f"file={tmp_path}"):
                break
            time.sleep(0.1)
        run.kill()
    for _ in range(50):
        if not processes_with(f"file={tmp_path}"):
            return
        time.sleep(0.1)
    pytest.fail("QEMU outlives the lab")


@pytest.fixture
def small(tmp_path):
    """A file system of one mebibyte."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False).returncode != 0:
        pytest.skip("a tmpfs cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.lab
def test_a_full_disk_is_said(nestpci, build, small):
    env = dict(os.environ, TMPDIR=str(small))
    run = subprocess.run([nestpci, "lab", "run", "--levels", "2", "--cache", build / "lab"], env=env,
                         capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 3
    assert "No space left on device" in run.stderr
    assert "disk0.img" in run.stderr
    assert not list(small.iterdir())


@pytest.mark.lab
def test_a_full_cache_is_said(nestpci, small):
    run = subprocess.run([nestpci, "lab", "run", "--levels", "2", "--cache", small / "cache"],
                         capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 3
    assert "No space left on device" in run.stderr or "enough free space" in run.stderr, run.stderr


@pytest.mark.lab
def test_no_qemu_is_said(nestpci, build, tmp_path):
    """PATH has all but QEMU."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for folder in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for program in os.scandir(folder):
            if not program.name.startswith("qemu-") and not (programs / program.name).exists():
                (programs / program.name).symlink_to(program.path)
    run = subprocess.run([nestpci, "lab", "run", "--cache", build / "lab"], env={"PATH": str(programs)},
                         capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 3
    assert "qemu-system-x86_64 not found in PATH; install QEMU" in run.stderr
