# SPDX-License-Identifier: GPL-2.0-or-later
"""A device that is vfio-pci's from boot on: what is planned on a running system, and what the script of it does."""
import os
import shutil
import subprocess

import pytest

ADDRESS = "0000:01:00.0"
DEVICE = f"sys/devices/pci0000:00/0000:00:01.0/{ADDRESS}"
SCRIPT = "etc/initramfs-tools/scripts/init-top/00nestpci"


def can_enter():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0


pytestmark = pytest.mark.skipif(not can_enter(), reason="a system of its own needs root and mount namespaces")


@pytest.fixture
def live(system):
    """The tree as the running system: its own sysfs, and a /proc."""
    root = system.root
    for folder in ("proc", "dev", "run", "sys/bus/pci/devices", "sys/bus/pci/drivers/nvme",
                   "sys/kernel/iommu_groups/7/devices", "sys/class/iommu/dmar0", "etc/initramfs-tools"):
        (root / folder).mkdir(parents=True)
    for name, value in {"vendor": "0x144d", "device": "0xa808", "subsystem_vendor": "0x144d", "class": "0x010802",
                        "subsystem_device": "0xa801", "revision": "0x00", "driver_override": "(null)"}.items():
        system.put(f"{DEVICE}/{name}", value + "\n")
    (root / DEVICE / "config").write_bytes(bytes(64))
    (root / "sys/bus/pci/devices" / ADDRESS).symlink_to(f"../../../../{DEVICE}")
    (root / DEVICE / "iommu_group").symlink_to("../../../../kernel/iommu_groups/7")
    (root / "sys/kernel/iommu_groups/7/devices" / ADDRESS).symlink_to(f"../../../../../{DEVICE}")
    shutil.copy(system.nestpci, root / "nestpci")
    return system


def plan(live, *words):
    inside = f'mount -t proc proc "{live.root}/proc" && exec /usr/sbin/chroot "{live.root}" /nestpci plan "$@"'
    return subprocess.run(["unshare", "-m", "sh", "-c", inside, "sh", *words], capture_output=True, text=True,
                          check=False, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


def script_of(live):
    """The script as the plan has it, of this tree's /sys."""
    done = plan(live, "--bind-at-boot", ADDRESS)
    assert done.returncode == 0, done.stderr
    assert f"# /{SCRIPT}: permissions 0755" in done.stdout
    assert done.stdout.index(SCRIPT) < done.stdout.index("\n+vfio-pci\n") < done.stdout.index("\nupdate-initramfs -u -k all")
    lines = done.stdout.split(f"+++ /{SCRIPT}\n")[1].split("\n# ")[0].splitlines()[1:]
    text = "\n".join(line[1:] for line in lines) + "\n"
    return text.replace("/sys/", f"{live.root}/sys/").replace("/dev/kmsg", f"{live.here}/kmsg")


def run_script(text, *words):
    return subprocess.run(["sh", "-c", text, "sh", *words], capture_output=True, text=True, check=True)


def test_the_script_overrides_and_unbinds(live):
    text = script_of(live)
    assert run_script(text, "prereqs").stdout == "\n"
    assert (live.root / DEVICE / "driver_override").read_text() == "(null)\n"
    run_script(text)
    assert (live.root / DEVICE / "driver_override").read_text() == "vfio-pci\n"
    (live.root / DEVICE / "driver").mkdir()
    run_script(text)
    assert (live.root / DEVICE / "driver/unbind").read_text() == f"{ADDRESS}\n"
    assert not (live.here / "kmsg").exists()
    # A vfio-pci that is part of the kernel is there already, and takes the device only when it is asked again.
    assert (live.root / "sys/bus/pci/drivers_probe").read_text() == f"{ADDRESS}\n"


def test_the_script_takes_no_device_from_vfio_pci(live):
    text = script_of(live)
    (live.root / DEVICE / "driver").mkdir()
    (live.root / "sys/bus/pci/drivers/vfio-pci" / ADDRESS).mkdir(parents=True)
    run_script(text)
    assert (live.root / DEVICE / "driver_override").read_text() == "vfio-pci\n"
    assert not (live.root / DEVICE / "driver/unbind").exists()


@pytest.mark.parametrize("name, value", [("device", "0xa809\n"), ("subsystem_vendor", None)])
def test_the_script_leaves_another_device_alone(live, name, value):
    text = script_of(live)
    attribute = live.root / DEVICE / name
    attribute.unlink()
    if value:
        attribute.write_text(value)
    run_script(text)
    assert (live.root / DEVICE / "driver_override").read_text() == "(null)\n"
    assert "left alone" in (live.here / "kmsg").read_text()


def test_other_makers_of_an_initramfs_are_refused_with_advice(live):
    (live.root / "usr/sbin/update-initramfs").unlink()
    done = plan(live, "--bind-at-boot", ADDRESS)
    assert (done.returncode, "pre-udev hook" in done.stderr) == (3, True)


def test_a_device_that_is_not_there_is_refused(live):
    done = plan(live, "--bind-at-boot", "0000:09:00.0")
    assert (done.returncode, "there is no PCI device" in done.stderr) == (3, True)
